//! The short form of `scripts/faults`.
#![cfg(unix)]

use std::time::Duration;

use sungrid_e2e::faults::{self, Fault, Options};

/// Each fault that is over in a minute once, and some deaths of workers, while three requesters order: no wrong receipt, no double claim, no
/// lost finished work, no slashed honest worker.
#[test]
#[ignore = "in this form not seen through to its end yet: run it on a quiet machine first"]
fn whatever_happens_nobody_is_wronged() {
    // The others take longer, or have not been seen through to their end.
    let left = [
        Fault::NodeLost,
        Fault::Standstill,
        Fault::NodeDies,
        Fault::Reorganisation,
    ];
    let quick = |fault: &Fault| !left.contains(fault);
    let options = Options {
        seed: 1,
        faults: Fault::ALL.into_iter().filter(quick).collect(),
        rounds: 1,
        kills: 6,
        least: Duration::ZERO,
        standstill: Duration::ZERO,
        doubt: true,
    };
    eprintln!("seed {}", options.seed);
    let report = faults::run(&options);
    eprintln!("{:#}", report.figures);
    assert_eq!(
        report.violations,
        Vec::<String>::new(),
        "seed {}",
        options.seed
    );
    // Workers died in the middle of something.
    let died = |what: &str| report.figures[what].as_u64();
    assert!(
        died("unfinished_at_death") > Some(0) && died("sealed_at_death") > Some(0),
        "{:#}",
        report.figures
    );
}
