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
        // At least 148_333 ns.
        Weight::from_parts(157_567_000, 0)
            .saturating_add(T::DbWeight::get().reads(22))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn commit_open() -> Weight {
        // At least 67_602 ns.
        Weight::from_parts(71_788_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn reveal() -> Weight {
        // At least 1_735_616 ns.
        Weight::from_parts(1_892_041_000, 0)
            .saturating_add(T::DbWeight::get().reads(84))
            .saturating_add(T::DbWeight::get().writes(85))
    }
    // `w`: 2 to 3.
    fn reveal_few(w: u32, ) -> Weight {
        // At least 213_160 ns.
        Weight::from_parts(131_980_847, 0)
            .saturating_add(Weight::from_parts(54_160_084, 0).saturating_mul(w.into()))
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().reads(7_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(12))
            .saturating_add(T::DbWeight::get().writes(6_u64.saturating_mul(w.into())))
    }
    fn reveal_open() -> Weight {
        // At least 33_841 ns.
        Weight::from_parts(47_191_000, 0)
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
        // At least 178_258 ns.
        Weight::from_parts(195_683_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn hand_back() -> Weight {
        // At least 141_102 ns.
        Weight::from_parts(152_529_000, 0)
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().writes(20))
    }
    fn commit_part() -> Weight {
        // Not measured: as what is handed back and a commitment, and a third more.
        Weight::from_parts(400_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(60))
            .saturating_add(T::DbWeight::get().writes(50))
    }
    fn resume() -> Weight {
        // At least 56_945 ns.
        Weight::from_parts(66_580_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    // `b`: 1 to 64.
    fn acknowledge(b: u32, ) -> Weight {
        // At least 24_767 ns.
        Weight::from_parts(11_176_529, 0)
            .saturating_add(Weight::from_parts(7_790_605, 0).saturating_mul(b.into()))
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
            .saturating_add(T::DbWeight::get().reads(89))
            .saturating_add(T::DbWeight::get().writes(97))
    }
    fn deadline() -> Weight {
        // At least 171_658 ns.
        Weight::from_parts(186_690_000, 0)
            .saturating_add(T::DbWeight::get().reads(30))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn draw_witnesses() -> Weight {
        // At least 381_322 ns.
        Weight::from_parts(530_257_000, 0)
            .saturating_add(T::DbWeight::get().reads(129))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn forget_trust() -> Weight {
        // At least 31_257 ns.
        Weight::from_parts(33_681_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn forget_rating() -> Weight {
        // By hand: with two records more than when it was measured.
        Weight::from_parts(20_824_000, 0)
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
