//! Benchmarks of the calls, at the largest lists.

use codec::Decode;
use frame_benchmarking::v2::*;
use frame_support::{
    BoundedVec,
    traits::{
        EnsureOrigin, Get,
        fungible::{InspectHold, Mutate},
    },
};
use frame_system::RawOrigin;
use sp_runtime::traits::TrailingZeroInput;
use sungrid_primitives::traits::CreditHistory;

use crate::{
    Authorities, Barred, Bond, Bonds, Call, Candidates, Config, HoldReason, Pallet, SeatLimits,
    Seats,
};

/// Gives `who` session keys, without a proof of possession.
fn give_keys<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    let keys = T::Keys::decode(&mut TrailingZeroInput::zeroes())
        .map_err(|_| BenchmarkError::Stop("session keys must decode from zeros"))?;
    pallet_session::NextKeys::<T>::insert(who, keys);
    Ok(())
}

/// Gives `who` keys and, through the call, the minimum bond.
fn give_bond<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    let amount = T::MinBond::get();
    <T as Config>::Currency::mint_into(who, amount.saturating_mul(4))?;
    give_keys::<T>(who)?;
    Pallet::<T>::bond(RawOrigin::Signed(who.clone()).into(), amount)?;
    Ok(())
}

/// Fills the list of candidates, of whom only the last has keys and a bond; the last of them.
fn fill_candidates<T: Config>() -> Result<T::AccountId, BenchmarkError> {
    let mut list: alloc::vec::Vec<T::AccountId> = (0..T::MaxCandidates::get())
        .map(|index| account("candidate", index, 0))
        .collect();
    list.sort();
    let last = list
        .last()
        .cloned()
        .ok_or(BenchmarkError::Stop("no candidate fits"))?;
    give_bond::<T>(&last)?;
    Candidates::<T>::put(BoundedVec::truncate_from(list));
    Ok(last)
}

/// Fills the list up to `count` authorities; the last of them.
fn fill<T: Config>(count: u32) -> Result<T::AccountId, BenchmarkError> {
    let mut list: alloc::vec::Vec<T::AccountId> = (0..count)
        .map(|index| account("authority", index, 0))
        .collect();
    list.sort();
    let last = list
        .last()
        .cloned()
        .ok_or(BenchmarkError::Stop("no authority fits"))?;
    for who in &list {
        give_keys::<T>(who)?;
    }
    Authorities::<T>::put(BoundedVec::truncate_from(list));
    Ok(last)
}

#[benchmarks]
mod benches {
    use super::*;

    #[benchmark]
    fn add_authority() -> Result<(), BenchmarkError> {
        let origin =
            T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
        fill::<T>(T::MaxAuthorities::get().saturating_sub(1).max(1))?;
        let who: T::AccountId = account("newcomer", 0, 0);
        give_bond::<T>(&who)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, who.clone());

        assert!(Authorities::<T>::get().contains(&who));
        Ok(())
    }

    #[benchmark]
    fn remove_authority() -> Result<(), BenchmarkError> {
        let origin =
            T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
        let who = fill::<T>(T::MaxAuthorities::get())?;
        Barred::<T>::insert(&who, 0);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, who.clone());

        assert!(!Authorities::<T>::get().contains(&who));
        Ok(())
    }

    #[benchmark]
    fn reinstate() -> Result<(), BenchmarkError> {
        let origin =
            T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
        let who = fill::<T>(T::MaxAuthorities::get())?;
        Barred::<T>::insert(&who, 0);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, who.clone());

        assert!(!Barred::<T>::contains_key(&who));
        Ok(())
    }

    #[benchmark]
    fn bond() -> Result<(), BenchmarkError> {
        let who: T::AccountId = whitelisted_caller();
        give_bond::<T>(&who)?;
        let amount = T::MinBond::get();

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), amount);

        assert_eq!(
            <T as Config>::Currency::balance_on_hold(&HoldReason::ValidatorBond.into(), &who),
            amount.saturating_mul(2)
        );
        Ok(())
    }

    /// On a full list, with both lists looked through and two ranks compared.
    #[benchmark]
    fn stand() -> Result<(), BenchmarkError> {
        fill::<T>(T::MaxAuthorities::get())?;
        let other = fill_candidates::<T>()?;
        let who: T::AccountId = whitelisted_caller();
        give_bond::<T>(&who)?;
        T::CreditHistory::prepare(&other, 1_000);
        T::CreditHistory::prepare(&who, 2_000);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), Some(other.clone()));

        let list = Candidates::<T>::get();
        assert!(list.contains(&who) && !list.contains(&other));
        Ok(())
    }

    #[benchmark]
    fn leave() -> Result<(), BenchmarkError> {
        fill::<T>(T::MaxAuthorities::get())?;
        let who = fill_candidates::<T>()?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(!Candidates::<T>::get().contains(&who));
        Ok(())
    }

    #[benchmark]
    fn withdraw() -> Result<(), BenchmarkError> {
        let who: T::AccountId = whitelisted_caller();
        give_bond::<T>(&who)?;
        Bonds::<T>::insert(
            &who,
            Bond {
                amount: T::MinBond::get(),
                free_from: Some(0),
            },
        );

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(!Bonds::<T>::contains_key(&who));
        Ok(())
    }

    #[benchmark]
    fn set_seats() -> Result<(), BenchmarkError> {
        let origin =
            T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
        let seats = Seats { least: 1, most: 1 };

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, seats);

        assert_eq!(SeatLimits::<T>::get(), seats);
        Ok(())
    }

    impl_benchmark_test_suite!(
        Pallet,
        crate::mock::new_test_ext(&[1, 2]),
        crate::mock::Test
    );
}
