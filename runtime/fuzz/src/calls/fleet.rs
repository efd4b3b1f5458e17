//! What operators and machines say and do beside the work.

use frame_support::BoundedVec;
use pallet_delegation::PoolOf;
use pallet_workers::WorkerState;
use sungrid_primitives::traits::{CPU_1_ID, GPU_1_ID, STORAGE_1_ID};
use sungrid_runtime::{Liveness, Runtime, RuntimeCall, System, constants::currency::ISC};

use super::*;
use crate::orders;

pub(super) fn register(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let operator = person(dice);
    let (worker, proof) = consent(dice, &operator.account);
    let call = pallet_workers::Call::register {
        worker,
        endpoint: BoundedVec::truncate_from(vec![1]),
        attributes: orders::attributes(dice),
        environment: ENVIRONMENTS[0],
        profile: dice.one_of([CPU_1_ID, CPU_1_ID, CPU_1_ID, GPU_1_ID, STORAGE_1_ID]),
        resources: orders::resources(dice),
        bond: u128::from(dice.within(0, 500)) * ISC,
        proof,
    };
    Some((by(operator), call.into()))
}

pub(super) fn update(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let who = master(dice, &worker, operator);
    let call = pallet_workers::Call::update {
        worker,
        endpoint: BoundedVec::truncate_from(vec![2; dice.within(0, 256) as usize]),
        attributes: orders::attributes(dice),
    };
    Some((who, call.into()))
}

pub(super) fn set_capacity(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let resources = orders::resources(dice);
    let call = pallet_workers::Call::set_capacity { worker, resources };
    Some((By::Account(operator), call.into()))
}

pub(super) fn bond_more(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let amount = amount(dice);
    let call = pallet_workers::Call::bond_more { worker, amount };
    Some((By::Account(operator), call.into()))
}

/// Every other time of a worker that has work in flight: whoever takes money out before its verdict.
pub(super) fn unbond(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let mut chosen = worker(dice)?;
    let busy: Vec<_> = Register::<Runtime>::iter()
        .filter(|(_, record)| record.in_flight > 0)
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    if let Some(busy) = dice.pick(&busy)
        && dice.once_in(2)
    {
        chosen = busy.clone();
    }
    let (worker, operator) = chosen;
    let record = Register::<Runtime>::get(&worker)?;
    let amount = match dice.below(4) {
        0 => amount(dice),
        1 => record.staying(),
        // Mostly what its capacity may leave.
        _ => record.staying() / u128::from(dice.within(2, 20)),
    };
    let call = pallet_workers::Call::unbond { worker, amount };
    Some((By::Account(operator), call.into()))
}

/// Mostly when something is free.
pub(super) fn withdraw_unbonded(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let now = System::block_number();
    let (free, others): (Vec<_>, Vec<_>) = Register::<Runtime>::iter()
        .filter(|(_, record)| !record.unbonding.is_empty())
        .map(|(worker, record)| (worker, record.operator))
        .partition(|(worker, _)| {
            let parts = sungrid_runtime::Workers::unbonding(worker.clone());
            parts.iter().any(|(_, free_at)| *free_at <= now)
        });
    let (worker, operator) = dice
        .pick(&free)
        .or_else(|| dice.pick(&others))
        .cloned()
        .or_else(|| worker(dice))?;
    let call = pallet_workers::Call::withdraw_unbonded { worker };
    Some((By::Account(operator), call.into()))
}

pub(super) fn pause(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let who = master(dice, &worker, operator);
    Some((who, pallet_workers::Call::pause { worker }.into()))
}

pub(super) fn resume(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let idle: Vec<_> = Register::<Runtime>::iter()
        .filter(|(_, record)| record.state != WorkerState::Active)
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    let (worker, operator) = dice.pick(&idle).cloned().or_else(|| worker(dice))?;
    let who = master(dice, &worker, operator);
    Some((who, pallet_workers::Call::resume { worker }.into()))
}

/// Every other time a worker on whom others may have staked.
pub(super) fn leave(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let mut chosen = worker(dice)?;
    let pools: Vec<_> = PoolOf::<Runtime>::iter_keys().collect();
    if let Some(worker) = dice.pick(&pools)
        && dice.once_in(2)
    {
        chosen = (worker.clone(), Register::<Runtime>::get(worker)?.operator);
    }
    let (worker, operator) = chosen;
    let call = pallet_workers::Call::leave { worker };
    Some((By::Account(operator), call.into()))
}

pub(super) fn withdraw(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let now = System::block_number();
    let leaving: Vec<_> = Register::<Runtime>::iter()
        .filter(|(_, record)| match record.state {
            WorkerState::Leaving { until } => until <= now || dice.once_in(3),
            _ => false,
        })
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    let (worker, operator) = dice.pick(&leaving).cloned().or_else(|| worker(dice))?;
    let call = pallet_workers::Call::withdraw { worker };
    Some((By::Account(operator), call.into()))
}

pub(super) fn set_environment(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = idle_worker(dice)?;
    let environment = environment(dice);
    let call = pallet_workers::Call::set_environment {
        worker,
        environment,
    };
    Some((By::Account(operator), call.into()))
}

pub(super) fn rotate_key(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = idle_worker(dice)?;
    let (key, proof) = consent(dice, &operator);
    let call = pallet_workers::Call::rotate_key { worker, key, proof };
    Some((By::Account(operator), call.into()))
}

pub(super) fn alive(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, _) = worker(dice)?;
    let block = System::block_number().saturating_sub(dice.within(0, 12));
    Some((
        By::Account(worker),
        pallet_liveness::Call::alive { block }.into(),
    ))
}

pub(super) fn report(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let block = System::block_number().saturating_sub(dice.within(5, 50));
    let worker = match dice.pick(&Liveness::absentees(block)) {
        Some(absent) => absent.clone(),
        None => worker(dice)?.0,
    };
    of_person(dice, pallet_liveness::Call::report { worker, block })
}
