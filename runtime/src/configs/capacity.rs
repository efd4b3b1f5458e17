//! `pallet_capacity`: what workers have shown that they compute.

use frame_support::traits::{ConstU32, ConstU64};
use frame_system::EnsureRoot;
use sungrid_primitives::suns::LANE_FUEL_PER_SECOND;

use crate::{
    AccountId, Runtime, Timestamp,
    constants::time::{DAYS, HOURS, MINUTES},
};

impl pallet_capacity::Config for Runtime {
    // Every two hours: a minute each time is a hundredth of what a machine has.
    type CheckSpan = ConstU32<{ 2 * HOURS }>;
    // What is being computed ends, then two attempts.
    type CheckWindow = ConstU32<{ 15 * MINUTES }>;
    // As where verification waits for a draw: the outputs of four authors.
    type DrawDelay = ConstU32<5>;
    // What counts unproven is for referenda alone.
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type MaxRun = ConstU64<150_000>;
    // A sixth of a current core (docs/benchmarks.md); a thread of an accelerator is slower.
    type MinLane = ConstU64<{ 2 * LANE_FUEL_PER_SECOND }>;
    // Ten slots: the two at the ends make it 20 % at most.
    type MinRun = ConstU64<30_000>;
    // Long enough for a machine to come back from a power cut and compute it again.
    type OpenWindow = ConstU32<HOURS>;
    // Of all blocks up to the draw: nobody knows it before.
    type Randomness = pallet_babe::ParentBlockRandomness<Runtime>;
    type RunEvery = ConstU32<{ 5 * MINUTES }>;
    type Time = Timestamp;
    type Validity = ConstU32<DAYS>;
    type WeightInfo = crate::weights::pallet_capacity::WeightInfo<Runtime>;
}
