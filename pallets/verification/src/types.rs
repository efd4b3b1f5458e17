//! What the verifier stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{MAX_ASSIGNMENTS, MAX_QUORUM};
use scale_info::TypeInfo;
use sp_core::H256;
use sungrid_primitives::{ContentHash, receipt::BatchSummary, traits::Assignment};

/// What has been heard of one replica.
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
pub enum ReplicaState<BlockNumber> {
    /// The worker computes.
    Working {
        /// Last block for its commitment.
        until: BlockNumber,
    },
    /// The worker sealed its result.
    Committed {
        /// The seal.
        commitment: H256,
    },
    /// The worker opened the seal.
    Revealed {
        /// Its result.
        summary: BatchSummary,
        /// BLAKE3 of its result bundle.
        bundle: ContentHash,
    },
    /// The worker did not open the seal in time. It loses if the batch is decided: otherwise a liar would
    /// reveal only when that pays.
    Withheld,
}

/// One replica of a batch.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Replica<AccountId, BlockNumber> {
    /// Who computes it.
    pub assignment: Assignment<AccountId>,
    /// What has been heard of it.
    pub state: ReplicaState<BlockNumber>,
}

/// A batch on its way to a verdict.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BallotRecord<AccountId, BlockNumber> {
    /// Replicas that must agree.
    pub quorum: u32,
    /// Replicas that must have committed, those that revealed included, before the next reveal opens.
    pub wanted: u32,
    /// Replicas that did not miss their commit deadline; from commitment on in order of commitment.
    pub replicas: BoundedVec<Replica<AccountId, BlockNumber>, ConstU32<MAX_ASSIGNMENTS>>,
    /// Last block for reveals while they are open.
    pub reveal_until: Option<BlockNumber>,
}

/// The ballot of a runtime.
pub type BallotRecordOf<T> =
    BallotRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// The replica of a runtime.
pub type ReplicaOf<T> = Replica<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

impl<AccountId, BlockNumber> BallotRecord<AccountId, BlockNumber> {
    /// Replicas that sealed their result and did not withhold it.
    pub fn sealed(&self) -> u32 {
        let sealed = self.replicas.iter().filter(|replica| {
            matches!(
                replica.state,
                ReplicaState::Committed { .. } | ReplicaState::Revealed { .. }
            )
        });
        sealed.count() as u32
    }

    /// Whether any seal is still to be opened.
    pub fn awaits_reveal(&self) -> bool {
        self.replicas
            .iter()
            .any(|replica| matches!(replica.state, ReplicaState::Committed { .. }))
    }
}

/// A replica that was right.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Winner<AccountId> {
    /// The worker key.
    pub worker: AccountId,
    /// BLAKE3 of its result bundle: where the outputs are.
    pub bundle: ContentHash,
}

/// The result of an accepted batch.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ResultRecord<AccountId> {
    /// What the winners agree on.
    pub summary: BatchSummary,
    /// The winners, in order of commitment.
    pub winners: BoundedVec<Winner<AccountId>, ConstU32<{ MAX_QUORUM as u32 }>>,
}

/// The result record of a runtime.
pub type ResultRecordOf<T> = ResultRecord<<T as frame_system::Config>::AccountId>;

/// The steps at which a worker can fail to appear.
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
pub enum Phase {
    /// No commitment came.
    Commit,
    /// No reveal came.
    Reveal,
}
