//! How income, work and signs of life reach the pallet.

use frame_support::{
    storage::with_storage_layer,
    traits::{Get, OnUnbalanced, fungible::Balanced},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::AccountIdConversion;
use sungrid_primitives::{
    delegation::{Earnings, IncomeShares},
    traits::{CreditHistory, Income, Liveness, Payment},
};

use crate::{
    AccountRecord, Accounts, Config, Credit, CreditOf, Current, FoundationReserve, Pallet, Role,
    WorkerCredit, types::CurrentRound,
};

impl<T: Config> Pallet<T> {
    /// The account of the pot.
    pub fn account_id() -> T::AccountId {
        T::PalletId::get().into_account_truncating()
    }

    /// The account of the node reserve, which nobody has a key to.
    pub fn node_reserve() -> T::AccountId {
        T::ReserveId::get().into_account_truncating()
    }

    /// The account that receives what the treasury leaves unspent: the treasury's own while governance has
    /// named none.
    pub fn foundation_reserve() -> T::AccountId {
        FoundationReserve::<T>::get().unwrap_or_else(T::Treasury::get)
    }

    /// Notes a worker's sign of life, once per round.
    fn count_live(
        credit: &mut WorkerCredit,
        operator: &mut AccountRecord,
        round: &mut CurrentRound<BlockNumberFor<T>>,
    ) {
        if credit.live != Some(round.number) {
            credit.live = Some(round.number);
            Self::add_points(Role::Node, operator, 1, round);
        }
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
        let window = T::CreditWindow::get();
        // Before the round is read: they may look at what they have earned in the last one.
        let shared = T::Delegations::share(&worker, amount);
        let mut round = Current::<T>::get();
        round.payments = round.payments.saturating_add(amount);
        let mut own = amount;
        if let Some((account, part)) = shared {
            own = own.saturating_sub(part);
            Self::earn(Role::Worker, &account, part, &mut round);
        }
        if let Some(developer) = developer {
            Self::earn(Role::Developer, &developer, charge, &mut round);
        }
        Self::change(&operator, |operator| {
            Self::add_points(Role::Worker, operator, own, &mut round);
            operator.credit.add(amount, round.number, window);
            Credit::<T>::mutate(&worker, |credit| {
                credit.planck = credit.planck.saturating_add(amount);
                credit.units = credit.units.saturating_add(units.into());
                credit.history.add(amount, round.number, window);
                // To claim, the worker was bonded for its capacity; to deliver, it ran at least one lane of it.
                if amount > 0 {
                    Self::count_live(credit, operator, &mut round);
                }
            });
        });
        Current::<T>::put(round);
    }

    fn faulted(worker: &T::AccountId, operator: &T::AccountId) {
        let (round, window) = (Current::<T>::get().number, T::CreditWindow::get());
        Credit::<T>::mutate(worker, |credit| {
            // A third, rounded up: two thirds are left, rounded down.
            let lost = credit.history.at(round, window).div_ceil(3);
            credit.history.cut(lost, round, window);
            Self::change(operator, |record| record.credit.cut(lost, round, window));
        });
    }
}

impl<T: Config> Liveness<T::AccountId> for Pallet<T> {
    fn note_live(worker: &T::AccountId, operator: &T::AccountId) {
        Current::<T>::mutate(|round| {
            Credit::<T>::mutate(worker, |credit| {
                // Mostly it was.
                if credit.live != Some(round.number) {
                    Self::change(operator, |operator| {
                        Self::count_live(credit, operator, round);
                    });
                }
            });
        });
    }

    fn is_live(worker: &T::AccountId, round: u32) -> bool {
        Credit::<T>::get(worker).live == Some(round)
    }

    fn live_workers() -> u64 {
        Current::<T>::get().points.nodes as u64
    }
}

impl<T: Config> Earnings<T::AccountId> for Pallet<T> {
    fn round() -> u32 {
        Current::<T>::get().number
    }

    fn claimable(account: &T::AccountId) -> u128 {
        Self::claimable(account)
    }

    fn claim(account: &T::AccountId) -> Result<(), ()> {
        with_storage_layer(|| Self::do_claim(account.clone())).map_err(|_| ())
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn end_round() {
        let ends = Current::<T>::get().ends;
        frame_system::Pallet::<T>::set_block_number(ends);
        Self::tick(ends);
    }
}

impl<T: Config> CreditHistory<T::AccountId> for Pallet<T> {
    fn credit_average(operator: &T::AccountId) -> u128 {
        let credit = Accounts::<T>::get(operator).credit;
        credit.average(Current::<T>::get().number, T::CreditWindow::get())
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(operator: &T::AccountId, average: u128) {
        let sum = average.saturating_mul(T::CreditWindow::get().into());
        let round = Current::<T>::get().number;
        Self::change(operator, |record| {
            record.credit = crate::History { sum, round }
        });
    }
}

/// Transaction fees, and the tips with them, go into the pot.
impl<T: Config> OnUnbalanced<CreditOf<T>> for Pallet<T> {
    fn on_nonzero_unbalanced(fee: CreditOf<T>) {
        // Only a pot that does not exist could refuse, and the genesis makes it exist. Dropping the rest
        // would then burn it, which keeps the issuance true. The next block notes what has come: that is one
        // write for a block instead of one for each transaction.
        let _ = T::Currency::resolve(&Self::account_id(), fee);
    }
}

impl<T: Config + pallet_authorship::Config>
    pallet_authorship::EventHandler<T::AccountId, BlockNumberFor<T>> for Pallet<T>
{
    fn note_author(author: T::AccountId) {
        Current::<T>::mutate(|round| Self::earn(Role::Author, &author, 1, round));
    }
}
