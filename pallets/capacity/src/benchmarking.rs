//! Benchmarks; each checks that its call did what it is measured for.

use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{
    EnsureOrigin, Get, Time,
    fungible::{Inspect, Mutate},
};
use frame_system::{Pallet as System, RawOrigin, pallet_prelude::BlockNumberFor};
use sp_core::H256;
use sp_runtime::{
    Saturating,
    traits::{BlakeTwo256, Hash, One, Zero},
};
use sungrid_primitives::{
    capacity::{self, Frontier, Opening, Openings, Path, STRETCH, Shape, State},
    environment::EnvironmentId,
    merkle,
    traits::{CapacityProofs, Workers as _},
};

use crate::*;

/// A worker that declares more than counts unproven.
fn worker<T: Config>(n: u32) -> T::AccountId {
    let (worker, operator) = (account("worker", n, 0), account("operator", n, 0));
    pallet_workers::Pallet::<T>::prepare(&worker, &operator, EnvironmentId::repeat_byte(7));
    Pallet::<T>::forgotten(&worker);
    Allowance::<T>::put(1);
    worker
}

/// Puts a run of a worker before this block, as long ago as it may be.
fn running<T: Config>(worker: &T::AccountId) -> H256 {
    let block = H256::repeat_byte(5);
    let at = BlockNumberFor::<T>::one();
    System::<T>::set_block_number(at.saturating_add(One::one()));
    frame_system::BlockHash::<T>::insert(at, block);
    // Where a runtime keeps its clock; a benchmark has no inherent that sets it.
    let clock = frame_support::storage::storage_prefix(b"Timestamp", b"Now");
    frame_support::storage::unhashed::put(&clock, &T::MaxRun::get());
    let run = RunRecord {
        at,
        time: T::Time::now().saturating_sub(T::MaxRun::get()),
        stage: Stage::Running,
    };
    Runs::<T>::insert(worker, run);
    capacity::seed(&block, worker.as_ref())
}

/// Has a worker commit to one lane of `2^depth` segments, and says how to open what is drawn.
fn committed<T: Config>(worker: &T::AccountId, depth: u32) -> Openings {
    let seed = running::<T>(worker);
    let shape = Shape {
        lanes: 1,
        segments: 1 << depth,
    };
    let mut state = capacity::lane_start(&seed, 0);
    let mut states: Vec<State> = alloc::vec![state];
    let mut leaves: Vec<H256> = Vec::new();
    let mut frontier = Frontier::default();
    for stretch in 0..shape.segments / STRETCH {
        let salt = capacity::salt(0, stretch, &frontier.lefts());
        let first = leaves.len();
        for index in stretch * STRETCH..(stretch + 1) * STRETCH {
            state = capacity::segment(state, capacity::increment(salt, index));
            states.push(state);
            leaves.push(capacity::leaf(&state));
        }
        frontier.push(merkle::root_of(leaves[first..].to_vec()));
    }
    let root = merkle::root_of(leaves.clone());
    let at = System::<T>::block_number();
    let stage = Stage::Committed {
        at,
        seed,
        shape,
        root,
        capacity: 1_000_000,
    };
    Runs::<T>::mutate_extant(worker, |run| run.stage = stage);
    // Whatever fails here fails the benchmark at its verification.
    let _ = pallet_workers::Pallet::<T>::commit(worker, 0);
    let draw_at = at.saturating_add(T::DrawDelay::get());
    let beacon = H256::repeat_byte(8);
    Beacons::<T>::insert(draw_at, beacon);
    System::<T>::set_block_number(draw_at);
    let path = |at: usize| -> Path {
        let path = merkle::prove_hash(leaves.clone(), at).unwrap_or_default();
        path.try_into().unwrap_or_default()
    };
    let openings: Vec<Opening> = shape
        .samples(&capacity::draw(&beacon, &seed, &root))
        .into_iter()
        .map(|(_, index)| Opening {
            start: states[index as usize],
            before: (index as usize)
                .checked_sub(1)
                .map(path)
                .unwrap_or_default(),
            after: path(index as usize),
        })
        .collect();
    openings.try_into().unwrap_or_default()
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// A proof that is over is found, and another takes its number.
    #[benchmark]
    fn on_initialize() {
        let (old, other) = (worker::<T>(0), worker::<T>(1));
        let now = T::OpenWindow::get().saturating_add(2u32.into());
        System::<T>::set_block_number(now);
        Pallet::<T>::note_proof(&old, 1, Zero::zero(), Zero::zero());
        Pallet::<T>::note_proof(&other, 1, now, now);
        // As many as it takes for the first number to be the one that is drawn.
        let beacon = (0u64..)
            .map(|n: u64| BlakeTwo256::hash_of(&n))
            .find(|beacon| Pallet::<T>::drawn_number(beacon, T::CheckSpan::get()) == 0)
            .unwrap_or_default();
        Beacons::<T>::insert(
            now.saturating_sub(Pallet::<T>::beacons_kept()),
            H256::zero(),
        );

        #[block]
        {
            Pallet::<T>::advance_beacon(now);
            Pallet::<T>::check_somebody(now, &beacon);
        }

        assert!(Beacons::<T>::contains_key(now));
        assert_eq!(Proofs::<T>::get(other).map(|proof| proof.index), Some(0));
        assert!(!Proofs::<T>::contains_key(old));
    }

    #[benchmark]
    fn start() {
        let worker = worker::<T>(0);

        #[extrinsic_call]
        _(RawOrigin::Signed(worker.clone()));

        assert!(Runs::<T>::contains_key(worker));
    }

    #[benchmark]
    fn commit() {
        let worker = worker::<T>(0);
        let seed = running::<T>(&worker);
        let shape = Shape {
            lanes: 1,
            segments: 1 << 27,
        };

        #[extrinsic_call]
        _(
            RawOrigin::Signed(worker.clone()),
            seed,
            shape,
            H256::repeat_byte(1),
        );

        let run = Runs::<T>::get(worker);
        assert!(run.is_some_and(|run| Pallet::<T>::commitment(&run).is_some()));
    }

    /// Checked twice, as it is where it is free; `d`: depth of the tree.
    #[benchmark]
    fn open(d: Linear<6, 12>) {
        let worker = worker::<T>(0);
        let openings = committed::<T>(&worker, d);

        #[block]
        {
            let free = Pallet::<T>::check_open(&worker, &openings).is_ok();
            let done = Pallet::<T>::open(RawOrigin::Signed(worker.clone()).into(), openings);
            assert!(free && done.is_ok());
        }

        assert!(Proofs::<T>::contains_key(worker));
    }

    #[benchmark]
    fn settle() -> Result<(), BenchmarkError> {
        let (worker, other) = (worker::<T>(0), worker::<T>(1));
        committed::<T>(&worker, 6);
        T::Currency::mint_into(&T::Treasury::get(), T::Currency::minimum_balance())?;
        Pallet::<T>::prepare(&worker, 1);
        Pallet::<T>::prepare(&other, 1);
        let late = System::<T>::block_number()
            .saturating_add(T::OpenWindow::get())
            .saturating_add(One::one());
        System::<T>::set_block_number(late);

        #[extrinsic_call]
        _(RawOrigin::Signed(other.clone()), worker.clone());

        assert!(!Proofs::<T>::contains_key(worker));
        assert_eq!(Proofs::<T>::get(other).map(|proof| proof.index), Some(0));
        Ok(())
    }

    #[benchmark]
    fn set_allowance() -> Result<(), BenchmarkError> {
        let origin =
            T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, 77);

        assert_eq!(Allowance::<T>::get(), 77);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
