//! Receipts and commitments (protocol section 7).
//!
//! A [`Receipt`] states what one unit consumed and produced, where, and for which chain; the worker
//! key signs it, and anyone can check it offline (requirement X3). A batch goes on chain as one
//! [`BatchSummary`], first sealed by [`commitment`], then revealed.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_crypto_hashing::blake2_256;

use crate::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    environment::EnvironmentId,
    merkle::{self, UnitLeaf},
    suns::Profile,
};

const RECEIPT_DOMAIN: &[u8] = b"sungrid/receipt/2";
const DIGEST_DOMAIN: &[u8] = b"sungrid/digest/1";
const COMMIT_DOMAIN: &[u8] = b"sungrid/commit/1";
const CANARY_DOMAIN: &[u8] = b"sungrid/canary/1";

/// What a worker attests of one unit. Bound to chain, job and environment, so it cannot be replayed
/// elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Receipt {
    /// Genesis hash of the chain.
    pub genesis: H256,
    /// The job.
    pub job: JobId,
    /// The unit within the job.
    pub unit: UnitIndex,
    /// BLAKE3 of the image manifest.
    pub image: ContentHash,
    /// BLAKE3 of the unit's input manifest.
    pub input: ContentHash,
    /// BLAKE3 of the unit's output manifest.
    pub output: ContentHash,
    /// Fuel consumed.
    pub fuel: u64,
    /// Peak linear memory, bytes.
    pub peak_memory: u64,
    /// Bytes of its input that count: see [`UnitLeaf::bytes_in`].
    pub bytes_in: u64,
    /// Bytes that it left: see [`UnitLeaf::bytes_out`].
    pub bytes_out: u64,
    /// Exit code of the unit.
    pub exit: u32,
    /// Environment in which it ran.
    pub environment: EnvironmentId,
    /// Hash of the block at which the worker saw its claim: the receipt is not older.
    pub anchor: H256,
}

impl Receipt {
    /// The bytes that the worker key signs.
    pub fn signing_payload(&self) -> [u8; 32] {
        blake2_256(&(RECEIPT_DOMAIN, self).encode())
    }

    /// The part that replicas agree on.
    pub fn leaf(&self) -> UnitLeaf {
        UnitLeaf {
            unit: self.unit,
            output: self.output,
            fuel: self.fuel,
            peak_memory: self.peak_memory,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            exit: self.exit,
        }
    }
}

/// A receipt with the worker's sr25519 key and signature over [`Receipt::signing_payload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SignedReceipt {
    /// What is attested.
    pub receipt: Receipt,
    /// Public worker key.
    pub worker: [u8; 32],
    /// sr25519 signature.
    pub signature: [u8; 64],
}

#[cfg(feature = "std")]
impl SignedReceipt {
    /// Signs a receipt with the worker's key.
    pub fn sign(receipt: Receipt, key: &sp_core::sr25519::Pair) -> Self {
        use sp_core::Pair;
        Self {
            receipt,
            worker: key.public().0,
            signature: key.sign(&receipt.signing_payload()).0,
        }
    }

    /// Whether the signature is by the named worker key. Needs no chain.
    pub fn verify(&self) -> bool {
        use sp_core::{Pair, sr25519};
        sr25519::Pair::verify(
            &sr25519::Signature::from_raw(self.signature),
            self.receipt.signing_payload(),
            &sr25519::Public::from_raw(self.worker),
        )
    }
}

/// What a batch comes to: the root over its leaves and the totals that are paid.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct BatchSummary {
    /// Merkle root over the unit leaves in order.
    pub root: H256,
    /// Fuel of all units.
    pub fuel: u128,
    /// Charge of all units, µSUNS·s.
    pub charge: u128,
}

impl BatchSummary {
    /// Sums up the leaves of a batch under a profile; `None` if the profile cannot charge them.
    pub fn of(leaves: &[UnitLeaf], profile: &Profile) -> Option<Self> {
        let mut summary = Self {
            root: merkle::root(leaves),
            fuel: 0,
            charge: 0,
        };
        for leaf in leaves {
            summary.fuel += u128::from(leaf.fuel);
            summary.charge += profile.unit_charge(leaf.fuel, leaf.peak_memory, leaf.traffic())?;
        }
        Some(summary)
    }
}

/// What replicas of a batch are compared by while their summaries are still sealed. Equal summaries have equal
/// digests; whoever copies a digest does not know the summary, and cannot make a [`commitment`] to it.
///
/// It hides a summary as far as that cannot be guessed. Root, fuel, peak memory and bytes of every unit are in it, so
/// guessing is dearer than computing unless a whole batch has but a few possible outcomes.
pub fn digest(job: JobId, batch: BatchIndex, summary: &BatchSummary) -> H256 {
    H256(blake2_256(&(DIGEST_DOMAIN, job, batch, summary).encode()))
}

/// The sealed form of a summary. It names worker, job and batch, so that nobody can copy it, and a
/// secret salt, so that nobody can guess it.
pub fn commitment(
    job: JobId,
    batch: BatchIndex,
    summary: &BatchSummary,
    worker: &[u8; 32],
    salt: &[u8; 32],
) -> H256 {
    H256(blake2_256(
        &(COMMIT_DOMAIN, job, batch, summary, worker, salt).encode(),
    ))
}

/// What a job computes, and for whom: the answer to one order is the answer to every job with the same, as long as its image
/// draws no random numbers, whose seed names the job.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Order {
    /// The requester's public key.
    pub requester: [u8; 32],
    /// BLAKE3 of the image's manifest.
    pub image: ContentHash,
    /// BLAKE3 of the job's input.
    pub input: ContentHash,
    /// Number of units.
    pub units: u32,
    /// Units of a batch.
    pub batch_size: u32,
    /// Most fuel of a unit.
    pub fuel_limit: u64,
    /// Most memory of a unit, bytes.
    pub memory_limit: u64,
    /// Most bytes in and out of a unit.
    pub traffic_limit: u64,
    /// What the charge is computed by.
    pub profile: crate::traits::ProfileId,
    /// Where results compare.
    pub environment: EnvironmentId,
}

/// The sealed form of an answer that its keeper knows before anybody is asked: what a batch of an order comes to. It names no
/// job: that one is yet to be submitted.
pub fn canary(order: &Order, batch: BatchIndex, answer: &BatchSummary, salt: &[u8; 32]) -> H256 {
    H256(blake2_256(
        &(CANARY_DOMAIN, order, batch, answer, salt).encode(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::{Pair, sr25519};

    fn receipt() -> Receipt {
        Receipt {
            genesis: H256::repeat_byte(1),
            job: 2,
            unit: 3,
            image: H256::repeat_byte(4),
            input: H256::repeat_byte(5),
            output: H256::repeat_byte(6),
            fuel: 7,
            peak_memory: 8,
            bytes_in: 1_009,
            bytes_out: 1_100,
            exit: 0,
            environment: H256::repeat_byte(9),
            anchor: H256::repeat_byte(10),
        }
    }

    #[test]
    fn any_change_of_a_signed_receipt_breaks_it() {
        let key = sr25519::Pair::from_seed(&[1; 32]);
        let signed = SignedReceipt::sign(receipt(), &key);
        assert!(signed.verify());
        let encoded = signed.encode();
        for at in 0..encoded.len() {
            let mut bytes = encoded.clone();
            bytes[at] ^= 1;
            let changed =
                SignedReceipt::decode(&mut &bytes[..]).expect("fixed-size fields always decode");
            assert!(
                !changed.verify(),
                "a flipped bit in byte {at} went unnoticed"
            );
        }
    }

    /// As computed by another program (Python: `hashlib.blake2b` over the concatenated little-endian fields).
    #[test]
    fn receipt_leaf_and_root_are_these_bytes() {
        let hex = |text: &str| text.parse::<H256>().expect("a hash");
        let leaf = receipt().leaf();
        assert_eq!(
            H256(receipt().signing_payload()),
            hex("0xae9e4b617586f4c94e2957add00d36708f185276de4e623991fb188e92760947")
        );
        assert_eq!(
            leaf.hash(),
            hex("0xe6bf89518350ff3cef861eb537aadf6c7603d2b8120d99b785c777582e25d1c4")
        );
        assert_eq!(
            merkle::root(&[leaf, leaf]),
            hex("0x00ef228e0582fd8b5c78c328d2f6e6f3aa0529074440f34f4eaa7e90838c03ee")
        );
    }

    #[test]
    fn a_commitment_is_bound_to_all_its_parts() {
        let summary = BatchSummary {
            root: H256::repeat_byte(1),
            fuel: 2,
            charge: 3,
        };
        let base = commitment(1, 2, &summary, &[3; 32], &[4; 32]);
        let others = [
            commitment(2, 2, &summary, &[3; 32], &[4; 32]),
            commitment(1, 3, &summary, &[3; 32], &[4; 32]),
            commitment(
                1,
                2,
                &BatchSummary { fuel: 3, ..summary },
                &[3; 32],
                &[4; 32],
            ),
            commitment(1, 2, &summary, &[4; 32], &[4; 32]),
            commitment(1, 2, &summary, &[3; 32], &[5; 32]),
        ];
        assert!(others.iter().all(|other| *other != base));
    }

    #[test]
    fn a_digest_is_the_same_for_all_workers_and_for_no_other_result() {
        let summary = BatchSummary {
            root: H256::repeat_byte(1),
            fuel: 2,
            charge: 3,
        };
        let base = digest(1, 2, &summary);
        assert_eq!(base, digest(1, 2, &summary));
        let others = [
            digest(2, 2, &summary),
            digest(1, 3, &summary),
            digest(1, 2, &BatchSummary { fuel: 3, ..summary }),
            digest(
                1,
                2,
                &BatchSummary {
                    charge: 4,
                    ..summary
                },
            ),
            commitment(1, 2, &summary, &[0; 32], &[0; 32]),
        ];
        assert!(others.iter().all(|other| *other != base));
    }

    #[test]
    fn a_canary_is_that_of_its_order_batch_answer_and_salt() {
        let answer = BatchSummary {
            root: H256::repeat_byte(1),
            fuel: 2,
            charge: 3,
        };
        let order = Order {
            requester: [1; 32],
            image: H256::repeat_byte(2),
            input: H256::repeat_byte(3),
            units: 4,
            batch_size: 5,
            fuel_limit: 6,
            memory_limit: 7,
            traffic_limit: 8,
            profile: crate::traits::CPU_1_ID,
            environment: H256::repeat_byte(8),
        };
        let base = canary(&order, 0, &answer, &[4; 32]);
        assert_eq!(base, canary(&order.clone(), 0, &answer, &[4; 32]));
        let other_answer = BatchSummary {
            charge: 4,
            ..answer
        };
        let other_orders = [
            Order {
                requester: [9; 32],
                ..order.clone()
            },
            Order {
                input: H256::zero(),
                ..order.clone()
            },
            Order {
                batch_size: 4,
                ..order.clone()
            },
            Order {
                fuel_limit: 7,
                memory_limit: 6,
                ..order.clone()
            },
            Order {
                traffic_limit: 9,
                ..order.clone()
            },
            Order {
                environment: H256::zero(),
                ..order.clone()
            },
        ];
        let others = other_orders
            .iter()
            .map(|other| canary(other, 0, &answer, &[4; 32]))
            .chain([
                canary(&order, 1, &answer, &[4; 32]),
                canary(&order, 0, &other_answer, &[4; 32]),
                canary(&order, 0, &answer, &[5; 32]),
            ]);
        assert!(others.into_iter().all(|other| other != base));
    }

    #[test]
    fn a_summary_adds_up_its_leaves() {
        let leaf = receipt().leaf();
        let two = BatchSummary::of(&[leaf, leaf], &crate::suns::CPU_1).expect("a CPU task");
        assert_eq!(two.fuel, 14);
        assert_eq!(
            two.charge,
            2 * crate::suns::CPU_1
                .unit_charge(7, 8, 2_109)
                .expect("a CPU task")
        );
        assert_eq!(two.root, merkle::root(&[leaf, leaf]));
        // Who states more bytes than there are has another result, though it costs the same.
        let padded = UnitLeaf {
            bytes_out: leaf.bytes_out + 1,
            ..leaf
        };
        let other = BatchSummary::of(&[leaf, padded], &crate::suns::CPU_1).expect("a CPU task");
        assert_eq!(other.charge, two.charge, "844.0 and 843.6 µSUNS·s");
        assert_ne!(digest(1, 2, &other), digest(1, 2, &two));
    }
}
