//! One error type per operation; each message says what to do.

use std::{fmt, io, path::PathBuf, time::Duration};

use iroh::EndpointId;
use iroh_blobs::Hash;
use thiserror::Error;

/// Why a data plane could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The socket could not be bound.
    #[error("cannot listen on {bind}: {reason}; choose another address or stop what uses this one")]
    Bind {
        /// The address of the configuration.
        bind: std::net::SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The blob store could not be opened.
    #[error(
        "cannot open the blob store in {}: {reason}; check that the folder is writable and that no other process uses it",
        path.display()
    )]
    Store {
        /// The data folder.
        path: PathBuf,
        /// What the store said.
        reason: String,
    },
    /// The endpoint's key file is unreadable or not a key.
    #[error("cannot use the key file {}: {reason}; restore it, or delete it to get a new identity", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificates that relays' own may be signed by cannot be used.
    #[error("cannot use the certificates in {}: {reason}; give a file of certificates in PEM", path.display())]
    RelayRoots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No address that others could dial is known.
    #[error(
        "no address to give to others: {0}; set `external_addresses` to the address others reach this machine at"
    )]
    NoAddress(#[from] crate::AddressError),
    /// Reading the existing content failed.
    #[error(transparent)]
    Content(#[from] StoreError),
}

/// Why the local blob store could not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The configured bound is reached.
    #[error(
        "the blob store is full: {needed} more bytes do not fit, {used} of {limit} are in use; \
         unpin what is no longer needed, or raise `max_store_bytes`"
    )]
    Full {
        /// Bytes that were asked for, bookkeeping included.
        needed: u64,
        /// Bytes in use.
        used: u64,
        /// The configured bound.
        limit: u64,
    },
    /// A group has its share of the store.
    #[error(
        "{needed} more bytes are beyond this job's share of the blob store, {used} of {limit} are in use; \
         raise `max_group_bytes` if the job may have more"
    )]
    Quota {
        /// Bytes that were asked for, bookkeeping included.
        needed: u64,
        /// Bytes that the group has.
        used: u64,
        /// The configured bound.
        limit: u64,
    },
    /// The disk is nearly full.
    #[error(
        "the disk under {} is full: {needed} bytes do not fit into the {available} available, of which {reserve} stay free; \
         free some space or move the data folder",
        path.display()
    )]
    DiskFull {
        /// The data folder.
        path: PathBuf,
        /// Bytes that were asked for.
        needed: u64,
        /// Bytes the file system offers.
        available: u64,
        /// Bytes that are kept free.
        reserve: u64,
    },
    /// The content is not here, or only in part.
    #[error("{hash} is not in the store: fetch it first")]
    NotFound {
        /// What was asked for.
        hash: Hash,
    },
    /// The content is larger than the caller allows.
    #[error("{hash} has {size} bytes, more than the {limit} allowed here")]
    TooLarge {
        /// What was asked for.
        hash: Hash,
        /// Its size.
        size: u64,
        /// The caller's bound.
        limit: u64,
    },
    /// The content is here, but what is on the disk no longer matches its hash.
    #[error(
        "{hash} is damaged on this disk ({reason}): unpin it, collect garbage, fetch it again, and check the disk"
    )]
    Damaged {
        /// What was asked for.
        hash: Hash,
        /// What failed.
        reason: String,
    },
    /// A bundle's bytes are not a sequence of 32-byte hashes, or too many.
    #[error("{hash} is no bundle of at most {limit} entries")]
    NotABundle {
        /// The root that was read.
        hash: Hash,
        /// Entries allowed.
        limit: usize,
    },
    /// A name for a pin that cannot be stored.
    #[error("a pin's name has 1 to {max} bytes", max = crate::MAX_PIN_NAME)]
    PinName,
    /// Reading or writing failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was being done.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// The store has stopped, usually after the disk failed under it.
    #[error(
        "the blob store has stopped ({0}): free disk space if there is none, then start again; stored content is kept"
    )]
    Stopped(String),
}

impl StoreError {
    /// Whether the same call can succeed later without a change in code or configuration.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Full { .. } | Self::DiskFull { .. } | Self::Quota { .. } | Self::Io { .. }
        )
    }

    pub(crate) fn io(action: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            action: action.into(),
            source,
        }
    }
}

/// A card that cannot be shown.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a card has 1 to {max} bytes, not {0}", max = crate::MAX_CARD)]
pub struct CardError(pub usize);

/// What was wrong with one provider.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerFault {
    /// No connection came about.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It has too much to do.
    #[error("refused: {0}")]
    Refused(String),
    /// Its rules keep this content from us.
    #[error("does not serve this content to us")]
    Forbidden,
    /// It was so slow that others were asked instead.
    #[error("sent only {bytes_per_second} bytes per second, while others could be asked")]
    Slow {
        /// Bytes per second.
        bytes_per_second: u64,
    },
    /// It does not have the content, or not all of it.
    #[error("does not have all of the content")]
    Missing,
    /// It sent bytes that do not match the hash. Nothing of them was stored.
    #[error("sent bytes that do not match the hash")]
    WrongBytes,
    /// It announced more bytes than allowed.
    #[error("announced {size} bytes where {limit} are allowed")]
    TooLarge {
        /// Announced size.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// It announced more than the store has room for.
    #[error("announced {size} bytes, for which the store has no room: {reason}")]
    NoRoom {
        /// Announced size.
        size: u64,
        /// The store's reason.
        reason: String,
    },
    /// It sent nothing for the stall time.
    #[error("sent nothing for {0:?}")]
    Stalled(Duration),
    /// The connection was cut.
    #[error("was cut off: {0}")]
    Cut(String),
}

impl PeerFault {
    /// Whether the peer broke the protocol, rather than being away or busy.
    pub fn is_misbehaviour(&self) -> bool {
        matches!(self, Self::WrongBytes | Self::TooLarge { .. })
    }
}

/// One provider that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The content that was asked for.
    pub hash: Hash,
    /// The provider.
    pub peer: EndpointId,
    /// What was wrong with it.
    pub fault: PeerFault,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer {}: {}", self.peer.fmt_short(), self.fault)
    }
}

/// Why content could not be fetched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The caller named nobody to ask.
    #[error(
        "{hash} is not here and no peer to fetch it from is known: ask the chain for the peers of the job"
    )]
    NoProviders {
        /// What was asked for.
        hash: Hash,
    },
    /// Every provider was given up. What was verified is kept, so the next try goes on from there.
    #[error("no peer could give {hash}: {}", list(attempts))]
    AllFailed {
        /// What was asked for.
        hash: Hash,
        /// Each provider with its fault.
        attempts: Vec<Attempt>,
    },
    /// A bundle lists more entries than allowed.
    #[error("bundle {root} lists {count} entries, more than the {limit} allowed")]
    TooMany {
        /// The bundle.
        root: Hash,
        /// Entries it lists.
        count: usize,
        /// Entries allowed.
        limit: usize,
    },
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data plane is shut down.
    #[error("the data plane is shut down")]
    Closed,
}

impl FetchError {
    /// Whether another try can succeed: a peer was away, busy or cut off.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::AllFailed { attempts, .. } => attempts.iter().any(|a| !a.fault.is_misbehaviour()),
            Self::Store(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// The providers that were given up.
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::AllFailed { attempts, .. } => attempts,
            _ => &[],
        }
    }
}

fn list(attempts: &[Attempt]) -> String {
    attempts
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Why a peer did not tell a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretError {
    /// No secret has such a name.
    #[error("the name of a secret has 1 to {max} bytes, not {0}", max = crate::MAX_SECRET_NAME)]
    Name(usize),
    /// There was nobody to ask.
    #[error("no peer is known that has it")]
    NoPeers,
    /// No connection came about, or no answer.
    #[error("peer {peer} cannot be asked: {reason}")]
    Unreachable {
        /// The peer, shortened.
        peer: String,
        /// What the network said.
        reason: String,
    },
    /// It is not for this node, or the peer does not have it.
    #[error("peer {peer} does not tell it to this node")]
    Refused {
        /// The peer, shortened.
        peer: String,
    },
    /// The answer is none of this protocol.
    #[error("peer {peer} gave an answer that is none: one side needs an update")]
    Misbehaved {
        /// The peer, shortened.
        peer: String,
    },
}

/// Why a notification was not delivered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotifyError {
    /// The message is longer than a frame holds.
    #[error("a notification holds at most {max} bytes, not {0}", max = crate::MAX_NOTIFICATION)]
    TooLong(usize),
    /// No connection came about.
    #[error("peer {peer} cannot be reached: {reason}")]
    Unreachable {
        /// The peer, shortened.
        peer: String,
        /// What the network said.
        reason: String,
    },
    /// The peer has no room for more messages now.
    #[error("peer {peer} takes no more notifications now: try again later")]
    Busy {
        /// The peer, shortened.
        peer: String,
    },
    /// The peer did not understand the frame.
    #[error("peer {peer} did not accept the frame: {reason}; one side needs an update")]
    Rejected {
        /// The peer, shortened.
        peer: String,
        /// Its answer.
        reason: String,
    },
    /// No answer in time.
    #[error("peer {peer} did not answer within {after:?}")]
    NoAnswer {
        /// The peer, shortened.
        peer: String,
        /// The time waited.
        after: Duration,
    },
}

impl NotifyError {
    /// Whether the same message can be delivered later.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::TooLong(_) | Self::Rejected { .. })
    }
}
