//! Single results while they stand, sealed: liars that are caught with another one meanwhile, and everyone who would gain by
//! the wait, or by ending it.

use frame_support::{assert_noop, assert_ok};
use pallet_market::{Error as MarketError, Outcome, Policy};
use sungrid_primitives::{receipt::BatchSummary, traits::KnownAnswers};

use crate::{mock::*, *};

/// Worker `n`, that is trusted, seals its results of two jobs in the same block: one of which the draw lets stand, one that it
/// has audited.
fn pair(n: u8, answer: &BatchSummary) -> (u32, u32) {
    for _ in 0..300 {
        trust(n, LONG, 10);
        let jobs = [(); 2].map(|()| {
            let job = submit_under(Policy::Adaptive, 1);
            claim(n, job);
            job
        });
        for job in jobs {
            commit(n, job, 0, answer);
        }
        wait(DRAW_DELAY);
        match jobs.map(|job| ballot(job).wanted) {
            [1, 2] => return (jobs[0], jobs[1]),
            [2, 1] => return (jobs[1], jobs[0]),
            // They end by themselves.
            _ => {}
        }
    }
    panic!("the draw always says the same");
}

/// A job of which worker `n` has sealed the only result, which stands.
fn standing(n: u8, answer: &BatchSummary) -> u32 {
    for _ in 0..300 {
        trust(n, LONG, 10);
        let job = submit_under(Policy::Adaptive, 1);
        claim(n, job);
        commit(n, job, 0, answer);
        wait(DRAW_DELAY);
        if until(job).is_some() {
            return job;
        }
    }
    panic!("the draw always says the same");
}

/// The last block for which the result of a job stands.
fn until(job: u32) -> Option<u64> {
    match Verification::ballot(job, 0)?.stage {
        Stage::Standing { until, .. } => Some(until),
        _ => None,
    }
}

/// Three of `pool` find the truth of a batch that wants another replica of a worker that said something else.
fn refute(job: u32, pool: &[u8]) {
    let mut found = vec![];
    for _ in 0..3 {
        let rest: Vec<u8> = pool
            .iter()
            .copied()
            .filter(|n| !found.contains(n))
            .collect();
        let n = answer_summons(job, &rest, 1)[0];
        commit(n, job, 0, &truth(0));
        found.push(n);
    }
    for n in found {
        reveal(n, job, 0, &truth(0));
    }
    assert_eq!(outcome(job), Some(Outcome::Completed));
}

fn suspected(job: u32, n: u8) -> bool {
    let worker = worker(n);
    emitted(Event::<Test>::Suspected {
        job,
        batch: 0,
        worker,
    })
}

#[test]
fn a_single_result_stays_sealed_until_it_has_stood() {
    run(|| {
        let job = standing(1, &truth(0));
        let now = System::block_number();
        let end = now + STANDING_BLOCKS;
        let since = now - DRAW_DELAY;
        assert_eq!(ballot(job).stage, Stage::Standing { since, until: end });
        assert!(emitted(Event::<Test>::Standing {
            job,
            batch: 0,
            until: end
        }));
        // Nobody has anything to copy, to compute or to challenge; its bond answers.
        assert_noop!(
            try_reveal(1, job, 0, &truth(0)),
            Error::<Test>::RevealNotOpen
        );
        assert!(!Market::claimable(job, worker(2)));
        assert_noop!(
            Verification::challenge(signed(stranger()), job, 0),
            Error::<Test>::NotStanding
        );
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        run_to(end);
        assert_noop!(
            try_reveal(1, job, 0, &truth(0)),
            Error::<Test>::RevealNotOpen
        );
        assert!(registered(1).in_flight > 0);
        assert_noop!(
            Workers::withdraw(signed(operator(1)), worker(1)),
            pallet_workers::Error::<Test>::WorkInFlight
        );
        next_block();
        reveal(1, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST / 2);
    });
}

#[test]
fn who_is_caught_with_one_lie_is_paid_for_no_other_that_stands() {
    run(|| {
        let (lie_that_stands, audited) = pair(1, &lie(1));
        let end = until(lie_that_stands).expect("it stands");
        refute(audited, &[2, 3, 4, 5, 6]);
        assert_eq!(bond(1), BOND - SLASH);
        assert!(System::block_number() <= end, "the window is long enough");
        run_to(end + 1);
        // Not opened: who computes it now has nothing to copy.
        assert!(suspected(lie_that_stands, 1));
        assert_noop!(
            try_reveal(1, lie_that_stands, 0, &lie(1)),
            Error::<Test>::RevealNotOpen
        );
        refute(lie_that_stands, &[2, 3, 4, 5, 6]);
        let (_, result) = &Verification::results(lie_that_stands, 0, 1)[0];
        assert_eq!(result.summary, truth(0));
        assert_eq!(bond(1), BOND - SLASH - (BOND - SLASH) / 10);
    });
}

#[test]
fn an_operator_with_several_machines_has_one_word() {
    run(|| {
        register(20, operator(1));
        let (_, audited) = pair(1, &lie(1));
        let stands = standing(20, &lie(20));
        let end = until(stands).expect("it stands");
        refute(audited, &[2, 3, 4, 5, 6]);
        run_to(end + 1);
        assert!(suspected(stands, 20));
        refute(stands, &[2, 3, 4, 5, 6]);
    });
}

#[test]
fn whoever_was_right_is_confirmed_when_it_is_suspected() {
    run(|| {
        register(20, operator(1));
        let (_, audited) = pair(1, &lie(1));
        let stands = standing(20, &truth(0));
        let end = until(stands).expect("it stands");
        refute(audited, &[2, 3, 4, 5, 6]);
        run_to(end + 1);
        let other = answer_summons(stands, &[2, 3, 4, 5, 6], 1)[0];
        commit(other, stands, 0, &truth(0));
        reveal(20, stands, 0, &truth(0));
        reveal(other, stands, 0, &truth(0));
        // Both are paid, which is what the escrow was for; nobody is slashed.
        assert_eq!(Market::job(stands).expect("kept").paid, BATCH_COST);
        assert_eq!((bond(20), trust_of(20)), (BOND, (LONG + 1, 11)));
    });
}

#[test]
fn what_others_did_or_it_did_before_counts_against_nobody() {
    run(|| {
        let (_, audited) = pair(1, &lie(1));
        let of_another = standing(7, &truth(0));
        refute(audited, &[2, 3, 4, 5, 6]);
        next_block();
        // Trusted and bonded as before: it cannot be so soon, but this is about the block.
        assert_ok!(Workers::bond_more(signed(operator(1)), worker(1), SLASH));
        pallet_workers::Workers::<Test>::mutate_extant(worker(1), |record| record.rests_until = 0);
        let later = standing(1, &truth(0));
        for (n, job) in [(7, of_another), (1, later)] {
            run_to(until(job).expect("it stands") + 1);
            assert!(!suspected(job, n));
            reveal(n, job, 0, &truth(0));
            assert_eq!(outcome(job), Some(Outcome::Completed));
        }
    });
}

#[test]
fn an_answer_that_was_known_before_catches_a_liar_too() {
    run(|| {
        let settled = standing(1, &lie(1));
        run_to(until(settled).expect("it stands") + 1);
        reveal(1, settled, 0, &lie(1));
        let stands = standing(1, &lie(1));
        let checked = Verification::hold_against(settled, 0, &truth(0)).expect("it was accepted");
        assert!(!checked.right);
        run_to(until(stands).expect("it stands") + 1);
        assert!(suspected(stands, 1));
        refute(stands, &[2, 3, 4, 5, 6]);
    });
}

#[test]
fn a_receipt_ends_the_time_for_which_a_result_stands() {
    run(|| {
        let job = standing(1, &truth(0));
        assert_noop!(
            Verification::acknowledge(signed(stranger()), job, 1),
            MarketError::<Test>::NotRequester
        );
        assert_ok!(Verification::acknowledge(signed(requester()), job, 1));
        assert_eq!(until(job), Some(System::block_number()));
        next_block();
        reveal(1, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn a_receipt_forgives_nothing_that_was_found_before() {
    run(|| {
        let (stands, audited) = pair(1, &lie(1));
        refute(audited, &[2, 3, 4, 5, 6]);
        assert_ok!(Verification::acknowledge(signed(requester()), stands, 1));
        next_block();
        assert!(suspected(stands, 1));
        refute(stands, &[2, 3, 4, 5, 6]);
    });
}

/// Blocks from a claim to a deadline that leaves an audit just enough time: two commitments, the draw, two summons.
const AUDIT_BLOCKS: u64 =
    2 * COMMIT_BLOCKS + DRAW_DELAY + 2 * 8 * pallet_market::SUMMONS_STEP as u64;

/// A job that worker `n`, that is trusted, claims so many blocks before the deadline.
fn claimed_before_the_deadline(n: u8, lasts: u64) -> u32 {
    trust(n, LONG, 10);
    let job = pallet_market::NextJobId::<Test>::get();
    let mut order = spec(1, 2);
    order.policy = Policy::Adaptive;
    order.deadline = System::block_number() + lasts;
    assert_ok!(Market::submit(signed(requester()), order));
    claim(n, job);
    job
}

/// A job with a deadline so near that its result cannot stand as long as others: it is sealed as late as can be.
fn short(n: u8, answer: &BatchSummary) -> u32 {
    for _ in 0..300 {
        let job = claimed_before_the_deadline(n, AUDIT_BLOCKS + 1);
        wait(COMMIT_BLOCKS);
        commit(n, job, 0, answer);
        wait(DRAW_DELAY);
        if until(job).is_some() {
            return job;
        }
    }
    panic!("the draw always says the same");
}

#[test]
fn who_claims_too_late_for_an_audit_is_not_trusted() {
    run(|| {
        let job = claimed_before_the_deadline(1, AUDIT_BLOCKS + 1);
        assert_eq!(ballot(job).wanted, 1);
        // One block less, and whoever decides between two might be called in vain: then a lie would be refunded at worst.
        let job = claimed_before_the_deadline(1, AUDIT_BLOCKS);
        assert_eq!(ballot(job).wanted, 2);
        commit(1, job, 0, &lie(1));
        claim(2, job);
        commit(2, job, 0, &truth(0));
        wait(DRAW_DELAY + 1);
        assert_eq!(ballot(job).wanted, 4);
    });
}

#[test]
fn a_lie_that_is_drawn_is_refuted_before_the_deadline() {
    run(|| {
        for _ in 0..300 {
            let job = claimed_before_the_deadline(1, AUDIT_BLOCKS + 1);
            wait(COMMIT_BLOCKS);
            commit(1, job, 0, &lie(1));
            wait(DRAW_DELAY);
            if ballot(job).wanted == 2 {
                // Everybody takes as long as they may.
                wait(8 * u64::from(pallet_market::SUMMONS_STEP) - 1);
                // Not everybody is called so soon.
                let called = |n: &u8| Market::claimable(job, worker(*n));
                let auditor = (2..=WORKERS).find(called).expect("half of them are");
                claim(auditor, job);
                wait(COMMIT_BLOCKS);
                commit(auditor, job, 0, &truth(0));
                wait(8 * u64::from(pallet_market::SUMMONS_STEP));
                let mut found = vec![auditor];
                for _ in 0..2 {
                    let judge = (2..=WORKERS).find(called).expect("all of them are");
                    claim(judge, job);
                    found.push(judge);
                }
                for judge in &found[1..] {
                    commit(*judge, job, 0, &truth(0));
                }
                for n in found {
                    reveal(n, job, 0, &truth(0));
                }
                assert_eq!(bond(1), BOND - SLASH);
                return;
            }
        }
        panic!("the draw always says the same");
    });
}

#[test]
fn no_result_stands_beyond_what_its_job_s_deadline_allows() {
    run(|| {
        let job = short(1, &truth(0));
        let deadline = Market::job(job).expect("open").spec.deadline;
        assert_eq!(until(job), Some(deadline - REVEAL_BLOCKS - 2));
        // The last block for the reveal is the last before the deadline.
        run_to(deadline - 1);
        reveal(1, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
    });
}

#[test]
fn a_suspect_s_result_that_nobody_can_check_any_more_is_refunded() {
    run(|| {
        let before = registered(1).accepted_units;
        let job = short(1, &lie(1));
        let deadline = Market::job(job).expect("open").spec.deadline;
        Caught::<Test>::insert(operator(1), System::block_number());
        run_to(deadline - REVEAL_BLOCKS - 1);
        assert!(suspected(job, 1));
        run_to(deadline + 1);
        let record = Market::job(job).expect("kept");
        assert_eq!((outcome(job), record.paid), (Some(Outcome::Expired), 0));
        assert_eq!(record.failed, 1);
        assert_eq!(registered(1).accepted_units, before);
    });
}

#[test]
fn a_job_that_is_cancelled_pays_for_what_stands_and_checks_it_as_before() {
    run(|| {
        let (stands, audited) = pair(1, &lie(1));
        assert_ok!(Market::cancel(signed(requester()), stands));
        refute(audited, &[2, 3, 4, 5, 6]);
        run_to(until(stands).expect("it stands") + 1);
        assert!(suspected(stands, 1));
        let mut found = answer_summons(stands, &[2, 3, 4, 5, 6], 1);
        commit(found[0], stands, 0, &truth(0));
        for n in answer_summons(stands, &[7, 8, 9, 10], 2) {
            commit(n, stands, 0, &truth(0));
            found.push(n);
        }
        for n in found {
            reveal(n, stands, 0, &truth(0));
        }
        assert_eq!(outcome(stands), Some(Outcome::Cancelled));
        assert_eq!(Market::job(stands).expect("kept").settled, 1);
    });
    run(|| {
        let job = standing(1, &truth(0));
        assert_ok!(Market::cancel(signed(requester()), job));
        run_to(until(job).expect("it stands") + 1);
        reveal(1, job, 0, &truth(0));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST / 2);
    });
}

#[test]
fn a_job_that_comes_after_opens_when_what_it_needs_has_stood() {
    run(|| {
        let job = standing(1, &truth(0));
        let next = pallet_market::NextJobId::<Test>::get();
        let mut order = spec(1, 2);
        order.after = Some(job);
        assert_ok!(Market::submit(signed(requester()), order));
        let end = until(job).expect("it stands");
        run_to(end);
        assert!(!Market::claimable(next, worker(2)));
        next_block();
        reveal(1, job, 0, &truth(0));
        wait(2);
        assert!(Market::claimable(next, worker(2)));
    });
}

#[test]
fn an_operator_that_has_gone_is_forgotten() {
    run(|| {
        let (_, audited) = pair(1, &lie(1));
        refute(audited, &[2, 3, 4, 5, 6]);
        assert!(Caught::<Test>::contains_key(operator(1)));
        let forget = || Verification::forget_rating(signed(stranger()), operator(1));
        assert_noop!(forget(), Error::<Test>::StillRegistered);
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        // What it has in flight ends by itself.
        wait(3 * LIFE);
        assert_ok!(Workers::withdraw(signed(operator(1)), worker(1)));
        assert_ok!(forget());
        assert!(!Caught::<Test>::contains_key(operator(1)));
        assert!(!AuditedUntil::<Test>::contains_key(operator(1)));
        assert_noop!(forget(), Error::<Test>::NothingToForget);
    });
}
