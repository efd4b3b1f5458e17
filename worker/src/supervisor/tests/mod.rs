//! The daemon against a chain in memory: every phase, every interruption.

mod capacity;
mod chains;
mod choosing;
mod cuts;
mod declines;
mod drains;
mod faults;
mod finality;
mod hints;
mod idle;
mod isolation;
mod kit;
mod measure;
mod needs;
mod recovery;
mod reports;
mod sealed;
mod sharing;
mod traffic;
mod units;
mod witness;

use kit::{REQUESTER, World, settle};
use sp_core::H256;
use sungrid_chain_client::{
    Call, Chain, JobState, Listing, Outcome, Tier, Until, WorkerState, memory::MemoryState,
};
use sungrid_manifest::{Bundle, JobInput, Manifest, ResultReady};
use sungrid_primitives::{JobId, merkle, receipt::BatchSummary, suns::CPU_1};

use crate::journal::Stage;

fn completed(state: &MemoryState, job: JobId) -> bool {
    matches!(
        state.jobs[&job].state,
        JobState::Ended {
            outcome: Outcome::Completed,
            ..
        }
    )
}

#[tokio::test]
async fn a_job_is_computed_verified_served_and_paid() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let processes = [machines[0].start().await, machines[1].start().await];
    let spec = world.spec(7, 2);
    let job = world.submit(spec.clone()).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();

    let record = world.chain.job(job).await.expect("reads").expect("exists");
    assert_eq!((record.settled, record.failed), (4, 0));
    let results = world.chain.results(job).await.expect("reads");
    assert_eq!(results.len(), 4);
    for (batch, result) in results {
        assert_eq!(result.winners.len(), 2);
        for winner in &result.winners {
            let machine = machines
                .iter()
                .find(|m| m.key.account() == winner.worker)
                .expect("one of ours");
            // What a requester does: fetch the bundle, check it offline, fetch what it names.
            let bytes = world.net.peer(&machine.endpoint, |peer| {
                peer.content[&winner.bundle].clone()
            });
            let bundle = Bundle::decode(&bytes).expect("a bundle");
            let receipts = bundle.receipts().expect("receipts");
            assert!(receipts.iter().all(|receipt| receipt.verify()));
            let leaves: Vec<_> = receipts
                .iter()
                .map(|signed| signed.receipt.leaf())
                .collect();
            assert_eq!(merkle::root(&leaves), result.summary.root);
            assert_eq!(BatchSummary::of(&leaves, &CPU_1), Some(result.summary));
            let input = world
                .net
                .peer(REQUESTER, |peer| peer.content[&spec.input].clone());
            let input = JobInput::decode(&input).expect("the job's input");
            for (signed, output) in receipts.iter().zip(&bundle.outputs) {
                let receipt = signed.receipt;
                assert_eq!(receipt.genesis, world.chain.genesis());
                assert_eq!((receipt.job, receipt.image), (job, spec.image));
                let unit = input
                    .unit(receipt.unit)
                    .expect("exists")
                    .encode()
                    .expect("valid");
                assert_eq!(receipt.input, unit.hash);
                let kept = world.net.peer(&machine.endpoint, |peer| {
                    let kept = peer.kept[&format!("batch/{job}/{batch}")].clone();
                    (
                        kept,
                        peer.content[&output.stdout.expect("it printed").hash].clone(),
                    )
                });
                assert!(kept.0.contains(&output.files[0].hash));
                assert!(kept.1.windows(6).any(|part| part == b"--unit"));
            }
        }
    }
    let notices = world.net.peer(REQUESTER, |peer| peer.notices.clone());
    assert_eq!(notices.len(), 8, "one notice for each replica");
    assert!(
        notices
            .iter()
            .all(|notice| ResultReady::from_bytes(notice).is_ok())
    );

    // Rewards are claimed by themselves.
    world
        .drive("rewards are claimed", |state| {
            machines
                .iter()
                .all(|machine| !state.rewards.contains_key(&machine.operator.account()))
        })
        .await;
    for (machine, process) in machines.iter().zip(processes) {
        assert!(
            world
                .chain
                .credit(&machine.key.account())
                .await
                .expect("reads")
                .total
                > 0
        );
        process.terminate().await.expect("ends well");
    }
}

#[tokio::test]
async fn a_worker_may_take_listed_images_only() {
    let world = World::new().await;
    let (mut strict, other) = (world.machine(0), world.machine(1));
    strict.listed_only = true;
    let _processes = [strict.start().await, other.start().await];
    let job = world.submit(world.spec(2, 2)).await;
    let started = |state: &mut MemoryState| state.jobs[&job].in_flight > 0;
    world.drive("one has begun", started).await;
    for _ in 0..5 {
        settle().await;
        world.chain.advance(1);
    }
    assert!(strict.runs.lock().unwrap().is_empty());
    assert!(!world.chain.edit(|state| completed(state, job)));
    // Once governance has listed the image, it takes this job and the next one.
    let list = |listed| {
        world.chain.edit(|state| {
            let image = state.images.get_mut(&world.image).expect("published");
            image.listing = Some(Listing {
                listed,
                reason: H256::zero(),
            });
        });
    };
    list(true);
    world.drive("it ends", |state| completed(state, job)).await;
    let next = world.submit(world.spec(2, 2)).await;
    world
        .drive("the next ends", |state| completed(state, next))
        .await;
    assert_eq!(strict.runs.lock().unwrap().len(), 4);
    // Once the listing is withdrawn, it claims no more of a job that it works on.
    strict.running.close(0);
    let last = world.submit(world.spec(8, 2)).await;
    strict.running.somebody_waits().await;
    let claimed = |state: &mut MemoryState| state.workers[&strict.key.account()].committed;
    let before = world.chain.edit(claimed);
    list(false);
    strict.running.open();
    for _ in 0..40 {
        settle().await;
        world.chain.advance(1);
    }
    assert!(before > 0 && world.chain.edit(claimed) == 0);
    assert_eq!(strict.runs.lock().unwrap().len(), 8);
    assert!(!world.chain.edit(|state| completed(state, last)));
}

#[tokio::test]
async fn outputs_are_served_until_retention_ends_and_then_let_go() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let job = world.submit(world.spec(2, 2)).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    settle().await;
    world.chain.advance(1);
    settle().await;
    let served = |machine: &kit::Machine| world.net.peer(&machine.endpoint, |peer| peer.kept.len());
    assert!(machines.iter().all(|machine| served(machine) == 1));
    assert!(machines.iter().all(|machine| {
        machine
            .journal()
            .load()
            .expect("reads")
            .iter()
            .all(|entry| entry.stage == Stage::Settled)
    }));
    let retention = world.chain.params().await.expect("reads").liability;
    world.chain.advance(retention);
    for _ in 0..20 {
        settle().await;
        world.chain.advance(1);
    }
    settle().await;
    assert!(machines.iter().all(|machine| served(machine) == 0));
    assert!(
        machines
            .iter()
            .all(|machine| machine.journal().load().expect("reads").is_empty())
    );
}

#[tokio::test]
async fn a_delivery_receipt_ends_retention_for_what_it_covers() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let job = world.submit(world.spec(4, 2)).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    let acknowledge = async |below| {
        let call = Call::Acknowledge { job, below };
        let sent = world.chain.submit(&world.requester, call, Until::InBlock);
        sent.await.expect("it has them");
        for _ in 0..20 {
            settle().await;
            world.chain.advance(1);
        }
        settle().await;
        let kept = |machine: &kit::Machine| {
            world.net.peer(&machine.endpoint, |peer| {
                peer.kept.keys().cloned().collect::<Vec<_>>()
            })
        };
        [kept(&machines[0]), kept(&machines[1])]
    };
    let second = vec![format!("batch/{job}/1")];
    assert_eq!(acknowledge(1).await, [second.clone(), second]);
    assert_eq!(acknowledge(2).await, [vec![], vec![]] as [Vec<String>; 2]);
}

#[tokio::test]
async fn the_better_paid_job_goes_first() {
    let world = World::new().await;
    let mut cheap = world.spec(2, 1);
    cheap.price /= 10;
    let (cheap, dear) = (
        world.submit(cheap).await,
        world.submit(world.spec(2, 1)).await,
    );
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    world
        .drive("the dear job ends", |state| completed(state, dear))
        .await;
    world
        .drive("and then the cheap one", |state| completed(state, cheap))
        .await;
    let ended = |job: JobId| {
        world.chain.edit(|state| match state.jobs[&job].state {
            JobState::Ended { at, .. } => at,
            _ => u32::MAX,
        })
    };
    assert!(ended(dear) < ended(cheap));
}

#[tokio::test]
async fn a_drawn_worker_answers_and_one_that_was_away_comes_back() {
    let world = World::new().await;
    let machine = world.machine(0);
    let process = machine.start().await;
    let account = machine.key.account();
    // GIVEN a draw
    world.chain.edit(|state| {
        state.summons.insert(account.clone(), state.number);
    });
    world
        .drive("it answers", |state| state.summons.is_empty())
        .await;
    // AND a report while it was away
    world.chain.edit(|state| {
        let record = state.workers.get_mut(&account).expect("registered");
        record.state = WorkerState::Paused;
    });
    world
        .drive("it is back", |state| {
            state.workers[&account].state == WorkerState::Active
        })
        .await;
    // But what its operator paused stays so.
    let operator = machine.operator.clone();
    let pause = Call::Pause(account.clone());
    let paused = world.chain.submit(&operator, pause, Until::InBlock).await;
    paused.expect("the operator may");
    for _ in 0..10 {
        settle().await;
        world.chain.advance(1);
    }
    let record = world.chain.worker(&account).await.expect("reads");
    assert_eq!(record.map(|r| r.state), Some(WorkerState::Suspended));
    process.terminate().await.expect("stops");
}

#[tokio::test]
async fn jobs_that_do_not_fit_are_left_alone() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let processes = [machines[0].start().await, machines[1].start().await];
    let mut elsewhere = world.spec(1, 1);
    elsewhere.constraints.jurisdictions = vec![*b"FR"].try_into().expect("one");
    let mut vouched = world.spec(1, 1);
    vouched.constraints.tiers.jurisdiction = Tier::Attested;
    let mut veterans = world.spec(1, 1);
    veterans.constraints.min_streak = 1_000;
    let mut huge = world.spec(1, 1);
    huge.memory_limit = 2 << 30;
    for spec in [elsewhere, vouched, veterans, huge] {
        world.submit(spec).await;
    }
    let fits = world.submit(world.spec(1, 1)).await;
    world
        .drive("the one that fits ends", |state| completed(state, fits))
        .await;
    let in_flight = world.chain.batches(None).await.expect("reads");
    assert!(in_flight.is_empty());
    for process in processes {
        assert_eq!(
            process.metrics.status().counters[0],
            ("claims_total".into(), 1)
        );
    }
    world.assert_blameless();
}
