//! Who reads, and how often.

use std::{sync::Arc, time::Duration};

use crate::{policy::Policy, reading::Readings};

/// A sensor that is due within this time is read at once: looks are never exactly as far apart as they should be.
const SLACK: Duration = Duration::from_millis(100);

/// Reads some part of a machine. A sensor that cannot says so in its reading; it never blocks for long.
pub trait Sensor: Send {
    /// For logs.
    fn name(&self) -> &'static str;
    /// How often it is worth reading.
    fn period(&self) -> Duration;
    /// Writes what it knows.
    fn read(&mut self, readings: &mut Readings);
}

/// Other processes whose trees count as ours, asked for anew at each look: where several programs lend one machine, each would
/// take the work of the others for its owner's, and rest for it.
#[derive(Clone, Default)]
pub struct Kin(Option<Arc<dyn Fn() -> Vec<u32> + Send + Sync>>);

impl Kin {
    /// Those that `processes` names at the time.
    pub fn new(processes: impl Fn() -> Vec<u32> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(processes)))
    }

    // Only Linux tells trees of others.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.0.as_ref().map_or_else(Vec::new, |ask| ask())
    }
}

impl std::fmt::Debug for Kin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.processes()).finish()
    }
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

    /// What this system offers for a policy; the processes of `kin` count as ours, where the system tells (Linux).
    pub fn system(policy: &Policy, kin: &Kin) -> Self {
        #[cfg(target_os = "linux")]
        let sensors = crate::linux::sensors(&crate::linux::Roots::default(), policy, kin);
        #[cfg(windows)]
        let sensors = crate::windows::sensors();
        #[cfg(target_os = "macos")]
        let sensors = crate::macos::sensors();
        #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
        let sensors = Vec::new();
        // Only Linux looks for programs and kin.
        let _ = (policy, kin);
        Self::new(sensors)
    }

    /// Reads what is due at `now`, the time since any moment, and returns what is known.
    pub fn read(&mut self, now: Duration) -> &Readings {
        for entry in &mut self.entries {
            let is_due = entry
                .read_at
                .is_none_or(|at| now.saturating_sub(at) + SLACK >= entry.sensor.period());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    struct Counts(Arc<AtomicU32>, u64);

    impl Sensor for Counts {
        fn name(&self) -> &'static str {
            "counts"
        }

        fn period(&self) -> Duration {
            Duration::from_millis(self.1)
        }

        fn read(&mut self, _: &mut Readings) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn each_sensor_is_read_as_often_as_it_is_worth() {
        let counts: [Arc<AtomicU32>; 3] = Default::default();
        let periods = [500, 1_000, 5_000];
        let sensors = counts.iter().zip(periods);
        let sensors = sensors.map(|(count, ms)| Box::new(Counts(count.clone(), ms)) as _);
        let mut sensors = Sensors::new(sensors.collect());
        // Looks come late by now and then, and early by a little.
        for look in 0..40u64 {
            sensors.read(Duration::from_millis(look * 500 + look % 3 * 20));
        }
        let read = counts.map(|count| count.load(Ordering::SeqCst));
        assert_eq!(read, [40, 20, 4]);
        assert_eq!(sensors.names().count(), 3);
    }
}
