//! Weights of `pallet_validators`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_validators`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_validators::WeightInfo for WeightInfo<T> {
    fn add_authority() -> Weight {
        // At least 16_715 ns.
        Weight::from_parts(17_706_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn remove_authority() -> Weight {
        // At least 9_294 ns.
        Weight::from_parts(9_895_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn reinstate() -> Weight {
        // At least 8_022 ns.
        Weight::from_parts(8_522_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn bond() -> Weight {
        // At least 39_770 ns.
        Weight::from_parts(41_532_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn stand() -> Weight {
        // At least 37_496 ns.
        Weight::from_parts(39_729_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn leave() -> Weight {
        // At least 15_153 ns.
        Weight::from_parts(16_395_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn withdraw() -> Weight {
        // At least 34_582 ns.
        Weight::from_parts(36_084_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn set_seats() -> Weight {
        // At least 2_934 ns.
        Weight::from_parts(3_145_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
