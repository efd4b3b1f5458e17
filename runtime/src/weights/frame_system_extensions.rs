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
        // At least 1_352 ns.
        Weight::from_parts(1_502_000, 0)
    }
    fn check_mortality_mortal_transaction() -> Weight {
        // At least 2_764 ns.
        Weight::from_parts(3_025_000, 0)
    }
    fn check_mortality_immortal_transaction() -> Weight {
        // At least 2_754 ns.
        Weight::from_parts(2_994_000, 0)
    }
    fn check_non_zero_sender() -> Weight {
        // At least 430 ns.
        Weight::from_parts(491_000, 0)
    }
    fn check_nonce() -> Weight {
        // At least 5_358 ns.
        Weight::from_parts(5_739_000, 0)
            .saturating_add(T::DbWeight::get().reads(1))
            .saturating_add(T::DbWeight::get().writes(1))
    }
    fn check_spec_version() -> Weight {
        // At least 330 ns.
        Weight::from_parts(381_000, 0)
    }
    fn check_tx_version() -> Weight {
        // At least 330 ns.
        Weight::from_parts(390_000, 0)
    }
    fn check_weight() -> Weight {
        // At least 2_634 ns.
        Weight::from_parts(2_865_000, 0)
    }
    fn weight_reclaim() -> Weight {
        // At least 1_412 ns.
        Weight::from_parts(1_572_000, 0)
    }
}
