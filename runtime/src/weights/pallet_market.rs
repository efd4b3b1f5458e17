//! Weights of `pallet_market`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_market`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_market::WeightInfo for WeightInfo<T> {
    fn submit() -> Weight {
        // At least 101_943 ns.
        Weight::from_parts(108_623_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    // `w`: 1 to 32.
    // `r`: 1 to 12.
    fn claim(w: u32, r: u32, ) -> Weight {
        // At least 186_070 ns.
        Weight::from_parts(213_390_000, 0)
            .saturating_add(Weight::from_parts(10_852_040, 0).saturating_mul(w.into()))
            .saturating_add(Weight::from_parts(8_596_827, 0).saturating_mul(r.into()))
            .saturating_add(T::DbWeight::get().reads(14))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(r.into())))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn cancel() -> Weight {
        // At least 415_765 ns.
        Weight::from_parts(468_674_000, 0)
            .saturating_add(T::DbWeight::get().reads(66))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn repeat() -> Weight {
        // At least 59_820 ns.
        Weight::from_parts(64_767_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn raise() -> Weight {
        // At least 52_830 ns.
        Weight::from_parts(70_135_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    // `b`: 1 to 50.
    fn clean_up(b: u32, ) -> Weight {
        // At least 72_970 ns.
        Weight::from_parts(74_842_000, 0)
            .saturating_add(Weight::from_parts(163_099_841, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(4))
            .saturating_add(T::DbWeight::get().writes(14_u64.saturating_mul(b.into())))
    }
    fn agenda_lookup() -> Weight {
        // At least 10_435 ns.
        Weight::from_parts(11_207_000, 0)
            .saturating_add(T::DbWeight::get().reads(5))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn agenda_close() -> Weight {
        // At least 398_178 ns.
        Weight::from_parts(448_073_000, 0)
            .saturating_add(T::DbWeight::get().reads(65))
            .saturating_add(T::DbWeight::get().writes(33))
    }
    fn agenda_start() -> Weight {
        // At least 162_314 ns.
        Weight::from_parts(170_886_000, 0)
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn agenda_open() -> Weight {
        // At least 68_913 ns.
        Weight::from_parts(83_526_000, 0)
            .saturating_add(T::DbWeight::get().reads(11))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn agenda_abandon() -> Weight {
        // At least 162_214 ns.
        Weight::from_parts(226_751_000, 0)
            .saturating_add(T::DbWeight::get().reads(16))
            .saturating_add(T::DbWeight::get().writes(16))
    }
}
