//! Every call of our pallets, by whom it is meant for, with arguments that mostly make sense.

use frame_support::BoundedVec;
use pallet_market::{JobState, Jobs};
use pallet_validators::Seats;
use pallet_verification::{Ballots, Stage};
use pallet_workers::Workers as Register;
use sp_core::{H256, Pair, sr25519};
use sp_runtime::Perbill;
use sungrid_primitives::{
    attributes::{PerAttribute, TaskClass},
    receipt::BatchSummary,
    registration::registration_payload,
    suns::{CPU_1, GPU_1, Profile, Resources},
    traits::{CPU_1_ID, GPU_1_ID, ProfileId, ProfileKind, STORAGE_1_ID},
};
use sungrid_runtime::{
    AccountId, Liveness, Runtime, RuntimeCall, System, Workers, constants::currency::ISC,
    genesis_config_presets::ENVIRONMENTS,
};

use crate::{
    cast::{Actor, Cast},
    dice::Dice,
    orders, work,
};

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
const DRAWS: [(u64, Draw); 42] = [
    (30, submit),
    (6, claim),
    (8, cancel),
    (14, clean_up),
    (6, commit),
    (6, reveal),
    (16, challenge),
    (6, register),
    (5, update),
    (5, set_capacity),
    (5, bond_more),
    (5, pause),
    (10, resume),
    (4, leave),
    (8, withdraw),
    (5, set_environment),
    (5, rotate_key),
    (4, alive),
    (10, report),
    (3, publish),
    (2, retire),
    (8, claim_rewards),
    (5, claim_for),
    (2, admit),
    (6, bond_auditor),
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
    (1, set_foundation_reserve),
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

fn submit(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let image = image(dice);
    let spec = orders::spec(image, dice);
    of_person(dice, pallet_market::Call::submit { spec })
}

fn claim(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, _) = worker(dice)?;
    Some((By::Account(worker), work::claim(dice)?))
}

fn cancel(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let job = job(dice);
    let requester = Jobs::<Runtime>::get(job)?.requester;
    Some((
        By::Account(requester),
        pallet_market::Call::cancel { job }.into(),
    ))
}

fn clean_up(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let ended: Vec<u32> = Jobs::<Runtime>::iter()
        .filter(|(_, job)| matches!(job.state, JobState::Ended { .. }))
        .map(|(id, _)| id)
        .collect();
    let job = dice.pick(&ended).copied().unwrap_or_else(|| job(dice));
    of_person(dice, pallet_market::Call::clean_up { job })
}

fn commit(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, job, batch) = replica(dice)?;
    let call = pallet_verification::Call::commit {
        job,
        batch,
        digest: H256(dice.bytes()),
        commitment: H256(dice.bytes()),
    };
    Some((By::Account(worker), call.into()))
}

fn reveal(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
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

fn challenge(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
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

fn register(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
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

fn update(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let who = master(dice, &worker, operator);
    let call = pallet_workers::Call::update {
        worker,
        endpoint: BoundedVec::truncate_from(vec![2; dice.within(0, 256) as usize]),
        attributes: orders::attributes(dice),
    };
    Some((who, call.into()))
}

fn set_capacity(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let resources = orders::resources(dice);
    let call = pallet_workers::Call::set_capacity { worker, resources };
    Some((By::Account(operator), call.into()))
}

fn bond_more(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let amount = amount(dice);
    let call = pallet_workers::Call::bond_more { worker, amount };
    Some((By::Account(operator), call.into()))
}

fn pause(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let who = master(dice, &worker, operator);
    Some((who, pallet_workers::Call::pause { worker }.into()))
}

fn resume(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let idle: Vec<_> = Register::<Runtime>::iter()
        .filter(|(_, record)| record.state != pallet_workers::WorkerState::Active)
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    let (worker, operator) = dice.pick(&idle).cloned().or_else(|| worker(dice))?;
    let who = master(dice, &worker, operator);
    Some((who, pallet_workers::Call::resume { worker }.into()))
}

fn leave(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = worker(dice)?;
    let call = pallet_workers::Call::leave { worker };
    Some((By::Account(operator), call.into()))
}

fn withdraw(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let leaving: Vec<_> = Register::<Runtime>::iter()
        .filter(|(_, record)| matches!(record.state, pallet_workers::WorkerState::Leaving { .. }))
        .map(|(worker, record)| (worker, record.operator))
        .collect();
    let (worker, operator) = dice.pick(&leaving).cloned().or_else(|| worker(dice))?;
    let call = pallet_workers::Call::withdraw { worker };
    Some((By::Account(operator), call.into()))
}

fn set_environment(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = idle_worker(dice)?;
    let environment = environment(dice);
    let call = pallet_workers::Call::set_environment {
        worker,
        environment,
    };
    Some((By::Account(operator), call.into()))
}

fn rotate_key(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, operator) = idle_worker(dice)?;
    let (key, proof) = consent(dice, &operator);
    let call = pallet_workers::Call::rotate_key { worker, key, proof };
    Some((By::Account(operator), call.into()))
}

fn alive(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, _) = worker(dice)?;
    let block = System::block_number().saturating_sub(dice.within(0, 12));
    Some((
        By::Account(worker),
        pallet_liveness::Call::alive { block }.into(),
    ))
}

fn report(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let block = System::block_number().saturating_sub(dice.within(5, 50));
    let worker = match dice.pick(&Liveness::absentees(block)) {
        Some(absent) => absent.clone(),
        None => worker(dice)?.0,
    };
    of_person(dice, pallet_liveness::Call::report { worker, block })
}

fn publish(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let manifest = if dice.once_in(4) {
        image(dice)
    } else {
        H256(dice.bytes())
    };
    let class = dice.one_of(TaskClass::ALL);
    of_person(dice, pallet_images::Call::publish { manifest, class })
}

fn retire(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let manifest = image(dice);
    let developer = pallet_images::Images::<Runtime>::get(manifest)?.developer;
    let call = pallet_images::Call::retire { manifest };
    Some((By::Account(developer), call.into()))
}

fn claim_rewards(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    of_person(dice, pallet_rewards::Call::claim_rewards {})
}

fn claim_for(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let account = person(dice).account.clone();
    of_person(dice, pallet_rewards::Call::claim_for { account })
}

fn auditor(dice: &mut Dice) -> By {
    let all: Vec<_> = pallet_auditors::Auditors::<Runtime>::iter_keys().collect();
    dice.pick(&all)
        .cloned()
        .map_or_else(|| by(person(dice)), By::Account)
}

fn admit(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let auditor = person(dice).account.clone();
    of_root(pallet_auditors::Call::admit { auditor })
}

fn bond_auditor(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    Some((auditor(dice), pallet_auditors::Call::bond {}.into()))
}

fn attest(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, _) = worker(dice)?;
    let declared = Workers::worker(worker.clone())?.attributes;
    let statement = orders::statement(&declared, dice);
    let call = pallet_auditors::Call::attest { worker, statement };
    Some((auditor(dice), call.into()))
}

fn retract(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let attested: Vec<_> = pallet_auditors::Attested::<Runtime>::iter_keys().collect();
    let worker = dice.pick(&attested)?.clone();
    let attributes = PerAttribute::<()>::default().map(|()| dice.once_in(2));
    let call = pallet_auditors::Call::retract { worker, attributes };
    Some((auditor(dice), call.into()))
}

fn resign(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    Some((auditor(dice), pallet_auditors::Call::resign {}.into()))
}

fn withdraw_auditor(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let leaving: Vec<_> = pallet_auditors::Auditors::<Runtime>::iter()
        .filter(|(_, record)| record.leaving.is_some())
        .map(|(auditor, _)| auditor)
        .collect();
    let by = dice
        .pick(&leaving)
        .cloned()
        .map_or_else(|| auditor(dice), By::Account);
    Some((by, pallet_auditors::Call::withdraw {}.into()))
}

fn dismiss(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let By::Account(auditor) = auditor(dice) else {
        return None;
    };
    let slash = Perbill::from_percent(dice.within(0, 100));
    of_root(pallet_auditors::Call::dismiss { auditor, slash })
}

fn bond_validator(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let amount = if dice.once_in(3) {
        amount(dice)
    } else {
        10_000 * ISC
    };
    of_person(dice, pallet_validators::Call::bond { amount })
}

fn bonded(dice: &mut Dice) -> By {
    let all: Vec<_> = pallet_validators::Bonds::<Runtime>::iter_keys().collect();
    dice.pick(&all)
        .cloned()
        .map_or_else(|| by(person(dice)), By::Account)
}

/// Somebody bonded who is no authority, if there is one.
fn newcomer(dice: &mut Dice) -> By {
    let authorities = pallet_validators::Authorities::<Runtime>::get();
    let others: Vec<_> = pallet_validators::Bonds::<Runtime>::iter_keys()
        .filter(|account| !authorities.contains(account))
        .collect();
    dice.pick(&others)
        .cloned()
        .map_or_else(|| bonded(dice), By::Account)
}

fn stand(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let instead_of = dice.once_in(4).then(|| person(dice).account.clone());
    Some((
        newcomer(dice),
        pallet_validators::Call::stand { instead_of }.into(),
    ))
}

fn leave_validators(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    Some((newcomer(dice), pallet_validators::Call::leave {}.into()))
}

fn withdraw_validator(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let leaving: Vec<_> = pallet_validators::Bonds::<Runtime>::iter()
        .filter(|(_, bond)| bond.free_from.is_some())
        .map(|(account, _)| account)
        .collect();
    let by = dice
        .pick(&leaving)
        .cloned()
        .map_or_else(|| bonded(dice), By::Account);
    Some((by, pallet_validators::Call::withdraw {}.into()))
}

fn add_authority(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let authority = match newcomer(dice) {
        By::Account(account) if !dice.once_in(5) => account,
        _ => person(dice).account.clone(),
    };
    of_root(pallet_validators::Call::add_authority { authority })
}

fn remove_authority(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let authorities = pallet_validators::Authorities::<Runtime>::get();
    let authority = dice.pick(&authorities)?.clone();
    of_root(pallet_validators::Call::remove_authority { authority })
}

fn reinstate(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let barred: Vec<_> = pallet_validators::Barred::<Runtime>::iter_keys().collect();
    let validator = match dice.pick(&barred) {
        Some(barred) => barred.clone(),
        None => person(dice).account.clone(),
    };
    of_root(pallet_validators::Call::reinstate { validator })
}

fn set_seats(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let least = dice.within(0, 4);
    let most = dice.within(0, 110);
    let seats = Seats { least, most };
    of_root(pallet_validators::Call::set_seats { seats })
}

fn add_profile(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let contains = dice.one_of([CPU_1.contains, GPU_1.contains, Resources::NONE]);
    of_root(pallet_suns::Call::add_profile {
        kind: dice.one_of([ProfileKind::Cpu, ProfileKind::Gpu, ProfileKind::Network]),
        profile: Profile { contains },
    })
}

fn set_price_floor(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let version = dice.within(1, 3) as u16;
    of_root(pallet_suns::Call::set_price_floor {
        profile: ProfileId {
            kind: ProfileKind::Cpu,
            version,
        },
        price: u128::from(dice.within(1, 2_000)) * ISC / 1_000,
    })
}

/// One that is accepted, or another.
fn environment(dice: &mut Dice) -> H256 {
    dice.one_of([ENVIRONMENTS[0], H256::repeat_byte(7)])
}

fn set_accepted_environment(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    of_root(pallet_suns::Call::set_environment {
        id: environment(dice),
        accepted: !dice.once_in(3),
    })
}

fn set_foundation_reserve(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let account = rich(dice).account.clone();
    of_root(pallet_rewards::Call::set_foundation_reserve { account })
}
