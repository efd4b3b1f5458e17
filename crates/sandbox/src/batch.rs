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
