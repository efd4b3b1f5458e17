//! What has to hold when all is over, whatever happened: held against the chain's blocks and state, the journals, what the
//! workers said, and a computation of everything here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::RangeInclusive,
    path::Path,
};

use serde_json::{Value, json};
use sp_core::H256;
use sp_crypto_hashing::twox_128;
use sungrid_chain_client::{
    AccountId, BatchResult, Chain, Event, Job, JobState, Outcome, Worker, rpc::RpcChain,
};
use sungrid_primitives::{BatchIndex, JobId};

use super::{
    arena::Arena,
    journal::Snapshot,
    rerun::{Rerun, below},
};
use crate::{Node, sungrid_json};

/// Blocks between two looks at all accounts.
const MONEY_EVERY: u32 = 25;
/// Keys in one answer, at most.
const PAGE: usize = 1_000;

/// What was looked at, and what was wrong with it.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) violations: Vec<String>,
    pub(super) blocks: u32,
    pub(super) jobs: usize,
    pub(super) batches: usize,
    pub(super) units: usize,
    pub(super) replicas: usize,
    pub(super) receipts: u64,
    pub(super) sealed_at_death: usize,
    pub(super) unfinished_at_death: usize,
    pub(super) units_at_death: usize,
    /// Deaths with a batch in hand whose claim was in a block that the chain gave up.
    pub(super) never_claimed: usize,
    pub(super) missed: BTreeMap<String, u32>,
    pub(super) declined: u32,
}

impl Findings {
    fn hold(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(otherwise());
        }
    }
}

/// What the arena's workers are called on chain, and what they were when they had joined.
#[derive(Clone)]
pub(super) struct Roll(Vec<(AccountId, Worker)>);

/// Who claimed which batch, on the chain as it came to be.
type Claims = BTreeMap<(JobId, BatchIndex, AccountId), u32>;

/// The chain at its last finalised block, as far as the audit needs it.
struct Books {
    chain: RpcChain,
    jobs: Vec<(JobId, Job)>,
    results: BTreeMap<(JobId, BatchIndex), BatchResult>,
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

async fn connect(node: &Node) -> RpcChain {
    let chain = RpcChain::connect(&[node.url()], None).await;
    chain.expect("the node answers")
}

impl Roll {
    /// Once the block in which the last of them joined is everywhere.
    pub(super) fn call(arena: &mut Arena) -> Self {
        arena.together();
        let all = runtime().block_on(async {
            let chain = connect(&arena.nodes[0]).await;
            chain.workers().await.expect("the chain answers")
        });
        let keys: Vec<Option<String>> = (0..arena.hands.len())
            .map(|n| {
                let history = arena.history(n);
                let ready = history
                    .iter()
                    .find(|(_, line)| line["message"] == "ready for work");
                Some(ready?.1["worker"].as_str()?.to_owned())
            })
            .collect();
        let by_key = |key: &Option<String>| {
            let found = all
                .iter()
                .find(|(account, _)| Some(account.to_string()) == *key);
            found.expect("it is registered").clone()
        };
        Self(keys.iter().map(by_key).collect())
    }
}

/// Looks at everything.
pub(super) fn audit(arena: &mut Arena, roll: &Roll) -> Findings {
    let mut findings = Findings::default();
    let runtime = runtime();
    let books = runtime.block_on(async {
        let chain = connect(&arena.nodes[0]).await;
        let jobs = chain.jobs().await.expect("the chain answers");
        let mut results = BTreeMap::new();
        for (job, _) in &jobs {
            for (batch, result) in chain.results(*job).await.expect("the chain answers") {
                results.insert((*job, batch), result);
            }
        }
        Books {
            chain,
            jobs,
            results,
        }
    });
    findings.jobs = books.jobs.len();
    for (job, record) in &books.jobs {
        let ended = record.state.has_ended();
        findings.hold(ended, || {
            format!("job {job} has not ended: {:?}", record.state)
        });
        let whole = !matches!(
            record.state,
            JobState::Ended {
                outcome: Outcome::Completed,
                ..
            }
        ) || record.settled == record.total_batches();
        findings.hold(whole, || {
            format!("job {job} is complete without all batches")
        });
    }
    arena.say("  results");
    runtime.block_on(results(&mut findings, arena, &books));
    arena.say("  blocks");
    let claims = runtime.block_on(history(&mut findings, arena, &books, roll));
    runtime.block_on(standing(&mut findings, &books, roll));
    arena.say("  receipts");
    orders(&mut findings, arena);
    arena.say("  work");
    for n in 0..arena.hands.len() {
        work(&mut findings, arena, n, &books, &claims, &roll.0[n].0);
    }
    arena.say("  money");
    money(&mut findings, &arena.nodes[0]);
    findings
}

/// Claims, commitments and reveals in these blocks of a node's chain.
pub(super) fn steps(node: &Node, blocks: RangeInclusive<u32>) -> usize {
    runtime().block_on(async {
        let chain = connect(node).await;
        let mut steps = 0;
        for number in blocks {
            let events = chain.events(hash(node, number)).await;
            let is_step = |event: &&Event| {
                matches!(
                    event,
                    Event::Claimed { .. } | Event::Committed { .. } | Event::Revealed { .. }
                )
            };
            steps += events
                .expect("the node keeps all state")
                .iter()
                .filter(is_step)
                .count();
        }
        steps
    })
}

fn hash(node: &Node, number: u32) -> H256 {
    let hash = node.ask("chain_getBlockHash", json!([number]));
    hash.as_str()
        .and_then(|text| text.parse().ok())
        .expect("a hash")
}

/// Whether it would have been noticed: has an output, a death, a standing falsified, and looks again. What was not noticed.
pub(super) fn doubt(arena: &mut Arena, roll: &Roll) -> Vec<&'static str> {
    let outputs = downloads(arena.folder.path());
    let mut files = outputs.values().flat_map(|folder| below(folder));
    let file = files
        .find(|path| path.ends_with("out/tile.rgb"))
        .expect("a picture was downloaded");
    let bytes = fs::read(&file).expect("it can be read");
    fs::write(&file, &bytes[1..]).expect("it can be written");

    let history = arena.history(0);
    let sealed = history
        .iter()
        .find(|(_, line)| line["message"] == "computed and sealed");
    let line = &sealed.expect("it has worked").1;
    let number = |name: &str| line[name].as_u64().expect("a number");
    let died = |bundle: Option<&str>, units: usize| Snapshot {
        job: number("job") as u32,
        batch: number("batch") as u32,
        bundle: bundle.map(str::to_owned),
        settled: false,
        units,
    };
    let deaths = [died(Some("0x00"), 0), died(None, 1_024)];
    arena.hands[0].snapshots.extend(deaths);
    let mut roll = roll.clone();
    roll.0[0].1.bond += 1;

    let found = audit(arena, &roll).violations;
    fs::write(&file, bytes).expect("it can be written");
    let expected = [
        "is not what was downloaded",
        "which is lost",
        "afterwards",
        "had a bond of",
    ];
    let is_missing = |what: &&str| !found.iter().any(|violation| violation.contains(*what));
    expected.into_iter().filter(is_missing).collect()
}

/// Every accepted result, and every output that was downloaded, is what computing it here gives.
async fn results(findings: &mut Findings, arena: &Arena, books: &Books) {
    let folder = arena.folder.path();
    let genesis = books.chain.genesis();
    let mut rerun = Rerun::new(folder, &folder.join("scene"), genesis);
    let downloads = downloads(folder);
    for ((job, batch), result) in &books.results {
        let record = &books
            .jobs
            .iter()
            .find(|(id, _)| id == job)
            .expect("a job")
            .1;
        let profile = books.chain.profile(record.spec.profile).await;
        let profile = profile.expect("the chain answers").expect("its profile");
        let (summary, ran) = rerun.batch(*job, record, *batch, &profile);
        findings.batches += 1;
        findings.replicas += result.winners.len();
        findings.units += ran.len();
        findings.hold(result.summary == summary, || {
            format!(
                "batch {batch} of job {job} was accepted as {:?}, and is {summary:?}",
                result.summary
            )
        });
        let mut workers: Vec<_> = result.winners.iter().map(|winner| &winner.worker).collect();
        workers.sort();
        workers.dedup();
        findings.hold(workers.len() == result.winners.len(), || {
            format!("batch {batch} of job {job} was paid twice to one worker")
        });
        for (unit, ran) in ran {
            let Some(outputs) = downloads.get(job) else {
                continue;
            };
            let unit_folder = outputs.join(format!("{unit:06}"));
            if !unit_folder.exists() {
                continue;
            }
            for (name, bytes) in &ran.files {
                let right =
                    fs::read(unit_folder.join("out").join(name)).ok().as_ref() == Some(bytes);
                findings.hold(right, || {
                    format!("{name} of unit {unit} of job {job} is not what was downloaded")
                });
            }
            let stdout = fs::read(unit_folder.join("stdout")).unwrap_or_default();
            findings.hold(stdout == ran.stdout, || {
                format!("the stdout of unit {unit} of job {job} is not what was downloaded")
            });
        }
    }
}

/// Folders of outputs below the requesters' folders, by job.
fn downloads(folder: &Path) -> BTreeMap<JobId, std::path::PathBuf> {
    let requesters = fs::read_dir(folder.join("requesters"))
        .into_iter()
        .flatten()
        .flatten();
    let slots = requesters.flat_map(|requester| {
        fs::read_dir(requester.path().join("jobs"))
            .into_iter()
            .flatten()
            .flatten()
    });
    slots
        .filter_map(|slot| {
            let text = fs::read_to_string(slot.path().join("job.json")).ok()?;
            let record: Value = serde_json::from_str(&text).ok()?;
            Some((
                record["job"].as_u64()? as JobId,
                slot.path().join("outputs"),
            ))
        })
        .collect()
}

/// What happened, block by block.
async fn history(findings: &mut Findings, arena: &mut Arena, books: &Books, roll: &Roll) -> Claims {
    let node = &arena.nodes[0];
    let last = node.number(&node.finalized());
    findings.blocks = last;
    let (mut claims, mut commits) = (Claims::new(), BTreeMap::new());
    let mut settled: BTreeMap<(JobId, BatchIndex), u32> = BTreeMap::new();
    let mut missed: BTreeMap<AccountId, u32> = BTreeMap::new();
    for number in 1..=last {
        for event in books
            .chain
            .events(hash(node, number))
            .await
            .expect("the node keeps all state")
        {
            match event {
                Event::Claimed { job, batch, worker } => {
                    *claims.entry((job, batch, worker)).or_insert(0) += 1;
                }
                Event::Committed { job, batch, worker } => {
                    *commits.entry((job, batch, worker)).or_insert(0) += 1;
                }
                Event::BatchSettled { job, batch, .. } => {
                    *settled.entry((job, batch)).or_default() += 1;
                }
                Event::WorkerMissed { worker } => *missed.entry(worker).or_default() += 1,
                Event::WorkerSlashed { worker, amount } => findings.violations.push(format!(
                    "{worker} was slashed by {amount} in block {number}"
                )),
                Event::BatchFailed { job, batch } => findings.violations.push(format!(
                    "batch {batch} of job {job} failed in block {number}"
                )),
                Event::Other { name, .. } if name == "Declined" => findings.declined += 1,
                _ => {}
            }
        }
    }
    for ((job, batch, worker), count) in &claims {
        findings.hold(*count == 1, || {
            format!("batch {batch} of job {job} went to {worker} {count} times")
        });
    }
    for ((job, batch, worker), count) in commits {
        findings.hold(count == 1, || {
            format!("{worker} committed {count} times to batch {batch} of job {job}")
        });
    }
    for ((job, batch), count) in settled {
        findings.hold(count == 1, || {
            format!("batch {batch} of job {job} was settled {count} times")
        });
    }
    for (n, (account, _)) in roll.0.iter().enumerate() {
        let count = missed.remove(account).unwrap_or_default();
        findings.hold(count == 0, || {
            format!("worker {n} missed {count} deadlines")
        });
        if count > 0 {
            findings.missed.insert(account.to_string(), count);
        }
    }
    claims
}

/// Nobody has lost bond or standing, or has capacity in use for nothing.
async fn standing(findings: &mut Findings, books: &Books, roll: &Roll) {
    for (n, (account, before)) in roll.0.iter().enumerate() {
        let now = books
            .chain
            .worker(account)
            .await
            .expect("the chain answers")
            .expect("it is there");
        findings.hold(now.bond >= before.bond, || {
            format!(
                "worker {n} had a bond of {} and has {}",
                before.bond, now.bond
            )
        });
        findings.hold(now.faults == 0, || {
            format!("worker {n} has {} faults", now.faults)
        });
        findings.hold(now.committed == 0, || {
            format!("worker {n} has {} µSUNS in use for nothing", now.committed)
        });
        findings.hold(now.accepted_units > 0, || {
            format!("worker {n} has done nothing")
        });
    }
}

/// Whoever followed an order to its end has all of it, with receipts that hold.
fn orders(findings: &mut Findings, arena: &Arena) {
    for order in &arena.orders {
        let Some(summary) = &order.summary else {
            findings.violations.push(format!(
                "an order ({}) came to nothing:\n{}",
                order.policy, order.log
            ));
            continue;
        };
        let all = summary["verified"] == summary["units"] && summary["failed"] == 0;
        findings.hold(all, || {
            format!("an order ({}) is not whole: {summary}", order.policy)
        });
        let Some(receipts) = summary["receipts"].as_str() else {
            findings.violations.push(format!("no receipts: {summary}"));
            continue;
        };
        let report = sungrid_json(&arena.nodes[0], &["receipt", "verify", receipts]);
        let sound = report["valid"] == report["total"] && report["agrees"] == true;
        findings.hold(sound, || format!("receipts of {summary}: {report}"));
        findings.receipts += report["valid"].as_u64().unwrap_or_default();
    }
}

/// What a worker had finished when it died was handed in, and not done again, of what was its own: a batch that it claimed on a fork
/// that was given up is another's.
fn work(
    findings: &mut Findings,
    arena: &mut Arena,
    n: usize,
    books: &Books,
    claims: &Claims,
    account: &AccountId,
) {
    let history = arena.history(n);
    let of = |line: &Value, (job, batch): (JobId, BatchIndex)| {
        line["job"] == job && line["batch"] == batch
    };
    let sealed = |line: &Value| line["message"] == "computed and sealed";
    let let_go = |line: &Value| {
        let message = line["message"].as_str().unwrap_or_default();
        [
            "the batch is not in flight any more",
            "the batch was decided without this replica",
        ]
        .contains(&message)
            || message.ends_with("given back")
            || message.contains("deadline has passed")
    };
    let mut ids = BTreeSet::new();
    for (_, line) in &history {
        if sealed(line)
            && let (Some(job), Some(batch)) = (line["job"].as_u64(), line["batch"].as_u64())
        {
            ids.insert((job as JobId, batch as BatchIndex));
        }
    }
    for id in ids {
        let mut open = false;
        for (_, line) in history.iter().filter(|(_, line)| of(line, id)) {
            findings.hold(!(open && sealed(line)), || {
                format!("worker {n} computed batch {} of job {} twice", id.1, id.0)
            });
            open = (open || sealed(line)) && !let_go(line);
        }
    }
    let snapshots: Vec<Snapshot> = arena.hands[n].snapshots.clone();
    for snapshot in snapshots.iter().filter(|snapshot| !snapshot.settled) {
        let id = (snapshot.job, snapshot.batch);
        if !claims.contains_key(&(id.0, id.1, account.clone())) {
            findings.never_claimed += 1;
            continue;
        }
        if let Some(bundle) = &snapshot.bundle {
            findings.sealed_at_death += 1;
            let result = books.results.get(&id);
            let mine = result.and_then(|result| {
                result
                    .winners
                    .iter()
                    .find(|winner| winner.worker == *account)
            });
            let handed_in = mine.is_some_and(|winner| {
                bundle.trim_start_matches("0x") == format!("{:x}", winner.bundle)
            });
            findings.hold(handed_in, || {
                format!(
                    "worker {n} had sealed batch {} of job {}, which is lost: {mine:?}",
                    id.1, id.0
                )
            });
            continue;
        }
        findings.unfinished_at_death += 1;
        findings.units_at_death += snapshot.units;
        let record = books.jobs.iter().find(|(job, _)| *job == id.0);
        let total = record
            .and_then(|(_, record)| record.range(id.1))
            .map_or(0, |(_, count)| count as usize);
        let again = history
            .iter()
            .rev()
            .find(|(_, line)| sealed(line) && of(line, id));
        if let Some((_, line)) = again {
            let units = line["units"].as_u64().unwrap_or(u64::MAX) as usize;
            findings.hold(units + snapshot.units <= total, || {
                format!("worker {n} had done {} of {total} units of batch {} of job {}, and did {units} afterwards", snapshot.units, id.1, id.0)
            });
        }
    }
    for snapshot in Snapshot::all(arena.hands[n].worker.folder()) {
        let known =
            snapshot.settled || !books.results.contains_key(&(snapshot.job, snapshot.batch));
        findings.hold(known, || {
            format!("worker {n} does not know the end of {snapshot:?}")
        });
    }
}

/// All accounts together have what was issued.
fn money(findings: &mut Findings, node: &Node) {
    let last = node.number(&node.finalized());
    let numbers = (0..last).step_by(MONEY_EVERY as usize).chain([last]);
    for number in numbers {
        let block = node.ask("chain_getBlockHash", json!([number]));
        let (sum, issued) = accounts(node, &block);
        findings.hold(sum == issued, || {
            format!("in block {number} {issued} planck are issued, and accounts have {sum}")
        });
    }
}

fn prefix(pallet: &str, entry: &str) -> String {
    let [pallet, entry] = [pallet, entry]
        .map(|name| H256::from_slice(&[twox_128(name.as_bytes()), [0; 16]].concat()));
    format!(
        "0x{}{}",
        &format!("{pallet:x}")[..32],
        &format!("{entry:x}")[..32]
    )
}

fn bytes(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("hexadecimal").trim_start_matches("0x");
    let digit = |n: usize| u8::from_str_radix(&text[n..n + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}

fn amount(bytes: &[u8]) -> u128 {
    u128::from_le_bytes(bytes[..16].try_into().expect("16 bytes"))
}

/// What all accounts have, free and held, and the total issuance, planck.
fn accounts(node: &Node, block: &Value) -> (u128, u128) {
    let issued = node.ask(
        "state_getStorage",
        json!([prefix("Balances", "TotalIssuance"), block]),
    );
    let (mut sum, mut last) = (0, Value::Null);
    loop {
        let keys = node.ask(
            "state_getKeysPaged",
            json!([prefix("System", "Account"), PAGE, last, block]),
        );
        let Some(key) = keys.as_array().expect("a list of keys").last() else {
            return (sum, amount(&bytes(&issued)));
        };
        last = key.clone();
        let changes = node.ask("state_queryStorageAt", json!([keys, block]));
        for change in changes[0]["changes"].as_array().expect("a list of values") {
            // Four counters of four bytes, then what is free and what is held.
            let record = bytes(&change[1]);
            sum += amount(&record[16..]) + amount(&record[32..]);
        }
    }
}
