//! Bad input, bad peers, bad machines.

use sungrid_chain_client::{
    AccountId, Call, Chain, Until,
    memory::{FUNDS, Interrupt},
};
use sungrid_manifest::{File, Image, Manifest};
use sungrid_primitives::ISC;

use super::{
    completed,
    kit::{REQUESTER, Running, World, key, settle},
};
use crate::{
    register::{self, Isc, RegisterError},
    supervisor::Fatal,
};

pub(super) async fn pair(world: &World) -> ([super::kit::Machine; 2], [Running; 2]) {
    let machines = [world.machine(0), world.machine(1)];
    let processes = [machines[0].start().await, machines[1].start().await];
    (machines, processes)
}

pub(super) fn counter(process: &Running, name: &str) -> u64 {
    let counters = process.metrics.status().counters;
    counters
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, value)| *value)
        .expect("the counter exists")
}

/// The job is declined before anything is claimed, so that it costs nobody anything, and others go on.
pub(super) async fn is_declined(world: World, spec: sungrid_chain_client::JobSpec) {
    let (_machines, processes) = pair(&world).await;
    let bad = world.submit(spec).await;
    let good = world.submit(world.spec(2, 1)).await;
    world
        .drive("the good job ends", |state| completed(state, good))
        .await;
    assert_eq!(world.chain.batches(Some(bad)).await.expect("reads"), []);
    assert!(
        processes
            .iter()
            .all(|process| counter(process, "jobs_declined_total") > 0)
    );
    assert!(processes.iter().all(|process| !process.task.is_finished()));
    world.assert_blameless();
}

#[tokio::test]
async fn a_requester_that_serves_wrong_bytes() {
    let world = World::new().await;
    let image = Image {
        code: world.net.put(REQUESTER, &b"\0asm other code"[..]),
        ..world.image_manifest.clone()
    };
    world
        .net
        .peer(REQUESTER, |peer| peer.lies_about.insert(image.code));
    let manifest = world
        .net
        .put(REQUESTER, image.encode().expect("valid").bytes);
    world.publish(manifest).await;
    let spec = sungrid_chain_client::JobSpec {
        image: manifest,
        ..world.spec(2, 1)
    };
    is_declined(world, spec).await;
}

#[tokio::test]
async fn an_image_that_is_no_program() {
    let world = World::new().await;
    let image = Image {
        code: world.net.put(REQUESTER, &b"#!/bin/sh"[..]),
        ..world.image_manifest.clone()
    };
    let manifest = world
        .net
        .put(REQUESTER, image.encode().expect("valid").bytes);
    world.publish(manifest).await;
    let spec = sungrid_chain_client::JobSpec {
        image: manifest,
        ..world.spec(2, 1)
    };
    is_declined(world, spec).await;
}

/// An image with a file of its own; the job's files are as always, and one more.
async fn with_own_file(world: &World, more: Option<&str>) -> sungrid_chain_client::JobSpec {
    let lib = world.net.put(REQUESTER, &b"a library"[..]);
    let image = Image {
        files: vec![File::new("lib.txt", lib, 9)],
        ..world.image_manifest.clone()
    };
    let manifest = world
        .net
        .put(REQUESTER, image.encode().expect("valid").bytes);
    world.publish(manifest).await;
    let mut input = world.input(2);
    if let Some(name) = more {
        input.shared.push(File::new(name, lib, 9));
    }
    let input = input.encode().expect("valid by itself").bytes;
    sungrid_chain_client::JobSpec {
        image: manifest,
        input: world.net.put(REQUESTER, input),
        ..world.spec(2, 1)
    }
}

#[tokio::test]
async fn units_see_the_files_of_their_image() {
    let world = World::new().await;
    let spec = with_own_file(&world, None).await;
    let job = world.submit(spec).await;
    let (machines, _processes) = pair(&world).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    for unit in 0..2 {
        let (_, seen) = super::chains::bundle(&world, &machines, job, unit).await;
        let files = ["\"app/lib.txt\": b\"a library\"", "\"scene\"", "\"own\""];
        assert!(files.iter().all(|file| seen.contains(file)), "{seen}");
    }
}

#[tokio::test]
async fn a_job_with_a_file_where_its_image_has_its_own() {
    for name in ["app/lib.txt", "app/other", "app"] {
        let world = World::new().await;
        let spec = with_own_file(&world, Some(name)).await;
        is_declined(world, spec).await;
    }
}

#[tokio::test]
async fn an_image_whose_files_are_not_what_it_says() {
    let world = World::new().await;
    let spec = with_own_file(&world, None).await;
    let lib = sungrid_manifest::hash(b"a library");
    world
        .net
        .peer(REQUESTER, |peer| peer.lies_about.insert(lib));
    is_declined(world, spec).await;
}

#[tokio::test]
async fn a_truncated_input_manifest() {
    let world = World::new().await;
    let whole = world.input(2).encode().expect("valid").bytes;
    let input = world.net.put(REQUESTER, whole[..whole.len() - 3].to_vec());
    let spec = sungrid_chain_client::JobSpec {
        input,
        ..world.spec(2, 1)
    };
    is_declined(world, spec).await;
}

#[tokio::test]
async fn an_input_manifest_of_another_size() {
    let world = World::new().await;
    let spec = sungrid_chain_client::JobSpec {
        units: 3,
        ..world.spec(2, 1)
    };
    is_declined(world, spec).await;
}

#[tokio::test]
async fn a_unit_with_more_input_than_a_worker_takes() {
    let world = World::new().await;
    let mut input = world.input(2);
    let large = vec![7; 2 << 20];
    let size = large.len() as u64;
    let large = File::new("large", world.net.put(REQUESTER, large), size);
    input.units[1].files.push(large);
    let input = input.encode().expect("valid").bytes;
    let spec = sungrid_chain_client::JobSpec {
        input: world.net.put(REQUESTER, input),
        ..world.spec(2, 1)
    };
    is_declined(world, spec).await;
}

#[tokio::test]
async fn an_address_that_is_none() {
    let world = World::new().await;
    let spec = sungrid_chain_client::JobSpec {
        endpoint: b"nobody lives here".to_vec(),
        input: world.net.put(b"elsewhere", &b"unreachable"[..]),
        ..world.spec(2, 1)
    };
    is_declined(world, spec).await;
}

#[tokio::test]
async fn a_requester_that_is_away_is_asked_again() {
    let world = World::new().await;
    world.net.peer(REQUESTER, |peer| peer.away = true);
    let (_machines, processes) = pair(&world).await;
    let job = world.submit(world.spec(2, 1)).await;
    for _ in 0..5 {
        settle().await;
        world.chain.advance(1);
    }
    assert!(
        processes
            .iter()
            .all(|process| counter(process, "jobs_declined_total") > 0)
    );
    world.net.peer(REQUESTER, |peer| peer.away = false);
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_full_disk_stops_new_work_and_heals() {
    let world = World::new().await;
    let (machines, processes) = pair(&world).await;
    for machine in &machines {
        world.net.peer(&machine.endpoint, |peer| peer.full = true);
    }
    let job = world.submit(world.spec(2, 1)).await;
    for _ in 0..5 {
        settle().await;
        world.chain.advance(1);
    }
    for process in &processes {
        assert_eq!(counter(process, "disk_full"), 1);
        assert_eq!(process.metrics.status().idle_reason, "no room on the disk");
        assert!(!process.task.is_finished());
    }
    assert!(
        world
            .chain
            .batches(Some(job))
            .await
            .expect("reads")
            .is_empty()
    );
    for machine in &machines {
        world.net.peer(&machine.endpoint, |peer| peer.full = false);
    }
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    assert!(
        processes
            .iter()
            .all(|process| counter(process, "disk_full") == 0)
    );
    world.assert_blameless();
}

#[tokio::test]
async fn a_disk_that_fills_up_under_a_batch_keeps_the_bond() {
    let world = World::new().await;
    let (machines, _processes) = {
        let machines = [world.machine(0), world.machine(1)];
        machines[0].running.close(0);
        let processes = [machines[0].start().await, machines[1].start().await];
        (machines, processes)
    };
    let job = world.submit(world.spec(2, 2)).await;
    machines[0].running.somebody_waits().await;
    world
        .net
        .peer(&machines[0].endpoint, |peer| peer.full = true);
    machines[0].running.open();
    settle().await;
    world.chain.advance(2);
    settle().await;
    world
        .net
        .peer(&machines[0].endpoint, |peer| peer.full = false);
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_liar_is_outvoted_and_slashed_and_the_result_is_right() {
    let world = World::new().await;
    let mut machines = [world.machine(0), world.machine(1), world.machine(2)];
    machines[2].lies = true;
    let liar = machines[2].start().await;
    let job = world.submit(world.spec(2, 2)).await;
    // The liar is first, so that its lie meets an honest replica.
    world
        .drive("the liar has claimed", |state| !state.batches.is_empty())
        .await;
    let _honest = [machines[0].start().await, machines[1].start().await];
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    let results = world.chain.results(job).await.expect("reads");
    let winners: Vec<AccountId> = results[0]
        .1
        .winners
        .iter()
        .map(|w| w.worker.clone())
        .collect();
    assert!(!winners.contains(&machines[2].key.account()));
    let record = world
        .chain
        .worker(&machines[2].key.account())
        .await
        .expect("reads")
        .expect("exists");
    assert_eq!((record.faults, record.bond), (1, 180 * ISC));
    // Below the bond it needs it would idle; here it has enough left and goes on.
    assert!(!liar.task.is_finished());
}

#[tokio::test]
async fn an_operator_without_funds_is_told_how_much_is_missing() {
    let world = World::new().await;
    let machine = world.machine(0);
    let keep = 50 * ISC;
    let call = Call::Transfer {
        to: key("//Requester").account(),
        amount: FUNDS - keep,
    };
    world
        .chain
        .submit(&machine.operator, call, Until::InBlock)
        .await
        .expect("transfers");
    let error = register::ensure(&machine.ports(), &machine.offer())
        .await
        .expect_err("no funds");
    match &error {
        RegisterError::NoFunds {
            bond,
            free,
            missing,
            ..
        } => {
            assert_eq!((*bond, *free), (Isc(200 * ISC), Isc(keep)));
            assert_eq!(*missing, Isc(150 * ISC + ISC / 10));
        }
        other => panic!("{other}"),
    }
    let text = error.to_string();
    assert!(
        text.contains("200 ISC") && text.contains("150.1 ISC"),
        "{text}"
    );
}

#[tokio::test]
async fn an_unregistered_worker_without_an_operator_is_told_what_to_do() {
    let world = World::new().await;
    let machine = world.machine(0);
    let mut ports = machine.ports();
    ports.operator = None;
    let error = register::ensure(&ports, &machine.offer())
        .await
        .expect_err("nobody bonds it");
    assert!(matches!(error, RegisterError::NoOperator(_)));
}

#[tokio::test]
async fn a_foreign_environment_is_refused_before_anything_is_bonded() {
    let world = World::new().await;
    world
        .chain
        .edit(|state| state.environment = sp_core::H256::zero());
    let machine = world.machine(0);
    let error = register::ensure(&machine.ports(), &machine.offer())
        .await
        .expect_err("not accepted");
    assert!(matches!(error, RegisterError::Environment { .. }));
    assert!(world.chain.workers().await.expect("reads").is_empty());
}

#[tokio::test]
async fn a_registration_that_a_fork_takes_with_it_is_made_again() {
    // Its block is given up, or, behind a nonce that nobody uses any more, nothing is heard of it.
    for interrupt in [Interrupt::GivenUp, Interrupt::LoseBefore] {
        let world = World::new().await;
        let machine = world.machine(0);
        world.chain.interrupt("register", interrupt);
        let ports = machine.ports();
        let (offer, next) = (machine.offer(), async {
            settle().await;
            world.chain.advance(1);
        });
        let (registered, ()) = tokio::join!(register::ensure(&ports, &offer), next);
        let worker = registered.expect("it is made again");
        assert_eq!(worker.operator, machine.operator.account());
        assert_eq!(world.chain.workers().await.expect("reads").len(), 1);
    }
}

#[tokio::test]
async fn two_workers_with_one_key_are_noticed() {
    let world = World::new().await;
    let first = world.machine(0);
    let mut second = world.machine(0);
    second.endpoint = b"another machine".to_vec();
    let process = first.start().await;
    settle().await;
    let _other = second.start().await;
    settle().await;
    world.chain.advance(1);
    settle().await;
    assert!(process.task.is_finished());
    let ended = process.task.await.expect("it does not panic");
    assert!(matches!(ended, Err(Fatal::SameKey(_))));
}

#[tokio::test]
async fn a_withdrawn_worker_ends_with_a_reason() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    settle().await;
    world.chain.edit(|state| state.workers.clear());
    world.chain.advance(1);
    settle().await;
    assert!(matches!(
        process.task.await.expect("no panic"),
        Err(Fatal::Withdrawn(_))
    ));
}

#[tokio::test]
async fn a_paused_worker_takes_nothing_until_it_is_resumed() {
    let world = World::new().await;
    let (machines, _processes) = pair(&world).await;
    for machine in &machines {
        let call = Call::Pause(machine.key.account());
        world
            .chain
            .submit(&machine.operator, call, Until::InBlock)
            .await
            .expect("pauses");
    }
    settle().await;
    let job = world.submit(world.spec(2, 1)).await;
    for _ in 0..5 {
        settle().await;
        world.chain.advance(1);
    }
    assert!(
        world
            .chain
            .batches(Some(job))
            .await
            .expect("reads")
            .is_empty()
    );
    for machine in &machines {
        let call = Call::Resume(machine.key.account());
        world
            .chain
            .submit(&machine.operator, call, Until::InBlock)
            .await
            .expect("resumes");
    }
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
}

#[tokio::test]
async fn a_machine_that_moves_says_so_on_chain() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    settle().await;
    *machine.moved.lock().expect("not poisoned") = Some(b"elsewhere".to_vec());
    let account = machine.key.account();
    world
        .drive("the address follows", |state| {
            state.workers[&account].endpoint == b"elsewhere"
        })
        .await;
    world.chain.advance(1);
    settle().await;
    assert!(!process.task.is_finished());
}

#[tokio::test]
async fn a_restart_with_a_higher_bond_or_another_size_brings_the_chain_up_to_date() {
    let world = World::new().await;
    let machine = world.machine(0);
    register::ensure(&machine.ports(), &machine.offer())
        .await
        .expect("registers");
    let mut offer = machine.offer();
    offer.bond = Some(300 * ISC);
    let worker = register::ensure(&machine.ports(), &offer)
        .await
        .expect("bonds more");
    assert_eq!((worker.bond, worker.capacity), (300 * ISC, 1_000_000));
    // A little slower is no change; half the size is.
    offer.resources.fuel_per_second -= offer.resources.fuel_per_second / 10;
    let worker = register::ensure(&machine.ports(), &offer)
        .await
        .expect("no change");
    assert_eq!(worker.capacity, 1_000_000);
    offer.resources.memory /= 2;
    let worker = register::ensure(&machine.ports(), &offer)
        .await
        .expect("declares less");
    assert_eq!((worker.bond, worker.capacity), (300 * ISC, 500_000));
    // Asking for a lower bond takes nothing back: that is what leaving is for.
    offer.bond = Some(150 * ISC);
    let worker = register::ensure(&machine.ports(), &offer)
        .await
        .expect("no change");
    assert_eq!(worker.bond, 300 * ISC);
}
