//! Deterministic execution of WebAssembly commands.
//!
//! The same module, task and limits give the same exit, output, fuel and peak memory on every run, in
//! every process and on every machine of the same [`Environment`]. The crate knows neither chain
//! nor network.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sungrid_executor::{Engine, Exit, Limits, Task};
//!
//! let engine = Engine::new(None)?;
//! let module = engine.compile(&wat::parse_str(r#"(module (func (export "_start")))"#)?)?;
//! let outcome = engine.run(&module, &Task::default(), &Limits::default())?;
//! assert_eq!(outcome.exit, Exit::Code(0));
//! # Ok(())
//! # }
//! ```
//!
//! # Terms
//!
//! * **Module**: a core WebAssembly command, built for `wasm32-wasip1`: exports `_start`, imports
//!   only `wasi_snapshot_preview1`.
//! * **Fuel**: the unit of metered work, from the table in [`cost`]. Exact to the unit: a guest that
//!   needs `n` succeeds with a limit of `n` and is [`Exit::OutOfFuel`] with `n - 1`.
//! * **Environment**: hash of everything that decides a result beside module, task and limits.
//! * **Outcome** and **error**: what the guest did is an [`Outcome`], also when it failed; replicas
//!   must agree on it and it is billed. What the host did (kill, no memory) is a [`RunError`]: no
//!   result, never billed.
//!
//! # What makes it deterministic
//!
//! | source of difference | closed by |
//! |---|---|
//! | NaN bits | canonical wherever a guest can see them, by code added before compilation |
//! | relaxed SIMD, threads, other open features | off |
//! | instruction set, frame sizes, stack depth | pinned target, in the environment |
//! | lack of host memory | [`RunError::Host`], never an answer to the guest |
//! | rounding mode, flushing of small numbers | checked before each run |
//! | wall clock | [`RunError::WallClock`], never a result |
//! | clocks, randomness, files | in-memory WASI on virtual time and a seed |
//! | what is copied where before compilation | a function of the module's bytes, with a version in the environment |
//! | fuel of instantiation | copy-on-write images off; set-up priced by [`cost`] |
//!
//! Runs block the calling thread; async callers use their runtime's blocking pool. Guest code has
//! its own stack of [`GUEST_STACK`] bytes.

#![deny(missing_docs)]

mod cache;
mod canonical;
mod config;
pub mod cost;
mod engine;
mod error;
mod gate;
mod measure;
mod outcome;
mod precompiled;
mod rewrite;
mod run;
#[cfg(test)]
mod spec;
mod task;
mod wasi;

pub use cache::CacheConfig;
pub use config::{ENGINE, Environment, GUEST_STACK, SLICE, WASI_SEMANTICS};
pub use engine::{COMPILER_STACK, Engine, MAX_MODULE, Module};
pub use error::{CompileError, EngineError, RunError, TaskError};
pub use measure::{MeasureError, PROOF_KERNEL, Speed};
pub use outcome::{Exit, Outcome, TrapKind};
pub use precompiled::Origin;
pub use task::{
    Cancel, Limits, MAX_ARGS_BYTES, MAX_DEPTH, MAX_FUEL, MAX_INPUT_FILES, MAX_NAME, MAX_PATH, Task,
};
