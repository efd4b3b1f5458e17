//! What machines do, each in its character: answer the lottery, claim, commit, reveal.

use codec::Encode;
use frame_support::dispatch::CheckIfFeeless;
use pallet_market::{JobState, Jobs};
use pallet_verification::{
    BallotRecordOf, Ballots, CallStage, Calls, ReplicaState, Stage, Testimony, Trusts,
};
use sp_core::H256;
use sp_crypto_hashing::blake2_256;
use sungrid_primitives::{
    BatchIndex, JobId,
    merkle::{self, UnitLeaf},
    policy::TRUSTED_FROM,
    receipt::{BatchSummary, commitment, digest},
    suns::CPU_1,
    traits::{BatchControl, BatchTerms},
    witness,
};
use sungrid_runtime::{AccountId, Liveness, Market, Runtime, RuntimeCall, RuntimeOrigin};

use crate::{
    cast::{Actor, Cast, Character},
    dice::Dice,
    proof,
};

/// A batch in flight.
pub type Flight = (JobId, BatchIndex, BallotRecordOf<Runtime>);

/// All batches in flight.
pub fn flights() -> Vec<Flight> {
    Ballots::<Runtime>::iter().collect()
}

/// What so many units of a batch leave, from its first on: half of each limit. Nothing if there is no such batch.
pub fn leaves(job: JobId, batch: BatchIndex, units: u32) -> Vec<UnitLeaf> {
    let Some(record) = Jobs::<Runtime>::get(job) else {
        return Vec::new();
    };
    let Some((first, _)) = record.layout().range(batch) else {
        return Vec::new();
    };
    let leaf = |unit| UnitLeaf {
        unit,
        output: H256(blake2_256(&("right", job, unit).encode())),
        fuel: record.spec.fuel_limit / 2,
        peak_memory: record.spec.memory_limit / 2,
        bytes_in: record.spec.traffic_limit / 4,
        bytes_out: record.spec.traffic_limit / 4,
        exit: 0,
    };
    (first..first.saturating_add(units)).map(leaf).collect()
}

/// The right result of the first units of a batch.
pub fn right(job: JobId, batch: BatchIndex, units: u32) -> BatchSummary {
    BatchSummary::of(&leaves(job, batch, units), &CPU_1).expect("a CPU task")
}

/// Root of the right result of a batch as it is now.
pub fn true_root(job: JobId, batch: BatchIndex) -> H256 {
    let units = Jobs::<Runtime>::get(job).map_or(0, |record| record.units_in(batch));
    merkle::root(&leaves(job, batch, units))
}

/// Whether a requester withholds the input of a job from most.
fn is_withheld(job: JobId) -> bool {
    job % 6 == 5
}

/// What a machine says the result is.
fn result(
    worker: &AccountId,
    character: Character,
    job: JobId,
    batch: BatchIndex,
    terms: &BatchTerms,
) -> BatchSummary {
    let right = right(job, batch, terms.units);
    let made_up = |root| BatchSummary {
        root: H256(root),
        charge: terms.max_charge,
        ..right
    };
    let trusted = || Trusts::<Runtime>::get(worker, terms.environment).streak >= TRUSTED_FROM;
    match character {
        Character::Liar => made_up(blake2_256(&("lie", worker, job, batch).encode())),
        Character::Sleeper if trusted() => {
            made_up(blake2_256(&("lie", worker, job, batch).encode()))
        }
        Character::Colluder => made_up(blake2_256(&("plot", job, batch).encode())),
        Character::Inflator => BatchSummary {
            charge: terms.max_charge + 1,
            ..right
        },
        _ => right,
    }
}

fn salt(worker: &AccountId) -> [u8; 32] {
    blake2_256(&("salt", worker).encode())
}

/// What a machine does next, if anything.
pub fn next_call(machine: &Actor, flights: &[Flight], dice: &mut Dice) -> Option<RuntimeCall> {
    let worker = &machine.account;
    let character = Cast::get().character(worker);
    for (job, batch, ballot) in flights {
        if let Some(call) = deliver(worker, character, *job, *batch, ballot, dice) {
            return Some(call);
        }
    }
    if let Some(call) = bear_witness(worker, character, dice) {
        return Some(call);
    }
    if let Some(call) = proof::next_call(worker, character, dice) {
        return Some(call);
    }
    if let Some(block) = Liveness::summons(worker.clone())
        && (character != Character::Staller || dice.once_in(4))
    {
        return Some(pallet_liveness::Call::alive { block }.into());
    }
    let call = claim(dice)?;
    // Whoever looks first does not send what would fail; one in forty does not look.
    let origin = RuntimeOrigin::signed(worker.clone());
    (call.is_feeless(&origin) || dice.once_in(40)).then_some(call)
}

/// What a machine that fetches the outputs of a batch makes of them: those of every third batch are not served.
pub fn found(job: JobId, batch: BatchIndex) -> Option<H256> {
    let served = !(job + batch).is_multiple_of(3);
    served.then(|| H256(blake2_256(&("fetched", job, batch).encode())))
}

/// What a witness says that was drawn; liars and colluders the opposite of what they found.
fn bear_witness(worker: &AccountId, character: Character, dice: &mut Dice) -> Option<RuntimeCall> {
    for (job, batch, call) in Calls::<Runtime>::iter() {
        let mut seats = call.witnesses.iter();
        let Some(own) = seats.find(|witness| witness.assignment.worker == *worker) else {
            continue;
        };
        if character == Character::Staller && !dice.once_in(4) {
            continue;
        }
        let found = match (character, found(job, batch)) {
            (Character::Liar | Character::Colluder, Some(_)) => None,
            (Character::Liar, None) => Some(H256(blake2_256(&("made up", worker).encode()))),
            (Character::Colluder, None) => Some(H256(blake2_256(&("plot", job).encode()))),
            (_, found) => found,
        };
        let salt = salt(worker);
        match (call.stage, own.testimony) {
            (CallStage::Sealing { .. }, Testimony::Awaited) => {
                let seal = witness::seal(job, batch, worker.as_ref(), &found, &salt);
                return Some(pallet_verification::Call::attest { job, batch, seal }.into());
            }
            (CallStage::Opening { .. }, Testimony::Sealed(_))
                if character != Character::Withholder || dice.once_in(4) =>
            {
                let call = pallet_verification::Call::testify {
                    job,
                    batch,
                    found,
                    salt,
                };
                return Some(call.into());
            }
            _ => {}
        }
    }
    None
}

/// A claim of any job that may have work.
pub fn claim(dice: &mut Dice) -> Option<RuntimeCall> {
    let open: Vec<JobId> = Jobs::<Runtime>::iter()
        .filter(|(_, job)| !matches!(job.state, JobState::Ended { .. }))
        .map(|(job, _)| job)
        .collect();
    let job = *dice.pick(&open)?;
    Some(pallet_market::Call::claim { job }.into())
}

fn deliver(
    worker: &AccountId,
    character: Character,
    job: JobId,
    batch: BatchIndex,
    ballot: &BallotRecordOf<Runtime>,
    dice: &mut Dice,
) -> Option<RuntimeCall> {
    let mut replicas = ballot.replicas.iter();
    let own = replicas.find(|replica| replica.assignment.worker == *worker)?;
    let mut terms = Market::terms(job, batch)?;
    // Its owner needs the machine when something is finished; whoever stalls says so of anything.
    if matches!(own.state, ReplicaState::Working { .. }) && dice.once_in(12) {
        let units = dice.within(0, terms.units);
        let part = u128::from(units);
        let (fuel, charge) = (terms.max_fuel, terms.max_charge);
        let of_unit = |all: u128| all.checked_div(terms.units.into()).unwrap_or(0);
        let call = |digest, commitment| pallet_verification::Call::commit {
            job,
            batch,
            units,
            digest,
            commitment,
        };
        let tried: RuntimeCall = call(H256::zero(), H256::zero()).into();
        let may = tried.is_feeless(&RuntimeOrigin::signed(worker.clone()));
        terms.max_fuel = of_unit(fuel) * part;
        terms.max_charge = of_unit(charge) * part;
        let all = terms.units;
        terms.units = units;
        if may || character == Character::Staller {
            let summary = result(worker, character, job, batch, &terms);
            let seal = commitment(job, batch, &summary, worker.as_ref(), &salt(worker));
            return Some(call(digest(job, batch, &summary), seal).into());
        }
        (terms.max_fuel, terms.max_charge, terms.units) = (fuel, charge, all);
    }
    let summary = result(worker, character, job, batch, &terms);
    let salt = salt(worker);
    match (&own.state, &ballot.stage) {
        (ReplicaState::Working { .. }, _) => {
            if character == Character::Staller && !dice.once_in(5) {
                return None;
            }
            if character == Character::Honest && is_withheld(job) && !dice.once_in(4) {
                return Some(pallet_verification::Call::decline { job, batch }.into());
            }
            // Its owner needs the machine; whoever stalls tries to get rid of what it was drawn for, too.
            let call: RuntimeCall = pallet_verification::Call::hand_back { job, batch }.into();
            let may = character == Character::Staller
                || call.is_feeless(&RuntimeOrigin::signed(worker.clone()));
            if may && dice.once_in(20) {
                return Some(call);
            }
            let copied = || {
                let mut others = ballot.replicas.iter();
                others.find_map(|replica| replica.digest(job, batch))
            };
            let digest = match character {
                Character::Copycat => copied(),
                _ => None,
            }
            .unwrap_or_else(|| digest(job, batch, &summary));
            let commitment = commitment(job, batch, &summary, worker.as_ref(), &salt);
            Some(
                pallet_verification::Call::commit {
                    job,
                    batch,
                    units: terms.units,
                    digest,
                    commitment,
                }
                .into(),
            )
        }
        (ReplicaState::Committed { digest: own, .. }, Stage::Revealing { digest, .. })
            if own == digest =>
        {
            let withholds = match character {
                Character::Withholder | Character::Staller => !dice.once_in(4),
                _ => false,
            };
            if withholds {
                return None;
            }
            Some(
                pallet_verification::Call::reveal {
                    job,
                    batch,
                    summary,
                    salt,
                    bundle: H256(blake2_256(&(worker, job, batch).encode())),
                }
                .into(),
            )
        }
        _ => None,
    }
}
