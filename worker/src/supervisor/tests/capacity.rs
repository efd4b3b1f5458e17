//! Capacity proofs: made without being asked, in time, and again after whatever happens.

use std::sync::atomic::Ordering;

use sungrid_chain_client::{
    AccountId, Chain, Run,
    memory::{Interrupt, MemoryState},
};

use sungrid_primitives::ISC;

use super::{
    completed,
    kit::{World, settle},
};

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
    machine.faulty.store(true, Ordering::SeqCst);
    let _process = machine.start().await;
    let account = machine.key.account();
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
