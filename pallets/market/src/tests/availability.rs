//! What a missing input costs the requester.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sungrid_primitives::traits::BatchControl;

use crate::{mock::*, *};

#[test]
fn a_decline_gives_capacity_back_and_is_no_miss() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        Market::declined(id, 0, &10);
        let record = worker(10);
        assert_eq!((record.committed, record.unresolved), (0, 1));
        assert_eq!((record.declined, record.missed), (1, 0));
    });
}

#[test]
fn the_deposit_is_charged_as_far_as_it_goes_and_held_again() {
    run(|| {
        let id = submit(10);
        assert_eq!(job(id).deposit, 550);
        assert_eq!(Market::charge_deposit(id, 60), 60);
        assert_eq!(job(id).deposit, 490);
        assert_eq!(Balances::balance(&TREASURY), ED + 60);
        check_state();
        assert_noop!(
            Market::refill_deposit(id, &POOR),
            Error::<Test>::NotRequester
        );
        assert_noop!(
            Market::refill_deposit(id + 1, &REQUESTER),
            Error::<Test>::NoSuchJob
        );
        assert_ok!(Market::refill_deposit(id, &REQUESTER));
        assert_eq!(held(HoldReason::Deposit, REQUESTER), 550);
        assert_eq!(Market::charge_deposit(id, 1_000), 550);
        assert_eq!(job(id).deposit, 0);
        assert_eq!(Market::charge_deposit(id + 1, 1), 0);
        // What is left returns in the end, whatever it is.
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
        assert_noop!(
            Market::refill_deposit(id, &REQUESTER),
            Error::<Test>::NotOpen
        );
    });
}
