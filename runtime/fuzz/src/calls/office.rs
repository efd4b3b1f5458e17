//! Income, auditors, validators, and what referenda set.

use pallet_validators::Seats;
use sp_runtime::Perbill;
use sungrid_primitives::{
    attributes::PerAttribute,
    suns::{CPU_1, GPU_1, Profile, Resources},
    traits::{ProfileId, ProfileKind},
};
use sungrid_runtime::{Runtime, RuntimeCall, Workers, constants::currency::ISC};

use super::*;
use crate::orders;

pub(super) fn claim_rewards(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    of_person(dice, pallet_rewards::Call::claim_rewards {})
}

pub(super) fn claim_for(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let account = person(dice).account.clone();
    of_person(dice, pallet_rewards::Call::claim_for { account })
}

fn auditor(dice: &mut Dice) -> By {
    let all: Vec<_> = pallet_auditors::Auditors::<Runtime>::iter_keys().collect();
    dice.pick(&all)
        .cloned()
        .map_or_else(|| by(person(dice)), By::Account)
}

pub(super) fn admit(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let auditor = person(dice).account.clone();
    of_root(pallet_auditors::Call::admit { auditor })
}

pub(super) fn bond_auditor(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let unbonded: Vec<_> = pallet_auditors::Auditors::<Runtime>::iter()
        .filter(|(_, record)| record.bond == 0)
        .map(|(auditor, _)| auditor)
        .collect();
    let by = dice
        .pick(&unbonded)
        .cloned()
        .map_or_else(|| auditor(dice), By::Account);
    Some((by, pallet_auditors::Call::bond {}.into()))
}

pub(super) fn attest(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let (worker, _) = worker(dice)?;
    let declared = Workers::worker(worker.clone())?.attributes;
    let statement = orders::statement(&declared, dice);
    let call = pallet_auditors::Call::attest { worker, statement };
    Some((auditor(dice), call.into()))
}

pub(super) fn retract(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let attested: Vec<_> = pallet_auditors::Attested::<Runtime>::iter_keys().collect();
    let worker = dice.pick(&attested)?.clone();
    let attributes = PerAttribute::<()>::default().map(|()| dice.once_in(2));
    let call = pallet_auditors::Call::retract { worker, attributes };
    Some((auditor(dice), call.into()))
}

pub(super) fn resign(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    Some((auditor(dice), pallet_auditors::Call::resign {}.into()))
}

pub(super) fn withdraw_auditor(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
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

pub(super) fn dismiss(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let By::Account(auditor) = auditor(dice) else {
        return None;
    };
    let slash = Perbill::from_percent(dice.within(0, 100));
    of_root(pallet_auditors::Call::dismiss { auditor, slash })
}

pub(super) fn bond_validator(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
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

pub(super) fn stand(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let instead_of = dice.once_in(4).then(|| person(dice).account.clone());
    Some((
        newcomer(dice),
        pallet_validators::Call::stand { instead_of }.into(),
    ))
}

pub(super) fn leave_validators(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    Some((newcomer(dice), pallet_validators::Call::leave {}.into()))
}

pub(super) fn withdraw_validator(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
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

pub(super) fn add_authority(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let authority = match newcomer(dice) {
        By::Account(account) if !dice.once_in(5) => account,
        _ => person(dice).account.clone(),
    };
    of_root(pallet_validators::Call::add_authority { authority })
}

pub(super) fn remove_authority(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let authorities = pallet_validators::Authorities::<Runtime>::get();
    let authority = dice.pick(&authorities)?.clone();
    of_root(pallet_validators::Call::remove_authority { authority })
}

pub(super) fn reinstate(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let barred: Vec<_> = pallet_validators::Barred::<Runtime>::iter_keys().collect();
    let validator = match dice.pick(&barred) {
        Some(barred) => barred.clone(),
        None => person(dice).account.clone(),
    };
    of_root(pallet_validators::Call::reinstate { validator })
}

pub(super) fn set_seats(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let least = dice.within(0, 4);
    let most = dice.within(0, 110);
    let seats = Seats { least, most };
    of_root(pallet_validators::Call::set_seats { seats })
}

pub(super) fn add_profile(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let contains = dice.one_of([CPU_1.contains, GPU_1.contains, Resources::NONE]);
    of_root(pallet_suns::Call::add_profile {
        kind: dice.one_of([ProfileKind::Cpu, ProfileKind::Gpu, ProfileKind::Network]),
        profile: Profile { contains },
    })
}

pub(super) fn set_price_floor(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let version = dice.within(1, 3) as u16;
    of_root(pallet_suns::Call::set_price_floor {
        profile: ProfileId {
            kind: ProfileKind::Cpu,
            version,
        },
        price: u128::from(dice.within(1, 2_000)) * ISC / 1_000,
    })
}

pub(super) fn set_accepted_environment(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    of_root(pallet_suns::Call::set_environment {
        id: environment(dice),
        accepted: !dice.once_in(3),
    })
}

pub(super) fn set_foundation_reserve(dice: &mut Dice) -> Option<(By, RuntimeCall)> {
    let account = rich(dice).account.clone();
    of_root(pallet_rewards::Call::set_foundation_reserve { account })
}
