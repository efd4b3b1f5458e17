//! What answers that were known before say of workers.

use frame_support::traits::fungible::Mutate;
use pallet_market::{Jobs, NextJobId, Pallet as Market};
use sungrid_primitives::{
    BatchIndex, JobId,
    policy::Trust,
    receipt::BatchSummary,
    suns,
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

    fn hold_against(
        job: JobId,
        batch: BatchIndex,
        answer: &BatchSummary,
    ) -> Option<Checked<T::AccountId>> {
        let mut result = Results::<T>::get(job, batch).filter(|result| !result.checked)?;
        let record = Jobs::<T>::get(job)?;
        let right = result.summary == *answer;
        let environment = record.spec.environment;
        match &result.winners[..] {
            [alone] if right => Self::note_trust(&alone.worker, environment, Trust::confirmed),
            // They have confirmed each other already.
            _ if right => {}
            all => {
                for winner in all {
                    Self::note_trust(&winner.worker, environment, Trust::refuted);
                }
            }
        }
        let bid = Market::<T>::price_of(job, batch, &record);
        let price = suns::cost(result.summary.charge, bid);
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
        benchmarking::accepted::<T>()
    }
}
