//! Optimistic results: in peace, under challenge, and everyone who would profit from either.

use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, InspectHold},
};
use pallet_market::{Error as MarketError, HoldReason, Outcome, Policy};
use sungrid_primitives::receipt::BatchSummary;

use crate::{mock::*, *};

/// At the limits of the batch: two jurors, and the fixed part.
const FULL_BOND: u128 = 2 * BATCH_COST + CHALLENGE_BOND;

/// A job of one batch whose only result worker 1 has revealed.
fn standing(summary: &BatchSummary) -> u32 {
    let job = submit_under(Policy::Optimistic, 1);
    claim(1, job);
    assert!(!Market::claimable(job, worker(2)), "one is enough");
    commit(1, job, 0, summary);
    reveal(1, job, 0, summary);
    job
}

fn challenge(job: u32) {
    assert_ok!(Verification::challenge(signed(stranger()), job, 0));
}

/// Two jurors of `pool` seal these results; returns them.
fn jury(job: u32, pool: &[u8], summary: &BatchSummary) -> Vec<u8> {
    let jurors = answer_summons(job, pool, 2);
    for n in &jurors {
        commit(*n, job, 0, summary);
    }
    jurors
}

fn held(who: &AccountId) -> u128 {
    Balances::balance_on_hold(&HoldReason::Challenge.into(), who)
}

#[test]
fn a_result_that_nobody_challenges_is_final_after_the_window_and_not_before() {
    run(|| {
        let job = standing(&truth(0));
        let until = 1 + CHALLENGE_BLOCKS;
        assert_eq!(ballot(job).stage, Stage::Standing { since: 1, until });
        assert!(emitted(Event::<Test>::Standing {
            job,
            batch: 0,
            until
        }));
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        run_to(until);
        // Neither paid nor out of reach: the bond stays exposed.
        assert_eq!(Market::job(job).expect("open").paid, 0);
        assert_eq!(registered(1).in_flight, 1);
        run_to(until + 4);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST / 2);
        assert_eq!(trust_of(1), (0, 0), "nobody confirmed it");
        assert_eq!(Verification::results(job, 0, 1)[0].1.winners.len(), 1);
        run_to(until + 4 + LIABILITY);
        assert_ok!(Workers::withdraw(signed(operator(1)), worker(1)));
    });
}

#[test]
fn who_can_be_challenged_when() {
    run(|| {
        let call = |job| Verification::challenge(signed(stranger()), job, 0);
        assert_noop!(call(0), Error::<Test>::NotInFlight);
        let replicated = one_batch(2, 2);
        assert_noop!(call(replicated), Error::<Test>::NotStanding);
        let job = submit_under(Policy::Optimistic, 1);
        claim(1, job);
        commit(1, job, 0, &truth(0));
        assert_noop!(call(job), Error::<Test>::NotStanding);
        reveal(1, job, 0, &truth(0));
        assert_noop!(
            Verification::challenge(RuntimeOrigin::root(), job, 0),
            sp_runtime::DispatchError::BadOrigin
        );
        // Without the bond nothing happens.
        assert_noop!(
            Verification::challenge(signed(AccountId::new([250; 32])), job, 0),
            sp_runtime::TokenError::FundsUnavailable
        );
        assert_ok!(call(job));
        assert_eq!(held(&stranger()), FULL_BOND);
        assert_noop!(call(job), Error::<Test>::NotStanding);
    });
    run(|| {
        let job = standing(&truth(0));
        // The agenda may lag: the block number decides.
        System::set_block_number(2 + CHALLENGE_BLOCKS);
        assert_noop!(
            Verification::challenge(signed(stranger()), job, 0),
            Error::<Test>::ChallengeTooLate
        );
    });
}

#[test]
fn a_refuted_liar_pays_jurors_challenger_and_treasury() {
    run(|| {
        let before = Balances::total_balance(&requester());
        let job = standing(&lie(1));
        wait(CHALLENGE_BLOCKS - 1);
        challenge(job);
        let jurors = jury(job, &[2, 3, 4, 5], &truth(0));
        // Jurors seal for themselves: nothing opens before both have.
        for n in &jurors {
            reveal(*n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(1), trust_of(1)), (BOND - SLASH, (0, 0)));
        let share = SLASH / 2 / 3;
        for n in &jurors {
            assert_eq!(Balances::total_balance(&operator(*n)), FUNDS + share);
            assert_eq!(trust_of(*n), (1, 1));
        }
        assert_eq!(Balances::total_balance(&stranger()), FUNDS + share);
        assert_eq!(held(&stranger()), 0);
        assert_eq!(
            Balances::total_balance(&treasury()),
            FUNDS + SLASH - 3 * share
        );
        // The requester has the right result and paid nobody for the wrong one.
        let result = Verification::results(job, 0, 1).remove(0).1;
        assert_eq!((result.summary, result.winners.len()), (truth(0), 2));
        assert_eq!(Balances::total_balance(&requester()), before);
    });
}

#[test]
fn a_challenger_that_is_wrong_pays_for_the_jury_and_a_fine() {
    run(|| {
        let pot_before = Balances::balance(&<Rewards as sungrid_primitives::traits::Income<
            AccountId,
        >>::pot());
        let job = standing(&truth(0));
        challenge(job);
        let jurors = jury(job, &[2, 3, 4, 5], &truth(0));
        for n in &jurors {
            reveal(*n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        // The batch came to half of its limits: so did the jurors.
        let pay = BATCH_COST / 2;
        let fine = FULL_BOND - 2 * pay;
        let share = fine / 2 / 3;
        assert_eq!(Balances::total_balance(&stranger()), FUNDS - FULL_BOND);
        assert_eq!(Balances::total_balance(&operator(1)), FUNDS + share);
        assert_eq!(Balances::total_balance(&operator(jurors[0])), FUNDS + share);
        assert_eq!(
            Balances::total_balance(&treasury()),
            FUNDS + fine - 3 * share
        );
        // The requester pays for the one result it ordered.
        assert_eq!(Market::job(job).expect("kept").paid, pay);
        let pot = Balances::balance(&<Rewards as sungrid_primitives::traits::Income<
            AccountId,
        >>::pot());
        assert_eq!(pot, pot_before + 3 * pay);
        assert_eq!(trust_of(1), (1, 1), "two others have confirmed it");
        assert!(emitted(pallet_market::Event::<Test>::ChallengeEnded {
            job,
            batch: 0,
            challenger: stranger(),
            lost: FULL_BOND,
        }));
    });
}

#[test]
fn a_juror_that_lies_is_found_by_the_others() {
    run(|| {
        let job = standing(&truth(0));
        challenge(job);
        let jurors = answer_summons(job, &[2, 3, 4, 5], 2);
        commit(jurors[0], job, 0, &lie(1));
        commit(jurors[1], job, 0, &truth(0));
        // The challenged result is no vote: two jurors must agree.
        assert_eq!(reveal_until(job, 0), None);
        let third = answer_summons(job, &[6, 7, 8, 9], 1)[0];
        commit(third, job, 0, &truth(0));
        for n in [jurors[1], third] {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(bond(jurors[0]), BOND - SLASH);
        assert_eq!(
            (bond(1), Market::job(job).expect("kept").paid),
            (BOND, BATCH_COST / 2)
        );
    });
}

#[test]
fn without_a_jury_the_result_stands_and_the_bond_returns() {
    // A requester cannot get its result for nothing by challenging where no jury is to be had.
    run(|| {
        let job = standing(&truth(0));
        challenge(job);
        wait(JURY_BLOCKS + 1);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST / 2);
        assert_eq!(Balances::total_balance(&stranger()), FUNDS);
        assert_eq!(held(&stranger()), 0);
        assert_eq!(trust_of(1), (0, 0));
    });
    // Nor if jurors come and go: their misses are on record.
    run(|| {
        let job = standing(&truth(0));
        challenge(job);
        let jurors = answer_summons(job, &[2, 3, 4, 5], 2);
        wait(JURY_BLOCKS + 1);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert!(jurors.iter().all(|n| registered(*n).missed == 1));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST / 2);
        assert_eq!(Balances::total_balance(&stranger()), FUNDS);
    });
    // Nor if no two of as many as may be asked agree.
    run(|| {
        let job = standing(&truth(0));
        challenge(job);
        let mut pool: Vec<u8> = (2..=WORKERS).collect();
        while outcome(job).is_none() {
            let n = answer_summons(job, &pool, 1)[0];
            pool.retain(|other| *other != n);
            if ballot(job).hopeful().count() == 1 {
                let other = answer_summons(job, &pool, 1)[0];
                pool.retain(|n| *n != other);
                commit(other, job, 0, &lie(other));
            }
            commit(n, job, 0, &lie(n));
        }
        assert_eq!(pool.len(), usize::from(WORKERS) - 1 - 5);
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST / 2);
        assert!((1..=WORKERS).all(|n| bond(n) == BOND));
    });
}

#[test]
fn friends_of_the_challenger_are_mostly_not_drawn() {
    run(|| {
        let mut reached = 0;
        for _ in 0..30 {
            let job = standing(&truth(0));
            challenge(job);
            assert!(!Market::claimable(job, worker(2)), "not before the draw");
            wait(DRAW_DELAY);
            reached += (2..=WORKERS)
                .filter(|n| Market::claimable(job, worker(*n)))
                .count();
            wait(JURY_BLOCKS);
        }
        assert!(reached < 15, "{reached} of 330");
    });
}

#[test]
fn the_accused_and_its_operator_are_no_jurors() {
    run(|| {
        let job = standing(&lie(1));
        challenge(job);
        wait(DRAW_DELAY + 8 * u64::from(pallet_market::SUMMONS_STEP));
        assert!(Market::claimable(job, worker(2)));
        assert_noop!(
            Market::claim(signed(worker(1)), job),
            MarketError::<Test>::NothingToClaim
        );
    });
}

#[test]
fn jurors_that_stall_for_a_liar_are_replaced() {
    run(|| {
        let job = standing(&lie(1));
        challenge(job);
        // Three accomplices, one after the other, take a place and do nothing.
        for n in 2..=4 {
            let mut pool: Vec<u8> = vec![n];
            pool.extend(if n == 2 { &[5][..] } else { &[] });
            let count = pool.len();
            for came in answer_summons(job, &pool, count) {
                if came == 5 {
                    commit(5, job, 0, &truth(0));
                }
            }
            while registered(n).missed == 0 {
                next_block();
            }
        }
        let honest = answer_summons(job, &[6], 1)[0];
        commit(honest, job, 0, &truth(0));
        for n in [5, honest] {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(bond(1), BOND - SLASH);
    });
}

#[test]
fn a_liar_that_challenges_itself_loses_most_of_the_slash_all_the_same() {
    run(|| {
        let job = standing(&lie(1));
        assert_ok!(Verification::challenge(signed(operator(1)), job, 0));
        for n in jury(job, &[2, 3, 4, 5], &truth(0)) {
            reveal(n, job, 0, &truth(0));
        }
        // A third of half comes back, to whoever stands in for it.
        let back = SLASH / 2 / 3;
        assert_eq!(Balances::total_balance(&operator(1)), FUNDS - SLASH + back);
    });
}

#[test]
fn a_liar_cannot_leave_inside_the_window() {
    run(|| {
        let job = standing(&lie(1));
        assert_ok!(Workers::leave(signed(operator(1)), worker(1)));
        wait(CHALLENGE_BLOCKS - 1);
        challenge(job);
        let jurors = jury(job, &[2, 3, 4, 5], &truth(0));
        assert!(System::block_number() > 11, "the cool-down is over");
        assert_noop!(
            Workers::withdraw(signed(operator(1)), worker(1)),
            pallet_workers::Error::<Test>::WorkInFlight
        );
        for n in &jurors {
            reveal(*n, job, 0, &truth(0));
        }
        assert_eq!(bond(1), BOND - SLASH);
    });
}

#[test]
fn a_lie_just_before_the_deadline_can_be_challenged_too() {
    run(|| {
        // The last block in which anybody may start: commit, reveal, challenge and jury still fit.
        let appeal = COMMIT_BLOCKS + REVEAL_BLOCKS + CHALLENGE_BLOCKS + JURY_BLOCKS;
        let job = submit_under(Policy::Optimistic, 1);
        run_to(LIFE - appeal);
        claim(1, job);
        let late = submit_under(Policy::Optimistic, 1);
        run_to(LIFE - appeal + COMMIT_BLOCKS);
        commit(1, job, 0, &lie(1));
        run_to(LIFE - appeal + COMMIT_BLOCKS + REVEAL_BLOCKS);
        reveal(1, job, 0, &lie(1));
        wait(CHALLENGE_BLOCKS);
        challenge(job);
        for n in jury(job, &[2, 3, 4, 5], &truth(0)) {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(bond(1), BOND - SLASH);
        assert_ok!(Market::cancel(signed(requester()), late));
    });
    run(|| {
        let appeal = COMMIT_BLOCKS + REVEAL_BLOCKS + CHALLENGE_BLOCKS + JURY_BLOCKS;
        let job = submit_under(Policy::Optimistic, 1);
        run_to(1 + LIFE - appeal);
        assert_noop!(
            Market::claim(signed(worker(1)), job),
            MarketError::<Test>::NothingToClaim
        );
        let mut order = spec(1, 2);
        order.policy = Policy::Optimistic;
        order.deadline = System::block_number() + appeal;
        assert_noop!(
            Market::submit(signed(requester()), order),
            MarketError::<Test>::DeadlineTooNear
        );
    });
}

#[test]
fn a_single_result_that_is_not_opened_is_replaced() {
    run(|| {
        let job = submit_under(Policy::Optimistic, 1);
        claim(1, job);
        commit(1, job, 0, &truth(0));
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(registered(1).missed, 1);
        claim(2, job);
        commit(2, job, 0, &lie(1));
        reveal(2, job, 0, &lie(1));
        // The challenged one goes first, whoever came before it.
        challenge(job);
        assert_eq!(ballot(job).replicas[0].assignment.worker, worker(2));
        for n in jury(job, &[3, 4, 5, 6], &truth(0)) {
            reveal(n, job, 0, &truth(0));
        }
        // The first was right, and is paid nothing.
        assert_eq!((bond(1), bond(2)), (BOND, BOND - SLASH));
        assert_eq!(registered(1).accepted_units, 0);
    });
}

#[test]
fn a_cancelled_job_can_still_be_challenged() {
    run(|| {
        let job = standing(&lie(1));
        assert_ok!(Market::cancel(signed(requester()), job));
        challenge(job);
        for n in jury(job, &[2, 3, 4, 5], &truth(0)) {
            reveal(n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Cancelled));
        assert_eq!(bond(1), BOND - SLASH);
    });
}

#[test]
fn the_escrow_is_one_result() {
    run(|| {
        let job = submit_under(Policy::Optimistic, 3);
        assert_eq!(Market::job(job).expect("open").escrow, 3 * BATCH_COST);
    });
}
