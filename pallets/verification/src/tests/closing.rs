//! Cancellation and expiry in every phase: what was delivered is paid, nothing gets stuck.

use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, InspectHold},
};
use pallet_market::{Closing, HoldReason, JobState, Outcome};

use crate::{mock::*, *};

fn cancel(job: u32) {
    assert_ok!(Market::cancel(signed(requester()), job));
}

fn escrow() -> u128 {
    Balances::balance_on_hold(&HoldReason::Escrow.into(), &requester())
}

#[test]
fn cancelling_after_a_claim_does_not_save_the_payment() {
    run(|| {
        let job = submit(30, 2);
        let batch = claim(1, job);
        cancel(job);
        assert_eq!(
            Market::job(job).expect("kept").state,
            JobState::Settling(Closing::Cancelled)
        );
        assert_eq!(claim(2, job), batch, "only the started batch is left");
        for n in 1..=2 {
            commit(n, job, batch, &truth(batch));
        }
        for n in 1..=2 {
            reveal(n, job, batch, &truth(batch));
        }
        assert_eq!(outcome(job), Some(Outcome::Cancelled));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
        assert_eq!(escrow(), 0);
    });
}

#[test]
fn cancelling_after_the_first_reveal_changes_nothing() {
    run(|| {
        let job = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        reveal(1, job, 0, &truth(0));
        cancel(job);
        reveal(2, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Cancelled));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
    });
}

#[test]
fn cancelling_in_a_dispute_still_finds_the_liar() {
    run(|| {
        let job = one_batch(2, 2);
        commit(1, job, 0, &truth(0));
        commit(2, job, 0, &lie(1));
        cancel(job);
        claim(3, job);
        commit(3, job, 0, &truth(0));
        for n in [1, 3] {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Cancelled));
        assert_eq!(bond(2), BOND - SLASH);
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
    });
}

#[test]
fn a_cancelled_job_ends_at_its_deadline_at_the_latest() {
    run(|| {
        let job = one_batch(2, 1);
        commit(1, job, 0, &truth(0));
        cancel(job);
        run_to(1 + LIFE);
        // Nobody took the second replica.
        assert_eq!(outcome(job), Some(Outcome::Cancelled));
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert_eq!(Ballots::<Test>::iter().count(), 0);
        assert_eq!(escrow(), 0);
        assert_eq!(bond(1), BOND);
    });
}

#[test]
fn expiry_before_the_second_claim_fails_the_batch() {
    for committed in [false, true] {
        run(|| {
            let job = submit(1, 2);
            run_to(LIFE);
            claim(1, job);
            if committed {
                commit(1, job, 0, &truth(0));
            }
            next_block();
            assert_eq!(outcome(job), Some(Outcome::Expired));
            assert_eq!((escrow(), bond(1)), (0, BOND));
            assert_eq!(registered(1).missed, 0);
            assert_noop!(try_reveal(1, job, 0, &truth(0)), Error::<Test>::NotInFlight);
        });
    }
}

#[test]
fn expiry_with_all_replicas_claimed_lets_them_finish() {
    run(|| {
        let job = submit(1, 2);
        run_to(LIFE);
        for n in 1..=2 {
            claim(n, job);
        }
        run_to(LIFE + 3);
        assert_eq!(
            Market::job(job).expect("kept").state,
            JobState::Settling(Closing::Expired)
        );
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        next_block();
        for n in 1..=2 {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Expired));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
        assert_eq!(escrow(), 0);
    });
}

#[test]
fn after_expiry_a_miss_or_a_dispute_cannot_be_mended() {
    // A missed commit.
    run(|| {
        let job = submit(1, 2);
        run_to(LIFE);
        for n in 1..=2 {
            claim(n, job);
        }
        commit(1, job, 0, &truth(0));
        wait(COMMIT_BLOCKS + 1);
        assert_eq!(outcome(job), Some(Outcome::Expired));
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert_eq!((registered(2).missed, bond(2)), (1, BOND));
    });
    // A withheld reveal.
    run(|| {
        let job = submit(1, 2);
        run_to(LIFE);
        for n in 1..=2 {
            claim(n, job);
            commit(n, job, 0, &truth(0));
        }
        reveal(1, job, 0, &truth(0));
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(outcome(job), Some(Outcome::Expired));
        assert_eq!((bond(1), bond(2)), (BOND, BOND));
    });
    // A dispute.
    run(|| {
        let job = submit(1, 2);
        run_to(LIFE);
        for n in 1..=2 {
            claim(n, job);
        }
        next_block();
        for n in 1..=2 {
            commit(n, job, 0, &lie(n));
        }
        assert_eq!(outcome(job), Some(Outcome::Expired));
        assert_eq!((escrow(), bond(1), bond(2)), (0, BOND, BOND));
    });
}

#[test]
fn a_dispute_that_waits_at_the_deadline_fails() {
    run(|| {
        let job = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, job, 0, &lie(n));
        }
        assert_eq!(record(job).wanted, 1);
        run_to(1 + LIFE);
        assert_eq!(outcome(job), Some(Outcome::Expired));
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert_eq!(Ballots::<Test>::iter().count(), 0);
        assert_eq!((bond(1), bond(2)), (BOND, BOND));
    });
}

#[test]
fn full_blocks_delay_deadlines_and_change_nothing_else() {
    use frame_support::weights::Weight;
    run(|| {
        let job = submit(20, 2);
        let mut taken = vec![];
        for n in 1..=4 {
            for _ in 0..5 {
                taken.push((n, claim(n, job)));
            }
        }
        // GIVEN blocks in which hooks get room for one or two steps
        let tight = Weight::from_parts(40_000_000_000, 2 << 20);
        for _ in 0..COMMIT_BLOCKS + 1 {
            next_block_with(tight);
        }
        // THEN late commits are refused at once, whether or not the agenda got there
        for (n, batch) in &taken {
            let refused = Verification::commit(
                signed(worker(*n)),
                job,
                *batch,
                2,
                bundle(*n),
                seal(*n, job, *batch, &truth(*batch)),
            );
            assert!(
                refused == Err(Error::<Test>::CommitTooLate.into())
                    || refused == Err(Error::<Test>::NotAssigned.into()),
                "{refused:?}"
            );
        }
        let missed = || (1..=4).map(|n| registered(n).missed).sum::<u32>();
        assert!(missed() < 20, "not all at once");
        for _ in 0..40 {
            check_state();
            next_block_with(tight);
        }
        assert_eq!(missed(), 20, "all in the end");
    });
}

#[test]
fn results_stay_until_clean_up_and_then_go() {
    run(|| {
        let job = one_batch(2, 2);
        for n in 1..=2 {
            commit(n, job, 0, &truth(0));
        }
        for n in 1..=2 {
            reveal(n, job, 0, &truth(0));
        }
        assert_noop!(
            Market::clean_up(signed(stranger()), job),
            pallet_market::Error::<Test>::RetentionNotOver
        );
        wait(RETENTION);
        assert_eq!(Verification::results(job, 0, 1).len(), 1);
        assert_ok!(Market::clean_up(signed(stranger()), job));
        assert_eq!(Results::<Test>::iter().count(), 0);
        assert_eq!(
            Balances::balance_on_hold(&HoldReason::Deposit.into(), &requester()),
            0
        );
        assert_eq!(Balances::balance(&stranger()), FUNDS);
    });
}
