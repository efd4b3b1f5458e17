//! Faults on a real network, as long as you like; `scripts/faults` builds and runs it.

use std::{process::ExitCode, time::Duration};

use serde_json::json;
use sungrid_e2e::faults::{self, Fault, Options};

fn main() -> ExitCode {
    let (options, as_json) = arguments();
    eprintln!("seed {}", options.seed);
    let report = faults::run(&options);
    for violation in &report.violations {
        eprintln!("VIOLATION: {violation}");
    }
    if as_json {
        let mut figures = report.figures;
        figures["violations"] = json!(report.violations);
        println!("{figures}");
    } else {
        println!("{:#}", report.figures);
        println!("{} rules did not hold", report.violations.len());
    }
    if report.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn usage(why: &str) -> ! {
    let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    eprintln!(
        "{why}\nusage: faults [--rounds N] [--kills N] [--minutes N] [--standstill SECONDS] [--only NAME]... [--seed S] [--json]\nNAME: {}",
        names.join(", ")
    );
    std::process::exit(2)
}

fn arguments() -> (Options, bool) {
    let mut options = Options {
        seed: std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_secs()),
        faults: Vec::new(),
        rounds: 2,
        kills: 100,
        least: Duration::ZERO,
        standstill: Duration::from_secs(60),
        doubt: true,
    };
    let mut as_json = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--json" {
            as_json = true;
            continue;
        }
        let Some(value) = arguments.next() else {
            usage(&format!("{argument} needs a value"))
        };
        if argument == "--only" {
            let fault = Fault::ALL.into_iter().find(|fault| fault.name() == value);
            let unknown = || usage(&format!("there is no fault {value:?}"));
            options.faults.push(fault.unwrap_or_else(unknown));
            continue;
        }
        let Ok(number) = value.parse::<u64>() else {
            usage(&format!("{argument} takes a number, not {value:?}"))
        };
        let small = || u32::try_from(number).unwrap_or_else(|_| usage("that is too much"));
        match argument.as_str() {
            "--seed" => options.seed = number,
            "--rounds" => options.rounds = small(),
            "--kills" => options.kills = small(),
            "--minutes" => options.least = Duration::from_secs(60 * number),
            "--standstill" => options.standstill = Duration::from_secs(number),
            other => usage(&format!("unknown argument {other:?}")),
        }
    }
    if options.faults.is_empty() {
        options.faults = Fault::ALL.into();
    }
    (options, as_json)
}
