//! What requesters think of those who served them: a figure to look at, nothing else.

use frame_support::{ensure, pallet_prelude::*};
use pallet_market::{Error as MarketError, JobState, Outcome, Pallet as Market};
use sungrid_primitives::{BatchIndex, JobId};

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_rate(
        who: T::AccountId,
        id: JobId,
        batch: BatchIndex,
        operator: T::AccountId,
        stars: u8,
    ) -> DispatchResult {
        let job = Market::<T>::job(id).ok_or(MarketError::<T>::NoSuchJob)?;
        ensure!(job.requester == who, MarketError::<T>::NotRequester);
        let completed = matches!(
            job.state,
            JobState::Ended {
                outcome: Outcome::Completed,
                ..
            }
        );
        // While its records go, the marks of those who were rated go with them.
        ensure!(completed && job.cleaned == 0, Error::<T>::NotRatable);
        ensure!((1..=MOST_STARS).contains(&stars), Error::<T>::BadRating);
        ensure!(operator != who, Error::<T>::SelfRating);
        let served = Results::<T>::get(id, batch)
            .is_some_and(|result| result.winners.iter().any(|w| w.operator == operator));
        ensure!(served, Error::<T>::NotServed);
        ensure!(
            !Rated::<T>::contains_key(id, &operator),
            Error::<T>::AlreadyRated
        );
        Rated::<T>::insert(id, &operator, ());
        Ratings::<T>::mutate(&operator, |rating| {
            rating.stars = rating.stars.saturating_add(stars.into());
            rating.count = rating.count.saturating_add(1);
        });
        Self::deposit_event(Event::Rated {
            job: id,
            operator,
            stars,
        });
        Ok(())
    }
}
