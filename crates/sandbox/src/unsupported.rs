//! Systems without Unix sockets: there is no sandbox, and [`Sandbox::new`] says so.

use crate::config::{Config, PrepareError, SandboxError};
use crate::report::{Report, Status};
use crate::shape::Shape;
use std::convert::Infallible;
use sungrid_executor::{Cancel, Engine, Limits, Outcome, RunError, Task};

/// Starts children: none here.
#[derive(Clone)]
pub struct Sandbox(Infallible);

/// A compiled module: none here.
#[derive(Clone, Debug)]
pub struct Code(Infallible);

/// A running child: none here.
pub struct Batch(Infallible);

impl Sandbox {
    /// Says that this system has no sandbox.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn new(_: Engine, _: Config) -> Result<Self, SandboxError> {
        Err(SandboxError::Start(
            "this system has no sandbox yet".to_owned(),
        ))
    }

    /// What of the jail is in force.
    pub fn report(&self) -> &Report {
        match self.0 {}
    }

    /// How batches stand beside other processes.
    pub fn priority(&self) -> Option<&Status> {
        match self.0 {}
    }

    /// The engine that names the environment.
    pub fn engine(&self) -> &Engine {
        match self.0 {}
    }

    /// Has a module's machine code ready.
    ///
    /// # Errors
    ///
    /// Never called.
    pub fn prepare(&self, _: &[u8]) -> Result<Code, PrepareError> {
        match self.0 {}
    }

    /// Starts a child with a module.
    ///
    /// # Errors
    ///
    /// Never called.
    pub fn start(&self, _: &Code, _: &Shape) -> Result<Batch, RunError> {
        match self.0 {}
    }

    /// Runs one unit.
    ///
    /// # Errors
    ///
    /// Never called.
    pub fn run(&self, _: &Code, _: &Task, _: &Limits, _: &Cancel) -> Result<Outcome, RunError> {
        match self.0 {}
    }

    /// Stops children that are not urgent.
    pub fn suspend(&self) {
        match self.0 {}
    }

    /// Lets all children go on.
    pub fn resume(&self) {
        match self.0 {}
    }

    /// Whether children are stopped.
    pub fn is_suspended(&self) -> bool {
        match self.0 {}
    }
}

impl Batch {
    /// Runs one unit.
    ///
    /// # Errors
    ///
    /// Never called.
    pub fn run(&self, _: &Task, _: &Limits, _: &Cancel) -> Result<Outcome, RunError> {
        match self.0 {}
    }
}

/// The child's side.
pub mod child {
    /// The first argument of a program that is to be a child.
    pub const ARGUMENT: &str = "sandbox-child";

    /// Nobody asks here.
    pub fn main_if_asked() {}
}
