//! One try with one provider, with others that help from the far end.
//!
//! The provider in charge is asked for all that is missing and sends it from the front. Once it has announced a large
//! size, helpers take stripes from the back, one at a time, until both meet: so each provider carries as much as it can,
//! and none has to be trusted with a plan. Every piece is verified on its own, whoever sent it.

use std::{
    num::NonZeroU64,
    pin::pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bao_tree::io::BaoContentItem;
use futures::{FutureExt, StreamExt, future::OptionFuture, stream::FuturesUnordered};
use iroh::{EndpointId, endpoint::Connection};
use iroh_blobs::{
    Hash,
    get::fsm::{self, AtBlobContent, BlobContentNext, ConnectedNext, EndBlobNext},
    protocol::{ChunkRanges, ChunkRangesExt, GetRequest},
};
use tokio::{sync::watch, time::timeout};
use tracing::debug;

use crate::{
    Attempt, PeerAddress, PeerFault, StoreError,
    fault::fault,
    fetch::{Budget, FetchOptions, Fetcher, Patience, Progress},
    ledger::{Claim, Reservation},
    meter::Meter,
    middle::{Middle, STRIPE},
    store::stopped,
};

/// Pieces that wait to be written. Bounds the memory of one transfer to about 1 MiB.
const WRITE_QUEUE: usize = 64;
/// Blobs smaller than this come from one provider each.
pub(crate) const STRIPED_FROM: u64 = 4 * STRIPE;

/// Why one provider did not do.
pub(crate) enum Failure {
    Peer(PeerFault),
    /// The store has no room for the announced size.
    NoRoom {
        size: u64,
        error: StoreError,
    },
    Store(StoreError),
}

impl Failure {
    /// What the store says of a blob of an announced size.
    pub(crate) fn no_room(size: u64, error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } | StoreError::DiskFull { .. } | StoreError::Quota { .. } => {
                Self::NoRoom { size, error }
            }
            error => Self::Store(error),
        }
    }
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

/// The blob that is wanted, and what came of it so far.
pub(crate) struct Goal<'a> {
    pub(crate) hash: Hash,
    pub(crate) options: &'a FetchOptions,
    pub(crate) budget: &'a Budget,
    pub(crate) transferred: AtomicU64,
    given_up: Mutex<Vec<Attempt>>,
}

impl<'a> Goal<'a> {
    pub(crate) fn new(hash: Hash, options: &'a FetchOptions, budget: &'a Budget) -> Self {
        Self {
            hash,
            options,
            budget,
            transferred: AtomicU64::new(0),
            given_up: Mutex::default(),
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of content that came over the network.
    pub(crate) fn transferred(&self) -> u64 {
        self.transferred.load(Ordering::Relaxed)
    }

    /// Notes what was wrong with a provider.
    pub(crate) fn give_up(&self, peer: &PeerAddress, fault: PeerFault) {
        let (hash, peer) = (self.hash, peer.id());
        let attempt = Attempt { hash, peer, fault };
        debug!(%hash, "given up: {attempt}");
        self.attempts().push(attempt);
    }

    /// Whether a provider was given up, and not only for being slow.
    pub(crate) fn gave_up(&self, peer: &PeerAddress) -> bool {
        self.attempts()
            .iter()
            .any(|a| a.peer == peer.id() && !matches!(a.fault, PeerFault::Slow { .. }))
    }

    pub(crate) fn into_given_up(self) -> Vec<Attempt> {
        self.given_up
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all that take part in one try share.
struct Shared<'a> {
    size: NonZeroU64,
    /// Bytes that were here before.
    present: u64,
    /// What was missing then.
    missing: ChunkRanges,
    /// Bytes that came in this try.
    received: AtomicU64,
    reservation: Mutex<Reservation>,
    middle: &'a Middle,
    /// Most bytes per second that a helper made that found nothing more to take.
    idle_rate: AtomicU64,
    /// Bytes per second that the provider in charge made, once it has met the helpers.
    lead_rate: AtomicU64,
    /// A piece of the provider in charge was verified.
    begun: AtomicBool,
    /// The provider in charge has met the helpers: all that is missing is on its way from them.
    met: watch::Sender<bool>,
}

impl Shared<'_> {
    /// Ends when the provider in charge has waited for the helpers, and longer than it would take for their part itself.
    async fn overdue(&self, patience: Duration) {
        let met = self.met.subscribe().wait_for(|met| *met).await.is_ok();
        if !met {
            return std::future::pending().await;
        }
        let here = self.present + self.received.load(Ordering::Relaxed);
        let left = self.size.get().saturating_sub(here);
        let rate = self.lead_rate.load(Ordering::Relaxed).max(1);
        tokio::time::sleep(patience.max(Duration::from_secs(left / rate))).await;
    }
}

/// How a stream of pieces ended.
enum End {
    /// All that was asked for is here.
    Whole,
    /// The rest is with the helpers.
    Met,
}

/// One try with one provider.
pub(crate) struct Transfer<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) goal: &'a Goal<'a>,
    pub(crate) peer: &'a PeerAddress,
    pub(crate) helpers: &'a [&'a PeerAddress],
    /// Whether nobody else is left to ask, however slow this one is.
    pub(crate) patient: bool,
}

impl Transfer<'_> {
    /// Runs it; returns the size of the complete blob.
    pub(crate) async fn run(&self) -> Result<u64, Failure> {
        let helped = |connection| self.lead(connection, self.helpers);
        if let Some(size) = self.over(self.peer, helped).await? {
            return Ok(size);
        }
        // A helper left a gap: this provider fills it.
        let alone = |connection| self.lead(connection, &[]);
        let size = self.over(self.peer, alone).await?;
        size.ok_or(Failure::Peer(PeerFault::Missing))
    }

    /// Works over a connection to a peer.
    async fn over<T, F>(
        &self,
        peer: &PeerAddress,
        work: impl Fn(Connection) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let came = || self.goal.transferred();
        self.fetcher.with_connection(peer, came, work).await
    }

    /// The provider in charge. The size of the complete blob; `None` if a part is missing that was left to a helper.
    async fn lead(
        &self,
        connection: Connection,
        helpers: &[&PeerAddress],
    ) -> Result<Option<u64>, Failure> {
        let (fetcher, goal) = (self.fetcher, self.goal);
        let hash = goal.hash;
        let local = fetcher
            .storage
            .inner()
            .observe(hash)
            .await
            .map_err(stopped)?;
        let present = local.total_bytes();
        let missing = ChunkRanges::all() - &local.ranges;
        let Some((content, size)) = self.ask(connection, missing.clone()).await? else {
            return self.complete().await.map(Some);
        };
        let max = goal.options.max_bytes;
        if size > max {
            return Err(PeerFault::TooLarge { size, limit: max }.into());
        }
        goal.budget
            .claim(hash, size)
            .map_err(|limit| PeerFault::TooLarge { size, limit })?;
        // The hash of nothing never comes here, so a size of 0 is a lie.
        let size = NonZeroU64::new(size).ok_or(PeerFault::WrongBytes)?;
        let to_come = size.get().saturating_sub(present);
        let claim = Claim {
            hash: Some(hash),
            size: size.get(),
            missing: to_come,
            group: goal.options.group,
        };
        let reservation = fetcher.storage.reserve(claim).await;
        let reservation = reservation.map_err(|error| Failure::no_room(size.get(), error))?;
        let middle = Middle::new(size.get());
        let shared = Shared {
            size,
            present,
            missing,
            received: AtomicU64::new(0),
            reservation: Mutex::new(reservation),
            middle: &middle,
            idle_rate: AtomicU64::new(0),
            lead_rate: AtomicU64::new(0),
            begun: AtomicBool::new(false),
            met: watch::Sender::new(false),
        };
        let meter = Meter::start();
        let alone = None::<std::future::Pending<()>>;
        let front = self.receive((self.peer.id(), content), &shared, &meter, alone);
        let end = if size.get() >= STRIPED_FROM && !helpers.is_empty() {
            let (end, ()) = futures::future::join(front, self.help(helpers, &shared)).await;
            end?
        } else {
            front.await?
        };
        meter.tell(&fetcher.standing, self.peer);
        match end {
            End::Whole => self.complete().await.map(Some),
            End::Met => Ok(self.complete().await.ok()),
        }
    }

    /// All helpers, until there is nothing more to take.
    async fn help(&self, helpers: &[&PeerAddress], shared: &Shared<'_>) {
        let mut running: FuturesUnordered<_> = helpers
            .iter()
            .map(|peer| self.stripes(peer, shared))
            .collect();
        while running.next().await.is_some() {}
    }

    /// One helper: stripe after stripe.
    async fn stripes(&self, peer: &PeerAddress, shared: &Shared<'_>) {
        let mut rate = 0;
        while let Some(stripe) = shared.middle.take() {
            let wanted = ChunkRanges::bytes(stripe) & &shared.missing;
            if wanted.is_empty() {
                continue;
            }
            let meter = Meter::start();
            let overdue = shared.overdue(self.fetcher.patience.slow_after).shared();
            let receiving = AtomicBool::new(false);
            let fetching = self.over(peer, |connection| {
                let (wanted, meter, receiving) = (wanted.clone(), &meter, &receiving);
                let overdue = overdue.clone();
                async move {
                    receiving.store(false, Ordering::Relaxed);
                    let Some((content, size)) = self.ask(connection, wanted).await? else {
                        return Ok(());
                    };
                    // One of two is wrong, and which one the last piece will tell.
                    if size != shared.size.get() {
                        return Ok(());
                    }
                    receiving.store(true, Ordering::Relaxed);
                    let from = (peer.id(), content);
                    self.receive(from, shared, meter, Some(overdue)).await?;
                    Ok(())
                }
            });
            // Once pieces come that ends by itself, with all that came on the disk.
            let without_an_answer = async {
                overdue.clone().await;
                if receiving.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
            };
            let fetched = tokio::select! {
                biased;
                fetched = fetching => fetched,
                () = without_an_answer => Err(meter.too_slow().into()),
            };
            match fetched {
                Ok(()) if meter.bytes() == 0 => return,
                Ok(()) => {
                    rate = meter.rate();
                    meter.tell(&self.fetcher.standing, peer);
                }
                Err(Failure::Peer(fault)) => {
                    self.fetcher.standing.failed(peer.id(), &fault);
                    self.goal.give_up(peer, fault);
                    return;
                }
                // The provider in charge meets the same trouble and reports it.
                Err(_) => return,
            }
        }
        shared.idle_rate.fetch_max(rate, Ordering::Relaxed);
    }

    /// Asks for ranges; `None` if the answer is empty.
    async fn ask(
        &self,
        connection: Connection,
        ranges: ChunkRanges,
    ) -> Result<Option<(AtBlobContent, u64)>, Failure> {
        let request = GetRequest::blob_ranges(self.goal.hash, ranges);
        let connected = self
            .in_time(fsm::start(connection, request, Default::default()).next())
            .await?;
        let connected = connected.map_err(|e| fault(&e.into()))?;
        let root = match self
            .in_time(connected.next())
            .await?
            .map_err(|e| fault(&e.into()))?
        {
            ConnectedNext::StartRoot(root) => root,
            // Only when nothing was missing, or for children, which are never requested.
            ConnectedNext::Closing(_) | ConnectedNext::StartChild(_) => return Ok(None),
        };
        let header = self.in_time(root.next().next()).await?;
        Ok(Some(header.map_err(|e| fault(&e.into()))?))
    }

    /// Writes the pieces of an answer as they come: of the provider in charge, or of a helper until it is overdue.
    async fn receive(
        &self,
        (peer, mut content): (EndpointId, AtBlobContent),
        shared: &Shared<'_>,
        meter: &Meter,
        overdue: Option<impl Future<Output = ()>>,
    ) -> Result<End, Failure> {
        let (fetcher, goal) = (self.fetcher, self.goal);
        let leads = overdue.is_none();
        let mut overdue = pin!(OptionFuture::from(overdue));
        let hash = goal.hash;
        let import = fetcher
            .storage
            .inner()
            .blobs()
            .import_bao(hash, shared.size, WRITE_QUEUE)
            .await;
        let import = import.map_err(|e| stopped(e.into()))?;
        let share = fetcher.download.of(peer);
        let outcome = loop {
            let next = tokio::select! {
                biased;
                next = self.in_time(content.next()) => next,
                // Without one it is never.
                Some(()) = &mut overdue => break Err(meter.too_slow()),
            };
            match next {
                Err(stalled) => break Err(stalled),
                Ok(BlobContentNext::Done(end)) => break Ok(Some(end)),
                Ok(BlobContentNext::More((_, Err(error)))) => break Err(fault(&error.into())),
                Ok(BlobContentNext::More((next, Ok(piece)))) => {
                    content = next;
                    let leaf = match &piece {
                        BaoContentItem::Leaf(leaf) => {
                            let length = leaf.data.len() as u64;
                            Some((leaf.offset..leaf.offset.saturating_add(length), length))
                        }
                        BaoContentItem::Parent(_) => None,
                    };
                    let come = match &leaf {
                        Some((piece, _)) if leads => shared.middle.come(piece.clone()),
                        _ => Some(false),
                    };
                    if come.is_some() && import.tx.send(piece).await.is_err() {
                        // The store gave up; its answer below says why.
                        break Err(PeerFault::Cut("the store gave up".into()));
                    }
                    let Some((_, length)) = leaf else { continue };
                    if come.is_some() {
                        // Whatever comes next, this has come.
                        meter.wait(share.take(length).await);
                        meter.add(length);
                        self.note(shared, length);
                    }
                    if come != Some(false) {
                        shared.lead_rate.store(meter.rate(), Ordering::Relaxed);
                        shared.met.send_replace(true);
                        break Ok(None);
                    }
                    if let Some(slow) = self.too_slow(shared, leads, meter) {
                        break Err(slow);
                    }
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
        match outcome? {
            None => Ok(End::Met),
            Some(end) => match end.next() {
                EndBlobNext::Closing(_) | EndBlobNext::MoreChildren(_) => Ok(End::Whole),
            },
        }
    }

    /// Counts a verified piece.
    fn note(&self, shared: &Shared<'_>, length: u64) {
        let (hash, total) = (self.goal.hash, shared.size.get());
        self.fetcher.count(self.goal, length);
        let received = shared.received.fetch_add(length, Ordering::Relaxed) + length;
        if !shared.begun.swap(true, Ordering::Relaxed) {
            // At once, and not at the end: this call may be dropped at any time.
            let reservation = shared.reservation.lock();
            reservation.unwrap_or_else(PoisonError::into_inner).keep();
        }
        if let Some(on_progress) = &self.goal.options.on_progress {
            on_progress(Progress {
                hash,
                done: shared.present + received,
                total,
            });
        }
    }

    /// Whether others would do better than this provider: those that wait, helpers that have nothing left to do, or, than
    /// a helper, the one in charge.
    fn too_slow(&self, shared: &Shared<'_>, leads: bool, meter: &Meter) -> Option<PeerFault> {
        let patience = &self.fetcher.patience;
        if (leads && self.patient) || meter.elapsed() < patience.slow_after {
            return None;
        }
        let rate = meter.rate();
        let least = if leads {
            let idle = shared.idle_rate.load(Ordering::Relaxed);
            patience.least_rate.max(idle / 2)
        } else {
            shared.lead_rate.load(Ordering::Relaxed) / 2
        };
        (rate < least).then(|| meter.too_slow())
    }

    /// The size of a blob that should be complete now.
    async fn complete(&self) -> Result<u64, Failure> {
        let store = self.fetcher.storage.inner();
        let local = store.observe(self.goal.hash).await.map_err(stopped)?;
        if local.is_complete() {
            Ok(local.size())
        } else {
            Err(PeerFault::Missing.into())
        }
    }

    /// The next step of an answer. Who is silent while others are left to ask is put back soon, and with patience asked again
    /// when nobody is left.
    async fn in_time<T>(&self, step: impl Future<Output = T>) -> Result<T, PeerFault> {
        let Patience {
            stall, slow_after, ..
        } = self.fetcher.patience;
        if self.patient || stall <= slow_after {
            return self.fetcher.in_time(step).await;
        }
        let done = timeout(slow_after, step).await;
        done.map_err(|_| PeerFault::Slow {
            bytes_per_second: 0,
        })
    }
}
