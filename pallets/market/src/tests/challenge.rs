//! The money of a challenge, and who may claim what a summons is out for.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sp_core::H256;
use sungrid_primitives::traits::{BatchControl, Verdict};

use crate::{mock::*, *};

/// At the limits of the batch.
const BOND: u128 = 2 * BATCH_COST + CHALLENGE_BOND;

/// An optimistic job of one batch that worker 10 has delivered.
fn delivered() -> u32 {
    let mut order = spec(2);
    order.policy = Policy::Optimistic;
    let id = submit_spec(order);
    claim(10, id);
    Market::delivered(id, 0, &10);
    id
}

fn challenged() -> u32 {
    let id = delivered();
    assert_eq!(Market::challenge(id, 0, &CHALLENGER), Ok(BOND));
    id
}

fn end_with(id: u32, verdict: Verdict<AccountId>) -> u128 {
    Market::conclude(id, 0, verdict);
    assert_eq!(held(HoldReason::Challenge, CHALLENGER), 0);
    Balances::total_balance(&CHALLENGER)
}

fn join(id: u32, jurors: &[AccountId]) {
    for juror in jurors {
        assert!(Market::want_replica(id, 0));
        claim(*juror, id);
    }
}

#[test]
fn a_bond_is_held_once_and_only_for_a_batch_in_flight() {
    run(|| {
        assert_noop!(
            Market::challenge(0, 0, &CHALLENGER),
            Error::<Test>::NoSuchJob
        );
        let id = delivered();
        assert_noop!(
            Market::challenge(id, 0, &POOR),
            sp_runtime::TokenError::FundsUnavailable
        );
        assert_ok!(Market::challenge(id, 0, &CHALLENGER));
        assert_eq!(held(HoldReason::Challenge, CHALLENGER), BOND);
        assert_noop!(
            Market::challenge(id, 0, &CHALLENGER),
            Error::<Test>::AlreadyChallenged
        );
    });
}

#[test]
fn the_pay_of_a_jury_cannot_be_more_than_all_money() {
    run(|| {
        let id = delivered();
        let possible = job(id);
        let mut dear = possible.clone();
        (dear.spec.price, dear.unit_charge) = (u128::MAX, u128::MAX);
        Jobs::<Test>::insert(id, dear);
        assert_noop!(
            Market::challenge(id, 0, &CHALLENGER),
            Error::<Test>::EscrowTooLarge
        );
        Jobs::<Test>::insert(id, possible);
    });
}

#[test]
fn upheld_the_challenger_pays_jurors_and_a_fine() {
    run(|| {
        let id = challenged();
        join(id, &[11, 12]);
        let left = end_with(id, judged(&[10], &[11, 12], &[], BATCH_CHARGE));
        assert_eq!(left, 10_000 - BOND);
        // 1,000 each for three, of which two are the challenger's.
        assert_eq!(job(id).paid, BATCH_COST);
        let payments = Payments::get();
        assert_eq!(payments.len(), 3);
        assert!(payments.iter().all(|payment| payment.amount == BATCH_COST));
        assert_eq!(Balances::total_balance(&POT), ED + 3 * BATCH_COST);
        // 116 to each who was right, the rest to the treasury.
        for key in 10..13 {
            assert_eq!(Balances::total_balance(&(OPERATORS + key)), 116);
        }
        assert_eq!(Balances::total_balance(&TREASURY), ED + 700 - 3 * 116);
    });
}

#[test]
fn overturned_the_challenger_has_its_bond_and_a_share_of_the_slash() {
    run(|| {
        let id = challenged();
        join(id, &[11, 12]);
        let left = end_with(id, judged(&[], &[11, 12], &[10], BATCH_CHARGE));
        assert_eq!(left, 10_000);
        assert_eq!((job(id).paid, worker(10).slashed), (0, 1));
        assert_eq!(job(id).settled, 1);
        assert!(Payments::get().is_empty(), "the loser's bond pays");
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        // Both are as right as any winner.
        assert_eq!(
            (worker(11).accepted_units, worker(12).accepted_units),
            (2, 2)
        );
    });
}

#[test]
fn undecided_the_bond_returns_and_the_result_is_paid() {
    run(|| {
        let id = challenged();
        let left = end_with(id, accepted(&[10], &[], BATCH_CHARGE));
        assert_eq!((left, job(id).paid), (10_000, BATCH_COST));
    });
}

#[test]
fn nobody_claims_what_a_summons_does_not_reach() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        assert!(Market::want_replica(id, 0));
        Market::summon(id, 0, H256::repeat_byte(5), 0);
        let reached = |blocks| {
            run_to(1 + blocks);
            let keys = (12..30).filter(|key| Market::claimable(id, *key));
            keys.collect::<Vec<AccountId>>()
        };
        // Ever more, and all in the end.
        let mut before = reached(0);
        assert!(before.len() < 3, "{before:?}");
        for blocks in 1..=8 * u64::from(SUMMONS_STEP) {
            let now = reached(blocks);
            assert!(before.iter().all(|key| now.contains(key)));
            before = now;
        }
        assert_eq!(before.len(), 18);
    });
}

#[test]
fn whoever_replaces_somebody_that_was_drawn_is_drawn_too() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        assert!(Market::want_replica(id, 0));
        Market::summon(id, 0, H256::repeat_byte(5), 0);
        run_to(17);
        claim(12, id);
        // It stalls, or says something else than the first: another replica is wanted.
        assert!(Market::want_replica(id, 0));
        let ready = (13..30).filter(|key| Market::claimable(id, *key)).count();
        assert!(ready < 5, "{ready} stand ready and may");
        run_to(17 + 16);
        assert!((13..30).all(|key| Market::claimable(id, key)));
    });
}

#[test]
fn a_key_looked_for_once_the_draw_is_known_comes_last() {
    /// Blocks before the summons in which its seed may have been known to somebody.
    const LEAD: u32 = 5;
    run(|| {
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        assert!(Market::want_replica(id, 0));
        run_to(20);
        Market::summon(id, 0, H256::repeat_byte(5), LEAD);
        let mut claimable = (12..30).filter(|key| Market::claimable(id, *key));
        // Somebody tries many keys for one that is called early, and registers it once the seed is known.
        run_to(20 + 5 * u64::from(SUMMONS_STEP));
        let first = claimable.next().expect("one of 18 in an eighth");
        let now = frame_system::Pallet::<Test>::block_number();
        let since_draw = u32::try_from(now - 20).expect("few");
        for (keyed_for, reached) in [
            (since_draw + LEAD, true),
            (since_draw + LEAD - 1, false),
            (since_draw, false),
            (0, false),
        ] {
            change_worker(first, |worker| worker.keyed_for = keyed_for);
            assert_eq!(Market::claimable(id, first), reached, "{keyed_for}");
        }
        // It comes when all do.
        run_to(20 + 8 * u64::from(SUMMONS_STEP));
        assert!(Market::claimable(id, first));
    });
}

#[test]
fn an_optimistic_job_starts_nothing_that_could_not_be_challenged_in_time() {
    run(|| {
        let mut order = spec(4);
        order.policy = Policy::Optimistic;
        let mut late = order.clone();
        late.deadline = 1 + APPEAL_BLOCKS;
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), late),
            Error::<Test>::DeadlineTooNear
        );
        let id = submit_spec(order);
        assert_eq!(job(id).claim_until, job(id).spec.deadline - APPEAL_BLOCKS);
        let started = claim(10, id);
        run_to(job(id).claim_until);
        assert_noop!(
            Market::claim(RuntimeOrigin::signed(11), id),
            Error::<Test>::NothingToClaim
        );
        // But jurors can still come.
        Market::delivered(id, started, &10);
        assert_ok!(Market::challenge(id, started, &CHALLENGER));
        assert!(Market::want_replica(id, started));
        assert_eq!(claim(11, id), started);
    });
}

#[test]
fn a_quorum_pays_as_many_as_new_workers_would_need() {
    run(|| {
        let mut order = spec(2);
        order.policy = Policy::Quorum(2);
        let id = submit_spec(order);
        for key in 10..13 {
            if key > 11 {
                assert!(Market::want_replica(id, 0));
            }
            claim(key, id);
        }
        Market::conclude(id, 0, accepted(&[10, 11, 12], &[], BATCH_CHARGE));
        assert_eq!(job(id).paid, 2 * BATCH_COST);
        assert_eq!(Payments::get().len(), 2);
        assert_eq!(worker(12).accepted_units, 2);
    });
}
