//! What answers that were known before say of workers.

use alloc::vec::Vec;

use frame_support::traits::fungible::Mutate;
use pallet_market::{Batches, JobRecordOf, Jobs, NextJobId, Pallet as Market, Policy};
use sungrid_primitives::{
    BatchIndex, JobId,
    merkle::UnitLeaf,
    policy::Trust,
    receipt::{BatchSummary, Order},
    traits::{Checked, CheckedPart, KnownAnswers, Pricing},
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
        let record = Jobs::<T>::get(job)?;
        // The answer is that of a whole batch.
        if record.layout().is_part(batch) {
            return None;
        }
        Self::judge(job, batch, &record, answer)
    }

    fn sum_up(job: JobId, leaves: &[UnitLeaf]) -> Option<BatchSummary> {
        let profile = Jobs::<T>::get(job)?.spec.profile;
        BatchSummary::of(leaves, &T::Pricing::profile(profile)?)
    }

    fn hold_parts_against(
        job: JobId,
        batch: BatchIndex,
        leaves: &[UnitLeaf],
    ) -> Option<Vec<CheckedPart<T::AccountId>>> {
        let record = Jobs::<T>::get(job)?;
        let layout = record.layout();
        if batch >= layout.ordered() || !layout.is_part(batch) {
            return None;
        }
        let parts: Vec<_> = core::iter::once(batch)
            .chain(layout.made_of(batch..batch.saturating_add(1)))
            .collect();
        // The leaves are there for all to copy from now on.
        if parts
            .iter()
            .any(|part| Batches::<T>::contains_key(job, part))
        {
            return None;
        }
        // All or none, so that one answer is held against one batch.
        if parts
            .iter()
            .any(|part| Results::<T>::get(job, part).is_some_and(|result| result.checked))
        {
            return None;
        }
        let profile = T::Pricing::profile(record.spec.profile)?;
        let (start, _) = layout.range(batch)?;
        let mut answers = Vec::new();
        let mut units = 0;
        for part in parts {
            let (first, count) = layout.range(part)?;
            let from = first.checked_sub(start)? as usize;
            let its = leaves.get(from..from.checked_add(count as usize)?)?;
            answers.push((part, BatchSummary::of(its, &profile)?));
            units += its.len();
        }
        if units != leaves.len() {
            return None;
        }
        let checked: Vec<_> = answers
            .into_iter()
            .filter_map(|(batch, answer)| {
                let checked = Self::judge(job, batch, &record, &answer)?;
                Some(CheckedPart {
                    batch,
                    answer,
                    checked,
                })
            })
            .collect();
        (!checked.is_empty()).then_some(checked)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare() -> (JobId, BatchIndex) {
        (benchmarking::found_by_all::<T>(), 0)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_parts(units: u32, parts: u32) -> (JobId, BatchIndex) {
        (benchmarking::parts_found_by_all::<T>(units, parts), 0)
    }
}

impl<T: Config> Pallet<T> {
    /// Holds the accepted result of a batch, whole or a part of one, against what is right; once.
    fn judge(
        job: JobId,
        batch: BatchIndex,
        record: &JobRecordOf<T>,
        answer: &BatchSummary,
    ) -> Option<Checked<T::AccountId>> {
        let mut result = Results::<T>::get(job, batch).filter(|result| !result.checked)?;
        let right = result.summary == *answer;
        let environment = record.spec.environment;
        // Its settlement was turned back: nobody was paid, and whoever found it has lost its trust for that.
        let is_turned_back = result.outputs == Outputs::Withheld;
        match &result.winners[..] {
            _ if is_turned_back => {}
            // A batch can be cut to parts that cost nothing to get right.
            _ if right && record.layout().is_part(batch) => {}
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
        let bid = Market::<T>::price_of(job, batch, record);
        let price = if is_turned_back {
            0
        } else {
            record.cost(batch, result.summary.charge, bid)
        };
        result.checked = true;
        Results::<T>::insert(job, batch, result);
        Some(Checked {
            right,
            requester: record.requester.clone(),
            price,
        })
    }
}
