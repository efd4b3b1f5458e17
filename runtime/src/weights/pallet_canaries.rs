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
        // At least 5_658 ns.
        Weight::from_parts(6_089_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn dismiss() -> Weight {
        // At least 234_392 ns.
        Weight::from_parts(245_569_000, 0)
            .saturating_add(T::DbWeight::get().reads(257))
            .saturating_add(T::DbWeight::get().writes(257))
    }
    // `n`: 0 to 256.
    fn plant(n: u32, ) -> Weight {
        // At least 9_324 ns.
        Weight::from_parts(3_597_426, 0)
            .saturating_add(Weight::from_parts(3_762_460, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(2))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(n.into())))
    }
    fn expose() -> Weight {
        // At least 113_020 ns.
        Weight::from_parts(117_967_000, 0)
            .saturating_add(T::DbWeight::get().reads(14))
            .saturating_add(T::DbWeight::get().writes(12))
    }
}
