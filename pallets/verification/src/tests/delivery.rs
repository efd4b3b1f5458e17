//! Delivery receipts: what they end, and who may not give them.

use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, InspectHold},
};
use pallet_market::{Error as MarketError, HoldReason, Outcome, Policy};
use sp_runtime::DispatchError;

use crate::{mock::*, *};

fn acknowledge(job: u32, below: u32) -> Result<u64, DispatchError> {
    let limit = <Test as Config>::WeightInfo::acknowledge(0).ref_time();
    let each = <Test as Config>::WeightInfo::acknowledge(1).ref_time() - limit;
    let info = Verification::acknowledge(signed(requester()), job, below);
    let info = info.map_err(|error| error.error)?;
    let weight = info.actual_weight.expect("known").ref_time();
    Ok((weight - limit) / each)
}

/// Both replicas of every open batch, by workers 1 and 2.
fn finish(job: u32) {
    let batches: Vec<u32> = (1..=2)
        .flat_map(|n| {
            let mut mine = vec![];
            while Market::claimable(job, worker(n)) {
                let batch = claim(n, job);
                commit(n, job, batch, &truth(batch));
                mine.push(batch);
            }
            mine
        })
        .collect();
    for batch in batches {
        for n in 1..=2 {
            let _ = try_reveal(n, job, batch, &truth(batch));
        }
    }
}

#[test]
fn a_receipt_for_the_whole_job_lets_its_records_and_deposit_go_at_once() {
    run(|| {
        let job = submit(5, 2);
        finish(job);
        assert_eq!(outcome(job), Some(Outcome::Completed));
        assert_noop!(
            Market::clean_up(signed(requester()), job),
            MarketError::<Test>::RetentionNotOver
        );
        // A part is not enough.
        assert_eq!(
            acknowledge(job, 4),
            Ok(0),
            "an ended job costs nothing to look at"
        );
        assert!(emitted(Event::<Test>::Received { job, below: 4 }));
        assert_noop!(
            Market::clean_up(signed(requester()), job),
            MarketError::<Test>::RetentionNotOver
        );
        assert_ok!(acknowledge(job, 5));
        assert_noop!(
            Market::clean_up(signed(stranger()), job),
            MarketError::<Test>::RetentionNotOver
        );
        assert_ok!(Market::clean_up(signed(requester()), job));
        assert_eq!(Market::job(job), None);
        assert_eq!(Received::<Test>::iter().count(), 0);
        let reason = HoldReason::Deposit.into();
        assert_eq!(Balances::balance_on_hold(&reason, &requester()), 0);
    });
}

#[test]
fn a_receipt_ends_the_challenge_window_of_what_stands() {
    run(|| {
        let job = submit_under(Policy::Optimistic, 3);
        for _ in 0..3 {
            let drawn = claim(1, job);
            commit(1, job, drawn, &truth(drawn));
            reveal(1, job, drawn, &truth(drawn));
        }
        let before = Balances::total_balance(&requester());
        // WHEN the requester has the first two
        assert_eq!(acknowledge(job, 2), Ok(2));
        assert_eq!(Market::job(job).expect("open").paid, 0);
        next_block();
        // THEN the worker need not wait for the pay of these
        let record = Market::job(job).expect("open");
        assert_eq!((record.settled, record.paid), (2, BATCH_COST));
        assert_eq!(Balances::total_balance(&requester()), before - BATCH_COST);
        assert_eq!(trust_of(1), (0, 0), "its word confirms nothing");
        assert_noop!(
            Verification::challenge(signed(stranger()), job, 0),
            Error::<Test>::NotInFlight
        );
        assert_ok!(Verification::challenge(signed(stranger()), job, 2));
    });
}

#[test]
fn a_receipt_is_the_requester_s_and_of_what_was_delivered() {
    run(|| {
        assert_noop!(
            Verification::acknowledge(signed(requester()), 7, 1),
            MarketError::<Test>::NoSuchJob
        );
        let job = one_batch(2, 2);
        assert_noop!(
            Verification::acknowledge(signed(worker(1)), job, 1),
            MarketError::<Test>::NotRequester
        );
        assert_noop!(
            Verification::acknowledge(RuntimeOrigin::root(), job, 1),
            DispatchError::BadOrigin
        );
        let late = |below, error: Error<Test>| {
            assert_noop!(
                Verification::acknowledge(signed(requester()), job, below),
                error
            );
        };
        late(0, Error::AlreadyReceived);
        late(2, Error::NotDelivered);
        // Sealed, even revealed, is not decided.
        late(1, Error::NotDelivered);
        commit(1, job, 0, &truth(0));
        commit(2, job, 0, &truth(0));
        reveal(1, job, 0, &truth(0));
        late(1, Error::NotDelivered);
        reveal(2, job, 0, &truth(0));
        assert_ok!(acknowledge(job, 1));
        late(1, Error::AlreadyReceived);
    });
    run(|| {
        // Nor is what nobody has started, or what is under challenge.
        let job = submit_under(Policy::Optimistic, 2);
        assert_eq!(acknowledge(job, 1), Err(Error::<Test>::NotDelivered.into()));
        for _ in 0..2 {
            let drawn = claim(1, job);
            commit(1, job, drawn, &truth(drawn));
            reveal(1, job, drawn, &truth(drawn));
        }
        assert_ok!(Verification::challenge(signed(stranger()), job, 1));
        assert_eq!(acknowledge(job, 2), Err(Error::<Test>::NotDelivered.into()));
        assert_ok!(acknowledge(job, 1));
    });
}

#[test]
fn a_challenge_in_the_block_of_the_receipt_still_counts() {
    run(|| {
        let job = submit_under(Policy::Optimistic, 1);
        claim(1, job);
        commit(1, job, 0, &lie(1));
        reveal(1, job, 0, &lie(1));
        assert_ok!(acknowledge(job, 1));
        assert_ok!(Verification::challenge(signed(stranger()), job, 0));
        wait(2);
        assert_eq!(outcome(job), None, "the jury decides");
    });
}

#[test]
fn a_long_receipt_of_a_live_job_comes_in_parts() {
    run(|| {
        let job = submit(MAX_RECEIPT + 2, 2);
        let opened = |count| {
            pallet_market::Jobs::<Test>::mutate(job, |record| {
                record.as_mut().expect("open").next_batch = count;
            });
        };
        opened(MAX_RECEIPT + 1);
        assert_eq!(
            acknowledge(job, MAX_RECEIPT + 1),
            Err(Error::<Test>::ReceiptTooLong.into())
        );
        opened(pallet_market::WINDOW);
    });
}
