//! What an equivocation costs.

use frame_support::{assert_noop, assert_ok};

use crate::{Barred, Bonds, Candidates, Error, Event, mock::*};

#[test]
fn an_equivocation_costs_bond_and_seat() {
    with_authorities(&[1, 2, 3, 4], || {
        let issuance = Balances::total_issuance();
        // WHEN
        offend(3, 25);

        // THEN: slashed, disabled now, out after the next session
        assert_eq!(held(3), MIN_BOND / 4 * 3);
        assert_eq!(Balances::free_balance(3), BALANCE - MIN_BOND);
        assert_eq!(Balances::free_balance(TREASURY), BALANCE + MIN_BOND / 4);
        assert_eq!(Balances::total_issuance(), issuance);
        System::assert_last_event(
            Event::ValidatorSlashed {
                validator: 3,
                session: 0,
                amount: 250,
                barred: true,
            }
            .into(),
        );
        assert_eq!(Session::disabled_validators(), vec![2]);
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2, 4]);

        // and back by vote
        assert_ok!(Validators::reinstate(RuntimeOrigin::root(), 3));
        System::assert_last_event(Event::Reinstated { validator: 3 }.into());
        two_sessions();
        assert_eq!(Session::validators(), vec![1, 2, 3, 4]);
    });
}

#[test]
fn a_candidate_that_offends_is_unseated_until_a_vote() {
    with_authorities(&[1, 2], || {
        // GIVEN three seated candidates and one that waits
        for who in [11, 12, 13, 14] {
            candidate(who, 1_000 - u128::from(who));
        }
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 12, 13]);

        // WHEN one equivocates
        offend(12, 10);

        // THEN the one that waits has its seat
        assert_eq!(held(12), MIN_BOND / 10 * 9);
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 13, 14]);
        // and it cannot come back by itself, not even with a whole bond
        bond(12, MIN_BOND);
        assert_noop!(
            Validators::stand(RuntimeOrigin::signed(12), None),
            Error::<Test>::Barred
        );
        assert_ok!(Validators::reinstate(RuntimeOrigin::root(), 12));
        assert_ok!(Validators::stand(RuntimeOrigin::signed(12), None));
        two_sessions();
        assert_eq!(Session::validators(), vec![11, 12, 13]);
    });
}

#[test]
fn who_leaves_in_the_session_is_slashed_all_the_same() {
    with_authorities(&[1, 2], || {
        candidate(11, 5);
        candidate(12, 5);
        two_sessions();
        // It leaves, and equivocates with what is left of its time.
        assert_ok!(Validators::leave(RuntimeOrigin::signed(12)));
        assert_eq!(Session::validators(), vec![11, 12]);
        offend(12, 100);
        assert_eq!(held(12), 0);
        assert_eq!(Balances::free_balance(TREASURY), BALANCE + MIN_BOND);
        assert!(Barred::<Test>::contains_key(12));
    });
}

#[test]
fn new_keys_do_not_lift_a_bar() {
    with_authorities(&[1, 2], || {
        offend(2, 100);
        set_keys(2, 22);
        two_sessions();
        assert_eq!(Session::validators(), vec![1]);
    });
}

#[test]
fn free_balance_is_not_at_stake_and_spending_it_saves_nothing() {
    with_authorities(&[1, 2], || {
        assert_ok!(Balances::transfer_allow_death(
            RuntimeOrigin::signed(2),
            9,
            BALANCE - MIN_BOND - 10
        ));
        offend(2, 100);
        assert_eq!((held(2), Balances::free_balance(2)), (0, 10));
        assert_eq!(Balances::free_balance(TREASURY), BALANCE + MIN_BOND);
    });
}

#[test]
fn each_report_takes_its_fraction_of_what_is_left() {
    with_authorities(&[1, 2, 3], || {
        offend(2, 50);
        offend(2, 50);
        assert_eq!(held(2), MIN_BOND / 4);
        assert_eq!(
            Bonds::<Test>::get(2).map(|bond| bond.amount),
            Some(MIN_BOND / 4)
        );
    });
}

#[test]
fn the_last_authority_is_slashed_but_kept() {
    with_authorities(&[1, 2], || {
        offend(2, 100);
        offend(1, 100);
        System::assert_last_event(
            Event::ValidatorSlashed {
                validator: 1,
                session: 0,
                amount: MIN_BOND,
                barred: false,
            }
            .into(),
        );
        two_sessions();
        assert_eq!(Session::validators(), vec![1]);
    });
}

#[test]
fn all_candidates_may_be_barred_because_the_authorities_remain() {
    with_authorities(&[1], || {
        candidate(11, 5);
        candidate(12, 5);
        two_sessions();
        offend(11, 100);
        offend(12, 100);
        assert!(Candidates::<Test>::get().is_empty());
        two_sessions();
        assert_eq!(Session::validators(), vec![1]);
    });
}

#[test]
fn one_that_was_removed_is_slashed_all_the_same() {
    with_authorities(&[1, 2], || {
        assert_ok!(Validators::remove_authority(RuntimeOrigin::root(), 2));
        offend(2, 100);
        assert_eq!(held(2), 0);
        assert_noop!(
            Validators::stand(RuntimeOrigin::signed(2), None),
            Error::<Test>::Barred
        );
    });
}
