//! What each way to choose work comes to: income, deadlines missed and energy of first-come, greedy and learned in a simulated
//! market, on the same traces [N7].
//!
//! `cargo run -p sungrid-worker --example schedule -- --help`. The schedulers are the worker's own; the market, the machine and
//! the chain's rules around them are simulated (`world.rs`, `trace.rs`). A seed gives the same figures on every machine.

mod plot;
mod record;
mod trace;
mod world;

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use serde_json::json;
use sungrid_primitives::ISC;
use sungrid_worker::schedule::Policy;
use trace::Scenario;
use world::Outcome;

const POLICIES: [(&str, Policy); 3] = [
    ("first-come", Policy::FirstCome),
    ("greedy", Policy::Greedy),
    ("learned", Policy::Learned),
];

/// Income, deadlines missed and energy of each policy in a simulated market.
#[derive(Parser)]
#[command(
    name = "schedule",
    after_help = "Example: the table and picture of docs/benchmarks.md\n  schedule --plot docs/images/schedule.svg"
)]
struct Options {
    /// Seed of the first trace.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Traces of each scenario; the figures are of all of them.
    #[arg(long, default_value_t = 5)]
    traces: u64,
    /// Simulated hours of each.
    #[arg(long, default_value_t = 8)]
    hours: u32,
    /// Only this scenario.
    #[arg(long)]
    scenario: Option<String>,
    /// Where the picture goes.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Instead: run real programs on this machine and write what they took, for the scenario `recorded`.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Folder with renderer.wasm, for --record.
    #[arg(long, default_value = "target/guests")]
    guests: PathBuf,
    /// Folder with the scene, for --record.
    #[arg(long, default_value = "guests/renderer/scenes")]
    scenes: PathBuf,
}

/// A scenario under a policy, all traces together.
struct Row {
    scenario: &'static str,
    policy: &'static str,
    outcome: Outcome,
}

impl Row {
    /// ISC.
    fn income(&self) -> f64 {
        self.outcome.income as f64 / ISC as f64
    }

    fn per_kwh(&self) -> f64 {
        self.income() / self.outcome.energy.max(1e-12)
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "scenario": self.scenario,
            "policy": self.policy,
            "income_planck": self.outcome.income.to_string(),
            "batches_paid": self.outcome.paid,
            "deadlines_missed": self.outcome.missed,
            "unpaid_otherwise": self.outcome.unpaid,
            "miss_rate": self.outcome.miss_rate(),
            "kwh": self.outcome.energy,
            "kwh_bought": self.outcome.bought,
            "isc_per_kwh": self.per_kwh(),
        })
    }
}

fn sweep(scenarios: &[Scenario], seed: u64, traces: u64, hours: u32) -> Vec<Row> {
    let mut rows = Vec::new();
    for scenario in scenarios {
        for (name, policy) in POLICIES {
            let mut outcome = Outcome::default();
            for trace in seed..seed.saturating_add(traces) {
                outcome.add(&world::play(scenario, policy, trace, hours));
            }
            rows.push(Row {
                scenario: scenario.name,
                policy: name,
                outcome,
            });
        }
    }
    rows
}

fn table(rows: &[Row], scenarios: &[Scenario]) {
    println!(
        "{:<10} {:<11} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>10}",
        "scenario",
        "policy",
        "ISC",
        "greedy",
        "paid",
        "missed",
        "unpaid",
        "kWh",
        "bought",
        "ISC/kWh"
    );
    for row in rows {
        let greedy = rows
            .iter()
            .find(|other| other.scenario == row.scenario && other.policy == "greedy");
        let ratio = greedy.map_or(1.0, |greedy| row.income() / greedy.income().max(1e-12));
        println!(
            "{:<10} {:<11} {:>10.3} {:>7.2}x {:>8} {:>8} {:>8} {:>8.3} {:>9.3} {:>10.3}",
            row.scenario,
            row.policy,
            row.income(),
            ratio,
            row.outcome.paid,
            row.outcome.missed,
            row.outcome.unpaid,
            row.outcome.energy,
            row.outcome.bought,
            row.per_kwh(),
        );
    }
    println!();
    for scenario in scenarios {
        println!("{:<10} {}", scenario.name, scenario.about);
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(path) = &options.record {
        return record::record(path, &options.guests, &options.scenes);
    }
    let mut scenarios = Scenario::all();
    if let Some(name) = &options.scenario {
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
        scenarios.retain(|scenario| scenario.name == name);
        if scenarios.is_empty() {
            return Err(format!("no scenario {name}: there are {}", names.join(", ")).into());
        }
    }
    let rows = sweep(&scenarios, options.seed, options.traces, options.hours);
    if let Some(path) = &options.plot {
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
        let caption = format!(
            "a machine of 4 lanes in a simulated market, {} traces of {} hours each",
            options.traces, options.hours
        );
        fs::write(path, plot::draw(&rows, &names, &caption))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    if options.json {
        let rows: Vec<_> = rows.iter().map(Row::to_json).collect();
        let options = json!({
            "seed": options.seed,
            "traces": options.traces,
            "hours": options.hours,
            "runs": rows,
        });
        println!("{options}");
    } else {
        table(&rows, &scenarios);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
