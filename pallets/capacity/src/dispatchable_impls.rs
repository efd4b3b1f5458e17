//! What the calls do, after their origin is known.

use frame_support::{
    defensive, ensure,
    pallet_prelude::DispatchResult,
    traits::{Get, Time},
};
use frame_system::{Pallet as System, pallet_prelude::BlockNumberFor};
use sp_core::H256;
use sp_runtime::{Perbill, Saturating};
use sungrid_primitives::{
    capacity::{self, Opening, Shape},
    traits::Workers,
};

use crate::*;

type Register<T> = pallet_workers::Pallet<T>;

/// A commitment.
pub(crate) struct Commitment<BlockNumber> {
    pub(crate) seed: H256,
    pub(crate) shape: Shape,
    pub(crate) root: H256,
    pub(crate) capacity: u64,
    /// The block that its run began in.
    pub(crate) began: BlockNumber,
    /// The block of the commitment.
    pub(crate) at: BlockNumber,
    /// The block whose beacon says what is to be opened.
    pub(crate) draw_at: BlockNumber,
    /// The last block in which that can be.
    pub(crate) until: BlockNumber,
}

impl<T: Config> Pallet<T> {
    /// Every check of a start.
    pub(crate) fn check_start(worker: &T::AccountId) -> Result<(), Error<T>> {
        ensure!(
            Register::<T>::in_service(worker).is_some(),
            Error::<T>::NotInService
        );
        let record = pallet_workers::Workers::<T>::get(worker).ok_or(Error::<T>::NotInService)?;
        ensure!(
            Self::contained_fuel(record.profile).is_some(),
            Error::<T>::NothingToProve
        );
        let Some(run) = Runs::<T>::get(worker) else {
            return Ok(());
        };
        ensure!(
            !matches!(run.stage, Stage::Committed { .. }),
            Error::<T>::Undecided
        );
        let next = run.at.saturating_add(T::RunEvery::get());
        ensure!(System::<T>::block_number() >= next, Error::<T>::TooSoon);
        Ok(())
    }

    pub(crate) fn do_start(worker: T::AccountId) -> DispatchResult {
        Self::check_start(&worker)?;
        let run = RunRecord {
            at: System::<T>::block_number(),
            time: T::Time::now(),
            stage: Stage::Running,
        };
        Runs::<T>::insert(&worker, run);
        Self::deposit_event(Event::RunStarted { worker });
        Ok(())
    }

    /// Every check of a commitment, but whether the worker is in service. Returns its run and what it shows, µSUNS.
    pub(crate) fn check_commit(
        worker: &T::AccountId,
        seed: &H256,
        shape: &Shape,
    ) -> Result<(RunRecordOf<T>, u64), Error<T>> {
        let run = Runs::<T>::get(worker)
            .filter(|run| run.stage == Stage::Running)
            .ok_or(Error::<T>::NotRunning)?;
        let block = System::<T>::block_hash(run.at);
        // The hash of the block that is being made, and of one long gone, is zero: anybody knows that.
        ensure!(!block.is_zero(), Error::<T>::WrongSeed);
        ensure!(
            *seed == capacity::seed(&block, worker.as_ref()),
            Error::<T>::WrongSeed
        );
        let took = T::Time::now().saturating_sub(run.time);
        ensure!(took >= T::MinRun::get(), Error::<T>::RunTooShort);
        ensure!(took <= T::MaxRun::get(), Error::<T>::RunTooLong);
        ensure!(shape.is_sound(), Error::<T>::BadShape);
        ensure!(
            shape.lane_fuel_per_second(took) >= T::MinLane::get(),
            Error::<T>::LaneTooSlow
        );
        let record = pallet_workers::Workers::<T>::get(worker).ok_or(Error::<T>::NotInService)?;
        ensure!(
            Register::<T>::in_service(worker).is_some(),
            Error::<T>::NotInService
        );
        let capacity = Self::capacity_of(record.profile, shape.fuel_per_second(took));
        Ok((run, capacity))
    }

    pub(crate) fn do_commit(
        worker: T::AccountId,
        seed: H256,
        shape: Shape,
        root: H256,
    ) -> DispatchResult {
        let (mut run, capacity) = Self::check_commit(&worker, &seed, &shape)?;
        // Bond, key and operator stay until it is decided.
        Register::<T>::commit(&worker, 0).map_err(|()| Error::<T>::NotInService)?;
        let at = System::<T>::block_number();
        run.stage = Stage::Committed {
            at,
            seed,
            shape,
            root,
            capacity,
        };
        Runs::<T>::insert(&worker, run);
        Self::deposit_event(Event::RunCommitted {
            worker,
            shape,
            capacity,
            draw_at: at.saturating_add(T::DrawDelay::get()),
        });
        Ok(())
    }

    /// The commitment of a run, if it waits for a decision.
    pub(crate) fn commitment(run: &RunRecordOf<T>) -> Option<Commitment<BlockNumberFor<T>>> {
        let Stage::Committed {
            at,
            seed,
            shape,
            root,
            capacity,
        } = run.stage
        else {
            return None;
        };
        let draw_at = at.saturating_add(T::DrawDelay::get());
        Some(Commitment {
            seed,
            shape,
            root,
            capacity,
            began: run.at,
            at,
            draw_at,
            until: draw_at.saturating_add(T::OpenWindow::get()),
        })
    }

    /// Every check of an opening. Returns the commitment that it proves.
    pub(crate) fn check_open(
        worker: &T::AccountId,
        openings: &[Opening],
    ) -> Result<Commitment<BlockNumberFor<T>>, Error<T>> {
        let commitment = Runs::<T>::get(worker)
            .and_then(|run| Self::commitment(&run))
            .ok_or(Error::<T>::NothingToOpen)?;
        let now = System::<T>::block_number();
        ensure!(now >= commitment.draw_at, Error::<T>::NotDrawn);
        ensure!(now <= commitment.until, Error::<T>::OpenedTooLate);
        let draw = Self::draw(&commitment).ok_or(Error::<T>::NotDrawn)?;
        let Commitment {
            seed, shape, root, ..
        } = &commitment;
        ensure!(
            capacity::all_hold(seed, shape, root, &draw, openings),
            Error::<T>::DoesNotHold
        );
        Ok(commitment)
    }

    pub(crate) fn do_open(worker: T::AccountId, openings: capacity::Openings) -> DispatchResult {
        let Commitment {
            capacity,
            began,
            at,
            ..
        } = Self::check_open(&worker, &openings)?;
        Self::decided(&worker);
        // A commitment shows what was there when it was made, however late it is opened.
        let until = at.saturating_add(T::Validity::get());
        let until = Self::note_proof(&worker, capacity, began, until);
        Self::deposit_event(Event::CapacityProven {
            worker,
            capacity,
            until,
        });
        Ok(())
    }

    pub(crate) fn check_settle(worker: &T::AccountId) -> Result<(), Error<T>> {
        Runs::<T>::get(worker)
            .and_then(|run| Self::commitment(&run))
            .filter(|commitment| System::<T>::block_number() > commitment.until)
            .map(|_| ())
            .ok_or(Error::<T>::NothingToSettle)
    }

    pub(crate) fn do_settle(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        Self::check_settle(&worker)?;
        let operator = pallet_workers::Workers::<T>::get(&worker).map(|record| record.operator);
        let is_its_own = who == worker || operator.as_ref() == Some(&who);
        let finder = core::slice::from_ref(&who);
        let finder: &[T::AccountId] = if is_its_own { &[] } else { finder };
        let part = if Self::claimed_falsely(&worker) {
            Perbill::one()
        } else {
            T::SlashFraction::get()
        };
        let slashed = Register::<T>::slash_part(&worker, part, finder, T::Bounty::get());
        Self::decided(&worker);
        Self::drop_proof(&worker);
        FalseClaims::<T>::insert(&worker, System::<T>::block_number());
        Self::deposit_event(Event::ClaimFalse {
            worker,
            slashed: slashed.total,
            bounty: slashed.to_honest,
        });
        Ok(())
    }

    /// Whether a worker claimed falsely so recently that the next time costs its whole bond.
    fn claimed_falsely(worker: &T::AccountId) -> bool {
        FalseClaims::<T>::get(worker).is_some_and(|at| {
            System::<T>::block_number() < at.saturating_add(T::FalseClaimMemory::get())
        })
    }

    /// A commitment is decided.
    fn decided(worker: &T::AccountId) {
        let known = Runs::<T>::mutate_extant(worker, |run| {
            run.stage = Stage::Over;
            true
        });
        if !known {
            defensive!("only runs are decided");
        }
        Register::<T>::resolved(worker);
    }
}
