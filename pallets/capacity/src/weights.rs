//! Weights of the calls and the hook.
//!
//! Estimated by hand from the storage that each call touches, generously: the benchmarks replace them
//! once they have run on the reference machine.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls and the hook.
pub trait WeightInfo {
    /// Of a block's beacon and spot check.
    fn on_initialize() -> Weight;
    /// Of [`start`](crate::Pallet::start).
    fn start() -> Weight;
    /// Of [`commit`](crate::Pallet::commit).
    fn commit() -> Weight;
    /// Of [`open`](crate::Pallet::open) where the tree is so deep. It is computed twice: whether it is free is known only then.
    fn open(depth: u32) -> Weight;
    /// Of [`settle`](crate::Pallet::settle).
    fn settle() -> Weight;
    /// Of [`set_allowance`](crate::Pallet::set_allowance).
    fn set_allowance() -> Weight;
}

impl WeightInfo for () {
    // Randomness, the last beacon, the count, a number and its proof; a beacon is written, one removed, and a proof
    // with another's number goes.
    fn on_initialize() -> Weight {
        Weight::from_parts(20_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(7, 7))
    }

    // The worker, its proof and profile, the allowance, the run, the clock.
    fn start() -> Weight {
        Weight::from_parts(60_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(8, 1))
    }

    // As a start, with a block's hash and the worker written.
    fn commit() -> Weight {
        Weight::from_parts(80_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(9, 2))
    }

    // 16 segments of 8,192 steps, at 10 ns each, and some 50 hashes per level, twice.
    fn open(depth: u32) -> Weight {
        Weight::from_parts(2_700_000_000, 8_000)
            .saturating_add(Weight::from_parts(60_000_000, 0).saturating_mul(depth.into()))
            .saturating_add(RocksDbWeight::get().reads_writes(6, 5))
    }

    // The run, the worker, two payments out of a hold, the proof, that which takes its number, and what is on record.
    fn settle() -> Weight {
        Weight::from_parts(220_000_000, 14_000)
            .saturating_add(RocksDbWeight::get().reads_writes(11, 11))
    }

    fn set_allowance() -> Weight {
        Weight::from_parts(10_000_000, 0).saturating_add(RocksDbWeight::get().writes(1))
    }
}
