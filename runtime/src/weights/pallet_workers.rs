//! Weights of `pallet_workers`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_workers`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_workers::WeightInfo for WeightInfo<T> {
    fn register() -> Weight {
        // At least 94_331 ns.
        Weight::from_parts(102_093_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn update() -> Weight {
        // At least 11_808 ns.
        Weight::from_parts(12_519_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn set_capacity() -> Weight {
        // At least 11_387 ns.
        Weight::from_parts(12_509_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn bond_more() -> Weight {
        // At least 39_799 ns.
        Weight::from_parts(42_804_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn pause() -> Weight {
        // At least 15_153 ns.
        Weight::from_parts(16_124_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn resume() -> Weight {
        // At least 13_851 ns.
        Weight::from_parts(15_163_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn leave() -> Weight {
        // At least 15_073 ns.
        Weight::from_parts(16_184_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 52_198 ns.
        Weight::from_parts(54_993_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn set_environment() -> Weight {
        // At least 11_928 ns.
        Weight::from_parts(12_609_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn rotate_key() -> Weight {
        // At least 85_068 ns.
        Weight::from_parts(91_057_000, 0)
            .saturating_add(T::DbWeight::get().reads(14))
            .saturating_add(T::DbWeight::get().writes(13))
    }
    fn offer() -> Weight {
        // At least 8_072 ns.
        Weight::from_parts(8_884_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract_offer() -> Weight {
        // At least 9_193 ns.
        Weight::from_parts(9_864_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn accept() -> Weight {
        // At least 155_133 ns.
        Weight::from_parts(167_952_000, 0)
            .saturating_add(T::DbWeight::get().reads(18))
            .saturating_add(T::DbWeight::get().writes(16))
    }
}
