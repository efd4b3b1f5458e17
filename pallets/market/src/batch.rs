//! Batches: their place in the window, and how they end. [`BatchControl`] for the verifier.

use alloc::vec::Vec;
use frame_support::{
    defensive,
    storage::with_storage_layer,
    traits::{
        Defensive,
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
    },
};
use sp_core::H256;
use sp_runtime::traits::Saturating;
use sungrid_primitives::{
    BatchIndex, JobId,
    receipt::BatchSummary,
    traits::{
        Assignment, BatchControl, BatchTerms, Images, Income, Payment, Pricing, Ruling, Verdict,
        Workers,
    },
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Fills the window: first with started batches that wait for a replica, then, while the job is
    /// open, from the cursor.
    pub(crate) fn refill_window(id: JobId, job: &mut JobRecordOf<T>) {
        while !job.window.is_full() {
            let next = if job.waiting > 0
                && let Some(batch) = Waiting::<T>::iter_key_prefix(id).next()
            {
                Waiting::<T>::remove(id, batch);
                job.waiting.saturating_dec();
                batch
            } else if job.state == JobState::Open && job.next_batch < job.batches {
                let batch = job.next_batch;
                job.next_batch.saturating_inc();
                batch
            } else {
                return;
            };
            if job.window.try_push(next).is_err() {
                defensive!("checked above: the window is not full");
                return;
            }
        }
    }

    fn enter_window(id: JobId, job: &mut JobRecordOf<T>, batch: BatchIndex) {
        if job.window.try_push(batch).is_err() {
            Waiting::<T>::insert(id, batch, ());
            job.waiting.saturating_inc();
        }
    }

    /// Takes a batch out of the window, or out of those that wait for it.
    pub(crate) fn leave_window(id: JobId, job: &mut JobRecordOf<T>, batch: BatchIndex) {
        if let Some(at) = job.window.iter().position(|b| *b == batch) {
            job.window.swap_remove(at);
            Self::refill_window(id, job);
        } else if Waiting::<T>::take(id, batch).is_some() {
            job.waiting.saturating_dec();
        } else {
            defensive!("a batch that wants a replica is in the window or waits for it");
        }
    }

    /// Stops new batches: those never claimed leave the window.
    pub(crate) fn close(id: JobId, job: &mut JobRecordOf<T>, closing: Closing) {
        job.state = JobState::Settling(closing);
        job.window
            .retain(|batch| Batches::<T>::contains_key(id, *batch));
        Self::refill_window(id, job);
    }

    /// Stores the job, or ends it if nothing of it is left to do.
    pub(crate) fn store_or_end(id: JobId, job: JobRecordOf<T>) {
        let outcome = match job.state {
            JobState::Open if job.settled.saturating_add(job.failed) == job.total_batches() => {
                Some(Outcome::Completed)
            }
            JobState::Settling(closing) if job.in_flight == 0 => Some(closing.into()),
            _ => None,
        };
        match outcome {
            Some(outcome) => Self::end(id, job, outcome),
            None => Jobs::<T>::insert(id, job),
        }
    }

    /// Ends a job: releases what is left of its escrow, and has the jobs that come after it looked at.
    pub(crate) fn end(id: JobId, mut job: JobRecordOf<T>, outcome: Outcome) {
        let at = frame_system::Pallet::<T>::block_number();
        let released = Self::release_escrow(&job);
        job.state = JobState::Ended { outcome, at };
        Agenda::<T>::remove(job.spec.deadline, (id, None::<BatchIndex>));
        if !job.successors.is_empty() {
            // After whatever is due now: an entry is never added to a block that is being worked off.
            Self::schedule(at, id, None);
        }
        T::Images::note_job_ended(&job.spec.image);
        Self::deposit_event(Event::JobEnded {
            job: id,
            outcome,
            settled: job.settled,
            failed: job.failed,
            paid: job.paid,
            released,
        });
        Jobs::<T>::insert(id, job);
    }

    fn release_escrow(job: &JobRecordOf<T>) -> u128 {
        let rest = job.outstanding();
        let reason = HoldReason::Escrow.into();
        // Best effort, so that if anyone else ever touched the hold, what is there goes back.
        let released = T::Currency::release(&reason, &job.requester, rest, Precision::BestEffort)
            .defensive_unwrap_or_default();
        if released != rest {
            defensive!("the escrow was held at submission and left only through payments");
        }
        released
    }

    /// Pays the winners, slashes the losers, settles a challenge, counts the batch as settled.
    fn settle(
        id: JobId,
        job: &mut JobRecordOf<T>,
        batch: BatchIndex,
        challenge: Option<Challenge<T::AccountId>>,
        ruling: Ruling<T::AccountId>,
    ) {
        let Ruling {
            winners,
            jurors,
            losers,
            summary,
        } = ruling;
        let price = Self::price_of(id, batch, job);
        let due = job.cost(batch, summary.charge, price);
        let most = job.spec.policy.paid_results() as usize;
        let paid_winners = winners.len().min(most);
        let each = Self::pay(job, due, paid_winners as u128);
        let paid = each.saturating_mul(paid_winners as u128);
        job.paid.saturating_accrue(paid);
        job.settled.saturating_inc();
        job.fuel.saturating_accrue(summary.fuel);

        T::Pricing::note_settled(
            job.spec.profile,
            price,
            summary.charge.saturating_mul(paid_winners as u128),
        );
        let mut honest: Vec<T::AccountId> = winners
            .iter()
            .chain(&jurors)
            .map(|right| right.operator.clone())
            .collect();
        for (at, winner) in winners.into_iter().enumerate() {
            let pay = (at < paid_winners).then_some(each);
            Self::credit(job, batch, winner, &summary, pay);
        }
        if let Some(challenge) = challenge {
            let overturned = honest.len() == jurors.len();
            let challenger = challenge.challenger.clone();
            let juror_pay = Self::settle_challenge(id, batch, challenge, due, &jurors, &honest);
            for juror in jurors {
                Self::credit(job, batch, juror, &summary, juror_pay);
            }
            if overturned {
                honest.push(challenger);
            }
        }
        for loser in losers {
            let amounts = T::Workers::slash(&loser.worker, &honest);
            T::Income::faulted(&loser.worker, &loser.operator);
            Self::deposit_event(Event::Slashed {
                job: id,
                batch,
                worker: loser.worker,
                operator: loser.operator,
                total: amounts.total,
                to_honest: amounts.to_honest,
            });
        }
        Self::deposit_event(Event::BatchSettled {
            job: id,
            batch,
            root: summary.root,
            fuel: summary.fuel,
            charge: summary.charge,
            paid,
        });
    }

    /// Records a right result, and that `pay` for it has arrived in the pot.
    fn credit(
        job: &JobRecordOf<T>,
        batch: BatchIndex,
        right: Assignment<T::AccountId>,
        summary: &BatchSummary,
        pay: Option<u128>,
    ) {
        let units = job.units_in(batch);
        T::Workers::note_accepted(&right.worker, units, summary.charge);
        let Some(amount) = pay else {
            return;
        };
        T::Images::note_usage(&job.spec.image, summary.charge);
        T::Income::paid(Payment {
            worker: right.worker,
            operator: right.operator,
            developer: T::Images::developer(&job.spec.image),
            amount,
            charge: summary.charge,
            units,
        });
    }

    /// Moves `count` times `due` from the escrow into the pot, all or nothing; returns what each gets.
    ///
    /// Neither bound nor failure can happen while the escrow is the worst case and the pot exists. If
    /// they do, nothing gets stuck: what is not paid stays in the escrow and is released with it.
    fn pay(job: &JobRecordOf<T>, due: u128, count: u128) -> u128 {
        let Some(most) = job.outstanding().checked_div(count) else {
            return 0;
        };
        if due > most {
            defensive!("a batch cannot cost more than its share of the escrow");
        }
        let each = due.min(most);
        let total = each.saturating_mul(count);
        let reason = HoldReason::Escrow;
        if Self::pay_from_hold(reason, &job.requester, &T::Income::pot(), total) < total {
            defensive!("the escrow is on hold and the pot exists");
            return 0;
        }
        each
    }

    /// Moves planck on hold into an account's free balance and says how much it was: all or nothing.
    pub(crate) fn pay_from_hold(
        reason: HoldReason,
        from: &T::AccountId,
        to: &T::AccountId,
        amount: u128,
    ) -> u128 {
        if amount == 0 {
            return 0;
        }
        with_storage_layer(|| {
            T::Currency::transfer_on_hold(
                &reason.into(),
                from,
                to,
                amount,
                Precision::Exact,
                Restriction::Free,
                // A freeze (a vote, vesting) must not keep anybody from paying.
                Fortitude::Force,
            )
        })
        .unwrap_or(0)
    }

    /// Changes an assignment's capacity from taken to free; says whether it was taken.
    fn free_capacity(id: JobId, batch: BatchIndex, worker: &T::AccountId) -> bool {
        let Some(rate) = Jobs::<T>::get(id).map(|job| job.rate) else {
            return false;
        };
        Batches::<T>::mutate(id, batch, |record| {
            let claimant = record.as_mut().and_then(|record| {
                let mut claimants = record.assignments.iter_mut();
                claimants.find(|claimant| claimant.worker == *worker && claimant.working)
            });
            claimant.is_some_and(|claimant| {
                claimant.working = false;
                T::Workers::release(worker, rate);
                true
            })
        })
    }
}

impl<T: Config> BatchControl<T::AccountId> for Pallet<T> {
    fn terms(id: JobId, batch: BatchIndex) -> Option<BatchTerms> {
        if !Batches::<T>::contains_key(id, batch) {
            return None;
        }
        let job = Jobs::<T>::get(id)?;
        let count = job.units_in(batch);
        let units = u128::from(count);
        let max_charge = job.unit_charge.saturating_mul(units);
        Some(BatchTerms {
            policy: job.spec.policy,
            environment: job.spec.environment,
            units: count,
            max_fuel: u128::from(job.spec.fuel_limit).saturating_mul(units),
            max_charge,
            max_pay: job.cost(batch, max_charge, Self::price_of(id, batch, &job)),
            is_whole: !job.layout().is_part(batch),
        })
    }

    fn want_replica(id: JobId, batch: BatchIndex) -> bool {
        let now = frame_system::Pallet::<T>::block_number();
        let (Some(mut job), Some(mut record)) = (Jobs::<T>::get(id), Batches::<T>::get(id, batch))
        else {
            defensive!("replicas are wanted for batches in flight only");
            return false;
        };
        let spoken_for = (record.assignments.len() as u32).saturating_add(record.wanted);
        if !job.takes_claims(&now) || spoken_for >= MAX_ASSIGNMENTS {
            return false;
        }
        if record.wanted == 0 {
            Self::enter_window(id, &mut job, batch);
            Jobs::<T>::insert(id, job);
            if let Some(summons) = &mut record.summons {
                summons.from = now;
            }
        }
        record.wanted.saturating_inc();
        Self::deposit_event(Event::ReplicaWanted {
            job: id,
            batch,
            wanted: record.wanted,
        });
        Batches::<T>::insert(id, batch, record);
        true
    }

    fn summon(id: JobId, batch: BatchIndex, seed: H256, lead: u32) {
        let from = frame_system::Pallet::<T>::block_number();
        let keyed_by = from.saturating_sub(lead.into());
        Batches::<T>::mutate(id, batch, |record| match record {
            Some(record) => {
                record.summons = Some(Summons {
                    seed,
                    keyed_by,
                    from,
                });
            }
            None => {
                defensive!("workers are summoned to batches in flight");
            }
        });
    }

    fn missed(id: JobId, batch: BatchIndex, worker: &T::AccountId, blocks: u64, since: u64) {
        Self::free_capacity(id, batch, worker);
        T::Workers::note_missed(worker);
        let rate = Jobs::<T>::get(id).map_or(0, |job| job.rate);
        T::Workers::let_rest(worker, rate, blocks, Some(since));
    }

    fn declined(id: JobId, batch: BatchIndex, worker: &T::AccountId) {
        Self::free_capacity(id, batch, worker);
        T::Workers::note_declined(worker);
    }

    fn handed_back(id: JobId, batch: BatchIndex, worker: &T::AccountId) {
        Self::free_capacity(id, batch, worker);
        T::Workers::note_handed_back(worker);
    }

    fn delivered(id: JobId, batch: BatchIndex, worker: &T::AccountId) {
        // Whose batch was cut has given it back already, or does so with the other part.
        Self::free_capacity(id, batch, worker);
        Batches::<T>::mutate(id, batch, |record| {
            if let Some(record) = record {
                record.delivered = true;
            }
        });
    }

    fn conclude(id: JobId, batch: BatchIndex, verdict: Verdict<T::AccountId>) {
        let (Some(mut job), Some(record)) = (Jobs::<T>::get(id), Batches::<T>::take(id, batch))
        else {
            defensive!("a verdict is about a batch in flight");
            return;
        };
        if record.wanted > 0 {
            Self::leave_window(id, &mut job, batch);
        }
        match verdict {
            Verdict::Accepted(ruling) => {
                Self::settle(id, &mut job, batch, record.challenge, ruling);
            }
            Verdict::Failed => {
                if let Some(challenge) = record.challenge {
                    defensive!("a challenged batch does not fail");
                    Self::release_challenge(&challenge);
                }
                job.failed.saturating_inc();
                Self::deposit_event(Event::BatchFailed { job: id, batch });
            }
        }
        for claimant in record.assignments {
            if claimant.working {
                T::Workers::release(&claimant.worker, job.rate);
            }
            T::Workers::resolved(&claimant.worker);
        }
        job.in_flight.saturating_dec();
        Self::store_or_end(id, job);
    }
}
