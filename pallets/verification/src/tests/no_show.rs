//! Workers that do not appear, at each step.

use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless, traits::fungible::Inspect};
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
        wait(MISS_REST);
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

/// Worker `n` claims a batch and lets its deadline pass; returns when it may claim again.
fn stall(n: u8, job: u32) -> u64 {
    claim(n, job);
    wait(COMMIT_BLOCKS + 1);
    registered(n).rests_until
}

#[test]
fn who_stalls_rests_before_it_claims_anything_and_longer_each_time() {
    run(|| {
        register(20, operator(1));
        let jobs = [(); 4].map(|()| submit(1, 2));
        let mut rests = vec![];
        for job in jobs {
            let until = stall(1, job);
            rests.push(until - System::block_number());
            // Whatever job it turns to, it gets nothing, and does not hammer the chain for free,
            let other = submit(1, 2);
            let claim = RuntimeCall::from(pallet_market::Call::claim { job: other });
            run_to(until - 1);
            assert_noop!(
                Market::claim(signed(worker(1)), other),
                pallet_market::Error::<Test>::WorkerUnavailable
            );
            assert!(!claim.is_feeless(&signed(worker(1))));
            // while other machines, its operator's as well, go on.
            assert!(Market::claimable(other, worker(20)));
            run_to(until);
            assert!(claim.is_feeless(&signed(worker(1))));
        }
        assert_eq!(rests, [5, 15, 35, 75]);
        assert_eq!((registered(1).missed, bond(1)), (4, BOND));
    });
}

#[test]
fn an_outage_with_many_batches_in_hand_is_one_rest() {
    run(|| {
        let jobs = [(); 6].map(|()| submit(1, 2));
        for job in jobs {
            claim(1, job);
        }
        wait(COMMIT_BLOCKS + 1);
        let record = registered(1);
        assert_eq!(record.missed, 6);
        // A block for each after the first: of the whole machine it is less, rounded up.
        assert_eq!(record.rests_until - System::block_number(), MISS_REST + 5);
    });
}

#[test]
fn a_seal_that_is_not_opened_is_a_miss_like_any_other() {
    run(|| {
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        commit(2, job, 0, &truth(0));
        reveal(1, job, 0, &truth(0));
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(
            registered(2).rests_until,
            System::block_number() + MISS_REST
        );
        // It was away for what it had claimed meanwhile, too: one outage.
        let (first, second) = (submit(1, 2), submit(1, 2));
        claim(3, first);
        claim(3, second);
        commit(3, first, 0, &truth(0));
        claim(4, first);
        commit(4, first, 0, &truth(0));
        wait(COMMIT_BLOCKS.max(REVEAL_BLOCKS) + 1);
        assert_eq!(registered(3).missed, 2);
        assert!(registered(3).arrears < 2 * MISS_REST);
    });
}

#[test]
fn who_leaves_after_stalling_has_its_bond_back_no_sooner() {
    run(|| {
        for _ in 0..3 {
            let until = stall(1, submit(1, 2));
            run_to(until);
        }
        let job = submit(1, 2);
        stall(1, job);
        // Nothing of it is in flight any more.
        for n in [2, 3] {
            claim(n, job);
            commit(n, job, 0, &truth(0));
        }
        for n in [2, 3] {
            reveal(n, job, 0, &truth(0));
        }
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        wait(10);
        assert_noop!(
            Workers::withdraw(signed(operator(1)), worker(1)),
            pallet_workers::Error::<Test>::Resting
        );
    });
}
