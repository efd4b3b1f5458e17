//! Who reads, and how often.

use std::time::Duration;

use crate::{policy::Policy, reading::Readings};

/// Reads some part of a machine. A sensor that cannot says so in its reading; it never blocks for long.
pub trait Sensor: Send {
    /// For logs.
    fn name(&self) -> &'static str;
    /// How often it is worth reading.
    fn period(&self) -> Duration;
    /// Writes what it knows.
    fn read(&mut self, readings: &mut Readings);
}

/// A sensor, and when it was read last.
struct Entry {
    sensor: Box<dyn Sensor>,
    read_at: Option<Duration>,
}

/// All sensors of a machine. Reading blocks, so a service gives it a thread of its own.
pub struct Sensors {
    entries: Vec<Entry>,
    readings: Readings,
}

impl Sensors {
    /// These sensors.
    pub fn new(sensors: Vec<Box<dyn Sensor>>) -> Self {
        let entry = |sensor| Entry {
            sensor,
            read_at: None,
        };
        Self {
            entries: sensors.into_iter().map(entry).collect(),
            readings: Readings::default(),
        }
    }

    /// What this system offers for a policy.
    pub fn system(policy: &Policy) -> Self {
        #[cfg(target_os = "linux")]
        let sensors = crate::linux::sensors(&crate::linux::Roots::default(), policy);
        #[cfg(windows)]
        let sensors = crate::windows::sensors();
        #[cfg(target_os = "macos")]
        let sensors = crate::macos::sensors();
        #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
        let sensors = Vec::new();
        // Only Linux looks for programs.
        let _ = policy;
        Self::new(sensors)
    }

    /// Reads what is due at `now`, the time since any moment, and returns what is known.
    pub fn read(&mut self, now: Duration) -> &Readings {
        for entry in &mut self.entries {
            let is_due = entry.read_at.is_none_or(|at| {
                // Half a period early is better than half a period late.
                now.saturating_sub(at) + entry.sensor.period() / 2 >= entry.sensor.period()
            });
            if is_due {
                entry.read_at = Some(now);
                entry.sensor.read(&mut self.readings);
            }
        }
        &self.readings
    }

    /// The names of the sensors, in the order they are read.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|entry| entry.sensor.name())
    }
}
