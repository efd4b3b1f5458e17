//! Cutting a batch whose worker needs its machine: what it has finished is a batch that it has delivered, the rest is one that wants
//! another worker.
//!
//! Everything about batches stays as it is: each part is claimed, sealed, compared, drawn, paid and disputed by itself. Others who
//! compute the batch have both parts, and lose nothing. A seal is over a whole batch, so nothing is cut that anybody has sealed,
//! nor what workers were drawn for; hence a part that was cut off is cut again, one that was kept never.

use frame_support::{defensive, ensure, traits::Defensive};
use sp_runtime::traits::Saturating;
use sungrid_primitives::{BatchIndex, JobId, job::Cut, traits::Workers};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Every check of cutting a batch in flight after its first `units` units; returns the number of the batch that the rest would be.
    /// For the verifier, which knows whether the worker has it, and may hand it back.
    pub fn check_cut(id: JobId, batch: BatchIndex, units: u32) -> Result<BatchIndex, Error<T>> {
        let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        let record = Batches::<T>::get(id, batch).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(
            !record.delivered && record.summons.is_none(),
            Error::<T>::NotToBeCut
        );
        ensure!(!job.cuts.is_full(), Error::<T>::TooManyCuts);
        ensure!(
            units < job.units_in(batch)
                && units.saturating_mul(SMALLEST_PART) >= job.spec.batch_size
                && units > 0,
            Error::<T>::BadCut
        );
        Ok(job.total_batches())
    }

    /// Cuts a batch after its first `units` units, which `worker` has finished. The rest is a batch that all others have who had this one,
    /// by the same claims, and that wants nobody yet; returns its number.
    ///
    /// # Errors
    /// Those of [`Self::check_cut`].
    pub fn cut(
        id: JobId,
        batch: BatchIndex,
        worker: &T::AccountId,
        units: u32,
    ) -> Result<BatchIndex, Error<T>> {
        let made = Self::check_cut(id, batch, units)?;
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        let mut kept = Batches::<T>::get(id, batch).ok_or(Error::<T>::NoSuchJob)?;
        let (start, _) = job.layout().range(batch).ok_or(Error::<T>::BadCut)?;
        let first = start.saturating_add(units);
        job.cuts
            .try_push(Cut { batch, first })
            .map_err(|_| Error::<T>::TooManyCuts)
            .defensive()?;
        job.in_flight.saturating_inc();

        let mut rest = kept.clone();
        rest.wanted = 0;
        let mut takes_part = false;
        // Whoever goes on computes both, one after the other: its capacity is taken until it has sealed the rest.
        for (kept, rest) in kept.assignments.iter_mut().zip(rest.assignments.iter_mut()) {
            if kept.worker == *worker {
                takes_part = kept.working;
                rest.working = false;
            } else {
                kept.working = false;
            }
            // Bonds answer for either part until it is decided, and nobody who gave it back gets it again.
            T::Workers::questioned(&kept.worker);
        }
        if !takes_part {
            defensive!("who cuts a batch computes it");
        }
        T::Workers::note_handed_back(worker);
        if let Some(price) = RaisedPrices::<T>::get(id, batch) {
            RaisedPrices::<T>::insert(id, made, price);
        }
        Batches::<T>::insert(id, batch, kept);
        Batches::<T>::insert(id, made, rest);
        Jobs::<T>::insert(id, job);
        Self::deposit_event(Event::BatchCut {
            job: id,
            batch,
            first,
            made,
        });
        Ok(made)
    }
}
