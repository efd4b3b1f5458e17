//! What must always hold.

use frame_support::ensure;
use frame_system::Pallet as System;
use pallet_workers::Workers as Register;
use sp_runtime::{Saturating, TryRuntimeError};

use crate::*;

impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. only registered workers have runs, proofs and false claims on record;
    /// 2. proofs have dense numbers: each below their count has one, which has that number;
    /// 3. a worker whose commitment is not decided has a batch in flight;
    /// 4. no run began, none was committed to, no claim was false and no proof was drawn for a check in a block yet to come;
    /// 5. beacons are of the blocks that commitments may wait for.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let now = System::<T>::block_number();
        for (worker, run) in Runs::<T>::iter() {
            let record = Register::<T>::get(&worker)
                .ok_or("capacity 1: somebody has a run who is no worker")?;
            let committed = match run.stage {
                Stage::Committed { at, .. } => Some(at),
                _ => None,
            };
            ensure!(
                committed.is_none() || record.in_flight > 0,
                "capacity 3: an undecided commitment is not in flight"
            );
            ensure!(
                run.at <= now && committed.is_none_or(|at| run.at < at && at <= now),
                "capacity 4: a run is of a block yet to come"
            );
        }
        for (worker, at) in FalseClaims::<T>::iter() {
            ensure!(
                Register::<T>::contains_key(&worker),
                "capacity 1: somebody has a false claim who is no worker"
            );
            ensure!(
                at <= now,
                "capacity 4: a claim was false in a block yet to come"
            );
        }
        let count = ProverCount::<T>::get();
        ensure!(
            Proofs::<T>::iter_keys().count() == count as usize
                && ProverAt::<T>::iter_keys().count() == count as usize,
            "capacity 2: there are not as many numbers as proofs"
        );
        for (worker, proof) in Proofs::<T>::iter() {
            ensure!(
                Register::<T>::contains_key(&worker),
                "capacity 1: somebody has a proof who is no worker"
            );
            ensure!(
                proof.index < count && ProverAt::<T>::get(proof.index) == Some(worker),
                "capacity 2: a proof has another's number"
            );
            ensure!(
                proof.checked.is_none_or(|checked| checked <= now),
                "capacity 4: a check is of a block yet to come"
            );
        }
        ensure!(
            Beacons::<T>::iter_keys()
                .all(|block| block <= now && now < block.saturating_add(Self::beacons_kept())),
            "capacity 5: a beacon that should not be there"
        );
        Ok(())
    }
}
