//! Users and capabilities.

use crate::report::Status;
use crate::sys::check;
use std::{io, ptr};

/// The user that owns nothing.
pub(super) const NOBODY: u32 = 65_534;

/// Of all processes the system ends this one first when memory runs out, not the owner's. Without `/proc` it does not
/// know; that protects nobody less from guests.
pub(super) fn be_first_to_go() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

pub(super) fn is_root() -> bool {
    // SAFETY: takes and touches nothing.
    unsafe { libc::geteuid() == 0 }
}

/// Becomes the user that owns nothing; for root only.
pub(super) fn become_nobody() -> io::Result<()> {
    // SAFETY: no list of groups is read when its length is zero; the others take numbers only.
    unsafe {
        check(libc::setgroups(0, ptr::null()))?;
        check(libc::setresgid(NOBODY, NOBODY, NOBODY))?;
        check(libc::setresuid(NOBODY, NOBODY, NOBODY))?;
    }
    Ok(())
}

pub(super) fn set(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: these options take numbers only.
    check(unsafe { libc::prctl(option, value, NONE, NONE, NONE) })?;
    Ok(())
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

/// Version 3 of the interface: two words of each set.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

fn drop_capabilities() -> io::Result<()> {
    let header = CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let none = [0u32; 6];
    // SAFETY: both are laid out as version 3 says and outlive the call.
    let dropped = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    match dropped {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has the process end with its parent. After the last change of users, which would undo it.
pub(super) fn end_with_parent(parent: u32) -> io::Result<()> {
    set(libc::PR_SET_PDEATHSIG, libc::SIGKILL as _)?;
    // SAFETY: takes and touches nothing. Behind a fork into another process namespace the parent has no number; that
    // parent looks after itself.
    match unsafe { libc::getppid() } as u32 {
        0 => Ok(()),
        now if now == parent => Ok(()),
        _ => Err(io::Error::other("the parent has ended")),
    }
}

/// Gives up every privilege and the means to get new ones, and is no debugger's prey.
pub(super) fn drop_all() -> Status {
    let mut missing = Vec::new();
    let mut note = |what: &str, done: io::Result<()>| {
        if let Err(error) = done {
            missing.push(format!("{what} ({error})"));
        }
    };
    if is_root() {
        note("another user than root", become_nobody());
    }
    note("no new privileges", set(libc::PR_SET_NO_NEW_PRIVS, 1));
    // Older kernels have no ambient capabilities to clear.
    let _ = set(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as _);
    note("no capabilities", drop_capabilities());
    note("no dumps", set(libc::PR_SET_DUMPABLE, 0));
    if missing.is_empty() {
        Status::on("no capability, none to be gained; not root; not to be traced")
    } else {
        Status::off(format!("not to be had: {}", missing.join(", ")))
    }
}
