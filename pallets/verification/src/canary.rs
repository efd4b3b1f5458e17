//! What answers that were known before say of workers.

use frame_support::traits::fungible::Mutate;
use pallet_market::{Jobs, NextJobId, Pallet as Market, Policy};
use sungrid_primitives::{
    BatchIndex, JobId,
    policy::Trust,
    receipt::{BatchSummary, Order},
    traits::{Checked, KnownAnswers},
};

use crate::*;

impl<T: Config> KnownAnswers<T::AccountId> for Pallet<T>
where
    // For benchmarks, whose requester has to be given money.
    <T as pallet_market::Config>::Currency: Mutate<T::AccountId>,
{
    fn next_job() -> JobId {
        NextJobId::<T>::get()
    }

    fn order(job: JobId) -> Option<Order> {
        let pallet_market::JobRecord {
            requester, spec, ..
        } = Jobs::<T>::get(job)?;
        Some(Order {
            requester: *requester.as_ref(),
            image: spec.image,
            input: spec.input,
            units: spec.units,
            batch_size: spec.batch_size,
            fuel_limit: spec.fuel_limit,
            memory_limit: spec.memory_limit,
            traffic_limit: spec.traffic_limit,
            profile: spec.profile,
            environment: spec.environment,
        })
    }

    fn hold_against(
        job: JobId,
        batch: BatchIndex,
        answer: &BatchSummary,
    ) -> Option<Checked<T::AccountId>> {
        let mut result = Results::<T>::get(job, batch).filter(|result| !result.checked)?;
        let record = Jobs::<T>::get(job)?;
        // The answer is that of a whole batch.
        if record.layout().is_part(batch) {
            return None;
        }
        let right = result.summary == *answer;
        let environment = record.spec.environment;
        // Its settlement was turned back: nobody was paid, and whoever found it has lost its trust for that.
        let is_turned_back = result.outputs == Outputs::Withheld;
        match &result.winners[..] {
            _ if is_turned_back => {}
            [alone] if right => {
                let change = match record.spec.policy {
                    // It counts in the streak since it was accepted.
                    Policy::Adaptive => Trust::vouched,
                    _ => Trust::confirmed,
                };
                Self::note_trust(&alone.worker, environment, change);
            }
            // They have confirmed each other already.
            _ if right => {}
            all => {
                for winner in all {
                    Self::note_caught(&winner.worker, &winner.operator, environment);
                }
            }
        }
        let bid = Market::<T>::price_of(job, batch, &record);
        let price = if is_turned_back {
            0
        } else {
            record.cost(batch, result.summary.charge, bid)
        };
        result.checked = true;
        Results::<T>::insert(job, batch, result);
        Some(Checked {
            right,
            requester: record.requester,
            price,
        })
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare() -> (JobId, BatchIndex) {
        (benchmarking::found_by_all::<T>(), 0)
    }
}
