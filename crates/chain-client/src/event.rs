//! What happens on the chain, as far as clients act on it.

use serde::Serialize;
use sungrid_primitives::{BatchIndex, ContentHash, JobId};

use crate::{AccountId, Balance, PoolId};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// An image was published.
    ImagePublished {
        /// BLAKE3 of the manifest.
        manifest: ContentHash,
    },
    /// A job was submitted.
    JobSubmitted {
        /// Its number.
        job: JobId,
        /// Who pays.
        requester: AccountId,
    },
    /// A series of jobs was ordered.
    SeriesOpened {
        /// Its number.
        series: JobId,
    },
    /// A worker got a batch.
    Claimed {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// The worker key.
        worker: AccountId,
    },
    /// A worker sealed its result.
    Committed {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// The worker key.
        worker: AccountId,
    },
    /// Commitments of a batch may be revealed.
    RevealOpened {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
    },
    /// A worker revealed its result.
    Revealed {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// The worker key.
        worker: AccountId,
    },
    /// A batch was accepted and paid.
    BatchSettled {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
        /// Planck paid, all winners together.
        paid: Balance,
    },
    /// A batch failed and was refunded.
    BatchFailed {
        /// The job.
        job: JobId,
        /// The batch.
        batch: BatchIndex,
    },
    /// A job came to its end.
    JobEnded {
        /// The job.
        job: JobId,
    },
    /// A worker joined.
    WorkerRegistered {
        /// The worker key.
        worker: AccountId,
    },
    /// A worker missed a deadline.
    WorkerMissed {
        /// The worker key.
        worker: AccountId,
    },
    /// A round was closed and split.
    RoundClosed(crate::ClosedRound),
    /// A worker lost part of its bond.
    WorkerSlashed {
        /// The worker key.
        worker: AccountId,
        /// Planck.
        amount: Balance,
    },
    /// Others may stake on a worker.
    PoolOpened {
        /// The pool.
        pool: PoolId,
    },
    /// Somebody has back what it delegated.
    DelegationWithdrawn {
        /// Planck.
        amount: Balance,
    },
    /// Rewards were paid, to an operator, developer or author, or to a pool.
    RewardsPaid {
        /// To whom.
        account: AccountId,
        /// Planck.
        amount: Balance,
    },
    /// What a delegation earned was paid out. The rewards of its pool were claimed in the same block.
    IncomePaid {
        /// Who delegated.
        account: AccountId,
        /// Planck.
        amount: Balance,
    },
    /// Any other event.
    Other {
        /// Its pallet.
        pallet: String,
        /// Its name.
        name: String,
    },
}
