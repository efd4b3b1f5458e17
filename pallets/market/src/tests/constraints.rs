//! Every constraint of a job, at submission and at a claim [S20 I4 N3 N16].

use frame_support::{BoundedVec, assert_noop, dispatch::CheckIfFeeless};
use sungrid_primitives::{
    attributes::{Architecture, EnergySource, Region, TaskClass, Tier},
    traits::BatchControl,
};

use crate::{mock::*, *};

fn region(name: &str) -> Region {
    BoundedVec::truncate_from(name.as_bytes().to_vec())
}

fn refuses(worker: u64, job: u32, error: Error<Test>) {
    let call = RuntimeCall::Market(Call::claim { job });
    assert!(!call.is_feeless(&RuntimeOrigin::signed(worker)));
    assert_noop!(Market::claim(RuntimeOrigin::signed(worker), job), error);
}

fn job_with(change: impl FnOnce(&mut Constraints)) -> u32 {
    let mut spec = spec(20);
    change(&mut spec.constraints);
    submit_spec(spec)
}

#[test]
fn a_job_runs_only_where_its_requester_wants_it() {
    run(|| {
        let jobs = [
            (
                job_with(|c| c.jurisdictions = BoundedVec::truncate_from(vec![*b"CH"])),
                Error::<Test>::OutsideJurisdictions,
            ),
            (
                job_with(|c| c.regions = BoundedVec::truncate_from(vec![region("CH-ZH")])),
                Error::OutsideRegions,
            ),
            (
                job_with(|c| {
                    c.architectures = BoundedVec::truncate_from(vec![Architecture::Aarch64]);
                }),
                Error::WrongArchitecture,
            ),
            (
                job_with(|c| c.energy = BoundedVec::truncate_from(vec![EnergySource::Hydro])),
                Error::WrongEnergySource,
            ),
            (job_with(|c| c.max_carbon = Some(30)), Error::TooMuchCarbon),
            (
                job_with(|c| c.tiers.jurisdiction = Tier::Attested),
                Error::TierTooLow,
            ),
            (job_with(|c| c.min_streak = 7), Error::StreakTooShort),
        ];
        // WHEN a worker lacks all of it, each job refuses it for its own reason
        for (job, error) in jobs {
            refuses(10, job, error);
        }
        // AND a worker that has all of it takes each
        change_worker(10, |worker| {
            let attributes = &mut worker.attributes;
            attributes.jurisdiction = *b"CH";
            attributes.region = region("CH-ZH");
            attributes.architecture = Architecture::Aarch64;
            attributes.energy = EnergySource::Hydro;
            attributes.carbon = 30;
            worker.tiers.jurisdiction = Tier::Attested;
            worker.trust.streak = 7;
        });
        for job in 0..7 {
            claim(10, job);
        }
    });
}

#[test]
fn a_class_that_a_worker_does_not_serve_is_not_claimed() {
    run(|| {
        let id = submit(2);
        assert_eq!(job(id).class, TaskClass::Rendering);
        change_worker(10, |worker| {
            worker.attributes.classes = TaskClass::ALL
                .into_iter()
                .filter(|class| *class != TaskClass::Rendering)
                .collect::<Vec<_>>()
                .try_into()
                .expect("fewer than all");
        });
        refuses(10, id, Error::ClassNotServed);
        claim(11, id);
    });
}

#[test]
fn a_tier_that_falls_stops_claims_and_not_what_is_claimed() {
    run(|| {
        let id = job_with(|c| c.tiers.energy = Tier::Attested);
        change_worker(10, |worker| worker.tiers.energy = Tier::Attested);
        let batch = claim(10, id);
        change_worker(10, |worker| worker.tiers.energy = Tier::Declared);
        refuses(10, id, Error::TierTooLow);
        Market::delivered(id, batch, &10);
    });
}

#[test]
fn replicas_are_in_different_jurisdictions_if_the_job_says_so() {
    run(|| {
        let mut strict = spec(2);
        strict.constraints.distinct_jurisdictions = true;
        let id = submit_spec(strict);
        claim(10, id);
        // Another operator in the same country is no second party.
        refuses(11, id, Error::NothingToClaim);
        change_worker(11, |worker| worker.attributes.jurisdiction = *b"FR");
        claim(11, id);
        assert_eq!(job(id).window.to_vec(), Vec::<u32>::new());
    });
}

#[test]
fn moving_between_two_claims_makes_no_second_party_of_an_operator() {
    run(|| {
        let mut strict = spec(2);
        strict.constraints.distinct_jurisdictions = true;
        let id = submit_spec(strict);
        claim(10, id);
        change_worker(10, |worker| worker.attributes.jurisdiction = *b"FR");
        refuses(10, id, Error::NothingToClaim);
        // Where the first one was when it claimed is what counts.
        refuses(11, id, Error::NothingToClaim);
    });
}

#[test]
fn constraints_that_nobody_can_meet_are_refused_at_submission() {
    run(|| {
        let mut hopeless = spec(2);
        hopeless.constraints.distinct_jurisdictions = true;
        hopeless.constraints.jurisdictions = BoundedVec::truncate_from(vec![*b"DE"]);
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), hopeless.clone()),
            Error::<Test>::TooFewJurisdictions
        );
        hopeless.constraints.jurisdictions = BoundedVec::truncate_from(vec![*b"DE", *b"XX"]);
        assert_noop!(
            Market::submit(RuntimeOrigin::signed(REQUESTER), hopeless.clone()),
            Error::<Test>::BadJurisdiction
        );
        hopeless.constraints.jurisdictions = BoundedVec::truncate_from(vec![*b"DE", *b"FR"]);
        submit_spec(hopeless);
    });
}
