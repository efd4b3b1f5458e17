//! Linux: `/proc`, `/sys`, terminals, D-Bus, X11 and Wayland.
//!
//! Each folder and socket is given, so that a recorded machine is read as this one is.

mod dbus;
mod login;
mod proc;
mod sys;
mod terminals;
mod wayland;
mod x11;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use crate::{
    clock::Clock,
    policy::Policy,
    sensor::{Kin, Sensor},
};

pub use dbus::{Arg, Bus, BusError};
pub use login::{Gnome, Login, Network};
pub use proc::{Load, Memory, Programs};
pub use sys::{PowerSupply, Temperature};
pub use terminals::Terminals;
pub use wayland::Wayland;
pub use x11::X11;

/// Where a machine is read.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
    /// The root of the process tree whose CPU time and memory are ours.
    pub pid: u32,
    /// Socket of the system's bus.
    pub system_bus: PathBuf,
    /// Socket of the session's bus, where there is a session.
    pub session_bus: Option<PathBuf>,
    /// Socket of the Wayland compositor, where there is one.
    pub wayland: Option<PathBuf>,
    /// The X11 display, where there is one.
    pub display: Option<String>,
    /// The file with the display's cookies.
    pub authority: Option<PathBuf>,
}

impl Default for Roots {
    /// This process on this machine.
    fn default() -> Self {
        let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let runtime = from("XDG_RUNTIME_DIR").map(PathBuf::from);
        let session = from("DBUS_SESSION_BUS_ADDRESS")
            .and_then(|address| socket(&address))
            .or_else(|| Some(runtime.clone()?.join("bus")).filter(|path| path.exists()));
        // An absolute name replaces the folder.
        let wayland =
            from("WAYLAND_DISPLAY").and_then(|name| match Path::new(&name).is_absolute() {
                true => Some(PathBuf::from(name)),
                false => Some(runtime?.join(name)),
            });
        Self {
            proc: "/proc".into(),
            sys: "/sys".into(),
            dev: "/dev".into(),
            pid: std::process::id(),
            system_bus: from("DBUS_SYSTEM_BUS_ADDRESS")
                .and_then(|address| socket(&address))
                .unwrap_or_else(|| "/run/dbus/system_bus_socket".into()),
            session_bus: session,
            wayland,
            display: from("DISPLAY").and_then(|display| display.into_string().ok()),
            authority: from("XAUTHORITY")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(from("HOME")?).join(".Xauthority"))),
        }
    }
}

/// The path in a D-Bus address such as `unix:path=/run/user/1000/bus,guid=…`.
fn socket(address: &OsString) -> Option<PathBuf> {
    let address = address.to_str()?;
    let parts = address
        .split(';')
        .find_map(|one| one.strip_prefix("unix:"))?;
    let path = parts
        .split(',')
        .find_map(|part| part.strip_prefix("path="))?;
    Some(path.into())
}

/// The sensors of a machine.
pub(crate) fn sensors(roots: &Roots, policy: &Policy, kin: &Kin) -> Vec<Box<dyn Sensor>> {
    let mut sensors: Vec<Box<dyn Sensor>> = vec![
        Box::new(Login::new(&roots.system_bus)),
        Box::new(Terminals::new(&roots.dev)),
        Box::new(Load::new(&roots.proc, roots.pid, kin.clone())),
        Box::new(Memory::new(&roots.proc, roots.pid, kin.clone())),
        Box::new(PowerSupply::new(&roots.sys)),
        Box::new(Temperature::new(&roots.sys)),
        Box::new(Network::new(&roots.system_bus)),
        Box::new(Clock),
    ];
    if let Some(display) = &roots.display {
        sensors.push(Box::new(X11::new(display, roots.authority.as_deref())));
    }
    if let Some(path) = &roots.wayland {
        sensors.push(Box::new(Wayland::new(path)));
    }
    if let Some(path) = &roots.session_bus {
        sensors.push(Box::new(Gnome::new(path)));
    }
    if !policy.exclusive.is_empty() {
        sensors.push(Box::new(Programs::new(&roots.proc, &policy.exclusive)));
    }
    sensors
}

/// Reads a small file; the error names it.
fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The entries of a folder that are there on first sight.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_found_in_an_address() {
        let found = |text: &str| socket(&text.into());
        let bus = Some(PathBuf::from("/run/user/1000/bus"));
        assert_eq!(found("unix:path=/run/user/1000/bus"), bus);
        assert_eq!(
            found("tcp:host=a,port=1;unix:guid=2,path=/run/user/1000/bus"),
            bus
        );
        assert_eq!(found("unix:abstract=/tmp/dbus"), None);
        assert_eq!(found("tcp:host=localhost"), None);
    }
}
