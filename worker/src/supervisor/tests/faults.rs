//! Bad input, bad peers, bad machines.

use sungrid_chain_client::{
    AccountId, Call, Chain, Until,
    memory::{FUNDS, MemoryState},
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
    work::{self, WorkError},
};

async fn pair(world: &World) -> ([super::kit::Machine; 2], [Running; 2]) {
    let machines = [world.machine(0), world.machine(1)];
    let processes = [machines[0].start().await, machines[1].start().await];
    (machines, processes)
}

fn counter(process: &Running, name: &str) -> u64 {
    let counters = process.metrics.status().counters;
    counters
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, value)| *value)
        .expect("the counter exists")
}

/// The job is declined before anything is claimed, so that it costs nobody anything, and others go on.
async fn is_declined(world: World, spec: sungrid_chain_client::JobSpec) {
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

/// Of two files, the one that only some unit reads: its absence shows when the batch is claimed.
fn hide_own_file(world: &World, unit: u32) -> impl Fn() {
    let name = sungrid_manifest::hash(format!("own file of {unit}").as_bytes());
    let bytes = world
        .net
        .peer(REQUESTER, |peer| peer.content.remove(&name))
        .expect("it was there");
    let net = world.net.clone();
    move || {
        net.peer(REQUESTER, |peer| peer.content.insert(name, bytes.clone()));
    }
}

#[tokio::test]
async fn a_batch_whose_input_is_withheld_is_declined_and_no_miss() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1), world.machine(2)];
    let mut processes = Vec::new();
    for machine in &machines {
        processes.push(machine.start().await);
    }
    let spec = world.spec(1, 1);
    let _restore = hide_own_file(&world, 0);
    let job = world.submit(spec).await;
    world
        .drive("everybody declines", |state| {
            state.workers.values().all(|worker| worker.declined == 1)
        })
        .await;
    settle().await;
    // Nobody is to blame, the job waits for its requester, and the machines are free.
    world.assert_blameless();
    assert!(world.chain.declines(job).await.expect("reads").paused);
    for (machine, process) in machines.iter().zip(&processes) {
        assert_eq!(counter(process, "batches_declined_total"), 1);
        assert_eq!(counter(process, "deadlines_missed_total"), 0);
        assert!(machine.journal().load().expect("reads").is_empty());
    }
    let good = world.submit(world.spec(2, 1)).await;
    world
        .drive("another job ends", |state| completed(state, good))
        .await;
}

#[tokio::test]
async fn a_requester_that_comes_back_in_time_is_not_declined() {
    let world = World::new().await;
    let (_machines, processes) = pair(&world).await;
    let spec = world.spec(1, 1);
    let restore = hide_own_file(&world, 0);
    let job = world.submit(spec).await;
    for _ in 0..8 {
        settle().await;
        world.chain.advance(1);
    }
    restore();
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    let declined = |process| counter(process, "batches_declined_total");
    assert_eq!(processes.iter().map(declined).sum::<u64>(), 0);
}

#[tokio::test]
async fn a_requester_that_serves_nonsense_is_declined_at_once() {
    let world = World::new().await;
    let (_machines, _processes) = pair(&world).await;
    let spec = world.spec(1, 1);
    let name = sungrid_manifest::hash(b"own file of 0");
    world
        .net
        .peer(REQUESTER, |peer| peer.lies_about.insert(name));
    let job = world.submit(spec).await;
    let submitted = world.chain.head().await.expect("reads").number;
    world
        .drive("both decline", |state| {
            state.workers.values().all(|worker| worker.declined == 1)
        })
        .await;
    let took = world.chain.head().await.expect("reads").number - submitted;
    assert!(took < 10, "{took} blocks");
    let declines = world.chain.declines(job).await.expect("reads");
    assert!(!declines.paused, "two operators are too few");
    world.assert_blameless();
}

#[tokio::test]
async fn a_lost_answer_to_a_decline_declines_once() {
    use sungrid_chain_client::memory::Interrupt;
    for how in [Interrupt::LoseBefore, Interrupt::LoseAfter] {
        let world = World::new().await;
        let (_machines, processes) = pair(&world).await;
        let spec = world.spec(1, 1);
        let _restore = hide_own_file(&world, 0);
        world.chain.interrupt("decline", how);
        world.submit(spec).await;
        world
            .drive("both decline", |state| {
                state.workers.values().all(|worker| worker.declined == 1)
            })
            .await;
        for _ in 0..50 {
            settle().await;
            world.chain.advance(1);
        }
        world.assert_blameless();
        assert!(processes.iter().all(|process| !process.task.is_finished()));
    }
}

/// Content that the requester never sends to its end.
fn trickle(world: &World, content: &[u8]) {
    let name = sungrid_manifest::hash(content);
    world.net.peer(REQUESTER, |peer| peer.trickles.insert(name));
}

#[tokio::test]
async fn an_input_that_trickles_holds_no_lane_and_is_declined_in_time() {
    let world = World::new().await;
    let (_machines, processes) = pair(&world).await;
    // GIVEN machines of one lane with a batch whose input never comes to its end, however long they wait
    let slow = world.submit(world.spec(1, 1)).await;
    trickle(&world, b"own file of 0");
    let in_flight = |state: &mut MemoryState| {
        state.jobs[&slow].in_flight > 0 && state.workers.values().all(|w| w.committed > 0)
    };
    world.drive("both have claimed", in_flight).await;
    // WHEN there is other work, then it is done meanwhile
    let mut spec = world.spec(2, 2);
    spec.input = {
        let input =
            sungrid_manifest::JobInput::alike(Vec::new(), sungrid_manifest::UnitSpec::default(), 2);
        world
            .net
            .put(REQUESTER, input.encode().expect("valid").bytes)
    };
    let good = world.submit(spec).await;
    world
        .drive("the other job ends", |state| completed(state, good))
        .await;
    let declined = |state: &MemoryState| state.workers.values().filter(|w| w.declined == 1).count();
    assert_eq!(world.chain.edit(|state| declined(state)), 0);
    // AND the slow batch is given back before its deadline
    world
        .drive("both decline", |state| declined(state) == 2)
        .await;
    settle().await;
    world.assert_blameless();
    for process in &processes {
        assert_eq!(counter(process, "deadlines_missed_total"), 0);
    }
}

#[tokio::test]
async fn jobs_that_are_served_too_slowly_keep_no_worker_from_others() {
    let world = World::new().await;
    let mut machines = [world.machine(0), world.machine(1)];
    for machine in &mut machines {
        machine.fetch_time = std::time::Duration::ZERO;
    }
    // GIVEN more jobs that never arrive than are prepared at the same time, all of them better paid
    for n in 0..5_u32 {
        let image = Image {
            code: world
                .net
                .put(REQUESTER, format!("\0asm slow {n}").into_bytes()),
            ..world.image_manifest.clone()
        };
        trickle(&world, format!("\0asm slow {n}").as_bytes());
        let manifest = world
            .net
            .put(REQUESTER, image.encode().expect("valid").bytes);
        world.publish(manifest).await;
        let spec = sungrid_chain_client::JobSpec {
            image: manifest,
            price: 2 * ISC,
            ..world.spec(2, 1)
        };
        world.submit(spec).await;
    }
    let good = world.submit(world.spec(2, 1)).await;
    let _processes = [machines[0].start().await, machines[1].start().await];
    world
        .drive("the good job ends", |state| completed(state, good))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_node_that_is_away_is_no_reason_to_decline() {
    let world = World::new().await;
    let mut machine = world.machine(0);
    let first = world.submit(world.spec(2, 1)).await;
    let after = sungrid_chain_client::JobSpec {
        after: Some(first),
        ..world.spec(2, 1)
    };
    world.chain.set_connected(false);
    for (listed_only, spec) in [(false, after), (true, world.spec(2, 1))] {
        machine.listed_only = listed_only;
        let prepared = work::prepare(&machine.ports(), machine.bounds(), 1, spec).await;
        let error = prepared.err().expect("nobody answers");
        assert!(matches!(error, WorkError::Chain { .. }), "{error}");
        assert!(error.is_retryable() && !error.is_reason_to_decline());
    }
}

#[tokio::test]
async fn finished_units_give_a_requester_its_time_anew() {
    let world = World::new().await;
    let (_machines, processes) = pair(&world).await;
    let pass = async |blocks| {
        for _ in 0..blocks {
            settle().await;
            world.chain.advance(1);
        }
    };
    // GIVEN a batch whose first unit gets its input late
    let spec = world.spec(2, 2);
    let restore = hide_own_file(&world, 0);
    let job = world.submit(spec).await;
    pass(10).await;
    // AND whose second unit then lacks its own, when the time given for the first would be over
    let restore_second = hide_own_file(&world, 1);
    restore();
    pass(16).await;
    restore_second();
    // THEN nobody throws away what is finished
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    let declined = |process| counter(process, "batches_declined_total");
    assert_eq!(processes.iter().map(declined).sum::<u64>(), 0);
}

#[tokio::test]
async fn a_decline_that_a_reorganisation_undoes_is_sent_again() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    let spec = world.spec(1, 1);
    let _restore = hide_own_file(&world, 0);
    let job = world.submit(spec).await;
    let account = machine.key.account();
    let declined = |state: &MemoryState, times| state.workers[&account].declined == times;
    // The claim, as it was before it was given back.
    let claimed = |state: &mut MemoryState| state.batches.contains_key(&(job, 0));
    world.drive("it is claimed", claimed).await;
    let batch = world.chain.edit(|state| state.batches[&(job, 0)].clone());
    let given_back = |state: &mut MemoryState| declined(state, 1);
    world.drive("it is given back", given_back).await;
    settle().await;
    world
        .chain
        .edit(|state| state.batches.insert((job, 0), batch));
    world
        .drive("it is given back again", |state| declined(state, 2))
        .await;
    settle().await;
    assert_eq!(counter(&process, "deadlines_missed_total"), 0);
}
