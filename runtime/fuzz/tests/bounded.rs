//! A bounded run, deep enough that every call of ours succeeds somewhere in it.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use sungrid_fuzz::{Case, coverage::Coverage, minimise};

/// Cases that are played in any case.
const CASES: u64 = 4;
/// Cases that may be played until every call has succeeded.
const MOST_CASES: u64 = 16;
/// Steps of each.
const STEPS: usize = 250;
/// What takes longer than a bounded history: an operator that was rated, and whose last worker has gone; a batch whose answer was
/// planted, that was cut, and of which all parts are decided.
const RARE: [(&str, &str); 2] = [
    ("Verification", "forget_rating"),
    ("Canaries", "expose_parts"),
];
/// What histories must come to beside calls that succeed.
const EVENTS: [&str; 22] = [
    "Market::BatchSettled",
    "Market::BatchFailed",
    "Market::Slashed",
    "Market::ChallengeEnded",
    "Market::JobCancelled",
    "Market::JobExpired",
    "Market::JobOpened",
    "Market::CleanedUp",
    "Verification::Undecided",
    "Verification::Drawn",
    "Verification::Standing",
    "Verification::Suspected",
    "Verification::Missed",
    "Verification::Challenged",
    "Verification::Paused",
    "Capacity::CapacityProven",
    "Capacity::ClaimFalse",
    "Delegation::IncomeClaimed",
    "Rewards::RoundClosed",
    "Rewards::RewardsClaimed",
    "Liveness::AbsenceReported",
    "Validators::ValidatorSlashed",
];

fn play(seed: u64) -> Coverage {
    let case = Case::from_seed(seed, STEPS);
    case.run().unwrap_or_else(|failure| {
        let calls = minimise(&case, &failure).calls().join("\n    ");
        panic!(
            "seed {seed}, step {}: {}\n    {calls}",
            failure.steps, failure.finding
        )
    })
}

/// Calls that never succeeded, and events that never happened.
fn missing(reached: &Coverage) -> Vec<String> {
    let calls = reached.calls().into_iter();
    let never = calls.filter(|(name, calls)| calls.done == 0 && !RARE.contains(name));
    let events = reached.events();
    let absent = EVENTS.into_iter().filter(|event| events[*event] == 0);
    let unshared = (reached.shared_slashes == 0).then(|| "a slash of delegated stake".into());
    never
        .map(|((pallet, name), _)| format!("{pallet}.{name}"))
        .chain(absent.map(String::from))
        .chain(unshared)
        .collect()
}

#[test]
fn random_histories_keep_every_invariant_and_reach_every_call() {
    let reached = Mutex::new(Coverage::default());
    let next = AtomicU64::new(0);
    let sum = || reached.lock().expect("no thread panicked");
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let enough = seed >= CASES && missing(&sum()).is_empty();
                    if enough || seed >= MOST_CASES {
                        break;
                    }
                    let coverage = play(seed);
                    sum().add(coverage);
                }
            });
        }
    });
    assert_eq!(
        missing(&sum()),
        Vec::<String>::new(),
        "never reached; a new call needs a place in `calls::DRAWS`"
    );
}

#[test]
fn a_case_is_the_same_whenever_it_is_played() {
    let case = Case::from_seed(1, 60);
    assert_eq!(case.run(), case.run());
    let bytes: Vec<u8> = case
        .steps
        .iter()
        .flat_map(|step| step.to_le_bytes())
        .collect();
    assert_eq!(Case::from_bytes(&bytes).steps, case.steps);
}
