//! Sealing what is in memory, in its own place: no second copy is made.

use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};

use crate::{JobKey, OpenError};

/// Begins everything that is sealed. No manifest begins with it: those are CBOR maps.
pub(crate) const MAGIC: &[u8; 16] = b"sungrid/sealed/1";
/// Bytes before the first chunk.
pub(crate) const HEAD: usize = MAGIC.len() + 32;
/// Bytes of content in a chunk, as in age's STREAM.
pub(crate) const CHUNK: usize = 64 << 10;
/// Bytes that a chunk takes beside its content.
pub(crate) const MAC: usize = 16;

/// Whether some bytes begin as sealed ones do. They may be anything all the same.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// What so many bytes have once they are sealed; saturates.
pub fn sealed_size(bytes: u64) -> u64 {
    let chunks = bytes.div_ceil(CHUNK as u64).max(1);
    bytes
        .saturating_add(chunks.saturating_mul(MAC as u64))
        .saturating_add(HEAD as u64)
}

/// What sealed content of so many bytes opens to; `None` if none has that size.
pub fn opened_size(sealed: u64) -> Option<u64> {
    let chunks = sealed.checked_sub(HEAD as u64)?;
    let count = chunks.div_ceil((CHUNK + MAC) as u64).max(1);
    let bytes = chunks.checked_sub(count.checked_mul(MAC as u64)?)?;
    (sealed_size(bytes) == sealed).then_some(bytes)
}

/// The cipher of one content.
pub(crate) struct Chunks(ChaCha20Poly1305);

impl Chunks {
    pub(crate) fn new(key: &JobKey, tag: &[u8; 32]) -> Self {
        let key = key.chunk_key(tag);
        Self(ChaCha20Poly1305::new(Key::from_slice(&*key)))
    }

    fn nonce(at: u64, is_last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&at.to_be_bytes());
        nonce[11] = u8::from(is_last);
        nonce.into()
    }

    /// Encrypts a chunk where it stands.
    pub(crate) fn seal(&self, at: u64, is_last: bool, chunk: &mut [u8]) -> [u8; MAC] {
        let nonce = Self::nonce(at, is_last);
        match self.0.encrypt_in_place_detached(&nonce, &[], chunk) {
            Ok(mac) => mac.into(),
            // The cipher refuses 256 GiB and more.
            Err(_) => unreachable!("a chunk has 64 KiB"),
        }
    }

    /// Decrypts a chunk where it stands.
    pub(crate) fn open(
        &self,
        at: u64,
        is_last: bool,
        chunk: &mut [u8],
        mac: &[u8],
    ) -> Result<(), OpenError> {
        let nonce = Self::nonce(at, is_last);
        self.0
            .decrypt_in_place_detached(&nonce, &[], chunk, Tag::from_slice(mac))
            .map_err(|_| OpenError::Broken)
    }
}

/// The header's tag.
pub(crate) fn tag_of(head: &[u8; HEAD]) -> Result<[u8; 32], OpenError> {
    let (magic, tag) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(OpenError::NotSealed);
    }
    let mut found = [0; 32];
    found.copy_from_slice(tag);
    Ok(found)
}

impl JobKey {
    /// Seals some bytes.
    pub fn seal(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let tag: [u8; 32] = self.tagger().update(&bytes).finalize().into();
        let cipher = Chunks::new(self, &tag);
        let size = bytes.len();
        let chunks = size.div_ceil(CHUNK).max(1);
        let sealed = size + HEAD + chunks * MAC;
        bytes.reserve_exact(sealed - size);
        bytes.resize(sealed, 0);
        // From the back: each chunk moves to where nothing stands that is still needed.
        for at in (0..chunks).rev() {
            let (from, end) = (at * CHUNK, size.min((at + 1) * CHUNK));
            let to = HEAD + at * (CHUNK + MAC);
            bytes.copy_within(from..end, to);
            let (chunk, rest) = bytes[to..].split_at_mut(end - from);
            let mac = cipher.seal(at as u64, at + 1 == chunks, chunk);
            rest[..MAC].copy_from_slice(&mac);
        }
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[MAGIC.len()..HEAD].copy_from_slice(&tag);
        bytes
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// [`OpenError`] if it is anything else, or of another key.
    pub fn open(&self, mut sealed: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        let head = sealed.first_chunk::<HEAD>().ok_or(OpenError::NotSealed)?;
        let tag = tag_of(head)?;
        let size = opened_size(sealed.len() as u64).ok_or(OpenError::Broken)?;
        // It is no longer than what is in memory.
        let size = usize::try_from(size).map_err(|_| OpenError::Broken)?;
        let cipher = Chunks::new(self, &tag);
        let chunks = size.div_ceil(CHUNK).max(1);
        for at in 0..chunks {
            let (to, end) = (at * CHUNK, size.min((at + 1) * CHUNK));
            let from = HEAD + at * (CHUNK + MAC);
            let (chunk, rest) = sealed[from..].split_at_mut(end - to);
            cipher.open(at as u64, at + 1 == chunks, chunk, &rest[..MAC])?;
            sealed.copy_within(from..from + (end - to), to);
        }
        sealed.truncate(size);
        match self.tagger().update(&sealed).finalize() == blake3::Hash::from_bytes(tag) {
            true => Ok(sealed),
            false => Err(OpenError::Broken),
        }
    }
}
