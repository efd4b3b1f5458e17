//! What the lottery keeps of a worker.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;

/// An active worker.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Member<BlockNumber> {
    /// Its ticket number: members have all numbers from 0 without gaps.
    pub index: u32,
    /// Block in which it got that number.
    pub seated: BlockNumber,
    /// First block whose draw is about it, under this number.
    pub since: BlockNumber,
    /// Block of the last draw that it answered.
    pub answered: Option<BlockNumber>,
}

/// [`Member`] of a runtime.
pub type MemberOf<T> = Member<BlockNumberFor<T>>;
