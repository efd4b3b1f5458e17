//! A bond answers for the outputs of accepted results.

use frame_support::{assert_noop, assert_ok};
use sungrid_primitives::traits::Workers as _;

use crate::{Error, Event, mock::*};

#[test]
fn a_bond_stays_until_nobody_can_ask_for_outputs_any_more() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_eq!(Workers::liability(), LIABILITY);
        Workers::note_accepted(&w1, 1, 1);
        assert_ok!(Workers::leave(signed("olga"), w1.clone()));
        let accepted_at = System::block_number();
        // The cool-down is shorter.
        System::set_block_number(accepted_at + LIABILITY - 1);
        let withdraw = || Workers::withdraw(signed("olga"), w1.clone());
        assert_noop!(withdraw(), Error::<Test>::Liable);
        System::set_block_number(accepted_at + LIABILITY);
        assert_ok!(withdraw());
    });
}

#[test]
fn a_bond_in_question_stays_however_long_it_takes() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        Workers::note_accepted(&w1, 1, 1);
        assert_ok!(Workers::leave(signed("olga"), w1.clone()));
        Workers::questioned(&w1);
        System::set_block_number(System::block_number() + 10 * LIABILITY);
        assert_noop!(
            Workers::withdraw(signed("olga"), w1.clone()),
            Error::<Test>::WorkInFlight
        );
        Workers::resolved(&w1);
        assert_ok!(Workers::withdraw(signed("olga"), w1));
    });
}

#[test]
fn one_outage_is_one_slash_and_the_next_another() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        let first = Workers::slash_withheld(&w1).expect("the first");
        assert_eq!(first.total, BOND_PER_SUNS / 10);
        let until = System::block_number() + LIABILITY;
        // Whatever was accepted before is decided within that time.
        System::set_block_number(until - 1);
        assert_eq!(Workers::slash_withheld(&w1), None);
        assert_eq!(record("w1").faults, 1);
        // A wrong result is another matter.
        assert!(Workers::slash(&w1, &[]).total > 0);
        System::set_block_number(until);
        assert!(Workers::slash_withheld(&w1).is_some_and(|slashed| slashed.total > 0));
        assert_eq!(Workers::slash_withheld(&w1), None);
        assert_eq!(record("w1").faults, 3);
    });
}

#[test]
fn damages_are_the_operator_s_and_no_more_than_it_has() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_eq!(Workers::indemnify(&w1, &account("rita"), 300), 300);
        System::assert_last_event(
            Event::DamagesPaid {
                worker: w1.clone(),
                operator: account("olga"),
                to: account("rita"),
                amount: 300,
                bond: BOND_PER_SUNS - 300,
            }
            .into(),
        );
        assert_eq!(held("olga"), BOND_PER_SUNS - 300);
        assert_eq!(
            Workers::indemnify(&w1, &account("rita"), u128::MAX),
            BOND_PER_SUNS - 300
        );
        assert_eq!(record("w1").bond, 0);
        assert_eq!(Workers::indemnify(&w1, &account("rita"), 1), 0);
    });
}
