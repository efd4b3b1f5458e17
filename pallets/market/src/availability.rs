//! The deposit of a job whose input is missing: the requester pays for the claims that were in vain.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{Get, fungible::MutateHold},
};
use sungrid_primitives::JobId;

use crate::*;

impl<T: Config> Pallet<T> {
    /// Moves `fee` planck, or what there is of it, out of a job's deposit to the treasury: to nobody who could profit from
    /// a pause. Returns what it was; nothing if the treasury cannot take it.
    pub fn charge_deposit(id: JobId, fee: u128) -> u128 {
        Jobs::<T>::mutate(id, |job| {
            let Some(job) = job else { return 0 };
            let (reason, treasury) = (HoldReason::Deposit, T::Treasury::get());
            let fee = fee.min(job.deposit);
            let charged = Self::pay_from_hold(reason, &job.requester, &treasury, fee);
            job.deposit = job.deposit.saturating_sub(charged);
            charged
        })
    }

    /// Holds again of the requester what a job's deposit was charged.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`], [`Error::NotRequester`], [`Error::NotOpen`] if the job has ended; the token's own if the balance
    /// does not suffice.
    pub fn refill_deposit(id: JobId, who: &T::AccountId) -> DispatchResult {
        let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(job.requester == *who, Error::<T>::NotRequester);
        ensure!(!job.has_ended(), Error::<T>::NotOpen);
        let full = Self::deposit_for(job.batches).ok_or(Error::<T>::EscrowTooLarge)?;
        let missing = full.saturating_sub(job.deposit);
        T::Currency::hold(&HoldReason::Deposit.into(), who, missing)?;
        job.deposit = job.deposit.saturating_add(missing);
        Jobs::<T>::insert(id, job);
        Ok(())
    }

    /// The deposit for a job of so many batches, planck.
    pub(crate) fn deposit_for(batches: u32) -> Option<u128> {
        let records = T::BatchDeposit::get().checked_mul(batches.into())?;
        records.checked_add(T::JobDeposit::get())
    }
}
