//! `pallet_authorship`: which account authored the block.

use pallet_session::FindAccountFromAuthorIndex;

use crate::{Babe, Rewards, Runtime};

impl pallet_authorship::Config for Runtime {
    // A tenth of a round's pot goes to its authors.
    type EventHandler = Rewards;
    type FindAuthor = FindAccountFromAuthorIndex<Self, Babe>;
}
