//! Weights of the calls.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Of [`publish`](crate::Pallet::publish).
    fn publish() -> Weight;
    /// Of [`retire`](crate::Pallet::retire).
    fn retire() -> Weight;
    /// Of [`set_listing`](crate::Pallet::set_listing).
    fn set_listing() -> Weight;
}

impl WeightInfo for () {
    // The record, the account and its holds.
    fn publish() -> Weight {
        Weight::from_parts(60_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 3))
    }

    fn retire() -> Weight {
        Weight::from_parts(60_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 3))
    }
    // The record.
    fn set_listing() -> Weight {
        Weight::from_parts(30_000_000, 2_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
}
