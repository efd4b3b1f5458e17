//! Bytes in and out: what a receipt states of them, what it costs, and what goes beyond a job's limit.

use sungrid_chain_client::{Chain, JobSpec};
use sungrid_executor::Exit;
use sungrid_manifest::{JobInput, Manifest};
use sungrid_primitives::{JobId, receipt::BatchSummary, suns::CPU_1};
use sungrid_seal::JobKey;

use super::{
    chains::bundle,
    completed,
    faults::{counter, is_declined, pair},
    kit::{Machine, REQUESTER, World},
    sealed::{sealed_spec, submit},
};

/// The job runs to its end; nobody is to blame.
async fn run(world: &World, job: JobId) -> [Machine; 2] {
    let (machines, _processes) = pair(world).await;
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    machines
}

/// Every receipt states the bytes of its manifests, and the accepted result costs what they come to.
async fn assert_bytes(world: &World, machines: &[Machine], job: JobId, input: &JobInput) {
    let record = world.chain.job(job).await.expect("reads").expect("kept");
    for (batch, result) in world.chain.results(job).await.expect("reads") {
        let (bundle, _) = bundle(world, machines, job, batch).await;
        let receipts = bundle.receipts().expect("receipts");
        for (signed, output) in receipts.iter().zip(&bundle.outputs) {
            let receipt = signed.receipt;
            let got = input.unit(receipt.unit).expect("a unit");
            assert_eq!(receipt.bytes_in, got.traffic(record.spec.batch_size));
            assert_eq!(receipt.bytes_out, output.size());
            assert!(receipt.bytes_in > 0 && receipt.bytes_out > 0);
        }
        let leaves: Vec<_> = receipts
            .iter()
            .map(|signed| signed.receipt.leaf())
            .collect();
        assert_eq!(BatchSummary::of(&leaves, &CPU_1), Some(result.summary));
        // A thousand fuel each: it is the bytes that cost.
        let bytes = |leaf: &sungrid_primitives::merkle::UnitLeaf| {
            CPU_1.traffic_charge(leaf.traffic()).expect("a charge")
        };
        assert_eq!(result.summary.charge, leaves.iter().map(bytes).sum());
    }
}

#[tokio::test]
async fn receipts_state_the_bytes_of_the_manifests_and_cost_what_they_come_to() {
    let world = World::new().await;
    let job = world.submit(world.spec(5, 2)).await;
    let machines = run(&world, job).await;
    assert_bytes(&world, &machines, job, &world.input(5)).await;
}

/// The input of a sealed job, with the sizes of sealed files.
fn opened(world: &World, spec: &JobSpec, key: &JobKey) -> JobInput {
    let sealed = world
        .net
        .peer(REQUESTER, |peer| peer.content[&spec.input].clone());
    let input = key.open(sealed.to_vec()).expect("opens");
    JobInput::decode(&input).expect("the job's input")
}

#[tokio::test]
async fn of_a_sealed_job_the_sealed_bytes_count() {
    let (world, key) = (World::new().await, JobKey::from_bytes([7; 32]));
    let spec = sealed_spec(&world, 3, 2, &key);
    let input = opened(&world, &spec, &key);
    let job = submit(&world, spec, &key).await;
    let machines = run(&world, job).await;
    assert_bytes(&world, &machines, job, &input).await;
}

/// What the units of a job with this limit came to: exit code, and bytes out.
async fn left(world: &World, spec: JobSpec, key: Option<&JobKey>) -> (u32, u64) {
    let job = match key {
        Some(key) => submit(world, spec, key).await,
        None => world.submit(spec).await,
    };
    let machines = run(world, job).await;
    let result = world.chain.result(job, 0).await.expect("reads");
    let winner = &result.expect("settled").winners[0];
    let maker = machines.iter().find(|m| m.key.account() == winner.worker);
    world
        .net
        .peer(&maker.expect("one of ours").endpoint, |peer| {
            let bundle = sungrid_manifest::Bundle::decode(&peer.content[&winner.bundle]);
            let receipts = bundle.expect("a bundle").receipts().expect("receipts");
            (receipts[0].receipt.exit, receipts[0].receipt.bytes_out)
        })
}

#[tokio::test]
async fn what_a_unit_leaves_beyond_the_limit_of_its_job_is_not_kept() {
    let limit = |world: &World, traffic_limit| JobSpec {
        traffic_limit,
        ..world.spec(1, 1)
    };
    let world = World::new().await;
    let bytes_in = world.input(1).most_traffic(1);
    let (exit, bytes_out) = left(&world, world.spec(1, 1), None).await;
    assert_eq!(exit, 0);
    // Every replica sees the same limit, so it is a result like any other; the seed in its text has few digits more or less.
    for (room, kept) in [(bytes_out + 200, true), (bytes_out / 2, false)] {
        let world = World::new().await;
        let (exit, out) = left(&world, limit(&world, bytes_in + room), None).await;
        let cut = Exit::OutputLimit.code();
        assert_eq!((exit == 0, exit == cut, out > 0), (kept, !kept, kept));
    }
    // What fits in the clear may not once it is sealed, which takes 64 bytes more for each of three contents.
    let key = JobKey::from_bytes([7; 32]);
    let world = World::new().await;
    let (exit, sealed) = left(&world, sealed_spec(&world, 1, 1, &key), Some(&key)).await;
    assert_eq!(exit, 0);
    let world = World::new().await;
    let mut spec = sealed_spec(&world, 1, 1, &key);
    spec.traffic_limit = opened(&world, &spec, &key).most_traffic(1) + sealed - 100;
    let (exit, out) = left(&world, spec, Some(&key)).await;
    assert_eq!((exit, out), (Exit::OutputLimit.code(), 0));
}

#[tokio::test]
async fn a_job_whose_units_get_more_than_its_limit_is_declined() {
    let world = World::new().await;
    let most = world.input(2).most_traffic(1);
    let spec = JobSpec {
        traffic_limit: most - 1,
        ..world.spec(2, 1)
    };
    is_declined(world, spec).await;
}

#[tokio::test]
async fn outputs_of_the_job_before_count_and_too_many_are_declined() {
    let world = World::new().await;
    let first = world.submit(world.spec(1, 1)).await;
    let (_machines, processes) = pair(&world).await;
    world
        .drive("the first ends", |state| completed(state, first))
        .await;
    // GIVEN a limit that its own input keeps to, and what it gathers does not
    let spec = JobSpec {
        traffic_limit: world.input(1).most_traffic(1) + 10,
        after: Some(first),
        ..world.spec(1, 1)
    };
    let second = world.submit(spec).await;
    world
        .drive("both decline", |state| {
            state.workers.values().all(|worker| worker.declined == 1)
        })
        .await;
    // THEN it is their requester's doing, and no miss
    world.assert_blameless();
    assert!(!world.chain.edit(|state| completed(state, second)));
    for process in &processes {
        assert_eq!(counter(process, "deadlines_missed_total"), 0);
    }
}

/// Who states fewer bytes than a file has pays for fewer, and who states more has others wait for them.
#[tokio::test]
async fn sizes_in_a_manifest_that_are_not_those_of_the_files_are_declined_at_once() {
    for lie in [-1, 1] {
        // Of a file of all units: before anything is claimed.
        let world = World::new().await;
        let mut input = world.input(2);
        let size = &mut input.shared[0].size;
        *size = size.wrapping_add_signed(lie);
        let encoded = input.encode().expect("valid").bytes;
        let spec = JobSpec {
            input: world.net.put(REQUESTER, encoded),
            ..world.spec(2, 1)
        };
        is_declined(world, spec).await;

        // Of a unit's own: when its batch is claimed. One of the workers has had the file from an honest job.
        let world = World::new().await;
        let (_machines, processes) = pair(&world).await;
        let honest = world.submit(world.spec(1, 1)).await;
        world
            .drive("the honest job ends", |state| completed(state, honest))
            .await;
        let mut input = world.input(1);
        let size = &mut input.units[0].files[0].size;
        *size = size.wrapping_add_signed(lie);
        let encoded = input.encode().expect("valid").bytes;
        let spec = JobSpec {
            input: world.net.put(REQUESTER, encoded),
            ..world.spec(1, 1)
        };
        let submitted = world.chain.head().await.expect("reads").number;
        world.submit(spec).await;
        world
            .drive("both decline", |state| {
                state.workers.values().all(|worker| worker.declined == 1)
            })
            .await;
        let took = world.chain.head().await.expect("reads").number - submitted;
        assert!(took < 10, "{took} blocks");
        world.assert_blameless();
        for process in &processes {
            assert_eq!(counter(process, "deadlines_missed_total"), 0);
        }
    }
}
