//! Weights of `pallet_capacity`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_capacity`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_capacity::WeightInfo for WeightInfo<T> {
    fn on_initialize() -> Weight {
        // At least 21_252 ns.
        Weight::from_parts(22_374_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    fn start() -> Weight {
        // At least 20_992 ns.
        Weight::from_parts(22_023_000, 0)
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn commit() -> Weight {
        // At least 34_221 ns.
        Weight::from_parts(35_673_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // `d`: 6 to 12.
    fn open(d: u32, ) -> Weight {
        // At least 1_884_410 ns.
        Weight::from_parts(1_229_569_517, 0)
            .saturating_add(Weight::from_parts(119_237_590, 0).saturating_mul(d.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn settle() -> Weight {
        // At least 66_249 ns.
        Weight::from_parts(69_634_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(10))
    }
    fn set_allowance() -> Weight {
        // At least 2_794 ns.
        Weight::from_parts(3_004_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
