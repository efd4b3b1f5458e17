//! What must always hold.

use alloc::collections::BTreeMap;
use frame_support::{
    ensure,
    traits::{Get, fungible::InspectHold},
};
use sp_runtime::{TryRuntimeError, traits::Saturating};
use sungrid_primitives::jurisdiction;

use crate::{Config, HoldReason, Offers, Pallet, Workers};

impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. the bonds of an operator's workers, with what others delegated, are what is held of it for them;
    /// 2. every worker has capacity, and no more than it is in use;
    /// 3. capacity is in use only for batches in flight;
    /// 4. every worker key has the reference that lets it transact;
    /// 5. every jurisdiction is assigned, and every worker serves some class, each once;
    /// 6. nobody has made a feeless call yet to come;
    /// 7. what others delegated has shares, and no more of them leave than there are;
    /// 8. only registered workers are offered;
    /// 9. nobody rests for longer than a miss costs;
    /// 10. what leaves is part of the operator's bond, in the order in which it left, and nothing is to leave yet.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut bonds = BTreeMap::<T::AccountId, u128>::new();
        for (worker, record) in Workers::<T>::iter() {
            let sum = bonds.entry(record.operator.clone()).or_default();
            *sum = sum.saturating_add(record.slashable());
            ensure!(
                record.capacity > 0 && record.committed <= record.capacity,
                "2: more capacity is in use than there is"
            );
            ensure!(
                record.in_flight > 0 || record.committed == 0,
                "3: capacity is in use without a batch in flight"
            );
            ensure!(
                frame_system::Pallet::<T>::sufficients(&worker) > 0,
                "4: a worker key has no reference"
            );
            ensure!(
                jurisdiction::is_assigned(record.attributes.jurisdiction),
                "5: a jurisdiction does not exist"
            );
            ensure!(
                Self::check_attributes(&record.attributes).is_ok(),
                "5: a worker serves no class, or one twice"
            );
            ensure!(
                record.allowance.at <= frame_system::Pallet::<T>::block_number(),
                "6: a feeless call was made in the future"
            );
            ensure!(
                record.arrears <= T::MaxMissRest::get()
                    && record.rests_until
                        <= frame_system::Pallet::<T>::block_number()
                            .saturating_add(T::MaxMissRest::get()),
                "9: a worker rests for longer than a miss or a fault costs"
            );
            let now = frame_system::Pallet::<T>::block_number();
            let parts = &record.unbonding;
            ensure!(
                record.leaving() <= record.bond
                    && parts.iter().all(|part| part.amount > 0 && part.left <= now)
                    && parts.windows(2).all(|two| two[0].left < two[1].left),
                "10: more leaves than is bonded, or in another order than it left"
            );
            let delegated = record.delegated;
            ensure!(
                delegated.leaving <= delegated.shares
                    && (delegated.shares > 0 || delegated.stake == 0),
                "7: more shares leave than there are, or a stake has none"
            );
        }
        for worker in Offers::<T>::iter_keys() {
            ensure!(
                Workers::<T>::contains_key(&worker),
                "8: somebody is offered who is no worker"
            );
        }
        for (operator, sum) in bonds {
            let held = T::Currency::balance_on_hold(&HoldReason::Bond.into(), &operator);
            ensure!(held == sum, "1: bonds differ from what is held");
        }
        Ok(())
    }
}
