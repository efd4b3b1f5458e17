//! The units of one batch beside each other, and beside other work.

use std::sync::{Arc, PoisonError};

use sp_core::H256;
use sungrid_primitives::suns::CPU_1;
use tokio::{sync::Semaphore, task::JoinHandle};

use super::kit::{Machine, REQUESTER, World, settle};
use crate::{
    journal::BatchId,
    work::{self, Bench, Finished, WorkError},
};

/// Begins to compute the only batch of a job of so many units, on one lane.
async fn begin(
    world: &World,
    machine: &Machine,
    units: u32,
) -> (
    BatchId,
    Arc<Semaphore>,
    JoinHandle<Result<Finished, WorkError>>,
) {
    let spec = world.spec(units, units);
    let job = world.submit(spec.clone()).await;
    let ports = machine.ports();
    let prepared = work::prepare(&ports, machine.bounds(), job, spec).await;
    let prepared = Arc::new(prepared.expect("all is served"));
    let lanes = Arc::new(Semaphore::new(1));
    let bench = Bench {
        ports,
        outbox: None,
        journal: machine.journal(),
        lanes: lanes.clone(),
        at_once: 1,
        bounds: machine.bounds(),
        lane_speed: 1_000_000_000,
        profile: CPU_1,
        stop: sungrid_executor::Cancel::default(),
        progress: Arc::default(),
        opened: Arc::default(),
    };
    let run = work::run_batch(bench, prepared, (job, 0), (0, units), H256::zero());
    ((job, 0), lanes, tokio::spawn(run))
}

#[tokio::test]
async fn what_runs_behind_a_withheld_input_comes_to_its_end_and_no_more() {
    let world = World::new().await;
    let machine = world.machine(0);
    let own = |n: u32| sungrid_manifest::hash(format!("own file of {n}").as_bytes());
    machine.running.close(0);
    // GIVEN a unit that runs, and others that have their inputs, before it shows that the first one's is no good
    world
        .net
        .peer(REQUESTER, |peer| peer.trickles.insert(own(0)));
    let (id, _, batch) = begin(&world, &machine, 8).await;
    machine.running.somebody_waits().await;
    settle().await;
    world
        .net
        .peer(REQUESTER, |peer| peer.lies_about.insert(own(0)));
    world.net.serve_all(REQUESTER);
    settle().await;
    machine.running.open();
    let error = batch.await.expect("no panic").expect_err("one is withheld");
    assert!(matches!(error, WorkError::Fetch { .. }), "{error}");
    let logged = machine.journal().units(id).expect("reads");
    assert_eq!(logged.into_keys().collect::<Vec<_>>(), [1]);
}

fn runs(machine: &Machine) -> usize {
    let runs = machine.runs.lock();
    runs.unwrap_or_else(PoisonError::into_inner).len()
}

#[tokio::test]
async fn units_before_a_withheld_input_are_logged_and_none_begins_behind_it() {
    let world = World::new().await;
    let machine = world.machine(0);
    let own = |n: u32| sungrid_manifest::hash(format!("own file of {n}").as_bytes());
    machine.running.close(2);
    // More than are fetched ahead; one input is no good, one is never served to its end.
    world.net.peer(REQUESTER, |peer| {
        peer.lies_about.insert(own(3));
        peer.trickles.insert(own(4));
    });
    let (id, _, batch) = begin(&world, &machine, 66).await;
    machine.running.somebody_waits().await;
    settle().await;
    assert!(!batch.is_finished(), "a unit is still computed");
    machine.running.open();
    let error = batch.await.expect("no panic").expect_err("one is withheld");
    assert!(matches!(error, WorkError::Fetch { .. }), "{error}");
    let logged = machine.journal().units(id).expect("reads");
    assert_eq!(logged.into_keys().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(runs(&machine), 3);
}

#[tokio::test]
async fn a_batch_has_no_more_units_in_the_line_for_lanes_than_run() {
    let world = World::new().await;
    let machine = world.machine(0);
    machine.running.close(0);
    let (_, lanes, batch) = begin(&world, &machine, 8).await;
    machine.running.somebody_waits().await;
    settle().await;
    // As a capacity proof does.
    let all = tokio::spawn(lanes.acquire_many_owned(1));
    settle().await;
    machine.running.open();
    let all = all.await.expect("no panic").expect("a lane");
    settle().await;
    assert_eq!(runs(&machine), 1, "others wait");
    drop(all);
    batch.await.expect("no panic").expect("all is served");
    assert_eq!(runs(&machine), 8);
}

#[tokio::test]
async fn what_is_finished_has_no_gap_whichever_inputs_come_first() {
    let world = World::new().await;
    let machine = world.machine(0);
    // GIVEN units that wait for the lane behind the first, all but the second and the third, whose inputs come last
    let own = |n: u32| sungrid_manifest::hash(format!("own file of {n}").as_bytes());
    world.net.peer(REQUESTER, |peer| {
        peer.trickles.extend([1, 2].map(own));
    });
    machine.running.close(0);
    let (_, _, batch) = begin(&world, &machine, 8).await;
    machine.running.somebody_waits().await;
    settle().await;
    world.net.serve_all(REQUESTER);
    settle().await;
    // THEN they run in the order of the batch all the same.
    machine.running.open();
    batch.await.expect("no panic").expect("all is served");
    let runs = machine.runs.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*runs, (0..8).collect::<Vec<_>>());
}
