//! # Fuzzer of the whole runtime
//!
//! A *case* is a history: a list of 64-bit *steps*, each of which says who does what next. The real runtime carries
//! it out natively, block by block with inherents, hooks, sessions and fees; after every step all invariants must
//! hold. What a step does depends on its number and on the chain's state alone, so that a seed is enough to see a
//! case again, and steps can be left out of a case that fails until only those are left that it takes
//! ([`minimise`]).
//!
//! | checked | when |
//! |---|---|
//! | invariants of every pallet of ours; the tokens are those of all accounts | after every step |
//! | tokens come into being by emission alone; an ended job's escrow is paid or given back; the block's weight | after every block |
//! | a call that fails leaves the storage root as it was | every call that is dispatched without a transaction |
//! | a call that is announced as feeless succeeds | every transaction |
//! | single results stand unless their operator was caught: by what was announced, not by what the pallet keeps | after every block |
//! | a capacity proof is opened exactly if what was drawn of it was computed; a false one costs bond, and nobody gains | every opening and settlement |
//! | nothing panics, no `defensive!` is reached | always |
//!
//! The actors ([`cast`]) are requesters, operators of honest machines and of those that lie, collude, stall, copy, bill
//! too much, withhold, wait until they are trusted or prove more than they computed; challengers, auditors, validators, and strangers who call
//! what is not theirs. [`coverage`] says how far they got.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
    time::{Duration, Instant},
};

pub mod calls;
pub mod cast;
pub mod chain;
pub mod coverage;
pub mod dice;
pub mod finding;
mod invariants;
pub mod orders;
pub mod play;
pub mod proof;
mod suspects;
pub mod work;

use coverage::Coverage;
use dice::Dice;
use finding::Finding;
use play::Play;

/// How long [`minimise`] tries: most of what can go goes in the first minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// A history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Slots that pass before it begins: other slots, other randomness.
    pub wait: u64,
    /// What happens.
    pub steps: Vec<u64>,
}

impl Case {
    /// The case of a seed.
    pub fn from_seed(seed: u64, steps: usize) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            wait: dice.below(100),
            steps: (0..steps).map(|_| dice.roll()).collect(),
        }
    }

    /// Eight bytes a step, for fuzzers that work on bytes; what is left over says how long to wait.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (steps, rest) = bytes.as_chunks::<8>();
        Self {
            wait: rest.iter().map(|byte| u64::from(*byte)).sum(),
            steps: steps.iter().map(|step| u64::from_le_bytes(*step)).collect(),
        }
    }

    /// Plays it.
    ///
    /// # Errors
    /// The first thing that must never happen, and how many steps there were until then.
    pub fn run(&self) -> Result<Coverage, Failure> {
        self.run_with(None).0
    }

    /// Plays it and says what was called.
    pub fn calls(&self) -> Vec<String> {
        self.run_with(Some(Vec::new())).1
    }

    fn run_with(&self, log: Option<Vec<String>>) -> (Result<Coverage, Failure>, Vec<String>) {
        let mut play = Play::begin(self.wait);
        play.log = log;
        for (at, step) in self.steps.iter().enumerate() {
            if let Err(finding) = caught(|| play.step(*step)) {
                let failure = Failure {
                    finding,
                    steps: at + 1,
                };
                return (Err(failure), play.log.unwrap_or_default());
            }
        }
        (Ok(play.coverage), play.log.unwrap_or_default())
    }
}

/// A case that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub finding: Finding,
    /// Steps until then, the last one included.
    pub steps: usize,
}

thread_local! {
    /// Where the panic of this thread's case happened; `None` outside of cases.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Carries out a step in which a panic is a finding, not a message.
fn caught(step: impl FnOnce() -> Result<(), Finding>) -> Result<(), Finding> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED.with_borrow_mut(|panicked| match (panicked, info.location()) {
                (Some(at), Some(location)) => *at = location.to_string(),
                _ => usual(info),
            });
        }));
    });
    PANICKED.set(Some(String::new()));
    let outcome = catch_unwind(AssertUnwindSafe(step));
    let at = PANICKED.take().unwrap_or_default();
    outcome.unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Finding::new(
            format!("panic at {at}"),
            message.unwrap_or("without a message"),
        ))
    })
}

/// Leaves steps out of a case that fails as long as it fails by the same rule, larger parts first.
pub fn minimise(case: &Case, failure: &Failure) -> Case {
    let mut least = case.clone();
    least.steps.truncate(failure.steps);
    let mut size = least.steps.len() / 2;
    let begin = Instant::now();
    while size > 0 {
        let mut at = 0;
        while at < least.steps.len() && begin.elapsed() < PATIENCE {
            let mut shorter = least.clone();
            let end = (at + size).min(shorter.steps.len());
            shorter.steps.drain(at..end);
            match shorter.run() {
                Err(other) if other.finding.rule == failure.finding.rule => {
                    shorter.steps.truncate(other.steps);
                    least = shorter;
                }
                _ => at += size,
            }
        }
        size /= 2;
    }
    least
}
