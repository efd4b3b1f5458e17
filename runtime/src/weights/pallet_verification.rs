//! Weights of `pallet_verification`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_verification`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_verification::WeightInfo for WeightInfo<T> {
    fn commit() -> Weight {
        // At least 216_966 ns.
        Weight::from_parts(323_636_000, 0)
            .saturating_add(T::DbWeight::get().reads(32))
            .saturating_add(T::DbWeight::get().writes(20))
    }
    fn commit_part() -> Weight {
        // At least 290_186 ns.
        Weight::from_parts(402_344_000, 0)
            .saturating_add(T::DbWeight::get().reads(18))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn commit_open() -> Weight {
        // At least 86_550 ns.
        Weight::from_parts(182_995_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn reveal() -> Weight {
        // At least 2_092_442 ns.
        Weight::from_parts(14_419_291_000, 0)
            .saturating_add(T::DbWeight::get().reads(108))
            .saturating_add(T::DbWeight::get().writes(93))
    }
    // `w`: 2 to 3.
    fn reveal_few(w: u32, ) -> Weight {
        // At least 325_149 ns.
        Weight::from_parts(762_239_163, 0)
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().reads(13_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(12))
            .saturating_add(T::DbWeight::get().writes(8_u64.saturating_mul(w.into())))
    }
    fn reveal_open() -> Weight {
        // At least 49_184 ns.
        Weight::from_parts(107_822_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn challenge() -> Weight {
        // At least 90_686 ns.
        Weight::from_parts(146_891_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn decline() -> Weight {
        // At least 248_963 ns.
        Weight::from_parts(352_038_000, 0)
            .saturating_add(T::DbWeight::get().reads(21))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn hand_back() -> Weight {
        // At least 208_464 ns.
        Weight::from_parts(332_089_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(20))
    }
    fn resume() -> Weight {
        // At least 80_411 ns.
        Weight::from_parts(156_976_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    // `b`: 1 to 64.
    fn acknowledge(b: u32, ) -> Weight {
        // At least 40_561 ns.
        Weight::from_parts(147_167_033, 0)
            .saturating_add(Weight::from_parts(10_237_995, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(b.into())))
    }
    fn rate() -> Weight {
        // At least 59_579 ns.
        Weight::from_parts(108_282_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn call_witnesses() -> Weight {
        // At least 169_084 ns.
        Weight::from_parts(261_412_000, 0)
            .saturating_add(T::DbWeight::get().reads(21))
            .saturating_add(T::DbWeight::get().writes(17))
    }
    fn attest() -> Weight {
        // At least 50_255 ns.
        Weight::from_parts(93_560_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn testify() -> Weight {
        // At least 1_777_189 ns.
        Weight::from_parts(1_972_282_000, 0)
            .saturating_add(T::DbWeight::get().reads(89))
            .saturating_add(T::DbWeight::get().writes(97))
    }
    fn deadline() -> Weight {
        // At least 381_883 ns.
        Weight::from_parts(484_277_000, 0)
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn draw_witnesses() -> Weight {
        // At least 1_095_085 ns.
        Weight::from_parts(1_179_531_000, 0)
            .saturating_add(T::DbWeight::get().reads(249))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn forget_trust() -> Weight {
        // At least 29_174 ns.
        Weight::from_parts(31_087_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn forget_rating() -> Weight {
        // At least 14_361 ns.
        Weight::from_parts(15_323_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(3))
    }
    fn deadline_moot() -> Weight {
        // At least 20_901 ns.
        Weight::from_parts(54_843_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
    }
    fn beacon() -> Weight {
        // At least 4_718 ns.
        Weight::from_parts(5_058_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
