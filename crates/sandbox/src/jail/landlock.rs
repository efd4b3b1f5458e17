//! Landlock: no file, no TCP, no signal and no abstract socket to whom is outside. A set of rules without a rule.

use super::privileges;
use crate::report::Status;
use crate::sys::check;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What a set of rules handles, hence denies. Older kernels know a shorter structure.
#[repr(C)]
struct Attributes {
    files: u64,
    network: u64,
    scopes: u64,
}

/// Asks for the version of the interface.
const VERSION: usize = 1;

/// Rights on files by version of the interface: 13, then moving between folders, truncating, commands to devices.
fn file_rights(version: i64) -> u64 {
    match version {
        1 => (1 << 13) - 1,
        2 => (1 << 14) - 1,
        3 | 4 => (1 << 15) - 1,
        _ => (1 << 16) - 1,
    }
}

pub(super) fn enter() -> Status {
    // SAFETY: without attributes and with this flag the system returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<Attributes>(),
            0usize,
            VERSION,
        )
    };
    if version < 1 {
        let error = io::Error::last_os_error();
        return Status::off(format!("the kernel has no Landlock, or not now ({error})"));
    }
    match restrict(version) {
        Ok(()) if version >= 6 => {
            Status::on("no file, no TCP, no signal or abstract socket to the outside")
        }
        Ok(()) if version >= 4 => Status::on("no file, no TCP"),
        Ok(()) => Status::on("no file"),
        Err(error) => Status::off(format!("the system refuses it ({error})")),
    }
}

fn restrict(version: i64) -> io::Result<()> {
    privileges::set(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    let attributes = Attributes {
        files: file_rights(version),
        // To bind and to connect.
        network: 0b11,
        scopes: 0b11,
    };
    let size = match version {
        1..=3 => size_of::<u64>(),
        4 | 5 => 2 * size_of::<u64>(),
        _ => size_of::<Attributes>(),
    };
    // SAFETY: the structure is as long as said and outlives the call; the descriptor is ours alone.
    let rules = unsafe {
        let rules = libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const attributes,
            size,
            0usize,
        );
        OwnedFd::from_raw_fd(check(rules as libc::c_int)?)
    };
    // SAFETY: takes numbers only.
    let restricted =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0usize) };
    check(restricted as libc::c_int)?;
    Ok(())
}
