//! What the pallet keeps of validators.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_staking::SessionIndex;

/// What an account stakes on validating honestly.
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
pub struct Bond {
    /// Held of the account, planck.
    pub amount: u128,
    /// If the account is leaving, the first session in which the bond can be withdrawn.
    pub free_from: Option<SessionIndex>,
}

/// How many candidates validate.
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
pub struct Seats {
    /// While fewer candidates than this have a rank, the authorities validate.
    pub least: u32,
    /// Most candidates that validate.
    pub most: u32,
}
