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
        // At least 98_467 ns.
        Weight::from_parts(103_135_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // `w`: 1 to 32.
    fn claim(w: u32, ) -> Weight {
        // At least 38_678 ns.
        Weight::from_parts(38_372_882, 0)
            .saturating_add(Weight::from_parts(3_497_380, 0).saturating_mul(w.into()))
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn cancel() -> Weight {
        // At least 375_173 ns.
        Weight::from_parts(393_801_000, 0)
            .saturating_add(T::DbWeight::get().reads(66))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn repeat() -> Weight {
        // At least 57_146 ns.
        Weight::from_parts(60_330_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn raise() -> Weight {
        // At least 44_697 ns.
        Weight::from_parts(46_790_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // `b`: 1 to 50.
    fn clean_up(b: u32, ) -> Weight {
        // At least 64_016 ns.
        Weight::from_parts(22_359_878, 0)
            .saturating_add(Weight::from_parts(25_530_955, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(4))
            .saturating_add(T::DbWeight::get().writes(14_u64.saturating_mul(b.into())))
    }
    fn agenda_lookup() -> Weight {
        // At least 9_895 ns.
        Weight::from_parts(10_536_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn agenda_close() -> Weight {
        // At least 358_608 ns.
        Weight::from_parts(384_107_000, 0)
            .saturating_add(T::DbWeight::get().reads(65))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn agenda_start() -> Weight {
        // At least 152_178 ns.
        Weight::from_parts(156_876_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn agenda_open() -> Weight {
        // At least 62_694 ns.
        Weight::from_parts(66_140_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn agenda_abandon() -> Weight {
        // At least 119_380 ns.
        Weight::from_parts(124_346_000, 0)
            .saturating_add(T::DbWeight::get().reads(16))
            .saturating_add(T::DbWeight::get().writes(16))
    }
}
