//! Weights of the calls.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Of [`add_profile`](crate::Pallet::add_profile).
    fn add_profile() -> Weight;
    /// Of [`set_price_floor`](crate::Pallet::set_price_floor).
    fn set_price_floor() -> Weight;
    /// Of [`set_environment`](crate::Pallet::set_environment).
    fn set_environment() -> Weight;
}

impl WeightInfo for () {
    fn add_profile() -> Weight {
        Weight::from_parts(20_000_000, 3_600)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 2))
    }

    fn set_price_floor() -> Weight {
        Weight::from_parts(20_000_000, 3_600)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }

    fn set_environment() -> Weight {
        Weight::from_parts(20_000_000, 3_600)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
}
