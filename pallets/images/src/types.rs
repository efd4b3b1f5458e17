//! What the register keeps.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sungrid_primitives::attributes::TaskClass;

/// One image.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ImageRecord<AccountId, BlockNumber> {
    /// Who shares in what it earns.
    pub developer: AccountId,
    /// What it is for.
    pub class: TaskClass,
    /// Block of publication.
    pub published: BlockNumber,
    /// Held of the developer, planck; zero once retired.
    pub deposit: u128,
    /// Whether it is closed to new jobs.
    pub retired: bool,
    /// Jobs that use it and have not ended.
    pub jobs: u32,
    /// Verified work that it was used for, µSUNS·s.
    pub usage: u128,
}

/// [`ImageRecord`] of a runtime.
pub type ImageRecordOf<T> = ImageRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
