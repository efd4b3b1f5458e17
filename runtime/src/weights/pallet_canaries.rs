//! Weights of `pallet_canaries`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_canaries`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_canaries::WeightInfo for WeightInfo<T> {
    fn admit() -> Weight {
        // At least 6_259 ns.
        Weight::from_parts(8_213_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn dismiss() -> Weight {
        // At least 299_009 ns.
        Weight::from_parts(465_499_000, 0)
            .saturating_add(T::DbWeight::get().reads(257))
            .saturating_add(T::DbWeight::get().writes(257))
    }
    // `n`: 0 to 256.
    fn plant(n: u32, ) -> Weight {
        // At least 13_490 ns.
        Weight::from_parts(14_181_000, 0)
            .saturating_add(Weight::from_parts(11_625_804, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(n.into())))
    }
    fn expose() -> Weight {
        // At least 211_838 ns.
        Weight::from_parts(387_372_000, 0)
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().writes(29))
    }
    // `n`: 1 to 256.
    fn uproot(n: u32, ) -> Weight {
        // At least 12_489 ns.
        Weight::from_parts(12_900_000, 0)
            .saturating_add(Weight::from_parts(18_011_054, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(n.into())))
    }
}
