//! Jobs of 2^20 units: nothing but what is in flight grows.

use codec::{Encode, MaxEncodedLen};
use frame_support::{assert_noop, assert_ok};
use sungrid_primitives::{
    job::{MAX_BATCH_UNITS, MAX_UNITS},
    traits::BatchControl,
};

use crate::{mock::*, *};

/// As many units as a job may have, one result for each batch of them.
fn array(batch_size: u32) -> JobSpecOf<Test> {
    let mut order = spec(MAX_UNITS);
    order.batch_size = batch_size;
    order.policy = Policy::Optimistic;
    order.deadline = System::block_number() + 1_000;
    order
}

#[test]
fn every_batch_of_the_largest_job_is_claimed_once_in_random_order() {
    run(|| {
        let id = submit_spec(array(MAX_BATCH_UNITS));
        assert_eq!(job(id).batches, 1_024);
        let most = JobRecordOf::<Test>::max_encoded_len();
        let mut order = Vec::new();
        while !job(id).has_ended() {
            let worker = 10 + u64::from(job(id).claims % 20);
            let batch = claim(worker, id);
            // Among the batches of one window, whatever the job's size.
            assert!(batch < order.len() as u32 + WINDOW, "{batch} came early");
            order.push(batch);
            assert_eq!(Batches::<Test>::iter().count(), 1);
            assert_eq!(Waiting::<Test>::iter().count(), 0);
            assert!(job(id).encoded_size() <= most);
            Market::conclude(id, batch, accepted(&[worker], &[], BATCH_CHARGE));
            System::reset_events();
        }
        let in_turn = order.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!(
            (300..800).contains(&in_turn),
            "{in_turn} of 1,023 claims took a later batch than the one before"
        );
        order.sort_unstable();
        assert_eq!(order, (0..1_024).collect::<Vec<_>>());
        assert_eq!(job(id).settled, 1_024);
        // The records go, a bounded number at a time, and nothing is left.
        run_to(System::block_number() + RETENTION);
        let mut calls = 0;
        while Market::clean_up(RuntimeOrigin::signed(POOR), id).is_ok() {
            calls += 1;
        }
        assert_eq!(calls, 103);
        assert_eq!(Forgotten::get().len(), 1_024);
        assert_eq!(held(HoldReason::Deposit, REQUESTER), 0);
    });
}

#[test]
fn a_batch_for_every_unit_costs_no_more_to_open_cancel_or_expire() {
    run(|| {
        // GIVEN two jobs of a million batches
        let (cancelled, expired) = (submit_spec(array(1)), {
            let mut order = array(1);
            order.price = FLOOR;
            submit_spec(order)
        });
        for id in [cancelled, expired] {
            assert_eq!(job(id).batches, MAX_UNITS);
            assert_eq!(job(id).next_batch, WINDOW);
            claim(10, id);
        }
        // WHEN one is cancelled and the other's deadline comes
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), cancelled));
        run_to(1_002);
        // THEN what was in flight is all that was touched
        assert_eq!(job(expired).state, JobState::Settling(Closing::Expired));
        for id in [cancelled, expired] {
            let batch = Batches::<Test>::iter_key_prefix(id).next().expect("one");
            Market::conclude(id, batch, accepted(&[10], &[], 1));
            assert!(job(id).has_ended());
            assert!(job(id).next_batch <= WINDOW + 1);
        }
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        // AND the batches that never were open leave nothing to clean up
        run_to(System::block_number() + RETENTION);
        for id in [cancelled, expired] {
            for _ in 0..4 {
                assert_ok!(Market::clean_up(RuntimeOrigin::signed(POOR), id));
            }
            assert!(Market::job(id).is_none());
        }
    });
}

#[test]
fn sums_over_a_million_batches_do_not_wrap() {
    run(|| {
        // One batch fits 128 bits, a million of them do not.
        let mut order = array(1);
        order.price = u128::MAX;
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), order),
            Error::<Test>::EscrowTooLarge
        );
        let id = submit_spec(array(1));
        assert_noop!(
            Market::raise(RuntimeOrigin::signed(REQUESTER), id, u128::MAX),
            Error::<Test>::EscrowTooLarge
        );
    });
}
