//! What the calls do, after their origin is known.

use frame_support::{
    ensure,
    pallet_prelude::{DispatchResult, Get},
    traits::{fungible::MutateHold, tokens::Precision},
};

use crate::{
    Authorities, Barred, Bond, Bonds, Candidates, Config, Error, Event, HoldReason, Pallet,
    SeatLimits, Seats,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_add_authority(authority: T::AccountId) -> DispatchResult {
        ensure!(Self::has_keys(&authority), Error::<T>::NoSessionKeys);
        let bond = Self::sufficient_bond(&authority)?;
        ensure!(bond.free_from.is_none(), Error::<T>::AlreadyLeaving);
        Authorities::<T>::try_mutate(|list| {
            let at = list
                .binary_search(&authority)
                .err()
                .ok_or(Error::<T>::AlreadyAuthority)?;
            list.try_insert(at, authority.clone())
                .map_err(|_| Error::<T>::TooManyAuthorities)
        })?;
        Self::unseat(&authority);
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
        Self::deposit_event(Event::AuthorityRemoved { authority });
        Ok(())
    }

    pub(crate) fn do_reinstate(validator: T::AccountId) -> DispatchResult {
        Barred::<T>::take(&validator).ok_or(Error::<T>::NotBarred)?;
        Self::deposit_event(Event::Reinstated { validator });
        Ok(())
    }

    pub(crate) fn do_bond(who: T::AccountId, amount: u128) -> DispatchResult {
        let mut bond = Bonds::<T>::get(&who).unwrap_or_default();
        ensure!(bond.free_from.is_none(), Error::<T>::AlreadyLeaving);
        bond.amount = bond.amount.saturating_add(amount);
        ensure!(bond.amount >= T::MinBond::get(), Error::<T>::BondTooLow);
        <T as Config>::Currency::hold(&HoldReason::ValidatorBond.into(), &who, amount)?;
        Bonds::<T>::insert(&who, bond);
        Self::deposit_event(Event::Bonded {
            account: who,
            bond: bond.amount,
        });
        Ok(())
    }

    pub(crate) fn do_stand(who: T::AccountId, instead_of: Option<T::AccountId>) -> DispatchResult {
        ensure!(!Self::is_authority(&who), Error::<T>::AlreadyAuthority);
        ensure!(!Barred::<T>::contains_key(&who), Error::<T>::Barred);
        ensure!(Self::has_keys(&who), Error::<T>::NoSessionKeys);
        let bond = Self::sufficient_bond(&who)?;
        let mut list = Candidates::<T>::get();
        ensure!(
            list.binary_search(&who).is_err(),
            Error::<T>::AlreadyCandidate
        );
        let replaced = if list.is_full() {
            let other = instead_of.ok_or(Error::<T>::TooManyCandidates)?;
            let at = list
                .binary_search(&other)
                .map_err(|_| Error::<T>::NotCandidate)?;
            ensure!(
                Self::rank(&who) > Self::rank(&other),
                Error::<T>::NotOutranked
            );
            list.remove(at);
            Some(other)
        } else {
            None
        };
        let at = list.binary_search(&who).unwrap_or_else(|at| at);
        list.try_insert(at, who.clone())
            .map_err(|_| Error::<T>::TooManyCandidates)?;
        Candidates::<T>::put(list);
        Bonds::<T>::insert(
            &who,
            Bond {
                free_from: None,
                ..bond
            },
        );
        Self::deposit_event(Event::CandidateAdded {
            candidate: who,
            replaced,
        });
        Ok(())
    }

    pub(crate) fn do_leave(who: T::AccountId) -> DispatchResult {
        let mut bond = Bonds::<T>::get(&who).ok_or(Error::<T>::NotBonded)?;
        ensure!(!Self::is_authority(&who), Error::<T>::AlreadyAuthority);
        ensure!(bond.free_from.is_none(), Error::<T>::AlreadyLeaving);
        Self::unseat(&who);
        // It may be in this session and, already queued, in the next.
        let free_from =
            Self::free_after(pallet_session::CurrentIndex::<T>::get().saturating_add(1));
        bond.free_from = Some(free_from);
        Bonds::<T>::insert(&who, bond);
        Self::deposit_event(Event::Leaving {
            account: who,
            free_from,
        });
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
        let bond = Bonds::<T>::get(&who).ok_or(Error::<T>::NotBonded)?;
        let free_from = bond.free_from.ok_or(Error::<T>::NotLeaving)?;
        ensure!(
            pallet_session::CurrentIndex::<T>::get() >= free_from,
            Error::<T>::CoolingDown
        );
        <T as Config>::Currency::release(
            &HoldReason::ValidatorBond.into(),
            &who,
            bond.amount,
            Precision::Exact,
        )?;
        Bonds::<T>::remove(&who);
        Self::deposit_event(Event::Withdrawn {
            account: who,
            bond: bond.amount,
        });
        Ok(())
    }

    pub(crate) fn do_set_seats(seats: Seats) -> DispatchResult {
        ensure!(Self::are_sound(&seats), Error::<T>::BadSeats);
        SeatLimits::<T>::put(seats);
        Self::deposit_event(Event::SeatsSet { seats });
        Ok(())
    }

    /// Whether governance may set these seats.
    pub(crate) fn are_sound(seats: &Seats) -> bool {
        0 < seats.least && seats.least <= seats.most && seats.most <= T::MaxAuthorities::get()
    }

    /// The bond of an account, if it is at least the minimum.
    fn sufficient_bond(who: &T::AccountId) -> Result<Bond, Error<T>> {
        Bonds::<T>::get(who)
            .filter(|bond| bond.amount >= T::MinBond::get())
            .ok_or(Error::<T>::NotBonded)
    }
}
