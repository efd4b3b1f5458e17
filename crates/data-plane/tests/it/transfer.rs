//! Transfers between two honest nodes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::common::{self, bytes, memory, persistent};
use sungrid_data_plane::{
    BundleOptions, Config, DataPlane, EndpointId, FetchError, FetchOptions, Hash, PeerAddress,
    PeerFault, StoreError,
};

#[tokio::test]
async fn blobs_of_every_size_class_arrive() {
    let (from, to) = (memory().await, memory().await);
    for size in [0, 1, 1023, 16 << 10, (16 << 10) + 1, 1 << 20] {
        let data = bytes(size, 1);
        let held = from.put_bytes(data.clone()).await.expect("stored");
        assert_eq!(held.size(), size as u64);
        let options = FetchOptions::up_to(size as u64);
        let fetched = to
            .fetch(held.hash(), &[from.address()], options)
            .await
            .expect("fetched");
        assert_eq!(fetched.transferred, size as u64);
        assert_eq!(
            to.get_bytes(held.hash(), size as u64).await.expect("here"),
            data
        );
    }
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn a_64_mib_file_goes_from_disk_to_disk_with_progress() {
    let dir = tempfile::tempdir().expect("folder");
    let (from, to) = (
        persistent(dir.path().join("a")).await,
        persistent(dir.path().join("b")).await,
    );
    let (source, target) = (dir.path().join("source"), dir.path().join("new/target"));
    let data = bytes(64 << 20, 2);
    std::fs::write(&source, &data).expect("written");
    let held = from.put_file(&source).await.expect("stored");

    let last = Arc::new(AtomicU64::new(0));
    let seen = last.clone();
    let options = FetchOptions::up_to(64 << 20).on_progress(move |progress| {
        assert_eq!(progress.total, 64 << 20);
        assert!(
            seen.swap(progress.done, Ordering::Relaxed) <= progress.done,
            "never goes back"
        );
    });
    let fetched = to
        .fetch(held.hash(), &[from.address()], options)
        .await
        .expect("fetched");
    assert_eq!(fetched.transferred, 64 << 20);
    assert_eq!(last.load(Ordering::Relaxed), 64 << 20);
    assert_eq!(to.stats().fetched_bytes, 64 << 20);
    assert!(from.stats().served_bytes >= 64 << 20);

    assert_eq!(
        to.export(held.hash(), &target).await.expect("exported"),
        64 << 20
    );
    assert!(
        std::fs::read(&target).expect("there") == data,
        "the file is the same"
    );
    let beside = std::fs::read_dir(target.parent().expect("has one"))
        .expect("readable")
        .count();
    assert_eq!(beside, 1, "no temporary file is left");
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn what_is_here_is_not_fetched_again() {
    let (from, to) = (memory().await, memory().await);
    let held = from.put_bytes(bytes(100_000, 3)).await.expect("stored");
    let providers = [from.address()];
    let options = || FetchOptions::up_to(100_000);
    // Two at the same time share one transfer.
    let (a, b) = tokio::join!(
        to.fetch(held.hash(), &providers, options()),
        to.fetch(held.hash(), &providers, options())
    );
    assert_eq!(
        a.expect("fetched").transferred + b.expect("fetched").transferred,
        100_000
    );
    let again = to
        .fetch(held.hash(), &[], options())
        .await
        .expect("needs nobody");
    assert_eq!(again.transferred, 0);
    let own = from
        .fetch(held.hash(), &providers, options())
        .await
        .expect("its own");
    assert_eq!(own.transferred, 0);
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn a_bundle_brings_its_entries_once_each() {
    let (from, to) = (memory().await, memory().await);
    let mut entries = Vec::new();
    let mut held = Vec::new();
    for i in 0..20 {
        let blob = from
            .put_bytes(bytes(10_000 + i, i as u8))
            .await
            .expect("stored");
        entries.push(blob.hash());
        held.push(blob);
    }
    entries.push(entries[3]);
    entries.push(Hash::EMPTY);
    let root = from.put_bundle(entries.clone()).await.expect("stored");
    let contents: u64 = (0..20).map(|i| 10_000 + i).sum();
    let total = contents + 22 * 32;

    let fetched = to
        .fetch_bundle(
            root.hash(),
            &[from.address()],
            BundleOptions::up_to(22, total),
        )
        .await
        .expect("fetched");
    assert_eq!(fetched.entries, entries);
    assert_eq!(fetched.total_bytes, total);
    assert_eq!(fetched.transferred, total);
    assert_eq!(to.bundle(root.hash(), 22).await.expect("here"), entries);

    // Held, all of it survives a collection; let go, nothing does.
    to.collect_garbage().await.expect("collected");
    for hash in &entries {
        assert!(to.has(*hash).await.expect("known"));
    }
    drop(fetched);
    to.collect_garbage().await.expect("collected");
    assert!(to.stored().await.expect("listed").is_empty());
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn several_blobs_at_once() {
    let (from, to) = (memory().await, memory().await);
    let mut hashes = Vec::new();
    let mut held = Vec::new();
    for i in 0..30_u8 {
        let blob = from.put_bytes(bytes(1000, i)).await.expect("stored");
        hashes.push(blob.hash());
        held.push(blob);
    }
    let all = to
        .fetch_all(&hashes, &[from.address()], BundleOptions::up_to(30, 30_000))
        .await
        .expect("fetched");
    assert_eq!((all.held.len(), all.transferred), (30, 30_000));
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn unreachable_and_ignorant_providers_are_passed_over() {
    let (from, ignorant, to) = (memory().await, memory().await, common::impatient().await);
    // Bound and silent: packets go nowhere.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("bound");
    let id = sungrid_data_plane::SecretKey::from_bytes(&[9; 32]).public();
    let silent_peer = PeerAddress::new(id, [silent.local_addr().expect("bound")]).expect("valid");
    let held = from.put_bytes(bytes(50_000, 4)).await.expect("stored");
    let providers = [silent_peer.clone(), ignorant.address(), from.address()];
    let fetched = to
        .fetch(held.hash(), &providers, FetchOptions::up_to(50_000))
        .await
        .expect("fetched");
    assert_eq!(fetched.given_up.len(), 2);
    assert_eq!(fetched.given_up[0].peer, id);
    assert!(
        matches!(fetched.given_up[0].fault, PeerFault::Unreachable(_)),
        "{:?}",
        fetched.given_up
    );
    assert_eq!(fetched.given_up[1].peer, ignorant.endpoint_id());
    assert_eq!(fetched.given_up[1].fault, PeerFault::Missing);

    let unknown = Hash::new(b"nobody has this");
    let error = to
        .fetch(unknown, &providers[..2], FetchOptions::up_to(1))
        .await
        .expect_err("nobody has it");
    assert_eq!(error.attempts().len(), 2);
    assert!(error.is_retryable());
    let text = error.to_string();
    assert!(
        text.contains(&id.fmt_short().to_string()),
        "names the peer: {text}"
    );
    let error = to
        .fetch(unknown, &[], FetchOptions::up_to(1))
        .await
        .expect_err("nobody to ask");
    assert!(matches!(error, FetchError::NoProviders { .. }));
    common::shutdown([from, ignorant, to]).await;
}

#[tokio::test]
async fn a_blob_larger_than_allowed_is_refused_before_it_is_sent() {
    let (from, to) = (memory().await, memory().await);
    let held = from.put_bytes(bytes(1 << 20, 5)).await.expect("stored");
    let providers = [from.address()];
    let error = to
        .fetch(held.hash(), &providers, FetchOptions::up_to((1 << 20) - 1))
        .await
        .expect_err("too large");
    let fault = &error.attempts()[0].fault;
    assert_eq!(
        *fault,
        PeerFault::TooLarge {
            size: 1 << 20,
            limit: (1 << 20) - 1
        }
    );
    assert_eq!(to.stats().fetched_bytes, 0);
    assert_eq!(to.stats().stored_bytes, 0);

    // The bound holds as well for what is already here.
    let here = to.put_bytes(bytes(100, 6)).await.expect("stored");
    let error = to
        .fetch(here.hash(), &[], FetchOptions::up_to(99))
        .await
        .expect_err("too large");
    assert!(
        matches!(
            error,
            FetchError::Store(StoreError::TooLarge {
                size: 100,
                limit: 99,
                ..
            })
        ),
        "{error}"
    );
    let error = to.get_bytes(here.hash(), 99).await.expect_err("too large");
    assert!(matches!(error, StoreError::TooLarge { .. }));
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn bundle_bombs_are_refused() {
    let (from, to) = (memory().await, memory().await);
    let providers = [from.address()];
    let big = from.put_bytes(bytes(1 << 20, 7)).await.expect("stored");
    let small = from.put_bytes(bytes(10, 8)).await.expect("stored");

    // Too many entries: the list itself is too long to be fetched.
    let long = from
        .put_bundle(vec![small.hash(); 101])
        .await
        .expect("stored");
    let error = to
        .fetch_bundle(long.hash(), &providers, BundleOptions::up_to(100, 1 << 30))
        .await
        .expect_err("too many");
    assert_eq!(
        error.attempts()[0].fault,
        PeerFault::TooLarge {
            size: 3232,
            limit: 3200
        }
    );

    // Too many bytes in all.
    let heavy = from
        .put_bundle([small.hash(), big.hash()])
        .await
        .expect("stored");
    let error = to
        .fetch_bundle(heavy.hash(), &providers, BundleOptions::up_to(100, 1 << 20))
        .await
        .expect_err("too heavy");
    let left = (1 << 20) - 64 - 10;
    assert_eq!(
        error.attempts()[0].fault,
        PeerFault::TooLarge {
            size: 1 << 20,
            limit: left
        }
    );

    // No list at all.
    let odd = from.put_bytes(bytes(33, 9)).await.expect("stored");
    let error = to
        .fetch_bundle(odd.hash(), &providers, BundleOptions::up_to(100, 1 << 20))
        .await
        .expect_err("not a list");
    assert!(
        matches!(error, FetchError::Store(StoreError::NotABundle { .. })),
        "{error}"
    );
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn a_node_on_all_interfaces_can_be_reached_at_the_address_it_gives() {
    let mut config = Config::memory();
    config.bind = "0.0.0.0:0".parse().expect("an address");
    let (from, to) = (
        DataPlane::spawn(config.clone()).await.expect("up"),
        DataPlane::spawn(config).await.expect("up"),
    );
    let address = from.address();
    assert!(
        !address
            .direct()
            .iter()
            .any(|direct| direct.ip().is_unspecified())
    );
    assert_eq!(
        PeerAddress::from_bytes(&address.to_bytes()),
        Ok(address.clone())
    );
    let held = from.put_bytes("content").await.expect("stored");
    to.fetch(held.hash(), &[address], FetchOptions::up_to(7))
        .await
        .expect("fetched");
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn the_policy_decides_for_every_blob() {
    let friend = memory().await;
    let stranger = memory().await;
    let secret = Hash::new(b"secret");
    let friend_id = friend.endpoint_id();
    let mut config = Config::memory();
    config.access =
        Arc::new(move |peer: &EndpointId, hash: &Hash| *hash != secret || *peer == friend_id);
    let from = DataPlane::spawn(config).await.expect("up");
    let providers = [from.address()];
    let secret = from.put_bytes("secret").await.expect("stored");
    let public = from.put_bytes("public").await.expect("stored");
    let bundle = from
        .put_bundle([secret.hash(), public.hash()])
        .await
        .expect("stored");

    friend
        .fetch(secret.hash(), &providers, FetchOptions::up_to(10))
        .await
        .expect("a friend may");
    stranger
        .fetch(public.hash(), &providers, FetchOptions::up_to(10))
        .await
        .expect("everybody may");
    let error = stranger
        .fetch(secret.hash(), &providers, FetchOptions::up_to(10))
        .await
        .expect_err("a stranger may not");
    assert!(
        matches!(error.attempts()[0].fault, PeerFault::Forbidden),
        "{error}"
    );
    // Nor by way of a list that names it.
    let error = stranger
        .fetch_bundle(bundle.hash(), &providers, BundleOptions::up_to(2, 1000))
        .await
        .expect_err("the list gives no access");
    assert!(
        matches!(error.attempts()[0].fault, PeerFault::Forbidden),
        "{error}"
    );
    assert_eq!(from.stats().refused, 2);
    common::shutdown([from, friend, stranger]).await;
}
