//! Raising the bid of a job.

use frame_support::{ensure, pallet_prelude::DispatchResult, traits::fungible::MutateHold};
use sungrid_primitives::{BatchIndex, JobId};

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_raise(who: T::AccountId, id: JobId, price: u128) -> DispatchResult {
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(job.requester == who, Error::<T>::NotRequester);
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(
            job.is_open_to_orders() && now < job.claim_until,
            Error::<T>::NotOpen
        );
        ensure!(price > job.price, Error::<T>::BidNotRaised);
        ensure!(
            job.next_batch < job.batches || !job.window.is_empty(),
            Error::<T>::NothingUnclaimed
        );
        let added = job
            .batch_cost(price)
            .zip(job.batch_cost(job.price))
            .and_then(|(new, old)| new.checked_sub(old))
            .and_then(|more| more.checked_mul(u128::from(job.undecided())))
            // Both parts of what was cut are rounded by themselves.
            .and_then(|more| {
                let results = job.spec.policy.paid_results().saturating_mul(2);
                let parts = job.made().saturating_mul(results);
                more.checked_add(u128::from(parts))
            })
            .ok_or(Error::<T>::EscrowTooLarge)?;
        let escrow = job.escrow.checked_add(added);
        job.escrow = escrow.ok_or(Error::<T>::EscrowTooLarge)?;
        job.price = price;
        T::Currency::hold(&HoldReason::Escrow.into(), &who, added)?;
        Jobs::<T>::insert(id, job);
        Self::deposit_event(Event::BidRaised {
            job: id,
            price,
            added,
        });
        Ok(())
    }

    /// What the results of a batch are paid by, planck per SUNS·hour: the bid when it was last claimed, not counting juries.
    pub fn price_of(id: JobId, batch: BatchIndex, job: &JobRecordOf<T>) -> u128 {
        RaisedPrices::<T>::get(id, batch).unwrap_or(job.spec.price)
    }
}
