//! Several providers of one blob: all of them at work, some of them bad.

use std::time::Duration;

use sungrid_data_plane::{Config, DataPlane, FetchOptions, Fetched, Hash, PeerAddress, PeerFault};

use crate::{
    common::{self, bytes, impatient, memory},
    evil::{Evil, EvilProvider},
};

const SIZE: usize = 40 << 20;

async fn fetch(to: &DataPlane, hash: Hash, from: &[PeerAddress]) -> Fetched {
    let fetched = to.fetch(hash, from, FetchOptions::up_to(SIZE as u64)).await;
    let fetched = fetched.expect("some of them are honest");
    let given_up = &fetched.given_up;
    assert_eq!(fetched.transferred, SIZE as u64, "{given_up:?}");
    let content = to.get_bytes(hash, SIZE as u64).await.expect("here");
    assert!(Hash::new(&content) == hash);
    fetched
}

#[tokio::test]
async fn a_large_blob_comes_from_all_who_have_it() {
    let data = bytes(SIZE, 1);
    let providers = [memory().await, memory().await, memory().await];
    let mut held = Vec::new();
    for provider in &providers {
        held.push(provider.put_bytes(data.clone()).await.expect("stored"));
    }
    let from: Vec<PeerAddress> = providers.iter().map(DataPlane::address).collect();
    let to = impatient().await;
    let fetched = fetch(&to, held[0].hash(), &from).await;
    assert!(fetched.given_up.is_empty(), "{:?}", fetched.given_up);
    for provider in &providers {
        let served = provider.stats().served_bytes;
        assert!(served > 0, "each carries a part");
    }
    common::shutdown(providers).await;
    to.shutdown().await;
}

/// An honest provider in charge, an evil helper; returns who was given up.
async fn helped_by(how: Evil) -> Vec<PeerFault> {
    let data = bytes(SIZE, 2);
    let evil = EvilProvider::spawn(&data, how).await;
    let (honest, to) = (memory().await, impatient().await);
    let held = honest.put_bytes(data).await.expect("stored");
    let from = [honest.address(), evil.address.clone()];
    let fetched = fetch(&to, held.hash(), &from).await;
    for attempt in &fetched.given_up {
        assert_eq!(attempt.peer, evil.address.id(), "{attempt}");
    }
    evil.shutdown().await;
    common::shutdown([honest, to]).await;
    fetched.given_up.into_iter().map(|a| a.fault).collect()
}

#[tokio::test]
async fn a_helper_that_lies_spoils_nothing() {
    assert_eq!(helped_by(Evil::Flip(100)).await, [PeerFault::WrongBytes]);
    // Who of two is wrong about the size, only the last piece tells: it is not used, and not blamed.
    assert_eq!(helped_by(Evil::Size(SIZE as u64 / 2)).await, []);
    assert_eq!(helped_by(Evil::Size(u64::MAX)).await, []);
    assert_eq!(helped_by(Evil::Noise).await, []);
}

#[tokio::test]
async fn a_helper_that_leaves_or_stalls_leaves_no_gap() {
    let faults = helped_by(Evil::HangUp).await;
    assert!(matches!(faults[..], [PeerFault::Cut(_)]), "{faults:?}");
    assert_eq!(helped_by(Evil::Short(1 << 20)).await, [PeerFault::Missing]);
    let faults = helped_by(Evil::Stall(1 << 20)).await;
    assert!(matches!(faults[..], [PeerFault::Stalled(_)]), "{faults:?}");
}

#[tokio::test]
async fn the_provider_in_charge_is_replaced_and_nothing_is_fetched_again() {
    for how in [
        Evil::Flip(SIZE / 8),
        Evil::Short(SIZE / 8),
        Evil::Stall(SIZE / 8),
        Evil::Size(SIZE as u64 - 1),
        Evil::HangUp,
    ] {
        let data = bytes(SIZE, 3);
        let evil = EvilProvider::spawn(&data, how).await;
        let (one, two, to) = (memory().await, memory().await, impatient().await);
        let held = one.put_bytes(data.clone()).await.expect("stored");
        let _held = two.put_bytes(data).await.expect("stored");
        let from = [evil.address.clone(), one.address(), two.address()];
        let fetched = fetch(&to, held.hash(), &from).await;
        let given_up: Vec<_> = fetched.given_up.iter().map(|a| a.peer).collect();
        assert_eq!(given_up, [evil.address.id()], "{how:?}");
        evil.shutdown().await;
        common::shutdown([one, two, to]).await;
    }
}

/// Finds everybody too slow who is not the last to be asked.
async fn hasty() -> DataPlane {
    let mut config = Config::memory();
    config.connect_timeout = common::PATIENCE;
    config.slow_after = Duration::ZERO;
    config.least_rate = u64::MAX;
    DataPlane::spawn(config).await.expect("up")
}

#[tokio::test]
async fn a_slow_provider_gives_way_to_another_that_goes_on_where_it_was() {
    let data = bytes(4 << 20, 4);
    let (slow, other, to) = (memory().await, memory().await, hasty().await);
    let held = slow.put_bytes(data.clone()).await.expect("stored");
    let _held = other.put_bytes(data.clone()).await.expect("stored");
    let from = [slow.address(), other.address()];
    let options = FetchOptions::up_to(4 << 20);
    let fetched = to.fetch(held.hash(), &from, options).await.expect("here");
    assert_eq!(fetched.transferred, 4 << 20, "nothing came twice");
    assert_eq!(fetched.given_up.len(), 1);
    let attempt = &fetched.given_up[0];
    assert_eq!(attempt.peer, slow.endpoint_id());
    assert!(matches!(attempt.fault, PeerFault::Slow { .. }), "{attempt}");
    common::shutdown([slow, other, to]).await;
}

#[tokio::test]
async fn a_slow_provider_is_better_than_none() {
    let data = bytes(4 << 20, 5);
    let (slow, ignorant, to) = (memory().await, memory().await, hasty().await);
    let held = slow.put_bytes(data.clone()).await.expect("stored");
    let from = [slow.address(), ignorant.address()];
    let options = FetchOptions::up_to(4 << 20);
    let fetched = to.fetch(held.hash(), &from, options).await.expect("here");
    assert_eq!(fetched.transferred, 4 << 20);
    let faults: Vec<_> = fetched.given_up.iter().map(|a| &a.fault).collect();
    assert!(
        matches!(faults[..], [PeerFault::Slow { .. }, PeerFault::Missing]),
        "{faults:?}"
    );
    // Alone it is never too slow.
    let alone = hasty().await;
    let options = FetchOptions::up_to(4 << 20);
    let fetched = alone.fetch(held.hash(), &from[..1], options).await;
    assert!(fetched.expect("here").given_up.is_empty());
    common::shutdown([slow, ignorant, to, alone]).await;
}

/// Waits long for whoever is asked alone, and not long while there are others.
async fn calm() -> DataPlane {
    let mut config = Config::memory();
    // Whoever waited for it would wait for ever.
    config.stall_timeout = Duration::from_secs(1 << 30);
    config.slow_after = common::PATIENCE;
    config.least_rate = 1;
    DataPlane::spawn(config).await.expect("up")
}

#[tokio::test]
async fn who_is_silent_holds_nobody_up_who_has_others_to_ask() {
    let data = bytes(SIZE, 6);
    for silent_from in [0, 1 << 20] {
        for silent_leads in [true, false] {
            let evil = EvilProvider::spawn(&data, Evil::Stall(silent_from)).await;
            let (honest, to) = (memory().await, calm().await);
            let held = honest.put_bytes(data.clone()).await.expect("stored");
            let mut from = [honest.address(), evil.address.clone()];
            if silent_leads {
                from.reverse();
            }
            let fetched = fetch(&to, held.hash(), &from).await;
            let [attempt] = &fetched.given_up[..] else {
                panic!("{:?}", fetched.given_up);
            };
            assert_eq!(attempt.peer, evil.address.id());
            assert!(matches!(attempt.fault, PeerFault::Slow { .. }), "{attempt}");
            evil.shutdown().await;
            common::shutdown([honest, to]).await;
        }
    }
}

#[tokio::test]
async fn who_cannot_be_reached_holds_nobody_up_who_has_others_to_ask() {
    let data = bytes(SIZE, 7);
    // A socket that nobody reads.
    let deaf = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let key = sungrid_data_plane::SecretKey::from_bytes(&[7; 32]);
    let address = deaf.local_addr().expect("an address");
    let deaf = PeerAddress::new(key.public(), [address]).expect("valid");
    let mut config = Config::memory();
    config.connect_timeout = Duration::from_secs(1 << 30);
    config.slow_after = common::PATIENCE;
    let to = DataPlane::spawn(config).await.expect("up");
    let honest = memory().await;
    let held = honest.put_bytes(data).await.expect("stored");
    let from = [honest.address(), deaf.clone()];
    let fetched = fetch(&to, held.hash(), &from).await;
    let given_up: Vec<_> = fetched.given_up.iter().map(|a| a.peer).collect();
    assert_eq!(given_up, [deaf.id()]);
    common::shutdown([honest, to]).await;
}
