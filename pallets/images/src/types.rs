//! What the register keeps.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sungrid_primitives::{ContentHash, attributes::TaskClass};

/// What governance found when it held an image against the listing standard (requirement C20).
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
pub struct Listing {
    /// Whether it meets the standard.
    pub listed: bool,
    /// Hash of the written assessment.
    pub reason: ContentHash,
}

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
    /// What governance found; `None` while it was not asked, and once the image is retired.
    pub listing: Option<Listing>,
}

/// [`ImageRecord`] of a runtime.
pub type ImageRecordOf<T> = ImageRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
