//! What the register of workers asks and tells.

use frame_system::Pallet as System;
use sungrid_primitives::{
    attributes::{PerAttribute, Tier, Tiers},
    traits::Attestations as AttestationsTrait,
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Whether an attestation counts now.
    fn counts(given: &AttestationOf<T>) -> bool {
        System::<T>::block_number() < given.until
            && Auditors::<T>::get(&given.auditor)
                .is_some_and(|auditor| auditor.admission == given.admission)
    }

    /// Removes those attestations of a worker, among the marked, that `which` chooses; says whether there were any.
    pub(crate) fn remove(
        worker: &T::AccountId,
        mut marked: PerAttribute<bool>,
        which: impl Fn(&AttestationOf<T>) -> bool,
    ) -> bool {
        let Some(mut given) = Attested::<T>::get(worker) else {
            return false;
        };
        let PerAttribute {
            jurisdiction,
            region,
            architecture,
            energy,
            carbon,
        } = &mut given;
        for (attestation, mark) in [
            (jurisdiction, &mut marked.jurisdiction),
            (region, &mut marked.region),
            (architecture, &mut marked.architecture),
            (energy, &mut marked.energy),
            (carbon, &mut marked.carbon),
        ] {
            *mark = *mark && attestation.as_ref().is_some_and(&which);
            if *mark {
                *attestation = None;
            }
        }
        if marked == PerAttribute::default() {
            return false;
        }
        if given == PerAttribute::default() {
            Attested::<T>::remove(worker);
        } else {
            Attested::<T>::insert(worker, given);
        }
        Self::deposit_event(Event::AttestationsRevoked {
            worker: worker.clone(),
            attributes: marked,
        });
        true
    }
}

impl<T: Config> AttestationsTrait<T::AccountId> for Pallet<T> {
    fn tiers(worker: &T::AccountId) -> Tiers {
        let Some(given) = Attested::<T>::get(worker) else {
            return Tiers::default();
        };
        given.map(|attestation| match attestation {
            Some(attestation) if Self::counts(&attestation) => Tier::Attested,
            _ => Tier::Declared,
        })
    }

    fn revoke(worker: &T::AccountId, changed: PerAttribute<bool>) {
        Self::remove(worker, changed, |_| true);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(worker: &T::AccountId) {
        use codec::Decode;
        use sp_runtime::traits::{BlakeTwo256, Bounded, Hash, TrailingZeroInput};

        let admission = NextAdmission::<T>::get();
        NextAdmission::<T>::put(admission.saturating_add(1));
        let mut number = 0u8;
        let given = PerAttribute::<()>::default().map(|()| {
            number = number.saturating_add(1);
            let hash = BlakeTwo256::hash_of(&(worker, number));
            let auditor = T::AccountId::decode(&mut TrailingZeroInput::new(hash.as_ref())).ok()?;
            let record = AuditorRecord {
                admission,
                bond: 0,
                leaving: None,
            };
            Auditors::<T>::insert(&auditor, record);
            let until = Bounded::max_value();
            Some(Attestation {
                auditor,
                admission,
                until,
            })
        });
        Attested::<T>::insert(worker, given);
    }
}
