//! `pallet_validators`: who makes blocks, and the bond for it.

use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU128, tokens::imbalance::ResolveTo},
};
use frame_system::EnsureRoot;
use pallet_validators::Seats;

use super::treasury::TreasuryAccount;
use crate::{
    AccountId, Balances, Rewards, Runtime, RuntimeHoldReason,
    constants::{currency::ISC, time::HISTORY_DEPTH},
};

/// Most authorities. GRANDPA's votes grow with its square, so this is what a small network bears.
pub type MaxAuthorities = ConstU32<100>;

parameter_types! {
    /// Seven bear two that are down; thirty are a committee that a block's time is enough for.
    pub const InitialSeats: Seats = Seats { least: 7, most: 30 };
}

impl pallet_validators::Config for Runtime {
    type CreditHistory = Rewards;
    type Currency = Balances;
    type FineDestination = ResolveTo<TreasuryAccount, Balances>;
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type HistoryDepth = ConstU32<HISTORY_DEPTH>;
    type InitialSeats = InitialSeats;
    type MaxAuthorities = MaxAuthorities;
    type MaxCandidates = ConstU32<200>;
    type MinBond = ConstU128<{ 10_000 * ISC }>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = crate::weights::pallet_validators::WeightInfo<Runtime>;
}
