//! The runtime, executed natively, block by block, as a node would.

use std::sync::OnceLock;

use codec::Encode;
use frame_support::{
    dispatch::CheckIfFeeless, genesis_builder_helper::build_state, traits::DisabledValidators,
};
use serde_json::Value;
use sp_consensus_babe::{
    AuthorityIndex,
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
};
use sp_core::{Pair, sr25519, storage::StateVersion};
use sp_crypto_hashing::blake2_256;
use sp_io::TestExternalities;
use sp_runtime::{
    Digest, DigestItem, DispatchError, MultiSignature,
    generic::Era,
    traits::{Dispatchable, Header as _},
    transaction_validity::TransactionValidityError,
};
use sungrid_runtime::{
    Babe, BlockNumber, Executive, Hash, Header, Runtime, RuntimeCall, RuntimeGenesisConfig,
    RuntimeOrigin, Session, SignedPayload, System, TxExtension, UncheckedExtrinsic,
    constants::time::SLOT_DURATION, genesis_config_presets::get_preset,
};

use crate::{cast::Actor, finding::Finding};

/// Whether a block of this number has the same hash as all others of which that is so, in every case: then what follows from
/// it is computed once.
pub fn repeats(number: BlockNumber) -> bool {
    number.is_multiple_of(4)
}

/// A chain's state between two steps.
type Snapshot = (Vec<(Vec<u8>, (Vec<u8>, i32))>, Hash);

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it says.
    Done,
    /// It failed, and its sender has paid.
    Failed(DispatchError),
    /// It never got into the block.
    Refused(TransactionValidityError),
}

/// A chain in the middle of a block.
pub struct Chain {
    /// Its state.
    pub state: TestExternalities,
    /// The last finished block.
    head: Head,
}

#[derive(Clone, Copy)]
struct Head {
    hash: Hash,
    number: BlockNumber,
    slot: u64,
}

impl Chain {
    /// A chain whose first block is open, `wait` slots later than it could be, of the preset with two validators.
    pub fn genesis(wait: u64) -> Self {
        let patch = get_preset(&"local_testnet".into()).expect("the preset exists");
        let patch = serde_json::from_slice(&patch).expect("a preset is JSON");
        let mut config =
            serde_json::to_value(RuntimeGenesisConfig::default()).expect("the default is JSON");
        merge(&mut config, patch);
        let mut chain = Self {
            state: TestExternalities::default(),
            head: Head {
                hash: Hash::repeat_byte(1),
                number: 0,
                slot: 0,
            },
        };
        chain.state.execute_with(|| {
            build_state::<RuntimeGenesisConfig>(config.to_string().into_bytes())
                .expect("the preset builds");
        });
        chain.open(1 + wait);
        chain
    }

    /// A copy of the chain that `prepare` leaves, which is run once in a process; its next block comes after `wait`
    /// more slots, so that copies see different randomness.
    pub fn prepared(prepare: impl FnOnce(&mut Self), wait: u64) -> Self {
        static PREPARED: OnceLock<(Snapshot, Head)> = OnceLock::new();
        let ((pairs, root), head) = PREPARED.get_or_init(|| {
            let mut chain = Self::genesis(0);
            prepare(&mut chain);
            chain.close();
            (chain.state.into_raw_snapshot(), chain.head)
        });
        let mut chain = Self {
            state: TestExternalities::from_raw_snapshot(pairs.clone(), *root, StateVersion::V1),
            head: *head,
        };
        chain.open(1 + wait);
        chain
    }

    /// Starts a block, so many slots after the last, by any validator that may.
    fn open(&mut self, slots: u64) {
        self.head.number += 1;
        self.head.slot += slots;
        let Head { hash, number, slot } = self.head;
        self.state.execute_with(|| {
            let may = |index: &AuthorityIndex| !Session::is_disabled(*index);
            let authority_index = (0..Babe::authorities().len() as AuthorityIndex)
                .cycle()
                .skip(slot as usize % 7)
                .take(200)
                .find(may)
                .unwrap_or_default();
            let digest = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
                authority_index,
                slot: slot.into(),
            });
            Executive::initialize_block(&Header::new(
                number,
                Default::default(),
                Default::default(),
                hash,
                Digest {
                    logs: vec![DigestItem::babe_pre_digest(digest)],
                },
            ));
            let now = slot * SLOT_DURATION;
            let inherent = pallet_timestamp::Call::set { now };
            Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(inherent.into()))
                .expect("the inherent is valid")
                .expect("the inherent succeeds");
            // What is due, before anybody asks what is.
            Executive::inherents_applied();
        });
    }

    /// Ends the block.
    fn close(&mut self) {
        let Head { number, slot, .. } = self.head;
        self.state.execute_with(|| {
            Executive::finalize_block();
            // An author's output without its proof, which takes longer than the rest of an empty block.
            let randomness = blake2_256(&(b"output", slot).encode());
            pallet_babe::AuthorVrfRandomness::<Runtime>::put(Some(randomness));
        });
        // Not the header's: transactions are in that, signatures in them, and no signature is made twice.
        let which = (!repeats(number)).then_some((number, slot));
        self.head.hash = Hash::from(blake2_256(&(b"block", which).encode()));
        self.state.commit_all().expect("no transaction is open");
    }

    /// Ends the block and starts the next, `slots` later. `look` sees the state between the two.
    pub fn next_block(
        &mut self,
        slots: u64,
        look: impl FnOnce() -> Result<(), Finding>,
    ) -> Result<(), Finding> {
        self.close();
        self.state.execute_with(look)?;
        self.open(slots);
        Ok(())
    }
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

/// Puts a signed transaction into the block: validation, fee, dispatch.
pub fn transact(who: &Actor, call: RuntimeCall) -> Result<Outcome, Finding> {
    // Before the first transaction of a block the agenda is worked off, and what was free may be over.
    let feeless =
        System::inherents_applied() && call.is_feeless(&RuntimeOrigin::signed(who.account.clone()));
    let transaction = sign(who, call);
    match Executive::apply_extrinsic(transaction) {
        Ok(Ok(())) => Ok(Outcome::Done),
        Ok(Err(error)) if feeless => {
            Err(Finding::new("a feeless call failed", format!("{error:?}")))
        }
        Ok(Err(error)) => Ok(Outcome::Failed(error)),
        Err(refusal) => Ok(Outcome::Refused(refusal)),
    }
}

/// Puts a transaction that nobody signs into the block.
pub fn transact_bare(call: RuntimeCall) -> Outcome {
    match Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(call)) {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(error)) => Outcome::Failed(error),
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// Carries a call out without a transaction around it; one that fails must leave no trace.
pub fn dispatch(origin: RuntimeOrigin, call: RuntimeCall) -> Result<Outcome, Finding> {
    let root = || sp_io::storage::root(StateVersion::V1);
    let before = root();
    match call.dispatch(origin) {
        Ok(_) => Ok(Outcome::Done),
        Err(failure) if before == root() => Ok(Outcome::Failed(failure.error)),
        Err(failure) => Err(Finding::new(
            "a call that failed left a trace",
            format!("{:?}", failure.error),
        )),
    }
}

fn sign(who: &Actor, call: RuntimeCall) -> UncheckedExtrinsic {
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(System::account_nonce(&who.account)),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0).into(),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let payload =
        SignedPayload::new(call.clone(), extension.clone()).expect("the extensions apply");
    let signature: sr25519::Signature = payload.using_encoded(|bytes| who.key.sign(bytes));
    UncheckedExtrinsic::new_signed(
        call,
        who.account.clone().into(),
        MultiSignature::Sr25519(signature),
        extension,
    )
}
