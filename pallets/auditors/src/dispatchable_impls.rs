//! What the calls do, after their origin is known.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{
        Get,
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
    },
};
use frame_system::Pallet as System;
use sp_runtime::{Perbill, Saturating};
use sungrid_primitives::attributes::{PerAttribute, Statement};

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_admit(auditor: T::AccountId) -> DispatchResult {
        ensure!(
            !Auditors::<T>::contains_key(&auditor),
            Error::<T>::AlreadyAdmitted
        );
        let admission = NextAdmission::<T>::get();
        let next = admission
            .checked_add(1)
            .ok_or(Error::<T>::TooManyAdmissions)?;
        NextAdmission::<T>::put(next);
        Auditors::<T>::insert(
            &auditor,
            AuditorRecord {
                admission,
                bond: 0,
                leaving: None,
            },
        );
        Self::deposit_event(Event::AuditorAdmitted { auditor, admission });
        Ok(())
    }

    pub(crate) fn do_bond(auditor: T::AccountId) -> DispatchResult {
        let mut record = Auditors::<T>::get(&auditor).ok_or(Error::<T>::NotAdmitted)?;
        ensure!(record.bond == 0, Error::<T>::AlreadyBonded);
        let bond = T::AuditorBond::get();
        T::Currency::hold(&HoldReason::AuditorBond.into(), &auditor, bond)?;
        record.bond = bond;
        Auditors::<T>::insert(&auditor, record);
        Self::deposit_event(Event::AuditorBonded { auditor, bond });
        Ok(())
    }

    pub(crate) fn do_attest(
        auditor: T::AccountId,
        worker: T::AccountId,
        statement: Statement,
    ) -> DispatchResult {
        let record = Self::serving(&auditor)?;
        let declared = pallet_workers::Workers::<T>::get(&worker)
            .ok_or(Error::<T>::UnknownWorker)?
            .attributes;
        ensure!(statement.agrees_with(&declared), Error::<T>::NotDeclared);
        let until = System::<T>::block_number().saturating_add(T::AttestationPeriod::get());
        Attested::<T>::mutate(&worker, |attestations| {
            *attestations.get_or_insert_default().of_mut(&statement) = Some(Attestation {
                auditor: auditor.clone(),
                admission: record.admission,
                until,
            });
        });
        Self::deposit_event(Event::AttributeAttested {
            worker,
            auditor,
            statement,
            until,
        });
        Ok(())
    }

    pub(crate) fn do_retract(
        auditor: T::AccountId,
        worker: T::AccountId,
        attributes: PerAttribute<bool>,
    ) -> DispatchResult {
        ensure!(
            Self::remove(&worker, attributes, |given| given.auditor == auditor),
            Error::<T>::NothingToRetract
        );
        Ok(())
    }

    pub(crate) fn do_resign(auditor: T::AccountId) -> DispatchResult {
        let mut record = Self::serving(&auditor)?;
        let until = System::<T>::block_number()
            .saturating_add(T::AttestationPeriod::get())
            .saturating_add(T::Cooldown::get());
        record.leaving = Some(until);
        Auditors::<T>::insert(&auditor, record);
        Self::deposit_event(Event::AuditorResigned { auditor, until });
        Ok(())
    }

    pub(crate) fn do_withdraw(auditor: T::AccountId) -> DispatchResult {
        let AuditorRecord { bond, leaving, .. } =
            Auditors::<T>::get(&auditor).ok_or(Error::<T>::NotAdmitted)?;
        let until = leaving.ok_or(Error::<T>::NotResigned)?;
        ensure!(
            System::<T>::block_number() >= until,
            Error::<T>::CoolingDown
        );
        Self::release(&auditor, bond)?;
        Auditors::<T>::remove(&auditor);
        Self::deposit_event(Event::AuditorWithdrawn { auditor, bond });
        Ok(())
    }

    pub(crate) fn do_dismiss(auditor: T::AccountId, slash: Perbill) -> DispatchResult {
        let AuditorRecord { bond, .. } =
            Auditors::<T>::take(&auditor).ok_or(Error::<T>::NotAdmitted)?;
        let slashed = slash.mul_ceil(bond);
        if slashed > 0 {
            T::Currency::transfer_on_hold(
                &HoldReason::AuditorBond.into(),
                &auditor,
                &T::Treasury::get(),
                slashed,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Force,
            )?;
        }
        // No underflow: a part of the bond, rounded up, is at most the bond.
        let released = bond.saturating_sub(slashed);
        Self::release(&auditor, released)?;
        Self::deposit_event(Event::AuditorDismissed {
            auditor,
            slashed,
            released,
        });
        Ok(())
    }

    fn release(auditor: &T::AccountId, amount: u128) -> DispatchResult {
        let reason = HoldReason::AuditorBond.into();
        T::Currency::release(&reason, auditor, amount, Precision::Exact)?;
        Ok(())
    }

    /// An auditor that may attest.
    fn serving(auditor: &T::AccountId) -> Result<AuditorRecordOf<T>, Error<T>> {
        let record = Auditors::<T>::get(auditor).ok_or(Error::<T>::NotAdmitted)?;
        ensure!(record.bond > 0, Error::<T>::NotBonded);
        ensure!(record.leaving.is_none(), Error::<T>::Resigned);
        Ok(record)
    }
}
