//! Windows. Input is that of the session that this process runs in: a service does not see it, so run as a task at log-on.

use std::{mem::zeroed, time::Duration};

use windows_sys::Win32::{
    Foundation::FILETIME,
    System::{
        Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS},
        RemoteDesktop::ProcessIdToSessionId,
        SystemInformation::{GetTickCount, GlobalMemoryStatusEx, MEMORYSTATUSEX},
        Threading::{GetCurrentProcess, GetCurrentProcessId, GetProcessTimes, GetSystemTimes},
    },
    UI::Input::KeyboardAndMouse::{GetLastInputInfo, LASTINPUTINFO},
};

use crate::{
    clock::Clock,
    reading::{Input, Power, Reading, Readings},
    sensor::Sensor,
};

/// All sensors.
pub(crate) fn sensors() -> Vec<Box<dyn Sensor>> {
    vec![
        Box::new(LastInput),
        Box::new(Load { before: None }),
        Box::new(Memory),
        Box::new(Supply),
        Box::new(Clock),
    ]
}

struct LastInput;

/// Whether this process runs where services do. What is typed elsewhere does not count as input there, so that nobody ever seems to
/// sit at the machine.
fn is_service() -> bool {
    let mut session = 0;
    // SAFETY: it writes the number.
    let known = unsafe { ProcessIdToSessionId(GetCurrentProcessId(), &raw mut session) } != 0;
    !known || session == 0
}

impl Sensor for LastInput {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn read(&mut self, readings: &mut Readings) {
        if is_service() {
            let why = "a service does not see input: run the worker as a task at log-on";
            readings.input.insert("windows", Input::Unknown(why.into()));
            return;
        }
        let mut info = LASTINPUTINFO {
            cbSize: size_of::<LASTINPUTINFO>() as u32,
            dwTime: 0,
        };
        // SAFETY: it writes the structure it is given, whose size it is told.
        let input = match unsafe { GetLastInputInfo(&raw mut info) } {
            0 => Input::Unknown("GetLastInputInfo failed".into()),
            // SAFETY: no arguments. Both counters wrap together after 49 days.
            _ => Input::Whole(Duration::from_millis(
                unsafe { GetTickCount() }.wrapping_sub(info.dwTime).into(),
            )),
        };
        readings.input.insert("windows", input);
    }
}

fn ticks(time: FILETIME) -> u64 {
    u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)
}

/// Times of all cores, and of this process, whose children count as others.
struct Load {
    before: Option<(u64, u64, u64)>,
}

/// Total, busy and own time so far.
fn times() -> Option<(u64, u64, u64)> {
    // SAFETY: all zeros are a valid value of this plain structure.
    let zero: FILETIME = unsafe { zeroed() };
    let (mut idle, mut kernel, mut user) = (zero, zero, zero);
    // SAFETY: it writes the three structures.
    let system = unsafe { GetSystemTimes(&raw mut idle, &raw mut kernel, &raw mut user) };
    let (mut created, mut ended, mut own_kernel, mut own_user) = (zero, zero, zero, zero);
    // SAFETY: the pseudo handle is always valid; it writes the four structures.
    let own = unsafe {
        GetProcessTimes(
            GetCurrentProcess(),
            &raw mut created,
            &raw mut ended,
            &raw mut own_kernel,
            &raw mut own_user,
        )
    };
    // The kernel's time includes the idle one.
    let total = ticks(kernel) + ticks(user);
    let busy = total.saturating_sub(ticks(idle));
    (system != 0 && own != 0).then_some((total, busy, ticks(own_kernel) + ticks(own_user)))
}

impl Sensor for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self, readings: &mut Readings) {
        let now = times();
        readings.foreign_cpu = match (self.before, now) {
            (_, None) => Reading::unknown("GetSystemTimes failed"),
            (Some(then), Some(now)) if now.0 > then.0 => {
                let busy = now.1.saturating_sub(then.1);
                let ours = now.2.saturating_sub(then.2);
                let share = (busy.saturating_sub(ours) * 100).div_ceil(now.0 - then.0);
                Reading::Known(share.min(100) as u32)
            }
            _ => Reading::unknown("measured from the second look on"),
        };
        self.before = now;
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
        // SAFETY: all zeros are a valid value of this plain structure.
        let mut status: MEMORYSTATUSEX = unsafe { zeroed() };
        status.dwLength = size_of::<MEMORYSTATUSEX>() as u32;
        // SAFETY: it writes the structure it is given, whose size it is told.
        readings.foreign_memory = match unsafe { GlobalMemoryStatusEx(&raw mut status) } {
            0 => Reading::unknown("GlobalMemoryStatusEx failed"),
            _ => Reading::Known(status.dwMemoryLoad),
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
        // SAFETY: all zeros are a valid value of this plain structure.
        let mut status: SYSTEM_POWER_STATUS = unsafe { zeroed() };
        // SAFETY: it writes the structure it is given.
        let known = unsafe { GetSystemPowerStatus(&raw mut status) } != 0;
        readings.power = match (known, status.ACLineStatus) {
            (true, 0) => Reading::Known(Power::Battery),
            (true, 1) => Reading::Known(Power::Mains),
            _ => Reading::unknown("Windows does not know whether this machine is on mains"),
        };
        // Bit 7: no battery.
        readings.battery = match (known, status.BatteryFlag & 128, status.BatteryLifePercent) {
            (true, 128, _) => Reading::Known(100),
            (true, _, charge @ 0..=100) => Reading::Known(charge.into()),
            _ => Reading::unknown("Windows does not know the charge"),
        };
    }
}
