//! The notice that a result is ready, and the seed of a unit's randomness.

use codec::{Decode, DecodeAll, Encode};
use sungrid_primitives::{BatchIndex, ContentHash, JobId, UnitIndex};

/// Version byte of [`ResultReady`].
const VERSION: u8 = 1;

/// "I have finished this batch": sent by a worker to the requester, over the notify protocol, once
/// its commitment is in the transaction pool. Carries no authority: the bundle it names does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ResultReady {
    /// Version of this format: 1.
    pub version: u8,
    /// Genesis hash of the chain.
    pub genesis: ContentHash,
    /// The job.
    pub job: JobId,
    /// The batch.
    pub batch: BatchIndex,
    /// Public worker key.
    pub worker: [u8; 32],
    /// BLAKE3 of the worker's bundle.
    pub bundle: ContentHash,
}

/// Why a notice is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// Not [`ResultReady::BYTES`] bytes.
    #[error("a notice has {expected} bytes, this one {0}", expected = ResultReady::BYTES)]
    Length(usize),
    /// Written by a newer version of the software, or nonsense.
    #[error("notice version {0} is unknown here, expected 1: update this program")]
    Version(u8),
}

impl ResultReady {
    /// Encoded size, bytes.
    pub const BYTES: usize = 1 + 32 + 4 + 4 + 32 + 32;

    /// A notice of the current version.
    pub fn new(
        genesis: ContentHash,
        job: JobId,
        batch: BatchIndex,
        worker: [u8; 32],
        bundle: ContentHash,
    ) -> Self {
        Self {
            version: VERSION,
            genesis,
            job,
            batch,
            worker,
            bundle,
        }
    }

    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode()
    }

    /// Reads a notice.
    ///
    /// # Errors
    /// [`NoticeError`] if the bytes have another length or version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoticeError> {
        match bytes.first() {
            Some(&version) if version != VERSION => return Err(NoticeError::Version(version)),
            _ => {}
        }
        Self::decode_all(&mut &bytes[..]).map_err(|_| NoticeError::Length(bytes.len()))
    }
}

/// The randomness seed of a unit: `BLAKE3("sungrid/seed/1" ‖ genesis ‖ job ‖ unit)`, integers little
/// endian. A function of the unit alone, so that replicas agree.
pub fn unit_seed(genesis: &ContentHash, job: JobId, unit: UnitIndex) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"sungrid/seed/1");
    hasher.update(genesis.as_bytes());
    hasher.update(&job.to_le_bytes());
    hasher.update(&unit.to_le_bytes());
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> ResultReady {
        let (genesis, bundle) = (ContentHash::repeat_byte(1), ContentHash::repeat_byte(5));
        ResultReady::new(genesis, 2, 3, [4; 32], bundle)
    }

    #[test]
    fn a_notice_has_one_spelling() {
        let bytes = notice().to_bytes();
        assert_eq!(bytes.len(), ResultReady::BYTES);
        assert_eq!(
            hex::encode(&bytes),
            format!(
                "01{}0200000003000000{}{}",
                "01".repeat(32),
                "04".repeat(32),
                "05".repeat(32)
            )
        );
        assert_eq!(ResultReady::from_bytes(&bytes), Ok(notice()));
    }

    #[test]
    fn other_lengths_and_versions_are_refused() {
        let bytes = notice().to_bytes();
        for size in 0..bytes.len() {
            assert_eq!(
                ResultReady::from_bytes(&bytes[..size]),
                Err(NoticeError::Length(size))
            );
        }
        let long = [&bytes[..], &[0]].concat();
        assert_eq!(
            ResultReady::from_bytes(&long),
            Err(NoticeError::Length(ResultReady::BYTES + 1))
        );
        let mut newer = bytes;
        newer[0] = 2;
        assert_eq!(
            ResultReady::from_bytes(&newer),
            Err(NoticeError::Version(2))
        );
    }

    #[test]
    fn seeds_differ_by_chain_job_and_unit_and_stay_what_they_are() {
        let (a, b) = (ContentHash::zero(), ContentHash::repeat_byte(1));
        let seeds = [
            unit_seed(&a, 0, 0),
            unit_seed(&b, 0, 0),
            unit_seed(&a, 1, 0),
            unit_seed(&a, 0, 1),
        ];
        for (at, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..at].contains(seed));
        }
        // Computed independently: b3sum over the 54 bytes.
        let plain = blake3::hash(&[b"sungrid/seed/1".as_slice(), &[0; 40]].concat());
        assert_eq!(seeds[0], *plain.as_bytes());
    }
}
