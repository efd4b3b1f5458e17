//! Who is paid, who is slashed, what is released.

use frame_support::traits::{LockableCurrency, WithdrawReasons, fungible::Inspect};
use sungrid_primitives::traits::{BatchControl, Verdict};

use crate::{mock::*, *};

#[test]
fn winners_are_paid_out_of_the_escrow_and_the_rest_is_released() {
    run(|| {
        let before = Balances::total_balance(&REQUESTER);
        let id = submit(3);
        // GIVEN both batches with two replicas each
        for worker in 10..14 {
            claim(worker, id);
        }
        let first: Vec<u64> = Market::batch(id, 0)
            .expect("in flight")
            .assignments
            .iter()
            .map(|a| a.worker)
            .collect();
        // WHEN the first is accepted for 40 % of its worst case
        System::reset_events();
        Market::conclude(id, 0, accepted(&first, &[], BATCH_CHARGE * 4 / 10));
        // THEN each winner is paid
        assert_eq!(Balances::balance(&POT), ED + 800);
        assert_eq!(
            market_events(),
            vec![Event::BatchSettled {
                job: id,
                batch: 0,
                root: sp_core::H256::repeat_byte(7),
                fuel: 5,
                charge: BATCH_CHARGE * 4 / 10,
                paid: 800,
            }]
        );
        let payment = Payments::get().remove(0);
        assert_eq!(payment.worker, first[0]);
        assert_eq!(payment.operator, OPERATORS + first[0]);
        assert_eq!((payment.amount, payment.units), (400, 2));
        assert_eq!(payment.developer, Some(DEVELOPER));
        assert_eq!(Usage::get().get(&IMAGE), Some(&(BATCH_CHARGE * 8 / 10)));
        assert_eq!(worker(first[0]).accepted_units, 2);
        assert_eq!(worker(first[0]).delivered, BATCH_CHARGE * 4 / 10);
        // All that was paid for moves the spot price, once.
        assert_eq!(Settled::get(), vec![(PRICE, BATCH_CHARGE * 8 / 10)]);
        assert_eq!((job(id).paid, job(id).settled, job(id).fuel), (800, 1, 5));
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 4_000 - 800);
        // WHEN the second and last, of one unit, is accepted at its own worst case
        let second: Vec<u64> = (10..14).filter(|w| !first.contains(w)).collect();
        Market::conclude(id, 1, accepted(&second, &[], BATCH_CHARGE / 2));
        // THEN the job is complete and everything else is back
        assert_eq!(Payments::get().last().map(|p| p.units), Some(1));
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        assert_eq!(Balances::total_balance(&REQUESTER), before - 800 - 1_000);
        let at = System::block_number();
        assert_eq!(
            job(id).state,
            JobState::Ended {
                outcome: Outcome::Completed,
                at
            }
        );
        assert_eq!(
            market_events().last(),
            Some(&Event::JobEnded {
                job: id,
                outcome: Outcome::Completed,
                settled: 2,
                failed: 0,
                paid: 1_800,
                released: 2_200,
            })
        );
        assert_eq!(Agenda::<Test>::iter().count(), 0);
    });
}

#[test]
fn losers_are_slashed_before_their_bond_is_free() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        assert!(Market::want_replica(id, 0));
        claim(12, id);
        // The mock asserts that slashing comes before `resolved`.
        Market::conclude(id, 0, accepted(&[10, 12], &[11], 100));
        assert_eq!(worker(11).slashed, 1);
        assert_eq!(worker(10).slashed + worker(12).slashed, 0);
        assert_eq!(Faulted::get(), vec![(11, OPERATORS + 11)]);
        assert_eq!(worker(11).accepted_units, 0);
        assert!(market_events().contains(&Event::Slashed {
            job: id,
            batch: 0,
            worker: 11,
            operator: OPERATORS + 11,
            total: 100,
            to_honest: 50,
        }));
    });
}

#[test]
fn a_failed_batch_costs_nothing() {
    run(|| {
        let before = Balances::total_balance(&REQUESTER);
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        Market::conclude(id, 0, Verdict::Failed);
        assert_eq!(Payments::get(), vec![]);
        assert_eq!(Settled::get(), vec![]);
        assert_eq!((worker(10).slashed, worker(11).slashed), (0, 0));
        assert_eq!(Balances::total_balance(&REQUESTER), before);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        assert!(matches!(
            job(id).state,
            JobState::Ended {
                outcome: Outcome::Completed,
                ..
            }
        ));
        assert_eq!(job(id).failed, 1);
    });
}

#[test]
fn a_charge_of_nothing_settles_too() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        Market::conclude(id, 0, accepted(&[10, 11], &[], 0));
        assert_eq!(job(id).paid, 0);
        assert_eq!(job(id).settled, 1);
    });
}

#[test]
fn a_requester_cannot_freeze_what_it_owes() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        // GIVEN a vote or vesting that freezes everything the requester has
        Balances::set_lock(*b"election", &REQUESTER, u128::MAX, WithdrawReasons::all());
        // THEN the workers are paid all the same
        Market::conclude(id, 0, accepted(&[10, 11], &[], BATCH_CHARGE));
        assert_eq!(Balances::balance(&POT), ED + 2 * BATCH_COST);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
    });
}

#[test]
fn three_winners_of_a_job_that_orders_three() {
    run(|| {
        let mut order = spec(2);
        order.policy = Policy::Replicate(3);
        let id = submit_spec(order);
        assert_eq!(job(id).escrow, 3 * BATCH_COST);
        for worker in 10..13 {
            claim(worker, id);
        }
        Market::conclude(id, 0, accepted(&[10, 11, 12], &[], BATCH_CHARGE));
        assert_eq!(job(id).paid, 3 * BATCH_COST);
    });
}

#[test]
fn terms_bound_a_batch_by_its_units() {
    run(|| {
        let id = submit(3);
        assert_eq!(Market::terms(id, 0), None, "not in flight");
        for worker in 10..14 {
            claim(worker, id);
        }
        let full = Market::terms(id, 0).expect("in flight");
        assert_eq!(
            (full.policy, full.environment),
            (Policy::Replicate(2), ENVIRONMENT)
        );
        assert_eq!(
            (full.max_fuel, full.max_charge),
            (2_000_000_000, BATCH_CHARGE)
        );
        let last = Market::terms(id, 1).expect("in flight");
        assert_eq!(
            (last.max_charge, last.max_pay),
            (BATCH_CHARGE / 2, BATCH_COST / 2)
        );
        assert_eq!(Market::terms(id, 2), None);
        assert_eq!(Market::terms(id + 1, 0), None);
    });
}

#[test]
fn a_miss_frees_capacity_once_and_keeps_the_bond_answerable() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        Market::missed(id, 0, &10, 7, 3);
        assert_eq!(worker(10).committed, 0);
        let rate = Market::job(id).expect("open").rate;
        assert_eq!(worker(10).rest, (rate, 7, Some(3)));
        assert_eq!((worker(10).missed, worker(10).unresolved), (1, 1));
        // A reveal withheld after a delivery: the capacity was free already.
        claim(11, id);
        Market::delivered(id, 0, &11);
        assert_eq!(worker(11).committed, 0);
        Market::missed(id, 0, &11, 7, 3);
        assert_eq!((worker(11).missed, worker(11).unresolved), (1, 1));
    });
}

#[test]
fn replicas_are_bounded() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        claim(11, id);
        for round in 0..u64::from(MAX_ASSIGNMENTS) - 2 {
            assert!(Market::want_replica(id, 0), "{round}");
            claim(12 + round, id);
        }
        assert_eq!(
            Market::batch(id, 0).expect("in flight").assignments.len(),
            MAX_ASSIGNMENTS as usize
        );
        assert!(!Market::want_replica(id, 0));
        Market::conclude(id, 0, Verdict::Failed);
    });
}

#[test]
fn wanted_counts_towards_the_bound() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        // One assigned, one wanted from the start: ten more make twelve.
        for _ in 0..10 {
            assert!(Market::want_replica(id, 0));
        }
        assert!(!Market::want_replica(id, 0));
        assert_eq!(Market::batch(id, 0).expect("in flight").wanted, 11);
        assert_eq!(job(id).window.to_vec(), vec![0], "once in the window");
        Market::conclude(id, 0, Verdict::Failed);
        assert!(job(id).window.is_empty());
    });
}

#[test]
fn replicas_wanted_while_the_window_is_full_wait_and_go_first() {
    run(|| {
        // GIVEN a batch that is fully assigned, and a full window
        let id = submit(2 * (WINDOW + 10));
        let mut started = Vec::new();
        let mut worker = 10;
        while job(id).window.len() == WINDOW as usize && started.len() < 3 {
            let batch = claim(worker, id);
            let record = Market::batch(id, batch).expect("in flight");
            if record.wanted == 0 {
                started.push(batch);
            }
            worker = if worker == 29 { 10 } else { worker + 1 };
        }
        assert_eq!(job(id).window.len(), WINDOW as usize);
        // WHEN they want replicas
        for batch in &started {
            assert!(Market::want_replica(id, *batch));
            assert!(Waiting::<Test>::contains_key(id, batch));
        }
        assert_eq!(job(id).waiting, 3);
        check_state();
        // THEN a place that becomes free goes to one of them, not to the cursor
        let cursor = job(id).next_batch;
        let leaving = job(id)
            .window
            .iter()
            .copied()
            .find(|b| Market::batch(id, *b).is_some())
            .expect("some batch in the window has one replica");
        Market::conclude(id, leaving, Verdict::Failed);
        assert_eq!((job(id).waiting, job(id).next_batch), (2, cursor));
        assert!(started.iter().any(|b| job(id).window.contains(b)));
        // AND a waiting batch can end as well
        let waiting = Waiting::<Test>::iter_key_prefix(id).next().expect("two");
        Market::conclude(id, waiting, Verdict::Failed);
        assert_eq!(job(id).waiting, 1);
    });
}
