//! What others stake on a worker: moved into the hold of its operator and out of it again.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{
        Get,
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Preservation, Restriction},
    },
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{DispatchError, Saturating};
use sungrid_primitives::delegation::LEVERAGE;

use crate::{Config, Error, HoldReason, Pallet, WorkerRecordOf, Workers};

impl<T: Config> Pallet<T> {
    /// Moves `amount` planck of somebody into a worker's bond and says for how many shares. It has to count there.
    pub fn delegate(
        worker: &T::AccountId,
        from: &T::AccountId,
        amount: u128,
    ) -> Result<u128, DispatchError> {
        let mut record = Workers::<T>::get(worker).ok_or(Error::<T>::UnknownWorker)?;
        Self::check_staying(&record)?;
        ensure!(&record.operator != from, Error::<T>::OwnWorker);
        let shares = record
            .delegated
            .join(amount)
            .ok_or(Error::<T>::SlashedOut)?;
        Self::check_own_part(&record, record.delegated.stake)?;
        T::Currency::transfer_and_hold(
            &HoldReason::Bond.into(),
            from,
            &record.operator,
            amount,
            Precision::Exact,
            Preservation::Preserve,
            Fortitude::Polite,
        )?;
        Workers::<T>::insert(worker, record);
        Ok(shares)
    }

    /// These shares of what was delegated to a worker leave: they count for its bond no more, and are slashable until
    /// they are [taken out](Self::take_out).
    pub fn start_leaving(worker: &T::AccountId, shares: u128) {
        Workers::<T>::mutate_extant(worker, |record| {
            let delegated = &mut record.delegated;
            delegated.leaving = delegated.leaving.saturating_add(shares);
        });
    }

    /// Takes shares that are leaving out of a worker's bond, to their owner, and says how many planck it was.
    pub fn take_out(
        worker: &T::AccountId,
        to: &T::AccountId,
        shares: u128,
    ) -> Result<u128, DispatchError> {
        let mut record = Workers::<T>::get(worker).ok_or(Error::<T>::UnknownWorker)?;
        record.delegated.leaving = record.delegated.leaving.saturating_sub(shares);
        let amount = record.delegated.take(shares);
        Self::give_back(&record.operator, to, amount)?;
        Workers::<T>::insert(worker, record);
        Ok(amount)
    }

    /// That so much of others' money is within [`LEVERAGE`] of what of the operator's stays beside it.
    pub(crate) fn check_own_part(
        record: &WorkerRecordOf<T>,
        of_others: u128,
    ) -> Result<(), Error<T>> {
        let own = record.staying();
        ensure!(
            own.saturating_add(of_others) <= own.saturating_mul(LEVERAGE),
            Error::<T>::OwnPartTooSmall
        );
        Ok(())
    }

    /// First block, as far as is known now, at which what left a worker's bond in the block `left` may be taken out:
    /// the cool-down is over, every batch that it answered for is decided, and their outputs are in nobody's question any
    /// more. The former is so once the worker has had none in flight since, the latter [`Config::Liability`] blocks after
    /// the last of them was accepted, and both in any case [`Config::LongestBatch`] blocks after a claim.
    pub fn free_at(record: &WorkerRecordOf<T>, left: BlockNumberFor<T>) -> BlockNumberFor<T> {
        let least = T::Cooldown::get().max(T::Liability::get());
        let last = left.saturating_add(T::LongestBatch::get().max(least));
        let answered = if record.busy_since > left {
            // What was claimed before it left was decided when the worker was idle; what is accepted now was claimed since.
            let decided = record.busy_since.saturating_add(T::Liability::get());
            record.liable_until.min(decided)
        } else if record.in_flight == 0 {
            record.liable_until
        } else {
            last
        };
        answered.min(last).max(left.saturating_add(least))
    }

    /// Moves planck that others delegated out of an operator's hold.
    pub(crate) fn give_back(
        operator: &T::AccountId,
        to: &T::AccountId,
        amount: u128,
    ) -> DispatchResult {
        if amount > 0 {
            T::Currency::transfer_on_hold(
                &HoldReason::Bond.into(),
                operator,
                to,
                amount,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Polite,
            )?;
        }
        Ok(())
    }
}
