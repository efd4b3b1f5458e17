//! Raising a bid: who gets it, and what it holds.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sp_runtime::TokenError;
use sungrid_primitives::traits::{BatchControl, Verdict};

use crate::{mock::*, *};

fn raise(id: u32, price: u128) {
    assert_ok!(Market::raise(RuntimeOrigin::signed(REQUESTER), id, price));
}

fn refuses(who: u64, id: u32, price: u128, error: Error<Test>) {
    assert_noop!(Market::raise(RuntimeOrigin::signed(who), id, price), error);
}

#[test]
fn a_raise_holds_exactly_the_difference_for_what_may_be_claimed() {
    run(|| {
        // GIVEN five batches of two replicas, one of them claimed
        let id = submit(10);
        claim(10, id);
        let free = Balances::balance(&REQUESTER);
        // WHEN the bid is raised by half
        raise(id, PRICE * 3 / 2);
        // THEN all cost half as much again, as that one wants a replica, too; and nothing else changed
        let added = 5 * 2 * BATCH_COST / 2;
        assert_eq!(Balances::balance(&REQUESTER), free - added);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 10 * BATCH_COST + added);
        assert_eq!(job(id).escrow, 10 * BATCH_COST + added);
        assert_eq!((job(id).price, job(id).spec.price), (PRICE * 3 / 2, PRICE));
        assert_eq!(
            market_events().last(),
            Some(&Event::BidRaised {
                job: id,
                price: PRICE * 3 / 2,
                added,
            })
        );
    });
}

fn wanted(id: u32, batch: u32) -> u32 {
    Market::batch(id, batch).map_or(2, |record| record.wanted)
}

fn max_pay(id: u32, batch: u32) -> u128 {
    Market::terms(id, batch).expect("in flight").max_pay
}

fn conclude(id: u32, batch: u32) {
    let record = Market::batch(id, batch).expect("in flight");
    let winners: Vec<u64> = record.assignments.iter().map(|a| a.worker).collect();
    Market::conclude(id, batch, accepted(&winners, &[], BATCH_CHARGE));
}

#[test]
fn whoever_claims_gets_the_bid_that_stands_and_what_was_complete_before_keeps_its_own() {
    run(|| {
        let before = Balances::total_balance(&REQUESTER);
        // GIVEN a batch with both replicas, and another with one or none
        let id = submit(4);
        let mut worker = 10;
        let full = loop {
            let batch = claim(worker, id);
            worker += 1;
            if wanted(id, batch) == 0 {
                break batch;
            }
        };
        // WHEN the bid is doubled
        raise(id, 2 * PRICE);
        let other = 1 - full;
        while wanted(id, other) > 0 {
            assert_eq!(claim(worker, id), other);
            worker += 1;
        }
        refuses(REQUESTER, id, 3 * PRICE, Error::NothingUnclaimed);
        // THEN who claimed since gets that, and the first batch costs what it did
        assert_eq!(max_pay(id, full), BATCH_COST);
        conclude(id, full);
        assert_eq!(Balances::balance(&POT), ED + 2 * BATCH_COST);
        // AND so it is told to the spot price
        assert_eq!(max_pay(id, other), 2 * BATCH_COST);
        conclude(id, other);
        assert_eq!(Balances::balance(&POT), ED + 6 * BATCH_COST);
        assert_eq!(
            Settled::get(),
            vec![(PRICE, 2 * BATCH_CHARGE), (2 * PRICE, 2 * BATCH_CHARGE)]
        );
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        assert_eq!(Balances::total_balance(&REQUESTER), before - 6 * BATCH_COST);
        // AND the price stays on record until clean-up
        assert_eq!(RaisedPrices::<Test>::get(id, other), Some(2 * PRICE));
        run_to(System::block_number() + RETENTION);
        assert_ok!(Market::clean_up(RuntimeOrigin::signed(POOR), id));
        assert_eq!(RaisedPrices::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_raise_makes_a_second_replica_worth_it_and_its_batch_costs_one_price() {
    run(|| {
        // GIVEN a batch that lacks a replica at a bid that nobody takes
        let id = submit(2);
        claim(10, id);
        raise(id, 3 * PRICE);
        // WHEN somebody takes it at a better one
        claim(11, id);
        // THEN both are paid by that, and the escrow covers it
        assert_eq!(max_pay(id, 0), 3 * BATCH_COST);
        conclude(id, 0);
        assert_eq!(Balances::balance(&POT), ED + 6 * BATCH_COST);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
    });
}

#[test]
fn a_jury_costs_its_challenger_no_more_after_a_raise() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        assert_ok!(Market::challenge(id, 0, &CHALLENGER));
        raise(id, 3 * PRICE);
        claim(11, id);
        assert_eq!(max_pay(id, 0), BATCH_COST);
        Market::conclude(id, 0, accepted(&[10], &[11], BATCH_CHARGE));
    });
}

#[test]
fn a_second_raise_adds_to_the_first() {
    run(|| {
        let id = submit(6);
        raise(id, 2 * PRICE);
        let batch = claim(10, id);
        raise(id, 3 * PRICE);
        assert_eq!(RaisedPrices::<Test>::get(id, batch), Some(2 * PRICE));
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 2 * 3 * 3 * BATCH_COST);
        // A failed batch stays refundable at its own price: everything returns with the end.
        Market::conclude(id, batch, Verdict::Failed);
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
    });
}

#[test]
fn a_bid_is_never_lowered() {
    run(|| {
        let id = submit(4);
        for price in [0, 1, PRICE - 1, PRICE] {
            refuses(REQUESTER, id, price, Error::BidNotRaised);
        }
        raise(id, PRICE + 1);
        refuses(REQUESTER, id, PRICE, Error::BidNotRaised);
    });
}

#[test]
fn nobody_raises_another_s_bid() {
    run(|| {
        let id = submit(4);
        refuses(CHALLENGER, id, 2 * PRICE, Error::NotRequester);
        refuses(REQUESTER, id + 1, 2 * PRICE, Error::NoSuchJob);
        assert_noop!(
            Market::raise(RuntimeOrigin::root(), id, 2 * PRICE),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn what_takes_no_claims_is_not_raised() {
    run(|| {
        // Cancelled, with a batch in flight.
        let cancelled = submit(10);
        claim(10, cancelled);
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), cancelled));
        refuses(REQUESTER, cancelled, 2 * PRICE, Error::NotOpen);
        // Settled.
        let settled = submit(2);
        for worker in [11, 12] {
            claim(worker, settled);
        }
        Market::conclude(settled, 0, accepted(&[11, 12], &[], BATCH_CHARGE));
        refuses(REQUESTER, settled, 2 * PRICE, Error::NotOpen);
        // Past its deadline, even while the agenda lags.
        let late = submit(2);
        System::set_block_number(150);
        refuses(REQUESTER, late, 2 * PRICE, Error::NotOpen);
        Market::conclude(cancelled, job(cancelled).window[0], Verdict::Failed);
        run_to(160);
    });
}

#[test]
fn a_raise_that_cannot_be_paid_leaves_no_trace() {
    run(|| {
        let id = submit(200);
        assert_noop!(
            Market::raise(RuntimeOrigin::signed(REQUESTER), id, PRICE * 1_000_000),
            TokenError::FundsUnavailable
        );
        assert_eq!(job(id).price, PRICE);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 200 * BATCH_COST);
    });
}
