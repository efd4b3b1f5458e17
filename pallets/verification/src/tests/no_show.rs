//! Workers that do not appear, at each step.

use frame_support::{assert_noop, traits::fungible::Inspect};
use pallet_market::{MAX_ASSIGNMENTS, Outcome};

use crate::{mock::*, *};

fn missed(job: u32, n: u8, phase: Phase) -> bool {
    emitted(Event::<Test>::Missed {
        job,
        batch: 0,
        worker: worker(n),
        phase,
    })
}

#[test]
fn a_missed_commit_is_recorded_and_replaced() {
    run(|| {
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        wait(COMMIT_BLOCKS);
        assert!(!missed(job, 2, Phase::Commit));
        wait(1);
        // THEN the miss is recorded, its capacity is free, no bond is lost
        assert!(missed(job, 2, Phase::Commit));
        assert_eq!(registered(2).missed, 1);
        assert_eq!(registered(2).committed, 0);
        assert_eq!(bond(2), BOND);
        // AND it never gets this batch again, while another does
        assert_noop!(
            Market::claim(signed(worker(2)), job),
            pallet_market::Error::<Test>::NothingToClaim
        );
        claim(3, job);
        commit(3, job, 0, &truth(0));
        reveal(3, job, 0, &truth(0));
        reveal(1, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(bond(2), BOND);
    });
}

#[test]
fn both_missing_are_both_replaced() {
    run(|| {
        let job = one_batch(2, 2);
        wait(COMMIT_BLOCKS + 1);
        assert_eq!(record(job).wanted, 2);
        assert_eq!(ballot(job).replicas.len(), 0);
        for n in 3..=4 {
            claim(n, job);
            commit(n, job, 0, &truth(0));
        }
        for n in 3..=4 {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn an_idle_machine_in_time_is_not_touched_by_a_stale_deadline() {
    run(|| {
        let job = submit(1, 2);
        claim(1, job);
        wait(3);
        claim(2, job);
        commit(1, job, 0, &truth(0));
        // The first worker's deadline passes; the second has three more blocks.
        wait(COMMIT_BLOCKS - 2);
        assert!(!missed(job, 2, Phase::Commit));
        commit(2, job, 0, &truth(0));
        wait(3);
        assert!(!missed(job, 2, Phase::Commit));
        for n in 1..=2 {
            reveal(n, job, 0, &truth(0));
        }
    });
}

#[test]
fn a_withheld_reveal_is_replaced_and_loses_like_a_lie() {
    run(|| {
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        commit(2, job, 0, &truth(0));
        reveal(1, job, 0, &truth(0));
        // WHEN the second stays silent
        wait(REVEAL_BLOCKS + 1);
        assert!(missed(job, 2, Phase::Reveal));
        assert_eq!(registered(2).missed, 1);
        assert_eq!(bond(2), BOND, "not before the truth is established");
        assert!(emitted(Event::<Test>::Undecided {
            job,
            batch: 0,
            sealed: 1,
            wanted: 2
        }));
        // THEN a replacement decides
        claim(3, job);
        commit(3, job, 0, &truth(0));
        assert!(reveal_until(job, 0).is_some(), "opens at once");
        reveal(3, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(bond(2), BOND - SLASH);
        assert_eq!((bond(1), bond(3)), (BOND, BOND));
        // Half to the two who were right, half to the treasury.
        assert_eq!(Balances::total_balance(&operator(1)), FUNDS + SLASH / 4);
        assert_eq!(Balances::total_balance(&treasury()), FUNDS + SLASH / 2);
    });
}

#[test]
fn two_that_withhold_are_replaced_by_two() {
    run(|| {
        let job = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, job, 0, &lie(1));
        }
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(record(job).wanted, 2);
        for n in 3..=4 {
            claim(n, job);
            commit(n, job, 0, &truth(0));
        }
        for n in 3..=4 {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!((bond(1), bond(2)), (BOND - SLASH, BOND - SLASH));
        assert_eq!(bond(3), BOND);
    });
}

#[test]
fn when_nobody_appears_the_batch_fails_in_the_end() {
    run(|| {
        let job = submit(1, 2);
        let mut claims = 0;
        let mut n = 1;
        while outcome(job).is_none() {
            if n <= WORKERS && Market::claimable(job, worker(n)) {
                claim(n, job);
                claims += 1;
                n += 1;
            } else {
                next_block();
            }
        }
        assert_eq!(claims, MAX_ASSIGNMENTS, "no more than the bound");
        let record = Market::job(job).expect("kept");
        assert_eq!((record.failed, record.paid), (1, 0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        for n in 1..=MAX_ASSIGNMENTS as u8 {
            assert_eq!((registered(n).missed, bond(n)), (1, BOND));
        }
    });
}

#[test]
fn withholding_until_the_batch_fails_pays_nobody() {
    run(|| {
        let job = submit(1, 2);
        let mut n = 1;
        while outcome(job).is_none() {
            if n <= WORKERS && Market::claimable(job, worker(n)) {
                claim(n, job);
                commit(n, job, 0, &lie(1));
                n += 1;
            } else {
                next_block();
            }
        }
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert!((1..=WORKERS).all(|n| bond(n) == BOND && registered(n).missed == 1));
    });
}
