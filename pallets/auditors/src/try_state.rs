//! What must always hold.

use alloc::collections::BTreeSet;
use frame_support::{
    ensure,
    traits::{Get, fungible::InspectHold},
};
use sp_runtime::{Saturating, TryRuntimeError};
use sungrid_primitives::attributes::PerAttribute;

use crate::*;

impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. an auditor's bond is what is held of it for it;
    /// 2. every admission has a number of its own, below the next one;
    /// 3. whoever has resigned is bonded;
    /// 4. attestations are about workers in the register, some attribute of each;
    /// 5. an attestation was given in an admission that there was, and counts no longer than its period.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let next = NextAdmission::<T>::get();
        let mut admissions = BTreeSet::new();
        for (auditor, record) in Auditors::<T>::iter() {
            let held = T::Currency::balance_on_hold(&HoldReason::AuditorBond.into(), &auditor);
            ensure!(
                held == record.bond,
                "auditors 1: a bond differs from what is held"
            );
            ensure!(
                record.admission < next && admissions.insert(record.admission),
                "auditors 2: an admission has no number of its own"
            );
            ensure!(
                record.leaving.is_none() || record.bond > 0,
                "auditors 3: somebody resigned who never bonded"
            );
        }
        let now = frame_system::Pallet::<T>::block_number();
        let latest = now.saturating_add(T::AttestationPeriod::get());
        for (worker, given) in Attested::<T>::iter() {
            ensure!(
                pallet_workers::Workers::<T>::contains_key(&worker)
                    && given != PerAttribute::default(),
                "auditors 4: something is attested of nobody, or nothing of somebody"
            );
            let mut sound = true;
            let _ = given.map(|attestation| {
                sound &=
                    attestation.is_none_or(|given| given.admission < next && given.until <= latest);
            });
            ensure!(
                sound,
                "auditors 5: an attestation that nobody can have given"
            );
        }
        Ok(())
    }
}
