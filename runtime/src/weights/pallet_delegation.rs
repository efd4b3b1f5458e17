//! Weights of `pallet_delegation`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_delegation`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_delegation::WeightInfo for WeightInfo<T> {
    fn open() -> Weight {
        // At least 47_241 ns.
        Weight::from_parts(49_875_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn set_commission() -> Weight {
        // At least 11_988 ns.
        Weight::from_parts(12_629_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn delegate() -> Weight {
        // At least 67_712 ns.
        Weight::from_parts(70_115_000, 0)
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn undelegate() -> Weight {
        // At least 38_448 ns.
        Weight::from_parts(40_501_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 93_570 ns.
        Weight::from_parts(98_297_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn claim() -> Weight {
        // At least 65_799 ns.
        Weight::from_parts(68_694_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn close() -> Weight {
        // At least 61_072 ns.
        Weight::from_parts(63_956_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
