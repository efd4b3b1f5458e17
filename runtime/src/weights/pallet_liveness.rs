//! Weights of `pallet_liveness`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_liveness`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_liveness::WeightInfo for WeightInfo<T> {
    fn draw() -> Weight {
        // At least 7_892 ns.
        Weight::from_parts(9_935_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn alive() -> Weight {
        // At least 55_744 ns.
        Weight::from_parts(59_229_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn report() -> Weight {
        // At least 128_964 ns.
        Weight::from_parts(149_244_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(9))
    }
}
