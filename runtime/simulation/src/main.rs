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
use ladder::{End, Ladder, Long, Times};
use pallet_market::Policy;
use serde_json::json;
use sungrid_fuzz::dice::Dice;
use sungrid_primitives::policy::TRUSTED_FROM;
use sungrid_runtime::{Runtime, constants::time::MILLISECS_PER_BLOCK};

/// Hostile workers, percent.
const SHARES: [u32; 4] = [1, 5, 10, 20];
/// Standing results that somebody executes again, in a thousand.
const CHECKED: u64 = 50;
/// Of so many batches one is long, where some are.
const ONE_LONG_IN: u64 = 30;
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
    /// How long one batch in thirty takes instead, seconds.
    #[arg(long)]
    long: Option<u64>,
    /// Results do not wait for audits of longer ones of their operator's: what that would let through.
    #[arg(long, requires = "long")]
    no_wait: bool,
    /// Batches that each worker computes at once.
    #[arg(long, default_value_t = 4)]
    lanes: usize,
    /// Only this policy.
    #[arg(long, value_parser = ["optimistic", "replicate", "adaptive", "quorum"])]
    policy: Option<String>,
    /// Only this share of hostile workers, percent.
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=50))]
    hostile: Option<u32>,
    /// Slashed liars bond more and go on when they have rested.
    #[arg(long)]
    stubborn: bool,
    /// Where the picture goes.
    #[arg(long, conflicts_with_all = ["policy", "hostile", "long"])]
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
            long: self.long.map(|seconds| Long {
                batch: 1_000 * seconds,
                one_in: ONE_LONG_IN,
            }),
            waits: !self.no_wait,
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

/// Of whoever is slashed, the runtime's, ms.
fn rest() -> u64 {
    let blocks: u32 = <Runtime as pallet_workers::Config>::MaxMissRest::get();
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
    /// Accepted results of hostile workers.
    of_hostile: u64,
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

    /// Executions per unit, of all.
    fn overhead_in_all(&self) -> f64 {
        self.outcome.executed as f64 / self.outcome.units.max(1) as f64
    }

    /// Executions per unit, of the second half.
    fn overhead(&self) -> f64 {
        self.outcome.executed_late as f64 / (self.outcome.units / 2).max(1) as f64
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "policy": self.policy,
            "strategy": self.strategy.name(),
            "from_results": self.strategy.from(),
            "hostile_percent": self.share,
            "units": self.outcome.units,
            "wrong": self.outcome.wrong,
            "wrong_in_second_half": self.outcome.wrong_late,
            "wrong_per_unit": self.wrong(),
            "failed": self.outcome.failed,
            "executions_per_unit": self.overhead(),
            "executions_per_unit_in_all": self.overhead_in_all(),
            "accepted_of_hostile": self.outcome.of_hostile,
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
    outcome.of_hostile = fleet.of_hostile;
    (outcome.caught_after, outcome.caught) = fleet.detection();
    outcome
}

fn sweep(options: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    let shares = match options.hostile {
        Some(share) => vec![share],
        None => SHARES.to_vec(),
    };
    let is_wanted = |name: &str| {
        let mut wanted = options.policy.iter();
        wanted.all(|wanted| name.to_lowercase().starts_with(wanted))
    };
    let strategies = match options.long {
        Some(_) => &Strategy::OF_LENGTHS[..],
        None => &Strategy::ALL[..],
    };
    for (name, policy) in POLICIES.into_iter().filter(|(name, _)| is_wanted(name)) {
        for &strategy in strategies {
            for &share in &shares {
                let hostile = options.workers * share as usize / 100;
                let mut fleet =
                    Fleet::new(options.workers, hostile, strategy, options.stubborn, rest());
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
        "{:<24} {:<18} {:>6} {:>7} {:>9} {:>12} {:>9} {:>9} {:>9} {:>11} {:>13} {:>9}",
        "policy",
        "hostile workers",
        "from",
        "share",
        "wrong",
        "per unit",
        "late",
        "refunded",
        "executed",
        "second half",
        "lies to slash",
        "slashed"
    );
    for row in rows {
        println!(
            "{:<24} {:<18} {:>6} {:>5} % {:>9} {:>12.1e} {:>9} {:>9} {:>8.3}x {:>10.3}x {:>13.1} {:>7.0} %",
            row.policy,
            row.strategy.name(),
            row.strategy.from(),
            row.share,
            row.outcome.wrong,
            row.wrong(),
            row.outcome.wrong_late,
            row.outcome.failed,
            row.overhead_in_all(),
            row.overhead(),
            row.outcome.caught_after,
            100.0 * row.outcome.caught,
        );
    }
}

/// Blocks from one claim of a worker on the chain to its next: it seals in the block after, and opens in another.
const BLOCKS_OF_WORK: u64 = 3;

/// Of the workers of [`chain`].
fn on_chain() -> Times {
    Times {
        batch: BLOCKS_OF_WORK * MILLISECS_PER_BLOCK,
        long: None,
        waits: true,
        lanes: 1,
        window: window(),
    }
}

/// The mean of many runs beside the chain, as decimals.
fn mean(policy: Policy, strategy: Strategy, fleet: (usize, usize), units: u32) -> [f64; 4] {
    const RUNS: u64 = 50;
    let mut sums = [0; 4];
    for seed in 0..RUNS {
        let mut fleet = Fleet::new(fleet.0, fleet.1, strategy, false, rest());
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
        // Nobody gets to a longer record in so few units.
        for strategy in Strategy::ALL
            .into_iter()
            .filter(|s| s.from() <= TRUSTED_FROM)
        {
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
                "long_s": options.long,
                "waits": !options.no_wait,
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
    use sungrid_primitives::policy::RESULTS_PER_LIE;

    /// A minute, four lanes.
    const TIMES: Times = Times {
        batch: 60_000,
        long: None,
        waits: true,
        lanes: 4,
        window: 600_000,
    };

    fn run(policy: Policy, strategy: Strategy, hostile: usize, units: u64) -> Row {
        let mut fleet = Fleet::new(1_000, hostile, strategy, false, rest());
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

    /// `Adaptive` among a hundred workers, ten of them hostile, until each has begun 10,000 units.
    /// Liars who are `stubborn` go on at once.
    fn long(strategy: Strategy, stubborn: bool, times: Times) -> Row {
        let mut fleet = Fleet::new(100, 10, strategy, stubborn, 0);
        let dice = &mut Dice::new(1);
        Row {
            policy: "",
            strategy,
            share: 10,
            outcome: play(Policy::Adaptive, times, &mut fleet, 1_000_000, dice),
        }
    }

    #[test]
    fn adaptive_costs_less_than_a_fifth_after_warm_up_and_finds_whoever_lies_or_colludes() {
        let trusted = [TRUSTED_FROM, 5_000].map(Strategy::OnceTrusted);
        for strategy in [Strategy::Always, Strategy::Together]
            .into_iter()
            .chain(trusted)
        {
            let row = long(strategy, false, TIMES);
            let name = strategy.name();
            assert!(row.overhead() <= 1.2, "{name}: {}", row.overhead());
            assert_eq!(row.outcome.caught, 1.0, "{name}");
            if !strategy.colludes() {
                assert!(row.wrong() <= 1e-4, "{name}: {}", row.wrong());
            }
        }
    }

    #[test]
    fn whenever_a_patient_liar_begins_and_however_often_it_gets_what_its_results_allow() {
        for from in [TRUSTED_FROM, 1_000, 5_000, 9_000] {
            let row = long(Strategy::Patient(from), true, TIMES);
            let each = f64::from(from) / RESULTS_PER_LIE as f64;
            let allowed = row.outcome.of_hostile as f64 / RESULTS_PER_LIE as f64;
            // In expectation. Lies in a row until a slash are many or few: four standard deviations of their sum.
            let luck = 4.0 * (allowed * (each + 2.0)).sqrt();
            let wrong = row.outcome.wrong as f64;
            assert!(wrong <= allowed + luck, "{from}: {wrong} of {allowed}");
            assert!(wrong > 0.0 && row.outcome.slashes > 0, "{from}");
            assert!(row.wrong() <= 1e-4, "{from}: {}", row.wrong());
            // A tenth of the batches are of workers that are new again, after each slash: executed twice, and thrice where they lied.
            assert!(row.overhead() <= 1.3, "{from}: {}", row.overhead());
        }
    }

    #[test]
    fn colluders_who_bond_again_after_each_slash_rest_and_get_next_to_nothing() {
        let wrong = |strategy, rest| {
            let mut fleet = Fleet::new(100, 10, strategy, true, rest);
            let dice = &mut Dice::new(1);
            let outcome = play(Policy::Adaptive, TIMES, &mut fleet, 300_000, dice);
            outcome.wrong as f64 / outcome.units as f64
        };
        for strategy in [Strategy::Together, Strategy::Gamble(100)] {
            let rested = wrong(strategy, rest());
            assert!(rested <= 1e-4, "{strategy:?}: {rested}");
            // Were they to go on as soon as they have paid:
            let at_once = wrong(strategy, 0);
            assert!(at_once > 1e-3, "{strategy:?}: {at_once}");
        }
    }

    #[test]
    fn colluders_who_gamble_for_auditors_get_less_than_one_in_ten_thousand() {
        for strategy in [
            Strategy::Together,
            Strategy::InSight,
            Strategy::Gamble(100),
            Strategy::Gamble(1_000),
            Strategy::Stake(1_000),
        ] {
            let row = run(Policy::Adaptive, strategy, 100, 1_000_000);
            assert!(row.wrong() <= 1e-4, "{strategy:?}: {}", row.wrong());
        }
    }

    #[test]
    fn who_is_doomed_by_a_long_batch_gets_no_more_out_of_short_ones() {
        let wrong = |waits| {
            let times = Times {
                long: Some(Long {
                    batch: 3_600_000,
                    one_in: ONE_LONG_IN,
                }),
                waits,
                ..TIMES
            };
            let mut sums = (0.0, 0.0, 0.0);
            for from in [1_000, 5_000, 9_000] {
                let row = long(Strategy::Doomed(from), true, times);
                let allowed = row.outcome.of_hostile as f64 / RESULTS_PER_LIE as f64;
                sums.0 += row.outcome.wrong as f64;
                sums.1 += allowed;
                sums.2 += allowed * (f64::from(from) / RESULTS_PER_LIE as f64 + 2.0);
            }
            sums
        };
        let (waits, allowed, variance) = wrong(true);
        // As above: lies in a row until a slash are many or few.
        let luck = 4.0 * variance.sqrt();
        assert!(
            waits > 0.0 && waits <= allowed + luck,
            "{waits} of {allowed}"
        );
        // Were results to stand for their own time alone, it would have a second go for each fault.
        let (at_once, ..) = wrong(false);
        assert!(at_once > 1.3 * waits, "{at_once}, {waits}");
    }

    #[test]
    fn a_young_fleet_pays_for_its_audits_and_is_as_safe() {
        let row = run(Policy::Adaptive, Strategy::Patient(500), 100, 500_000);
        assert!(row.wrong() <= 1e-4, "{}", row.wrong());
        let cost = row.overhead_in_all();
        assert!((1.6..2.0).contains(&cost), "{cost}");
    }

    #[test]
    fn without_the_time_for_which_results_stand_greed_would_bring_ten_times_as_much() {
        let at_once = Times { window: 0, ..TIMES };
        let lies = |times| {
            long(Strategy::OnceTrusted(5_000), false, times)
                .outcome
                .wrong
        };
        let (stand, settle) = (lies(TIMES), lies(at_once));
        assert!(stand * 10 < settle, "{stand}, {settle}");
    }

    #[test]
    fn colluders_in_sight_of_one_another_are_never_slashed_where_both_are_ordered_at_once_alone() {
        let row = long(Strategy::InSight, false, TIMES);
        assert_eq!((row.outcome.slashes, row.outcome.wrong), (0, 0));
        // Of two replicas each, for ever, one in a hundred batches is theirs alone.
        let fixed = run(Policy::Replicate(2), Strategy::InSight, 100, 200_000);
        assert_eq!(fixed.outcome.slashes, 0);
        assert!((0.008..0.012).contains(&fixed.wrong()), "{}", fixed.wrong());
    }

    #[test]
    fn a_quorum_of_99_9_percent_accepts_nothing_wrong_of_colluders_of_record_who_stake_their_bonds_on_it_either()
     {
        for strategy in Strategy::ALL {
            let row = run(Policy::Quorum(1_000), strategy, 100, 200_000);
            assert_eq!(row.outcome.wrong, 0, "{strategy:?}");
            assert!(row.overhead() <= 5.01, "{strategy:?}: {}", row.overhead());
            if let Strategy::Gamble(100) = strategy {
                assert!(row.outcome.caught > 0.9, "{}", row.outcome.caught);
            }
        }
        // Were two enough, as they are for 99 %, one in ten would meet a friend, as long as there are as many.
        let pairs = run(Policy::Quorum(100), Strategy::Gamble(100), 100, 200_000);
        assert!(pairs.outcome.wrong > 5, "{}", pairs.outcome.wrong);
        assert!((1.99..2.01).contains(&pairs.overhead()));
    }

    #[test]
    fn colluders_in_sight_get_nothing_past_a_quorum_however_young_those_are_whom_they_meet() {
        // At 99 % two of record outweigh a worker without, but not by themselves.
        for trust in [2, 10, 100] {
            let row = run(Policy::Quorum(trust), Strategy::InSight, 200, 100_000);
            assert_eq!((row.outcome.wrong, row.outcome.slashes), (0, 0), "{trust}");
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
            assert!(
                (0.85..1.15).contains(&ratio),
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
    fn the_picture_has_a_bar_for_the_worst_of_every_kind() {
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
        // One for each kind of strategy, one panel of costs, and the paper.
        let panels = plot::KINDS.len() + 1;
        assert_eq!(
            svg.matches("<rect").count(),
            panels * POLICIES.len() * SHARES.len() + 1
        );
        assert!(Strategy::ALL.iter().all(|strategy| {
            let name = strategy.name();
            plot::KINDS.iter().any(|(kind, _)| *kind == name)
        }));
    }
}
