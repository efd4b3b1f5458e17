//! `pallet_rewards`: the pot of a round and its shares, and the node reserve.

use frame_support::{
    PalletId, parameter_types,
    traits::{ConstU32, ConstU128},
};
use frame_system::EnsureRoot;
use sp_runtime::Permill;

use super::treasury::TreasuryAccount;
use crate::{
    AccountId, Balance, Balances, Delegation, Runtime,
    configs::workers::MIN_WORKER_BOND,
    constants::{
        currency::{ISC, MILLI_ISC},
        time::{DAYS, ROUND_BLOCKS},
    },
};

/// Rounds in a year of 365 days.
pub const ROUNDS_PER_YEAR: u32 = 365 * DAYS / ROUND_BLOCKS;

/// Most that being live earns in a round: 10 % a year of the least bond that a worker has. Whoever has the
/// bonds for a thousand workers and nothing else earns interest on them, not a fortune.
pub const NODE_REWARD_CAP: Balance = MIN_WORKER_BOND / 10 / (ROUNDS_PER_YEAR as Balance);

parameter_types! {
    /// Names the pot's account.
    pub const RewardsPalletId: PalletId = PalletId(*b"sun/rwrd");
    /// Names the node reserve's account.
    pub const NodeReserveId: PalletId = PalletId(*b"sun/node");
    /// Issued per planck paid, from both sources. Together with the shares it keeps washing one's own jobs
    /// a loss.
    pub const EmissionRate: Permill = Permill::from_percent(8);
}

impl pallet_rewards::Config for Runtime {
    // A week: long enough that validators do not change with every job.
    type CreditWindow = ConstU32<{ 7 * DAYS / ROUND_BLOCKS }>;
    type Currency = Balances;
    type Delegations = Delegation;
    type EmissionCap = ConstU128<ISC>;
    type EmissionRate = EmissionRate;
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type NodeRewardCap = ConstU128<NODE_REWARD_CAP>;
    type PalletId = RewardsPalletId;
    type ReserveId = NodeReserveId;
    // 30 M in ten years.
    type ReservePerRound = ConstU128<{ 14_270 * MILLI_ISC }>;
    type ReserveRounds = ConstU32<{ 10 * ROUNDS_PER_YEAR }>;
    type RoundBlocks = ConstU32<ROUND_BLOCKS>;
    type Treasury = TreasuryAccount;
    type WeightInfo = crate::weights::pallet_rewards::WeightInfo<Runtime>;
}
