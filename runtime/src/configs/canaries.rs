//! `pallet_canaries`: who checks trusted workers with jobs whose answer is known.

use frame_system::EnsureRoot;

use super::treasury::TreasuryAccount;
use crate::{AccountId, Balances, Runtime, Verification};

impl pallet_canaries::Config for Runtime {
    type Answers = Verification;
    type Currency = Balances;
    // Referenda, as for everything that is privileged.
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type Treasury = TreasuryAccount;
    type WeightInfo = crate::weights::pallet_canaries::WeightInfo<Runtime>;
}
