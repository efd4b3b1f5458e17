//! What a missed deadline costs: the worker rests before its next claim, and its bond stays as long.
//!
//! Whoever claims and stays silent holds up somebody's batch until its deadline, for nothing but the use of a bond. A fee would not change that:
//! one that an honest machine can bear after an outage (what the batch pays) is nothing to a saboteur, and one that deters is more than short
//! batches ever earn. So a miss costs *time*, which is dear to a saboteur, who needs a bond for each worker that rests, and cheap to whoever was just
//! without power:
//!
//! - A worker rests as long as its whole machine would have taken for what it held, at the limits, and [`Config::MissRest`] at least. What it had
//!   claimed before it rested is one outage, however many deadlines it misses in it.
//! - Who misses another one rests for that, and twice for whatever is left of the last rest, [`Config::MaxMissRest`] at most. Of a rest a block is
//!   forgotten in each [`FADES_IN`] blocks after it. Work that was delivered meanwhile changes nothing, as anybody can order it of himself for
//!   next to nothing; time cannot be bought.
//! - Who gives a batch back when an honest machine would be done rests for as long as that would have taken, and for what is left of its rests: or
//!   giving back in the last block would be a miss for nothing. It is neither the least rest nor twice what is left, since a machine that stood
//!   still for its owner does that, too.
//! - Whoever is slashed rests for [`Config::MaxMissRest`], too, if not longer: a bond can be filled up again at once, and who pays for one lie after
//!   the other in the hope that friends confirm some of them would go on as fast as others compute. What it missed is remembered as before.
//! - The record goes with the bond to another key or operator, and nothing of the bond is withdrawn before the rest is forgotten: or another
//!   worker with that bond would begin without it.

use frame_support::traits::Get;
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::{SaturatedConversion, Saturating};

use crate::{Config, Event, Pallet, WorkerRecordOf, Workers};

/// Blocks after a rest in which one block of it is forgotten. Fewer, and who stalls again and again does it as often; more, and a machine that loses
/// its power once a day with an hour's batches in hand rests ever longer.
pub(crate) const FADES_IN: u32 = 16;

impl<T: Config> Pallet<T> {
    /// Whether a worker takes no work because it missed a deadline.
    pub(crate) fn rests(record: &WorkerRecordOf<T>) -> bool {
        frame_system::Pallet::<T>::block_number() < record.rests_until
    }

    /// Whether another miss would cost a worker more than a first one.
    pub(crate) fn remembers_rest(record: &WorkerRecordOf<T>) -> bool {
        frame_system::Pallet::<T>::block_number() < Self::forgotten_at(record)
    }

    /// First block in which nothing is left of a worker's rests.
    pub(crate) fn forgotten_at(record: &WorkerRecordOf<T>) -> BlockNumberFor<T> {
        let fades = record.arrears.saturating_mul(FADES_IN.into());
        record.rests_until.saturating_add(fades)
    }

    /// What is left of a worker's rests, rounded up.
    fn left(record: &WorkerRecordOf<T>) -> BlockNumberFor<T> {
        let now = frame_system::Pallet::<T>::block_number();
        let faded = now.saturating_sub(record.rests_until) / FADES_IN.into();
        record.arrears.saturating_sub(faded)
    }

    /// A worker was slashed for a result or what it owes with it.
    pub(crate) fn rest_for_fault(worker: &T::AccountId) {
        let Some(mut record) = Workers::<T>::get(worker) else {
            return;
        };
        let now = frame_system::Pallet::<T>::block_number();
        record.arrears = Self::left(&record);
        record.rests_until = now.saturating_add(T::MaxMissRest::get());
        Self::keep_rest(worker, record);
    }

    fn keep_rest(worker: &T::AccountId, record: WorkerRecordOf<T>) {
        Self::deposit_event(Event::WorkerRests {
            worker: worker.clone(),
            operator: record.operator.clone(),
            until: record.rests_until,
        });
        Workers::<T>::insert(worker, record);
    }

    /// A worker missed a deadline for what it claimed in block `since`: so much µSUNS for so many blocks, at the limits. `None`: it gave that back
    /// late.
    pub(crate) fn do_let_rest(worker: &T::AccountId, rate: u64, blocks: u64, since: Option<u64>) {
        let Some(mut record) = Workers::<T>::get(worker) else {
            return;
        };
        let now = frame_system::Pallet::<T>::block_number();
        let left = Self::left(&record);
        // Rounded up: of the whole machine.
        let held = u128::from(rate)
            .saturating_mul(blocks.into())
            .div_ceil(record.capacity.max(1).into());
        let held: BlockNumberFor<T> = held.saturated_into();
        // Nothing is claimed in a rest: what was claimed before the last one ended belongs to the same outage. So does a seal that was to be
        // opened since, if nothing was claimed: the machine may not have been back.
        let claimed_at = record.claimed_at.saturated_into::<u64>();
        let is_another = since.is_some_and(|since| {
            since.min(claimed_at) >= record.rests_until.saturated_into::<u64>()
        });
        let costs = if is_another {
            left.saturating_add(held.max(T::MissRest::get()))
        } else {
            held
        };
        record.arrears = left.saturating_add(costs).min(T::MaxMissRest::get());
        // Who rests for a fault rests no shorter.
        record.rests_until = now.saturating_add(record.arrears).max(record.rests_until);
        Self::keep_rest(worker, record);
    }
}
