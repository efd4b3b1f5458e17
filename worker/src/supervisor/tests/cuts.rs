//! Batches that are cut: by owners who come back, under others who compute them.

use std::sync::atomic::Ordering;

use sungrid_chain_client::{
    Call, Chain, ReplicaState, Until,
    memory::{Interrupt, MemoryState},
};
use sungrid_idle::State;
use sungrid_manifest::{Manifest, UnitOutput};
use sungrid_primitives::{JobId, job::Cut};

use super::{
    completed,
    faults::counter,
    idle::{Desk, blocks},
    kit::{Machine, REQUESTER, World, settle},
};
use crate::{journal::Stage, work};

/// A desktop, left by its owner, that has finished three of the eight units of a batch.
pub(super) async fn three_of_eight(world: &World, machine: &Machine) -> (Desk, JobId) {
    let mut desk = Desk::start(machine).await;
    desk.leave().await;
    machine.running.close(3);
    let job = world.submit(world.spec(8, 8)).await;
    let account = machine.key.account();
    let claimed = |state: &mut MemoryState| state.workers[&account].committed > 0;
    world.drive("it is claimed", claimed).await;
    machine.running.somebody_waits().await;
    settle().await;
    let finished = machine.journal().units((job, 0)).expect("reads");
    assert_eq!(finished.into_keys().collect::<Vec<_>>(), [0, 1, 2]);
    (desk, job)
}

pub(super) fn accepted_units(world: &World, machine: &Machine) -> u64 {
    let account = machine.key.account();
    world
        .chain
        .edit(|state| state.workers[&account].accepted_units)
}

pub(super) fn ranges(world: &World, job: JobId) -> Vec<(u32, u32)> {
    world.chain.edit(|state| {
        let record = &state.jobs[&job];
        let all = 0..record.total_batches();
        all.filter_map(|batch| record.range(batch)).collect()
    })
}

#[tokio::test]
async fn what_is_finished_of_a_batch_is_paid_when_its_owner_is_back() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // WHEN the owner stays
    assert_eq!(desk.work(602).await, State::Owner);
    blocks(&world, 2).await;
    // THEN the machine is free at once, what is finished is sealed, and the rest another's,
    assert_eq!(machine.alive.load(Ordering::SeqCst), 0);
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    assert_eq!(counter(&desk.process, "batches_vacated_total"), 1);
    let (_other, _third) = (other.start().await, third.start().await);
    world
        .drive("the others do the rest", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    // AND it is paid for three units, whose outputs it serves, though its owner never left.
    assert_eq!(accepted_units(&world, &machine), 3);
    let of_others = accepted_units(&world, &other) + accepted_units(&world, &third);
    assert_eq!(of_others, 3 + 5 + 5);
    assert_eq!(counter(&desk.process, "batches_accepted_total"), 1);
    assert_eq!(machine.runs.lock().unwrap().len(), 3);
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn who_computes_a_batch_that_is_cut_goes_on_with_both_parts() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // GIVEN another one that has finished five
    other.running.close(5);
    let other_process = other.start().await;
    world
        .drive("both have it", |state| state.jobs[&job].window.is_empty())
        .await;
    other.running.somebody_waits().await;
    settle().await;
    assert_eq!(desk.work(602).await, State::Owner);
    blocks(&world, 3).await;
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    other.running.open();
    let _third = third.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    // THEN it is paid for all, and computed none of it twice but what it was at.
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    assert_eq!(paid, [3, 8, 5]);
    let runs = other.runs.lock().unwrap().len();
    assert!((8..=9).contains(&runs), "{runs}");
    assert_eq!(counter(&other_process, "batches_accepted_total"), 2);
    world.assert_blameless();
}

#[tokio::test]
async fn what_is_finished_of_what_is_cut_off_goes_with_it_over_a_death() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    other.running.close(5);
    let process = other.start().await;
    world
        .drive("both have it", |state| state.jobs[&job].window.is_empty())
        .await;
    other.running.somebody_waits().await;
    settle().await;
    let finished = |batch| {
        let units = other.journal().units((job, batch)).expect("reads");
        units.into_keys().collect::<Vec<_>>()
    };
    assert_eq!((finished(0), finished(1)), (vec![0, 1, 2, 3, 4], vec![]));
    // WHEN the batch is cut, two of five finished units are another batch's
    assert_eq!(desk.work(602).await, State::Owner);
    blocks(&world, 3).await;
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    assert_eq!(finished(1), [3, 4]);
    // AND whoever is started anew computes none of them again, nor moves them twice.
    process.kill().await;
    let log = other.journal().units((job, 1)).expect("reads");
    let _process = other.start().await;
    settle().await;
    assert_eq!(other.journal().units((job, 1)).expect("reads"), log);
    other.running.open();
    let _third = third.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    let mut runs = other.runs.lock().unwrap().clone();
    runs.sort_unstable();
    assert_eq!(runs, (0..8).collect::<Vec<_>>(), "each unit once");
    blocks(&world, 1).await;
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    assert_eq!(paid, [3, 8, 5]);
    world.assert_blameless();
}

#[tokio::test]
async fn a_cut_that_comes_while_a_seal_over_the_whole_is_sent_is_followed_once_that_is_refused() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // GIVEN a seal over all of it that is on its way for some blocks
    world.chain.interrupt("commit", Interrupt::Slow);
    let process = other.start().await;
    world.chain.interrupted(1).await;
    let is_over = || {
        let entries = other.journal().load().expect("reads");
        let first = entries.into_iter().find(|entry| entry.batch == 0);
        match first.map(|entry| entry.stage) {
            Some(Stage::Sealed(seal)) => Some(seal.units),
            _ => None,
        }
    };
    // WHEN the batch is cut before that is in a block, nothing is sealed anew before it is heard of
    let before = world.chain.edit(|state| state.number);
    assert_eq!(desk.work(602).await, State::Owner);
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    assert!(world.chain.edit(|state| state.number) < before + 3);
    assert_eq!(is_over(), Some(8));
    // THEN it seals both parts, and has computed nothing twice.
    let _third = third.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    assert_eq!(paid, [3, 8, 5]);
    assert_eq!(other.runs.lock().unwrap().len(), 8);
    assert_eq!(counter(&process, "batches_accepted_total"), 2);
    world.assert_blameless();
}

#[tokio::test]
async fn a_seal_over_a_batch_that_is_cut_on_its_way_costs_nobody_anything() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // GIVEN another one whose seal over all of it does not reach the chain before the cut
    for _ in 0..2 {
        world.chain.interrupt("commit", Interrupt::LoseBefore);
    }
    world.chain.interrupt("commit", Interrupt::Linger);
    let other_process = other.start().await;
    world.chain.interrupted(1).await;
    assert_eq!(desk.work(602).await, State::Owner);
    let _third = third.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    let in_parts = paid == [3, 8, 5];
    // Or it was the first after all, and the desktop handed all of it back.
    assert!(in_parts || paid == [0, 8, 8], "{paid:?}");
    assert_eq!(other.runs.lock().unwrap().len(), 8);
    assert!(counter(&other_process, "batches_accepted_total") >= 1);
    world.assert_blameless();
}

#[tokio::test]
async fn a_commitment_that_comes_back_with_a_reorganisation_is_opened() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // GIVEN another one that has sealed all of it and sent that, which is in no block yet
    world.chain.interrupt("commit", Interrupt::HangBefore);
    let process = other.start().await;
    world.chain.interrupted(1).await;
    let first = || {
        let entries = other.journal().load().expect("reads");
        let mut entries = entries.into_iter();
        entries.find(|entry| entry.batch == 0).expect("in hand")
    };
    let Stage::Sealed(seal) = first().stage else {
        panic!("it is written down before it is sent");
    };
    assert_eq!(seal.units, 8);
    let before = world.chain.edit(|state| state.clone());
    process.kill().await;
    // WHEN the batch is cut, it seals what is left of it,
    assert_eq!(desk.work(602).await, State::Owner);
    blocks(&world, 2).await;
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    world.chain.interrupt("commit", Interrupt::HangBefore);
    let process = other.start().await;
    world.chain.interrupted(2).await;
    let Stage::Sealed(part) = first().stage else {
        panic!("it is sealed again: {:?}", first());
    };
    assert_eq!((part.units, first().former), (3, vec![seal.clone()]));
    world.net.peer(&other.endpoint, |peer| {
        let kept = &peer.kept[&work::name((job, 0))];
        assert!(kept.contains(&seal.bundle) && kept.contains(&part.bundle));
    });
    // AND all these blocks are given up for others, in which its first commitment is,
    world.chain.edit(|state| {
        let number = state.number;
        *state = before;
        state.number = number;
    });
    let call = Call::Commit {
        job,
        batch: 0,
        units: 8,
        digest: seal.digest((job, 0)),
        commitment: seal.commitment((job, 0), other.key.account().as_ref()),
    };
    let sent = world.chain.submit(&other.key, call, Until::InBlock);
    sent.await.expect("it is sound");
    let _third = third.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    // THEN it opens that one, and is paid for all.
    assert!(!process.task.is_finished(), "the worker gave up");
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    assert_eq!(paid, [0, 8, 8]);
    assert_eq!(first().former, []);
    world.assert_blameless();
}

#[tokio::test]
async fn what_others_have_sealed_is_handed_back_whole() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    let _other = other.start().await;
    let theirs = other.key.account();
    let sealed = async || {
        let batch = world.chain.batch(job, 0).await.expect("reads");
        let own = batch.as_ref().and_then(|batch| batch.replica(&theirs));
        own.is_some_and(|own| matches!(own.state, ReplicaState::Committed(_)))
    };
    let mut left = 40;
    while !sealed().await {
        blocks(&world, 1).await;
        left -= 1;
        assert!(left > 0, "it is never sealed");
    }
    assert_eq!(desk.work(602).await, State::Owner);
    let _third = third.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    assert_eq!(ranges(&world, job), [(0, 8)]);
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    assert_eq!(paid, [0, 8, 8]);
    world.assert_blameless();
}

#[tokio::test]
async fn what_the_chain_does_not_cut_is_handed_back_though_it_was_sealed_here() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // GIVEN a job of which as many batches were cut as may be
    world.chain.edit(|state| {
        let job = state.jobs.get_mut(&job).expect("there");
        job.cuts = vec![
            Cut {
                batch: 99,
                first: 8
            };
            16
        ];
    });
    // What is finished is sealed, which is refused; then it is handed back, in the same moment.
    assert_eq!(desk.work(602).await, State::Owner);
    let account = machine.key.account();
    world
        .drive("it is handed back", |state| {
            state.workers[&account].handed_back == 1
        })
        .await;
    world.chain.edit(|state| {
        state.jobs.get_mut(&job).expect("there").cuts.clear();
    });
    let (_other, _third) = (other.start().await, third.start().await);
    world
        .drive("others do it", |state| completed(state, job))
        .await;
    assert_eq!(accepted_units(&world, &machine), 0);
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_is_finished_of_a_batch_that_is_due_soon_is_sealed_in_time() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    assert_eq!(desk.work(5).await, State::Suspended);
    // WHEN it stands still until just before its deadline, which comes long before its owner's patience ends
    let account = machine.key.account();
    world
        .drive("it is given back", |state| {
            state.workers[&account].handed_back == 1
        })
        .await;
    let standing = desk.process.metrics.status().machine;
    assert_eq!(standing.expect("there is a policy").state, State::Suspended);
    // THEN what is finished is a batch of its own, and paid.
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    let (_other, _third) = (other.start().await, third.start().await);
    world
        .drive("the others do the rest", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    assert_eq!(accepted_units(&world, &machine), 3);
    assert_eq!(machine.runs.lock().unwrap().len(), 3);
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn a_batch_that_is_due_at_once_is_handed_back_whole() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    assert_eq!(desk.work(5).await, State::Suspended);
    let account = machine.key.account();
    let batch = world.chain.batch(job, 0).await.expect("reads");
    let own = batch.as_ref().and_then(|batch| batch.replica(&account));
    let due = own.and_then(|own| own.due).expect("it is assigned");
    // WHEN the node is back only when there is no time for a part that the chain may refuse
    world.chain.set_connected(false);
    world.chain.advance_to(due - 8);
    world.chain.set_connected(true);
    world
        .drive("it is given back", |state| {
            state.workers[&account].handed_back == 1
        })
        .await;
    assert_eq!(ranges(&world, job), [(0, 8)]);
    blocks(&world, 60).await;
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

/// The same desktop after its process died with three of eight units finished; its owner is there when it is started anew.
async fn started_anew(world: &World, machine: &Machine) -> (Desk, JobId) {
    let (desk, job) = three_of_eight(world, machine).await;
    desk.process.kill().await;
    (Desk::start(machine).await, job)
}

#[tokio::test]
async fn what_a_former_process_finished_is_paid_though_its_owner_never_leaves() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let (mut desk, job) = started_anew(&world, &machine).await;
    // GIVEN a requester that has left: what receipts need is in the store
    world.net.peer(REQUESTER, |peer| peer.away = true);
    assert_eq!(desk.work(602).await, State::Owner);
    blocks(&world, 2).await;
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    assert_eq!(machine.alive.load(Ordering::SeqCst), 0);
    world.net.peer(REQUESTER, |peer| peer.away = false);
    let (_other, _third) = (other.start().await, third.start().await);
    world
        .drive("the others do the rest", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    assert_eq!(accepted_units(&world, &machine), 3);
    assert_eq!(machine.runs.lock().unwrap().len(), 3);
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_a_former_process_finished_and_is_here_no_more_is_handed_back() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, job) = started_anew(&world, &machine).await;
    // GIVEN a store that has collected what the second unit left
    let finished = machine.journal().units((job, 0)).expect("reads");
    let output = UnitOutput::decode(&finished[&1].output).expect("valid");
    let tile = output.files.iter().find(|file| &*file.name == "tile");
    let tile = tile.expect("it left one").hash;
    world.net.peer(&machine.endpoint, |peer| {
        peer.content.remove(&tile).expect("it was there")
    });
    // THEN the first is all that is sealed
    assert_eq!(desk.work(602).await, State::Owner);
    blocks(&world, 2).await;
    assert_eq!(ranges(&world, job), [(0, 1), (1, 7)]);
    // AND of another one, whose input manifest is nowhere to be had, nothing: it is handed back whole.
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, job) = started_anew(&world, &machine).await;
    let input = world.chain.edit(|state| state.jobs[&job].spec.input);
    world.net.peer(&machine.endpoint, |peer| {
        peer.content.remove(&input).expect("it was there")
    });
    world.net.peer(REQUESTER, |peer| peer.away = true);
    assert_eq!(desk.work(602).await, State::Owner);
    blocks(&world, 2).await;
    assert_eq!(ranges(&world, job), [(0, 8)]);
    let account = machine.key.account();
    world.chain.edit(|state| {
        assert_eq!(state.workers[&account].handed_back, 1);
    });
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
}

#[tokio::test]
async fn a_part_that_is_refused_is_declined_in_the_same_block() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, job) = three_of_eight(&world, &machine).await;
    // GIVEN a batch that it was drawn for, which is neither cut nor handed back
    world.chain.edit(|state| state.drawn.insert((job, 0)));
    let before = world.chain.edit(|state| state.number);
    desk.work(602).await;
    settle().await;
    let account = machine.key.account();
    world.chain.edit(|state| {
        let worker = &state.workers[&account];
        assert_eq!((worker.declined, worker.handed_back), (1, 0));
        // Three transactions, each in a block of its own.
        assert!(state.number <= before + 3, "{} {before}", state.number);
    });
    assert_eq!(ranges(&world, job), [(0, 8)]);
    blocks(&world, 60).await;
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}
