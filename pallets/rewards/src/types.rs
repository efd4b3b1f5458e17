//! What a round, and an account's part in it, are made of. All amounts in planck.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::fungible;
use scale_info::TypeInfo;
use sp_runtime::{Rounding, helpers_128bit::multiply_by_rational_with_rounding};

/// An imbalance of the runtime's currency that somebody must receive.
pub type CreditOf<T> =
    fungible::Credit<<T as frame_system::Config>::AccountId, <T as crate::Config>::Currency>;

/// In what one can earn points.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Role {
    /// Making blocks: a point each.
    Author,
    /// Developing images: a point per µSUNS·s of verified work.
    Developer,
    /// Operating workers: a point per planck of verified work.
    Worker,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Author, Self::Developer, Self::Worker];
}

/// One value per role.
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
pub struct Points {
    /// Of authors.
    pub authors: u128,
    /// Of developers.
    pub developers: u128,
    /// Of operators.
    pub workers: u128,
}

impl Points {
    /// Points of a role.
    pub fn of(&mut self, role: Role) -> &mut u128 {
        match role {
            Role::Author => &mut self.authors,
            Role::Developer => &mut self.developers,
            Role::Worker => &mut self.workers,
        }
    }
}

/// The round that is filling.
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
pub struct CurrentRound<BlockNumber> {
    /// Its number, from 0.
    pub number: u32,
    /// The block at whose beginning it ends.
    pub ends: BlockNumber,
    /// Payments for verified work so far.
    pub payments: u128,
    /// Fees so far.
    pub fees: u128,
    /// Points given so far.
    pub points: Points,
}

/// What is left of one role's share of an ended round.
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
pub struct Share {
    /// Planck not yet taken.
    pub left: u128,
    /// Points whose part is not yet taken.
    pub points: u128,
}

impl Share {
    /// What `points` would take: `floor(left × points / points left)`; everything for the last ones.
    pub fn part(&self, points: u128) -> u128 {
        if points >= self.points {
            return self.left;
        }
        // `None` is out of reach: the divisor is greater than `points`, so it is not zero and the quotient
        // is less than `left`.
        multiply_by_rational_with_rounding(self.left, points, self.points, Rounding::Down)
            .unwrap_or(0)
    }

    /// Takes the part of `points`.
    pub fn take(&mut self, points: u128) -> u128 {
        let part = self.part(points);
        self.left = self.left.saturating_sub(part);
        self.points = self.points.saturating_sub(points);
        part
    }
}

/// An ended round of which somebody has not yet taken his part.
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
pub struct OpenRound {
    /// Share of block authors.
    pub authors: Share,
    /// Share of developers.
    pub developers: Share,
    /// Share of operators.
    pub workers: Share,
}

impl OpenRound {
    /// Share of a role.
    pub fn of(&mut self, role: Role) -> &mut Share {
        match role {
            Role::Author => &mut self.authors,
            Role::Developer => &mut self.developers,
            Role::Worker => &mut self.workers,
        }
    }

    /// Whether everybody has taken his part.
    pub fn is_taken(&self) -> bool {
        self.authors.points == 0 && self.developers.points == 0 && self.workers.points == 0
    }

    /// Planck not yet taken.
    pub fn left(&self) -> u128 {
        self.authors
            .left
            .saturating_add(self.developers.left)
            .saturating_add(self.workers.left)
    }
}

/// Shares without a receiver, for the next round.
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
pub struct Carried {
    /// Nobody made a block.
    pub authors: u128,
    /// The treasury could not be paid.
    pub foundation: u128,
    /// No image with a developer was used.
    pub developers: u128,
    /// No work was verified.
    pub workers: u128,
}

impl Carried {
    /// All of it.
    pub fn total(&self) -> u128 {
        self.authors
            .saturating_add(self.foundation)
            .saturating_add(self.developers)
            .saturating_add(self.workers)
    }
}

/// How a round came out: see [`Event::RoundClosed`](crate::Event::RoundClosed).
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
pub struct RoundSummary {
    /// Its number.
    pub round: u32,
    /// Payments for verified work.
    pub payments: u128,
    /// Fees and gifts.
    pub fees: u128,
    /// Newly minted.
    pub emission: u128,
    /// 10 % of the three, rounded down.
    pub authors: u128,
    /// 10 % and what rounding left.
    pub foundation: u128,
    /// 20 %, rounded down.
    pub developers: u128,
    /// 60 %, rounded down.
    pub workers: u128,
    /// What goes into the next round for want of receivers.
    pub carried: u128,
}

/// What somebody has earned in one role and not yet claimed.
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
pub struct Account {
    /// The round of the points.
    pub round: u32,
    /// Points in that round.
    pub points: u128,
    /// Taken of earlier rounds.
    pub pending: u128,
}

/// What a worker's verified work was worth in all its life.
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
pub struct WorkerCredit {
    /// Planck paid for it.
    pub planck: u128,
    /// Units of it.
    pub units: u64,
}
