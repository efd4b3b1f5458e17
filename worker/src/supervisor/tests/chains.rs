//! Jobs whose input is another job's output.

use sungrid_chain_client::{Call, Chain, JobSpec, JobState, Outcome, Until};
use sungrid_manifest::{Bundle, File, JobInput, Manifest, UnitOutput, UnitSpec};
use sungrid_primitives::JobId;

use super::{
    completed,
    kit::{Machine, REQUESTER, TWIN, World, settle},
};

/// The bundle of a batch as one of its winners has it, and what that one's first unit printed.
pub(super) async fn bundle(
    world: &World,
    machines: &[Machine],
    job: JobId,
    batch: u32,
) -> (Bundle, String) {
    let result = world
        .chain
        .result(job, batch)
        .await
        .expect("reads")
        .expect("settled");
    let winner = &result.winners[0];
    let machine = machines
        .iter()
        .find(|machine| machine.key.account() == winner.worker)
        .expect("one of ours");
    world.net.peer(&machine.endpoint, |peer| {
        let bundle = Bundle::decode(&peer.content[&winner.bundle]).expect("a bundle");
        let printed = bundle.outputs[0].stdout.expect("it printed").hash;
        let text = String::from_utf8_lossy(&peer.content[&printed]).into_owned();
        (bundle, text)
    })
}

#[tokio::test]
async fn units_get_the_outputs_of_the_job_before_from_those_who_made_them() {
    let world = World::new().await;
    let makers = [world.machine(0), world.machine(1)];
    let processes = [makers[0].start().await, makers[1].start().await];
    // GIVEN a job, and one after it that gathers the outputs of two units for each of its own
    let first = world.submit(world.spec(4, 2)).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    let spec = JobSpec {
        after: Some(first),
        ..world.spec(2, 1)
    };
    // WHEN others than the makers of the first work on the second
    for process in processes {
        process.terminate().await.expect("ends well");
    }
    let second = world.submit(spec.clone()).await;
    let readers = [world.machine(2), world.machine(3)];
    let _processes = [readers[0].start().await, readers[1].start().await];
    world
        .drive("the second ends", |state| completed(state, second))
        .await;
    world.assert_blameless();

    // THEN each unit saw its own files and what both units left, and the receipts name all of it
    let input = world
        .net
        .peer(REQUESTER, |peer| peer.content[&spec.input].clone());
    let input = JobInput::decode(&input).expect("the job's input");
    for unit in 0..2 {
        let (_, seen) = bundle(&world, &readers, second, unit).await;
        for before in 0..4 {
            for name in ["stdout", "out/tile"] {
                let is_given = seen.contains(&format!("before/{before}/{name}"));
                assert_eq!(is_given, before / 2 == unit, "unit {unit}: {seen}");
            }
        }
        assert!(seen.contains("scene") && seen.contains("own"));
        let mut expected = input.unit(unit).expect("exists");
        let (made, _) = bundle(&world, &makers, first, unit).await;
        let outputs: Vec<(u32, &UnitOutput)> = (2 * unit..).zip(&made.outputs).collect();
        expected.gather(outputs);
        let (done, _) = bundle(&world, &readers, second, unit).await;
        let receipt = done.receipts().expect("receipts")[0].receipt;
        assert_eq!(receipt.input, expected.encode().expect("valid").hash);
    }
}

#[tokio::test]
async fn a_provider_that_is_away_or_lies_is_passed_over() {
    let world = World::new().await;
    let makers = [world.machine(0), world.machine(1)];
    let processes = [makers[0].start().await, makers[1].start().await];
    let first = world.submit(world.spec(2, 2)).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    for process in processes {
        process.terminate().await.expect("ends well");
    }
    // GIVEN one maker that has gone away and one that serves wrong bytes
    world.net.peer(&makers[0].endpoint, |peer| peer.away = true);
    world.net.peer(&makers[1].endpoint, |peer| {
        peer.lies_about = peer.content.keys().copied().collect();
    });
    let readers = [world.machine(2), world.machine(3)];
    let _processes = [readers[0].start().await, readers[1].start().await];
    let second = world
        .submit(JobSpec {
            after: Some(first),
            ..world.spec(2, 2)
        })
        .await;
    for _ in 0..3 {
        settle().await;
        world.chain.advance(1);
    }
    assert!(!world.chain.edit(|state| completed(state, second)));
    // WHEN the first comes back
    world
        .net
        .peer(&makers[0].endpoint, |peer| peer.away = false);
    // THEN its outputs are used
    world
        .drive("the second ends", |state| completed(state, second))
        .await;
}

#[tokio::test]
async fn a_provider_that_trickles_is_passed_over() {
    let world = World::new().await;
    let makers = [world.machine(0), world.machine(1)];
    let processes = [makers[0].start().await, makers[1].start().await];
    let first = world.submit(world.spec(2, 1)).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    for process in processes {
        process.terminate().await.expect("ends well");
    }
    // GIVEN a maker that never comes to an end with anything
    world.net.peer(&makers[0].endpoint, |peer| {
        peer.trickles = peer.content.keys().copied().collect();
    });
    let mut readers = [world.machine(2), world.machine(3)];
    for reader in &mut readers {
        reader.fetch_time = std::time::Duration::ZERO;
    }
    let _processes = [readers[0].start().await, readers[1].start().await];
    // THEN the other one's outputs are used
    let second = world
        .submit(JobSpec {
            after: Some(first),
            ..world.spec(1, 1)
        })
        .await;
    world
        .drive("the second ends", |state| completed(state, second))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn outputs_whose_makers_have_left_are_had_from_who_ordered_them() {
    let world = World::new().await;
    let makers = [world.machine(0), world.machine(1)];
    let processes = [makers[0].start().await, makers[1].start().await];
    let first = world.submit(world.spec(2, 1)).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    for process in processes {
        process.terminate().await.expect("ends well");
    }
    // GIVEN makers that the chain does not know any more, and a requester that received what they made
    for maker in &makers {
        let made = world.net.peer(&maker.endpoint, |peer| peer.content.clone());
        world.net.peer(REQUESTER, |peer| peer.content.extend(made));
        world
            .chain
            .edit(|state| state.workers.remove(&maker.key.account()));
    }
    // THEN a job after theirs runs all the same
    let readers = [world.machine(2), world.machine(3)];
    let _processes = [readers[0].start().await, readers[1].start().await];
    let second = world
        .submit(JobSpec {
            after: Some(first),
            ..world.spec(1, 1)
        })
        .await;
    world
        .drive("the second ends", |state| completed(state, second))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn equal_outputs_of_two_batches_are_had_from_the_makers_of_either() {
    let world = World::new().await;
    let makers = [world.machine(0), world.machine(1)];
    let processes = [makers[0].start().await, makers[1].start().await];
    let first = world.submit(world.spec(2, 1)).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    for process in processes {
        process.terminate().await.expect("ends well");
    }
    // GIVEN a second batch that somebody else made, who has lost what both batches left
    let other = world.machine(4);
    for maker in &makers {
        let made = world.net.peer(&maker.endpoint, |peer| peer.content.clone());
        world
            .net
            .peer(&other.endpoint, |peer| peer.content.extend(made));
    }
    let twin = sungrid_manifest::hash(TWIN);
    world
        .net
        .peer(&other.endpoint, |peer| peer.content.remove(&twin))
        .expect("it had it");
    world.chain.edit(|state| {
        let mut worker = state.workers[&makers[0].key.account()].clone();
        worker.endpoint = other.endpoint.clone();
        state.workers.insert(other.key.account(), worker);
        let result = state.results.get_mut(&(first, 1)).expect("settled");
        result.winners.truncate(1);
        result.winners[0].worker = other.key.account();
    });
    // THEN the makers of the first batch are asked
    let readers = [world.machine(2), world.machine(3)];
    let _processes = [readers[0].start().await, readers[1].start().await];
    let second = world
        .submit(JobSpec {
            after: Some(first),
            ..world.spec(1, 1)
        })
        .await;
    world
        .drive("the second ends", |state| completed(state, second))
        .await;
}

#[tokio::test]
async fn outputs_are_kept_as_long_as_a_job_may_read_them() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    // GIVEN a job that is done, and one after it that nobody may take
    let first = world.submit(world.spec(2, 2)).await;
    let mut spec = world.spec(2, 2);
    spec.after = Some(first);
    spec.constraints.min_streak = u32::MAX;
    let second = world.submit(spec).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    let retention = world.chain.params().await.expect("reads").liability;
    let pass = async |blocks| {
        world.chain.advance(blocks);
        for _ in 0..20 {
            settle().await;
            world.chain.advance(1);
        }
    };
    let kept = || -> usize {
        let kept = |machine: &Machine| world.net.peer(&machine.endpoint, |peer| peer.kept.len());
        machines.iter().map(kept).sum()
    };
    // WHEN its retention is over, the outputs are still there
    pass(retention).await;
    assert_eq!(kept(), 2);
    // AND go when the second one has ended
    let cancel = Call::CancelJob(second);
    let cancelled = world
        .chain
        .submit(&world.requester, cancel, Until::InBlock)
        .await;
    cancelled.expect("cancels");
    pass(0).await;
    assert_eq!(kept(), 0);
}

#[tokio::test]
async fn a_batch_that_needs_too_many_bundles_keeps_no_worker_from_others() {
    let world = World::new().await;
    // GIVEN a job of which each unit of the next, a batch for itself, is to gather 65 batches
    let first = world.submit(world.spec(4 * 65, 1)).await;
    world.chain.edit(|state| {
        let job = state.jobs.get_mut(&first).expect("submitted");
        job.settled = 4 * 65;
        job.state = JobState::Ended {
            outcome: Outcome::Completed,
            at: state.number,
        };
    });
    let greedy = world
        .submit(JobSpec {
            after: Some(first),
            ..world.spec(4, 1)
        })
        .await;
    // WHEN workers meet it
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let other = world.submit(world.spec(2, 2)).await;
    // THEN they do not even claim it, and go on with what can be done
    world
        .drive("the other ends", |state| completed(state, other))
        .await;
    assert_eq!(world.chain.batches(Some(greedy)).await.expect("reads"), []);
    world.assert_blameless();
    assert!(
        machines
            .iter()
            .all(|machine| machine.runs.lock().unwrap().len() == 2)
    );
}

#[tokio::test]
async fn outputs_beyond_a_worker_s_bound_are_declined_once_and_no_miss() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let first = world.submit(world.spec(4, 1)).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    // GIVEN inputs that leave no room for what is gathered, as shows when a batch is claimed
    let large = vec![7; (1 << 20) - 10];
    let size = large.len() as u64;
    let shared = vec![File::new("large", world.net.put(REQUESTER, large), size)];
    let input = JobInput::alike(shared, UnitSpec::default(), 4);
    let input = input.encode().expect("valid").bytes;
    let second = world
        .submit(JobSpec {
            after: Some(first),
            input: world.net.put(REQUESTER, input),
            ..world.spec(4, 1)
        })
        .await;
    // THEN what was claimed is given back at once, and no more is claimed
    world
        .drive("both decline", |state| {
            state.workers.values().all(|worker| worker.declined > 0)
        })
        .await;
    let other = world.submit(world.spec(2, 2)).await;
    world
        .drive("another job ends", |state| completed(state, other))
        .await;
    // AND nothing later, when the chain would let them claim again
    for _ in 0..120 {
        settle().await;
        world.chain.advance(1);
    }
    settle().await;
    world.assert_blameless();
    world.chain.edit(|state| {
        // No more than the claims that were on their way together.
        assert!(state.workers.values().all(|worker| worker.declined <= 2));
        assert!(!completed(state, second));
    });
}
