//! A machine that was measured while something else kept it busy.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use sungrid_chain_client::{Chain, Worker};
use sungrid_primitives::suns::{CPU_1, MICRO, Resources};

use super::{
    completed,
    idle::{Desk, blocks},
    kit::{Machine, World, settle},
};
use crate::{register::Offer, supervisor::Measure};

/// What the start has measured, as the kit's settings say: half of what a SUNS needs.
const AT_START: u64 = 1_000_000_000;

/// Shows a speed that a test sets, and counts how often it was asked to; 0: it fails.
#[derive(Clone, Default)]
struct Bench {
    speed: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
}

impl Bench {
    fn showing(speed: u64) -> Self {
        let bench = Self::default();
        bench.speed.store(speed, Ordering::SeqCst);
        bench
    }

    fn measure(&self) -> Measure {
        let Self { speed, asked } = self.clone();
        Arc::new(move || {
            asked.fetch_add(1, Ordering::SeqCst);
            Some(speed.load(Ordering::SeqCst)).filter(|speed| *speed > 0)
        })
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Plenty of everything but speed, of which there is what the start has measured.
fn offer(machine: &Machine) -> Offer {
    let all = CPU_1.contains;
    Offer {
        resources: Resources {
            fuel_per_second: AT_START,
            memory: 8 * all.memory,
            storage: 8 * all.storage,
            bandwidth: 8 * all.bandwidth,
            ..all
        },
        ..machine.offer()
    }
}

async fn on_chain(world: &World, machine: &Machine) -> Worker {
    let worker = world.chain.worker(&machine.key.account()).await;
    worker.expect("reads").expect("registered")
}

/// Blocks are ten minutes apart, so that a day has few of them.
fn slow_blocks(world: &World) {
    world.chain.edit(|state| state.params.block_ms = 600_000);
}

/// Until it was asked so often, by what blocks bring.
async fn until_asked(world: &World, bench: &Bench, times: u64) {
    for _ in 0..400 {
        if bench.asked() >= times {
            // It has yet to report.
            for _ in 0..20 {
                settle().await;
            }
            return;
        }
        blocks(world, 1).await;
    }
    panic!("it was measured {} times, not {times}", bench.asked());
}

#[tokio::test]
async fn a_machine_is_measured_again_when_its_owner_has_gone_and_declares_what_it_shows() {
    let world = World::new().await;
    slow_blocks(&world);
    let machine = world.machine(0);
    let bench = Bench::showing(3 * CPU_1.contains.fuel_per_second);
    let mut desk = Desk::start_with(&machine, |supervisor| {
        supervisor.measuring(bench.measure(), offer(&machine), true)
    })
    .await;
    let before = on_chain(&world, &machine).await;
    desk.work(5).await;
    blocks(&world, 20).await;
    assert_eq!(bench.asked(), 0, "its owner sits there");
    desk.leave().await;
    until_asked(&world, &bench, 1).await;
    blocks(&world, 2).await;
    let after = on_chain(&world, &machine).await;
    assert_eq!(after.capacity, 3 * MICRO as u64);
    assert!(after.capacity > before.capacity);
    let least = world
        .chain
        .edit(|state| state.params.bond_for(after.capacity));
    assert!(after.bond >= least, "it is bonded for");
    // Once a day is enough.
    blocks(&world, 100).await;
    assert_eq!(bench.asked(), 1);
    // One that shows less, as machines do now and then, takes nothing back.
    bench.speed.store(AT_START, Ordering::SeqCst);
    until_asked(&world, &bench, 2).await;
    assert_eq!(on_chain(&world, &machine).await.capacity, after.capacity);
    world.assert_blameless();
}

#[tokio::test]
async fn what_could_not_be_measured_or_declared_is_tried_again() {
    let world = World::new().await;
    slow_blocks(&world);
    let machine = world.machine(0);
    let bench = Bench::showing(0);
    let process = machine
        .start_with(|supervisor, _, _| {
            supervisor.measuring(bench.measure(), offer(&machine), false)
        })
        .await;
    // A machine for the work alone was measured a moment ago.
    assert_eq!(bench.asked(), 0);
    until_asked(&world, &bench, 2).await;
    let before = on_chain(&world, &machine).await.capacity;
    // Its operator cannot pay the bond for it.
    bench
        .speed
        .store(8 * CPU_1.contains.fuel_per_second, Ordering::SeqCst);
    let funds = world.chain.edit(|state| {
        let account = state.accounts.get_mut(&machine.operator.account());
        std::mem::take(&mut account.expect("an account").free)
    });
    let asked = bench.asked();
    until_asked(&world, &bench, asked + 2).await;
    assert_eq!(on_chain(&world, &machine).await.capacity, before);
    world.chain.edit(|state| {
        let account = state.accounts.get_mut(&machine.operator.account());
        account.expect("an account").free = funds;
    });
    let asked = bench.asked();
    until_asked(&world, &bench, asked + 1).await;
    blocks(&world, 2).await;
    assert_eq!(on_chain(&world, &machine).await.capacity, 8 * MICRO as u64);
    process.terminate().await.expect("ends");
}

#[tokio::test]
async fn work_goes_on_between_measurements_and_none_is_lost_to_them() {
    let world = World::new().await;
    let job = world.submit(world.spec(4, 1)).await;
    let machines = [world.machine(0), world.machine(1)];
    let benches = [Bench::showing(AT_START), Bench::showing(AT_START)];
    let mut processes = Vec::new();
    for (machine, bench) in machines.iter().zip(&benches) {
        let set_up = |supervisor: crate::supervisor::Supervisor, _, _| {
            supervisor.measuring(bench.measure(), offer(machine), true)
        };
        processes.push(machine.start_with(set_up).await);
    }
    world
        .drive("the job is done", |state| completed(state, job))
        .await;
    for bench in &benches {
        assert_eq!(bench.asked(), 1, "before the first work");
    }
    world.assert_blameless();
}

#[tokio::test]
async fn units_that_wait_for_a_lane_come_before_a_measurement() {
    let world = World::new().await;
    slow_blocks(&world);
    let machine = world.machine(0);
    machine.running.close(0);
    // How many units had run by then; before there is work it fails, and is due again at the next block.
    let measured_after = Arc::new(AtomicU64::new(u64::MAX));
    let has_work = Arc::new(AtomicBool::new(false));
    let measure: Measure = {
        let (runs, noted) = (machine.runs.clone(), measured_after.clone());
        let has_work = has_work.clone();
        Arc::new(move || {
            if !has_work.load(Ordering::SeqCst) {
                return None;
            }
            let done = runs.lock().expect("nobody panics").len() as u64;
            noted.fetch_min(done, Ordering::SeqCst);
            Some(AT_START)
        })
    };
    let _process = machine
        .start_with(|supervisor, _, _| supervisor.measuring(measure, offer(&machine), false))
        .await;
    let worker = machine.key.account();
    let mut committed = 0;
    for _ in 0..2 {
        world.submit(world.spec(1, 1)).await;
        world
            .drive("it claims", |state| {
                state.workers[&worker].committed > committed
            })
            .await;
        committed = on_chain(&world, &machine).await.committed;
        machine.running.somebody_waits().await;
        has_work.store(true, Ordering::SeqCst);
        // It is due by now, and its only lane busy.
        blocks(&world, 3).await;
    }
    assert_eq!(measured_after.load(Ordering::SeqCst), u64::MAX);
    machine.running.open();
    world
        .drive("it is measured", |_| {
            measured_after.load(Ordering::SeqCst) < u64::MAX
        })
        .await;
    assert_eq!(measured_after.load(Ordering::SeqCst), 2);
}
