//! What must hold between blocks, and between configuration values.

use frame_support::traits::Get;
use frame_support::weights::Weight;
use sp_runtime::traits::{SaturatedConversion, Zero};
use sungrid_primitives::traits::Workers;

use crate::*;

impl<T: Config> Pallet<T> {
    /// Relations between configuration values.
    pub(crate) fn check_integrity() {
        assert!(
            !T::MaxJobBlocks::get().is_zero(),
            "with `MaxJobBlocks` 0 no deadline is valid"
        );
        assert!(
            T::MaxBatchSeconds::get() > 0,
            "with `MaxBatchSeconds` 0 no batch is short enough"
        );
        assert!(
            T::CleanUpLimit::get() > 0,
            "with `CleanUpLimit` 0 no deposit ever returns"
        );
        assert!(
            T::Workers::liability() >= T::Retention::get().saturated_into(),
            "bonds must answer for outputs as long as these are kept"
        );
        let step = Self::step_weight().saturating_add(T::WeightInfo::agenda_lookup());
        assert!(
            step.all_lte(T::AgendaWeight::get()),
            "`AgendaWeight` must have room for one step ({step:?}), or full blocks stop the agenda"
        );
        let block: Weight = <T as frame_system::Config>::BlockWeights::get().max_block;
        assert!(
            T::WeightInfo::clean_up(T::CleanUpLimit::get()).all_lt(block),
            "`CleanUpLimit` batches must fit a block"
        );
    }
}

#[cfg(any(feature = "std", feature = "try-runtime"))]
mod checks {
    use alloc::collections::{BTreeMap, BTreeSet};
    use frame_support::{ensure, traits::fungible::InspectHold};
    use sp_runtime::{
        TryRuntimeError,
        traits::{One, Saturating},
    };
    use sungrid_primitives::{BatchIndex, JobId, job::batch_count};

    use crate::*;

    impl<T: Config> Pallet<T> {
        /// The invariants of this pallet.
        ///
        /// 1. A job's number is below [`NextJobId`].
        /// 2. A job's batches are counted once: settled, failed, in flight, or new in the window, they make up
        ///    what the cursor passed while the job is open, and never more.
        /// 3. `in_flight` is the number of the job's batch records; no record is without a live job.
        /// 4. A batch is in the window at most once, below the cursor, and wants a replica; a batch that was
        ///    never claimed is there only while the job is open.
        /// 5. A record that wants a replica is in the window or waiting, exactly one of them; `waiting` counts the
        ///    latter, and nothing waits while the window has room.
        /// 6. Assigned and wanted replicas stay within [`MAX_ASSIGNMENTS`]; operators and workers of a batch
        ///    are distinct, and jurisdictions if the job says so; a record has at least one assignment.
        /// 7. `paid ≤ escrow`; what the live jobs of a requester have not paid is what it has on hold as
        ///    escrow, and the deposits of its jobs what it has on hold as deposit.
        /// 8. A job of which something can still be claimed, or must still fail, is on the agenda at
        ///    its deadline; nothing on the agenda lies before [`AgendaCursor`].
        /// 9. The challenges of batches in flight, and the doubts of requesters in the outputs of settled ones, are what is
        ///    held of either; who doubts has a job, and the batch of the doubt is not in flight.
        /// 10. An ended job has nothing in flight, in the window or waiting.
        /// 11. What a live job has left of its escrow covers its batches at their limits: those in flight at their own
        ///     price, those that nobody has claimed at the job's. A raised price is above the order's bid and at most
        ///     the job's, and stays until its batch is cleaned up.
        /// 12. A pending job was never claimable; it comes after an earlier job that exists and lists it, and if that one has
        ///     ended, looking at its successors is on the agenda.
        /// 13. A series has a number of its own, starts left, fewer skips in a row than end it, and its next start on the
        ///     agenda; what is held for it is part of its requester's deposits.
        /// 14. A cut leaves units on both sides, of a batch that was opened and not cut before.
        pub fn do_try_state() -> Result<(), TryRuntimeError> {
            let next = NextJobId::<T>::get();
            let now = frame_system::Pallet::<T>::block_number();
            let mut holds = BTreeMap::<T::AccountId, (u128, u128)>::new();
            for (id, job) in Jobs::<T>::iter() {
                ensure!(id < next, "market 1: a job has a number yet to be given");
                Self::try_job(id, &job)?;
                let held = holds.entry(job.requester.clone()).or_default();
                held.0 = held.0.saturating_add(job.outstanding());
                held.1 = held.1.saturating_add(job.deposit);
            }
            for (id, series) in Series::<T>::iter() {
                ensure!(
                    id < next && !Jobs::<T>::contains_key(id),
                    "market 13: a series without a number of its own"
                );
                ensure!(
                    (1..=MAX_STARTS).contains(&series.left) && series.skipped < MAX_SKIPS,
                    "market 13: a series that should have ended"
                );
                ensure!(
                    Agenda::<T>::contains_key(series.next, (id, None::<BatchIndex>)),
                    "market 13: a series would never start"
                );
                let held = holds.entry(series.requester.clone()).or_default();
                held.1 = held.1.saturating_add(series.held());
            }
            let mut challenges = BTreeMap::<T::AccountId, u128>::new();
            for (id, batch, record) in Batches::<T>::iter() {
                if let Some(challenge) = &record.challenge {
                    let held = challenges.entry(challenge.challenger.clone()).or_default();
                    *held = held.saturating_add(challenge.bond);
                }
                let job = Jobs::<T>::get(id).ok_or("market 3: a batch without a job")?;
                Self::try_batch(id, batch, &job, &record)?;
            }
            for (id, batch, bond) in Doubts::<T>::iter() {
                let job = Jobs::<T>::get(id).ok_or("market 9: a doubt without a job")?;
                ensure!(
                    job.is_opened(batch) && !Batches::<T>::contains_key(id, batch),
                    "market 9: a doubt in what is not settled"
                );
                let held = challenges.entry(job.requester).or_default();
                *held = held.saturating_add(bond);
            }
            for (id, batch, ()) in Waiting::<T>::iter() {
                let wants = Batches::<T>::get(id, batch).is_some_and(|record| record.wanted > 0);
                ensure!(wants, "market 5: a batch waits without wanting a replica");
            }
            for (who, (escrow, deposit)) in holds {
                ensure!(
                    T::Currency::balance_on_hold(&HoldReason::Escrow.into(), &who) == escrow,
                    "market 7: the escrow on hold is not what jobs have outstanding"
                );
                ensure!(
                    T::Currency::balance_on_hold(&HoldReason::Deposit.into(), &who) == deposit,
                    "market 7: the deposit on hold is not what jobs need"
                );
            }
            for (who, bonds) in challenges {
                ensure!(
                    T::Currency::balance_on_hold(&HoldReason::Challenge.into(), &who) == bonds,
                    "market 9: the bonds on hold are not those of the challenges"
                );
            }
            for (id, job) in Jobs::<T>::iter() {
                Self::try_prices(id, &job)?;
            }
            for (id, _, _) in RaisedPrices::<T>::iter() {
                let exists = Jobs::<T>::contains_key(id);
                ensure!(exists, "market 11: a price without a job");
            }
            let cursor = AgendaCursor::<T>::get();
            ensure!(
                cursor.is_none_or(|cursor| cursor <= now.saturating_add(One::one())),
                "market 8: the agenda ran ahead"
            );
            for (at, (_, _), ()) in Agenda::<T>::iter() {
                ensure!(
                    cursor.is_some_and(|cursor| at >= cursor),
                    "market 8: the agenda skipped an entry"
                );
            }
            Ok(())
        }

        fn try_job(id: JobId, job: &JobRecordOf<T>) -> Result<(), TryRuntimeError> {
            let batches = batch_count(job.spec.units, job.spec.batch_size);
            ensure!(
                job.batches == batches && job.next_batch <= batches,
                "market 2: more batches than the job has"
            );
            for (at, cut) in job.cuts.iter().enumerate() {
                let made = job.batches.saturating_add(at as u32);
                let cut_before = job.cuts[..at].iter().any(|other| other.batch == cut.batch);
                ensure!(
                    cut.batch < made
                        && !cut_before
                        && job.is_opened(cut.batch)
                        && job.layout().origin(cut.batch) == job.layout().origin(made)
                        && job.units_in(cut.batch) > 0
                        && job.units_in(made) > 0,
                    "market 14: a cut that leaves nothing, or of nothing"
                );
            }
            let window: BTreeSet<BatchIndex> = job.window.iter().copied().collect();
            ensure!(
                window.len() == job.window.len(),
                "market 4: a batch is in the window twice"
            );
            let mut fresh = 0u32;
            for batch in &window {
                ensure!(
                    job.is_opened(*batch),
                    "market 4: the window is ahead of the cursor"
                );
                match Batches::<T>::get(id, batch) {
                    Some(record) => ensure!(
                        record.wanted > 0,
                        "market 4: a batch in the window wants nothing"
                    ),
                    None => fresh = fresh.saturating_add(1),
                }
            }
            ensure!(
                fresh == 0 || job.state == JobState::Open,
                "market 4: new batches in the window of a closed job"
            );
            let counted = job
                .settled
                .saturating_add(job.failed)
                .saturating_add(job.in_flight)
                .saturating_add(fresh);
            ensure!(
                counted <= job.opened() && (job.state != JobState::Open || counted == job.opened()),
                "market 2: batches are lost or counted twice"
            );
            ensure!(
                Batches::<T>::iter_key_prefix(id).count() == job.in_flight as usize,
                "market 3: `in_flight` is not the number of records"
            );
            let waiting = Waiting::<T>::iter_key_prefix(id).count();
            ensure!(
                waiting == job.waiting as usize,
                "market 5: `waiting` is not the number of waiting batches"
            );
            ensure!(
                waiting == 0 || job.window.is_full(),
                "market 5: a batch waits while the window has room"
            );
            if job.state == JobState::Pending {
                ensure!(
                    job.next_batch == 0 && job.claims == 0,
                    "market 12: a pending job was opened"
                );
                let after = job.spec.after.filter(|after| *after < id);
                let before = after.and_then(|after| Some((after, Jobs::<T>::get(after)?)));
                let (after, before) = before.ok_or("market 12: a job comes after none")?;
                let expected = before.successors.contains(&id)
                    && (!before.has_ended()
                        || Agenda::<T>::iter_keys().any(|(_, entry)| entry == (after, None)));
                ensure!(expected, "market 12: a pending job would never open");
            }
            ensure!(job.paid <= job.escrow, "market 7: more was paid than held");
            if job.has_ended() {
                ensure!(
                    job.in_flight == 0 && window.is_empty() && waiting == 0,
                    "market 10: an ended job has work left"
                );
            } else if job.is_open_to_orders() || !window.is_empty() {
                let on_agenda =
                    Agenda::<T>::contains_key(job.spec.deadline, (id, None::<BatchIndex>));
                ensure!(on_agenda, "market 8: a job would never expire");
            }
            Ok(())
        }

        fn try_prices(id: JobId, job: &JobRecordOf<T>) -> Result<(), TryRuntimeError> {
            for (batch, price) in RaisedPrices::<T>::iter_prefix(id) {
                ensure!(
                    (job.cleaned..job.opened()).any(|place| job.opened_at(place) == batch)
                        && price > job.spec.price
                        && price <= job.price,
                    "market 11: a price that no raise has made"
                );
            }
            let results = u128::from(job.spec.policy.paid_results());
            let in_flight =
                Batches::<T>::iter_key_prefix(id).try_fold(0u128, |sum, batch: BatchIndex| {
                    let charge = job.unit_charge.checked_mul(job.units_in(batch).into())?;
                    let cost = job.cost(batch, charge, job.price).checked_mul(results)?;
                    sum.checked_add(cost)
                });
            let worst = job
                .batch_cost(job.price)
                .and_then(|cost| cost.checked_mul(job.unclaimed().into()))
                .and_then(|fresh| fresh.checked_add(in_flight?));
            ensure!(
                worst.is_some_and(|worst| worst <= job.outstanding()),
                "market 11: the escrow does not cover what is open"
            );
            Ok(())
        }

        fn try_batch(
            id: JobId,
            batch: BatchIndex,
            job: &JobRecordOf<T>,
            record: &BatchRecordOf<T>,
        ) -> Result<(), TryRuntimeError> {
            ensure!(
                !job.has_ended() && job.is_opened(batch),
                "market 3: a record of a batch that was never opened"
            );
            let spoken_for = (record.assignments.len() as u32).saturating_add(record.wanted);
            ensure!(
                !record.assignments.is_empty() && spoken_for <= MAX_ASSIGNMENTS,
                "market 6: assignments out of bounds"
            );
            let operators: BTreeSet<_> = record.assignments.iter().map(|a| &a.operator).collect();
            let workers: BTreeSet<_> = record.assignments.iter().map(|a| &a.worker).collect();
            ensure!(
                operators.len() == record.assignments.len() && workers.len() == operators.len(),
                "market 6: an operator has a batch twice"
            );
            let places: BTreeSet<_> = record.assignments.iter().map(|a| a.jurisdiction).collect();
            ensure!(
                !job.spec.constraints.distinct_jurisdictions
                    || places.len() == record.assignments.len(),
                "market 6: replicas in one jurisdiction"
            );
            let places = u32::from(job.window.contains(&batch))
                .saturating_add(u32::from(Waiting::<T>::contains_key(id, batch)));
            ensure!(
                places == u32::from(record.wanted > 0),
                "market 5: a batch that wants a replica is not in exactly one place"
            );
            Ok(())
        }

        /// Capacity that batches in flight take of each worker, µSUNS; for checks against the register.
        pub fn capacity_in_use() -> BTreeMap<T::AccountId, u64> {
            let mut in_use = BTreeMap::new();
            for (id, _, record) in Batches::<T>::iter() {
                let rate = Jobs::<T>::get(id).map_or(0, |job| job.rate);
                for claimant in record.assignments.into_iter().filter(|a| a.working) {
                    let entry: &mut u64 = in_use.entry(claimant.worker).or_default();
                    *entry = entry.saturating_add(rate);
                }
            }
            in_use
        }
    }
}
