//! How much a batch's process counts beside others on this machine.

use crate::sys::check;
use std::io;

/// The least that there is.
const NICE: libc::c_int = 19;

/// Puts a child that has started no thread yet behind everything else that wants a processor, and says by what means. What it
/// starts inherits that, and cannot take it back: raising one's own priority takes a privilege.
///
/// # Errors
/// Whatever the system says if it has none of the means.
pub(crate) fn lower(child: libc::pid_t) -> io::Result<String> {
    // SAFETY: takes numbers only.
    let nice = check(unsafe { libc::setpriority(libc::PRIO_PROCESS as _, child as _, NICE) });
    let nice = nice.map(|_| format!("nice {NICE}"));
    #[cfg(target_os = "linux")]
    {
        let idle = idle(child).map(|()| "SCHED_IDLE".to_owned());
        match (idle, nice) {
            (Ok(idle), Ok(nice)) => Ok(format!("{idle}, {nice}")),
            (Ok(one), Err(error)) => Ok(format!("{one}; no nice {NICE}: {error}")),
            (Err(error), Ok(one)) => Ok(format!("{one}; no SCHED_IDLE: {error}")),
            (Err(error), Err(_)) => Err(error),
        }
    }
    #[cfg(not(target_os = "linux"))]
    nice
}

/// Runs only where nobody else wants to, but for a three hundredth of what others get.
#[cfg(target_os = "linux")]
fn idle(child: libc::pid_t) -> io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    // By its number: musl's function refuses. SAFETY: the parameter outlives the call.
    let set = unsafe {
        let call = libc::SYS_sched_setscheduler;
        libc::syscall(call, child, libc::SCHED_IDLE, &raw const none)
    };
    match set {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
