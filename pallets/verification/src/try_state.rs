//! What must hold between blocks, and between configuration values.

use frame_support::traits::Get;
use pallet_market::{JURY, MAX_ASSIGNMENTS};
use sp_runtime::traits::{One, SaturatedConversion, Saturating, Zero};
use sungrid_primitives::{policy::MAX_REPLICAS, traits::Workers};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Relations between configuration values.
    pub(crate) fn check_integrity() {
        assert!(
            T::MaxReplicas::get() >= JURY.max(MAX_REPLICAS.into())
                && T::MaxReplicas::get() <= MAX_ASSIGNMENTS,
            "`MaxReplicas` must allow the most replicas, and no more than the market assigns"
        );
        assert!(
            T::DrawDelay::get() > One::one(),
            "with `DrawDelay` 1 a draw is known when it is called for"
        );
        assert!(
            !T::ChallengeWindow::get().is_zero() && T::JuryWindow::get() > T::DrawDelay::get(),
            "a challenge must be possible, and its jury drawn before it is too late"
        );
        assert!(
            T::StandingWindow::get() > T::DrawDelay::get(),
            "a result must stand until another of its worker's could be drawn to be audited"
        );
        assert!(
            !T::RevealWindow::get().is_zero(),
            "with `RevealWindow` 0 reveals close in the block that opens them"
        );
        let pause = T::DeclinesToPause::get();
        assert!(
            (1..=MAX_DECLINERS).contains(&pause),
            "a job must remember as many decliners as pause it, and nobody pauses by nothing"
        );
        assert!(
            T::ClaimFee::get().saturating_mul(pause.into()) <= T::JobDeposit::get(),
            "`JobDeposit` must cover the fee of one pause"
        );
        assert!(
            T::WitnessFee::get() > 0 && !T::WitnessWindow::get().is_zero(),
            "witnesses need a fee and time to fetch"
        );
        let answers: u64 = T::Retention::get()
            .saturating_add(Self::call_blocks())
            .saturated_into();
        assert!(
            <T as pallet_market::Config>::Workers::liability() >= answers,
            "bonds must answer for outputs until the last call for witnesses has ended"
        );
        assert!(
            T::SecondsPerBlock::get() > 0,
            "blocks take time: set `SecondsPerBlock`"
        );
    }
}

#[cfg(any(feature = "std", feature = "try-runtime"))]
mod checks {
    use alloc::collections::BTreeSet;
    use frame_support::{ensure, traits::Get};
    use frame_system::pallet_prelude::BlockNumberFor;
    use pallet_market::{AgendaCursor, Batches, Doubts, Jobs, Policy};
    use sp_runtime::{
        TryRuntimeError,
        traits::{One, Saturating},
    };
    use sungrid_primitives::{BatchIndex, JobId};

    use crate::*;

    impl<T: Config> Pallet<T> {
        /// The invariants of this pallet.
        ///
        /// 1. A batch has a ballot exactly while the market has it in flight; it is under challenge in both or
        ///    in neither, and then its first replica is revealed.
        /// 2. Replicas of a ballot are assigned by the market, each once, in a round that there was; it knows whether one was delivered.
        /// 3. Votes that are working or sealed, plus those that the market still looks for, are those wanted.
        /// 4. A batch waits for seals exactly while some are wanted; for reveals, while one of that digest is
        ///    sealed; it stands while its only vote is revealed, under `Adaptive` while that is sealed.
        /// 5. Every deadline that a ballot waits for is on the agenda.
        /// 6. A result belongs to a job and one of its opened batches, that is no longer in flight, and names who found
        ///    it: as many as replicas were ordered, or at least one under other policies; a live job has a result
        ///    for every settled batch.
        ///    No more of them are paid than there are, and it was accepted in no block to come.
        /// 7. Declines, receipts and marks of ratings belong to a job. Its decliners are distinct operators.
        /// 8. Only batches that were opened are received.
        /// 9. An operator's stars are at least one and at most [`MOST_STARS`] per rating. It was caught in no block to come,
        ///    and is audited for no longer than an audit takes.
        /// 10. A call for witnesses is one that the market holds a bond for, of a settled batch whose outputs are owed; what
        ///     it waits for is on the agenda.
        /// 11. Witnesses are as many as are needed once they are drawn, of distinct operators, none of whom found the result
        ///     or ordered it; they are waited for: for seals while one is awaited, for testimonies while one is sealed.
        pub fn do_try_state() -> Result<(), TryRuntimeError> {
            for (job, batch) in Batches::<T>::iter_keys() {
                ensure!(
                    Ballots::<T>::contains_key(job, batch),
                    "verification 1: a batch in flight without a ballot"
                );
            }
            for (job, batch, ballot) in Ballots::<T>::iter() {
                Self::try_ballot(job, batch, &ballot)?;
            }
            for (job, batch, result) in Results::<T>::iter() {
                let job_record =
                    Jobs::<T>::get(job).ok_or("verification 6: a result without a job")?;
                ensure!(
                    job_record.is_opened(batch) && !Batches::<T>::contains_key(job, batch),
                    "verification 6: a result of a batch that is not decided"
                );
                let finders = result.winners.len();
                ensure!(
                    match job_record.spec.policy {
                        Policy::Replicate(count) => finders == usize::from(count),
                        _ => finders > 0,
                    },
                    "verification 6: a result without its quorum"
                );
                ensure!(
                    result.paid as usize <= finders
                        && result.at <= frame_system::Pallet::<T>::block_number(),
                    "verification 6: a result that was paid more often than found, or in time to come"
                );
            }
            for (id, job) in Jobs::<T>::iter().filter(|(_, job)| job.cleaned == 0) {
                ensure!(
                    Results::<T>::iter_key_prefix(id).count() == job.settled as usize,
                    "verification 6: settled batches and results differ"
                );
            }
            Self::try_availability()?;
            for (job, batch) in Doubts::<T>::iter_keys() {
                ensure!(
                    Calls::<T>::contains_key(job, batch),
                    "verification 10: a bond is held for no call"
                );
            }
            for (job, batch, call) in Calls::<T>::iter() {
                Self::try_call(job, batch, &call)?;
            }
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(
                Caught::<T>::iter_values().all(|at| at <= now),
                "verification 9: an operator was caught in time to come"
            );
            let most = Self::standing_blocks(T::MaxBatchSeconds::get());
            ensure!(
                AuditedUntil::<T>::iter_values().all(|until| until <= now.saturating_add(most)),
                "verification 9: an operator is audited for longer than an audit takes"
            );
            Self::try_ratings()
        }

        fn try_availability() -> Result<(), TryRuntimeError> {
            for (id, decliners) in Decliners::<T>::iter() {
                ensure!(
                    Jobs::<T>::contains_key(id),
                    "verification 7: declines without a job"
                );
                let operators: BTreeSet<_> = decliners.iter().map(|d| &d.operator).collect();
                ensure!(
                    operators.len() == decliners.len(),
                    "verification 7: an operator declines twice"
                );
            }
            for (id, below) in Received::<T>::iter() {
                let job = Jobs::<T>::get(id).ok_or("verification 7: a receipt without a job")?;
                ensure!(
                    below <= job.next_batch,
                    "verification 8: a batch is received that was never opened"
                );
            }
            Ok(())
        }

        fn try_call(
            job: JobId,
            batch: BatchIndex,
            call: &CallRecordOf<T>,
        ) -> Result<(), TryRuntimeError> {
            let owed = Results::<T>::get(job, batch)
                .filter(|result| result.outputs == Outputs::Owed)
                .filter(|_| Doubts::<T>::contains_key(job, batch));
            let result = owed.ok_or("verification 10: a call that is about nothing")?;
            match call.stage {
                CallStage::Drawing { at } => Self::try_agenda(at, job, batch),
                CallStage::Sealing { until } | CallStage::Opening { until } => {
                    Self::try_deadline(until, job, batch)
                }
            }
            .map_err(|_| "verification 10: a call is not on the agenda")?;
            let requester = Jobs::<T>::get(job).map(|job| job.requester);
            let operators: BTreeSet<_> = call
                .witnesses
                .iter()
                .map(|w| w.assignment.operator.clone())
                .collect();
            let strangers = |operator: &T::AccountId| {
                requester.as_ref() != Some(operator)
                    && !result.winners.iter().any(|w| w.operator == *operator)
            };
            ensure!(
                operators.len() == call.witnesses.len() && operators.iter().all(strangers),
                "verification 11: a witness is no stranger, or twice"
            );
            let awaits = |what: fn(&Testimony) -> bool| {
                let mut witnesses = call.witnesses.iter();
                witnesses.any(|witness| what(&witness.testimony))
            };
            let enough = operators.len() >= LEAST_WITNESSES as usize;
            let fits = match call.stage {
                CallStage::Drawing { .. } => operators.is_empty(),
                CallStage::Sealing { .. } => enough && awaits(|t| *t == Testimony::Awaited),
                CallStage::Opening { .. } => {
                    enough && awaits(|t| matches!(t, Testimony::Sealed(_)))
                }
            };
            ensure!(fits, "verification 11: a call waits for the wrong thing");
            Ok(())
        }

        fn try_ratings() -> Result<(), TryRuntimeError> {
            for (id, _) in Rated::<T>::iter_keys() {
                ensure!(
                    Jobs::<T>::contains_key(id),
                    "verification 7: a rating without a job"
                );
            }
            for Rating { stars, count } in Ratings::<T>::iter_values() {
                let most = count.saturating_mul(MOST_STARS.into());
                ensure!(
                    count > 0 && (count..=most).contains(&stars),
                    "verification 9: stars and ratings differ"
                );
            }
            Ok(())
        }

        fn try_ballot(
            job: JobId,
            batch: BatchIndex,
            ballot: &BallotRecordOf<T>,
        ) -> Result<(), TryRuntimeError> {
            let record = Batches::<T>::get(job, batch)
                .ok_or("verification 1: a ballot of a batch that is not in flight")?;
            let first_is_revealed = matches!(
                ballot.replicas.first().map(|replica| &replica.state),
                Some(ReplicaState::Revealed { .. })
            );
            ensure!(
                record.challenge.is_some() == ballot.jury_until.is_some()
                    && (ballot.jury_until.is_none() || first_is_revealed),
                "verification 1: a challenge that is not one of both"
            );
            let mut working = 0u32;
            for (at, replica) in ballot.replicas.iter().enumerate() {
                let worker = &replica.assignment.worker;
                ensure!(
                    record.assignments.iter().any(|a| a.worker == *worker)
                        && !ballot.replicas[..at]
                            .iter()
                            .any(|other| other.assignment.worker == *worker),
                    "verification 2: a replica that the market did not assign once"
                );
                if let ReplicaState::Working { until } = replica.state {
                    working = working.saturating_add(1);
                    Self::try_deadline(until, job, batch)?;
                }
            }
            let expected = working
                .saturating_add(ballot.sealed())
                .saturating_add(record.wanted);
            ensure!(
                expected == ballot.wanted,
                "verification 3: the replicas at work are not those wanted"
            );
            ensure!(
                record.delivered == ((working as usize) < ballot.replicas.len()),
                "verification 2: a delivery that the market does not know of, or that was none"
            );
            let is_quorum = matches!(ballot.bar, Bar::Quorum(_));
            ensure!(
                (ballot.round == 0 || is_quorum)
                    && ballot
                        .replicas
                        .iter()
                        .all(|replica| replica.round <= ballot.round),
                "verification 2: a replica of a round that there was not"
            );
            let sealed = ballot.sealed();
            let fits = match ballot.stage {
                Stage::Sealing => sealed < ballot.wanted,
                Stage::Revealing { digest, .. } => {
                    sealed == ballot.wanted && ballot.awaits_reveal(digest)
                }
                Stage::Drawing { .. } => sealed == ballot.wanted,
                Stage::Standing { .. } => {
                    let policy = Jobs::<T>::get(job).map(|job| job.spec.policy);
                    let is_sealed = ballot
                        .votes()
                        .any(|replica| matches!(replica.state, ReplicaState::Committed { .. }));
                    sealed == 1
                        && ballot.wanted == 1
                        && ballot.jury_until.is_none()
                        && is_sealed == (policy == Some(Policy::Adaptive))
                }
            };
            ensure!(fits, "verification 4: a batch waits for the wrong thing");
            match ballot.stage {
                Stage::Sealing => Ok(()),
                Stage::Drawing { at } => Self::try_agenda(at, job, batch),
                Stage::Revealing { until, .. } | Stage::Standing { until, .. } => {
                    Self::try_deadline(until, job, batch)
                }
            }?;
            match ballot.jury_until {
                Some(until) if frame_system::Pallet::<T>::block_number() <= until => {
                    Self::try_deadline(until, job, batch)
                }
                _ => Ok(()),
            }
        }

        fn try_deadline(
            until: BlockNumberFor<T>,
            job: JobId,
            batch: BatchIndex,
        ) -> Result<(), TryRuntimeError> {
            Self::try_agenda(until.saturating_add(One::one()), job, batch)
        }

        fn try_agenda(
            at: BlockNumberFor<T>,
            job: JobId,
            batch: BatchIndex,
        ) -> Result<(), TryRuntimeError> {
            ensure!(
                pallet_market::Agenda::<T>::contains_key(at, (job, Some(batch)))
                    && AgendaCursor::<T>::get().is_some_and(|cursor| cursor <= at),
                "verification 5: a deadline is not on the agenda"
            );
            Ok(())
        }
    }
}
