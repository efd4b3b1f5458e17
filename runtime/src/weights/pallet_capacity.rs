//! Weights of `pallet_capacity`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.
//! Ref times of what has changed are a quarter more than the least that was seen on a busy machine, until they are measured on a
//! quiet one; reads and writes are measured.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_capacity`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_capacity::WeightInfo for WeightInfo<T> {
    fn on_initialize() -> Weight {
        // At least 28_000 ns.
        Weight::from_parts(35_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    fn start() -> Weight {
        // At least 20_681 ns.
        Weight::from_parts(21_692_000, 0)
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn commit() -> Weight {
        // At least 34_371 ns.
        Weight::from_parts(35_794_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // `d`: 6 to 12.
    fn open(d: u32, ) -> Weight {
        // At least 1_965_511 ns.
        Weight::from_parts(1_272_042_622, 0)
            .saturating_add(Weight::from_parts(120_771_466, 0).saturating_mul(d.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn settle() -> Weight {
        // At least 172_000 ns.
        Weight::from_parts(215_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(12))
    }
    fn set_allowance() -> Weight {
        // At least 2_844 ns.
        Weight::from_parts(3_055_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
