//! Chains of jobs: one's outputs are the next one's input (requirement S20).
//!
//! A job can only come after one that exists, so there are no circles. What its units read are the results that the
//! verifier keeps of the other job, so these stay until it has ended.

use frame_support::{ensure, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::Saturating;
use sungrid_primitives::{JobId, traits::Verifier};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Enters a new job among those that come after another, if it does; whether it has to wait.
    pub(crate) fn join_predecessor(
        requester: &T::AccountId,
        spec: &JobSpecOf<T>,
        id: JobId,
        now: BlockNumberFor<T>,
    ) -> Result<bool, Error<T>> {
        let Some(after) = spec.after else {
            return Ok(false);
        };
        let mut before = Jobs::<T>::get(after).ok_or(Error::<T>::NoPredecessor)?;
        ensure!(before.requester == *requester, Error::<T>::NotRequester);
        let each = before.spec.units.checked_div(spec.units).unwrap_or(0);
        ensure!(
            each.checked_mul(spec.units) == Some(before.spec.units)
                && (1..=MAX_GATHERED).contains(&each),
            Error::<T>::UnevenUnits
        );
        // What was received is dropped at once.
        ensure!(T::Verifier::received(after) == 0, Error::<T>::OutputsGone);
        if let JobState::Ended { at, .. } = before.state {
            ensure!(before.is_complete(), Error::<T>::PredecessorFailed);
            let kept = at.saturating_add(T::Retention::get());
            ensure!(now < kept, Error::<T>::OutputsGone);
        }
        before
            .successors
            .try_push(id)
            .map_err(|_| Error::<T>::TooManySuccessors)?;
        let pending = !before.has_ended();
        Jobs::<T>::insert(after, before);
        Ok(pending)
    }

    /// Opens one of the pending jobs that come after an ended one, or ends it if its input will never exist. Whether
    /// none is left.
    pub(crate) fn open_successor(before: &JobRecordOf<T>) -> bool {
        let pending = before.successors.iter().find_map(|id| {
            let job = Jobs::<T>::get(id)?;
            (job.state == JobState::Pending).then_some((*id, job))
        });
        let Some((id, mut job)) = pending else {
            return true;
        };
        if before.is_complete() {
            job.state = JobState::Open;
            Self::refill_window(id, &mut job);
            Jobs::<T>::insert(id, job);
            Self::deposit_event(Event::JobOpened { job: id });
        } else {
            Self::end(id, job, Outcome::NoInput);
        }
        false
    }

    /// Whether a job that comes after this one may still read its outputs.
    pub(crate) fn is_awaited(job: &JobRecordOf<T>) -> bool {
        job.successors
            .iter()
            .any(|id| Jobs::<T>::get(id).is_some_and(|next| !next.has_ended()))
    }
}
