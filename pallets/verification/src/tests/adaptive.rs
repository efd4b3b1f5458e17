//! Single results of trusted workers, and the draws that audit them.

use frame_support::{assert_ok, traits::fungible::Inspect};
use pallet_market::{Outcome, Policy, SUMMONS_STEP};
use sungrid_primitives::{
    policy::{RESULTS_PER_LIE, TRUSTED_FROM},
    traits::KnownAnswers,
};

use crate::{mock::*, *};

/// A job of one batch that a worker with this streak has claimed, whatever it has missed before.
fn claimed_by(streak: u32) -> u32 {
    trust(1, streak, streak.min(10));
    pallet_workers::Workers::<Test>::mutate_extant(worker(1), |record| {
        (record.rests_until, record.arrears) = (0, 0);
    });
    let job = submit_under(Policy::Adaptive, 1);
    claim(1, job);
    job
}

/// Tries jobs until the draw says what is asked for; worker 1 seals `answer`.
fn drawn(stands: bool, answer: &sungrid_primitives::receipt::BatchSummary) -> u32 {
    for _ in 0..500 {
        let job = claimed_by(LONG);
        commit(1, job, 0, answer);
        wait(DRAW_DELAY);
        if emitted(Event::<Test>::Drawn {
            job,
            batch: 0,
            stands,
        }) {
            return job;
        }
        // Let it end by itself.
        next_block();
    }
    panic!("the draw always says the same");
}

#[test]
fn who_is_not_trusted_is_always_audited_by_who_is_drawn_when_it_has_sealed() {
    for streak in [0, 9] {
        run(|| {
            let job = claimed_by(streak);
            // An accomplice that stands ready does not get the other replica, nor do they see each other.
            assert_eq!((ballot(job).wanted, record(job).wanted), (1, 0));
            assert!(!Market::claimable(job, worker(2)));
            commit(1, job, 0, &truth(0));
            assert!(matches!(ballot(job).stage, Stage::Drawing { .. }));
            assert!(!Market::claimable(job, worker(2)));
            confirm(job, 1);
            assert_eq!(outcome(job), Some(Outcome::Completed));
            assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
            assert_eq!(trust_of(1), (streak + 1, streak + 1));
        });
    }
}

/// Somebody is drawn for what worker `n` has sealed, and finds the same.
fn confirm(job: u32, n: u8) {
    let others: Vec<u8> = (2..=WORKERS).collect();
    let second = answer_summons(job, &others, 1)[0];
    commit(second, job, 0, &truth(0));
    for finder in [n, second] {
        reveal(finder, job, 0, &truth(0));
    }
}

/// Workers of `pool` who are drawn find the truth of a batch of which somebody said something else, until three have.
fn refute(job: u32, pool: &[u8]) -> Vec<u8> {
    let mut found = answer_summons(job, pool, 1);
    commit(found[0], job, 0, &truth(0));
    assert_eq!(
        reveal_until(job, 0),
        None,
        "one against one, and one more is not enough"
    );
    let rest: Vec<u8> = pool
        .iter()
        .copied()
        .filter(|n| !found.contains(n))
        .collect();
    for n in answer_summons(job, &rest, 2) {
        commit(n, job, 0, &truth(0));
        found.push(n);
    }
    for n in &found {
        reveal(*n, job, 0, &truth(0));
    }
    found
}

#[test]
fn a_friend_among_those_who_decide_between_two_does_not_save_a_liar() {
    run(|| {
        let job = drawn(false, &lie(1));
        let second = answer_summons(job, &[2, 3, 4, 5], 1)[0];
        commit(second, job, 0, &truth(0));
        // GIVEN that two are drawn, of whom one is a friend of the liar's
        assert_eq!((ballot(job).wanted, ballot(job).bar), (4, Bar::Agree(3)));
        let deciders = answer_summons(job, &[6, 7, 8, 9], 2);
        commit(deciders[0], job, 0, &lie(1));
        commit(deciders[1], job, 0, &truth(0));
        // WHEN it stands by the lie, which two would have made true
        assert_eq!(reveal_until(job, 0), None);
        let last = answer_summons(job, &[2, 3, 4, 5, 10], 1)[0];
        commit(last, job, 0, &truth(0));
        for n in [second, deciders[1], last] {
            reveal(n, job, 0, &truth(0));
        }
        // THEN both lose, and no honest one does; the requester pays for two
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!((bond(1), bond(deciders[0])), (BOND - SLASH, BOND - SLASH));
        assert!([second, deciders[1], last].iter().all(|n| bond(*n) == BOND));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
    });
}

#[test]
fn where_three_liars_meet_the_batch_is_refunded() {
    run(|| {
        let job = drawn(false, &lie(1));
        let second = answer_summons(job, &[2, 3, 4, 5], 1)[0];
        commit(second, job, 0, &lie(second));
        let next = answer_summons(job, &[6, 7, 8, 9], 2);
        commit(next[0], job, 0, &lie(next[0]));
        assert_eq!(outcome(job), None);
        commit(next[1], job, 0, &truth(0));
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert!((1..=WORKERS).all(|n| bond(n) == BOND));
    });
}

/// The time is over for which a single result stood: its worker opens it.
fn open(job: u32, answer: &sungrid_primitives::receipt::BatchSummary) {
    wait(STANDING_BLOCKS + 1);
    reveal(1, job, 0, answer);
}

#[test]
fn a_single_result_that_stands_is_paid_once_and_counts_when_it_has_stood() {
    run(|| {
        let job = drawn(true, &truth(0));
        wait(STANDING_BLOCKS);
        assert_eq!(trust_of(1), (LONG, 10), "it may yet be audited");
        next_block();
        reveal(1, job, 0, &truth(0));
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST / 2);
        assert_eq!(trust_of(1), (LONG + 1, 10), "nobody confirmed it");
    });
}

/// So often of 200 times a lie of worker 1 stands, whose streak is this.
fn lies_that_stand(streak: u32) -> usize {
    let stands = |_: &usize| {
        let job = claimed_by(streak);
        commit(1, job, 0, &lie(1));
        wait(DRAW_DELAY);
        // What is audited comes to nothing at its deadline, since nobody does it.
        ballot(job).wanted == 1
    };
    (0..200).filter(stands).count()
}

#[test]
fn the_more_results_a_liar_was_right_in_the_more_of_its_lies_stand_and_no_more() {
    run(|| {
        // A lie for 2,000 results: 1, 100 and 160 of 200 are expected. Six standard deviations more are 7, 43 and 34.
        assert!(lies_that_stand(TRUSTED_FROM) <= 8);
        let stood = lies_that_stand(RESULTS_PER_LIE as u32);
        assert!((58..=142).contains(&stood), "{stood}");
        let stood = lies_that_stand(LONG);
        assert!((126..=194).contains(&stood), "{stood}");
    });
}

#[test]
fn who_was_caught_and_bonds_again_begins_anew() {
    run(|| {
        let job = drawn(false, &lie(1));
        refute(job, &[2, 3, 4, 5, 6, 7]);
        assert_ok!(Workers::bond_more(signed(operator(1)), worker(1), SLASH));
        assert_eq!(bond(1), BOND);
        assert_eq!(trust_of(1).0, 0);
        // When it has rested, that is.
        let next = submit_under(Policy::Adaptive, 1);
        wait(MAX_MISS_REST - 1);
        assert!(!Market::claimable(next, worker(1)));
        next_block();
        claim(1, next);
        // Ten results that others confirm, as any new worker.
        commit(1, next, 0, &truth(0));
        confirm(next, 1);
        for done in 2..=10 {
            let job = submit_under(Policy::Adaptive, 1);
            claim(1, job);
            commit(1, job, 0, &truth(0));
            confirm(job, 1);
            assert_eq!(trust_of(1).0, done);
        }
        assert!(lies_that_stand(trust_of(1).0) <= 8);
    });
}

#[test]
fn a_farm_of_single_results_weighs_nothing_in_a_quorum() {
    run(|| {
        let job = drawn(true, &truth(0));
        let before = trust_of(1);
        assert_eq!(before, (LONG, 10));
        open(job, &truth(0));
        assert_eq!(trust_of(1), (LONG + 1, 10));
    });
}

#[test]
fn a_known_answer_confirms_what_has_stood_and_counts_it_once() {
    run(|| {
        let job = drawn(true, &truth(0));
        open(job, &truth(0));
        let checked = Verification::hold_against(job, 0, &truth(0)).expect("it was accepted");
        assert!(checked.right);
        assert_eq!(trust_of(1), (LONG + 1, 11));
    });
}

#[test]
fn nothing_is_known_before_the_draw_and_nothing_changes_after_the_seal() {
    run(|| {
        let job = claimed_by(20);
        // Waiting does not help: the draw is about blocks after the commitment.
        wait(4);
        let beacon = Beacon::<Test>::get();
        commit(1, job, 0, &lie(1));
        let at = 5 + DRAW_DELAY;
        assert_eq!(ballot(job).stage, Stage::Drawing { at });
        frame_support::assert_noop!(try_reveal(1, job, 0, &lie(1)), Error::<Test>::RevealNotOpen);
        frame_support::assert_noop!(
            Verification::commit(signed(worker(1)), job, 0, 2, bundle(1), bundle(1)),
            Error::<Test>::AlreadyCommitted
        );
        run_to(at - 1);
        assert_eq!(ballot(job).stage, Stage::Drawing { at });
        let mut seen = vec![beacon];
        run_to(at);
        assert_ne!(ballot(job).stage, Stage::Drawing { at });
        seen.push(Beacon::<Test>::get());
        assert_ne!(seen[0], seen[1]);
    });
}

#[test]
fn an_audit_finds_a_liar_that_was_trusted() {
    run(|| {
        let job = drawn(false, &lie(1));
        // Sealed yet: the second cannot see what the first found.
        assert_eq!(ballot(job).wanted, 2);
        frame_support::assert_noop!(try_reveal(1, job, 0, &lie(1)), Error::<Test>::RevealNotOpen);
        refute(job, &[2, 3, 4, 5, 6, 7]);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_eq!(bond(1), BOND - SLASH);
        assert_eq!(trust_of(1), (0, 6));
        assert_eq!(Market::job(job).expect("kept").paid, BATCH_COST);
        // No single result of it stands from now on.
        assert_eq!(lies_that_stand(0), 0);
    });
}

#[test]
fn a_liar_that_does_not_open_after_the_draw_loses_all_the_same() {
    run(|| {
        let job = drawn(false, &lie(1));
        let second = answer_summons(job, &[2, 3, 4, 5], 1)[0];
        // An accomplice's digest, that the liar then does not open.
        commit(second, job, 0, &lie(1));
        reveal(second, job, 0, &lie(1));
        wait(REVEAL_BLOCKS + 1);
        assert_eq!(outcome(job), None);
        refute(job, &[6, 7, 8, 9, 10]);
        assert_eq!((bond(1), bond(second)), (BOND - SLASH, BOND - SLASH));
    });
}

#[test]
fn a_single_result_that_is_withheld_is_replaced_by_two() {
    run(|| {
        let job = drawn(true, &truth(0));
        wait(STANDING_BLOCKS + 1 + REVEAL_BLOCKS + 1);
        assert_eq!((registered(1).missed, ballot(job).wanted), (1, 2));
        // By drawn ones: two who found each other would settle a lie, and share the bond of who was away.
        assert!(record(job).summons.is_some());
        let finders = answer_summons(job, &[2, 3, 4, 5], 2);
        for n in &finders {
            commit(*n, job, 0, &truth(0));
        }
        for n in &finders {
            reveal(*n, job, 0, &truth(0));
        }
        assert_eq!(outcome(job), Some(Outcome::Completed));
        // It was right, and away: nobody pays it, and that is all.
        assert_eq!((bond(1), trust_of(1)), (BOND, (LONG, 10)));
        assert_eq!(registered(1).accepted_units, 0);
        assert!(Caught::<Test>::iter().next().is_none());
    });
}

#[test]
fn a_liar_that_does_not_open_what_stood_loses_all_the_same() {
    run(|| {
        let job = drawn(true, &lie(1));
        wait(STANDING_BLOCKS + 1 + REVEAL_BLOCKS + 1);
        let finders = answer_summons(job, &[2, 3, 4, 5], 2);
        for n in &finders {
            commit(*n, job, 0, &truth(0));
        }
        for n in &finders {
            reveal(*n, job, 0, &truth(0));
        }
        assert_eq!((bond(1), trust_of(1)), (BOND - SLASH, (0, 6)));
        assert!(Caught::<Test>::contains_key(operator(1)));
    });
}

#[test]
fn whoever_copies_what_was_not_opened_has_nothing_to_open() {
    run(|| {
        let job = drawn(true, &truth(0));
        wait(STANDING_BLOCKS + 1 + REVEAL_BLOCKS + 1);
        // Its digest is on chain, and no seal over it can be made without the result.
        wait(8 * u64::from(SUMMONS_STEP));
        claim(2, job);
        let digest = sungrid_primitives::receipt::digest(job, 0, &truth(0));
        frame_support::assert_ok!(Verification::commit(
            signed(worker(2)),
            job,
            0,
            2,
            digest,
            bundle(9)
        ));
        claim(3, job);
        commit(3, job, 0, &truth(0));
        reveal(3, job, 0, &truth(0));
        wait(REVEAL_BLOCKS + 1 + 8 * u64::from(SUMMONS_STEP));
        claim(4, job);
        commit(4, job, 0, &truth(0));
        reveal(4, job, 0, &truth(0));
        assert_eq!((bond(1), bond(2)), (BOND, BOND - SLASH));
    });
}

#[test]
fn an_accomplice_that_stands_ready_is_mostly_not_drawn() {
    run(|| {
        // In the block of the summons it reaches 1 in 256.
        let mut reached = 0;
        for round in 0..40 {
            let job = drawn(false, &lie(1));
            reached += (2..=WORKERS)
                .filter(|n| Market::claimable(job, worker(*n)))
                .count();
            assert!(reached < 20, "{reached} in {round} rounds");
        }
    });
}

#[test]
fn who_comes_for_an_audit_is_called_last() {
    run(|| {
        let job = drawn(false, &lie(1));
        // Keys that somebody looked for, now that the draw is known: of these, half would be called by the seventh step.
        let sybils = 50..70;
        for n in sybils.clone() {
            assert_ok!(Balances::transfer_allow_death(
                signed(requester()),
                operator(n),
                2 * BOND
            ));
            register(n, operator(n));
        }
        let called = || {
            sybils
                .clone()
                .filter(|n| Market::claimable(job, worker(*n)))
                .count()
        };
        wait(7 * u64::from(SUMMONS_STEP) + 1);
        assert_eq!(called(), 0);
        assert!((2..=WORKERS).any(|n| Market::claimable(job, worker(n))));
        wait(u64::from(SUMMONS_STEP) - 1);
        assert_eq!(called(), sybils.len());
    });
}

#[test]
fn a_farmed_streak_is_trusted_only_as_far_as_a_lie_costs_more_than_it_pays() {
    run(|| {
        // A slash costs 10,000 and a batch pays 1,000 at most: one in five is audited, whatever the streak.
        let mut audits = 0;
        for _ in 0..300 {
            let job = claimed_by(u32::MAX);
            commit(1, job, 0, &lie(1));
            wait(DRAW_DELAY);
            audits += u32::from(emitted(Event::<Test>::Drawn {
                job,
                batch: 0,
                stands: false,
            }));
            // Six standard deviations around 60 are 42.
            System::reset_events();
        }
        assert!((18..=102).contains(&audits), "{audits} audits");
    });
    run(|| {
        // A slash that does not cover twice what two lies pay: no single result stands.
        pallet_workers::Workers::<Test>::mutate(worker(1), |record| {
            record.as_mut().expect("registered").bond = 2 * BOND / 5 - 10;
        });
        let job = claimed_by(u32::MAX);
        commit(1, job, 0, &lie(1));
        wait(DRAW_DELAY);
        assert_eq!(ballot(job).wanted, 2);
        pallet_workers::Workers::<Test>::mutate(worker(1), |record| {
            record.as_mut().expect("registered").bond = BOND;
        });
    });
}

#[test]
fn trust_is_of_one_environment() {
    run(|| {
        Trusts::<Test>::insert(
            worker(1),
            sp_core::H256::repeat_byte(99),
            sungrid_primitives::policy::Trust {
                streak: LONG,
                score: 50,
            },
        );
        assert_eq!(lies_that_stand(0), 0);
    });
}

#[test]
fn the_escrow_covers_an_audit_and_what_is_not_used_returns() {
    run(|| {
        let before = Balances::total_balance(&requester());
        let job = drawn(true, &truth(0));
        assert_eq!(Market::job(job).expect("open").escrow, 2 * BATCH_COST);
        open(job, &truth(0));
        let paid = Market::job(job).expect("kept").paid;
        assert_eq!(paid, BATCH_COST / 2);
        assert!(Balances::total_balance(&requester()) <= before - paid);
    });
}

#[test]
fn the_beacon_moves_with_every_block() {
    run(|| {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..20 {
            next_block();
            assert!(seen.insert(Beacon::<Test>::get()));
        }
    });
}
