//! Jobs whose content is sealed: what workers do with it, and what nobody else finds.

use std::sync::Arc;

use sungrid_access::key_name;
use sungrid_chain_client::{Chain, JobSpec};
use sungrid_data_plane::{Config, DataPlane, PeerAddress, SecretError};
use sungrid_manifest::{Bundle, File, JobInput, Manifest, UnitOutput, UnitSpec, hash};
use sungrid_primitives::JobId;
use sungrid_seal::{JobKey, open_output};

use super::{
    completed,
    kit::{Machine, REQUESTER, TWIN, World, settle},
    sharing::{registered, store},
};
use crate::ports::{BlobError, Blobs};

/// What must be nowhere in the clear: content, names, arguments.
const SECRETS: [&[u8]; 6] = [
    b"a secret scene",
    b"private to",
    b"scene.obj",
    b"--unit=",
    TWIN,
    b"twin",
];

fn key(n: u8) -> JobKey {
    JobKey::from_bytes([n; 32])
}

/// The terms of a job of which the requester serves sealed content alone.
pub(super) fn sealed_spec(world: &World, units: u32, batch_size: u32, key: &JobKey) -> JobSpec {
    let put = |bytes: &[u8]| {
        let sealed = key.seal(bytes.to_vec());
        let size = sealed.len() as u64;
        (world.net.put(REQUESTER, sealed), size)
    };
    let file = |name: &str, bytes: &[u8]| {
        let (hash, size) = put(bytes);
        File::new(name, hash, size)
    };
    let unit = |n: u32| UnitSpec {
        args: vec![format!("--unit={n}")],
        files: vec![file("own", format!("private to {n}").as_bytes())],
    };
    let shared = vec![file("scene.obj", b"a secret scene")];
    let input = JobInput::new(shared, (0..units).map(unit).collect());
    let (input, _) = put(&input.encode().expect("valid").bytes);
    // The plain job's files are of no use to this one, and would hide what leaks.
    let terms = world.spec(units, batch_size);
    world.net.peer(REQUESTER, |peer| {
        let kept = [world.image, world.image_manifest.code];
        peer.content
            .retain(|hash, bytes| kept.contains(hash) || bytes.starts_with(b"sungrid/sealed/1"));
    });
    JobSpec { input, ..terms }
}

pub(super) async fn submit(world: &World, spec: JobSpec, key: &JobKey) -> JobId {
    let job = world.submit(spec).await;
    world
        .net
        .peer(REQUESTER, |peer| peer.keys.insert(job, key.clone()));
    job
}

/// A bundle of a batch, its first unit's output with names in the clear, and what that one printed.
async fn result(
    world: &World,
    machines: &[Machine],
    job: JobId,
    batch: u32,
    key: &JobKey,
) -> (Bundle, UnitOutput, String) {
    let result = world.chain.result(job, batch).await.expect("reads");
    let winner = &result.expect("settled").winners[0];
    let mut makers = machines.iter();
    let maker = makers.find(|machine| machine.key.account() == winner.worker);
    world
        .net
        .peer(&maker.expect("one of ours").endpoint, |peer| {
            let bundle = Bundle::decode(&peer.content[&winner.bundle]).expect("a bundle");
            let output = open_output(key, &bundle.outputs[0]).expect("opens");
            let printed = output.stdout.expect("it printed").hash;
            let printed = key.open(peer.content[&printed].to_vec()).expect("opens");
            let text = String::from_utf8(printed).expect("text");
            (bundle, output, text)
        })
}

/// Looks through all that a machine keeps: its store, and its folder.
fn assert_nothing_in_the_clear(world: &World, machine: &Machine) {
    let find = |what: &str, bytes: &[u8]| {
        for secret in SECRETS {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            let secret = String::from_utf8_lossy(secret);
            assert!(!found, "{secret:?} in {what}");
        }
    };
    world.net.peer(&machine.endpoint, |peer| {
        assert!(peer.content.len() > 4, "it has worked");
        for (name, bytes) in &peer.content {
            find(&format!("{name:?}"), bytes);
        }
    });
    let mut folders = vec![machine.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("lists") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => find(
                    &path.display().to_string(),
                    &std::fs::read(&path).expect("reads"),
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_sealed_job_comes_to_the_same_for_all_and_leaves_nothing_in_the_clear() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let key = key(7);
    let spec = sealed_spec(&world, 3, 2, &key);
    // GIVEN a job whose key nobody has yet
    let job = world.submit(spec).await;
    for _ in 0..3 {
        settle().await;
        world.chain.advance(1);
    }
    // WHEN it is there, both compute, and agree
    world
        .net
        .peer(REQUESTER, |peer| peer.keys.insert(job, key.clone()));
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
    let told = world.net.peer(REQUESTER, |peer| peer.told.clone());
    assert_eq!(told.len(), 2, "once for each worker: {told:?}");

    // THEN units saw what was sealed, and the requester opens what they left
    let (bundle, output, text) = result(&world, &machines, job, 1, &key).await;
    for seen in ["a secret scene", "private to 2", "--unit=2"] {
        assert!(text.contains(seen), "{text}");
    }
    let names: Vec<&str> = output.files.iter().map(|file| &*file.name).collect();
    assert_eq!(names, ["tile", "twin"]);
    let receipts = bundle.receipts().expect("receipts");
    let manifest = hash(&bundle.outputs[0].encode().expect("valid").bytes);
    assert_eq!(receipts[0].receipt.output, manifest);
    // AND nothing on either disk says what it was, nor does what its receipt names
    for machine in &machines {
        assert_nothing_in_the_clear(&world, machine);
    }
    let input = world.net.peer(REQUESTER, |peer| {
        let spec = peer.content[&world.chain.edit(|state| state.jobs[&job].spec.input)].clone();
        JobInput::decode(&key.open(spec.to_vec()).expect("opens")).expect("valid")
    });
    let unit = input.unit(2).expect("a unit").encode().expect("valid");
    assert_eq!(receipts[0].receipt.input, key.input_hash(&unit.bytes));
    assert_ne!(receipts[0].receipt.input, unit.hash);
}

#[tokio::test]
async fn a_key_is_had_from_who_computes_the_same_when_the_requester_has_left() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let key = key(7);
    // GIVEN a worker that has begun, and holds its run
    let spec = sealed_spec(&world, 1, 1, &key);
    let job = submit(&world, spec, &key).await;
    machines[0].running.close(0);
    let _first = machines[0].start().await;
    world
        .drive("the first is told", |_| {
            world.net.peer(REQUESTER, |peer| !peer.told.is_empty())
        })
        .await;
    machines[0].running.somebody_waits().await;
    // WHEN the requester forgets the key, and another worker comes
    world.net.peer(REQUESTER, |peer| peer.keys.clear());
    let _second = machines[1].start().await;
    world
        .drive("the second is told", |_| {
            let told = |peer: &mut super::kit::Peer| !peer.told.is_empty();
            world.net.peer(&machines[0].endpoint, told)
        })
        .await;
    machines[0].running.open();
    // THEN both come to the same
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_key_that_is_not_to_be_had_or_opens_nothing_is_a_reason_to_decline_and_no_miss() {
    for wrong in [None, Some(key(8))] {
        let world = World::new().await;
        let machines = [world.machine(0), world.machine(1)];
        let _processes = [machines[0].start().await, machines[1].start().await];
        let spec = sealed_spec(&world, 1, 1, &key(7));
        let job = world.submit(spec).await;
        world.net.peer(REQUESTER, |peer| {
            peer.keys.extend(wrong.map(|key| (job, key)))
        });
        world
            .drive("both decline", |state| {
                state.workers.values().all(|worker| worker.declined == 1)
            })
            .await;
        let good = world.submit(world.spec(2, 1)).await;
        world
            .drive("another job ends", |state| completed(state, good))
            .await;
        world.assert_blameless();
    }
}

#[tokio::test]
async fn what_is_sealed_and_is_no_input_is_declined() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let key = key(7);
    // GIVEN a manifest of another number of units, no manifest at all, and a file that was not sealed
    let plain = world.spec(2, 1);
    let manifest = world
        .net
        .peer(REQUESTER, |peer| peer.content[&plain.input].clone());
    for sealed in [
        key.seal(manifest.to_vec()),
        key.seal(b"no manifest".to_vec()),
        [&key.seal(vec![])[..], b"more"].concat(),
    ] {
        let spec = JobSpec {
            input: world.net.put(REQUESTER, sealed),
            ..world.spec(1, 1)
        };
        submit(&world, spec, &key).await;
    }
    let unsealed = JobSpec {
        input: world.net.put(REQUESTER, key.seal(manifest.to_vec())),
        ..world.spec(2, 2)
    };
    submit(&world, unsealed, &key).await;
    world
        .drive("all are declined", |state| {
            state.workers.values().all(|worker| worker.declined >= 4)
        })
        .await;
    let good = world.submit(world.spec(2, 1)).await;
    world
        .drive("another job ends", |state| completed(state, good))
        .await;
    world.assert_blameless();
}

#[tokio::test]
async fn a_job_after_a_sealed_one_opens_what_that_one_left() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let _processes = [machines[0].start().await, machines[1].start().await];
    let key = key(7);
    let first = sealed_spec(&world, 2, 1, &key);
    let first = submit(&world, first, &key).await;
    let second = JobSpec {
        after: Some(first),
        ..sealed_spec(&world, 1, 1, &key)
    };
    let second = submit(&world, second, &key).await;
    world
        .drive("both end", |state| completed(state, second))
        .await;
    world.assert_blameless();
    let (_, _, text) = result(&world, &machines, second, 0, &key).await;
    let twin = String::from_utf8_lossy(TWIN);
    for seen in [
        "before/0/out/twin",
        "before/1/stdout",
        &twin,
        "private to 1",
    ] {
        assert!(text.contains(seen), "{seen} in {text}");
    }
    for machine in &machines {
        assert_nothing_in_the_clear(&world, machine);
    }
}

#[tokio::test]
async fn over_real_connections_a_key_goes_to_the_workers_of_a_batch_alone() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1), world.machine(2)];
    let first = registered(&world, &machines[0]).await;
    let second = registered(&world, &machines[1]).await;
    let idle = registered(&world, &machines[2]).await;
    let stranger = DataPlane::spawn(Config::memory()).await.expect("up");
    let requester = store(&world, &machines[2], &machines[2].folder.path().join("r")).await;
    let spec = JobSpec {
        endpoint: requester.endpoint(),
        ..world.spec(1, 1)
    };
    let job = world.submit(spec).await;
    let claim = async |machine: &Machine| {
        let call = sungrid_chain_client::Call::Claim(job);
        let until = sungrid_chain_client::Until::InBlock;
        let included = world.chain.submit(&machine.key, call, until).await;
        assert_eq!(included.expect("claims").batch(), Some(0));
    };
    let ask = async |who: &Arc<crate::plane::Plane>, from: Vec<u8>| who.key((job, 0), &from).await;
    let shared = requester.share_key(job, &key(7));
    for worker in [&first, &second, &idle] {
        let refused = ask(worker, requester.endpoint()).await;
        assert!(
            matches!(refused, Err(BlobError::Unreachable(_))),
            "{refused:?}"
        );
    }
    claim(&machines[0]).await;
    assert_eq!(ask(&first, requester.endpoint()).await, Ok(key(7)));
    let refused = ask(&second, requester.endpoint()).await;
    assert!(refused.is_err(), "it holds nothing");
    claim(&machines[1]).await;
    // From a worker only while that one has it, and by the same rules.
    assert!(ask(&second, first.endpoint()).await.is_err());
    let onward = first.share_key(job, &key(7));
    assert_eq!(ask(&second, first.endpoint()).await, Ok(key(7)));
    assert!(ask(&idle, first.endpoint()).await.is_err());
    let name = key_name(job, 0);
    let address = PeerAddress::from_bytes(&first.endpoint()).expect("an address");
    let refused = stranger.ask_secret(&name, &[address]).await;
    assert!(matches!(refused, Err(SecretError::Refused { .. })));
    drop((onward, shared));
    assert!(ask(&second, first.endpoint()).await.is_err());
    for plane in [first, second, idle] {
        plane.shutdown().await;
    }
    requester.shutdown().await;
    stranger.shutdown().await;
}
