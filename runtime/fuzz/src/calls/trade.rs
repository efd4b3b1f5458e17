//! Images, orders, and the results of batches.

use pallet_market::JobState;
use pallet_verification::{Calls, Decliners, Outputs, Ratings, Received, Results, Stage, Trusts};
use sungrid_primitives::{attributes::TaskClass, receipt::BatchSummary};
use sungrid_runtime::{Runtime, RuntimeCall, constants::currency::ISC};

use super::*;
use crate::{orders, work};

pub(super) fn submit(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let image = image(dice);
    let spec = orders::spec(image, dice);
    of_person(dice, pallet_market::Call::submit { spec })
}

pub(super) fn claim(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, _) = worker(dice)?;
    Some((By::Account(worker), work::claim(dice)?))
}

pub(super) fn cancel(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let job = job(dice);
    let requester = Jobs::<Runtime>::get(job)?.requester;
    Some((
        By::Account(requester),
        pallet_market::Call::cancel { job }.into(),
    ))
}

pub(super) fn clean_up(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let ended: Vec<u32> = Jobs::<Runtime>::iter()
        .filter(|(_, job)| matches!(job.state, JobState::Ended { .. }))
        .map(|(id, _)| id)
        .collect();
    let job = dice.pick(&ended).copied().unwrap_or_else(|| job(dice));
    of_person(dice, pallet_market::Call::clean_up { job })
}

pub(super) fn commit(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, job, batch) = replica(dice)?;
    let call = pallet_verification::Call::commit {
        job,
        batch,
        // All of it, mostly; else what it never had, or a cut.
        units: match dice.within(0, 3) {
            0 => dice.within(0, 5),
            _ => Jobs::<Runtime>::get(job).map_or(1, |record| record.units_in(batch)),
        },
        digest: H256(dice.bytes()),
        commitment: H256(dice.bytes()),
    };
    Some((By::Account(worker), call.into()))
}

pub(super) fn reveal(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, job, batch) = replica(dice)?;
    let call = pallet_verification::Call::reveal {
        job,
        batch,
        summary: BatchSummary {
            root: work::true_root(job, batch),
            fuel: dice.roll().into(),
            charge: amount(dice),
        },
        salt: dice.bytes(),
        bundle: H256(dice.bytes()),
    };
    Some((By::Account(worker), call.into()))
}

pub(super) fn challenge(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let standing: Vec<_> = Ballots::<Runtime>::iter()
        .filter(|(_, _, ballot)| matches!(ballot.stage, Stage::Standing { .. }))
        .map(|(job, batch, _)| (job, batch))
        .collect();
    let (job, batch) = dice
        .pick(&standing)
        .copied()
        .unwrap_or_else(|| flight(dice));
    of_person(dice, pallet_verification::Call::challenge { job, batch })
}

pub(super) fn publish(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let manifest = if dice.once_in(4) {
        image(dice)
    } else {
        H256(dice.bytes())
    };
    let class = dice.one_of(TaskClass::ALL);
    of_person(dice, pallet_images::Call::publish { manifest, class })
}

pub(super) fn retire(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let manifest = image(dice);
    let developer = pallet_images::Images::<Runtime>::get(manifest)?.developer;
    let call = pallet_images::Call::retire { manifest };
    Some((By::Account(developer), call.into()))
}

/// An order for the outputs of an earlier one, mostly of the same requester and in as many parts as go.
pub(super) fn submit_after(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let after = job(dice);
    let before = Jobs::<Runtime>::get(after)?;
    let image = image(dice);
    let mut spec = orders::spec(image, dice);
    spec.after = Some(after);
    if !dice.once_in(8) {
        spec.units = before.spec.units / dice.one_of([1, 1, 2, 4]);
    }
    let by = if dice.once_in(8) {
        by(person(dice))
    } else {
        By::Account(before.requester)
    };
    Some((by, pallet_market::Call::submit { spec }.into()))
}

/// Mostly short and of what can be ordered again.
pub(super) fn repeat(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let image = image(dice);
    let spec = orders::spec(image, dice);
    let call = pallet_market::Call::repeat {
        spec,
        every: dice.one_of([0, 20, 25, 60, u64::from(u32::MAX)]) as u32,
        times: dice.one_of([0, 1, 2, 5, u64::from(u32::MAX)]) as u32,
    };
    of_person(dice, call)
}

pub(super) fn raise(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let open: Vec<u32> = Jobs::<Runtime>::iter()
        .filter(|(_, job)| job.next_batch < job.batches && !job.has_ended())
        .map(|(id, _)| id)
        .collect();
    let job = dice.pick(&open).copied().unwrap_or_else(|| job(dice));
    let record = Jobs::<Runtime>::get(job)?;
    let price = if dice.once_in(6) {
        amount(dice)
    } else {
        record.price + u128::from(dice.below(1_000)) * ISC / 1_000
    };
    let call = pallet_market::Call::raise { job, price };
    Some((By::Account(record.requester), call.into()))
}

pub(super) fn decline(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, job, batch) = replica(dice)?;
    let call = pallet_verification::Call::decline { job, batch };
    Some((By::Account(worker), call.into()))
}

pub(super) fn resume_job(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let declined: Vec<u32> = Decliners::<Runtime>::iter_keys().collect();
    let job = match dice.pick(&declined) {
        Some(declined) if !dice.once_in(6) => *declined,
        _ => job(dice),
    };
    let requester = Jobs::<Runtime>::get(job)?.requester;
    let call = pallet_verification::Call::resume { job };
    Some((By::Account(requester), call.into()))
}

pub(super) fn acknowledge(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let job = job(dice);
    let record = Jobs::<Runtime>::get(job)?;
    let first = Received::<Runtime>::get(job);
    let below = match dice.below(8) {
        0 => dice.roll() as u32,
        1 | 2 => first + 1,
        3 | 4 => record.next_batch / 2,
        _ => record.next_batch,
    };
    let call = pallet_verification::Call::acknowledge { job, below };
    Some((By::Account(record.requester), call.into()))
}

pub(super) fn rate(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let completed = |job: &u32| {
        let record = Jobs::<Runtime>::get(job);
        record.is_some_and(|record| record.has_ended() && record.cleaned == 0)
    };
    let all: Vec<_> = Results::<Runtime>::iter()
        .filter(|(job, ..)| completed(job))
        .collect();
    let (job, batch, result) = dice.pick(&all)?;
    let operator = match dice.pick(&result.winners) {
        Some(winner) if !dice.once_in(8) => winner.operator.clone(),
        _ => person(dice).account.clone(),
    };
    let requester = Jobs::<Runtime>::get(job)?.requester;
    let call = pallet_verification::Call::rate {
        job: *job,
        batch: *batch,
        operator,
        stars: dice.within(0, 6) as u8,
    };
    Some((By::Account(requester), call.into()))
}

pub(super) fn forget_rating(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let rated: Vec<_> = Ratings::<Runtime>::iter_keys().collect();
    let gone: Vec<_> = rated
        .iter()
        .filter(|operator| {
            !<sungrid_runtime::Workers as sungrid_primitives::traits::Workers<_>>::is_operator(
                operator,
            )
        })
        .collect();
    let operator = match dice.pick(&gone) {
        Some(operator) if !dice.once_in(4) => (*operator).clone(),
        _ => dice.pick(&rated)?.clone(),
    };
    of_person(dice, pallet_verification::Call::forget_rating { operator })
}

/// Mostly by the requester of a job, of outputs that are owed.
pub(super) fn call_witnesses(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let owed: Vec<_> = Results::<Runtime>::iter()
        .filter(|(.., result)| result.outputs == Outputs::Owed || dice.once_in(8))
        .map(|(job, batch, _)| (job, batch))
        .collect();
    let (job, batch) = *dice.pick(&owed)?;
    let call = pallet_verification::Call::call_witnesses { job, batch };
    if dice.once_in(8) {
        return of_person(dice, call);
    }
    let requester = Jobs::<Runtime>::get(job)?.requester;
    Some((By::Account(requester), call.into()))
}

/// A call for witnesses, and one of those drawn or anybody.
fn seat(dice: &mut Dice) -> Option<(AccountId, u32, u32)> {
    let calls: Vec<_> = Calls::<Runtime>::iter().collect();
    let (job, batch, call) = dice.pick(&calls)?;
    let drawn = dice.pick(&call.witnesses);
    let who = match drawn {
        Some(witness) if !dice.once_in(4) => witness.assignment.worker.clone(),
        _ => worker(dice)?.0,
    };
    Some((who, *job, *batch))
}

/// A seal over nonsense, which never opens.
pub(super) fn attest_found(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (who, job, batch) = seat(dice)?;
    let seal = H256(dice.bytes());
    let call = pallet_verification::Call::attest { job, batch, seal };
    Some((By::Account(who), call.into()))
}

pub(super) fn testify(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (who, job, batch) = seat(dice)?;
    let call = pallet_verification::Call::testify {
        job,
        batch,
        found: work::found(job, batch),
        salt: dice.bytes(),
    };
    Some((By::Account(who), call.into()))
}

pub(super) fn forget_trust(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let trusted: Vec<_> = Trusts::<Runtime>::iter_keys()
        .map(|(worker, _)| worker)
        .collect();
    let gone = trusted
        .iter()
        .find(|worker| !Register::<Runtime>::contains_key(worker));
    let worker = gone.or_else(|| dice.pick(&trusted))?.clone();
    of_person(dice, pallet_verification::Call::forget_trust { worker })
}

pub(super) fn set_listing(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    of_root(pallet_images::Call::set_listing {
        manifest: image(dice),
        listed: dice.once_in(2),
        reason: H256(dice.bytes()),
    })
}
