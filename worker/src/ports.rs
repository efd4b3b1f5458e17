//! The outside world of the daemon: everything it needs beside the chain enters by one of these traits.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use sp_core::H256;
use sungrid_access::Part;
use sungrid_chain_client::{Chain, Keypair};
use sungrid_executor::{Cancel, Limits, Outcome, RunError, Task};
use sungrid_primitives::{ContentHash, JobId};
use sungrid_sandbox::{Report, Shape, Status};
use sungrid_seal::JobKey;

use crate::journal::BatchId;

/// Why content could not be fetched, stored or announced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The peer is away, busy or silent: another try can help.
    #[error("{0}")]
    Unreachable(String),
    /// The peer gave something that it should not: wrong bytes, a wrong size, no valid address.
    #[error("{0}")]
    Misbehaved(String),
    /// No room for more content.
    #[error("{0}")]
    Full(String),
    /// No room for more of this job's content: its share of the store is used up, there is room for others.
    #[error("{0}")]
    Quota(String),
    /// The local store failed otherwise.
    #[error("the blob store failed: {0}")]
    Store(String),
}

/// Content that stays as long as this lives.
pub struct Stored {
    hash: ContentHash,
    guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Stored {
    /// Content protected by `guard`.
    pub fn new(hash: ContentHash, guard: Option<Box<dyn Any + Send + Sync>>) -> Self {
        Self { hash, guard }
    }

    /// Its address.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// What protects it, for the store that made it.
    pub fn guard<T: 'static>(&self) -> Option<&T> {
        self.guard.as_ref()?.downcast_ref()
    }
}

/// What content is, and where it comes from. Whoever brought it serves it to the other parties of its job.
#[derive(Clone, Debug)]
pub struct Source {
    /// The job that it belongs to.
    pub job: JobId,
    /// What it is of that job.
    pub part: Part,
    /// Encoded addresses of peers that may have it, the likeliest first.
    pub peers: Vec<Vec<u8>>,
}

/// Content-addressed storage that fetches from, and serves to, other peers.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// How others reach this store: goes on chain.
    fn endpoint(&self) -> Vec<u8>;
    /// Has content of at most `max` bytes here, from a peer if need be, checked against its hash. While it is
    /// here it is served to others as what it is.
    async fn bring(&self, hash: ContentHash, from: &Source, max: u64) -> Result<Stored, BlobError>;
    /// Reads content of at most `max` bytes that is here.
    async fn read(&self, content: &Stored, max: u64) -> Result<Bytes, BlobError>;
    /// Brings content and reads it.
    async fn fetch(
        &self,
        hash: ContentHash,
        from: &Source,
        max: u64,
    ) -> Result<(Bytes, Stored), BlobError> {
        let stored = self.bring(hash, from, max).await?;
        Ok((self.read(&stored, max).await?, stored))
    }
    /// Stores and serves content, which is on the disk after the next [`Blobs::sync`].
    async fn put(&self, bytes: Bytes) -> Result<Stored, BlobError>;
    /// All that was put or brought before is on the disk on return.
    async fn sync(&self) -> Result<(), BlobError>;
    /// Protects content that is here; `None` when it is not.
    async fn hold(&self, hash: ContentHash) -> Result<Option<Stored>, BlobError>;
    /// Keeps the outputs of a batch under its name until [`Blobs::let_go`], over restarts too: on the disk on return.
    /// They are served to those whom they are for.
    async fn keep(&self, name: &str, content: &[ContentHash]) -> Result<(), BlobError>;
    /// Lets content under a name go.
    async fn let_go(&self, name: &str) -> Result<(), BlobError>;
    /// All names under which something is kept.
    async fn kept(&self) -> Result<Vec<String>, BlobError>;
    /// Whether there is room for more; frees what nobody needs first.
    async fn check_room(&self) -> Result<(), BlobError>;
    /// Asks a peer for the key of a job's content, as who holds this batch.
    async fn key(&self, batch: BatchId, peer: &[u8]) -> Result<JobKey, BlobError>;
    /// Hands it on to other workers of the job, as long as what this returns lives.
    fn share_key(&self, job: JobId, key: &JobKey) -> Box<dyn Any + Send + Sync>;
    /// Sends a short message to a peer.
    async fn notify(&self, peer: &[u8], message: &[u8]) -> Result<(), BlobError>;
    /// Stops serving.
    async fn shutdown(&self);
}

/// Why a module is not ready to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The module's fault: no worker can run it.
    #[error("{0}")]
    Refused(String),
    /// This machine's: another try can help.
    #[error("{0}")]
    Machine(String),
}

/// A program that is ready to run.
#[async_trait]
pub trait Program: Send + Sync {
    /// The program for one batch, in a process of its own that ends when this is dropped; `None` where batches are not
    /// isolated, and the program itself runs their units.
    async fn open(&self, _: Shape) -> Result<Option<Arc<dyn Program>>, RunError> {
        Ok(None)
    }
    /// Runs one unit.
    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError>;
}

/// Where units are executed.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Where results compare.
    fn environment(&self) -> H256;
    /// What keeps units from this machine, and what does not.
    fn isolation(&self) -> Report {
        Report::none("units run in the worker's own process")
    }
    /// How units stand beside other programs; none if they count as much.
    fn priority(&self) -> Option<Status> {
        None
    }
    /// Makes a module ready.
    async fn load(&self, wasm: Bytes) -> Result<Arc<dyn Program>, LoadError>;
    /// Holds every run where it stands, within a second, and new ones before they begin: the machine's owner is back. Returns at
    /// once; results are what they would have been. A run that is held ends when it is cancelled.
    fn suspend(&self);
    /// Lets runs go on.
    fn resume(&self);
}

/// What the daemon works with.
#[derive(Clone)]
pub struct Ports {
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// The content store.
    pub blobs: Arc<dyn Blobs>,
    /// The executor.
    pub runner: Arc<dyn Runner>,
    /// Signs calls and receipts.
    pub key: Keypair,
    /// Signs registration and reward claims; not needed by a registered worker.
    pub operator: Option<Keypair>,
}
