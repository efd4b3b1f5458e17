//! Terminals: whoever types into one, on the console or from afar, is there.
//!
//! The kernel notes when something was last read from a terminal, to 8 seconds, so that nobody can count keystrokes. What a
//! program prints is not noted there.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{entries, file_name};
use crate::{
    reading::{Input, Readings},
    sensor::Sensor,
};

/// The last input of any terminal.
pub struct Terminals(PathBuf);

impl Terminals {
    /// Of the machine with this `/dev`.
    pub fn new(dev: &Path) -> Self {
        Self(dev.into())
    }

    fn last(&self) -> Option<SystemTime> {
        let numbered = |path: &PathBuf, prefix: &str| {
            let number = file_name(path).strip_prefix(prefix);
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
        };
        let consoles = entries(&self.0).unwrap_or_default();
        let consoles = consoles.into_iter().filter(|path| numbered(path, "tty"));
        let remote = entries(&self.0.join("pts")).unwrap_or_default();
        let remote = remote.into_iter().filter(|path| numbered(path, ""));
        consoles
            .chain(remote)
            .filter_map(|path| path.metadata().ok()?.accessed().ok())
            .max()
    }
}

impl Sensor for Terminals {
    fn name(&self) -> &'static str {
        "terminals"
    }

    fn period(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn read(&mut self, readings: &mut Readings) {
        let input = match self.last() {
            // By the wall clock, as the kernel notes it. A time to come, after the clock was set back, is now.
            Some(last) => Input::Part(last.elapsed().unwrap_or_default()),
            None => Input::Unknown("no terminals".into()),
        };
        readings.input.insert("terminals", input);
    }
}
