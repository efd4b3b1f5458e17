//! Benchmarks; each checks that its call did what it is measured for.

use frame_benchmarking::v2::*;
use frame_support::traits::{
    Get,
    fungible::{Inspect, Mutate},
};
use frame_system::{Pallet as System, RawOrigin};
use pallet_workers::Workers;
use sp_runtime::{DispatchError, Perbill, Saturating};
use sungrid_primitives::{
    delegation::{Delegations as _, Earnings},
    environment::EnvironmentId,
    traits::Workers as _,
};

use crate::*;

/// An open pool, its worker and its operator.
fn opened<T: Config>() -> Result<(T::AccountId, T::AccountId), BenchmarkError> {
    let (worker, operator) = (account("worker", 0, 0), account("operator", 0, 0));
    pallet_workers::Pallet::<T>::prepare(&worker, &operator, EnvironmentId::repeat_byte(7));
    // With a pool, to which somebody else has delegated.
    assert_eq!(PoolOf::<T>::get(&worker), Some(0));
    Ok((worker, operator))
}

/// Somebody who can delegate the least four times.
fn rich<T: Config>() -> Result<T::AccountId, BenchmarkError> {
    let who: T::AccountId = whitelisted_caller();
    let amount = T::MinDelegation::get().saturating_add(T::Currency::minimum_balance());
    T::Currency::mint_into(&who, amount.saturating_mul(4))?;
    Ok(who)
}

/// A delegation that does not know yet when it began to earn, to a pool with income that is not divided yet.
fn delegated<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    let twice = T::MinDelegation::get().saturating_mul(2);
    Pallet::<T>::do_delegate(who.clone(), 0, twice)?;
    T::Earnings::end_round();
    let settled = Pallet::<T>::settled(0).map_err(DispatchError::from)?;
    Pools::<T>::insert(0, settled);
    T::Currency::mint_into(&Pallet::<T>::account_of(0), T::MinDelegation::get())?;
    T::Earnings::end_round();
    Ok(())
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn open() -> Result<(), BenchmarkError> {
        let (worker, operator) = (account("worker", 0, 0), whitelisted_caller());
        pallet_workers::Pallet::<T>::prepare(&worker, &operator, EnvironmentId::repeat_byte(7));
        T::Currency::mint_into(&operator, T::Currency::minimum_balance())?;
        // The pool that it has comes with another one.
        Pallet::<T>::rotated(&worker, &account("other", 0, 0));

        #[extrinsic_call]
        _(
            RawOrigin::Signed(operator),
            worker.clone(),
            Perbill::from_percent(5),
        );

        assert_eq!(PoolOf::<T>::get(worker), Some(1));
        Ok(())
    }

    #[benchmark]
    fn set_commission() -> Result<(), BenchmarkError> {
        let (_, operator) = opened::<T>()?;

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), 0, Perbill::one());

        assert!(Pools::<T>::get(0).is_some_and(|pool| pool.raise.is_some()));
        Ok(())
    }

    /// To a delegation that has to be counted first.
    #[benchmark]
    fn delegate() -> Result<(), BenchmarkError> {
        opened::<T>()?;
        let who = rich::<T>()?;
        delegated::<T>(&who)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), 0, T::MinDelegation::get());

        let delegation = Delegations::<T>::get(0, who).unwrap_or_default();
        assert!(delegation.earning > 0 && delegation.joining > 0 && delegation.pending > 0);
        Ok(())
    }

    #[benchmark]
    fn undelegate() -> Result<(), BenchmarkError> {
        opened::<T>()?;
        let who = rich::<T>()?;
        delegated::<T>(&who)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), 0, T::MinDelegation::get());

        let delegation = Delegations::<T>::get(0, who).unwrap_or_default();
        assert!(delegation.leaving > 0 && delegation.pending > 0);
        Ok(())
    }

    /// With income to pay.
    #[benchmark]
    fn withdraw() -> Result<(), BenchmarkError> {
        opened::<T>()?;
        let who = rich::<T>()?;
        delegated::<T>(&who)?;
        Pallet::<T>::do_undelegate(who.clone(), 0, u128::MAX)?;
        let now = System::<T>::block_number();
        // Whichever is longer.
        let wait = T::Cooldown::get().max(T::Liability::get());
        System::<T>::set_block_number(now.saturating_add(wait));

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), 0);

        assert!(!Delegations::<T>::contains_key(0, who));
        Ok(())
    }

    #[benchmark]
    fn claim() -> Result<(), BenchmarkError> {
        opened::<T>()?;
        let who = rich::<T>()?;
        delegated::<T>(&who)?;
        let before = T::Currency::balance(&who);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), 0);

        assert!(T::Currency::balance(&who) > before);
        Ok(())
    }

    #[benchmark]
    fn close() -> Result<(), BenchmarkError> {
        let (worker, operator) = opened::<T>()?;
        Workers::<T>::remove(&worker);
        Pallet::<T>::dissolve(&worker, &operator, Default::default());
        T::Earnings::end_round();

        #[extrinsic_call]
        _(RawOrigin::Signed(whitelisted_caller()), 0);

        assert!(!Pools::<T>::contains_key(0));
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
