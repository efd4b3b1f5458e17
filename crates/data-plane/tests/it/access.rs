//! Cards: whom a node serves by what it says of itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures::future::{BoxFuture, FutureExt, join_all};
use sungrid_data_plane::{
    AccessPolicy, Asker, CardError, Config, DataPlane, FetchOptions, Hash, MAX_CARD, PeerFault,
};

use crate::{
    common::{self, bytes, memory},
    evil,
};

/// Serves those whose card says so; counts how often it was asked.
#[derive(Default)]
struct Friends(AtomicU64);

impl AccessPolicy for Friends {
    fn allows<'a>(&'a self, asker: &'a Asker, _: &'a Hash) -> BoxFuture<'a, bool> {
        async move {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            asker.card.as_deref() == Some(b"a friend")
        }
        .boxed()
    }
}

async fn picky() -> (DataPlane, Arc<Friends>) {
    let friends = Arc::<Friends>::default();
    let mut config = Config::memory();
    config.access = friends.clone();
    (DataPlane::spawn(config).await.expect("up"), friends)
}

#[tokio::test]
async fn who_is_refused_shows_its_card_once_and_is_served() {
    let ((from, friends), friend) = (picky().await, memory().await);
    friend.set_card(&b"a friend"[..]).expect("short enough");
    let mut held = Vec::new();
    for n in 0..20 {
        held.push(from.put_bytes(bytes(1_000, n)).await.expect("stored"));
    }
    let provider = [from.address()];
    // All of them at once: each is refused at most once, and one of them shows the card.
    let fetches = held.iter().map(|held| {
        let options = FetchOptions::up_to(1_000);
        friend.fetch(held.hash(), &provider, options)
    });
    for fetched in join_all(fetches).await {
        assert!(fetched.expect("a friend is served").given_up.is_empty());
    }
    assert!(from.stats().refused <= 20);
    // From then on it is known.
    let before = (from.stats().refused, friends.0.load(Ordering::Relaxed));
    let late = from.put_bytes("late").await.expect("stored");
    let options = FetchOptions::up_to(10);
    let fetched = friend.fetch(late.hash(), &provider, options).await;
    fetched.expect("a friend is served");
    let after = (from.stats().refused, friends.0.load(Ordering::Relaxed));
    assert_eq!(after, (before.0, before.1 + 1), "one question, no refusal");
    common::shutdown([from, friend]).await;
}

#[tokio::test]
async fn without_a_card_or_with_a_wrong_one_nothing_is_served() {
    let ((from, _), stranger, foe) = (picky().await, memory().await, memory().await);
    foe.set_card(&b"a foe"[..]).expect("short enough");
    let held = from.put_bytes(bytes(1_000, 1)).await.expect("stored");
    for node in [&stranger, &foe, &foe] {
        let options = FetchOptions::up_to(1_000);
        let error = node
            .fetch(held.hash(), &[from.address()], options)
            .await
            .expect_err("not for them");
        assert_eq!(error.attempts()[0].fault, PeerFault::Forbidden, "{error}");
        assert!(!node.has(held.hash()).await.expect("known"));
    }
    assert_eq!(from.stats().served_requests, 0);
    // A card that changes is shown anew.
    foe.set_card(&b"a friend"[..]).expect("short enough");
    let options = FetchOptions::up_to(1_000);
    foe.fetch(held.hash(), &[from.address()], options)
        .await
        .expect("it has changed sides");
    common::shutdown([from, stranger, foe]).await;
}

#[tokio::test]
async fn cards_are_bounded() {
    let (from, _) = picky().await;
    assert_eq!(from.set_card(vec![]), Err(CardError(0)));
    assert_eq!(
        from.set_card(vec![0; MAX_CARD + 1]),
        Err(CardError(MAX_CARD + 1))
    );
    from.set_card(vec![0; MAX_CARD]).expect("the longest one");
    let held = from.put_bytes(bytes(1_000, 1)).await.expect("stored");
    let options = FetchOptions::up_to(1_000);
    from.fetch(held.hash(), &[], options)
        .await
        .expect("its own");

    // Whatever a stranger sends as a card, it is answered, and the next one is served as ever.
    let endpoint = evil::endpoint().await;
    let address = iroh::EndpointAddr::from_parts(
        from.endpoint_id(),
        from.address()
            .direct()
            .iter()
            .map(|ip| iroh::TransportAddr::Ip(*ip)),
    );
    let connection = endpoint
        .connect(address, b"sungrid/card/1")
        .await
        .expect("open to all");
    let version = |n: u8, rest: &[u8]| [&[n], rest].concat();
    let cases = [
        (version(1, &[7; MAX_CARD + 1]), 1),
        (version(2, b"a friend"), 1),
        (vec![1], 1),
        (vec![], 1),
        (version(1, b"a friend"), 0),
    ];
    for (frame, expected) in cases {
        let (mut send, mut recv) = connection.open_bi().await.expect("open");
        // It may be cut short by the answer.
        let _ = send.write_all(&frame).await;
        let _ = send.finish();
        let answer = recv.read_to_end(2).await.expect("answered");
        assert_eq!(answer, [1, expected], "{frame:?}");
    }
    endpoint.close().await;
    from.shutdown().await;
}
