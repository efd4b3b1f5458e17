//! Small blobs, many in a request: what a request of many may ask for, and what may come of one.

use std::sync::Arc;

use bytes::Bytes;
use futures::{future::join_all, poll};
use iroh_blobs::protocol::{ChunkRanges, ChunkRangesExt, ChunkRangesSeq, GetManyRequest, Request};
use sungrid_data_plane::{
    Config, DataPlane, EndpointId, FetchError, FetchOptions, Fetched, Hash, Held, PeerAddress,
    PeerFault, StoreError,
};

use crate::{
    common::{self, bytes, impatient, memory},
    evil::{self, Evil, EvilProvider},
    faults::dial,
};

/// Blobs of one request at most.
const MANY: usize = 64;

/// Different small blobs.
fn small(count: usize) -> Vec<Bytes> {
    let size = |n: usize| 1 + n * 37 % 3_000;
    let blob = |n: usize| [&(n as u64).to_le_bytes()[..], &bytes(size(n), n as u8)].concat();
    (0..count).map(|n| blob(n).into()).collect()
}

fn sum(blobs: &[Bytes]) -> u64 {
    blobs.iter().map(|blob| blob.len() as u64).sum()
}

async fn put_all(node: &DataPlane, blobs: &[Bytes]) -> Vec<Held> {
    let mut held = Vec::new();
    for blob in blobs {
        held.push(node.put_bytes(blob.clone()).await.expect("stored"));
    }
    held
}

/// Fetches all at the same time.
async fn fetch_all(
    node: &DataPlane,
    blobs: &[Bytes],
    from: &[PeerAddress],
) -> Vec<Result<Fetched, FetchError>> {
    let fetches = blobs.iter().map(|blob| {
        let options = FetchOptions::up_to(blob.len() as u64);
        node.fetch(Hash::new(blob), from, options)
    });
    join_all(fetches).await
}

async fn assert_here(node: &DataPlane, blobs: &[Bytes]) {
    for blob in blobs {
        let here = node.get_bytes(Hash::new(blob), blob.len() as u64).await;
        assert_eq!(here.expect("here"), blob);
    }
}

async fn assert_nothing_came(node: &DataPlane, blobs: &[Bytes]) {
    for blob in blobs {
        assert!(!node.has(Hash::new(blob)).await.expect("known"));
    }
    assert_eq!(node.stats().fetched_bytes, 0);
}

#[tokio::test]
async fn small_blobs_come_many_in_a_request_and_each_once() {
    let (from, to) = (memory().await, memory().await);
    let blobs = small(200);
    let _held = put_all(&from, &blobs).await;
    // One that is too large for it does not mind.
    let large = bytes(100_000, 9);
    let _large = from.put_bytes(large.clone()).await.expect("stored");
    let mut wanted = blobs.clone();
    wanted.push(large);
    for fetched in fetch_all(&to, &wanted, &[from.address()]).await {
        let fetched = fetched.expect("fetched");
        assert!(fetched.given_up.is_empty());
        assert_eq!(fetched.transferred, fetched.held.size());
    }
    assert_here(&to, &wanted).await;
    assert_eq!(to.stats().fetched_bytes, sum(&wanted));
    let requests = from.stats().served_requests;
    let least = blobs.len().div_ceil(MANY) as u64 + 1;
    assert!((least..=2 * least).contains(&requests), "{requests}");
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn what_is_not_there_or_not_for_us_keeps_nobody_from_the_rest() {
    let blobs = small(20);
    // One that is hidden, and one that is not there.
    let hidden = Hash::new(&blobs[7]);
    let mut config = Config::memory();
    config.access = Arc::new(move |_: &EndpointId, hash: &Hash| *hash != hidden);
    let from = DataPlane::spawn(config).await.expect("up");
    let (other, to) = (memory().await, memory().await);
    let _held = put_all(&from, &blobs[..11]).await;
    let _rest = put_all(&from, &blobs[12..]).await;
    let results = fetch_all(&to, &blobs, &[from.address()]).await;
    for (at, result) in results.iter().enumerate() {
        match (at, result) {
            (7, Err(error)) => assert_eq!(error.attempts()[0].fault, PeerFault::Forbidden),
            (11, Err(error)) => assert_eq!(error.attempts()[0].fault, PeerFault::Missing),
            (_, result) => assert!(result.is_ok(), "{at}: {result:?}"),
        }
    }
    assert!(results[7].is_err() && results[11].is_err());
    assert!(!to.has(hidden).await.expect("known"));
    // Another provider has both.
    let _others = put_all(&other, &blobs).await;
    let fresh = memory().await;
    let providers = [from.address(), other.address()];
    for fetched in fetch_all(&fresh, &blobs, &providers).await {
        fetched.expect("one of them serves it");
    }
    assert_here(&fresh, &blobs).await;
    assert!(other.stats().served_requests > 0);
    assert_eq!(fresh.stats().fetched_bytes, sum(&blobs), "each came once");
    common::shutdown([from, other, to, fresh]).await;
}

/// What a provider that has all blobs and answers so leads to: from it alone, and with an honest one behind it.
async fn with_evil(how: Evil, blobs: &[Bytes]) -> (DataPlane, Vec<Result<Fetched, FetchError>>) {
    let contents = blobs.iter().map(|blob| &blob[..]);
    let evil = EvilProvider::spawn_with(contents, how).await;
    let (honest, fresh, to) = (memory().await, impatient().await, impatient().await);
    let _held = put_all(&honest, blobs).await;
    let providers = [evil.address.clone(), honest.address()];
    for fetched in fetch_all(&fresh, blobs, &providers).await {
        fetched.expect("the honest one helps");
    }
    assert_here(&fresh, blobs).await;
    assert_eq!(fresh.stats().fetched_bytes, sum(blobs), "each came once");
    let results = fetch_all(&to, blobs, &providers[..1]).await;
    // Nothing is here but what was asked for.
    let wanted: Vec<Hash> = blobs.iter().map(Hash::new).collect();
    for hash in to.stored().await.expect("listed") {
        assert!(wanted.contains(&hash));
    }
    evil.shutdown().await;
    common::shutdown([honest, fresh]).await;
    (to, results)
}

#[tokio::test]
async fn a_provider_that_stops_in_the_middle_has_given_what_came() {
    let blobs = small(30);
    // Behind the largest blob, so that each alone comes whole.
    let (to, results) = with_evil(Evil::Short(10_000), &blobs).await;
    for result in results {
        assert!(result.expect("alone if not among many").given_up.is_empty());
    }
    assert_eq!(to.stats().fetched_bytes, sum(&blobs), "each came once");
    to.shutdown().await;
}

#[tokio::test]
async fn a_provider_that_sends_too_much_is_not_listened_to() {
    let blobs = small(30);
    let (to, results) = with_evil(Evil::Extra, &blobs).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(to.stats().fetched_bytes, sum(&blobs));
    to.shutdown().await;
}

#[tokio::test]
async fn lies_are_told_of_each_blob() {
    let blobs = small(30);
    // The size of the first, and a byte of each one's content or of what comes for it.
    for how in [Evil::Size(0), Evil::Flip(9)] {
        let (to, results) = with_evil(how, &blobs).await;
        for error in results.into_iter().map(|result| result.expect_err("a lie")) {
            assert_eq!(error.attempts()[0].fault, PeerFault::WrongBytes, "{how:?}");
        }
        assert_nothing_came(&to, &blobs).await;
        to.shutdown().await;
    }
    for how in [Evil::Size(u64::MAX), Evil::Noise] {
        let (to, results) = with_evil(how, &blobs).await;
        for error in results.into_iter().map(|result| result.expect_err("a lie")) {
            let fault = &error.attempts()[0].fault;
            assert!(matches!(fault, PeerFault::TooLarge { .. }), "{fault}");
        }
        assert_nothing_came(&to, &blobs).await;
        to.shutdown().await;
    }
}

#[tokio::test]
async fn a_provider_that_falls_silent_or_hangs_up_is_given_up() {
    let blobs = small(30);
    let first = 8 + blobs[0].len();
    for (how, came) in [
        (Evil::Stall(0), 0),
        (Evil::HangUp, 0),
        (Evil::Stall(first + 3), 1),
    ] {
        let (to, results) = with_evil(how, &blobs).await;
        for (at, result) in results.into_iter().enumerate() {
            if at < came {
                result.expect("it came before the silence");
                continue;
            }
            let error = result.expect_err("no answer");
            let fault = &error.attempts()[0].fault;
            let expected = matches!(fault, PeerFault::Stalled(_) | PeerFault::Cut(_));
            assert!(expected, "{how:?}: {fault}");
        }
        assert_here(&to, &blobs[..came]).await;
        assert_eq!(to.stats().fetched_bytes, sum(&blobs[..came]));
        to.shutdown().await;
    }
}

#[tokio::test]
async fn whoever_asks_for_all_may_leave() {
    let (from, to) = (memory().await, memory().await);
    let blobs = small(20);
    let _held = put_all(&from, &blobs).await;
    let provider = [from.address()];
    let options = || FetchOptions::up_to(4_000);
    // GIVEN one that has its turn, and others in line behind it
    let mut first = Box::pin(to.fetch(Hash::new(&blobs[0]), &provider, options()));
    assert!(poll!(&mut first).is_pending());
    let rest = blobs[1..].iter();
    let mut rest: Vec<_> = rest
        .map(|blob| Box::pin(to.fetch(Hash::new(blob), &provider, options())))
        .collect();
    for fetch in &mut rest {
        assert!(poll!(fetch).is_pending());
    }
    // WHEN it has begun to ask for all of them, and leaves
    assert!(poll!(&mut first).is_pending());
    drop(first);
    // THEN they have theirs all the same
    for fetched in join_all(rest).await {
        fetched.expect("fetched");
    }
    assert_here(&to, &blobs[1..]).await;
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn a_group_gets_no_more_than_its_share_by_asking_for_many() {
    const ROOM: u64 = 20_000;
    let from = memory().await;
    let mut config = Config::memory();
    config.max_group_bytes = ROOM;
    let to = DataPlane::spawn(config).await.expect("up");
    let blobs = small(60);
    let _held = put_all(&from, &blobs).await;
    let provider = [from.address()];
    let fetches = blobs.iter().map(|blob| {
        let options = FetchOptions::up_to(blob.len() as u64).of_group(1);
        to.fetch(Hash::new(blob), &provider, options)
    });
    // All that came is held, so that nothing can go.
    let results = join_all(fetches).await;
    let (here, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert!(!here.is_empty() && !refused.is_empty());
    for error in refused.into_iter().filter_map(Result::err) {
        let quota = matches!(error, FetchError::Store(StoreError::Quota { .. }));
        assert!(quota, "{error}");
    }
    assert!(to.stats().stored_bytes <= ROOM);
    common::shutdown([from, to]).await;
}

/// Sends a request as it is; what comes back, or that the stream was reset.
async fn ask(connection: &iroh::endpoint::Connection, frame: &[u8]) -> Result<Vec<u8>, String> {
    let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
    // Whoever is refused early may not take it all.
    let _ = send.write_all(frame).await;
    let _ = send.finish();
    recv.read_to_end(1 << 21).await.map_err(|e| e.to_string())
}

fn frame(hashes: Vec<Hash>, ranges: ChunkRangesSeq) -> Vec<u8> {
    let request = Request::GetMany(GetManyRequest::new(hashes, ranges));
    postcard::to_allocvec(&request).expect("encoded")
}

#[tokio::test]
async fn a_request_of_many_is_bounded_and_shows_nothing_that_is_not_for_who_asks() {
    let blobs = small(MANY + 1);
    let hashes: Vec<Hash> = blobs.iter().map(Hash::new).collect();
    let hidden = hashes[1];
    let mut config = Config::memory();
    config.access = Arc::new(move |_: &EndpointId, hash: &Hash| *hash != hidden);
    let from = DataPlane::spawn(config).await.expect("up");
    let _held = put_all(&from, &blobs).await;
    let list = from.put_bundle(hashes.clone()).await.expect("stored");
    let endpoint = evil::endpoint().await;
    let connection = dial(&endpoint, &from).await;
    let all = ChunkRangesSeq::all;
    let part = ChunkRangesSeq::from_ranges([ChunkRanges::bytes(0..1)]);
    let allowed = hashes[2..].to_vec();
    for (what, hashes, ranges) in [
        ("a million", vec![hashes[0]; 1_000_000], all()),
        ("as many as a frame holds", vec![hashes[0]; 30_000], all()),
        ("one too many", vec![hashes[0]; MANY + 1], all()),
        ("one that is not for it", hashes[..3].to_vec(), all()),
        ("parts", allowed.clone(), part),
    ] {
        let before = from.stats();
        let answer = ask(&connection, &frame(hashes, ranges)).await;
        assert!(answer.is_err() || answer == Ok(vec![]), "{what}");
        let after = from.stats();
        assert_eq!(after.served_bytes, before.served_bytes, "{what}");
        assert_eq!(after.refused, before.refused + 1, "{what}");
    }
    // The same connection is served what it may ask for; a list that it names is a blob like others.
    let mut wanted = allowed;
    wanted.push(list.hash());
    let answer = ask(&connection, &frame(wanted.clone(), all())).await;
    let sizes = sum(&blobs[2..]) + list.size() + 8 * wanted.len() as u64;
    assert_eq!(answer.expect("served").len() as u64, sizes);
    endpoint.close().await;
    from.shutdown().await;
}
