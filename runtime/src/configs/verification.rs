//! `pallet_verification`: whether replicas agree.

use frame_support::traits::{ConstU32, ConstU64};

use crate::{
    Runtime,
    constants::time::{HOURS, MILLISECS_PER_BLOCK, MINUTES},
};

impl pallet_verification::Config for Runtime {
    // To fetch the outputs, compute the batch again and compare.
    type ChallengeWindow = ConstU32<{ 10 * MINUTES }>;
    type CommitSlack = ConstU32<{ 2 * MINUTES }>;
    // The outputs of four authors: someone with a tenth of the slots makes all four blocks once in ten thousand.
    type DrawDelay = ConstU32<5>;
    // A summons reaches everybody within the first minute.
    type JuryWindow = ConstU32<HOURS>;
    type MaxReplicas = ConstU32<5>;
    type RevealWindow = ConstU32<{ 2 * MINUTES }>;
    type SecondsPerBlock = ConstU64<{ MILLISECS_PER_BLOCK / 1_000 }>;
    type WeightInfo = ();
}
