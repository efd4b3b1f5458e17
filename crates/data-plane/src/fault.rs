//! What a failed transfer says about the provider.

use std::io;

use iroh_blobs::{
    get::{
        GetError,
        fsm::{AtBlobHeaderNextError, DecodeError},
    },
    protocol::{ERR_INTERNAL, ERR_LIMIT, ERR_PERMISSION},
};

use crate::{PeerFault, peers::close};

/// The provider's part in a failure.
pub(crate) fn fault(error: &GetError) -> PeerFault {
    match error {
        GetError::Decode {
            source: DecodeError::ParentHashMismatch { .. } | DecodeError::LeafHashMismatch { .. },
            ..
        } => {
            return PeerFault::WrongBytes;
        }
        GetError::Decode {
            source:
                DecodeError::ChunkNotFound { .. }
                | DecodeError::ParentNotFound { .. }
                | DecodeError::LeafNotFound { .. },
            ..
        }
        | GetError::AtBlobHeaderNext {
            source: AtBlobHeaderNextError::NotFound { .. },
            ..
        } => {
            return PeerFault::Missing;
        }
        // The answer ended inside a piece.
        GetError::Decode {
            source: DecodeError::Read { source, .. },
            ..
        } if matches!(
            source.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
        ) =>
        {
            return PeerFault::Missing;
        }
        _ => {}
    }
    match error.iroh_error_code() {
        // What an honest provider answers when it has never heard of the hash.
        Some(code) if code == ERR_INTERNAL => PeerFault::Missing,
        Some(code) if code == ERR_PERMISSION => PeerFault::Forbidden,
        Some(code) if code == ERR_LIMIT || code == close::BUSY => {
            PeerFault::Refused("it is busy".into())
        }
        _ => PeerFault::Cut(format!("{error:#}")),
    }
}
