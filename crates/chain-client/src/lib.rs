//! The chain as a worker or a requester sees it.
//!
//! # Concepts
//!
//! - [`Chain`] is everything that `sungrid-worker` and `sungrid` ask of a chain: reads at the best
//!   block, a stream of blocks, and [`Chain::submit`] for the transactions of [`Call`]. Its types are
//!   plain; nothing of a client library shows.
//! - [`memory::MemoryChain`] keeps the market's rules in memory. The test moves its blocks, so a
//!   daemon's behaviour in every phase of a batch is tested without a network and without waiting.
//! - [`rpc::RpcChain`] talks to a node, and to another one when that one fails. It reads by name from the metadata that the node serves, so a
//!   runtime upgrade that keeps the names keeps the client, and it says at once what it misses when
//!   the chain is another one.
//! - [`keys`] loads keys from where secrets may live: a file, an environment variable, a prompt.
//!
//! # Transactions
//!
//! Every transaction is mortal. Nonces are tracked per key, so that several are in flight at once;
//! what the pool refuses as stale is signed again with a fresh nonce. A call that ran and failed comes
//! back as [`SubmitError::Dispatch`] with a sentence on what to do. When a connection breaks
//! between submission and inclusion the outcome is unknown: [`SubmitError::Unknown`]; look at the chain
//! before you try again.
#![deny(missing_docs)]

use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, environment::EnvironmentId, suns::Profile, traits::ProfileId,
};

mod advice;
mod call;
mod error;
mod event;
mod job;
pub mod keys;
pub mod memory;
mod pool;
pub mod rpc;

mod types;
mod witness;

pub use call::Call;
pub use error::{ChainError, DispatchFailure, SubmitError};
pub use event::Event;
pub use job::*;
pub use keys::Keypair;
pub use pool::{BILLION, Pool, PoolId, Position};
pub use sungrid_primitives::explain::{Explanation, Quote, Rejected, Rejection, Survey};
pub use sungrid_primitives::policy::{Policy, Trust};
pub use sungrid_primitives::registration::registration_payload;
pub use types::*;
pub use witness::{CallStage, Outputs, Testimony, Witness, WitnessCall};

/// Blocks for which a transaction is valid, from the last final one on: about three minutes. Shorter, and a reorganisation or a busy pool
/// loses it; longer, and a transaction that nobody waits for any more may still happen.
pub const MORTALITY: BlockNumber = 64;

/// Blocks as they come; an error ends neither the stream nor the client.
pub type BlockStream = Pin<Box<dyn Stream<Item = Result<BlockRef, ChainError>> + Send>>;

/// Which blocks a stream names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The best block whenever it changes; a fork may take it back.
    Best,
    /// Finalised blocks, without gaps.
    Finalised,
}

/// How far [`Chain::submit`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The pool of the node accepted it.
    InPool,
    /// It is in the best block and its call succeeded.
    InBlock,
    /// It is in a finalised block and its call succeeded.
    Finalised,
}

/// A chain. Reads are at its best block, unless said otherwise.
#[async_trait]
pub trait Chain: Send + Sync {
    /// Name, genesis and token of the chain.
    async fn info(&self) -> Result<ChainInfo, ChainError>;
    /// The chain's fixed parameters.
    async fn params(&self) -> Result<ChainParams, ChainError>;
    /// Genesis hash; known since the connection was made.
    fn genesis(&self) -> H256;
    /// Address of the node that is asked, without what may be secret in it; none: there is none now.
    fn node(&self) -> Option<String> {
        None
    }
    /// The best block.
    async fn head(&self) -> Result<BlockRef, ChainError>;
    /// The last block that is final, as far as the node knows.
    async fn finalised(&self) -> Result<BlockNumber, ChainError>;
    /// The time that the best block states, milliseconds since 1970.
    async fn time(&self) -> Result<u64, ChainError>;
    /// Blocks from now on. Goes on by itself after a lost connection.
    async fn blocks(&self, follow: Follow) -> Result<BlockStream, ChainError>;
    /// What happened in a block, in order.
    async fn events(&self, block: H256) -> Result<Vec<Event>, ChainError>;

    /// The number that the next job gets: every job so far is below it.
    async fn next_job(&self) -> Result<JobId, ChainError>;
    /// A job; `None` when it never existed or was cleaned up.
    async fn job(&self, job: JobId) -> Result<Option<Job>, ChainError>;
    /// All jobs that have a record, by number.
    async fn jobs(&self) -> Result<Vec<(JobId, Job)>, ChainError>;
    /// All series of jobs that go on, by number.
    async fn series(&self) -> Result<Vec<(JobId, Series)>, ChainError>;
    /// Why a job runs or does not; `None` when it never existed or was cleaned up.
    async fn explain(&self, job: JobId) -> Result<Option<Explanation>, ChainError>;
    /// What a job would cost and when it could start; `None` if the chain would refuse its profile, its bid
    /// or the amounts.
    async fn quote(&self, spec: &JobSpec) -> Result<Option<Quote>, ChainError>;
    /// A batch in flight.
    async fn batch(&self, job: JobId, batch: BatchIndex) -> Result<Option<Batch>, ChainError>;
    /// All batches in flight of one job, or of all.
    async fn batches(
        &self,
        job: Option<JobId>,
    ) -> Result<Vec<(JobId, BatchIndex, Batch)>, ChainError>;
    /// The result of a settled batch.
    async fn result(
        &self,
        job: JobId,
        batch: BatchIndex,
    ) -> Result<Option<BatchResult>, ChainError>;
    /// All results of a job, by batch.
    async fn results(&self, job: JobId) -> Result<Vec<(BatchIndex, BatchResult)>, ChainError>;
    /// What those batches of a job are paid by that were claimed after its bid was raised, planck per
    /// SUNS·hour, by batch; all others by the order's bid.
    async fn raised_prices(&self, job: JobId) -> Result<Vec<(BatchIndex, Balance)>, ChainError>;

    /// Who says that a job's input is missing.
    async fn declines(&self, job: JobId) -> Result<Declines, ChainError>;
    /// The requester has confirmed that it has the outputs of all batches below this one.
    async fn received(&self, job: JobId) -> Result<BatchIndex, ChainError>;
    /// Open calls for witnesses, of one job or of all, by job and batch.
    async fn witness_calls(
        &self,
        job: Option<JobId>,
    ) -> Result<Vec<(JobId, BatchIndex, WitnessCall)>, ChainError>;
    /// What requesters think of an operator.
    async fn rating(&self, operator: &AccountId) -> Result<Rating, ChainError>;
    /// What the results of a worker in an environment were worth so far.
    async fn trust(
        &self,
        worker: &AccountId,
        environment: EnvironmentId,
    ) -> Result<Trust, ChainError>;

    /// A worker by its worker key.
    async fn worker(&self, worker: &AccountId) -> Result<Option<Worker>, ChainError>;
    /// What leaves a worker's bond, oldest first; nothing, if it is no worker.
    async fn unbonding(&self, worker: &AccountId) -> Result<Vec<Unbonding>, ChainError>;
    /// What a worker has proven of its capacity, and how far its next proof is; `None` if it is no worker.
    async fn standing(&self, worker: &AccountId) -> Result<Option<Standing>, ChainError>;
    /// All workers.
    async fn workers(&self) -> Result<Vec<(AccountId, Worker)>, ChainError>;
    /// All auditors.
    async fn auditors(&self) -> Result<Vec<(AccountId, Auditor)>, ChainError>;
    /// What auditors said of workers, by worker key; also what counts no more.
    async fn attestations(&self) -> Result<Vec<(AccountId, Attestations)>, ChainError>;
    /// All pools, by number.
    async fn pools(&self) -> Result<Vec<(PoolId, Pool)>, ChainError>;
    /// What an account has in a pool; `None` if it has delegated nothing to it.
    async fn position(
        &self,
        pool: PoolId,
        account: &AccountId,
    ) -> Result<Option<Position>, ChainError>;
    /// A published image.
    async fn image(&self, image: &ContentHash) -> Result<Option<Image>, ChainError>;
    /// All published images.
    async fn images(&self) -> Result<Vec<(ContentHash, Image)>, ChainError>;
    /// What one SUNS of this profile contains.
    async fn profile(&self, profile: ProfileId) -> Result<Option<Profile>, ChainError>;
    /// Least price, planck per SUNS·hour.
    async fn price_floor(&self, profile: ProfileId) -> Result<Balance, ChainError>;
    /// What settled work paid lately, planck per SUNS·hour, at least the floor; `None` while nothing may trade in the profile.
    async fn spot(&self, profile: ProfileId) -> Result<Option<Balance>, ChainError>;
    /// Whether results of this environment are accepted.
    async fn accepts(&self, environment: &EnvironmentId) -> Result<bool, ChainError>;
    /// Every environment whose results are accepted.
    async fn environments(&self) -> Result<Vec<EnvironmentId>, ChainError>;

    /// What an account holds.
    async fn account(&self, account: &AccountId) -> Result<Account, ChainError>;
    /// Rewards that a claim would pay now, planck, over all roles.
    async fn pending_rewards(&self, account: &AccountId) -> Result<Balance, ChainError>;
    /// What a worker has earned so far.
    async fn credit(&self, worker: &AccountId) -> Result<Credit, ChainError>;
    /// The current round.
    async fn round(&self) -> Result<Round, ChainError>;
    /// How the last closed round was split; `None` before the first one closed.
    async fn last_round(&self) -> Result<Option<ClosedRound>, ChainError>;
    /// The last draw of the liveness lottery that a worker has to answer and still can.
    async fn summons(&self, worker: &AccountId) -> Result<Option<BlockNumber>, ChainError>;
    /// The workers that can be reported for not having answered a block's draw.
    async fn absentees(&self, block: BlockNumber) -> Result<Vec<AccountId>, ChainError>;
    /// Whether a claim of this worker would succeed now.
    async fn claimable(&self, job: JobId, worker: &AccountId) -> Result<bool, ChainError>;

    /// Signs and submits a call and waits as far as `until` says.
    async fn submit(
        &self,
        key: &Keypair,
        call: Call,
        until: Until,
    ) -> Result<Included, SubmitError>;
}
