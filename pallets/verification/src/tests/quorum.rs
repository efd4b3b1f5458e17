//! Quorums: who weighs how much, and how many are asked.

use frame_support::traits::fungible::Inspect;
use pallet_market::{Outcome, Policy};
use sungrid_primitives::receipt::BatchSummary;

use crate::{mock::*, *};

/// Workers `1..` claim one after the other while any more are wanted, and seal; returns how many did.
fn seal_while_wanted(job: u32, from: u8, answer: impl Fn(u8) -> BatchSummary) -> u8 {
    let mut n = from;
    while n <= WORKERS && Market::claimable(job, worker(n)) {
        claim(n, job);
        n += 1;
    }
    for at in from..n {
        commit(at, job, 0, &answer(at));
    }
    n - from
}

fn open(job: u32, workers: impl IntoIterator<Item = u8>) {
    for n in workers {
        reveal(n, job, 0, &truth(0));
    }
}

#[test]
fn new_workers_are_asked_until_all_of_them_would_convince() {
    // 90 %: trust 10, weights of two: 2^4 = 16 > 9.
    for (policy, replicas) in [(10, 4), (100, 7), (1_000, 10)] {
        run(|| {
            let job = submit_under(Policy::Quorum(policy), 1);
            assert_eq!(seal_while_wanted(job, 1, |_| truth(0)), replicas);
            open(job, 1..=replicas);
            assert_eq!(outcome(job), Some(Outcome::Completed));
            let paid = u128::from(replicas) * BATCH_COST / 2;
            assert_eq!(Market::job(job).expect("kept").paid, paid);
            assert!((1..=replicas).all(|n| trust_of(n) == (1, 1)));
        });
    }
}

#[test]
fn workers_of_record_are_few_and_never_alone() {
    // Weights of 9 and 32: two are enough for 99 %.
    run(|| {
        trust(1, 0, 30);
        trust(2, 0, 99);
        let job = submit_under(Policy::Quorum(100), 1);
        assert_eq!(seal_while_wanted(job, 1, |_| truth(0)), 2);
        open(job, 1..=2);
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
        assert_eq!((trust_of(1), trust_of(2)), ((1, 31), (1, 100)));
    });
    // However high one's score, another one is asked.
    run(|| {
        trust(1, 0, u32::MAX);
        let job = submit_under(Policy::Quorum(2), 1);
        assert_eq!(seal_while_wanted(job, 1, |_| truth(0)), 2);
        open(job, 1..=2);
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn a_liar_costs_more_replicas_which_it_pays() {
    run(|| {
        // 90 %: four are asked, the second lies: 8 against 2 of 11 in all; 32 against 2 of 35 do.
        let job = submit_under(Policy::Quorum(10), 1);
        let answer = |n: u8| if n == 2 { lie(1) } else { truth(0) };
        assert_eq!(seal_while_wanted(job, 1, answer), 4);
        assert_eq!(ballot(job).wanted, 6);
        assert_eq!(reveal_until(job, 0), None, "all of it is sealed yet");
        assert_eq!(seal_while_wanted(job, 5, answer), 2);
        open(job, [1, 3, 4, 5, 6]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        // The requester pays for four; all five share what the liar loses.
        assert_eq!(Market::job(job).expect("kept").paid, 2 * BATCH_COST);
        assert_eq!(bond(2), BOND - SLASH);
        assert_eq!(Balances::total_balance(&operator(6)), FUNDS + SLASH / 10);
        assert_eq!((trust_of(6), trust_of(2)), ((1, 1), (0, 0)));
    });
}

#[test]
fn a_fault_takes_a_third_of_the_score_and_the_streak() {
    run(|| {
        trust(2, 7, 10);
        let job = submit_under(Policy::Quorum(2), 1);
        let answer = |n: u8| if n == 2 { lie(1) } else { truth(0) };
        let mut next = 1;
        while outcome(job).is_none() && reveal_until(job, 0).is_none() {
            next += seal_while_wanted(job, next, answer);
        }
        open(job, (1..next).filter(|n| *n != 2));
        assert_eq!(trust_of(2), (0, 6));
        assert!(emitted(Event::<Test>::TrustChanged {
            worker: worker(2),
            environment: ENVIRONMENT,
            trust: sungrid_primitives::policy::Trust {
                streak: 0,
                score: 6
            },
        }));
    });
}

#[test]
fn when_the_quorum_is_out_of_reach_the_batch_is_refunded() {
    run(|| {
        let before = Balances::total_balance(&requester());
        // 99.9 %: ten are asked, half of them lie alike.
        let job = submit_under(Policy::Quorum(1_000), 1);
        let answer = |n: u8| {
            if n.is_multiple_of(2) {
                lie(1)
            } else {
                truth(0)
            }
        };
        seal_while_wanted(job, 1, answer);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert_eq!(Balances::total_balance(&requester()), before);
        assert!((1..=WORKERS).all(|n| bond(n) == BOND && trust_of(n) == (0, 0)));
    });
}

#[test]
fn a_copied_digest_weighs_nothing_once_it_does_not_open() {
    run(|| {
        let job = submit_under(Policy::Quorum(4), 1);
        claim(1, job);
        claim(2, job);
        commit(1, job, 0, &truth(0));
        let copied = sungrid_primitives::receipt::digest(job, 0, &truth(0));
        frame_support::assert_ok!(Verification::commit(
            signed(worker(2)),
            job,
            0,
            2,
            copied,
            bundle(2)
        ));
        reveal(1, job, 0, &truth(0));
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(outcome(job), None);
        assert_eq!(seal_while_wanted(job, 3, |_| truth(0)), 1);
        open(job, [3]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(2), bond(3)), (BOND - SLASH, BOND));
    });
}

#[test]
fn when_those_who_lead_do_not_open_the_others_can_be_right() {
    run(|| {
        trust(1, 0, 99);
        let job = submit_under(Policy::Quorum(2), 1);
        let answer = |n: u8| {
            if [1, 4].contains(&n) {
                lie(1)
            } else {
                truth(0)
            }
        };
        for from in [1, 3, 4] {
            seal_while_wanted(job, from, answer);
        }
        // 32 · 2 against 2 · 2.
        frame_support::assert_noop!(try_reveal(2, job, 0, &truth(0)), Error::<Test>::Outvoted);
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(ballot(job).wanted, 2);
        check_state();
        open(job, 2..=3);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(1), bond(4)), (BOND - SLASH, BOND - SLASH));
        assert_eq!(trust_of(1), (0, 66));
    });
}

#[test]
fn the_escrow_covers_what_new_workers_would_cost() {
    run(|| {
        let job = submit_under(Policy::Quorum(1_000), 3);
        assert_eq!(Market::job(job).expect("open").escrow, 3 * 10 * BATCH_COST);
    });
}
