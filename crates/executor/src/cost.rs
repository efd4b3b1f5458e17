//! The fuel cost table: what one instruction, one page, one host call costs.
//!
//! One fuel unit is about the work of one simple integer instruction. The table is part of the
//! [environment](crate::Environment): changing a figure here changes it, and the chain has to list
//! the new one before results compare again. No figure is zero for work that a guest can repeat
//! without bound: straight-line code is bounded by the module, every loop passes a branch, and
//! every host call is charged before it acts.

use wasmtime::OperatorCost;

/// Charged once per run for address space, stack and instance set-up (measured at 60 to 100 µs).
pub const START_BASE: u64 = 100_000;

/// Charged per byte of the module at start: covers data and element segments, which
/// the module's size bounds.
pub const START_PER_MODULE_BYTE: u64 = 1;

/// Charged per 64 KiB page of linear memory, at start and when growing: the kernel hands pages
/// over zeroed, at 16 faults of about 0.5 µs each.
pub const MEMORY_PER_PAGE: u64 = 8_192;

/// The part of [`MEMORY_PER_PAGE`] that compiled code charges for pages asked for, granted or not. The
/// limiter adds the rest for pages granted: the engine's table has a byte per entry, and an
/// allocator that probes for more than there is should not pay as if it got it.
pub const MEMORY_PER_PAGE_IN_CODE: u8 = 1;

/// Charged per table element, at start and when growing.
pub const TABLE_PER_ELEMENT: u64 = 1;

/// Charged for entering any host function.
pub const HOST_CALL: u64 = 100;

/// Charged per byte a host function moves between the guest and the outside: what `memory.copy`
/// costs.
pub const HOST_PER_BYTE: u64 = 1;

/// Charged per byte drawn by `random_get`.
pub const HOST_PER_RANDOM_BYTE: u64 = 4;

/// Charged per path component looked up.
pub const HOST_PER_COMPONENT: u64 = 200;

/// Charged for creating a file or a directory or opening a descriptor.
pub const HOST_PER_INODE: u64 = 1_000;

/// Charged per directory entry listed and per subscription polled.
pub const HOST_PER_ENTRY: u64 = 50;

/// The operator table. Starts from one unit per instruction and zero for those that emit no code
/// (`nop`, `drop`, `block`, `loop`, `end`, `else`, `return`, `unreachable`), then prices what differs from an
/// addition.
pub(crate) fn operator_table() -> OperatorCost {
    let mut t = OperatorCost::new();

    // Operands. They become registers and immediates of the instruction that uses them, which is
    // charged. Writing a local stays at one: 50,000 locals rotated in a loop are 50,000 moves.
    for cost in [
        &mut t.LocalGet,
        &mut t.I32Const,
        &mut t.I64Const,
        &mut t.F32Const,
        &mut t.F64Const,
        &mut t.V128Const,
    ] {
        *cost = 0;
    }
    // Smaller and larger of two numbers: a comparison, a branch for equal ones, one for NaNs.
    for cost in [
        &mut t.F32Min,
        &mut t.F32Max,
        &mut t.F64Min,
        &mut t.F64Max,
        &mut t.F32x4Min,
        &mut t.F32x4Max,
        &mut t.F64x2Min,
        &mut t.F64x2Max,
    ] {
        *cost = 4;
    }
    // Division: 10 to 40 cycles on current x86-64 and AArch64 cores.
    for cost in [
        &mut t.I32DivS,
        &mut t.I32DivU,
        &mut t.I32RemS,
        &mut t.I32RemU,
        &mut t.I64DivS,
        &mut t.I64DivU,
        &mut t.I64RemS,
        &mut t.I64RemU,
    ] {
        *cost = 10;
    }
    // Floating-point division and square root: 4 to 20 cycles.
    for cost in [
        &mut t.F32Div,
        &mut t.F32Sqrt,
        &mut t.F64Div,
        &mut t.F64Sqrt,
        &mut t.F32x4Div,
        &mut t.F32x4Sqrt,
        &mut t.F64x2Div,
        &mut t.F64x2Sqrt,
    ] {
        *cost = 6;
    }
    // Calls publish the fuel counter and move a frame; indirect ones check a signature.
    t.Call = 3;
    t.CallIndirect = 6;
    t.BrTable = 2;
    t.MemoryGrow = 100;
    t.TableGrow = 100;

    t.variable.memory_copy_per_byte = 1;
    t.variable.memory_fill_per_byte = 1;
    t.variable.memory_init_per_byte = 1;
    t.variable.memory_grow_per_page = MEMORY_PER_PAGE_IN_CODE;
    t.variable.table_copy_per_element = 1;
    t.variable.table_fill_per_element = 1;
    t.variable.table_init_per_element = 1;
    t.variable.table_grow_per_element = 1;
    t
}

/// Every figure of this file, for the environment's hash.
#[derive(Clone)]
pub(crate) struct Costs {
    pub(crate) start: u64,
    pub(crate) module_byte: u64,
    pub(crate) page: u64,
    pub(crate) element: u64,
    pub(crate) call: u64,
    pub(crate) byte: u64,
    pub(crate) random: u64,
    pub(crate) component: u64,
    pub(crate) inode: u64,
    pub(crate) entry: u64,
    pub(crate) operators: OperatorCost,
}

impl Costs {
    pub(crate) fn current() -> Self {
        Self {
            start: START_BASE,
            module_byte: START_PER_MODULE_BYTE,
            page: MEMORY_PER_PAGE,
            element: TABLE_PER_ELEMENT,
            call: HOST_CALL,
            byte: HOST_PER_BYTE,
            random: HOST_PER_RANDOM_BYTE,
            component: HOST_PER_COMPONENT,
            inode: HOST_PER_INODE,
            entry: HOST_PER_ENTRY,
            operators: operator_table(),
        }
    }

    /// All of them as text, the operator table included.
    pub(crate) fn describe(&self) -> String {
        let Self {
            start,
            module_byte,
            page,
            element,
            call,
            byte,
            random,
            component,
            inode,
            entry,
            operators,
        } = self;
        format!(
            "start={start} module_byte={module_byte} page={page} \
             element={element} call={call} byte={byte} \
             random={random} component={component} inode={inode} \
             entry={entry} operators={operators:?}"
        )
    }
}
