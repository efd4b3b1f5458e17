//! The requester's side: fetches blobs, verified piece by piece, from several providers.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use iroh::endpoint::Connection;
use iroh_blobs::{BlobFormat, Hash, api::TempTag};
use tokio::time::{Instant, timeout};

use crate::{
    Attempt, FetchError, Held, PeerAddress, PeerFault, StoreError,
    card::Presenter,
    many::Lines,
    pace::Pace,
    peers::{Dialer, close},
    spread::Loads,
    standing::Standing,
    store::{SMALL, Storage},
    transfer::{Failure, Goal, STRIPED_FROM, Transfer},
};

/// Providers that help with a large blob, or with small ones, at the same time. More share a line that is full already.
pub(crate) const MAX_HELPERS: usize = 3;

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
    /// Whose share of the store it takes, by a number of the caller's: all that one group brings here is bounded by
    /// [`crate::Config::max_group_bytes`]. Since the start of the node; what several groups bring is the first one's.
    pub group: Option<u64>,
}

impl FetchOptions {
    /// Accept blobs of at most `max_bytes`.
    pub fn up_to(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            on_progress: None,
            group: None,
        }
    }

    /// Takes it out of a group's share of the store.
    pub fn of_group(mut self, group: u64) -> Self {
        self.group = Some(group);
        self
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
    pub(crate) fn claim(&self, hash: Hash, size: u64) -> Result<(), u64> {
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

/// How long providers are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Without a piece.
    pub(crate) stall: Duration,
    /// Before a provider can be too slow while others wait.
    pub(crate) slow_after: Duration,
    /// Bytes per second below which it is.
    pub(crate) least_rate: u64,
}

/// Fetches blobs into a [`Storage`].
#[derive(Debug)]
pub(crate) struct Fetcher {
    pub(crate) storage: Arc<Storage>,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) presenter: Presenter,
    pub(crate) patience: Patience,
    pub(crate) standing: Standing,
    /// One fetch per blob at a time: the second finds the work of the first.
    running: Mutex<HashMap<Hash, Weak<tokio::sync::Mutex<()>>>>,
    pub(crate) lines: Lines,
    pub(crate) loads: Loads,
    pub(crate) download: Arc<Pace>,
    pub(crate) fetched_bytes: AtomicU64,
}

impl Fetcher {
    pub(crate) fn new(
        storage: Arc<Storage>,
        dialer: Arc<Dialer>,
        patience: Patience,
        download: Arc<Pace>,
    ) -> Self {
        Self {
            presenter: Presenter::new(dialer.clone(), patience.stall),
            storage,
            dialer,
            patience,
            standing: Standing::default(),
            running: Mutex::default(),
            lines: Lines::default(),
            loads: Loads::default(),
            download,
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
        let goal = Goal::new(hash, options, budget);
        let mut held = None;
        let is_new = !self.storage.may_have(&hash);
        if !is_new {
            // Held first: from here on no collection takes what is already here.
            let tag = self.storage.hold(hash, BlobFormat::Raw).await?;
            if let Some(size) = self.storage.size(hash).await? {
                return accept(goal, size, tag);
            }
            held = Some(tag);
        }
        if from.is_empty() {
            return Err(FetchError::NoProviders { hash });
        }
        let mut no_room = None;
        let mut waiting: VecDeque<&PeerAddress> = self.standing.best_first(from).into();
        let lead = waiting.front().map(|peer| peer.id());
        let is_spread = options.max_bytes < STRIPED_FROM;
        if is_spread {
            self.spread(&mut waiting).await;
        }
        // Who was too slow is asked again when nobody else is left.
        let mut slow: Vec<&PeerAddress> = Vec::new();
        loop {
            let (peer, patient) = match waiting.pop_front() {
                Some(peer) => (peer, waiting.is_empty()),
                None if slow.is_empty() => break,
                None => {
                    let fastest = self.standing.best_first_of(&slow);
                    (slow.remove(fastest), true)
                }
            };
            let helpers: Vec<&PeerAddress> = waiting.iter().copied().take(MAX_HELPERS).collect();
            let transfer = Transfer {
                fetcher: self,
                goal: &goal,
                peer,
                helpers: &helpers,
                patient,
            };
            let _load = is_spread.then(|| self.loads.begin(peer.id(), options.max_bytes));
            let many = is_new && options.max_bytes <= SMALL;
            let together = match many {
                true if patient || Some(peer.id()) == lead => self.among_many(&goal, peer).await,
                // Who was asked though another one comes first is not waited for as long.
                true => {
                    let slow = PeerFault::Slow {
                        bytes_per_second: 0,
                    };
                    let asked = timeout(self.patience.slow_after, self.among_many(&goal, peer));
                    asked.await.unwrap_or(Some(Err(slow.into())))
                }
                false => None,
            };
            let result = match together {
                Some(result) => result,
                None => {
                    // Held before anything comes: what is not whole stays, too.
                    let tag = match held.take() {
                        Some(tag) => tag,
                        None => self.storage.hold(hash, BlobFormat::Raw).await?,
                    };
                    match transfer.run().await {
                        Ok(size) => Ok((size, tag)),
                        Err(failure) => {
                            held = Some(tag);
                            Err(failure)
                        }
                    }
                }
            };
            match result {
                Ok((size, tag)) => {
                    self.standing.served(peer.id(), 0, 0);
                    return accept(goal, size, tag);
                }
                Err(Failure::NoRoom { size, error }) => {
                    // The size is only announced, so the next provider may still do.
                    let reason = error.to_string();
                    goal.give_up(peer, PeerFault::NoRoom { size, reason });
                    no_room = Some(error);
                }
                Err(Failure::Store(error)) => return Err(error.into()),
                Err(Failure::Peer(fault)) => {
                    if matches!(fault, PeerFault::Slow { .. }) {
                        slow.push(peer);
                    }
                    self.standing.failed(peer.id(), &fault);
                    goal.give_up(peer, fault);
                }
            }
            // Helpers that failed are not asked again.
            waiting.retain(|peer| !goal.gave_up(peer));
            budget.give_back(&hash);
        }
        // When room was the trouble, the operator has to act, whatever else happened.
        match no_room {
            Some(error) => Err(error.into()),
            None => Err(FetchError::AllFailed {
                hash,
                attempts: goal.into_given_up(),
            }),
        }
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

    /// Works over a connection to a peer: a dead one that was kept is replaced once, and who does not know us is told
    /// who we are once. `came` counts the bytes that came.
    pub(crate) async fn with_connection<T, F>(
        &self,
        peer: &PeerAddress,
        came: impl Fn() -> u64,
        work: impl Fn(Connection) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let Fetcher {
            dialer, presenter, ..
        } = self;
        loop {
            let before = came();
            let asked = Instant::now();
            let (connection, reused) = dialer
                .connect(peer, iroh_blobs::ALPN)
                .await
                .map_err(PeerFault::Unreachable)?;
            let result = work(connection.clone()).await;
            let Err(Failure::Peer(fault)) = &result else {
                return result;
            };
            match fault {
                PeerFault::WrongBytes => {
                    dialer.drop_connection(&connection, close::MISBEHAVED, "wrong bytes");
                }
                PeerFault::Stalled(_) => {
                    dialer.drop_connection(&connection, close::DONE, "stalled");
                }
                PeerFault::Cut(_) if reused && came() == before => {
                    // A kept connection was dead. This happens once: the next one is fresh.
                    dialer.drop_connection(&connection, close::DONE, "dead");
                    continue;
                }
                PeerFault::Forbidden if presenter.after_refusal(peer, asked).await => continue,
                _ => {}
            }
            return result;
        }
    }

    pub(crate) async fn in_time<T>(&self, step: impl Future<Output = T>) -> Result<T, PeerFault> {
        let stall = self.patience.stall;
        let done = timeout(stall, step).await;
        done.map_err(|_| PeerFault::Stalled(stall))
    }

    /// Counts content that arrived.
    pub(crate) fn count(&self, goal: &Goal<'_>, bytes: u64) {
        self.fetched_bytes.fetch_add(bytes, Ordering::Relaxed);
        goal.transferred.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn accept(goal: Goal<'_>, size: u64, tag: TempTag) -> Result<Fetched, FetchError> {
    let (hash, options) = (goal.hash, goal.options);
    let limit = goal.budget.claim(hash, size).err();
    let limit = limit.unwrap_or(options.max_bytes);
    if size > limit {
        return Err(StoreError::TooLarge { hash, size, limit }.into());
    }
    Ok(Fetched {
        held: Held::new(tag, size),
        transferred: goal.transferred(),
        given_up: goal.into_given_up(),
    })
}
