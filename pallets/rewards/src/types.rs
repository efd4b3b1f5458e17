//! What a round, and an account's part in it, are made of. All amounts in planck.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::fungible;
use scale_info::TypeInfo;
use sp_runtime::{
    Perquintill, Rounding, Saturating, helpers_128bit::multiply_by_rational_with_rounding,
};

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
    /// Keeping workers live: a point per live worker.
    Node,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Author, Self::Developer, Self::Worker, Self::Node];
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
    /// Live workers.
    pub nodes: u128,
}

impl Points {
    /// Points of a role.
    pub fn of(&mut self, role: Role) -> &mut u128 {
        match role {
            Role::Author => &mut self.authors,
            Role::Developer => &mut self.developers,
            Role::Worker => &mut self.workers,
            Role::Node => &mut self.nodes,
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
    /// Fees and gifts up to the last block.
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
    /// Share of operators, with what the node reserve adds to it.
    pub workers: Share,
    /// Maintenance reward of live workers.
    pub nodes: Share,
}

impl OpenRound {
    /// Share of a role.
    pub fn of(&mut self, role: Role) -> &mut Share {
        match role {
            Role::Author => &mut self.authors,
            Role::Developer => &mut self.developers,
            Role::Worker => &mut self.workers,
            Role::Node => &mut self.nodes,
        }
    }

    /// Whether everybody has taken his part.
    pub fn is_taken(&self) -> bool {
        [self.authors, self.developers, self.workers, self.nodes]
            .iter()
            .all(|share| share.points == 0)
    }

    /// Planck not yet taken.
    pub fn left(&self) -> u128 {
        [self.authors, self.developers, self.workers, self.nodes]
            .iter()
            .fold(0u128, |sum, share| sum.saturating_add(share.left))
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
    /// Out of the node reserve for operators, on top of their 60 %.
    pub granted: u128,
    /// Out of the node reserve for live workers, in equal parts.
    pub maintenance: u128,
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

impl Account {
    fn is_empty(&self) -> bool {
        self.points == 0 && self.pending == 0
    }
}

/// What the chain knows of somebody's income.
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
pub struct AccountRecord {
    /// For making blocks.
    pub author: Account,
    /// For developing images.
    pub developer: Account,
    /// For operating workers.
    pub worker: Account,
    /// For keeping workers live.
    pub node: Account,
    /// Planck paid lately for work of all its workers.
    pub credit: History,
}

impl AccountRecord {
    /// What was earned in a role.
    pub fn of(&mut self, role: Role) -> &mut Account {
        match role {
            Role::Author => &mut self.author,
            Role::Developer => &mut self.developer,
            Role::Worker => &mut self.worker,
            Role::Node => &mut self.node,
        }
    }

    /// Whether there is nothing to keep of it.
    pub(crate) fn is_empty(&self) -> bool {
        let roles = [self.author, self.developer, self.worker, self.node];
        roles.iter().all(Account::is_empty) && self.credit.sum == 0
    }
}

/// What the node reserve gives at the end of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// To operators, by credit.
    pub(crate) by_credit: u128,
    /// To live workers, in equal parts.
    pub(crate) maintenance: u128,
}

/// An exponential average over rounds, as the sum that it is made of: credit of the round `round` counts
/// in full, and by a factor of `D = 1 − 1/window` less with every round since.
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
pub struct History {
    /// The sum as of `round`, planck.
    pub sum: u128,
    /// The round up to which it has decayed.
    pub round: u32,
}

impl History {
    /// The sum as of a later round: `floor(D^(later − round) × sum)`, where `D` is `(window − 1) / window`,
    /// rounded down to 18 decimals, and its powers come from squaring. One multiplication per binary digit
    /// of the number of rounds, at most 64.
    pub fn at(&self, later: u32, window: u32) -> u128 {
        let decay = Perquintill::from_rational(u64::from(window.saturating_sub(1)), window.into());
        let rounds = later.saturating_sub(self.round) as usize;
        decay.saturating_pow(rounds).mul_floor(self.sum)
    }

    /// The average, planck per round, rounded down.
    pub fn average(&self, later: u32, window: u32) -> u128 {
        self.at(later, window) / u128::from(window.max(1))
    }

    /// Adds credit of a round.
    pub fn add(&mut self, credit: u128, round: u32, window: u32) {
        *self = Self {
            sum: self.at(round, window).saturating_add(credit),
            round,
        };
    }

    /// Takes up to so much away.
    pub fn cut(&mut self, credit: u128, round: u32, window: u32) {
        *self = Self {
            sum: self.at(round, window).saturating_sub(credit),
            round,
        };
    }
}

/// What the chain knows of a worker's verified work.
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
    /// Planck paid for it in all its life.
    pub planck: u128,
    /// Units of it.
    pub units: u64,
    /// Planck paid for it lately.
    pub history: History,
    /// The last round in which the worker was live.
    pub live: Option<u32>,
}
