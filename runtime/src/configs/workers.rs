//! `pallet_workers`: who serves, and what he stakes on it.

use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU128, Contains},
    weights::Weight,
};
use sp_runtime::Perbill;

use super::{
    system::{NORMAL_DISPATCH_RATIO, RuntimeBlockWeights},
    treasury::TreasuryAccount,
};
use crate::{
    Auditors, Balance, Balances, Capacity, Delegation, Liveness, Runtime, RuntimeCall,
    RuntimeHoldReason, Suns,
    constants::{
        currency::ISC,
        time::{DAYS, HOURS, MINUTES},
    },
};

/// Least bond of any worker.
pub const MIN_WORKER_BOND: Balance = 10 * ISC;

parameter_types! {
    /// What one wrong result costs. Two replicas of a batch earn far less than a tenth of a bond, so a
    /// lie does not pay even if half of the lies went unnoticed.
    pub const SlashFraction: Perbill = Perbill::from_percent(10);
    /// A fifth of a machine stays free for its owner.
    pub const AdmissionLimit: Perbill = Perbill::from_percent(80);
    /// Half of what ordinary transactions may take of a block: whoever pays always finds the other half.
    pub FeelessBudget: Weight =
        Perbill::from_percent(50) * (NORMAL_DISPATCH_RATIO * RuntimeBlockWeights::get().max_block);
}

/// Each claim is followed by one commitment and one reveal, or one decline, or handed back (and by one more of these for each time that
/// others cut the batch, a few times for a job); each run of a capacity proof by one commitment and one opening; each draw of a
/// witness, which a requester has put a bond down for, by one seal and one testimony.
pub struct FollowUps;

impl Contains<RuntimeCall> for FollowUps {
    fn contains(call: &RuntimeCall) -> bool {
        matches!(
            call,
            RuntimeCall::Verification(
                pallet_verification::Call::commit { .. }
                    | pallet_verification::Call::reveal { .. }
                    | pallet_verification::Call::decline { .. }
                    | pallet_verification::Call::hand_back { .. }
                    | pallet_verification::Call::attest { .. }
                    | pallet_verification::Call::testify { .. }
            ) | RuntimeCall::Capacity(
                pallet_capacity::Call::commit { .. } | pallet_capacity::Call::open { .. }
            )
        )
    }
}

impl pallet_workers::Config for Runtime {
    type AdmissionLimit = AdmissionLimit;
    type Attestations = Auditors;
    type BondPerSuns = ConstU128<{ 100 * ISC }>;
    // A test network's value. Batches in flight hold a worker back beyond it.
    type Cooldown = ConstU32<{ 10 * MINUTES }>;
    type Currency = Balances;
    // A SUNS (100 ISC) is good for two batches per block, the least bond (10 ISC) for one in 15 s.
    type CallBond = ConstU128<{ 50 * ISC }>;
    type Delegations = Delegation;
    // Outputs are kept for an hour; a call for witnesses at its end takes a quarter of one.
    type Liability = ConstU32<{ HOURS + 15 * MINUTES }>;
    // A job's last claim may come a week after its submission; its batch has two hours of commit deadline then (an hour of
    // virtual time, twice), and minutes to reveal; after that its workers answer for its outputs for an hour and a quarter.
    type LongestBatch = ConstU32<{ 7 * DAYS + 5 * HOURS }>;
    // As long as somebody rests who declines; a machine whose power failed loses no more than what it had in hand.
    type MissRest = ConstU32<{ 5 * MINUTES }>;
    type MaxMissRest = ConstU32<DAYS>;
    type FeelessBudget = FeelessBudget;
    // Ten minutes: 40 batches at once with the least bond.
    type FeelessWindow = ConstU32<{ 10 * MINUTES }>;
    type FollowUps = FollowUps;
    type MinBond = ConstU128<MIN_WORKER_BOND>;
    type Pricing = Suns;
    type Proofs = Capacity;
    type Roster = Liveness;
    type RuntimeHoldReason = RuntimeHoldReason;
    type SlashFraction = SlashFraction;
    type Treasury = TreasuryAccount;
    type WeightInfo = crate::weights::pallet_workers::WeightInfo<Runtime>;
}
