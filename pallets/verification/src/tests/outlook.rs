//! When a quote expects a batch to be accepted, held against when it is.

use frame_support::assert_ok;
use pallet_market::{JobSpecOf, Outcome, Policy};
use sungrid_primitives::{explain::Quote, policy::MILLION};

use crate::{mock::*, *};

/// A batch of two seconds takes a block, and its beacon three.
const SEALED: u64 = 1;
const DRAWN: u64 = SEALED + DRAW_DELAY;
/// And one block more for whoever is drawn, whom a summons has reached by then.
const FOUND_AGAIN: u64 = DRAWN + 8 * pallet_market::SUMMONS_STEP as u64 + SEALED;

fn order(policy: Policy) -> JobSpecOf<Test> {
    let mut order = spec(1, 2);
    order.policy = policy;
    order.deadline = System::block_number() + 900;
    order
}

fn quote(order: &JobSpecOf<Test>) -> Quote {
    Market::quote(order).expect("priced")
}

/// Blocks until a first batch of it is accepted, rounded down.
fn settled(order: &JobSpecOf<Test>) -> u64 {
    quote(order).settled.expect("there are workers") / 3
}

fn audited_until(n: u8, block: u64) {
    AuditedUntil::<Test>::insert(operator(n), block);
}

#[test]
fn each_policy_takes_what_it_waits_for() {
    run(|| {
        assert_eq!(settled(&order(Policy::Replicate(3))), SEALED);
        assert_eq!(
            settled(&order(Policy::Optimistic)),
            SEALED + CHALLENGE_BLOCKS
        );
        assert_eq!(settled(&order(Policy::Quorum(10))), FOUND_AGAIN);
        // Of new workers two compute at once.
        assert_eq!(settled(&order(Policy::Adaptive)), SEALED);
        // One result in five is audited, the others stand.
        for n in 1..=WORKERS {
            trust(n, LONG, 10);
        }
        let mean = FOUND_AGAIN + 4 * (DRAWN + STANDING_BLOCKS);
        assert_eq!(
            quote(&order(Policy::Adaptive)).settled,
            Some(3 * mean.div_ceil(5))
        );
    });
}

#[test]
fn results_of_an_operator_under_audit_are_expected_later() {
    run(|| {
        for n in 1..=WORKERS {
            trust(n, LONG, 10);
        }
        let mut order = order(Policy::Adaptive);
        order.deadline = System::block_number() + 300;
        let before = quote(&order).settled.expect("there are workers");
        // What would have stood for longer anyway changes nothing.
        audited_until(1, System::block_number() + DRAWN + STANDING_BLOCKS);
        assert_eq!(quote(&order).settled, Some(before));
        // One of twelve whose results stand 120 blocks longer, four times in five.
        audited_until(1, System::block_number() + DRAWN + STANDING_BLOCKS + 120);
        let after = quote(&order).settled.expect("there are workers");
        assert_eq!(after, before + 3 * 120 * 4 / 5 / 12);
        // It costs no more.
        let results = quote(&order).results;
        assert_eq!(results, MILLION + MILLION / 5);
        // WHEN one is audited for longer than the order can wait, its results are audited themselves
        audited_until(1, order.deadline);
        let offer = quote(&order);
        assert!(offer.settled < Some(before), "an audit is over sooner");
        assert_eq!(
            offer.results,
            MILLION + (MILLION * 11 / 5 + MILLION).div_ceil(12)
        );
        // AND one that may not claim is none of its workers.
        assert_ok!(Workers::pause(signed(worker(1)), worker(1)));
        assert_eq!(quote(&order).settled, Some(before));
    });
}

/// What is quoted is what happens, where all workers are alike.
#[test]
fn a_result_stands_for_as_long_as_was_quoted() {
    for longer in [0, 100] {
        run(|| {
            let stood = (0..100).find_map(|_| {
                let now = System::block_number();
                let stands = DRAWN + STANDING_BLOCKS + longer;
                for n in 1..=WORKERS {
                    trust(n, LONG, 10);
                    audited_until(n, now + stands);
                }
                let mut order = order(Policy::Adaptive);
                order.deadline = now + 400;
                let mean = (FOUND_AGAIN + 4 * stands).div_ceil(5);
                assert_eq!(quote(&order).settled, Some(3 * mean));
                let job = pallet_market::NextJobId::<Test>::get();
                assert_ok!(Market::submit(signed(requester()), order));
                claim(1, job);
                wait(SEALED);
                commit(1, job, 0, &truth(0));
                wait(DRAW_DELAY);
                match ballot(job).stage {
                    Stage::Standing { until, .. } => {
                        assert_eq!(until, now + stands);
                        Some((job, until))
                    }
                    _ => None,
                }
            });
            let (job, until) = stood.expect("four in five stand");
            run_to(until + 1);
            reveal(1, job, 0, &truth(0));
            assert_eq!(outcome(job), Some(Outcome::Completed));
        });
    }
}

/// Amounts and times beyond all bounds are answered, not computed.
#[test]
fn a_quote_of_anything_is_an_answer() {
    run(|| {
        audited_until(1, u64::MAX);
        for n in 1..=WORKERS {
            trust(n, u32::MAX, u32::MAX);
        }
        for policy in [
            Policy::Adaptive,
            Policy::Optimistic,
            Policy::Quorum(1_000),
            Policy::Replicate(3),
        ] {
            for deadline in [0, 1, u64::MAX] {
                for fuel in [1, u64::MAX] {
                    let mut order = order(policy);
                    (order.deadline, order.fuel_limit) = (deadline, fuel);
                    (order.units, order.batch_size) = (1, 1);
                    let offer = quote(&order);
                    assert!(offer.settled.is_some() && offer.results >= MILLION);
                }
            }
        }
        // The invariant is about what the chain writes.
        AuditedUntil::<Test>::remove(operator(1));
    });
}
