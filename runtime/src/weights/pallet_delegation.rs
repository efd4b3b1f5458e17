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
        // At least 47_101 ns.
        Weight::from_parts(49_063_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn set_commission() -> Weight {
        // At least 11_607 ns.
        Weight::from_parts(12_368_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn delegate() -> Weight {
        // At least 66_960 ns.
        Weight::from_parts(69_624_000, 0)
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn undelegate() -> Weight {
        // At least 37_456 ns.
        Weight::from_parts(39_098_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 88_323 ns.
        Weight::from_parts(95_764_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn claim() -> Weight {
        // At least 63_565 ns.
        Weight::from_parts(66_500_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn close() -> Weight {
        // At least 59_229 ns.
        Weight::from_parts(61_963_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
