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
        // At least 105_769 ns.
        Weight::from_parts(184_918_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn update() -> Weight {
        // At least 19_029 ns.
        Weight::from_parts(20_961_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn set_capacity() -> Weight {
        // At least 13_080 ns.
        Weight::from_parts(16_385_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn bond_more() -> Weight {
        // At least 43_956 ns.
        Weight::from_parts(47_101_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn pause() -> Weight {
        // At least 16_265 ns.
        Weight::from_parts(17_636_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn resume() -> Weight {
        // At least 14_822 ns.
        Weight::from_parts(17_716_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn leave() -> Weight {
        // At least 17_186 ns.
        Weight::from_parts(27_181_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 57_216 ns.
        // A write by hand, until it is measured: what is on record of its number.
        Weight::from_parts(70_136_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(9))
    }
    fn set_environment() -> Weight {
        // At least 13_480 ns.
        Weight::from_parts(17_727_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn rotate_key() -> Weight {
        // At least 98_708 ns.
        Weight::from_parts(143_726_000, 0)
            // A read and two writes by hand, until they are measured: what is on record goes along.
            .saturating_add(T::DbWeight::get().reads(15))
            .saturating_add(T::DbWeight::get().writes(15))
    }
    fn offer() -> Weight {
        // At least 9_504 ns.
        Weight::from_parts(15_593_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract_offer() -> Weight {
        // At least 10_396 ns.
        Weight::from_parts(14_632_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn accept() -> Weight {
        // At least 173_380 ns.
        Weight::from_parts(225_378_000, 0)
            // As a rotation: a read and two writes by hand.
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().writes(18))
    }
    fn unbond() -> Weight {
        // By hand, until it is measured.
        Weight::from_parts(30_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn withdraw_unbonded() -> Weight {
        // By hand, until it is measured.
        Weight::from_parts(60_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(3))
    }
}
