//! Benchmarks; each checks that its call did what it is measured for.

use frame_benchmarking::v2::*;
use frame_support::traits::EnsureOrigin;
use sungrid_primitives::{
    environment::EnvironmentId,
    suns::CPU_1,
    traits::{CPU_1_ID, Pricing, ProfileId, ProfileKind},
};

use crate::*;

fn governance<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    T::GovernanceOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn add_profile() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        let version = Latest::<T>::get(ProfileKind::Storage) + 1;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, ProfileKind::Storage, CPU_1);

        let id = ProfileId {
            kind: ProfileKind::Storage,
            version,
        };
        assert_eq!(Profiles::<T>::get(id), Some(CPU_1));
        Ok(())
    }

    #[benchmark]
    fn set_price_floor() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        <Pallet<T> as Pricing>::prepare(CPU_1_ID, CPU_1, 1, EnvironmentId::zero());

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, CPU_1_ID, 2);

        assert_eq!(PriceFloors::<T>::get(CPU_1_ID), Some(2));
        Ok(())
    }

    #[benchmark]
    fn set_environment() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        let id = EnvironmentId::repeat_byte(1);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, id, true);

        assert!(Environments::<T>::contains_key(id));
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
