//! `pallet_collective`, twice: the council and the technical committee.

use frame_support::{
    parameter_types,
    traits::{ConstU32, EitherOfDiverse},
    weights::Weight,
};
use frame_system::EnsureRoot;
use pallet_collective::{
    EnsureMember, EnsureProportionAtLeast, EnsureProportionMoreThan, Instance1, Instance2,
};
use sp_runtime::Perbill;

use super::system::RuntimeBlockWeights;
use crate::{
    AccountId, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, constants::time::MINUTES,
};

/// The council's instance.
pub type CouncilInstance = Instance1;
/// The technical committee's instance.
pub type TechnicalInstance = Instance2;

/// More than half of the council.
pub type HalfOfCouncil = EnsureProportionMoreThan<AccountId, CouncilInstance, 1, 2>;
/// At least half of the council.
pub type AtLeastHalfOfCouncil = EnsureProportionAtLeast<AccountId, CouncilInstance, 1, 2>;
/// At least two thirds of the council.
pub type TwoThirdsOfCouncil = EnsureProportionAtLeast<AccountId, CouncilInstance, 2, 3>;
/// At least three quarters of the council.
pub type ThreeQuartersOfCouncil = EnsureProportionAtLeast<AccountId, CouncilInstance, 3, 4>;
/// The whole council.
pub type UnanimousCouncil = EnsureProportionAtLeast<AccountId, CouncilInstance, 1, 1>;
/// At least two thirds of the technical committee.
pub type TwoThirdsOfTechnical = EnsureProportionAtLeast<AccountId, TechnicalInstance, 2, 3>;
/// The whole technical committee.
pub type UnanimousTechnical = EnsureProportionAtLeast<AccountId, TechnicalInstance, 1, 1>;
/// Any member of the technical committee.
pub type TechnicalMember = EnsureMember<AccountId, TechnicalInstance>;

parameter_types! {
    /// Weight of the heaviest call that a collective may pass by itself.
    pub MaxCollectivesProposalWeight: Weight =
        Perbill::from_percent(50) * RuntimeBlockWeights::get().max_block;
}

/// How long a motion is open. A test network's value: minutes instead of days.
type MotionDuration = ConstU32<{ 10 * MINUTES }>;
type MaxMembers = ConstU32<100>;
type MaxProposals = ConstU32<100>;

impl pallet_collective::Config<CouncilInstance> for Runtime {
    type Consideration = ();
    type DefaultVote = pallet_collective::PrimeDefaultVote;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type MaxMembers = MaxMembers;
    type MaxProposalWeight = MaxCollectivesProposalWeight;
    type MaxProposals = MaxProposals;
    type MotionDuration = MotionDuration;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type SetMembersOrigin = EnsureRoot<AccountId>;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
}

impl pallet_collective::Config<TechnicalInstance> for Runtime {
    type Consideration = ();
    type DefaultVote = pallet_collective::PrimeDefaultVote;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type MaxMembers = MaxMembers;
    type MaxProposalWeight = MaxCollectivesProposalWeight;
    type MaxProposals = MaxProposals;
    type MotionDuration = MotionDuration;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    // The council appoints its engineers.
    type SetMembersOrigin = EitherOfDiverse<EnsureRoot<AccountId>, HalfOfCouncil>;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
}
