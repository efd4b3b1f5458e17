//! Weights of `pallet_suns`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_suns`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_suns::WeightInfo for WeightInfo<T> {
    fn add_profile() -> Weight {
        // At least 9_314 ns.
        Weight::from_parts(9_935_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn set_price_floor() -> Weight {
        // At least 6_730 ns.
        Weight::from_parts(7_201_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn set_environment() -> Weight {
        // At least 6_850 ns.
        Weight::from_parts(7_291_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
