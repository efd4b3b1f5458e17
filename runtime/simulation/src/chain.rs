//! The same on the pallets: the real runtime, executed natively, with a smaller fleet.

use frame_support::{BoundedVec, dispatch::CheckIfFeeless, traits::UnfilteredDispatchable};
use pallet_market::{Constraints, JobSpec, JobState, Jobs, Policy};
use pallet_verification::{Ballots, ReplicaState, Stage, Trusts};
use sp_core::{H256, Pair, sr25519};
use sungrid_fuzz::{
    cast::{Actor, Cast},
    chain::Chain,
    dice::Dice,
};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    receipt::{BatchSummary, commitment, digest},
    registration::registration_payload,
    suns::{CPU_1, LANE_FUEL_PER_SECOND},
    traits::CPU_1_ID,
};
use sungrid_runtime::{
    AccountId, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, System,
    constants::{currency::ISC, time::DAYS},
    genesis_config_presets::ENVIRONMENTS,
};

use crate::{Outcome, fleet::Strategy};

/// The least bond of one SUNS: a slashed worker is below it, and gets no work.
const LEAST_BOND: u128 = 100 * ISC;

/// A worker with an operator of its own.
struct Worker {
    key: Actor,
    operator: Actor,
    hostile: bool,
}

fn pair(path: String) -> Actor {
    sr25519::Pair::from_string(&path, None)
        .expect("a sound path")
        .into()
}

fn must(origin: RuntimeOrigin, call: impl Into<RuntimeCall>) {
    let call: RuntimeCall = call.into();
    call.dispatch_bypass_filter(origin).expect("it is allowed");
}

/// Verifies so many units on the chain, one per batch, with so many workers, of which the first `hostile` are.
pub(crate) fn run(
    policy: Policy,
    strategy: Strategy,
    workers: usize,
    hostile: usize,
    units: u32,
    seed: u64,
) -> Outcome {
    let mut chain = Chain::genesis(seed % 1_000);
    let workers: Vec<Worker> = (0..workers)
        .map(|at| Worker {
            key: pair(format!("//worker//{at}")),
            operator: pair(format!("//operator//{at}")),
            hostile: at < hostile,
        })
        .collect();
    chain
        .state
        .execute_with(|| prepare(&workers, policy, units));
    let mut dice = Dice::new(seed);
    let mut outcome = Outcome::default();
    let ended = |chain: &mut Chain| {
        chain.state.execute_with(|| {
            Jobs::<Runtime>::get(0).is_none_or(|job| matches!(job.state, JobState::Ended { .. }))
        })
    };
    while !ended(&mut chain) {
        chain.state.execute_with(|| {
            let first = dice.below(workers.len() as u64) as usize;
            for worker in workers.iter().cycle().skip(first).take(workers.len()) {
                work(worker, &workers, policy, strategy);
            }
        });
        let look = || {
            note(&mut outcome);
            Ok(())
        };
        chain.next_block(1, look).expect("nothing is checked");
    }
    outcome
}

/// Registers the workers, publishes an image and orders the units.
fn prepare(workers: &[Worker], policy: Policy, units: u32) {
    let cast = Cast::get();
    let requester = RuntimeOrigin::signed(cast.people[0].account.clone());
    for worker in workers {
        let operator = worker.operator.account.clone();
        must(
            requester.clone(),
            pallet_balances::Call::transfer_keep_alive {
                dest: operator.clone().into(),
                // Honest workers can be outvoted and go on.
                value: 10 * LEAST_BOND,
            },
        );
        let genesis = System::block_hash(0);
        let payload =
            registration_payload(&genesis, operator.as_ref(), worker.key.account.as_ref());
        must(
            RuntimeOrigin::signed(operator),
            pallet_workers::Call::register {
                worker: worker.key.account.clone(),
                endpoint: BoundedVec::truncate_from(vec![1]),
                attributes: Attributes {
                    jurisdiction: *b"DE",
                    region: BoundedVec::new(),
                    architecture: Architecture::X86_64,
                    energy: EnergySource::Grid,
                    carbon: 300,
                    classes: BoundedVec::truncate_from(vec![TaskClass::General]),
                },
                environment: ENVIRONMENTS[0],
                profile: CPU_1_ID,
                resources: CPU_1.contains,
                bond: if worker.hostile {
                    LEAST_BOND
                } else {
                    5 * LEAST_BOND
                },
                proof: worker.key.key.sign(&payload),
            },
        );
    }
    let image = H256::repeat_byte(1);
    must(
        requester.clone(),
        pallet_images::Call::publish {
            manifest: image,
            class: TaskClass::General,
        },
    );
    let spec = JobSpec {
        image,
        input: image,
        units,
        batch_size: 1,
        price: ISC / 10,
        fuel_limit: LANE_FUEL_PER_SECOND,
        memory_limit: 1 << 20,
        traffic_limit: 300_000,
        policy,
        profile: CPU_1_ID,
        environment: ENVIRONMENTS[0],
        deadline: System::block_number() + 6 * DAYS,
        endpoint: BoundedVec::truncate_from(vec![1]),
        after: None,
        constraints: Constraints::default(),
    };
    must(requester, pallet_market::Call::submit { spec });
}

/// Delivers what the worker has, then claims one more batch if it has none.
fn work(worker: &Worker, all: &[Worker], policy: Policy, strategy: Strategy) {
    let key = &worker.key.account;
    let origin = RuntimeOrigin::signed(key.clone());
    let mut busy = false;
    for (job, batch, ballot) in Ballots::<Runtime>::iter() {
        let mut replicas = ballot.replicas.iter();
        let Some(own) = replicas.find(|replica| replica.assignment.worker == *key) else {
            continue;
        };
        let honest = summary(job, batch, 0);
        let of = if strategy.colludes() {
            1
        } else {
            own_number(key.as_ref())
        };
        let trusted = Trusts::<Runtime>::get(key, ENVIRONMENTS[0]).streak >= strategy.from();
        let salt = [7; 32];
        let seal = |summary: &BatchSummary| commitment(job, batch, summary, key.as_ref(), &salt);
        match (&own.state, &ballot.stage) {
            (ReplicaState::Working { .. }, _) => {
                busy = true;
                let audits = policy == Policy::Adaptive && ballot.wanted > 1;
                let holders = ballot.replicas.iter();
                let friends = holders
                    .filter(|replica| {
                        let mut hostile = all.iter().filter(|worker| worker.hostile);
                        hostile.any(|worker| worker.key.account == replica.assignment.worker)
                    })
                    .count();
                // Who would see whether the others are its friends waits until they are there.
                let unseen = ballot.wanted as usize - ballot.replicas.len();
                if worker.hostile
                    && matches!(
                        strategy,
                        Strategy::InSight | Strategy::Gamble(_) | Strategy::Stake(_)
                    )
                    && unseen > 0
                    && friends == ballot.replicas.len()
                    && ballot.sealed() == 0
                {
                    continue;
                }
                let among_friends = friends > 1
                    && friends == ballot.wanted as usize
                    && ballot.replicas.iter().all(|replica| {
                        replica.digest(job, batch) != Some(digest(job, batch, &honest))
                    });
                let lies = worker.hostile
                    && match strategy {
                        Strategy::Always | Strategy::Together => true,
                        Strategy::OnceTrusted(_) => trusted && !audits,
                        Strategy::Patient(_) | Strategy::Doomed(_) => {
                            trusted && !audits && !has_lied(key, of)
                        }
                        Strategy::InSight => among_friends,
                        Strategy::Gamble(_) => {
                            let is_first = ballot.wanted == 1 && ballot.replicas.len() == 1;
                            among_friends || (is_first && trusted)
                        }
                        Strategy::Stake(_) => {
                            let is_first = ballot.wanted == 1 && ballot.replicas.len() == 1;
                            among_friends || (is_first && trusted && !has_lied(key, of))
                        }
                    };
                let said = if lies {
                    summary(job, batch, of)
                } else {
                    honest
                };
                let call = pallet_verification::Call::commit {
                    job,
                    batch,
                    units: 1,
                    digest: digest(job, batch, &said),
                    commitment: seal(&said),
                };
                must(origin.clone(), call);
            }
            (
                ReplicaState::Committed { digest: own, .. },
                Stage::Revealing { digest: open, .. },
            ) if own == open => {
                busy = true;
                let said = [honest, summary(job, batch, of)]
                    .into_iter()
                    .find(|said| digest(job, batch, said) == *own)
                    .expect("it said one of the two");
                let call = pallet_verification::Call::reveal {
                    job,
                    batch,
                    summary: said,
                    salt,
                    bundle: H256::zero(),
                };
                must(origin.clone(), call);
            }
            _ => {}
        }
    }
    let claim: RuntimeCall = pallet_market::Call::claim { job: 0 }.into();
    if !busy && claim.is_feeless(&origin) {
        must(origin, claim);
    }
}

/// Whether a worker has a lie undecided.
fn has_lied(key: &AccountId, of: u64) -> bool {
    Ballots::<Runtime>::iter().any(|(job, batch, ballot)| {
        let mut replicas = ballot.replicas.iter();
        let own = replicas.find(|replica| replica.assignment.worker == *key);
        let said = own.and_then(|replica| replica.digest(job, batch));
        said == Some(digest(job, batch, &summary(job, batch, of)))
    })
}

/// Tells lies apart.
fn own_number(key: &[u8; 32]) -> u64 {
    u64::from_le_bytes(key[..8].try_into().expect("eight bytes")) | 2
}

/// What somebody says of a batch; 0 is right.
fn summary(job: u32, batch: u32, says: u64) -> BatchSummary {
    let mut root = [0; 32];
    root[..8].copy_from_slice(&says.to_le_bytes());
    root[8..12].copy_from_slice(&job.to_le_bytes());
    root[12..16].copy_from_slice(&batch.to_le_bytes());
    BatchSummary {
        root: H256(root),
        fuel: 1_000_000,
        charge: 1_000,
    }
}

fn note(outcome: &mut Outcome) {
    for record in System::read_events_no_consensus() {
        match record.event {
            RuntimeEvent::Market(pallet_market::Event::BatchSettled {
                job, batch, root, ..
            }) => {
                outcome.units += 1;
                outcome.wrong += u64::from(root != summary(job, batch, 0).root);
            }
            RuntimeEvent::Market(pallet_market::Event::BatchFailed { .. }) => {
                outcome.units += 1;
                outcome.failed += 1;
            }
            RuntimeEvent::Market(pallet_market::Event::Slashed { .. }) => outcome.slashes += 1,
            RuntimeEvent::Verification(pallet_verification::Event::Committed { .. }) => {
                outcome.executed += 1;
            }
            _ => {}
        }
    }
}
