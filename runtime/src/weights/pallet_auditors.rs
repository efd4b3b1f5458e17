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
        // At least 6_620 ns.
        Weight::from_parts(6_991_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn bond() -> Weight {
        // At least 38_928 ns.
        Weight::from_parts(40_951_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn attest() -> Weight {
        // At least 13_701 ns.
        Weight::from_parts(14_511_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract() -> Weight {
        // At least 7_632 ns.
        Weight::from_parts(8_602_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn resign() -> Weight {
        // At least 8_292 ns.
        Weight::from_parts(8_813_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn withdraw() -> Weight {
        // At least 33_530 ns.
        Weight::from_parts(35_433_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn dismiss() -> Weight {
        // At least 60_841 ns.
        Weight::from_parts(64_226_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
