//! `pallet_workers`: who serves, and what he stakes on it.

use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU128},
};
use sp_runtime::Perbill;

use super::treasury::TreasuryAccount;
use crate::{
    Balance, Balances, Runtime, RuntimeHoldReason, Suns,
    constants::{currency::ISC, time::MINUTES},
};

/// Least bond of any worker.
pub const MIN_WORKER_BOND: Balance = 10 * ISC;

parameter_types! {
    /// What one wrong result costs. Two replicas of a batch earn far less than a tenth of a bond, so a
    /// lie does not pay even if half of the lies went unnoticed.
    pub const SlashFraction: Perbill = Perbill::from_percent(10);
    /// A fifth of a machine stays free for its owner.
    pub const AdmissionLimit: Perbill = Perbill::from_percent(80);
}

impl pallet_workers::Config for Runtime {
    type AdmissionLimit = AdmissionLimit;
    type BondPerSuns = ConstU128<{ 100 * ISC }>;
    // A test network's value. Batches in flight hold a worker back beyond it.
    type Cooldown = ConstU32<{ 10 * MINUTES }>;
    type Currency = Balances;
    type FeelessInterval = ConstU32<10>;
    type MinBond = ConstU128<MIN_WORKER_BOND>;
    type Pricing = Suns;
    type RuntimeHoldReason = RuntimeHoldReason;
    type SlashFraction = SlashFraction;
    type Treasury = TreasuryAccount;
    type WeightInfo = ();
}
