//! `pallet_suns`: what one SUNS contains and costs at least.

use frame_support::traits::ConstU32;
use frame_system::EnsureRoot;

use crate::{AccountId, Runtime};

impl pallet_suns::Config for Runtime {
    // Prices, profiles and environments are for referenda alone.
    type GovernanceOrigin = EnsureRoot<AccountId>;
    // A round: 150 s.
    type SpotPeriod = ConstU32<50>;
    type WeightInfo = crate::weights::pallet_suns::WeightInfo<Runtime>;
}
