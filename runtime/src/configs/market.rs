//! `pallet_market`: jobs, their batches and the money held for them.

use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, ConstU128},
    weights::Weight,
};
use sp_runtime::Perbill;

use super::{system::RuntimeBlockWeights, treasury::TreasuryAccount};
use crate::{
    Balances, Images, Rewards, Runtime, RuntimeHoldReason, Suns, Verification, Workers,
    constants::{
        currency::{ISC, deposit},
        time::{DAYS, HOURS},
    },
};

parameter_types! {
    /// What deadlines may take of every block before its transactions. Too small and deadlines lag behind
    /// a busy market; too large and they crowd out claims and commits.
    pub AgendaWeight: Weight = Perbill::from_percent(20) * RuntimeBlockWeights::get().max_block;
}

impl pallet_market::Config for Runtime {
    type AgendaWeight = AgendaWeight;
    // Assignments, seals and the result of a batch.
    type BatchDeposit = ConstU128<{ deposit(3, 400) }>;
    // What some eighty batches of an hour on one lane pay at the floor.
    type ChallengeBond = ConstU128<ISC>;
    type CleanUpLimit = ConstU32<50>;
    type Currency = Balances;
    type Images = Images;
    type Income = Rewards;
    // The job's record, its hold and its agenda entry.
    type JobDeposit = ConstU128<{ deposit(3, 800) }>;
    // An hour of one lane: longer batches lose too much when a machine goes away.
    type MaxBatchSeconds = ConstU64<3_600>;
    type MaxJobBlocks = ConstU32<{ 7 * DAYS }>;
    type Pricing = Suns;
    // The VRF output of the parent block's author. The verifier chains those of all blocks.
    type Randomness = pallet_babe::ParentBlockRandomness<Runtime>;
    type Retention = ConstU32<HOURS>;
    type RuntimeHoldReason = RuntimeHoldReason;
    // More than the fee of an order, which is the weight and bytes of one.
    type StartFee = ConstU128<{ ISC / 100 }>;
    type Treasury = TreasuryAccount;
    type Verifier = Verification;
    type WeightInfo = crate::weights::pallet_market::WeightInfo<Runtime>;
    type Workers = Workers;
}
