//! What goes wrong, in words that say what to do.

use std::path::PathBuf;

use sungrid_chain_client::{ChainError, SubmitError, keys::KeyError};
use sungrid_data_plane::{FetchError, SpawnError, StoreError};
use sungrid_executor::{EngineError, RunError};
use sungrid_manifest::ManifestError;
use sungrid_primitives::{JobId, content::ContentIdError};
use sungrid_sandbox::{IsolationError, PrepareError};
use sungrid_seal::OpenError;

use crate::{units, verify::VerifyError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A read of the chain, or the connection.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A transaction.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A bundle of results.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A transfer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Starting to serve.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Stored content.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A content identifier.
    #[error("`{text}`: {source}")]
    ContentId {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: ContentIdError,
    },
    /// A file or folder.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    File {
        /// What was tried: "read", "write", …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that does not say what it should.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A result of an encrypted job that does not open.
    #[error("{} does not open: {source}", path.display())]
    Unopened {
        /// Where it would have gone.
        path: PathBuf,
        /// Why not.
        source: OpenError,
    },
    /// Something about the request itself.
    #[error("{0}")]
    Usage(String),
    /// No key, where one is needed.
    #[error(
        "this needs your key: give --key //Alice (development chains), --key FILE, --key env:NAME or --key prompt, or set SUNGRID_KEY to one of these"
    )]
    NoKey,
    /// The account cannot pay.
    #[error(
        "{account} has {} free, this needs {} ({what}): {} are missing. Transfer ISC to this account, or lower the fuel or memory limit, the price, or the number of units",
        units::isc(*free), units::isc(*needed), units::isc(needed.saturating_sub(*free))
    )]
    TooLittle {
        /// SS58 address.
        account: String,
        /// Planck that can be spent.
        free: u128,
        /// Planck needed.
        needed: u128,
        /// What for.
        what: String,
    },
    /// An image that the chain does not know.
    #[error(
        "image {0} is not published on this chain: run `sungrid image publish FILE.wasm`, or check the CID with `sungrid image list`"
    )]
    UnknownImage(String),
    /// An image that takes no new jobs.
    #[error("image {0} was retired by its developer: publish it yourself, or use another one")]
    RetiredImage(String),
    /// An image whose code is not here.
    #[error(
        "image {0} is published, but its code is not on this machine: run `sungrid image fetch {0} --from PEER`, or give the .wasm file instead"
    )]
    ImageNotHere(String),
    /// A job that the chain does not know.
    #[error(
        "the chain has no job {0}: check the number with `sungrid job list --all`; ended jobs are removed after their retention time"
    )]
    UnknownJob(JobId),
    /// A job of somebody else, or submitted from another machine.
    #[error("job {job} was not submitted from this machine (no record in {}): run this where it was submitted, or give that machine's --data-dir", folder.display())]
    NotOurs {
        /// The job.
        job: JobId,
        /// Where records are.
        folder: PathBuf,
    },
    /// A job that ended without all its results.
    #[error(
        "job {job} ended as {state} with {missing} of {units} units without a result; what they held was refunded"
    )]
    Incomplete {
        /// The job.
        job: JobId,
        /// How it ended.
        state: String,
        /// Units without a result.
        missing: u32,
        /// All units.
        units: u32,
    },
    /// Results that exist but could not be fetched.
    #[error(
        "job {job} is done and paid, but {missing} batches could not be fetched ({reason}). Their workers may be away: try `sungrid job collect {job}` later; results stay on chain for the retention time. If they stay away, `sungrid job witness {job} BATCH` gets your money back"
    )]
    NotFetched {
        /// The job.
        job: JobId,
        /// Batches that are missing.
        missing: usize,
        /// Why the last one failed.
        reason: String,
    },
    /// Stopped by the user; the job goes on.
    #[error("interrupted")]
    Interrupted,
    /// Receipts that do not hold.
    #[error("{invalid} of {total} receipts are not valid")]
    BadReceipts {
        /// Those that are not.
        invalid: usize,
        /// All of them.
        total: usize,
    },
    /// The executor on this machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Isolation that was asked for and is not to be had here.
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    /// A program that this machine could not compile; another try can help.
    #[error("the program has no result here: {0}")]
    Compile(PrepareError),
    /// A run here without a result.
    #[error("the program has no result here: {0}")]
    Run(#[from] RunError),
    /// A program that does not compile, or fails.
    #[error("{0}")]
    Program(String),
    /// The scene, or its picture.
    #[error("{0}")]
    Render(String),
    /// The demonstration network.
    #[error("{0}")]
    Demo(String),
}

impl Error {
    /// Wraps an error of a file.
    pub fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// A malformed file.
    pub fn malformed(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::Malformed {
            path: path.into(),
            reason: reason.to_string(),
        }
    }

    /// Exit code: 2 for a request that cannot work as given, 130 after Ctrl-C, 1 for all else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::NoKey | Self::Key(_) => 2,
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}

fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "; check the path",
        std::io::ErrorKind::PermissionDenied => "; check its permissions",
        std::io::ErrorKind::StorageFull => "; free some space",
        _ => "",
    }
}
