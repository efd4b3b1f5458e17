//! Canonical encoding and strict decoding, common to all manifests.

use serde::{Serialize, de::DeserializeOwned};
use sungrid_primitives::ContentHash;

use crate::{ManifestError, Problem, hash};

/// A manifest's canonical bytes and their BLAKE3 digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// DAG-CBOR.
    pub bytes: Vec<u8>,
    /// BLAKE3 of `bytes`: what the chain and receipts name.
    pub hash: ContentHash,
}

/// A document with one canonical encoding and rules that every reader enforces.
pub trait Manifest: Serialize + DeserializeOwned + PartialEq {
    /// The kind of manifest with its article, for messages.
    const WHAT: &'static str;
    /// The most bytes that a reader accepts.
    const MAX_BYTES: usize;

    /// Checks every rule.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`] with the first field that breaks one.
    fn validate(&self) -> Result<(), ManifestError>;

    /// The canonical bytes and their digest.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`] or [`ManifestError::TooLarge`] if readers would refuse it.
    fn encode(&self) -> Result<Encoded, ManifestError> {
        self.validate()?;
        let bytes = to_bytes(self)?;
        if bytes.len() > Self::MAX_BYTES {
            return Err(too_large::<Self>(bytes.len()));
        }
        let hash = hash(&bytes);
        Ok(Encoded { bytes, hash })
    }

    /// Reads what [`Manifest::encode`] wrote, and nothing else.
    ///
    /// # Errors
    /// Any [`ManifestError`]; size is checked before anything is parsed.
    fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(too_large::<Self>(bytes.len()));
        }
        let manifest: Self =
            serde_ipld_dagcbor::from_slice(bytes).map_err(|error| ManifestError::Malformed {
                what: Self::WHAT,
                detail: error.to_string(),
            })?;
        manifest.validate()?;
        // The decoder enforces key order, but not every rule of the canonical form (shortest
        // integers, for one). Two spellings would mean two digests of one meaning.
        if to_bytes(&manifest)? != bytes {
            return Err(ManifestError::NotCanonical { what: Self::WHAT });
        }
        Ok(manifest)
    }
}

fn to_bytes<M: Manifest>(manifest: &M) -> Result<Vec<u8>, ManifestError> {
    serde_ipld_dagcbor::to_vec(manifest).map_err(|error| ManifestError::Malformed {
        what: M::WHAT,
        detail: error.to_string(),
    })
}

fn too_large<M: Manifest>(size: usize) -> ManifestError {
    ManifestError::TooLarge {
        what: M::WHAT,
        size,
        limit: M::MAX_BYTES,
    }
}

/// The error of manifest kind `M` for a field.
pub(crate) fn invalid<M: Manifest>(field: impl Into<String>, problem: Problem) -> ManifestError {
    ManifestError::Invalid {
        what: M::WHAT,
        field: field.into(),
        problem,
    }
}
