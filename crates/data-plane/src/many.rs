//! Small blobs, many in one request.
//!
//! A request of its own costs both ends more than the bytes of a small blob. So those who want one stand in line, a line
//! per provider, and the first asks for all that stand there (the blobs protocol's `get-many`). A blob is in memory until
//! it is whole and verified; then who wants it stores it, by the same rules as any other. Whoever gets nothing here asks
//! for its blob alone: a refusal of many says nothing of one, and a provider of an earlier version refuses them all.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use bao_tree::io::BaoContentItem;
use bytes::{Bytes, BytesMut};
use iroh::{EndpointId, endpoint::Connection};
use iroh_blobs::{
    BlobFormat, Hash,
    api::TempTag,
    get::fsm::{self, AtBlobHeader, AtEndBlob, BlobContentNext, EndBlobNext},
    protocol::{ChunkRangesSeq, GetManyRequest},
};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    PeerAddress, PeerFault,
    fault::fault,
    fetch::{Fetcher, Progress},
    ledger::Claim,
    transfer::{Failure, Goal},
};

/// Blobs of one request. More save little; each costs the provider a question to its policy before anything is sent.
pub(crate) const MANY: usize = 64;

/// Those who wait for small blobs of one provider, in the order of their coming.
#[derive(Debug, Default)]
struct Line {
    waiting: Mutex<VecDeque<Waiting>>,
    /// One request at a time: meanwhile the next one grows.
    turn: tokio::sync::Mutex<()>,
}

impl Line {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blob that somebody waits for. Dropped, it has to be asked for alone.
#[derive(Debug)]
struct Waiting {
    hash: Hash,
    max: u64,
    told: oneshot::Sender<Result<Bytes, PeerFault>>,
}

/// The lines that somebody stands in.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<HashMap<EndpointId, Weak<Line>>>);

impl Lines {
    fn of(&self, peer: EndpointId) -> Arc<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&peer).and_then(Weak::upgrade) {
            return line;
        }
        lines.retain(|_, line| line.strong_count() > 0);
        let line = Arc::<Line>::default();
        lines.insert(peer, Arc::downgrade(&line));
        line
    }
}

impl Fetcher {
    /// Gets a small blob, of which nothing is here, among others from the same provider. Its size, and what holds it;
    /// `None` if it has to be asked for alone.
    pub(crate) async fn among_many(
        &self,
        goal: &Goal<'_>,
        peer: &PeerAddress,
    ) -> Option<Result<(u64, TempTag), Failure>> {
        match self.stand_in_line(peer, goal).await? {
            Ok(bytes) => Some(self.keep(goal, bytes).await),
            Err(fault) => Some(Err(fault.into())),
        }
    }

    async fn stand_in_line(
        &self,
        peer: &PeerAddress,
        goal: &Goal<'_>,
    ) -> Option<Result<Bytes, PeerFault>> {
        let line = self.lines.of(peer.id());
        let (told, mut answer) = oneshot::channel();
        line.waiting().push_back(Waiting {
            hash: goal.hash,
            max: goal.options.max_bytes,
            told,
        });
        loop {
            let _turn = tokio::select! {
                biased;
                answer = &mut answer => return answer.ok(),
                turn = line.turn.lock() => turn,
            };
            // Those who want theirs at the same moment come into the line first.
            tokio::task::yield_now().await;
            let wanted: VecDeque<Waiting> = {
                let mut waiting = line.waiting();
                // Whoever was dropped wants nothing any more.
                waiting.retain(|waiting| !waiting.told.is_closed());
                let count = waiting.len().min(MANY);
                waiting.drain(..count).collect()
            };
            if wanted.len() > 1 {
                self.ask_for_many(peer, wanted).await;
            }
        }
    }

    /// One request for all of them; each is told what came of it.
    async fn ask_for_many(&self, peer: &PeerAddress, wanted: VecDeque<Waiting>) {
        let (wanted, came) = (Mutex::new(wanted), AtomicU64::new(0));
        let work = |connection| self.receive_many(connection, &wanted, &came);
        let moved = || came.load(Ordering::Relaxed);
        let result = self.with_connection(peer, moved, work).await;
        // Asking for each alone would take as long for each to fail. What has come is as small that it says nothing of a provider's speed.
        if let Err(Failure::Peer(fault @ (PeerFault::Unreachable(_) | PeerFault::Stalled(_)))) =
            result
        {
            let wanted = wanted.into_inner();
            for waiting in wanted.unwrap_or_else(PoisonError::into_inner) {
                waiting.told.send(Err(fault.clone())).ok();
            }
        }
    }

    /// Asks for what is still wanted, and tells each whose blob has come. Stops where an answer is not what it should
    /// be: who is alone with it finds out.
    async fn receive_many(
        &self,
        connection: Connection,
        wanted: &Mutex<VecDeque<Waiting>>,
        came: &AtomicU64,
    ) -> Result<(), Failure> {
        let wanted = || wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let share = self.download.of(connection.remote_id());
        let mut started = Instant::now();
        let hashes = wanted().iter().map(|waiting| waiting.hash).collect();
        let request = GetManyRequest::new(hashes, ChunkRangesSeq::all());
        let asked = fsm::start_get_many(connection, request, Default::default());
        let asked = self.in_time(asked).await?.map_err(|e| fault(&e))?;
        let Ok(mut child) = asked else { return Ok(()) };
        loop {
            let Some((hash, max)) = wanted().front().map(|waiting| (waiting.hash, waiting.max))
            else {
                return Ok(());
            };
            // Whether that is too slow is judged of each alone.
            if started.elapsed() > self.patience.slow_after {
                return Ok(());
            }
            let (end, bytes) = self.whole(child.next(hash), max).await?;
            // Pieces are verified within the size that was announced: of none, nothing is.
            if Hash::new(&bytes) != hash {
                return Err(PeerFault::WrongBytes.into());
            }
            // What this node waits for its own limit is no fault of the provider.
            started += share.take(bytes.len() as u64).await;
            came.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if let Some(waiting) = wanted().pop_front() {
                waiting.told.send(Ok(bytes)).ok();
            }
            child = match end.next() {
                EndBlobNext::MoreChildren(child) => child,
                EndBlobNext::Closing(_) => return Ok(()),
            };
        }
    }

    /// One blob of an answer, verified.
    async fn whole(&self, header: AtBlobHeader, max: u64) -> Result<(AtEndBlob, Bytes), PeerFault> {
        let header = self.in_time(header.next()).await?;
        let (mut content, size) = header.map_err(|e| fault(&e.into()))?;
        if size > max {
            return Err(PeerFault::TooLarge { size, limit: max });
        }
        let mut bytes = BytesMut::new();
        loop {
            match self.in_time(content.next()).await? {
                BlobContentNext::Done(end) => return Ok((end, bytes.freeze())),
                BlobContentNext::More((_, Err(error))) => return Err(fault(&error.into())),
                BlobContentNext::More((next, Ok(piece))) => {
                    content = next;
                    if let BaoContentItem::Leaf(leaf) = piece {
                        bytes.extend_from_slice(&leaf.data);
                    }
                }
            }
        }
    }

    /// Stores a blob that came, within the same bounds as one that came alone.
    async fn keep(&self, goal: &Goal<'_>, bytes: Bytes) -> Result<(u64, TempTag), Failure> {
        let (hash, size) = (goal.hash, bytes.len() as u64);
        self.count(goal, size);
        let claimed = goal.budget.claim(hash, size);
        claimed.map_err(|limit| PeerFault::TooLarge { size, limit })?;
        let claim = Claim {
            hash: Some(hash),
            size,
            missing: size,
            group: goal.options.group,
        };
        let tag = self.storage.put(claim, bytes, BlobFormat::Raw).await;
        let tag = tag.map_err(|error| Failure::no_room(size, error))?;
        if let Some(on_progress) = &goal.options.on_progress {
            on_progress(Progress {
                hash,
                done: size,
                total: size,
            });
        }
        Ok((size, tag))
    }
}
