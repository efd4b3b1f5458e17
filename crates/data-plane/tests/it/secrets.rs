//! Secrets: told to those whom their owner names, and to nobody else.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use sungrid_data_plane::{
    Asker, Config, DataPlane, EndpointId, MAX_SECRET, MAX_SECRET_NAME, SecretError, Secrets,
};

use crate::{
    common::{self, impatient, memory},
    evil,
};

/// Tells its secret to those whose card says that they are friends, and keeps one that is too long.
struct Confidant;

impl Secrets for Confidant {
    fn secret<'a>(&'a self, asker: &'a Asker, name: &'a [u8]) -> BoxFuture<'a, Option<Bytes>> {
        async move {
            let is_friend = asker.card.as_deref() == Some(b"a friend");
            match name {
                b"the key" if is_friend => Some(Bytes::from_static(b"7 7 7")),
                b"an essay" if is_friend => Some(vec![7; MAX_SECRET + 1].into()),
                b"for ever" => std::future::pending().await,
                _ => None,
            }
        }
        .boxed()
    }
}

async fn confidant() -> DataPlane {
    let mut config = Config::memory();
    config.secrets = Arc::new(Confidant);
    config.stall_timeout = common::PATIENCE;
    DataPlane::spawn(config).await.expect("up")
}

fn short(id: EndpointId) -> String {
    id.fmt_short().to_string()
}

#[tokio::test]
async fn a_friend_is_told_after_it_has_shown_its_card() {
    let (keeper, friend) = (confidant().await, memory().await);
    friend.set_card(&b"a friend"[..]).expect("short enough");
    for _ in 0..2 {
        let told = friend.ask_secret(b"the key", &[keeper.address()]).await;
        assert_eq!(told.as_deref(), Ok(&b"7 7 7"[..]));
    }
    // What does not exist, and what no frame holds, is refused like what is for others.
    let peer = short(keeper.endpoint_id());
    for name in [&b"another"[..], b"an essay"] {
        let told = friend.ask_secret(name, &[keeper.address()]).await;
        assert_eq!(told, Err(SecretError::Refused { peer: peer.clone() }));
    }
    common::shutdown([keeper, friend]).await;
}

#[tokio::test]
async fn strangers_are_told_nothing_and_others_are_asked_in_turn() {
    let (keeper, stranger, ignorant) = (confidant().await, memory().await, memory().await);
    let refused = |node: &DataPlane| SecretError::Refused {
        peer: short(node.endpoint_id()),
    };
    let told = stranger.ask_secret(b"the key", &[keeper.address()]).await;
    assert_eq!(told, Err(refused(&keeper)));
    stranger.set_card(&b"a foe"[..]).expect("short enough");
    let told = stranger.ask_secret(b"the key", &[keeper.address()]).await;
    assert_eq!(told, Err(refused(&keeper)));
    assert_eq!(
        stranger.ask_secret(b"the key", &[]).await,
        Err(SecretError::NoPeers)
    );

    let friend = impatient().await;
    friend.set_card(&b"a friend"[..]).expect("short enough");
    let away = memory().await;
    let gone = away.address();
    away.shutdown().await;
    let peers = [gone, ignorant.address(), keeper.address()];
    let told = friend.ask_secret(b"the key", &peers).await;
    assert_eq!(told.as_deref(), Ok(&b"7 7 7"[..]));
    // An owner that cannot make up its mind is waited for as long as any peer.
    let told = friend.ask_secret(b"for ever", &[keeper.address()]).await;
    assert!(told.is_err());
    common::shutdown([keeper, stranger, ignorant, friend]).await;
}

#[tokio::test]
async fn names_are_bounded_and_broken_frames_are_answered() {
    let (keeper, friend) = (confidant().await, memory().await);
    for length in [0, MAX_SECRET_NAME + 1] {
        let (name, from) = (vec![7; length], [keeper.address()]);
        let told = friend.ask_secret(&name, &from).await;
        assert_eq!(told, Err(SecretError::Name(length)));
    }
    let endpoint = evil::endpoint().await;
    let address = iroh::EndpointAddr::from_parts(
        keeper.endpoint_id(),
        keeper
            .address()
            .direct()
            .iter()
            .map(|ip| iroh::TransportAddr::Ip(*ip)),
    );
    let connection = endpoint
        .connect(address, b"sungrid/secret/1")
        .await
        .expect("open to all");
    let version = |n: u8, rest: &[u8]| [&[n], rest].concat();
    let cases = [
        (version(1, &[7; MAX_SECRET_NAME + 1]), 2),
        (version(2, b"the key"), 2),
        (vec![1], 2),
        (vec![], 2),
        (version(1, b"the key"), 1),
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
    common::shutdown([keeper, friend]).await;
}
