//! What the calls do, after their origin is known.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{fungible::Mutate, tokens::Preservation},
};

use crate::{Config, Current, Error, Event, Owed, Pallet, Role};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_claim(account: T::AccountId) -> DispatchResult {
        let current = Current::<T>::get().number;
        let (mut amount, mut folded) = (0u128, false);
        Self::change(&account, |record| {
            for role in Role::ALL {
                let entry = record.of(role);
                folded |= Self::fold(role, entry, current);
                amount = amount.saturating_add(core::mem::take(&mut entry.pending));
            }
        });
        // Points may be worth less than a planck. Taking them is progress all the same: what they leave is
        // for the others.
        ensure!(amount > 0 || folded, Error::<T>::NothingToClaim);
        if amount > 0 {
            let pot = Self::account_id();
            T::Currency::transfer(&pot, &account, amount, Preservation::Preserve)?;
            Owed::<T>::mutate(|owed| *owed = owed.saturating_sub(amount));
        }
        Self::deposit_event(Event::RewardsClaimed { account, amount });
        Ok(())
    }
}
