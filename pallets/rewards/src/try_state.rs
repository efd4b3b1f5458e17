//! What must always hold.

use alloc::collections::BTreeMap;

use frame_support::{
    ensure,
    traits::{Get, fungible::Inspect},
};

use crate::{
    Accounts, CarriedOver, Config, Credit, Current, LastRound, Owed, Pallet, Role, Rounds,
};

impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. points: of the current round and of every ended one, those of the accounts add up, role by role;
    /// 2. an ended round is kept exactly while it has points left, and a share without points has no planck;
    /// 3. what is owed = open shares + pending + carried;
    /// 4. the pot holds the existential deposit, what is owed and the current round's income;
    /// 5. an account without points, without pending planck and without credit is not stored;
    /// 6. the last round's parts add up to its income, and its emission together with what the node reserve
    ///    granted by credit is at most [`Config::EmissionRate`] of its payments;
    /// 7. the live workers of the current round are those counted in it;
    /// 8. no credit is of a round that has not begun.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let mut current = Current::<T>::get();
        let mut points = BTreeMap::<(u32, Role), u128>::new();
        let mut pending = 0u128;
        for (_, mut record) in Accounts::<T>::iter() {
            ensure!(!record.is_empty(), "5: an empty account is stored");
            ensure!(
                record.credit.round <= current.number,
                "8: credit of a round that has not begun"
            );
            for role in Role::ALL {
                let entry = *record.of(role);
                ensure!(
                    entry.points == 0 || entry.round <= current.number,
                    "1: points of a round that has not begun"
                );
                if entry.points > 0 {
                    *points.entry((entry.round, role)).or_default() += entry.points;
                }
                pending += entry.pending;
            }
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
            ensure!(
                last.emission + last.granted <= T::EmissionRate::get().mul_floor(last.payments),
                "6: more was issued than washing costs"
            );
        }
        let mut live = 0u128;
        for (_, credit) in Credit::<T>::iter() {
            live += u128::from(credit.live == Some(current.number));
            ensure!(
                credit.history.round <= current.number,
                "8: credit of a round that has not begun"
            );
        }
        ensure!(
            live == current.points.nodes,
            "7: live workers do not add up"
        );
        Ok(())
    }
}
