//! Weights of `pallet_market`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_market`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_market::WeightInfo for WeightInfo<T> {
    fn submit() -> Weight {
        // At least 95_714 ns.
        Weight::from_parts(101_092_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // `w`: 1 to 32.
    fn claim(w: u32, ) -> Weight {
        // At least 41_242 ns.
        Weight::from_parts(39_959_855, 0)
            .saturating_add(Weight::from_parts(3_348_784, 0).saturating_mul(w.into()))
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn cancel() -> Weight {
        // At least 372_389 ns.
        Weight::from_parts(385_078_000, 0)
            .saturating_add(T::DbWeight::get().reads(66))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn repeat() -> Weight {
        // At least 54_562 ns.
        Weight::from_parts(58_047_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn raise() -> Weight {
        // At least 43_605 ns.
        Weight::from_parts(46_039_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // `b`: 1 to 50.
    fn clean_up(b: u32, ) -> Weight {
        // At least 64_687 ns.
        Weight::from_parts(34_878_734, 0)
            .saturating_add(Weight::from_parts(24_382_890, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(4))
            .saturating_add(T::DbWeight::get().writes(14_u64.saturating_mul(b.into())))
    }
    fn agenda_lookup() -> Weight {
        // At least 9_725 ns.
        Weight::from_parts(10_366_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn agenda_close() -> Weight {
        // At least 366_711 ns.
        Weight::from_parts(381_393_000, 0)
            .saturating_add(T::DbWeight::get().reads(65))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn agenda_start() -> Weight {
        // At least 150_276 ns.
        Weight::from_parts(162_694_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn agenda_open() -> Weight {
        // At least 61_873 ns.
        Weight::from_parts(64_977_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn agenda_abandon() -> Weight {
        // At least 116_976 ns.
        Weight::from_parts(122_815_000, 0)
            .saturating_add(T::DbWeight::get().reads(16))
            .saturating_add(T::DbWeight::get().writes(16))
    }
}
