//! How fast this machine is, in the unit that jobs are billed in.

use crate::engine::Engine;
use crate::error::{CompileError, RunError};
use crate::task::{Limits, Task};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// `kernel.wat`, assembled by the build script.
const KERNEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernel.wasm"));

/// The kernel of capacity proofs, a WASI command: of a state of eight words, what its steps add, and how many segments
/// to compute on standard input, it writes the state after each to standard output. The chain computes some of them again.
pub const PROOF_KERNEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/proof.wasm"));

/// Iterations of the run that finds out what one iteration costs.
const PROBE: u64 = 1_000;

/// The speed of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Fuel per second, rounded down.
    pub fuel_per_second: u64,
    /// Fuel that the timed run consumed.
    pub fuel: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Iterations, to replay the run with.
    pub iterations: u64,
    /// What the kernel computed: the same for the same seed and iterations on every machine.
    pub digest: u64,
}

/// Why no speed was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// The kernel does not compile here.
    #[error("the capacity kernel does not compile: {0}")]
    Compile(#[from] CompileError),
    /// The kernel did not run.
    #[error("the capacity kernel did not run: {0}")]
    Run(#[from] RunError),
    /// The kernel ended other than it should.
    #[error("the capacity kernel {0}")]
    Kernel(crate::Exit),
}

impl Engine {
    /// Times about `fuel` of seeded integer work on the calling thread. To measure a machine, call
    /// it on all lanes at once: cores share caches and heat.
    ///
    /// # Errors
    ///
    /// If the kernel cannot run here.
    pub fn measure(&self, seed: [u8; 32], fuel: u64) -> Result<Speed, MeasureError> {
        let module = self.compile(KERNEL)?;
        let run = |iterations: u64| -> Result<(u64, u64), MeasureError> {
            let stdin = Bytes::copy_from_slice(&iterations.to_le_bytes());
            let task = Task {
                stdin,
                seed,
                ..Task::default()
            };
            let limits = Limits {
                fuel: u64::MAX,
                ..Limits::default()
            };
            let outcome = self.run(&module, &task, &limits)?;
            match <[u8; 8]>::try_from(outcome.stdout.as_slice()) {
                Ok(digest) if outcome.exit.is_success() => {
                    Ok((outcome.fuel, u64::from_le_bytes(digest)))
                }
                _ => Err(MeasureError::Kernel(outcome.exit)),
            }
        };
        let (base, _) = run(0)?;
        let (probe, _) = run(PROBE)?;
        let per_iteration = (probe.saturating_sub(base) / PROBE).max(1);
        let iterations = (fuel.saturating_sub(base) / per_iteration).max(1);

        let started = Instant::now();
        let (fuel, digest) = run(iterations)?;
        let elapsed = started.elapsed();
        let nanos = elapsed.as_nanos().max(1);
        let per_second = u128::from(fuel) * 1_000_000_000 / nanos;
        Ok(Speed {
            fuel_per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
            fuel,
            elapsed,
            iterations,
            digest,
        })
    }

    /// Replays a measurement and says whether the digest is right. The fuel is not compared with
    /// the clock of another machine: that is what the audit by re-execution is for.
    ///
    /// # Errors
    ///
    /// If the kernel cannot run here.
    pub fn replay(&self, seed: [u8; 32], speed: &Speed) -> Result<bool, MeasureError> {
        let module = self.compile(KERNEL)?;
        let stdin = Bytes::copy_from_slice(&speed.iterations.to_le_bytes());
        let task = Task {
            stdin,
            seed,
            ..Task::default()
        };
        let limits = Limits {
            fuel: speed.fuel,
            ..Limits::default()
        };
        let outcome = self.run(&module, &task, &limits)?;
        Ok(outcome.exit.is_success()
            && outcome.fuel == speed.fuel
            && outcome.stdout == speed.digest.to_le_bytes())
    }
}
