//! Content that goes and comes no faster than it may.

use std::{
    num::NonZeroU64,
    time::{Duration, Instant},
};

use sungrid_data_plane::{Config, DataPlane, FetchOptions, Rates};

use crate::common::{self, bytes, memory};

const RATE: u64 = 2 << 20;
/// What may pass at once, as a part of what passes in a second.
const BURST_PART: u64 = 4;

fn upload(rate: u64) -> Rates {
    Rates {
        upload: NonZeroU64::new(rate),
        download: None,
    }
}

async fn limited(rates: Rates) -> DataPlane {
    let mut config = Config::memory();
    config.rates = rates;
    DataPlane::spawn(config).await.expect("up")
}

/// Fetches some large and many small blobs. However busy the machine, they cannot come sooner than the rate allows.
async fn takes_its_time(from: &[DataPlane], to: DataPlane, rate: u64) {
    let (mut hashes, mut held, mut sizes) = (Vec::new(), Vec::new(), 0);
    let sizes_of = [1 << 20; 4].into_iter().chain([8 << 10; 64]);
    for (seed, size) in sizes_of.enumerate() {
        for provider in from {
            let content = bytes(size, seed as u8 + 1);
            held.push(provider.put_bytes(content).await.expect("stored"));
        }
        hashes.extend(held.last().map(|held| (held.hash(), size as u64)));
        sizes += size as u64;
    }
    let addresses: Vec<_> = from.iter().map(DataPlane::address).collect();
    let started = Instant::now();
    let fetches = hashes.iter().map(|(hash, size)| {
        let options = FetchOptions::up_to(*size);
        to.fetch(*hash, &addresses, options)
    });
    for fetched in futures::future::join_all(fetches).await {
        let fetched = fetched.expect("served");
        assert!(fetched.given_up.is_empty(), "{:?}", fetched.given_up);
    }
    let least = u128::from(sizes - rate / BURST_PART) * 1_000_000 / u128::from(rate);
    assert!(started.elapsed().as_micros() >= least);
    assert_eq!(to.stats().fetched_bytes, sizes);
    to.shutdown().await;
}

#[tokio::test]
async fn what_is_served_keeps_to_the_rate() {
    let from = [limited(upload(RATE)).await];
    takes_its_time(&from, memory().await, RATE).await;
    common::shutdown(from).await;
}

#[tokio::test]
async fn what_is_fetched_keeps_to_the_rate_and_nobody_is_blamed() {
    let mut config = Config::memory();
    config.rates = Rates {
        upload: None,
        download: NonZeroU64::new(RATE / 2),
    };
    // Four that share the rate take longer, each with less than this: too slow for whom there are others, if it were their doing. A
    // machine that stands still does so for less.
    config.slow_after = Duration::from_secs(3);
    config.least_rate = RATE / 4;
    let to = DataPlane::spawn(config).await.expect("up");
    let from = [memory().await, memory().await];
    takes_its_time(&from, to, RATE / 2).await;
    common::shutdown(from).await;
}

#[tokio::test]
async fn a_transfer_is_held_and_let_go() {
    const LEAST_BURST: u64 = 64 << 10;
    let from = limited(upload(1)).await;
    let to = memory().await;
    let held = from.put_bytes(bytes(1 << 20, 9)).await.expect("stored");
    let started = Instant::now();
    let fetching = tokio::spawn({
        let (to, from, hash) = (to.clone(), from.address(), held.hash());
        async move { to.fetch(hash, &[from], FetchOptions::up_to(1 << 20)).await }
    });
    // What a full bucket holds passes, and then a byte per second.
    while to.stats().fetched_bytes < LEAST_BURST / 2 {
        tokio::task::yield_now().await;
    }
    // Others are answered meanwhile: a limit holds up content alone.
    let message = b"still there";
    let told = to.notify(&from.address(), message).await;
    told.expect("taken");
    let most = LEAST_BURST + started.elapsed().as_secs() + 1;
    assert!(from.stats().served_bytes <= most);
    assert!(!fetching.is_finished());
    from.set_rates(Rates::default());
    assert_eq!(from.rates(), Rates::default());
    let fetched = fetching.await.expect("no panic").expect("served");
    assert_eq!(fetched.transferred, 1 << 20);
    common::shutdown([from, to]).await;
}
