//! A batch in its child.

use crate::channel::{Abort, Channel};
use crate::process::Process;
use crate::protocol;
use bytes::Bytes;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use sungrid_executor::{Cancel, Limits, Outcome, RunError, Task};

/// Memory of a child before its first lane: the program, the engine, what the allocator keeps.
const BASE: u64 = 256 << 20;
/// Memory of a lane beside the guest's: stacks, the engine's tables, names and arguments.
const LANE: u64 = 64 << 20;
/// Bytes of host memory for an element of a guest's table.
const TABLE_ELEMENT: u64 = 16;
/// Most lanes of a child: their sockets go in one message, with the code.
pub(crate) const MAX_LANES: usize = crate::sys::MAX_FILES - 1;

/// What a batch needs: decides what its child may use.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Units that run at the same time; bounded by 251.
    pub lanes: usize,
    /// The largest limits of a unit.
    pub limits: Limits,
    /// Bytes of all files and of the standard input of one unit, without what is shared.
    pub input_bytes: u64,
    /// Files that units have in common: handed over once. Units name them by having the very same [`Bytes`].
    pub shared: Vec<Bytes>,
}

impl Shape {
    pub(crate) fn lanes(&self) -> usize {
        self.lanes.clamp(1, MAX_LANES)
    }

    /// Bytes that the child may write to. Too small would have honest units fail, so that every part is the most that it
    /// can be: growing output is there twice for a moment.
    pub(crate) fn memory(&self, code: u64) -> u64 {
        let lane = LANE
            .saturating_add(self.limits.memory_bytes.min(1 << 32))
            .saturating_add(self.limits.output_bytes.saturating_mul(3))
            .saturating_add(self.limits.table_elements.saturating_mul(TABLE_ELEMENT))
            .saturating_add(self.input_bytes.saturating_mul(2));
        let shared: u64 = self.shared.iter().map(|bytes| bytes.len() as u64).sum();
        lane.saturating_mul(self.lanes() as u64)
            .saturating_add(shared.saturating_mul(2))
            .saturating_add(code.saturating_mul(2))
            .saturating_add(BASE)
    }
}

/// A running child with a loaded module. Dropping it ends the child and frees what it held.
pub struct Batch {
    process: Arc<Process>,
    shared: Vec<Bytes>,
    lanes: Mutex<Lanes>,
    returned: Condvar,
}

struct Lanes {
    idle: Vec<UnixStream>,
    /// A lane failed: no other is trusted.
    is_over: bool,
}

impl Batch {
    pub(crate) fn new(process: Arc<Process>, lanes: Vec<UnixStream>, shared: Vec<Bytes>) -> Self {
        Self {
            process,
            shared,
            lanes: Mutex::new(Lanes {
                idle: lanes,
                is_over: false,
            }),
            returned: Condvar::new(),
        }
    }

    /// Runs one unit to its end, in a fresh instance; blocks the calling thread. As many threads as there are lanes may
    /// run units at once; others wait. The clock of `limits` stands still while the sandbox is suspended.
    ///
    /// # Errors
    ///
    /// As `Engine::run` of the executor, and [`RunError::Host`] when the child dies or answers what it should not: this
    /// batch runs no further unit then.
    pub fn run(&self, task: &Task, limits: &Limits, cancel: &Cancel) -> Result<Outcome, RunError> {
        task.validate()?;
        let lane = self.take_lane(cancel)?;
        let mut channel = Channel::new(&lane, &self.process, Some(cancel), limits.wall_clock);
        let answer = protocol::write_unit(&mut channel, task, limits, &self.shared)
            .and_then(|()| protocol::read_outcome(&mut channel, limits));
        let abort = channel.abort;
        match answer {
            Ok(outcome) => {
                self.with(|lanes| lanes.idle.push(lane));
                self.returned.notify_one();
                outcome
            }
            Err(error) => {
                // What happened to the child by itself, before it is ended.
                let error = match abort {
                    Some(Abort::Cancelled) => RunError::Cancelled,
                    Some(Abort::Late(used)) => RunError::WallClock(used),
                    None => RunError::Host(why(&self.process, &error)),
                };
                self.with(|lanes| lanes.is_over = true);
                self.returned.notify_all();
                self.process.kill();
                Err(error)
            }
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Lanes) -> T) -> T {
        act(&mut self.lanes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_lane(&self, cancel: &Cancel) -> Result<UnixStream, RunError> {
        /// Between two looks at cancellation.
        const TICK: Duration = Duration::from_millis(50);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if lanes.is_over {
                let reason = "another unit of the batch ended its process";
                return Err(RunError::Host(reason.to_owned()));
            }
            if cancel.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            if let Some(lane) = lanes.idle.pop() {
                return Ok(lane);
            }
            lanes = self
                .returned
                .wait_timeout(lanes, TICK)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Why a child gave no answer that can be used.
pub(crate) fn why(process: &Process, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::InvalidData => format!("its process gave a malformed answer: {error}"),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset => process.obituary().0,
        _ => format!("its process cannot be talked to: {error}"),
    }
}
