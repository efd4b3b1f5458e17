//! `pallet_auditors`: who stands for what operators say.

use frame_support::traits::{ConstU32, ConstU128};
use frame_system::EnsureRoot;

use crate::{
    AccountId, Runtime,
    constants::{currency::ISC, time::DAYS},
};

impl pallet_auditors::Config for Runtime {
    // Meters, leases and power contracts are looked at four times a year.
    type AttestationPeriod = ConstU32<{ 90 * DAYS }>;
    // A hundred machines of ten SUNS: an auditor that sells its word loses as much as its customers stake.
    type AuditorBond = ConstU128<{ 100_000 * ISC }>;
    // Referenda, as for everything that is privileged.
    type AuditorOrigin = EnsureRoot<AccountId>;
    type WeightInfo = crate::weights::pallet_auditors::WeightInfo<Runtime>;
}
