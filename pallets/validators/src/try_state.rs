//! What must always hold.

use frame_support::{ensure, traits::fungible::InspectHold};

use crate::{Authorities, Barred, Bonds, Candidates, Config, HoldReason, Pallet, SeatLimits};

impl<T: Config> Pallet<T> {
    /// The invariants of this pallet:
    ///
    /// 1. the authorities are sorted and distinct, and so are the candidates;
    /// 2. a candidate is no authority, not barred, and has a bond that is not on its way out;
    /// 3. some authority is not barred, once there is one;
    /// 4. a bond is what is held for it;
    /// 5. governance could have set the seats.
    ///
    /// # Errors
    /// Names the invariant that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let (authorities, candidates) = (Authorities::<T>::get(), Candidates::<T>::get());
        ensure!(
            authorities.windows(2).all(|pair| pair[0] < pair[1])
                && candidates.windows(2).all(|pair| pair[0] < pair[1]),
            "invariant 1: authorities or candidates are not sorted and distinct"
        );
        for who in &candidates {
            ensure!(
                authorities.binary_search(who).is_err()
                    && !Barred::<T>::contains_key(who)
                    && Bonds::<T>::get(who).is_some_and(|bond| bond.free_from.is_none()),
                "invariant 2: a candidate may not be one"
            );
        }
        ensure!(
            authorities.is_empty()
                || authorities
                    .iter()
                    .any(|who| !Barred::<T>::contains_key(who)),
            "invariant 3: every authority is barred"
        );
        let reason = HoldReason::ValidatorBond.into();
        for (who, bond) in Bonds::<T>::iter() {
            ensure!(
                <T as Config>::Currency::balance_on_hold(&reason, &who) == bond.amount,
                "invariant 4: a bond is not what is held for it"
            );
        }
        ensure!(
            Self::are_sound(&SeatLimits::<T>::get()),
            "invariant 5: the seats are not sound"
        );
        Ok(())
    }
}
