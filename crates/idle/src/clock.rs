//! The owner's time of day.

use std::time::Duration;

use crate::{
    reading::{LocalTime, Reading, Readings},
    sensor::Sensor,
};

/// Reads the local time.
pub(crate) struct Clock;

impl Sensor for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&mut self, readings: &mut Readings) {
        readings.local_time = LocalTime::now();
    }
}

impl LocalTime {
    /// Now, in the machine's time zone.
    pub fn now() -> Reading<Self> {
        local_time()
    }
}

#[cfg(unix)]
fn local_time() -> Reading<LocalTime> {
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: `time` accepts a null pointer; `localtime_r` reads the one variable and writes the other, which is large enough,
    // and returns null if it did not.
    let parts = unsafe {
        let now = libc::time(std::ptr::null_mut());
        match libc::localtime_r(&raw const now, parts.as_mut_ptr()).is_null() {
            true => return Reading::unknown("the system has no local time"),
            false => parts.assume_init(),
        }
    };
    // Both are within their ranges; Sunday is 0 there.
    Reading::Known(LocalTime {
        weekday: ((parts.tm_wday + 6) % 7) as u8,
        minute: (parts.tm_hour * 60 + parts.tm_min) as u16,
    })
}

#[cfg(windows)]
fn local_time() -> Reading<LocalTime> {
    use windows_sys::Win32::{Foundation::SYSTEMTIME, System::SystemInformation::GetLocalTime};
    // SAFETY: all zeros are a valid value of this plain structure.
    let mut parts: SYSTEMTIME = unsafe { std::mem::zeroed() };
    // SAFETY: it writes the structure it is given.
    unsafe { GetLocalTime(&raw mut parts) };
    // Sunday is 0 there.
    Reading::Known(LocalTime {
        weekday: ((parts.wDayOfWeek + 6) % 7) as u8,
        minute: parts.wHour * 60 + parts.wMinute,
    })
}
