//! What must always hold.

use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::Inspect};
use pallet_workers::Workers;
use sp_runtime::TryRuntimeError;
use sungrid_primitives::delegation::Earnings;

use crate::*;

/// What all delegations to a pool come to.
#[derive(Default)]
struct Sum {
    shares: u128,
    leaving: u128,
    earning: u128,
    joining: u128,
    income: u128,
}

impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. a worker has one pool at most, and a pool belongs to a registered worker or to none; what was delegated
    ///    to a worker is in its pool;
    /// 2. the delegations to a pool have all shares of its stake, and those that leave are known to its worker;
    /// 3. the shares that earn, and will, are those of the delegations;
    /// 4. a start has as many shares as delegations that have not read it, and some;
    /// 5. what delegations have earned is at most what the pool owes, and the account has it, with the deposit and
    ///    the stake of a worker that is gone;
    /// 6. a delegation has shares.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut sums = BTreeMap::<PoolId, Sum>::new();
        let mut waiting = BTreeMap::<(PoolId, u32), u128>::new();
        for (id, _, delegation) in Delegations::<T>::iter() {
            ensure!(
                delegation.shares() > 0,
                "delegation 6: a delegation has no shares"
            );
            let pool = Pools::<T>::get(id).ok_or("delegation 1: a delegation is to no pool")?;
            let sum = sums.entry(id).or_default();
            sum.shares += delegation.shares();
            sum.leaving += delegation.leaving;
            sum.earning += delegation.earning;
            let mut counted = delegation;
            counted.count(pool.index);
            if delegation.joining > 0 && delegation.since <= pool.round {
                let start = Starts::<T>::get(id, delegation.since)
                    .ok_or("delegation 4: a start is missing")?;
                *waiting.entry((id, delegation.since)).or_default() += delegation.joining;
                sum.earning += delegation.joining;
                counted.begin(start.index);
            } else {
                sum.joining += delegation.joining;
            }
            sum.income += counted.pending;
        }
        for (id, round, start) in Starts::<T>::iter() {
            ensure!(
                start.shares > 0 && waiting.remove(&(id, round)) == Some(start.shares),
                "delegation 4: a start has other shares than delegations"
            );
        }
        for (id, pool) in Pools::<T>::iter() {
            let sum = sums.remove(&id).unwrap_or_default();
            let delegated = Self::delegated(&pool);
            let mut stake = 0;
            match &pool.home {
                Home::Worker(worker) => {
                    ensure!(
                        PoolOf::<T>::get(worker) == Some(id) && Workers::<T>::contains_key(worker),
                        "delegation 1: a pool is not its worker's"
                    );
                    ensure!(
                        sum.leaving == delegated.leaving,
                        "delegation 2: other shares leave than the worker knows"
                    );
                }
                Home::Gone { left, .. } => stake = left.stake,
            }
            ensure!(
                sum.shares == delegated.shares,
                "delegation 2: shares do not add up"
            );
            ensure!(
                (sum.earning, sum.joining) == (pool.earning, pool.joining),
                "delegation 3: shares that earn do not add up"
            );
            let account = Self::account_of(id);
            let there = T::Currency::balance(&account) + T::Earnings::claimable(&account);
            ensure!(
                sum.income <= pool.owed
                    && there >= T::Currency::minimum_balance() + stake + pool.owed,
                "delegation 5: a pool owes what it does not have"
            );
        }
        for (worker, id) in PoolOf::<T>::iter() {
            ensure!(
                Pools::<T>::get(id).is_some_and(|pool| pool.home == Home::Worker(worker)),
                "delegation 1: a worker's pool is another's"
            );
        }
        for (worker, record) in Workers::<T>::iter() {
            ensure!(
                record.delegated == Default::default() || PoolOf::<T>::contains_key(&worker),
                "delegation 1: something is delegated without a pool"
            );
        }
        Ok(())
    }
}
