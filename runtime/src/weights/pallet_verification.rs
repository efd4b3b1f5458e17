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
        // At least 138_609 ns.
        Weight::from_parts(144_747_000, 0)
            .saturating_add(T::DbWeight::get().reads(22))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn commit_open() -> Weight {
        // At least 62_855 ns.
        Weight::from_parts(66_620_000, 0)
            .saturating_add(T::DbWeight::get().reads(17))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    fn reveal() -> Weight {
        // At least 1_577_368 ns.
        Weight::from_parts(1_635_606_000, 0)
            .saturating_add(T::DbWeight::get().reads(84))
            .saturating_add(T::DbWeight::get().writes(80))
    }
    // `w`: 2 to 3.
    fn reveal_few(w: u32, ) -> Weight {
        // At least 188_984 ns.
        Weight::from_parts(136_428_310, 0)
            .saturating_add(Weight::from_parts(31_136_613, 0).saturating_mul(w.into()))
            .saturating_add(T::DbWeight::get().reads(12))
            .saturating_add(T::DbWeight::get().reads(7_u64.saturating_mul(w.into())))
            .saturating_add(T::DbWeight::get().writes(12))
            .saturating_add(T::DbWeight::get().writes(6_u64.saturating_mul(w.into())))
    }
    fn reveal_open() -> Weight {
        // At least 29_925 ns.
        Weight::from_parts(32_108_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn challenge() -> Weight {
        // At least 66_089 ns.
        Weight::from_parts(69_384_000, 0)
            .saturating_add(T::DbWeight::get().reads(7))
            .saturating_add(T::DbWeight::get().writes(6))
    }
    fn decline() -> Weight {
        // At least 160_831 ns.
        Weight::from_parts(166_700_000, 0)
            .saturating_add(T::DbWeight::get().reads(20))
            .saturating_add(T::DbWeight::get().writes(21))
    }
    fn resume() -> Weight {
        // At least 52_689 ns.
        Weight::from_parts(55_263_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(4))
    }
    // `b`: 1 to 64.
    fn acknowledge(b: u32, ) -> Weight {
        // At least 19_459 ns.
        Weight::from_parts(12_267_251, 0)
            .saturating_add(Weight::from_parts(6_658_632, 0).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(3))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(b.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(b.into())))
    }
    fn rate() -> Weight {
        // At least 21_522 ns.
        Weight::from_parts(23_676_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
            .saturating_add(T::DbWeight::get().writes(2))
    }
    fn deadline() -> Weight {
        // At least 153_530 ns.
        Weight::from_parts(159_349_000, 0)
            .saturating_add(T::DbWeight::get().reads(30))
            .saturating_add(T::DbWeight::get().writes(19))
    }
    fn forget_trust() -> Weight {
        // At least 27_972 ns.
        Weight::from_parts(29_485_000, 0)
            .saturating_add(T::DbWeight::get().reads(9))
            .saturating_add(T::DbWeight::get().writes(8))
    }
    fn deadline_moot() -> Weight {
        // At least 12_348 ns.
        Weight::from_parts(13_140_000, 0)
            .saturating_add(T::DbWeight::get().reads(4))
    }
    fn beacon() -> Weight {
        // At least 4_767 ns.
        Weight::from_parts(5_127_000, 0)
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn forget_rating() -> Weight {
        <() as pallet_verification::WeightInfo>::forget_rating()
    }
    fn call_witnesses() -> Weight {
        <() as pallet_verification::WeightInfo>::call_witnesses()
    }
    fn attest() -> Weight {
        <() as pallet_verification::WeightInfo>::attest()
    }
    fn testify() -> Weight {
        <() as pallet_verification::WeightInfo>::testify()
    }
}
