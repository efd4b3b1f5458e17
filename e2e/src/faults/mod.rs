//! Faults, on a real network with real work: workers and requesters are killed, nodes hang, die and disagree, disks fill up, clocks jump,
//! transfers are cut. Whatever happens, nobody is paid for a wrong result, nothing is claimed or paid twice, what was finished is handed in,
//! and no honest worker loses bond or standing.
//!
//! `scripts/faults` runs it as long as you like, `e2e/tests/faults.rs` a short form. What happens is a function of a seed; when exactly, of the
//! machine.

mod arena;
mod audit;
mod inject;
mod journal;
mod plan;
mod rerun;
mod shim;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use arena::Arena;
use audit::{Findings, Roll};
use inject::Came;
pub use plan::Fault;
use plan::{Random, plan};

/// Whoever orders all the time.
const REQUESTERS: [&str; 2] = ["//Alice", "//Eve"];

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What happens is a function of this.
    pub seed: u64,
    /// Which faults.
    pub faults: Vec<Fault>,
    /// How often each of them but [`Fault::Kill`].
    pub rounds: u32,
    /// How often a worker is killed.
    pub kills: u32,
    /// The plan is repeated until so much time has passed.
    pub least: Duration,
    /// How long [`Fault::Standstill`] lasts.
    pub standstill: Duration,
    /// Whether to falsify some of it afterwards, to see that it is noticed.
    pub doubt: bool,
}

/// What has happened, and what was found afterwards.
pub struct Report {
    /// Rules that did not hold: none, if all is well.
    pub violations: Vec<String>,
    /// The figures.
    pub figures: Value,
}

/// Runs it.
///
/// # Panics
/// If the network does not come up, or does not get over a fault.
pub fn run(options: &Options) -> Report {
    let start = Instant::now();
    let mut random = Random::new(options.seed);
    let mut arena = Arena::open();
    arena.wait_until_ready(arena.hands.len());
    let roll = Roll::call(&mut arena);
    for key in REQUESTERS {
        arena.order_all_the_time(key);
    }
    arena.hands[0].worker.process().wait_for("claimed");
    let mut happened: BTreeMap<&str, u32> = BTreeMap::new();
    let mut skipped: BTreeMap<&str, &str> = BTreeMap::new();
    while happened.is_empty() || start.elapsed() < options.least {
        for fault in plan(&mut random, &options.faults, options.rounds, options.kills) {
            match inject(&mut arena, &mut random, fault, options) {
                Came::Done => *happened.entry(fault.name()).or_default() += 1,
                Came::Skipped(why) => {
                    arena.say(&format!("  {}: {why}", fault.name()));
                    skipped.insert(fault.name(), why);
                }
            }
        }
    }
    arena.say("no more faults: waiting for all orders");
    arena.close();
    arena.wait_until_ready(arena.hands.len());
    arena.together();
    arena.settle();
    arena.say("looking at everything");
    let mut findings = audit::audit(&mut arena, &roll);
    let mut violations = std::mem::take(&mut findings.violations);
    if options.doubt {
        arena.say("looking again, at something that is wrong");
        let unnoticed = audit::doubt(&mut arena, &roll);
        violations.extend(
            unnoticed
                .iter()
                .map(|what| format!("nobody would notice that something {what:?}")),
        );
    }
    if !violations.is_empty() {
        arena.keep();
    }
    let figures = figures(
        options,
        &arena,
        &findings,
        &happened,
        &skipped,
        start.elapsed(),
    );
    Report {
        violations,
        figures,
    }
}

fn inject(arena: &mut Arena, random: &mut Random, fault: Fault, options: &Options) -> Came {
    arena.say(fault.name());
    if fault != Fault::Kill {
        arena.bring_home();
    }
    match fault {
        Fault::Kill => {
            let n = random.below(arena.hands.len() as u64) as usize;
            let death = random.death();
            let n = arena.kill(n, death);
            arena.say(&format!("  worker {n}: {death:?}"));
        }
        Fault::Requester => arena.requester_killed(random),
        Fault::NodeHangs => arena.node_hangs(),
        Fault::NodeDies => arena.node_dies(),
        Fault::NodeLost => arena.node_is_lost(random.below(2) == 0),
        Fault::Standstill => arena.all_hang(options.standstill),
        Fault::Reorganisation => arena.reorganise(),
        Fault::Disk => return arena.fill_disk(),
        Fault::Clock => arena.jump(random.below(2) as usize),
        Fault::RequesterGone => arena.requester_gone(),
        Fault::Cut => arena.cut(),
    }
    Came::Done
}

fn figures(
    options: &Options,
    arena: &Arena,
    findings: &Findings,
    happened: &BTreeMap<&str, u32>,
    skipped: &BTreeMap<&str, &str>,
    time: Duration,
) -> Value {
    json!({
        "seed": options.seed,
        "seconds": time.as_secs(),
        "faults": happened,
        "skipped": skipped,
        "blocks": findings.blocks,
        "steps_given_up": arena.undone,
        "orders": arena.orders.len(),
        "jobs": findings.jobs,
        "batches": findings.batches,
        "replicas": findings.replicas,
        "units": findings.units,
        "receipts": findings.receipts,
        "sealed_at_death": findings.sealed_at_death,
        "unfinished_at_death": findings.unfinished_at_death,
        "never_claimed": findings.never_claimed,
        "units_at_death": findings.units_at_death,
        "missed": findings.missed,
        "declined": findings.declined,
    })
}
