//! Assignments, deadlines and verdicts: [`Verifier`] for the market.

use alloc::vec::Vec;
use frame_support::{defensive, pallet_prelude::*, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::Pallet as Market;
use sp_runtime::traits::{One, SaturatedConversion, Saturating};
use sungrid_primitives::{
    BatchIndex, JobId,
    receipt::BatchSummary,
    traits::{Assignment, BatchControl, Verdict, Verifier},
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Puts the end of a period, whose last block is `until`, on the agenda.
    pub(crate) fn expect_by(until: BlockNumberFor<T>, job: JobId, batch: BatchIndex) {
        Market::<T>::schedule(until.saturating_add(One::one()), job, Some(batch));
    }

    fn note_missed(job: JobId, batch: BatchIndex, worker: T::AccountId, phase: Phase) {
        Market::<T>::missed(job, batch, &worker);
        Self::deposit_event(Event::Missed {
            job,
            batch,
            worker,
            phase,
        });
    }

    /// Asks for `count` more replicas and stores the ballot, or fails the batch if one is not to be had.
    fn want(job: JobId, batch: BatchIndex, ballot: BallotRecordOf<T>, count: u32) {
        if (0..count).all(|_| Market::<T>::want_replica(job, batch)) {
            Ballots::<T>::insert(job, batch, ballot);
        } else {
            Self::fail(job, batch);
        }
    }

    fn fail(job: JobId, batch: BatchIndex) {
        Ballots::<T>::remove(job, batch);
        Market::<T>::conclude(job, batch, Verdict::Failed);
    }

    /// Replicas whose commit deadline has passed are out and get replaced.
    fn replace_overdue(job: JobId, batch: BatchIndex, mut ballot: BallotRecordOf<T>) {
        let now = frame_system::Pallet::<T>::block_number();
        let mut overdue = Vec::new();
        ballot.replicas.retain(|replica| match replica.state {
            ReplicaState::Working { until } if until < now => {
                overdue.push(replica.assignment.worker.clone());
                false
            }
            _ => true,
        });
        let count = overdue.len() as u32;
        if count == 0 {
            return;
        }
        for worker in overdue {
            Self::note_missed(job, batch, worker, Phase::Commit);
        }
        Self::want(job, batch, ballot, count);
    }

    /// Commitments that were not revealed in time are withheld; the rest decides.
    fn close_reveals(job: JobId, batch: BatchIndex, mut ballot: BallotRecordOf<T>) {
        for replica in ballot.replicas.iter_mut() {
            if matches!(replica.state, ReplicaState::Committed { .. }) {
                replica.state = ReplicaState::Withheld;
                let worker = replica.assignment.worker.clone();
                Self::note_missed(job, batch, worker, Phase::Reveal);
            }
        }
        Self::decide(job, batch, ballot);
    }

    /// Compares what was revealed. The verdict goes to the market; without one, more replicas are
    /// wanted, as many as agreement needs at least.
    pub(crate) fn decide(job: JobId, batch: BatchIndex, mut ballot: BallotRecordOf<T>) {
        let revealed: Vec<BatchSummary> = ballot
            .replicas
            .iter()
            .filter_map(|replica| match replica.state {
                ReplicaState::Revealed { summary, .. } => Some(summary),
                _ => None,
            })
            .collect();
        let votes =
            |summary: &BatchSummary| revealed.iter().filter(|s| *s == summary).count() as u32;
        // With equal votes the earlier commitment stands; `k` of them cannot be reached by two, because only
        // as many replicas are ordered as the leading summary lacks.
        let mut leading: Option<(BatchSummary, u32)> = None;
        for summary in &revealed {
            let count = votes(summary);
            if leading.is_none_or(|(_, most)| count > most) {
                leading = Some((*summary, count));
            }
        }
        let most = match leading {
            Some((summary, count)) if count >= ballot.quorum => {
                return Self::accept(job, batch, ballot, summary);
            }
            Some((_, count)) => count,
            None => 0,
        };
        let missing = ballot.quorum.saturating_sub(most);
        let revealed = revealed.len() as u32;
        let wanted = revealed.saturating_add(missing);
        if wanted > T::MaxReplicas::get() {
            return Self::fail(job, batch);
        }
        ballot.wanted = wanted;
        ballot.reveal_until = None;
        Self::deposit_event(Event::Undecided {
            job,
            batch,
            revealed,
            wanted,
        });
        Self::want(job, batch, ballot, missing);
    }

    fn accept(job: JobId, batch: BatchIndex, ballot: BallotRecordOf<T>, summary: BatchSummary) {
        let (mut winners, mut losers) = (Vec::new(), Vec::new());
        let mut result = ResultRecord {
            summary,
            winners: BoundedVec::new(),
        };
        for replica in ballot.replicas {
            match replica.state {
                ReplicaState::Revealed { summary: s, bundle } if s == summary => {
                    let winner = Winner {
                        worker: replica.assignment.worker.clone(),
                        bundle,
                    };
                    // `decide` orders no more replicas than agreement lacks, so there are `k`.
                    if winners.len() as u32 >= ballot.quorum
                        || result.winners.try_push(winner).is_err()
                    {
                        defensive!("more replicas agree than were ordered");
                    } else {
                        winners.push(replica.assignment);
                    }
                }
                ReplicaState::Revealed { .. } | ReplicaState::Withheld => {
                    losers.push(replica.assignment);
                }
                ReplicaState::Working { .. } | ReplicaState::Committed { .. } => {
                    defensive!("a batch is decided when nothing is awaited");
                }
            }
        }
        Ballots::<T>::remove(job, batch);
        Results::<T>::insert(job, batch, result);
        Market::<T>::conclude(
            job,
            batch,
            Verdict::Accepted {
                winners,
                losers,
                summary,
            },
        );
    }
}

impl<T: Config> Verifier<T::AccountId> for Pallet<T> {
    fn assigned(
        job: JobId,
        batch: BatchIndex,
        assignment: Assignment<T::AccountId>,
        wanted: u32,
        virtual_seconds: u64,
    ) {
        let now = frame_system::Pallet::<T>::block_number();
        let blocks = virtual_seconds
            .saturating_mul(2)
            .div_ceil(T::SecondsPerBlock::get().max(1));
        let until = now
            .saturating_add(T::CommitSlack::get())
            .saturating_add(blocks.saturated_into());
        let mut ballot = Ballots::<T>::get(job, batch).unwrap_or_else(|| BallotRecord {
            quorum: wanted,
            wanted,
            replicas: BoundedVec::new(),
            reveal_until: None,
        });
        let replica = Replica {
            assignment,
            state: ReplicaState::Working { until },
        };
        if ballot.replicas.try_push(replica).is_err() {
            defensive!("the market assigns a batch at most `MAX_ASSIGNMENTS` times");
            return;
        }
        Self::expect_by(until, job, batch);
        Ballots::<T>::insert(job, batch, ballot);
    }

    fn deadline(job: JobId, batch: BatchIndex) {
        // A stale entry: the batch is decided, or its current deadline is another.
        let Some(ballot) = Ballots::<T>::get(job, batch) else {
            return;
        };
        let now = frame_system::Pallet::<T>::block_number();
        match ballot.reveal_until {
            Some(until) if now > until => Self::close_reveals(job, batch, ballot),
            Some(_) => {}
            None => Self::replace_overdue(job, batch, ballot),
        }
    }

    fn deadline_weight() -> Weight {
        <T as Config>::WeightInfo::deadline()
    }

    fn abandoned(job: JobId, batch: BatchIndex) {
        Ballots::<T>::remove(job, batch);
    }

    fn forget(job: JobId, batch: BatchIndex) {
        Results::<T>::remove(job, batch);
    }
}
