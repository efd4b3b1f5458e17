//! What falls due: an agenda by block, worked off oldest first as far as the weight goes.

use frame_support::{pallet_prelude::*, weights::WeightMeter};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::{One, Saturating};
use sungrid_primitives::{BatchIndex, JobId, traits::Verifier};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Puts something on the agenda: a job's own deadline, the jobs that come after it or a start of a series
    /// (`batch` is `None`), or a deadline of the verifier.
    /// Never due in this block or before; an entry that turns out to be moot does nothing.
    pub fn schedule(at: BlockNumberFor<T>, job: JobId, batch: Option<BatchIndex>) {
        let now = frame_system::Pallet::<T>::block_number();
        let next = now.saturating_add(One::one());
        if !AgendaCursor::<T>::exists() {
            AgendaCursor::<T>::put(next);
        }
        Agenda::<T>::insert(at.max(next), (job, batch), ());
    }

    /// Weight of one step of a job.
    fn job_step_weight() -> Weight {
        T::WeightInfo::agenda_close()
            .max(T::WeightInfo::agenda_abandon())
            .max(T::WeightInfo::agenda_open())
            .max(T::WeightInfo::agenda_start())
    }

    /// Weight of the heaviest step.
    pub(crate) fn step_weight() -> Weight {
        T::WeightInfo::agenda_lookup()
            .saturating_add(Self::job_step_weight().max(T::Verifier::deadline_weight()))
    }

    /// Works off what is due at `now`, as far as `meter` allows.
    pub(crate) fn do_agenda(now: BlockNumberFor<T>, meter: &mut WeightMeter) {
        if meter.try_consume(T::WeightInfo::agenda_lookup()).is_err() {
            return;
        }
        let Some(start) = AgendaCursor::<T>::get() else {
            return;
        };
        let mut cursor = start;
        'blocks: while cursor <= now {
            // New entries are always due after `now`, so none appears under this prefix meanwhile.
            for (id, batch) in Agenda::<T>::iter_key_prefix(cursor) {
                loop {
                    if !meter.can_consume(Self::step_weight()) {
                        break 'blocks;
                    }
                    meter.consume(T::WeightInfo::agenda_lookup());
                    if Self::step(id, batch, meter) {
                        break;
                    }
                }
                Agenda::<T>::remove(cursor, (id, batch));
            }
            if meter.try_consume(T::WeightInfo::agenda_lookup()).is_err() {
                break;
            }
            cursor.saturating_inc();
        }
        if cursor != start {
            AgendaCursor::<T>::put(cursor);
        }
    }

    /// One step of an entry; whether that was all of it.
    fn step(id: JobId, batch: Option<BatchIndex>, meter: &mut WeightMeter) -> bool {
        match batch {
            Some(batch) => {
                meter.consume(T::Verifier::deadline(id, batch));
                true
            }
            None => {
                meter.consume(Self::job_step_weight());
                Self::expire_step(id)
            }
        }
    }

    /// Something of a job itself is due, or a start of a series. If it has ended: the jobs that come after it, one per step. If not, it is its
    /// deadline: closes it, then fails, one per step, the batches that still want a
    /// replica, because nobody can claim them any more. Whether none is left.
    pub(crate) fn expire_step(id: JobId) -> bool {
        let Some(mut job) = Jobs::<T>::get(id) else {
            Self::start_if_due(id);
            return true;
        };
        if job.has_ended() {
            return Self::open_successor(&job);
        }
        let now = frame_system::Pallet::<T>::block_number();
        if now < job.spec.deadline {
            return true;
        }
        if job.is_open_to_orders() {
            Self::close(id, &mut job, Closing::Expired);
            Self::deposit_event(Event::JobExpired {
                job: id,
                in_flight: job.in_flight,
            });
            let done = job.window.is_empty();
            Self::store_or_end(id, job);
            return done;
        }
        let Some(batch) = job.window.first().copied() else {
            return true;
        };
        let last = job.window.len() == 1 && job.waiting == 0;
        T::Verifier::abandoned(id, batch);
        last
    }
}
