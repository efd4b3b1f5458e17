//! `pallet_capacity`: what workers have shown that they compute.

use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64},
};
use frame_system::EnsureRoot;
use sp_runtime::Perbill;
use sungrid_primitives::suns::LANE_FUEL_PER_SECOND;

use crate::{
    AccountId, Runtime, Timestamp,
    constants::time::{DAYS, HOURS, MINUTES},
};

parameter_types! {
    // As much as for the report of an absence, where the bond is the least.
    pub const Bounty: Perbill = Perbill::from_percent(10);
}

impl pallet_capacity::Config for Runtime {
    type Bounty = Bounty;
    // Every two hours: a minute each time is a hundredth of what a machine has.
    type CheckSpan = ConstU32<{ 2 * HOURS }>;
    // What is being computed ends, then two attempts.
    type CheckWindow = ConstU32<{ 15 * MINUTES }>;
    // As where verification waits for a draw: the outputs of four authors.
    type DrawDelay = ConstU32<5>;
    // In which a machine that is cut off for an hour once a month is silent twice with a chance of one in 30,000.
    type FalseClaimMemory = ConstU32<{ 90 * DAYS }>;
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
