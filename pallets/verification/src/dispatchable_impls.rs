//! What workers do: commit and reveal.

use frame_support::{ensure, pallet_prelude::*, traits::Get};
use pallet_market::Pallet as Market;
use sp_core::H256;
use sp_runtime::traits::Saturating;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId,
    receipt::{self, BatchSummary},
    traits::BatchControl,
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// The ballot, and where in it the worker's replica is.
    fn replica_of(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
    ) -> Result<(BallotRecordOf<T>, usize), Error<T>> {
        let ballot = Ballots::<T>::get(job, batch).ok_or(Error::<T>::NotInFlight)?;
        let at = ballot
            .replicas
            .iter()
            .position(|replica| replica.assignment.worker == *worker)
            .ok_or(Error::<T>::NotAssigned)?;
        Ok((ballot, at))
    }

    /// Every check of a commitment.
    pub(crate) fn check_commit(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
    ) -> Result<(BallotRecordOf<T>, usize), Error<T>> {
        let (ballot, at) = Self::replica_of(worker, job, batch)?;
        let ReplicaState::Working { until } = ballot.replicas[at].state else {
            return Err(Error::<T>::AlreadyCommitted);
        };
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now <= until, Error::<T>::CommitTooLate);
        Ok((ballot, at))
    }

    pub(crate) fn do_commit(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
        commitment: H256,
    ) -> DispatchResult {
        let (mut ballot, at) = Self::check_commit(&worker, job, batch)?;
        // To the end: replicas stand in order of commitment.
        ballot.replicas[at].state = ReplicaState::Committed { commitment };
        ballot.replicas[at..].rotate_left(1);
        Market::<T>::delivered(job, batch, &worker);
        Self::deposit_event(Event::Committed {
            job,
            batch,
            worker,
            commitment,
        });
        if ballot.sealed() == ballot.wanted {
            let now = frame_system::Pallet::<T>::block_number();
            let until = now.saturating_add(T::RevealWindow::get());
            ballot.reveal_until = Some(until);
            Self::expect_by(until, job, batch);
            Self::deposit_event(Event::RevealOpened { job, batch, until });
        }
        Ballots::<T>::insert(job, batch, ballot);
        Ok(())
    }

    /// Every check of a reveal.
    pub(crate) fn check_reveal(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
        summary: &BatchSummary,
        salt: &[u8; 32],
    ) -> Result<(BallotRecordOf<T>, usize), Error<T>> {
        let (ballot, at) = Self::replica_of(worker, job, batch)?;
        let sealed = match ballot.replicas[at].state {
            ReplicaState::Working { .. } => return Err(Error::<T>::NotCommitted),
            ReplicaState::Revealed { .. } => return Err(Error::<T>::AlreadyRevealed),
            ReplicaState::Withheld => return Err(Error::<T>::RevealTooLate),
            ReplicaState::Committed { commitment } => commitment,
        };
        let until = ballot.reveal_until.ok_or(Error::<T>::RevealNotOpen)?;
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now <= until, Error::<T>::RevealTooLate);
        ensure!(
            receipt::commitment(job, batch, summary, worker.as_ref(), salt) == sealed,
            Error::<T>::SealMismatch
        );
        let terms = Market::<T>::terms(job, batch).ok_or(Error::<T>::NotInFlight)?;
        ensure!(
            summary.charge <= terms.max_charge && summary.fuel <= terms.max_fuel,
            Error::<T>::ExceedsTerms
        );
        Ok((ballot, at))
    }

    pub(crate) fn do_reveal(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
        summary: BatchSummary,
        salt: [u8; 32],
        bundle: ContentHash,
    ) -> DispatchResult {
        let (mut ballot, at) = Self::check_reveal(&worker, job, batch, &summary, &salt)?;
        ballot.replicas[at].state = ReplicaState::Revealed { summary, bundle };
        Self::deposit_event(Event::Revealed {
            job,
            batch,
            worker,
            summary,
            bundle,
        });
        if ballot.awaits_reveal() {
            Ballots::<T>::insert(job, batch, ballot);
        } else {
            Self::decide(job, batch, ballot);
        }
        Ok(())
    }
}
