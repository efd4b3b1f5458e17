//! What the pallet keeps and answers.

use codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sungrid_primitives::suns::spot::Spot;

/// The running price of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct SpotRecord<BlockNumber> {
    /// The price, and what it was when its period began.
    pub spot: Spot,
    /// The block in which its period began.
    pub since: BlockNumber,
}

/// What a task costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PriceQuote {
    /// Its charge, µSUNS·s.
    pub charge: u128,
    /// At the least price there is, planck, rounded up.
    pub at_floor: u128,
    /// At what settled work paid lately, planck, rounded up.
    pub at_spot: u128,
}
