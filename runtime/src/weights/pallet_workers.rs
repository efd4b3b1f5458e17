//! Weights of `pallet_workers`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_workers`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_workers::WeightInfo for WeightInfo<T> {
    fn register() -> Weight {
        // At least 93_941 ns.
        Weight::from_parts(100_862_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn update() -> Weight {
        // At least 11_737 ns.
        Weight::from_parts(12_619_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn set_capacity() -> Weight {
        // At least 12_058 ns.
        Weight::from_parts(12_849_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn bond_more() -> Weight {
        // At least 40_811 ns.
        Weight::from_parts(43_074_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn pause() -> Weight {
        // At least 15_243 ns.
        Weight::from_parts(16_204_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn resume() -> Weight {
        // At least 14_582 ns.
        Weight::from_parts(15_423_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn leave() -> Weight {
        // At least 15_753 ns.
        Weight::from_parts(16_565_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 51_918 ns.
        Weight::from_parts(55_844_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn set_environment() -> Weight {
        // At least 12_038 ns.
        Weight::from_parts(12_820_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn rotate_key() -> Weight {
        // At least 87_372 ns.
        Weight::from_parts(93_280_000, 0)
            .saturating_add(T::DbWeight::get().reads(14))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    fn offer() -> Weight {
        // At least 8_533 ns.
        Weight::from_parts(9_114_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract_offer() -> Weight {
        // At least 9_324 ns.
        Weight::from_parts(9_945_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn accept() -> Weight {
        // At least 156_395 ns.
        Weight::from_parts(164_668_000, 0)
            .saturating_add(T::DbWeight::get().reads(18))
            .saturating_add(T::DbWeight::get().writes(16))
    }
}
