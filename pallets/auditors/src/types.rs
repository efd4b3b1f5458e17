//! What the pallet keeps of auditors and their word.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sungrid_primitives::attributes::PerAttribute;

/// One auditor.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct AuditorRecord<BlockNumber> {
    /// Number of its admission: never given twice, so that what it attested in an earlier one stays fallen.
    pub admission: u32,
    /// Held of it, planck; 0 until it bonds.
    pub bond: u128,
    /// First block at which the bond may be withdrawn, once it has resigned.
    pub leaving: Option<BlockNumber>,
}

/// An auditor's word for one attribute of one worker.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Attestation<AccountId, BlockNumber> {
    /// Whose word it is.
    pub auditor: AccountId,
    /// In which admission it was given.
    pub admission: u32,
    /// First block at which it counts no more.
    pub until: BlockNumber,
}

/// [`AuditorRecord`] of a runtime.
pub type AuditorRecordOf<T> = AuditorRecord<BlockNumberFor<T>>;
/// [`Attestation`] of a runtime.
pub type AttestationOf<T> = Attestation<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// The attestations of a worker.
pub type AttestationsOf<T> = PerAttribute<Option<AttestationOf<T>>>;
