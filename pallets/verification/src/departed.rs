//! What is left of workers and operators who have gone.

use frame_support::{ensure, pallet_prelude::*};
use sungrid_primitives::traits::Workers;

use crate::*;

/// Environments that one call forgets. A worker has one at a time, and few over its life.
pub const FORGOTTEN_AT_ONCE: u32 = 8;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_forget_trust(worker: T::AccountId) -> DispatchResultWithPostInfo {
        ensure!(
            <T as pallet_market::Config>::Workers::view(&worker).is_none(),
            Error::<T>::StillRegistered
        );
        let some: alloc::vec::Vec<_> = Trusts::<T>::iter_key_prefix(&worker)
            .take(FORGOTTEN_AT_ONCE as usize)
            .collect();
        ensure!(!some.is_empty(), Error::<T>::NothingToForget);
        for environment in &some {
            Trusts::<T>::remove(&worker, environment);
        }
        Self::deposit_event(Event::TrustForgotten {
            worker,
            environments: some.len() as u32,
        });
        // Whoever frees state need not pay for it; there is nothing to forget twice.
        Ok(Pays::No.into())
    }

    pub(crate) fn do_forget_rating(operator: T::AccountId) -> DispatchResultWithPostInfo {
        ensure!(
            !<T as pallet_market::Config>::Workers::is_operator(&operator),
            Error::<T>::StillRegistered
        );
        let rating = Ratings::<T>::take(&operator);
        // Nothing of it is in flight: there is no result against which it would count.
        let caught = Caught::<T>::take(&operator);
        let audited = AuditedUntil::<T>::take(&operator);
        ensure!(
            rating != Rating::default() || caught.is_some() || audited.is_some(),
            Error::<T>::NothingToForget
        );
        Self::deposit_event(Event::RatingForgotten { operator });
        Ok(Pays::No.into())
    }
}
