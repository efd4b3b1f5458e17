//! macOS. Input is that of the session that this process runs in: run as a user's agent, not as a daemon.

use std::{ffi::c_int, time::Duration};

use crate::{
    clock::Clock,
    reading::{Input, Power, Reading, Readings},
    sensor::Sensor,
};

/// Events of the hardware, of whatever kind.
const HID_SYSTEM_STATE: i32 = 1;
const ANY_INPUT: u32 = u32::MAX;
/// What IOKit answers on mains.
const UNLIMITED: f64 = -2.0;
const CPU_LOAD: c_int = 3;
/// User, system, idle, nice.
const CPU_STATES: usize = 4;

#[link(name = "CoreGraphics", kind = "framework")]
unsafe extern "C" {
    fn CGEventSourceSecondsSinceLastEventType(state: i32, event: u32) -> f64;
}

#[link(name = "IOKit", kind = "framework")]
unsafe extern "C" {
    fn IOPSGetTimeRemainingEstimate() -> f64;
}

unsafe extern "C" {
    fn mach_timebase_info(info: *mut Timebase) -> c_int;
    fn mach_host_self() -> u32;
    fn host_statistics(host: u32, flavor: c_int, info: *mut u32, count: *mut u32) -> c_int;
}

/// All sensors.
pub(crate) fn sensors() -> Vec<Box<dyn Sensor>> {
    vec![
        Box::new(LastInput),
        // SAFETY: no arguments; one port for as long as the process lives.
        Box::new(Load {
            host: unsafe { mach_host_self() },
            before: None,
        }),
        Box::new(Memory),
        Box::new(Supply),
        Box::new(Clock),
    ]
}

struct LastInput;

impl Sensor for LastInput {
    fn name(&self) -> &'static str {
        "macos"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self, readings: &mut Readings) {
        // SAFETY: numbers in, a number out.
        let seconds =
            unsafe { CGEventSourceSecondsSinceLastEventType(HID_SYSTEM_STATE, ANY_INPUT) };
        let input = match Duration::try_from_secs_f64(seconds) {
            Ok(ago) => Input::Whole(ago),
            Err(_) => Input::Unknown(format!("CGEventSource answers {seconds}")),
        };
        readings.input.insert("macos", input);
    }
}

/// A tick of the machine's clock is `numer / denom` ns.
#[repr(C)]
struct Timebase {
    numer: u32,
    denom: u32,
}

/// Ticks of all cores, and time of this process and of its children, those that live and those that have ended.
struct Load {
    host: u32,
    before: Option<([u32; CPU_STATES], Duration, std::time::Instant)>,
}

/// Children of which more are not looked for: a bound for what a fork bomb makes us read.
const MAX_CHILDREN: usize = 4_096;

/// CPU time of the children that live. An error if one does not let itself be read: its time would count as that of others.
fn living() -> Result<Duration, String> {
    let mut pids = vec![0; MAX_CHILDREN];
    let bytes = (pids.len() * size_of::<libc::pid_t>()) as c_int;
    // SAFETY: it writes at most that many bytes of the array.
    let listed =
        unsafe { libc::proc_listchildpids(libc::getpid(), pids.as_mut_ptr().cast(), bytes) };
    if listed < 0 {
        let error = std::io::Error::last_os_error();
        return Err(format!("the worker's processes cannot be listed: {error}"));
    }
    let mut base = Timebase { numer: 0, denom: 0 };
    // SAFETY: it writes the structure.
    if unsafe { mach_timebase_info(&raw mut base) } != 0 || base.denom == 0 {
        return Err("mach_timebase_info failed".into());
    }
    let mut ticks = 0u64;
    // Places that were not written are zero, whatever the call's result counts.
    for pid in pids.into_iter().filter(|pid| *pid > 0) {
        // SAFETY: all zeros are a valid value of this plain structure, of the kind that the call is told to write.
        let (result, usage) = unsafe {
            let mut usage: libc::rusage_info_v0 = std::mem::zeroed();
            let to = (&raw mut usage).cast();
            let result = libc::proc_pid_rusage(pid, libc::RUSAGE_INFO_V0, to);
            (result, usage)
        };
        if result == 0 {
            ticks = ticks.saturating_add(usage.ri_user_time.saturating_add(usage.ri_system_time));
            continue;
        }
        let error = std::io::Error::last_os_error();
        // One that ended meanwhile is among those that have.
        if error.raw_os_error() != Some(libc::ESRCH) {
            return Err(format!(
                "process {pid} is the worker's and cannot be read: {error}"
            ));
        }
    }
    let nanos = u128::from(ticks) * u128::from(base.numer) / u128::from(base.denom);
    Ok(Duration::from_nanos(
        u64::try_from(nanos).unwrap_or(u64::MAX),
    ))
}

/// CPU time of this process and of its children that have ended.
fn own() -> Duration {
    let of = |who| {
        // SAFETY: all zeros are a valid value of this plain structure, which the call writes.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &raw mut usage);
            usage
        };
        let time = |t: libc::timeval| {
            Duration::from_micros(t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64)
        };
        time(usage.ru_utime) + time(usage.ru_stime)
    };
    of(libc::RUSAGE_SELF) + of(libc::RUSAGE_CHILDREN)
}

impl Sensor for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self, readings: &mut Readings) {
        let mut ticks = [0; CPU_STATES];
        let mut count = CPU_STATES as u32;
        // SAFETY: it writes at most `count` words of the array.
        let result =
            unsafe { host_statistics(self.host, CPU_LOAD, ticks.as_mut_ptr(), &raw mut count) };
        if result != 0 {
            self.before = None;
            readings.foreign_cpu = Reading::unknown("host_statistics failed");
            return;
        }
        let used = match living() {
            Ok(living) => own() + living,
            Err(why) => {
                self.before = None;
                readings.foreign_cpu = Reading::Unknown(why);
                return;
            }
        };
        let at = std::time::Instant::now();
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u128;
        readings.foreign_cpu = match self.before {
            Some((before, used_before, then)) if at > then => {
                let passed: Vec<u64> = (0..CPU_STATES)
                    .map(|state| ticks[state].wrapping_sub(before[state]).into())
                    .collect();
                let total: u64 = passed.iter().sum::<u64>().max(1);
                let busy = total - passed[2];
                let wall = (at - then).as_micros() * cores;
                let ours = (used.saturating_sub(used_before).as_micros() * 100) / wall.max(1);
                let all = u128::from((busy * 100).div_ceil(total));
                Reading::Known(all.saturating_sub(ours).min(100) as u32)
            }
            _ => Reading::unknown("measured from the second look on"),
        };
        self.before = Some((ticks, used, at));
    }
}

struct Memory;

impl Sensor for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn read(&mut self, readings: &mut Readings) {
        let mut free: c_int = 0;
        let mut size = size_of::<c_int>();
        // SAFETY: the name ends with a null; it writes the number, whose size it is told.
        let result = unsafe {
            libc::sysctlbyname(
                c"kern.memorystatus_level".as_ptr(),
                (&raw mut free).cast(),
                &raw mut size,
                std::ptr::null_mut(),
                0,
            )
        };
        readings.foreign_memory = match (result, free) {
            (0, 0..=100) => Reading::Known(100 - free as u32),
            _ => Reading::unknown("kern.memorystatus_level cannot be read"),
        };
    }
}

struct Supply;

impl Sensor for Supply {
    fn name(&self) -> &'static str {
        "power"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn read(&mut self, readings: &mut Readings) {
        // SAFETY: no arguments.
        let remaining = unsafe { IOPSGetTimeRemainingEstimate() };
        // Below zero and no estimate yet is a battery as well.
        let power = match remaining == UNLIMITED {
            true => Power::Mains,
            false => Power::Battery,
        };
        readings.power = Reading::Known(power);
    }
}
