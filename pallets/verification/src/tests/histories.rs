//! Random histories of honest, lying, lazy and silent workers and a fickle requester, over the real pallets.

use frame_support::{dispatch::CheckIfFeeless, traits::fungible::InspectHold, weights::Weight};
use pallet_market::HoldReason;
use proptest::prelude::*;
use sp_runtime::traits::Dispatchable;
use sungrid_primitives::{
    policy::Policy,
    receipt::{self, BatchSummary},
};

use crate::{mock::*, *};

/// What a worker seals.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Truth,
    Lie(u8),
    /// The same lie as everybody who colludes.
    Collude,
}

impl Answer {
    fn summary(self, batch: u32) -> BatchSummary {
        match self {
            Self::Truth => truth(batch),
            Self::Lie(n) => lie(n),
            Self::Collude => lie(0),
        }
    }
}

#[derive(Clone, Debug)]
enum Action {
    Submit {
        batches: u32,
        policy: Policy,
        blocks: u64,
    },
    Challenge {
        n: u8,
        pick: usize,
    },
    /// As if a worker had long been right.
    Farm {
        n: u8,
    },
    Claim {
        n: u8,
        pick: usize,
    },
    Commit {
        pick: usize,
        answer: Answer,
    },
    /// Seals the first of its units, and hands the rest back.
    Cut {
        pick: usize,
        units: u32,
        answer: Answer,
    },
    CommitGarbage {
        n: u8,
        job: u32,
        batch: u32,
    },
    Reveal {
        pick: usize,
    },
    RevealAll,
    Decline {
        pick: usize,
    },
    ResumeJob {
        job: u32,
    },
    Acknowledge {
        job: u32,
        below: u32,
    },
    Rate {
        job: u32,
        batch: u32,
        n: u8,
        stars: u8,
    },
    Cancel {
        job: u32,
    },
    CleanUp {
        job: u32,
    },
    Leave {
        n: u8,
    },
    Pause {
        n: u8,
    },
    Resume {
        n: u8,
    },
    Withdraw {
        n: u8,
    },
    ClaimRewards {
        n: u8,
    },
    Wait {
        blocks: u64,
    },
    FullBlocks {
        blocks: u64,
    },
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        5 => Just(Answer::Truth),
        1 => (1u8..9).prop_map(Answer::Lie),
        1 => Just(Answer::Collude),
    ]
}

fn submission() -> impl Strategy<Value = Action> {
    // Mostly few batches, so that replicas meet; sometimes more than a window; now and then a bad order.
    let batches = prop_oneof![6 => 1u32..5, 1 => 30u32..50];
    let policy = prop_oneof![
        6 => (2u8..=3).prop_map(Policy::Replicate),
        1 => Just(Policy::Replicate(4)),
        3 => Just(Policy::Optimistic),
        3 => Just(Policy::Adaptive),
        3 => (2u32..20).prop_map(Policy::Quorum),
    ];
    (batches, policy, 40u64..180).prop_map(|(batches, policy, blocks)| Action::Submit {
        batches,
        policy,
        blocks,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let n = 1..=WORKERS;
    prop_oneof![
        6 => submission(),
        60 => (n.clone(), 0usize..8).prop_map(|(n, pick)| Action::Claim { n, pick }),
        60 => (0usize..64, answer()).prop_map(|(pick, answer)| Action::Commit { pick, answer }),
        20 => (0usize..64, 0u32..5, answer())
            .prop_map(|(pick, units, answer)| Action::Cut { pick, units, answer }),
        2 => (n.clone(), 0u32..4, 0u32..4).prop_map(|(n, job, batch)| Action::CommitGarbage { n, job, batch }),
        40 => (0usize..64).prop_map(|pick| Action::Reveal { pick }),
        6 => Just(Action::RevealAll),
        4 => (n.clone(), 0usize..8).prop_map(|(n, pick)| Action::Challenge { n, pick }),
        2 => n.clone().prop_map(|n| Action::Farm { n }),
        12 => (0usize..64).prop_map(|pick| Action::Decline { pick }),
        3 => (0u32..6).prop_map(|job| Action::ResumeJob { job }),
        3 => (0u32..6, 0u32..5).prop_map(|(job, below)| Action::Acknowledge { job, below }),
        3 => (0u32..6, 0u32..5, n.clone(), 1u8..6)
            .prop_map(|(job, batch, n, stars)| Action::Rate { job, batch, n, stars }),
        2 => (0u32..6).prop_map(|job| Action::Cancel { job }),
        2 => (0u32..6).prop_map(|job| Action::CleanUp { job }),
        2 => n.clone().prop_map(|n| Action::Pause { n }),
        4 => n.clone().prop_map(|n| Action::Resume { n }),
        2 => (1u8..=2).prop_map(|n| Action::Withdraw { n }),
        1 => (1u8..=2).prop_map(|n| Action::Leave { n }),
        2 => n.prop_map(|n| Action::ClaimRewards { n }),
        10 => (1u64..5).prop_map(|blocks| Action::Wait { blocks }),
        2 => (1u64..12).prop_map(|blocks| Action::FullBlocks { blocks }),
    ]
}

/// An answer for so many of the two units of [`spec`], or more of another order.
fn fitting(answer: BatchSummary, units: u32) -> BatchSummary {
    let of = |all: u128| all / 2 * u128::from(units);
    BatchSummary {
        fuel: of(answer.fuel),
        charge: of(answer.charge),
        ..answer
    }
}

/// What each worker sealed: it can open nothing else.
type Sealed = Vec<(u8, u32, u32, BatchSummary)>;

fn number(who: &AccountId) -> u8 {
    (1..=WORKERS)
        .find(|n| worker(*n) == *who)
        .expect("a worker")
}

fn working() -> Vec<(u8, u32, u32)> {
    let mut all: Vec<_> = Ballots::<Test>::iter()
        .flat_map(|(job, batch, ballot)| {
            ballot
                .replicas
                .into_iter()
                .filter(|r| matches!(r.state, ReplicaState::Working { .. }))
                .map(move |r| (r.assignment.worker, job, batch))
        })
        .map(|(who, job, batch)| (number(&who), job, batch))
        .collect();
    all.sort_unstable();
    all
}

fn act(action: Action, sealed: &mut Sealed) {
    match action {
        Action::Submit {
            batches,
            policy,
            blocks,
        } => {
            let mut order = spec(batches, 2);
            order.policy = policy;
            (order.units, order.batch_size) = (2 * order.units, 4);
            order.deadline = System::block_number() + blocks;
            let _ = Market::submit(signed(requester()), order);
        }
        Action::Claim { n, pick } => {
            // Mostly a job that takes claims; else whatever the number names.
            let mut live: Vec<u32> = pallet_market::Jobs::<Test>::iter()
                .filter(|(_, job)| job.takes_claims(&System::block_number()))
                .map(|(id, _)| id)
                .collect();
            live.sort_unstable();
            let job = live
                .get(pick % live.len().max(1))
                .copied()
                .unwrap_or(pick as u32);
            let claimable = Market::claimable(job, worker(n));
            let result = Market::claim(signed(worker(n)), job);
            assert_eq!(result.is_ok(), claimable, "{result:?}");
        }
        Action::Commit { pick, answer } => {
            let all = working();
            if !all.is_empty() {
                let (n, job, batch) = all[pick % all.len()];
                let units = units_of(job, batch);
                let summary = fitting(answer.summary(batch), units);
                let seal = seal(n, job, batch, &summary);
                let digest = receipt::digest(job, batch, &summary);
                if Verification::commit(signed(worker(n)), job, batch, units, digest, seal).is_ok()
                {
                    sealed.push((n, job, batch, summary));
                }
            }
        }
        Action::Cut {
            pick,
            units,
            answer,
        } => {
            let all = working();
            if !all.is_empty() {
                let (n, job, batch) = all[pick % all.len()];
                let summary = fitting(answer.summary(batch), units);
                let seal = seal(n, job, batch, &summary);
                let digest = receipt::digest(job, batch, &summary);
                let call = RuntimeCall::from(Call::commit {
                    job,
                    batch,
                    units,
                    digest,
                    commitment: seal,
                });
                let is_free = call.is_feeless(&signed(worker(n)));
                let done = call.dispatch(signed(worker(n)));
                assert_eq!(done.is_ok(), is_free, "{done:?}");
                if done.is_ok() {
                    sealed.push((n, job, batch, summary));
                }
            }
        }
        Action::CommitGarbage { n, job, batch } => {
            let _ = Verification::commit(signed(worker(n)), job, batch, 2, bundle(n), bundle(n));
        }
        Action::Reveal { pick } => {
            let (open, other): (Vec<_>, Vec<_>) = sealed
                .iter()
                .copied()
                .partition(|(_, job, batch, _)| reveal_until(*job, *batch).is_some());
            // Mostly one whose time has come.
            let from = if open.is_empty() { other } else { open };
            if !from.is_empty() {
                let (n, job, batch, summary) = from[pick % from.len()];
                let _ = try_reveal(n, job, batch, &summary);
            }
        }
        Action::RevealAll => {
            for (n, job, batch, summary) in sealed.iter() {
                let _ = try_reveal(*n, *job, *batch, summary);
            }
        }
        Action::Challenge { n, pick } => {
            let mut standing: Vec<(u32, u32)> = Ballots::<Test>::iter()
                .filter(|(_, _, ballot)| matches!(ballot.stage, Stage::Standing { .. }))
                .map(|(job, batch, _)| (job, batch))
                .collect();
            standing.sort_unstable();
            if !standing.is_empty() {
                let (job, batch) = standing[pick % standing.len()];
                let _ = Verification::challenge(signed(operator(n)), job, batch);
            }
        }
        Action::Farm { n } => Trusts::<Test>::mutate(worker(n), ENVIRONMENT, |trust| {
            trust.streak += LONG;
            trust.score += 20;
        }),
        Action::Decline { pick } => {
            let all = working();
            if !all.is_empty() {
                let (n, job, batch) = all[pick % all.len()];
                let _ = Verification::decline(signed(worker(n)), job, batch);
            }
        }
        Action::ResumeJob { job } => {
            let _ = Verification::resume(signed(requester()), job);
        }
        Action::Acknowledge { job, below } => {
            let _ = Verification::acknowledge(signed(requester()), job, below);
        }
        Action::Rate {
            job,
            batch,
            n,
            stars,
        } => {
            let _ = Verification::rate(signed(requester()), job, batch, operator(n), stars);
        }
        Action::Cancel { job } => {
            let _ = Market::cancel(signed(requester()), job);
        }
        Action::CleanUp { job } => {
            let _ = Market::clean_up(signed(stranger()), job);
        }
        Action::Leave { n } => {
            let _ = Workers::leave(signed(operator(n)), worker(n));
        }
        Action::Pause { n } => {
            let _ = Workers::pause(signed(worker(n)), worker(n));
        }
        Action::Resume { n } => {
            let _ = Workers::resume(signed(worker(n)), worker(n));
        }
        Action::Withdraw { n } => {
            let _ = Workers::withdraw(signed(operator(n)), worker(n));
        }
        Action::ClaimRewards { n } => {
            let _ = Rewards::claim_rewards(signed(operator(n)));
        }
        Action::Wait { blocks } => wait(blocks),
        Action::FullBlocks { blocks } => {
            for _ in 0..blocks {
                next_block_with(Weight::from_parts(20_000_000_000, 1 << 20));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_stuck_or_made(
        first in submission(),
        mut actions in prop::collection::vec(action(), 1..250),
    ) {
        run(|| {
            let issued = Balances::total_issuance();
            let mut sealed = Sealed::new();
            actions.insert(0, first);
            for action in actions {
                act(action.clone(), &mut sealed);
                check_state();
                assert_eq!(Balances::total_issuance(), issued + emission(), "after {action:?}");
            }
            // Whatever happened: deadlines alone bring every job to its end.
            wait(300);
            assert_eq!(Ballots::<Test>::iter().count(), 0);
            for id in 0..pallet_market::NextJobId::<Test>::get() {
                if Market::job(id).is_some() {
                    assert!(outcome(id).is_some(), "job {id} is stuck");
                    while Market::clean_up(signed(stranger()), id).is_ok() {}
                }
            }
            assert_eq!(pallet_market::Jobs::<Test>::iter().count(), 0);
            assert_eq!(Results::<Test>::iter().count(), 0);
            assert_eq!(Rated::<Test>::iter().count(), 0);
            assert_eq!(Decliners::<Test>::iter().count(), 0);
            assert_eq!(Received::<Test>::iter().count(), 0);
            assert_eq!(Balances::total_balance_on_hold(&requester()), 0);
            for reason in [HoldReason::Escrow, HoldReason::Deposit] {
                assert_eq!(Balances::balance_on_hold(&reason.into(), &requester()), 0);
            }
            // Every operator can have what is left of its bond.
            for n in 1..=WORKERS {
                let _ = Workers::leave(signed(operator(n)), worker(n));
            }
            wait(20);
            for n in 1..=WORKERS {
                if pallet_workers::Workers::<Test>::contains_key(worker(n)) {
                    frame_support::assert_ok!(Workers::withdraw(signed(operator(n)), worker(n)));
                }
                assert_eq!(Balances::total_balance_on_hold(&operator(n)), 0);
            }
        });
    }
}
