//! Short messages between peers, such as "your result is ready".
//!
//! A message is delivered when the receiver has put it into its queue, and the sender is told. The
//! queue is bounded: when nobody reads it, senders are turned away and memory does not grow. Content
//! never goes this way; a message names blobs, and the receiver fetches them.

mod frame;
mod rate;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use iroh::{
    EndpointId,
    endpoint::{Connection, RecvStream, SendStream},
    protocol::{AcceptError, ProtocolHandler},
};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, error::TrySendError},
    },
    time::{Instant, timeout},
};
use tracing::debug;

pub use frame::MAX_NOTIFICATION;
use frame::{ANSWER, MAX_FRAME, Status};
use rate::RateLimiter;

use crate::{
    NotifyError, NotifyLimits, PeerAddress, ServeLimits,
    peers::{Dialer, Doorman, FRAME_TIMEOUT, close, reply, serve_connection},
};

/// Protocol name; the number is the version of the frames.
pub(crate) const ALPN: &[u8] = b"sungrid/notify/1";

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Who sent it, proven by the connection.
    pub from: EndpointId,
    /// The message, at most [`MAX_NOTIFICATION`] bytes.
    pub message: Bytes,
}

/// Received messages in the order of their arrival.
#[derive(Debug)]
pub struct Notifications(mpsc::Receiver<Notification>);

impl Notifications {
    /// Waits for the next message; `None` after shutdown.
    pub async fn recv(&mut self) -> Option<Notification> {
        self.0.recv().await
    }

    /// The next message, if one is here.
    pub fn try_recv(&mut self) -> Option<Notification> {
        self.0.try_recv().ok()
    }
}

/// Sends a message and waits until the peer has queued it. When the connection breaks before the
/// answer the message is sent again, so it can arrive twice.
pub(crate) async fn send(
    dialer: &Dialer,
    peer: &PeerAddress,
    message: &[u8],
    wait: Duration,
) -> Result<(), NotifyError> {
    let frame = frame::encode(message).ok_or(NotifyError::TooLong(message.len()))?;
    let name = || peer.id().fmt_short().to_string();
    let unreachable = |reason: String| NotifyError::Unreachable {
        peer: name(),
        reason,
    };
    let answer = loop {
        let (connection, reused) = dialer.connect(peer, ALPN).await.map_err(unreachable)?;
        match timeout(wait, exchange(&connection, &frame, ANSWER)).await {
            Ok(Ok(answer)) => break answer,
            Ok(Err(_))
                if connection
                    .close_reason()
                    .is_some_and(|reason| is_busy(&reason)) =>
            {
                return Err(NotifyError::Busy { peer: name() });
            }
            Ok(Err(reason)) => {
                dialer.drop_connection(&connection, close::DONE, "dead");
                if !reused {
                    return Err(unreachable(reason));
                }
            }
            Err(_) => {
                dialer.drop_connection(&connection, close::DONE, "no answer");
                return Err(NotifyError::NoAnswer {
                    peer: name(),
                    after: wait,
                });
            }
        }
    };
    let rejected = |reason: &str| NotifyError::Rejected {
        peer: name(),
        reason: reason.into(),
    };
    match frame::decode_answer(&answer) {
        Some(Status::Accepted) => Ok(()),
        Some(Status::QueueFull | Status::RateLimited) => Err(NotifyError::Busy { peer: name() }),
        Some(Status::Malformed) => Err(rejected("it found the frame malformed")),
        Some(Status::UnknownVersion) => Err(rejected("it does not know this version")),
        None => Err(rejected("its answer is not one of this protocol")),
    }
}

/// Sends a frame and reads the answer of at most so many bytes; the error is the reason in words.
pub(crate) async fn exchange(
    connection: &Connection,
    frame: &[u8],
    most: usize,
) -> Result<Vec<u8>, String> {
    let (mut send, mut recv) = connection.open_bi().await.map_err(|e| e.to_string())?;
    // The receiver may refuse before it has read all: then its answer counts, not this failure.
    let written = match send.write_all(frame).await {
        Ok(()) => send.finish().map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    let answer = recv.read_to_end(most).await;
    answer.map_err(|e| written.err().unwrap_or_else(|| e.to_string()))
}

fn is_busy(reason: &iroh::endpoint::ConnectionError) -> bool {
    matches!(reason, iroh::endpoint::ConnectionError::ApplicationClosed(close) if close.error_code == close::BUSY)
}

/// Receives messages on [`ALPN`].
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    queue: mpsc::Sender<Notification>,
    rate: Arc<Mutex<RateLimiter>>,
    doorman: Arc<Doorman>,
    requests: Arc<Semaphore>,
    idle: Duration,
}

impl Receiver {
    pub(crate) fn new(limits: &NotifyLimits, serve: &ServeLimits) -> (Self, Notifications) {
        let (queue, notifications) = mpsc::channel(limits.queue.max(1));
        let rate = RateLimiter::new(limits.burst, limits.refill, limits.max_peers);
        let receiver = Self {
            queue,
            rate: Arc::new(Mutex::new(rate)),
            doorman: Doorman::new(
                serve.max_connections,
                serve.max_connections_per_peer,
                serve.max_requests_per_peer,
            ),
            requests: Arc::new(Semaphore::new(serve.max_requests)),
            idle: serve.idle_timeout,
        };
        (receiver, Notifications(notifications))
    }

    async fn answer(self, from: EndpointId, send: SendStream, mut recv: RecvStream) {
        let status = match timeout(FRAME_TIMEOUT, recv.read_to_end(MAX_FRAME)).await {
            Ok(Ok(frame)) => match frame::decode(&frame) {
                Ok(message) => self.queue(Notification { from, message }),
                Err(status) => status,
            },
            Ok(Err(error)) => {
                debug!(peer = %from.fmt_short(), %error, "unreadable notification");
                Status::Malformed
            }
            Err(_) => Status::Malformed,
        };
        reply(from, send, &frame::encode_answer(status)).await;
    }

    fn queue(&self, notification: Notification) -> Status {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if !rate.allow(notification.from, Instant::now()) {
            return Status::RateLimited;
        }
        drop(rate);
        match self.queue.try_send(notification) {
            Ok(()) => Status::Accepted,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => Status::QueueFull,
        }
    }
}

impl ProtocolHandler for Receiver {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        let peer = connection.remote_id();
        serve_connection(
            &connection,
            &self.doorman,
            &self.requests,
            self.idle,
            |send, recv| self.clone().answer(peer, send, recv),
        )
        .await;
        Ok(())
    }
}
