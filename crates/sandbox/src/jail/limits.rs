//! Resource limits.

use crate::protocol::{Purpose, Setup};
use crate::report::Status;
use std::io;

/// Address space of one lane: the reservation of a 32-bit memory and its guard, twice, since one instance may still be
/// there when the next comes; with room for stacks.
const LANE_SPACE: u64 = 10 << 30;
/// Address space beside lanes and memory: the program, its libraries, the allocator's reservations.
const BASE_SPACE: u64 = 16 << 30;

/// Sets every limit that there is. Those on processes and files forbid any further one.
pub(crate) fn set(setup: &Setup) -> Status {
    let space = u64::from(setup.lanes)
        .saturating_mul(LANE_SPACE)
        .saturating_add(setup.memory)
        .saturating_add(BASE_SPACE);
    let wanted = [
        (libc::RLIMIT_CORE as i64, "core", 0),
        (libc::RLIMIT_FSIZE as i64, "file size", 0),
        (libc::RLIMIT_MEMLOCK as i64, "locked memory", 0),
        (libc::RLIMIT_AS as i64, "address space", space),
        // Writable private memory: unlike the address space it does not count what is merely reserved.
        (libc::RLIMIT_DATA as i64, "memory", setup.memory),
        (libc::RLIMIT_NPROC as i64, "processes", 0),
        (libc::RLIMIT_NOFILE as i64, "files", 0),
    ];
    let mut missing = Vec::new();
    for (resource, name, most) in wanted {
        if let Err(error) = limit(resource, most, most) {
            missing.push(format!("{name} ({error})"));
        }
    }
    if let Purpose::Compile(seconds) = setup.purpose
        && let Err(error) = processor_time(seconds.into())
    {
        missing.push(format!("processor time ({error})"));
    }
    if missing.is_empty() {
        Status::on(format!(
            "{} MiB of memory; no file is opened or written, no process or thread started, no core dumped",
            setup.memory >> 20
        ))
    } else {
        Status::off(format!("not limited: {}", missing.join(", ")))
    }
}

/// Ends this process after so many seconds of its work, however busy the machine is with that of others.
fn processor_time(seconds: u64) -> io::Result<()> {
    let handler: extern "C" fn(libc::c_int) = give_up;
    // SAFETY: the handler is async-signal-safe. Without one the first process of a namespace would not hear the signal.
    unsafe { libc::signal(libc::SIGXCPU, handler as libc::sighandler_t) };
    limit(libc::RLIMIT_CPU as i64, seconds, seconds.saturating_add(1))
}

extern "C" fn give_up(_: libc::c_int) {
    let words = b"out of processor time";
    // SAFETY: async-signal-safe; the words outlive the call. The parent shows them.
    unsafe {
        libc::write(2, words.as_ptr().cast(), words.len());
        libc::_exit(1)
    }
}

fn limit(resource: i64, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: soft as libc::rlim_t,
        rlim_max: hard as libc::rlim_t,
    };
    // SAFETY: the structure outlives the call.
    crate::sys::check(unsafe { libc::setrlimit(resource as _, &raw const limit) })?;
    Ok(())
}
