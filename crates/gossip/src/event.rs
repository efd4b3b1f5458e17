//! The bytes of a hint: who says what of which job, and its signature.
//!
//! Version (1 byte), the endpoint that says it (32), the event in SCALE, that endpoint's Ed25519 signature (64) over
//! BLAKE2-256 of `"sungrid/event/1"` and all that stands before it. The genesis hash and the job are in what is signed, so
//! that a hint is of no use on another chain or for another job.

use std::time::{SystemTime, UNIX_EPOCH};

use codec::{Decode, DecodeAll, Encode};
use sp_crypto_hashing::blake2_256;
use sungrid_data_plane::{EndpointId, Signature};
use sungrid_primitives::{BatchIndex, ContentHash, JobId};

const DOMAIN: &[u8] = b"sungrid/event/1";
/// First byte. The notice of a finished batch, which comes the same way, begins with 1.
const VERSION: u8 = 2;
const SIGNATURE: usize = 64;
const HEAD: usize = 1 + 32;
/// Most bytes of a hint; what is longer is not looked at.
pub const MAX_HINT: usize = 192;
/// How far the clocks of two machines may be apart, and how old a hint may be, milliseconds. `doctor` calls five minutes
/// broken.
pub const MAX_AGE_MS: u64 = 10 * 60 * 1_000;

/// What is hinted at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum News {
    /// By a requester, to anybody: the job is on chain, and its inputs are served.
    #[codec(index = 0)]
    Open,
    /// By a worker, to the requester alone: so many units of its batch are computed.
    #[codec(index = 1)]
    Units {
        /// The batch.
        batch: BatchIndex,
        /// Worker key.
        worker: [u8; 32],
        /// Units finished, of those of the batch.
        finished: u32,
    },
    /// By a worker, to the requester alone: its commitment is in the pool of its node.
    #[codec(index = 2)]
    Committed {
        /// The batch.
        batch: BatchIndex,
        /// Worker key.
        worker: [u8; 32],
    },
}

/// A hint: something that the chain shows, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// Genesis hash of the chain.
    pub genesis: ContentHash,
    /// The job.
    pub job: JobId,
    /// When it was said, milliseconds since 1970 by the clock of whoever says it.
    pub at: u64,
    /// What.
    pub news: News,
}

/// Why bytes are no hint for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// Too long, too short, or not in the one spelling that there is.
    #[error("malformed")]
    Malformed,
    /// Of a version that is not known here, or something else altogether.
    #[error("of another kind or version")]
    Kind,
    /// Not signed by whom it names.
    #[error("its signature does not hold")]
    Forged,
    /// Said of another chain.
    #[error("of another chain")]
    Chain,
    /// Said too long ago, or in the future.
    #[error("of another time")]
    Time,
}

impl Unfit {
    /// Whether only somebody who means harm, or is broken, sends such a thing.
    pub fn is_misbehaviour(self) -> bool {
        matches!(self, Self::Malformed | Self::Forged)
    }
}

impl Event {
    /// A hint of now.
    pub fn now(genesis: ContentHash, job: JobId, news: News) -> Self {
        Self {
            genesis,
            job,
            at: now_ms(),
            news,
        }
    }

    /// The bytes to send.
    pub fn seal(&self, signer: &EndpointId, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_HINT);
        bytes.push(VERSION);
        bytes.extend_from_slice(signer.as_bytes());
        self.encode_to(&mut bytes);
        let signature = sign(&payload(&bytes));
        bytes.extend_from_slice(&signature);
        bytes
    }

    /// Whether bytes look like a hint at all.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.first() == Some(&VERSION)
    }

    /// Reads a hint, and who says it. What costs least is looked at first.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn open(
        bytes: &[u8],
        genesis: &ContentHash,
        now_ms: u64,
    ) -> Result<(EndpointId, Self), Unfit> {
        if !Self::is_one(bytes) {
            return Err(Unfit::Kind);
        }
        if bytes.len() > MAX_HINT || bytes.len() < HEAD + SIGNATURE {
            return Err(Unfit::Malformed);
        }
        let (said, signature) = bytes
            .split_last_chunk::<SIGNATURE>()
            .ok_or(Unfit::Malformed)?;
        let event = Self::decode_all(&mut &said[HEAD..]).map_err(|_| Unfit::Malformed)?;
        if event.genesis != *genesis {
            return Err(Unfit::Chain);
        }
        if event.at.abs_diff(now_ms) > MAX_AGE_MS {
            return Err(Unfit::Time);
        }
        let signer = said[1..HEAD].first_chunk::<32>().ok_or(Unfit::Malformed)?;
        let signer = EndpointId::from_bytes(signer).map_err(|_| Unfit::Malformed)?;
        signer
            .verify(&payload(said), &Signature::from_bytes(signature))
            .map_err(|_| Unfit::Forged)?;
        Ok((signer, event))
    }
}

fn payload(said: &[u8]) -> [u8; 32] {
    blake2_256(&[DOMAIN, said].concat())
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_data_plane::SecretKey;

    fn key(n: u8) -> SecretKey {
        SecretKey::from_bytes(&[n; 32])
    }

    fn seal(event: &Event, key: &SecretKey) -> Vec<u8> {
        event.seal(&key.public(), |message| key.sign(message).to_bytes())
    }

    const NOW: u64 = 1_700_000_000_000;
    const CHAIN: ContentHash = ContentHash::repeat_byte(1);

    fn all() -> Vec<Event> {
        let (batch, worker) = (3, [4; 32]);
        let news = [
            News::Open,
            News::Units {
                batch,
                worker,
                finished: 5,
            },
            News::Committed { batch, worker },
        ];
        let event = |news| Event {
            genesis: CHAIN,
            job: 2,
            at: NOW,
            news,
        };
        news.map(event).into()
    }

    #[test]
    fn a_hint_has_one_spelling_and_comes_back_with_its_author() {
        for event in all() {
            let bytes = seal(&event, &key(1));
            assert!(bytes.len() <= MAX_HINT, "{}", bytes.len());
            assert_eq!(
                Event::open(&bytes, &CHAIN, NOW),
                Ok((key(1).public(), event))
            );
        }
        // Version, author, genesis, job, time, what; the signature after it.
        let bytes = seal(&all()[1], &key(1));
        let mut expected = vec![2];
        expected.extend_from_slice(key(1).public().as_bytes());
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(&[2, 0, 0, 0]);
        expected.extend_from_slice(&NOW.to_le_bytes());
        expected.extend_from_slice(&[1, 3, 0, 0, 0]);
        expected.extend_from_slice(&[4; 32]);
        expected.extend_from_slice(&[5, 0, 0, 0]);
        assert_eq!(bytes[..expected.len()], expected);
        assert_eq!(bytes.len(), expected.len() + SIGNATURE);
    }

    #[test]
    fn every_changed_byte_and_every_other_length_is_refused() {
        for event in all() {
            let bytes = seal(&event, &key(1));
            for at in 0..bytes.len() {
                let mut forged = bytes.clone();
                forged[at] ^= 1;
                assert!(Event::open(&forged, &CHAIN, NOW).is_err(), "byte {at}");
                assert!(Event::open(&bytes[..at], &CHAIN, NOW).is_err());
            }
            let longer = [&bytes[..], &[0]].concat();
            assert!(Event::open(&longer, &CHAIN, NOW).is_err());
        }
        let huge = vec![VERSION; 4_096];
        assert_eq!(Event::open(&huge, &CHAIN, NOW), Err(Unfit::Malformed));
        assert_eq!(Event::open(&[], &CHAIN, NOW), Err(Unfit::Kind));
    }

    #[test]
    fn what_was_said_elsewhere_or_at_another_time_is_no_hint_here() {
        let event = all()[0];
        let bytes = seal(&event, &key(1));
        let other = ContentHash::repeat_byte(9);
        assert_eq!(Event::open(&bytes, &other, NOW), Err(Unfit::Chain));
        for now in [NOW - MAX_AGE_MS - 1, NOW + MAX_AGE_MS + 1] {
            assert_eq!(Event::open(&bytes, &CHAIN, now), Err(Unfit::Time));
        }
        // Somebody else's words under one's own name need one's own signature.
        let mut taken = bytes.clone();
        taken[1..HEAD].copy_from_slice(key(2).public().as_bytes());
        assert_eq!(Event::open(&taken, &CHAIN, NOW), Err(Unfit::Forged));
        // A notice of a finished batch is none.
        assert_eq!(Event::open(&[1; 105], &CHAIN, NOW), Err(Unfit::Kind));
    }
}
