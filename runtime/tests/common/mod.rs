//! A chain at its genesis, without a node.

// Each test binary uses its part of this.
#![allow(dead_code)]

use codec::Encode;
use frame_support::{
    genesis_builder_helper::build_state,
    traits::{OnFinalize, OnInitialize},
};
use serde_json::Value;
use sp_consensus_babe::digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest};
use sp_core::{Pair, sr25519};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{Digest, DigestItem, MultiSignature, generic::Era, traits::Header as _};
use sungrid_runtime::{
    AccountId, BlockNumber, Democracy, Executive, Hash, Header, Nonce, RuntimeCall,
    RuntimeGenesisConfig, Scheduler, SignedPayload, System, TxExtension, UncheckedExtrinsic,
    constants::time::SLOT_DURATION, genesis_config_presets::get_preset,
};

/// The patch that a preset consists of.
pub(crate) fn patch(preset: &str) -> Value {
    let bytes = get_preset(&preset.into()).expect("the preset exists");
    serde_json::from_slice(&bytes).expect("a preset is JSON")
}

/// The state that a chain specification with this patch has at genesis.
pub(crate) fn genesis(patch: Value) -> sp_io::TestExternalities {
    try_genesis(patch).expect("the preset builds")
}

/// The same of a patch that may be refused.
pub(crate) fn try_genesis(patch: Value) -> Result<sp_io::TestExternalities, String> {
    let mut config =
        serde_json::to_value(RuntimeGenesisConfig::default()).expect("the default is JSON");
    merge(&mut config, patch);
    let mut externalities = sp_io::TestExternalities::default();
    externalities.execute_with(|| {
        build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes())?;
        System::set_block_number(1);
        Ok::<_, String>(())
    })?;
    Ok(externalities)
}

/// RFC 7386, as chain specifications apply patches.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

/// Lets blocks pass, as far as governance is concerned.
pub(crate) fn run_blocks(count: BlockNumber) {
    for _ in 0..count {
        let ended = System::block_number();
        Democracy::on_finalize(ended);
        Scheduler::on_finalize(ended);
        System::set_block_number(ended + 1);
        Scheduler::on_initialize(ended + 1);
        Democracy::on_initialize(ended + 1);
    }
}

/// A chain that makes real blocks: inherents, transactions, hooks.
pub(crate) struct Chain {
    externalities: sp_io::TestExternalities,
}

/// Makes the next block of a running chain.
pub(crate) struct Blocks {
    parent: Hash,
    number: BlockNumber,
}

impl Chain {
    /// At the genesis of a preset.
    pub(crate) fn start(preset: &str) -> Self {
        Self {
            externalities: genesis(patch(preset)),
        }
    }

    /// Runs `test` in the state of the chain.
    pub(crate) fn run(mut self, test: impl FnOnce(&mut Blocks)) {
        self.externalities.execute_with(|| {
            System::set_block_number(0);
            test(&mut Blocks {
                parent: Hash::repeat_byte(1),
                number: 0,
            });
        });
    }
}

impl Blocks {
    /// Starts a block by the first authority, in the slot of its number, and sets its time.
    pub(crate) fn open(&mut self) {
        self.number += 1;
        let slot = u64::from(self.number);
        let author = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
            authority_index: 0,
            slot: slot.into(),
        });
        Executive::initialize_block(&Header::new(
            self.number,
            Default::default(),
            Default::default(),
            self.parent,
            Digest {
                logs: vec![DigestItem::babe_pre_digest(author)],
            },
        ));
        Executive::apply_extrinsic(self.inherent())
            .expect("the inherent is valid")
            .expect("the inherent succeeds");
    }

    /// The time of the block that has been started.
    pub(crate) fn inherent(&self) -> UncheckedExtrinsic {
        let now = u64::from(self.number) * SLOT_DURATION;
        UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set { now }))
    }

    /// Ends the block, and gives its header.
    pub(crate) fn close(&mut self) -> Header {
        let header = Executive::finalize_block();
        self.parent = header.hash();
        header
    }

    /// A whole block; every transaction in it has to succeed. `transactions` runs inside of the block,
    /// because a signature covers the chain's state.
    pub(crate) fn block(&mut self, transactions: impl FnOnce() -> Vec<UncheckedExtrinsic>) {
        self.open();
        for transaction in transactions() {
            Executive::apply_extrinsic(transaction)
                .expect("the transaction is valid")
                .expect("the transaction succeeds");
        }
        self.close();
    }
}

/// A call of `key`'s, signed.
pub(crate) fn signed(key: Sr25519Keyring, nonce: Nonce, call: RuntimeCall) -> UncheckedExtrinsic {
    signed_by(&key.pair(), nonce, call)
}

/// A call signed by any key.
pub(crate) fn signed_by(
    key: &sr25519::Pair,
    nonce: Nonce,
    call: RuntimeCall,
) -> UncheckedExtrinsic {
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0).into(),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let payload =
        SignedPayload::new(call.clone(), extension.clone()).expect("the extensions apply");
    let signature = payload.using_encoded(|bytes| key.sign(bytes));
    UncheckedExtrinsic::new_signed(
        call,
        AccountId::from(key.public()).into(),
        MultiSignature::Sr25519(signature),
        extension,
    )
}
