//! Weights of `frame_system_extensions`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-22 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `frame_system_extensions`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> frame_system::ExtensionsWeightInfo for WeightInfo<T> {
    fn check_genesis() -> Weight {
        // At least 1_342 ns.
        Weight::from_parts(1_492_000, 0)
    }
    fn check_mortality_mortal_transaction() -> Weight {
        // At least 2_854 ns.
        Weight::from_parts(3_084_000, 0)
    }
    fn check_mortality_immortal_transaction() -> Weight {
        // At least 2_804 ns.
        Weight::from_parts(3_055_000, 0)
    }
    fn check_non_zero_sender() -> Weight {
        // At least 430 ns.
        Weight::from_parts(500_000, 0)
    }
    fn check_nonce() -> Weight {
        // At least 5_498 ns.
        Weight::from_parts(6_209_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn check_spec_version() -> Weight {
        // At least 340 ns.
        Weight::from_parts(391_000, 0)
    }
    fn check_tx_version() -> Weight {
        // At least 341 ns.
        Weight::from_parts(391_000, 0)
    }
    fn check_weight() -> Weight {
        // At least 2_754 ns.
        Weight::from_parts(2_974_000, 0)
    }
    fn weight_reclaim() -> Weight {
        // At least 1_472 ns.
        Weight::from_parts(1_622_000, 0)
    }
}
