//! Every call of our pallets, by whom it is meant for, with arguments that mostly make sense.

use pallet_market::Jobs;
use pallet_verification::Ballots;
use pallet_workers::Workers as Register;
use sp_core::{H256, Pair, sr25519};
use sungrid_primitives::registration::registration_payload;
use sungrid_runtime::{
    AccountId, Runtime, RuntimeCall, System, constants::currency::ISC,
    genesis_config_presets::ENVIRONMENTS,
};

use crate::{
    cast::{Actor, Cast},
    dice::Dice,
};

pub mod canary;
mod fleet;
mod office;
mod proof;
mod stake;
mod trade;

use fleet::*;
use office::*;
use proof::*;
use stake::*;
use trade::*;

/// Who a call is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An account.
    Account(AccountId),
    /// A referendum.
    Root,
}

/// Draws a call and whom it is meant for; `None` if there is nothing that it could be about.
type Draw = fn(&mut Dice) -> Option<(By, RuntimeCall)>;

/// How often each is drawn.
const DRAWS: [(u64, Draw); 78] = [
    (30, submit),
    (12, submit_after),
    (10, raise),
    (6, repeat),
    (6, claim),
    (8, cancel),
    (14, clean_up),
    (5, decline),
    (8, resume_job),
    (12, acknowledge),
    (10, rate),
    (6, forget_trust),
    (8, forget_rating),
    (12, call_witnesses),
    (4, attest_found),
    (4, testify),
    (6, commit),
    (6, reveal),
    (16, challenge),
    (6, register),
    (5, update),
    (5, set_capacity),
    (5, bond_more),
    (8, unbond),
    (6, withdraw_unbonded),
    (5, pause),
    (10, resume),
    (6, leave),
    (8, withdraw),
    (5, set_environment),
    (5, rotate_key),
    (4, alive),
    (10, report),
    (4, start_proof),
    (4, commit_proof),
    (4, open_proof),
    (10, settle_proof),
    (3, set_allowance),
    (3, publish),
    (2, retire),
    (3, set_listing),
    (4, canary::admit),
    (1, canary::dismiss),
    (9, canary::plant),
    (18, canary::expose),
    (9, canary::expose_parts),
    (5, canary::uproot),
    (8, open),
    (5, set_commission),
    (16, delegate),
    (8, undelegate),
    (8, withdraw_stake),
    (8, claim_income),
    (8, close),
    (6, offer),
    (2, retract_offer),
    (8, accept),
    (8, claim_rewards),
    (5, claim_for),
    (4, admit),
    (4, bond_auditor),
    (8, attest),
    (8, retract),
    (5, resign),
    (7, withdraw_auditor),
    (2, dismiss),
    (8, bond_validator),
    (5, stand),
    (6, leave_validators),
    (9, withdraw_validator),
    (3, add_authority),
    (2, remove_authority),
    (4, reinstate),
    (2, set_seats),
    (3, add_profile),
    (3, set_price_floor),
    (4, set_accepted_environment),
    (3, set_foundation_reserve),
];

/// A call of our pallets.
pub fn any(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    dice.weighted(&DRAWS)(dice)
}

fn person(dice: &mut Dice) -> &'static Actor {
    &Cast::get().people[dice.below(14) as usize]
}

/// Somebody who can pay for more than a fee.
fn rich(dice: &mut Dice) -> &'static Actor {
    &Cast::get().people[dice.below(12) as usize]
}

fn by(actor: &Actor) -> By {
    By::Account(actor.account.clone())
}

fn of_person(dice: &mut Dice, call: impl Into<RuntimeCall>) -> Option<(By, RuntimeCall)> {
    Some((by(person(dice)), call.into()))
}

fn of_root(call: impl Into<RuntimeCall>) -> Option<(By, RuntimeCall)> {
    Some((By::Root, call.into()))
}

/// An amount between nothing and more than anybody has.
fn amount(dice: &mut Dice) -> u128 {
    let up_to = dice.one_of([
        1_000,
        ISC,
        100 * ISC,
        10_000 * ISC,
        200_000 * ISC,
        u128::MAX,
    ]);
    (up_to / u128::from(dice.within(1, 1_000))).saturating_add(dice.below(3).into())
}

/// A registered worker and its operator, or rarely a key that is none.
fn worker(dice: &mut Dice) -> Option<(AccountId, AccountId)> {
    let all: Vec<_> = Register::<Runtime>::iter()
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    if dice.once_in(15) {
        let other = person(dice).account.clone();
        return Some((other.clone(), other));
    }
    dice.pick(&all).cloned()
}

/// One with nothing in its hands, if there is one.
fn idle_worker(dice: &mut Dice) -> Option<(AccountId, AccountId)> {
    let idle: Vec<_> = Register::<Runtime>::iter()
        .filter(|(_, record)| record.in_flight == 0)
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    dice.pick(&idle).cloned().or_else(|| worker(dice))
}

/// One of its two masters.
fn master(dice: &mut Dice, worker: &AccountId, operator: AccountId) -> By {
    By::Account(if dice.once_in(2) {
        worker.clone()
    } else {
        operator
    })
}

fn job(dice: &mut Dice) -> u32 {
    let jobs: Vec<u32> = Jobs::<Runtime>::iter_keys().collect();
    let strange = dice.roll() as u32;
    if dice.once_in(25) {
        strange
    } else {
        dice.pick(&jobs).copied().unwrap_or(strange)
    }
}

fn flight(dice: &mut Dice) -> (u32, u32) {
    let flights: Vec<_> = Ballots::<Runtime>::iter_keys().collect();
    dice.pick(&flights).copied().unwrap_or_default()
}

/// A batch in flight and a worker, mostly one that has it.
fn replica(dice: &mut Dice) -> Option<(AccountId, u32, u32)> {
    let (job, batch) = flight(dice);
    let ballot = Ballots::<Runtime>::get(job, batch);
    let replicas = ballot.map(|ballot| ballot.replicas).unwrap_or_default();
    match dice.pick(&replicas) {
        Some(replica) if !dice.once_in(5) => Some((replica.assignment.worker.clone(), job, batch)),
        _ => Some((worker(dice)?.0, job, batch)),
    }
}

fn image(dice: &mut Dice) -> H256 {
    let images: Vec<_> = pallet_images::Images::<Runtime>::iter_keys().collect();
    dice.pick(&images).copied().unwrap_or_default()
}

/// A worker key that may be registered or not, and its consent, which may be to something else.
fn consent(dice: &mut Dice, operator: &AccountId) -> (AccountId, sr25519::Signature) {
    let machines = &Cast::get().machines;
    let free: Vec<_> = machines
        .iter()
        .filter(|machine| !Register::<Runtime>::contains_key(&machine.account))
        .collect();
    let key = match dice.pick(&free) {
        Some(key) if !dice.once_in(5) => key,
        _ => &machines[dice.below(machines.len() as u64) as usize],
    };
    let genesis = if dice.once_in(15) {
        H256(dice.bytes())
    } else {
        System::block_hash(0)
    };
    let payload = registration_payload(&genesis, operator.as_ref(), key.account.as_ref());
    (key.account.clone(), key.key.sign(&payload))
}

/// One that is accepted, or another.
fn environment(dice: &mut Dice) -> H256 {
    dice.one_of([ENVIRONMENTS[0], H256::repeat_byte(7)])
}
