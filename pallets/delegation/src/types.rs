//! What the pallet keeps of pools and of those who delegated to them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sp_runtime::Perbill;
use sungrid_primitives::delegation::{Delegated, proportion};

/// Number of a pool.
pub type PoolId = u32;

/// The index of a pool is in parts of a planck per share, so many to the planck. Too small and income stays behind for
/// long; a pool of a million ISC loses at most a planck to it in any round.
pub const SCALE: u128 = 1_000_000_000_000_000_000;

/// Where a pool belongs to.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Home<AccountId> {
    /// To this worker: what is delegated is in its record, on the hold of its operator.
    Worker(AccountId),
    /// To nobody: the worker is withdrawn. What was delegated is in the pool's account.
    Gone {
        /// Who operated the worker.
        operator: AccountId,
        /// What was delegated.
        left: Delegated,
        /// The round in which it was withdrawn.
        round: u32,
    },
}

/// A higher commission that is announced.
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
pub struct Raise<BlockNumber> {
    /// The commission.
    pub commission: Perbill,
    /// First block in which it counts.
    pub from: BlockNumber,
}

/// One pool.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct PoolRecord<AccountId, BlockNumber> {
    /// Where it belongs to.
    pub home: Home<AccountId>,
    /// The operator's commission, unless a raise counts.
    pub commission: Perbill,
    /// What the operator announced.
    pub raise: Option<Raise<BlockNumber>>,
    /// The round in which it was last settled: its income of all rounds before is in the index.
    pub round: u32,
    /// Shares that earn in that round.
    pub earning: u128,
    /// Shares that earn from the next round on.
    pub joining: u128,
    /// Income per share since the pool was opened, by [`SCALE`].
    pub index: u128,
    /// Of what the pool's account has or can claim, planck that belong to those who delegated.
    pub owed: u128,
}

impl<AccountId, BlockNumber: PartialOrd + Copy> PoolRecord<AccountId, BlockNumber> {
    /// The commission in a block.
    pub fn commission_at(&self, now: BlockNumber) -> Perbill {
        match self.raise {
            Some(raise) if raise.from <= now => raise.commission,
            _ => self.commission,
        }
    }

    /// Gives the income of ended rounds to the shares that earned it. What cannot be divided is left.
    pub fn distribute(&mut self, income: u128) {
        let per_share = proportion(income, SCALE, self.earning).unwrap_or(0);
        // Rounded up, and no more than the income: the owners' parts, each rounded down, cannot add up to more.
        let used = match proportion(per_share, self.earning, SCALE) {
            Some(whole) => whole.saturating_add(1).min(income),
            None => 0,
        };
        if per_share > 0 {
            self.index = self.index.saturating_add(per_share);
            self.owed = self.owed.saturating_add(used);
        }
    }

    /// These shares of a delegation do not earn any more: the latest first, which have earned least.
    pub fn stop(&mut self, delegation: &mut Delegation<BlockNumber>, shares: u128) {
        let joining = shares.min(delegation.joining);
        let earning = shares.saturating_sub(joining).min(delegation.earning);
        delegation.joining = delegation.joining.saturating_sub(joining);
        delegation.earning = delegation.earning.saturating_sub(earning);
        self.joining = self.joining.saturating_sub(joining);
        self.earning = self.earning.saturating_sub(earning);
    }
}

/// What somebody delegated to one pool. All but the planck are shares.
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
pub struct Delegation<BlockNumber> {
    /// Shares that earn.
    pub earning: u128,
    /// The pool's index up to which they were paid.
    pub index: u128,
    /// Shares that earn from the round `since` on.
    pub joining: u128,
    /// The first round in which they do.
    pub since: u32,
    /// Earned and not claimed, planck.
    pub pending: u128,
    /// Shares that are leaving.
    pub leaving: u128,
    /// The block in which the last of them left.
    pub left: BlockNumber,
}

impl<BlockNumber> Delegation<BlockNumber> {
    /// Shares that stay.
    pub fn staying(&self) -> u128 {
        self.earning.saturating_add(self.joining)
    }

    /// All shares.
    pub fn shares(&self) -> u128 {
        self.staying().saturating_add(self.leaving)
    }

    /// Counts the income of the shares that earn up to an index.
    pub fn count(&mut self, index: u128) {
        let gain = gain(self.earning, self.index, index);
        self.pending = self.pending.saturating_add(gain);
        self.index = index;
    }

    /// The shares that joined earn, and have since the pool had the index `start`.
    pub fn begin(&mut self, start: u128) {
        let gain = gain(self.joining, start, self.index);
        self.pending = self.pending.saturating_add(gain);
        self.earning = self.earning.saturating_add(self.joining);
        self.joining = 0;
    }
}

/// What shares earn between two indices, rounded down.
fn gain(shares: u128, from: u128, to: u128) -> u128 {
    proportion(shares, to.saturating_sub(from), SCALE).unwrap_or(0)
}

/// Where the shares that joined a pool in one round begin to earn.
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
pub struct Start {
    /// The pool's index then.
    pub index: u128,
    /// Shares whose owners have not read it yet.
    pub shares: u128,
}

/// What somebody has in a pool, planck.
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
pub struct Position<BlockNumber> {
    /// What stays is worth.
    pub staying: u128,
    /// What leaves is worth.
    pub leaving: u128,
    /// First block, as far as is known now, at which that can be withdrawn.
    pub free_at: Option<BlockNumber>,
    /// Income that could be claimed.
    pub income: u128,
}

/// [`PoolRecord`] of a runtime.
pub type PoolRecordOf<T> = PoolRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// [`Delegation`] of a runtime.
pub type DelegationOf<T> = Delegation<BlockNumberFor<T>>;
/// [`Position`] of a runtime.
pub type PositionOf<T> = Position<BlockNumberFor<T>>;
