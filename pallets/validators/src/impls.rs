//! What the calls do, the session manager and the offence handler.

use alloc::vec::Vec;

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get, Weight},
    traits::{
        Imbalance, OnUnbalanced,
        fungible::Balanced,
        tokens::{Fortitude, Precision, Preservation},
    },
};
use pallet_session::historical;
use sp_runtime::{Perbill, traits::Convert};
use sp_staking::{
    SessionIndex,
    offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
};

use crate::{Authorities, Barred, Config, Error, Event, Pallet, pallet::BalanceOf};

/// Identifies a validator by its account alone: there is no exposure of nominators to remember.
pub struct UnitIdentification;

impl<AccountId> Convert<AccountId, Option<()>> for UnitIdentification {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_add_authority(authority: T::AccountId) -> DispatchResult {
        ensure!(
            pallet_session::NextKeys::<T>::contains_key(&authority),
            Error::<T>::NoSessionKeys
        );
        Authorities::<T>::try_mutate(|list| {
            let at = list
                .binary_search(&authority)
                .err()
                .ok_or(Error::<T>::AlreadyAuthority)?;
            list.try_insert(at, authority.clone())
                .map_err(|_| Error::<T>::TooManyAuthorities)
        })?;
        Self::deposit_event(Event::AuthorityAdded { authority });
        Ok(())
    }

    pub(crate) fn do_remove_authority(authority: T::AccountId) -> DispatchResult {
        Authorities::<T>::try_mutate(|list| {
            let at = list
                .binary_search(&authority)
                .map_err(|_| Error::<T>::NotAuthority)?;
            let others_left = list
                .iter()
                .any(|other| *other != authority && !Barred::<T>::contains_key(other));
            ensure!(others_left, Error::<T>::LastAuthority);
            list.remove(at);
            Ok::<_, Error<T>>(())
        })?;
        Barred::<T>::remove(&authority);
        Self::deposit_event(Event::AuthorityRemoved { authority });
        Ok(())
    }

    pub(crate) fn do_reinstate(authority: T::AccountId) -> DispatchResult {
        Barred::<T>::take(&authority).ok_or(Error::<T>::NotBarred)?;
        Self::deposit_event(Event::AuthorityReinstated { authority });
        Ok(())
    }

    /// The authorities that should validate: neither barred nor without keys.
    pub fn eligible() -> Vec<T::AccountId> {
        Authorities::<T>::get()
            .into_iter()
            .filter(|who| {
                !Barred::<T>::contains_key(who) && pallet_session::NextKeys::<T>::contains_key(who)
            })
            .collect()
    }

    /// Takes the fine for a slash of `fraction` from `who`; the amount that was there to take.
    ///
    /// The account keeps its minimum balance, because its session keys still refer to it.
    fn fine(who: &T::AccountId, fraction: Perbill) -> BalanceOf<T> {
        let due = fraction.mul_ceil(T::MaxFine::get());
        let Ok(credit) = <T as Config>::Currency::withdraw(
            who,
            due,
            Precision::BestEffort,
            Preservation::Preserve,
            Fortitude::Force,
        ) else {
            return Default::default();
        };
        let taken = credit.peek();
        T::FineDestination::on_unbalanced(credit);
        taken
    }

    /// Bars `who` unless nobody else could author blocks.
    fn bar(who: &T::AccountId, session: SessionIndex) -> bool {
        let others_left = Self::eligible().iter().any(|other| other != who);
        if others_left {
            Barred::<T>::insert(who, session);
        }
        others_left
    }

    /// The invariants of this pallet:
    ///
    /// 1. the authorities are sorted and distinct;
    /// 2. only authorities are barred;
    /// 3. some authority is not barred, once there is one.
    ///
    /// # Errors
    /// Names the invariant that does not hold.
    #[cfg(any(feature = "try-runtime", test))]
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let list = Authorities::<T>::get();
        ensure!(
            list.windows(2).all(|pair| pair[0] < pair[1]),
            "invariant 1: authorities are not sorted and distinct"
        );
        ensure!(
            Barred::<T>::iter_keys().all(|who| list.binary_search(&who).is_ok()),
            "invariant 2: an account is barred that is no authority"
        );
        ensure!(
            list.is_empty() || list.iter().any(|who| !Barred::<T>::contains_key(who)),
            "invariant 3: every authority is barred"
        );
        Ok(())
    }
}

impl<T: Config> historical::SessionManager<T::AccountId, ()> for Pallet<T> {
    fn new_session_genesis(_: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        let mut list = pallet_session::NextKeys::<T>::iter_keys().collect::<Vec<_>>();
        list.sort();
        // Both genesis sessions come through here; the second finds what the first stored.
        list.truncate(T::MaxAuthorities::get() as usize);
        Authorities::<T>::put(frame_support::BoundedVec::truncate_from(list.clone()));
        (!list.is_empty()).then(|| list.into_iter().map(|who| (who, ())).collect())
    }

    fn new_session(_: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        let wanted = Self::eligible();
        if wanted.is_empty() {
            log::error!(
                target: "runtime::validators",
                "no authority has session keys: the chain stops with the next session"
            );
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
            // Account, issuance, authorities, barred, the disabled validators, and each authority's bar.
            weight.saturating_accrue(
                T::DbWeight::get().reads_writes(5 + 2 * u64::from(T::MaxAuthorities::get()), 5),
            );
            let (authority, ()) = &details.offender;
            // Offences of accounts that have left still cost them what they still have here.
            let amount = Self::fine(authority, *fraction);
            let known = Authorities::<T>::get().binary_search(authority).is_ok();
            let barred = known && Self::bar(authority, current);
            pallet_session::Pallet::<T>::report_offence(
                authority.clone(),
                OffenceSeverity(*fraction),
            );
            Self::deposit_event(Event::AuthorityFined {
                authority: authority.clone(),
                session,
                amount,
                barred,
            });
        }
        weight
    }
}
