//! Proofs of capacity, in whatever order, and claims that nobody has opened.

use pallet_capacity::{Runs, Stage};
use sungrid_primitives::suns::MICRO;
use sungrid_runtime::constants::time::HOURS;

use super::*;
use crate::proof;

/// A worker whose last run is not over, or any.
fn runner(dice: &mut Dice) -> Option<AccountId> {
    let running: Vec<_> = Runs::<Runtime>::iter()
        .filter(|(_, run)| run.stage != Stage::Over)
        .map(|(worker, _)| worker)
        .collect();
    match dice.pick(&running) {
        Some(worker) if !dice.once_in(8) => Some(worker.clone()),
        _ => Some(worker(dice)?.0),
    }
}

pub(super) fn start_proof(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, _) = worker(dice)?;
    Some((By::Account(worker), pallet_capacity::Call::start {}.into()))
}

pub(super) fn commit_proof(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let worker = runner(dice)?;
    let call = proof::commit(&worker, dice)?;
    Some((By::Account(worker), call))
}

pub(super) fn open_proof(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let worker = runner(dice)?;
    let (openings, _) = proof::opened(&worker)?;
    let call = pallet_capacity::Call::open { openings };
    Some((By::Account(worker), call.into()))
}

/// Mostly by a third party, of a claim whose hour is over.
pub(super) fn settle_proof(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let worker = overdue(dice).or_else(|| runner(dice))?;
    let call = pallet_capacity::Call::settle {
        worker: worker.clone(),
    };
    if dice.once_in(4) {
        return Some((By::Account(worker), call.into()));
    }
    of_person(dice, call)
}

/// A worker whose commitment nobody can open any more.
fn overdue(dice: &mut Dice) -> Option<AccountId> {
    let now = System::block_number();
    let overdue: Vec<_> = Runs::<Runtime>::iter()
        .filter(|(_, run)| matches!(run.stage, Stage::Committed { at, .. } if at + HOURS < now))
        .map(|(worker, _)| worker)
        .collect();
    dice.pick(&overdue).cloned()
}

/// Mostly so much that those who prove nothing find work, too.
pub(super) fn set_allowance(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let suns = MICRO as u64;
    let most = 1_000 * suns;
    let allowance = dice.one_of([0, suns / 10, suns / 2, most, most, most]);
    of_root(pallet_capacity::Call::set_allowance { allowance })
}
