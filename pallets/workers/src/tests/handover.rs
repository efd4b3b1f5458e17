//! From one operator to another, with everything that the worker answers for.

use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};
use sp_runtime::TokenError;
use sungrid_primitives::traits::Workers as _;

use crate::{Error, Event, Offers, WorkerState, mock::*};

const PRICE: u128 = 4_500;

fn offer(to: &str) -> DispatchResult {
    Workers::offer(signed("olga"), account("w1"), account(to), PRICE)
}

fn accept(who: &str, key: &str) -> DispatchResult {
    let (worker, new, proof) = (account("w1"), account(key), proof(key, who));
    Workers::accept(signed(who), worker, PRICE, new, proof)
}

/// Olga's worker, which Oskar may accept now.
fn offered() {
    register("olga", "w1");
    assert_ok!(offer("oskar"));
    at(System::block_number() + COOLDOWN);
}

#[test]
fn a_worker_changes_hands_with_its_bond_and_its_record() {
    scenario(|| {
        register("olga", "w1");
        Workers::slash(&account("w1"), &[]);
        let before = record("w1");
        assert_ok!(offer("oskar"));
        let from = System::block_number() + COOLDOWN;
        System::assert_last_event(
            Event::WorkerOffered {
                worker: account("w1"),
                to: account("oskar"),
                price: PRICE,
                from,
            }
            .into(),
        );
        at(from - 1);
        assert_noop!(accept("oskar", "w2"), Error::<Test>::OfferTooNew);
        at(from);
        let olga = Balances::free_balance(account("olga"));
        assert_ok!(accept("oskar", "w2"));
        System::assert_last_event(
            Event::WorkerHandedOver {
                worker: account("w1"),
                key: account("w2"),
                from: account("olga"),
                to: account("oskar"),
                price: PRICE,
            }
            .into(),
        );
        let after = record("w2");
        assert_eq!(after.operator, account("oskar"));
        assert_eq!((after.bond, after.faults), (before.bond, 1));
        // Nothing of the bond was free in between.
        assert_eq!((held("olga"), held("oskar")), (0, before.bond));
        assert_eq!(Balances::free_balance(account("olga")), olga + PRICE);
        assert_eq!(Balances::free_balance(account("oskar")), FUNDS - PRICE);
        assert_eq!(Workers::worker(account("w1")), None);
        assert!(Offers::<Test>::iter().next().is_none());
        // A slash finds it there.
        let slashed = Workers::slash(&account("w2"), &[]).total;
        assert_eq!(held("oskar"), before.bond - slashed);
    });
}

#[test]
fn the_former_operator_and_the_old_key_are_out() {
    scenario(|| {
        offered();
        assert_ok!(accept("oskar", "w2"));
        assert_noop!(
            Workers::leave(signed("olga"), account("w2")),
            Error::<Test>::NotOperator
        );
        assert_noop!(
            Workers::pause(signed("w1"), account("w2")),
            Error::<Test>::NeitherOperatorNorWorker
        );
        // To keep the key is no way to keep the machine.
        register("olga", "w1");
        assert_eq!(record("w2").operator, account("oskar"));
    });
}

#[test]
fn what_is_in_flight_is_decided_first() {
    scenario(|| {
        offered();
        assert_eq!(Workers::commit(&account("w1"), 1), Ok(()));
        assert_noop!(accept("oskar", "w2"), Error::<Test>::WorkInFlight);
        Workers::release(&account("w1"), 1);
        Workers::resolved(&account("w1"));
        assert_ok!(accept("oskar", "w2"));
    });
}

#[test]
fn an_operator_that_leaves_hands_nothing_over() {
    scenario(|| {
        offered();
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        assert_noop!(accept("oskar", "w2"), Error::<Test>::Leaving);
        assert_noop!(offer("oskar"), Error::<Test>::Leaving);
        at(System::block_number() + COOLDOWN);
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));
        assert_noop!(accept("oskar", "w2"), Error::<Test>::UnknownWorker);
        assert!(Offers::<Test>::iter().next().is_none());
    });
}

#[test]
fn only_whom_it_is_offered_to_accepts_and_only_at_the_price() {
    scenario(|| {
        register("olga", "w1");
        assert_noop!(
            Workers::offer(signed("oskar"), account("w1"), account("oskar"), PRICE),
            Error::<Test>::NotOperator
        );
        assert_noop!(
            Workers::offer(signed("olga"), account("w9"), account("oskar"), PRICE),
            Error::<Test>::UnknownWorker
        );
        assert_noop!(accept("oskar", "w2"), Error::<Test>::NoOffer);
        assert_ok!(offer("oskar"));
        at(System::block_number() + COOLDOWN);
        assert_noop!(accept("otto", "w2"), Error::<Test>::NoOffer);
        // A price that changes under the hand of who accepts is not paid; the wait begins anew.
        let raise = Workers::offer(signed("olga"), account("w1"), account("oskar"), PRICE + 1);
        assert_ok!(raise);
        assert_noop!(accept("oskar", "w2"), Error::<Test>::OtherPrice);
        assert_ok!(offer("oskar"));
        assert_noop!(accept("oskar", "w2"), Error::<Test>::OfferTooNew);
        // Taken back.
        let retract = |who| Workers::retract_offer(signed(who), account("w1"));
        assert_noop!(retract("oskar"), Error::<Test>::NotOperator);
        assert_ok!(retract("olga"));
        System::assert_last_event(
            Event::OfferRetracted {
                worker: account("w1"),
            }
            .into(),
        );
        assert_noop!(retract("olga"), Error::<Test>::NoOffer);
        assert_noop!(accept("oskar", "w2"), Error::<Test>::NoOffer);
    });
}

#[test]
fn the_new_key_agrees_to_the_new_operator_and_is_new() {
    scenario(|| {
        offered();
        // Neither the old key, which its former operator may have kept,
        assert_noop!(accept("oskar", "w1"), Error::<Test>::AlreadyRegistered);
        // nor one that agreed to somebody else.
        let (worker, key) = (account("w1"), account("w2"));
        assert_noop!(
            Workers::accept(signed("oskar"), worker, PRICE, key, proof("w2", "olga")),
            Error::<Test>::BadProof
        );
    });
}

#[test]
fn who_cannot_pay_gets_nothing() {
    scenario(|| {
        register("olga", "w1");
        let offer = |price| Workers::offer(signed("olga"), account("w1"), account("oskar"), price);
        assert_ok!(offer(FUNDS + 1));
        at(System::block_number() + COOLDOWN);
        let (worker, key) = (account("w1"), account("w2"));
        assert_noop!(
            Workers::accept(
                signed("oskar"),
                worker,
                FUNDS + 1,
                key,
                proof("w2", "oskar")
            ),
            TokenError::FundsUnavailable
        );
        assert_eq!(record("w1").operator, account("olga"));
    });
}

#[test]
fn a_suspended_worker_stays_so_until_its_new_operator_resumes_it() {
    scenario(|| {
        offered();
        assert_ok!(Workers::pause(signed("olga"), account("w1")));
        assert_ok!(accept("oskar", "w2"));
        assert_eq!(record("w2").state, WorkerState::Suspended);
        assert_noop!(
            Workers::resume(signed("w2"), account("w2")),
            Error::<Test>::Suspended
        );
        assert_ok!(Workers::resume(signed("oskar"), account("w2")));
    });
}
