//! Deep reorganisations: what was given back, or settled, and was not.

use sungrid_chain_client::{Call, Chain, Until, memory::Interrupt};

use super::{
    completed,
    cuts::{accepted_units, ranges, three_of_eight},
    idle::{Desk, blocks},
    kit::{Machine, World},
};
use crate::{
    journal::{Entry, Stage},
    work,
};

/// What a journal says of the first batch of a job.
fn first(machine: &Machine) -> Option<Entry> {
    let entries = machine.journal().load().expect("reads");
    entries.into_iter().find(|entry| entry.batch == 0)
}

/// Gives up all blocks since a state was that of the chain.
fn give_up_blocks(world: &World, before: sungrid_chain_client::memory::MemoryState) {
    world.chain.edit(|state| {
        let number = state.number;
        *state = before;
        state.number = number;
    });
}

#[tokio::test]
async fn a_commitment_that_comes_back_after_its_batch_was_given_back_is_opened() {
    let world = World::new().await;
    world.chain.set_finality(false);
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // GIVEN one that has sealed all of a batch and sent that, which is in no block yet
    world.chain.interrupt("commit", Interrupt::HangBefore);
    let process = other.start().await;
    world.chain.interrupted(1).await;
    let Some(Stage::Sealed(seal)) = first(&other).map(|entry| entry.stage) else {
        panic!("it is written down before it is sent");
    };
    let before = world.chain.edit(|state| state.clone());
    process.kill().await;
    // WHEN the batch is cut, and its own owner comes and stays, it gives the first part back, which another one has sealed
    assert_eq!(desk.work(602).await, sungrid_idle::State::Owner);
    blocks(&world, 2).await;
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    let mut own = Desk::start(&other).await;
    own.work(700).await;
    blocks(&world, 2).await;
    let account = other.key.account();
    world.chain.edit(|state| {
        assert_eq!(state.workers[&account].handed_back, 1);
    });
    // THEN the salt stays, over a restart, too, and what it is the salt of
    own.process.kill().await;
    let own = Desk::start(&other).await;
    blocks(&world, 20).await;
    let entry = first(&other).expect("it is not final");
    assert_eq!(
        (entry.stage, entry.former),
        (Stage::Left, vec![seal.clone()])
    );
    world.net.peer(&other.endpoint, |peer| {
        let kept = &peer.kept[&work::name((job, 0))];
        assert!(kept.contains(&seal.bundle));
    });
    // AND when all these blocks are given up for others, in which its first commitment is, it is opened and paid.
    give_up_blocks(&world, before);
    let call = Call::Commit {
        job,
        batch: 0,
        units: 8,
        digest: seal.digest((job, 0)),
        commitment: seal.commitment((job, 0), account.as_ref()),
    };
    let sent = world.chain.submit(&other.key, call, Until::InBlock);
    sent.await.expect("it is sound");
    let _third = third.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    assert!(!own.process.task.is_finished(), "the worker gave up");
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    assert_eq!(paid, [0, 8, 8]);
    world.assert_blameless();
    // What is final is forgotten.
    let entry = first(&other).expect("its outputs are served");
    assert_eq!((entry.stage, entry.former), (Stage::Settled, vec![seal]));
    world.chain.set_finality(true);
    blocks(&world, 1).await;
    assert_eq!(first(&other).expect("served").former, []);
}

#[tokio::test]
async fn what_was_sealed_and_given_back_is_forgotten_once_that_is_final() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    world.chain.set_finality(false);
    // GIVEN a part that is sealed and refused, since its batch was drawn
    world.chain.edit(|state| state.drawn.insert((job, 0)));
    desk.work(602).await;
    blocks(&world, 20).await;
    let entry = first(&machine).expect("it is not final");
    assert_eq!((entry.stage, entry.former.len()), (Stage::Left, 1));
    world.chain.set_finality(true);
    blocks(&world, 1).await;
    assert_eq!(first(&machine), None);
    world
        .net
        .peer(&machine.endpoint, |peer| assert!(peer.kept.is_empty()));
}

#[tokio::test]
async fn a_result_whose_reveals_are_given_up_is_revealed_again() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    world.chain.set_finality(false);
    let processes = [machines[0].start().await, machines[1].start().await];
    // GIVEN a batch that both have sealed, and neither has revealed
    for _ in 0..2 {
        world.chain.interrupt("reveal", Interrupt::HangBefore);
    }
    let job = world.submit(world.spec(2, 2)).await;
    world.chain.interrupted(2).await;
    let before = world.chain.edit(|state| state.clone());
    for process in processes {
        process.kill().await;
    }
    // WHEN it is revealed and settled, and that is given up
    let processes = [machines[0].start().await, machines[1].start().await];
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    blocks(&world, 2).await;
    for machine in &machines {
        let entry = first(machine).expect("its outputs are served");
        assert_eq!((entry.stage, entry.former.len()), (Stage::Settled, 1));
    }
    give_up_blocks(&world, before);
    // THEN it is revealed again, with nothing computed twice.
    world
        .drive("the job ends again", |state| completed(state, job))
        .await;
    world.assert_blameless();
    assert!(processes.iter().all(|process| !process.task.is_finished()));
    for machine in &machines {
        assert_eq!(machine.runs.lock().expect("no panic").len(), 2);
    }
}
