//! Inputs that are not served, or too slowly, and what is declined for it.

use sungrid_chain_client::{Chain, JobSpec, memory::MemoryState};
use sungrid_manifest::{Image, JobInput, Manifest, UnitSpec};
use sungrid_primitives::{ISC, JobId, suns::LANE_FUEL_PER_SECOND};

use super::{
    completed,
    cuts::{accepted_units, ranges},
    faults::{counter, pair},
    idle::blocks,
    kit::{Machine, REQUESTER, World, settle},
};
use crate::work::{self, WorkError};

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
        let input = JobInput::alike(Vec::new(), UnitSpec::default(), 2);
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
        let spec = JobSpec {
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
    let after = JobSpec {
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

/// A job of one batch whose units take a minute each at their limits.
async fn of_minutes(world: &World, units: u32) -> JobId {
    let spec = JobSpec {
        fuel_limit: 60 * LANE_FUEL_PER_SECOND,
        ..world.spec(units, units)
    };
    world.submit(spec).await
}

/// By when a machine has to seal the first batch of a job.
async fn due(world: &World, job: JobId, machine: &Machine) -> u32 {
    let batch = world.chain.batch(job, 0).await.expect("reads");
    let own = batch
        .as_ref()
        .and_then(|batch| batch.replica(&machine.key.account()));
    own.and_then(|own| own.due).expect("it is assigned")
}

#[tokio::test]
async fn who_declines_for_a_slow_line_rests_for_nothing() {
    let world = World::new().await;
    let (machines, _processes) = pair(&world).await;
    // GIVEN a batch of two minutes, of which one unit is finished; what the other one needs is on its way for ever
    let job = of_minutes(&world, 2).await;
    trickle(&world, b"own file of 1");
    world
        .drive("both have it", |state| {
            state.workers.values().all(|worker| worker.committed > 0)
        })
        .await;
    let due = due(&world, job, &machines[0]).await;
    world
        .drive("one cuts it, the other declines the rest", |state| {
            let sum = |of: fn(&sungrid_chain_client::Worker) -> u32| -> u32 {
                state.workers.values().map(of).sum()
            };
            sum(|worker| worker.handed_back) == 1 && sum(|worker| worker.declined) == 1
        })
        .await;
    // THEN they waited as long as they could without a rest: until less than those two minutes are left
    let now = world.chain.head().await.expect("reads").number;
    assert!(
        (due - 40 - 6..=due - 40 + 1).contains(&now),
        "{now}, due {due}"
    );
    assert_eq!(ranges(&world, job), [(0, 1), (1, 1)]);
    blocks(&world, 20).await;
    // AND what is finished is paid.
    for machine in &machines {
        assert_eq!(accepted_units(&world, machine), 1);
    }
    world.chain.edit(|state| {
        let rests = |worker: &sungrid_chain_client::Worker| worker.rests_until > 0;
        assert!(!state.workers.values().any(rests));
    });
    world.assert_blameless();
}

#[tokio::test]
async fn who_can_only_decline_too_late_tries_until_the_end() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    machines[0].running.close(0);
    let first = machines[0].start().await;
    let _other = machines[1].start().await;
    let job = of_minutes(&world, 2).await;
    machines[0].running.somebody_waits().await;
    let due = due(&world, job, &machines[0]).await;
    // GIVEN a process that is started anew when it would rest for a decline, and has nothing yet of what it needs
    first.kill().await;
    machines[0].running.open();
    machines[0].fetching.close(0);
    let process = machines[0].start().await;
    settle().await;
    world.chain.advance_to(due - 30);
    for _ in 0..10 {
        settle().await;
        world.chain.advance(1);
    }
    settle().await;
    assert_eq!(counter(&process, "batches_declined_total"), 0);
    // WHEN that comes, then it is in time after all.
    machines[0].fetching.open();
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    assert_eq!(counter(&process, "batches_declined_total"), 0);
    world.assert_blameless();
}

/// Declined and handed back.
fn given_back(world: &World, machine: &Machine) -> (u32, u32) {
    let account = machine.key.account();
    let of = |state: &mut MemoryState| {
        let worker = &state.workers[&account];
        (worker.declined, worker.handed_back)
    };
    world.chain.edit(of)
}

#[tokio::test]
async fn what_is_finished_before_a_missing_input_is_paid() {
    let world = World::new().await;
    let (machine, other, third) = (world.machine(0), world.machine(1), world.machine(2));
    let process = machine.start().await;
    // GIVEN a batch of which one unit's input is withheld
    let spec = world.spec(8, 8);
    let restore = hide_own_file(&world, 3);
    let job = world.submit(spec).await;
    // THEN what is finished before it is a batch of its own, and the rest another's
    world
        .drive("it is cut", |state| state.jobs[&job].cuts.len() == 1)
        .await;
    blocks(&world, 1).await;
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    assert_eq!(given_back(&world, &machine), (0, 1));
    assert_eq!(counter(&process, "batches_declined_total"), 1);
    assert_eq!(counter(&process, "batches_vacated_total"), 0);
    restore();
    let _others = [other.start().await, third.start().await];
    world
        .drive("the others do the rest", |state| completed(state, job))
        .await;
    blocks(&world, 1).await;
    let paid = [&machine, &other, &third].map(|machine| accepted_units(&world, machine));
    assert_eq!(paid.iter().sum::<u64>(), 16, "{paid:?}");
    assert_eq!(paid[0], 3);
    assert_eq!(counter(&process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn who_withholds_one_unit_pays_for_those_before_it_and_has_its_job_paused() {
    let world = World::new().await;
    let machines = [0, 1, 2, 3].map(|n| world.machine(n));
    let mut processes = Vec::new();
    for machine in &machines {
        processes.push(machine.start().await);
    }
    let spec = world.spec(8, 8);
    let _restore = hide_own_file(&world, 5);
    let job = world.submit(spec).await;
    // Of the two that have it one cuts it; the rest, whose first unit it is, is declined by the other and all who come after.
    world
        .drive("the rest is declined", |state| {
            state.workers.values().filter(|w| w.declined == 1).count() == 3
        })
        .await;
    blocks(&world, 20).await;
    assert!(world.chain.declines(job).await.expect("reads").paused);
    assert_eq!(ranges(&world, job), [(0, 5), (5, 3)]);
    let mut paid = machines
        .each_ref()
        .map(|machine| accepted_units(&world, machine));
    paid.sort_unstable();
    assert_eq!(paid, [0, 0, 5, 5]);
    let handed_back = machines.each_ref().map(|one| given_back(&world, one).1);
    assert_eq!(handed_back.iter().sum::<u32>(), 1);
    for process in &processes {
        assert_eq!(counter(process, "deadlines_missed_total"), 0);
        assert_eq!(counter(process, "batches_declined_total"), 1);
    }
    world.assert_blameless();
}

#[tokio::test]
async fn a_batch_whose_first_input_is_missing_is_declined_whole() {
    let world = World::new().await;
    let machine = world.machine(0);
    let _process = machine.start().await;
    let spec = world.spec(8, 8);
    let _restore = hide_own_file(&world, 0);
    let job = world.submit(spec).await;
    let submitted = world.chain.head().await.expect("reads").number;
    let account = machine.key.account();
    world
        .drive("it is declined", |state| {
            state.workers[&account].declined == 1
        })
        .await;
    assert_eq!(ranges(&world, job), [(0, 8)]);
    // Nor does it compute, try after try, what nobody would pay: one unit for each lane at most.
    let runs = machine.runs.lock().expect("no panic").len();
    assert!(runs <= 1, "{runs}");
    let took = world.chain.head().await.expect("reads").number - submitted;
    assert!(took < 30, "{took} blocks");
    world.assert_blameless();
}

#[tokio::test]
async fn an_input_that_comes_late_leaves_no_gap_and_has_nothing_computed_twice() {
    let world = World::new().await;
    let (machines, processes) = pair(&world).await;
    let spec = world.spec(8, 8);
    let restore = hide_own_file(&world, 3);
    let job = world.submit(spec).await;
    blocks(&world, 12).await;
    for machine in &machines {
        let finished = machine.journal().units((job, 0)).expect("reads");
        assert!((0..3).all(|unit| finished.contains_key(&unit)));
        assert!(finished.len() <= 4, "{:?}", finished.keys());
    }
    restore();
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    for machine in &machines {
        let mut runs = machine.runs.lock().expect("no panic").clone();
        runs.sort_unstable();
        assert_eq!(runs, (0..8).collect::<Vec<_>>());
    }
    let declined = |process| counter(process, "batches_declined_total");
    assert_eq!(processes.iter().map(declined).sum::<u64>(), 0);
    assert_eq!(ranges(&world, job), [(0, 8)]);
    world.assert_blameless();
}

#[tokio::test]
async fn what_cannot_be_cut_is_declined_for_its_missing_input() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    // GIVEN a batch that it was drawn for
    let spec = world.spec(8, 8);
    let _restore = hide_own_file(&world, 3);
    let job = world.submit(spec).await;
    world.chain.edit(|state| state.drawn.insert((job, 0)));
    let account = machine.key.account();
    world
        .drive("it is declined", |state| {
            state.workers[&account].declined == 1
        })
        .await;
    settle().await;
    assert_eq!(ranges(&world, job), [(0, 8)]);
    assert_eq!(given_back(&world, &machine), (1, 0));
    assert_eq!(counter(&process, "batches_declined_total"), 1);
    blocks(&world, 60).await;
    assert_eq!(counter(&process, "deadlines_missed_total"), 0);
    world.assert_blameless();
}

#[tokio::test]
async fn what_is_finished_is_sealed_in_time_while_an_input_trickles() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    // GIVEN a batch that takes no time to speak of, whose last input is on its way for ever
    let job = world.submit(world.spec(8, 8)).await;
    trickle(&world, b"own file of 7");
    world
        .drive("it is cut", |state| state.jobs[&job].cuts.len() == 1)
        .await;
    settle().await;
    assert_eq!(ranges(&world, job), [(0, 7), (7, 1)]);
    world.chain.edit(|state| {
        let rests = |worker: &sungrid_chain_client::Worker| worker.rests_until > 0;
        assert!(!state.workers.values().any(rests));
    });
    blocks(&world, 60).await;
    assert_eq!(counter(&process, "deadlines_missed_total"), 0);
    assert_eq!(given_back(&world, &machine), (0, 1));
    world.assert_blameless();
}

#[tokio::test]
async fn who_finished_less_than_others_before_a_missing_input_goes_on_with_their_part() {
    let world = World::new().await;
    let (machine, other) = (world.machine(0), world.machine(1));
    // GIVEN one that lacks the fourth unit's input, and another one that lacks the third's as well, for a while
    let process = machine.start().await;
    let spec = world.spec(8, 8);
    let _restore = hide_own_file(&world, 3);
    let job = world.submit(spec).await;
    let finished = |machine: &Machine| machine.journal().units((job, 0)).expect("reads").len();
    for _ in 0..20 {
        if finished(&machine) >= 3 {
            break;
        }
        blocks(&world, 1).await;
    }
    assert!(finished(&machine) >= 3);
    let restore = hide_own_file(&world, 2);
    let late = other.start().await;
    world
        .drive("it is cut", |state| state.jobs[&job].cuts.len() == 1)
        .await;
    assert_eq!(ranges(&world, job), [(0, 3), (3, 5)]);
    blocks(&world, 1).await;
    restore();
    // THEN both are paid for the part that the first one has sealed.
    let account = other.key.account();
    world
        .drive("the part is paid", |state| {
            state.workers[&account].accepted_units == 3
        })
        .await;
    assert_eq!(accepted_units(&world, &machine), 3);
    assert_eq!(counter(&process, "deadlines_missed_total"), 0);
    assert_eq!(counter(&late, "deadlines_missed_total"), 0);
}
