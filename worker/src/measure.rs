//! How fast a lane of this machine is: measured when it is free, and remembered.
//!
//! A machine that is measured while something else runs on it, as when it has just been switched on, shows too little. So what
//! it showed in the last days counts, and it is measured again now and then while it is free: see `supervisor/measure.rs`.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sungrid_executor::{Engine, MeasureError};
use sungrid_idle::Mode;
use tracing::{debug, warn};

use crate::{engine, metrics::now_ms};

/// File of the data folder with what the machine showed.
const FILE: &str = "measured.json";
const MAX_BYTES: u64 = 4 << 10;
/// What was shown longer ago says nothing of the machine any more: fans clog, parts are changed. Less, and a machine that is
/// switched on once a week is judged by how busy it is then.
const LASTING_MS: u64 = 14 * 24 * 3_600_000;

/// The fastest that a lane has been shown to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    fuel_per_second: u64,
    /// Milliseconds since 1970.
    at_ms: u64,
    /// What it depends on.
    lanes: usize,
    cores: usize,
    environment: String,
}

/// What a data folder knows of the speed of so many lanes at the same time.
#[derive(Clone, Debug)]
pub struct Memory {
    path: PathBuf,
    lanes: usize,
    cores: usize,
    environment: String,
}

impl Memory {
    /// That of a data folder.
    pub fn new(folder: &Path, engine: &Engine, lanes: usize) -> Self {
        Self {
            path: folder.join(FILE),
            lanes,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            environment: hex::encode(engine.environment().0),
        }
    }

    /// Fuel per second, if it was shown on this machine, as it is now, and not too long ago.
    fn shown(&self, now_ms: u64) -> Option<u64> {
        let mut text = Vec::new();
        let file = File::open(&self.path).ok()?;
        file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
        let shown: Shown = serde_json::from_slice(&text).ok()?;
        let same = shown.lanes == self.lanes
            && shown.cores == self.cores
            && shown.environment == self.environment;
        // One from the future is as old as can be.
        let age = now_ms.checked_sub(shown.at_ms)?;
        (same && age < LASTING_MS).then_some(shown.fuel_per_second)
    }

    /// Notes what was shown, and returns the larger of that and what had been.
    fn note(&self, fuel_per_second: u64, now_ms: u64) -> u64 {
        let before = self.shown(now_ms);
        if let Some(before) = before.filter(|before| *before > fuel_per_second) {
            return before;
        }
        let shown = Shown {
            fuel_per_second,
            at_ms: now_ms,
            lanes: self.lanes,
            cores: self.cores,
            environment: self.environment.clone(),
        };
        let beside = self.path.with_extension("tmp");
        let written = serde_json::to_vec(&shown)
            .map_err(std::io::Error::other)
            .and_then(|text| fs::write(&beside, text))
            .and_then(|()| fs::rename(&beside, &self.path));
        if let Err(error) = written {
            debug!(%error, "what was measured is forgotten at the next start");
        }
        fuel_per_second
    }
}

/// Measures on all lanes, and returns the larger of that and what was shown before. Blocks for about a second.
pub fn again(engine: &Engine, memory: &Memory) -> Result<u64, MeasureError> {
    let speed = engine::lane_speed(engine, memory.lanes)?;
    Ok(memory.note(speed, now_ms()))
}

/// The speed to start with: measured, unless the machine may be its owner's now and has shown before what it can do.
pub async fn at_start(engine: &Engine, memory: &Memory, mode: Mode) -> Result<u64, MeasureError> {
    if mode != Mode::Always
        && let Some(shown) = memory.shown(now_ms())
    {
        return Ok(shown);
    }
    let (engine, memory) = (engine.clone(), memory.clone());
    match tokio::task::spawn_blocking(move || again(&engine, &memory)).await {
        Ok(speed) => speed,
        Err(error) => {
            warn!(%error, "measuring ended early");
            Ok(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_what_was_shown_lately_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::new(None).expect("an engine");
        let memory = Memory::new(folder.path(), &engine, 2);
        let day = 24 * 3_600_000;
        assert_eq!(memory.shown(day), None);
        assert_eq!(memory.note(500, day), 500);
        // A busy moment takes nothing away.
        assert_eq!(memory.note(200, 2 * day), 500);
        assert_eq!(memory.note(900, 3 * day), 900);
        assert_eq!(memory.shown(16 * day), Some(900));
        // Later it does: the machine may not be what it was.
        assert_eq!(memory.shown(17 * day), None);
        assert_eq!(memory.note(200, 17 * day), 200);
        // Nor does a clock that was wrong keep a figure for ever.
        assert_eq!(memory.shown(16 * day), None);
        // Another number of lanes is another measurement, another program too.
        let other = Memory::new(folder.path(), &engine, 3);
        assert_eq!(other.shown(17 * day), None);
        let update = Memory {
            environment: "other".into(),
            ..memory.clone()
        };
        assert_eq!(update.shown(17 * day), None);
        for rubbish in ["", "{", "[1]", "{\"fuel_per_second\": 9}"] {
            fs::write(&memory.path, rubbish).expect("writes");
            assert_eq!(memory.shown(17 * day), None, "{rubbish}");
        }
    }

    #[tokio::test]
    async fn an_owner_s_machine_is_not_measured_at_the_start_if_it_is_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::new(None).expect("an engine");
        let memory = Memory::new(folder.path(), &engine, 1);
        let start = async |mode| at_start(&engine, &memory, mode).await.expect("measures");
        // The first time there is no other way: the capacity is to be bonded.
        let first = start(Mode::Desktop).await;
        assert!(first > 0);
        // No machine shows this.
        memory.note(u64::MAX, now_ms());
        assert_eq!(start(Mode::Desktop).await, u64::MAX);
        assert_eq!(start(Mode::Server).await, u64::MAX);
        memory.note(u64::MAX - 1, now_ms());
        assert_eq!(start(Mode::Always).await, u64::MAX, "the larger counts");
    }
}
