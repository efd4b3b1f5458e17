//! What can go wrong, and what to do about it.

use sp_core::H256;

/// A read or a connection failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Nobody answers there.
    #[error(
        "cannot reach a node at {url}: {reason}. Start the node, or give the address of its RPC port (ws://HOST:9944)"
    )]
    Unreachable {
        /// Address that was tried.
        url: String,
        /// What the transport said.
        reason: String,
    },
    /// The address is none.
    #[error(
        "`{url}` is not the address of a node: {reason}. Expected something like ws://127.0.0.1:9944"
    )]
    BadAddress {
        /// Address that was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another chain answers there.
    #[error(
        "the node at {url} serves another chain: its genesis is {found:?}, expected {expected:?}. Give the address of a node of the right chain, or remove the expected genesis from the configuration"
    )]
    WrongGenesis {
        /// Address of the node.
        url: String,
        /// Its genesis.
        found: H256,
        /// The one that is wanted.
        expected: H256,
    },
    /// The chain has not what this client needs.
    #[error(
        "the chain (runtime version {spec_version}) has no {missing}: this client needs a Sungrid runtime that has it. Update the client, or connect to a Sungrid node"
    )]
    Incompatible {
        /// What is missing.
        missing: String,
        /// The runtime's version.
        spec_version: u32,
    },
    /// The connection broke; it is being made again.
    #[error("the connection to the node was lost ({0}); trying again")]
    Disconnected(String),
    /// The node refused or failed to answer.
    #[error("the node could not answer: {0}")]
    Node(String),
    /// The answer does not have the expected shape.
    #[error(
        "cannot read {what} of this chain: {reason}. Client and runtime differ: update the client"
    )]
    Decode {
        /// What was read.
        what: String,
        /// Why it failed.
        reason: String,
    },
}

impl ChainError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Disconnected(_) | Self::Node(_)
        )
    }
}

/// A call that ran and failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchFailure {
    /// The pallet that refused.
    pub pallet: String,
    /// Its error.
    pub error: String,
    /// What it means and what to do.
    pub advice: String,
}

impl std::fmt::Display for DispatchFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}: {}", self.pallet, self.error, self.advice)
    }
}

/// A transaction did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It never left.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It is in a block, and its call failed: nothing changed but the fee.
    #[error("{0}")]
    Dispatch(DispatchFailure),
    /// The signer cannot pay the fee, or the call is free only when it would succeed and it would not.
    #[error(
        "{signer} cannot pay the fee of {call} (or, where the call is free for workers, it would not succeed now). Transfer some ISC to this account, or try again later"
    )]
    CannotPay {
        /// SS58 address.
        signer: String,
        /// The call.
        call: String,
    },
    /// The pool does not take it.
    #[error("the node refused {call}: {reason}")]
    Rejected {
        /// The call.
        call: String,
        /// The node's reason.
        reason: String,
    },
    /// It is not in the pool, or no longer.
    #[error("{call} is not in the pool ({reason}): try again")]
    Dropped {
        /// The call.
        call: String,
        /// The node's reason.
        reason: String,
    },
    /// The connection broke before its outcome was known.
    #[error("the outcome of {call} is unknown ({reason}): look at the chain before trying again")]
    Unknown {
        /// The call.
        call: String,
        /// What broke.
        reason: String,
    },
}

impl SubmitError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Chain(error) => error.is_retryable(),
            Self::CannotPay { .. } | Self::Dropped { .. } | Self::Unknown { .. } => true,
            Self::Dispatch(_) | Self::Rejected { .. } => false,
        }
    }
}
