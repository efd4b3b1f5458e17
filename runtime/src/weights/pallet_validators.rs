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
        // At least 16_284 ns.
        Weight::from_parts(17_406_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn remove_authority() -> Weight {
        // At least 9_083 ns.
        Weight::from_parts(9_714_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn reinstate() -> Weight {
        // At least 7_892 ns.
        Weight::from_parts(8_413_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn bond() -> Weight {
        // At least 39_810 ns.
        Weight::from_parts(41_462_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn stand() -> Weight {
        // At least 36_766 ns.
        Weight::from_parts(38_849_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn leave() -> Weight {
        // At least 15_433 ns.
        Weight::from_parts(16_355_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn withdraw() -> Weight {
        // At least 34_562 ns.
        Weight::from_parts(36_235_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn set_seats() -> Weight {
        // At least 2_874 ns.
        Weight::from_parts(3_085_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
