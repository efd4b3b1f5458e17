//! Beacon, spot checks, and what counts.

use frame_support::{
    defensive,
    traits::{Get, Randomness},
};
use frame_system::{Pallet as System, pallet_prelude::BlockNumberFor};
use sp_core::H256;
use sp_runtime::{
    Saturating,
    traits::{BlakeTwo256, CheckedSub, Hash, One},
};
use sungrid_primitives::{
    capacity::{self, Proven, Run, Standing},
    suns::Resources,
    traits::{CapacityProofs, Pricing, ProfileId},
};

use crate::{dispatchable_impls::Commitment, *};

impl<T: Config> Pallet<T> {
    /// How many beacons are kept: as long as something drawn by them can be opened.
    pub(crate) fn beacons_kept() -> BlockNumberFor<T> {
        T::OpenWindow::get().saturating_add(One::one())
    }

    /// Mixes the randomness of the parent block into the beacon, and forgets the one that nobody waits for any more.
    pub(crate) fn advance_beacon(now: BlockNumberFor<T>) -> H256 {
        let (random, _) = <T as Config>::Randomness::random(b"sungrid/capacity");
        let random = random.unwrap_or_else(System::<T>::parent_hash);
        let last = now
            .checked_sub(&One::one())
            .and_then(Beacons::<T>::get)
            .unwrap_or_default();
        let beacon = BlakeTwo256::hash_of(&(last, random));
        Beacons::<T>::insert(now, beacon);
        if let Some(old) = now.checked_sub(&Self::beacons_kept()) {
            Beacons::<T>::remove(old);
        }
        beacon
    }

    /// A number below `span`, which is above zero.
    pub(crate) fn drawn_number(beacon: &H256, span: u32) -> u32 {
        let hash = BlakeTwo256::hash_of(&(b"sungrid/capacity/check/1", beacon));
        // 64 bits over at most 2^32 numbers leave no bias to speak of.
        let number = hash
            .as_bytes()
            .iter()
            .take(8)
            .fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        (number % u64::from(span.max(1))) as u32
    }

    /// Draws the proof that is checked, if any is.
    pub(crate) fn check_somebody(now: BlockNumberFor<T>, beacon: &H256) {
        let span = ProverCount::<T>::get().max(T::CheckSpan::get());
        let Some(worker) = ProverAt::<T>::get(Self::drawn_number(beacon, span)) else {
            return;
        };
        let Some(proof) = Proofs::<T>::get(&worker) else {
            defensive!("who has a number has a proof");
            return;
        };
        if proof.until < now {
            // What it was computing before a check must not be opened as if there had been none.
            let waits = Runs::<T>::get(&worker).and_then(|run| Self::commitment(&run));
            if waits.is_none() {
                Self::drop_proof(&worker);
            }
            return;
        }
        if proof.checked.is_some() {
            return;
        }
        let until = proof.until.min(now.saturating_add(T::CheckWindow::get()));
        let checked = Some(now);
        Proofs::<T>::insert(
            &worker,
            ProofRecord {
                until,
                checked,
                ..proof
            },
        );
        Self::deposit_event(Event::CheckDrawn { worker, until });
    }

    /// What says which segments of a commitment are to be opened, once it is drawn.
    pub(crate) fn draw(commitment: &Commitment<BlockNumberFor<T>>) -> Option<H256> {
        let beacon = Beacons::<T>::get(commitment.draw_at)?;
        Some(capacity::draw(&beacon, &commitment.seed, &commitment.root))
    }

    /// Fuel per second in one SUNS of a profile, if there is any.
    pub(crate) fn contained_fuel(profile: ProfileId) -> Option<u64> {
        let fuel = T::Pricing::profile(profile)?.contains.fuel_per_second;
        (fuel > 0).then_some(fuel)
    }

    /// The capacity that so much fuel per second is good for, if nothing else is short, µSUNS.
    pub(crate) fn capacity_of(profile: ProfileId, fuel_per_second: u64) -> u64 {
        let resources = Resources {
            fuel_per_second,
            memory: u64::MAX,
            storage: u64::MAX,
            bandwidth: u64::MAX,
            gpu_flops: u64::MAX,
            gpu_memory: u64::MAX,
            gpu_bandwidth: u64::MAX,
            addresses: u64::MAX,
        };
        T::Pricing::profile(profile).map_or(0, |profile| profile.capacity(&resources))
    }

    /// A worker's proof, if it is fresh.
    fn fresh(worker: &T::AccountId) -> Option<Proven<BlockNumberFor<T>>> {
        let ProofRecord {
            capacity, until, ..
        } = Proofs::<T>::get(worker)?;
        (until >= System::<T>::block_number()).then_some(Proven { capacity, until })
    }

    /// Puts down what a run that began in the block `began` has proven, and says until when that counts: until `until`,
    /// but if a check was drawn since it began, no longer than without it.
    pub(crate) fn note_proof(
        worker: &T::AccountId,
        capacity: u64,
        began: BlockNumberFor<T>,
        until: BlockNumberFor<T>,
    ) -> BlockNumberFor<T> {
        let last = Proofs::<T>::get(worker);
        let pending = last
            .as_ref()
            .filter(|last| last.checked.is_some_and(|checked| began < checked));
        let until = pending.map_or(until, |last| last.until.min(until));
        let checked = pending.and_then(|last| last.checked);
        let index = match last {
            Some(last) => last.index,
            None => {
                // One per worker, each with a bond of its own: there is not money enough for 2^32.
                let index = ProverCount::<T>::mutate(|count| {
                    let index = *count;
                    *count = count.saturating_add(1);
                    index
                });
                ProverAt::<T>::insert(index, worker);
                index
            }
        };
        let proof = ProofRecord {
            index,
            capacity,
            until,
            checked,
        };
        Proofs::<T>::insert(worker, proof);
        until
    }

    /// Forgets a proof, if there is one; the last takes its number.
    pub(crate) fn drop_proof(worker: &T::AccountId) {
        let Some(ProofRecord { index, .. }) = Proofs::<T>::take(worker) else {
            return;
        };
        let last = ProverCount::<T>::get().saturating_sub(1);
        ProverCount::<T>::put(last);
        let Some(moved) = ProverAt::<T>::take(last) else {
            defensive!("numbers are dense");
            return;
        };
        if index != last {
            Proofs::<T>::mutate_extant(&moved, |proof| proof.index = index);
            ProverAt::<T>::insert(index, moved);
        }
    }

    pub(crate) fn standing_of(worker: &T::AccountId) -> Option<Standing<BlockNumberFor<T>>> {
        let record = pallet_workers::Workers::<T>::get(worker)?;
        let run = Runs::<T>::get(worker).and_then(|run| match Self::commitment(&run) {
            Some(commitment) => Some(Run::Committed {
                seed: commitment.seed,
                shape: commitment.shape,
                root: commitment.root,
                draw: Self::draw(&commitment),
                until: commitment.until,
            }),
            None => (run.stage == Stage::Running).then_some(Run::Running { at: run.at }),
        });
        Some(Standing {
            allowance: Allowance::<T>::get(),
            counted: Self::counted(worker, record.capacity),
            proven: Self::fresh(worker),
            run,
            startable: Self::check_start(worker).is_ok(),
        })
    }
}

impl<T: Config> CapacityProofs<T::AccountId> for Pallet<T> {
    fn counted(worker: &T::AccountId, declared: u64) -> u64 {
        let allowance = Allowance::<T>::get();
        if declared <= allowance {
            return declared;
        }
        let proven = Self::fresh(worker).map_or(0, |proof| proof.capacity);
        declared.min(proven.max(allowance))
    }

    fn rotated(worker: &T::AccountId, key: &T::AccountId) {
        if let Some(at) = FalseClaims::<T>::take(worker) {
            FalseClaims::<T>::insert(key, at);
        }
    }

    fn forgotten(worker: &T::AccountId) {
        Runs::<T>::remove(worker);
        FalseClaims::<T>::remove(worker);
        Self::drop_proof(worker);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(worker: &T::AccountId, declared: u64) {
        let now = System::<T>::block_number();
        Self::note_proof(
            worker,
            declared,
            now,
            now.saturating_add(T::Validity::get()),
        );
    }
}
