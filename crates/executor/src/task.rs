//! What goes into a run.

use crate::error::TaskError;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Largest total of arguments and environment entries, with their terminators, in bytes.
pub const MAX_ARGS_BYTES: usize = 1 << 20;
/// Most input files of one task.
pub const MAX_INPUT_FILES: usize = 65_536;
/// Longest part of a path, in bytes.
pub const MAX_NAME: usize = 255;
/// Longest path a guest may pass, and longest input path, in bytes.
pub const MAX_PATH: usize = 4_096;
/// Deepest nesting of directories, counted from `/in` or `/out`.
pub const MAX_DEPTH: usize = 32;
/// Largest fuel limit. Keeps every sum of costs within 64 bits.
pub const MAX_FUEL: u64 = 1 << 62;

/// The input of a run. Contents are reference-counted: cloning a task copies no data.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Program arguments; the first is the program's name by convention.
    pub args: Vec<String>,
    /// Environment variables, in the order the guest sees them.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Bytes,
    /// Files under `/in`, by path relative to it, `/`-separated.
    pub files: BTreeMap<String, Bytes>,
    /// Seed of `random_get`.
    pub seed: [u8; 32],
}

/// The bounds of a run. Except for `wall_clock`, each is part of what decides the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel; values above [`MAX_FUEL`] count as that.
    pub fuel: u64,
    /// Linear memory in bytes.
    pub memory_bytes: u64,
    /// Table elements, all tables together. Each costs the host a word.
    pub table_elements: u64,
    /// Bytes held in standard output, standard error and the files under `/out`, together.
    pub output_bytes: u64,
    /// Files and directories under `/out`.
    pub output_files: u32,
    /// Kill after this long. No part of the result: a killed run is [`RunError::WallClock`].
    ///
    /// [`RunError::WallClock`]: crate::RunError::WallClock
    pub wall_clock: Option<Duration>,
}

impl Default for Limits {
    /// 10 Gfuel, 512 MiB of memory, 64 MiB of output in 1,024 files, no wall clock.
    fn default() -> Self {
        Self {
            fuel: 10_000_000_000,
            memory_bytes: 512 << 20,
            table_elements: 1 << 20,
            output_bytes: 64 << 20,
            output_files: 1_024,
            wall_clock: None,
        }
    }
}

/// Ends a run from another thread, within about a millisecond. Clones share the state.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends every run started with this handle.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Task {
    /// Checks everything a guest could be confused by; [`Engine::run`](crate::Engine::run) does so, too.
    ///
    /// # Errors
    ///
    /// With the first thing that no guest may be given.
    pub fn validate(&self) -> Result<(), TaskError> {
        let mut bytes = 0usize;
        for text in self
            .args
            .iter()
            .chain(self.env.iter().flat_map(|(k, v)| [k, v]))
        {
            if text.contains('\0') {
                return Err(TaskError::Nul(text.clone()));
            }
            bytes = bytes.saturating_add(text.len() + 1);
        }
        if let Some((name, _)) = self
            .env
            .iter()
            .find(|(k, _)| k.contains('=') || k.is_empty())
        {
            return Err(TaskError::Nul(name.clone()));
        }
        if bytes > MAX_ARGS_BYTES {
            return Err(TaskError::ArgsTooLarge(bytes));
        }
        if self.files.len() > MAX_INPUT_FILES {
            return Err(TaskError::TooManyFiles(self.files.len()));
        }
        match self.files.keys().find(|path| !is_plain(path)) {
            Some(path) => Err(TaskError::Path(path.clone())),
            None => Ok(()),
        }
    }
}

/// Whether a relative path stays where it starts and fits the limits.
fn is_plain(path: &str) -> bool {
    path.len() <= MAX_PATH
        && path.split('/').count() <= MAX_DEPTH
        && path.split('/').all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.len() <= MAX_NAME
                && !part.contains('\0')
        })
}
