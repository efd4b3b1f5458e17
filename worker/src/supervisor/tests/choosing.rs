//! Policies and energy rules at work in the daemon.

use tokio::sync::watch;

use super::{
    completed,
    kit::{World, settle},
};
use crate::schedule::{
    Policy,
    energy::{Reading, Rules},
};

fn watts(surplus: f64) -> Option<Reading> {
    Some(Reading {
        surplus_watts: Some(surplus),
        carbon: None,
    })
}

#[tokio::test]
async fn without_power_of_its_own_a_worker_takes_nothing_new_and_says_why() {
    let world = World::new().await;
    let (mut sunny, other) = (world.machine(0), world.machine(1));
    let (meter, reading) = watch::channel(watts(5.0));
    sunny.reading = Some(reading);
    sunny.rules = Rules {
        own_sun: true,
        lane_watts: 15,
        ..Rules::default()
    };
    let process = sunny.start().await;
    let _other = other.start().await;
    let job = world.submit(world.spec(4, 2)).await;
    let begun =
        |state: &mut sungrid_chain_client::memory::MemoryState| state.jobs[&job].in_flight > 0;
    world.drive("the other one has begun", begun).await;
    for reading in [watts(5.0), None] {
        meter.send_replace(reading);
        for _ in 0..3 {
            settle().await;
            world.chain.advance(1);
        }
        assert!(sunny.runs.lock().unwrap().is_empty());
        let reason = process.metrics.status().idle_reason;
        let expected = if reading.is_some() { "power" } else { "meter" };
        assert!(reason.contains(expected), "{reason}");
    }
    // The sun comes out.
    meter.send_replace(watts(100.0));
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    assert_eq!(sunny.runs.lock().unwrap().len(), 4);
    let reason = process.metrics.status().idle_reason;
    assert!(
        !reason.contains("power") && !reason.contains("meter"),
        "{reason}"
    );
    // What is in hand when a cloud comes is finished.
    sunny.running.close(0);
    let second = world.submit(world.spec(2, 2)).await;
    sunny.running.somebody_waits().await;
    meter.send_replace(watts(-200.0));
    for _ in 0..3 {
        settle().await;
        world.chain.advance(1);
    }
    sunny.running.open();
    world
        .drive("the second job ends", |state| completed(state, second))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn what_a_worker_has_learned_outlives_it() {
    let world = World::new().await;
    let mut machines = [world.machine(0), world.machine(1)];
    for machine in &mut machines {
        machine.policy = Policy::Learned;
    }
    let mut kept = Vec::new();
    for round in 0..2 {
        let processes = [machines[0].start().await, machines[1].start().await];
        let job = world.submit(world.spec(4, 2)).await;
        world
            .drive("the job ends", |state| completed(state, job))
            .await;
        for process in processes {
            process.terminate().await.expect("ends well");
        }
        let path = machines[0].folder.path().join("experience.json");
        let text = std::fs::read_to_string(&path).expect("it is written down at the end");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["images"].as_array().map(Vec::len), Some(1));
        kept.push(value["met"].as_u64().expect("a count"));
        // Two batches of each round, the second on top of the first.
        assert_eq!(kept[round], 2 * (round as u64 + 1));
    }
    world.assert_blameless();
}

#[tokio::test]
async fn who_missed_a_deadline_rests_says_so_and_asks_for_nothing() {
    let world = World::new().await;
    let (late, other) = (world.machine(0), world.machine(1));
    let process = late.start().await;
    let _other = other.start().await;
    let until = world.chain.edit(|state| {
        let until = state.number + 50;
        let worker = state
            .workers
            .get_mut(&late.key.account())
            .expect("registered");
        worker.rests_until = until;
        until
    });
    let job = world.submit(world.spec(4, 2)).await;
    world
        .drive("it is nearly done resting", |state| {
            state.number + 1 >= until
        })
        .await;
    assert!(late.runs.lock().unwrap().is_empty());
    let reason = process.metrics.status().idle_reason;
    assert!(reason.contains(&format!("until block {until}")), "{reason}");
    // It goes on by itself.
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    assert_eq!(late.runs.lock().unwrap().len(), 4);
    let reason = process.metrics.status().idle_reason;
    assert!(!reason.contains("rests"), "{reason}");
}
