//! Weights of `pallet_verification`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_verification`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_verification::WeightInfo for WeightInfo<T> {
    fn commit() -> Weight {
        // At least 136_194 ns.
        Weight::from_parts(144_186_000, 0)
            .saturating_add(T::DbWeight::get().reads(22))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn commit_open() -> Weight {
        // At least 61_642 ns.
        Weight::from_parts(69_174_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn reveal() -> Weight {
        // At least 1_604_009 ns.
        Weight::from_parts(1_719_772_000, 0)
            .saturating_add(T::DbWeight::get().reads(84))
            .saturating_add(T::DbWeight::get().writes(80))
    }
    // `w`: 2 to 3.
    fn reveal_few(w: u32, ) -> Weight {
        // At least 185_639 ns.
        Weight::from_parts(141_285_705, 0)
            .saturating_add(Weight::from_parts(31_216_981, 0).saturating_mul(w.into()))
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().reads(7_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(12))
            .saturating_add(T::DbWeight::get().writes(6_u64.saturating_mul(w.into())))
    }
    fn reveal_open() -> Weight {
        // At least 31_347 ns.
        Weight::from_parts(33_610_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn challenge() -> Weight {
        // At least 67_501 ns.
        Weight::from_parts(71_798_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn decline() -> Weight {
        // At least 166_090 ns.
        Weight::from_parts(181_052_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn hand_back() -> Weight {
        // At least 166_090 ns.
        Weight::from_parts(181_052_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn resume() -> Weight {
        // At least 54_602 ns.
        Weight::from_parts(59_209_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    // `b`: 1 to 64.
    fn acknowledge(b: u32, ) -> Weight {
        // At least 24_236 ns.
        Weight::from_parts(22_772_783, 0)
            .saturating_add(Weight::from_parts(6_874_132, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(b.into())))
    }
    fn rate() -> Weight {
        // At least 25_809 ns.
        Weight::from_parts(33_761_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn call_witnesses() -> Weight {
        // At least 117_116 ns.
        Weight::from_parts(137_647_000, 0)
            .saturating_add(T::DbWeight::get().reads(21))
            .saturating_add(T::DbWeight::get().writes(17))
    }
    fn attest() -> Weight {
        // At least 23_816 ns.
        Weight::from_parts(30_005_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn testify() -> Weight {
        // At least 1_450_879 ns.
        Weight::from_parts(1_549_817_000, 0)
            .saturating_add(T::DbWeight::get().reads(89))
            .saturating_add(T::DbWeight::get().writes(85))
    }
    fn deadline() -> Weight {
        // At least 158_869 ns.
        Weight::from_parts(174_222_000, 0)
            .saturating_add(T::DbWeight::get().reads(30))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn draw_witnesses() -> Weight {
        // At least 305_409 ns.
        Weight::from_parts(322_574_000, 0)
            .saturating_add(T::DbWeight::get().reads(104))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn forget_trust() -> Weight {
        // At least 26_940 ns.
        Weight::from_parts(29_854_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn forget_rating() -> Weight {
        // At least 8_633 ns.
        Weight::from_parts(9_104_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn deadline_moot() -> Weight {
        // At least 13_220 ns.
        Weight::from_parts(13_911_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
    }
    fn beacon() -> Weight {
        // At least 4_767 ns.
        Weight::from_parts(5_158_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
