//! What the calls do, after their origin is known.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{
        Get,
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Preservation},
    },
};
use frame_system::Pallet as System;
use pallet_workers::{Pallet as Register, Workers};
use sp_runtime::{Perbill, Saturating};
use sungrid_primitives::delegation::Earnings;

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_open(
        who: T::AccountId,
        worker: T::AccountId,
        commission: Perbill,
    ) -> DispatchResult {
        Register::<T>::as_operator(&who, &worker)?;
        ensure!(!PoolOf::<T>::contains_key(&worker), Error::<T>::AlreadyOpen);
        let pool = NextPool::<T>::get();
        let next = pool.checked_add(1).ok_or(Error::<T>::TooManyPools)?;
        // So that the first income, however small, can be paid into it.
        let deposit = T::Currency::minimum_balance();
        T::Currency::transfer(
            &who,
            &Self::account_of(pool),
            deposit,
            Preservation::Preserve,
        )?;
        NextPool::<T>::put(next);
        PoolOf::<T>::insert(&worker, pool);
        Pools::<T>::insert(
            pool,
            PoolRecord {
                home: Home::Worker(worker.clone()),
                commission,
                raise: None,
                round: T::Earnings::round(),
                earning: 0,
                joining: 0,
                index: 0,
                owed: 0,
            },
        );
        Self::deposit_event(Event::PoolOpened {
            pool,
            worker,
            commission,
        });
        Ok(())
    }

    pub(crate) fn do_set_commission(
        who: T::AccountId,
        id: PoolId,
        commission: Perbill,
    ) -> DispatchResult {
        let mut pool = Pools::<T>::get(id).ok_or(Error::<T>::UnknownPool)?;
        Register::<T>::as_operator(&who, Self::worker_of(&pool)?)?;
        let now = System::<T>::block_number();
        pool.commission = pool.commission_at(now);
        let from = if commission <= pool.commission {
            pool.commission = commission;
            pool.raise = None;
            now
        } else {
            let from = now.saturating_add(T::CommissionNotice::get());
            pool.raise = Some(Raise { commission, from });
            from
        };
        Pools::<T>::insert(id, pool);
        Self::deposit_event(Event::CommissionSet {
            pool: id,
            commission,
            from,
        });
        Ok(())
    }

    pub(crate) fn do_delegate(who: T::AccountId, id: PoolId, amount: u128) -> DispatchResult {
        ensure!(amount >= T::MinDelegation::get(), Error::<T>::TooLittle);
        let mut pool = Self::settled(id)?;
        let worker = Self::worker_of(&pool)?;
        let mut delegation = Delegations::<T>::get(id, &who).unwrap_or_default();
        Self::count(id, &pool, &mut delegation);
        let shares = Register::<T>::delegate(worker, &who, amount)?;
        delegation.joining = delegation.joining.saturating_add(shares);
        delegation.since = pool.round.saturating_add(1);
        pool.joining = pool.joining.saturating_add(shares);
        Delegations::<T>::insert(id, &who, delegation);
        Pools::<T>::insert(id, pool);
        Self::deposit_event(Event::Delegated {
            pool: id,
            delegator: who,
            amount,
        });
        Ok(())
    }

    pub(crate) fn do_undelegate(who: T::AccountId, id: PoolId, amount: u128) -> DispatchResult {
        let (mut pool, mut delegation) = Self::counted(id, &who)?;
        let worker = Self::worker_of(&pool)?.clone();
        let delegated = Self::delegated(&pool);
        let staying = delegation.staying();
        ensure!(staying > 0, Error::<T>::NothingStays);
        let shares = delegated.shares_worth(amount).min(staying);
        let rest = delegated.worth(staying.saturating_sub(shares));
        ensure!(
            shares == staying || rest >= T::MinDelegation::get() && amount > 0,
            Error::<T>::TooLittle
        );
        pool.stop(&mut delegation, shares);
        delegation.leaving = delegation.leaving.saturating_add(shares);
        delegation.left = System::<T>::block_number();
        Register::<T>::start_leaving(&worker, shares);
        Delegations::<T>::insert(id, &who, delegation);
        Pools::<T>::insert(id, pool);
        Self::deposit_event(Event::Undelegated {
            pool: id,
            delegator: who,
            amount: delegated.worth(shares),
        });
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId, id: PoolId) -> DispatchResult {
        let (mut pool, mut delegation) = Self::counted(id, &who)?;
        let amount = match pool.home.clone() {
            Home::Worker(worker) => {
                ensure!(delegation.leaving > 0, Error::<T>::NothingLeaving);
                let record =
                    Workers::<T>::get(&worker).ok_or(pallet_workers::Error::<T>::UnknownWorker)?;
                ensure!(
                    System::<T>::block_number() >= Self::free_at(&record, &delegation),
                    Error::<T>::CoolingDown
                );
                Register::<T>::take_out(&worker, &who, delegation.leaving)?
            }
            Home::Gone {
                operator,
                mut left,
                round,
            } => {
                ensure!(T::Earnings::round() > round, Error::<T>::RoundNotOver);
                let amount = left.take(delegation.shares());
                let staying = delegation.staying();
                pool.stop(&mut delegation, staying);
                pool.home = Home::Gone {
                    operator,
                    left,
                    round,
                };
                Self::pay(id, &who, amount)?;
                amount
            }
        };
        delegation.leaving = 0;
        Self::deposit_event(Event::DelegationWithdrawn {
            pool: id,
            delegator: who.clone(),
            amount,
        });
        Self::pay_income(id, &mut pool, &who, &mut delegation)?;
        if delegation.shares() == 0 {
            Delegations::<T>::remove(id, &who);
        } else {
            Delegations::<T>::insert(id, &who, delegation);
        }
        Pools::<T>::insert(id, pool);
        Ok(())
    }

    pub(crate) fn do_claim(who: T::AccountId, id: PoolId) -> DispatchResult {
        let (mut pool, mut delegation) = Self::counted(id, &who)?;
        ensure!(delegation.pending > 0, Error::<T>::NothingToClaim);
        Self::pay_income(id, &mut pool, &who, &mut delegation)?;
        Delegations::<T>::insert(id, &who, delegation);
        Pools::<T>::insert(id, pool);
        Ok(())
    }

    pub(crate) fn do_close(id: PoolId) -> DispatchResult {
        let pool = Pools::<T>::get(id).ok_or(Error::<T>::UnknownPool)?;
        let Home::Gone {
            operator,
            left,
            round,
        } = pool.home
        else {
            return Err(Error::<T>::InUse.into());
        };
        ensure!(left.shares == 0, Error::<T>::InUse);
        ensure!(T::Earnings::round() > round, Error::<T>::RoundNotOver);
        let account = Self::account_of(id);
        Self::collect(&account);
        let amount =
            T::Currency::reducible_balance(&account, Preservation::Expendable, Fortitude::Polite);
        T::Currency::transfer(&account, &operator, amount, Preservation::Expendable)?;
        Pools::<T>::remove(id);
        Self::deposit_event(Event::PoolClosed {
            pool: id,
            operator,
            amount,
        });
        Ok(())
    }

    /// The worker of a pool.
    fn worker_of(pool: &PoolRecordOf<T>) -> Result<&T::AccountId, Error<T>> {
        match &pool.home {
            Home::Worker(worker) => Ok(worker),
            Home::Gone { .. } => Err(Error::WorkerGone),
        }
    }

    /// Pays somebody the income that was counted for it.
    fn pay_income(
        id: PoolId,
        pool: &mut PoolRecordOf<T>,
        who: &T::AccountId,
        delegation: &mut DelegationOf<T>,
    ) -> DispatchResult {
        let amount = core::mem::take(&mut delegation.pending);
        if amount == 0 {
            return Ok(());
        }
        Self::collect(&Self::account_of(id));
        Self::pay(id, who, amount)?;
        pool.owed = pool.owed.saturating_sub(amount);
        Self::deposit_event(Event::IncomeClaimed {
            pool: id,
            delegator: who.clone(),
            amount,
        });
        Ok(())
    }

    /// Brings what a pool has earned into its account.
    fn collect(account: &T::AccountId) {
        if T::Earnings::claimable(account) > 0 {
            // Whoever is to be paid out of it notices if it failed.
            let _ = T::Earnings::claim(account);
        }
    }

    /// Pays out of a pool's account, all but the deposit.
    fn pay(id: PoolId, to: &T::AccountId, amount: u128) -> DispatchResult {
        if amount > 0 {
            let account = Self::account_of(id);
            T::Currency::transfer(&account, to, amount, Preservation::Preserve)?;
        }
        Ok(())
    }
}
