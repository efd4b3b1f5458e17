//! What workers do with results, commit and reveal, and what anyone can: challenge.

use frame_support::{ensure, pallet_prelude::*};
use pallet_market::{Claimant, Pallet as Market};
use sp_core::H256;
use sp_runtime::traits::Saturating;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId,
    receipt::{self, BatchSummary},
    traits::{BatchControl, BatchTerms, Workers},
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

    /// Every check of a commitment to the result of so many units; whether that is all of the batch.
    pub(crate) fn check_commit_of(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
        units: u32,
    ) -> Result<(BallotRecordOf<T>, usize, BatchTerms, bool), DispatchError> {
        let (ballot, at) = Self::check_commit(worker, job, batch)?;
        let terms = Market::<T>::terms(job, batch).ok_or(Error::<T>::NotInFlight)?;
        ensure!(units <= terms.units, Error::<T>::OfOtherUnits);
        let is_whole = units == terms.units;
        if !is_whole {
            Self::check_hand_back(worker, job, batch)?;
            Market::<T>::check_cut(job, batch, units)?;
        }
        Ok((ballot, at, terms, is_whole))
    }

    /// Returns what it took, if that was less than the most that it can.
    pub(crate) fn do_commit(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
        units: u32,
        digest: H256,
        commitment: H256,
    ) -> Result<Option<Weight>, DispatchError> {
        let (mut ballot, at, mut terms, is_whole) =
            Self::check_commit_of(&worker, job, batch, units)?;
        let had_declined =
            is_whole && Self::note_delivery(job, &ballot.replicas[at].assignment.operator);
        if !is_whole {
            Self::cut(&worker, job, batch, units, &mut ballot, at)?;
            terms = Market::<T>::terms(job, batch).ok_or(Error::<T>::NotInFlight)?;
        }
        let wanted = ballot.wanted;
        Self::seal(job, batch, &terms, (ballot, at), digest, commitment);
        Ok(Self::spent_on_commit(job, batch, wanted).filter(|_| is_whole && !had_declined))
    }

    /// What a commitment to a whole batch took, of which `wanted` votes were wanted before, if it was less than the most that one can: it
    /// neither failed nor wants more.
    fn spent_on_commit(job: JobId, batch: BatchIndex, wanted: u32) -> Option<Weight> {
        let ballot = Ballots::<T>::get(job, batch).filter(|ballot| ballot.wanted <= wanted)?;
        Some(match (ballot.stage, ballot.bar) {
            (Stage::Sealing, _) => <T as Config>::WeightInfo::commit_awaited(),
            (_, Bar::Agree(_)) => <T as Config>::WeightInfo::commit_few(),
            // The trust of all was read.
            (_, Bar::Quorum(_)) => <T as Config>::WeightInfo::commit_open(),
        })
    }

    /// The replica at a place of the ballot is sealed.
    pub(crate) fn seal(
        job: JobId,
        batch: BatchIndex,
        terms: &BatchTerms,
        (mut ballot, at): (BallotRecordOf<T>, usize),
        digest: H256,
        commitment: H256,
    ) {
        // To the end: replicas stand in order of commitment.
        ballot.replicas[at].state = ReplicaState::Committed { digest, commitment };
        let worker = ballot.replicas[at].assignment.worker.clone();
        ballot.replicas[at..].rotate_left(1);
        Market::<T>::delivered(job, batch, &worker);
        Self::deposit_event(Event::Committed {
            job,
            batch,
            worker,
            digest,
            commitment,
        });
        if ballot.sealed() < ballot.wanted {
            Ballots::<T>::insert(job, batch, ballot);
        } else if matches!(ballot.bar, Bar::Agree(count) if ballot.wanted < count) {
            // Only one was ordered so far.
            Self::await_draw(job, batch, &mut ballot);
            Ballots::<T>::insert(job, batch, ballot);
        } else {
            Self::advance(job, batch, terms, ballot);
        }
    }

    /// Every check of a reveal.
    pub(crate) fn check_reveal(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
        summary: &BatchSummary,
        salt: &[u8; 32],
    ) -> Result<(BallotRecordOf<T>, usize, BatchTerms), Error<T>> {
        let (ballot, at) = Self::replica_of(worker, job, batch)?;
        let (expected, sealed) = match ballot.replicas[at].state {
            ReplicaState::Working { .. } => return Err(Error::<T>::NotCommitted),
            ReplicaState::Revealed { .. } => return Err(Error::<T>::AlreadyRevealed),
            ReplicaState::Withheld | ReplicaState::Unopened { .. } => {
                return Err(Error::<T>::RevealTooLate);
            }
            ReplicaState::Committed { digest, commitment } => (digest, commitment),
        };
        let Stage::Revealing { until, digest } = ballot.stage else {
            return Err(Error::<T>::RevealNotOpen);
        };
        ensure!(expected == digest, Error::<T>::Outvoted);
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now <= until, Error::<T>::RevealTooLate);
        ensure!(
            receipt::digest(job, batch, summary) == digest
                && receipt::commitment(job, batch, summary, worker.as_ref(), salt) == sealed,
            Error::<T>::SealMismatch
        );
        let terms = Market::<T>::terms(job, batch).ok_or(Error::<T>::NotInFlight)?;
        ensure!(
            summary.charge <= terms.max_charge && summary.fuel <= terms.max_fuel,
            Error::<T>::ExceedsTerms
        );
        Ok((ballot, at, terms))
    }

    pub(crate) fn do_reveal(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
        summary: BatchSummary,
        salt: [u8; 32],
        bundle: ContentHash,
    ) -> DispatchResult {
        let (mut ballot, at, terms) = Self::check_reveal(&worker, job, batch, &summary, &salt)?;
        ballot.replicas[at].state = ReplicaState::Revealed { summary, bundle };
        Self::deposit_event(Event::Revealed {
            job,
            batch,
            worker,
            summary,
            bundle,
        });
        let awaited = matches!(
            ballot.stage,
            Stage::Revealing { digest, .. } if ballot.awaits_reveal(digest)
        );
        if awaited {
            Ballots::<T>::insert(job, batch, ballot);
        } else {
            Self::advance(job, batch, &terms, ballot);
        }
        Ok(())
    }

    /// What a reveal of a batch that these workers had took, if it was less than the most that one can.
    pub(crate) fn spent_on_reveal(
        job: JobId,
        batch: BatchIndex,
        had: &[Claimant<T::AccountId>],
    ) -> Option<Weight> {
        if Ballots::<T>::contains_key(job, batch) {
            return Some(<T as Config>::WeightInfo::reveal_open());
        }
        let workers = had.len() as u32;
        if workers > FEW {
            return None;
        }
        let delegated = had.iter().filter(|claimant| {
            <T as pallet_market::Config>::Workers::is_delegated(&claimant.worker)
        });
        let pools = delegated.count() as u32;
        Some(<T as Config>::WeightInfo::reveal_few(workers, pools))
    }

    pub(crate) fn do_challenge(
        challenger: T::AccountId,
        job: JobId,
        batch: BatchIndex,
    ) -> DispatchResult {
        let mut ballot = Ballots::<T>::get(job, batch).ok_or(Error::<T>::NotInFlight)?;
        let Stage::Standing { until, .. } = ballot.stage else {
            return Err(Error::<T>::NotStanding.into());
        };
        // What stands sealed is no optimistic result: nobody can tell yet what it says.
        let revealed =
            |replica: &ReplicaOf<T>| matches!(replica.state, ReplicaState::Revealed { .. });
        let opened = ballot.replicas.iter().position(revealed);
        let accused = opened.ok_or(Error::<T>::NotStanding)?;
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now <= until, Error::<T>::ChallengeTooLate);
        let bond = Market::<T>::challenge(job, batch, &challenger)?;
        // The challenged replica goes first; those before it withheld theirs.
        ballot.replicas[..=accused].rotate_right(1);
        let until = now.saturating_add(Self::jury_blocks(Self::batch_seconds(job)));
        ballot.jury_until = Some(until);
        ballot.wanted = 0;
        Self::expect_by(until, job, batch);
        let draw_at = Self::await_draw(job, batch, &mut ballot);
        Ballots::<T>::insert(job, batch, ballot);
        Self::deposit_event(Event::Challenged {
            job,
            batch,
            challenger,
            bond,
            draw_at,
        });
        Ok(())
    }
}
