//! What a batch needs.

use bytes::Bytes;
use sungrid_executor::Limits;

/// Memory of a child before its first lane: the program, the engine, what the allocator keeps.
#[cfg(unix)]
const BASE: u64 = 256 << 20;
/// Memory of a lane beside the guest's: stacks, the engine's tables, names and arguments.
#[cfg(unix)]
const LANE: u64 = 64 << 20;
/// Bytes of host memory for an element of a guest's table.
#[cfg(unix)]
const TABLE_ELEMENT: u64 = 16;
/// Most lanes of a child: their sockets go in one message, with the code.
#[cfg(unix)]
pub(crate) const MAX_LANES: usize = 251;

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
    /// Goes on while the sandbox is suspended: for short work that costs more when it is late than the machine's owner
    /// notices.
    pub urgent: bool,
}

#[cfg(unix)]
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
