//! Orders that are submitted again and again.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect, weights::WeightMeter};
use sp_runtime::{DispatchError, TokenError};
use sungrid_primitives::job::MAX_UNITS;

use crate::{mock::*, *};

fn repeat(who: u64, spec: JobSpecOf<Test>, every: u64, times: u32) -> u32 {
    let series = NextJobId::<Test>::get();
    assert_ok!(Market::repeat(
        RuntimeOrigin::signed(who),
        spec,
        every,
        times
    ));
    series
}

fn refuses(spec: JobSpecOf<Test>, every: u64, times: u32, error: Error<Test>) {
    assert_noop!(
        Market::repeat(RuntimeOrigin::signed(REQUESTER), spec, every, times),
        error
    );
}

fn started(series: u32) -> Vec<u32> {
    let mut jobs: Vec<u32> = Jobs::<Test>::iter()
        .filter(|(_, job)| job.series == Some(series))
        .map(|(id, _)| id)
        .collect();
    jobs.sort_unstable();
    jobs
}

#[test]
fn an_order_is_submitted_again_and_held_each_time_it_starts() {
    run(|| {
        let before = Balances::total_balance(&REQUESTER);
        // GIVEN a series of three starts, of which only fees and record are held
        let series = repeat(REQUESTER, spec(2), 30, 3);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        assert_eq!(held(HoldReason::Deposit, REQUESTER), 500 + 3 * START_FEE);
        // WHEN blocks pass
        next_block();
        let first = started(series);
        assert_eq!(first.len(), 1);
        assert_eq!(job(first[0]).spec.deadline, 2 + 100);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 2 * BATCH_COST);
        run_to(31);
        assert_eq!(started(series).len(), 1);
        run_to(32);
        assert_eq!(started(series).len(), 2);
        run_to(200);
        // THEN it started three times, and is gone; its fees are in the pot, all else is back
        assert_eq!(started(series).len(), 3);
        assert!(Series::<Test>::get(series).is_none());
        assert!(market_events().contains(&Event::SeriesEnded {
            series,
            left: 0,
            released: 500,
        }));
        assert_eq!(Balances::balance(&POT), ED + 3 * START_FEE);
        assert_eq!(Balances::total_balance(&REQUESTER), before - 3 * START_FEE);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
    });
}

#[test]
fn cancelling_a_series_starts_nothing_more_and_leaves_what_runs() {
    run(|| {
        let series = repeat(REQUESTER, spec(2), 20, 10);
        next_block();
        let first = started(series)[0];
        assert_noop!(
            Market::cancel(RuntimeOrigin::signed(CHALLENGER), series),
            Error::<Test>::NotRequester
        );
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), series));
        run_to(60);
        assert_eq!(started(series), [first]);
        assert_eq!(job(first).state, JobState::Open);
        assert_eq!(Balances::balance(&POT), ED + START_FEE);
        assert_noop!(
            Market::cancel(RuntimeOrigin::signed(REQUESTER), series),
            Error::<Test>::NoSuchJob
        );
    });
}

#[test]
fn a_start_that_cannot_be_paid_is_skipped_without_a_trace_and_three_end_the_series() {
    run(|| {
        // GIVEN a requester who can pay for the fees but for no job
        let lone = CHALLENGER;
        let mut dear = spec(40);
        dear.deadline = 60;
        let series = repeat(lone, dear, 20, 10);
        for skips in 1..=3 {
            next_block();
            let expected = Event::SeriesSkipped {
                series,
                reason: TokenError::FundsUnavailable.into(),
            };
            assert!(market_events().contains(&expected), "{skips}");
            assert_eq!(held(HoldReason::Escrow, lone), 0);
            assert!(Jobs::<Test>::iter().next().is_none());
            System::reset_events();
            if skips < 3 {
                run_to(System::block_number() + 19);
            }
        }
        // THEN it is over; the fees of what was tried are spent, the others are back
        assert!(Series::<Test>::get(series).is_none());
        assert_eq!(held(HoldReason::Deposit, lone), 0);
        assert_eq!(Balances::balance(&POT), ED + 3 * START_FEE);
    });
}

#[test]
fn one_start_that_succeeds_forgives_those_before_it() {
    run(|| {
        let mut dear = spec(40);
        dear.deadline = 15;
        let series = repeat(CHALLENGER, dear, 20, 10);
        let skipped = || Series::<Test>::get(series).expect("it goes on").skipped;
        run_to(22);
        assert_eq!(skipped(), 2);
        assert_ok!(Balances::transfer_keep_alive(
            RuntimeOrigin::signed(REQUESTER),
            CHALLENGER,
            60_000
        ));
        run_to(42);
        assert_eq!(skipped(), 0);
        assert_eq!(started(series).len(), 1);
        assert_ok!(Market::cancel(RuntimeOrigin::signed(CHALLENGER), series));
    });
}

#[test]
fn an_order_that_would_be_refused_by_then_is_skipped() {
    run(|| {
        let series = repeat(REQUESTER, spec(2), 20, 5);
        Series::<Test>::mutate(series, |series| {
            series.as_mut().expect("ordered").spec.image = RETIRED_IMAGE;
        });
        next_block();
        assert!(market_events().contains(&Event::SeriesSkipped {
            series,
            reason: Error::<Test>::ImageRetired.into(),
        }));
    });
}

#[test]
fn what_makes_no_series_is_refused_at_once() {
    run(|| {
        refuses(spec(2), 19, 5, Error::BadInterval);
        refuses(spec(2), 1_001, 5, Error::BadInterval);
        refuses(spec(2), 20, 0, Error::BadTimes);
        refuses(spec(2), 20, MAX_STARTS + 1, Error::BadTimes);
        refuses(spec(MAX_UNITS + 1), 20, 5, Error::TooManyUnits);
        let mut cheap = spec(2);
        cheap.price = FLOOR - 1;
        refuses(cheap, 20, 5, Error::PriceBelowFloor);
        let before = submit(2);
        let mut after = spec(2);
        after.after = Some(before);
        refuses(after, 20, 5, Error::NotRepeatable);
        assert_noop!(
            Market::repeat(RuntimeOrigin::signed(POOR), spec(2), 20, 5),
            TokenError::FundsUnavailable
        );
        assert_noop!(
            Market::repeat(RuntimeOrigin::root(), spec(2), 20, 5),
            DispatchError::BadOrigin
        );
    });
}

#[test]
fn many_series_due_at_once_start_as_the_weight_allows_and_no_start_is_lost() {
    run(|| {
        let all: Vec<u32> = (0..30).map(|_| repeat(REQUESTER, spec(2), 20, 1)).collect();
        let count = || {
            all.iter()
                .map(|series| started(*series).len())
                .sum::<usize>()
        };
        let mut before = 0;
        for blocks in 1..100 {
            System::set_block_number(System::block_number() + 1);
            let step = Market::step_weight().saturating_mul(4);
            let mut meter = WeightMeter::with_limit(step);
            Market::do_agenda(System::block_number(), &mut meter);
            let now = count();
            assert!(now - before <= 10, "bounded in every block");
            before = now;
            if now == 30 {
                assert!(blocks > 2);
                break;
            }
        }
        assert_eq!(count(), 30);
    });
}
