//! Update, pause, leave, withdraw.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};
use sungrid_primitives::{
    attributes::Attributes, environment::EnvironmentId, traits::Workers as _,
};

use crate::{Error, Event, WorkerState, mock::*};

fn leave_and_cool(operator: &str, worker: &str) {
    assert_ok!(Workers::leave(signed(operator), account(worker)));
    at(System::block_number() + COOLDOWN);
}

#[test]
fn operator_and_worker_update() {
    scenario(|| {
        register("olga", "w1");
        let moved = Attributes {
            jurisdiction: *b"AT",
            ..attributes()
        };
        for who in ["olga", "w1"] {
            assert_ok!(Workers::update(
                signed(who),
                account("w1"),
                endpoint(),
                moved.clone()
            ));
            System::assert_last_event(
                Event::WorkerUpdated {
                    worker: account("w1"),
                }
                .into(),
            );
        }
        assert_eq!(record("w1").attributes, moved);
        assert_eq!(
            Workers::view(&account("w1")).map(|view| view.attributes.jurisdiction),
            Some(*b"AT")
        );
        let bogus = Attributes {
            jurisdiction: *b"ZZ",
            ..attributes()
        };
        assert_noop!(
            Workers::update(signed("olga"), account("w1"), endpoint(), bogus),
            Error::<Test>::UnknownJurisdiction
        );
    });
}

#[test]
fn a_paused_worker_takes_no_work() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_noop!(
            Workers::resume(signed("w1"), w1.clone()),
            Error::<Test>::NotPaused
        );
        assert_ok!(Workers::pause(signed("w1"), w1.clone()));
        System::assert_last_event(
            Event::WorkerPaused {
                worker: w1.clone(),
                suspended: false,
            }
            .into(),
        );
        assert!(!can_commit(&w1, 1));
        assert_eq!(Workers::commit(&w1, 1), Err(()));
        assert_noop!(
            Workers::pause(signed("w1"), w1.clone()),
            Error::<Test>::AlreadyPaused
        );
        assert_ok!(Workers::resume(signed("olga"), w1.clone()));
        System::assert_last_event(Event::WorkerResumed { worker: w1.clone() }.into());
        assert!(can_commit(&w1, 1));
    });
}

#[test]
fn strangers_and_the_hot_key_do_not_touch_the_bond() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        for who in ["oskar", "w1"] {
            let refused = DispatchError::from(Error::<Test>::NotOperator);
            assert_noop!(
                Workers::set_capacity(signed(who), w1.clone(), SUNS_1),
                refused
            );
            assert_noop!(Workers::bond_more(signed(who), w1.clone(), 1), refused);
            assert_noop!(Workers::leave(signed(who), w1.clone()), refused);
            assert_noop!(Workers::withdraw(signed(who), w1.clone()), refused);
            assert_noop!(
                Workers::set_environment(signed(who), w1.clone(), NEXT_ENVIRONMENT),
                refused
            );
        }
        let refused = DispatchError::from(Error::<Test>::NeitherOperatorNorWorker);
        assert_noop!(
            Workers::update(signed("oskar"), w1.clone(), endpoint(), attributes()),
            refused
        );
        assert_noop!(Workers::pause(signed("oskar"), w1.clone()), refused);
        assert_noop!(Workers::resume(signed("oskar"), w1), refused);
    });
}

#[test]
fn an_unknown_worker_is_named_so() {
    scenario(|| {
        let (origin, nobody) = (signed("olga"), account("w9"));
        let unknown = DispatchError::from(Error::<Test>::UnknownWorker);
        assert_noop!(
            Workers::update(origin.clone(), nobody.clone(), endpoint(), attributes()),
            unknown
        );
        assert_noop!(
            Workers::set_capacity(origin.clone(), nobody.clone(), SUNS_1),
            unknown
        );
        assert_noop!(
            Workers::bond_more(origin.clone(), nobody.clone(), 1),
            unknown
        );
        assert_noop!(Workers::pause(origin.clone(), nobody.clone()), unknown);
        assert_noop!(Workers::resume(origin.clone(), nobody.clone()), unknown);
        assert_noop!(Workers::leave(origin.clone(), nobody.clone()), unknown);
        assert_noop!(Workers::withdraw(origin.clone(), nobody.clone()), unknown);
        assert_noop!(
            Workers::set_environment(origin, nobody.clone(), NEXT_ENVIRONMENT),
            unknown
        );
        assert_eq!(Workers::worker(nobody), None);
    });
}

#[test]
fn a_worker_leaves_with_its_bond() {
    scenario(|| {
        register("olga", "w1");
        register("olga", "w2");
        let w1 = account("w1");
        assert_noop!(
            Workers::withdraw(signed("olga"), w1.clone()),
            Error::<Test>::NotLeaving
        );

        assert_ok!(Workers::leave(signed("olga"), w1.clone()));
        System::assert_last_event(
            Event::WorkerLeaving {
                worker: w1.clone(),
                until: 1 + COOLDOWN,
            }
            .into(),
        );
        assert!(!can_commit(&w1, 1));
        at(COOLDOWN);
        assert_noop!(
            Workers::withdraw(signed("olga"), w1.clone()),
            Error::<Test>::CoolingDown
        );

        at(COOLDOWN + 1);
        assert_ok!(Workers::withdraw(signed("olga"), w1.clone()));
        System::assert_last_event(
            Event::WorkerWithdrawn {
                worker: w1.clone(),
                operator: account("olga"),
                bond: BOND_PER_SUNS,
            }
            .into(),
        );
        assert_eq!(held("olga"), BOND_PER_SUNS);
        assert_eq!(Workers::worker(w1.clone()), None);
        // The key's account is as it was: nothing keeps it alive.
        assert_eq!(System::sufficients(&w1), 0);
        assert!(!frame_system::Account::<Test>::contains_key(&w1));
    });
}

#[test]
fn who_is_leaving_cannot_do_anything_but_go() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::leave(signed("olga"), w1.clone()));
        let leaving = DispatchError::from(Error::<Test>::Leaving);
        assert_noop!(Workers::leave(signed("olga"), w1.clone()), leaving);
        assert_noop!(Workers::pause(signed("olga"), w1.clone()), leaving);
        assert_noop!(Workers::resume(signed("olga"), w1.clone()), leaving);
        assert_noop!(Workers::bond_more(signed("olga"), w1.clone(), 1), leaving);
        assert_noop!(
            Workers::set_capacity(signed("olga"), w1.clone(), SUNS_1),
            leaving
        );
        assert_noop!(
            Workers::set_environment(signed("olga"), w1.clone(), NEXT_ENVIRONMENT),
            leaving
        );
        // But it may move: requesters still fetch its results.
        assert_ok!(Workers::update(signed("w1"), w1, endpoint(), attributes()));
    });
}

#[test]
fn leaving_does_not_dodge_the_verdict() {
    scenario(|| {
        // GIVEN a worker that has delivered, so that its capacity is free, but whose verdict is out
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, SUNS / 4));
        Workers::release(&w1, SUNS / 4);
        // WHEN it leaves and waits
        leave_and_cool("olga", "w1");
        // THEN the bond stays, for however long, and the slash finds it
        assert_noop!(
            Workers::withdraw(signed("olga"), w1.clone()),
            Error::<Test>::WorkInFlight
        );
        at(1_000_000);
        assert_noop!(
            Workers::withdraw(signed("olga"), w1.clone()),
            Error::<Test>::WorkInFlight
        );
        let slashed = Workers::slash(&w1, &[account("oskar")]);
        assert_eq!(slashed.total, BOND_PER_SUNS / 10);
        Workers::resolved(&w1);
        // And whoever is slashed does not take the bond to another worker while it rests.
        assert_noop!(
            Workers::withdraw(signed("olga"), w1.clone()),
            Error::<Test>::Resting
        );
        at(1_000_000 + MAX_MISS_REST);
        assert_ok!(Workers::withdraw(signed("olga"), w1));
        assert_eq!(
            Balances::free_balance(account("olga")),
            FUNDS - slashed.total
        );
    });
}

#[test]
fn work_in_progress_keeps_the_bond_as_well() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, 1));
        leave_and_cool("olga", "w1");
        assert_noop!(
            Workers::withdraw(signed("olga"), w1.clone()),
            Error::<Test>::WorkInFlight
        );
        Workers::release(&w1, 1);
        Workers::resolved(&w1);
        assert_ok!(Workers::withdraw(signed("olga"), w1));
    });
}

#[test]
fn a_key_comes_back_only_with_consent_to_its_new_operator() {
    scenario(|| {
        register("olga", "w1");
        leave_and_cool("olga", "w1");
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));

        let replay = Registration {
            proof: proof("w1", "olga"),
            ..Registration::new("oskar", "w1")
        };
        assert_noop!(replay.send(), Error::<Test>::BadProof);
        register("oskar", "w1");
        let fresh = record("w1");
        assert_eq!(fresh.operator, account("oskar"));
        assert_eq!(
            (fresh.faults, fresh.missed, fresh.accepted_units),
            (0, 0, 0)
        );
        assert_eq!((held("olga"), held("oskar")), (0, BOND_PER_SUNS));
    });
}

#[test]
fn the_bond_grows() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_noop!(
            Workers::bond_more(signed("olga"), w1.clone(), 0),
            Error::<Test>::NothingToBond
        );
        assert_noop!(
            Workers::bond_more(signed("olga"), w1.clone(), FUNDS),
            TokenError::FundsUnavailable
        );
        assert_noop!(
            Workers::bond_more(signed("olga"), w1.clone(), u128::MAX),
            TokenError::FundsUnavailable
        );
        assert_ok!(Workers::bond_more(signed("olga"), w1.clone(), 5));
        System::assert_last_event(
            Event::BondIncreased {
                worker: w1,
                bond: BOND_PER_SUNS + 5,
            }
            .into(),
        );
        assert_eq!(held("olga"), BOND_PER_SUNS + 5);
    });
}

#[test]
fn software_is_upgraded_between_batches() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, 1));
        Workers::release(&w1, 1);
        assert_noop!(
            Workers::set_environment(signed("olga"), w1.clone(), NEXT_ENVIRONMENT),
            Error::<Test>::WorkInFlight
        );
        Workers::resolved(&w1);
        assert_noop!(
            Workers::set_environment(signed("olga"), w1.clone(), EnvironmentId::zero()),
            Error::<Test>::UnknownEnvironment
        );
        assert_ok!(Workers::set_environment(
            signed("olga"),
            w1.clone(),
            NEXT_ENVIRONMENT
        ));
        System::assert_last_event(
            Event::EnvironmentSet {
                worker: w1.clone(),
                environment: NEXT_ENVIRONMENT,
            }
            .into(),
        );
        assert_eq!(
            Workers::view(&w1).map(|view| view.environment),
            Some(NEXT_ENVIRONMENT)
        );
        assert_eq!(record("w1").state, WorkerState::Active);
    });
}
