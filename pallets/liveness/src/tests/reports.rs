//! Absence: who may be reported, what it costs, who tries to gain by it.

use frame_support::{assert_noop, assert_ok};
use pallet_workers::WorkerState;
use sp_runtime::DispatchError;

use crate::{Error, Event, mock::*};

#[test]
fn an_absent_worker_is_reported_for_a_bounty_and_paused() {
    scenario(|| {
        register("w1");
        run_to(ROUND + WINDOW);
        assert_noop!(report("rita", "w1", ROUND), Error::<Test>::ReportTooEarly);
        assert!(Liveness::absentees(ROUND).is_empty());
        run_to(ROUND + WINDOW + 1);
        assert_eq!(Liveness::absentees(ROUND), [account("w1")]);
        let treasury = Balances::free_balance(TREASURY);
        assert_ok!(report("rita", "w1", ROUND));
        System::assert_last_event(
            Event::AbsenceReported {
                worker: account("w1"),
                block: ROUND,
                reporter: account("rita"),
                bounty: PENALTY / 2,
            }
            .into(),
        );
        System::assert_has_event(
            pallet_workers::Event::WorkerAbsent {
                worker: account("w1"),
                operator: account("olga"),
                penalty: PENALTY,
                bond: WORKER_BOND - PENALTY,
            }
            .into(),
        );
        // Half of 101, rounded down, to the reporter; the rest to the treasury.
        assert_eq!(free("rita"), FUNDS + 50);
        assert_eq!(Balances::free_balance(TREASURY), treasury + 51);
        let record = record("w1");
        assert_eq!((record.state, record.missed), (WorkerState::Paused, 1));
        assert_eq!(record.bond, WORKER_BOND - PENALTY);
    });
}

#[test]
fn a_dead_machine_is_not_drained() {
    scenario(|| {
        register("w1");
        run_to(2 * ROUND);
        assert_ok!(report("rita", "w1", ROUND + 1));
        // Neither this draw again nor a later one.
        for block in ROUND + 2..2 * ROUND {
            run_to(block + WINDOW + 1);
            assert_noop!(report("rita", "w1", block), Error::<Test>::NotAbsent);
        }
        // When it is back it resumes by itself, for nothing; its bond lacks the penalty.
        assert_ok!(Workers::resume(signed("w1"), account("w1")));
        assert_ok!(Workers::bond_more(signed("olga"), account("w1"), PENALTY));
        assert!(Workers::in_service(&account("w1")).is_some());
    });
}

#[test]
fn who_answered_in_the_round_cannot_be_reported() {
    scenario(|| {
        register("w1");
        run_to(ROUND + 2);
        assert_ok!(answer("w1", ROUND + 2));
        run_to(2 * ROUND - 1);
        for block in ROUND..ROUND + WINDOW {
            assert_noop!(report("rita", "w1", block), Error::<Test>::NotAbsent);
        }
        // The next round asks anew.
        run_to(2 * ROUND + WINDOW + 1);
        assert_ok!(report("rita", "w1", 2 * ROUND));
    });
}

#[test]
fn an_innocent_worker_cannot_be_reported() {
    scenario(|| {
        // Nobody is drawn before the round after it joined, for a block yet to come, or longer ago than a round.
        run_to(ROUND + 1);
        register("w1");
        run_to(2 * ROUND - 1);
        assert_noop!(report("rita", "w1", ROUND + 2), Error::<Test>::NotAbsent);
        assert_noop!(
            report("rita", "nobody", ROUND + 2),
            Error::<Test>::NotAbsent
        );
        assert_noop!(
            report("rita", "w1", 9 * ROUND),
            Error::<Test>::ReportTooEarly
        );
        run_to(4 * ROUND);
        assert_noop!(report("rita", "w1", 3 * ROUND), Error::<Test>::NotAbsent);
        assert_ok!(report("rita", "w1", 3 * ROUND + 1));
    });
}

#[test]
fn who_can_pause_is_there() {
    scenario(|| {
        register("w1");
        run_to(ROUND + 1);
        assert_ok!(Workers::pause(signed("w1"), account("w1")));
        run_to(ROUND + WINDOW + 1);
        assert_noop!(report("rita", "w1", ROUND), Error::<Test>::NotAbsent);
        assert_ok!(Workers::resume(signed("w1"), account("w1")));
        assert_noop!(report("rita", "w1", ROUND), Error::<Test>::NotAbsent);
    });
}

#[test]
fn reporting_oneself_is_no_way_out_of_a_bond() {
    scenario(|| {
        // GIVEN an operator that wants its bond out before a verdict, and reports its own worker whenever it can
        register("w1");
        let before = free("olga") + WORKER_BOND;
        for round in 1..=5 {
            run_to(round * ROUND + WINDOW + 1);
            if report("olga", "w1", round * ROUND).is_ok() {
                assert_ok!(Workers::resume(signed("olga"), account("w1")));
            }
        }
        // THEN it has lost more than it got out: one report, after which the bond is too small to be drawn
        assert_eq!(record("w1").missed, 1);
        assert_eq!(
            free("olga") + record("w1").bond,
            before - PENALTY.div_ceil(2)
        );
    });
}

#[test]
fn reports_are_signed() {
    scenario(|| {
        register("w1");
        run_to(ROUND + WINDOW + 1);
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            assert_noop!(
                Liveness::report(origin, account("w1"), ROUND),
                DispatchError::BadOrigin
            );
        }
    });
}
