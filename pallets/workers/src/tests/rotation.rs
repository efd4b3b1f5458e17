//! A stolen machine: suspension and another key.

use frame_support::{assert_noop, assert_ok};
use sungrid_primitives::traits::Workers as _;

use crate::{Error, Event, WorkerRecordOf, WorkerState, mock::*};

fn rotate(who: &str, worker: &str, key: &str) -> frame_support::dispatch::DispatchResult {
    Workers::rotate_key(signed(who), account(worker), account(key), proof(key, who))
}

#[test]
fn a_worker_goes_on_with_another_key() {
    scenario(|| {
        register("olga", "w1");
        Workers::note_accepted(&account("w1"), 7, 70);
        Workers::slash(&account("w1"), &[]);
        // It served outputs under its old key: that answers for them.
        assert_noop!(rotate("olga", "w1", "w2"), Error::<Test>::Liable);
        System::set_block_number(System::block_number() + LIABILITY);
        let before = record("w1");
        assert_ok!(rotate("olga", "w1", "w2"));
        System::assert_last_event(
            Event::KeyRotated {
                worker: account("w1"),
                key: account("w2"),
            }
            .into(),
        );
        // Bond and record are the worker's, not the key's: a rotation launders no fault.
        assert_eq!(
            record("w2"),
            WorkerRecordOf::<Test> {
                keyed_at: System::block_number(),
                ..before
            }
        );
        assert_eq!(Workers::worker(account("w1")), None);
        assert_eq!(System::sufficients(&account("w1")), 0);
        assert_eq!(System::sufficients(&account("w2")), 1);
    });
}

#[test]
fn a_worker_is_as_old_as_its_key() {
    scenario(|| {
        System::set_block_number(3);
        register("olga", "w1");
        System::set_block_number(7);
        let age = |key| Workers::view(&account(key)).expect("registered").keyed_for;
        assert_eq!(age("w1"), 4);
        // A key that somebody looked for is no older for the bond it comes with.
        assert_ok!(rotate("olga", "w1", "w2"));
        assert_eq!(age("w2"), 0);
    });
}

#[test]
fn a_thief_cannot_keep_the_machine_at_work() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        // GIVEN a thief that works with the key, and an operator that pauses the worker
        assert_ok!(Workers::commit(&w1, SUNS / 4));
        assert_ok!(Workers::pause(signed("olga"), w1.clone()));
        System::assert_last_event(
            Event::WorkerPaused {
                worker: w1.clone(),
                suspended: true,
            }
            .into(),
        );
        assert_eq!(record("w1").state, WorkerState::Suspended);
        // THEN the thief can neither resume nor take more work
        assert_noop!(
            Workers::resume(signed("w1"), w1.clone()),
            Error::<Test>::Suspended
        );
        assert_noop!(
            Workers::pause(signed("w1"), w1.clone()),
            Error::<Test>::AlreadyPaused
        );
        assert_eq!(Workers::commit(&w1, 1), Err(()));
        // AND the key goes when what it had in flight is decided.
        assert_noop!(rotate("olga", "w1", "w2"), Error::<Test>::WorkInFlight);
        Workers::release(&w1, SUNS / 4);
        assert_noop!(rotate("olga", "w1", "w2"), Error::<Test>::WorkInFlight);
        Workers::resolved(&w1);
        assert_ok!(rotate("olga", "w1", "w2"));
        assert_noop!(
            Workers::update(signed("w1"), account("w2"), endpoint(), attributes()),
            Error::<Test>::NeitherOperatorNorWorker
        );
        assert_ok!(Workers::resume(signed("olga"), account("w2")));
        assert!(can_commit(&account("w2"), 1));
    });
}

#[test]
fn a_thief_that_pauses_first_is_suspended_all_the_same() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::pause(signed("w1"), w1.clone()));
        assert_ok!(Workers::pause(signed("olga"), w1.clone()));
        assert_noop!(
            Workers::resume(signed("w1"), w1.clone()),
            Error::<Test>::Suspended
        );
        assert_noop!(
            Workers::pause(signed("olga"), w1),
            Error::<Test>::AlreadyPaused
        );
    });
}

#[test]
fn only_the_operator_rotates_and_only_to_a_key_that_agrees() {
    scenario(|| {
        register("olga", "w1");
        register("oskar", "w2");
        assert_noop!(rotate("oskar", "w1", "w3"), Error::<Test>::NotOperator);
        assert_noop!(rotate("w1", "w1", "w3"), Error::<Test>::NotOperator);
        assert_noop!(rotate("olga", "w9", "w3"), Error::<Test>::UnknownWorker);
        // Neither its own key again nor another worker's.
        for key in ["w1", "w2"] {
            assert_noop!(rotate("olga", "w1", key), Error::<Test>::AlreadyRegistered);
        }
        // Another's key, with a consent to another operator or of another key.
        for proof in [proof("w3", "oskar"), proof("w4", "olga")] {
            assert_noop!(
                Workers::rotate_key(signed("olga"), account("w1"), account("w3"), proof),
                Error::<Test>::BadProof
            );
        }
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        assert_noop!(rotate("olga", "w1", "w3"), Error::<Test>::Leaving);
    });
}

#[test]
fn a_new_key_makes_no_new_allowance() {
    scenario(|| {
        register("olga", "w1");
        crate::Workers::<Test>::mutate_extant(account("w1"), |record| {
            record.allowance.debt = BOND_PER_SUNS * u128::from(FEELESS_WINDOW);
            record.allowance.at = 1;
        });
        assert_eq!(Workers::feeless_calls_left(account("w1")), 0);
        assert_ok!(rotate("olga", "w1", "w2"));
        assert_eq!(Workers::feeless_calls_left(account("w2")), 0);
    });
}
