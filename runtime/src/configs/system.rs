//! `frame_system`: the block's limits and the account's data.

use frame_support::{
    derive_impl, parameter_types,
    weights::{
        Weight,
        constants::{ParityDbWeight, WEIGHT_REF_TIME_PER_SECOND},
    },
};
use frame_system::limits::{BlockLength, BlockWeights};
use sp_runtime::Perbill;
use sp_version::RuntimeVersion;

use crate::{
    AccountId, Balance, Block, BlockNumber, Hash, Nonce, PalletInfo, Runtime, RuntimeCall,
    RuntimeEvent, RuntimeOrigin, RuntimeTask, VERSION, migrations,
};

/// The part of a block that ordinary transactions may fill; the rest is for inherents and operational
/// calls, so that governance gets through a full block.
pub const NORMAL_DISPATCH_RATIO: Perbill = Perbill::from_percent(75);

/// One second of a slot of three: making, sending and importing a block have to fit.
pub const MAXIMUM_BLOCK_WEIGHT: Weight = Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND, u64::MAX);

/// Most bytes of transactions in a block.
const MAXIMUM_BLOCK_LENGTH: u32 = 5 * 1024 * 1024;

parameter_types! {
    /// Blocks whose hash is known to the runtime; a mortal transaction lives no longer.
    pub const BlockHashCount: BlockNumber = 2400;
    /// The version in the metadata.
    pub const Version: RuntimeVersion = VERSION;
    /// Weight limits of a block.
    pub RuntimeBlockWeights: BlockWeights =
        BlockWeights::with_sensible_defaults(MAXIMUM_BLOCK_WEIGHT, NORMAL_DISPATCH_RATIO);
    /// Length limits of a block.
    pub RuntimeBlockLength: BlockLength = BlockLength::builder()
        .max_length(MAXIMUM_BLOCK_LENGTH)
        .modify_max_length_for_class(frame_support::dispatch::DispatchClass::Normal, |length| {
            *length = NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_LENGTH;
        })
        .build();
    /// The address prefix of test networks.
    pub const SS58Prefix: u16 = sungrid_primitives::SS58_PREFIX;
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type AccountData = pallet_balances::AccountData<Balance>;
    type AccountId = AccountId;
    type Block = Block;
    type BlockHashCount = BlockHashCount;
    type BlockLength = RuntimeBlockLength;
    type BlockWeights = RuntimeBlockWeights;
    type DbWeight = ParityDbWeight;
    type ExtensionsWeightInfo = crate::weights::frame_system_extensions::WeightInfo<Runtime>;
    type Hash = Hash;
    type Nonce = Nonce;
    type SS58Prefix = SS58Prefix;
    type SingleBlockMigrations = migrations::SingleBlockMigrations;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type Version = Version;
}

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Runtime
where
    RuntimeCall: From<LocalCall>,
{
    type Extrinsic = crate::UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

// Equivocation reports are bare transactions of the node that saw the equivocation.
impl<LocalCall> frame_system::offchain::CreateBare<LocalCall> for Runtime
where
    RuntimeCall: From<LocalCall>,
{
    fn create_bare(call: RuntimeCall) -> crate::UncheckedExtrinsic {
        sp_runtime::generic::UncheckedExtrinsic::new_bare(call)
    }
}
