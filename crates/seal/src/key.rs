//! The key of a job.

use std::{fmt, sync::Arc};

use sungrid_primitives::ContentHash;
use zeroize::Zeroizing;

/// The system has no randomness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness for a key: {0}")]
pub struct NoRandomness(String);

/// The key under which the content of a job is sealed. Clones share it; memory is cleared with the last one.
#[derive(Clone)]
pub struct JobKey(Arc<Keys>);

/// One key per purpose.
struct Keys {
    whole: Zeroizing<[u8; 32]>,
    tag: Zeroizing<[u8; 32]>,
    content: Zeroizing<[u8; 32]>,
    name: Zeroizing<[u8; 32]>,
    input: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobKey(..)")
    }
}

impl PartialEq for JobKey {
    fn eq(&self, other: &Self) -> bool {
        // The comparison of this type takes the same time wherever two differ.
        blake3::Hash::from_bytes(*self.0.whole) == blake3::Hash::from_bytes(*other.0.whole)
    }
}

impl Eq for JobKey {}

impl JobKey {
    /// Bytes of a key.
    pub const BYTES: usize = 32;

    /// A fresh key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Zeroizing::new([0; Self::BYTES]);
        getrandom::fill(&mut *key).map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self::from_bytes(*key))
    }

    /// The key with these bytes.
    pub fn from_bytes(key: [u8; Self::BYTES]) -> Self {
        let whole = Zeroizing::new(key);
        let derive = |purpose| Zeroizing::new(blake3::derive_key(purpose, &*whole));
        Self(Arc::new(Keys {
            tag: derive("sungrid/sealed/1 tag"),
            content: derive("sungrid/sealed/1 content"),
            name: derive("sungrid/sealed/1 name"),
            input: derive("sungrid/sealed/1 unit input"),
            whole,
        }))
    }

    /// Its bytes: to be kept where only its owner reads, and handed to parties alone.
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        self.0.whole.clone()
    }

    /// What a receipt names as `input`: BLAKE3 of the unit's manifest under the job's key, since arguments and names can be guessed.
    pub fn input_hash(&self, manifest: &[u8]) -> ContentHash {
        ContentHash::from(*blake3::keyed_hash(&self.0.input, manifest).as_bytes())
    }

    /// Starts the tag of some content.
    pub(crate) fn tagger(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0.tag)
    }

    /// The key of the chunks of the content with this tag.
    pub(crate) fn chunk_key(&self, tag: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*blake3::keyed_hash(&self.0.content, tag).as_bytes())
    }

    /// The key of names.
    pub(crate) fn name_key(&self) -> &[u8; 32] {
        &self.0.name
    }
}
