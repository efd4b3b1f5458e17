//! What the verifier stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{MAX_ASSIGNMENTS, Policy};
use scale_info::TypeInfo;
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId,
    receipt::{self, BatchSummary},
    traits::Assignment,
};

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
        /// What the result is compared by.
        digest: H256,
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
    /// The worker did not open the seal of the only result in time. It loses only if it turns out to have said something else:
    /// whoever was alone has nobody to wait for.
    Unopened {
        /// What it said.
        digest: H256,
    },
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
    /// Draws of a quorum's replicas before it was ordered. Those of one number may know of each other before they seal.
    pub round: u8,
}

/// What it takes to decide a batch.
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
pub enum Bar {
    /// So many equal results.
    Agree(u32),
    /// A group of equal results, not all of one round and [as many as that takes](sungrid_primitives::policy::least_results), that
    /// [convinces](sungrid_primitives::policy::convinces) at this trust.
    Quorum(u32),
}

impl From<Policy> for Bar {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Optimistic => Self::Agree(1),
            Policy::Replicate(count) => Self::Agree(count.into()),
            Policy::Adaptive => Self::Agree(2),
            Policy::Quorum(trust) => Self::Quorum(trust),
        }
    }
}

/// What a batch waits for.
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
pub enum Stage<BlockNumber> {
    /// For commitments.
    Sealing,
    /// For randomness that was unknown when the result was sealed, or challenged.
    Drawing {
        /// The block from which on it is there.
        at: BlockNumber,
    },
    /// For those who committed to this digest to open their seals.
    Revealing {
        /// The last block for it.
        until: BlockNumber,
        /// The digest of the result that is about to be accepted.
        digest: H256,
    },
    /// For a challenge of its only result, which is opened; or, under `Adaptive`, for its worker to be caught with another
    /// one, while it is sealed yet.
    Standing {
        /// In which block it was sealed: what its worker is caught with from then on counts against it.
        since: BlockNumber,
        /// The last block for it.
        until: BlockNumber,
    },
}

/// A batch on its way to a verdict.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BallotRecord<AccountId, BlockNumber> {
    /// What decides it.
    pub bar: Bar,
    /// Votes that must be sealed, those opened included, before they are compared again.
    pub wanted: u32,
    /// What it waits for.
    pub stage: Stage<BlockNumber>,
    /// Under challenge: the last block for jurors to claim their replicas. The first replica is the challenged one
    /// then, and has no vote.
    pub jury_until: Option<BlockNumber>,
    /// Draws of a quorum's replicas so far: what is claimed now is of this round.
    pub round: u8,
    /// Replicas that did not miss their commit deadline; from commitment on in order of commitment.
    pub replicas: BoundedVec<Replica<AccountId, BlockNumber>, ConstU32<MAX_ASSIGNMENTS>>,
}

/// The ballot of a runtime.
pub type BallotRecordOf<T> =
    BallotRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// The replica of a runtime.
pub type ReplicaOf<T> = Replica<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

impl<AccountId, BlockNumber> Replica<AccountId, BlockNumber> {
    /// What its result is compared by; `None` if it has none, or did not open it.
    pub fn digest(&self, job: JobId, batch: BatchIndex) -> Option<H256> {
        match &self.state {
            ReplicaState::Committed { digest, .. } => Some(*digest),
            ReplicaState::Revealed { summary, .. } => Some(receipt::digest(job, batch, summary)),
            ReplicaState::Working { .. }
            | ReplicaState::Withheld
            | ReplicaState::Unopened { .. } => None,
        }
    }
}

impl<AccountId, BlockNumber> BallotRecord<AccountId, BlockNumber> {
    /// Replicas whose results count.
    pub fn votes(&self) -> impl Iterator<Item = &Replica<AccountId, BlockNumber>> {
        self.replicas
            .iter()
            .skip(usize::from(self.jury_until.is_some()))
    }

    /// Votes that are there or still can be.
    pub fn hopeful(&self) -> impl Iterator<Item = &Replica<AccountId, BlockNumber>> {
        self.votes().filter(|replica| {
            !matches!(
                replica.state,
                ReplicaState::Withheld | ReplicaState::Unopened { .. }
            )
        })
    }

    /// Votes that are sealed or opened.
    pub fn sealed(&self) -> u32 {
        let sealed = self.votes().filter(|replica| {
            matches!(
                replica.state,
                ReplicaState::Committed { .. } | ReplicaState::Revealed { .. }
            )
        });
        sealed.count() as u32
    }

    /// Whether any seal over this digest is still to be opened.
    pub fn awaits_reveal(&self, of: H256) -> bool {
        self.votes().any(
            |replica| matches!(replica.state, ReplicaState::Committed { digest, .. } if digest == of),
        )
    }
}

/// A replica that was right.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Winner<AccountId> {
    /// The worker key.
    pub worker: AccountId,
    /// Its operator when it claimed.
    pub operator: AccountId,
    /// BLAKE3 of its result bundle: where the outputs are.
    pub bundle: ContentHash,
}

/// Whether the outputs of an accepted batch are to be had.
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
pub enum Outputs {
    /// Nobody who counts has said anything else.
    Owed,
    /// Witnesses have fetched them.
    Fetched,
    /// Witnesses could not: the settlement is turned back.
    Withheld,
}

/// The result of an accepted batch.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ResultRecord<AccountId, BlockNumber> {
    /// What the winners agree on.
    pub summary: BatchSummary,
    /// Those who found it, in order of commitment.
    pub winners: BoundedVec<Winner<AccountId>, ConstU32<MAX_ASSIGNMENTS>>,
    /// Whether it was held against an answer that was known before.
    pub checked: bool,
    /// The block in which it was accepted.
    pub at: BlockNumber,
    /// How many of those who found it the requester paid.
    pub paid: u32,
    /// Whether they serve what they were paid for.
    pub outputs: Outputs,
    /// Worker keys of those who have fetched that as witnesses: they serve it, too.
    pub witnesses: BoundedVec<AccountId, ConstU32<WITNESSES>>,
}

/// The result record of a runtime.
pub type ResultRecordOf<T> =
    ResultRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

impl<AccountId: Clone> Winner<AccountId> {
    /// Whom the register knows it as.
    pub fn assignment(&self) -> Assignment<AccountId> {
        Assignment {
            worker: self.worker.clone(),
            operator: self.operator.clone(),
        }
    }
}

/// Workers that a batch of up to three replicas usually has been given to.
pub const FEW: u32 = 3;
/// Most operators whose declines a job remembers. Fewer than pause a job, and none is ever paused; more, and every
/// claim reads as much more.
pub const MAX_DECLINERS: u32 = 32;
/// Batches of a job that one operator hands back before it delivers something of it. Fewer, and a machine of many lanes cannot
/// make room for its owner; more, and who never meant to work uses up more assignments.
pub const MAX_HANDED_BACK: u32 = 16;
/// Most batches that one receipt of a job that has not ended covers: each is looked at.
pub const MAX_RECEIPT: u32 = 64;
/// Witnesses that are drawn for a batch: an odd number. Fewer, and who has a tenth of the fleet decides alone too often; more,
/// and the outputs travel as much further.
pub const WITNESSES: u32 = 7;
/// Fewest witnesses whose word decides: in a fleet that has no more, nobody does.
pub const LEAST_WITNESSES: u32 = 3;
/// Workers that are looked at to find witnesses who may have the outputs. Fewer, and a job for few workers finds none; more,
/// and a draw reads as much more.
pub const LOOKED_AT: u32 = 24;
/// The best rating.
pub const MOST_STARS: u8 = 5;

/// An operator that gave batches of a job back: it could not get their input, or needed its machine.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Decliner<AccountId, BlockNumber> {
    /// Who.
    pub operator: AccountId,
    /// First block in which it may claim of the job again.
    pub rests_until: BlockNumber,
    /// First block in which it counts towards a pause no more, if it ever declined. Later declines change nothing: it counts for
    /// one pause.
    pub counts_until: Option<BlockNumber>,
    /// Batches that it handed back since it delivered something of the job.
    pub handed_back: u32,
}

impl<AccountId, BlockNumber: PartialOrd> Decliner<AccountId, BlockNumber> {
    /// Whether it counts towards a pause.
    pub fn counts(&self, now: BlockNumber) -> bool {
        self.counts_until.as_ref().is_some_and(|until| now < *until)
    }
}

/// A decliner of a runtime.
pub type DeclinerOf<T> = Decliner<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// The decliners of a job.
pub type DeclinersOf<T> = BoundedVec<DeclinerOf<T>, ConstU32<MAX_DECLINERS>>;

/// What has been heard of a witness.
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
pub enum Testimony {
    /// Nothing yet.
    Awaited,
    /// It sealed what it found.
    Sealed(H256),
    /// It opened the seal: `None` if nobody serves the outputs, else what
    /// [`fetched`](sungrid_primitives::witness::fetched) makes of them.
    Opened(Option<H256>),
}

/// A worker that was drawn to fetch the outputs of a batch.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Witness<AccountId> {
    /// Who.
    pub assignment: Assignment<AccountId>,
    /// What has been heard of it.
    pub testimony: Testimony,
}

/// What a call for witnesses waits for.
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
pub enum CallStage<BlockNumber> {
    /// For randomness that was unknown when they were called.
    Drawing {
        /// The block from which on it is there.
        at: BlockNumber,
    },
    /// For what they find, sealed.
    Sealing {
        /// The last block for it.
        until: BlockNumber,
    },
    /// For them to open their seals.
    Opening {
        /// The last block for it.
        until: BlockNumber,
    },
}

/// A call for witnesses.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct CallRecord<AccountId, BlockNumber> {
    /// What it waits for.
    pub stage: CallStage<BlockNumber>,
    /// In which block it was made.
    pub at: BlockNumber,
    /// How many active workers there were.
    pub fleet: u32,
    /// What drew them, and keys what they show of the outputs; zero before.
    pub seed: H256,
    /// Who was drawn: distinct operators, none of whom has the outputs.
    pub witnesses: BoundedVec<Witness<AccountId>, ConstU32<WITNESSES>>,
}

/// The call for witnesses of a runtime.
pub type CallRecordOf<T> = CallRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

/// What witnesses came to.
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
pub enum Finding {
    /// More than half of those drawn have fetched the same outputs, or the requester says that it has them.
    Fetched,
    /// More than half of them could not.
    Withheld,
    /// Neither.
    Undecided,
}

/// What requesters think of an operator.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Rating {
    /// Stars of all ratings together.
    pub stars: u64,
    /// How many there are.
    pub count: u64,
}

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
