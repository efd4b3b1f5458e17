//! Links: BLAKE3 digests in memory, CIDs in DAG-CBOR and in text.

use sungrid_primitives::{
    ContentHash,
    content::{self, ContentIdError, ContentKind},
};

/// BLAKE3 of some bytes.
pub fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash::from(*blake3::hash(bytes).as_bytes())
}

/// BLAKE3 of some bytes under a key: only who has the bytes can tell it once the key is known.
pub fn keyed_hash(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(key, bytes).as_bytes()
}

/// The CID of a digest as text.
pub fn cid_text(kind: ContentKind, hash: &ContentHash) -> String {
    content::to_text(kind, hash)
}

/// Reads a CID, or a digest as 64 hexadecimal digits with or without `0x`.
///
/// # Errors
/// [`ContentIdError`] if the text is neither.
pub fn parse_cid(text: &str) -> Result<ContentHash, ContentIdError> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| (c as char).to_digit(16).unwrap_or_default() as u8;
            *byte = digit(pair[0]) << 4 | digit(pair[1]);
        }
        return Ok(ContentHash::from(bytes));
    }
    content::from_text(text).map(|(_, hash)| hash)
}

/// Serde form of a link to plain bytes: tag 42, CIDv1, raw codec, BLAKE3.
pub(crate) mod raw {
    use super::*;
    use cid::Cid;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(hash: &ContentHash, to: S) -> Result<S::Ok, S::Error> {
        content::to_cid(ContentKind::Raw, hash).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ContentHash, D::Error> {
        match content::from_cid(&Cid::deserialize(from)?) {
            Ok((ContentKind::Raw, hash)) => Ok(hash),
            Ok(_) => Err(de::Error::custom("a link to raw bytes names a manifest")),
            Err(error) => Err(de::Error::custom(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_from_cid_and_from_hexadecimal() {
        let digest = hash(b"abc");
        // Test vector of the BLAKE3 reference implementation.
        assert_eq!(
            format!("{digest:?}"),
            "0x6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
        assert_eq!(parse_cid(&format!("{digest:?}")), Ok(digest));
        assert_eq!(parse_cid(&format!("{digest:x}")), Ok(digest));
        for kind in [ContentKind::Raw, ContentKind::DagCbor] {
            assert_eq!(parse_cid(&cid_text(kind, &digest)), Ok(digest));
        }
        assert_eq!(parse_cid("0x00"), Err(ContentIdError::Malformed));
        assert_eq!(parse_cid(""), Err(ContentIdError::Malformed));
    }
}
