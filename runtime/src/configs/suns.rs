//! `pallet_suns`: what one SUNS contains and costs at least.

use frame_system::EnsureRoot;

use crate::{AccountId, Runtime};

impl pallet_suns::Config for Runtime {
    // Prices, profiles and environments are for referenda alone.
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type WeightInfo = ();
}
