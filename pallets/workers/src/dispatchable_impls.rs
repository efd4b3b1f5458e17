//! What the calls do, after their origin is known.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{Get, fungible::MutateHold, tokens::Precision},
};
use frame_system::{Pallet as System, pallet_prelude::BlockNumberFor};
use sp_core::sr25519;
use sp_runtime::Saturating;
use sungrid_primitives::{
    attributes::{Attributes, PerAttribute},
    delegation::Delegations,
    environment::EnvironmentId,
    jurisdiction,
    registration::registration_payload,
    suns::Resources,
    traits::{Attestations, CapacityProofs, Pricing, ProfileId, Roster},
};

use crate::{
    Config, Endpoint, Error, Event, HoldReason, Offers, Pallet, WorkerRecord, WorkerRecordOf,
    WorkerState, Workers,
};

impl<T: Config> Pallet<T> {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn do_register(
        operator: T::AccountId,
        worker: T::AccountId,
        endpoint: Endpoint,
        attributes: Attributes,
        environment: EnvironmentId,
        profile: ProfileId,
        resources: Resources,
        bond: u128,
        proof: sr25519::Signature,
    ) -> DispatchResult {
        ensure!(
            !Workers::<T>::contains_key(&worker),
            Error::<T>::AlreadyRegistered
        );
        Self::check_attributes(&attributes)?;
        ensure!(
            T::Pricing::accepts(&environment),
            Error::<T>::UnknownEnvironment
        );
        let capacity = Self::capacity_of(profile, &resources)?;
        ensure!(bond >= Self::bond_for(capacity), Error::<T>::BondTooLow);
        Self::check_proof(&operator, &worker, &proof)?;

        T::Currency::hold(&HoldReason::Bond.into(), &operator, bond)?;
        System::<T>::inc_sufficients(&worker);
        Workers::<T>::insert(
            &worker,
            WorkerRecord {
                operator: operator.clone(),
                endpoint,
                attributes,
                environment,
                profile,
                capacity,
                committed: 0,
                in_flight: 0,
                busy_since: Default::default(),
                claimed_at: Default::default(),
                liable_until: Default::default(),
                withheld_until: Default::default(),
                rests_until: Default::default(),
                arrears: Default::default(),
                keyed_at: System::<T>::block_number(),
                bond,
                unbonding: Default::default(),
                delegated: Default::default(),
                state: WorkerState::Active,
                faults: 0,
                missed: 0,
                declined: 0,
                handed_back: 0,
                accepted_units: 0,
                delivered: 0,
                allowance: Default::default(),
            },
        );
        T::Roster::joined(&worker);
        Self::deposit_event(Event::WorkerRegistered {
            worker,
            operator,
            environment,
            profile,
            capacity,
            bond,
        });
        Ok(())
    }

    pub(crate) fn do_update(
        who: T::AccountId,
        worker: T::AccountId,
        endpoint: Endpoint,
        attributes: Attributes,
    ) -> DispatchResult {
        let mut record = Self::as_either(&who, &worker)?;
        Self::check_attributes(&attributes)?;
        record.endpoint = endpoint;
        let changed = record.attributes.differences(&attributes);
        if changed != Default::default() {
            T::Attestations::revoke(&worker, changed);
        }
        record.attributes = attributes;
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::WorkerUpdated { worker });
        Ok(())
    }

    pub(crate) fn do_set_capacity(
        who: T::AccountId,
        worker: T::AccountId,
        resources: Resources,
    ) -> DispatchResult {
        let mut record = Self::as_operator(&who, &worker)?;
        Self::check_staying(&record)?;
        let capacity = Self::capacity_of(record.profile, &resources)?;
        ensure!(capacity >= record.committed, Error::<T>::CapacityInUse);
        ensure!(
            record.backing() >= Self::bond_for(capacity),
            Error::<T>::BondTooLow
        );
        record.capacity = capacity;
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::CapacitySet { worker, capacity });
        Ok(())
    }

    pub(crate) fn do_set_environment(
        who: T::AccountId,
        worker: T::AccountId,
        environment: EnvironmentId,
    ) -> DispatchResult {
        let mut record = Self::as_operator(&who, &worker)?;
        Self::check_staying(&record)?;
        Self::check_idle(&record)?;
        ensure!(
            T::Pricing::accepts(&environment),
            Error::<T>::UnknownEnvironment
        );
        record.environment = environment;
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::EnvironmentSet {
            worker,
            environment,
        });
        Ok(())
    }

    pub(crate) fn do_bond_more(
        who: T::AccountId,
        worker: T::AccountId,
        amount: u128,
    ) -> DispatchResult {
        let mut record = Self::as_operator(&who, &worker)?;
        Self::check_staying(&record)?;
        ensure!(amount > 0, Error::<T>::NothingToBond);
        T::Currency::hold(&HoldReason::Bond.into(), &who, amount)?;
        // No saturation: the sum is on hold, so it is at most the issuance.
        record.bond = record.bond.saturating_add(amount);
        let bond = record.bond;
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::BondIncreased { worker, bond });
        Ok(())
    }

    pub(crate) fn do_pause(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        let mut record = Self::as_either(&who, &worker)?;
        let suspends = record.operator == who;
        Self::check_pause(&record, suspends)?;
        if record.state == WorkerState::Active {
            T::Roster::left(&worker);
        }
        record.state = if suspends {
            WorkerState::Suspended
        } else {
            WorkerState::Paused
        };
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::WorkerPaused {
            worker,
            suspended: suspends,
        });
        Ok(())
    }

    pub(crate) fn do_resume(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        let mut record = Self::as_either(&who, &worker)?;
        Self::check_resume(&record, record.operator == who)?;
        record.state = WorkerState::Active;
        Workers::<T>::insert(&worker, record);
        T::Roster::joined(&worker);
        Self::deposit_event(Event::WorkerResumed { worker });
        Ok(())
    }

    pub(crate) fn do_leave(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        let mut record = Self::as_operator(&who, &worker)?;
        Self::check_staying(&record)?;
        let until = System::<T>::block_number().saturating_add(T::Cooldown::get());
        if record.state == WorkerState::Active {
            T::Roster::left(&worker);
        }
        record.state = WorkerState::Leaving { until };
        Workers::<T>::insert(&worker, record);
        Self::deposit_event(Event::WorkerLeaving { worker, until });
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        let record = Self::as_operator(&who, &worker)?;
        let WorkerState::Leaving { until } = record.state else {
            return Err(Error::<T>::NotLeaving.into());
        };
        ensure!(
            System::<T>::block_number() >= until,
            Error::<T>::CoolingDown
        );
        ensure!(!Self::remembers_rest(&record), Error::<T>::Resting);
        Self::check_idle(&record)?;
        Self::check_free_of_liability(&record)?;
        let WorkerRecord {
            operator,
            bond,
            delegated,
            ..
        } = record;
        T::Currency::release(&HoldReason::Bond.into(), &operator, bond, Precision::Exact)?;
        Self::forget_key(&worker);
        if let Some(keeper) = T::Delegations::dissolve(&worker, &operator, delegated) {
            Self::give_back(&operator, &keeper, delegated.stake)?;
        }
        Self::deposit_event(Event::WorkerWithdrawn {
            worker,
            operator,
            bond,
        });
        Ok(())
    }

    pub(crate) fn do_rotate_key(
        who: T::AccountId,
        worker: T::AccountId,
        key: T::AccountId,
        proof: sr25519::Signature,
    ) -> DispatchResult {
        let record = Self::as_operator(&who, &worker)?;
        Self::move_to_key(&worker, record, &key, &proof)?;
        Self::deposit_event(Event::KeyRotated { worker, key });
        Ok(())
    }

    /// Puts a worker under another key that consents to its operator, once nothing of it is in flight and it owes nobody any outputs.
    pub(crate) fn move_to_key(
        worker: &T::AccountId,
        mut record: WorkerRecordOf<T>,
        key: &T::AccountId,
        proof: &sr25519::Signature,
    ) -> DispatchResult {
        Self::check_staying(&record)?;
        Self::check_idle(&record)?;
        Self::check_free_of_liability(&record)?;
        ensure!(
            !Workers::<T>::contains_key(key),
            Error::<T>::AlreadyRegistered
        );
        Self::check_proof(&record.operator, key, proof)?;
        let active = record.state == WorkerState::Active;
        if active {
            T::Roster::left(worker);
        }
        T::Proofs::rotated(worker, key);
        Self::forget_key(worker);
        System::<T>::inc_sufficients(key);
        record.keyed_at = System::<T>::block_number();
        Workers::<T>::insert(key, record);
        if active {
            T::Roster::joined(key);
        }
        T::Delegations::rotated(worker, key);
        Ok(())
    }

    /// Forgets a key, and whatever anybody attested of its machine or what it has proven.
    fn forget_key(worker: &T::AccountId) {
        Workers::<T>::remove(worker);
        Offers::<T>::remove(worker);
        System::<T>::dec_sufficients(worker);
        T::Proofs::forgotten(worker);
        T::Attestations::revoke(worker, PerAttribute::<()>::default().map(|()| true));
    }

    /// Whether the call comes from the worker key and would succeed: a call that fails costs a fee.
    pub(crate) fn is_feeless(
        origin: &T::RuntimeOrigin,
        worker: &T::AccountId,
        check: impl FnOnce(&WorkerRecordOf<T>) -> Result<(), Error<T>>,
    ) -> bool {
        frame_system::ensure_signed(origin.clone()).is_ok_and(|who| &who == worker)
            && Workers::<T>::get(worker).is_some_and(|record| check(&record).is_ok())
    }

    /// The record of a worker that `who` operates.
    pub fn as_operator(
        who: &T::AccountId,
        worker: &T::AccountId,
    ) -> Result<WorkerRecordOf<T>, Error<T>> {
        let record = Workers::<T>::get(worker).ok_or(Error::<T>::UnknownWorker)?;
        ensure!(&record.operator == who, Error::<T>::NotOperator);
        Ok(record)
    }

    fn as_either(who: &T::AccountId, worker: &T::AccountId) -> Result<WorkerRecordOf<T>, Error<T>> {
        let record = Workers::<T>::get(worker).ok_or(Error::<T>::UnknownWorker)?;
        ensure!(
            &record.operator == who || worker == who,
            Error::<T>::NeitherOperatorNorWorker
        );
        Ok(record)
    }

    pub(crate) fn check_attributes(attributes: &Attributes) -> Result<(), Error<T>> {
        ensure!(
            jurisdiction::is_assigned(attributes.jurisdiction),
            Error::<T>::UnknownJurisdiction
        );
        let classes = &attributes.classes;
        ensure!(
            !classes.is_empty()
                && classes
                    .iter()
                    .enumerate()
                    .all(|(at, class)| !classes.iter().take(at).any(|other| other == class)),
            Error::<T>::BadClasses
        );
        Ok(())
    }

    /// `suspends`: the operator pauses, which its key cannot undo.
    pub(crate) fn check_pause(record: &WorkerRecordOf<T>, suspends: bool) -> Result<(), Error<T>> {
        match record.state {
            WorkerState::Active => Ok(()),
            WorkerState::Paused if suspends => Ok(()),
            WorkerState::Paused | WorkerState::Suspended => Err(Error::AlreadyPaused),
            WorkerState::Leaving { .. } => Err(Error::Leaving),
        }
    }

    pub(crate) fn check_resume(
        record: &WorkerRecordOf<T>,
        by_operator: bool,
    ) -> Result<(), Error<T>> {
        match record.state {
            WorkerState::Active => Err(Error::NotPaused),
            WorkerState::Suspended if !by_operator => Err(Error::Suspended),
            WorkerState::Paused | WorkerState::Suspended => Ok(()),
            WorkerState::Leaving { .. } => Err(Error::Leaving),
        }
    }

    pub(crate) fn check_staying(record: &WorkerRecordOf<T>) -> Result<(), Error<T>> {
        ensure!(
            !matches!(record.state, WorkerState::Leaving { .. }),
            Error::<T>::Leaving
        );
        Ok(())
    }

    fn check_idle(record: &WorkerRecordOf<T>) -> Result<(), Error<T>> {
        ensure!(
            record.in_flight == 0 && record.committed == 0,
            Error::<T>::WorkInFlight
        );
        Ok(())
    }

    /// Whether somebody may still say of the worker's key that it withholds what it was paid for.
    fn check_free_of_liability(record: &WorkerRecordOf<T>) -> Result<(), Error<T>> {
        ensure!(
            System::<T>::block_number() >= record.liable_until,
            Error::<T>::Liable
        );
        Ok(())
    }

    fn check_proof(
        operator: &T::AccountId,
        worker: &T::AccountId,
        proof: &sr25519::Signature,
    ) -> Result<(), Error<T>> {
        // The genesis hash is never pruned.
        let genesis = System::<T>::block_hash(BlockNumberFor::<T>::default());
        let payload = registration_payload(&genesis, operator.as_ref(), worker.as_ref());
        let key = sr25519::Public::from_raw(*worker.as_ref());
        ensure!(
            sp_io::crypto::sr25519_verify(proof, &payload, &key),
            Error::<T>::BadProof
        );
        Ok(())
    }

    /// Capacity of resources in a profile, µSUNS.
    pub(crate) fn capacity_of(profile: ProfileId, resources: &Resources) -> Result<u64, Error<T>> {
        let capacity = T::Pricing::profile(profile)
            .ok_or(Error::<T>::UnknownProfile)?
            .capacity(resources);
        ensure!(capacity > 0, Error::<T>::NoCapacity);
        Ok(capacity)
    }
}
