//! Weights of the calls and the hook.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls and the hook.
pub trait WeightInfo {
    /// Of a block's draw.
    fn draw() -> Weight;
    /// Of [`alive`](crate::Pallet::alive).
    fn alive() -> Weight;
    /// Of [`report`](crate::Pallet::report).
    fn report() -> Weight;
}

impl WeightInfo for () {
    // The number of members, the randomness; one draw is written, one removed.
    fn draw() -> Weight {
        Weight::from_parts(10_000_000, 2_000)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 2))
    }

    // 20 hashes; the member, its worker, the draw, and what counts answers.
    fn alive() -> Weight {
        Weight::from_parts(80_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(8, 7))
    }

    // 20 hashes, two payments out of a hold, the worker, three members' entries.
    fn report() -> Weight {
        Weight::from_parts(200_000_000, 16_000)
            .saturating_add(RocksDbWeight::get().reads_writes(12, 11))
    }
}
