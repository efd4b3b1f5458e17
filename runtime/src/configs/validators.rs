//! `pallet_validators`: the authorities and the fine for equivocation.

use frame_support::traits::{ConstU32, ConstU128, tokens::imbalance::ResolveTo};
use frame_system::EnsureRoot;

use super::treasury::TreasuryAccount;
use crate::{
    AccountId, Balances, Runtime,
    constants::{currency::ISC, time::HISTORY_DEPTH},
};

/// Most authorities. GRANDPA's votes grow with its square, so this is what a small network bears.
pub type MaxAuthorities = ConstU32<100>;

impl pallet_validators::Config for Runtime {
    type Currency = Balances;
    type FineDestination = ResolveTo<TreasuryAccount, Balances>;
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type HistoryDepth = ConstU32<HISTORY_DEPTH>;
    type MaxAuthorities = MaxAuthorities;
    type MaxFine = ConstU128<{ 1_000 * ISC }>;
    type WeightInfo = pallet_validators::weights::SubstrateWeight<Runtime>;
}
