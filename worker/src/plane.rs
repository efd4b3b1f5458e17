//! The content store on the data plane.

use std::{
    any::Any,
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use sungrid_access::{JobAccess, Offer, Part, Scope, key_name};
use sungrid_chain_client::Chain;
use sungrid_data_plane::{
    DataPlane, FetchError, FetchOptions, Hash, Held, NotifyError, PeerAddress, SecretError,
    StoreError,
};
use sungrid_primitives::{ContentHash, JobId};
use sungrid_seal::JobKey;
use tracing::warn;

use crate::{
    gossip::{self, Gossip},
    journal::BatchId,
    pins::{self, PinError, Pins, Request},
    ports::{BlobError, Blobs, Source, Stored},
};

/// Entries of the longest list of outputs that a batch keeps: 1,024 units of as many files as a unit may leave, with its
/// bundle.
const MAX_KEPT: usize = 1_024 * (sungrid_manifest::limits::UNIT_FILES + 2) + 1;

/// Inputs that are offered onward. More take memory for what a store may have collected long ago; fewer leave workers that
/// come late with nobody but the requester.
const MAX_BROUGHT: usize = 1 << 16;

/// What was brought here and is offered to the other parties, the oldest first.
#[derive(Default)]
struct Brought {
    known: HashSet<(JobId, Part, ContentHash)>,
    offers: VecDeque<((JobId, Part, ContentHash), Offer)>,
}

/// A node of the data plane as the daemon's store.
pub struct Plane {
    node: DataPlane,
    access: Arc<JobAccess>,
    /// What is offered of what is kept, by name.
    offers: Mutex<HashMap<String, Offer>>,
    brought: Mutex<Brought>,
}

impl Plane {
    /// Takes a node that is up, started with this access policy; offers what it kept before.
    pub async fn new(node: DataPlane, access: Arc<JobAccess>) -> Self {
        let plane = Self {
            node,
            access,
            offers: Mutex::default(),
            brought: Mutex::default(),
        };
        if let Err(error) = plane.offer_kept().await {
            warn!(%error, "outputs of earlier runs cannot be served");
        }
        plane
    }

    fn offers(&self) -> MutexGuard<'_, HashMap<String, Offer>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn offer_kept(&self) -> Result<(), BlobError> {
        for pin in self.node.pins().await.map_err(store_error)? {
            match self.node.bundle(pin.hash, MAX_KEPT).await {
                Ok(content) => {
                    let content = content.iter().map(|hash| from_hash(*hash));
                    self.offer(&pin.name, content);
                }
                Err(error) => warn!(%error, name = pin.name, "cannot be served"),
            }
        }
        Ok(())
    }

    /// Offers to other parties what was brought: while it is in the store and its job runs, they can have it from here.
    fn offer_onward(&self, hash: ContentHash, from: &Source) {
        let name = (from.job, from.part, hash);
        let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        if !brought.known.insert(name) {
            return;
        }
        let offer = self.access.offer(&Scope::of(from.job), from.part, [hash]);
        brought.offers.push_back((name, offer));
        if brought.offers.len() > MAX_BROUGHT
            && let Some((oldest, _)) = brought.offers.pop_front()
        {
            brought.known.remove(&oldest);
        }
    }

    /// Offers the outputs of the batch that has this name.
    fn offer(&self, name: &str, content: impl IntoIterator<Item = ContentHash>) {
        // `KIND/JOB/BATCH`, whoever computed it.
        let mut numbers = name.split('/').skip(1).map(|number| number.parse().ok());
        if let (Some(Some(job)), Some(Some(batch))) = (numbers.next(), numbers.next()) {
            let scope = Scope::of(job);
            let offer = self.access.offer(&scope, Part::Outputs(batch), content);
            self.offers().insert(name.into(), offer);
        }
    }

    /// Begins to listen to other parties, and to tell them how their batches get on.
    pub(crate) fn gossip(&self, chain: Arc<dyn Chain>) -> Option<(Gossip, gossip::Running)> {
        gossip::start(&self.node, chain)
    }

    /// Meets what the operator asks of the store; pins may keep so many bytes.
    ///
    /// # Errors
    /// [`PinError`].
    pub async fn pins(&self, most: u64, request: &Request) -> Result<Pins, PinError> {
        pins::execute(&self.node, most, request).await
    }

    /// What it holds and has moved.
    pub fn stats(&self) -> sungrid_data_plane::Stats {
        self.node.stats()
    }

    /// Has content go and come no faster than this from now on.
    pub fn set_rates(&self, rates: sungrid_data_plane::Rates) {
        self.node.set_rates(rates);
    }

    /// The relay through which others reach it, if one is configured.
    pub fn relay(&self) -> Option<sungrid_data_plane::RelayState> {
        self.node.relay()
    }
}

fn to_hash(content: ContentHash) -> Hash {
    Hash::from_bytes(content.0)
}

fn from_hash(hash: Hash) -> ContentHash {
    ContentHash::from(*hash.as_bytes())
}

fn store_error(error: StoreError) -> BlobError {
    match error {
        StoreError::Full { .. } | StoreError::DiskFull { .. } => BlobError::Full(error.to_string()),
        StoreError::Quota { .. } => BlobError::Quota(error.to_string()),
        // Content is what its address says, so whoever named it with fewer bytes is wrong, wherever it came from.
        StoreError::TooLarge { .. } => BlobError::Misbehaved(error.to_string()),
        other => BlobError::Store(other.to_string()),
    }
}

/// The first of the peers is the one that has to serve: if it gives what it should not, others' absence is no excuse.
fn fetch_error(error: FetchError, peers: &[PeerAddress]) -> BlobError {
    let text = error.to_string();
    let first = peers.first().map(PeerAddress::id);
    let misbehaved = error
        .attempts()
        .iter()
        .any(|a| Some(a.peer) == first && a.fault.is_misbehaviour());
    match error {
        FetchError::Store(error) => store_error(error),
        FetchError::AllFailed { .. } if misbehaved => BlobError::Misbehaved(text),
        FetchError::TooMany { .. } => BlobError::Misbehaved(text),
        _ => BlobError::Unreachable(text),
    }
}

fn notify_error(error: NotifyError) -> BlobError {
    if error.is_retryable() {
        BlobError::Unreachable(error.to_string())
    } else {
        BlobError::Misbehaved(error.to_string())
    }
}

fn peer(endpoint: &[u8]) -> Result<PeerAddress, BlobError> {
    PeerAddress::from_bytes(endpoint)
        .map_err(|error| BlobError::Misbehaved(format!("the peer's address is none: {error}")))
}

/// The peers whose addresses are some; an error if none is.
fn peers(endpoints: &[Vec<u8>]) -> Result<Vec<PeerAddress>, BlobError> {
    let (known, unknown): (Vec<_>, Vec<_>) = endpoints
        .iter()
        .map(|endpoint| peer(endpoint))
        .partition(Result::is_ok);
    match unknown.into_iter().next() {
        Some(Err(error)) if known.is_empty() => Err(error),
        _ => Ok(known.into_iter().flatten().collect()),
    }
}

#[async_trait]
impl Blobs for Plane {
    fn endpoint(&self) -> Vec<u8> {
        self.node.address().to_bytes()
    }

    async fn bring(&self, hash: ContentHash, from: &Source, max: u64) -> Result<Stored, BlobError> {
        let peers = peers(&from.peers)?;
        let options = FetchOptions::up_to(max).of_group(from.job.into());
        let fetched = self.node.fetch(to_hash(hash), &peers, options).await;
        let fetched = fetched.map_err(|error| fetch_error(error, &peers))?;
        self.offer_onward(hash, from);
        Ok(Stored::new(hash, Some(Box::new(fetched.held))))
    }

    async fn read(&self, content: &Stored, max: u64) -> Result<Bytes, BlobError> {
        let bytes = match content.guard::<Held>() {
            Some(held) => self.node.read(held, max).await,
            None => self.node.get_bytes(to_hash(content.hash()), max).await,
        };
        bytes.map_err(store_error)
    }

    async fn put(&self, bytes: Bytes) -> Result<Stored, BlobError> {
        let held = self.node.put_bytes(bytes).await.map_err(store_error)?;
        let hash = from_hash(held.hash());
        Ok(Stored::new(hash, Some(Box::new(held))))
    }

    async fn sync(&self) -> Result<(), BlobError> {
        self.node.sync().await.map_err(store_error)
    }

    async fn hold(&self, hash: ContentHash) -> Result<Option<Stored>, BlobError> {
        let held = self.node.hold(to_hash(hash)).await.map_err(store_error)?;
        Ok(held.map(|held| Stored::new(hash, Some(Box::new(held)))))
    }

    async fn keep(&self, name: &str, content: &[ContentHash]) -> Result<(), BlobError> {
        // Replicas of one unit may leave the same bytes twice.
        let mut seen = HashSet::new();
        let entries = content
            .iter()
            .filter(|hash| seen.insert(**hash))
            .map(|hash| to_hash(*hash));
        let list = self
            .node
            .put_bundle(entries.collect::<Vec<_>>())
            .await
            .map_err(store_error)?;
        self.node
            .pin_bundle(name, list.hash())
            .await
            .map_err(store_error)?;
        self.sync().await?;
        self.offer(name, seen);
        Ok(())
    }

    async fn let_go(&self, name: &str) -> Result<(), BlobError> {
        drop(self.offers().remove(name));
        self.node.unpin(name).await.map(drop).map_err(store_error)
    }

    async fn kept(&self) -> Result<Vec<String>, BlobError> {
        let pins = self.node.pins().await.map_err(store_error)?;
        Ok(pins.into_iter().map(|pin| pin.name).collect())
    }

    async fn check_room(&self) -> Result<(), BlobError> {
        self.node.collect_garbage().await.map_err(store_error)?;
        // A probe of some size: a store that takes nothing but its own bookkeeping is full.
        let mut probe = vec![0; 64 << 10];
        getrandom::fill(&mut probe).map_err(|error| BlobError::Store(error.to_string()))?;
        self.node
            .put_bytes(probe)
            .await
            .map(drop)
            .map_err(store_error)
    }

    async fn key(&self, (job, batch): BatchId, endpoint: &[u8]) -> Result<JobKey, BlobError> {
        let name = key_name(job, batch);
        let told = self.node.ask_secret(&name, &[peer(endpoint)?]).await;
        let key = told.map_err(|error| match error {
            SecretError::Misbehaved { .. } => BlobError::Misbehaved(error.to_string()),
            other => BlobError::Unreachable(other.to_string()),
        })?;
        let key = key[..]
            .try_into()
            .map_err(|_| BlobError::Misbehaved(format!("a key of {} bytes is none", key.len())))?;
        Ok(JobKey::from_bytes(key))
    }

    fn share_key(&self, job: JobId, key: &JobKey) -> Box<dyn Any + Send + Sync> {
        Box::new(self.access.offer_key(&Scope::of(job), key.clone()))
    }

    async fn notify(&self, endpoint: &[u8], message: &[u8]) -> Result<(), BlobError> {
        self.node
            .notify(&peer(endpoint)?, message)
            .await
            .map_err(notify_error)
    }

    async fn shutdown(&self) {
        self.node.shutdown().await;
    }
}
