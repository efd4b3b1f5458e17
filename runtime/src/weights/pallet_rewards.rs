//! Weights of `pallet_rewards`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.
//! Ref times of what has changed are a quarter more than the least that was seen on a busy machine, until they are measured on a
//! quiet one; reads and writes are measured.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_rewards`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_rewards::WeightInfo for WeightInfo<T> {
    fn claim() -> Weight {
        // At least 50_155 ns.
        Weight::from_parts(62_694_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn tick() -> Weight {
        // At least 11_788 ns.
        Weight::from_parts(14_735_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn close_round() -> Weight {
        // At least 118_398 ns.
        Weight::from_parts(147_998_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn set_foundation_reserve() -> Weight {
        // At least 3_175 ns.
        Weight::from_parts(3_515_000, 0)
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
