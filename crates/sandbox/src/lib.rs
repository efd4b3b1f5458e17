//! Runs each batch in a process of its own, confined as far as the system allows, and compiles there.
//!
//! WebAssembly keeps a guest inside already. This crate is for the day on which the compiler or the engine has a bug:
//! whoever gets out of the guest's memory is in a process that holds no key, no file, no socket but the one to its
//! parent, and cannot get any.
//!
//! ```text
//! worker ── Sandbox ──spawn──▶ child: jail, engine, load ◀── machine code, sealed, read-only
//!             │                  ├─ lane: a unit at a time, in a fresh instance
//!             └── Batch ──unit──▶└─ lane …
//!                       ◀─outcome── untrusted: bounded and checked
//! ```
//!
//! # Terms
//!
//! * **Child**: the same program again with [`child::ARGUMENT`], see [`child::main_if_asked`]; one per batch, and one per
//!   module that is compiled.
//! * **Lane**: a socket between parent and child that carries one unit at a time.
//! * **Measure**: one part of the jail. What of it is in force, and why the rest is not, is the [`Report`] of a child
//!   that was started for that.
//!
//! # Rules
//!
//! 1. The child is jailed before it reads a byte that somebody else wrote.
//! 2. The parent believes no answer: sizes are checked before memory is taken, and what is malformed is an error of
//!    that batch. What a child says of a unit counts no more than what a worker says: replicas are compared.
//! 3. Machine code is never loaded in the parent, and never shared writable.
//! 4. No child outlives its parent.
//! 5. A suspended child loses no time: clocks stand still for it. Compiling and what is urgent is never suspended.
//!
//! On systems other than Linux the process is the only measure; on those without Unix sockets there is none, and
//! [`Sandbox::new`] says so.

#![deny(missing_docs)]

#[cfg(unix)]
mod batch;
#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(unix)]
mod channel;
#[cfg(unix)]
pub mod child;
#[cfg(unix)]
mod code;
mod config;
mod isolation;
#[cfg(unix)]
mod jail;
#[cfg(unix)]
mod priority;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod protocol;
mod report;
#[cfg(unix)]
mod sandbox;
mod shape;
#[cfg(unix)]
mod sys;
#[cfg(not(unix))]
mod unsupported;

#[cfg(unix)]
pub use batch::Batch;
#[cfg(unix)]
pub use code::Code;
pub use config::{Config, PrepareError, Program, SandboxError};
pub use isolation::{Host, Isolation, IsolationError, Level, UnknownIsolation};
pub use report::{Measure, Report, Status, UnknownMeasure};
#[cfg(unix)]
pub use sandbox::Sandbox;
pub use shape::Shape;
#[cfg(not(unix))]
pub use unsupported::{Batch, Code, Sandbox, child};
