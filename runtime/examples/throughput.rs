//! What settled work takes of the chain: weight, bytes, agenda and storage of one batch, and what follows from them
//! for units per second.
//!
//! `cargo run -p sungrid-runtime --example throughput [-- --json]`
//!
//! Signed transactions of real workers run in real blocks of this runtime, natively; the weight is what the block
//! is charged for them, whatever this machine is.

#[path = "../tests/common/mod.rs"]
mod common;

use std::{collections::HashMap, env};

use codec::Encode;
use common::{Blocks, Chain, signed, signed_by};
use frame_support::{assert_ok, dispatch::DispatchClass, storage::storage_prefix};
use pallet_market::{Constraints, JobSpecOf, Policy, WeightInfo as _};
use pallet_verification::WeightInfo as _;
use serde_json::{Value, json};
use sp_core::{H256, Pair, sr25519};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie};
use sungrid_primitives::{
    BatchIndex, JobId,
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    receipt::{self, BatchSummary},
    registration::registration_payload,
    suns::{CPU_1, Resources},
    traits::{CPU_1_ID, Pricing},
};
use sungrid_runtime::{
    AccountId, Executive, Images, Nonce, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, Suns,
    System, UncheckedExtrinsic, Workers,
    constants::{currency::ISC, time::MILLISECS_PER_BLOCK},
    genesis_config_presets::ENVIRONMENTS,
};

type MarketWeight = <Runtime as pallet_market::Config>::WeightInfo;
type VerificationWeight = <Runtime as pallet_verification::Config>::WeightInfo;

/// Units of a batch: the most there can be.
const UNITS: u32 = 1_024;
/// Batches of the job that is measured.
const BATCHES: u32 = 4;
const IMAGE: H256 = H256::repeat_byte(1);

/// A worker and its next nonce.
struct Machine {
    key: sr25519::Pair,
    nonce: Nonce,
}

impl Machine {
    /// Registered with eight SUNS, so that it may have all batches in hand at once.
    fn registered(operator: Sr25519Keyring) -> Self {
        let seed = format!("//{operator:?}//worker");
        let key = sr25519::Pair::from_string(&seed, None).expect("a path");
        let owner = operator.to_account_id();
        let payload = registration_payload(&System::block_hash(0), owner.as_ref(), &key.public().0);
        let one = CPU_1.contains;
        assert_ok!(Workers::register(
            RuntimeOrigin::signed(owner),
            key.public().into(),
            vec![1; 32].try_into().expect("short"),
            Attributes {
                jurisdiction: *b"DE",
                region: Default::default(),
                architecture: Architecture::X86_64,
                energy: EnergySource::Hydro,
                carbon: 0,
                classes: TaskClass::ALL.to_vec().try_into().expect("all there are"),
            },
            ENVIRONMENTS[0],
            CPU_1_ID,
            Resources {
                fuel_per_second: 8 * one.fuel_per_second,
                memory: 8 * one.memory,
                storage: 8 * one.storage,
                bandwidth: 8 * one.bandwidth,
                ..one
            },
            800 * ISC,
            key.sign(&payload),
        ));
        Self { key, nonce: 0 }
    }

    fn account(&self) -> AccountId {
        self.key.public().into()
    }

    fn send(&mut self, call: impl Into<RuntimeCall>) -> UncheckedExtrinsic {
        self.nonce += 1;
        signed_by(&self.key, self.nonce - 1, call.into())
    }
}

/// What a kind of transaction took of the chain.
#[derive(Clone, Copy, Default)]
struct Cost {
    count: u32,
    /// Ref time that the block was charged, picoseconds.
    weight: u64,
    /// Ref time that the budget of feeless calls was charged, picoseconds.
    budget: u64,
    bytes: usize,
}

impl Cost {
    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            weight: self.weight + other.weight,
            budget: self.budget + other.budget,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Runs a transaction in the open block.
fn apply(transaction: UncheckedExtrinsic, cost: &mut Cost) {
    let used = || System::block_weight().get(DispatchClass::Normal).ref_time();
    let free = || {
        let used = pallet_workers::FeelessUsed::<Runtime>::get();
        let now = System::block_number();
        if used.block == now { used.ref_time } else { 0 }
    };
    let (before, free_before) = (used(), free());
    let bytes = transaction.encoded_size();
    Executive::apply_extrinsic(transaction)
        .expect("the transaction is valid")
        .expect("the transaction succeeds");
    *cost = cost.plus(Cost {
        count: 1,
        weight: used() - before,
        budget: free() - free_before,
        bytes,
    });
}

/// Entries and bytes that the pallets of the market have in storage.
fn stored() -> (usize, usize) {
    let prefixes = ["Market", "Verification"].map(|name| storage_prefix(name.as_bytes(), b""));
    let (mut entries, mut bytes) = (0, 0);
    for prefix in prefixes.map(|prefix| prefix[..16].to_vec()) {
        let mut key = prefix.clone();
        while let Some(next) = sp_io::storage::next_key(&key).filter(|k| k.starts_with(&prefix)) {
            let value = sp_io::storage::get(&next).expect("the key exists");
            (entries, bytes) = (entries + 1, bytes + next.len() + value.len());
            key = next;
        }
    }
    (entries, bytes)
}

/// What one job took.
struct Measured {
    steps: [(&'static str, Cost); 3],
    /// Agenda entries of a batch, most of them moot when they fall due.
    entries: usize,
    /// Entries and bytes in storage once all is settled, and once it is cleaned up, beyond those before the job.
    settled: (usize, usize),
    cleaned: (usize, usize),
}

/// Orders `batches` batches, has them computed by whoever the policy wants, settled, and cleaned up.
fn measure(
    chain: &mut Blocks,
    machines: &mut [Machine],
    nonce: &mut Nonce,
    batches: u32,
) -> Measured {
    let before = stored();
    let agenda = || pallet_market::Agenda::<Runtime>::iter_keys().count();
    let (scheduled, job) = (agenda(), pallet_market::NextJobId::<Runtime>::get());
    let spec = JobSpecOf::<Runtime> {
        image: IMAGE,
        input: H256::repeat_byte(2),
        units: batches * UNITS,
        batch_size: UNITS,
        price: Suns::floor(CPU_1_ID),
        fuel_limit: 10_000_000,
        memory_limit: 1 << 28,
        traffic_limit: 3_000,
        policy: Policy::Replicate(2),
        profile: CPU_1_ID,
        environment: ENVIRONMENTS[0],
        deadline: System::block_number() + 1_000,
        endpoint: vec![1; 32].try_into().expect("short"),
        after: None,
        constraints: Constraints::default(),
    };
    chain.block(|| {
        vec![signed(
            Alice,
            *nonce,
            pallet_market::Call::submit { spec }.into(),
        )]
    });
    *nonce += 1;

    let (mut claim, mut commit, mut reveal) = Default::default();
    let mut assigned: HashMap<AccountId, Vec<BatchIndex>> = HashMap::new();
    chain.open();
    for machine in machines.iter_mut() {
        for _ in 0..batches {
            apply(machine.send(pallet_market::Call::claim { job }), &mut claim);
        }
    }
    for record in System::events() {
        if let RuntimeEvent::Market(pallet_market::Event::BatchClaimed { batch, worker, .. }) =
            record.event
        {
            assigned.entry(worker).or_default().push(batch);
        }
    }
    chain.close();

    chain.open();
    for machine in machines.iter_mut() {
        for batch in assigned[&machine.account()].clone() {
            let account = machine.account();
            let sealed = seal(job, batch, &account);
            apply(machine.send(sealed), &mut commit);
        }
    }
    chain.close();

    chain.open();
    for machine in machines.iter_mut() {
        for batch in assigned[&machine.account()].clone() {
            let opened = pallet_verification::Call::reveal {
                job,
                batch,
                summary: summary(batch),
                salt: [7; 32],
                bundle: H256::repeat_byte(3),
            };
            apply(machine.send(opened), &mut reveal);
        }
    }
    chain.close();
    // The job's own deadline is not there any more.
    let entries = agenda() - scheduled;
    let ended = pallet_market::Jobs::<Runtime>::get(job).expect("it is kept for a while");
    assert_eq!(ended.settled, batches, "not everything was settled");
    let beyond = |now: (usize, usize)| {
        (
            now.0.saturating_sub(before.0),
            now.1.saturating_sub(before.1),
        )
    };
    let settled = beyond(stored());

    // Until it may be cleaned up, and nothing of it is on the agenda any more.
    for _ in 0..=1_200 {
        chain.block(Vec::new);
    }
    let calls = batches.div_ceil(50) + 1;
    for _ in 0..calls {
        if pallet_market::Jobs::<Runtime>::contains_key(job) {
            let clean = pallet_market::Call::clean_up { job };
            chain.block(|| vec![signed(Alice, *nonce, clean.into())]);
            *nonce += 1;
        }
    }
    Measured {
        steps: [("claim", claim), ("commit", commit), ("reveal", reveal)],
        entries: entries / batches as usize,
        settled,
        cleaned: beyond(stored()),
    }
}

fn summary(batch: BatchIndex) -> BatchSummary {
    BatchSummary {
        root: H256::from_low_u64_be(batch.into()),
        fuel: 1_000_000,
        charge: 1_000,
    }
}

fn seal(job: JobId, batch: BatchIndex, worker: &AccountId) -> RuntimeCall {
    let summary = summary(batch);
    pallet_verification::Call::commit {
        job,
        batch,
        units: UNITS,
        digest: receipt::digest(job, batch, &summary),
        commitment: receipt::commitment(job, batch, &summary, worker.as_ref(), &[7; 32]),
    }
    .into()
}

fn main() {
    let as_json = env::args().any(|argument| argument == "--json");
    Chain::start("development").run(|chain| {
        chain.block(Vec::new);
        assert_ok!(Images::publish(
            RuntimeOrigin::signed(Alice.to_account_id()),
            IMAGE,
            Default::default()
        ));
        let mut machines = [Bob, Charlie].map(Machine::registered);
        let mut nonce = 0;
        // The first job leaves what is kept once, for all of them.
        measure(chain, &mut machines, &mut nonce, 1);
        let small = measure(chain, &mut machines, &mut nonce, 1);
        let large = measure(chain, &mut machines, &mut nonce, BATCHES);
        let json = report(&small, &large);
        if as_json {
            println!("{json}");
        }
    });
}

/// Prints what `large` took per batch, and what it left behind beside `small`.
fn report(small: &Measured, large: &Measured) -> Value {
    let millis = |picos: u64| picos as f64 / 1e9;
    println!("one batch of {UNITS} units, two replicas");
    println!(
        "{:<8} {:>9} {:>13} {:>7}",
        "", "weight ms", "feeless ms", "bytes"
    );
    let mut all = Cost::default();
    for (name, cost) in large.steps {
        let line = |picos| millis(picos) / f64::from(BATCHES);
        println!(
            "{name:<8} {:>9.2} {:>13.2} {:>7}",
            line(cost.weight),
            line(cost.budget),
            cost.bytes / BATCHES as usize
        );
        all = all.plus(cost);
    }
    let per_batch = |total: u64| total / u64::from(BATCHES);
    let (weight, budget) = (per_batch(all.weight), per_batch(all.budget));
    let bytes = all.bytes as f64 / f64::from(BATCHES * UNITS);
    println!(
        "{bytes:.2} bytes and {:.2} µs of weight a unit",
        weight as f64 / 1e6 / f64::from(UNITS)
    );

    let limits = <Runtime as frame_system::Config>::BlockWeights::get();
    let normal = limits
        .get(DispatchClass::Normal)
        .max_total
        .map_or(0, |w| w.ref_time());
    let feeless = <Runtime as pallet_workers::Config>::FeelessBudget::get().ref_time();
    let agenda = <Runtime as pallet_market::Config>::AgendaWeight::get().ref_time();
    let entry = MarketWeight::agenda_lookup().saturating_add(VerificationWeight::deadline_moot());
    let due = entry.ref_time() * large.entries as u64;
    let rate = |room: u64, each: u64| {
        room as f64 / each as f64 * f64::from(UNITS) * 1e3 / MILLISECS_PER_BLOCK as f64
    };
    // What two workers on whom others stake take beyond that, for a job that asks for tiers or a streak.
    let pools = VerificationWeight::reveal_few(2, 2)
        .saturating_sub(VerificationWeight::reveal_few(2, 0))
        .ref_time();
    let asks = MarketWeight::claim(1, 0, 1, 0)
        .saturating_sub(MarketWeight::claim(1, 0, 0, 0))
        .ref_time();
    let most = weight + pools + 2 * asks;
    let rates = [
        ("all ordinary weight", rate(normal, weight)),
        ("budget of feeless calls", rate(feeless, budget)),
        ("deadlines of the agenda", rate(agenda, due)),
        ("all, with pools and tiers", rate(normal, most)),
    ];
    for (name, units) in rates {
        println!("{name:<25} {units:>9.0} units/s");
    }
    println!("{} agenda entries a batch", large.entries);
    for (name, job) in [("1 batch", small), ("4 batches", large)] {
        println!(
            "{name:<10} settled: {} entries, {} bytes; cleaned up: {} entries, {} bytes",
            job.settled.0, job.settled.1, job.cleaned.0, job.cleaned.1
        );
    }
    json!({
        "units_per_batch": UNITS,
        "weight_us_per_unit": weight as f64 / 1e6 / f64::from(UNITS),
        "bytes_per_unit": bytes,
        "units_per_second": { "weight": rates[0].1, "feeless": rates[1].1, "agenda": rates[2].1, "pools_and_tiers": rates[3].1 },
        "left_entries": large.cleaned.0,
        "left_bytes": large.cleaned.1,
    })
}
