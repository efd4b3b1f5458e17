//! Providers that are cut off, stall, or lie; requesters that misbehave.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use iroh_blobs::{
    protocol::{ChunkRangesSeq, GetRequest, ObserveRequest, PushRequest, Request},
    store::mem::MemStore,
};
use sungrid_data_plane::{Config, DataPlane, FetchOptions, Hash, PeerFault};

use crate::{
    common::{self, PATIENCE, bytes, impatient, memory, persistent, persistent_config},
    evil::{self, Evil, EvilProvider},
};

const SIZE: usize = 4 << 20;

/// Fetches with the evil provider first and an honest one second; returns the evil one's fault.
async fn fault_of(how: Evil) -> PeerFault {
    let data = bytes(SIZE, 1);
    let evil = EvilProvider::spawn(&data, how).await;
    let (honest, to) = (memory().await, impatient().await);
    let held = honest.put_bytes(data.clone()).await.expect("stored");

    let options = || FetchOptions::up_to(SIZE as u64);
    let providers = [evil.address.clone(), honest.address()];
    let error = to
        .fetch(held.hash(), &providers[..1], options())
        .await
        .expect_err("the evil one alone");
    assert_eq!(error.attempts().len(), 1, "{error}");
    assert!(
        error
            .to_string()
            .contains(&evil.address.id().fmt_short().to_string()),
        "names the peer: {error}"
    );
    assert!(!to.has(held.hash()).await.expect("known"));

    let fault = error.attempts()[0].fault.clone();

    to.fetch(held.hash(), &providers, options())
        .await
        .expect("the honest one helps");
    assert_eq!(
        to.get_bytes(held.hash(), SIZE as u64).await.expect("here"),
        data
    );
    // Wrong bytes count for nothing: all that counted came once.
    assert_eq!(to.stats().fetched_bytes, SIZE as u64);

    // Somebody who does not know it yet asks it first, and is helped as well.
    let fresh = impatient().await;
    let fetched = fresh
        .fetch(held.hash(), &providers, options())
        .await
        .expect("the honest one helps");
    assert_eq!(fetched.given_up.len(), 1);
    assert_eq!(fetched.given_up[0].peer, evil.address.id());
    assert_eq!(fresh.stats().fetched_bytes, SIZE as u64);
    evil.shutdown().await;
    common::shutdown([honest, to, fresh]).await;
    fault
}

#[tokio::test]
async fn wrong_bytes_at_the_start_in_the_middle_and_at_the_end() {
    // Behind the size comes the root's pair of hashes; the last byte is content.
    let encoded = SIZE + 8 + 64 * (SIZE / (16 << 10) - 1);
    for at in [8, encoded / 2, encoded - 1] {
        let fault = fault_of(Evil::Flip(at)).await;
        assert_eq!(fault, PeerFault::WrongBytes, "byte {at}");
        assert!(fault.is_misbehaviour());
    }
}

#[tokio::test]
async fn noise() {
    // Noise announces an absurd size first.
    let fault = fault_of(Evil::Noise).await;
    assert!(matches!(fault, PeerFault::TooLarge { .. }), "{fault}");
}

#[tokio::test]
async fn false_sizes() {
    assert_eq!(fault_of(Evil::Size(0)).await, PeerFault::WrongBytes);
    assert_eq!(
        fault_of(Evil::Size(SIZE as u64 / 2)).await,
        PeerFault::WrongBytes
    );
    assert_eq!(
        fault_of(Evil::Size(SIZE as u64 - 1)).await,
        PeerFault::WrongBytes
    );
    let fault = fault_of(Evil::Size(u64::MAX)).await;
    assert_eq!(
        fault,
        PeerFault::TooLarge {
            size: u64::MAX,
            limit: SIZE as u64
        }
    );
}

#[tokio::test]
async fn answers_that_end_early() {
    assert_eq!(fault_of(Evil::Short(0)).await, PeerFault::Missing);
    assert_eq!(fault_of(Evil::Short(8)).await, PeerFault::Missing);
    assert_eq!(fault_of(Evil::Short(SIZE / 2)).await, PeerFault::Missing);
}

#[tokio::test]
async fn silence_before_and_during_the_answer() {
    let stalled = PeerFault::Stalled(PATIENCE);
    assert_eq!(fault_of(Evil::Stall(0)).await, stalled);
    assert_eq!(fault_of(Evil::Stall(SIZE / 2)).await, stalled);
    assert!(!stalled.is_misbehaviour());
}

#[tokio::test]
async fn hanging_up() {
    let fault = fault_of(Evil::HangUp).await;
    assert!(matches!(fault, PeerFault::Cut(_)), "{fault}");
}

#[tokio::test]
async fn bytes_behind_the_end_are_not_taken() {
    let data = bytes(SIZE, 2);
    let evil = EvilProvider::spawn(&data, Evil::Extra).await;
    let to = memory().await;
    let fetched = to
        .fetch(
            Hash::new(&data),
            std::slice::from_ref(&evil.address),
            FetchOptions::up_to(SIZE as u64),
        )
        .await
        .expect("the content itself is right");
    assert_eq!(fetched.transferred, SIZE as u64);
    assert_eq!(
        to.get_bytes(Hash::new(&data), SIZE as u64)
            .await
            .expect("here"),
        data
    );
    evil.shutdown().await;
    to.shutdown().await;
}

#[tokio::test]
async fn a_size_beyond_the_store_does_not_keep_the_honest_from_serving() {
    let data = bytes(SIZE, 3);
    let evil = EvilProvider::spawn(&data, Evil::Size(1 << 40)).await;
    let honest = memory().await;
    let mut config = Config::memory();
    config.max_store_bytes = 2 * SIZE as u64;
    let to = DataPlane::spawn(config).await.expect("up");
    let held = honest.put_bytes(data).await.expect("stored");
    let providers = [evil.address.clone(), honest.address()];
    let fetched = to
        .fetch(held.hash(), &providers, FetchOptions::up_to(1 << 50))
        .await
        .expect("fetched");
    assert!(
        matches!(fetched.given_up[0].fault, PeerFault::NoRoom { .. }),
        "{:?}",
        fetched.given_up
    );
    evil.shutdown().await;
    common::shutdown([honest, to]).await;
}

/// Kills the provider when `at` bytes have come, and only then goes on.
fn kill_at(at: u64, provider: DataPlane) -> FetchOptions {
    let killed = AtomicBool::new(false);
    let runtime = tokio::runtime::Handle::current();
    FetchOptions::up_to(u64::MAX).on_progress(move |progress| {
        if progress.done >= at && !killed.swap(true, Ordering::Relaxed) {
            let (done, wait) = mpsc::channel();
            let provider = provider.clone();
            runtime.spawn(async move {
                provider.shutdown().await;
                done.send(()).expect("waited for");
            });
            wait.recv().expect("shut down");
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cut_transfer_goes_on_where_it_stopped_also_after_a_restart() {
    const SIZE: u64 = 64 << 20;
    let dir = tempfile::tempdir().expect("folder");
    let (provider_dir, dir) = (dir.path().join("from"), dir.path().join("to"));
    let to = persistent(&dir).await;
    let from = persistent(&provider_dir).await;
    let held = from
        .put_bytes(bytes(SIZE as usize, 4))
        .await
        .expect("stored");
    from.pin("content", held.hash()).await.expect("pinned");
    let hash = held.hash();
    // Pinned before it is here, so that no collection takes the part that is.
    to.pin("wanted", hash).await.expect("pinned");

    let error = to
        .fetch(hash, &[from.address()], kill_at(SIZE / 4, from.clone()))
        .await
        .expect_err("cut");
    assert!(
        matches!(error.attempts()[0].fault, PeerFault::Cut(_)),
        "{error}"
    );
    assert!(error.is_retryable());
    let first = to.stats().fetched_bytes;
    assert!((SIZE / 4..SIZE).contains(&first), "{first}");
    assert!(!to.has(hash).await.expect("known"));
    to.collect_garbage().await.expect("collected");

    // The same provider comes back elsewhere, and is cut off again.
    let from = persistent(&provider_dir).await;
    let address = [from.address()];
    to.fetch(hash, &address, kill_at(SIZE / 2, from.clone()))
        .await
        .expect_err("cut again");
    let second = to.stats().fetched_bytes - first;
    assert!(second > 0);

    // Now the requester restarts as well.
    to.shutdown().await;
    let to = persistent(&dir).await;
    let from = persistent(&provider_dir).await;
    let fetched = to
        .fetch(hash, &[from.address()], FetchOptions::up_to(SIZE))
        .await
        .expect("completed");
    assert_eq!(
        fetched.transferred,
        SIZE - first - second,
        "no byte came twice"
    );
    assert!(to.get_bytes(hash, SIZE).await.expect("here") == bytes(SIZE as usize, 4));
    common::shutdown([from, to]).await;
}

/// The child of the next test: fetches into a folder and stops halfway.
#[tokio::test]
#[ignore = "run as a child process by the test below"]
async fn child_that_is_killed() {
    let (Ok(dir), Ok(peer), Ok(hash)) = (
        std::env::var("TEST_DIR"),
        std::env::var("TEST_PEER"),
        std::env::var("TEST_HASH"),
    ) else {
        return;
    };
    let to = persistent(dir).await;
    let hash: Hash = hash.parse().expect("a hash");
    to.pin("wanted", hash).await.expect("pinned");
    let options = FetchOptions::up_to(u64::MAX).on_progress(|progress| {
        if progress.done >= 16 << 20 {
            println!("halfway");
            loop {
                std::thread::park();
            }
        }
    });
    to.fetch(hash, &[peer.parse().expect("an address")], options)
        .await
        .expect("never gets here");
}

#[tokio::test]
async fn a_store_whose_process_was_killed_opens_and_completes() {
    use std::{io::BufRead, process::Stdio};

    const SIZE: u64 = 32 << 20;
    let dir = tempfile::tempdir().expect("folder");
    let from = memory().await;
    let held = from
        .put_bytes(bytes(SIZE as usize, 5))
        .await
        .expect("stored");
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "faults::child_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env("TEST_DIR", dir.path())
        .env("TEST_PEER", from.address().to_string())
        .env("TEST_HASH", held.hash().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let output = child.stdout.take().expect("piped");
    tokio::task::spawn_blocking(move || {
        let mut lines = std::io::BufReader::new(output).lines();
        assert!(lines.any(|line| line.expect("text").contains("halfway")));
    })
    .await
    .expect("it got halfway");
    child.kill().expect("killed");
    child.wait().expect("gone");

    let to = persistent(dir.path()).await;
    let fetched = to
        .fetch(held.hash(), &[from.address()], FetchOptions::up_to(SIZE))
        .await
        .expect("completed");
    // How much was on the disk is a matter of the store's batches: on a fast link perhaps nothing yet.
    assert!(
        fetched.transferred <= SIZE,
        "{} bytes came",
        fetched.transferred
    );
    assert!(to.get_bytes(held.hash(), SIZE).await.expect("here") == bytes(SIZE as usize, 5));
    common::shutdown([from, to]).await;
}

pub(crate) async fn dial(endpoint: &iroh::Endpoint, to: &DataPlane) -> iroh::endpoint::Connection {
    let mut address = iroh::EndpointAddr::new(to.endpoint_id());
    for direct in to.address().direct() {
        address = address.with_ip_addr(*direct);
    }
    endpoint
        .connect(address, iroh_blobs::ALPN)
        .await
        .expect("connected")
}

#[tokio::test]
async fn only_reading_blobs_that_are_named_is_served() {
    let provider = memory().await;
    let data = bytes(1 << 20, 6);
    let held = provider.put_bytes(data.clone()).await.expect("stored");
    let endpoint = evil::endpoint().await;
    let connection = dial(&endpoint, &provider).await;
    let attacker = MemStore::new();

    // Writing into the store.
    let own = attacker.add_slice(b"planted").await.expect("stored").hash;
    let push = PushRequest::new(own, ChunkRangesSeq::root());
    let _ = attacker
        .remote()
        .execute_push(connection.clone(), push)
        .complete()
        .await;
    // Watching what it does.
    let watch = Request::Observe(ObserveRequest::new(held.hash()));
    // Reading whatever a list names.
    let list = Request::Get(GetRequest::all(held.hash()));
    for request in [watch, list] {
        let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
        let mut frame = Vec::new();
        // As the protocol encodes requests: its kind, then the rest.
        frame.extend_from_slice(&postcard::to_allocvec(&request).expect("encoded"));
        let _ = send.write_all(&frame).await;
        let _ = send.finish();
        let error = recv.read_to_end(1 << 21).await.expect_err("refused");
        assert!(error.to_string().contains("reset"), "{error}");
    }
    // Noise.
    let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
    let _ = send.write_all(&[0xff; 1000]).await;
    let _ = send.finish();
    let answer = recv.read_to_end(1000).await;
    assert!(answer.is_err() || answer.is_ok_and(|bytes| bytes.is_empty()));

    assert_eq!(
        provider.stored().await.expect("listed"),
        [held.hash()],
        "nothing was planted"
    );
    // The same connection still serves who asks properly.
    attacker
        .remote()
        .fetch(connection, held.hash())
        .complete()
        .await
        .expect("served");
    assert_eq!(attacker.get_bytes(held.hash()).await.expect("here"), data);
    assert!(provider.stats().refused >= 3);
    endpoint.close().await;
    provider.shutdown().await;
}

#[tokio::test]
async fn a_requester_that_takes_nothing_does_not_hold_its_place() {
    let dir = tempfile::tempdir().expect("folder");
    let mut config = persistent_config(dir.path());
    config.stall_timeout = PATIENCE;
    config.serve.max_requests = 1;
    let provider = DataPlane::spawn(config).await.expect("up");
    let big = provider
        .put_bytes(bytes(64 << 20, 7))
        .await
        .expect("stored");
    let small = provider.put_bytes("small").await.expect("stored");

    let endpoint = evil::endpoint().await;
    let connection = dial(&endpoint, &provider).await;
    let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
    let request = Request::Get(GetRequest::blob(big.hash()));
    send.write_all(&postcard::to_allocvec(&request).expect("encoded"))
        .await
        .expect("sent");
    send.finish().expect("open");
    // It is being served, and now reads no further.
    let mut first = [0; 8];
    recv.read_exact(&mut first).await.expect("the size");

    // The only place is free again when the provider gives up on it.
    let honest = memory().await;
    let fetched = honest
        .fetch(small.hash(), &[provider.address()], FetchOptions::up_to(5))
        .await
        .expect("served");
    assert_eq!(fetched.transferred, 5);
    drop(recv);
    endpoint.close().await;
    common::shutdown([honest, provider]).await;
}

#[tokio::test]
async fn a_flood_of_requests_waits_outside() {
    let provider = memory().await;
    let endpoint = evil::endpoint().await;
    let connection = dial(&endpoint, &provider).await;
    // Each opens a stream, sends a little and never ends the request.
    let mut open = Vec::new();
    let waits = loop {
        let streams = connection.open_bi();
        match tokio::time::timeout(Duration::from_millis(300), streams).await {
            Ok(streams) => {
                let (mut send, recv) = streams.expect("connected");
                send.write_all(&[0]).await.expect("sent");
                open.push((send, recv));
            }
            Err(_) => break open.len(),
        }
    };
    assert!(waits <= 64, "{waits} requests at once");
    // Others are served meanwhile.
    let honest = memory().await;
    let held = provider.put_bytes("content").await.expect("stored");
    honest
        .fetch(held.hash(), &[provider.address()], FetchOptions::up_to(7))
        .await
        .expect("served");
    endpoint.close().await;
    common::shutdown([provider, honest]).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let mut config = Config::memory();
    config.serve.idle_timeout = Duration::from_millis(50);
    let provider = DataPlane::spawn(config).await.expect("up");
    let endpoint = evil::endpoint().await;
    let connection = dial(&endpoint, &provider).await;
    assert!(connection.closed().await.to_string().contains("idle"));
    endpoint.close().await;
    provider.shutdown().await;
}

#[tokio::test]
async fn a_provider_that_restarts_in_place_is_found_again() {
    let dir = tempfile::tempdir().expect("folder");
    let to = memory().await;
    let mut config = persistent_config(dir.path());
    for seed in 0..3 {
        let provider = common::spawn_in_place(&config).await;
        config.bind = provider.address().direct()[0];
        let held = provider.put_bytes(bytes(10, seed)).await.expect("stored");
        let providers = [provider.address()];
        // The connection kept from the last round is dead, and nobody but the peer knows.
        to.fetch(held.hash(), &providers, FetchOptions::up_to(10))
            .await
            .expect("fetched");
        to.notify(&provider.address(), b"x")
            .await
            .expect("delivered");
        provider.shutdown().await;
    }
    to.shutdown().await;
}

#[tokio::test]
async fn progress_reports_what_earlier_tries_brought() {
    let data = bytes(SIZE, 8);
    let evil = EvilProvider::spawn(&data, Evil::Short(SIZE / 2)).await;
    let (honest, to) = (memory().await, memory().await);
    let held = honest.put_bytes(data).await.expect("stored");
    to.fetch(
        held.hash(),
        std::slice::from_ref(&evil.address),
        FetchOptions::up_to(u64::MAX),
    )
    .await
    .expect_err("half");
    let before = to.stats().fetched_bytes;
    assert!(before > SIZE as u64 / 4);
    let smallest = Arc::new(std::sync::Mutex::new(u64::MAX));
    let seen = smallest.clone();
    let options = FetchOptions::up_to(u64::MAX).on_progress(move |progress| {
        let mut smallest = seen.lock().expect("no panic");
        *smallest = (*smallest).min(progress.done);
    });
    to.fetch(held.hash(), &[honest.address()], options)
        .await
        .expect("fetched");
    assert!(*smallest.lock().expect("no panic") >= before);
    evil.shutdown().await;
    common::shutdown([honest, to]).await;
}
