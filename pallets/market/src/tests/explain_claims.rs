//! Explanations hold whatever a claim checks.

use alloc::collections::BTreeSet;
use sp_core::H256;
use sungrid_primitives::{
    JobId,
    attributes::{Architecture, Attribute, EnergySource, Region, TaskClass, Tier},
    constraints::Unmet,
    explain::Rejection::{self, *},
    traits::BatchControl,
};

use crate::{mock::*, *};

/// Who claims in each story.
const KEY: u64 = 10;

/// A number for each reason there is: a new one does not compile before it has one, and a story.
fn place(reason: Rejection) -> usize {
    match reason {
        Unavailable => 0,
        Environment => 1,
        Profile => 2,
        Constraint(Unmet::Class) => 3,
        Constraint(Unmet::Jurisdiction) => 4,
        Constraint(Unmet::Region) => 5,
        Constraint(Unmet::Architecture) => 6,
        Constraint(Unmet::Energy) => 7,
        Constraint(Unmet::Carbon) => 8,
        Constraint(Unmet::Tier(Attribute::Jurisdiction)) => 9,
        Constraint(Unmet::Tier(Attribute::Region)) => 10,
        Constraint(Unmet::Tier(Attribute::Architecture)) => 11,
        Constraint(Unmet::Tier(Attribute::Energy)) => 12,
        Constraint(Unmet::Tier(Attribute::Carbon)) => 13,
        Constraint(Unmet::Streak) => 14,
        TooSmall => 15,
        Unproven => 16,
        Busy => 17,
        Late => 18,
        Rejection::Paused => 19,
        Resting => 20,
        SameOperator => 21,
        SameJurisdiction => 22,
        NotDrawn => 23,
    }
}

/// A job that asks for something, one batch of it.
fn asks(change: impl FnOnce(&mut JobSpecOf<Test>)) -> JobId {
    let mut spec = spec(2);
    change(&mut spec);
    submit_spec(spec)
}

/// A job, where the worker is not as it should be.
fn is(change: impl FnOnce(&mut MockWorker)) -> JobId {
    change_worker(KEY, change);
    submit(2)
}

fn tier(change: impl FnOnce(&mut sungrid_primitives::attributes::Tiers)) -> JobId {
    asks(|spec| change(&mut spec.constraints.tiers))
}

/// For each reason a story that makes it the only one.
fn stories() -> Vec<(Rejection, fn() -> JobId)> {
    vec![
        (Unavailable, || is(|w| w.available = false)),
        (Environment, || is(|w| w.environment = Default::default())),
        (Profile, || is(|w| w.profile_version = 2)),
        (Constraint(Unmet::Class), || {
            is(|w| w.attributes.classes = vec![TaskClass::Media].try_into().expect("few"))
        }),
        (Constraint(Unmet::Jurisdiction), || {
            asks(|s| s.constraints.jurisdictions = vec![*b"CH"].try_into().expect("few"))
        }),
        (Constraint(Unmet::Region), || {
            let region = Region::truncate_from(b"DE-BY".to_vec());
            asks(|s| s.constraints.regions = vec![region].try_into().expect("few"))
        }),
        (Constraint(Unmet::Architecture), || {
            let other = vec![Architecture::Riscv64];
            asks(|s| s.constraints.architectures = other.try_into().expect("few"))
        }),
        (Constraint(Unmet::Energy), || {
            let other = vec![EnergySource::Wind];
            asks(|s| s.constraints.energy = other.try_into().expect("few"))
        }),
        (Constraint(Unmet::Carbon), || {
            asks(|s| s.constraints.max_carbon = Some(299))
        }),
        (Constraint(Unmet::Tier(Attribute::Jurisdiction)), || {
            tier(|t| t.jurisdiction = Tier::Attested)
        }),
        (Constraint(Unmet::Tier(Attribute::Region)), || {
            tier(|t| t.region = Tier::Attested)
        }),
        (Constraint(Unmet::Tier(Attribute::Architecture)), || {
            tier(|t| t.architecture = Tier::Attested)
        }),
        (Constraint(Unmet::Tier(Attribute::Energy)), || {
            tier(|t| t.energy = Tier::Attested)
        }),
        (Constraint(Unmet::Tier(Attribute::Carbon)), || {
            tier(|t| t.carbon = Tier::Attested)
        }),
        (Constraint(Unmet::Streak), || {
            change_worker(KEY, |w| (w.accepted_units, w.trust.streak) = (1_000, 6));
            asks(|s| s.constraints.min_streak = 7)
        }),
        (TooSmall, || is(|w| w.capacity = RATE - 1)),
        (Unproven, || {
            is(|w| (w.capacity, w.unproven) = (2 * RATE, RATE + 1))
        }),
        (Busy, || {
            change_worker(KEY, |w| w.capacity = RATE);
            let other = submit(2);
            claim(KEY, other);
            submit(2)
        }),
        (Late, || {
            let id = asks(|s| s.policy = Policy::Optimistic);
            System::set_block_number(job(id).claim_until);
            id
        }),
        (Rejection::Paused, || {
            let id = submit(2);
            mock::Paused::set(&[id].into());
            id
        }),
        (Resting, || {
            let id = submit(2);
            Withheld::set(&[(id, OPERATORS + KEY)].into());
            id
        }),
        (SameOperator, || {
            change_worker(11, |w| w.operator = OPERATORS + KEY);
            let id = submit(2);
            claim(11, id);
            id
        }),
        (SameJurisdiction, || {
            let id = asks(|s| s.constraints.distinct_jurisdictions = true);
            claim(11, id);
            id
        }),
        (NotDrawn, || {
            let id = submit(2);
            let batch = claim(11, id);
            Market::summon(id, batch, H256::repeat_byte(1), 0);
            id
        }),
    ]
}

/// Only the claimant is left, so that all figures are about it.
fn alone() {
    let mut register = Register::get();
    register.retain(|key, _| *key == KEY);
    Register::set(&register);
}

#[test]
fn whatever_a_claim_is_refused_for_is_counted() {
    let mut told = BTreeSet::new();
    for (reason, story) in stories() {
        told.insert(place(reason));
        new_test_ext().execute_with(|| {
            let id = story();
            alone();
            let survey = Market::explain(id).expect("the job exists").survey;
            let counted: Vec<_> = survey
                .constraints
                .iter()
                .map(|row| (row.reason, row.workers, row.first, row.alone))
                .collect();
            match reason {
                // It will be free: it is no worker less.
                Busy => assert_eq!((counted, survey.busy), (vec![], 1)),
                _ => assert_eq!(counted, [(reason, 1, 1, 1)]),
            }
            let refused = Market::claim(RuntimeOrigin::signed(KEY), id).map_err(|e| e.error);
            assert_eq!(
                refused,
                Err(Error::<Test>::from(reason).into()),
                "{reason:?}"
            );
        });
    }
    assert_eq!(told, (0..=place(NotDrawn)).collect());
}

#[test]
fn a_worker_that_may_take_one_batch_is_rejected_by_none() {
    run(|| {
        // GIVEN a job of two batches, one of which the operator had, and which is for drawn workers
        change_worker(11, |w| w.operator = OPERATORS + KEY);
        let id = submit(4);
        let batch = claim(11, id);
        Market::summon(id, batch, H256::repeat_byte(1), 0);
        let survey = Market::explain(id).expect("it exists").survey;
        assert_eq!(survey.constraints, []);
        assert_eq!(survey.suitable, survey.workers);
        // WHEN the other one has all its workers
        assert_ne!(claim(12, id), batch);
        assert_ne!(claim(13, id), batch);
        // THEN both reasons keep the operator's workers from the rest, and neither alone
        let survey = Market::explain(id).expect("it exists").survey;
        let rows = survey.constraints.iter();
        let rows: Vec<_> = rows
            .map(|row| (row.reason, row.workers, row.first, row.alone))
            .collect();
        assert_eq!(rows, [(SameOperator, 2, 2, 0), (NotDrawn, 20, 18, 18)]);
        assert!(!Market::claimable(id, KEY) && !Market::claimable(id, 11));
    });
}

#[test]
fn a_batch_that_lacks_one_replica_needs_one_operator() {
    run(|| {
        let id = submit(2);
        let explained = || Market::explain(id).expect("it exists");
        assert_eq!((explained().needed, explained().waits()), (2, false));
        let mut register = Register::get();
        register.retain(|key, _| *key < 12);
        Register::set(&register);
        claim(10, id);
        // The other operator is all that it takes.
        let now = explained();
        assert_eq!((now.wanting, now.needed, now.replicas), (1, 1, 2));
        assert_eq!((now.survey.suitable, now.waits()), (1, false));
        claim(11, id);
        assert_eq!((explained().wanting, explained().needed), (0, 0));
    });
}
