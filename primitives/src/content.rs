//! Content addresses: 32-byte BLAKE3 digests on chain, CIDv1 strings for people.
//!
//! The chain stores the bare digest. What a digest names (raw bytes or a DAG-CBOR manifest) follows
//! from the field that holds it; the text form states it, so that any IPLD tool reads it.

use alloc::string::{String, ToString};
use cid::{Cid, multihash::Multihash};
use sp_core::H256;

/// BLAKE3 digest of some content (32 bytes).
pub type ContentHash = H256;

/// Multihash code of BLAKE3, from the multicodec table.
pub const BLAKE3: u64 = 0x1e;

/// What the bytes behind a [`ContentHash`] are; multicodec values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ContentKind {
    /// Plain bytes: code, inputs, output files.
    Raw = 0x55,
    /// A DAG-CBOR manifest: images, job inputs, bundles.
    DagCbor = 0x71,
}

/// Why a text is not one of our content identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentIdError {
    /// Not a CID at all.
    Malformed,
    /// A CID, but not over a 32-byte BLAKE3 digest.
    NotBlake3,
    /// A CID whose content is neither raw bytes nor DAG-CBOR.
    UnknownKind,
}

impl core::fmt::Display for ContentIdError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a CID: expected text that starts with `bafkr4` or `bafyr4`",
            Self::NotBlake3 => {
                "this CID is not over a 32-byte BLAKE3 digest: add the content again with BLAKE3"
            }
            Self::UnknownKind => "this CID names neither raw bytes nor DAG-CBOR",
        })
    }
}

impl core::error::Error for ContentIdError {}

/// The CIDv1 of a digest.
pub fn to_cid(kind: ContentKind, hash: &ContentHash) -> Cid {
    // 32 bytes always fit the 64-byte multihash buffer, so this cannot be the default.
    let multihash = Multihash::wrap(BLAKE3, hash.as_bytes()).unwrap_or_default();
    Cid::new_v1(kind as u64, multihash)
}

/// The text form of a digest: lower-case base32 CIDv1.
pub fn to_text(kind: ContentKind, hash: &ContentHash) -> String {
    to_cid(kind, hash).to_string()
}

/// The digest inside a CID.
pub fn from_cid(cid: &Cid) -> Result<(ContentKind, ContentHash), ContentIdError> {
    let hash = cid.hash();
    if hash.code() != BLAKE3 || hash.digest().len() != 32 {
        return Err(ContentIdError::NotBlake3);
    }
    let kind = match cid.codec() {
        0x55 => ContentKind::Raw,
        0x71 => ContentKind::DagCbor,
        _ => return Err(ContentIdError::UnknownKind),
    };
    Ok((kind, H256::from_slice(hash.digest())))
}

/// Reads the text form of a CID.
pub fn from_text(text: &str) -> Result<(ContentKind, ContentHash), ContentIdError> {
    from_cid(&Cid::try_from(text.trim()).map_err(|_| ContentIdError::Malformed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_names_the_kind() {
        let hash = H256::repeat_byte(7);
        for kind in [ContentKind::Raw, ContentKind::DagCbor] {
            let text = to_text(kind, &hash);
            assert_eq!(from_text(&text), Ok((kind, hash)));
        }
        assert!(to_text(ContentKind::Raw, &hash).starts_with("bafkr4"));
        assert!(to_text(ContentKind::DagCbor, &hash).starts_with("bafyr4"));
    }

    #[test]
    fn foreign_identifiers_are_refused_with_a_reason() {
        assert_eq!(from_text("nonsense"), Err(ContentIdError::Malformed));
        // SHA2-256, the usual IPFS address.
        let sha = Cid::new_v1(0x55, Multihash::wrap(0x12, &[1; 32]).expect("32 bytes fit"));
        assert_eq!(from_cid(&sha), Err(ContentIdError::NotBlake3));
        let short = Cid::new_v1(
            0x55,
            Multihash::wrap(BLAKE3, &[1; 16]).expect("16 bytes fit"),
        );
        assert_eq!(from_cid(&short), Err(ContentIdError::NotBlake3));
        let pb = Cid::new_v1(
            0x70,
            Multihash::wrap(BLAKE3, &[1; 32]).expect("32 bytes fit"),
        );
        assert_eq!(from_cid(&pb), Err(ContentIdError::UnknownKind));
    }
}
