//! Admission, and capacity that changes while it is in use.

use frame_support::{assert_noop, assert_ok};
use sungrid_primitives::{suns::Resources, traits::Workers as _};

use crate::{Error, Event, mock::*};

fn times(n: u64) -> Resources {
    Resources {
        fuel_per_second: n * SUNS_1.fuel_per_second,
        memory: n * SUNS_1.memory,
        storage: n * SUNS_1.storage,
        bandwidth: n * SUNS_1.bandwidth,
        ..SUNS_1
    }
}

#[test]
fn a_busy_worker_is_filled_to_the_limit() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, SUNS / 2));
        // 80 % is the limit, and not a µSUNS more.
        assert!(can_commit(&w1, 3 * SUNS / 10));
        assert!(!can_commit(&w1, 3 * SUNS / 10 + 1));
        assert_eq!(Workers::commit(&w1, 3 * SUNS / 10 + 1), Err(()));
        assert_ok!(Workers::commit(&w1, 3 * SUNS / 10));
        assert!(!can_commit(&w1, 1));
        assert_eq!(record("w1").committed, 8 * SUNS / 10);
        assert_eq!(record("w1").in_flight, 2);
        for charge in [SUNS / 2, 3 * SUNS / 10] {
            Workers::release(&w1, charge);
            Workers::resolved(&w1);
        }
        assert_eq!((record("w1").committed, record("w1").in_flight), (0, 0));
    });
}

#[test]
fn an_idle_worker_takes_one_batch_up_to_all_it_has() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert!(!can_commit(&w1, SUNS + 1));
        assert_ok!(Workers::commit(&w1, SUNS));
        assert!(!can_commit(&w1, 1));
        Workers::release(&w1, SUNS);
        // Delivered is idle: a one-lane machine need not wait for its verdict.
        assert!(can_commit(&w1, SUNS));
    });
}

#[test]
fn the_limit_of_an_odd_capacity_rounds_down() {
    scenario(|| {
        let mut odd = Registration::new("olga", "w1");
        odd.resources.bandwidth -= 20;
        odd.send().expect("a sound registration");
        let w1 = account("w1");
        assert_eq!(record("w1").capacity, SUNS - 1);
        assert_ok!(Workers::commit(&w1, 1));
        // 80 % of 999,999 are 799,999.2.
        assert!(can_commit(&w1, 799_998));
        assert!(!can_commit(&w1, 799_999));
    });
}

#[test]
fn the_first_batch_alone_may_pass_the_limit() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, 8 * SUNS / 10 + 1));
        // Beyond the limit there is nothing free, and nothing underflows.
        assert_eq!(Workers::view(&w1).map(|view| view.free), Some(0));
        assert_eq!(Workers::commit(&w1, 1), Err(()));
    });
}

#[test]
fn declared_committed_and_delivered_are_kept_apart() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        let figures = || {
            let record = record("w1");
            (record.capacity, record.committed, record.delivered)
        };
        assert_eq!(figures(), (SUNS, 0, 0));
        assert_ok!(Workers::commit(&w1, SUNS / 2));
        assert_eq!(figures(), (SUNS, SUNS / 2, 0));
        Workers::release(&w1, SUNS / 2);
        assert_eq!(figures(), (SUNS, 0, 0), "work counts once it is accepted");
        Workers::note_accepted(&w1, 2, 700);
        Workers::resolved(&w1);
        assert_eq!(figures(), (SUNS, 0, 700));
        // To declare more delivers nothing.
        assert_ok!(Workers::set_capacity(signed("olga"), w1, LANE));
        assert_eq!(figures(), (SUNS / 8, 0, 700));
    });
}

#[test]
fn charges_beyond_reason_are_refused() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, 1));
        assert!(!can_commit(&w1, u64::MAX));
        assert_eq!(Workers::commit(&w1, u64::MAX), Err(()));
        assert!(!can_commit(&account("w9"), 1));
        assert_eq!(Workers::commit(&account("w9"), 1), Err(()));
    });
}

#[test]
fn capacity_does_not_shrink_below_what_is_in_use() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_ok!(Workers::commit(&w1, SUNS / 4));
        assert_noop!(
            Workers::set_capacity(signed("olga"), w1.clone(), LANE),
            Error::<Test>::CapacityInUse
        );
        Workers::release(&w1, SUNS / 4);
        Workers::resolved(&w1);
        assert_ok!(Workers::set_capacity(signed("olga"), w1.clone(), LANE));
        System::assert_last_event(
            Event::CapacitySet {
                worker: w1,
                capacity: SUNS / 8,
            }
            .into(),
        );
    });
}

#[test]
fn more_capacity_needs_more_bond() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        assert_noop!(
            Workers::set_capacity(signed("olga"), w1.clone(), times(3)),
            Error::<Test>::BondTooLow
        );
        assert_ok!(Workers::bond_more(
            signed("olga"),
            w1.clone(),
            2 * BOND_PER_SUNS
        ));
        assert_ok!(Workers::set_capacity(signed("olga"), w1.clone(), times(3)));
        assert!(can_commit(&w1, 3 * SUNS));
        assert_noop!(
            Workers::set_capacity(signed("olga"), w1.clone(), Resources::default()),
            Error::<Test>::NoCapacity
        );
        let all = Resources {
            fuel_per_second: u64::MAX,
            memory: u64::MAX,
            storage: u64::MAX,
            bandwidth: u64::MAX,
            ..SUNS_1
        };
        assert_noop!(
            Workers::set_capacity(signed("olga"), w1, all),
            Error::<Test>::BondTooLow
        );
    });
}

#[test]
fn the_market_s_notes_add_up() {
    scenario(|| {
        register("olga", "w1");
        let w1 = account("w1");
        Workers::note_missed(&w1);
        Workers::note_accepted(&w1, 3, 5);
        Workers::note_accepted(&w1, u32::MAX, u128::MAX);
        let record = record("w1");
        assert_eq!(record.missed, 1);
        assert_eq!(record.accepted_units, 3 + u64::from(u32::MAX));
        assert_eq!(record.delivered, u128::MAX);
        let view = Workers::view(&w1).expect("active");
        assert_eq!(view.operator, account("olga"));
        assert_eq!(view.declared, record.capacity);
        assert_eq!(Workers::views(10), [(w1, view)]);
        assert!(Workers::views(0).is_empty());
        // Notes on nobody leave no trace.
        Workers::note_missed(&account("w9"));
        assert_eq!(Workers::worker(account("w9")), None);
    });
}

#[test]
#[should_panic(expected = "more capacity was released")]
fn releasing_too_much_is_a_bug() {
    new_test_ext().execute_with(|| {
        register("olga", "w1");
        Workers::release(&account("w1"), 1);
    });
}

#[test]
#[should_panic(expected = "more batches were resolved")]
fn resolving_too_much_is_a_bug() {
    new_test_ext().execute_with(|| {
        register("olga", "w1");
        Workers::resolved(&account("w1"));
    });
}
