//! Bonding, leaving, withdrawing.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

use crate::{Bond, Bonds, Candidates, Error, Event, mock::*};

fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

#[test]
fn a_bond_is_held_and_grows() {
    with_authorities(&[1], || {
        assert_noop!(
            Validators::bond(signed(5), MIN_BOND - 1),
            Error::<Test>::BondTooLow
        );
        assert_ok!(Validators::bond(signed(5), MIN_BOND));
        assert_ok!(Validators::bond(signed(5), 1));
        System::assert_last_event(
            Event::Bonded {
                account: 5,
                bond: MIN_BOND + 1,
            }
            .into(),
        );
        assert_eq!(held(5), MIN_BOND + 1);
        assert_noop!(
            Validators::bond(signed(5), BALANCE),
            TokenError::FundsUnavailable
        );
    });
}

#[test]
fn a_bond_comes_back_when_nothing_can_be_proven_any_more() {
    with_authorities(&[1, 2], || {
        candidate(11, 5);
        candidate(12, 5);
        two_sessions();
        assert_noop!(Validators::withdraw(signed(12)), Error::<Test>::NotLeaving);
        // WHEN it leaves, in session 2
        assert_ok!(Validators::leave(signed(12)));
        System::assert_last_event(
            Event::Leaving {
                account: 12,
                free_from: 2 + HISTORY + 2,
            }
            .into(),
        );
        assert_noop!(Validators::leave(signed(12)), Error::<Test>::AlreadyLeaving);
        assert_noop!(
            Validators::bond(signed(12), 1),
            Error::<Test>::AlreadyLeaving
        );
        // THEN it waits until session 3, its last one, is pruned from history
        while Session::current_index() < 2 + HISTORY + 2 {
            assert_noop!(Validators::withdraw(signed(12)), Error::<Test>::CoolingDown);
            assert!(
                pallet_session::historical::HistoricalSessions::<Test>::contains_key(3),
                "provable until then"
            );
            Session::rotate_session();
        }
        assert!(!pallet_session::historical::HistoricalSessions::<Test>::contains_key(3));
        assert_ok!(Validators::withdraw(signed(12)));
        System::assert_last_event(
            Event::Withdrawn {
                account: 12,
                bond: MIN_BOND,
            }
            .into(),
        );
        assert_eq!(Balances::free_balance(12), BALANCE);
        assert_eq!(Bonds::<Test>::get(12), None);
        for call in [Validators::withdraw, Validators::leave] {
            assert_noop!(call(signed(12)), Error::<Test>::NotBonded);
        }
    });
}

#[test]
fn who_stands_again_has_to_wait_again() {
    with_authorities(&[1], || {
        candidate(11, 5);
        assert_ok!(Validators::leave(signed(11)));
        assert!(Candidates::<Test>::get().is_empty());
        for _ in 0..HISTORY + 2 {
            Session::rotate_session();
        }
        // It could withdraw now; it stands instead.
        assert_ok!(Validators::stand(signed(11), None));
        assert_eq!(
            Bonds::<Test>::get(11),
            Some(Bond {
                amount: MIN_BOND,
                free_from: None
            })
        );
        assert_noop!(Validators::withdraw(signed(11)), Error::<Test>::NotLeaving);
        assert_ok!(Validators::leave(signed(11)));
        assert_noop!(Validators::withdraw(signed(11)), Error::<Test>::CoolingDown);
    });
}

#[test]
fn who_has_to_stay_is_bonded_for_it() {
    with_authorities(&[1], || {
        // GIVEN two seated candidates, and an authority that has thrown its keys away
        candidate(11, 5);
        candidate(12, 5);
        two_sessions();
        assert_ok!(Session::purge_keys(signed(1)));
        // WHEN one leaves, so that nobody may validate but those who do
        assert_ok!(Validators::leave(signed(12)));
        for _ in 0..2 * HISTORY {
            Session::rotate_session();
            assert_eq!(Session::validators(), vec![11, 12]);
            assert_noop!(Validators::withdraw(signed(12)), Error::<Test>::CoolingDown);
        }
        // THEN its cool-down begins when somebody else comes
        candidate(13, 5);
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 13]);
        let out = Session::current_index();
        while Validators::withdraw(signed(12)).is_err() {
            Session::rotate_session();
        }
        assert_eq!(Session::current_index(), out + HISTORY);
    });
}

#[test]
fn what_a_slash_left_comes_back() {
    with_authorities(&[1], || {
        candidate(11, 5);
        offend(11, 100);
        assert_ok!(Validators::leave(signed(11)));
        for _ in 0..HISTORY + 2 {
            Session::rotate_session();
        }
        assert_ok!(Validators::withdraw(signed(11)));
        assert_eq!(Balances::free_balance(11), BALANCE - MIN_BOND);
    });
}
