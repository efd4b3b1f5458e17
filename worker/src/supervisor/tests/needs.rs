//! What of a job's inputs is here before it is taken.

use sungrid_manifest::{File, JobInput, Manifest, UnitSpec};

use super::kit::{Machine, REQUESTER, World};
use crate::work::{Needs, needs};

/// Has the machine hold what the requester has.
fn copy(world: &World, machine: &Machine, hash: sungrid_primitives::ContentHash) {
    let bytes = world
        .net
        .peer(REQUESTER, |peer| peer.content[&hash].clone());
    world.net.put(&machine.endpoint, bytes);
}

#[tokio::test]
async fn what_is_missing_is_told_by_the_manifest_and_the_store() {
    let world = World::new().await;
    let machine = world.machine(0);
    let blobs = machine.ports().blobs;
    let (input, spec) = (world.input(4), world.spec(4, 2));
    // Not even the manifest.
    assert_eq!(needs(&*blobs, &spec).await, None);
    // Seven bytes that all share, and two of four files with 13 bytes.
    let mut expected = Needs {
        image: false,
        bytes: 33,
        missing: 33,
    };
    copy(&world, &machine, spec.input);
    assert_eq!(needs(&*blobs, &spec).await, Some(expected));
    copy(&world, &machine, input.shared[0].hash);
    expected.missing = 26;
    assert_eq!(needs(&*blobs, &spec).await, Some(expected));
    for (unit, missing) in [(0, 19), (1, 13), (2, 6), (3, 0)] {
        copy(&world, &machine, input.units[unit].files[0].hash);
        expected.missing = missing;
        assert_eq!(needs(&*blobs, &spec).await, Some(expected));
    }
    // An image is its manifest and its code.
    copy(&world, &machine, spec.image);
    assert_eq!(needs(&*blobs, &spec).await, Some(expected));
    copy(&world, &machine, world.image_manifest.code);
    expected.image = true;
    assert_eq!(needs(&*blobs, &spec).await, Some(expected));
}

#[tokio::test]
async fn units_that_are_alike_need_their_files_once() {
    let world = World::new().await;
    let machine = world.machine(0);
    let own = world.net.put(REQUESTER, &b"of all"[..]);
    let unit = UnitSpec {
        args: vec![],
        files: vec![File::new("own", own, 6)],
    };
    let manifest = JobInput::alike(vec![], unit, 1_000)
        .encode()
        .expect("valid");
    let mut spec = world.spec(1_000, 10);
    spec.input = world.net.put(&machine.endpoint, manifest.bytes);
    let found = needs(&*machine.ports().blobs, &spec).await;
    assert_eq!(
        found.map(|needs| (needs.bytes, needs.missing)),
        Some((6, 6))
    );
}

#[tokio::test]
async fn a_manifest_that_is_none_or_lies_tells_nothing_that_overflows() {
    let world = World::new().await;
    let machine = world.machine(0);
    let blobs = machine.ports().blobs;
    let mut spec = world.spec(4, 2);
    for bytes in [&b"sealed, or rubbish"[..], b"", &[0xff; 100]] {
        spec.input = world.net.put(&machine.endpoint, bytes.to_vec());
        assert_eq!(needs(&*blobs, &spec).await, None);
    }
    // As many files as a manifest may have, each of them said to be as large as it may be: more than are looked for.
    let hash = |n: u32| sungrid_manifest::hash(&n.to_le_bytes());
    let unit = |n| UnitSpec {
        args: vec![],
        files: vec![File::new("own", hash(n), 1 << 20)],
    };
    let input = JobInput::new(vec![], (0..1_000).map(unit).collect());
    spec = world.spec(1_000, 1_000);
    let manifest = input.encode().expect("valid");
    spec.input = world.net.put(&machine.endpoint, manifest.bytes);
    // All of them are here, which is seen of the first 256.
    for n in 0..1_000u32 {
        world.net.put(&machine.endpoint, n.to_le_bytes().to_vec());
    }
    let found = needs(&*blobs, &spec).await.expect("it can be read");
    assert_eq!((found.bytes, found.missing), (1_000 << 20, 744 << 20));
}
