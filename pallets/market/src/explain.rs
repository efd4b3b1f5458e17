//! Why a job runs or does not, and what one would cost (requirement X5).
//!
//! Both look at every worker, up to [`MOST_LOOKED_AT`], with the checks of a claim. Nothing on chain calls
//! them: the runtime API does.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use sungrid_primitives::{
    JobId,
    attributes::TaskClass,
    explain::{Explanation, Quote, Rejection, Survey},
    suns,
    traits::{Images, Pricing, Workers},
};

use crate::*;

/// Most workers, and most batches in flight, that one answer looks at. Larger, and a node is busy with one
/// question; smaller, and answers about large fleets are cut short, which they say.
pub(crate) const MOST_LOOKED_AT: u32 = 10_000;

/// The suitable workers, their operators, and whether they are busy.
type Suitable<T> = BTreeMap<
    <T as frame_system::Config>::AccountId,
    (<T as frame_system::Config>::AccountId, bool),
>;

impl<T: Config> Pallet<T> {
    /// Why a job runs or does not: what each constraint costs it in workers, and what the others pay. `None`
    /// if there is no such job. For reads off chain.
    pub fn explain(id: JobId) -> Option<Explanation> {
        let job = Jobs::<T>::get(id)?;
        let now = frame_system::Pallet::<T>::block_number();
        let fresh = match job.state {
            JobState::Open => job.batches.saturating_sub(job.next_batch),
            _ => 0,
        };
        let wanting = (job.window.len() as u32)
            .saturating_add(job.waiting)
            .saturating_add(fresh);
        let (survey, _) = Self::survey(&job.spec, job.class, job.rate);
        Some(Explanation {
            wanting: if job.takes_claims(&now) { wanting } else { 0 },
            replicas: job.spec.policy.paid_results(),
            survey,
            bid: job.price,
            floor: T::Pricing::floor(job.spec.profile),
            spot: T::Pricing::spot(job.spec.profile),
        })
    }

    /// What a job would cost, and when it could start. `None` if it would be refused for its profile, its
    /// bid, or amounts beyond any account. For reads off chain.
    pub fn quote(spec: &JobSpecOf<T>) -> Option<Quote> {
        let worst = Self::worst_case(spec).ok()?;
        // An image that is not published yet may get any class: the most general one, then.
        let class = T::Images::class(&spec.image).unwrap_or_default();
        let (mut survey, suitable) = Self::survey(spec, class, worst.rate);
        let replicas = spec.policy.paid_results();
        let (wait, truncated) = Self::wait(&suitable, replicas as usize);
        survey.truncated |= truncated;
        let spot = T::Pricing::spot(spec.profile);
        let charge = worst.unit_charge.checked_mul(u128::from(spec.units))?;
        Some(Quote {
            escrow: worst.escrow,
            deposit: worst.deposit,
            at_spot: suns::cost(charge, spot).checked_mul(u128::from(replicas))?,
            spot,
            wait,
            replicas,
            survey,
        })
    }

    fn survey(spec: &JobSpecOf<T>, class: TaskClass, rate: u64) -> (Survey, Suitable<T>) {
        let mut views = T::Workers::views(MOST_LOOKED_AT.saturating_add(1));
        let mut survey = Survey {
            truncated: views.len() > MOST_LOOKED_AT as usize,
            ..Default::default()
        };
        views.truncate(MOST_LOOKED_AT as usize);
        let mut suitable = Suitable::<T>::new();
        for (key, view) in views {
            let rejections: Vec<Rejection> = Self::rejections(spec, class, rate, &view).collect();
            if survey.count(&rejections) {
                let busy = rejections.contains(&Rejection::Busy);
                suitable.insert(key, (view.operator, busy));
            }
        }
        let operators = suitable.values().map(|(operator, _)| operator);
        survey.operators = operators.collect::<BTreeSet<_>>().len() as u32;
        let free = suitable.values().filter(|(_, busy)| !busy);
        survey.free_operators = free
            .map(|(operator, _)| operator)
            .collect::<BTreeSet<_>>()
            .len() as u32;
        (survey, suitable)
    }

    /// Seconds until `wanted` operators have a worker with free capacity, and whether batches were left out
    /// of the account. A busy worker is taken to be free once the shortest of its batches has run to its
    /// limits.
    fn wait(suitable: &Suitable<T>, wanted: usize) -> (Option<u64>, bool) {
        let mut by_operator = BTreeMap::<&T::AccountId, u64>::new();
        let mut note = |operator, seconds: u64| {
            let entry = by_operator.entry(operator).or_insert(u64::MAX);
            *entry = seconds.min(*entry);
        };
        for (operator, busy) in suitable.values() {
            note(operator, if *busy { u64::MAX } else { 0 });
        }
        let mut seconds = BTreeMap::<JobId, u64>::new();
        let mut batches = Batches::<T>::iter();
        for (id, _, record) in batches.by_ref().take(MOST_LOOKED_AT as usize) {
            let long = *seconds.entry(id).or_insert_with(|| {
                let job = Jobs::<T>::get(id);
                job.and_then(|job| job.spec.batch_seconds()).unwrap_or(0)
            });
            for claimant in record.assignments.iter().filter(|a| a.working) {
                if let Some((operator, true)) = suitable.get(&claimant.worker) {
                    note(operator, long);
                }
            }
        }
        let truncated = batches.next().is_some();
        let mut waits: Vec<u64> = by_operator.into_values().collect();
        waits.sort_unstable();
        let wait = wanted.checked_sub(1).and_then(|last| waits.get(last));
        (wait.copied().filter(|wait| *wait < u64::MAX), truncated)
    }
}
