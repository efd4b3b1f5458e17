//! Benchmarks of the verifier, over the market and whatever neighbours the runtime has.

use alloc::vec;
use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    traits::{
        Get,
        fungible::{Inspect, Mutate},
    },
};
use frame_system::{Pallet as System, RawOrigin, pallet_prelude::BlockNumberFor};
use pallet_market::{
    Constraints, JobSpec, MAX_ASSIGNMENTS, NextJobId, Pallet as Market, Policy, RaisedPrices,
    SUMMONS_STEP, WINDOW,
};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash, One, Saturating};
use sungrid_primitives::{
    BatchIndex, JobId,
    attributes::{Tier, Tiers},
    job::Cut,
    policy::{MAX_REPLICAS, MAX_TRUST, Trust},
    receipt::{self, BatchSummary},
    suns::CPU_1,
    traits::{Assignment, CPU_1_ID, Images, Income, Pricing, Verifier, Workers},
    witness,
};

use crate::*;

const ENVIRONMENT: H256 = H256::repeat_byte(1);
const IMAGE: H256 = H256::repeat_byte(2);
const SALT: [u8; 32] = [7; 32];

fn worker<T: Config>(n: u32) -> T::AccountId {
    account("worker", n, 0)
}

/// A job of one batch, and as many workers as can ever get it.
fn prepare<T: Config>(policy: Policy) -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    prepare_units::<T>(policy, 1)
}

/// A job of one batch of so many units, and workers for it.
fn prepare_units<T: Config>(policy: Policy, units: u32) -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let requester: T::AccountId = account("requester", 0, 0);
    let developer: T::AccountId = account("developer", 0, 0);
    let pot = <T as pallet_market::Config>::Income::pot();
    for who in [&requester, &developer, &pot] {
        let funds = <T as pallet_market::Config>::Currency::minimum_balance() + (1 << 80);
        assert!(<T as pallet_market::Config>::Currency::mint_into(who, funds).is_ok());
    }
    // Its balance changes with every payment of a block, and is written once: the beginning of the block weighs that.
    whitelist_account!(pot);
    <T as pallet_market::Config>::Pricing::prepare(CPU_1_ID, CPU_1, 1, ENVIRONMENT);
    <T as pallet_market::Config>::Images::prepare(&IMAGE, &developer);
    for n in 1..=MAX_ASSIGNMENTS {
        let operator = account("operator", n, 0);
        <T as pallet_market::Config>::Workers::prepare(&worker::<T>(n), &operator, ENVIRONMENT);
    }
    let job = NextJobId::<T>::get();
    let spec = JobSpec {
        image: IMAGE,
        input: H256::repeat_byte(3),
        units,
        batch_size: units,
        price: 3_600_000_000,
        fuel_limit: 1_000_000_000,
        memory_limit: 1 << 30,
        traffic_limit: 300_000,
        policy,
        profile: CPU_1_ID,
        environment: ENVIRONMENT,
        deadline: System::<T>::block_number().saturating_add(T::MaxJobBlocks::get()),
        endpoint: vec![1; 256].try_into().expect("within the bound"),
        constraints: Constraints::default(),
        after: None,
    };
    assert!(Market::<T>::submit(RawOrigin::Signed(requester).into(), spec).is_ok());
    job
}

fn claim<T: Config>(n: u32, job: JobId) {
    assert!(Market::<T>::claim(RawOrigin::Signed(worker::<T>(n)).into(), job).is_ok());
}

fn summary(n: u8) -> BatchSummary {
    BatchSummary {
        root: H256::repeat_byte(n),
        fuel: 1,
        charge: 1,
    }
}

fn seal<T: Config>(n: u32, job: JobId, summary: &BatchSummary) -> H256 {
    receipt::commitment(job, 0, summary, worker::<T>(n).as_ref(), &SALT)
}

fn commit<T: Config>(n: u32, job: JobId, summary: &BatchSummary) {
    let (digest, seal) = (receipt::digest(job, 0, summary), seal::<T>(n, job, summary));
    let origin = RawOrigin::Signed(worker::<T>(n)).into();
    assert!(Pallet::<T>::commit(origin, job, 0, 1, digest, seal).is_ok());
}

fn decline<T: Config>(n: u32, job: JobId) {
    let origin = RawOrigin::Signed(worker::<T>(n)).into();
    assert!(Pallet::<T>::decline(origin, job, 0).is_ok());
}

fn reveal<T: Config>(n: u32, job: JobId, summary: &BatchSummary) {
    let origin = RawOrigin::Signed(worker::<T>(n)).into();
    assert!(Pallet::<T>::reveal(origin, job, 0, *summary, SALT, H256::zero()).is_ok());
}

/// At a confidence of 90 % five workers report five other results and seven the same: as many as can get the batch,
/// and the most payments from losers to winners.
const TRUST: u32 = 10;
const LIARS: u32 = 5;

fn answer(n: u32) -> BatchSummary {
    summary(if n <= LIARS { n as u8 } else { 0 })
}

/// The draw that a batch waits for takes place, and reaches everybody.
fn draw<T: Config>(job: JobId) {
    if let Some(Stage::Drawing { at }) = Ballots::<T>::get(job, 0).map(|ballot| ballot.stage) {
        System::<T>::set_block_number(at);
        Pallet::<T>::deadline(job, 0);
        System::<T>::set_block_number(at.saturating_add((8 * SUMMONS_STEP).into()));
    }
}

/// The largest quorum of new workers, who all agree: so many have sealed. Returns how many it takes.
fn agreeing<T: Config>(job: JobId, sealed: impl Fn(u32) -> u32) -> u32 {
    let replicas = Policy::Quorum(MAX_TRUST).paid_results();
    claim::<T>(1, job);
    commit::<T>(1, job, &summary(1));
    draw::<T>(job);
    for n in 2..=replicas {
        claim::<T>(n, job);
    }
    for n in 2..=sealed(replicas) {
        commit::<T>(n, job, &summary(1));
    }
    replicas
}

/// As many replicas as can be ordered at once, all of them claimed and all but so many sealed; others have declined something of the job.
fn sealed_but_for<T: Config>(count: u32) -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let job = prepare::<T>(Policy::Replicate(MAX_REPLICAS));
    for n in 1..=MAX_REPLICAS.into() {
        claim::<T>(n, job);
    }
    for n in 1..=u32::from(MAX_REPLICAS).saturating_sub(count) {
        commit::<T>(n, job, &summary(1));
    }
    Decliners::<T>::insert(job, decliners::<T>(MAX_DECLINERS));
    job
}

/// Who is the next to seal, and what: the same as all others.
fn next_seal<T: Config>(job: JobId) -> (T::AccountId, H256, H256) {
    let sealed = Ballots::<T>::get(job, 0).map_or(0, |ballot| ballot.sealed());
    let next = sealed.saturating_add(1);
    let digest = receipt::digest(job, 0, &summary(1));
    (worker::<T>(next), digest, seal::<T>(next, job, &summary(1)))
}

/// All of them but the last have sealed.
fn all_but_one<T: Config>() -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let job = prepare::<T>(Policy::Quorum(TRUST));
    let mut next = 1;
    while next <= MAX_ASSIGNMENTS {
        let from = next;
        while next <= MAX_ASSIGNMENTS && Market::<T>::claimable(job, worker::<T>(next)) {
            claim::<T>(next, job);
            next += 1;
        }
        assert!(next > from);
        for n in from..next.min(MAX_ASSIGNMENTS) {
            commit::<T>(n, job, &answer(n));
        }
        draw::<T>(job);
    }
    job
}

/// All of them have sealed, and all but the last of those who agree have revealed.
fn crowded<T: Config>() -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let job = all_but_one::<T>();
    commit::<T>(MAX_ASSIGNMENTS, job, &answer(MAX_ASSIGNMENTS));
    for n in LIARS + 1..MAX_ASSIGNMENTS {
        reveal::<T>(n, job, &answer(n));
    }
    job
}

/// A batch that as many workers as can get one have claimed, and the first of them declined, one for each that there was no place for.
fn taken_by_all<T: Config>(policy: Policy, units: u32) -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let job = prepare_units::<T>(policy, units);
    let mut oldest = 1;
    for n in 1..=MAX_ASSIGNMENTS {
        // Nobody counts yet.
        Decliners::<T>::remove(job);
        if !Market::<T>::claimable(job, worker::<T>(n)) {
            decline::<T>(oldest, job);
            Decliners::<T>::remove(job);
            oldest += 1;
        }
        claim::<T>(n, job);
    }
    job
}

/// As many workers as can get a batch have had it, and as many of them as can have it at once compute it, in the last block of their deadline. It has
/// a price of its own.
fn busy<T: Config>(units: u32) -> (JobId, u32)
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let working = |job| Ballots::<T>::get(job, 0).map_or(0, |ballot| ballot.replicas.len() as u32);
    let mut job = taken_by_all::<T>(Policy::Quorum(MAX_TRUST), units);
    if working(job) < MAX_REPLICAS.into() {
        job = taken_by_all::<T>(Policy::Replicate(MAX_REPLICAS), units);
    }
    let ballot = Ballots::<T>::get(job, 0).expect("in flight");
    let deadlines = ballot
        .replicas
        .iter()
        .filter_map(|replica| match replica.state {
            ReplicaState::Working { until } => Some(until),
            _ => None,
        });
    let until = deadlines.max().expect("somebody computes it");
    System::<T>::set_block_number(until);
    RaisedPrices::<T>::insert(job, 0, 3_600_000_001);
    (job, working(job))
}

/// A result that seven workers have found.
fn accepted<T: Config>() -> (JobId, BatchIndex)
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let job = crowded::<T>();
    reveal::<T>(MAX_ASSIGNMENTS, job, &answer(MAX_ASSIGNMENTS));
    (job, 0)
}

/// A result of as many winners as there can be, whom nobody shares with another batch, all of them rated.
pub(crate) fn prepare_result<T: Config>(job: JobId, batch: BatchIndex) {
    let winners = (0..MAX_ASSIGNMENTS).map(|n| {
        let n = batch.saturating_mul(MAX_ASSIGNMENTS).saturating_add(n);
        let operator: T::AccountId = account("winner", n, 0);
        Rated::<T>::insert(job, &operator, ());
        Winner {
            worker: operator.clone(),
            operator,
            bundle: H256::zero(),
        }
    });
    let result = ResultRecord {
        summary: summary(1),
        winners: BoundedVec::truncate_from(winners.collect()),
        checked: false,
        at: System::<T>::block_number(),
        paid: 1,
        outputs: Outputs::Owed,
        witnesses: BoundedVec::truncate_from(
            (0..WITNESSES).map(|n| account("witness", n, 0)).collect(),
        ),
    };
    Results::<T>::insert(job, batch, result);
}

/// The only result of an optimistic job.
fn standing<T: Config>() -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let job = prepare::<T>(Policy::Optimistic);
    claim::<T>(1, job);
    commit::<T>(1, job, &summary(1));
    reveal::<T>(1, job, &summary(1));
    job
}

/// A result that as many workers as can get a batch are said to have found.
pub(crate) fn found_by_all<T: Config>() -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let (job, batch) = accepted::<T>();
    let all = (1..=MAX_ASSIGNMENTS).map(|n| Winner {
        worker: worker::<T>(n),
        operator: account("operator", n, 0),
        bundle: H256::zero(),
    });
    let all: alloc::vec::Vec<_> = all.collect();
    Results::<T>::mutate(job, batch, |result| {
        result.as_mut().expect("accepted").winners = all.try_into().expect("within the bound");
    });
    job
}

/// The same of a batch of so many units that was cut so often: one unit is in each part but the last.
pub(crate) fn parts_found_by_all<T: Config>(units: u32, parts: u32) -> JobId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    let job = found_by_all::<T>();
    let result = Results::<T>::get(job, 0).expect("accepted");
    pallet_market::Jobs::<T>::mutate(job, |record| {
        let record = record.as_mut().expect("accepted");
        (record.spec.units, record.spec.batch_size) = (units, units);
        let mut cut = 0;
        for first in 1..parts {
            let of = Cut { batch: cut, first };
            record.cuts.try_push(of).expect("within the bound");
            cut = first;
            Results::<T>::insert(job, cut, result.clone());
        }
    });
    job
}

fn call_witnesses<T: Config>(job: JobId) {
    let requester: T::AccountId = account("requester", 0, 0);
    assert!(Pallet::<T>::call_witnesses(RawOrigin::Signed(requester).into(), job, 0).is_ok());
}

/// As many witnesses as are drawn, who have all but the last sealed that they found nothing.
fn witnessed<T: Config>(job: JobId) -> T::AccountId
where
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    call_witnesses::<T>(job);
    let until = System::<T>::block_number().saturating_add(T::WitnessWindow::get());
    let mut witnesses = alloc::vec::Vec::new();
    for n in 1..=WITNESSES {
        let key: T::AccountId = account("witness", n, 0);
        let operator = account("witness operator", n, 0);
        <T as pallet_market::Config>::Workers::prepare(&key, &operator, ENVIRONMENT);
        let seal = witness::seal(job, 0, key.as_ref(), &None, &SALT);
        witnesses.push(Witness {
            assignment: Assignment {
                worker: key,
                operator,
            },
            testimony: if n == WITNESSES {
                Testimony::Awaited
            } else {
                Testimony::Sealed(seal)
            },
        });
    }
    let last = witnesses.last().expect("some").assignment.worker.clone();
    Calls::<T>::mutate(job, 0, |call| {
        let call = call.as_mut().expect("open");
        call.stage = CallStage::Sealing { until };
        call.witnesses = witnesses.try_into().expect("within the bound");
    });
    last
}

/// So many operators whose declines count.
fn decliners<T: Config>(count: u32) -> DeclinersOf<T> {
    let decliner = |n| Decliner {
        operator: account("decliner", n, 0),
        rests_until: System::<T>::block_number(),
        counts_until: Some(System::<T>::block_number().saturating_add(T::PauseLength::get())),
        handed_back: 0,
    };
    let all: alloc::vec::Vec<_> = (0..count).map(decliner).collect();
    all.try_into().expect("within the bound")
}

#[benchmarks(where <T as pallet_market::Config>::Currency: Mutate<T::AccountId>)]
mod benches {
    use super::*;

    /// The last of as many workers as can get a batch agrees with nobody: nobody can tell who is right.
    #[benchmark]
    fn commit() {
        let job = all_but_one::<T>();
        let last = MAX_ASSIGNMENTS;
        let mut known = decliners::<T>(MAX_DECLINERS);
        known.last_mut().expect("some").operator = account("operator", last, 0);
        Decliners::<T>::insert(job, known);
        let (digest, seal) = (
            receipt::digest(job, 0, &summary(200)),
            seal::<T>(last, job, &summary(200)),
        );

        #[extrinsic_call]
        _(
            RawOrigin::Signed(worker::<T>(last)),
            job,
            0,
            1,
            digest,
            seal,
        );

        assert_eq!(Decliners::<T>::get(job).len() as u32, MAX_DECLINERS - 1);
        assert!(Market::<T>::job(job).is_some_and(|job| job.failed == 1 && job.has_ended()));
    }

    /// The last of as many workers as can get a batch seals half of it, late: nobody is to be had for the rest.
    #[benchmark]
    fn commit_part() {
        let (job, working) = busy::<T>(2);
        let last = MAX_ASSIGNMENTS;
        Decliners::<T>::insert(job, decliners::<T>(MAX_DECLINERS.saturating_sub(1)));
        let (digest, seal) = (
            receipt::digest(job, 0, &summary(1)),
            seal::<T>(last, job, &summary(1)),
        );

        #[extrinsic_call]
        commit(
            RawOrigin::Signed(worker::<T>(last)),
            job,
            0,
            1,
            digest,
            seal,
        );

        let record = Market::<T>::job(job).expect("not cleaned up");
        assert_eq!((record.made(), record.failed, record.in_flight), (1, 1, 1));
        let ballot = Ballots::<T>::get(job, 0).expect("in flight");
        assert_eq!(
            (ballot.replicas.len() as u32, ballot.sealed()),
            (working, 1)
        );
        assert!(RaisedPrices::<T>::contains_key(job, 1));
    }

    /// The commitment that opens the reveals of the largest quorum.
    #[benchmark]
    fn commit_open() {
        let job = prepare::<T>(Policy::Quorum(MAX_TRUST));
        let replicas = agreeing::<T>(job, |all| all.saturating_sub(1));
        let (digest, seal) = (
            receipt::digest(job, 0, &summary(1)),
            seal::<T>(replicas, job, &summary(1)),
        );

        #[extrinsic_call]
        commit(
            RawOrigin::Signed(worker::<T>(replicas)),
            job,
            0,
            1,
            digest,
            seal,
        );

        let ballot = Ballots::<T>::get(job, 0).expect("in flight");
        assert!(matches!(ballot.stage, Stage::Revealing { .. }));
    }

    /// The last commitment of as many as can be ordered at once opens the reveals. Checked twice, as it is where it is free.
    #[benchmark]
    fn commit_few() {
        let job = sealed_but_for::<T>(1);
        let (worker, digest, seal) = next_seal::<T>(job);

        #[block]
        {
            let free = Pallet::<T>::check_commit_of(&worker, job, 0, 1).is_ok();
            let origin = RawOrigin::Signed(worker.clone()).into();
            let done = Pallet::<T>::commit(origin, job, 0, 1, digest, seal);
            let spent = done.expect("free").actual_weight;
            assert!(free && spent == Some(<T as Config>::WeightInfo::commit_few()));
        }

        let ballot = Ballots::<T>::get(job, 0).expect("in flight");
        assert!(matches!(ballot.stage, Stage::Revealing { .. }));
    }

    /// The commitment before that.
    #[benchmark]
    fn commit_awaited() {
        let job = sealed_but_for::<T>(2);
        let (worker, digest, seal) = next_seal::<T>(job);

        #[block]
        {
            let free = Pallet::<T>::check_commit_of(&worker, job, 0, 1).is_ok();
            let origin = RawOrigin::Signed(worker.clone()).into();
            let done = Pallet::<T>::commit(origin, job, 0, 1, digest, seal);
            let spent = done.expect("free").actual_weight;
            assert!(free && spent == Some(<T as Config>::WeightInfo::commit_awaited()));
        }

        let ballot = Ballots::<T>::get(job, 0).expect("in flight");
        assert!(matches!(ballot.stage, Stage::Sealing));
    }

    /// The reveal that decides a batch which as many workers as possible have had: seven are right, five slashed.
    #[benchmark]
    fn reveal() {
        let job = crowded::<T>();
        let last = MAX_ASSIGNMENTS;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(worker::<T>(last)),
            job,
            0,
            answer(last),
            SALT,
            H256::zero(),
        );

        assert!(Results::<T>::get(job, 0).is_some_and(|r| r.winners.len() == 7));
        assert!(Market::<T>::job(job).is_some_and(|job| job.settled == 1 && job.has_ended()));
    }

    /// The reveal that decides for a few replicas and ends the job. Checked twice, as it is where it is free.
    #[benchmark]
    fn reveal_few(w: Linear<2, FEW>, p: Linear<0, 2>) {
        let job = prepare::<T>(Policy::Replicate(w as u8));
        for n in p + 1..=w {
            <T as pallet_market::Config>::Workers::prepare_alone(&worker::<T>(n));
        }
        for n in 1..=w {
            claim::<T>(n, job);
        }
        for n in 1..=w {
            super::commit::<T>(n, job, &summary(1));
        }
        for n in 1..w {
            super::reveal::<T>(n, job, &summary(1));
        }

        let worker = worker::<T>(w);

        #[block]
        {
            let free = Pallet::<T>::check_reveal(&worker, job, 0, &summary(1), &SALT).is_ok();
            let origin = RawOrigin::Signed(worker.clone()).into();
            let done = Pallet::<T>::reveal(origin, job, 0, summary(1), SALT, H256::zero());
            assert!(free && done.is_ok());
        }

        assert!(Market::<T>::job(job).is_some_and(|job| job.settled == 1 && job.has_ended()));
    }

    /// The first of the reveals of the largest quorum.
    #[benchmark]
    fn reveal_open() {
        let job = prepare::<T>(Policy::Quorum(MAX_TRUST));
        agreeing::<T>(job, |all| all);

        #[extrinsic_call]
        reveal(
            RawOrigin::Signed(worker::<T>(1)),
            job,
            0,
            summary(1),
            SALT,
            H256::zero(),
        );

        assert!(Ballots::<T>::contains_key(job, 0));
    }

    #[benchmark]
    fn challenge() {
        let job = standing::<T>();
        let challenger: T::AccountId = account("requester", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(challenger), job, 0);

        assert!(Ballots::<T>::get(job, 0).is_some_and(|b| b.jury_until.is_some()));
    }

    /// The last of as many workers as can get the batch declines, late; its job is paused, and the batch fails.
    #[benchmark]
    fn decline() {
        let (job, _) = busy::<T>(1);
        let pauses = T::DeclinesToPause::get();
        Decliners::<T>::insert(job, decliners::<T>(pauses.saturating_sub(1)));
        let last = worker::<T>(MAX_ASSIGNMENTS);

        #[extrinsic_call]
        _(RawOrigin::Signed(last), job, 0);

        assert!(Pallet::<T>::decliners(job).0);
        assert!(Market::<T>::job(job).is_some_and(|job| job.failed == 1 && job.has_ended()));
    }

    /// The last assignment that there is, late: the batch fails.
    #[benchmark]
    fn hand_back() {
        let (job, _) = busy::<T>(1);
        Decliners::<T>::insert(job, decliners::<T>(MAX_DECLINERS.saturating_sub(1)));
        let last = worker::<T>(MAX_ASSIGNMENTS);

        #[extrinsic_call]
        _(RawOrigin::Signed(last), job, 0);

        assert!(Market::<T>::job(job).is_some_and(|job| job.failed == 1 && job.has_ended()));
    }

    #[benchmark]
    fn resume() {
        let job = prepare::<T>(Policy::Replicate(2));
        Decliners::<T>::insert(job, decliners::<T>(MAX_DECLINERS));
        Market::<T>::charge_deposit(job, T::ClaimFee::get());
        let requester: T::AccountId = account("requester", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(requester), job);

        assert!(!Pallet::<T>::decliners(job).0);
    }

    /// Results that stand, of a job that goes on.
    #[benchmark]
    fn acknowledge(b: Linear<1, MAX_RECEIPT>) {
        let job = standing::<T>();
        let ballot = Ballots::<T>::get(job, 0).expect("in flight");
        for batch in 1..b {
            Ballots::<T>::insert(job, batch, &ballot);
        }
        pallet_market::Jobs::<T>::mutate(job, |job| {
            let job = job.as_mut().expect("open");
            (job.batches, job.next_batch) = (b.saturating_add(WINDOW), b);
            job.window = (b..b.saturating_add(WINDOW))
                .collect::<alloc::vec::Vec<_>>()
                .try_into()
                .expect("full");
        });
        let requester: T::AccountId = account("requester", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(requester), job, b);

        assert_eq!(Received::<T>::get(job), b);
        let now = System::<T>::block_number();
        let last = Ballots::<T>::get(job, b - 1).expect("in flight");
        assert!(matches!(last.stage, Stage::Standing { until, .. } if until == now));
    }

    #[benchmark]
    fn rate() {
        let job = crowded::<T>();
        super::reveal::<T>(MAX_ASSIGNMENTS, job, &answer(MAX_ASSIGNMENTS));
        let requester: T::AccountId = account("requester", 0, 0);
        let operator: T::AccountId = account("operator", MAX_ASSIGNMENTS, 0);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(requester),
            job,
            0,
            operator.clone(),
            MOST_STARS,
        );

        assert_eq!(Ratings::<T>::get(operator).count, 1);
    }

    /// A result that as many workers as can get a batch have found.
    #[benchmark]
    fn call_witnesses() {
        let job = found_by_all::<T>();
        let requester: T::AccountId = account("requester", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(requester), job, 0);

        assert!(Calls::<T>::contains_key(job, 0));
    }

    /// The seal that opens the testimonies.
    #[benchmark]
    fn attest() {
        let job = found_by_all::<T>();
        let last = witnessed::<T>(job);
        let seal = witness::seal(job, 0, last.as_ref(), &None, &SALT);

        #[extrinsic_call]
        _(RawOrigin::Signed(last), job, 0, seal);

        let call = Calls::<T>::get(job, 0).expect("open");
        assert!(matches!(call.stage, CallStage::Opening { .. }));
    }

    /// The last of the witnesses says, too, that nobody serves the outputs: all who found the result are slashed.
    #[benchmark]
    fn testify() {
        let job = found_by_all::<T>();
        let last = witnessed::<T>(job);
        let seal = witness::seal(job, 0, last.as_ref(), &None, &SALT);
        let origin = RawOrigin::Signed(last.clone());
        assert!(Pallet::<T>::attest(origin.into(), job, 0, seal).is_ok());
        for n in 1..WITNESSES {
            let origin = RawOrigin::Signed(account("witness", n, 0));
            assert!(Pallet::<T>::testify(origin.into(), job, 0, None, SALT).is_ok());
        }

        #[extrinsic_call]
        _(RawOrigin::Signed(last), job, 0, None, SALT);

        assert!(Results::<T>::get(job, 0).is_some_and(|r| r.outputs == Outputs::Withheld));
    }

    /// As many workers as can have a batch at once miss its deadline, after all others who can get it have declined: it fails, and the job
    /// ends.
    #[benchmark]
    fn deadline() {
        let (job, _) = busy::<T>(1);
        let until = System::<T>::block_number();
        System::<T>::set_block_number(until.saturating_add(One::one()));

        #[block]
        {
            Pallet::<T>::deadline(job, 0);
        }

        assert!(Ballots::<T>::get(job, 0).is_none());
        assert!(Market::<T>::job(job).is_some_and(|job| job.failed == 1 && job.has_ended()));
    }

    /// As many workers as are looked at, of too few operators to end it sooner.
    #[benchmark]
    fn draw_witnesses() {
        let job = found_by_all::<T>();
        for n in 0..LOOKED_AT {
            let key: T::AccountId = account("stranger", n, 0);
            let operator = account("stranger operator", n % LEAST_WITNESSES, 0);
            <T as pallet_market::Config>::Workers::prepare(&key, &operator, ENVIRONMENT);
            let streak = 1;
            Trusts::<T>::insert(&key, ENVIRONMENT, Trust { streak, score: 0 });
        }
        pallet_market::Jobs::<T>::mutate_extant(job, |record| {
            record.spec.constraints.min_streak = 1;
            record.spec.constraints.tiers = Tiers::default().map(|_| Tier::Attested);
        });
        super::call_witnesses::<T>(job);
        let at = System::<T>::block_number().saturating_add(T::DrawDelay::get());
        System::<T>::set_block_number(at);

        #[block]
        {
            Pallet::<T>::deadline(job, 0);
        }

        let call = Calls::<T>::get(job, 0).expect("open");
        // A mock may have more operators; a runtime has no others, and looks at all that it may.
        assert!(matches!(call.stage, CallStage::Sealing { .. }));
    }

    #[benchmark]
    fn forget_trust() {
        let departed = worker::<T>(0);
        for n in 0..FORGOTTEN_AT_ONCE {
            let environment: H256 = BlakeTwo256::hash_of(&n);
            Trusts::<T>::insert(&departed, environment, Trust::default());
        }
        let caller: T::AccountId = whitelisted_caller();

        #[extrinsic_call]
        _(RawOrigin::Signed(caller), departed.clone());

        assert_eq!(Trusts::<T>::iter_key_prefix(&departed).count(), 0);
    }

    #[benchmark]
    fn forget_rating() {
        let departed: T::AccountId = account("departed", 0, 0);
        Ratings::<T>::insert(&departed, Rating { stars: 5, count: 1 });
        Caught::<T>::insert(&departed, BlockNumberFor::<T>::default());
        AuditedUntil::<T>::insert(&departed, BlockNumberFor::<T>::default());
        let caller: T::AccountId = whitelisted_caller();

        #[extrinsic_call]
        _(RawOrigin::Signed(caller), departed.clone());

        assert!(
            !Ratings::<T>::contains_key(&departed) && !AuditedUntil::<T>::contains_key(&departed)
        );
    }

    /// A result stands, and its window is not over.
    #[benchmark]
    fn deadline_moot() {
        let job = standing::<T>();
        let weight;

        #[block]
        {
            weight = Pallet::<T>::deadline(job, 0);
        }

        assert_eq!(weight, <T as Config>::WeightInfo::deadline_moot());
        assert!(Ballots::<T>::contains_key(job, 0));
    }

    #[benchmark]
    fn beacon() {
        let before = Beacon::<T>::get();

        #[block]
        {
            Pallet::<T>::advance_beacon();
        }

        assert_ne!(Beacon::<T>::get(), before);
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
