//! The Merkle commitment of a batch: one root for up to 1,024 unit results.
//!
//! BLAKE2b-256 (a host function of the runtime), leaves and inner nodes under different prefixes so
//! that neither can pose as the other. A level with an odd number of nodes promotes the last one; the
//! number of leaves is fixed by the job, so a promoted node is not ambiguous.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_crypto_hashing::blake2_256;

use crate::{ContentHash, UnitIndex};

/// What one unit produced and consumed; the part of a receipt that replicas must agree on.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UnitLeaf {
    /// Index of the unit within the job.
    pub unit: UnitIndex,
    /// BLAKE3 of the unit's output manifest.
    pub output: ContentHash,
    /// Fuel consumed.
    pub fuel: u64,
    /// Peak linear memory, bytes.
    pub peak_memory: u64,
    /// Bytes of its input that count: its own files, and its part of those that all units share (`UnitInput::traffic` of the manifests).
    pub bytes_in: u64,
    /// Bytes that it left: files, stdout and stderr, as its output manifest states them.
    pub bytes_out: u64,
    /// Exit code of the unit; the executor documents the values.
    pub exit: u32,
}

impl UnitLeaf {
    /// Bytes in and out; saturates.
    pub fn traffic(&self) -> u64 {
        self.bytes_in.saturating_add(self.bytes_out)
    }

    /// Hash of this leaf.
    pub fn hash(&self) -> H256 {
        H256(blake2_256(&(0u8, self).encode()))
    }
}

/// The hash of an inner node.
pub fn node(left: &H256, right: &H256) -> H256 {
    H256(blake2_256(&(1u8, left, right).encode()))
}

/// Root over the leaves in order; the hash of nothing is zero.
pub fn root(leaves: &[UnitLeaf]) -> H256 {
    root_of(leaves.iter().map(UnitLeaf::hash).collect())
}

/// The next level of a tree, towards the root.
pub fn parents(level: &[H256]) -> Vec<H256> {
    level
        .chunks(2)
        .map(|pair| pair.get(1).map_or(pair[0], |r| node(&pair[0], r)))
        .collect()
}

/// Root over hashes in order, of leaves or of subtrees of equal depth; of nothing it is zero.
pub fn root_of(mut level: Vec<H256>) -> H256 {
    while level.len() > 1 {
        level = parents(&level);
    }
    level.first().copied().unwrap_or_default()
}

/// Siblings from leaf to root that prove the leaf at `position` of `leaves`.
pub fn prove(leaves: &[UnitLeaf], position: usize) -> Option<Vec<H256>> {
    prove_hash(leaves.iter().map(UnitLeaf::hash).collect(), position)
}

/// Siblings up to the root that prove the hash at `position` of `level`.
pub fn prove_hash(mut level: Vec<H256>, position: usize) -> Option<Vec<H256>> {
    level.get(position)?;
    let (mut at, mut proof) = (position, Vec::new());
    while level.len() > 1 {
        if let Some(sibling) = level.get(at ^ 1) {
            proof.push(*sibling);
        }
        level = parents(&level);
        at /= 2;
    }
    Some(proof)
}

/// Whether `leaf` stands at `position` of `count` leaves under `root`.
pub fn verify(root: &H256, leaf: &UnitLeaf, position: usize, count: usize, proof: &[H256]) -> bool {
    verify_hash(root, leaf.hash(), position, count, proof)
}

/// Whether a leaf of this hash stands at `position` of `count` leaves under `root`.
pub fn verify_hash(root: &H256, leaf: H256, position: usize, count: usize, proof: &[H256]) -> bool {
    let mut siblings = proof.iter();
    climb(leaf, position, count, &mut siblings) == Some(*root) && siblings.next().is_none()
}

/// The root over `count` leaves that has one of this hash at `position`, by the siblings up to there; what is left of them
/// may lead on. `None` if there are too few, or no such position.
pub fn climb<'a>(
    leaf: H256,
    position: usize,
    count: usize,
    siblings: &mut impl Iterator<Item = &'a H256>,
) -> Option<H256> {
    if position >= count {
        return None;
    }
    let (mut at, mut width, mut hash) = (position, count, leaf);
    while width > 1 {
        if at ^ 1 < width {
            let sibling = siblings.next()?;
            hash = if at % 2 == 0 {
                node(&hash, sibling)
            } else {
                node(sibling, &hash)
            };
        }
        at /= 2;
        width = width.div_ceil(2);
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u32) -> Vec<UnitLeaf> {
        (0..n)
            .map(|unit| UnitLeaf {
                unit,
                output: H256::repeat_byte(unit as u8),
                fuel: 10,
                peak_memory: 1,
                bytes_in: 3,
                bytes_out: 4,
                exit: 0,
            })
            .collect()
    }

    #[test]
    fn every_leaf_is_provable_at_its_place_only() {
        for n in 1..20u32 {
            let all = leaves(n);
            let root = root(&all);
            for (at, leaf) in all.iter().enumerate() {
                let proof = prove(&all, at).expect("leaf exists");
                assert!(verify(&root, leaf, at, all.len(), &proof));
                let lies: [fn(&mut UnitLeaf); 4] = [
                    |leaf| leaf.fuel += 1,
                    |leaf| leaf.peak_memory += 1,
                    |leaf| leaf.bytes_in += 1,
                    |leaf| leaf.bytes_out += 1,
                ];
                for lie in lies {
                    let mut wrong = *leaf;
                    lie(&mut wrong);
                    assert!(!verify(&root, &wrong, at, all.len(), &proof));
                }
                for other in (0..all.len()).filter(|o| *o != at) {
                    assert!(!verify(&root, leaf, other, all.len(), &proof));
                }
                let mut long = proof.clone();
                long.push(H256::zero());
                assert!(!verify(&root, leaf, at, all.len(), &long));
            }
            assert!(prove(&all, n as usize).is_none());
        }
    }

    #[test]
    fn an_inner_node_cannot_pose_as_a_leaf_and_order_matters() {
        let all = leaves(4);
        let mut swapped = all.clone();
        swapped.swap(0, 1);
        assert_ne!(root(&all), root(&swapped));
        assert_ne!(root(&all[..2]), root(&all));
        assert_eq!(root(&[]), H256::zero());
    }
}
