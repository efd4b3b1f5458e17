//! Weights of `pallet_rewards`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_rewards`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_rewards::WeightInfo for WeightInfo<T> {
    fn claim() -> Weight {
        // At least 65_187 ns.
        Weight::from_parts(67_481_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    fn tick() -> Weight {
        // Estimated, with what is owed and the pot.
        Weight::from_parts(16_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    fn close_round() -> Weight {
        // At least 86_049 ns.
        Weight::from_parts(90_065_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(9))
    }
    fn set_foundation_reserve() -> Weight {
        // At least 2_944 ns.
        Weight::from_parts(3_155_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
