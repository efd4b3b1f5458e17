//! `pallet_democracy`: referenda, the only root there is.
//!
//! The periods are a test network's: a referendum takes minutes. A production network multiplies them.

use frame_support::traits::{ConstBool, ConstU32, ConstU128, EitherOfDiverse};
use frame_system::{EnsureRoot, EnsureSigned};

use super::{
    collective::{
        AtLeastHalfOfCouncil, TechnicalMember, ThreeQuartersOfCouncil, TwoThirdsOfCouncil,
        TwoThirdsOfTechnical, UnanimousCouncil, UnanimousTechnical,
    },
    treasury::SlashToTreasury,
};
use crate::{
    AccountId, Balances, OriginCaller, Preimage, Runtime, RuntimeEvent, Scheduler,
    constants::currency::ISC,
};

impl pallet_democracy::Config for Runtime {
    type BlacklistOrigin = EnsureRoot<AccountId>;
    // Two thirds of the council can stop a referendum that went wrong.
    type CancellationOrigin = TwoThirdsOfCouncil;
    type CancelProposalOrigin = EitherOfDiverse<EnsureRoot<AccountId>, UnanimousTechnical>;
    type CooloffPeriod = ConstU32<100>;
    type Currency = Balances;
    type EnactmentPeriod = ConstU32<5>;
    // A proposal that the whole council backs passes unless most vote against it.
    type ExternalDefaultOrigin = UnanimousCouncil;
    type ExternalMajorityOrigin = ThreeQuartersOfCouncil;
    type ExternalOrigin = AtLeastHalfOfCouncil;
    // Only what the council put forward can be sped up.
    type FastTrackOrigin = TwoThirdsOfTechnical;
    type FastTrackVotingPeriod = ConstU32<3>;
    type InstantAllowed = ConstBool<true>;
    type InstantOrigin = UnanimousTechnical;
    type LaunchPeriod = ConstU32<20>;
    type MaxBlacklisted = ConstU32<100>;
    type MaxDeposits = ConstU32<100>;
    type MaxProposals = ConstU32<100>;
    type MaxVotes = ConstU32<100>;
    type MinimumDeposit = ConstU128<{ 100 * ISC }>;
    type PalletsOrigin = OriginCaller;
    type Preimages = Preimage;
    type RuntimeEvent = RuntimeEvent;
    type Scheduler = Scheduler;
    type Slash = SlashToTreasury;
    type SubmitOrigin = EnsureSigned<AccountId>;
    // Any engineer may send a proposal of the council's back, once.
    type VetoOrigin = TechnicalMember;
    type VoteLockingPeriod = ConstU32<5>;
    type VotingPeriod = ConstU32<20>;
    type WeightInfo = pallet_democracy::weights::SubstrateWeight<Runtime>;
}
