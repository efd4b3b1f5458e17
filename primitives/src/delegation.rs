//! What others stake on a worker, and the traits by which the chain pays them for it.
//!
//! Whoever delegates to a worker holds *shares* of what is delegated to it together, the *stake*. A slash makes the
//! stake smaller and leaves the shares alone, so that everybody loses in proportion, at once and however many they
//! are. Income is never added to the stake: a share is worth at most the planck that it was bought for, but for what
//! rounding leaves behind.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::U256;

/// Shares per planck of stake above which nobody can join any more: with more, amounts that are small beside what was
/// slashed could not be told apart. Reached when 99.9 % is lost.
pub const MOST_SHARES_PER_PLANCK: u128 = 1_000;

/// How many times the operator's own part of a bond the whole counts for, at most: whoever stakes others' money has a
/// fifth of his own beside it.
pub const LEVERAGE: u128 = 5;

/// `a × b / c`, rounded down; `None` if that is no `u128`.
pub fn proportion(a: u128, b: u128, c: u128) -> Option<u128> {
    U256::from(a)
        .checked_mul(b.into())?
        .checked_div(c.into())?
        .try_into()
        .ok()
}

/// What others stake on one worker.
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
pub struct Delegated {
    /// Planck, all of it slashable.
    pub stake: u128,
    /// Shares of it.
    pub shares: u128,
    /// Of these, shares that are leaving: slashable, and nothing else.
    pub leaving: u128,
}

impl Delegated {
    /// Planck that so many shares are worth, rounded down; everything for the last.
    pub fn worth(&self, shares: u128) -> u128 {
        if shares >= self.shares {
            return self.stake;
        }
        // `None` is out of reach: the divisor is greater than `shares`.
        proportion(self.stake, shares, self.shares).unwrap_or(0)
    }

    /// What stands behind a worker with the operator's `own` part, planck: with what stays, at most [`LEVERAGE`] times
    /// that part.
    pub fn backing(&self, own: u128) -> u128 {
        own.saturating_add(self.staying())
            .min(own.saturating_mul(LEVERAGE))
    }

    /// Planck of the shares that stay, rounded down.
    pub fn staying(&self) -> u128 {
        self.worth(self.shares.saturating_sub(self.leaving))
    }

    /// The fewest shares that are worth at least `amount` planck; all of them, if they are worth less.
    pub fn shares_worth(&self, amount: u128) -> u128 {
        if amount >= self.stake {
            return self.shares;
        }
        let shares = proportion(self.shares, amount, self.stake).unwrap_or(self.shares);
        if self.worth(shares) < amount {
            shares.saturating_add(1)
        } else {
            shares
        }
    }

    /// Adds `amount` planck and says for how many shares, rounded down; `None`, and nothing is added, if
    /// too much has been lost: see [`MOST_SHARES_PER_PLANCK`].
    pub fn join(&mut self, amount: u128) -> Option<u128> {
        let shares = if self.shares == 0 {
            amount
        } else if self.shares > self.stake.checked_mul(MOST_SHARES_PER_PLANCK)? {
            return None;
        } else {
            proportion(amount, self.shares, self.stake)?
        };
        *self = Self {
            stake: self.stake.checked_add(amount)?,
            shares: self.shares.checked_add(shares)?,
            leaving: self.leaving,
        };
        Some(shares)
    }

    /// Takes shares out and says how many planck go with them, rounded down; everything with the last.
    pub fn take(&mut self, shares: u128) -> u128 {
        let worth = self.worth(shares);
        self.stake = self.stake.saturating_sub(worth);
        self.shares = self.shares.saturating_sub(shares);
        self.leaving = self.leaving.min(self.shares);
        worth
    }

    /// The part of a slash of `amount` that falls on the stake, if the rest falls on the operator's `own` bond: in
    /// proportion, rounded down. Neither part is more than there is, as long as the slash is not.
    pub fn part_of(&self, amount: u128, own: u128) -> u128 {
        let all = own.saturating_add(self.stake);
        proportion(amount, self.stake, all).unwrap_or(0)
    }
}

/// Where delegations are kept; implemented by `pallet-delegation`, and told by `pallet-workers`.
pub trait Delegations<AccountId> {
    /// A worker has another key.
    fn rotated(worker: &AccountId, key: &AccountId);
    /// A worker is withdrawn. Says which account keeps its stake, if there is any, for those whose it is.
    fn dissolve(worker: &AccountId, operator: &AccountId, left: Delegated) -> Option<AccountId>;
    /// Has somebody delegate to a worker, in a pool whose last round is not settled yet, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(worker: &AccountId);
}

impl<AccountId> Delegations<AccountId> for () {
    fn rotated(_: &AccountId, _: &AccountId) {}
    fn dissolve(_: &AccountId, _: &AccountId, _: Delegated) -> Option<AccountId> {
        None
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(_: &AccountId) {}
}

/// Who shares a worker's income with its operator; implemented by `pallet-delegation`, asked by `pallet-rewards`.
pub trait IncomeShares<AccountId> {
    /// The account that collects for those who delegated, and its part, at most `credit`, of the credit that a worker
    /// earns now. To be asked once for each credit, before it is given.
    fn share(worker: &AccountId, credit: u128) -> Option<(AccountId, u128)>;
}

impl<AccountId> IncomeShares<AccountId> for () {
    fn share(_: &AccountId, _: u128) -> Option<(AccountId, u128)> {
        None
    }
}

/// What accounts have earned; implemented by `pallet-rewards`.
pub trait Earnings<AccountId> {
    /// The round that is filling.
    fn round() -> u32;
    /// Planck of ended rounds that an account could claim now. Never becomes less but by a claim.
    fn claimable(account: &AccountId) -> u128;
    /// Pays an account what it could claim; `Err` if it cannot be paid.
    // There is one reason to refuse.
    #[allow(clippy::result_unit_err)]
    fn claim(account: &AccountId) -> Result<(), ()>;
    /// Ends the round, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn end_round();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// More than all planck that there will ever be.
    const MONEY: u128 = 1 << 70;

    #[test]
    fn a_share_costs_a_planck_until_something_is_slashed() {
        let mut delegated = Delegated::default();
        assert_eq!(delegated.join(1_000), Some(1_000));
        delegated.stake -= 100;
        assert_eq!(delegated.join(900), Some(1_000));
        assert_eq!(delegated.worth(1_000), 900);
    }

    #[test]
    fn others_money_counts_beside_one_s_own() {
        let mut delegated = Delegated::default();
        assert_eq!(delegated.join(500), Some(500));
        assert_eq!(delegated.backing(200), 700);
        assert_eq!(delegated.backing(100), 500);
        assert_eq!(delegated.backing(0), 0);
        delegated.leaving = 400;
        assert_eq!(delegated.backing(100), 200);
    }

    #[test]
    fn nobody_joins_what_is_lost() {
        let mut delegated = Delegated::default();
        assert_eq!(delegated.join(1_000_000), Some(1_000_000));
        delegated.stake = 999;
        assert_eq!(delegated.join(1), None);
        delegated.stake = 0;
        assert_eq!(delegated.join(1), None);
        assert_eq!(delegated.take(1_000_000), 0);
        assert_eq!(delegated, Delegated::default());
    }

    #[test]
    fn beyond_all_numbers_nobody_joins() {
        let mut delegated = Delegated::default();
        assert_eq!(delegated.join(u128::MAX), Some(u128::MAX));
        assert_eq!(delegated.join(1), None);
        assert_eq!(delegated.worth(u128::MAX), u128::MAX);
    }

    proptest! {
        /// Joining and taking out at once never pays, whatever was slashed before.
        #[test]
        fn a_round_trip_gains_nothing(first in 1..MONEY, lost in 0..MONEY, amount in 1..MONEY) {
            let mut delegated = Delegated::default();
            delegated.join(first).expect("the first joins");
            delegated.stake -= lost.min(first);
            let before = delegated;
            if let Some(shares) = delegated.join(amount) {
                prop_assert!(delegated.worth(before.shares) >= before.stake);
                prop_assert!(delegated.take(shares) <= amount);
            }
        }

        /// Taken out in any pieces, the stake is there to the last planck.
        #[test]
        fn the_last_takes_the_rest(parts in prop::collection::vec(1..MONEY, 1..20), lost in 0..MONEY) {
            let mut delegated = Delegated::default();
            let shares: Vec<_> = parts.iter().filter_map(|part| delegated.join(*part)).collect();
            delegated.stake -= lost.min(delegated.stake);
            let stake = delegated.stake;
            let taken: u128 = shares.into_iter().map(|shares| delegated.take(shares)).sum();
            prop_assert_eq!(taken, stake);
            prop_assert_eq!(delegated, Delegated::default());
        }

        /// A slash falls on both parts, and on neither more than it has.
        #[test]
        fn a_slash_finds_its_planck(own in 0..MONEY, stake in 0..MONEY, amount in 0..2 * MONEY) {
            let amount = amount.min(own + stake);
            let delegated = Delegated { stake, shares: stake, leaving: 0 };
            let part = delegated.part_of(amount, own);
            prop_assert!(part <= stake && amount - part <= own);
        }

        /// Whoever asks for an amount gets at least that, and not a share too much.
        #[test]
        fn shares_for_an_amount_are_enough(first in 1..MONEY, lost in 0..MONEY, amount in 1..MONEY) {
            let mut delegated = Delegated::default();
            delegated.join(first).expect("the first joins");
            delegated.stake -= lost.min(first);
            let shares = delegated.shares_worth(amount);
            prop_assert!(shares <= first);
            prop_assert!(delegated.worth(shares) >= amount.min(delegated.stake));
            prop_assert!(shares == first || delegated.worth(shares - 1) < amount);
        }
    }
}
