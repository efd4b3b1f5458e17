//! Weights of `pallet_workers`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_workers`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_workers::WeightInfo for WeightInfo<T> {
    fn register() -> Weight {
        // At least 116_475 ns.
        Weight::from_parts(191_718_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn update() -> Weight {
        // At least 17_707 ns.
        Weight::from_parts(19_769_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn set_capacity() -> Weight {
        // At least 12_939 ns.
        Weight::from_parts(15_383_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn bond_more() -> Weight {
        // At least 43_175 ns.
        Weight::from_parts(46_400_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn unbond() -> Weight {
        // At least 9_224 ns.
        Weight::from_parts(11_107_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn withdraw_unbonded() -> Weight {
        // At least 39_740 ns.
        Weight::from_parts(45_458_000, 0)
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn pause() -> Weight {
        // At least 16_766 ns.
        Weight::from_parts(18_999_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn resume() -> Weight {
        // At least 15_873 ns.
        Weight::from_parts(21_362_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn leave() -> Weight {
        // At least 16_765 ns.
        Weight::from_parts(19_058_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 114_462 ns.
        Weight::from_parts(122_925_000, 0)
            .saturating_add(T::DbWeight::get().reads(15))
            .saturating_add(T::DbWeight::get().writes(14))
    }
    fn set_environment() -> Weight {
        // At least 13_140 ns.
        Weight::from_parts(14_942_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn rotate_key() -> Weight {
        // At least 130_876 ns.
        Weight::from_parts(215_965_000, 0)
            .saturating_add(T::DbWeight::get().reads(16))
            .saturating_add(T::DbWeight::get().writes(18))
    }
    fn offer() -> Weight {
        // At least 8_253 ns.
        Weight::from_parts(9_415_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract_offer() -> Weight {
        // At least 9_263 ns.
        Weight::from_parts(10_346_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn accept() -> Weight {
        // At least 212_249 ns.
        Weight::from_parts(311_998_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(21))
    }
}
