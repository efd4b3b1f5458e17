//! Bounds of a sandbox, and what can go wrong.

#[cfg(unix)]
use crate::child::ARGUMENT;
use crate::report::Measure;
#[cfg(not(unix))]
use crate::unsupported::child::ARGUMENT;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use sungrid_executor::CompileError;

/// How a child is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl Program {
    /// This very program, which calls [`child::main_if_asked`](crate::child::main_if_asked) first of all.
    ///
    /// # Errors
    ///
    /// If the system does not say which that is.
    pub fn this() -> io::Result<Self> {
        // The file that runs, even after another version took its name.
        #[cfg(target_os = "linux")]
        let path = PathBuf::from("/proc/self/exe");
        #[cfg(not(target_os = "linux"))]
        let path = std::env::current_exe()?;
        Ok(Self {
            path,
            args: vec![ARGUMENT.into()],
        })
    }
}

/// Bounds of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What a child is.
    pub program: Program,
    /// Bytes that compiling one module may take. Less, and large modules are refused; more, and a module made for it
    /// takes the memory of others' work.
    pub compile_memory: u64,
    /// Processor time that it may take, in whole seconds, rounded up. Less, and slow machines refuse large modules; more, and a module made
    /// for it holds up others.
    pub compile_time: Duration,
    /// How long that may be by the clock. Less, and machines that are busy with other things refuse what others run; more, and a compiler
    /// that was broken and waits for ever holds its slot for longer.
    pub compile_wait: Duration,
    /// Modules that are compiled at the same time.
    pub compile_slots: usize,
    /// Whether batches stand behind everything else that wants a processor. Those that are
    /// [urgent](crate::Shape::urgent) do not, nor does compiling: both have a bond or a time to lose.
    pub background: bool,
    /// Measures to do without, on a system that breaks on one, or to try the others. None as a rule.
    pub skip: Vec<Measure>,
}

impl Config {
    /// 2 GiB, two minutes of processor time and twenty by the clock for each of two modules: CPython takes a fifth of either on a slow machine.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            compile_memory: 2 << 30,
            compile_time: Duration::from_secs(120),
            compile_wait: Duration::from_secs(1_200),
            compile_slots: 2,
            background: false,
            skip: Vec::new(),
        }
    }
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// No child can be started.
    #[error("no process can be started for sandboxed work: {0}")]
    Start(String),
    /// Parent and child do not agree on what runs guests.
    #[error("the sandbox runs another environment than this program; install one version of both")]
    Environment,
}

/// Why a module is not ready to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The module's fault: every worker says so, or gives up on it.
    #[error("{0}")]
    Refused(String),
    /// This machine's: another try can help.
    #[error("it cannot be compiled now: {0}")]
    Host(String),
}

impl From<CompileError> for PrepareError {
    fn from(error: CompileError) -> Self {
        Self::Refused(error.to_string())
    }
}
