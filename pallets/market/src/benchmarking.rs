//! Benchmarks of the market, with whatever neighbours the runtime has.

use alloc::vec;
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{
        Get,
        fungible::{Inspect, Mutate},
    },
    weights::{Weight, WeightMeter},
};
use frame_system::{RawOrigin, pallet_prelude::BlockNumberFor};
use sp_core::H256;
use sp_runtime::traits::{One, Saturating};
use sungrid_primitives::{
    BatchIndex, JobId,
    attributes::{Tier, Tiers},
    policy::{self, MAX_REPLICAS},
    suns::CPU_1,
    traits::{Assignment, CPU_1_ID, Images, Income, Pricing, Verifier, Workers},
};

use crate::*;

const ENVIRONMENT: H256 = H256::repeat_byte(1);
const IMAGE: H256 = H256::repeat_byte(2);

type CurrencyOf<T> = <T as Config>::Currency;

fn fund<T: Config>(who: &T::AccountId)
where
    T::Currency: Mutate<T::AccountId>,
{
    let funds = CurrencyOf::<T>::minimum_balance().saturating_add(1 << 80);
    assert!(CurrencyOf::<T>::mint_into(who, funds).is_ok());
}

/// Everything that a job refers to, and its requester.
fn prepare<T: Config>() -> T::AccountId
where
    T::Currency: Mutate<T::AccountId>,
{
    let requester: T::AccountId = whitelisted_caller();
    let developer: T::AccountId = account("developer", 0, 0);
    let pot = T::Income::pot();
    for who in [&requester, &developer, &pot] {
        fund::<T>(who);
    }
    // Its balance changes with every payment of a block, and is written once: the beginning of the block weighs that.
    whitelist_account!(pot);
    T::Pricing::prepare(CPU_1_ID, CPU_1, 1, ENVIRONMENT);
    T::Images::prepare(&IMAGE, &developer);
    requester
}

/// The largest specification that a call can carry.
fn spec<T: Config>(units: u32) -> JobSpecOf<T> {
    let now = frame_system::Pallet::<T>::block_number();
    JobSpec {
        image: IMAGE,
        input: H256::repeat_byte(3),
        units,
        batch_size: 1,
        price: 3_600_000_000,
        fuel_limit: 1_000_000_000,
        memory_limit: 1 << 30,
        traffic_limit: 300_000,
        policy: Policy::Replicate(MAX_REPLICAS),
        profile: CPU_1_ID,
        environment: ENVIRONMENT,
        deadline: now.saturating_add(T::MaxJobBlocks::get()),
        endpoint: vec![1; 256].try_into().expect("within the bound"),
        after: None,
        constraints: Constraints {
            jurisdictions: vec![
                *b"DE", *b"FR", *b"CH", *b"AT", *b"NL", *b"BE", *b"LU", *b"DK",
            ]
            .try_into()
            .expect("within the bound"),
            ..Constraints::default()
        },
    }
}

fn submit<T: Config>(units: u32) -> JobId
where
    T::Currency: Mutate<T::AccountId>,
{
    let requester = prepare::<T>();
    let id = NextJobId::<T>::get();
    assert!(Pallet::<T>::submit(RawOrigin::Signed(requester).into(), spec::<T>(units)).is_ok());
    id
}

fn worker<T: Config>(n: u32) -> (T::AccountId, T::AccountId) {
    let (worker, operator) = (account("worker", n, 0), account("operator", n, 0));
    T::Workers::prepare(&worker, &operator, ENVIRONMENT);
    (worker, operator)
}

/// The worker has had the batch, which wants another replica, after all others who can get one.
fn had<T: Config>(id: JobId, batch: BatchIndex, worker: &T::AccountId, operator: &T::AccountId) {
    let others = (2..MAX_ASSIGNMENTS).map(|n| {
        let other: T::AccountId = account("other", n, 0);
        (other.clone(), other)
    });
    let own = core::iter::once((worker.clone(), operator.clone()));
    let claimants: alloc::vec::Vec<_> = others
        .chain(own)
        .map(|(worker, operator)| Claimant {
            worker,
            operator,
            jurisdiction: *b"CH",
            working: false,
        })
        .collect();
    let record = BatchRecord {
        assignments: claimants.try_into().expect("within the bound"),
        wanted: 1,
        summons: None,
        challenge: None,
        delivered: false,
    };
    Batches::<T>::insert(id, batch, record);
}

/// So many workers have a batch of a quorum, which wants another one.
fn shared<T: Config>(id: JobId, batch: BatchIndex, workers: u32) {
    let spec = Jobs::<T>::get(id).expect("submitted").spec;
    let mut claimants = alloc::vec::Vec::new();
    for n in 1..=workers {
        let (worker, operator) = worker::<T>(n);
        let assignment = Assignment {
            worker: worker.clone(),
            operator: operator.clone(),
        };
        let (policy, environment) = (&spec.policy, &spec.environment);
        T::Verifier::assigned(
            id,
            batch,
            assignment,
            policy,
            environment,
            1,
            MAX_ASSIGNMENTS,
        );
        claimants.push(Claimant {
            worker,
            operator,
            jurisdiction: *b"CH",
            working: true,
        });
    }
    let record = BatchRecord {
        assignments: claimants.try_into().expect("within the bound"),
        wanted: 1,
        summons: None,
        challenge: None,
        delivered: false,
    };
    Batches::<T>::insert(id, batch, record);
}

/// A job whose window is full of new batches while as many started ones wait.
fn crowded<T: Config>() -> JobId
where
    T::Currency: Mutate<T::AccountId>,
{
    let id = submit::<T>(4 * WINDOW);
    let (worker, operator) = worker::<T>(0);
    for batch in WINDOW..2 * WINDOW {
        had::<T>(id, batch, &worker, &operator);
        Waiting::<T>::insert(id, batch, ());
    }
    change::<T>(id, |job| {
        job.waiting = WINDOW;
        job.in_flight = WINDOW;
        job.next_batch = 2 * WINDOW;
    });
    id
}

fn change<T: Config>(id: JobId, change: impl FnOnce(&mut JobRecordOf<T>)) {
    let mut job = Jobs::<T>::get(id).expect("submitted");
    change(&mut job);
    Jobs::<T>::insert(id, job);
}

fn past_deadline<T: Config>(id: JobId) {
    let deadline = Jobs::<T>::get(id).expect("submitted").spec.deadline;
    frame_system::Pallet::<T>::set_block_number(deadline);
}

/// As many jobs as may come after one that is cancelled: the last of them is still pending.
fn chained<T: Config>() -> (JobId, JobId)
where
    T::Currency: Mutate<T::AccountId>,
{
    let before = submit::<T>(4 * WINDOW);
    let requester: T::AccountId = whitelisted_caller();
    for _ in 0..MAX_SUCCESSORS {
        let mut order = spec::<T>(4 * WINDOW);
        order.after = Some(before);
        assert!(Pallet::<T>::submit(RawOrigin::Signed(requester.clone()).into(), order).is_ok());
    }
    assert!(Pallet::<T>::cancel(RawOrigin::Signed(requester).into(), before).is_ok());
    for _ in 1..MAX_SUCCESSORS {
        assert!(!Pallet::<T>::expire_step(before));
    }
    (before, NextJobId::<T>::get().saturating_sub(1))
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benches {
    use super::*;

    #[benchmark]
    fn submit() {
        let before = super::submit::<T>(4 * WINDOW);
        let requester: T::AccountId = whitelisted_caller();
        let mut spec = spec::<T>(4 * WINDOW);
        spec.after = Some(before);

        #[extrinsic_call]
        _(RawOrigin::Signed(requester), spec);

        let job = Jobs::<T>::get(before.saturating_add(1)).expect("submitted");
        assert_eq!(job.state, JobState::Pending);
    }

    /// The operator has had every batch that is looked at but the last, which is the last that its worker had not. `r`: how many have that one with
    /// it, which is a quorum's, or 0 if it is none and new; `c`: whether the job asks for tiers and a streak; `p`: whether its bid was raised.
    /// Checked twice, as it is where it is free.
    #[benchmark]
    fn claim(
        w: Linear<1, WINDOW>,
        r: Linear<0, MAX_ASSIGNMENTS>,
        c: Linear<0, 1>,
        p: Linear<0, 1>,
    ) {
        // Not in the genesis block, or what is measured is another block, which draws differently.
        frame_system::Pallet::<T>::set_block_number(One::one());
        let id = super::submit::<T>(4 * WINDOW);
        let (key, operator) = worker::<T>(0);
        T::Verifier::prepare_trust(&key, &ENVIRONMENT);
        change::<T>(id, |job| {
            let constraints = &mut job.spec.constraints;
            constraints.min_streak = c;
            if c > 0 {
                constraints.tiers = Tiers::default().map(|_| Tier::Attested);
            }
            constraints.distinct_jurisdictions = true;
            if r > 0 {
                job.spec.policy = Policy::Quorum(policy::MAX_TRUST);
            }
            job.price += u128::from(p);
        });
        let job = Jobs::<T>::get(id).expect("submitted");
        let order: alloc::vec::Vec<_> = Pallet::<T>::shuffled(&key, id, &job).collect();
        let (last, others) = order[..w as usize].split_last().expect("one at least");
        for batch in others {
            had::<T>(id, *batch, &key, &operator);
        }
        if r > 1 {
            shared::<T>(id, *last, r - 1);
        }
        change::<T>(id, |job| job.in_flight = w);

        #[block]
        {
            let free = Pallet::<T>::would_claim(&key, id);
            let done = Pallet::<T>::claim(RawOrigin::Signed(key.clone()).into(), id);
            assert!(free && done.is_ok());
        }

        let record = Batches::<T>::get(id, last).expect("claimed");
        assert_eq!(record.assignments.len() as u32, r.max(1));
        assert!(
            record
                .assignments
                .iter()
                .any(|claimant| claimant.worker == key)
        );
        assert_eq!(RaisedPrices::<T>::contains_key(id, last), p > 0);
    }

    /// The window is emptied of new batches and refilled with waiting ones.
    #[benchmark]
    fn cancel() {
        let id = crowded::<T>();
        let requester: T::AccountId = whitelisted_caller();

        #[extrinsic_call]
        _(RawOrigin::Signed(requester), id);

        let job = Jobs::<T>::get(id).expect("submitted");
        assert_eq!(job.state, JobState::Settling(Closing::Cancelled));
        assert_eq!(job.waiting, 0);
    }

    #[benchmark]
    fn repeat() {
        let requester = prepare::<T>();
        let id = NextJobId::<T>::get();
        let spec = spec::<T>(4 * WINDOW);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(requester),
            spec,
            MIN_INTERVAL.into(),
            MAX_STARTS,
        );

        assert!(Series::<T>::contains_key(id));
    }

    #[benchmark]
    fn raise() {
        let id = crowded::<T>();
        let requester: T::AccountId = whitelisted_caller();
        let price = Jobs::<T>::get(id).map_or(0, |job| 2 * job.price);

        #[extrinsic_call]
        _(RawOrigin::Signed(requester), id, price);

        assert_eq!(Jobs::<T>::get(id).map(|job| job.price), Some(price));
    }

    /// Each batch has a result of as many winners as there can be, all of them rated, and a price of its own.
    #[benchmark]
    fn clean_up(b: Linear<1, 50>) {
        let id = super::submit::<T>(256);
        let requester: T::AccountId = whitelisted_caller();
        assert!(Pallet::<T>::cancel(RawOrigin::Signed(requester.clone()).into(), id).is_ok());
        change::<T>(id, |job| {
            job.next_batch = b;
            job.price = 2 * job.spec.price;
        });
        for batch in 0..b {
            RaisedPrices::<T>::insert(id, batch, 1);
            T::Verifier::prepare_result(id, batch);
        }
        let ended = frame_system::Pallet::<T>::block_number();
        frame_system::Pallet::<T>::set_block_number(ended.saturating_add(T::Retention::get()));

        #[extrinsic_call]
        _(RawOrigin::Signed(requester), id);

        match Jobs::<T>::get(id) {
            None => assert!(b <= T::CleanUpLimit::get()),
            Some(job) => assert_eq!(job.cleaned, T::CleanUpLimit::get()),
        }
    }

    /// An entry of a job that is gone.
    #[benchmark]
    fn agenda_lookup() {
        let now = frame_system::Pallet::<T>::block_number();
        let next: BlockNumberFor<T> = now.saturating_add(One::one());
        Pallet::<T>::schedule(next, 7, None);
        let mut meter = WeightMeter::with_limit(Weight::MAX);

        #[block]
        {
            Pallet::<T>::do_agenda(next, &mut meter);
        }

        assert_eq!(Agenda::<T>::iter().count(), 0);
    }

    /// The deadline of a crowded job.
    #[benchmark]
    fn agenda_close() {
        let id = crowded::<T>();
        past_deadline::<T>(id);

        #[block]
        {
            assert!(!Pallet::<T>::expire_step(id));
        }

        let job = Jobs::<T>::get(id).expect("submitted");
        assert_eq!(job.state, JobState::Settling(Closing::Expired));
        assert_eq!(job.waiting, 0);
    }

    /// The last start of a series.
    #[benchmark]
    fn agenda_start() {
        let requester = prepare::<T>();
        let id = NextJobId::<T>::get();
        let order = spec::<T>(4 * WINDOW);
        let every = MIN_INTERVAL.into();
        assert!(Pallet::<T>::repeat(RawOrigin::Signed(requester).into(), order, every, 1).is_ok());
        let next = Series::<T>::get(id).expect("ordered").next;
        frame_system::Pallet::<T>::set_block_number(next);

        #[block]
        {
            assert!(Pallet::<T>::expire_step(id));
        }

        assert!(!Series::<T>::contains_key(id));
        assert!(Jobs::<T>::contains_key(id.saturating_add(1)));
    }

    /// The last of as many jobs as possible ends without input.
    #[benchmark]
    fn agenda_open() {
        let (before, last) = chained::<T>();

        #[block]
        {
            assert!(!Pallet::<T>::expire_step(before));
        }

        assert!(Jobs::<T>::get(last).is_some_and(|job| job.has_ended()));
        assert!(Pallet::<T>::expire_step(before));
    }

    /// A batch that as many workers as possible have had fails, and its job ends.
    #[benchmark]
    fn agenda_abandon() {
        let id = super::submit::<T>(1);
        let batch: BatchIndex = 0;
        let claimants: alloc::vec::Vec<_> = (1..MAX_ASSIGNMENTS)
            .map(|n| {
                let (worker, operator) = worker::<T>(n);
                let rate = Jobs::<T>::get(id).map_or(0, |job| job.rate);
                assert!(T::Workers::commit(&worker, rate).is_ok());
                Claimant {
                    worker,
                    operator,
                    jurisdiction: *b"DE",
                    working: true,
                }
            })
            .collect();
        Batches::<T>::insert(
            id,
            batch,
            BatchRecord {
                assignments: claimants.try_into().expect("within the bound"),
                wanted: 1,
                summons: None,
                challenge: None,
                delivered: false,
            },
        );
        change::<T>(id, |job| {
            job.in_flight = 1;
            job.state = JobState::Settling(Closing::Expired);
        });
        past_deadline::<T>(id);

        #[block]
        {
            assert!(Pallet::<T>::expire_step(id));
        }

        assert!(Jobs::<T>::get(id).is_some_and(|job| job.has_ended()));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
