//! What the market asks and notes of workers: capacity, record, slashes.

use alloc::vec::Vec;
use frame_support::{
    defensive,
    storage::with_storage_layer,
    traits::{
        Get,
        fungible::{InspectHold, MutateHold},
        tokens::{Fortitude, Precision, Restriction},
    },
};
use frame_system::Pallet as System;
use sp_runtime::{
    Perbill, Rounding,
    helpers_128bit::multiply_by_rational_with_rounding,
    traits::{SaturatedConversion, Saturating, UniqueSaturatedInto, Zero},
};
use sungrid_primitives::{
    attributes::Tiers,
    suns::MICRO,
    traits::{Attestations, CapacityProofs, Roster, Slashed, WorkerView, Workers as WorkersTrait},
};

use crate::{Config, Event, HoldReason, Pallet, WorkerRecordOf, WorkerState, Workers};

/// What of the operator's own part of a slash goes to those who found it or were right.
const HALF: Perbill = Perbill::from_percent(50);

impl<T: Config> Pallet<T> {
    /// Panics where the runtime's parameters contradict each other.
    pub(crate) fn check_parameters() {
        assert!(T::MinBond::get() > 0, "without MinBond lying costs nothing");
        assert!(
            !T::SlashFraction::get().is_zero(),
            "SlashFraction must not be zero"
        );
        assert!(
            !T::AdmissionLimit::get().is_zero(),
            "AdmissionLimit must not be zero"
        );
        assert!(
            !T::Cooldown::get().is_zero(),
            "Cooldown must be at least one block"
        );
        assert!(
            !T::MissRest::get().is_zero() && T::MissRest::get() <= T::MaxMissRest::get(),
            "MissRest must be at least one block, and no more than MaxMissRest"
        );
        assert!(
            T::LongestBatch::get() >= T::Cooldown::get(),
            "LongestBatch must not be shorter than the cool-down"
        );
        assert!(
            T::CallBond::get() > 0,
            "CallBond of zero gives block space away"
        );
        let window: u128 = T::FeelessWindow::get().unique_saturated_into();
        assert!(
            T::MinBond::get().saturating_mul(window) >= T::CallBond::get(),
            "the least bond must be good for a feeless call within FeelessWindow"
        );
        assert!(
            T::FeelessBudget::get().ref_time() > 0,
            "without FeelessBudget no worker can work"
        );
    }

    /// Least bond for a capacity in µSUNS, planck, rounded up.
    pub(crate) fn bond_for(capacity: u64) -> u128 {
        multiply_by_rational_with_rounding(
            T::BondPerSuns::get(),
            capacity.into(),
            MICRO,
            Rounding::Up,
        )
        // Beyond all money there is: nobody can bond that much.
        .unwrap_or(u128::MAX)
        .max(T::MinBond::get())
    }

    /// Whether a worker may take work at all, once it has rested.
    fn is_available(record: &WorkerRecordOf<T>) -> bool {
        record.state == WorkerState::Active && record.backing() >= Self::bond_for(record.capacity)
    }

    /// Operator and capacity that counts (µSUNS) of a worker that may take work: active and sufficiently bonded.
    pub fn in_service(worker: &T::AccountId) -> Option<(T::AccountId, u64)> {
        let record = Workers::<T>::get(worker).filter(Self::is_available)?;
        let counted = Self::counted(worker, &record);
        Some((record.operator, counted))
    }

    /// What counts of a worker's capacity, µSUNS.
    fn counted(worker: &T::AccountId, record: &WorkerRecordOf<T>) -> u64 {
        T::Proofs::counted(worker, record.capacity).min(record.capacity)
    }

    /// Charge that one more batch may have, µSUNS, where so much capacity counts.
    fn free(record: &WorkerRecordOf<T>, counted: u64) -> u64 {
        let limit = if record.committed == 0 {
            counted
        } else {
            T::AdmissionLimit::get().mul_floor(counted)
        };
        limit.saturating_sub(record.committed)
    }

    fn view_of(worker: &T::AccountId, record: WorkerRecordOf<T>) -> WorkerView<T::AccountId> {
        let counted = Self::counted(worker, &record);
        let now = frame_system::Pallet::<T>::block_number();
        WorkerView {
            available: Self::is_available(&record) && !Self::rests(&record),
            declared: record.capacity,
            capacity: counted,
            free: Self::free(&record, counted),
            operator: record.operator,
            environment: record.environment,
            profile: record.profile,
            attributes: record.attributes,
            keyed_for: now.saturating_sub(record.keyed_at).saturated_into(),
        }
    }

    /// Changes a worker that the market knows to exist.
    fn note(worker: &T::AccountId, change: impl FnOnce(&mut WorkerRecordOf<T>)) {
        Workers::<T>::mutate_extant(worker, change);
    }

    /// Takes `of_others` planck of what others delegated to a worker and `own` of the operator's part of its bond: `share`
    /// of the latter, rounded down, to `honest` in equal parts, everything else to the treasury. Nobody else ever has
    /// anything of the former: an operator that lies to its own accomplices would be paid with it. What the treasury
    /// cannot take stays where it was.
    fn take_from_bond(
        record: &mut WorkerRecordOf<T>,
        own: u128,
        of_others: u128,
        honest: &[T::AccountId],
        share: Perbill,
    ) -> Slashed {
        let each = share
            .mul_floor(own)
            .checked_div(honest.len() as u128)
            .unwrap_or(0);
        let to_honest = honest.iter().fold(0u128, |sum, account| {
            sum.saturating_add(Self::pay_from_bond(&record.operator, account, each))
        });
        let rest = own.saturating_add(of_others).saturating_sub(to_honest);
        let to_treasury = Self::pay_from_bond(&record.operator, &T::Treasury::get(), rest);
        let total = to_honest.saturating_add(to_treasury);
        // All or nothing, and all of it first.
        let of_others = of_others.min(to_treasury);
        record.delegated.stake = record.delegated.stake.saturating_sub(of_others);
        record.lose(total.saturating_sub(of_others));
        Slashed { total, to_honest }
    }

    /// Takes a worker that is not there off the market, with a penalty of the operator's part of its bond: half to
    /// `reporter`, the rest to the treasury, so that reporting oneself is no way out of a bond. Says what the reporter
    /// got.
    pub fn penalise_absence(worker: &T::AccountId, reporter: &T::AccountId, penalty: u128) -> u128 {
        let Some(mut record) = Workers::<T>::get(worker) else {
            defensive!("only workers can be absent");
            return 0;
        };
        let penalty = penalty.min(record.bond);
        let reporter = core::slice::from_ref(reporter);
        let taken = Self::take_from_bond(&mut record, penalty, 0, reporter, HALF);
        record.missed = record.missed.saturating_add(1);
        if record.state == WorkerState::Active {
            record.state = WorkerState::Paused;
            T::Roster::left(worker);
        }
        Self::deposit_event(Event::WorkerAbsent {
            worker: worker.clone(),
            operator: record.operator.clone(),
            penalty: taken.total,
            bond: record.bond,
        });
        Workers::<T>::insert(worker, record);
        taken.to_honest
    }

    /// Slashes `part` of a worker's bond, rounded up, and of what others delegated in proportion: `share` of the
    /// operator's own part of that, rounded down, to `others` equally, the rest to the treasury; records the fault.
    pub fn slash_part(
        worker: &T::AccountId,
        part: Perbill,
        others: &[T::AccountId],
        share: Perbill,
    ) -> Slashed {
        let Some(mut record) = Workers::<T>::get(worker) else {
            defensive!("a worker was withdrawn before its verdict");
            return Slashed::default();
        };
        let exposed = part.mul_ceil(record.slashable());
        let of_others = record.delegated.part_of(exposed, record.bond);
        let own = exposed.saturating_sub(of_others);
        let slashed = Self::take_from_bond(&mut record, own, of_others, others, share);
        let Slashed { total, to_honest } = slashed;
        record.faults = record.faults.saturating_add(1);
        Self::deposit_event(Event::WorkerSlashed {
            worker: worker.clone(),
            operator: record.operator.clone(),
            amount: total,
            to_honest,
            bond: record.bond,
            delegated: record.delegated.stake,
        });
        Workers::<T>::insert(worker, record);
        slashed
    }

    /// Moves bonded planck into an account's free balance and says how much it was: all or nothing.
    fn pay_from_bond(operator: &T::AccountId, to: &T::AccountId, amount: u128) -> u128 {
        if amount == 0 {
            return 0;
        }
        with_storage_layer(|| {
            T::Currency::transfer_on_hold(
                &HoldReason::Bond.into(),
                operator,
                to,
                amount,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Force,
            )
        })
        .unwrap_or(0)
    }
}

impl<T: Config> WorkersTrait<T::AccountId> for Pallet<T> {
    fn view(worker: &T::AccountId) -> Option<WorkerView<T::AccountId>> {
        let record = Workers::<T>::get(worker)?;
        Some(Self::view_of(worker, record))
    }

    fn tiers(worker: &T::AccountId) -> Tiers {
        T::Attestations::tiers(worker)
    }

    fn is_delegated(worker: &T::AccountId) -> bool {
        Workers::<T>::get(worker).is_some_and(|record| record.delegated.stake > 0)
    }

    fn is_operator(account: &T::AccountId) -> bool {
        // Which spares a list of each operator's workers.
        T::Currency::balance_on_hold(&HoldReason::Bond.into(), account) > 0
    }

    fn views(limit: u32) -> Vec<(T::AccountId, WorkerView<T::AccountId>)> {
        Workers::<T>::iter()
            .take(limit as usize)
            .map(|(worker, record)| {
                let view = Self::view_of(&worker, record);
                (worker, view)
            })
            .collect()
    }

    fn commit(worker: &T::AccountId, charge: u64) -> Result<(), ()> {
        // What takes no capacity is no work: a capacity proof does not wait until the worker has rested.
        let mut record = Workers::<T>::get(worker)
            .filter(|record| Self::is_available(record) && (charge == 0 || !Self::rests(record)))
            .ok_or(())?;
        if charge > Self::free(&record, Self::counted(worker, &record)) {
            return Err(());
        }
        record.claimed_at = System::<T>::block_number();
        if record.in_flight == 0 {
            record.busy_since = record.claimed_at;
        }
        record.in_flight = record.in_flight.checked_add(1).ok_or(())?;
        // No saturation: admission has checked the sum.
        record.committed = record.committed.saturating_add(charge);
        Workers::<T>::insert(worker, record);
        Ok(())
    }

    fn release(worker: &T::AccountId, charge: u64) {
        Self::note(worker, |record| {
            if charge > record.committed {
                defensive!("more capacity was released than was committed");
            }
            record.committed = record.committed.saturating_sub(charge);
        });
    }

    fn resolved(worker: &T::AccountId) {
        Self::note(worker, |record| {
            if record.in_flight == 0 {
                defensive!("more batches were resolved than were claimed");
            }
            record.in_flight = record.in_flight.saturating_sub(1);
        });
    }

    fn note_missed(worker: &T::AccountId) {
        Self::note(worker, |record| {
            record.missed = record.missed.saturating_add(1)
        });
    }

    fn let_rest(worker: &T::AccountId, rate: u64, blocks: u64, since: Option<u64>) {
        Self::do_let_rest(worker, rate, blocks, since);
    }

    fn note_declined(worker: &T::AccountId) {
        Self::note(worker, |record| {
            record.declined = record.declined.saturating_add(1)
        });
    }

    fn note_handed_back(worker: &T::AccountId) {
        Self::note(worker, |record| {
            record.handed_back = record.handed_back.saturating_add(1)
        });
    }

    fn note_accepted(worker: &T::AccountId, units: u32, charge: u128) {
        Self::note(worker, |record| {
            record.accepted_units = record.accepted_units.saturating_add(units.into());
            record.delivered = record.delivered.saturating_add(charge);
            record.liable_until = System::<T>::block_number().saturating_add(T::Liability::get());
        });
    }

    fn liability() -> u64 {
        T::Liability::get().unique_saturated_into()
    }

    fn questioned(worker: &T::AccountId) {
        // `busy_since` stays: whoever stopped delegating since then answers for this batch, too.
        Self::note(worker, |record| {
            record.in_flight = record.in_flight.saturating_add(1)
        });
    }

    fn indemnify(worker: &T::AccountId, to: &T::AccountId, amount: u128) -> u128 {
        let Some(mut record) = Workers::<T>::get(worker) else {
            defensive!("a worker was withdrawn while its bond answered");
            return 0;
        };
        let paid = Self::pay_from_bond(&record.operator, to, amount.min(record.bond));
        record.lose(paid);
        Self::deposit_event(Event::DamagesPaid {
            worker: worker.clone(),
            operator: record.operator.clone(),
            to: to.clone(),
            amount: paid,
            bond: record.bond,
        });
        Workers::<T>::insert(worker, record);
        paid
    }

    fn exposed(worker: &T::AccountId) -> u128 {
        // What leaves may be gone when a lie of today is found out.
        Workers::<T>::get(worker).map_or(0, |record| {
            T::SlashFraction::get().mul_ceil(record.staying())
        })
    }

    fn slash(worker: &T::AccountId, honest: &[T::AccountId]) -> Slashed {
        let slashed = Self::slash_part(worker, T::SlashFraction::get(), honest, HALF);
        Self::rest_for_fault(worker);
        slashed
    }

    fn slash_withheld(worker: &T::AccountId) -> Option<Slashed> {
        let now = System::<T>::block_number();
        let is_new = Workers::<T>::mutate(worker, |record| match record {
            Some(record) if now < record.withheld_until => false,
            Some(record) => {
                record.withheld_until = now.saturating_add(T::Liability::get());
                true
            }
            None => {
                defensive!("a worker was withdrawn while its bond answered");
                false
            }
        });
        is_new.then(|| Self::slash(worker, &[]))
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_alone(worker: &T::AccountId) {
        Self::note(worker, |record| record.delegated = Default::default());
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(
        worker: &T::AccountId,
        operator: &T::AccountId,
        environment: sungrid_primitives::environment::EnvironmentId,
    ) {
        use frame_support::traits::fungible::{Inspect, Mutate};
        use sungrid_primitives::traits::CPU_1_ID;

        use sungrid_primitives::{
            attributes::{Architecture, Attributes, EnergySource, TaskClass},
            delegation::Delegations,
        };

        use crate::WorkerRecord;

        // A thousand SUNS.
        let capacity = 1_000 * MICRO as u64;
        let bond = Self::bond_for(capacity);
        let funds = bond.saturating_add(T::Currency::minimum_balance());
        // Whatever fails here fails the benchmark at its verification.
        let _ = T::Currency::mint_into(operator, funds);
        let _ = T::Currency::hold(&HoldReason::Bond.into(), operator, bond);
        System::<T>::inc_sufficients(worker);
        Workers::<T>::insert(
            worker,
            WorkerRecord {
                operator: operator.clone(),
                endpoint: Default::default(),
                attributes: Attributes {
                    jurisdiction: *b"DE",
                    region: Default::default(),
                    architecture: Architecture::X86_64,
                    energy: EnergySource::Solar,
                    carbon: 0,
                    classes: TaskClass::ALL.to_vec().try_into().unwrap_or_default(),
                },
                environment,
                profile: CPU_1_ID,
                capacity,
                committed: 0,
                in_flight: 0,
                busy_since: Default::default(),
                claimed_at: Default::default(),
                liable_until: Default::default(),
                withheld_until: Default::default(),
                rests_until: Default::default(),
                arrears: Default::default(),
                keyed_at: Default::default(),
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
        T::Proofs::prepare(worker, capacity);
        T::Attestations::prepare(worker);
        T::Delegations::prepare(worker);
        T::Roster::joined(worker);
    }
}
