//! Jobs whose answer a keeper knew before.

use frame_support::{
    BoundedVec,
    storage::{TransactionOutcome, with_transaction},
};
use pallet_canaries::{Canaries, Keepers};
use pallet_market::{JobRecordOf, NextJobId};
use pallet_verification::Results;
use sp_runtime::{DispatchError, traits::Dispatchable};
use sungrid_primitives::{
    job::batch_range,
    receipt::{self, BatchSummary},
    traits::KnownAnswers,
};
use sungrid_runtime::{
    Runtime, RuntimeCall, RuntimeOrigin, Verification, constants::currency::ISC,
};

use super::*;
use crate::work;

/// The salt of every seal: nobody here guesses.
const SALT: [u8; 32] = [9; 32];

fn keeper(dice: &mut Dice) -> Option<AccountId> {
    let keepers: Vec<_> = Keepers::<Runtime>::iter_keys().collect();
    dice.pick(&keepers).cloned()
}

pub(super) fn admit(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    of_root(pallet_canaries::Call::admit {
        keeper: person(dice).account.clone(),
        budget: dice.one_of([0, ISC, 1_000 * ISC, u128::MAX]),
    })
}

pub(super) fn dismiss(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let keeper = keeper(dice).unwrap_or_else(|| person(dice).account.clone());
    of_root(pallet_canaries::Call::dismiss { keeper })
}

/// Answers to nothing, or what has been ordered already.
pub(super) fn plant(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let keeper = keeper(dice)?;
    let seals: Vec<_> = if dice.once_in(2) {
        (0..dice.within(0, 200))
            .map(|_| H256(dice.bytes()))
            .collect()
    } else {
        seals(job(dice), 0)
    };
    let seals = BoundedVec::truncate_from(seals);
    let call = pallet_canaries::Call::plant { seals };
    Some((By::Account(keeper), call.into()))
}

/// Mostly an answer that was planted.
pub(super) fn expose(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let results: Vec<_> = Results::<Runtime>::iter_keys().collect();
    let mut known = Vec::new();
    for keeper in Keepers::<Runtime>::iter_keys() {
        for (job, batch) in &results {
            let planted = answers(*job, *batch)
                .into_iter()
                .filter(|(_, seal)| Canaries::<Runtime>::contains_key(&keeper, seal));
            known.extend(planted.map(|(answer, _)| (keeper.clone(), *job, *batch, answer)));
        }
    }
    let (keeper, job, batch, answer) = match dice.pick(&known) {
        Some(known) if !dice.once_in(8) => known.clone(),
        _ => {
            let (job, batch) = *dice.pick(&results)?;
            let result = Results::<Runtime>::get(job, batch)?;
            (keeper(dice)?, job, batch, result.summary)
        }
    };
    let call = pallet_canaries::Call::expose {
        job,
        batch,
        answer,
        salt: SALT,
    };
    Some((By::Account(keeper), call.into()))
}

/// The leaves of a batch that was cut, mostly of one that a keeper has planted an answer for, and the right ones.
pub(super) fn expose_parts(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let mut cut = Vec::new();
    for (job, record) in Jobs::<Runtime>::iter() {
        let batches = record.cuts.iter().map(|cut| cut.batch);
        let ordered = batches.filter(|batch| *batch < record.batches);
        cut.extend(ordered.map(|batch| (job, batch, units_as_ordered(&record, batch))));
    }
    let mut known = Vec::new();
    for keeper in Keepers::<Runtime>::iter_keys() {
        for (job, batch, units) in &cut {
            let planted = answers(*job, *batch)
                .first()
                .is_some_and(|(_, seal)| Canaries::<Runtime>::contains_key(&keeper, seal));
            known.extend(planted.then_some((keeper.clone(), (*job, *batch, *units))));
        }
    }
    let (keeper, (job, batch, mut units)) = match dice.pick(&known) {
        Some(known) if !dice.once_in(8) => known.clone(),
        _ => (keeper(dice)?, *dice.pick(&cut)?),
    };
    if dice.once_in(8) {
        units = dice.within(0, units + 1);
    }
    let leaves = BoundedVec::truncate_from(work::leaves(job, batch, units));
    let salt = SALT;
    let call = pallet_canaries::Call::expose_parts {
        job,
        batch,
        leaves,
        salt,
    };
    Some((By::Account(keeper), call.into()))
}

/// Something that a keeper has planted, and something that nobody has.
pub(super) fn uproot(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let planted: Vec<_> = Canaries::<Runtime>::iter_keys().collect();
    let (keeper, seal) = dice.pick(&planted)?.clone();
    let by = match dice.once_in(8) {
        true => person(dice).account.clone(),
        false => keeper,
    };
    let seals = BoundedVec::truncate_from(vec![H256(dice.bytes()), seal]);
    let call = pallet_canaries::Call::uproot { seals };
    Some((By::Account(by), call.into()))
}

/// A keeper plants what the first batch of an order will come to, and something else; then the order is made.
pub fn order(dice: &mut Dice) -> Option<[(By, RuntimeCall); 2]> {
    let keeper = keeper(dice)?;
    let (By::Account(requester), order) = submit(dice)? else {
        return None;
    };
    let job = NextJobId::<Runtime>::get();
    let tried: Result<_, DispatchError> = with_transaction(|| {
        let done = order
            .clone()
            .dispatch(RuntimeOrigin::signed(requester.clone()));
        TransactionOutcome::Rollback(Ok(done.is_ok().then(|| seals(job, 0))))
    });
    let seals = BoundedVec::truncate_from(tried.ok().flatten()?);
    let plant = pallet_canaries::Call::plant { seals };
    Some([
        (By::Account(keeper), plant.into()),
        (By::Account(requester), order),
    ])
}

/// What a batch comes to, and what it does not, with their seals; nothing if there is no such job.
fn answers(job: u32, batch: u32) -> Vec<(BatchSummary, H256)> {
    let (Some(record), Some(order)) = (Jobs::<Runtime>::get(job), Verification::order(job)) else {
        return Vec::new();
    };
    let right = work::right(job, batch, units_as_ordered(&record, batch));
    let root = H256::zero();
    [right, BatchSummary { root, ..right }]
        .map(|answer| (answer, receipt::canary(&order, batch, &answer, &SALT)))
        .into()
}

/// Units of a batch of the order, cut or not.
fn units_as_ordered(record: &JobRecordOf<Runtime>, batch: u32) -> u32 {
    let spec = &record.spec;
    batch_range(spec.units, spec.batch_size, batch).map_or(0, |(_, count)| count)
}

fn seals(job: u32, batch: u32) -> Vec<H256> {
    answers(job, batch)
        .into_iter()
        .map(|(_, seal)| seal)
        .collect()
}
