//! `pallet_transaction_payment`: what a transaction costs and who gets it.

use frame_support::{
    parameter_types,
    traits::{ConstU8, ConstU128},
    weights::{ConstantMultiplier, IdentityFee},
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{
    FixedPointNumber, Perquintill,
    traits::{Bounded, One},
};

use crate::{Balance, Balances, Rewards, Runtime, RuntimeEvent, constants::currency::MICRO_ISC};

/// Where fees, tips and dust go: into the round's pot.
pub type DealWithFees = Rewards;

/// A kilobyte in a block costs a thousandth of a token: megabytes of data belong to the data plane.
const FEE_PER_BYTE: Balance = MICRO_ISC;

parameter_types! {
    /// Blocks that are fuller than this make fees rise, emptier ones make them fall.
    pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
    /// How fast: about 30 % in a day of full blocks.
    pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(1, 100_000);
    /// Fees never fall below what this file says, however empty the blocks are.
    pub MinimumMultiplier: Multiplier = Multiplier::one();
    /// No bound: a full chain has to become dear.
    pub MaximumMultiplier: Multiplier = Bounded::max_value();
}

/// Fees follow demand, slowly.
type SlowAdjustingFeeUpdate = TargetedFeeAdjustment<
    Runtime,
    TargetBlockFullness,
    AdjustmentVariable,
    MinimumMultiplier,
    MaximumMultiplier,
>;

impl pallet_transaction_payment::Config for Runtime {
    type FeeMultiplierUpdate = SlowAdjustingFeeUpdate;
    type LengthToFee = ConstantMultiplier<Balance, ConstU128<FEE_PER_BYTE>>;
    type OnChargeTransaction = FungibleAdapter<Balances, DealWithFees>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
    // One planck per picosecond: a transfer costs about 0.0003 ISC, a full block about 1 ISC.
    type WeightToFee = IdentityFee<Balance>;
}
