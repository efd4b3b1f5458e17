//! What the register keeps.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;

/// What an image is for; workers choose the classes that they serve (requirement N16).
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
pub enum ImageClass {
    /// Anything else.
    #[default]
    General = 0,
    /// Pictures and films.
    Rendering = 1,
    /// Simulation and analysis.
    Science = 2,
    /// Training and inference.
    Learning = 3,
    /// Media processing.
    Media = 4,
}

/// One image.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ImageRecord<AccountId, BlockNumber> {
    /// Who shares in what it earns.
    pub developer: AccountId,
    /// What it is for.
    pub class: ImageClass,
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
