//! Benchmarks of the verifier, over the market and whatever neighbours the runtime has.

use alloc::vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{
    Get,
    fungible::{Inspect, Mutate},
};
use frame_system::{Pallet as System, RawOrigin};
use pallet_market::{
    Constraints, JobSpec, MAX_ASSIGNMENTS, MAX_QUORUM, NextJobId, Pallet as Market, Policy,
};
use sp_core::H256;
use sp_runtime::traits::{One, Saturating};
use sungrid_primitives::{
    JobId,
    receipt::{self, BatchSummary},
    suns::CPU_1,
    traits::{CPU_1_ID, Images, Income, Pricing, Verifier, Workers},
};

use crate::*;

const ENVIRONMENT: H256 = H256::repeat_byte(1);
const IMAGE: H256 = H256::repeat_byte(2);
const SALT: [u8; 32] = [7; 32];

fn worker<T: Config>(n: u32) -> T::AccountId {
    account("worker", n, 0)
}

/// A job of one batch that asks for three replicas, and more workers than can ever get it.
fn prepare<T: Config>() -> JobId
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
        units: 1,
        batch_size: 1,
        price: 3_600_000_000,
        fuel_limit: 1_000_000_000,
        memory_limit: 1 << 30,
        policy: Policy::Replicate(MAX_QUORUM),
        profile: CPU_1_ID,
        environment: ENVIRONMENT,
        deadline: System::<T>::block_number().saturating_add(T::MaxJobBlocks::get()),
        endpoint: vec![1; 256].try_into().expect("within the bound"),
        constraints: Constraints::default(),
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
    let seal = seal::<T>(n, job, summary);
    assert!(Pallet::<T>::commit(RawOrigin::Signed(worker::<T>(n)).into(), job, 0, seal).is_ok());
}

fn reveal<T: Config>(n: u32, job: JobId, summary: &BatchSummary) {
    let origin = RawOrigin::Signed(worker::<T>(n)).into();
    assert!(Pallet::<T>::reveal(origin, job, 0, *summary, SALT, H256::zero()).is_ok());
}

/// Whoever has not committed misses the deadline; `next` takes over.
fn miss_and_claim<T: Config>(job: JobId, next: u32) {
    let ballot = Ballots::<T>::get(job, 0).expect("in flight");
    let latest = ballot
        .replicas
        .iter()
        .filter_map(|replica| match replica.state {
            ReplicaState::Working { until } => Some(until),
            _ => None,
        });
    let until = latest.max().expect("somebody works");
    System::<T>::set_block_number(until.saturating_add(One::one()));
    Pallet::<T>::deadline(job, 0);
    claim::<T>(next, job);
}

#[benchmarks(where <T as pallet_market::Config>::Currency: Mutate<T::AccountId>)]
mod benches {
    use super::*;

    /// The commitment that opens the reveals.
    #[benchmark]
    fn commit() {
        let job = prepare::<T>();
        for n in 1..=3 {
            claim::<T>(n, job);
        }
        super::commit::<T>(1, job, &summary(1));
        super::commit::<T>(2, job, &summary(1));
        let seal = seal::<T>(3, job, &summary(1));

        #[extrinsic_call]
        _(RawOrigin::Signed(worker::<T>(3)), job, 0, seal);

        assert!(Ballots::<T>::get(job, 0).is_some_and(|b| b.reveal_until.is_some()));
    }

    /// The reveal that decides a batch which as many workers as possible have had: three are paid, two
    /// slashed, three had missed it.
    #[benchmark]
    fn reveal() {
        let job = prepare::<T>();
        for n in 1..=3 {
            claim::<T>(n, job);
        }
        super::commit::<T>(2, job, &summary(1));
        super::commit::<T>(3, job, &summary(2));
        for next in 4..=6 {
            miss_and_claim::<T>(job, next);
        }
        super::commit::<T>(6, job, &summary(3));
        for (n, answer) in [(2, 1), (3, 2), (6, 3)] {
            super::reveal::<T>(n, job, &summary(answer));
        }
        for n in 7..=8 {
            claim::<T>(n, job);
            super::commit::<T>(n, job, &summary(1));
        }
        super::reveal::<T>(7, job, &summary(1));

        #[extrinsic_call]
        _(
            RawOrigin::Signed(worker::<T>(8)),
            job,
            0,
            summary(1),
            SALT,
            H256::zero(),
        );

        assert!(Results::<T>::get(job, 0).is_some_and(|r| r.winners.len() == 3));
        assert!(Market::<T>::job(job).is_some_and(|job| job.settled == 1 && job.has_ended()));
    }

    /// Three withhold their reveals after five others missed the batch: it fails, and the job ends.
    #[benchmark]
    fn deadline() {
        let job = prepare::<T>();
        for n in 1..=3 {
            claim::<T>(n, job);
        }
        super::commit::<T>(2, job, &summary(1));
        super::commit::<T>(3, job, &summary(2));
        for next in 4..=8 {
            miss_and_claim::<T>(job, next);
        }
        super::commit::<T>(8, job, &summary(3));
        let until = Ballots::<T>::get(job, 0).and_then(|b| b.reveal_until);
        let late = until.expect("open").saturating_add(One::one());
        System::<T>::set_block_number(late);

        #[block]
        {
            Pallet::<T>::deadline(job, 0);
        }

        assert!(Ballots::<T>::get(job, 0).is_none());
        assert!(Market::<T>::job(job).is_some_and(|job| job.failed == 1 && job.has_ended()));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
