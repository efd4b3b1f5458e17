//! The jail: what a child gives up before it reads what others wrote, and what it gives up after that.
//!
//! | when | given up |
//! |---|---|
//! | [`enter`], one thread | user, capabilities, mounts, network, processes, file system |
//! | [`close`], all threads there | further processes, threads, files; system calls that a guest does not take |
//! | [`lock`], code loaded | further machine code |

#[cfg(target_os = "linux")]
mod landlock;
#[cfg(unix)]
mod limits;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod privileges;
#[cfg(target_os = "linux")]
mod seccomp;

use crate::protocol::{Purpose, Setup};
use crate::report::{Measure, Status};

/// Gives up what one thread can give up for the whole process. Returns in the process that goes on: with process
/// namespaces that is another one.
#[cfg(target_os = "linux")]
pub(crate) fn enter(setup: &Setup) -> std::io::Result<Vec<(Measure, Status)>> {
    let wanted = |measure, enter: &dyn Fn() -> std::io::Result<Status>| {
        if setup.skip.contains(&measure) {
            Ok(Status::off("switched off"))
        } else {
            enter()
        }
    };
    privileges::be_first_to_go();
    let namespaces = wanted(Measure::Namespaces, &|| namespaces::enter(setup.parent))?;
    let privileges = wanted(Measure::Privileges, &|| Ok(privileges::drop_all()))?;
    let landlock = wanted(Measure::Landlock, &|| Ok(landlock::enter()))?;
    privileges::end_with_parent(setup.parent)?;
    Ok(vec![
        (
            Measure::Process,
            Status::on("each batch and each compilation in a process of its own"),
        ),
        (Measure::Privileges, privileges),
        (Measure::Namespaces, namespaces),
        (Measure::Landlock, landlock),
    ])
}

/// Gives up what only a process can give up whose threads are all there.
#[cfg(target_os = "linux")]
pub(crate) fn close(setup: &Setup) -> Vec<(Measure, Status)> {
    let stage = match setup.purpose {
        Purpose::Compile(_) => seccomp::Stage::Compile,
        Purpose::Run(_) | Purpose::Probe => seccomp::Stage::Load,
    };
    let wanted = |measure, enter: &dyn Fn() -> Status| match setup.skip.contains(&measure) {
        true => (measure, Status::off("switched off")),
        false => (measure, enter()),
    };
    vec![
        wanted(Measure::Limits, &|| limits::set(setup)),
        wanted(Measure::Seccomp, &|| seccomp::install(stage)),
    ]
}

/// Gives up new machine code. A child that cannot does not go on where it could close before.
#[cfg(target_os = "linux")]
pub(crate) fn lock(closed: &[(Measure, Status)]) -> Result<(), String> {
    let has_seccomp =
        |(measure, status): &(Measure, Status)| *measure == Measure::Seccomp && status.in_force;
    if !closed.iter().any(has_seccomp) {
        return Ok(());
    }
    let locked = seccomp::install(seccomp::Stage::Run);
    match locked.in_force {
        true => Ok(()),
        false => Err(format!("its code cannot be locked: {}", locked.detail)),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn enter(_: &Setup) -> std::io::Result<Vec<(Measure, Status)>> {
    Ok(vec![(
        Measure::Process,
        Status::on("each batch in a process of its own; this system has no other measure yet"),
    )])
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn close(setup: &Setup) -> Vec<(Measure, Status)> {
    vec![(Measure::Limits, limits::set(setup))]
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn lock(_: &[(Measure, Status)]) -> Result<(), String> {
    Ok(())
}
