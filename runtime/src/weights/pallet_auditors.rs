//! Weights of `pallet_auditors`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_auditors`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_auditors::WeightInfo for WeightInfo<T> {
    fn admit() -> Weight {
        // At least 6_961 ns.
        Weight::from_parts(9_715_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn bond() -> Weight {
        // At least 41_042 ns.
        Weight::from_parts(42_764_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn attest() -> Weight {
        // At least 15_353 ns.
        Weight::from_parts(17_627_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract() -> Weight {
        // At least 9_294 ns.
        Weight::from_parts(11_317_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn resign() -> Weight {
        // At least 8_623 ns.
        Weight::from_parts(9_274_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn withdraw() -> Weight {
        // At least 34_793 ns.
        Weight::from_parts(46_831_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn dismiss() -> Weight {
        // At least 66_370 ns.
        Weight::from_parts(89_093_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
