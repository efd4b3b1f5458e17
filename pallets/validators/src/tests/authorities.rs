//! The list that the genesis starts and governance changes.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{Authorities, Barred, Candidates, Error, Event, mock::*};

#[test]
fn whoever_has_keys_validates() {
    with_authorities(&[3, 1, 2], || {
        assert_eq!(Authorities::<Test>::get().into_inner(), vec![1, 2, 3]);
        assert_eq!(Session::validators(), vec![1, 2, 3]);
        assert_eq!(Announced::get(), vec![1, 2, 3]);
    });
}

#[test]
fn genesis_authorities_bond_what_they_can() {
    // 77 has no balance.
    with_authorities(&[1, 77], || {
        assert_eq!([1, 77].map(held), [MIN_BOND, 0]);
        assert_eq!(Balances::free_balance(1), BALANCE - MIN_BOND);
        assert_eq!(Session::validators(), vec![1, 77]);
        offend(77, 100);
        assert!(Barred::<Test>::contains_key(77));
    });
}

#[test]
fn both_first_sessions_can_be_proven() {
    with_authorities(&[1, 2], || {
        for session in 0..2 {
            assert!(pallet_session::historical::HistoricalSessions::<Test>::contains_key(session));
        }
    });
}

#[test]
fn an_authority_comes_and_goes() {
    with_authorities(&[1], || {
        bond(5, MIN_BOND);

        assert_ok!(Validators::add_authority(RuntimeOrigin::root(), 5));
        System::assert_last_event(Event::AuthorityAdded { authority: 5 }.into());
        assert_eq!(
            Session::validators(),
            vec![1],
            "not before the session after the next"
        );
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 5]);

        assert_ok!(Validators::remove_authority(RuntimeOrigin::root(), 1));
        System::assert_last_event(Event::AuthorityRemoved { authority: 1 }.into());
        two_sessions();
        assert_eq!(Session::validators(), vec![5]);
    });
}

#[test]
fn only_governance_decides() {
    with_authorities(&[1, 2], || {
        set_keys(5, 5);
        let signed = || RuntimeOrigin::signed(5);
        assert_noop!(
            Validators::add_authority(signed(), 5),
            DispatchError::BadOrigin
        );
        assert_noop!(
            Validators::remove_authority(signed(), 1),
            DispatchError::BadOrigin
        );
        assert_noop!(Validators::reinstate(signed(), 1), DispatchError::BadOrigin);
    });
}

#[test]
fn an_account_without_keys_is_refused() {
    with_authorities(&[1], || {
        assert_noop!(
            Validators::add_authority(RuntimeOrigin::root(), 5),
            Error::<Test>::NoSessionKeys
        );
    });
}

#[test]
fn an_account_without_a_bond_is_refused() {
    with_authorities(&[1], || {
        set_keys(5, 5);
        assert_noop!(
            Validators::add_authority(RuntimeOrigin::root(), 5),
            Error::<Test>::NotBonded
        );
        bond(5, MIN_BOND);
        assert_ok!(Validators::leave(RuntimeOrigin::signed(5)));
        assert_noop!(
            Validators::add_authority(RuntimeOrigin::root(), 5),
            Error::<Test>::AlreadyLeaving
        );
    });
}

#[test]
fn an_authority_is_no_candidate() {
    with_authorities(&[1], || {
        candidate(5, 7);
        assert_ok!(Validators::add_authority(RuntimeOrigin::root(), 5));
        assert_eq!(Candidates::<Test>::get().into_inner(), Vec::<u64>::new());
        assert_noop!(
            Validators::stand(RuntimeOrigin::signed(5), None),
            Error::<Test>::AlreadyAuthority
        );
        assert_noop!(
            Validators::leave(RuntimeOrigin::signed(5)),
            Error::<Test>::AlreadyAuthority
        );
    });
}

#[test]
fn nobody_is_in_twice() {
    with_authorities(&[1, 2], || {
        assert_noop!(
            Validators::add_authority(RuntimeOrigin::root(), 2),
            Error::<Test>::AlreadyAuthority
        );
    });
}

#[test]
fn their_number_is_bounded() {
    with_authorities(&[1, 2, 3, 4, 5, 6], || {
        bond(7, MIN_BOND);
        assert_noop!(
            Validators::add_authority(RuntimeOrigin::root(), 7),
            Error::<Test>::TooManyAuthorities
        );
    });
}

#[test]
fn a_stranger_cannot_be_removed() {
    with_authorities(&[1], || {
        assert_noop!(
            Validators::remove_authority(RuntimeOrigin::root(), 5),
            Error::<Test>::NotAuthority
        );
    });
}

#[test]
fn the_last_one_stays() {
    with_authorities(&[1, 2], || {
        offend(2, 50);
        assert_noop!(
            Validators::remove_authority(RuntimeOrigin::root(), 1),
            Error::<Test>::LastAuthority
        );
        assert_ok!(Validators::remove_authority(RuntimeOrigin::root(), 2));
        assert!(
            Barred::<Test>::contains_key(2),
            "removal does not lift a bar"
        );
    });
}

#[test]
fn only_the_barred_are_reinstated() {
    with_authorities(&[1, 2], || {
        assert_noop!(
            Validators::reinstate(RuntimeOrigin::root(), 1),
            Error::<Test>::NotBarred
        );
    });
}
