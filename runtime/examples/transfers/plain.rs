//! A runtime that can do transfers and nothing else, with the settings of ours.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use std::time::{Duration, Instant};

use codec::Encode;
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, tokens::imbalance::ResolveTo},
    weights::{ConstantMultiplier, IdentityFee, constants::ParityDbWeight},
};
use pallet_transaction_payment::FungibleAdapter;
use sp_core::{Pair, sr25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};
use sp_runtime::{
    BuildStorage, MultiSignature,
    generic::{self, Era},
    traits::Header as _,
};
use sungrid_runtime::{
    AccountId, Address, Balance, Hash, Header, Nonce,
    configs::system::{RuntimeBlockLength, RuntimeBlockWeights},
    constants::{
        currency::{EXISTENTIAL_DEPOSIT, ISC, MICRO_ISC},
        time::SLOT_DURATION,
    },
};

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Plain;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(3)]
    pub type TransactionPayment = pallet_transaction_payment;
}

type TxExtension = (
    frame_system::AuthorizeCall<Plain>,
    frame_system::CheckNonZeroSender<Plain>,
    frame_system::CheckSpecVersion<Plain>,
    frame_system::CheckTxVersion<Plain>,
    frame_system::CheckGenesis<Plain>,
    frame_system::CheckEra<Plain>,
    frame_system::CheckNonce<Plain>,
    frame_system::CheckWeight<Plain>,
    pallet_transaction_payment::ChargeTransactionPayment<Plain>,
    frame_metadata_hash_extension::CheckMetadataHash<Plain>,
    frame_system::WeightReclaim<Plain>,
);
type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, MultiSignature, TxExtension>;
type Block = generic::Block<Header, UncheckedExtrinsic>;
type Executive = frame_executive::Executive<
    Plain,
    Block,
    frame_system::ChainContext<Plain>,
    Plain,
    AllPalletsWithSystem,
>;

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Plain {
    type AccountData = pallet_balances::AccountData<Balance>;
    type AccountId = AccountId;
    type Block = Block;
    type BlockHashCount = ConstU32<2400>;
    type BlockLength = RuntimeBlockLength;
    type BlockWeights = RuntimeBlockWeights;
    type DbWeight = ParityDbWeight;
    type Hash = Hash;
    type Nonce = Nonce;
}

impl pallet_timestamp::Config for Plain {
    type MinimumPeriod = ConstU64<{ SLOT_DURATION / 2 }>;
    type Moment = u64;
    type OnTimestampSet = ();
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Plain>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Plain {
    type AccountStore = System;
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

parameter_types! {
    /// Who has the fees.
    pub Pot: AccountId = Charlie.to_account_id();
}

impl pallet_transaction_payment::Config for Plain {
    type FeeMultiplierUpdate = ();
    type LengthToFee = ConstantMultiplier<Balance, ConstU128<MICRO_ISC>>;
    type OnChargeTransaction = FungibleAdapter<Balances, ResolveTo<Pot, Balances>>;
    type OperationalFeeMultiplier = frame_support::traits::ConstU8<5>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Plain>;
    type WeightToFee = IdentityFee<Balance>;
}

/// A chain of that runtime, without a node.
pub(crate) struct Chain {
    externalities: sp_io::TestExternalities,
    parent: Hash,
    number: u32,
    key: sr25519::Pair,
    nonce: Nonce,
}

impl Chain {
    /// After the first block, in which everybody here owns something.
    pub(crate) fn start() -> Self {
        let balances = [Alice, Bob, Charlie].map(|key| (key.to_account_id(), 1_000_000 * ISC));
        let genesis = RuntimeGenesisConfig {
            balances: BalancesConfig {
                balances: balances.to_vec(),
                ..Default::default()
            },
            ..Default::default()
        };
        let storage = genesis.build_storage().expect("the genesis is sound");
        let mut chain = Self {
            externalities: storage.into(),
            parent: Hash::repeat_byte(1),
            number: 0,
            key: Alice.pair(),
            nonce: 0,
        };
        // Signatures cover the hash of the genesis, which the state has from the first block on.
        chain.block(0);
        chain
    }

    /// Makes a block of that many transfers, and returns how long that took, without signing them.
    pub(crate) fn block(&mut self, transfers: u32) -> Duration {
        let Self {
            externalities,
            parent,
            number,
            key,
            nonce,
        } = self;
        externalities.execute_with(|| {
            let transactions: Vec<_> = (0..transfers).map(|n| signed(key, *nonce + n)).collect();
            *nonce += transfers;
            *number += 1;
            let start = Instant::now();
            Executive::initialize_block(&Header::new(
                *number,
                Default::default(),
                Default::default(),
                *parent,
                Default::default(),
            ));
            let now = u64::from(*number) * SLOT_DURATION;
            let inherent =
                UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set {
                    now,
                }));
            for transaction in [inherent].into_iter().chain(transactions) {
                Executive::apply_extrinsic(transaction)
                    .expect("the transaction is valid")
                    .expect("the transaction succeeds");
            }
            *parent = Executive::finalize_block().hash();
            start.elapsed()
        })
    }
}

/// A transfer from Alice to Bob.
fn signed(key: &sr25519::Pair, nonce: Nonce) -> UncheckedExtrinsic {
    let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: Bob.to_account_id().into(),
        value: ISC / 1_000,
    });
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let payload =
        generic::SignedPayload::new(call.clone(), extension.clone()).expect("the extensions apply");
    let signature = payload.using_encoded(|bytes| key.sign(bytes));
    UncheckedExtrinsic::new_signed(
        call,
        Alice.to_account_id().into(),
        MultiSignature::Sr25519(signature),
        extension,
    )
}
