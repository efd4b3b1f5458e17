//! Weights of `pallet_capacity`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_capacity`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_capacity::WeightInfo for WeightInfo<T> {
    fn on_initialize() -> Weight {
        // At least 28_122 ns.
        Weight::from_parts(37_155_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    fn start() -> Weight {
        // At least 21_322 ns.
        Weight::from_parts(23_786_000, 0)
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn commit() -> Weight {
        // At least 35_093 ns.
        Weight::from_parts(39_339_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // `d`: 6 to 12.
    fn open(d: u32, ) -> Weight {
        // At least 2_088_716 ns.
        Weight::from_parts(1_156_130_683, 0)
            .saturating_add(Weight::from_parts(1_332_612_107, 0).saturating_mul(d.into()))
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn settle() -> Weight {
        // At least 172_520 ns.
        Weight::from_parts(180_511_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(12))
    }
    fn set_allowance() -> Weight {
        // At least 2_895 ns.
        Weight::from_parts(3_145_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
