//! Errors. A guest's own failures are no errors but [`Exit`](crate::Exit)s.

use std::time::Duration;

/// Why an engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The machine or platform cannot run the audited configuration.
    #[error(
        "this machine cannot run the WASM engine: {0}; a 64-bit processor of the last 15 years \
         (x86-64 with AVX2 and BMI2, or AArch64) is needed"
    )]
    Unsupported(String),
    /// The cache directory cannot be used.
    #[error(
        "cannot use the module cache at {path}: {source}; choose a directory this user can write"
    )]
    Cache {
        /// The directory.
        path: std::path::PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// Why bytes are not a module this executor runs. Deterministic: every worker of the same
/// environment says the same, except for [`CompileError::Compiler`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// No WebAssembly magic number.
    #[error(
        "not a WebAssembly module (it does not start with \\0asm); build the image for wasm32-wasip1"
    )]
    NotWasm,
    /// A component instead of a core module.
    #[error(
        "a WebAssembly component, not a module; build for wasm32-wasip1 instead of wasm32-wasip2"
    )]
    Component,
    /// Larger than [`MAX_MODULE`](crate::MAX_MODULE).
    #[error(
        "the module has {size} bytes, more than the {max} allowed; strip debug information or move data to inputs"
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Fails validation, or uses a feature that is off.
    #[error(
        "invalid module: {0}; threads, exceptions, 64-bit memory, tail calls and relaxed SIMD are not available"
    )]
    Invalid(String),
    /// Imports something other than a WASI function.
    #[error(
        "imports {module}::{name}, which does not exist here; only functions of wasi_snapshot_preview1 do: link what provides it into the module (wasm-merge, or the linker), or build for wasm32-wasip1"
    )]
    UnknownImport {
        /// Import module.
        module: String,
        /// Import name.
        name: String,
    },
    /// Imports a WASI function under a type it does not have.
    #[error("{0}; rebuild against a current WASI library")]
    ImportType(String),
    /// No `_start` of type `() -> ()`.
    #[error("no function _start without parameters and results; build a command, not a library")]
    NoStart,
    /// Imports WASI without exporting its memory.
    #[error("imports WASI functions but exports no memory named \"memory\"; export it")]
    NoMemory,
    /// The compiler gave up or crashed on this module.
    #[error("the compiler failed on this module: {0}")]
    Compiler(String),
}

/// Why a run has no result. Nothing of it may be billed or committed to; another attempt, here
/// or elsewhere, may succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The task itself is malformed.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Killed after the wall-clock allowance.
    #[error("killed after {0:?} of wall clock; this machine is too slow or too busy for the unit")]
    WallClock(Duration),
    /// Cancelled by the caller.
    #[error("cancelled")]
    Cancelled,
    /// The host failed: out of memory or address space, or a fault of the engine.
    #[error("the host could not finish the run: {0}")]
    Host(String),
}

impl RunError {
    /// Whether the same task may succeed later or on another machine.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Task(_))
    }
}

/// Why a task cannot be given to a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A file name that could leave `/in` or that WASI cannot express.
    #[error(
        "bad input path {0:?}: use relative names of at most 255 bytes a part without \"..\", \".\" or empty parts"
    )]
    Path(String),
    /// One input is a file and a folder at once.
    #[error("input path {0:?} is both a file and a folder")]
    Conflict(String),
    /// A NUL byte where C strings are expected.
    #[error("argument or environment entry {0:?} contains a NUL byte or, in a name, \"=\"")]
    Nul(String),
    /// More than [`MAX_ARGS_BYTES`](crate::MAX_ARGS_BYTES) of arguments and environment.
    #[error(
        "arguments and environment take {0} bytes, more than allowed; pass data as input files"
    )]
    ArgsTooLarge(usize),
    /// More than [`MAX_INPUT_FILES`](crate::MAX_INPUT_FILES) input files.
    #[error("{0} input files, more than allowed; pack them")]
    TooManyFiles(usize),
}
