//! Small blobs that are wanted at the same time, from several providers.

use std::num::NonZeroU64;

use bytes::Bytes;
use futures::StreamExt;
use sungrid_data_plane::{Config, DataPlane, FetchOptions, Fetched, Hash, PeerAddress, Rates};

use crate::{
    common::{self, bytes, impatient, memory},
    evil::{Evil, EvilProvider},
};

const COUNT: usize = 160;
/// Of them, so many are wanted at a time.
const AT_ONCE: usize = 16;

/// Some that come many in a request, some that come alone.
fn blobs() -> Vec<Bytes> {
    let size = |n| [8 << 10, 48 << 10][n % 2];
    (0..COUNT).map(|n| bytes(size(n), n as u8 + 1)).collect()
}

/// The same, all different from those of another round.
fn blobs_of(round: u64) -> Vec<Bytes> {
    let blobs = blobs().into_iter();
    blobs
        .map(|blob| [&round.to_le_bytes()[..], &blob].concat().into())
        .collect()
}

fn sum(blobs: &[Bytes]) -> u64 {
    blobs.iter().map(|blob| blob.len() as u64).sum()
}

/// A provider of all of them that sends no faster than it may.
async fn throttled(blobs: &[Bytes]) -> DataPlane {
    let mut config = Config::memory();
    config.rates = Rates {
        upload: NonZeroU64::new(8 << 20),
        download: None,
    };
    let node = DataPlane::spawn(config).await.expect("up");
    pin_all(&node, blobs).await;
    node
}

async fn pin_all(node: &DataPlane, blobs: &[Bytes]) {
    let all = node.put_bundle(put_all(node, blobs).await).await;
    let pinned = node.pin_bundle("all", all.expect("stored").hash()).await;
    pinned.expect("pinned");
}

async fn put_all(node: &DataPlane, blobs: &[Bytes]) -> Vec<Hash> {
    let mut hashes = Vec::new();
    for blob in blobs {
        hashes.push(node.put_bytes(blob.clone()).await.expect("stored").hash());
    }
    hashes
}

/// Fetches all, some at a time; each comes once.
async fn fetch_all(to: &DataPlane, blobs: &[Bytes], from: &[PeerAddress]) -> Vec<Fetched> {
    let fetch = |blob: &Bytes| {
        let options = FetchOptions::up_to(blob.len() as u64);
        to.fetch(Hash::new(blob), from, options)
    };
    let fetches = futures::stream::iter(blobs.iter().map(fetch));
    let fetched: Vec<_> = fetches.buffer_unordered(AT_ONCE).collect().await;
    let fetched: Vec<Fetched> = fetched
        .into_iter()
        .map(|fetched| fetched.expect("one of them serves it"))
        .collect();
    for blob in blobs {
        let here = to.get_bytes(Hash::new(blob), blob.len() as u64).await;
        assert_eq!(here.expect("here"), blob);
    }
    fetched
}

fn given_up(fetched: &[Fetched]) -> usize {
    fetched.iter().map(|fetched| fetched.given_up.len()).sum()
}

#[tokio::test]
async fn small_blobs_come_from_all_who_have_them() {
    let providers = [throttled(&blobs()).await, throttled(&blobs()).await];
    let from = providers.each_ref().map(DataPlane::address);
    let to = impatient().await;
    // Who does not answer in time, on a machine that stands still, is left out for a while: until then another round is fetched.
    for round in 0.. {
        let blobs = blobs_of(round);
        for provider in &providers {
            pin_all(provider, &blobs).await;
        }
        let served = || providers.each_ref().map(|one| one.stats().served_bytes);
        let (before, fetched) = (served(), to.stats().fetched_bytes);
        fetch_all(&to, &blobs, &from).await;
        let came = to.stats().fetched_bytes - fetched;
        assert_eq!(came, sum(&blobs), "each came once");
        // Equals serve equal parts, but for what the first one served before the other was known.
        let after = served();
        if (0..2).all(|n| after[n] - before[n] > sum(&blobs) / 4) {
            break;
        }
    }
    common::shutdown(providers).await;
    to.shutdown().await;
}

#[tokio::test]
async fn one_at_a_time_they_come_from_the_first() {
    let blobs = blobs();
    let providers = [throttled(&blobs).await, throttled(&blobs).await];
    let from = providers.each_ref().map(DataPlane::address);
    let to = memory().await;
    for blob in &blobs[..20] {
        let options = FetchOptions::up_to(blob.len() as u64);
        let fetched = to.fetch(Hash::new(blob), &from, options).await;
        fetched.expect("served");
    }
    assert_eq!(providers[1].stats().served_requests, 0);
    common::shutdown(providers).await;
    to.shutdown().await;
}

#[tokio::test]
async fn who_has_nothing_is_asked_for_little() {
    let blobs = blobs();
    let (has, lacks) = (throttled(&blobs).await, memory().await);
    let to = impatient().await;
    let from = [has.address(), lacks.address()];
    let fetched = fetch_all(&to, &blobs, &from).await;
    assert_eq!(to.stats().fetched_bytes, sum(&blobs));
    // Once in ten seconds, however long this took.
    let asked = given_up(&fetched);
    assert!(asked < COUNT / 10, "{asked}");
    common::shutdown([has, lacks, to]).await;
}

#[tokio::test]
async fn who_is_away_holds_up_nobody() {
    let blobs = blobs();
    let (has, away) = (throttled(&blobs).await, memory().await);
    let from = [has.address(), away.address()];
    away.shutdown().await;
    let to = memory().await;
    let fetched = fetch_all(&to, &blobs, &from).await;
    assert_eq!(
        given_up(&fetched),
        0,
        "it was dialled, and asked for nothing"
    );
    common::shutdown([has, to]).await;
}

#[tokio::test]
async fn who_lies_or_falls_silent_beside_an_honest_one_spoils_nothing() {
    let blobs = blobs();
    for how in [
        Evil::Flip(100),
        Evil::Noise,
        Evil::Size(0),
        Evil::Short(100),
        Evil::Stall(100),
        Evil::HangUp,
    ] {
        let evil = EvilProvider::spawn_with(blobs.iter().map(|blob| &blob[..]), how).await;
        let (honest, to) = (throttled(&blobs).await, impatient().await);
        let from = [honest.address(), evil.address.clone()];
        let fetched = fetch_all(&to, &blobs, &from).await;
        assert_eq!(to.stats().fetched_bytes, sum(&blobs), "{how:?}");
        let attempts = fetched.iter().flat_map(|fetched| &fetched.given_up);
        for attempt in attempts {
            assert_eq!(attempt.peer, evil.address.id(), "{how:?}: {attempt}");
        }
        // It has served nothing, so nothing is left to it but a try now and then.
        assert!(given_up(&fetched) < COUNT / 10, "{how:?}");
        evil.shutdown().await;
        common::shutdown([honest, to]).await;
    }
}
