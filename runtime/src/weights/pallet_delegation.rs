//! Weights of `pallet_delegation`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_delegation`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_delegation::WeightInfo for WeightInfo<T> {
    fn open() -> Weight {
        // At least 50_406 ns.
        Weight::from_parts(54_863_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn set_commission() -> Weight {
        // At least 12_930 ns.
        Weight::from_parts(14_853_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn delegate() -> Weight {
        // At least 71_547 ns.
        Weight::from_parts(78_488_000, 0)
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn undelegate() -> Weight {
        // At least 40_461 ns.
        Weight::from_parts(49_905_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 97_637 ns.
        Weight::from_parts(105_759_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn claim() -> Weight {
        // At least 70_546 ns.
        Weight::from_parts(76_876_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn close() -> Weight {
        // At least 63_275 ns.
        Weight::from_parts(68_943_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
