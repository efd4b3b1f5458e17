//! `pallet_images`: what there is to run.

use frame_support::traits::ConstU128;
use frame_system::EnsureRoot;

use crate::{AccountId, Balances, Runtime, RuntimeHoldReason, constants::currency::deposit};

impl pallet_images::Config for Runtime {
    type Currency = Balances;
    // One record: digest, developer, class, usage.
    type Deposit = ConstU128<{ deposit(1, 128) }>;
    // By referendum, against `docs/listing.md`.
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = crate::weights::pallet_images::WeightInfo<Runtime>;
}
