//! One job's outputs as the next one's input.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect, weights::WeightMeter};
use sungrid_primitives::traits::{BatchControl, Verdict};

use crate::{mock::*, *};

fn order(units: u32, after: u32) -> JobSpecOf<Test> {
    JobSpec {
        after: Some(after),
        ..spec(units)
    }
}

fn submit_after(units: u32, after: u32) -> u32 {
    submit_spec(order(units, after))
}

fn refuses(order: JobSpecOf<Test>, error: Error<Test>) {
    assert_noop!(
        Market::submit(RuntimeOrigin::signed(REQUESTER), order),
        error
    );
}

fn outcome(id: u32) -> Option<Outcome> {
    match job(id).state {
        JobState::Ended { outcome, .. } => Some(outcome),
        _ => None,
    }
}

/// Claims and settles every batch.
fn complete(id: u32) {
    while !job(id).has_ended() {
        let claims = job(id).claims;
        let batch = claim(10 + u64::from(claims % 20), id);
        let record = Market::batch(id, batch).expect("in flight");
        let workers: Vec<u64> = record.assignments.iter().map(|a| a.worker).collect();
        if record.wanted == 0 {
            Market::conclude(id, batch, accepted(&workers, &[], BATCH_CHARGE));
        }
    }
}

#[test]
fn a_job_opens_in_the_block_after_the_one_before_it_is_complete() {
    run(|| {
        // GIVEN a job, and one after it, which is paid for but cannot be claimed
        let first = submit(4);
        let second = submit_after(2, first);
        assert_eq!(job(second).state, JobState::Pending);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 6 * BATCH_COST);
        assert_noop!(
            Market::claim(RuntimeOrigin::signed(10), second),
            Error::<Test>::NotOpen
        );
        // WHEN the first is complete
        complete(first);
        assert_eq!(job(second).state, JobState::Pending);
        next_block();
        // THEN the second is open, and runs as any other
        assert_eq!(job(second).state, JobState::Open);
        assert_eq!(
            market_events().last(),
            Some(&Event::JobOpened { job: second })
        );
        complete(second);
        assert_eq!(outcome(second), Some(Outcome::Completed));
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
    });
}

#[test]
fn a_job_after_one_that_is_complete_is_open_at_once() {
    run(|| {
        let first = submit(2);
        complete(first);
        assert_eq!(job(submit_after(1, first)).state, JobState::Open);
    });
}

#[test]
fn whatever_keeps_a_job_from_completing_ends_and_refunds_all_that_come_after() {
    for end in [
        |id| {
            assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
        },
        |_| run_to(101),
        |id| {
            let batch = claim(10, id);
            Market::conclude(id, batch, Verdict::Failed);
        },
    ] {
        run(|| {
            let before = Balances::total_balance(&REQUESTER);
            // GIVEN a chain of three, the later with later deadlines
            let first = submit(2);
            let mut later = order(2, first);
            later.deadline = 500;
            let second = submit_spec(later.clone());
            later.after = Some(second);
            let third = submit_spec(later);
            // WHEN the first ends without all of its outputs
            end(first);
            // THEN the others end for lack of input, one after the other
            for _ in 0..2 {
                next_block();
                check_state();
            }
            for id in [second, third] {
                assert_eq!(outcome(id), Some(Outcome::NoInput));
                assert!(market_events().contains(&Event::JobEnded {
                    job: id,
                    outcome: Outcome::NoInput,
                    settled: 0,
                    failed: 0,
                    paid: 0,
                    released: 2 * BATCH_COST,
                }));
            }
            assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
            assert_eq!(Balances::total_balance(&REQUESTER), before);
            refuses(order(2, first), Error::PredecessorFailed);
        });
    }
}

#[test]
fn a_pending_job_is_raised_cancelled_and_expires_like_an_open_one() {
    run(|| {
        let first = submit(4);
        let (raised, expired) = (submit_after(4, first), submit_after(4, first));
        let double = |id| Market::raise(RuntimeOrigin::signed(REQUESTER), id, 2 * PRICE);
        assert_ok!(double(raised));
        assert_eq!(job(raised).escrow, 8 * BATCH_COST);
        assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), raised));
        assert_eq!(outcome(raised), Some(Outcome::Cancelled));
        // The first one's batches run beyond the deadline of all three.
        for worker in [10, 11, 12, 13] {
            claim(worker, first);
        }
        run_to(101);
        assert_eq!(outcome(expired), Some(Outcome::Expired));
        // What ended meanwhile stays ended.
        for batch in [0, 1] {
            let record = Market::batch(first, batch).expect("in flight");
            let workers: Vec<u64> = record.assignments.iter().map(|a| a.worker).collect();
            Market::conclude(first, batch, accepted(&workers, &[], BATCH_CHARGE));
        }
        next_block();
        assert_eq!(outcome(raised), Some(Outcome::Cancelled));
        assert_eq!(outcome(expired), Some(Outcome::Expired));
    });
}

#[test]
fn a_job_comes_after_one_of_its_requester_that_exists_so_never_after_itself() {
    run(|| {
        let first = submit(2);
        refuses(order(2, first + 1), Error::NoPredecessor);
        refuses(order(2, u32::MAX), Error::NoPredecessor);
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(CHALLENGER), order(2, first)),
            Error::<Test>::NotRequester
        );
    });
}

#[test]
fn units_divide_evenly_and_few_enough() {
    run(|| {
        let first = submit(512);
        for units in [3, 5, 511, 513, 1_024, 1] {
            refuses(order(units, first), Error::UnevenUnits);
        }
        for units in [512, 256, 2] {
            assert_eq!(job(submit_after(units, first)).state, JobState::Pending);
        }
    });
}

#[test]
fn few_jobs_come_after_one_and_they_open_one_per_step() {
    run(|| {
        let first = submit(2);
        let next: Vec<u32> = (0..MAX_SUCCESSORS)
            .map(|_| submit_after(2, first))
            .collect();
        refuses(order(2, first), Error::TooManySuccessors);
        complete(first);
        // WHEN a block has weight for half of them
        System::set_block_number(System::block_number() + 1);
        let step = <() as WeightInfo>::agenda_lookup()
            .saturating_add(<() as WeightInfo>::agenda_open())
            .max(Market::step_weight());
        let mut meter = WeightMeter::with_limit(step.saturating_mul(4));
        Market::do_agenda(System::block_number(), &mut meter);
        let open = || next.iter().filter(|id| job(**id).state == JobState::Open);
        let opened = open().count();
        assert!((1..8).contains(&opened), "{opened}");
        check_state();
        // THEN the others open in the next
        next_block();
        assert_eq!(open().count(), 8);
    });
}

#[test]
fn results_stay_as_long_as_somebody_reads_them_and_no_longer_are_they_lent() {
    run(|| {
        let first = submit(2);
        complete(first);
        let second = submit_after(2, first);
        run_to(System::block_number() + RETENTION);
        // The second may still read the first one's outputs.
        assert_noop!(
            Market::clean_up(RuntimeOrigin::signed(POOR), first),
            Error::<Test>::InputOfOthers
        );
        // Nobody has to keep them for a third.
        refuses(order(2, first), Error::OutputsGone);
        complete(second);
        assert_ok!(Market::clean_up(RuntimeOrigin::signed(POOR), first));
        refuses(order(2, first), Error::NoPredecessor);
    });
}

#[test]
fn nobody_builds_on_outputs_that_workers_need_not_keep_any_more() {
    run(|| {
        let first = submit(4);
        let second = submit_after(4, first);
        // A receipt for a part, while it runs: for that job they are kept, for no other.
        Received::set(&[(first, 1)].into());
        refuses(order(4, first), Error::OutputsGone);
        complete(first);
        refuses(order(4, first), Error::OutputsGone);
        next_block();
        complete(second);
        Received::set(&[(first, 2), (second, 2)].into());
        refuses(order(4, second), Error::OutputsGone);
    });
}

#[test]
fn a_successor_that_cannot_be_paid_leaves_no_trace() {
    run(|| {
        let first = submit(2);
        let mut dear = order(2, first);
        dear.price = PRICE * 1_000_000;
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), dear),
            sp_runtime::TokenError::FundsUnavailable
        );
        assert!(job(first).successors.is_empty());
    });
}
