//! Ranking, the session manager and the offence handler.

use alloc::vec::Vec;

use frame_support::{
    pallet_prelude::{Get, Weight},
    traits::{
        Imbalance, OnUnbalanced,
        fungible::{BalancedHold, MutateHold},
    },
};
use pallet_session::historical;
use sp_runtime::{
    Perbill, Rounding, helpers_128bit::multiply_by_rational_with_rounding, traits::Convert,
};
use sp_staking::{
    SessionIndex,
    offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
};
use sungrid_primitives::traits::CreditHistory;

use crate::{
    Authorities, Barred, Bond, Bonds, Candidates, Config, Event, HoldReason, Pallet, SeatLimits,
};

/// Identifies a validator by its account alone: there is no exposure of nominators to remember.
pub struct UnitIdentification;

impl<AccountId> Convert<AccountId, Option<()>> for UnitIdentification {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn has_keys(who: &T::AccountId) -> bool {
        pallet_session::NextKeys::<T>::contains_key(who)
    }

    pub(crate) fn is_authority(who: &T::AccountId) -> bool {
        Authorities::<T>::get().binary_search(who).is_ok()
    }

    /// `credit average × bond / MinBond`, rounded down; zero for who cannot validate.
    pub(crate) fn rank(who: &T::AccountId) -> u128 {
        let (bond, least) = (Bonds::<T>::get(who).unwrap_or_default(), T::MinBond::get());
        if bond.amount < least || !Self::has_keys(who) {
            return 0;
        }
        let credit = T::CreditHistory::credit_average(who);
        // Beyond all money there is.
        multiply_by_rational_with_rounding(credit, bond.amount, least, Rounding::Down)
            .unwrap_or(u128::MAX)
    }

    /// The authorities that should validate while candidates are too few: neither barred nor without keys.
    pub fn eligible() -> Vec<T::AccountId> {
        Authorities::<T>::get()
            .into_iter()
            .filter(|who| !Barred::<T>::contains_key(who) && Self::has_keys(who))
            .collect()
    }

    /// Who should validate, sorted by account: the best candidates, or the authorities while too few
    /// candidates have a rank. Equal ranks: the lower account first.
    pub(crate) fn elect() -> Vec<T::AccountId> {
        let seats = SeatLimits::<T>::get();
        let mut ranked: Vec<_> = Candidates::<T>::get()
            .into_iter()
            .map(|who| (Self::rank(&who), who))
            .filter(|(rank, _)| *rank > 0)
            .collect();
        if ranked.len() < seats.least as usize {
            return Self::eligible();
        }
        // Stable, and the list is sorted by account.
        ranked.sort_by(|(one, _), (other, _)| other.cmp(one));
        ranked.truncate(seats.most as usize);
        let mut elected: Vec<_> = ranked.into_iter().map(|(_, who)| who).collect();
        elected.sort();
        elected
    }

    /// Takes an account off the list of candidates if it is on it.
    pub(crate) fn unseat(who: &T::AccountId) {
        Candidates::<T>::mutate(|list| {
            if let Ok(at) = list.binary_search(who) {
                list.remove(at);
            }
        });
    }

    /// Takes a fraction of a bond, rounded up; the amount that was there to take.
    fn slash(who: &T::AccountId, fraction: Perbill) -> u128 {
        Bonds::<T>::mutate_extant(who, |bond| {
            let due = fraction.mul_ceil(bond.amount);
            let (credit, _) =
                <T as Config>::Currency::slash(&HoldReason::ValidatorBond.into(), who, due);
            let taken = credit.peek();
            T::FineDestination::on_unbalanced(credit);
            bond.amount = bond.amount.saturating_sub(taken);
            taken
        })
    }

    /// Bars `who`, and takes it off the list of candidates, unless it is the last authority.
    fn bar(who: &T::AccountId, session: SessionIndex) -> bool {
        let authorities = Authorities::<T>::get();
        let is_last = authorities.contains(who)
            && !authorities
                .iter()
                .any(|other| other != who && !Barred::<T>::contains_key(other));
        if !is_last {
            Barred::<T>::insert(who, session);
            Self::unseat(who);
        }
        !is_last
    }

    /// The first session in which nothing can be proven any more that was signed in session `last`.
    pub(crate) fn free_after(last: SessionIndex) -> SessionIndex {
        last.saturating_add(T::HistoryDepth::get())
            .saturating_add(1)
    }

    /// Keeps the bonds of validators that wanted to leave and have to stay for session `index`.
    fn keep_bonds(index: SessionIndex) {
        for who in pallet_session::Validators::<T>::get() {
            Bonds::<T>::mutate_extant(who, |bond| {
                bond.free_from = bond
                    .free_from
                    .map(|session| session.max(Self::free_after(index)));
            });
        }
    }

    /// Holds the minimum bond of a genesis authority. Without the money for it, being barred is all that
    /// an equivocation costs it.
    fn bond_at_genesis(who: &T::AccountId) {
        let amount = T::MinBond::get();
        if !Bonds::<T>::contains_key(who)
            && <T as Config>::Currency::hold(&HoldReason::ValidatorBond.into(), who, amount).is_ok()
        {
            Bonds::<T>::insert(
                who,
                Bond {
                    amount,
                    free_from: None,
                },
            );
        }
    }
}

impl<T: Config> historical::SessionManager<T::AccountId, ()> for Pallet<T> {
    fn new_session_genesis(_: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        let mut list = pallet_session::NextKeys::<T>::iter_keys().collect::<Vec<_>>();
        list.sort();
        // Both genesis sessions come through here; the second finds what the first stored.
        list.truncate(T::MaxAuthorities::get() as usize);
        list.iter().for_each(Self::bond_at_genesis);
        Authorities::<T>::put(frame_support::BoundedVec::truncate_from(list.clone()));
        (!list.is_empty()).then(|| list.into_iter().map(|who| (who, ())).collect())
    }

    fn new_session(index: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        let wanted = Self::elect();
        if wanted.is_empty() {
            log::error!(
                target: "runtime::validators",
                "too few candidates, and no authority has session keys: validators with keys stay"
            );
            Self::keep_bonds(index);
            return None;
        }
        let same_set = pallet_session::Validators::<T>::get() == wanted;
        let same_keys = pallet_session::QueuedKeys::<T>::get()
            .iter()
            .all(|(who, keys)| {
                pallet_session::NextKeys::<T>::get(who).is_some_and(|next| next == *keys)
            });
        (!(same_set && same_keys)).then(|| wanted.into_iter().map(|who| (who, ())).collect())
    }

    fn start_session(index: SessionIndex) {
        if let Some(oldest) = index.checked_sub(T::HistoryDepth::get()) {
            historical::Pallet::<T>::prune_up_to(oldest);
        }
    }

    fn end_session(_: SessionIndex) {}
}

impl<T: Config> pallet_session::SessionManager<T::AccountId> for Pallet<T> {
    fn new_session(index: SessionIndex) -> Option<Vec<T::AccountId>> {
        <Self as historical::SessionManager<_, _>>::new_session(index)
            .map(|set| set.into_iter().map(|(who, ())| who).collect())
    }

    fn new_session_genesis(index: SessionIndex) -> Option<Vec<T::AccountId>> {
        <Self as historical::SessionManager<_, _>>::new_session_genesis(index)
            .map(|set| set.into_iter().map(|(who, ())| who).collect())
    }

    fn start_session(index: SessionIndex) {
        <Self as historical::SessionManager<_, _>>::start_session(index);
    }

    fn end_session(index: SessionIndex) {
        <Self as historical::SessionManager<_, _>>::end_session(index);
    }
}

impl<T: Config> OnOffenceHandler<T::AccountId, historical::IdentificationTuple<T>, Weight>
    for Pallet<T>
{
    fn on_offence(
        offenders: &[OffenceDetails<T::AccountId, historical::IdentificationTuple<T>>],
        fractions: &[Perbill],
        session: SessionIndex,
    ) -> Weight {
        let mut weight = Weight::zero();
        let current = pallet_session::CurrentIndex::<T>::get();
        for (details, fraction) in offenders.iter().zip(fractions) {
            // Bond, hold, account, issuance, treasury, authorities, barred and its count, candidates, the
            // disabled validators, and each authority's bar.
            weight.saturating_accrue(
                T::DbWeight::get().reads_writes(10 + u64::from(T::MaxAuthorities::get()), 9),
            );
            let (validator, ()) = &details.offender;
            // Offences of accounts that are leaving still cost them their bond.
            let amount = Self::slash(validator, *fraction);
            let barred = Self::bar(validator, current);
            pallet_session::Pallet::<T>::report_offence(
                validator.clone(),
                OffenceSeverity(*fraction),
            );
            Self::deposit_event(Event::ValidatorSlashed {
                validator: validator.clone(),
                session,
                amount,
                barred,
            });
        }
        weight
    }
}
