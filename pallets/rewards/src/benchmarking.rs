//! Benchmarks; each checks that what it measures was done.

use frame_benchmarking::v2::*;
use frame_support::traits::{
    EnsureOrigin, Get, Hooks,
    fungible::{Inspect, Mutate},
};
use frame_system::{Pallet as System, RawOrigin};
use sp_runtime::{Saturating, traits::Bounded};
use sungrid_primitives::traits::{Income, Payment};

use crate::*;

/// Makes the pot exist and fills the node reserve as the genesis does, and pays for work of `account` in
/// every role.
fn earn<T: Config>(account: &T::AccountId) -> Result<(), BenchmarkError> {
    let pot = Pallet::<T>::account_id();
    let amount = T::EmissionCap::get().max(T::Currency::minimum_balance() * 1_000);
    T::Currency::mint_into(&pot, T::Currency::minimum_balance())?;
    T::Currency::mint_into(&pot, amount)?;
    T::Currency::mint_into(
        &Pallet::<T>::node_reserve(),
        T::ReservePerRound::get().saturating_add(T::Currency::minimum_balance()),
    )?;
    <Pallet<T> as Income<_>>::paid(Payment {
        worker: account.clone(),
        operator: account.clone(),
        developer: Some(account.clone()),
        amount,
        charge: 1,
        units: 1,
    });
    Current::<T>::mutate(|round| Pallet::<T>::earn(Role::Author, account, 1, round));
    Ok(())
}

/// Begins the block in which the round ends.
fn end_round<T: Config>() {
    let ends = Current::<T>::get().ends;
    System::<T>::set_block_number(ends);
    Pallet::<T>::on_initialize(ends);
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// The dearest case: an ended round to fold in every role, and the last to take from it.
    #[benchmark]
    fn claim() -> Result<(), BenchmarkError> {
        let account: T::AccountId = whitelisted_caller();
        earn::<T>(&account)?;
        end_round::<T>();
        let pending = Pallet::<T>::claimable(&account);
        assert!(pending > 0);

        #[extrinsic_call]
        claim_rewards(RawOrigin::Signed(account.clone()));

        assert_eq!(T::Currency::balance(&account), pending);
        Ok(())
    }

    /// With the author's point, for an author who has an ended round to fold in.
    #[benchmark]
    fn tick() -> Result<(), BenchmarkError> {
        let author: T::AccountId = whitelisted_caller();
        earn::<T>(&author)?;
        end_round::<T>();
        let round = Current::<T>::get().number;
        let now = System::<T>::block_number();
        Current::<T>::mutate(|current| current.ends = Bounded::max_value());

        #[block]
        {
            Current::<T>::mutate(|current| Pallet::<T>::earn(Role::Author, &author, 1, current));
            Pallet::<T>::on_initialize(now);
        }

        let entry = Accounts::<T>::get(&author).author;
        assert_eq!((entry.round, entry.points), (round, 1));
        Ok(())
    }

    /// A round with income, points in every role, an emission, a grant, and a treasury to be created.
    #[benchmark]
    fn close_round() -> Result<(), BenchmarkError> {
        let account: T::AccountId = whitelisted_caller();
        earn::<T>(&account)?;
        let round = Current::<T>::get();
        let now = round.ends.saturating_add(1u32.into());

        #[block]
        {
            Current::<T>::mutate(|current| {
                Pallet::<T>::earn(Role::Author, &account, 1, current);
            });
            Pallet::<T>::on_initialize(now);
        }

        assert_eq!(
            LastRound::<T>::get().map(|last| last.round),
            Some(round.number)
        );
        assert!(Rounds::<T>::contains_key(round.number));
        assert!(LastRound::<T>::get().is_some_and(|last| last.maintenance > 0));
        Ok(())
    }

    #[benchmark]
    fn set_foundation_reserve() -> Result<(), BenchmarkError> {
        let origin =
            T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
        let account: T::AccountId = account("reserve", 0, 0);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, account.clone());

        assert_eq!(FoundationReserve::<T>::get(), Some(account));
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
