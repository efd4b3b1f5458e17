//! What can keep a batch from being worked on.

use sungrid_chain_client::ChainError;
use sungrid_primitives::{JobId, UnitIndex};

use crate::{journal::JournalError, ports::BlobError};

/// Why a job or batch cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// Content of the requester is not to be had.
    #[error("{what} of job {job} cannot be fetched: {source}")]
    Fetch {
        /// The job.
        job: JobId,
        /// What was fetched.
        what: String,
        /// Why it failed.
        source: BlobError,
    },
    /// The node did not answer: nobody's fault but this side's.
    #[error("what the chain knows for job {job} cannot be read: {source}")]
    Chain {
        /// The job.
        job: JobId,
        /// Why it failed.
        source: ChainError,
    },
    /// The requester gave something that no worker can run.
    #[error("job {job} cannot be run: {reason}")]
    Malformed {
        /// The job.
        job: JobId,
        /// What is wrong with it.
        reason: String,
    },
    /// The job is none that this worker's settings allow.
    #[error("job {job} is not for this worker: {reason}")]
    NotWanted {
        /// The job.
        job: JobId,
        /// Which bound.
        reason: String,
    },
    /// The job's image is not listed, at least not now, and this worker takes listed ones only.
    #[error("the image of job {0} is not listed, and this worker takes listed ones only")]
    NotListed(JobId),
    /// This machine has no room or process to make the job's program ready.
    #[error("the program of job {job} is not ready: {reason}")]
    Machine {
        /// The job.
        job: JobId,
        /// What the executor said.
        reason: String,
    },
    /// The local store does not take the result.
    #[error(transparent)]
    Store(#[from] BlobError),
    /// The journal does not take the result.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The executor gave up: no result, another try can help.
    #[error("unit {unit} of job {job}: {reason}")]
    Run {
        /// The job.
        job: JobId,
        /// The unit.
        unit: UnitIndex,
        /// What the executor said.
        reason: String,
    },
    /// The worker is shutting down.
    #[error("stopped")]
    Stopped,
}

impl WorkError {
    /// Whether the same work may succeed later on this machine.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Fetch { source, .. } | Self::Store(source) => {
                !matches!(source, BlobError::Misbehaved(_) | BlobError::Quota(_))
            }
            Self::Chain { .. }
            | Self::Machine { .. }
            | Self::NotListed(_)
            | Self::Journal(_)
            | Self::Run { .. }
            | Self::Stopped => true,
            Self::Malformed { .. } | Self::NotWanted { .. } => false,
        }
    }

    /// Whether a batch in hand is given back for it: what the job needs is not served, not what it is said to be, or more
    /// than this worker takes.
    pub fn is_reason_to_decline(&self) -> bool {
        match self {
            // A share that is used up is the job's doing.
            Self::Fetch { source, .. } => matches!(
                source,
                BlobError::Unreachable(_) | BlobError::Misbehaved(_) | BlobError::Quota(_)
            ),
            Self::Malformed { .. } | Self::NotWanted { .. } | Self::NotListed(_) => true,
            _ => false,
        }
    }

    /// Whether the cause is a lack of room here.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Fetch { source, .. } | Self::Store(source) => {
                matches!(source, BlobError::Full(_))
            }
            Self::Journal(error) => matches!(error, JournalError::Full { .. }),
            _ => false,
        }
    }
}
