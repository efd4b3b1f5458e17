//! Who takes how much of a store, and what goes first.

use sungrid_data_plane::{Config, DataPlane, FetchError, FetchOptions, Hash, StoreError};

use crate::common::{self, bytes, memory};

const MIB: usize = 1 << 20;

async fn bounded(all: usize, group: usize) -> DataPlane {
    let mut config = Config::memory();
    config.max_store_bytes = all as u64;
    config.max_group_bytes = group as u64;
    DataPlane::spawn(config).await.expect("up")
}

async fn put(node: &DataPlane, seed: u8) -> Hash {
    let held = node.put_bytes(bytes(MIB, seed)).await.expect("room");
    held.hash()
}

async fn here(node: &DataPlane, content: &[Hash]) -> Vec<bool> {
    let mut here = Vec::new();
    for hash in content {
        here.push(node.has(*hash).await.expect("known"));
    }
    here
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first_and_nothing_that_is_pinned_or_held() {
    let node = bounded(5 * MIB, usize::MAX).await;
    let mut content = Vec::new();
    for seed in 0..4 {
        content.push(put(&node, seed).await);
    }
    node.pin("oldest", content[0]).await.expect("pinned");
    let _held = node.hold(content[1]).await.expect("known").expect("here");
    // Reading is using.
    node.get_bytes(content[2], MIB as u64).await.expect("here");
    content.push(put(&node, 4).await);
    assert_eq!(here(&node, &content).await, [true, true, true, false, true]);
    content.push(put(&node, 5).await);
    let left = [true, true, false, false, true, true];
    assert_eq!(here(&node, &content).await, left);
    node.shutdown().await;
}

#[tokio::test]
async fn a_group_takes_its_share_and_no_content_of_others() {
    let (from, node) = (memory().await, bounded(8 * MIB, 3 * MIB).await);
    let mut wanted = Vec::new();
    let mut offered = Vec::new();
    for seed in 10..20 {
        offered.push(from.put_bytes(bytes(MIB, seed)).await.expect("stored"));
        wanted.push(offered.last().expect("one").hash());
    }
    let fetch = async |at: usize, group| {
        let options = FetchOptions::up_to(MIB as u64).of_group(group);
        let fetched = node.fetch(wanted[at], &[from.address()], options).await;
        fetched.map(|fetched| fetched.held)
    };
    // GIVEN content of somebody else, older than all
    let others = [put(&node, 0).await, put(&node, 1).await];
    // WHEN a group brings ten times as much as fits, one after the other
    for at in 0..10 {
        drop(fetch(at, 1).await.expect("its older content goes"));
    }
    // THEN it was its own content that went
    assert_eq!(here(&node, &others).await, [true, true]);
    let left = here(&node, &wanted).await;
    assert_eq!(left.iter().filter(|here| **here).count(), 2, "{left:?}");
    assert!(left[9], "the newest is there");
    // WHEN it holds on to its share
    let _one = fetch(8, 1).await.expect("here");
    let _two = fetch(9, 1).await.expect("here");
    // THEN it gets nothing more, and the reason says so
    let refused = fetch(0, 1).await.expect_err("more than its share");
    let FetchError::Store(error) = &refused else {
        panic!("{refused}");
    };
    assert!(matches!(error, StoreError::Quota { .. }), "{error}");
    assert!(error.is_retryable() && error.to_string().contains("share"));
    // AND others do
    let _other = fetch(0, 2).await.expect("its share is free");
    assert_eq!(here(&node, &others).await, [true, true]);
    // AND what is here already costs a group nothing, whoever brought it
    let _shared = fetch(0, 1).await.expect("here");
    common::shutdown([from, node]).await;
}

#[tokio::test]
async fn a_size_that_is_only_announced_takes_nobody_s_content() {
    let node = bounded(4 * MIB, 2 * MIB).await;
    let content = [put(&node, 0).await, put(&node, 1).await];
    let data = bytes(MIB, 2);
    let size = crate::evil::Evil::Size(3 * MIB as u64);
    let evil = crate::evil::EvilProvider::spawn(&data, size).await;
    let options = FetchOptions::up_to(4 * MIB as u64).of_group(1);
    let error = node
        .fetch(
            Hash::new(&data),
            std::slice::from_ref(&evil.address),
            options,
        )
        .await
        .expect_err("more than its share");
    assert!(
        matches!(error, FetchError::Store(StoreError::Quota { .. })),
        "{error}"
    );
    assert_eq!(here(&node, &content).await, [true, true]);
    // Nor does one that is larger than the whole store, for whom there is no share.
    let options = FetchOptions::up_to(u64::MAX);
    let huge = crate::evil::Evil::Size(1 << 40);
    let liar = crate::evil::EvilProvider::spawn(&data, huge).await;
    let from = std::slice::from_ref(&liar.address);
    let error = node.fetch(Hash::new(&data), from, options).await;
    let error = error.expect_err("more than the store takes");
    assert!(
        matches!(error, FetchError::Store(StoreError::Full { .. })),
        "{error}"
    );
    assert_eq!(here(&node, &content).await, [true, true]);
    liar.shutdown().await;
    evil.shutdown().await;
    node.shutdown().await;
}
