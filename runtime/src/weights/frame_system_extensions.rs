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
        // At least 1_252 ns.
        Weight::from_parts(1_412_000, 0)
    }
    fn check_mortality_mortal_transaction() -> Weight {
        // At least 2_604 ns.
        Weight::from_parts(2_874_000, 0)
    }
    fn check_mortality_immortal_transaction() -> Weight {
        // At least 2_634 ns.
        Weight::from_parts(2_864_000, 0)
    }
    fn check_non_zero_sender() -> Weight {
        // At least 400 ns.
        Weight::from_parts(470_000, 0)
    }
    fn check_nonce() -> Weight {
        // At least 5_359 ns.
        Weight::from_parts(5_789_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn check_spec_version() -> Weight {
        // At least 310 ns.
        Weight::from_parts(361_000, 0)
    }
    fn check_tx_version() -> Weight {
        // At least 310 ns.
        Weight::from_parts(361_000, 0)
    }
    fn check_weight() -> Weight {
        // At least 2_523 ns.
        Weight::from_parts(2_734_000, 0)
    }
    fn weight_reclaim() -> Weight {
        // At least 1_372 ns.
        Weight::from_parts(1_513_000, 0)
    }
}
