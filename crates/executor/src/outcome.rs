//! What a run produced. Everything in an [`Outcome`] is a function of module, task, limits and
//! environment alone.

use std::collections::BTreeMap;

/// The result of a run: a guest that fails has one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How the guest ended.
    pub exit: Exit,
    /// Fuel charged; never above the limit. Exact for every exit but a trap, where it counts up to the last
    /// call, return or slice boundary: at most [`SLICE`](crate::SLICE) less.
    pub fuel: u64,
    /// Largest size of linear memory over the run, in bytes.
    pub peak_memory: u64,
    /// What the guest wrote to standard output.
    pub stdout: Vec<u8>,
    /// What the guest wrote to standard error.
    pub stderr: Vec<u8>,
    /// Files left under `/out`, by path relative to it. Empty directories are not kept.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// How a guest ended. All of these are deterministic and billable; a run that the *host* ended is
/// a [`RunError`](crate::RunError) and no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// `_start` returned (0) or the guest called `proc_exit`. Codes above 255 become 255, so that
    /// a failure never reads as success.
    Code(u8),
    /// The guest trapped.
    Trap(TrapKind),
    /// The fuel limit was reached; the whole limit is charged.
    OutOfFuel,
    /// The guest wrote more bytes, or created more files, than its limits allow.
    OutputLimit,
    /// The module asks for more initial memory than the limit. Growing later
    /// beyond the limit is no exit: `memory.grow` returns -1, as WebAssembly defines.
    MemoryLimit,
    /// The module asks for more initial table elements than the limit.
    TableLimit,
}

/// Why a guest trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TrapKind {
    /// Recursion exhausted the stack.
    StackOverflow = 1,
    /// A load, store or segment outside linear memory.
    MemoryOutOfBounds = 2,
    /// A table access outside the table.
    TableOutOfBounds = 3,
    /// An indirect call to an empty table entry.
    IndirectCallToNull = 4,
    /// An indirect call to a function of another type.
    BadSignature = 5,
    /// Integer overflow in a division.
    IntegerOverflow = 6,
    /// Integer division by zero.
    DivisionByZero = 7,
    /// A float that does not fit the integer it is converted to.
    BadConversion = 8,
    /// `unreachable` was executed: a panic or abort, in most languages.
    Unreachable = 9,
}

impl Exit {
    /// The code that goes into receipts. Stable for ever:
    ///
    /// | code | meaning |
    /// |---|---|
    /// | `0..=255` | the guest's own exit code |
    /// | `0x1_0000 + kind` | trap, by [`TrapKind`] |
    /// | `0x2_0000` | out of fuel |
    /// | `0x2_0001` | output limit |
    /// | `0x2_0002` | memory limit at start |
    /// | `0x2_0003` | table limit at start |
    pub fn code(self) -> u32 {
        match self {
            Self::Code(code) => u32::from(code),
            Self::Trap(kind) => 0x1_0000 + u32::from(kind as u8),
            Self::OutOfFuel => 0x2_0000,
            Self::OutputLimit => 0x2_0001,
            Self::MemoryLimit => 0x2_0002,
            Self::TableLimit => 0x2_0003,
        }
    }

    /// The exit a receipt's code stands for; `None` for a code no executor of this version writes.
    pub fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0..=255 => Self::Code(code as u8),
            0x1_0001 => Self::Trap(TrapKind::StackOverflow),
            0x1_0002 => Self::Trap(TrapKind::MemoryOutOfBounds),
            0x1_0003 => Self::Trap(TrapKind::TableOutOfBounds),
            0x1_0004 => Self::Trap(TrapKind::IndirectCallToNull),
            0x1_0005 => Self::Trap(TrapKind::BadSignature),
            0x1_0006 => Self::Trap(TrapKind::IntegerOverflow),
            0x1_0007 => Self::Trap(TrapKind::DivisionByZero),
            0x1_0008 => Self::Trap(TrapKind::BadConversion),
            0x1_0009 => Self::Trap(TrapKind::Unreachable),
            0x2_0000 => Self::OutOfFuel,
            0x2_0001 => Self::OutputLimit,
            0x2_0002 => Self::MemoryLimit,
            0x2_0003 => Self::TableLimit,
            _ => return None,
        })
    }

    /// Whether the guest ended by itself with code 0.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl core::fmt::Display for Exit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Trap(kind) => write!(f, "trapped: {kind}"),
            Self::OutOfFuel => f.write_str("ran out of fuel; raise the fuel limit of the job"),
            Self::OutputLimit => {
                f.write_str("wrote more than its output limit; raise the limit or write less")
            }
            Self::MemoryLimit => {
                f.write_str("needs more memory to start than its limit; raise the memory limit")
            }
            Self::TableLimit => f.write_str("declares a table larger than its limit"),
        }
    }
}

impl core::fmt::Display for TrapKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::StackOverflow => "call stack exhausted",
            Self::MemoryOutOfBounds => "memory access out of bounds",
            Self::TableOutOfBounds => "table access out of bounds",
            Self::IndirectCallToNull => "call of an empty table entry",
            Self::BadSignature => "indirect call with the wrong type",
            Self::IntegerOverflow => "integer overflow",
            Self::DivisionByZero => "integer division by zero",
            Self::BadConversion => "float out of the integer's range",
            Self::Unreachable => "unreachable code reached (panic or abort)",
        })
    }
}

impl TrapKind {
    /// `None` for traps that the enabled WebAssembly features cannot raise.
    pub(crate) fn from_engine(trap: wasmtime::Trap) -> Option<Self> {
        use wasmtime::Trap;
        Some(match trap {
            Trap::StackOverflow => Self::StackOverflow,
            Trap::MemoryOutOfBounds => Self::MemoryOutOfBounds,
            Trap::TableOutOfBounds => Self::TableOutOfBounds,
            Trap::IndirectCallToNull => Self::IndirectCallToNull,
            Trap::BadSignature => Self::BadSignature,
            Trap::IntegerOverflow => Self::IntegerOverflow,
            Trap::IntegerDivisionByZero => Self::DivisionByZero,
            Trap::BadConversionToInteger => Self::BadConversion,
            Trap::UnreachableCodeReached => Self::Unreachable,
            _ => return None,
        })
    }
}
