//! Why a job is not running, and what one would cost.

use sungrid_primitives::{
    constraints::Unmet,
    explain::{
        Rejected,
        Rejection::{self, *},
    },
    traits::{BatchControl, ProfileKind},
};

use crate::{explain::MOST_LOOKED_AT, mock::*, *};

fn rejected(reason: Rejection, workers: u32, first: u32, alone: u32) -> Rejected {
    Rejected {
        reason,
        workers,
        first,
        alone,
    }
}

/// Only these workers are left.
fn keep(keys: core::ops::Range<u64>) {
    let mut register = Register::get();
    register.retain(|key, _| keys.contains(key));
    Register::set(&register);
}

#[test]
fn every_constraint_is_named_with_the_workers_it_costs() {
    run(|| {
        // GIVEN one worker for each thing that can be wrong, one with two faults, and one that fits
        keep(10..18);
        let mut strict = spec(2);
        strict.constraints.jurisdictions = vec![*b"DE"].try_into().expect("few");
        strict.constraints.min_streak = 10;
        let id = submit_spec(strict);
        for key in 10..18 {
            change_worker(key, |w| w.trust.streak = 10);
        }
        change_worker(10, |w| w.available = false);
        change_worker(11, |w| w.environment = Default::default());
        change_worker(12, |w| w.profile_version = 2);
        change_worker(13, |w| w.attributes.jurisdiction = *b"FR");
        change_worker(14, |w| w.trust.streak = 9);
        change_worker(15, |w| w.capacity = RATE - 1);
        change_worker(16, |w| {
            w.available = false;
            w.attributes.jurisdiction = *b"FR";
        });

        let explained = Market::explain(id).expect("the job exists");

        assert_eq!(
            explained.survey.constraints,
            [
                rejected(Unavailable, 2, 2, 1),
                rejected(Environment, 1, 1, 1),
                rejected(Profile, 1, 1, 1),
                rejected(Constraint(Unmet::Jurisdiction), 2, 1, 1),
                rejected(Constraint(Unmet::Streak), 1, 1, 1),
                rejected(TooSmall, 1, 1, 1),
            ]
        );
        let survey = explained.survey;
        assert_eq!((survey.workers, survey.suitable), (8, 1));
        assert_eq!((survey.busy, survey.operators), (0, 1));
        assert!(!survey.truncated);
        assert_eq!((explained.wanting, explained.replicas), (1, 2));
        assert_eq!(Market::explain(id + 1), None);
    });
}

#[test]
fn the_first_reason_is_what_a_claim_is_told() {
    run(|| {
        let mut strict = spec(2);
        strict.constraints.jurisdictions = vec![*b"CH"].try_into().expect("few");
        strict.constraints.min_streak = 10;
        let id = submit_spec(strict);
        keep(10..11);
        // One fault is mended after another, as the claim names them.
        change_worker(10, |w| {
            w.available = false;
            w.environment = Default::default();
            w.profile_version = 2;
            w.capacity = 1;
        });
        let mend: [fn(&mut MockWorker); 6] = [
            |w| w.available = true,
            |w| w.environment = ENVIRONMENT,
            |w| w.profile_version = 1,
            |w| w.attributes.jurisdiction = *b"CH",
            |w| w.trust.streak = 10,
            |w| w.capacity = 1_000_000,
        ];
        for mend in mend {
            let constraints = Market::explain(id).expect("it exists").survey.constraints;
            let first = constraints.iter().find(|c| c.first == 1).expect("one");
            frame_support::assert_noop!(
                Market::claim(RuntimeOrigin::signed(10), id),
                Error::<Test>::from(first.reason)
            );
            change_worker(10, mend);
        }
        let survey = Market::explain(id).expect("it exists").survey;
        assert_eq!((survey.suitable, survey.constraints.len()), (1, 0));
        claim(10, id);
    });
}

#[test]
fn busy_workers_are_suitable_and_wait() {
    run(|| {
        // GIVEN two workers of one operator and one of another, each with room for one unit
        keep(10..13);
        for key in 10..13 {
            change_worker(key, |w| w.capacity = RATE);
        }
        change_worker(11, |w| w.operator = OPERATORS + 10);
        let id = submit(20);
        let survey = Market::explain(id).expect("it exists").survey;
        assert_eq!((survey.suitable, survey.operators), (3, 2));
        assert_eq!((survey.busy, survey.free_operators), (0, 2));
        // WHEN one of the pair and the other work
        let batch = claim(10, id);
        claim(12, id);
        let survey = Market::explain(id).expect("it exists").survey;
        assert_eq!((survey.suitable, survey.busy), (3, 2));
        assert_eq!((survey.operators, survey.free_operators), (2, 1));
        // THEN a job that bids more starts when the second operator has done its batch of two units of a second
        let mut dearer = spec(2);
        dearer.price = PRICE + 1;
        assert_eq!(Market::quote(&dearer).expect("priced").wait, Some(2));
        Market::delivered(id, batch, &10);
        assert_eq!(Market::quote(&dearer).expect("priced").wait, Some(2));
        let mut threefold = dearer;
        threefold.policy = Policy::Replicate(3);
        assert_eq!(Market::quote(&threefold).expect("priced").wait, None);
    });
}

#[test]
fn a_job_that_takes_no_claims_wants_nobody() {
    run(|| {
        let id = submit(3);
        assert_eq!(Market::explain(id).expect("it exists").wanting, 2);
        claim(10, id);
        claim(11, id);
        frame_support::assert_ok!(Market::cancel(RuntimeOrigin::signed(REQUESTER), id));
        let wanting = Market::explain(id).expect("it exists").wanting;
        assert_eq!(wanting, job(id).window.len() as u32);
        System::set_block_number(101);
        assert_eq!(Market::explain(id).expect("it exists").wanting, 0);
        let large = {
            System::set_block_number(1);
            submit(1_000)
        };
        assert_eq!(Market::explain(large).expect("it exists").wanting, 500);
    });
}

#[test]
fn the_gap_is_what_the_bid_lacks_to_what_others_pay() {
    run(|| {
        let explained = |price| {
            let mut spec = spec(2);
            spec.price = price;
            Market::explain(submit_spec(spec)).expect("it exists")
        };
        let cheap = explained(PRICE);
        assert_eq!((cheap.bid, cheap.floor, cheap.spot), (PRICE, FLOOR, SPOT));
        assert_eq!(cheap.gap(), SPOT - PRICE);
        assert_eq!(explained(SPOT + 1).gap(), 0);
    });
}

#[test]
fn a_quote_is_what_submission_holds() {
    run(|| {
        let quote = Market::quote(&spec(9)).expect("priced");
        let id = submit(9);
        assert_eq!(
            (quote.escrow, quote.deposit),
            (job(id).escrow, job(id).deposit)
        );
        // Nine units of half a batch's charge, twice, at twice the price.
        assert_eq!(quote.at_spot, 9 * 2 * BATCH_COST);
        assert_eq!((quote.spot, quote.replicas), (SPOT, 2));
        assert_eq!(quote.wait, Some(0));
        assert_eq!(quote.survey.suitable, 20);
    });
}

#[test]
fn what_would_be_refused_has_no_quote() {
    run(|| {
        let unquotable = |change: fn(&mut JobSpecOf<Test>)| {
            let mut spec = spec(10);
            change(&mut spec);
            assert_eq!(Market::quote(&spec), None);
        };
        unquotable(|s| s.price = FLOOR - 1);
        unquotable(|s| s.profile.kind = ProfileKind::Gpu);
        unquotable(|s| s.profile.version = 2);
        unquotable(|s| {
            s.price = u128::MAX;
            s.memory_limit = u64::MAX;
        });
        // Figures that no job may have are answered all the same: whoever asks must not stop a node.
        let mut absurd = spec(0);
        (absurd.units, absurd.batch_size, absurd.fuel_limit) = (u32::MAX, 0, u64::MAX);
        assert!(Market::quote(&absurd).is_some_and(|quote| quote.escrow == 0));
    });
}

#[test]
fn a_fleet_beyond_the_bound_is_looked_at_in_part_and_says_so() {
    run(|| {
        let mut register = Register::get();
        let template = worker(10);
        register.extend((100_000..110_000).map(|key| (key, template.clone())));
        Register::set(&register);
        let id = submit(2);
        let survey = Market::explain(id).expect("it exists").survey;
        assert_eq!(survey.workers, MOST_LOOKED_AT);
        assert!(survey.truncated);
        assert!(Market::quote(&spec(2)).expect("priced").survey.truncated);
    });
}
