//! Weights of `pallet_verification`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.
//! Ref times of what has changed are a quarter more than the least that was seen on a busy machine, until they are measured on a
//! quiet one; reads and writes are measured.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_verification`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_verification::WeightInfo for WeightInfo<T> {
    fn commit() -> Weight {
        // At least 200_000 ns.
        Weight::from_parts(250_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(32))
            .saturating_add(T::DbWeight::get().writes(20))
    }
    fn commit_part() -> Weight {
        // At least 266_000 ns.
        Weight::from_parts(332_500_000, 0)
            .saturating_add(T::DbWeight::get().reads(18))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn commit_open() -> Weight {
        // At least 74_800 ns.
        Weight::from_parts(93_500_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn commit_few() -> Weight {
        // At least 62_000 ns.
        Weight::from_parts(77_500_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn commit_awaited() -> Weight {
        // At least 54_900 ns.
        Weight::from_parts(68_625_000, 0)
            .saturating_add(T::DbWeight::get().reads(6))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    fn reveal() -> Weight {
        // At least 1_898_000 ns.
        Weight::from_parts(2_372_500_000, 0)
            .saturating_add(T::DbWeight::get().reads(86))
            .saturating_add(T::DbWeight::get().writes(87))
    }
    // `w`: 2 to 3.
    // `p`: 0 to 2.
    fn reveal_few(w: u32, p: u32, ) -> Weight {
        // At least 237_600 ns.
        Weight::from_parts(207_000_000, 0)
            .saturating_add(Weight::from_parts(45_000_000, 0).saturating_mul(w.into()))
            .saturating_add(Weight::from_parts(23_000_000, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(10))
            .saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(p.into())))
            .saturating_add(T::DbWeight::get().writes(10))
            .saturating_add(T::DbWeight::get().writes(4_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(3_u64.saturating_mul(p.into())))
    }
    fn reveal_open() -> Weight {
        // At least 48_000 ns.
        Weight::from_parts(60_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn challenge() -> Weight {
        // At least 72_549 ns.
        Weight::from_parts(123_936_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn decline() -> Weight {
        // At least 239_000 ns.
        Weight::from_parts(298_750_000, 0)
            .saturating_add(T::DbWeight::get().reads(21))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn hand_back() -> Weight {
        // At least 204_000 ns.
        Weight::from_parts(255_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(20))
    }
    fn resume() -> Weight {
        // At least 71_000 ns.
        Weight::from_parts(88_750_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    // `b`: 1 to 64.
    fn acknowledge(b: u32, ) -> Weight {
        // At least 40_561 ns.
        Weight::from_parts(30_000_000, 0)
            .saturating_add(Weight::from_parts(7_790_000, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(b.into())))
    }
    fn rate() -> Weight {
        // At least 30_646 ns.
        Weight::from_parts(49_224_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn call_witnesses() -> Weight {
        // At least 136_074 ns.
        Weight::from_parts(172_600_000, 0)
            .saturating_add(T::DbWeight::get().reads(21))
            .saturating_add(T::DbWeight::get().writes(17))
    }
    fn attest() -> Weight {
        // At least 31_347 ns.
        Weight::from_parts(59_139_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn testify() -> Weight {
        // At least 1_593_582 ns.
        Weight::from_parts(1_699_722_000, 0)
            .saturating_add(T::DbWeight::get().reads(88))
            .saturating_add(T::DbWeight::get().writes(97))
    }
    fn deadline() -> Weight {
        // At least 333_000 ns.
        Weight::from_parts(416_250_000, 0)
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn draw_witnesses() -> Weight {
        // At least 955_000 ns.
        Weight::from_parts(1_193_750_000, 0)
            .saturating_add(T::DbWeight::get().reads(249))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn forget_trust() -> Weight {
        // At least 31_257 ns.
        Weight::from_parts(33_681_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn forget_rating() -> Weight {
        // At least 14_000 ns.
        Weight::from_parts(17_500_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    fn deadline_moot() -> Weight {
        // At least 14_361 ns.
        Weight::from_parts(24_037_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
    }
    fn beacon() -> Weight {
        // At least 5_188 ns.
        Weight::from_parts(6_800_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
