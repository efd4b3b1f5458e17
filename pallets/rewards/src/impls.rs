//! How income and work reach the pallet, and what must always hold.

use frame_support::traits::{Get, Imbalance, OnUnbalanced, fungible::Balanced};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::AccountIdConversion;
use sungrid_primitives::traits::{Income, Payment};

use crate::{Config, Credit, CreditOf, Current, Pallet, Role};

impl<T: Config> Pallet<T> {
    /// The account of the pot.
    pub fn account_id() -> T::AccountId {
        T::PalletId::get().into_account_truncating()
    }
}

impl<T: Config> Income<T::AccountId> for Pallet<T> {
    fn pot() -> T::AccountId {
        Self::account_id()
    }

    fn paid(payment: Payment<T::AccountId>) {
        let Payment {
            worker,
            operator,
            developer,
            amount,
            charge,
            units,
        } = payment;
        Current::<T>::mutate(|round| {
            round.payments = round.payments.saturating_add(amount);
            Self::earn(Role::Worker, &operator, amount, round);
            if let Some(developer) = developer {
                Self::earn(Role::Developer, &developer, charge, round);
            }
        });
        Credit::<T>::mutate(worker, |credit| {
            credit.planck = credit.planck.saturating_add(amount);
            credit.units = credit.units.saturating_add(units.into());
        });
    }
}

/// Transaction fees, and the tips with them, go into the pot.
impl<T: Config> OnUnbalanced<CreditOf<T>> for Pallet<T> {
    fn on_nonzero_unbalanced(fee: CreditOf<T>) {
        let amount = fee.peek();
        // Only a pot that does not exist could refuse, and the genesis makes it exist. Dropping the rest
        // would then burn it, which keeps the issuance true.
        if T::Currency::resolve(&Self::account_id(), fee).is_ok() {
            Current::<T>::mutate(|round| round.fees = round.fees.saturating_add(amount));
        }
    }
}

impl<T: Config + pallet_authorship::Config>
    pallet_authorship::EventHandler<T::AccountId, BlockNumberFor<T>> for Pallet<T>
{
    fn note_author(author: T::AccountId) {
        Current::<T>::mutate(|round| Self::earn(Role::Author, &author, 1, round));
    }
}

#[cfg(any(feature = "try-runtime", test))]
impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. points: of the current round and of every ended one, those of the accounts add up, role by role;
    /// 2. an ended round is kept exactly while it has points left, and a share without points has no planck;
    /// 3. what is owed = open shares + pending + carried;
    /// 4. the pot holds the existential deposit, what is owed and the current round's income;
    /// 5. an account without points and without pending planck is not stored;
    /// 6. the last round's parts add up to its income.
    pub(crate) fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        use alloc::collections::BTreeMap;
        use frame_support::{ensure, traits::fungible::Inspect};

        use crate::{Accounts, CarriedOver, LastRound, Owed, Rounds};

        let mut current = Current::<T>::get();
        let mut points = BTreeMap::<(u32, Role), u128>::new();
        let mut pending = 0u128;
        for (role, _, entry) in Accounts::<T>::iter() {
            ensure!(
                entry.points > 0 || entry.pending > 0,
                "5: an empty account is stored"
            );
            ensure!(
                entry.points == 0 || entry.round <= current.number,
                "1: points of a round that has not begun"
            );
            if entry.points > 0 {
                *points.entry((entry.round, role)).or_default() += entry.points;
            }
            pending += entry.pending;
        }
        let mut open = 0u128;
        for (number, mut round) in Rounds::<T>::iter() {
            ensure!(
                number < current.number,
                "2: a round that has not ended is open"
            );
            ensure!(!round.is_taken(), "2: an open round has no points left");
            for role in Role::ALL {
                let share = *round.of(role);
                ensure!(
                    share.points > 0 || share.left == 0,
                    "2: a share has planck and no points"
                );
                let taken = points.remove(&(number, role)).unwrap_or(0);
                ensure!(
                    taken == share.points,
                    "1: points of an ended round do not add up"
                );
            }
            open += round.left();
        }
        for role in Role::ALL {
            let given = points.remove(&(current.number, role)).unwrap_or(0);
            ensure!(
                given == *current.points.of(role),
                "1: points of the current round do not add up"
            );
        }
        ensure!(points.is_empty(), "1: points of a round that is gone");

        let owed = Owed::<T>::get();
        ensure!(
            owed == open + pending + CarriedOver::<T>::get().total(),
            "3: what is owed does not add up"
        );
        let least = T::Currency::minimum_balance() + owed + current.payments + current.fees;
        ensure!(
            T::Currency::total_balance(&Self::account_id()) >= least,
            "4: the pot holds less than it should"
        );
        if let Some(last) = LastRound::<T>::get() {
            ensure!(
                last.payments + last.fees + last.emission
                    == last.authors + last.foundation + last.developers + last.workers,
                "6: the split of the last round does not add up"
            );
        }
        Ok(())
    }
}
