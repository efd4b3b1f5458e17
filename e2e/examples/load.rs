//! What a real node settles under load: one node that makes blocks, and workers that claim, seal and reveal as fast as
//! it lets them, without computing anything. `scripts/bench-load` builds and runs it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use sp_core::H256;
use sungrid_chain_client::{
    AccountId, Architecture, Attributes, Call, Chain, EnergySource, Event, Follow, Included,
    JobSpec, Keypair, Policy, Registration, Reveal, SubmitError, TaskClass, Until,
    registration_payload, rpc::RpcChain,
};
use sungrid_e2e::Node;
use sungrid_primitives::{
    BatchIndex, ISC, JobId,
    receipt::{self, BatchSummary},
    suns::{CPU_1, Resources},
    traits::CPU_1_ID,
};

/// Units of a batch: the most there can be.
const UNITS: u32 = 1_024;
/// Two replicas are never with one operator.
const OPERATORS: [&str; 4] = ["//Bob", "//Charlie", "//Dave", "//Eve"];
const WORKERS_EACH: u32 = 8;
/// SUNS of a worker, and what it has in hand at most.
const SUNS: u64 = 16;
const IN_HAND: usize = 24;
/// Claims of a worker in a block at most.
const CLAIMS: usize = 4;
/// So that batches are in nobody's window too long; each has 32 of them open at once.
const JOBS: u32 = 24;
/// Transactions that wait for the pool at the same time.
const IN_FLIGHT: usize = 64;
const SALT: [u8; 32] = [7; 32];

#[derive(Default)]
struct Tally {
    settled: BTreeMap<u32, u32>,
    sent: usize,
    refused: BTreeMap<String, usize>,
}

fn main() {
    let (blocks, as_json) = arguments();
    let node = Node::dev();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let chain = RpcChain::connect(&[node.url()], None).await;
        let chain = Arc::new(chain.expect("the node answers"));
        let (machines, jobs) = prepare(&chain).await;
        let start = Instant::now();
        let tally = drive(&chain, machines, &jobs, blocks).await;
        report(&tally, blocks, start.elapsed().as_secs_f64(), as_json);
    });
}

fn arguments() -> (u32, bool) {
    let usage = || -> ! {
        eprintln!("usage: load [--blocks N] [--json]");
        std::process::exit(2)
    };
    let (mut blocks, mut as_json) = (40, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => as_json = true,
            "--blocks" => match arguments.next().and_then(|number| number.parse().ok()) {
                Some(number) if number > 0 => blocks = number,
                _ => usage(),
            },
            _ => usage(),
        }
    }
    (blocks, as_json)
}

fn key(uri: &str) -> Keypair {
    Keypair::from_uri(uri).expect("a path")
}

/// Registers the workers and orders the jobs.
async fn prepare(chain: &RpcChain) -> (HashMap<AccountId, Keypair>, Vec<JobId>) {
    let alice = key("//Alice");
    let manifest = [1; 32].into();
    let publish = Call::PublishImage { manifest, class: 0 };
    chain
        .submit(&alice, publish, Until::InBlock)
        .await
        .expect("the image is new");
    let environment = chain.environments().await.expect("the chain answers")[0];
    let genesis = chain.genesis();
    let mut machines = HashMap::new();
    for operator in OPERATORS {
        let owner = key(operator);
        for n in 0..WORKERS_EACH {
            let worker = key(&format!("{operator}//{n}"));
            let payload =
                registration_payload(&genesis, owner.account().as_ref(), &worker.public());
            let one = CPU_1.contains;
            let registration = Registration {
                worker: worker.account(),
                endpoint: vec![1; 32],
                attributes: Attributes {
                    jurisdiction: *b"DE",
                    region: Default::default(),
                    architecture: Architecture::X86_64,
                    energy: EnergySource::Hydro,
                    carbon: 0,
                    classes: TaskClass::ALL.to_vec().try_into().expect("all there are"),
                },
                environment,
                profile: CPU_1_ID,
                resources: Resources {
                    fuel_per_second: SUNS * one.fuel_per_second,
                    memory: SUNS * one.memory,
                    storage: SUNS * one.storage,
                    bandwidth: SUNS * one.bandwidth,
                    ..one
                },
                bond: u128::from(SUNS) * 100 * ISC,
                proof: worker.sign(&payload),
            };
            let register = Call::Register(Box::new(registration));
            let until = if n + 1 == WORKERS_EACH {
                Until::InBlock
            } else {
                Until::InPool
            };
            let sent = chain.submit(&owner, register, until).await;
            sent.expect("the worker is new");
            machines.insert(worker.account(), worker);
        }
    }
    let first = chain.next_job().await.expect("the chain answers");
    let price = chain
        .price_floor(CPU_1_ID)
        .await
        .expect("the chain answers");
    let deadline = chain.head().await.expect("the chain answers").number + 1_000;
    for n in 0..JOBS {
        let spec = JobSpec {
            image: manifest,
            input: H256::repeat_byte(2),
            units: UNITS * 1_000,
            batch_size: UNITS,
            price: price * 2,
            fuel_limit: 1_000_000,
            memory_limit: 1 << 28,
            traffic_limit: 3_000,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment,
            deadline,
            endpoint: vec![1; 32],
            constraints: Default::default(),
            after: None,
        };
        let until = if n + 1 == JOBS {
            Until::InBlock
        } else {
            Until::InPool
        };
        let sent = chain
            .submit(&alice, Call::SubmitJob(Box::new(spec)), until)
            .await;
        sent.expect("the order is accepted");
    }
    (machines, (first..first + JobId::from(JOBS)).collect())
}

fn summary(batch: BatchIndex) -> BatchSummary {
    BatchSummary {
        root: H256::from_low_u64_be(batch.into()),
        fuel: 1_000_000,
        charge: 1_000,
    }
}

/// Does for `blocks` blocks what the events of each ask for.
async fn drive(
    chain: &Arc<RpcChain>,
    machines: HashMap<AccountId, Keypair>,
    jobs: &[JobId],
    blocks: u32,
) -> Tally {
    let mut tally = Tally::default();
    let mut holders: HashMap<(JobId, BatchIndex), Vec<AccountId>> = HashMap::new();
    let mut queue: VecDeque<(Keypair, Call)> = VecDeque::new();
    let mut sending = FuturesUnordered::new();
    let mut follow = chain.blocks(Follow::Best).await.expect("the chain answers");
    let (mut next_job, mut seen) = (0, 0);
    loop {
        while sending.len() < IN_FLIGHT
            && let Some((key, call)) = queue.pop_front()
        {
            let chain = chain.clone();
            sending.push(async move { chain.submit(&key, call, Until::InPool).await });
        }
        tokio::select! {
            Some(sent) = sending.next(), if !sending.is_empty() => count(&mut tally, sent),
            block = follow.next() => {
                let block = block.expect("the stream goes on").expect("the node is there");
                seen += 1;
                if seen > blocks {
                    return tally;
                }
                let mut settled = 0;
                for event in chain.events(block.hash).await.expect("the chain answers") {
                    match event {
                        Event::Claimed { job, batch, worker } => {
                            let summary = summary(batch);
                            let commitment = receipt::commitment(job, batch, &summary, worker.as_ref(), &SALT);
                            let digest = receipt::digest(job, batch, &summary);
                            let Some(key) = machines.get(&worker) else { continue };
                            queue.push_back((key.clone(), Call::Commit { job, batch, units: UNITS, digest, commitment }));
                            holders.entry((job, batch)).or_default().push(worker);
                        }
                        Event::RevealOpened { job, batch } => {
                            for worker in holders.get(&(job, batch)).into_iter().flatten() {
                                let reveal = Reveal { summary: summary(batch), salt: SALT, bundle: H256::repeat_byte(3) };
                                queue.push_back((machines[worker].clone(), Call::Reveal { job, batch, reveal }));
                            }
                        }
                        Event::BatchSettled { job, batch, .. } => {
                            settled += 1;
                            holders.remove(&(job, batch));
                        }
                        _ => {}
                    }
                }
                tally.settled.insert(block.number, settled);
                // Who has room claims; a claim that failed has its room back at the next count.
                for (worker, key) in &machines {
                    let held = holders.values().flatten().filter(|holder| *holder == worker).count();
                    for _ in held..IN_HAND.min(held + CLAIMS) {
                        queue.push_back((key.clone(), Call::Claim(jobs[next_job % jobs.len()])));
                        next_job += 1;
                    }
                }
            }
        }
    }
}

fn count(tally: &mut Tally, sent: Result<Included, SubmitError>) {
    tally.sent += 1;
    if let Err(error) = sent {
        let text = error.to_string();
        let kind = text.split([':', ';', '.']).next().unwrap_or_default();
        *tally.refused.entry(kind.to_owned()).or_default() += 1;
    }
}

fn report(tally: &Tally, blocks: u32, seconds: f64, as_json: bool) {
    let batches: u32 = tally.settled.values().sum();
    let most = tally.settled.values().copied().max().unwrap_or(0);
    let rate = f64::from(batches * UNITS) / seconds;
    println!(
        "{batches} batches of {UNITS} units, two replicas each, in {blocks} blocks and {seconds:.0} s"
    );
    println!(
        "{rate:.0} units/s; at most {} units in a block",
        most * UNITS
    );
    println!("{} transactions sent", tally.sent);
    for (kind, times) in &tally.refused {
        println!("{times:>6} refused: {kind}");
    }
    if as_json {
        println!(
            "{}",
            json!({
                "batches": batches,
                "units_per_second": rate,
                "most_units_per_block": most * UNITS,
                "blocks": blocks,
                "seconds": seconds,
                "sent": tally.sent,
            })
        );
    }
}
