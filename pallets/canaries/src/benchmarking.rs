//! Benchmarks; each checks that its call did what it is measured for.

use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    traits::{
        ConstU32, EnsureOrigin, Get,
        fungible::{Inspect, Mutate},
    },
};
use frame_system::RawOrigin;
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash};
use sungrid_primitives::{
    job::{MAX_BATCH_UNITS, MAX_CUTS},
    merkle::UnitLeaf,
    receipt::{self, BatchSummary},
    traits::KnownAnswers,
};

use crate::*;

const SALT: [u8; 32] = [7; 32];
/// Most parts of a batch.
const PARTS: u32 = MAX_CUTS + 1;

fn seals(n: u32) -> BoundedVec<H256, ConstU32<MAX_PLANTED>> {
    let seals = (0..n).map(|i| BlakeTwo256::hash_of(&i));
    BoundedVec::truncate_from(seals.collect())
}

#[benchmarks]
mod benchmarks {
    use super::*;

    fn keeper<T: Config>() -> Result<T::AccountId, BenchmarkError> {
        let keeper: T::AccountId = whitelisted_caller();
        let origin = T::GovernanceOrigin::try_successful_origin()
            .map_err(|()| BenchmarkError::Weightless)?;
        Pallet::<T>::admit(origin, keeper.clone(), u128::MAX)?;
        Ok(keeper)
    }

    #[benchmark]
    fn admit() -> Result<(), BenchmarkError> {
        let keeper: T::AccountId = whitelisted_caller();
        let origin = T::GovernanceOrigin::try_successful_origin()
            .map_err(|()| BenchmarkError::Weightless)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, keeper.clone(), 1);

        assert!(Keepers::<T>::contains_key(keeper));
        Ok(())
    }

    #[benchmark]
    fn dismiss() -> Result<(), BenchmarkError> {
        let keeper = keeper::<T>()?;
        Pallet::<T>::plant(RawOrigin::Signed(keeper.clone()).into(), seals(MAX_PLANTED))?;
        let origin = T::GovernanceOrigin::try_successful_origin()
            .map_err(|()| BenchmarkError::Weightless)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, keeper);

        assert_eq!(Canaries::<T>::iter().count(), 0);
        Ok(())
    }

    #[benchmark]
    fn plant(n: Linear<0, MAX_PLANTED>) -> Result<(), BenchmarkError> {
        let keeper = keeper::<T>()?;

        #[extrinsic_call]
        _(RawOrigin::Signed(keeper), seals(n));

        assert_eq!(Canaries::<T>::iter().count(), n as usize);
        Ok(())
    }

    /// The dearer case: many found a wrong result, and the treasury pays.
    #[benchmark]
    fn expose() -> Result<(), BenchmarkError> {
        let keeper = keeper::<T>()?;
        let answer = BatchSummary {
            root: H256::repeat_byte(9),
            fuel: 1,
            charge: 1,
        };
        let first = T::Answers::next_job();
        let (job, batch) = T::Answers::prepare();
        let order = T::Answers::order(job).expect("prepared");
        // As if planted before.
        Canaries::<T>::insert(
            &keeper,
            receipt::canary(&order, batch, &answer, &SALT),
            first,
        );
        Keepers::<T>::mutate(&keeper, |keeper| {
            keeper.as_mut().expect("admitted").planted = 1;
        });
        let treasury = T::Treasury::get();
        T::Currency::mint_into(
            &treasury,
            T::Currency::minimum_balance().saturating_add(1 << 60),
        )?;

        #[extrinsic_call]
        _(RawOrigin::Signed(keeper.clone()), job, batch, answer, SALT);

        assert_eq!(Canaries::<T>::iter().count(), 0);
        assert!(T::Answers::hold_against(job, batch, &answer).is_none());
        Ok(())
    }

    #[benchmark]
    fn uproot(n: Linear<1, MAX_PLANTED>) -> Result<(), BenchmarkError> {
        let keeper = keeper::<T>()?;
        Pallet::<T>::plant(RawOrigin::Signed(keeper.clone()).into(), seals(n))?;

        #[extrinsic_call]
        _(RawOrigin::Signed(keeper), seals(n));

        assert_eq!(Canaries::<T>::iter().count(), 0);
        Ok(())
    }

    /// The dearer case: many found each part, all of them wrong, and the treasury pays.
    #[benchmark]
    fn expose_parts(
        n: Linear<PARTS, MAX_BATCH_UNITS>,
        p: Linear<2, PARTS>,
    ) -> Result<(), BenchmarkError> {
        let keeper = keeper::<T>()?;
        let first = T::Answers::next_job();
        let (job, batch) = T::Answers::prepare_parts(n, p);
        let all = (0..n).map(|unit| UnitLeaf {
            unit,
            output: H256::repeat_byte(9),
            fuel: 1,
            peak_memory: 1,
            bytes_in: 1,
            bytes_out: 1,
            exit: 0,
        });
        let leaves =
            BoundedVec::<UnitLeaf, ConstU32<MAX_BATCH_UNITS>>::truncate_from(all.collect());
        let answer = T::Answers::sum_up(job, &leaves).expect("prepared");
        let order = T::Answers::order(job).expect("prepared");
        // As if planted before.
        Canaries::<T>::insert(
            &keeper,
            receipt::canary(&order, batch, &answer, &SALT),
            first,
        );
        Keepers::<T>::mutate(&keeper, |keeper| {
            keeper.as_mut().expect("admitted").planted = 1;
        });
        let treasury = T::Treasury::get();
        T::Currency::mint_into(
            &treasury,
            T::Currency::minimum_balance().saturating_add(1 << 60),
        )?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(keeper.clone()),
            job,
            batch,
            leaves.clone(),
            SALT,
        );

        assert_eq!(Canaries::<T>::iter().count(), 0);
        assert!(T::Answers::hold_parts_against(job, batch, &leaves).is_none());
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
