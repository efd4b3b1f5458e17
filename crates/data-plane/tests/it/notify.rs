//! Notifications between nodes, and what attackers send instead.

use crate::{
    common::{self, memory},
    evil,
};
use iroh::{Endpoint, endpoint::Connection};
use sungrid_data_plane::{
    Config, DataPlane, MAX_NOTIFICATION, Notification, NotifyError, PeerAddress,
};

const ALPN: &[u8] = b"sungrid/notify/1";

#[tokio::test]
async fn a_message_arrives_with_its_sender() {
    let (from, to) = (memory().await, memory().await);
    let mut inbox = to.notifications().expect("the first call");
    assert!(to.notifications().is_none(), "only one reader");
    from.notify(&to.address(), b"ready")
        .await
        .expect("delivered");
    from.notify(&to.address(), &[7; MAX_NOTIFICATION])
        .await
        .expect("delivered");
    let first = inbox.recv().await.expect("a message");
    assert_eq!(
        first,
        Notification {
            from: from.endpoint_id(),
            message: "ready".into()
        }
    );
    assert_eq!(
        inbox.recv().await.expect("a message").message.len(),
        MAX_NOTIFICATION
    );
    assert_eq!(inbox.try_recv(), None);
    let error = from
        .notify(&to.address(), &[0; MAX_NOTIFICATION + 1])
        .await
        .expect_err("too long");
    assert_eq!(error, NotifyError::TooLong(MAX_NOTIFICATION + 1));
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn a_full_queue_turns_senders_away_until_it_is_read() {
    let mut config = Config::memory();
    config.notify.queue = 2;
    let (from, to) = (memory().await, DataPlane::spawn(config).await.expect("up"));
    let mut inbox = to.notifications().expect("the first call");
    for _ in 0..2 {
        from.notify(&to.address(), b"x").await.expect("delivered");
    }
    let error = from.notify(&to.address(), b"x").await.expect_err("full");
    assert!(
        matches!(error, NotifyError::Busy { .. }) && error.is_retryable(),
        "{error}"
    );
    inbox.recv().await.expect("a message");
    from.notify(&to.address(), b"x").await.expect("room again");
    common::shutdown([from, to]).await;
}

#[tokio::test]
async fn a_flood_is_cut_to_the_rate_of_its_sender() {
    let mut config = Config::memory();
    config.notify.burst = 5;
    config.notify.refill = std::time::Duration::from_secs(3600);
    let (flood, calm) = (memory().await, memory().await);
    let to = DataPlane::spawn(config).await.expect("up");
    let mut accepted = 0;
    for _ in 0..50 {
        match flood.notify(&to.address(), b"x").await {
            Ok(()) => accepted += 1,
            Err(error) => assert!(matches!(error, NotifyError::Busy { .. }), "{error}"),
        }
    }
    assert_eq!(accepted, 5);
    calm.notify(&to.address(), b"x")
        .await
        .expect("others are not held up");
    common::shutdown([flood, calm, to]).await;
}

async fn dial(endpoint: &Endpoint, to: &DataPlane) -> Connection {
    let mut address = iroh::EndpointAddr::new(to.endpoint_id());
    for direct in to.address().direct() {
        address = address.with_ip_addr(*direct);
    }
    endpoint.connect(address, ALPN).await.expect("connected")
}

async fn exchange(connection: &Connection, frame: &[u8]) -> Vec<u8> {
    let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
    // The receiver may stop reading early.
    let _ = send.write_all(frame).await;
    let _ = send.finish();
    recv.read_to_end(16).await.expect("an answer")
}

#[tokio::test]
async fn garbage_is_answered_and_never_queued() {
    let to = memory().await;
    let mut inbox = to.notifications().expect("the first call");
    let attacker = evil::endpoint().await;
    let connection = dial(&attacker, &to).await;
    assert_eq!(exchange(&connection, &[]).await, [1, 3]);
    assert_eq!(exchange(&connection, &[9, 0, 0]).await, [1, 4]);
    assert_eq!(exchange(&connection, &[1, 0, 9, 1]).await, [1, 3]);
    assert_eq!(exchange(&connection, &vec![1; 1 << 20]).await, [1, 3]);
    let mut over = vec![1, 0x10, 0x01];
    over.extend_from_slice(&[0; MAX_NOTIFICATION + 1]);
    assert_eq!(exchange(&connection, &over).await, [1, 3]);
    assert_eq!(inbox.try_recv(), None);
    // The connection still works for who behaves.
    assert_eq!(exchange(&connection, &[1, 0, 1, 42]).await, [1, 0]);
    assert_eq!(inbox.recv().await.expect("a message").message, vec![42]);
    attacker.close().await;
    to.shutdown().await;
}

#[tokio::test]
async fn connections_of_one_peer_are_bounded() {
    let mut config = Config::memory();
    config.serve.max_connections_per_peer = 2;
    let to = DataPlane::spawn(config).await.expect("up");
    let attacker = evil::endpoint().await;
    let kept = [dial(&attacker, &to).await, dial(&attacker, &to).await];
    for connection in &kept {
        // Proof that it was let in before the next one comes.
        assert_eq!(exchange(connection, &[1, 0, 0]).await, [1, 0]);
    }
    let refused = dial(&attacker, &to).await;
    let reason = refused.closed().await.to_string();
    assert!(reason.contains("too many connections"), "{reason}");
    drop(kept);
    attacker.close().await;
    to.shutdown().await;
}

#[tokio::test]
async fn nobody_there_is_an_error_with_a_reason() {
    let from = common::impatient().await;
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("bound");
    let id = sungrid_data_plane::SecretKey::from_bytes(&[9; 32]).public();
    let peer = PeerAddress::new(id, [silent.local_addr().expect("bound")]).expect("valid");
    let error = from.notify(&peer, b"x").await.expect_err("nobody there");
    assert!(
        matches!(error, NotifyError::Unreachable { .. }) && error.is_retryable(),
        "{error}"
    );
    from.shutdown().await;
}
