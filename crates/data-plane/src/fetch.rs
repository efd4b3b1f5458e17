//! The requester's side: fetches blobs, verified piece by piece, from one provider after the other.

use std::{
    collections::HashMap,
    io,
    num::NonZeroU64,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use iroh::endpoint::Connection;
use iroh_blobs::{
    BlobFormat, Hash,
    get::{
        GetError,
        fsm::{
            self, AtBlobHeaderNextError, BlobContentNext, ConnectedNext, DecodeError, EndBlobNext,
        },
    },
    protocol::{ChunkRanges, ERR_INTERNAL, ERR_LIMIT, ERR_PERMISSION, GetRequest},
};
use tokio::time::timeout;
use tracing::debug;

use crate::{
    Attempt, FetchError, Held, PeerAddress, PeerFault, StoreError,
    peers::{Dialer, close},
    store::{Storage, stopped},
};

/// Pieces that wait to be written. Bounds the memory of one transfer to about 1 MiB.
const WRITE_QUEUE: usize = 64;

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The blob.
    pub hash: Hash,
    /// Verified bytes that are here, those of earlier tries included.
    pub done: u64,
    /// Size the provider announced; proven only when the blob is complete.
    pub total: u64,
}

/// Called for every piece that arrives. Must return at once.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// Bounds and wishes for one fetch.
#[derive(Clone)]
#[non_exhaustive]
pub struct FetchOptions {
    /// Largest blob to accept, in bytes.
    pub max_bytes: u64,
    /// Told about every piece.
    pub on_progress: Option<OnProgress>,
}

impl FetchOptions {
    /// Accept blobs of at most `max_bytes`.
    pub fn up_to(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            on_progress: None,
        }
    }

    /// Calls `f` for every piece that arrives.
    pub fn on_progress(mut self, f: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(f));
        self
    }
}

/// A fetched blob.
#[derive(Debug)]
pub struct Fetched {
    /// The blob, which cannot be collected while this lives.
    pub held: Held,
    /// Bytes of content that came over the network in this call; 0 when all was here.
    pub transferred: u64,
    /// Providers that were given up on the way.
    pub given_up: Vec<Attempt>,
}

/// Total size allowed for several blobs together. Each blob counts once.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    claimed: Mutex<Claimed>,
}

#[derive(Debug, Default)]
struct Claimed {
    sizes: HashMap<Hash, u64>,
    total: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            claimed: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Claimed> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts `hash` with `size`; the error is the size that would still be allowed.
    fn claim(&self, hash: Hash, size: u64) -> Result<(), u64> {
        let mut claimed = self.lock();
        let before = claimed.sizes.get(&hash).copied().unwrap_or(0);
        let left = self.limit.saturating_sub(claimed.total - before);
        if size > left {
            return Err(left);
        }
        claimed.sizes.insert(hash, size);
        claimed.total = claimed.total - before + size;
        Ok(())
    }

    fn give_back(&self, hash: &Hash) {
        let mut claimed = self.lock();
        let size = claimed.sizes.remove(hash).unwrap_or(0);
        claimed.total -= size;
    }

    /// Bytes claimed so far.
    pub(crate) fn total(&self) -> u64 {
        self.lock().total
    }
}

/// Why one provider did not do.
enum Failure {
    Peer(PeerFault),
    /// The store has no room for the announced size.
    NoRoom {
        size: u64,
        error: StoreError,
    },
    Store(StoreError),
}

impl From<PeerFault> for Failure {
    fn from(fault: PeerFault) -> Self {
        Self::Peer(fault)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Fetches blobs into a [`Storage`].
#[derive(Debug)]
pub(crate) struct Fetcher {
    storage: Arc<Storage>,
    dialer: Arc<Dialer>,
    stall: Duration,
    /// One fetch per blob at a time: the second finds the work of the first.
    running: Mutex<HashMap<Hash, Weak<tokio::sync::Mutex<()>>>>,
    pub(crate) fetched_bytes: AtomicU64,
}

impl Fetcher {
    pub(crate) fn new(storage: Arc<Storage>, dialer: Arc<Dialer>, stall: Duration) -> Self {
        Self {
            storage,
            dialer,
            stall,
            running: Mutex::default(),
            fetched_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) async fn fetch(
        &self,
        hash: Hash,
        from: &[PeerAddress],
        options: &FetchOptions,
        budget: &Budget,
    ) -> Result<Fetched, FetchError> {
        let lock = self.lock_for(hash);
        let _alone = lock.lock().await;
        // Held first: from here on no collection takes what is already here.
        let tag = self.storage.hold(hash, BlobFormat::Raw).await?;
        let mut given_up = Vec::new();
        let mut transferred = 0;
        let mut no_room = None;
        if let Some(size) = self.storage.size(hash).await? {
            return self.accept(hash, size, tag, transferred, given_up, options, budget);
        }
        if from.is_empty() {
            return Err(FetchError::NoProviders { hash });
        }
        for peer in from {
            match self
                .fetch_from(hash, peer, options, budget, &mut transferred)
                .await
            {
                Ok(size) => {
                    return self.accept(hash, size, tag, transferred, given_up, options, budget);
                }
                Err(Failure::NoRoom { size, error }) => {
                    // The size is only announced, so the next provider may still do.
                    let fault = PeerFault::NoRoom {
                        size,
                        reason: error.to_string(),
                    };
                    given_up.push(Attempt {
                        hash,
                        peer: peer.id(),
                        fault,
                    });
                    no_room = Some(error);
                }
                Err(Failure::Store(error)) => return Err(error.into()),
                Err(Failure::Peer(fault)) => {
                    let attempt = Attempt {
                        hash,
                        peer: peer.id(),
                        fault,
                    };
                    debug!(%hash, "given up: {attempt}");
                    given_up.push(attempt);
                }
            }
            budget.give_back(&hash);
        }
        // When room was the trouble, the operator has to act, whatever else happened.
        match no_room {
            Some(error) => Err(error.into()),
            None => Err(FetchError::AllFailed {
                hash,
                attempts: given_up,
            }),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn accept(
        &self,
        hash: Hash,
        size: u64,
        tag: iroh_blobs::api::TempTag,
        transferred: u64,
        given_up: Vec<Attempt>,
        options: &FetchOptions,
        budget: &Budget,
    ) -> Result<Fetched, FetchError> {
        let limit = budget.claim(hash, size).err().unwrap_or(options.max_bytes);
        if size > limit {
            return Err(StoreError::TooLarge { hash, size, limit }.into());
        }
        Ok(Fetched {
            held: Held::new(tag, size),
            transferred,
            given_up,
        })
    }

    fn lock_for(&self, hash: Hash) -> Arc<tokio::sync::Mutex<()>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = running.get(&hash).and_then(Weak::upgrade) {
            return lock;
        }
        running.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        running.insert(hash, Arc::downgrade(&lock));
        lock
    }

    /// One try with one provider. Returns the size of the complete blob.
    async fn fetch_from(
        &self,
        hash: Hash,
        peer: &PeerAddress,
        options: &FetchOptions,
        budget: &Budget,
        transferred: &mut u64,
    ) -> Result<u64, Failure> {
        loop {
            let before = *transferred;
            let (connection, reused) = self
                .dialer
                .connect(peer, iroh_blobs::ALPN)
                .await
                .map_err(PeerFault::Unreachable)?;
            let result = self
                .transfer(hash, &connection, options, budget, transferred)
                .await;
            let Err(Failure::Peer(fault)) = &result else {
                return result;
            };
            match fault {
                PeerFault::WrongBytes => {
                    self.dialer
                        .drop_connection(&connection, close::MISBEHAVED, "wrong bytes");
                }
                PeerFault::Stalled(_) => {
                    self.dialer
                        .drop_connection(&connection, close::DONE, "stalled");
                }
                PeerFault::Cut(_) if reused && *transferred == before => {
                    // A kept connection was dead. This happens once: the next one is fresh.
                    self.dialer
                        .drop_connection(&connection, close::DONE, "dead");
                    continue;
                }
                _ => {}
            }
            return result;
        }
    }

    async fn transfer(
        &self,
        hash: Hash,
        connection: &Connection,
        options: &FetchOptions,
        budget: &Budget,
        transferred: &mut u64,
    ) -> Result<u64, Failure> {
        let local = self.storage.inner().observe(hash).await.map_err(stopped)?;
        let present = local.total_bytes();
        let request = GetRequest::blob_ranges(hash, ChunkRanges::all() - &local.ranges);
        let connected = self
            .in_time(fsm::start(connection.clone(), request, Default::default()).next())
            .await?;
        let connected = connected.map_err(|e| fault(&e.into()))?;
        let root = match self
            .in_time(connected.next())
            .await?
            .map_err(|e| fault(&e.into()))?
        {
            ConnectedNext::StartRoot(root) => root,
            // Only when nothing was missing, or for children, which are never requested.
            ConnectedNext::Closing(_) | ConnectedNext::StartChild(_) => {
                return self.complete(hash).await;
            }
        };
        let (mut content, size) = self
            .in_time(root.next().next())
            .await?
            .map_err(|e| fault(&e.into()))?;
        if size > options.max_bytes {
            return Err(PeerFault::TooLarge {
                size,
                limit: options.max_bytes,
            }
            .into());
        }
        budget
            .claim(hash, size)
            .map_err(|limit| PeerFault::TooLarge { size, limit })?;
        // The hash of nothing never comes here, so a size of 0 is a lie.
        let size = NonZeroU64::new(size).ok_or(PeerFault::WrongBytes)?;
        let missing = size.get().saturating_sub(present);
        let mut reservation = match self.storage.reserve(Some(hash), size.get(), missing).await {
            Err(error @ (StoreError::Full { .. } | StoreError::DiskFull { .. })) => {
                return Err(Failure::NoRoom {
                    size: size.get(),
                    error,
                });
            }
            other => other?,
        };
        let import = self
            .storage
            .inner()
            .blobs()
            .import_bao(hash, size, WRITE_QUEUE)
            .await;
        let import = import.map_err(|e| stopped(e.into()))?;
        let mut received = 0;
        let outcome = loop {
            match self.in_time(content.next()).await {
                Err(stalled) => break Err(stalled),
                Ok(BlobContentNext::Done(end)) => break Ok(end),
                Ok(BlobContentNext::More((_, Err(error)))) => break Err(fault(&error.into())),
                Ok(BlobContentNext::More((next, Ok(piece)))) => {
                    let total = next.stats().payload_bytes_read;
                    if import.tx.send(piece).await.is_err() {
                        // The store gave up; its answer below says why.
                        break Err(PeerFault::Cut("the store gave up".into()));
                    }
                    self.fetched_bytes
                        .fetch_add(total - received, Ordering::Relaxed);
                    *transferred += total - received;
                    received = total;
                    // At once, and not at the end: this call may be dropped at any time.
                    reservation.keep();
                    if let Some(on_progress) = &options.on_progress {
                        on_progress(Progress {
                            hash,
                            done: present + received,
                            total: size.get(),
                        });
                    }
                    content = next;
                }
            }
        };
        drop(import.tx);
        // Whatever the peer did, what was verified is written and stays.
        let stored = import.rx.await;
        match stored {
            Ok(Ok(())) => {}
            Ok(Err(iroh_blobs::api::Error::Io(e))) => {
                return Err(StoreError::io(format!("store {hash}"), e).into());
            }
            Err(e) => return Err(StoreError::Stopped(format!("{e:#}")).into()),
        }
        match outcome?.next() {
            EndBlobNext::Closing(_) | EndBlobNext::MoreChildren(_) => self.complete(hash).await,
        }
    }

    /// The size of a blob that should be complete now.
    async fn complete(&self, hash: Hash) -> Result<u64, Failure> {
        let local = self.storage.inner().observe(hash).await.map_err(stopped)?;
        if local.is_complete() {
            Ok(local.size())
        } else {
            Err(PeerFault::Missing.into())
        }
    }

    async fn in_time<T>(&self, step: impl Future<Output = T>) -> Result<T, PeerFault> {
        timeout(self.stall, step)
            .await
            .map_err(|_| PeerFault::Stalled(self.stall))
    }
}

/// What a failed transfer says about the provider.
fn fault(error: &GetError) -> PeerFault {
    match error {
        GetError::Decode {
            source: DecodeError::ParentHashMismatch { .. } | DecodeError::LeafHashMismatch { .. },
            ..
        } => {
            return PeerFault::WrongBytes;
        }
        GetError::Decode {
            source:
                DecodeError::ChunkNotFound { .. }
                | DecodeError::ParentNotFound { .. }
                | DecodeError::LeafNotFound { .. },
            ..
        }
        | GetError::AtBlobHeaderNext {
            source: AtBlobHeaderNextError::NotFound { .. },
            ..
        } => {
            return PeerFault::Missing;
        }
        // The answer ended inside a piece.
        GetError::Decode {
            source: DecodeError::Read { source, .. },
            ..
        } if matches!(
            source.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
        ) =>
        {
            return PeerFault::Missing;
        }
        _ => {}
    }
    match error.iroh_error_code() {
        // What an honest provider answers when it has never heard of the hash.
        Some(code) if code == ERR_INTERNAL => PeerFault::Missing,
        Some(code) if code == ERR_PERMISSION => {
            PeerFault::Refused("it does not serve this content to us".into())
        }
        Some(code) if code == ERR_LIMIT || code == close::BUSY => {
            PeerFault::Refused("it is busy".into())
        }
        _ => PeerFault::Cut(format!("{error:#}")),
    }
}
