//! What a witness seals that was drawn to fetch the outputs of a batch.

use codec::Encode;
use sp_core::H256;
use sp_crypto_hashing::blake2_256;

use crate::{BatchIndex, JobId};

const SEAL_DOMAIN: &[u8] = b"sungrid/witness/1";
const FETCHED_DOMAIN: &[u8] = b"sungrid/fetched/1";

/// Seals what a witness found: `None` if nobody serves the outputs, else what [`fetched`] makes of them. Names the
/// witness, so nobody can open another's.
pub fn seal(
    job: JobId,
    batch: BatchIndex,
    witness: &[u8; 32],
    found: &Option<H256>,
    salt: &[u8; 32],
) -> H256 {
    H256(blake2_256(
        &(SEAL_DOMAIN, job, batch, witness, found, salt).encode(),
    ))
}

/// Adds the BLAKE3 hash, keyed with the seed of the draw, of one more fetched blob to what a witness shows. Only who has all
/// the bytes knows it, and not before the draw.
pub fn fetched(so_far: H256, keyed: &[u8; 32]) -> H256 {
    H256(blake2_256(&(FETCHED_DOMAIN, so_far, keyed).encode()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_one_witness_s_on_one_batch() {
        let found = Some(H256::repeat_byte(3));
        let one = seal(1, 2, &[7; 32], &found, &[9; 32]);
        assert_eq!(one, seal(1, 2, &[7; 32], &found, &[9; 32]));
        for other in [
            seal(2, 2, &[7; 32], &found, &[9; 32]),
            seal(1, 3, &[7; 32], &found, &[9; 32]),
            seal(1, 2, &[8; 32], &found, &[9; 32]),
            seal(1, 2, &[7; 32], &None, &[9; 32]),
            seal(1, 2, &[7; 32], &found, &[8; 32]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_was_fetched_depends_on_every_blob_and_their_order() {
        let fold = |blobs: &[[u8; 32]]| blobs.iter().fold(H256::zero(), fetched);
        assert_ne!(fold(&[[1; 32], [2; 32]]), fold(&[[2; 32], [1; 32]]));
        assert_ne!(fold(&[[1; 32]]), fold(&[[1; 32], [1; 32]]));
    }
}
