//! What the register keeps of a worker.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sungrid_primitives::{
    attributes::Attributes, delegation::Delegated, environment::EnvironmentId,
    job::MAX_ENDPOINT_BYTES, traits::ProfileId,
};

/// An encoded peer address. The chain does not read it.
pub type Endpoint = BoundedVec<u8, ConstU32<MAX_ENDPOINT_BYTES>>;
/// Whether a worker takes work.
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
pub enum WorkerState<BlockNumber> {
    /// It may claim.
    Active,
    /// It may not claim until it resumes.
    Paused,
    /// It may not claim until its operator resumes it: its key cannot.
    Suspended,
    /// It may not claim any more; its bond is slashable until it is withdrawn.
    Leaving {
        /// First block at which the bond may be withdrawn.
        until: BlockNumber,
    },
}

/// Feeless calls that a worker key has made, as a debt in planck·blocks that its bond pays off.
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
pub struct Allowance<BlockNumber> {
    /// The debt at `at`.
    pub debt: u128,
    /// When it was reckoned.
    pub at: BlockNumber,
}

/// What feeless calls took of one block.
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
pub struct FeelessUse<BlockNumber> {
    /// The block.
    pub block: BlockNumber,
    /// Their weight, as ref time.
    pub ref_time: u64,
}

/// One worker.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct WorkerRecord<AccountId, BlockNumber> {
    /// Who bonds it and is paid.
    pub operator: AccountId,
    /// Where it is reached.
    pub endpoint: Endpoint,
    /// What its operator says of it.
    pub attributes: Attributes,
    /// Where its results compare.
    pub environment: EnvironmentId,
    /// What its capacity is measured in.
    pub profile: ProfileId,
    /// Declared: what it offers, µSUNS. Gates admission.
    pub capacity: u64,
    /// Committed: of that, in use, µSUNS.
    pub committed: u64,
    /// Batches claimed and not yet decided: each may still cost it its bond.
    pub in_flight: u32,
    /// The block in which it last took a batch when none was in flight.
    pub busy_since: BlockNumber,
    /// The block in which it last took a batch.
    pub claimed_at: BlockNumber,
    /// First block in which the bond answers for the outputs of no accepted result any more.
    pub liable_until: BlockNumber,
    /// First block in which it may be slashed anew for outputs that it withholds.
    pub withheld_until: BlockNumber,
    /// First block in which it may claim again after it missed a deadline.
    pub rests_until: BlockNumber,
    /// Blocks for which it rests, or rested last; they fade from the end of the rest on. See [`Config::MissRest`](crate::Config::MissRest).
    pub arrears: BlockNumber,
    /// The block in which its key was registered. Younger ones come last where a draw picks by key.
    pub keyed_at: BlockNumber,
    /// Bonded by the operator, planck: held of it.
    pub bond: u128,
    /// Delegated by others: on the same hold.
    pub delegated: Delegated,
    /// Whether it takes work.
    pub state: WorkerState<BlockNumber>,
    /// Wrong results.
    pub faults: u32,
    /// Deadlines missed.
    pub missed: u32,
    /// Batches declined in time, because their input was not to be had.
    pub declined: u32,
    /// Batches handed back in time, because its machine was needed for something else.
    pub handed_back: u32,
    /// Units accepted.
    pub accepted_units: u64,
    /// Delivered: charge of these units, µSUNS·s. The only one of the three figures that was verified, and
    /// the only one that earns.
    pub delivered: u128,
    /// Feeless calls that it has made.
    pub allowance: Allowance<BlockNumber>,
}

impl<AccountId, BlockNumber> WorkerRecord<AccountId, BlockNumber> {
    /// What stands behind the worker's capacity and calls, planck: see [`Delegated::backing`].
    pub fn backing(&self) -> u128 {
        self.delegated.backing(self.bond)
    }

    /// What a slash finds, planck.
    pub fn slashable(&self) -> u128 {
        self.bond.saturating_add(self.delegated.stake)
    }
}

/// A worker that its operator offers to another.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Offer<AccountId, BlockNumber> {
    /// To whom.
    pub to: AccountId,
    /// What it is to pay, planck.
    pub price: u128,
    /// First block in which it can accept.
    pub from: BlockNumber,
}

/// [`Offer`] of a runtime.
pub type OfferOf<T> = Offer<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// [`WorkerRecord`] of a runtime.
pub type WorkerRecordOf<T> =
    WorkerRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
