//! Runs cases for as long as one likes, minimises those that fail, and says what was reached.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use serde_json::json;
use sungrid_fuzz::{Case, coverage::Coverage, finding::Finding, minimise};

/// Plays random histories of honest and hostile actors on the whole runtime and checks every invariant after each
/// step.
#[derive(Parser)]
#[command(name = "fuzz")]
struct Options {
    /// Cases to play; 100 if neither they nor minutes are given.
    #[arg(long)]
    cases: Option<u64>,
    /// Minutes after which no case is begun.
    #[arg(long)]
    minutes: Option<u64>,
    /// Seed of the first case; the others follow it.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Steps of a case.
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Cases at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// One JSON object on the last line.
    #[arg(long)]
    json: bool,
}

/// A case that failed.
struct Found {
    seed: u64,
    finding: Finding,
    steps: usize,
    calls: Vec<String>,
}

#[derive(Default)]
struct Sum {
    cases: u64,
    steps: u64,
    coverage: Coverage,
    /// By rule: the first case of each is minimised, the others are counted.
    found: BTreeMap<String, (u64, Found)>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let begin = Instant::now();
    let end = options
        .minutes
        .map(|minutes| begin + Duration::from_secs(60 * minutes));
    let cases = match (options.cases, end) {
        (Some(cases), _) => cases,
        (None, Some(_)) => u64::MAX,
        (None, None) => 100,
    };
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let enough = at >= cases || end.is_some_and(|end| Instant::now() >= end);
                    if enough {
                        break;
                    }
                    play(options.seed.wrapping_add(at), options.steps, &sum);
                    progress(&sum, begin);
                }
            });
        }
    });
    let sum = sum
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    eprintln!();
    report(&sum, begin.elapsed());
    if options.json {
        println!("{}", to_json(&sum, begin.elapsed()));
    }
    if sum.found.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn locked(sum: &Mutex<Sum>) -> std::sync::MutexGuard<'_, Sum> {
    sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn play(seed: u64, steps: usize, sum: &Mutex<Sum>) {
    let case = Case::from_seed(seed, steps);
    match case.run() {
        Ok(coverage) => {
            let mut sum = locked(sum);
            sum.cases += 1;
            sum.steps += steps as u64;
            sum.coverage.add(coverage);
        }
        Err(failure) => {
            let rule = failure.finding.rule.clone();
            {
                let mut sum = locked(sum);
                sum.cases += 1;
                sum.steps += failure.steps as u64;
                if let Some((count, _)) = sum.found.get_mut(&rule) {
                    *count += 1;
                    return;
                }
            }
            eprintln!("\nseed {seed}, step {}: {}", failure.steps, failure.finding);
            let least = minimise(&case, &failure);
            let found = Found {
                seed,
                finding: failure.finding,
                steps: failure.steps,
                calls: least.calls(),
            };
            eprintln!("a history of {} steps is enough:", least.steps.len());
            for call in &found.calls {
                eprintln!("    {call}");
            }
            locked(sum).found.entry(rule).or_insert((0, found)).0 += 1;
        }
    }
}

fn progress(sum: &Mutex<Sum>, begin: Instant) {
    let sum = locked(sum);
    eprint!(
        "\r{:>6} cases, {:>8} steps, {:>8} blocks, {} findings, {} s ",
        sum.cases,
        sum.steps,
        sum.coverage.blocks,
        sum.found.len(),
        begin.elapsed().as_secs()
    );
}

fn report(sum: &Sum, time: Duration) {
    println!("call                                          ok      error    refused");
    for ((pallet, name), calls) in sum.coverage.calls() {
        let name = format!("{pallet}.{name}");
        println!(
            "{name:<40} {:>8} {:>10} {:>10}",
            calls.done, calls.failed, calls.refused
        );
    }
    let never = |counts: BTreeMap<String, u64>| {
        let names = counts
            .into_iter()
            .filter(|(_, count)| *count == 0)
            .map(|(name, _)| name);
        names.collect::<Vec<_>>().join(", ")
    };
    println!("events never emitted: {}", never(sum.coverage.events()));
    println!("errors never met: {}", never(sum.coverage.errors()));
    println!(
        "{} cases, {} steps, {} blocks in {} s; {} batches settled, {} of them wrong; {} slashes of delegated stake; {} findings",
        sum.cases,
        sum.steps,
        sum.coverage.blocks,
        time.as_secs(),
        sum.coverage.settled,
        sum.coverage.wrong,
        sum.coverage.shared_slashes,
        sum.found.len()
    );
    for (rule, (count, found)) in &sum.found {
        println!(
            "seed {}, step {}: {rule} ({count} cases): {}",
            found.seed, found.steps, found.finding
        );
    }
}

fn to_json(sum: &Sum, time: Duration) -> serde_json::Value {
    let calls: BTreeMap<_, _> = sum
        .coverage
        .calls()
        .into_iter()
        .map(|((pallet, name), calls)| {
            let counts = json!({
                "ok": calls.done, "error": calls.failed, "refused": calls.refused,
            });
            (format!("{pallet}.{name}"), counts)
        })
        .collect();
    let findings: Vec<_> = sum
        .found
        .values()
        .map(|(count, found)| {
            json!({
                "seed": found.seed,
                "steps": found.steps,
                "cases": count,
                "rule": found.finding.rule,
                "detail": found.finding.detail,
                "calls": found.calls,
            })
        })
        .collect();
    json!({
        "cases": sum.cases,
        "steps": sum.steps,
        "blocks": sum.coverage.blocks,
        "seconds": time.as_secs(),
        "settled": sum.coverage.settled,
        "wrong": sum.coverage.wrong,
        "shared_slashes": sum.coverage.shared_slashes,
        "calls": calls,
        "events": sum.coverage.events(),
        "errors": sum.coverage.errors(),
        "findings": findings,
    })
}
