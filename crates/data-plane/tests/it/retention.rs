//! What is kept, what goes, and what happens when there is no room.

use std::{path::Path, sync::Arc};

use sungrid_data_plane::{
    BundleOptions, Config, DataPlane, FetchError, FetchOptions, Pin, SpawnError, StoreError,
};

use crate::common::{self, bytes, memory, persistent, persistent_config};

/// Bytes of all files below a folder.
fn disk_use(dir: &Path) -> u64 {
    std::fs::read_dir(dir)
        .expect("readable")
        .map(|entry| {
            let entry = entry.expect("readable");
            let metadata = entry.metadata().expect("readable");
            if metadata.is_dir() {
                disk_use(&entry.path())
            } else {
                metadata.len()
            }
        })
        .sum()
}

#[tokio::test]
async fn a_collection_takes_what_is_neither_pinned_nor_held() {
    let dir = tempfile::tempdir().expect("folder");
    for node in [memory().await, persistent(dir.path()).await] {
        let pinned = node
            .put_bytes(bytes(1 << 20, 1))
            .await
            .expect("stored")
            .hash();
        node.pin("a", pinned).await.expect("pinned");
        let held = node.put_bytes(bytes(1 << 20, 2)).await.expect("stored");
        let loose = node
            .put_bytes(bytes(1 << 20, 3))
            .await
            .expect("stored")
            .hash();
        let tiny = node.put_bytes("tiny").await.expect("stored").hash();

        let freed = node.collect_garbage().await.expect("collected");
        assert!(freed > 1 << 20, "{freed}");
        let mut left = node.stored().await.expect("listed");
        left.sort();
        let mut expected = [pinned, held.hash()];
        expected.sort();
        assert_eq!(left, expected);
        assert!(matches!(
            node.get_bytes(loose, 1 << 20).await,
            Err(StoreError::NotFound { .. })
        ));
        assert!(matches!(
            node.get_bytes(tiny, 4).await,
            Err(StoreError::NotFound { .. })
        ));

        assert!(node.hold(loose).await.expect("known").is_none());
        let again = node.hold(held.hash()).await.expect("known").expect("here");
        drop(held);
        node.collect_garbage().await.expect("collected");
        assert!(node.has(again.hash()).await.expect("known"), "still held");
        drop(again);
        assert!(node.unpin("a").await.expect("unpinned"));
        assert!(!node.unpin("a").await.expect("nothing to unpin"));
        node.collect_garbage().await.expect("collected");
        assert!(node.stored().await.expect("listed").is_empty());
        assert_eq!(node.stats().stored_bytes, 0);
        node.shutdown().await;
    }
    assert_eq!(disk_use(&dir.path().join("data")), 0, "the files are gone");
}

#[tokio::test]
async fn pins_have_names_and_are_replaced() {
    let node = memory().await;
    let a = node.put_bytes("a").await.expect("stored").hash();
    let b = node.put_bytes("b").await.expect("stored").hash();
    let list = node.put_bundle([a, b]).await.expect("stored").hash();
    node.pin("x", a).await.expect("pinned");
    node.pin("x", b).await.expect("replaced");
    node.pin_bundle("y", list).await.expect("pinned");
    let pin = |name: &str, hash, bundle| Pin {
        name: name.into(),
        hash,
        bundle,
    };
    assert_eq!(
        node.pins().await.expect("listed"),
        [pin("x", b, false), pin("y", list, true)]
    );
    node.collect_garbage().await.expect("collected");
    assert!(node.has(a).await.expect("known"), "the bundle keeps it");
    node.unpin("y").await.expect("unpinned");
    node.collect_garbage().await.expect("collected");
    assert_eq!(node.stored().await.expect("listed"), [b]);
    for name in ["", &"n".repeat(257)] {
        assert!(matches!(node.pin(name, a).await, Err(StoreError::PinName)));
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_restart_keeps_content_pins_identity_and_count() {
    let dir = tempfile::tempdir().expect("folder");
    let data = bytes(3 << 20, 4);
    let node = persistent(dir.path()).await;
    let id = node.endpoint_id();
    let held = node.put_bytes(data.clone()).await.expect("stored");
    let tiny = node.put_bytes("tiny").await.expect("stored").hash();
    node.pin("big", held.hash()).await.expect("pinned");
    node.sync().await.expect("on the disk");
    let hash = held.hash();
    let used = node.stats().stored_bytes;

    let second = DataPlane::spawn(persistent_config(dir.path()))
        .await
        .expect_err("the folder is in use");
    assert!(matches!(second, SpawnError::Store { .. }), "{second}");
    assert!(second.to_string().contains("no other process"), "{second}");

    node.shutdown().await;
    let node = persistent(dir.path()).await;
    assert_eq!(node.endpoint_id(), id);
    assert_eq!(node.stats().stored_bytes, used);
    assert_eq!(node.pins().await.expect("listed").len(), 1);
    assert!(node.get_bytes(hash, 3 << 20).await.expect("here") == data);
    assert_eq!(
        node.get_bytes(tiny, 4).await.expect("here"),
        "tiny",
        "nothing is collected unasked"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn a_full_store_says_so_and_stays_whole() {
    let dir = tempfile::tempdir().expect("folder");
    let from = memory().await;
    let wanted = from.put_bytes(bytes(1 << 20, 5)).await.expect("stored");
    let mut config = persistent_config(dir.path().join("store"));
    config.max_store_bytes = 2 << 20;
    let node = DataPlane::spawn(config).await.expect("up");
    let first = node
        .put_bytes(bytes(1 << 20, 6))
        .await
        .expect("fits")
        .hash();
    node.pin("first", first).await.expect("pinned");

    let file = dir.path().join("file");
    std::fs::write(&file, bytes(1 << 20, 7)).expect("written");
    let full = |error: &StoreError| {
        assert!(
            matches!(error, StoreError::Full { limit, .. } if *limit == 2 << 20),
            "{error}"
        );
        assert!(
            error.to_string().contains("unpin"),
            "says what to do: {error}"
        );
        assert!(error.is_retryable());
    };
    full(
        &node
            .put_bytes(bytes(1 << 20, 8))
            .await
            .expect_err("no room"),
    );
    full(&node.put_file(&file).await.expect_err("no room"));
    let providers = [from.address()];
    match node
        .fetch(wanted.hash(), &providers, FetchOptions::up_to(1 << 20))
        .await
    {
        Err(FetchError::Store(error)) => full(&error),
        other => panic!("{other:?}"),
    }
    assert_eq!(node.stored().await.expect("listed"), [first]);
    assert!(node.stats().stored_bytes <= 2 << 20);

    // Letting go is enough: the next call collects by itself.
    node.unpin("first").await.expect("unpinned");
    let fetched = node
        .fetch(wanted.hash(), &providers, FetchOptions::up_to(1 << 20))
        .await
        .expect("room again");
    assert_eq!(fetched.held.size(), 1 << 20);
    assert_eq!(node.stored().await.expect("listed"), [wanted.hash()]);
    common::shutdown([from, node]).await;
}

#[tokio::test]
async fn many_tiny_blobs_are_bounded_too() {
    let mut config = Config::memory();
    config.max_store_bytes = 100 * 1024;
    let node = DataPlane::spawn(config).await.expect("up");
    let mut held = Vec::new();
    let error = loop {
        match node
            .put_bytes(vec![held.len() as u8, (held.len() >> 8) as u8])
            .await
        {
            Ok(blob) => held.push(blob),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(held.len() < 200, "{}", held.len());
    node.shutdown().await;
}

#[tokio::test]
async fn a_disk_without_room_is_left_alone() {
    let dir = tempfile::tempdir().expect("folder");
    let from = memory().await;
    let wanted = from.put_bytes(bytes(100_000, 9)).await.expect("stored");
    let mut config = persistent_config(dir.path());
    config.min_free_disk_bytes = u64::MAX;
    let node = DataPlane::spawn(config).await.expect("up");
    let error = node.put_bytes("x").await.expect_err("no room");
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("free some space"), "{error}");
    let error = node
        .fetch(
            wanted.hash(),
            &[from.address()],
            FetchOptions::up_to(100_000),
        )
        .await
        .expect_err("no room");
    assert!(
        matches!(error, FetchError::Store(StoreError::DiskFull { .. })),
        "{error}"
    );
    common::shutdown([from, node]).await;
}

/// The child of the next test: runs under a file size limit, as on a full disk.
#[cfg(unix)]
#[tokio::test]
#[ignore = "run as a child process by the test below"]
async fn child_on_a_full_disk() {
    let (Ok(dir), Ok(peer), Ok(hash)) = (
        std::env::var("TEST_DIR"),
        std::env::var("TEST_PEER"),
        std::env::var("TEST_HASH"),
    ) else {
        return;
    };
    let dir = Path::new(&dir);
    let node = persistent(dir.join("store")).await;
    let kept = node.put_bytes(bytes(1 << 20, 10)).await.expect("fits");
    node.pin("kept", kept.hash()).await.expect("pinned");

    let too_big = bytes(32 << 20, 11);
    for _ in 0..2 {
        let error = node.put_bytes(too_big.clone()).await.expect_err("no room");
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
    let error = node.put_file(dir.join("file")).await.expect_err("no room");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert_eq!(
        disk_use(&dir.join("store/temp")),
        0,
        "no leftovers take up the disk"
    );
    let peer = [peer.parse().expect("an address")];
    let hash = hash.parse().expect("a hash");
    let error = node
        .fetch(hash, &peer, FetchOptions::up_to(32 << 20))
        .await
        .expect_err("no room");
    assert!(
        matches!(error, FetchError::Store(StoreError::Io { .. })),
        "{error}"
    );
    let error = node
        .export(kept.hash(), "/dev/full/x")
        .await
        .expect_err("cannot be written");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");

    // What fits still works, and what was there is whole.
    let small = node.put_bytes(bytes(1 << 20, 12)).await.expect("fits");
    node.pin("small", small.hash()).await.expect("pinned");
    assert!(node.get_bytes(kept.hash(), 1 << 20).await.expect("here") == bytes(1 << 20, 10));
    node.shutdown().await;
    println!("all as it should be");
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_gives_errors_and_spoils_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    let from = memory().await;
    let data = bytes(32 << 20, 11);
    std::fs::write(dir.path().join("file"), &data).expect("written");
    let held = from.put_bytes(data.clone()).await.expect("stored");
    // Blocks of 512 bytes: 16 MiB. The signal is ignored, so that writing fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 32768; exec \"$0\" \"$@\"";
    let output = tokio::task::spawn_blocking({
        let (dir, peer, hash) = (
            dir.path().to_owned(),
            from.address().to_string(),
            held.hash().to_string(),
        );
        move || {
            std::process::Command::new("sh")
                .args(["-c", script])
                .arg(std::env::current_exe().expect("this test"))
                .args([
                    "--exact",
                    "retention::child_on_a_full_disk",
                    "--ignored",
                    "--nocapture",
                ])
                .env("TEST_DIR", dir)
                .env("TEST_PEER", peer)
                .env("TEST_HASH", hash)
                .output()
                .expect("started")
        }
    })
    .await
    .expect("no panic");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("all as it should be"),
        "{text}\n{errors}"
    );

    // With room, everything is there and the rest can be fetched.
    let node = persistent(dir.path().join("store")).await;
    let names: Vec<_> = node
        .pins()
        .await
        .expect("listed")
        .into_iter()
        .map(|pin| pin.name)
        .collect();
    assert_eq!(names, ["kept", "small"]);
    for pin in node.pins().await.expect("listed") {
        node.get_bytes(pin.hash, 1 << 20).await.expect("whole");
    }
    node.fetch(
        held.hash(),
        &[from.address()],
        FetchOptions::up_to(32 << 20),
    )
    .await
    .expect("fetched");
    assert!(node.get_bytes(held.hash(), 32 << 20).await.expect("here") == data);
    common::shutdown([from, node]).await;
}

#[tokio::test]
async fn damage_on_the_disk_is_noticed_and_can_be_healed() {
    let dir = tempfile::tempdir().expect("folder");
    let (good, other) = (memory().await, memory().await);
    let data = bytes(1 << 20, 13);
    let hash = good.put_bytes(data.clone()).await.expect("stored").hash();
    good.pin("content", hash).await.expect("pinned");
    let node = persistent(dir.path().join("store")).await;
    let held = node.put_bytes(data.clone()).await.expect("stored");
    node.pin("content", held.hash()).await.expect("pinned");
    node.shutdown().await;

    let file = dir.path().join(format!("store/data/{hash}.data"));
    let mut spoilt = std::fs::read(&file).expect("there");
    spoilt[500_000] ^= 1;
    std::fs::write(&file, spoilt).expect("written");

    let node = persistent(dir.path().join("store")).await;
    let error = node.get_bytes(hash, 1 << 20).await.expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let target = dir.path().join("target");
    let error = node.export(hash, &target).await.expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(!target.exists());
    assert_eq!(
        std::fs::read_dir(dir.path()).expect("readable").count(),
        1,
        "no half file"
    );
    // It is not handed on either.
    let error = other
        .fetch(hash, &[node.address()], FetchOptions::up_to(1 << 20))
        .await
        .expect_err("not handed on");
    assert!(!error.attempts()[0].fault.is_misbehaviour(), "{error}");

    // As the message says: unpin, collect, fetch again.
    node.unpin("content").await.expect("unpinned");
    node.collect_garbage().await.expect("collected");
    let fetched = node
        .fetch(hash, &[good.address()], FetchOptions::up_to(1 << 20))
        .await
        .expect("fetched");
    assert_eq!(fetched.transferred, 1 << 20);
    assert_eq!(node.export(hash, &target).await.expect("exported"), 1 << 20);
    assert!(std::fs::read(&target).expect("there") == data);
    common::shutdown([good, other, node]).await;
}

#[tokio::test]
async fn what_cannot_be_read_or_written_is_an_error() {
    let dir = tempfile::tempdir().expect("folder");
    let node = memory().await;
    for path in [dir.path().join("missing"), dir.path().to_owned()] {
        let error = node.put_file(&path).await.expect_err("no file");
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
    }
    let held = node.put_bytes("x").await.expect("stored");
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").expect("written");
    let error = node
        .export(held.hash(), file.join("below"))
        .await
        .expect_err("a file is no folder");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    node.export(held.hash(), &file).await.expect("replaced");
    assert_eq!(std::fs::read(&file).expect("there"), b"x");
    node.shutdown().await;
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_says_so() {
    let first = memory().await;
    let mut config = Config::memory();
    config.bind = first.address().direct()[0];
    let error = DataPlane::spawn(config).await.expect_err("in use");
    assert!(matches!(error, SpawnError::Bind { .. }), "{error}");
    first.shutdown().await;

    let mut config = Config::memory();
    config.external_addresses = vec!["192.0.2.1:4000".parse().expect("an address")];
    let node = DataPlane::spawn(config).await.expect("up");
    assert_eq!(node.address().direct()[0].to_string(), "192.0.2.1:4000");
    assert_eq!(node.address().direct().len(), 2);
    node.shutdown().await;
}

#[tokio::test]
async fn what_an_interrupted_write_left_behind_is_deleted() {
    let dir = tempfile::tempdir().expect("folder");
    let node = persistent(dir.path()).await;
    let held = node.put_bytes(bytes(100_000, 15)).await.expect("stored");
    node.sync().await.expect("on the disk");
    node.shutdown().await;
    let data = dir.path().join("data");
    let before = disk_use(&data);
    let orphan = sungrid_data_plane::Hash::new("never stored");
    for kind in ["data", "obao4", "sizes4", "bitfield"] {
        std::fs::write(data.join(format!("{orphan}.{kind}")), "left behind").expect("written");
    }
    std::fs::write(dir.path().join("temp/half"), "left behind").expect("written");
    std::fs::write(data.join("README"), "not ours").expect("written");
    let node = persistent(dir.path()).await;
    assert_eq!(disk_use(&data), before + 8, "what is not ours stays");
    assert_eq!(disk_use(&dir.path().join("temp")), 0);
    assert!(node.has(held.hash()).await.expect("known"));
    node.shutdown().await;
}

#[tokio::test]
async fn a_failed_start_leaves_nothing_locked() {
    let dir = tempfile::tempdir().expect("folder");
    let first = memory().await;
    let mut config = persistent_config(dir.path());
    config.bind = first.address().direct()[0];
    DataPlane::spawn(config.clone())
        .await
        .expect_err("the address is in use");
    first.shutdown().await;
    drop(first);
    let node = common::spawn_in_place(&config).await;
    let mut second = config;
    second.bind.set_port(0);
    second.secret_key = Some(sungrid_data_plane::SecretKey::from_bytes(&[3; 32]));
    DataPlane::spawn(second.clone())
        .await
        .expect_err("the folder is in use");
    node.shutdown().await;
    DataPlane::spawn(second)
        .await
        .expect("free now")
        .shutdown()
        .await;
}

#[tokio::test]
async fn after_shutdown_calls_fail_and_do_not_hang() {
    let dir = tempfile::tempdir().expect("folder");
    for node in [memory().await, persistent(dir.path()).await] {
        let held = node.put_bytes(bytes(100_000, 14)).await.expect("stored");
        let mut inbox = node.notifications().expect("the first call");
        node.shutdown().await;
        node.shutdown().await;
        assert!(node.put_bytes("x").await.is_err());
        assert!(node.get_bytes(held.hash(), 1 << 20).await.is_err());
        assert!(node.collect_garbage().await.is_err());
        assert!(node.pin("x", held.hash()).await.is_err());
        assert!(inbox.recv().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn collections_during_transfers_take_nothing_that_is_needed() {
    let dir = tempfile::tempdir().expect("folder");
    let from = memory().await;
    let mut entries = Vec::new();
    let mut held = Vec::new();
    for seed in 0..20 {
        let blob = from.put_bytes(bytes(300_000, seed)).await.expect("stored");
        entries.push(blob.hash());
        held.push(blob);
    }
    let root = from.put_bundle(entries.clone()).await.expect("stored");
    let node = Arc::new(persistent(dir.path()).await);
    let collecting = {
        let node = node.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                node.collect_garbage().await.expect("collected");
            }
        })
    };
    let fetched = node
        .fetch_bundle(
            root.hash(),
            &[from.address()],
            BundleOptions::up_to(20, 10_000_000),
        )
        .await
        .expect("fetched");
    node.pin_bundle("all", fetched.held.hash())
        .await
        .expect("pinned");
    drop(fetched);
    collecting.await.expect("no panic");
    for (seed, hash) in entries.iter().enumerate() {
        assert!(node.get_bytes(*hash, 300_000).await.expect("here") == bytes(300_000, seed as u8));
    }
    node.shutdown().await;
    from.shutdown().await;
}
