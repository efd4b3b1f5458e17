//! Delegation, and workers that change hands.

use pallet_delegation::{Delegations, Home, PoolId, PoolOf, Pools};
use pallet_workers::Offers;
use sp_runtime::Perbill;
use sungrid_runtime::{Delegation, Runtime, RuntimeCall, System, constants::currency::ISC};

use super::*;
use crate::cast::Character;

fn pool(dice: &mut Dice) -> PoolId {
    let pools: Vec<_> = Pools::<Runtime>::iter_keys().collect();
    match dice.pick(&pools) {
        Some(pool) if !dice.once_in(20) => *pool,
        _ => dice.below(8) as PoolId,
    }
}

/// A delegation of which `wanted` holds, or any.
fn delegation(
    dice: &mut Dice,
    wanted: impl Fn(PoolId, &AccountId) -> bool,
) -> Option<(AccountId, PoolId)> {
    let (some, others): (Vec<_>, Vec<_>) = Delegations::<Runtime>::iter_keys()
        .map(|(pool, who)| (who, pool))
        .partition(|(who, pool)| wanted(*pool, who));
    dice.pick(&some).or_else(|| dice.pick(&others)).cloned()
}

fn is_gone(pool: PoolId) -> bool {
    let record = Pools::<Runtime>::get(pool);
    record.is_some_and(|record| matches!(record.home, Home::Gone { .. }))
}

/// For a worker without a pool, every other time one that lies: it is slashed sooner.
pub(super) fn open(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let hostile = dice.once_in(2);
    let without: Vec<_> = Register::<Runtime>::iter()
        .filter(|(worker, _)| {
            let liar = Cast::get().character(worker) != Character::Honest;
            !PoolOf::<Runtime>::contains_key(worker) && liar == hostile
        })
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    let (worker, operator) = match dice.pick(&without) {
        Some(worker) if !dice.once_in(8) => worker.clone(),
        _ => worker(dice)?,
    };
    let commission = Perbill::from_percent(dice.within(0, 100));
    let call = pallet_delegation::Call::open { worker, commission };
    Some((By::Account(operator), call.into()))
}

pub(super) fn set_commission(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let pool = pool(dice);
    let operator = match Pools::<Runtime>::get(pool)?.home {
        Home::Worker(worker) => Register::<Runtime>::get(worker)?.operator,
        Home::Gone { operator, .. } => operator,
    };
    let commission = Perbill::from_percent(dice.within(0, 100));
    let call = pallet_delegation::Call::set_commission { pool, commission };
    Some((By::Account(operator), call.into()))
}

/// What somebody delegates, mostly no more than the worker may have.
fn stake(dice: &mut Dice) -> u128 {
    if dice.once_in(5) {
        amount(dice)
    } else {
        u128::from(dice.within(1, 300)) * ISC + u128::from(dice.below(3))
    }
}

pub(super) fn delegate(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let call = pallet_delegation::Call::delegate {
        pool: pool(dice),
        amount: stake(dice),
    };
    of_person(dice, call)
}

pub(super) fn undelegate(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (who, pool) = delegation(dice, |pool, _| !is_gone(pool))?;
    let amount = stake(dice);
    let call = pallet_delegation::Call::undelegate { pool, amount };
    Some((By::Account(who), call.into()))
}

pub(super) fn withdraw_stake(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let now = System::block_number();
    let (who, pool) = delegation(dice, |pool, who| {
        let position = Delegation::position(pool, who.clone());
        position.is_some_and(|position| position.free_at.is_some_and(|at| at <= now))
    })?;
    let call = pallet_delegation::Call::withdraw { pool };
    Some((By::Account(who), call.into()))
}

pub(super) fn claim_income(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (who, pool) = delegation(dice, |pool, who| {
        let position = Delegation::position(pool, who.clone());
        position.is_some_and(|position| position.income > 0)
    })?;
    let call = pallet_delegation::Call::claim { pool };
    Some((By::Account(who), call.into()))
}

pub(super) fn close(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let empty: Vec<_> = Pools::<Runtime>::iter_keys()
        .filter(|pool| {
            is_gone(*pool)
                && Delegations::<Runtime>::iter_key_prefix(pool)
                    .next()
                    .is_none()
        })
        .collect();
    let pool = dice.pick(&empty).copied().unwrap_or_else(|| pool(dice));
    of_person(dice, pallet_delegation::Call::close { pool })
}

pub(super) fn offer(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let price = dice.one_of([0, 1, ISC, 50 * ISC, u128::MAX]);
    let to = person(dice).account.clone();
    let call = pallet_workers::Call::offer { worker, to, price };
    Some((By::Account(operator), call.into()))
}

pub(super) fn retract_offer(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let offered: Vec<_> = Offers::<Runtime>::iter_keys().collect();
    let (any, _) = worker(dice)?;
    let worker = dice.pick(&offered).cloned().unwrap_or(any);
    let operator = Register::<Runtime>::get(&worker)?.operator;
    let call = pallet_workers::Call::retract_offer { worker };
    Some((By::Account(operator), call.into()))
}

/// Mostly when the time has come and the worker has nothing in its hands.
pub(super) fn accept(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let now = System::block_number();
    let idle = |worker: &AccountId| {
        Register::<Runtime>::get(worker).is_some_and(|record| record.in_flight == 0)
    };
    let (ripe, others): (Vec<_>, Vec<_>) =
        Offers::<Runtime>::iter().partition(|(worker, offer)| offer.from <= now && idle(worker));
    let (worker, offer) = dice.pick(&ripe).or_else(|| dice.pick(&others))?.clone();
    let (key, proof) = consent(dice, &offer.to);
    let price = if dice.once_in(8) {
        amount(dice)
    } else {
        offer.price
    };
    let call = pallet_workers::Call::accept {
        worker,
        price,
        key,
        proof,
    };
    Some((By::Account(offer.to), call.into()))
}
