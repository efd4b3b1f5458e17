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
        // At least 91_437 ns.
        Weight::from_parts(96_164_000, 0)
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn update() -> Weight {
        // At least 11_557 ns.
        Weight::from_parts(12_138_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn set_capacity() -> Weight {
        // At least 11_587 ns.
        Weight::from_parts(12_208_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn bond_more() -> Weight {
        // At least 40_361 ns.
        Weight::from_parts(41_863_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn pause() -> Weight {
        // At least 14_602 ns.
        Weight::from_parts(15_483_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn resume() -> Weight {
        // At least 14_122 ns.
        Weight::from_parts(14_892_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn leave() -> Weight {
        // At least 14_842 ns.
        Weight::from_parts(15_614_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn withdraw() -> Weight {
        // At least 44_577 ns.
        Weight::from_parts(46_110_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn set_environment() -> Weight {
        // At least 11_788 ns.
        Weight::from_parts(12_408_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn rotate_key() -> Weight {
        // At least 75_263 ns.
        Weight::from_parts(78_408_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(9))
    }
    fn offer() -> Weight {
        // At least 8_253 ns.
        Weight::from_parts(8_764_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn retract_offer() -> Weight {
        // At least 9_054 ns.
        Weight::from_parts(9_574_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn accept() -> Weight {
        // At least 142_724 ns.
        Weight::from_parts(149_154_000, 0)
            .saturating_add(T::DbWeight::get().reads(15))
            .saturating_add(T::DbWeight::get().writes(12))
    }
}
