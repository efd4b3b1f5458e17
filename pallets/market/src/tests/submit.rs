//! What a job must be, and what it holds.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sp_core::H256;
use sp_runtime::TokenError;
use sungrid_primitives::{
    job::{MAX_BATCH_UNITS, MAX_UNITS},
    traits::{BatchControl, ProfileKind},
};

use crate::{mock::*, *};

fn refuses(change: impl FnOnce(&mut JobSpecOf<Test>), error: Error<Test>) {
    let mut spec = spec(10);
    change(&mut spec);
    assert_noop!(
        Market::submit(RuntimeOrigin::signed(REQUESTER), spec),
        error
    );
}

#[test]
fn the_worst_case_and_the_deposit_are_held_at_once() {
    run(|| {
        let free = Balances::balance(&REQUESTER);
        let id = submit(9);

        // Five batches, the last one short but held like the others, two replicas each.
        let (escrow, deposit) = (5 * 2 * BATCH_COST, 500 + 5 * 10);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), escrow);
        assert_eq!(held(HoldReason::Deposit, REQUESTER), deposit);
        assert_eq!(Balances::balance(&REQUESTER), free - escrow - deposit);
        assert_eq!(
            market_events(),
            vec![Event::JobSubmitted {
                job: id,
                requester: REQUESTER,
                escrow,
                deposit,
                batches: 5,
            }]
        );
        let job = job(id);
        assert_eq!(job.state, JobState::Open);
        assert_eq!(job.window.to_vec(), vec![0, 1, 2, 3, 4]);
        assert_eq!(job.rate, RATE);
        assert_eq!(job.unit_charge * 2, BATCH_CHARGE);
        assert_eq!(Market::job(id), Some(job));
        assert_eq!(submit(1), id + 1);
    });
}

#[test]
fn the_worst_case_is_that_of_the_dearest_limit() {
    run(|| {
        // Half a SUNS·s of computing: 1,250,000 bytes take as long.
        let cases = [
            (0, 500_000),
            (1_250_000, 500_000),
            (1_250_001, 500_001),
            (2_500_000, 1_000_000),
        ];
        for (worker, (traffic, unit_charge)) in (10..).zip(cases) {
            let mut order = spec(2);
            (order.fuel_limit, order.traffic_limit) = (4_000_000_000, traffic);
            let escrow = 2 * sungrid_primitives::suns::cost(2 * unit_charge, PRICE);
            assert_eq!(Market::quote(&order).expect("a price").escrow, escrow);
            let held_before = held(HoldReason::Escrow, REQUESTER);
            let id = submit_spec(order);
            assert_eq!(job(id).unit_charge, unit_charge);
            assert_eq!(held(HoldReason::Escrow, REQUESTER) - held_before, escrow);
            // No result of it can be charged more.
            let batch = claim(worker, id);
            let terms = Market::terms(id, batch).expect("in flight");
            assert_eq!(terms.max_charge, 2 * unit_charge);
        }
    });
}

#[test]
fn a_large_job_opens_one_window() {
    run(|| {
        let id = submit(1_000);
        let job = job(id);
        assert_eq!(job.window.to_vec(), (0..WINDOW).collect::<Vec<_>>());
        assert_eq!((job.next_batch, job.batches), (WINDOW, 500));
    });
}

#[test]
fn sizes_are_bounded() {
    run(|| {
        refuses(|s| s.units = 0, Error::NoUnits);
        refuses(|s| s.units = MAX_UNITS + 1, Error::TooManyUnits);
        refuses(|s| s.batch_size = 0, Error::BadBatchSize);
        refuses(|s| s.batch_size = MAX_BATCH_UNITS + 1, Error::BadBatchSize);
        refuses(|s| s.fuel_limit = 0, Error::NoLimits);
        refuses(|s| s.memory_limit = 0, Error::NoLimits);
        // Two units of 1,801 seconds are more than an hour.
        refuses(|s| s.fuel_limit = 1_801_000_000_000, Error::BatchTooLong);
        refuses(|s| s.fuel_limit = u64::MAX, Error::BatchTooLong);
        for policy in [
            Policy::Replicate(1),
            Policy::Replicate(4),
            Policy::Quorum(1),
            Policy::Quorum(1_001),
        ] {
            refuses(|s| s.policy = policy, Error::BadPolicy);
        }
    });
}

#[test]
fn the_largest_batches_that_fit_are_taken() {
    run(|| {
        let mut spec = spec(MAX_BATCH_UNITS);
        spec.batch_size = MAX_BATCH_UNITS;
        spec.fuel_limit = 3_600_000_000_000 / u64::from(MAX_BATCH_UNITS);
        spec.price = FLOOR;
        let id = submit_spec(spec);
        assert_eq!(job(id).batch_seconds(), 3_600);
    });
}

/// A batch is as long as its bytes take, on the part of a line that a claim takes, if that is longer than its fuel.
#[test]
fn bytes_take_time_too() {
    run(|| {
        // Two units on a lane of eight, which has 312,500 bytes a second of 20 Mbit/s.
        let seconds = |bytes| {
            let mut spec = spec(2);
            spec.traffic_limit = bytes;
            job(submit_spec(spec)).batch_seconds()
        };
        assert_eq!((seconds(0), seconds(312_500)), (2, 2));
        assert_eq!((seconds(312_501), seconds(625_000)), (3, 4));
        // More memory takes more of the machine, and of its line.
        let mut large = spec(2);
        (large.memory_limit, large.traffic_limit) = (2 << 30, 625_000);
        assert_eq!(job(submit_spec(large)).batch_seconds(), 2);
        // An hour is the longest, in bytes as in fuel.
        let hour = 1_800 * 312_500;
        assert_eq!(seconds(hour), 3_600);
        refuses(
            |s| s.traffic_limit = 1_800 * 312_500 + 1,
            Error::BatchTooLong,
        );
        refuses(|s| s.traffic_limit = u64::MAX, Error::BatchTooLong);
        // A quote of such an order counts them.
        let mut order = spec(2);
        order.traffic_limit = 100 * 312_500;
        let quiet = Market::quote(&spec(2)).and_then(|quote| quote.settled);
        let large = Market::quote(&order).and_then(|quote| quote.settled);
        assert!(quiet.is_some() && large.is_some());
        assert_eq!(
            large.zip(quiet).map(|(large, quiet)| large - quiet),
            Some(198)
        );
    });
}

#[test]
fn the_deadline_lies_ahead_and_within_bounds() {
    run(|| {
        refuses(|s| s.deadline = 0, Error::DeadlinePassed);
        refuses(|s| s.deadline = 1, Error::DeadlinePassed);
        refuses(|s| s.deadline = 1_002, Error::DeadlineTooFar);
        refuses(|s| s.deadline = u64::MAX, Error::DeadlineTooFar);
        let mut latest = spec(2);
        latest.deadline = 1_001;
        submit_spec(latest);
    });
}

#[test]
fn who_and_where_must_make_sense() {
    run(|| {
        refuses(|s| s.endpoint = Default::default(), Error::NoEndpoint);
        for bad in [vec![*b"de"], vec![*b"XX"], vec![*b"DE", *b"FR", *b"DE"]] {
            refuses(
                |s| s.constraints.jurisdictions = bad.try_into().expect("few"),
                Error::BadJurisdiction,
            );
        }
        refuses(
            |s| s.environment = H256::zero(),
            Error::EnvironmentNotAccepted,
        );
        refuses(|s| s.image = H256::zero(), Error::UnknownImage);
        refuses(|s| s.image = RETIRED_IMAGE, Error::ImageRetired);
    });
}

#[test]
fn the_bid_is_at_least_the_floor_of_a_fitting_profile() {
    run(|| {
        refuses(|s| s.price = FLOOR - 1, Error::PriceBelowFloor);
        refuses(|s| s.profile.version = 3, Error::UnknownProfile);
        refuses(|s| s.profile.kind = ProfileKind::Gpu, Error::UnknownProfile);
        refuses(|s| s.profile.version = 2, Error::UnsuitableProfile);
        refuses(|s| s.profile.version = 4, Error::UnsuitableProfile);
        let mut offline = spec(2);
        (offline.profile.version, offline.traffic_limit) = (4, 0);
        submit_spec(offline);
        let mut cheapest = spec(2);
        cheapest.price = FLOOR;
        submit_spec(cheapest);
    });
}

#[test]
fn amounts_beyond_any_account_do_not_wrap() {
    run(|| {
        // The cost of one replica of one batch fits, that of all does not.
        refuses(
            |s| {
                s.price = u128::MAX;
                s.fuel_limit = 1_800_000_000_000;
            },
            Error::EscrowTooLarge,
        );
        // Not even one fits.
        refuses(
            |s| {
                s.price = u128::MAX;
                s.memory_limit = u64::MAX;
            },
            Error::EscrowTooLarge,
        );
        refuses(
            |s| {
                s.price = u128::MAX;
                s.traffic_limit = u64::MAX;
            },
            Error::EscrowTooLarge,
        );
        let mut spec = spec(2);
        spec.memory_limit = u64::MAX;
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), spec),
            TokenError::FundsUnavailable
        );
        refuses(|s| s.traffic_limit = u64::MAX, Error::BatchTooLong);
    });
}

#[test]
fn too_little_balance_changes_nothing() {
    run(|| {
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(POOR), spec(2)),
            TokenError::FundsUnavailable
        );
        // Enough for the escrow, not for the deposit.
        assert_ok!(Balances::force_set_balance(
            RuntimeOrigin::root(),
            POOR,
            2 * BATCH_COST + 100
        ));
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(POOR), spec(2)),
            TokenError::FundsUnavailable
        );
        assert_ok!(Balances::force_set_balance(
            RuntimeOrigin::root(),
            POOR,
            100
        ));
    });
}

#[test]
fn numbers_do_not_wrap() {
    run(|| {
        NextJobId::<Test>::put(u32::MAX);
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), spec(2)),
            Error::<Test>::TooManyJobs
        );
    });
}

#[test]
fn only_signed_origins_order() {
    run(|| {
        for origin in [RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(
                Market::submit(origin, spec(2)),
                sp_runtime::DispatchError::BadOrigin
            );
        }
    });
}
