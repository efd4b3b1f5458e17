//! The provider's side: serves one blob per request, or some, to whom the policy allows, within bounds.
//!
//! Of the blobs protocol only `get` for a single blob and `get-many` for some whole ones, all of them named, are
//! spoken. Requests for whole hash sequences are refused, because a sequence supplied by an attacker could name blobs
//! that the policy keeps from him; so are push and observe, which nothing here needs.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use iroh::{
    EndpointId,
    endpoint::{Connection, RecvStream, SendStream, VarInt},
    protocol::{AcceptError, ProtocolHandler},
};
use iroh_blobs::{
    Hash,
    api::Store,
    protocol::{ChunkRangesSeq, ERR_LIMIT, ERR_PERMISSION, Request},
    provider::{
        StreamPair,
        events::{EventSender, RequestTracker},
        handle_get, handle_get_many,
    },
    util,
};
use tokio::{sync::Semaphore, time::timeout};
use tracing::debug;

use crate::{
    AccessPolicy, Asker, ServeLimits,
    card::Cards,
    many::MANY,
    pace::{Pace, Share},
    peers::{Doorman, serve_connection},
};

/// A request is at most a few hundred bytes; a peer that needs longer than this to send it is idle.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What has been served since the start.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) bytes: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// Serves blobs on [`iroh_blobs::ALPN`].
#[derive(Clone)]
pub(crate) struct Provider {
    store: Store,
    access: Arc<dyn AccessPolicy>,
    cards: Arc<Cards>,
    doorman: Arc<Doorman>,
    requests: Arc<Semaphore>,
    idle: Duration,
    stall: Duration,
    served: Arc<Served>,
    pace: Arc<Pace>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("served", &self.served)
            .finish_non_exhaustive()
    }
}

impl Provider {
    pub(crate) fn new(
        store: Store,
        access: Arc<dyn AccessPolicy>,
        cards: Arc<Cards>,
        limits: &ServeLimits,
        stall: Duration,
        served: Arc<Served>,
        pace: Arc<Pace>,
    ) -> Self {
        Self {
            store,
            access,
            cards,
            doorman: Doorman::new(
                limits.max_connections,
                limits.max_connections_per_peer,
                limits.max_requests_per_peer,
            ),
            requests: Arc::new(Semaphore::new(limits.max_requests)),
            idle: limits.idle_timeout,
            stall,
            served,
            pace,
        }
    }

    async fn answer(
        self,
        peer: EndpointId,
        connection_id: u64,
        send: SendStream,
        recv: RecvStream,
    ) {
        let send = Metered {
            inner: send,
            stall: self.stall,
            served: self.served.clone(),
            share: self.pace.of(peer),
        };
        let mut pair = StreamPair::new(connection_id, recv, send, EventSender::DEFAULT);
        let request = match timeout(REQUEST_TIMEOUT, pair.read_request()).await {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => {
                debug!(peer = %peer.fmt_short(), "unreadable request: {error:#}");
                return self.refuse();
            }
            Err(_) => return self.refuse(),
        };
        match request {
            Request::Get(request)
                if request.ranges.is_blob() && self.may(peer, &[request.hash]).await =>
            {
                self.served.requests.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = handle_get(pair, self.store, request).await {
                    debug!(peer = %peer.fmt_short(), "request failed: {error:#}");
                }
            }
            // Whoever may not have one of them gets none: what is refused is refused before anything is sent.
            Request::GetMany(request)
                if request.hashes.len() <= MANY
                    && request.ranges == ChunkRangesSeq::all()
                    && self.may(peer, &request.hashes).await =>
            {
                self.served.requests.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = handle_get_many(pair, self.store, request).await {
                    debug!(peer = %peer.fmt_short(), "request failed: {error:#}");
                }
            }
            _ => {
                self.refuse();
                // The writer is only had with a tracker, and only when nothing more is read.
                let writer = timeout(REQUEST_TIMEOUT, pair.into_writer(RequestTracker::NONE)).await;
                if let Ok(Ok(mut writer)) = writer {
                    util::SendStream::reset(&mut writer.inner, ERR_PERMISSION).ok();
                }
            }
        }
    }

    async fn may(&self, id: EndpointId, hashes: &[Hash]) -> bool {
        let card = self.cards.of(&id);
        let asker = Asker { id, card };
        let answer = async {
            for hash in hashes {
                if !self.access.allows(&asker, hash).await {
                    return false;
                }
            }
            true
        };
        // A policy that does not know in time does not know.
        timeout(REQUEST_TIMEOUT, answer).await.unwrap_or(false)
    }

    fn refuse(&self) {
        self.served.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl ProtocolHandler for Provider {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        let peer = connection.remote_id();
        let id = connection.stable_id() as u64;
        let served = serve_connection(
            &connection,
            &self.doorman,
            &self.requests,
            self.idle,
            |send, recv| self.clone().answer(peer, id, send, recv),
        )
        .await;
        if !served {
            self.refuse();
        }
        Ok(())
    }
}

/// A stream that counts what is sent, waits for the peer's share of the line, and gives up on a peer that takes nothing.
struct Metered {
    inner: SendStream,
    stall: Duration,
    served: Arc<Served>,
    share: Share,
}

impl Metered {
    fn stalled(&mut self) -> io::Error {
        util::SendStream::reset(&mut self.inner, ERR_LIMIT).ok();
        io::Error::new(io::ErrorKind::TimedOut, "the peer takes no data")
    }

    fn count(&self, bytes: usize) {
        self.served.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl util::SendStream for Metered {
    async fn send_bytes(&mut self, bytes: Bytes) -> io::Result<()> {
        let length = bytes.len();
        self.share.take(length as u64).await;
        match timeout(self.stall, self.inner.send_bytes(bytes)).await {
            Ok(result) => result?,
            Err(_) => return Err(self.stalled()),
        }
        self.count(length);
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.share.take(bytes.len() as u64).await;
        match timeout(self.stall, util::SendStream::send(&mut self.inner, bytes)).await {
            Ok(result) => result?,
            Err(_) => return Err(self.stalled()),
        }
        self.count(bytes.len());
        Ok(())
    }

    async fn sync(&mut self) -> io::Result<()> {
        util::SendStream::sync(&mut self.inner).await
    }

    fn reset(&mut self, code: VarInt) -> io::Result<()> {
        util::SendStream::reset(&mut self.inner, code)
    }

    async fn stopped(&mut self) -> io::Result<Option<VarInt>> {
        util::SendStream::stopped(&mut self.inner).await
    }

    fn id(&self) -> u64 {
        util::SendStream::id(&self.inner)
    }
}
