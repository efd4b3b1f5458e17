//! Who stands, who outranks whom, who is seated.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{Candidates, Error, Event, Seats, mock::*};

fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

fn candidates() -> Vec<u64> {
    Candidates::<Test>::get().into_inner()
}

#[test]
fn the_best_by_credit_times_bond_are_seated() {
    with_authorities(&[1, 2], || {
        // GIVEN credit × bond of 20, 30, 24 and 15 thousand, and three seats
        candidate(11, 20);
        candidate(12, 10);
        candidate(13, 24);
        candidate(14, 15);
        assert_ok!(Validators::bond(signed(12), 2 * MIN_BOND));
        assert_eq!([11, 12, 13, 14].map(Validators::rank_of), [20, 30, 24, 15]);
        // WHEN the session after the next begins
        Session::rotate_session();
        assert_eq!(Session::validators(), vec![1, 2], "queued, not seated");
        Session::rotate_session();
        // THEN
        assert_eq!(Session::validators(), vec![11, 12, 13]);
        assert_eq!(Announced::get(), vec![11, 12, 13]);

        // WHEN the fourth works more than the weakest
        credit(14, 21);
        assert_eq!(Validators::elected(), vec![12, 13, 14]);
        two_sessions();
        // THEN it has its seat
        assert_eq!(Session::validators(), vec![12, 13, 14]);
    });
}

#[test]
fn the_authorities_remain_while_candidates_are_too_few() {
    with_authorities(&[1, 2], || {
        candidate(11, 5);
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2], "one of two");

        // Without verified work one is no candidate that counts,
        candidate(12, 0);
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2]);
        // with it one is.
        credit(12, 1);
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 12]);

        // They come back when a candidate goes,
        assert_ok!(Validators::leave(signed(11)));
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2]);
        // loses its keys,
        assert_ok!(Validators::stand(signed(11), None));
        assert_ok!(Session::purge_keys(signed(12)));
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2]);
        // or is forgotten.
        set_keys(12, 12);
        credit(11, 0);
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2]);
    });
}

#[test]
fn standing_takes_keys_and_a_bond() {
    with_authorities(&[1], || {
        assert_noop!(
            Validators::stand(signed(11), None),
            Error::<Test>::NoSessionKeys
        );
        set_keys(11, 11);
        assert_noop!(
            Validators::stand(signed(11), None),
            Error::<Test>::NotBonded
        );
        bond(11, MIN_BOND);
        assert_ok!(Validators::stand(signed(11), None));
        System::assert_last_event(
            Event::CandidateAdded {
                candidate: 11,
                replaced: None,
            }
            .into(),
        );
        assert_noop!(
            Validators::stand(signed(11), None),
            Error::<Test>::AlreadyCandidate
        );
        // A bond that a slash has made too small, and a vote that forgave it, are not enough.
        offend(11, 1);
        assert_ok!(Validators::reinstate(RuntimeOrigin::root(), 11));
        assert_noop!(
            Validators::stand(signed(11), None),
            Error::<Test>::NotBonded
        );
    });
}

#[test]
fn a_full_list_admits_who_outranks_somebody() {
    with_authorities(&[1], || {
        // GIVEN a list that sybils without work have filled
        for who in 21..=26 {
            candidate(who, 0);
        }
        bond(11, MIN_BOND);
        assert_noop!(
            Validators::stand(signed(11), None),
            Error::<Test>::TooManyCandidates
        );
        assert_noop!(
            Validators::stand(signed(11), Some(9)),
            Error::<Test>::NotCandidate
        );
        assert_noop!(
            Validators::stand(signed(11), Some(21)),
            Error::<Test>::NotOutranked
        );
        // WHEN somebody with work comes
        credit(11, 1);
        assert_ok!(Validators::stand(signed(11), Some(21)));
        // THEN one of them is out, with its bond
        System::assert_last_event(
            Event::CandidateAdded {
                candidate: 11,
                replaced: Some(21),
            }
            .into(),
        );
        assert_eq!(candidates(), vec![11, 22, 23, 24, 25, 26]);
        assert_eq!(held(21), MIN_BOND);
        // and cannot take the place back.
        assert_noop!(
            Validators::stand(signed(21), Some(11)),
            Error::<Test>::NotOutranked
        );
    });
}

#[test]
fn nobody_is_replaced_while_there_is_room() {
    with_authorities(&[1], || {
        candidate(11, 1);
        bond(12, MIN_BOND);
        credit(12, 100);
        assert_ok!(Validators::stand(signed(12), Some(11)));
        assert_eq!(candidates(), vec![11, 12]);
    });
}

#[test]
fn splitting_oneself_into_sybils_loses_seats() {
    with_authorities(&[1, 2], || {
        // GIVEN three honest candidates of rank 100, and somebody with two bonds and a credit of 198
        for who in 11..=13 {
            candidate(who, 100);
        }
        // WHEN he splits both over two accounts
        for who in 21..=22 {
            candidate(who, 99);
        }
        // THEN he is outranked by all of them,
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 12, 13]);
        // while in one piece he outranks them all, for one seat.
        assert_ok!(Validators::leave(signed(22)));
        assert_ok!(Validators::bond(signed(21), MIN_BOND));
        credit(21, 198);
        assert_eq!(Validators::rank_of(21), 396);
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 12, 21]);
    });
}

#[test]
fn a_bond_alone_seats_nobody() {
    with_authorities(&[1, 2], || {
        for who in 11..=12 {
            candidate(who, 1);
        }
        bond(21, 9 * MIN_BOND);
        assert_ok!(Validators::stand(signed(21), None));
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 12]);
    });
}

#[test]
fn governance_decides_how_many_are_seated() {
    with_authorities(&[1, 2], || {
        for who in 11..=14 {
            candidate(who, u128::from(who));
        }
        let seats = |least, most| Seats { least, most };
        assert_noop!(
            Validators::set_seats(signed(11), seats(1, 1)),
            DispatchError::BadOrigin
        );
        for bad in [seats(0, 3), seats(4, 3), seats(1, 7)] {
            assert_noop!(
                Validators::set_seats(RuntimeOrigin::root(), bad),
                Error::<Test>::BadSeats
            );
        }
        assert_ok!(Validators::set_seats(RuntimeOrigin::root(), seats(1, 2)));
        System::assert_last_event(Event::SeatsSet { seats: seats(1, 2) }.into());
        two_sessions();
        assert_eq!(Session::validators(), vec![13, 14]);
        assert_ok!(Validators::set_seats(RuntimeOrigin::root(), seats(5, 6)));
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2]);
    });
}

#[test]
fn equal_ranks_go_to_the_same_accounts_every_time() {
    with_authorities(&[1, 2], || {
        for who in [14, 13, 12, 11] {
            candidate(who, 7);
        }
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 12, 13]);
        System::reset_events();
        two_sessions();
        let named = System::events()
            .into_iter()
            .any(|record| record.event == pallet_session::Event::NewQueued.into());
        assert!(!named, "the same set is not named again");
    });
}
