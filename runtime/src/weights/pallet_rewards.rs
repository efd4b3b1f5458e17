//! Weights of `pallet_rewards`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_rewards`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_rewards::WeightInfo for WeightInfo<T> {
    fn claim() -> Weight {
        // At least 69_584 ns.
        Weight::from_parts(96_325_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(7))
    }
    fn tick() -> Weight {
        // At least 14_923 ns.
        Weight::from_parts(19_078_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    fn close_round() -> Weight {
        // At least 94_512 ns.
        Weight::from_parts(106_891_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(9))
    }
    fn set_foundation_reserve() -> Weight {
        // At least 3_175 ns.
        Weight::from_parts(3_515_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
