//! Benchmarks of the calls, at the largest list of authorities.

use codec::Decode;
use frame_benchmarking::v2::*;
use frame_support::traits::{EnsureOrigin, Get};
use sp_runtime::traits::TrailingZeroInput;

use crate::{Authorities, Barred, Call, Config, Pallet};

/// Gives `who` session keys, without a proof of possession.
fn give_keys<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    let keys = T::Keys::decode(&mut TrailingZeroInput::zeroes())
        .map_err(|_| BenchmarkError::Stop("session keys must decode from zeros"))?;
    pallet_session::NextKeys::<T>::insert(who, keys);
    Ok(())
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
    Authorities::<T>::put(frame_support::BoundedVec::truncate_from(list));
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
        give_keys::<T>(&who)?;

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
}
