//! `kill -9` and lost connections in every phase: no bond and no finished work is lost.

use sungrid_chain_client::{Call, Chain, ReplicaState, Until, memory::Interrupt};

use super::{
    completed,
    kit::{Machine, Running, World, settle},
};
use crate::journal::Stage;

async fn both(machines: &[Machine; 2]) -> [Running; 2] {
    [machines[0].start().await, machines[1].start().await]
}

/// Both processes die when a call of this name is interrupted; both start again.
async fn killed_around(call: &'static str, how: Interrupt) {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let [a, b] = both(&machines).await;
    world.chain.interrupt(call, how);
    let job = world.submit(world.spec(4, 2)).await;
    world.chain.interrupted(1).await;
    a.kill().await;
    b.kill().await;
    let _processes = both(&machines).await;
    world
        .drive(&format!("{call} {how:?}"), |state| completed(state, job))
        .await;
    world.assert_blameless();
    let settled = world.chain.edit(|state| state.jobs[&job].settled);
    assert_eq!(settled, 2, "{call} {how:?}");
}

#[tokio::test]
async fn killed_before_a_claim_is_sent() {
    killed_around("claim", Interrupt::HangBefore).await;
}

#[tokio::test]
async fn killed_after_a_claim_before_it_is_written_down() {
    killed_around("claim", Interrupt::HangAfter).await;
}

/// What it sent is in a pool, and gets into a block when the next process has looked at the chain already.
#[tokio::test]
async fn killed_while_a_claim_waits_for_its_block() {
    let world = World::new().await;
    let machine = world.machine(0);
    // Its hands are full, so that some batches are left, and nobody else is there, so that nothing ends and has it look again.
    machine.running.close(0);
    let first = machine.start().await;
    let job = world.submit(world.spec(6, 1)).await;
    settle().await;
    first.kill().await;
    let _next = machine.start().await;
    settle().await;
    let late = world
        .chain
        .submit(&machine.key, Call::Claim(job), Until::InBlock)
        .await;
    let batch = late.expect("there are more").batch().expect("one of them");
    machine.running.open();
    let account = machine.key.account();
    let is_sealed = async || {
        let record = world.chain.batch(job, batch).await.expect("reads");
        let replica = record.as_ref().and_then(|record| record.replica(&account));
        replica.is_some_and(|replica| matches!(replica.state, ReplicaState::Committed(_)))
    };
    let mut left = 30;
    while !is_sealed().await {
        settle().await;
        world.chain.advance(1);
        left -= 1;
        assert!(left > 0, "it is never sealed");
    }
}

#[tokio::test]
async fn killed_before_a_commitment_is_sent() {
    killed_around("commit", Interrupt::HangBefore).await;
}

#[tokio::test]
async fn killed_after_a_commitment() {
    killed_around("commit", Interrupt::HangAfter).await;
}

#[tokio::test]
async fn killed_before_a_reveal_is_sent() {
    killed_around("reveal", Interrupt::HangBefore).await;
}

#[tokio::test]
async fn killed_after_a_reveal() {
    killed_around("reveal", Interrupt::HangAfter).await;
}

#[tokio::test]
async fn lost_connections_around_every_call_heal_without_a_restart() {
    for call in ["claim", "commit", "reveal"] {
        for how in [
            Interrupt::LoseBefore,
            Interrupt::LoseAfter,
            Interrupt::Linger,
        ] {
            let world = World::new().await;
            let machines = [world.machine(0), world.machine(1)];
            let _processes = both(&machines).await;
            world.chain.interrupt(call, how);
            let job = world.submit(world.spec(4, 2)).await;
            world
                .drive(&format!("{call} {how:?}"), |state| completed(state, job))
                .await;
            world.assert_blameless();
        }
    }
}

/// Looking for claims whose answer was lost finds the batch of a claim whose answer is only late. Taken twice, it
/// would be sealed twice, with two salts.
#[tokio::test]
async fn a_batch_that_was_found_on_chain_is_not_taken_again_when_its_claim_is_answered() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let [a, _b] = both(&machines).await;
    world.chain.interrupt("claim", Interrupt::LoseAfter);
    for _ in 0..3 {
        world.chain.interrupt("claim", Interrupt::Late);
    }
    let job = world.submit(world.spec(8, 2)).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    settle().await;
    assert!(!a.task.is_finished(), "the worker gave up");
    world.assert_blameless();
    for machine in &machines {
        let mut units = machine.runs.lock().expect("nobody panicked").clone();
        units.sort_unstable();
        assert_eq!(units, (0..8).collect::<Vec<_>>(), "each unit once");
    }
}

#[tokio::test]
async fn killed_while_fetching() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    machines[0].fetching.close(2);
    let [a, b] = both(&machines).await;
    let job = world.submit(world.spec(2, 2)).await;
    machines[0].fetching.somebody_waits().await;
    a.kill().await;
    b.kill().await;
    machines[0].fetching.open();
    let _processes = both(&machines).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn finished_units_are_not_computed_again() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    // Three of five units pass, then the process dies.
    machines[0].running.close(3);
    let [a, _b] = both(&machines).await;
    let job = world.submit(world.spec(5, 5)).await;
    machines[0].running.somebody_waits().await;
    settle().await;
    a.kill().await;
    machines[0].running.open();
    let _again = machines[0].start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    let mut runs = machines[0].runs.lock().expect("not poisoned").clone();
    runs.sort_unstable();
    assert_eq!(runs, [0, 1, 2, 3, 4], "each unit ran once");
}

#[tokio::test]
async fn a_unit_whose_output_is_gone_is_computed_again() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    machines[0].running.close(2);
    let [a, _b] = both(&machines).await;
    let job = world.submit(world.spec(3, 3)).await;
    machines[0].running.somebody_waits().await;
    settle().await;
    a.kill().await;
    // The store collected what nobody held.
    world
        .net
        .peer(&machines[0].endpoint, |peer| peer.content.clear());
    machines[0].running.open();
    let _again = machines[0].start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn the_salt_is_on_the_disk_before_the_commitment_is_sent() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let [a, b] = both(&machines).await;
    world.chain.interrupt("commit", Interrupt::HangBefore);
    let job = world.submit(world.spec(1, 1)).await;
    world.chain.interrupted(1).await;
    let sealed = |machine: &Machine| {
        let entries = machine.journal().load().expect("reads");
        entries
            .iter()
            .any(|entry| matches!(entry.stage, Stage::Sealed(_)))
    };
    assert!(machines.iter().any(sealed));
    a.kill().await;
    b.kill().await;
    let _processes = both(&machines).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_seal_of_an_earlier_version_is_of_the_whole_batch() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let [a, b] = both(&machines).await;
    for _ in 0..2 {
        world.chain.interrupt("commit", Interrupt::HangBefore);
    }
    let job = world.submit(world.spec(3, 3)).await;
    world.chain.interrupted(2).await;
    a.kill().await;
    b.kill().await;
    // GIVEN journals that do not say of how many units their seals are
    for machine in &machines {
        let journal = machine.journal();
        let entries = journal.load().expect("reads");
        let [entry] = &entries[..] else {
            panic!("one batch: {entries:?}");
        };
        let mut entry = entry.clone();
        let Stage::Sealed(seal) = &mut entry.stage else {
            panic!("it is sealed");
        };
        seal.units = 0;
        journal.write(&entry).expect("writes");
    }
    let _processes = both(&machines).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    let record = world.chain.job(job).await.expect("reads").expect("there");
    assert_eq!((record.settled, record.cuts.len()), (1, 0));
    world.assert_blameless();
}

#[tokio::test]
async fn a_node_that_goes_away_and_comes_back_is_survived() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let processes = both(&machines).await;
    let job = world.submit(world.spec(6, 1)).await;
    for _ in 0..3 {
        settle().await;
        world.chain.set_connected(false);
        settle().await;
        world.chain.set_connected(true);
        world.chain.advance(1);
    }
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    assert!(processes.iter().all(|process| !process.task.is_finished()));
}

#[tokio::test]
async fn a_stopped_worker_goes_on_where_it_was() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    machines[0].running.close(1);
    let [a, _b] = both(&machines).await;
    let job = world.submit(world.spec(3, 3)).await;
    machines[0].running.somebody_waits().await;
    settle().await;
    a.terminate().await.expect("ends well");
    assert_eq!(machines[0].journal().load().expect("reads").len(), 1);
    machines[0].running.open();
    let _again = machines[0].start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    assert_eq!(machines[0].runs.lock().expect("not poisoned").len(), 3);
}
