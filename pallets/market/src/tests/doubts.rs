//! The money of a call for witnesses.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sungrid_primitives::traits::{Assignment, BatchControl};

use crate::{mock::*, *};

const FEE: u128 = 30;
/// For two witnesses.
const BOND: u128 = CHALLENGE_BOND + 2 * FEE;
const WITNESS: AccountId = OPERATORS + 19;

/// A job of one batch that workers 10 and 11 were accepted for, at its limits.
fn settled() -> u32 {
    let id = submit(2);
    claim(10, id);
    claim(11, id);
    Market::conclude(id, 0, accepted(&[10, 11], &[], BATCH_CHARGE));
    id
}

fn holders() -> Vec<Assignment<AccountId>> {
    let holder = |worker| Assignment {
        worker,
        operator: OPERATORS + worker,
    };
    vec![holder(10), holder(11)]
}

fn doubted() -> u32 {
    let id = settled();
    assert_eq!(Market::doubt(id, 0, &holders(), 2 * FEE), Ok(BOND));
    id
}

#[test]
fn a_doubt_is_held_once_and_bonds_stay_meanwhile() {
    run(|| {
        assert_noop!(Market::doubt(7, 0, &holders(), 0), Error::<Test>::NoSuchJob);
        let id = doubted();
        assert_eq!(held(HoldReason::Challenge, REQUESTER), BOND);
        assert_eq!((worker(10).unresolved, worker(11).unresolved), (1, 1));
        Market::do_try_state().expect("what is held is what is doubted");
        assert_noop!(
            Market::doubt(id, 0, &holders(), 0),
            Error::<Test>::AlreadyChallenged
        );
        assert_noop!(
            Market::doubt(id, 0, &holders(), u128::MAX),
            Error::<Test>::AlreadyChallenged
        );
        Market::end_doubt(id, 0, &holders(), false);
        assert_eq!(held(HoldReason::Challenge, REQUESTER), 0);
        assert_eq!((worker(10).unresolved, worker(11).unresolved), (0, 0));
        assert_noop!(
            Market::doubt(id, 0, &holders(), u128::MAX),
            Error::<Test>::EscrowTooLarge
        );
    });
}

#[test]
fn a_wrong_doubt_pays_witnesses_and_treasury_and_the_rest_returns() {
    run(|| {
        let id = doubted();
        let before = Balances::total_balance(&REQUESTER);
        let had = Balances::total_balance(&WITNESS);
        assert_eq!(Market::pay_witnesses(id, 0, &[WITNESS], FEE), FEE);
        Market::do_try_state().expect("what is held is what is doubted");
        Market::end_doubt(id, 0, &holders(), true);
        assert_eq!(Balances::total_balance(&WITNESS), had + FEE);
        assert_eq!(Balances::balance(&TREASURY), ED + CHALLENGE_BOND);
        assert_eq!(
            Balances::total_balance(&REQUESTER),
            before - FEE - CHALLENGE_BOND
        );
        assert_eq!(held(HoldReason::Challenge, REQUESTER), 0);
        assert_eq!((worker(10).slashed, Damages::get().len()), (0, 0));
    });
}

#[test]
fn nobody_is_paid_more_than_is_held() {
    run(|| {
        let id = doubted();
        // A witness without an account, to which a fee is too small to make one.
        assert_eq!(Market::pay_witnesses(id, 0, &[777], ED - 1), 0);
        let many = [WITNESS; 60];
        assert_eq!(Market::pay_witnesses(id, 0, &many, FEE), BOND);
        Market::end_doubt(id, 0, &holders(), true);
        assert_eq!(Balances::balance(&TREASURY), ED);
    });
}

#[test]
fn damages_are_in_equal_parts_and_what_one_lacks_the_next_pays() {
    run(|| {
        let id = doubted();
        Market::turn_back(id, 0, &holders(), 2, BATCH_CHARGE, 61);
        // 2,061 in two parts, the first rounded up.
        assert_eq!(
            Damages::get(),
            vec![(10, REQUESTER, 1_031), (11, REQUESTER, 1_030)]
        );
        assert_eq!((worker(10).slashed, worker(11).slashed), (1, 1));
        assert_eq!(
            Faulted::get(),
            vec![(10, OPERATORS + 10), (11, OPERATORS + 11)]
        );
        assert!(market_events().contains(&Event::TurnedBack {
            job: id,
            batch: 0,
            returned: 2_061,
            owed: 0
        }));
        Market::end_doubt(id, 0, &holders(), false);
    });
    run(|| {
        let id = doubted();
        Indemnity::set(&1_000);
        Market::turn_back(id, 0, &holders(), 2, BATCH_CHARGE, 61);
        assert!(market_events().contains(&Event::TurnedBack {
            job: id,
            batch: 0,
            returned: 2_000,
            owed: 61
        }));
        Market::end_doubt(id, 0, &holders(), false);
    });
}

#[test]
fn who_withholds_many_batches_pays_for_each_and_is_slashed_once() {
    run(|| {
        for calls in 1..=3 {
            let id = doubted();
            Market::turn_back(id, 0, &holders(), 2, BATCH_CHARGE, 61);
            assert_eq!(Damages::get().len(), 2 * calls);
            let is_slash =
                |event: &Event<Test>| matches!(event, Event::Slashed { job, .. } if *job == id);
            let slashes = market_events()
                .iter()
                .filter(|event| is_slash(event))
                .count();
            assert_eq!(slashes, if calls == 1 { 2 } else { 0 });
            Market::end_doubt(id, 0, &holders(), false);
        }
        assert_eq!((worker(10).slashed, worker(11).slashed), (1, 1));
        assert_eq!(Faulted::get().len(), 2);
    });
}

#[test]
fn a_raised_batch_is_returned_at_the_price_that_it_was_paid_by() {
    run(|| {
        let id = submit(2);
        assert_ok!(Market::raise(
            RuntimeOrigin::signed(REQUESTER),
            id,
            2 * PRICE
        ));
        claim(10, id);
        claim(11, id);
        Market::conclude(id, 0, accepted(&[10, 11], &[], BATCH_CHARGE));
        assert_eq!(job(id).paid, 4 * BATCH_COST);
        assert_ok!(Market::doubt(id, 0, &holders(), 0));
        Market::turn_back(id, 0, &holders(), 2, BATCH_CHARGE, 0);
        let returned: u128 = Damages::get().iter().map(|(_, _, paid)| paid).sum();
        assert_eq!(returned, 4 * BATCH_COST);
        Market::end_doubt(id, 0, &holders(), false);
    });
}

#[test]
fn records_stay_until_a_doubt_is_settled() {
    run(|| {
        let id = doubted();
        for _ in 0..RETENTION {
            next_block();
        }
        let clean_up = || Market::clean_up(RuntimeOrigin::signed(POOR), id);
        assert_noop!(clean_up(), Error::<Test>::OutputsInQuestion);
        Market::end_doubt(id, 0, &holders(), false);
        assert_ok!(clean_up());
    });
}
