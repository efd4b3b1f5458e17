//! Workers that give each other what a job needs, and nobody else.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use sungrid_access::{JobAccess, Part, card};
use sungrid_chain_client::{Call, Chain, JobSpec, Until};
use sungrid_data_plane::{Config, DataPlane, FetchOptions, Hash, PeerAddress, PeerFault};
use sungrid_manifest::{File, JobInput, Manifest, UnitSpec};
use sungrid_primitives::{ContentHash, JobId};

use super::{
    completed,
    kit::{Machine, REQUESTER, World},
};
use crate::{
    plane::Plane,
    ports::{BlobError, Blobs, Ports, Source},
    register,
    work::{self, Bounds},
};

#[tokio::test]
async fn a_requester_that_leaves_is_stood_in_for_by_who_came_earlier() {
    let world = World::new().await;
    let (early, late) = (world.machine(0), world.machine(1));
    let _early = early.start().await;
    let job = world.submit(world.spec(2, 2)).await;
    // GIVEN one of two replicas, computed
    let computed = |machine: &Machine| machine.runs.lock().expect("no panic").len();
    world
        .drive("one replica is computed", |_| computed(&early) == 2)
        .await;
    // WHEN the requester is gone before the second worker has come
    world.net.peer(REQUESTER, |peer| peer.away = true);
    let _late = late.start().await;
    // THEN the first one has all that the second one needs
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    assert_eq!(computed(&late), 2);
}

#[tokio::test]
async fn of_equal_jobs_the_one_whose_inputs_are_here_comes_first() {
    let world = World::new().await;
    let machine = world.machine(0);
    let older = world.submit(world.spec(2, 1)).await;
    // GIVEN the input of a later one, left here by another job
    let (spec, input) = (world.spec(3, 1), world.input(3));
    let files = input.shared.iter();
    let files = files.chain(input.units.iter().flat_map(|unit| &unit.files));
    for hash in files.map(|file| file.hash).chain([spec.input]) {
        let bytes = world
            .net
            .peer(REQUESTER, |peer| peer.content[&hash].clone());
        world.net.put(&machine.endpoint, bytes);
    }
    let newer = world.submit(spec).await;
    // WHEN there is room for two batches, and none gets done
    machine.running.close(0);
    let _process = machine.start().await;
    world
        .drive("two are claimed", |state| state.batches.len() >= 2)
        .await;
    // THEN both are of that one
    let claimed = world.chain.batches(None).await.expect("reads");
    let jobs: Vec<JobId> = claimed.iter().map(|(job, _, _)| *job).collect();
    assert_eq!(jobs, [newer, newer], "not {older}");
}

/// A worker's store on a data plane of its own.
pub(super) async fn store(world: &World, machine: &Machine, folder: &Path) -> Plane {
    let mut config = Config::persistent(folder);
    config.min_free_disk_bytes = 0;
    store_with(world, machine, config).await
}

async fn store_with(world: &World, machine: &Machine, mut config: Config) -> Plane {
    let chain: Arc<dyn Chain> = Arc::new(world.chain.clone());
    let access = Arc::new(JobAccess::new(chain).remembering_for(Duration::ZERO));
    config.access = access.clone();
    config.secrets = access.clone();
    let node = DataPlane::spawn(config).await.expect("up");
    let genesis = world.chain.genesis();
    let card = card::sign(&machine.key, &genesis, &node.endpoint_id());
    node.set_card(card).expect("short enough");
    Plane::new(node, access).await
}

/// Registers a worker with its store.
pub(super) async fn registered(world: &World, machine: &Machine) -> Arc<Plane> {
    let plane = Arc::new(store(world, machine, machine.folder.path()).await);
    let ports = Ports {
        blobs: plane.clone(),
        ..machine.ports()
    };
    register::ensure(&ports, &machine.offer())
        .await
        .expect("registers");
    plane
}

fn content(hash: Hash) -> ContentHash {
    ContentHash::from(*hash.as_bytes())
}

/// Fetches from a worker as a peer that is none; the fault if it is refused.
async fn fetch(node: &DataPlane, hash: ContentHash, from: &Plane) -> Result<(), PeerFault> {
    let from = PeerAddress::from_bytes(&from.endpoint()).expect("an address");
    let hash = Hash::from_bytes(hash.0);
    let fetched = node.fetch(hash, &[from], FetchOptions::up_to(1_000)).await;
    fetched
        .map(drop)
        .map_err(|error| error.attempts()[0].fault.clone())
}

/// It may have been right in another job of the same requester.
#[tokio::test]
async fn content_that_is_here_and_has_more_bytes_than_it_is_said_to_have_is_its_requesters_doing() {
    let world = World::new().await;
    let machine = world.machine(0);
    let plane = registered(&world, &machine).await;
    let requester = DataPlane::spawn(Config::memory()).await.expect("up");
    let held = requester.put_bytes(&b"own file of 0"[..]).await;
    let hash = content(held.expect("stored").hash());
    let from = Source {
        job: 0,
        part: Part::Shared,
        peers: vec![requester.address().to_bytes()],
    };
    for here in [false, true] {
        let understated = plane.bring(hash, &from, 12).await.map(drop);
        assert!(
            matches!(understated, Err(BlobError::Misbehaved(_))),
            "here: {here}, {understated:?}"
        );
        plane.bring(hash, &from, 13).await.expect("as it is");
    }
    requester.shutdown().await;
    plane.shutdown().await;
}

#[tokio::test]
async fn inputs_go_on_to_other_parties_and_outputs_to_the_requester_until_they_are_let_go() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let first = registered(&world, &machines[0]).await;
    let second = registered(&world, &machines[1]).await;
    let node = || async { DataPlane::spawn(Config::memory()).await.expect("up") };
    let (requester, stranger) = (node().await, node().await);
    let spec = JobSpec {
        endpoint: requester.address().to_bytes(),
        ..world.spec(2, 1)
    };
    let job = world.submit(spec).await;

    // Inputs: the second has them from the first, which has them from the requester.
    let held = requester.put_bytes("the input").await.expect("stored");
    let input = content(held.hash());
    let source = |from: Vec<u8>| Source {
        job,
        part: Part::Shared,
        peers: vec![from],
    };
    let asked = source(requester.address().to_bytes());
    drop(first.bring(input, &asked, 100).await.expect("served"));
    assert_eq!(
        fetch(&stranger, input, &first).await,
        Err(PeerFault::Forbidden)
    );
    let asked = source(first.endpoint());
    drop(second.bring(input, &asked, 100).await.expect("served"));

    // Outputs: for the requester alone.
    let mut outputs = Vec::new();
    for batch in 0..3 {
        let bytes = Bytes::from(format!("the outputs of batch {batch}"));
        let stored = first.put(bytes).await.expect("stored");
        let name = work::name((job, batch));
        first.keep(&name, &[stored.hash()]).await.expect("kept");
        outputs.push(stored.hash());
    }
    assert_eq!(fetch(&requester, outputs[0], &first).await, Ok(()));
    assert_eq!(
        fetch(&stranger, outputs[0], &first).await,
        Err(PeerFault::Forbidden)
    );
    let asked = source(first.endpoint());
    let refused = second.bring(outputs[0], &asked, 100).await;
    let refused = refused.err().expect("no party of its outputs").to_string();
    assert!(refused.contains("does not serve this content"), "{refused}");

    // The same after a restart, until they are let go.
    first.shutdown().await;
    drop(first);
    let first = store(&world, &machines[0], machines[0].folder.path()).await;
    assert_eq!(fetch(&requester, outputs[1], &first).await, Ok(()));
    first.let_go(&work::name((job, 2))).await.expect("let go");
    assert_eq!(
        fetch(&requester, outputs[2], &first).await,
        Err(PeerFault::Forbidden)
    );
    first.shutdown().await;
    second.shutdown().await;
    requester.shutdown().await;
    stranger.shutdown().await;
}

#[tokio::test]
async fn a_job_beyond_its_share_of_the_store_is_no_fault_of_who_serves_it() {
    let world = World::new().await;
    let machine = world.machine(0);
    let mut config = Config::memory();
    config.max_group_bytes = 1 << 10;
    let store = store_with(&world, &machine, config).await;
    let server = DataPlane::spawn(Config::memory()).await.expect("up");
    let held = server.put_bytes(vec![7; 64 << 10]).await.expect("stored");
    let served = content(held.hash());
    // To anybody who knows where it is.
    let job = world.submit(world.spec(2, 1)).await;
    let source = Source {
        job,
        part: Part::Shared,
        peers: vec![server.address().to_bytes()],
    };
    let refused = store.bring(served, &source, 1 << 20).await;
    let refused = refused.err().expect("more than its share");
    assert!(matches!(refused, BlobError::Quota(_)), "{refused:?}");
    // Others have room.
    drop(store.put(vec![8; 64 << 10].into()).await.expect("stored"));
    store.shutdown().await;
    server.shutdown().await;
}

/// Bytes of a file that is large enough to be fetched from several at once.
const LARGE: u64 = 24 << 20;

/// A requester's node with all that a job needs, of which all units share a large file; and the job.
async fn with_a_large_file(world: &World) -> (DataPlane, JobSpec, JobId) {
    let requester = DataPlane::spawn(Config::memory()).await.expect("up");
    let put = async |name: &str, bytes: Bytes| {
        let held = requester.put_bytes(bytes).await.expect("stored");
        requester.pin(name, held.hash()).await.expect("pinned");
        content(held.hash())
    };
    // Nothing in it repeats, as in most large files.
    let words = (0..LARGE / 8).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let large = put("model", words.collect()).await;
    let unit = UnitSpec {
        args: vec![],
        files: vec![],
    };
    let input = JobInput::new(vec![File::new("model", large, LARGE)], vec![unit]);
    let input = put("input", input.encode().expect("valid").bytes.into()).await;
    for (name, hash) in [("image", world.image), ("code", world.image_manifest.code)] {
        let bytes = world
            .net
            .peer(REQUESTER, |peer| peer.content[&hash].clone());
        assert_eq!(put(name, bytes).await, hash);
    }
    let spec = JobSpec {
        input,
        endpoint: requester.address().to_bytes(),
        traffic_limit: 2 * LARGE,
        ..world.spec(1, 1)
    };
    let job = world.submit(spec.clone()).await;
    (requester, spec, job)
}

#[tokio::test]
async fn a_large_file_comes_from_workers_that_have_it_and_not_from_the_requester_alone() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1), world.machine(2)];
    let (requester, spec, job) = with_a_large_file(&world).await;
    let mut planes = Vec::new();
    for machine in &machines {
        planes.push(registered(&world, machine).await);
    }
    let prepare = async |n: usize| {
        let ports = Ports {
            blobs: planes[n].clone(),
            ..machines[n].ports()
        };
        let bounds = Bounds {
            unit_input: 2 * LARGE,
            ..machines[n].bounds()
        };
        let prepared = work::prepare(&ports, bounds, job, spec.clone()).await;
        prepared.expect("all is there");
        planes[n].stats()
    };
    let claim = async |n: usize| {
        let (call, until) = (Call::Claim(job), Until::InBlock);
        let included = world.chain.submit(&machines[n].key, call, until).await;
        assert_eq!(included.expect("claims").batch(), Some(0));
    };
    // GIVEN a worker that has fetched it, and one that says it works on it and has nothing
    assert!(prepare(0).await.fetched_bytes > LARGE);
    claim(0).await;
    claim(1).await;
    // WHEN another one comes
    let before = requester.stats().served_bytes;
    let came = prepare(2).await.fetched_bytes;
    // THEN it gets a part of it from the first, and nothing twice
    let from_worker = planes[0].stats().served_bytes;
    let from_requester = requester.stats().served_bytes - before;
    assert!(from_worker >= 4 << 20, "{from_worker}");
    assert!(from_requester < LARGE, "{from_requester}");
    assert!((LARGE..LARGE + (64 << 10)).contains(&came), "{came}");
    assert_eq!(planes[1].stats().served_bytes, 0);
    // Nobody else gets it from there.
    let stranger = DataPlane::spawn(Config::memory()).await.expect("up");
    assert_eq!(
        fetch(&stranger, spec.input, &planes[0]).await,
        Err(PeerFault::Forbidden)
    );
    for plane in planes {
        plane.shutdown().await;
    }
    requester.shutdown().await;
    stranger.shutdown().await;
}
