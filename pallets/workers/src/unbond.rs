//! A part of a bond leaves while the worker stays.
//!
//! Whoever takes money out of a bond just before or after a lie must lose what everybody loses by it. So a part that leaves is slashable with
//! the rest until it answers for nothing any more, by the rules of [what others delegated](Pallet::free_at): the cool-down is over, whatever was
//! claimed before it left is decided, and nobody can ask for its outputs. Meanwhile it counts for nothing: neither for capacity, nor for
//! free calls, nor against a draw of `Adaptive`, whose batch may be decided when it is gone. While the worker's rests are remembered nothing
//! is released, or another worker with that money would begin without them.

use alloc::vec::Vec;
use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{fungible::MutateHold, tokens::Precision},
};
use frame_system::{Pallet as System, pallet_prelude::BlockNumberFor};

use crate::{Config, Error, Event, HoldReason, Offers, Pallet, Unbonding, WorkerRecordOf, Workers};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_unbond(
        who: T::AccountId,
        worker: T::AccountId,
        amount: u128,
    ) -> DispatchResult {
        let mut record = Self::as_operator(&who, &worker)?;
        Self::check_staying(&record)?;
        ensure!(amount > 0, Error::<T>::NothingToUnbond);
        ensure!(amount <= record.staying(), Error::<T>::BondTooLow);
        let left = System::<T>::block_number();
        match record.unbonding.last_mut().filter(|part| part.left == left) {
            // No saturation: both are held.
            Some(part) => part.amount = part.amount.saturating_add(amount),
            None => record
                .unbonding
                .try_push(Unbonding { amount, left })
                .map_err(|_| Error::<T>::TooManyUnbondings)?,
        }
        ensure!(
            record.backing() >= Self::bond_for(record.capacity),
            Error::<T>::BondTooLow
        );
        Self::check_own_part(&record, record.delegated.staying())?;
        let stays = record.staying();
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::Unbonding {
            worker,
            amount,
            stays,
        });
        Ok(())
    }

    pub(crate) fn do_withdraw_unbonded(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        let mut record = Self::as_operator(&who, &worker)?;
        ensure!(!record.unbonding.is_empty(), Error::<T>::NothingLeaves);
        // Whoever accepts it pays for the bond that it has seen.
        ensure!(!Offers::<T>::contains_key(&worker), Error::<T>::Offered);
        ensure!(!Self::remembers_rest(&record), Error::<T>::Resting);
        let now = System::<T>::block_number();
        let before = record.leaving();
        let mut unbonding = core::mem::take(&mut record.unbonding);
        unbonding.retain(|part| now < Self::free_at(&record, part.left));
        record.unbonding = unbonding;
        let amount = before.saturating_sub(record.leaving());
        ensure!(amount > 0, Error::<T>::CoolingDown);
        // No saturation: what leaves is part of the bond.
        record.bond = record.bond.saturating_sub(amount);
        let (operator, bond) = (record.operator.clone(), record.bond);
        T::Currency::release(
            &HoldReason::Bond.into(),
            &operator,
            amount,
            Precision::Exact,
        )?;
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::UnbondedWithdrawn {
            worker,
            operator,
            amount,
            bond,
        });
        Ok(())
    }

    /// What leaves a bond, and when each part of it can be withdrawn, as far as is known now.
    pub(crate) fn unbonding_of(record: &WorkerRecordOf<T>) -> Vec<(u128, BlockNumberFor<T>)> {
        let forgotten = Self::forgotten_at(record);
        let parts = record.unbonding.iter();
        parts
            .map(|part| (part.amount, Self::free_at(record, part.left).max(forgotten)))
            .collect()
    }
}
