//! Weights of `pallet_market`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.
//! Ref times of what has changed are a quarter more than the least that was seen on a busy machine, until they are measured on a
//! quiet one; reads and writes are measured.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_market`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_market::WeightInfo for WeightInfo<T> {
    fn submit() -> Weight {
        // At least 99_149 ns.
        Weight::from_parts(104_096_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // `w`: 1 to 32.
    // `r`: 0 to 12.
    // `c`: 0 to 1.
    // `p`: 0 to 1.
    fn claim(w: u32, r: u32, c: u32, p: u32, ) -> Weight {
        // At least 57_900 ns.
        Weight::from_parts(65_000_000, 0)
            .saturating_add(Weight::from_parts(8_000_000, 0).saturating_mul(w.into()))
            .saturating_add(Weight::from_parts(8_500_000, 0).saturating_mul(r.into()))
            .saturating_add(Weight::from_parts(44_000_000, 0).saturating_mul(c.into()))
            .saturating_add(Weight::from_parts(6_000_000, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(8))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(r.into())))
            .saturating_add(T::DbWeight::get().reads(7_u64.saturating_mul(c.into())))
            .saturating_add(T::DbWeight::get().writes(5))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(p.into())))
    }
    fn cancel() -> Weight {
        // At least 415_000 ns.
        Weight::from_parts(518_750_000, 0)
            .saturating_add(T::DbWeight::get().reads(66))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn repeat() -> Weight {
        // At least 57_357 ns.
        Weight::from_parts(60_782_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn raise() -> Weight {
        // At least 52_000 ns.
        Weight::from_parts(65_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // `b`: 1 to 50.
    fn clean_up(b: u32, ) -> Weight {
        // At least 67_581 ns.
        Weight::from_parts(30_773_910, 0)
            .saturating_add(Weight::from_parts(25_816_186, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(4))
            .saturating_add(T::DbWeight::get().writes(14_u64.saturating_mul(b.into())))
    }
    fn agenda_lookup() -> Weight {
        // At least 9_985 ns.
        Weight::from_parts(10_716_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn agenda_close() -> Weight {
        // At least 398_000 ns.
        Weight::from_parts(497_500_000, 0)
            .saturating_add(T::DbWeight::get().reads(65))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn agenda_start() -> Weight {
        // At least 152_149 ns.
        Weight::from_parts(164_336_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn agenda_open() -> Weight {
        // At least 68_000 ns.
        Weight::from_parts(85_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn agenda_abandon() -> Weight {
        // At least 161_000 ns.
        Weight::from_parts(201_250_000, 0)
            .saturating_add(T::DbWeight::get().reads(16))
            .saturating_add(T::DbWeight::get().writes(16))
    }
}
