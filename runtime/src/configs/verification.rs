//! `pallet_verification`: whether replicas agree.

use frame_support::traits::{ConstU32, ConstU64};

use crate::{
    Runtime,
    constants::time::{MILLISECS_PER_BLOCK, MINUTES},
};

impl pallet_verification::Config for Runtime {
    type CommitSlack = ConstU32<{ 2 * MINUTES }>;
    type MaxReplicas = ConstU32<5>;
    type RevealWindow = ConstU32<{ 2 * MINUTES }>;
    type SecondsPerBlock = ConstU64<{ MILLISECS_PER_BLOCK / 1_000 }>;
    type WeightInfo = ();
}
