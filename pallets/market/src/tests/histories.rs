//! Random histories of calls by everybody, verdicts included, with the invariants after every step.

use proptest::prelude::*;
use sungrid_primitives::traits::{BatchControl, Verdict};

use crate::{mock::*, *};

#[derive(Clone, Debug)]
enum Action {
    Submit {
        units: u32,
        quorum: u8,
        blocks: u64,
        after: Option<u32>,
    },
    Claim {
        worker: u64,
        job: u32,
    },
    Deliver {
        pick: usize,
    },
    Miss {
        pick: usize,
        replace: bool,
    },
    WantReplica {
        pick: usize,
    },
    Accept {
        pick: usize,
        charge: u128,
    },
    Fail {
        pick: usize,
    },
    Cancel {
        job: u32,
        by_requester: bool,
    },
    Raise {
        job: u32,
        tenths: u128,
    },
    Repeat {
        every: u64,
        times: u32,
    },
    CleanUp {
        job: u32,
    },
    Wait {
        blocks: u64,
    },
    SkipHooks {
        blocks: u64,
    },
}

fn submission() -> impl Strategy<Value = Action> {
    // Mostly few batches, so that replicas meet; sometimes more than a window; now and then a bad order.
    let units = prop_oneof![6 => 1u32..9, 1 => 60u32..90];
    let quorum = prop_oneof![8 => 2u8..=3, 1 => Just(4u8)];
    let after = prop_oneof![2 => Just(None), 1 => (0u32..6).prop_map(Some)];
    (units, quorum, 20u64..80, after).prop_map(|(units, quorum, blocks, after)| Action::Submit {
        units,
        quorum,
        blocks,
        after,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let pick = 0usize..64;
    prop_oneof![
        3 => submission(),
        24 => (8u64..30, 0u32..6).prop_map(|(worker, job)| Action::Claim { worker, job }),
        6 => pick.clone().prop_map(|pick| Action::Deliver { pick }),
        3 => (pick.clone(), any::<bool>()).prop_map(|(pick, replace)| Action::Miss { pick, replace }),
        3 => pick.clone().prop_map(|pick| Action::WantReplica { pick }),
        6 => (pick.clone(), 0..=BATCH_CHARGE).prop_map(|(pick, charge)| Action::Accept { pick, charge }),
        1 => pick.prop_map(|pick| Action::Fail { pick }),
        1 => (0u32..6, any::<bool>()).prop_map(|(job, by_requester)| Action::Cancel { job, by_requester }),
        2 => (0u32..6, 8u128..30).prop_map(|(job, tenths)| Action::Raise { job, tenths }),
        1 => (18u64..40, 0u32..5).prop_map(|(every, times)| Action::Repeat { every, times }),
        2 => (0u32..6).prop_map(|job| Action::CleanUp { job }),
        2 => (1u64..10).prop_map(|blocks| Action::Wait { blocks }),
        1 => (1u64..20).prop_map(|blocks| Action::SkipHooks { blocks }),
    ]
}

fn pick_batch(pick: usize) -> Option<(u32, u32, BatchRecordOf<Test>)> {
    let all: Vec<_> = Batches::<Test>::iter().collect();
    (!all.is_empty()).then(|| all[pick % all.len()].clone())
}

fn act(action: Action) {
    match action {
        Action::Submit {
            units,
            quorum,
            blocks,
            after,
        } => {
            let mut order = spec(units);
            order.policy = Policy::Replicate(quorum);
            order.deadline = System::block_number() + blocks;
            order.after = after;
            let _ = Market::submit(RuntimeOrigin::signed(REQUESTER), order);
        }
        Action::Claim { worker, job } => {
            let claimable = Market::claimable(job, worker);
            let result = Market::claim(RuntimeOrigin::signed(worker), job);
            assert_eq!(result.is_ok(), claimable, "{result:?}");
        }
        Action::Deliver { pick } => {
            if let Some((job, batch, record)) = pick_batch(pick)
                && let Some(claimant) = record.assignments.iter().find(|a| a.working)
            {
                Market::delivered(job, batch, &claimant.worker);
            }
        }
        Action::Miss { pick, replace } => {
            if let Some((job, batch, record)) = pick_batch(pick)
                && let Some(claimant) = record.assignments.iter().find(|a| a.working)
            {
                Market::missed(job, batch, &claimant.worker, 1, 1);
                if replace && !Market::want_replica(job, batch) {
                    Market::conclude(job, batch, Verdict::Failed);
                }
            }
        }
        Action::WantReplica { pick } => {
            if let Some((job, batch, _)) = pick_batch(pick) {
                Market::want_replica(job, batch);
            }
        }
        Action::Accept { pick, charge } => {
            if let Some((id, batch, record)) = pick_batch(pick) {
                let quorum = job(id).spec.policy.paid_results() as usize;
                let charge = charge.min(Market::terms(id, batch).expect("in flight").max_charge);
                let workers: Vec<u64> = record.assignments.iter().map(|a| a.worker).collect();
                if workers.len() >= quorum {
                    let (winners, losers) = workers.split_at(quorum);
                    Market::conclude(id, batch, accepted(winners, losers, charge));
                }
            }
        }
        Action::Fail { pick } => {
            if let Some((job, batch, _)) = pick_batch(pick) {
                Market::conclude(job, batch, Verdict::Failed);
            }
        }
        Action::Cancel { job, by_requester } => {
            let who = if by_requester { REQUESTER } else { POOR };
            let _ = Market::cancel(RuntimeOrigin::signed(who), job);
        }
        Action::Raise { job, tenths } => {
            let _ = Market::raise(RuntimeOrigin::signed(REQUESTER), job, PRICE * tenths / 10);
        }
        Action::Repeat { every, times } => {
            let _ = Market::repeat(RuntimeOrigin::signed(REQUESTER), spec(2), every, times);
        }
        Action::CleanUp { job } => {
            let _ = Market::clean_up(RuntimeOrigin::signed(POOR), job);
        }
        Action::Wait { blocks } => run_to(System::block_number() + blocks),
        Action::SkipHooks { blocks } => System::set_block_number(System::block_number() + blocks),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_stuck_or_made(
        first in submission(),
        mut actions in prop::collection::vec(action(), 1..200),
    ) {
        run(|| {
            let issued = Balances::total_issuance();
            actions.insert(0, first);
            for action in actions {
                act(action.clone());
                if let Err(error) = Market::do_try_state() {
                    panic!("{error:?} after {action:?}");
                }
                assert_eq!(Balances::total_issuance(), issued);
            }
            // Whatever happened: batches that are left are decided, deadlines pass, records are cleaned up.
            run_to(System::block_number() + 1_001);
            for (job, batch) in Batches::<Test>::iter_keys().collect::<Vec<_>>() {
                Market::conclude(job, batch, Verdict::Failed);
            }
            run_to(System::block_number() + RETENTION);
            // The last first: one that another comes after goes when that one has gone.
            for id in (0..NextJobId::<Test>::get()).rev() {
                while Market::clean_up(RuntimeOrigin::signed(POOR), id).is_ok() {}
            }
            assert_eq!(Series::<Test>::iter().count(), 0);
            assert_eq!(Jobs::<Test>::iter().count(), 0);
            assert_eq!(Batches::<Test>::iter().count(), 0);
            assert_eq!(Waiting::<Test>::iter().count(), 0);
            assert_eq!(RaisedPrices::<Test>::iter().count(), 0);
            assert_eq!(held(HoldReason::Escrow, REQUESTER), 0);
            assert_eq!(held(HoldReason::Deposit, REQUESTER), 0);
            assert!(Register::get().values().all(|w| w.committed == 0 && w.unresolved == 0));
        });
    }
}
