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
        // At least 134_622 ns.
        Weight::from_parts(139_269_000, 0)
            .saturating_add(T::DbWeight::get().reads(22))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn commit_open() -> Weight {
        // At least 61_502 ns.
        Weight::from_parts(63_776_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn reveal() -> Weight {
        // At least 1_577_659 ns.
        Weight::from_parts(1_618_780_000, 0)
            .saturating_add(T::DbWeight::get().reads(84))
            .saturating_add(T::DbWeight::get().writes(80))
    }
    // `w`: 2 to 3.
    fn reveal_few(w: u32, ) -> Weight {
        // At least 190_055 ns.
        Weight::from_parts(136_388_173, 0)
            .saturating_add(Weight::from_parts(30_486_842, 0).saturating_mul(w.into()))
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().reads(7_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(12))
            .saturating_add(T::DbWeight::get().writes(6_u64.saturating_mul(w.into())))
    }
    fn reveal_open() -> Weight {
        // At least 30_596 ns.
        Weight::from_parts(32_259_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn challenge() -> Weight {
        // At least 64_416 ns.
        Weight::from_parts(67_231_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn decline() -> Weight {
        // At least 159_359 ns.
        Weight::from_parts(166_230_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn resume() -> Weight {
        // At least 52_438 ns.
        Weight::from_parts(54_683_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    // `b`: 1 to 64.
    fn acknowledge(b: u32, ) -> Weight {
        // At least 19_980 ns.
        Weight::from_parts(13_561_432, 0)
            .saturating_add(Weight::from_parts(6_702_242, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(b.into())))
    }
    fn rate() -> Weight {
        // At least 21_332 ns.
        Weight::from_parts(22_784_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn call_witnesses() -> Weight {
        // At least 112_469 ns.
        Weight::from_parts(116_224_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(17))
    }
    fn attest() -> Weight {
        // At least 19_929 ns.
        Weight::from_parts(21_021_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn testify() -> Weight {
        // At least 1_325_441 ns.
        Weight::from_parts(1_365_861_000, 0)
            .saturating_add(T::DbWeight::get().reads(89))
            .saturating_add(T::DbWeight::get().writes(85))
    }
    fn deadline() -> Weight {
        // At least 151_377 ns.
        Weight::from_parts(156_785_000, 0)
            .saturating_add(T::DbWeight::get().reads(30))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn draw_witnesses() -> Weight {
        // An estimate, until it is measured.
        Weight::from_parts(250_000_000, 0)
            .saturating_add(T::DbWeight::get().reads(150))
            .saturating_add(T::DbWeight::get().writes(5))
    }
    fn forget_trust() -> Weight {
        // At least 27_621 ns.
        Weight::from_parts(29_134_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn forget_rating() -> Weight {
        // At least 8_292 ns.
        Weight::from_parts(8_754_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn deadline_moot() -> Weight {
        // At least 12_689 ns.
        Weight::from_parts(13_240_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
    }
    fn beacon() -> Weight {
        // At least 4_577 ns.
        Weight::from_parts(4_897_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
}
