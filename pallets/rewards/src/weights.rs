//! Weights of the calls and of a block's beginning.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

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
    /// Of [`set_foundation_reserve`](crate::Pallet::set_foundation_reserve).
    fn set_foundation_reserve() -> Weight;
}

impl WeightInfo for () {
    // Four roles, each with its account and an ended round; two accounts, the round, what is owed.
    fn claim() -> Weight {
        Weight::from_parts(140_000_000, 15_000)
            .saturating_add(RocksDbWeight::get().reads_writes(12, 11))
    }

    // The round, the author's account, an ended round that it folds in, what is owed, the pot.
    fn tick() -> Weight {
        Weight::from_parts(50_000_000, 13_000)
            .saturating_add(RocksDbWeight::get().reads_writes(5, 3))
    }

    // The same, and carried, owed, the round's length, open round, summary, issuance, pot, treasury and
    // node reserve.
    fn close_round() -> Weight {
        Weight::from_parts(230_000_000, 23_000)
            .saturating_add(RocksDbWeight::get().reads_writes(11, 12))
    }

    fn set_foundation_reserve() -> Weight {
        Weight::from_parts(12_000_000, 0).saturating_add(RocksDbWeight::get().writes(1))
    }
}
