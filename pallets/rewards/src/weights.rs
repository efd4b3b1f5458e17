//! Weights of the calls and of a block's beginning.
//!
//! Estimated by hand from the storage that each touches, generously: the benchmarks replace them once
//! they have run on the reference machine.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls and of a block's beginning.
pub trait WeightInfo {
    /// Of [`claim_rewards`](crate::Pallet::claim_rewards) and [`claim_for`](crate::Pallet::claim_for).
    fn claim() -> Weight;
    /// Of a block in which the round goes on, with the point of its author: `pallet-authorship` does not
    /// weigh what it calls.
    fn tick() -> Weight;
    /// Of a block in which the round ends, with the point of its author.
    fn close_round() -> Weight;
}

impl WeightInfo for () {
    // Three roles, each with its account and an ended round; two accounts, the round, what is owed.
    fn claim() -> Weight {
        Weight::from_parts(120_000_000, 12_000)
            .saturating_add(RocksDbWeight::get().reads_writes(10, 9))
    }

    // The round, the author's account, and an ended round that it folds in.
    fn tick() -> Weight {
        Weight::from_parts(40_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 3))
    }

    // The same, and carried, owed, the round's length, open round, summary, issuance, pot and treasury.
    fn close_round() -> Weight {
        Weight::from_parts(190_000_000, 20_000)
            .saturating_add(RocksDbWeight::get().reads_writes(10, 11))
    }
}
