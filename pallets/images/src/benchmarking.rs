//! Benchmarks; each checks that its call did what it is measured for.

use frame_benchmarking::v2::*;
use frame_support::traits::{
    EnsureOrigin, Get,
    fungible::{Inspect, Mutate},
};
use frame_system::RawOrigin;
use sungrid_primitives::{ContentHash, attributes::TaskClass, traits::Images as ImagesTrait};

use crate::*;

const IMAGE: ContentHash = ContentHash::repeat_byte(1);

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn publish() -> Result<(), BenchmarkError> {
        let developer: T::AccountId = whitelisted_caller();
        let funds = T::Deposit::get() + T::Currency::minimum_balance();
        T::Currency::mint_into(&developer, funds * 2)?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(developer.clone()),
            IMAGE,
            TaskClass::Science,
        );

        assert_eq!(
            <Pallet<T> as ImagesTrait<_>>::developer_of_usable(&IMAGE),
            Some(developer)
        );
        Ok(())
    }

    /// The dearer case: no job uses the image, so that its record goes.
    #[benchmark]
    fn retire() {
        let developer: T::AccountId = whitelisted_caller();
        <Pallet<T> as ImagesTrait<_>>::prepare(&IMAGE, &developer);

        #[extrinsic_call]
        _(RawOrigin::Signed(developer), IMAGE);

        assert!(!Images::<T>::contains_key(IMAGE));
    }

    #[benchmark]
    fn set_listing() -> Result<(), BenchmarkError> {
        let developer: T::AccountId = whitelisted_caller();
        <Pallet<T> as ImagesTrait<_>>::prepare(&IMAGE, &developer);
        let origin = T::GovernanceOrigin::try_successful_origin()
            .map_err(|()| BenchmarkError::Stop("governance has an origin"))?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, IMAGE, true, IMAGE);

        let listing = Images::<T>::get(IMAGE).and_then(|record| record.listing);
        assert!(listing.is_some_and(|listing| listing.listed));
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
