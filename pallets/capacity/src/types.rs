//! What is kept of runs and proofs.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sp_core::H256;
use sungrid_primitives::capacity::Shape;

/// How far a run is.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Stage<BlockNumber> {
    /// The clock runs.
    Running,
    /// The root is here.
    Committed {
        /// In which block.
        at: BlockNumber,
        /// What was computed from.
        seed: H256,
        /// How much.
        shape: Shape,
        /// Merkle root of the states at the ends of segments.
        root: H256,
        /// What that shows, if it is true, µSUNS.
        capacity: u64,
    },
    /// It was opened, or settled.
    Over,
}

/// A worker's last run.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct RunRecord<BlockNumber> {
    /// The block that it began in.
    pub at: BlockNumber,
    /// That block's timestamp, ms.
    pub time: u64,
    /// How far it is.
    pub stage: Stage<BlockNumber>,
}

/// What a worker has proven.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ProofRecord<BlockNumber> {
    /// Its number: proofs have all numbers from 0 without gaps.
    pub index: u32,
    /// Capacity in the worker's profile, µSUNS.
    pub capacity: u64,
    /// The last block in which it counts.
    pub until: BlockNumber,
    /// The block in which it was drawn for a check, if no run that began since has been opened.
    pub checked: Option<BlockNumber>,
}

/// [`RunRecord`] of a runtime.
pub type RunRecordOf<T> = RunRecord<BlockNumberFor<T>>;
/// [`ProofRecord`] of a runtime.
pub type ProofRecordOf<T> = ProofRecord<BlockNumberFor<T>>;
