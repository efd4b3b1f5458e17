//! The content store on the data plane.

use std::collections::HashSet;

use async_trait::async_trait;
use bytes::Bytes;
use sungrid_data_plane::{
    DataPlane, FetchError, FetchOptions, Hash, NotifyError, PeerAddress, StoreError,
};
use sungrid_primitives::ContentHash;

use crate::ports::{BlobError, Blobs, Stored};

/// A node of the data plane as the daemon's store.
pub struct Plane(DataPlane);

impl Plane {
    /// Takes a node that is up.
    pub fn new(node: DataPlane) -> Self {
        Self(node)
    }

    /// What it holds and has moved.
    pub fn stats(&self) -> sungrid_data_plane::Stats {
        self.0.stats()
    }
}

fn to_hash(content: ContentHash) -> Hash {
    Hash::from_bytes(content.0)
}

fn store_error(error: StoreError) -> BlobError {
    match error {
        StoreError::Full { .. } | StoreError::DiskFull { .. } => BlobError::Full(error.to_string()),
        other => BlobError::Store(other.to_string()),
    }
}

fn fetch_error(error: FetchError) -> BlobError {
    let text = error.to_string();
    let retryable = error.is_retryable();
    match error {
        FetchError::Store(error) => store_error(error),
        FetchError::AllFailed { .. } if !retryable => BlobError::Misbehaved(text),
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

#[async_trait]
impl Blobs for Plane {
    fn endpoint(&self) -> Vec<u8> {
        self.0.address().to_bytes()
    }

    async fn bring(&self, hash: ContentHash, from: &[u8], max: u64) -> Result<Stored, BlobError> {
        let from = peer(from)?;
        let fetched = self
            .0
            .fetch(to_hash(hash), &[from], FetchOptions::up_to(max))
            .await
            .map_err(fetch_error)?;
        Ok(Stored::new(hash, Some(Box::new(fetched.held))))
    }

    async fn read(&self, content: &Stored, max: u64) -> Result<Bytes, BlobError> {
        let bytes = self.0.get_bytes(to_hash(content.hash()), max).await;
        bytes.map_err(store_error)
    }

    async fn put(&self, bytes: Bytes) -> Result<Stored, BlobError> {
        let held = self.0.put_bytes(bytes).await.map_err(store_error)?;
        let hash = ContentHash::from(*held.hash().as_bytes());
        Ok(Stored::new(hash, Some(Box::new(held))))
    }

    async fn hold(&self, hash: ContentHash) -> Result<Option<Stored>, BlobError> {
        // Fetching what is here asks nobody, and gives the guard.
        match self.0.size(to_hash(hash)).await.map_err(store_error)? {
            None => Ok(None),
            Some(size) => {
                let fetched = self
                    .0
                    .fetch(to_hash(hash), &[], FetchOptions::up_to(size))
                    .await;
                let held = fetched.map_err(fetch_error)?.held;
                Ok(Some(Stored::new(hash, Some(Box::new(held)))))
            }
        }
    }

    async fn keep(&self, name: &str, content: &[ContentHash]) -> Result<(), BlobError> {
        // Replicas of one unit may leave the same bytes twice.
        let mut seen = HashSet::new();
        let entries = content
            .iter()
            .filter(|hash| seen.insert(**hash))
            .map(|hash| to_hash(*hash));
        let list = self
            .0
            .put_bundle(entries.collect::<Vec<_>>())
            .await
            .map_err(store_error)?;
        self.0
            .pin_bundle(name, list.hash())
            .await
            .map_err(store_error)?;
        self.0.sync().await.map_err(store_error)
    }

    async fn let_go(&self, name: &str) -> Result<(), BlobError> {
        self.0.unpin(name).await.map(drop).map_err(store_error)
    }

    async fn kept(&self) -> Result<Vec<String>, BlobError> {
        let pins = self.0.pins().await.map_err(store_error)?;
        Ok(pins.into_iter().map(|pin| pin.name).collect())
    }

    async fn check_room(&self) -> Result<(), BlobError> {
        self.0.collect_garbage().await.map_err(store_error)?;
        // A probe of some size: a store that takes nothing but its own bookkeeping is full.
        let mut probe = vec![0; 64 << 10];
        getrandom::fill(&mut probe).map_err(|error| BlobError::Store(error.to_string()))?;
        self.0.put_bytes(probe).await.map(drop).map_err(store_error)
    }

    async fn notify(&self, endpoint: &[u8], message: &[u8]) -> Result<(), BlobError> {
        self.0
            .notify(&peer(endpoint)?, message)
            .await
            .map_err(notify_error)
    }

    async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}
