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
use tokio::{
    sync::Semaphore,
    time::{error::Elapsed, timeout},
};
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
struct Metered<S> {
    inner: S,
    stall: Duration,
    served: Arc<Served>,
    share: Share,
}

/// Waits for this side's line, which does not count against the peer, and says for how long the peer may take nothing of these bytes then. Its requests
/// get their parts of its own line in turn, so that of a narrow one each takes as many times as long.
async fn turn(share: &Share, bytes: usize, stall: Duration) -> Duration {
    share.take(bytes as u64).await;
    let requests = u32::try_from(share.requests()).unwrap_or(u32::MAX);
    stall.saturating_mul(requests)
}

impl<S: util::SendStream> Metered<S> {
    fn note(&mut self, bytes: usize, sent: Result<io::Result<()>, Elapsed>) -> io::Result<()> {
        let Ok(sent) = sent else {
            self.inner.reset(ERR_LIMIT).ok();
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the peer takes no data",
            ));
        };
        sent?;
        self.served.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl<S: util::SendStream> util::SendStream for Metered<S> {
    async fn send_bytes(&mut self, bytes: Bytes) -> io::Result<()> {
        let length = bytes.len();
        let patience = turn(&self.share, length, self.stall).await;
        let sent = timeout(patience, self.inner.send_bytes(bytes)).await;
        self.note(length, sent)
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let patience = turn(&self.share, bytes.len(), self.stall).await;
        let sent = timeout(patience, self.inner.send(bytes)).await;
        self.note(bytes.len(), sent)
    }

    async fn sync(&mut self) -> io::Result<()> {
        self.inner.sync().await
    }

    fn reset(&mut self, code: VarInt) -> io::Result<()> {
        self.inner.reset(code)
    }

    async fn stopped(&mut self) -> io::Result<Option<VarInt>> {
        self.inner.stopped().await
    }

    fn id(&self) -> u64 {
        self.inner.id()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use iroh::SecretKey;
    use tokio::{task::JoinSet, time::Instant};
    use util::SendStream as _;

    use super::*;

    const STALL: Duration = Duration::from_secs(20);
    const PIECE: usize = 16 << 10;
    /// The receiver tells a sender that there is room when so much was taken from a stream: an eighth of its window.
    const ROOM: u64 = 1_250_000 / 8;

    /// A stream to a peer that takes what its own line lets it, or nothing.
    struct Taken {
        line: Option<Share>,
        room: u64,
    }

    impl util::SendStream for Taken {
        async fn send_bytes(&mut self, bytes: Bytes) -> io::Result<()> {
            let Some(line) = &self.line else {
                return std::future::pending().await;
            };
            while self.room < bytes.len() as u64 {
                for _ in 0..ROOM.div_ceil(PIECE as u64) {
                    line.take(ROOM.min(PIECE as u64)).await;
                }
                self.room += ROOM;
            }
            self.room -= bytes.len() as u64;
            Ok(())
        }

        async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.send_bytes(Bytes::copy_from_slice(bytes)).await
        }

        async fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn reset(&mut self, code: VarInt) -> io::Result<()> {
            assert_eq!(code, ERR_LIMIT);
            Ok(())
        }

        async fn stopped(&mut self) -> io::Result<Option<VarInt>> {
            Ok(None)
        }

        fn id(&self) -> u64 {
            0
        }
    }

    fn pace(bits: u64) -> Arc<Pace> {
        Pace::new(NonZeroU64::new(bits / 8))
    }

    /// As many requests of one peer as it may have open, each for so many bytes; whether they were answered, and when the last one ended.
    async fn served(upload: u64, download: Option<u64>, bytes: usize) -> (usize, Duration) {
        let peer = SecretKey::from_bytes(&[1; 32]).public();
        let (upload, download) = (pace(upload), download.map(pace));
        let requests = ServeLimits::default().max_requests_per_peer;
        let streams: Vec<_> = (0..requests)
            .map(|_| Metered {
                inner: Taken {
                    line: download.as_ref().map(|pace| pace.of(peer)),
                    room: 0,
                },
                stall: STALL,
                served: Arc::default(),
                share: upload.of(peer),
            })
            .collect();
        let (start, mut answers) = (Instant::now(), JoinSet::new());
        for mut stream in streams {
            answers.spawn(async move {
                for _ in 0..bytes / PIECE {
                    stream.send_bytes(Bytes::from_static(&[0; PIECE])).await?;
                }
                Ok::<_, io::Error>(())
            });
        }
        let answers = answers.join_all().await;
        let answered = answers.iter().filter(|answer| answer.is_ok()).count();
        (answered, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_line_is_no_stall_however_many_requests_share_it() {
        for (upload, download) in [
            (1_000_000_000, 1_000_000),
            (1_000_000_000, 200_000),
            (1_000_000, 1_000_000_000),
            (100_000, 1_000_000_000),
        ] {
            let (answered, took) = served(upload, Some(download), 1 << 20).await;
            assert_eq!(answered, 16, "{upload} {download}");
            assert!(took > STALL, "or this shows nothing: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up_whatever_it_has_open() {
        let (answered, took) = served(1_000_000_000, None, PIECE).await;
        assert_eq!(answered, 0);
        // The more requests, the longer, and all are gone by then.
        assert!(took >= STALL && took <= 17 * STALL, "{took:?}");
    }
}
