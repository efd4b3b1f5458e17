//! What hostile workers achieve under each verification policy: accepted wrong results, what verification costs over
//! single execution, and how soon a liar is slashed [X2].
//!
//! [`ladder`] plays the rules over the arithmetic of `sungrid_primitives::policy`, which the pallets use, too; that
//! is fast enough for millions of units. [`chain`] plays a smaller fleet on the real runtime, to see that both agree.

mod chain;
mod fleet;
mod ladder;
mod plot;

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use fleet::{Fleet, RIGHT, Strategy};
use frame_support::traits::Get;
use ladder::{End, Ladder, Times};
use pallet_market::Policy;
use serde_json::json;
use sungrid_fuzz::dice::Dice;
use sungrid_runtime::{Runtime, constants::time::MILLISECS_PER_BLOCK};

/// Hostile workers, percent.
const SHARES: [u32; 4] = [1, 5, 10, 20];
/// Standing results that somebody executes again, in a thousand.
const CHECKED: u64 = 50;
const POLICIES: [(&str, Policy); 4] = [
    ("Optimistic, 5 % checked", Policy::Optimistic),
    ("Replicate(2)", Policy::Replicate(2)),
    ("Adaptive", Policy::Adaptive),
    ("Quorum(99.9 %)", Policy::Quorum(1_000)),
];

/// Accepted wrong results, cost and detection of liars under each verification policy.
#[derive(Parser)]
#[command(name = "simulation")]
struct Options {
    /// Units of each run.
    #[arg(long, default_value_t = 1_000_000)]
    units: u64,
    /// Workers.
    #[arg(long, default_value_t = 1_000)]
    workers: usize,
    /// How long a batch takes, seconds, also at its limits.
    #[arg(long, default_value_t = 60)]
    batch: u64,
    /// Batches that each worker computes at once.
    #[arg(long, default_value_t = 4)]
    lanes: usize,
    /// Slashed liars bond more and go on.
    #[arg(long)]
    stubborn: bool,
    /// Where the picture goes.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Instead: units of a run on the real runtime beside one of the same size without it, with 60 workers.
    #[arg(long)]
    cross_check: Option<u32>,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn times(&self) -> Times {
        Times {
            batch: 1_000 * self.batch,
            lanes: self.lanes,
            window: window(),
        }
    }
}

/// The runtime's, ms.
fn window() -> u64 {
    let blocks: u32 = <Runtime as pallet_verification::Config>::StandingWindow::get();
    u64::from(blocks) * MILLISECS_PER_BLOCK
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Outcome {
    /// Units decided.
    units: u64,
    /// Of them, accepted with a wrong result.
    wrong: u64,
    /// Of these, among the second half of the units.
    wrong_late: u64,
    /// Of them, refunded.
    failed: u64,
    /// Executions of all units.
    executed: u64,
    /// Of them, of the second half of the units.
    executed_late: u64,
    slashes: u64,
    /// Lies of a liar until it was slashed, that one included; mean over those that were.
    caught_after: f64,
    /// Hostile workers that were slashed.
    caught: f64,
}

impl Outcome {
    /// What both ways of running can be compared by: wrong, refunded, executions, slashes.
    fn figures(&self) -> [u64; 4] {
        [self.wrong, self.failed, self.executed, self.slashes]
    }
}

/// A run and what it was about.
struct Row {
    policy: &'static str,
    strategy: Strategy,
    share: u32,
    outcome: Outcome,
}

impl Row {
    /// Accepted wrong results per unit.
    fn wrong(&self) -> f64 {
        self.outcome.wrong as f64 / self.outcome.units.max(1) as f64
    }

    /// Executions per unit, of the second half.
    fn overhead(&self) -> f64 {
        self.outcome.executed_late as f64 / (self.outcome.units / 2).max(1) as f64
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "policy": self.policy,
            "strategy": self.strategy.name(),
            "hostile_percent": self.share,
            "units": self.outcome.units,
            "wrong": self.outcome.wrong,
            "wrong_in_second_half": self.outcome.wrong_late,
            "wrong_per_unit": self.wrong(),
            "failed": self.outcome.failed,
            "executions_per_unit": self.overhead(),
            "slashes": self.outcome.slashes,
            "lies_until_slashed": self.outcome.caught_after,
            "hostile_slashed": self.outcome.caught,
        })
    }
}

fn play(policy: Policy, times: Times, fleet: &mut Fleet, units: u64, dice: &mut Dice) -> Outcome {
    let mut outcome = Outcome::default();
    let mut ladder = Ladder::new(policy, CHECKED, times);
    while let Some((unit, end, executed)) = ladder.next(units, fleet, dice) {
        outcome.units += 1;
        outcome.executed += executed as u64;
        let late = u64::from(unit >= units / 2);
        outcome.executed_late += late * executed as u64;
        match end {
            End::Accepted(answer) => {
                let wrong = u64::from(answer != RIGHT);
                outcome.wrong += wrong;
                outcome.wrong_late += late * wrong;
            }
            End::Failed => outcome.failed += 1,
        }
    }
    outcome.slashes = fleet.slashes;
    (outcome.caught_after, outcome.caught) = fleet.detection();
    outcome
}

fn sweep(options: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, policy) in POLICIES {
        for strategy in Strategy::ALL {
            for share in SHARES {
                let hostile = options.workers * share as usize / 100;
                let mut fleet = Fleet::new(options.workers, hostile, strategy, options.stubborn);
                let mut dice = Dice::new(options.seed);
                let times = options.times();
                let outcome = play(policy, times, &mut fleet, options.units, &mut dice);
                rows.push(Row {
                    policy: name,
                    strategy,
                    share,
                    outcome,
                });
            }
        }
    }
    rows
}

fn table(rows: &[Row]) {
    println!(
        "{:<24} {:<18} {:>7} {:>9} {:>12} {:>9} {:>9} {:>11} {:>13} {:>9}",
        "policy",
        "hostile workers",
        "share",
        "wrong",
        "per unit",
        "late",
        "refunded",
        "executions",
        "lies to slash",
        "slashed"
    );
    for row in rows {
        println!(
            "{:<24} {:<18} {:>5} % {:>9} {:>12.1e} {:>9} {:>9} {:>10.3}x {:>13.1} {:>7.0} %",
            row.policy,
            row.strategy.name(),
            row.share,
            row.outcome.wrong,
            row.wrong(),
            row.outcome.wrong_late,
            row.outcome.failed,
            row.overhead(),
            row.outcome.caught_after,
            100.0 * row.outcome.caught,
        );
    }
}

/// Of the workers of [`chain`]: they claim in a block, seal in the next, and claim again.
fn on_chain() -> Times {
    Times {
        batch: MILLISECS_PER_BLOCK,
        lanes: 1,
        window: window(),
    }
}

/// The mean of many runs beside the chain, as decimals.
fn mean(policy: Policy, strategy: Strategy, fleet: (usize, usize), units: u32) -> [f64; 4] {
    const RUNS: u64 = 50;
    let mut sums = [0; 4];
    for seed in 0..RUNS {
        let mut fleet = Fleet::new(fleet.0, fleet.1, strategy, false);
        let dice = &mut Dice::new(seed);
        let outcome = play(policy, on_chain(), &mut fleet, units.into(), dice);
        let figures = outcome.figures();
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum += figure;
        }
    }
    sums.map(|sum| sum as f64 / RUNS as f64)
}

/// Sixty workers, six of them hostile, on the chain and beside it. Challengers are chance, so optimistic jobs are
/// left out.
fn cross_check(units: u32, seed: u64) {
    const WORKERS: usize = 60;
    const HOSTILE: usize = 6;
    println!(
        "{:<16} {:<18} {:>6} {:>12} {:>14} {:>16} {:>12}",
        "policy", "hostile workers", "units", "wrong", "refunded", "executions", "slashes"
    );
    for (name, policy) in POLICIES.into_iter().skip(1) {
        for strategy in Strategy::ALL {
            let real = chain::run(policy, strategy, WORKERS, HOSTILE, units, seed).figures();
            let model = mean(policy, strategy, (WORKERS, HOSTILE), units);
            let beside = |at: usize| format!("{} / {:.1}", real[at], model[at]);
            println!(
                "{name:<16} {:<18} {units:>6} {:>12} {:>14} {:>16} {:>12}",
                strategy.name(),
                beside(0),
                beside(1),
                beside(2),
                beside(3),
            );
        }
    }
    println!("on the runtime / beside it, mean of 50 runs");
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(units) = options.cross_check {
        cross_check(units, options.seed);
        return ExitCode::SUCCESS;
    }
    let rows = sweep(&options);
    if let Some(path) = &options.plot {
        let svg = plot::draw(&rows, &POLICIES.map(|(name, _)| name));
        if let Err(error) = fs::write(path, svg) {
            eprintln!("error: cannot write {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    if options.json {
        let rows: Vec<_> = rows.iter().map(Row::to_json).collect();
        println!(
            "{}",
            json!({
                "workers": options.workers,
                "batch_s": options.batch,
                "lanes": options.lanes,
                "stubborn": options.stubborn,
                "seed": options.seed,
                "runs": rows,
            })
        );
    } else {
        table(&rows);
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_primitives::policy::AUDIT_ONE_IN;

    /// A minute, four lanes.
    const TIMES: Times = Times {
        batch: 60_000,
        lanes: 4,
        window: 600_000,
    };

    fn run(policy: Policy, strategy: Strategy, hostile: usize, units: u64) -> Row {
        let mut fleet = Fleet::new(1_000, hostile, strategy, false);
        Row {
            policy: "",
            strategy,
            share: 0,
            outcome: play(policy, TIMES, &mut fleet, units, &mut Dice::new(1)),
        }
    }

    #[test]
    fn among_honest_workers_nothing_is_wrong_and_nobody_is_slashed() {
        for (name, policy) in POLICIES {
            let row = run(policy, Strategy::Always, 0, 50_000);
            assert_eq!(row.outcome.figures()[..2], [0, 0], "{name}");
            assert_eq!(row.outcome.slashes, 0, "{name}");
        }
        let cost = |policy| run(policy, Strategy::Always, 0, 50_000).overhead();
        assert_eq!(cost(Policy::Replicate(2)), 2.0);
        assert!((1.04..1.06).contains(&cost(Policy::Optimistic)));
        assert!(cost(Policy::Quorum(2)) >= 2.0);
    }

    #[test]
    fn adaptive_costs_a_tenth_after_warm_up_and_finds_whoever_lies_or_colludes() {
        for strategy in [Strategy::Always, Strategy::OnceTrusted, Strategy::Together] {
            let row = run(Policy::Adaptive, strategy, 100, 200_000);
            assert!(
                row.overhead() <= 1.2,
                "{}: {}",
                strategy.name(),
                row.overhead()
            );
            assert_eq!(row.outcome.wrong_late, 0, "{}", strategy.name());
            assert_eq!(row.outcome.caught, 1.0, "{}", strategy.name());
        }
        for strategy in [Strategy::Always, Strategy::OnceTrusted] {
            let row = run(Policy::Adaptive, strategy, 100, 200_000);
            assert!(row.wrong() <= 1e-4, "{}: {}", strategy.name(), row.wrong());
        }
    }

    #[test]
    fn patience_brings_a_liar_what_the_audits_leave_and_greed_next_to_nothing() {
        let of = |strategy| run(Policy::Adaptive, strategy, 100, 1_000_000);
        let (greedy, patient) = (of(Strategy::OnceTrusted), of(Strategy::Patient));
        // In expectation, for each slash; a third more is six standard deviations of a hundred liars.
        let bound = (AUDIT_ONE_IN - 1) as f64;
        let per_slash = patient.outcome.wrong as f64 / patient.outcome.slashes as f64;
        assert!(per_slash <= bound * 4.0 / 3.0, "{per_slash}");
        assert!(patient.overhead() <= 1.2, "{}", patient.overhead());
        // Most lies of who does not wait are found while they stand.
        assert!(10 * greedy.outcome.wrong < patient.outcome.wrong);
        assert!(greedy.outcome.caught_after > bound);
    }

    #[test]
    fn without_the_time_for_which_results_stand_greed_would_bring_as_much() {
        let at_once = Times { window: 0, ..TIMES };
        let lies = |times| {
            let mut fleet = Fleet::new(1_000, 100, Strategy::OnceTrusted, false);
            play(
                Policy::Adaptive,
                times,
                &mut fleet,
                200_000,
                &mut Dice::new(1),
            )
            .wrong
        };
        assert!(lies(TIMES) * 10 < lies(at_once), "{}", lies(at_once));
    }

    #[test]
    fn a_quorum_of_99_9_percent_accepts_nothing_wrong() {
        for strategy in Strategy::ALL {
            let row = run(Policy::Quorum(1_000), strategy, 100, 200_000);
            assert_eq!(row.outcome.wrong, 0, "{}", strategy.name());
        }
    }

    #[test]
    fn the_runtime_comes_to_the_same() {
        for (name, policy) in POLICIES.into_iter().skip(1) {
            // Without liars the two differ only by whose batch the draw audits.
            let real = chain::run(policy, Strategy::Always, 16, 0, 120, 1).figures();
            let model = mean(policy, Strategy::Always, (16, 0), 120);
            assert_eq!((real[0], real[1], real[3]), (0, 0, 0), "{name}");
            let ratio = real[2] as f64 / model[2];
            // The model has more in flight: workers earn the scores by which a quorum gets smaller a little later.
            let least = if matches!(policy, Policy::Quorum(_)) {
                0.7
            } else {
                0.85
            };
            assert!(
                (least..1.15).contains(&ratio),
                "{name}: {} of {}",
                real[2],
                model[2]
            );
        }
        let real = chain::run(Policy::Replicate(2), Strategy::Always, 16, 2, 60, 1);
        assert_eq!(real.figures()[..2], [0, 0]);
        assert!(real.slashes >= 2);
    }

    #[test]
    fn the_picture_has_a_bar_for_every_run() {
        let mut rows = Vec::new();
        for (policy, _) in POLICIES {
            for strategy in Strategy::ALL {
                for share in SHARES {
                    let outcome = Outcome::default();
                    rows.push(Row {
                        policy,
                        strategy,
                        share,
                        outcome,
                    });
                }
            }
        }
        let svg = plot::draw(&rows, &POLICIES.map(|(name, _)| name));
        // And one for the paper, and the fourth panel's.
        assert_eq!(
            svg.matches("<rect").count(),
            rows.len() + 1 + POLICIES.len() * SHARES.len()
        );
    }
}
