//! Signed transfers per second of one runtime against another, both as WASM, as a node executes them.
//!
//! `scripts/bench-transfers` builds both and runs this: `transfers OURS.wasm PLAIN.wasm [--turns N] [--json]`
//!
//! Whole blocks of transfers, in turns, in one process: made as a node does that makes a block (a call for each
//! transaction), and executed as every node does that imports it (one call), down to the root of the state. The state is in memory. Processor time, because machines are busy.

use std::{env, fs, time::Duration};

use codec::{Compact, Decode, Encode};
use sc_executor::WasmExecutor;
use serde_json::{Value, json};
use sp_core::{
    H256, Pair, sr25519,
    traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode},
};
use sp_io::{TestExternalities, hashing::blake2_256};
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::{
    AccountId32, ApplyExtrinsicResult, Digest, DigestItem, MultiAddress, MultiSignature,
    OpaqueExtrinsic, generic,
    generic::Era,
    traits::{BlakeTwo256, Header as _},
};
use sp_version::RuntimeVersion;
use sungrid_primitives::ISC;

type Header = generic::Header<u32, BlakeTwo256>;

/// Transfers in a block.
const TRANSFERS: u32 = 1_000;
/// Milliseconds between two blocks.
const SLOT: u64 = 3_000;

fn main() {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let json = take(&mut arguments, "--json").is_some();
    let turns = match arguments.iter().position(|argument| argument == "--turns") {
        Some(at) if at + 1 < arguments.len() => {
            let turns = arguments.remove(at + 1);
            arguments.remove(at);
            turns.parse().expect("--turns takes a number")
        }
        _ => 11,
    };
    let [ours, plain] = &arguments[..] else {
        panic!("usage: transfers OURS.wasm PLAIN.wasm [--turns N] [--json]");
    };
    let mut chains = [ours, plain].map(|path| Chain::start(path));
    // The first of both warm up and do not count.
    for chain in &mut chains {
        chain.block();
    }
    let mut made = [Vec::new(), Vec::new()];
    let mut imported = [Vec::new(), Vec::new()];
    for turn in 0..turns {
        for which in [turn % 2, (turn + 1) % 2] {
            let (making, importing) = chains[which].block();
            made[which].push(making);
            imported[which].push(importing);
        }
    }
    let results = [("made", made), ("imported", imported)].map(|(what, times)| {
        let ratio = median(
            (0..turns).map(|turn| times[1][turn].as_secs_f64() / times[0][turn].as_secs_f64()),
        );
        let [ours, plain] = times
            .map(|times| f64::from(TRANSFERS) / median(times.iter().map(Duration::as_secs_f64)));
        println!("{what}: with our pallets {ours:.0}/s, without {plain:.0}/s: {ratio:.3}");
        json!({ "ours_per_s": ours, "plain_per_s": plain, "ratio": ratio })
    });
    if json {
        let [made, imported] = results;
        println!("{}", json!({ "made": made, "imported": imported }));
    }
}

/// Whether that argument was given; takes it out.
fn take(arguments: &mut Vec<String>, name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    Some(arguments.remove(at))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A chain of one runtime, without a node.
struct Chain {
    executor: WasmExecutor,
    code: Vec<u8>,
    hash: Vec<u8>,
    state: TestExternalities,
    version: RuntimeVersion,
    genesis: H256,
    parent: H256,
    number: u32,
    key: sr25519::Pair,
    nonce: u32,
}

impl Chain {
    /// At the genesis of the preset `development`.
    fn start(path: &str) -> Self {
        let code = fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let genesis = H256::repeat_byte(1);
        let mut chain = Self {
            executor: WasmExecutor::builder().build(),
            hash: blake2_256(&code).to_vec(),
            state: TestExternalities::new_with_code(&code, Default::default()),
            code,
            version: RuntimeVersion::default(),
            genesis,
            parent: genesis,
            number: 0,
            key: Alice.pair(),
            nonce: 0,
        };
        let version = chain.call("Core_version", &[]);
        chain.version = RuntimeVersion::decode(&mut &version[..]).expect("a version");
        let mut config = chain.preset(None);
        merge(&mut config, chain.preset(Some("development")));
        let built = chain.call(
            "GenesisBuilder_build_state",
            &config.to_string().into_bytes().encode(),
        );
        let built = Result::<(), String>::decode(&mut &built[..]);
        built.expect("a result").expect("the genesis is sound");
        chain.state.commit_all().expect("no transaction is open");
        chain
    }

    /// A preset; `None`: the whole configuration with its default values.
    fn preset(&mut self, name: Option<&str>) -> Value {
        let preset = self.call("GenesisBuilder_get_preset", &name.encode());
        let preset = Option::<Vec<u8>>::decode(&mut &preset[..]).expect("an option");
        serde_json::from_slice(&preset.expect("the preset exists")).expect("a preset is JSON")
    }

    fn call(&mut self, method: &str, data: &[u8]) -> Vec<u8> {
        let fetcher = WrappedRuntimeCode(self.code.as_slice().into());
        let code = RuntimeCode {
            code_fetcher: &fetcher,
            heap_pages: None,
            hash: self.hash.clone(),
        };
        let context = CallContext::Onchain { import: false };
        let mut state = self.state.ext();
        let (result, _) = self.executor.call(&mut state, &code, method, data, context);
        result.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Makes a block of transfers and executes it; returns how long each took, without signing.
    fn block(&mut self) -> (Duration, Duration) {
        self.number += 1;
        let mut transactions = vec![self.inherent()];
        transactions.extend((0..TRANSFERS).map(|n| self.transfer(self.nonce + n)));
        self.nonce += TRANSFERS;
        // BABE's: a secondary slot of the first authority.
        let slot = (2_u8, 0_u32, u64::from(self.number)).encode();
        let header = Header::new(
            self.number,
            Default::default(),
            Default::default(),
            self.parent,
            Digest {
                logs: vec![DigestItem::PreRuntime(*b"BABE", slot)],
            },
        );

        let start = processor_time();
        self.call("Core_initialize_block", &header.encode());
        for transaction in &transactions {
            let applied = self.call("BlockBuilder_apply_extrinsic", &transaction.encode());
            ApplyExtrinsicResult::decode(&mut &applied[..])
                .expect("a result")
                .expect("the transaction is valid")
                .expect("the transaction succeeds");
        }
        let sealed = self.call("BlockBuilder_finalize_block", &[]);
        let making = processor_time() - start;
        self.state.reset_overlay();

        let header = Header::decode(&mut &sealed[..]).expect("a header");
        self.parent = header.hash();
        let block = (header, transactions).encode();
        let start = processor_time();
        self.call("Core_execute_block", &block);
        let importing = processor_time() - start;
        self.state.commit_all().expect("no transaction is open");
        (making, importing)
    }

    /// The time of the block.
    fn inherent(&self) -> OpaqueExtrinsic {
        let now = Compact(u64::from(self.number) * SLOT);
        // A bare transaction of version 5, `timestamp.set`.
        opaque((5_u8, 1_u8, 0_u8, now).encode())
    }

    /// A signed transfer from Alice to Bob.
    fn transfer(&self, nonce: u32) -> OpaqueExtrinsic {
        let to = MultiAddress::<AccountId32, ()>::Id(Bob.to_account_id());
        // `balances.transfer_keep_alive`.
        let call = (4_u8, 3_u8, to, Compact(ISC / 1_000)).encode();
        // Era, nonce, tip, no hash of the metadata.
        let extension = (Era::Immortal, Compact(nonce), Compact(0_u128), 0_u8).encode();
        let implicit = (
            self.version.spec_version,
            self.version.transaction_version,
            self.genesis,
            self.genesis,
            None::<H256>,
        )
            .encode();
        let payload = [&call[..], &extension, &implicit].concat();
        let signature = MultiSignature::Sr25519(self.key.sign(&payload));
        let from = MultiAddress::<AccountId32, ()>::Id(Alice.to_account_id());
        // Signed, of version 4.
        let head = (0x84_u8, from, signature).encode();
        opaque([head, extension, call].concat())
    }
}

/// What this thread has had of the processor: other programs run on it, too.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists on every Unix, and `time` is there to be written to.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(done, 0, "the clock of the thread can be read");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
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

fn opaque(bytes: Vec<u8>) -> OpaqueExtrinsic {
    OpaqueExtrinsic::try_from_encoded_extrinsic(&bytes.encode()).expect("bytes with their length")
}
