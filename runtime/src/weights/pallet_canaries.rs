//! Weights of `pallet_canaries`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.
//! Ref times of what has changed are a quarter more than the least that was seen on a busy machine, until they are measured on a
//! quiet one; reads and writes are measured.

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
        // At least 299_000 ns.
        Weight::from_parts(373_750_000, 0)
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
        // At least 211_000 ns.
        Weight::from_parts(263_750_000, 0)
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().writes(29))
    }
    // `n`: 1 to 256.
    fn uproot(n: u32, ) -> Weight {
        // At least 12_489 ns.
        Weight::from_parts(12_000_000, 0)
            .saturating_add(Weight::from_parts(5_000_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(1))
            .saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(n.into())))
    }
    // Estimated from `expose`, until it is measured.
    // `n`: 1 to 1024; `p`: 1 to 17.
    fn expose_parts(n: u32, p: u32, ) -> Weight {
        Weight::from_parts(263_750_000, 0)
            .saturating_add(Weight::from_parts(5_000_000, 0).saturating_mul(n.into()))
            .saturating_add(Weight::from_parts(263_750_000, 0).saturating_mul(p.into()))
            .saturating_add(T::DbWeight::get().reads(19))
            .saturating_add(T::DbWeight::get().reads(22_u64.saturating_mul(p.into())))
            .saturating_add(T::DbWeight::get().writes(29))
            .saturating_add(T::DbWeight::get().writes(29_u64.saturating_mul(p.into())))
    }
}
