//! What must hold between blocks, and between configuration values.

use frame_support::traits::Get;
use pallet_market::{MAX_ASSIGNMENTS, MAX_QUORUM};
use sp_runtime::traits::Zero;

use crate::*;

impl<T: Config> Pallet<T> {
    /// Relations between configuration values.
    pub(crate) fn check_integrity() {
        assert!(
            (u32::from(MAX_QUORUM)..=MAX_ASSIGNMENTS).contains(&T::MaxReplicas::get()),
            "`MaxReplicas` must allow the largest quorum, and no more than the market assigns"
        );
        assert!(
            !T::RevealWindow::get().is_zero(),
            "with `RevealWindow` 0 reveals close in the block that opens them"
        );
        assert!(
            T::SecondsPerBlock::get() > 0,
            "blocks take time: set `SecondsPerBlock`"
        );
    }
}

#[cfg(any(feature = "try-runtime", test))]
mod checks {
    use frame_support::ensure;
    use frame_system::pallet_prelude::BlockNumberFor;
    use pallet_market::{AgendaCursor, Batches, Jobs};
    use sp_runtime::{
        TryRuntimeError,
        traits::{One, Saturating},
    };
    use sungrid_primitives::{BatchIndex, JobId};

    use crate::*;

    impl<T: Config> Pallet<T> {
        /// The invariants of this pallet.
        ///
        /// 1. A batch has a ballot exactly while the market has it in flight.
        /// 2. Replicas of a ballot are assigned by the market, each once.
        /// 3. Replicas that are working or sealed, plus those that the market still looks for, are those wanted.
        /// 4. Reveals are open exactly while all wanted replicas are sealed and a reveal is awaited.
        /// 5. Every deadline that a ballot waits for is on the agenda.
        /// 6. A result belongs to a job and one of its opened batches, that is no longer in flight, and has as many
        ///    winners as the policy ordered; a live job has a result for every settled batch.
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
                    batch < job_record.next_batch && !Batches::<T>::contains_key(job, batch),
                    "verification 6: a result of a batch that is not decided"
                );
                ensure!(
                    result.winners.len() as u32 == job_record.spec.policy.quorum(),
                    "verification 6: a result without its quorum"
                );
            }
            for (id, job) in Jobs::<T>::iter().filter(|(_, job)| job.cleaned == 0) {
                ensure!(
                    Results::<T>::iter_key_prefix(id).count() == job.settled as usize,
                    "verification 6: settled batches and results differ"
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
                ballot.reveal_until.is_some()
                    == (ballot.sealed() == ballot.wanted && ballot.awaits_reveal()),
                "verification 4: reveals are open at the wrong time"
            );
            if let Some(until) = ballot.reveal_until {
                Self::try_deadline(until, job, batch)?;
            }
            Ok(())
        }

        fn try_deadline(
            until: BlockNumberFor<T>,
            job: JobId,
            batch: BatchIndex,
        ) -> Result<(), TryRuntimeError> {
            let at = until.saturating_add(One::one());
            ensure!(
                pallet_market::Agenda::<T>::contains_key(at, (job, Some(batch)))
                    && AgendaCursor::<T>::get().is_some_and(|cursor| cursor <= at),
                "verification 5: a deadline is not on the agenda"
            );
            Ok(())
        }
    }
}
