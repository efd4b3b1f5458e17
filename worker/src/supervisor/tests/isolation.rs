//! Batches whose process dies.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use sungrid_executor::{Cancel, Limits, Outcome, RunError, Task};

use super::{
    completed,
    kit::{Printer, World},
};
use crate::ports::Program;

/// How many units the processes of a machine live through, one after the other; those after that live on.
#[derive(Default)]
pub(super) struct Fates {
    lives: Mutex<Vec<u32>>,
    opened: AtomicU32,
}

impl Fates {
    /// The process of a batch.
    pub(super) fn open(&self, printer: &Printer) -> Arc<dyn Program> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        let left = match lives.is_empty() {
            true => u32::MAX,
            false => lives.remove(0),
        };
        Arc::new(Mortal {
            printer: printer.clone(),
            left: AtomicU32::new(left),
        })
    }
}

struct Mortal {
    printer: Printer,
    left: AtomicU32,
}

#[async_trait]
impl Program for Mortal {
    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        if self.left.load(Ordering::Relaxed) == 0 {
            return Err(RunError::Host("its process was killed".into()));
        }
        self.left.fetch_sub(1, Ordering::Relaxed);
        self.printer.run(task, limits, cancel).await
    }
}

#[tokio::test]
async fn a_process_that_dies_costs_its_batch_time_and_no_finished_unit() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    // Killed before its first unit, after two, after one more.
    *machines[0]
        .fates
        .lives
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = vec![0, 2, 1];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let job = world.submit(world.spec(6, 6)).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    // Both agreed, nobody was slashed: no receipt came of what was cut off.
    world.assert_blameless();
    for (machine, opened) in machines.iter().zip([4, 1]) {
        let mut runs = machine
            .runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        runs.sort_unstable();
        assert_eq!(runs, [0, 1, 2, 3, 4, 5], "each unit is computed once");
        assert_eq!(machine.fates.opened.load(Ordering::Relaxed), opened);
    }
}

#[tokio::test]
async fn each_batch_has_a_process_of_its_own() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let job = world.submit(world.spec(7, 2)).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    for machine in &machines {
        assert_eq!(machine.fates.opened.load(Ordering::Relaxed), 4);
    }
}
