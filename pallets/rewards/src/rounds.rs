//! The round: how it fills, ends and is split. Ending costs the same for any number of participants.

use frame_support::{
    defensive,
    traits::{
        Get,
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Preservation},
    },
    weights::Weight,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{Percent, Saturating};

use crate::{
    Account, AccountRecord, Accounts, CarriedOver, Config, Current, CurrentRound, Event, LastRound,
    OpenRound, Owed, Pallet, Role, RoundLength, RoundSummary, Rounds, Share, UnexpectedKind,
    WeightInfo, types::Grant,
};

/// Part of block authors.
pub(crate) const AUTHORS_PERCENT: u64 = 10;
/// Part of the treasury; with it goes what rounding leaves.
pub(crate) const FOUNDATION_PERCENT: u64 = 10;
/// Part of developers.
pub(crate) const DEVELOPERS_PERCENT: u64 = 20;
/// Part of operators.
pub(crate) const WORKERS_PERCENT: u64 = 60;

/// Part of a round's node reserve that follows credit; live workers share the rest equally.
pub(crate) const BY_CREDIT: Percent = Percent::from_percent(80);

const _: () = assert!(
    AUTHORS_PERCENT + FOUNDATION_PERCENT + DEVELOPERS_PERCENT + WORKERS_PERCENT == 100,
    "the split covers the pot"
);

/// A pot's four parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) authors: u128,
    pub(crate) foundation: u128,
    pub(crate) developers: u128,
    pub(crate) workers: u128,
}

/// Splits a pot; the parts add up to it exactly.
pub(crate) fn split(pot: u128) -> Split {
    let part = |percent: u64| Percent::from_percent(percent as u8).mul_floor(pot);
    let (authors, developers, workers) = (
        part(AUTHORS_PERCENT),
        part(DEVELOPERS_PERCENT),
        part(WORKERS_PERCENT),
    );
    Split {
        authors,
        // No underflow: the three are at most 90 % of the pot.
        foundation: pot - authors - developers - workers,
        developers,
        workers,
    }
}

impl<T: Config> Pallet<T> {
    /// Blocks in a round that opens now.
    pub(crate) fn round_length() -> BlockNumberFor<T> {
        RoundLength::<T>::get().unwrap_or_else(T::RoundBlocks::get)
    }

    /// Notes the fees of the block before, and ends the round if it has had its blocks.
    pub(crate) fn tick(now: BlockNumberFor<T>) -> Weight {
        let mut round = Current::<T>::get();
        let fees = Self::unspoken_for().saturating_sub(round.payments);
        if now < round.ends {
            if fees != round.fees {
                round.fees = fees;
                Current::<T>::put(round);
            }
            return T::WeightInfo::tick().saturating_add(Self::common_weight());
        }
        Self::close(round, now);
        T::WeightInfo::close_round().saturating_add(Self::common_weight())
    }

    /// Of what all payments and fees of a block change, the round that is filling and the pot's balance: each is read and written once
    /// for a block, however many there are, so the block's beginning weighs it and they do not.
    fn common_weight() -> Weight {
        T::DbWeight::get().reads_writes(2, 2)
    }

    /// What the pot holds for the round that is filling.
    fn unspoken_for() -> u128 {
        let spoken_for = Owed::<T>::get().saturating_add(T::Currency::minimum_balance());
        T::Currency::total_balance(&Self::account_id()).saturating_sub(spoken_for)
    }

    /// Ends a round and opens the next.
    fn close(round: CurrentRound<BlockNumberFor<T>>, now: BlockNumberFor<T>) {
        let (payments, fees) = Self::income(&round);
        // What follows credit and usage, out of both sources together, may not exceed this.
        let cap = T::EmissionRate::get().mul_floor(payments);
        let emission = Self::emit(cap);
        let pot = payments.saturating_add(fees).saturating_add(emission);
        let parts = split(pot);
        let grant = Self::draw(&round, cap.saturating_sub(emission));

        let mut carried = CarriedOver::<T>::get();
        let owed_before = carried.total();
        let mut open = OpenRound::default();
        let mut points = round.points;
        for (role, part, carry) in [
            (Role::Author, parts.authors, &mut carried.authors),
            (Role::Developer, parts.developers, &mut carried.developers),
            (Role::Worker, parts.workers, &mut carried.workers),
        ] {
            *carry = carry.saturating_add(part);
            let points = *points.of(role);
            if points > 0 {
                *open.of(role) = Share {
                    left: core::mem::take(carry),
                    points,
                };
            }
        }
        open.workers.left = open.workers.left.saturating_add(grant.by_credit);
        open.nodes = Share {
            left: grant.maintenance,
            points: points.nodes,
        };
        carried.foundation =
            Self::pay_treasury(carried.foundation.saturating_add(parts.foundation));

        if !open.is_taken() {
            Rounds::<T>::insert(round.number, open);
        }
        Owed::<T>::mutate(|owed| {
            *owed = owed
                .saturating_sub(owed_before)
                .saturating_add(carried.total())
                .saturating_add(open.left());
        });
        CarriedOver::<T>::put(carried);
        Current::<T>::put(CurrentRound {
            number: round.number.saturating_add(1),
            ends: now.saturating_add(Self::round_length()),
            ..Default::default()
        });

        let summary = RoundSummary {
            round: round.number,
            payments,
            fees,
            emission,
            authors: parts.authors,
            foundation: parts.foundation,
            developers: parts.developers,
            workers: parts.workers,
            granted: grant.by_credit,
            maintenance: grant.maintenance,
            carried: carried.total(),
        };
        LastRound::<T>::put(summary);
        Self::deposit_event(summary.into());
    }

    /// Payments and fees of a round, as far as the pot really holds them; gifts count as fees.
    fn income(round: &CurrentRound<BlockNumberFor<T>>) -> (u128, u128) {
        let there = Self::unspoken_for();
        match there.checked_sub(round.payments) {
            Some(fees) => (round.payments, fees),
            None => {
                let missing = round.payments.saturating_sub(there);
                Self::unexpected(UnexpectedKind::PotShort { missing });
                // Never promise what is not there; what is missing of payments earns no emission either.
                (there, 0)
            }
        }
    }

    /// Mints the round's emission, at most `cap`, into the pot and says how much it was.
    fn emit(cap: u128) -> u128 {
        let emission = T::EmissionCap::get().min(cap);
        if emission == 0 {
            return 0;
        }
        T::Currency::mint_into(&Self::account_id(), emission).unwrap_or_else(|_| {
            Self::unexpected(UnexpectedKind::EmissionFailed);
            0
        })
    }

    /// Moves what the node reserve gives for the round into the pot and says how much it was: at most `cap`
    /// by credit, and the same planck to every live worker. What nobody gets stays in the reserve.
    fn draw(round: &CurrentRound<BlockNumberFor<T>>, cap: u128) -> Grant {
        if round.number >= T::ReserveRounds::get() {
            return Grant::default();
        }
        let reserve = Self::node_reserve();
        let there =
            T::Currency::reducible_balance(&reserve, Preservation::Preserve, Fortitude::Polite);
        let budget = T::ReservePerRound::get().min(there);
        // Rounded down, so that the equal share takes the rest.
        let by_credit = BY_CREDIT.mul_floor(budget);
        let each = budget
            .saturating_sub(by_credit)
            .checked_div(round.points.nodes)
            .unwrap_or(0)
            .min(T::NodeRewardCap::get());
        let grant = Grant {
            by_credit: if round.points.workers > 0 {
                by_credit.min(cap)
            } else {
                0
            },
            // At most the budget's part: `each` is rounded down.
            maintenance: each.saturating_mul(round.points.nodes),
        };
        let total = grant.by_credit.saturating_add(grant.maintenance);
        if total == 0 {
            return grant;
        }
        let pot = Self::account_id();
        match T::Currency::transfer(&reserve, &pot, total, Preservation::Preserve) {
            Ok(_) => grant,
            Err(_) => {
                Self::unexpected(UnexpectedKind::DrawFailed);
                Grant::default()
            }
        }
    }

    /// Pays the treasury and says how much could not be paid.
    fn pay_treasury(amount: u128) -> u128 {
        if amount == 0 {
            return 0;
        }
        let paid = T::Currency::transfer(
            &Self::account_id(),
            &T::Treasury::get(),
            amount,
            Preservation::Preserve,
        );
        if paid.is_ok() { 0 } else { amount }
    }

    /// Gives `account` points in the round that is filling.
    pub(crate) fn earn(
        role: Role,
        account: &T::AccountId,
        points: u128,
        round: &mut CurrentRound<BlockNumberFor<T>>,
    ) {
        Self::change(account, |record| {
            Self::add_points(role, record, points, round)
        });
    }

    /// Changes what is known of somebody, and keeps no record of nothing.
    pub(crate) fn change(account: &T::AccountId, change: impl FnOnce(&mut AccountRecord)) {
        Accounts::<T>::mutate_exists(account, |entry| {
            let mut record = entry.unwrap_or_default();
            change(&mut record);
            *entry = (!record.is_empty()).then_some(record);
        });
    }

    /// Adds points of the round that is filling to a record.
    pub(crate) fn add_points(
        role: Role,
        record: &mut AccountRecord,
        points: u128,
        round: &mut CurrentRound<BlockNumberFor<T>>,
    ) {
        if points == 0 {
            return;
        }
        let total = round.points.of(role);
        // Neither can come near: payments are bounded by the issuance, charges by what was paid for them.
        let points = points.min(u128::MAX - *total);
        *total = total.saturating_add(points);
        let entry = record.of(role);
        Self::fold(role, entry, round.number);
        entry.round = round.number;
        entry.points = entry.points.saturating_add(points);
    }

    /// Turns an account's points of an ended round into planck; says whether it had any.
    pub(crate) fn fold(role: Role, entry: &mut Account, current: u32) -> bool {
        if entry.points == 0 || entry.round >= current {
            return false;
        }
        let points = core::mem::take(&mut entry.points);
        Rounds::<T>::mutate_exists(entry.round, |open| {
            let Some(round) = open else {
                defensive!("a round was forgotten before all its points were taken");
                return;
            };
            entry.pending = entry.pending.saturating_add(round.of(role).take(points));
            if round.is_taken() {
                *open = None;
            }
        });
        true
    }

    /// Planck that an account could claim now.
    pub(crate) fn claimable(account: &T::AccountId) -> u128 {
        let current = Current::<T>::get().number;
        let mut record = Accounts::<T>::get(account);
        Role::ALL.into_iter().fold(0u128, |sum, role| {
            let entry = *record.of(role);
            let ended = entry.points > 0 && entry.round < current;
            let open = if ended {
                Rounds::<T>::get(entry.round)
            } else {
                None
            };
            let part = open.map_or(0, |mut round| round.of(role).part(entry.points));
            sum.saturating_add(entry.pending).saturating_add(part)
        })
    }

    fn unexpected(kind: UnexpectedKind) {
        defensive!("rewards: unexpected", kind);
        Self::deposit_event(Event::Unexpected(kind));
    }
}

impl<T: Config> From<RoundSummary> for Event<T> {
    fn from(summary: RoundSummary) -> Self {
        let RoundSummary {
            round,
            payments,
            fees,
            emission,
            authors,
            foundation,
            developers,
            workers,
            granted,
            maintenance,
            carried,
        } = summary;
        Self::RoundClosed {
            round,
            payments,
            fees,
            emission,
            authors,
            foundation,
            developers,
            workers,
            granted,
            maintenance,
            carried,
        }
    }
}
