//! What a requester reports of its job.

use serde::Serialize;
use sungrid_chain_client::{AccountId, BlockNumber};
use sungrid_primitives::{BatchIndex, JobId};

use crate::Error;

/// Something that happened to the job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum Update {
    /// Results of a batch are here; the chain has not decided yet.
    Received {
        /// The batch.
        batch: BatchIndex,
        /// Who worked.
        worker: AccountId,
        /// Units in it.
        units: u32,
    },
    /// Results of a batch are the ones that the chain accepted.
    Verified {
        /// The batch.
        batch: BatchIndex,
        /// Units in it.
        units: u32,
    },
    /// A worker's results do not hold.
    Rejected {
        /// The batch.
        batch: BatchIndex,
        /// Who sent them.
        worker: AccountId,
        /// Why.
        reason: String,
    },
    /// Results could not be fetched.
    Unreachable {
        /// The batch.
        batch: BatchIndex,
        /// Who has them.
        worker: AccountId,
        /// Why.
        reason: String,
        /// Whether this was the last try.
        last: bool,
    },
    /// Workers cannot get the job's input: nothing of it is claimed until its requester resumes it.
    Paused {
        /// Operators that say so.
        operators: usize,
    },
    /// All results are here; some stand for a while before the chain accepts them.
    Standing {
        /// Batches that do.
        batches: usize,
        /// The last block for which one does.
        until: BlockNumber,
    },
    /// Results of a batch stood, and do not any more: their worker's operator was caught with a wrong result, or with outputs that it
    /// withheld. Another worker finds them, too, before anybody is paid.
    Suspected {
        /// The batch.
        batch: BatchIndex,
        /// Whose results they are.
        worker: AccountId,
    },
    /// Witnesses found that nobody serves the outputs of a batch; what was paid for it is back.
    PaidBack {
        /// The batch.
        batch: BatchIndex,
    },
    /// The node is away; following goes on when it is back.
    Waiting {
        /// What failed.
        reason: String,
    },
    /// A batch is one step further.
    Batch(BatchNews),
    /// How far the job is.
    Progress(Progress),
}

/// How a step of a batch is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Its worker says so; the chain may show it, or not.
    Announced,
    /// The chain shows it.
    OnChain,
}

/// A step of one worker's replica of a batch. Those that the chain shows, in their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
#[non_exhaustive]
pub enum Step {
    /// So many of its units are computed; announced alone.
    Units {
        /// Units that are done.
        finished: u32,
        /// Units of the batch.
        units: u32,
    },
    /// Its results can be fetched; announced alone.
    Available {
        /// Where.
        at: String,
    },
    /// Announced, and not on chain blocks later.
    Unconfirmed,
    /// The worker has claimed it.
    Claimed,
    /// The worker has sealed its result.
    Committed,
    /// The worker has opened it.
    Revealed,
    /// The worker has sealed and not opened it in time.
    Withheld,
    /// The worker has missed its deadline.
    Missed,
    /// Its result is the accepted one.
    Accepted,
}

/// What happened to one worker's replica of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchNews {
    /// Who says so.
    pub known: Known,
    /// The batch.
    pub batch: BatchIndex,
    /// The worker.
    pub worker: AccountId,
    /// What happened.
    #[serde(flatten)]
    pub step: Step,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The job.
    pub job: JobId,
    /// Its state on chain.
    pub state: String,
    /// Units of the job.
    pub units: u32,
    /// Units whose results are here, verified ones included.
    pub received: u32,
    /// Units whose results are here and accepted by the chain.
    pub verified: u32,
    /// Units that failed so far, if the job has ended.
    pub failed: u32,
    /// Planck paid so far.
    pub paid_planck: u128,
    /// Planck still held for the job.
    pub escrow_planck: u128,
    /// Batches that workers are on.
    pub in_flight: u32,
    /// Seconds until the job is done at the pace so far; `None` before the first result.
    pub left_s: Option<u64>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The job.
    pub job: JobId,
    /// `completed`, `cancelled` or `expired`.
    pub state: String,
    /// Units of the job.
    pub units: u32,
    /// Units with verified results.
    pub verified: u32,
    /// Units whose batches failed or were never worked on.
    pub failed: u32,
    /// Batches that were accepted, but whose results could not be fetched.
    pub unfetched: Vec<BatchIndex>,
    /// Why the last of them could not.
    pub unfetched_reason: Option<String>,
    /// Bundles that are here, out of all winners'.
    pub bundles: (u32, u32),
    /// Planck paid.
    pub paid_planck: u128,
    /// Fuel accepted, one replica of each batch.
    pub fuel: u128,
}

impl Summary {
    /// Itself, or why the job is no success.
    ///
    /// # Errors
    /// [`Error::NotFetched`], [`Error::Incomplete`].
    pub fn complete(self) -> Result<Self, Error> {
        if self.failed > 0 {
            return Err(Error::Incomplete {
                job: self.job,
                state: self.state,
                missing: self.failed,
                units: self.units,
            });
        }
        if !self.unfetched.is_empty() {
            return Err(Error::NotFetched {
                job: self.job,
                missing: self.unfetched.len(),
                reason: self.unfetched_reason.unwrap_or_default(),
            });
        }
        Ok(self)
    }
}
