//! Weights of `pallet_canaries`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `pallet_canaries`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> pallet_canaries::WeightInfo for WeightInfo<T> {
    fn admit() -> Weight {
        // At least 5_668 ns.
        Weight::from_parts(6_060_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn dismiss() -> Weight {
        // At least 230_997 ns.
        Weight::from_parts(245_799_000, 0)
            .saturating_add(T::DbWeight::get().reads(257))
            .saturating_add(T::DbWeight::get().writes(257))
    }
    // `n`: 0 to 256.
    fn plant(n: u32, ) -> Weight {
        // At least 9_534 ns.
        Weight::from_parts(3_028_026, 0)
            .saturating_add(Weight::from_parts(3_952_292, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(n.into())))
    }
    fn expose() -> Weight {
        // At least 112_819 ns.
        Weight::from_parts(121_873_000, 0)
            .saturating_add(T::DbWeight::get().reads(14))
            .saturating_add(T::DbWeight::get().writes(12))
    }
    // Not measured yet: as `plant`, which touches as much.
    fn uproot(n: u32, ) -> Weight {
        Self::plant(n)
    }
}
