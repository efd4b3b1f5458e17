//! `pallet_verification`: whether replicas agree.

use frame_support::traits::{ConstU32, ConstU64, ConstU128};

use crate::{
    Liveness, Runtime,
    constants::{
        currency::MILLI_ISC,
        time::{HOURS, MILLISECS_PER_BLOCK, MINUTES},
    },
};

impl pallet_verification::Config for Runtime {
    // A pause costs the requester about as much as the storage of one small record.
    type ClaimFee = ConstU128<{ 10 * MILLI_ISC }>;
    // To fetch the outputs, compute the batch again and compare.
    type ChallengeWindow = ConstU32<{ 10 * MINUTES }>;
    type CommitSlack = ConstU32<{ 2 * MINUTES }>;
    type DeclineRest = ConstU32<{ 5 * MINUTES }>;
    // A line may be down at one end, or at two; at three it is the requester's.
    type DeclinesToPause = ConstU32<3>;
    // The outputs of four authors: someone with a tenth of the slots makes all four blocks once in ten thousand.
    type DrawDelay = ConstU32<5>;
    // As long as outputs are kept for the requester to fetch: it looks at its jobs that often.
    type PauseLength = ConstU32<HOURS>;
    // As for a challenge: the draw, two summons of at most a minute each, two slow machines, and what a machine of four lanes
    // does in eight minutes on top, so that most lies of one that lies all the time stand yet when the first is found.
    type StandingWindow = ConstU32<{ 10 * MINUTES }>;
    // A summons reaches everybody within the first minute.
    type JuryWindow = ConstU32<HOURS>;
    type MaxReplicas = ConstU32<5>;
    type RevealWindow = ConstU32<{ 2 * MINUTES }>;
    type Fleet = Liveness;
    // What an hour of one lane pays at the floor: about what it takes to fetch and hash some outputs.
    type WitnessFee = ConstU128<{ 10 * MILLI_ISC }>;
    // As for a challenge: to fetch the outputs of a batch.
    type WitnessWindow = ConstU32<{ 10 * MINUTES }>;
    type SecondsPerBlock = ConstU64<{ MILLISECS_PER_BLOCK / 1_000 }>;
    type WeightInfo = crate::weights::pallet_verification::WeightInfo<Runtime>;
}
