//! Capacity proofs: made without being asked, in time, and again after whatever happens.

use std::sync::atomic::Ordering;

use sungrid_chain_client::{
    AccountId, Chain, Run,
    memory::{Interrupt, MemoryState},
};

use sungrid_idle::State;
use sungrid_primitives::ISC;
use tokio::sync::watch;

use super::{
    completed,
    idle::{Desk, blocks},
    kit::{World, settle},
};
use crate::schedule::energy::{Reading, Rules};

/// A world in which nothing counts without a proof.
async fn world() -> World {
    let world = World::new().await;
    world.chain.edit(|state| state.allowance = 0);
    world
}

fn proven(state: &MemoryState, worker: &AccountId) -> bool {
    let now = state.number;
    state
        .proofs
        .get(worker)
        .is_some_and(|proof| proof.capacity > 0 && proof.until >= now)
}

fn committed(state: &MemoryState, worker: &AccountId) -> bool {
    matches!(state.runs.get(worker), Some(Run::Committed { .. }))
}

#[tokio::test]
async fn a_machine_proves_what_it_offers_and_is_given_work() {
    let world = world().await;
    let job = world.submit(world.spec(2, 1)).await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    world
        .drive("both have proven what they have", |state| {
            machines.iter().all(|m| proven(state, &m.key.account()))
        })
        .await;
    for machine in &machines {
        let worker = world.chain.worker(&machine.key.account()).await;
        let worker = worker.expect("reads").expect("registered");
        let standing = world.chain.standing(&machine.key.account()).await;
        let standing = standing.expect("reads").expect("registered");
        assert_eq!(Some(worker.counted), standing.proven.map(|p| p.capacity));
        assert!(worker.counted < worker.capacity);
        assert_eq!(standing.run, None);
    }
    world
        .drive("the job is done", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn where_everything_counts_nothing_is_proven() {
    let world = World::new().await;
    let machine = world.machine(0);
    let _process = machine.start().await;
    for _ in 0..20 {
        settle().await;
        world.chain.advance(1);
    }
    world.chain.edit(|state| {
        assert!(state.runs.is_empty() && state.proofs.is_empty());
    });
}

#[tokio::test]
async fn a_proof_is_made_anew_before_it_ends_and_when_it_is_checked() {
    let world = world().await;
    let machine = world.machine(0);
    let _process = machine.start().await;
    let account = machine.key.account();
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    // A check brings its end forward.
    let soon = world.chain.edit(|state| {
        let until = state.number + 50;
        if let Some(proof) = state.proofs.get_mut(&account) {
            proof.until = until;
        }
        until
    });
    world
        .drive("there is another", |state| {
            assert!(state.number < soon, "it was too late");
            state.proofs[&account].until > soon + 1_000
        })
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_commitment_is_opened_by_the_next_process_too() {
    let world = world().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    let account = machine.key.account();
    world
        .drive("it has committed", |state| committed(state, &account))
        .await;
    // As in a power cut: nothing but the key is left.
    process.kill().await;
    world.chain.advance(10);
    let _next = machine.start().await;
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn broken_connections_cost_a_run_at_most() {
    for (call, how) in [
        ("start", Interrupt::LoseBefore),
        ("start", Interrupt::LoseAfter),
        ("commit", Interrupt::LoseBefore),
        ("commit", Interrupt::LoseAfter),
        ("open", Interrupt::LoseBefore),
        ("open", Interrupt::LoseAfter),
        ("open", Interrupt::Late),
    ] {
        let world = world().await;
        world.chain.interrupt(call, how);
        let machine = world.machine(0);
        let _process = machine.start().await;
        let account = machine.key.account();
        world
            .drive("it is proven", |state| {
                proven(state, &account) && !state.runs.contains_key(&account)
            })
            .await;
        world.assert_blameless();
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_settled_and_does_not_stop_the_machine() {
    let world = world().await;
    let machine = world.machine(0);
    let _process = machine.start().await;
    let account = machine.key.account();
    world
        .drive("it has committed", |state| committed(state, &account))
        .await;
    machine.faulty.store(true, Ordering::SeqCst);
    world
        .drive("it is slashed", |state| state.workers[&account].faults == 1)
        .await;
    world.chain.edit(|state| {
        assert!(state.proofs.is_empty());
        assert_eq!(state.workers[&account].bond, 180 * ISC);
    });
    // With other memory it goes on.
    machine.faulty.store(false, Ordering::SeqCst);
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
}

#[tokio::test]
async fn a_faulty_machine_claims_nothing_and_loses_nothing() {
    let world = world().await;
    let machine = world.machine(0);
    machine.faulty.store(true, Ordering::SeqCst);
    let _process = machine.start().await;
    let account = machine.key.account();
    let mut first = None;
    world
        .drive("it has tried twice", |state| {
            assert!(!committed(state, &account), "it claims what is wrong");
            let next = state.next_runs.get(&account).copied();
            first = first.or(next);
            next > first
        })
        .await;
    machine.faulty.store(false, Ordering::SeqCst);
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_worker_of_which_nothing_counts_says_that_it_is_why_it_rests() {
    let world = world().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    let reason = "nothing of its capacity counts before it is proven";
    // Not even with a job that it could take.
    world.submit(world.spec(2, 1)).await;
    settle().await;
    let status = process.metrics.status();
    assert_eq!((status.counted, status.idle_reason.as_str()), (0, reason));
    assert!(
        process
            .metrics
            .text()
            .contains("sungrid_worker_counted_usuns 0\n")
    );
    // Once something is, that is no reason any more.
    let account = machine.key.account();
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    settle().await;
    world.chain.advance(1);
    settle().await;
    let status = process.metrics.status();
    assert!(status.counted > 0);
    assert_ne!(status.idle_reason, reason);
}

#[tokio::test]
async fn a_kernel_that_does_not_load_stops_nothing_else() {
    let world = world().await;
    let machine = world.machine(0);
    // GIVEN a runner that does not answer, as one that its owner's presence holds
    machine.loading.close(0);
    let _process = machine.start().await;
    machine.loading.somebody_waits().await;
    let account = machine.key.account();
    world.chain.edit(|state| {
        state.summons.insert(account.clone(), state.number);
    });
    world
        .drive("it answers the lottery", |state| state.summons.is_empty())
        .await;
    machine.loading.open();
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
}

#[tokio::test]
async fn a_proof_waits_until_the_owner_has_left() {
    let world = world().await;
    let machine = world.machine(0);
    let mut desk = Desk::start(&machine).await;
    desk.work(100).await;
    blocks(&world, 20).await;
    world.chain.edit(|state| {
        assert!(state.runs.is_empty() && state.proofs.is_empty());
    });
    desk.leave().await;
    let account = machine.key.account();
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_run_is_broken_off_for_the_owner_and_its_memory_is_free() {
    let world = world().await;
    let machine = world.machine(0);
    machine.running.close(0);
    let mut desk = Desk::start(&machine).await;
    desk.leave().await;
    let account = machine.key.account();
    world
        .drive("a run has started", |state| {
            state.runs.contains_key(&account)
        })
        .await;
    machine.running.somebody_waits().await;
    assert_eq!(machine.alive.load(Ordering::SeqCst), 1);
    // WHEN the owner comes back
    assert!(!desk.work(5).await.may_work());
    // THEN nothing of it stays in memory, and nothing is committed to, however long it takes
    assert_eq!(machine.alive.load(Ordering::SeqCst), 0);
    machine.running.open();
    blocks(&world, 20).await;
    assert!(!world.chain.edit(|state| committed(state, &account)));
    desk.leave().await;
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn what_is_committed_to_is_opened_though_the_owner_is_back() {
    let world = world().await;
    let machine = world.machine(0);
    let mut desk = Desk::start(&machine).await;
    desk.leave().await;
    let account = machine.key.account();
    world
        .drive("it has committed", |state| committed(state, &account))
        .await;
    assert!(!desk.work(100).await.may_work());
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    let standing = desk.process.metrics.status().machine.expect("a policy");
    assert!(!standing.state.may_work());
    world.assert_blameless();
}

#[tokio::test]
async fn a_commitment_of_the_last_process_is_opened_though_the_owner_is_back() {
    let world = world().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    let account = machine.key.account();
    world
        .drive("it has committed", |state| committed(state, &account))
        .await;
    process.kill().await;
    let mut desk = Desk::start(&machine).await;
    assert_eq!(desk.work(10).await, State::Owner);
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_step_that_dies_is_made_again() {
    let world = world().await;
    let machine = world.machine(0);
    machine.panics.store(true, Ordering::SeqCst);
    let _process = machine.start().await;
    let account = machine.key.account();
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
    assert!(!machine.panics.load(Ordering::SeqCst), "it never died");
    world.assert_blameless();
}

#[tokio::test]
async fn a_proof_waits_for_the_power_that_new_work_waits_for() {
    let world = world().await;
    let mut machine = world.machine(0);
    let dark = Reading {
        surplus_watts: Some(0.0),
        ..Reading::default()
    };
    let (sun, reading) = watch::channel(Some(dark));
    machine.rules = Rules {
        own_sun: true,
        lane_watts: 10,
        metered: true,
        ..Rules::default()
    };
    machine.reading = Some(reading);
    let _process = machine.start().await;
    blocks(&world, 20).await;
    world.chain.edit(|state| {
        assert!(state.runs.is_empty() && state.proofs.is_empty());
    });
    sun.send_replace(Some(Reading {
        surplus_watts: Some(50.0),
        ..dark
    }));
    let account = machine.key.account();
    world
        .drive("it is proven", |state| proven(state, &account))
        .await;
}
