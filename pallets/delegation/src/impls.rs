//! How pools are settled, and what the register of workers and the rewards ask and tell.

use frame_support::{
    defensive,
    storage::{TransactionOutcome, with_transaction},
    traits::fungible::Inspect,
};
use frame_system::Pallet as System;
use pallet_workers::Workers;
use sp_runtime::DispatchError;
use sungrid_primitives::delegation::{
    Delegated, Delegations as DelegationsTrait, Earnings, IncomeShares, proportion,
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Planck of ended rounds in a pool's account that belong to nobody yet. The deposit, and the stake of a worker
    /// that is gone, are not income.
    fn undivided(id: PoolId, pool: &PoolRecordOf<T>) -> u128 {
        let account = Self::account_of(id);
        let stake = match &pool.home {
            Home::Worker(_) => 0,
            Home::Gone { left, .. } => left.stake,
        };
        let spoken_for = T::Currency::minimum_balance()
            .saturating_add(stake)
            .saturating_add(pool.owed);
        T::Currency::balance(&account)
            .saturating_add(T::Earnings::claimable(&account))
            .saturating_sub(spoken_for)
    }

    /// Puts the income of ended rounds into the index, then lets those earn who joined before this round.
    pub(crate) fn settle(id: PoolId, pool: &mut PoolRecordOf<T>) {
        let round = T::Earnings::round();
        if pool.round >= round {
            return;
        }
        if pool.earning > 0 {
            pool.distribute(Self::undivided(id, pool));
        }
        if pool.joining > 0 {
            let start = Start {
                index: pool.index,
                shares: pool.joining,
            };
            Starts::<T>::insert(id, pool.round.saturating_add(1), start);
            pool.earning = pool.earning.saturating_add(pool.joining);
            pool.joining = 0;
        }
        pool.round = round;
    }

    /// A pool, settled.
    pub(crate) fn settled(id: PoolId) -> Result<PoolRecordOf<T>, Error<T>> {
        let mut pool = Pools::<T>::get(id).ok_or(Error::<T>::UnknownPool)?;
        Self::settle(id, &mut pool);
        Ok(pool)
    }

    /// A settled pool and somebody's delegation, brought up to it.
    pub(crate) fn counted(
        id: PoolId,
        who: &T::AccountId,
    ) -> Result<(PoolRecordOf<T>, DelegationOf<T>), Error<T>> {
        let pool = Self::settled(id)?;
        let mut delegation = Delegations::<T>::get(id, who).ok_or(Error::<T>::NoDelegation)?;
        Self::count(id, &pool, &mut delegation);
        Ok((pool, delegation))
    }

    /// Brings a delegation up to its settled pool.
    pub(crate) fn count(id: PoolId, pool: &PoolRecordOf<T>, delegation: &mut DelegationOf<T>) {
        delegation.count(pool.index);
        if delegation.joining == 0 || delegation.since > pool.round {
            return;
        }
        Starts::<T>::mutate_exists(id, delegation.since, |entry| {
            let Some(start) = entry else {
                defensive!("a start was forgotten before all had read it");
                return;
            };
            start.shares = start.shares.saturating_sub(delegation.joining);
            delegation.begin(start.index);
            if start.shares == 0 {
                *entry = None;
            }
        });
    }

    /// What was delegated to a pool.
    pub(crate) fn delegated(pool: &PoolRecordOf<T>) -> Delegated {
        match &pool.home {
            Home::Worker(worker) => {
                Workers::<T>::get(worker).map_or_else(Default::default, |record| record.delegated)
            }
            Home::Gone { left, .. } => *left,
        }
    }

    /// What somebody has in a pool now. What has to be settled for the answer is settled again when it counts.
    pub(crate) fn position_of(id: PoolId, who: &T::AccountId) -> Option<PositionOf<T>> {
        let counted = with_transaction(|| {
            TransactionOutcome::Rollback(Self::counted(id, who).map_err(DispatchError::from))
        });
        let (pool, delegation) = counted.ok()?;
        let delegated = Self::delegated(&pool);
        let free_at = match &pool.home {
            Home::Worker(worker) => Workers::<T>::get(worker)
                .filter(|_| delegation.leaving > 0)
                .map(|record| Self::free_at(&record, &delegation)),
            Home::Gone { .. } => Some(System::<T>::block_number()),
        };
        Some(Position {
            staying: delegated.worth(delegation.staying()),
            leaving: delegated.worth(delegation.leaving),
            free_at,
            income: delegation.pending,
        })
    }

    /// First block, as far as is known now, at which what leaves can be withdrawn.
    pub(crate) fn free_at(
        record: &pallet_workers::WorkerRecordOf<T>,
        delegation: &DelegationOf<T>,
    ) -> frame_system::pallet_prelude::BlockNumberFor<T> {
        pallet_workers::Pallet::<T>::free_at(record, delegation.left)
    }
}

impl<T: Config> DelegationsTrait<T::AccountId> for Pallet<T> {
    fn rotated(worker: &T::AccountId, key: &T::AccountId) {
        let Some(id) = PoolOf::<T>::take(worker) else {
            return;
        };
        PoolOf::<T>::insert(key, id);
        Pools::<T>::mutate_extant(id, |pool| pool.home = Home::Worker(key.clone()));
    }

    fn dissolve(
        worker: &T::AccountId,
        operator: &T::AccountId,
        left: Delegated,
    ) -> Option<T::AccountId> {
        let id = PoolOf::<T>::take(worker)?;
        Pools::<T>::mutate_extant(id, |pool| {
            // Before the stake arrives in the account.
            Self::settle(id, pool);
            pool.home = Home::Gone {
                operator: operator.clone(),
                left,
                round: pool.round,
            };
        });
        Some(Self::account_of(id))
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(worker: &T::AccountId) {
        use frame_support::traits::{Get, fungible::Mutate};
        use sp_runtime::Perbill;

        let id = NextPool::<T>::get();
        let who: T::AccountId = frame_benchmarking::account("delegator", id, 0);
        let (least, deposit) = (T::MinDelegation::get(), T::Currency::minimum_balance());
        if T::Earnings::round() == 0 {
            T::Earnings::end_round();
        }
        // Whatever fails here fails the benchmark at its verification.
        let Some(record) = Workers::<T>::get(worker) else {
            return;
        };
        let _ = T::Currency::mint_into(&record.operator, deposit);
        let _ = T::Currency::mint_into(&who, deposit.saturating_add(least.saturating_mul(2)));
        let _ = Self::do_open(record.operator, worker.clone(), Perbill::from_percent(5));
        let _ = Self::do_delegate(who, id, least.saturating_mul(2));
        Pools::<T>::mutate_extant(id, |pool| {
            pool.earning = pool.joining / 2;
            pool.joining = pool.joining.saturating_sub(pool.earning);
            pool.round = pool.round.saturating_sub(1);
        });
    }
}

impl<T: Config> IncomeShares<T::AccountId> for Pallet<T> {
    fn share(worker: &T::AccountId, credit: u128) -> Option<(T::AccountId, u128)> {
        // Mostly nobody does, and where nobody does nothing is divided: the pool is settled when somebody needs it.
        let record = Workers::<T>::get(worker).filter(|record| record.delegated.stake > 0)?;
        let id = PoolOf::<T>::get(worker)?;
        let pool = Pools::<T>::get(id)?;
        let mut settled = pool.clone();
        Self::settle(id, &mut settled);
        let earning = record.delegated.worth(settled.earning);
        let commission = settled.commission_at(System::<T>::block_number());
        // Once a round.
        if settled != pool {
            Pools::<T>::insert(id, settled);
        }
        let divided = credit.saturating_sub(commission.mul_ceil(credit));
        let part = proportion(divided, earning, record.staying().saturating_add(earning))?;
        Some((Self::account_of(id), part))
    }
}
