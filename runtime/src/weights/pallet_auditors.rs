//! Weights of `pallet_auditors`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_auditors`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_auditors::WeightInfo for WeightInfo<T> {
    fn admit() -> Weight {
        // At least 6_810 ns.
        Weight::from_parts(7_301_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn bond() -> Weight {
        // At least 39_820 ns.
        Weight::from_parts(41_893_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn attest() -> Weight {
        // At least 13_951 ns.
        Weight::from_parts(14_822_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract() -> Weight {
        // At least 8_303 ns.
        Weight::from_parts(8_793_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn resign() -> Weight {
        // At least 8_472 ns.
        Weight::from_parts(9_064_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn withdraw() -> Weight {
        // At least 34_382 ns.
        Weight::from_parts(36_194_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn dismiss() -> Weight {
        // At least 61_342 ns.
        Weight::from_parts(65_118_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
