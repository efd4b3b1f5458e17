//! A machine whose owner comes and goes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sungrid_chain_client::{Chain, ReplicaState, memory::MemoryState};
use sungrid_idle::{Input, Policy, Power, Reading, Readings, State};
use sungrid_primitives::JobId;

use super::{
    completed,
    faults::counter,
    kit::{Machine, Running, World, settle},
};
use crate::{
    idle::{self, TICK, Watcher},
    schedule::{self, Choice, Done, Greedy, Offer, Scheduler, energy::Energy},
    supervisor::Supervisor,
};

/// Counts the runs that hold memory.
pub(super) struct Alive(Arc<AtomicU64>);

impl Alive {
    pub(super) fn new(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A process on a desktop, and its owner.
pub(super) struct Desk {
    pub(super) process: Running,
    watcher: Watcher,
    now: Duration,
    input_at: Duration,
}

/// Takes what comes, and notes how long it was told that batches took.
struct Listens(Arc<Mutex<Vec<Option<f64>>>>);

impl Scheduler for Listens {
    fn choose(&mut self, offers: &[Offer<'_>], machine: &schedule::Machine) -> Vec<Choice> {
        Greedy.choose(offers, machine)
    }

    fn learn(&mut self, done: &Done) {
        self.0.lock().expect("no panic").push(done.seconds);
    }
}

impl Desk {
    pub(super) async fn start(machine: &Machine) -> Self {
        Self::start_with(machine, |supervisor| supervisor).await
    }

    pub(super) async fn start_with(
        machine: &Machine,
        set_up: impl FnOnce(Supervisor) -> Supervisor,
    ) -> Self {
        let mut watcher = None;
        let process = machine
            .start_with(|supervisor, runner, metrics| {
                let policy = Policy::default();
                let (eye, idle) = idle::watch(policy, runner, metrics).expect("makes sense");
                watcher = Some(eye);
                set_up(supervisor.with_idle(idle))
            })
            .await;
        Self {
            process,
            watcher: watcher.expect("was made"),
            now: Duration::ZERO,
            input_at: Duration::ZERO,
        }
    }

    /// One look at a machine on which nothing speaks against work but its owner's hands.
    fn look(&mut self) -> State {
        self.now += TICK;
        let readings = Readings {
            input: [("test", Input::Whole(self.now - self.input_at))].into(),
            foreign_cpu: Reading::Known(1),
            foreign_memory: Reading::Known(30),
            power: Reading::Known(Power::Mains),
            metered: Reading::Known(false),
            ..Readings::default()
        };
        self.watcher.look(self.now, &readings)
    }

    /// Nobody touches it for so long; the daemon has its say after each look.
    async fn rest(&mut self, seconds: u64) -> State {
        for _ in 1..seconds * 2 {
            self.look();
            tokio::task::yield_now().await;
        }
        let state = self.look();
        settle().await;
        state
    }

    /// Somebody works on it for so long.
    pub(super) async fn work(&mut self, seconds: u64) -> State {
        for _ in 1..seconds * 2 {
            self.input_at = self.now + TICK;
            self.look();
            tokio::task::yield_now().await;
        }
        self.input_at = self.now + TICK;
        let state = self.look();
        settle().await;
        state
    }

    /// Until it is free for work.
    pub(super) async fn leave(&mut self) {
        assert_eq!(self.rest(302).await, State::Idle);
    }
}

pub(super) async fn blocks(world: &World, count: u32) {
    for _ in 0..count {
        settle().await;
        world.chain.advance(1);
    }
    settle().await;
}

/// A desktop, left by its owner, and another machine; a job of one batch for both, whose unit is in the middle of its work on the desktop.
async fn in_the_middle(world: &World, machine: &Machine) -> (Desk, JobId) {
    let mut desk = Desk::start(machine).await;
    desk.leave().await;
    machine.running.close(0);
    let job = world.submit(world.spec(1, 1)).await;
    let account = machine.key.account();
    let claimed = |state: &mut MemoryState| state.workers[&account].committed > 0;
    world.drive("it is claimed", claimed).await;
    machine.running.somebody_waits().await;
    assert_eq!(desk.look(), State::Running);
    (desk, job)
}

#[tokio::test]
async fn nothing_is_claimed_while_the_owner_is_there() {
    let world = World::new().await;
    let machine = world.machine(0);
    let mut desk = Desk::start(&machine).await;
    let other = world.machine(1);
    let _other = other.start().await;
    let job = world.submit(world.spec(2, 1)).await;
    desk.work(100).await;
    blocks(&world, 20).await;
    assert_eq!(counter(&desk.process, "claims_total"), 0);
    let status = desk.process.metrics.status();
    assert!(
        status.idle_reason.contains("owner"),
        "{}",
        status.idle_reason
    );
    let standing = status.machine.expect("there is a policy");
    assert_eq!(standing.state, State::Owner);
    let why = standing.against().next().expect("a reason").to_string();
    assert_eq!(why, "last input: 0 s ago, wanted: 300 s");
    // It takes work up as soon as the owner has left, without waiting for a block.
    desk.leave().await;
    settle().await;
    assert!(counter(&desk.process, "claims_total") > 0);
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn work_stands_still_within_two_seconds_and_goes_on_with_the_same_result() {
    let world = World::new().await;
    let (machine, other) = (world.machine(0), world.machine(1));
    let _other = other.start().await;
    let (mut desk, job) = in_the_middle(&world, &machine).await;
    // WHEN somebody touches the mouse
    desk.input_at = desk.now;
    let touched = desk.now;
    let bound = Duration::from_secs(2);
    while desk.look() != State::Suspended {
        assert!(desk.now - touched < bound);
    }
    assert!(desk.now - touched < bound);
    // THEN the unit stands still, whatever it waited for
    machine.running.open();
    desk.work(50).await;
    blocks(&world, 10).await;
    assert!(machine.runs.lock().unwrap().is_empty());
    assert_eq!(machine.alive.load(Ordering::SeqCst), 1);
    assert_eq!(counter(&desk.process, "suspensions_total"), 1);
    // WHEN nobody has touched it for a minute, then it goes on, and both agree to the bit
    assert_eq!(desk.rest(59).await, State::Suspended);
    assert!(desk.rest(2).await.may_work());
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    assert_eq!(*machine.runs.lock().unwrap(), [0], "it ran once");
    assert_eq!(counter(&desk.process, "batches_accepted_total"), 1);
    world.assert_blameless();
}

#[tokio::test]
async fn time_that_work_stood_still_is_not_taken_for_slowness() {
    let world = World::new().await;
    let (machine, other) = (world.machine(0), world.machine(1));
    let _other = other.start().await;
    let heard = Arc::<Mutex<Vec<_>>>::default();
    let listens = Box::new(Listens(heard.clone()));
    let mut desk = Desk::start_with(&machine, |supervisor| {
        supervisor.choosing(listens, Energy::default(), 0, 0)
    })
    .await;
    desk.leave().await;
    machine.running.close(0);
    let job = world.submit(world.spec(1, 1)).await;
    machine.running.somebody_waits().await;
    // GIVEN a batch that is held, while the node is away
    world.chain.set_connected(false);
    assert_eq!(desk.work(5).await, State::Suspended);
    machine.running.open();
    assert!(desk.rest(61).await.may_work());
    world.chain.set_connected(true);
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    // AND one that is not
    let job = world.submit(world.spec(1, 1)).await;
    world
        .drive("the next one ends", |state| completed(state, job))
        .await;
    // THEN only that one says how fast this machine is
    let heard = heard.lock().expect("no panic");
    assert!(matches!(heard[..], [None, Some(_)]), "{heard:?}");
}

#[tokio::test]
async fn an_owner_who_stays_has_the_machine_and_nobody_is_to_blame() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let _other = other.start().await;
    let (mut desk, job) = in_the_middle(&world, &machine).await;
    machine.running.open();
    assert_eq!(desk.work(600).await, State::Suspended);
    // Given back in the same moment: the memory is free at once, and the batch is another's.
    assert_eq!(desk.work(2).await, State::Owner);
    assert_eq!(machine.alive.load(Ordering::SeqCst), 0);
    assert_eq!(counter(&desk.process, "batches_vacated_total"), 1);
    assert_eq!(counter(&desk.process, "batches_declined_total"), 0);
    assert!(machine.journal().load().expect("reads").is_empty());
    let _third = third.start().await;
    world
        .drive("the others do it", |state| completed(state, job))
        .await;
    assert!(machine.runs.lock().unwrap().is_empty());
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_stands_still_is_given_back_before_its_deadline() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, _) = in_the_middle(&world, &machine).await;
    assert_eq!(desk.work(5).await, State::Suspended);
    let account = machine.key.account();
    let given_back = |state: &mut MemoryState| state.workers[&account].handed_back == 1;
    world.drive("it is given back", given_back).await;
    settle().await;
    // By the owner's clock it is far from that.
    let standing = desk
        .process
        .metrics
        .status()
        .machine
        .expect("there is a policy");
    assert!(standing.state == State::Suspended && standing.for_s < 10);
    assert_eq!(machine.alive.load(Ordering::SeqCst), 0);
    blocks(&world, 60).await;
    assert_eq!(counter(&desk.process, "batches_vacated_total"), 1);
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_it_was_drawn_for_it_declines_for_its_owner() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, _) = in_the_middle(&world, &machine).await;
    let all = world.chain.batches(None).await.expect("reads");
    world.chain.edit(|state| {
        let drawn = all.iter().map(|(job, batch, _)| (*job, *batch));
        state.drawn.extend(drawn);
    });
    assert_eq!(desk.work(5).await, State::Suspended);
    let account = machine.key.account();
    let given_back = |state: &mut MemoryState| state.workers[&account].declined == 1;
    world.drive("it is declined", given_back).await;
    settle().await;
    world
        .chain
        .edit(|state| assert_eq!(state.workers[&account].handed_back, 0));
    assert_eq!(counter(&desk.process, "batches_vacated_total"), 1);
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_stood_still_for_too_long_to_be_in_time_is_given_back_though_it_goes_on() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, _) = in_the_middle(&world, &machine).await;
    assert_eq!(desk.work(5).await, State::Suspended);
    blocks(&world, 1).await;
    assert_eq!(desk.rest(61).await, State::Running);
    let account = machine.key.account();
    let given_back = |state: &mut MemoryState| state.workers[&account].handed_back == 1;
    world.drive("it is given back", given_back).await;
    blocks(&world, 60).await;
    assert_eq!(counter(&desk.process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_was_finished_is_paid_though_the_owner_is_back() {
    let world = World::new().await;
    let (machine, other) = (world.machine(0), world.machine(1));
    let mut desk = Desk::start(&machine).await;
    desk.leave().await;
    // GIVEN a batch that is sealed here, and nowhere else yet
    let job = world.submit(world.spec(2, 2)).await;
    let account = machine.key.account();
    let is_committed = async || {
        let batches = world.chain.batches(Some(job)).await.expect("reads");
        let ours = batches
            .iter()
            .find_map(|(_, _, batch)| batch.replica(&account));
        ours.is_some_and(|replica| matches!(replica.state, ReplicaState::Committed(_)))
    };
    let mut left = 40;
    while !is_committed().await {
        blocks(&world, 1).await;
        left -= 1;
        assert!(left > 0, "it is never sealed");
    }
    // WHEN the owner comes back for good
    assert_eq!(desk.work(700).await, State::Owner);
    let _other = other.start().await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    settle().await;
    world.chain.advance(1);
    settle().await;
    assert_eq!(counter(&desk.process, "batches_accepted_total"), 1);
    assert_eq!(counter(&desk.process, "batches_vacated_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_cannot_be_given_back_is_killed_after_its_grace() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (mut desk, _) = in_the_middle(&world, &machine).await;
    machine.running.open();
    // GIVEN a node that is away, so that nothing can be given back
    world.chain.set_connected(false);
    assert_eq!(desk.work(610).await, State::Vacating);
    assert_eq!(machine.alive.load(Ordering::SeqCst), 1);
    // THEN the machine is its owner's a minute later all the same
    assert_eq!(desk.work(60).await, State::Vacating);
    assert_eq!(machine.alive.load(Ordering::SeqCst), 0);
    assert!(!desk.process.task.is_finished());
    // AND what is due is done once the node is back
    world.chain.set_connected(true);
    let account = machine.key.account();
    world
        .drive("it is given back", |state| {
            state.workers[&account].handed_back == 1
        })
        .await;
    settle().await;
    assert_eq!(desk.look(), State::Owner);
    world.assert_blameless();
}

#[tokio::test]
async fn a_policy_that_dies_leaves_the_machine_to_its_owner() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (desk, _) = in_the_middle(&world, &machine).await;
    let Desk {
        process, watcher, ..
    } = desk;
    drop(watcher);
    machine.running.open();
    let job = world.submit(world.spec(4, 1)).await;
    blocks(&world, 20).await;
    assert!(machine.runs.lock().unwrap().is_empty());
    let in_flight = world.chain.batches(Some(job)).await.expect("reads");
    assert!(in_flight.is_empty(), "{in_flight:?}");
    assert_eq!(counter(&process, "claims_total"), 1);
    process.terminate().await.expect("stops");
}

#[tokio::test]
async fn what_its_owner_keeps_from_its_input_is_not_its_requesters_fault() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (desk, _) = in_the_middle(&world, &machine).await;
    // GIVEN a batch in hand of a process that was started anew, whose inputs are on their way
    desk.process.kill().await;
    machine.fetching.close(0);
    let mut desk = Desk::start(&machine).await;
    assert!(desk.rest(302).await.may_work());
    machine.fetching.somebody_waits().await;
    // WHEN the owner comes back, and it cannot be in time any more
    desk.work(5).await;
    let account = machine.key.account();
    world
        .drive("it is given back", |state| {
            state.workers[&account].handed_back == 1
        })
        .await;
    blocks(&world, 2).await;
    assert_eq!(counter(&desk.process, "batches_vacated_total"), 1);
    assert_eq!(counter(&desk.process, "batches_declined_total"), 0);
    world.chain.edit(|state| {
        assert_eq!(state.workers[&account].rests_until, 0, "it was in time");
    });
    world.assert_blameless();
}
