//! Weights of `frame_system_extensions`, measured by `scripts/weights`: do not edit.
//!
//! Measured 2026-11-21 on AMD EPYC, 20 steps, 20 repeats; version 64.0.0.

use core::marker::PhantomData;

use frame_support::{traits::Get, weights::Weight};

/// Weights of `frame_system_extensions`.
pub struct WeightInfo<T>(PhantomData<T>);

#[rustfmt::skip]
impl<T: frame_system::Config> frame_system::ExtensionsWeightInfo for WeightInfo<T> {
    fn check_genesis() -> Weight {
        // At least 1_402 ns.
        Weight::from_parts(1_603_000, 0)
    }
    fn check_mortality_mortal_transaction() -> Weight {
        // At least 2_874 ns.
        Weight::from_parts(3_175_000, 0)
    }
    fn check_mortality_immortal_transaction() -> Weight {
        // At least 2_904 ns.
        Weight::from_parts(3_185_000, 0)
    }
    fn check_non_zero_sender() -> Weight {
        // At least 441 ns.
        Weight::from_parts(580_000, 0)
    }
    fn check_nonce() -> Weight {
        // At least 5_889 ns.
        Weight::from_parts(7_482_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn check_spec_version() -> Weight {
        // At least 351 ns.
        Weight::from_parts(431_000, 0)
    }
    fn check_tx_version() -> Weight {
        // At least 360 ns.
        Weight::from_parts(531_000, 0)
    }
    fn check_weight() -> Weight {
        // At least 3_766 ns.
        Weight::from_parts(4_807_000, 0)
    }
    fn weight_reclaim() -> Weight {
        // At least 1_532 ns.
        Weight::from_parts(2_384_000, 0)
    }
}
