//! Weights of the calls.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Of [`admit`](crate::Pallet::admit).
    fn admit() -> Weight;
    /// Of [`bond`](crate::Pallet::bond).
    fn bond() -> Weight;
    /// Of [`attest`](crate::Pallet::attest).
    fn attest() -> Weight;
    /// Of [`retract`](crate::Pallet::retract).
    fn retract() -> Weight;
    /// Of [`resign`](crate::Pallet::resign).
    fn resign() -> Weight;
    /// Of [`withdraw`](crate::Pallet::withdraw).
    fn withdraw() -> Weight;
    /// Of [`dismiss`](crate::Pallet::dismiss).
    fn dismiss() -> Weight;
}

impl WeightInfo for () {
    fn admit() -> Weight {
        Weight::from_parts(25_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 2))
    }

    // The record, the account and its holds.
    fn bond() -> Weight {
        Weight::from_parts(60_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 3))
    }

    // The auditor, the worker, its attestations.
    fn attest() -> Weight {
        Weight::from_parts(35_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 1))
    }

    fn retract() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }

    fn resign() -> Weight {
        Weight::from_parts(25_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }

    fn withdraw() -> Weight {
        Weight::from_parts(60_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 3))
    }

    // The record, two accounts, the holds, released and transferred.
    fn dismiss() -> Weight {
        Weight::from_parts(100_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
}
