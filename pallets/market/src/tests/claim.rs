//! Who gets which batch.

use std::collections::BTreeSet;

use frame_support::{
    assert_noop,
    dispatch::{CheckIfFeeless, GetDispatchInfo},
    traits::Hooks,
};
use sp_core::H256;
use sungrid_primitives::traits::BatchControl;

use crate::{mock::*, *};

fn refuses(worker: u64, job: u32, error: Error<Test>) {
    assert_noop!(Market::claim(RuntimeOrigin::signed(worker), job), error);
    assert!(!Market::claimable(job, worker));
    assert!(!feeless(worker, job));
}

fn feeless(worker: u64, job: u32) -> bool {
    let call = RuntimeCall::Market(Call::claim { job });
    call.is_feeless(&RuntimeOrigin::signed(worker))
}

#[test]
fn a_claim_takes_capacity_and_says_so() {
    run(|| {
        let id = submit(2);
        assert!(feeless(10, id) && Market::claimable(id, 10));
        let batch = claim(10, id);

        assert_eq!(batch, 0);
        assert_eq!(worker(10).committed, RATE);
        let record = Market::batch(id, 0).expect("in flight");
        assert_eq!(record.wanted, 1);
        assert_eq!(record.assignments.len(), 1);
        assert_eq!(record.assignments[0].operator, OPERATORS + 10);
        assert_eq!((job(id).in_flight, job(id).claims), (1, 1));
        assert!(InHand::get().contains(&(id, 0)));

        claim(11, id);
        assert_eq!(job(id).window.to_vec(), Vec::<u32>::new());
        assert_eq!((job(id).in_flight, job(id).claims), (1, 2));
        refuses(12, id, Error::NothingToClaim);
    });
}

#[test]
fn one_operator_never_gets_two_replicas_of_a_batch() {
    run(|| {
        // GIVEN two workers of one operator
        change_worker(11, |w| w.operator = OPERATORS + 10);
        let id = submit(2);
        claim(10, id);
        // THEN neither the same worker nor its sibling gets the second replica
        refuses(10, id, Error::NothingToClaim);
        refuses(11, id, Error::NothingToClaim);
        // AND not even as a replacement, after a miss
        Market::missed(id, 0, &10, 1, 1);
        assert!(Market::want_replica(id, 0));
        refuses(11, id, Error::NothingToClaim);
        claim(12, id);
        claim(13, id);
    });
}

#[test]
fn a_worker_must_be_what_the_job_asks_for() {
    run(|| {
        let mut strict = spec(2);
        strict.constraints.jurisdictions = vec![*b"FR", *b"CH"].try_into().expect("few");
        strict.constraints.min_streak = 10;
        let id = submit_spec(strict);

        refuses(77, id, Error::WorkerUnavailable);
        change_worker(10, |w| w.available = false);
        refuses(10, id, Error::WorkerUnavailable);
        refuses(11, id + 1, Error::NoSuchJob);
        change_worker(11, |w| w.environment = H256::zero());
        refuses(11, id, Error::WrongEnvironment);
        change_worker(12, |w| w.profile_version = 2);
        refuses(12, id, Error::WrongProfile);
        refuses(13, id, Error::OutsideJurisdictions);
        change_worker(13, |w| w.attributes.jurisdiction = *b"CH");
        refuses(13, id, Error::StreakTooShort);
        change_worker(13, |w| w.trust.streak = 10);
        claim(13, id);
    });
}

#[test]
fn capacity_bounds_how_many_claims_are_free() {
    run(|| {
        let id = submit(100);
        let batches: BTreeSet<_> = (0..8).map(|_| claim(10, id)).collect();
        assert_eq!(batches.len(), 8, "each is another batch");
        refuses(10, id, Error::CapacityExhausted);
        // What is delivered makes room again.
        Market::delivered(id, *batches.first().expect("eight"), &10);
        claim(10, id);
        refuses(10, id, Error::CapacityExhausted);
    });
}

#[test]
fn nothing_is_claimed_from_the_deadline_on_even_if_the_agenda_lags() {
    run(|| {
        let id = submit(20);
        System::set_block_number(100);
        let batch = claim(10, id);
        System::set_block_number(101);
        assert_eq!(job(id).state, JobState::Open);
        refuses(11, id, Error::NotOpen);
        assert!(!Market::want_replica(id, batch));
        Market::on_idle(101, frame_support::weights::Weight::MAX);
        refuses(11, id, Error::NotOpen);
    });
}

#[test]
fn the_window_is_refilled_in_order() {
    run(|| {
        let id = submit(2 * (WINDOW + 3));
        // Every batch needs two claims before it leaves the window.
        for worker in 10..30 {
            for _ in 0..8 {
                if Market::claimable(id, worker) {
                    claim(worker, id);
                }
            }
        }
        let job = job(id);
        assert_eq!(job.next_batch, WINDOW + 3);
        assert!(
            job.window.is_empty(),
            "35 batches of 2 replicas are 70 claims of 160 possible"
        );
        assert_eq!(job.in_flight, WINDOW + 3);
    });
}

#[test]
fn the_draw_follows_the_randomness_and_reaches_every_batch() {
    let draw = |seed: Option<u32>, worker: u64| {
        let mut drawn = None;
        run(|| {
            Seed::set(&seed);
            let id = submit(1_000);
            drawn = Some(claim(worker, id));
        });
        drawn.expect("drawn")
    };
    let by_seed: BTreeSet<_> = (0..200).map(|seed| draw(Some(seed), 10)).collect();
    assert_eq!(by_seed.len(), WINDOW as usize, "200 draws reach all 32");
    assert!(by_seed.iter().all(|batch| *batch < WINDOW));
    let by_worker: BTreeSet<_> = (10..30).map(|worker| draw(Some(0), worker)).collect();
    assert!(by_worker.len() > 5);
    // A block without a VRF falls back on its parent's hash.
    let without: BTreeSet<_> = (10..30).map(|worker| draw(None, worker)).collect();
    assert!(without.len() > 5);
}

#[test]
fn no_batch_is_favoured() {
    run(|| {
        let id = submit(2 * WINDOW);
        let mut seen = [0u32; WINDOW as usize];
        for seed in 0..3_200 {
            Seed::set(&Some(seed));
            let drawn = crate::pallet::Pallet::<Test>::would_draw(&10, id);
            seen[drawn.expect("open") as usize] += 1;
        }
        // 100 expected each; a fair draw strays beyond ±50 once in a million runs.
        assert!(
            seen.iter().all(|count| (50..150).contains(count)),
            "{seen:?}"
        );
    });
}

#[test]
fn a_feeless_check_leaves_no_trace() {
    run(|| {
        let id = submit(20);
        let root = || sp_io::storage::root(sp_runtime::StateVersion::V1);
        let before = root();
        for worker in 1..30 {
            feeless(worker, id);
            Market::claimable(id, worker);
        }
        assert_eq!(root(), before);
        let call = RuntimeCall::Market(Call::claim { job: id });
        assert!(!call.is_feeless(&RuntimeOrigin::root()));
        assert!(!call.is_feeless(&RuntimeOrigin::none()));
        assert_noop!(
            Market::claim(RuntimeOrigin::root(), id),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn a_pause_keeps_nobody_from_what_others_have_delivered() {
    run(|| {
        let id = submit(8);
        let batch = claim(10, id);
        Paused::set(&[id].into());
        refuses(12, id, Error::InputMissing);
        Market::delivered(id, batch, &10);
        // Its other replica, for whoever does not lack the input itself.
        Withheld::set(&[(id, OPERATORS + 12)].into());
        refuses(12, id, Error::InputMissing);
        assert_eq!(claim(13, id), batch);
        refuses(14, id, Error::InputMissing);
    });
}

#[test]
fn an_operator_whose_input_is_missing_gets_nothing_but_what_a_challenge_ordered() {
    run(|| {
        let id = submit(4);
        Withheld::set(&[(id, OPERATORS + 10), (id + 1, OPERATORS + 11)].into());
        refuses(10, id, Error::InputMissing);
        // Another operator, in the same job.
        let batch = claim(11, id);
        frame_support::assert_ok!(Market::challenge(id, batch, &CHALLENGER));
        assert_eq!(claim(10, id), batch, "the only one under challenge");
        refuses(10, id, Error::InputMissing);
    });
}

#[test]
fn a_claim_gives_back_the_weight_of_what_it_did_not_look_at() {
    run(|| {
        // GIVEN a window of which one batch after the other is the worker's
        let id = submit(8);
        for _ in 0..4 {
            let record = job(id);
            let open = |batch: &u32| Batches::<Test>::get(id, batch).is_none();
            let at = Market::shuffled(&10, id, &record).position(|batch| open(&batch));
            let looked_at = at.expect("one is open") as u32 + 1;
            // THEN a claim weighs as many as it looked at
            let claimed = Market::claim(RuntimeOrigin::signed(10), id).expect("one is open");
            let weight = <Test as Config>::WeightInfo::claim(looked_at, 0, 0, 0);
            assert_eq!(claimed.actual_weight, Some(weight));
        }
        // AND of what the job asks for and pays as much as it does
        let mut strict = spec(8);
        strict.constraints.min_streak = 1;
        let strict = submit_spec(strict);
        let mut adaptive = spec(8);
        adaptive.policy = Policy::Adaptive;
        let adaptive = submit_spec(adaptive);
        let claimed = |worker, id| {
            change_worker(worker, |worker| worker.trust.streak = 1);
            let done = Market::claim(RuntimeOrigin::signed(worker), id);
            done.expect("one is open").actual_weight
        };
        let weight = |r, c, p| Some(<Test as Config>::WeightInfo::claim(1, r, c, p));
        assert_eq!(claimed(11, strict), weight(0, 1, 0));
        assert_eq!(claimed(11, adaptive), weight(1, 0, 0));
        let (requester, bid) = (RuntimeOrigin::signed(REQUESTER), PRICE + 1);
        frame_support::assert_ok!(Market::raise(requester, strict, bid));
        assert_eq!(claimed(12, strict), weight(0, 1, 1));
        // AND before it is carried out, as many as there can be
        let most = <Test as Config>::WeightInfo::claim(WINDOW, MAX_ASSIGNMENTS, 1, 1);
        assert_eq!(
            Call::<Test>::claim { job: id }
                .get_dispatch_info()
                .call_weight,
            most
        );
    });
}
