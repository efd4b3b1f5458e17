//! The short form of `scripts/faults`.
#![cfg(unix)]

use std::time::Duration;

use sungrid_e2e::faults::{self, Fault, Options};

/// The faults that are over soonest, a node that is lost between commit and reveal among them, and some deaths of workers, while three
/// requesters order: no wrong receipt, no double claim, no lost finished work, no slashed honest worker.
#[test]
fn whatever_happens_nobody_is_wronged() {
    let options = Options {
        seed: 1,
        faults: vec![Fault::Kill, Fault::Requester, Fault::NodeLost],
        rounds: 1,
        kills: 3,
        least: Duration::ZERO,
        standstill: Duration::ZERO,
        doubt: true,
    };
    let report = faults::run(&options);
    eprintln!("{:#}", report.figures);
    assert_eq!(
        report.violations,
        Vec::<String>::new(),
        "seed {}",
        options.seed
    );
    let happened = &report.figures["faults"];
    for (fault, times) in [("kill", 3), ("requester", 1), ("node-lost", 1)] {
        assert_eq!(happened[fault], times, "{:#}", report.figures);
    }
}
