//! Draining: what is in hand is finished, nothing new is claimed, and the process ends by itself.

use std::sync::atomic::Ordering;

use sungrid_chain_client::{Chain, ReplicaState, Run, memory::Interrupt};

use super::{
    completed,
    kit::{Running, World, settle},
};
use crate::{control::Goal, journal::Stage};

fn counter(process: &Running, name: &str) -> u64 {
    let counters = process.metrics.status().counters;
    let found = counters.into_iter().find(|(known, _)| known == name);
    found.expect(name).1
}

#[tokio::test]
async fn a_draining_worker_finishes_what_it_has_claims_nothing_and_ends() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    // The first one computes for as long as its gate is closed.
    machines[0].running.close(0);
    let first = machines[0].start().await;
    let _second = machines[1].start().await;
    let job = world.submit(world.spec(12, 1)).await;
    let worker = machines[0].key.account();
    world
        .drive("it claims", |state| state.workers[&worker].committed > 0)
        .await;
    machines[0].running.somebody_waits().await;

    first.goal.send_replace(Some(Goal::Delivered));
    settle().await;
    world.chain.advance(1);
    settle().await;
    assert!(!first.task.is_finished(), "it left with work in hand");
    let status = first.metrics.status();
    assert!(status.draining && status.idle_reason.contains("draining"));
    let claims = counter(&first, "claims_total");
    assert!(claims > 0);

    machines[0].running.open();
    world.drive("it ends", |_| first.task.is_finished()).await;
    assert_eq!(counter(&first, "claims_total"), claims, "it claimed more");
    first.task.await.expect("no panic").expect("no error");
    let journal = machines[0].journal().load().expect("reads");
    assert!(
        journal.iter().all(|entry| entry.stage != Stage::Claimed),
        "{journal:?}"
    );

    // The next process goes on where this one ended.
    let _next = machines[0].start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

/// Both have committed and one has revealed; the other one's reveal never leaves, so nothing is decided.
#[tokio::test]
async fn what_is_revealed_need_not_be_waited_for_unless_told() {
    for goal in [Goal::Delivered, Goal::Settled] {
        let world = World::new().await;
        let machines = [world.machine(0), world.machine(1)];
        let processes = [machines[0].start().await, machines[1].start().await];
        world.chain.interrupt("reveal", Interrupt::Late);
        world.chain.interrupt("reveal", Interrupt::HangBefore);
        world.submit(world.spec(1, 1)).await;
        world.chain.interrupted(2).await;
        for process in &processes {
            process.goal.send_replace(Some(goal));
        }
        for _ in 0..2 {
            world.chain.advance(1);
            settle().await;
        }
        let batches = world.chain.batches(None).await.expect("reads");
        let mut revealed = 0;
        for (machine, process) in machines.iter().zip(processes) {
            let account = machine.key.account();
            let has_revealed = batches
                .iter()
                .filter_map(|(_, _, batch)| batch.replica(&account))
                .any(|replica| matches!(replica.state, ReplicaState::Revealed { .. }));
            revealed += u32::from(has_revealed);
            let may_go = has_revealed && goal == Goal::Delivered;
            assert_eq!(process.task.is_finished(), may_go, "{goal:?}");
            process.kill().await;
        }
        assert_eq!(revealed, 1, "the scene is another one");
    }
}

#[tokio::test]
async fn draining_can_be_taken_back() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    machines[0].running.close(0);
    let first = machines[0].start().await;
    let _second = machines[1].start().await;
    let job = world.submit(world.spec(6, 1)).await;
    let worker = machines[0].key.account();
    world
        .drive("it claims", |state| state.workers[&worker].committed > 0)
        .await;
    first.goal.send_replace(Some(Goal::Settled));
    settle().await;
    first.goal.send_replace(None);
    machines[0].running.open();
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    assert!(!first.task.is_finished(), "it ended though it need not");
    assert!(!first.metrics.status().draining);
    world.assert_blameless();
}

#[tokio::test]
async fn a_worker_with_nothing_in_hand_ends_at_once() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    settle().await;
    process.goal.send_replace(Some(Goal::Delivered));
    process.task.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn a_worker_without_work_says_why() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    let reason = || process.metrics.status().idle_reason;
    world.chain.advance(1);
    settle().await;
    assert!(reason().contains("no open job suits"), "{}", reason());
    // Its income is shown from the start, not from the next round on.
    let status = process.metrics.status();
    assert_eq!(
        (status.credit.as_str(), status.pending.as_str()),
        ("0", "0")
    );
    // One replica is all that one operator may give: after it, the job is open, but not for this worker.
    world.submit(world.spec(1, 1)).await;
    world
        .drive("it has delivered", |_| {
            process.metrics.status().undecided == 1
        })
        .await;
    settle().await;
    world.chain.advance(1);
    settle().await;
    assert!(reason().contains("have enough replicas"), "{}", reason());
}

#[tokio::test]
async fn what_is_committed_to_of_its_capacity_is_opened_first() {
    let world = World::new().await;
    world.chain.edit(|state| state.allowance = 0);
    let machine = world.machine(0);
    let process = machine.start().await;
    let account = machine.key.account();
    world
        .drive("it has committed", |state| {
            matches!(state.runs.get(&account), Some(Run::Committed { .. }))
        })
        .await;
    process.goal.send_replace(Some(Goal::Delivered));
    world.drive("it ends", |_| process.task.is_finished()).await;
    process.task.await.expect("no panic").expect("no error");
    world.chain.edit(|state| {
        assert!(!state.runs.contains_key(&account), "it is slashed for that");
        assert!(state.proofs.contains_key(&account));
    });
    // Nor does the next process leave what this one might have.
    let process = machine.start().await;
    process.goal.send_replace(Some(Goal::Delivered));
    world.drive("it ends", |_| process.task.is_finished()).await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_run_that_is_not_committed_to_is_not_waited_for() {
    let world = World::new().await;
    world.chain.edit(|state| state.allowance = 0);
    let machine = world.machine(0);
    machine.running.close(0);
    let process = machine.start().await;
    let account = machine.key.account();
    world
        .drive("a run has started", |state| {
            state.runs.contains_key(&account)
        })
        .await;
    machine.running.somebody_waits().await;
    process.goal.send_replace(Some(Goal::Delivered));
    world.drive("it ends", |_| process.task.is_finished()).await;
    assert_eq!(machine.alive.load(Ordering::SeqCst), 0);
    machine.running.open();
    world.chain.edit(|state| {
        let run = state.runs.get(&account);
        assert!(matches!(run, Some(Run::Running { .. })), "{run:?}");
    });
    world.assert_blameless();
}

#[tokio::test]
async fn no_proof_is_begun_any_more() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let processes = [machines[0].start().await, machines[1].start().await];
    // GIVEN two that drain, and wait for each other
    world.chain.interrupt("reveal", Interrupt::HangBefore);
    world.submit(world.spec(1, 1)).await;
    world.chain.interrupted(1).await;
    for process in &processes {
        process.goal.send_replace(Some(Goal::Settled));
    }
    settle().await;
    // WHEN they need a proof
    world.chain.edit(|state| state.allowance = 0);
    for _ in 0..10 {
        world.chain.advance(1);
        settle().await;
    }
    assert!(processes.iter().all(|process| !process.task.is_finished()));
    world.chain.edit(|state| {
        assert!(state.runs.is_empty() && state.proofs.is_empty());
    });
}
