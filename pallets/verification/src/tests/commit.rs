//! Sealing: who, once, in time.

use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};
use sp_core::H256;
use sungrid_primitives::receipt::{self, BatchSummary};

use crate::{mock::*, *};

fn feeless(n: u8, job: u32, batch: u32) -> bool {
    let call = RuntimeCall::Verification(Call::commit {
        job,
        batch,
        units: 2,
        digest: H256::zero(),
        commitment: H256::zero(),
    });
    call.is_feeless(&signed(worker(n)))
}

fn refuses(n: u8, job: u32, batch: u32, error: Error<Test>) {
    assert_noop!(
        Verification::commit(
            signed(worker(n)),
            job,
            batch,
            2,
            H256::zero(),
            H256::repeat_byte(1)
        ),
        error
    );
    assert!(!feeless(n, job, batch), "no free space for calls that fail");
}

#[test]
fn only_an_assigned_worker_and_only_once() {
    run(|| {
        let job = one_batch(2, 2);
        refuses(1, job + 1, 0, Error::NotInFlight);
        refuses(1, job, 1, Error::NotInFlight);
        refuses(3, job, 0, Error::NotAssigned);
        assert!(feeless(1, job, 0));
        commit(1, job, 0, &truth(0));
        // Neither again nor anew.
        refuses(1, job, 0, Error::AlreadyCommitted);
        commit(2, job, 0, &truth(0));
        refuses(2, job, 0, Error::AlreadyCommitted);
        reveal(2, job, 0, &truth(0));
        refuses(2, job, 0, Error::AlreadyCommitted);
        reveal(1, job, 0, &truth(0));
        refuses(1, job, 0, Error::NotInFlight);
    });
}

#[test]
fn the_last_block_counts_the_next_does_not() {
    run(|| {
        let job = one_batch(2, 2);
        run_to(1 + COMMIT_BLOCKS);
        commit(1, job, 0, &truth(0));
        // The agenda may lag: the block number decides.
        System::set_block_number(2 + COMMIT_BLOCKS);
        refuses(2, job, 0, Error::CommitTooLate);
        next_block();
        refuses(2, job, 0, Error::NotAssigned);
    });
}

#[test]
fn a_long_batch_has_a_long_deadline() {
    run(|| {
        let mut order = spec(1, 2);
        order.fuel_limit = 300_000_000_000;
        let job = pallet_market::NextJobId::<Test>::get();
        frame_support::assert_ok!(Market::submit(signed(requester()), order));
        claim(1, job);
        // 600 seconds on one lane, twice, in blocks of three seconds.
        assert_eq!(
            ballot(job).replicas[0].state,
            ReplicaState::Working {
                until: 1 + SLACK + 400
            }
        );
    });
}

#[test]
fn unsigned_and_root_are_no_workers() {
    run(|| {
        let job = one_batch(2, 1);
        for origin in [RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(
                Verification::commit(origin, job, 0, 2, H256::zero(), H256::zero()),
                sp_runtime::DispatchError::BadOrigin
            );
        }
        // Not the operator either: the worker key works.
        assert_noop!(
            Verification::commit(signed(operator(1)), job, 0, 2, H256::zero(), H256::zero()),
            Error::<Test>::NotAssigned
        );
    });
}

#[test]
fn commitments_stand_in_order() {
    run(|| {
        let job = one_batch(3, 3);
        for n in [2, 3, 1] {
            commit(n, job, 0, &truth(0));
        }
        for n in 1..=3 {
            reveal(n, job, 0, &truth(0));
        }
        let winners = Verification::results(job, 0, 1).remove(0).1.winners;
        let order: Vec<_> = winners.into_iter().map(|winner| winner.worker).collect();
        assert_eq!(order, vec![worker(2), worker(3), worker(1)]);
    });
}

#[test]
fn a_commitment_is_weighed_as_the_end_of_its_batch_and_gives_back_what_it_was_not() {
    run(|| {
        // GIVEN as many assignments as a batch may have, all but two of them declined
        let job = submit(1, 2);
        for n in 1..=WORKERS {
            claim(n, job);
            if n < WORKERS - 1 {
                assert_ok!(Verification::decline(signed(worker(n)), job, 0));
                Decliners::<Test>::remove(job);
            }
        }
        let weight = |n: u8, result: BatchSummary| {
            let digest = receipt::digest(job, 0, &result);
            let done = Verification::commit(signed(worker(n)), job, 0, 2, digest, digest);
            done.expect("in time").actual_weight
        };
        let awaits = <() as WeightInfo>::commit_awaited();
        assert_eq!(weight(WORKERS - 1, truth(0)), Some(awaits));
        // THEN the last one, which disagrees, ends it
        assert_eq!(weight(WORKERS, lie(1)), None);
        assert_eq!(Market::job(job).expect("kept").failed, 1);
        assert!(<() as WeightInfo>::commit().all_gt(awaits));
    });
}

#[test]
fn a_commitment_that_goes_on_gives_back_what_its_policy_does_not_read() {
    run(|| {
        let weight = |n: u8, job, result: BatchSummary| {
            let digest = receipt::digest(job, 0, &result);
            let done = Verification::commit(signed(worker(n)), job, 0, 2, digest, digest);
            done.expect("in time").actual_weight
        };
        let awaited = Some(<() as WeightInfo>::commit_awaited());
        // GIVEN two who agree: the first waits, the second opens the reveals
        let job = one_batch(2, 2);
        assert_eq!(weight(1, job, truth(0)), awaited);
        assert_eq!(
            weight(2, job, truth(0)),
            Some(<() as WeightInfo>::commit_few())
        );
        assert!(matches!(ballot(job).stage, Stage::Revealing { .. }));
        // AND two who do not: another one is wanted, in a window
        let job = one_batch(2, 2);
        assert_eq!(weight(1, job, truth(0)), awaited);
        assert_eq!(weight(2, job, lie(2)), None);
        assert_eq!(ballot(job).wanted, 3);
        // AND one whose operator had given a batch back: that is forgotten, with a write
        let job = submit(2, 2);
        let batch = claim(5, job);
        assert_ok!(Verification::hand_back(signed(worker(5)), job, batch));
        wait(DECLINE_REST);
        let batch = claim(5, job);
        let digest = receipt::digest(job, batch, &truth(batch));
        let done = Verification::commit(signed(worker(5)), job, batch, 2, digest, digest);
        assert_eq!(done.expect("in time").actual_weight, None);
        // AND a quorum of two, in which the trust of both is read
        trust(3, 1_000, 1_000);
        trust(4, 1_000, 1_000);
        let job = submit_under(pallet_market::Policy::Quorum(10), 1);
        claim(3, job);
        assert_eq!(
            weight(3, job, truth(0)),
            Some(<() as WeightInfo>::commit_open())
        );
        assert!(matches!(ballot(job).stage, Stage::Drawing { .. }));
    });
}

/// Whoever claims what moves much has the time that its part of a machine's line takes for it, and rests for as long if it does nothing.
#[test]
fn a_batch_of_many_bytes_has_as_much_time() {
    run(|| {
        for (bytes, seconds) in [(0, 2), (312_500, 2), (312_500 * 150, 300)] {
            let job = pallet_market::NextJobId::<Test>::get();
            let mut order = spec(1, 2);
            order.traffic_limit = bytes;
            assert_ok!(Market::submit(signed(requester()), order));
            claim(1, job);
            let now = System::block_number();
            let until = now + SLACK + (2 * seconds as u64).div_ceil(3);
            assert_eq!(
                ballot(job).replicas.first().map(|replica| replica.state),
                Some(ReplicaState::Working { until })
            );
            // An honest machine with the whole of it still to fetch gives it back in time.
            run_to(until - (seconds as u64).div_ceil(3));
            assert_ok!(Verification::decline(signed(worker(1)), job, 0));
            assert!(registered(1).rests_until <= System::block_number());
            wait(DECLINE_REST);
            assert_ok!(Market::cancel(signed(requester()), job));
        }
    });
}
