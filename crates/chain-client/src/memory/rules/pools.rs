//! What others stake on workers. Income is divided when work is paid: this chain has no rounds.

use sungrid_primitives::delegation::{LEVERAGE, proportion};

use super::*;
use crate::{BILLION, Pool, PoolId, Position};

/// Least that an account delegates.
const MIN_DELEGATION: Balance = ISC;
const COMMISSION_NOTICE: BlockNumber = 200;

/// A pool with what only the chain knows.
#[derive(Clone, Debug)]
pub struct PoolRecord {
    pub(in crate::memory) view: Pool,
    pub(in crate::memory) positions: BTreeMap<AccountId, Position>,
}

impl State {
    pub(super) fn open_pool(
        &mut self,
        who: &AccountId,
        worker: AccountId,
        commission: u32,
    ) -> Dispatched {
        if self.own_worker(who, &worker)?.operator != *who {
            return fail("Workers", "NotOperator", "only the operator may do this");
        }
        if self.pool_of(&worker).is_some() {
            return fail("Delegation", "AlreadyOpen", "the worker has a pool");
        }
        let pool = self.pools.len() as PoolId;
        let record = PoolRecord {
            view: Pool {
                worker: Some(worker),
                commission,
                announced: None,
            },
            positions: BTreeMap::new(),
        };
        self.pools.insert(pool, record);
        self.events.push(Event::PoolOpened { pool });
        Ok(())
    }

    pub(super) fn set_commission(
        &mut self,
        who: &AccountId,
        pool: PoolId,
        commission: u32,
    ) -> Dispatched {
        let from = self.number + COMMISSION_NOTICE;
        let worker = self.worker_of(pool)?;
        if self.own_worker(who, &worker)?.operator != *who {
            return fail("Workers", "NotOperator", "only the operator may do this");
        }
        let view = &mut self.pool(pool)?.view;
        if commission <= view.commission {
            (view.commission, view.announced) = (commission, None);
        } else {
            view.announced = Some((commission, from));
        }
        Ok(())
    }

    pub(super) fn delegate(
        &mut self,
        who: &AccountId,
        pool: PoolId,
        amount: Balance,
    ) -> Dispatched {
        if amount < MIN_DELEGATION {
            return fail("Delegation", "TooLittle", "delegate at least 1 ISC");
        }
        let key = self.worker_of(pool)?;
        let staked = self.staked(pool);
        let Some(worker) = self.workers.get_mut(&key) else {
            return fail("Workers", "UnknownWorker", "register first");
        };
        if worker.bond + staked + amount > worker.bond * LEVERAGE {
            return fail(
                "Workers",
                "OwnPartTooSmall",
                "the operator has to bond more first",
            );
        }
        let operator = worker.operator.clone();
        let from = self.accounts.entry(who.clone()).or_default();
        let Some(free) = from.free.checked_sub(amount) else {
            return fail("Token", "FundsUnavailable", "");
        };
        from.free = free;
        worker.delegated += amount;
        self.accounts.entry(operator).or_default().held += amount;
        let positions = &mut self.pool(pool)?.positions;
        positions.entry(who.clone()).or_default().staying += amount;
        Ok(())
    }

    pub(super) fn undelegate(
        &mut self,
        who: &AccountId,
        pool: PoolId,
        amount: Balance,
    ) -> Dispatched {
        let until = self.number + COOLDOWN;
        let key = self.worker_of(pool)?;
        let position = self.own_position(who, pool)?;
        let amount = amount.min(position.staying);
        position.staying -= amount;
        position.leaving += amount;
        position.free_at = Some(until);
        if let Some(worker) = self.workers.get_mut(&key) {
            worker.delegated -= amount;
        }
        Ok(())
    }

    pub(super) fn withdraw_delegation(&mut self, who: &AccountId, pool: PoolId) -> Dispatched {
        let now = self.number;
        let key = self.worker_of(pool)?;
        let position = self.own_position(who, pool)?;
        if position.leaving == 0 {
            return fail("Delegation", "NothingLeaving", "undelegate first");
        }
        if position.free_at.is_some_and(|free_at| now < free_at) {
            return fail("Delegation", "CoolingDown", "wait for the cool-down");
        }
        let amount = core::mem::take(&mut position.leaving);
        position.free_at = None;
        if let Some(worker) = self.workers.get(&key)
            && let Some(operator) = self.accounts.get_mut(&worker.operator)
        {
            operator.held -= amount;
        }
        self.accounts.entry(who.clone()).or_default().free += amount;
        self.events.push(Event::DelegationWithdrawn { amount });
        self.pay_income(who, pool)
    }

    pub(super) fn claim_income(&mut self, who: &AccountId, pool: PoolId) -> Dispatched {
        if self.own_position(who, pool)?.income == 0 {
            return fail("Delegation", "NothingToClaim", "there is no income yet");
        }
        self.pay_income(who, pool)
    }

    fn pay_income(&mut self, who: &AccountId, pool: PoolId) -> Dispatched {
        let amount = core::mem::take(&mut self.own_position(who, pool)?.income);
        if amount > 0 {
            self.accounts.entry(who.clone()).or_default().free += amount;
            self.events.push(Event::IncomePaid {
                account: who.clone(),
                amount,
            });
        }
        let positions = &mut self.pool(pool)?.positions;
        positions.retain(|_, position| *position != Position::default());
        Ok(())
    }

    /// Gives those who delegated to a worker their part of what it earns, and says what is left for its operator.
    pub(in crate::memory) fn share_income(
        &mut self,
        worker: &AccountId,
        amount: Balance,
    ) -> Balance {
        let (Some(id), Some(record)) = (self.pool_of(worker), self.workers.get(worker)) else {
            return amount;
        };
        let backing = record.backing();
        let Ok(pool) = self.pool(id) else {
            return amount;
        };
        let commission = amount
            .saturating_mul(pool.view.commission.into())
            .div_ceil(BILLION.into());
        let mut left = amount;
        for position in pool.positions.values_mut() {
            let part = proportion(amount - commission, position.staying, backing).unwrap_or(0);
            position.income += part;
            left -= part;
        }
        left
    }

    /// Takes a tenth of every stake on a worker and says how much it was.
    pub(super) fn slash_pool(&mut self, worker: &AccountId) -> Balance {
        let Some(id) = self.pool_of(worker) else {
            return 0;
        };
        let Ok(pool) = self.pool(id) else {
            return 0;
        };
        let (mut taken, mut staying) = (0, 0);
        for position in pool.positions.values_mut() {
            for stake in [&mut position.staying, &mut position.leaving] {
                let part = *stake / 10;
                *stake -= part;
                taken += part;
            }
            staying += position.staying;
        }
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.delegated = staying;
        }
        taken
    }

    /// A worker has another key.
    pub(super) fn rotate_pool(&mut self, worker: &AccountId, key: &AccountId) {
        if let Some(id) = self.pool_of(worker)
            && let Some(pool) = self.pools.get_mut(&id)
        {
            pool.view.worker = Some(key.clone());
        }
    }

    /// A worker is gone: everybody has what is his at once, which on the real chain waits to be withdrawn.
    pub(super) fn dissolve_pool(&mut self, worker: &AccountId, operator: &AccountId) {
        let Some(id) = self.pool_of(worker) else {
            return;
        };
        let Some(pool) = self.pools.get_mut(&id) else {
            return;
        };
        pool.view.worker = None;
        for (account, position) in core::mem::take(&mut pool.positions) {
            let stake = position.staying + position.leaving;
            self.accounts.entry(operator.clone()).or_default().held -= stake;
            self.accounts.entry(account).or_default().free += stake + position.income;
        }
    }

    fn staked(&self, pool: PoolId) -> Balance {
        let positions = self.pools.get(&pool).into_iter();
        let positions = positions.flat_map(|pool| pool.positions.values());
        positions.map(|p| p.staying + p.leaving).sum()
    }

    fn pool_of(&self, worker: &AccountId) -> Option<PoolId> {
        let mut pools = self.pools.iter();
        pools
            .find(|(_, pool)| pool.view.worker.as_ref() == Some(worker))
            .map(|(id, _)| *id)
    }

    fn pool(&mut self, pool: PoolId) -> Result<&mut PoolRecord, SubmitError> {
        match self.pools.get_mut(&pool) {
            Some(record) => Ok(record),
            None => fail("Delegation", "UnknownPool", "there is no such pool"),
        }
    }

    fn worker_of(&mut self, pool: PoolId) -> Result<AccountId, SubmitError> {
        match self.pool(pool)?.view.worker.clone() {
            Some(worker) => Ok(worker),
            None => fail("Delegation", "WorkerGone", "take out what is in it"),
        }
    }

    fn own_position(
        &mut self,
        who: &AccountId,
        pool: PoolId,
    ) -> Result<&mut Position, SubmitError> {
        match self.pool(pool)?.positions.get_mut(who) {
            Some(position) => Ok(position),
            None => fail("Delegation", "NoDelegation", "delegate first"),
        }
    }
}
