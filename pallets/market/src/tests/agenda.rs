//! Deadlines: expiry in every phase, and an agenda that never skips.

use frame_support::{
    traits::{Hooks, fungible::Inspect},
    weights::{Weight, WeightMeter},
};
use sungrid_primitives::traits::{BatchControl, Verdict, Verifier};

use crate::{mock::*, *};

fn outcome(id: u32) -> Option<Outcome> {
    match job(id).state {
        JobState::Ended { outcome, .. } => Some(outcome),
        _ => None,
    }
}

#[test]
fn an_untouched_job_expires_and_is_refunded() {
    run(|| {
        let before = Balances::total_balance(&REQUESTER);
        let id = submit(1_000);
        run_to(100);
        assert_eq!(job(id).state, JobState::Open);
        run_to(101);
        assert_eq!(outcome(id), Some(Outcome::Expired));
        assert_eq!(Balances::total_balance(&REQUESTER), before);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
        assert_eq!(job(id).failed, 0, "batches that never started did not fail");
    });
}

#[test]
fn at_the_deadline_incomplete_batches_fail_and_complete_ones_finish() {
    run(|| {
        let id = submit(4);
        // GIVEN one batch with both replicas, one with a single one
        let first = claim(10, id);
        let mut second = None;
        for worker in 11..30 {
            let batch = claim(worker, id);
            if batch == first {
                break;
            }
            second = Some(batch);
            if job(id).window.len() < 2 {
                break;
            }
        }
        let complete = (0..2)
            .find(|b| Market::batch(id, *b).is_some_and(|r| r.wanted == 0))
            .expect("one is complete");
        let incomplete = 1 - complete;
        if second.is_none() {
            claim(29, id);
        }
        assert_eq!(Market::batch(id, incomplete).map(|r| r.wanted), Some(1));
        // WHEN the deadline comes
        run_to(101);
        // THEN the incomplete one has failed, without a slash, and the other is still in flight
        assert_eq!(job(id).state, JobState::Settling(Closing::Expired));
        assert_eq!((job(id).failed, job(id).in_flight), (1, 1));
        assert!(market_events().contains(&Event::BatchFailed {
            job: id,
            batch: incomplete
        }));
        assert!(!InHand::get().contains(&(id, incomplete)));
        assert!(!Market::want_replica(id, complete), "no claims any more");
        check_state();
        // AND is paid when it is accepted
        let workers: Vec<u64> = Market::batch(id, complete)
            .expect("in flight")
            .assignments
            .iter()
            .map(|a| a.worker)
            .collect();
        Market::conclude(id, complete, accepted(&workers, &[], BATCH_CHARGE));
        assert_eq!(outcome(id), Some(Outcome::Expired));
        assert_eq!(Balances::balance(&POT), ED + 2 * BATCH_COST);
        assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
    });
}

#[test]
fn a_verdict_can_come_between_deadline_and_agenda() {
    run(|| {
        let id = submit(2);
        claim(10, id);
        System::set_block_number(200);
        Market::conclude(id, 0, Verdict::Failed);
        assert_eq!(outcome(id), Some(Outcome::Completed));
        next_block();
        assert_eq!(outcome(id), Some(Outcome::Completed));
    });
}

#[test]
fn entries_come_up_in_order_and_never_early() {
    run(|| {
        let id = submit(10);
        Market::schedule(5, id, Some(3));
        Market::schedule(4, id, Some(2));
        // The past is the next block.
        Market::schedule(0, id, Some(1));
        run_to(2);
        assert_eq!(Due::get(), vec![(id, 1)]);
        run_to(4);
        assert_eq!(Due::get(), vec![(id, 1), (id, 2)]);
        Market::schedule(4, id, Some(7));
        run_to(5);
        assert_eq!(Due::get().len(), 4);
        assert_eq!(AgendaCursor::<Test>::get(), Some(6));
    });
}

#[test]
fn entries_of_jobs_that_are_gone_do_nothing() {
    run(|| {
        Market::schedule(3, 1_000, None);
        Market::schedule(3, 1_000, Some(1));
        run_to(4);
        assert_eq!(Agenda::<Test>::iter().count(), 0);
    });
}

#[test]
fn thousands_of_entries_spread_over_blocks_within_the_weight() {
    run(|| {
        let id = submit(2);
        for batch in 0..3_000 {
            Market::schedule(10, id, Some(batch));
        }
        for batch in 0..5 {
            Market::schedule(11, id, Some(batch));
        }
        System::set_block_number(10);
        let limit: Weight = AgendaWeight::get();
        let step = Market::step_weight();
        let mut blocks = 0u64;
        while Due::get().len() < 3_005 {
            let (now, before) = (10 + blocks, Due::get().len());
            System::set_block_number(now);
            // Full blocks: nothing is left for `on_idle`, and the slice is what counts.
            let mut meter = WeightMeter::with_limit(Weight::from_parts(u64::MAX, u64::MAX));
            Market::on_poll(now, &mut meter);
            assert!(meter.consumed().all_lte(limit));
            let done = Due::get().len() - before;
            assert!(done > 0, "every block makes progress");
            assert!(
                step.saturating_mul(done as u64).all_lte(limit),
                "every step was paid for"
            );
            blocks += 1;
            assert!(blocks < 5_000);
        }
        assert!(
            blocks > 100,
            "3,005 steps do not fit fewer blocks: {blocks}"
        );
        // Oldest first: what was due at 11 came after all that was due at 10.
        let mut order = Due::get();
        let last = order.split_off(3_000);
        assert_eq!(order.len(), 3_000);
        assert_eq!(last.iter().filter(|(_, batch)| *batch < 5).count(), 5);
        assert_eq!(
            order
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            3_000,
            "each exactly once"
        );
    });
}

#[test]
fn without_weight_nothing_happens_and_nothing_is_lost() {
    run(|| {
        let id = submit(2);
        Market::schedule(5, id, Some(0));
        System::set_block_number(7);
        let lookup = <() as WeightInfo>::agenda_lookup();
        for weight in [
            Weight::zero(),
            lookup,
            MockVerifier::deadline_weight(),
            Market::step_weight(),
        ] {
            assert!(Market::on_idle(7, weight).all_lte(weight));
            assert_eq!(Due::get(), vec![]);
        }
        let mut spent = Weight::zero();
        for _ in 0..20 {
            // A little more than a step: the cursor walks over empty blocks meanwhile.
            let limit = Market::step_weight().saturating_add(lookup.saturating_mul(3));
            spent = spent.saturating_add(Market::on_idle(7, limit));
        }
        assert_eq!(Due::get(), vec![(id, 0)]);
        assert!(spent.ref_time() > 0);
    });
}

#[test]
fn a_job_with_many_incomplete_batches_expires_in_steps() {
    run(|| {
        // GIVEN 160 started batches, of which 32 are in the window and the others wait or are complete
        let id = submit(400);
        for worker in 10..30 {
            for _ in 0..8 {
                claim(worker, id);
            }
        }
        let full: Vec<u32> = Batches::<Test>::iter_prefix(id)
            .filter(|(_, record)| record.wanted == 0)
            .map(|(batch, _)| batch)
            .collect();
        for batch in &full {
            assert!(Market::want_replica(id, *batch));
        }
        assert!(job(id).waiting > 10);
        check_state();
        let in_flight = job(id).in_flight;
        // WHEN the deadline comes and blocks are full
        System::set_block_number(101);
        let mut blocks = 0;
        while !job(id).has_ended() {
            let now = System::block_number();
            let mut meter = WeightMeter::with_limit(Weight::MAX);
            Market::on_poll(now, &mut meter);
            check_state();
            System::set_block_number(now + 1);
            blocks += 1;
            assert!(blocks < 1_000);
        }
        // THEN it took several blocks, and all failed
        assert!(blocks > 3, "{blocks}");
        assert_eq!(job(id).failed, in_flight);
        assert_eq!(outcome(id), Some(Outcome::Expired));
    });
}
