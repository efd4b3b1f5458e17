//! Why a job runs or does not, and what one would cost (requirement X5).
//!
//! Both look at every worker, up to [`MOST_LOOKED_AT`], with the checks of a claim. Nothing on chain calls
//! them: the runtime API does.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use sp_runtime::traits::SaturatedConversion;
use sungrid_primitives::{
    JobId,
    attributes::TaskClass,
    environment::EnvironmentId,
    explain::{Explanation, Quote, Rejection, Survey, nearer},
    policy::{Candidate, MILLION, Policy},
    suns,
    traits::{Images, Pricing, ProfileId, Prospect, Verifier, WorkerView, Workers},
};

use crate::{dispatchable_impls::WorstCase, *};

/// Most workers, most batches in flight and most other jobs that one answer looks at. Larger, and a node is busy with one
/// question; smaller, and answers about large fleets are cut short, which they say.
pub(crate) const MOST_LOOKED_AT: u32 = 10_000;
/// Suitable workers that another job is held against, to know whether it competes for them. More, and a long queue keeps a node
/// busy; fewer, and a job that few of them may take is overlooked more often.
const SAMPLE: usize = 8;

/// A worker that no constraint rejects.
struct Suitable<AccountId> {
    view: WorkerView<AccountId>,
    busy: bool,
}

/// The suitable workers by their keys.
type Fleet<T> = BTreeMap<
    <T as frame_system::Config>::AccountId,
    Suitable<<T as frame_system::Config>::AccountId>,
>;

/// What goes before a bid.
#[derive(Default)]
struct Queue {
    /// Batches, replicas counted one by one.
    claims: u64,
    /// Capacity that they take all at once, µSUNS.
    at_once: u128,
    /// What they come to at their limits, µSUNS·s of capacity.
    work: u128,
    /// Whether more jobs are there than were looked at.
    truncated: bool,
}

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
        let replicas = job.spec.policy.paid_results();
        let takes_claims = job.takes_claims(&now);
        let window: Vec<Option<BatchRecordOf<T>>> = match takes_claims {
            true => job
                .window
                .iter()
                .map(|batch| Batches::<T>::get(id, batch))
                .collect(),
            false => Vec::new(),
        };
        let needed = window
            .iter()
            .map(|record| record.as_ref().map_or(replicas, |record| record.wanted));
        let needed = needed.min().unwrap_or_default();
        let wanting = (job.window.len() as u32)
            .saturating_add(job.waiting)
            .saturating_add(fresh);
        let (survey, _) = Self::survey(&job.spec, job.class, job.rate, |key, view| {
            let door = Self::door(id, &job, view);
            let barred = window.iter().map(|record| {
                let record = record.as_ref();
                Self::barred(&door, &job, record, key, view).collect::<Vec<_>>()
            });
            let nearest = barred.fold(None, |nearest, next| Some(nearer(nearest, next)));
            nearest.unwrap_or_default()
        });
        Some(Explanation {
            wanting: if takes_claims { wanting } else { 0 },
            needed,
            replicas,
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
        let (mut survey, fleet) = Self::survey(spec, class, worst.rate, |_, _| Vec::new());
        let replicas = spec.policy.paid_results();
        let results = Self::expected_results(spec, &worst, &fleet, 0);
        let first = spec.policy.ordered_at_first();
        let operators = u64::from(first).max(results.div_ceil(MILLION));
        let (free_in, cut) = Self::free_in(&fleet, first as usize, operators as usize);
        let queue = Self::queue(spec.profile, &spec.environment, spec.price, &fleet);
        survey.truncated |= cut || queue.truncated;
        let spot = T::Pricing::spot(spec.profile);
        let charge = worst.unit_charge.checked_mul(u128::from(spec.units))?;
        let expected = |price| {
            let cost = suns::cost(charge, price).checked_mul(u128::from(results))?;
            Some(cost.div_ceil(u128::from(MILLION)))
        };
        let own = u128::from(worst.rate).saturating_mul(u128::from(first));
        let wait = free_in.map(|wait| wait.saturating_add(queue.seconds(&fleet, own)));
        // Who is audited for long, and for what deadline there is no time left, depends on the start.
        let results = match wait {
            None | Some(0) => results,
            Some(wait) => Self::expected_results(spec, &worst, &fleet, wait),
        };
        let settled = wait.map(|wait| Self::settled_in(spec, &worst, &fleet, wait));
        Some(Quote {
            escrow: worst.escrow,
            deposit: worst.deposit,
            results,
            expected: expected(spec.price)?,
            at_spot: expected(spot)?,
            spot,
            least_blocks: T::Verifier::appeal_blocks(
                &spec.policy,
                worst.seconds.unwrap_or(u64::MAX),
            ),
            wait,
            settled,
            ahead: queue.claims,
            replicas,
            survey,
        })
    }

    /// A batch of an order that is first claimed in so many seconds.
    fn prospect<'a>(spec: &'a JobSpecOf<T>, worst: &WorstCase, start: u64) -> Prospect<'a> {
        let charge = worst
            .unit_charge
            .saturating_mul(u128::from(spec.batch_size));
        Prospect {
            policy: &spec.policy,
            environment: &spec.environment,
            virtual_seconds: worst.seconds.unwrap_or(u64::MAX),
            pay: suns::cost(charge, spec.price),
            start,
            deadline: spec.deadline.saturated_into(),
        }
    }

    /// Results of a batch that are paid on average, millionths, if these workers do it.
    fn expected_results(
        spec: &JobSpecOf<T>,
        worst: &WorstCase,
        fleet: &Fleet<T>,
        start: u64,
    ) -> u64 {
        let batch = Self::prospect(spec, worst, start);
        let candidates: Vec<Candidate> = match spec.policy {
            Policy::Optimistic | Policy::Replicate(_) => Vec::new(),
            Policy::Adaptive | Policy::Quorum(_) => fleet
                .iter()
                .map(|(key, worker)| {
                    let mut trust = T::Verifier::trust_of(key, &spec.environment);
                    let is_checked =
                        || T::Verifier::outlook(key, &worker.view.operator, &batch).is_checked;
                    if spec.policy == Policy::Adaptive && is_checked() {
                        trust.streak = 0;
                    }
                    Candidate {
                        capacity: worker.view.capacity,
                        trust,
                        stake: T::Workers::exposed(key),
                    }
                })
                .collect(),
        };
        spec.policy.expected_results(&candidates, batch.pay)
    }

    /// Seconds until a batch that is claimed in so many is accepted, by the capacity of these workers.
    fn settled_in(spec: &JobSpecOf<T>, worst: &WorstCase, fleet: &Fleet<T>, start: u64) -> u64 {
        let batch = Self::prospect(spec, worst, start);
        let (mut sum, mut capacity) = (0u128, 0u128);
        for (key, worker) in fleet {
            let outlook = T::Verifier::outlook(key, &worker.view.operator, &batch);
            let share = u128::from(worker.view.capacity);
            // 10,000 products of 64 bits each.
            sum = sum.saturating_add(share.saturating_mul(outlook.seconds.into()));
            capacity = capacity.saturating_add(share);
        }
        sum.div_ceil(capacity.max(1)).saturated_into()
    }

    /// The workers as a job sees them, and those that suit it. `barred`: what keeps a worker from each of its batches.
    fn survey(
        spec: &JobSpecOf<T>,
        class: TaskClass,
        rate: u64,
        barred: impl Fn(&T::AccountId, &WorkerView<T::AccountId>) -> Vec<Rejection>,
    ) -> (Survey, Fleet<T>) {
        let mut views = T::Workers::views(MOST_LOOKED_AT.saturating_add(1));
        let mut survey = Survey {
            truncated: views.len() > MOST_LOOKED_AT as usize,
            ..Default::default()
        };
        views.truncate(MOST_LOOKED_AT as usize);
        let mut suitable = Fleet::<T>::new();
        for (key, view) in views {
            let rejections: Vec<Rejection> = Self::rejections(spec, class, rate, &key, &view)
                .chain(barred(&key, &view))
                .collect();
            if survey.count(&rejections) {
                let busy = rejections.contains(&Rejection::Busy);
                suitable.insert(key, Suitable { view, busy });
            }
        }
        let operators = |busy_too: bool| {
            let some = suitable.values().filter(|worker| busy_too || !worker.busy);
            let operators: BTreeSet<_> = some.map(|worker| &worker.view.operator).collect();
            operators.len() as u32
        };
        (survey.operators, survey.free_operators) = (operators(true), operators(false));
        (survey, suitable)
    }

    /// Seconds until `first` operators have a worker with free capacity, if there are as many as `operators` of suitable ones; and
    /// whether batches were left out of the account. A busy worker is taken to be free once the shortest of its batches has run to its
    /// limits.
    fn free_in(suitable: &Fleet<T>, first: usize, operators: usize) -> (Option<u64>, bool) {
        let mut by_operator = BTreeMap::<&T::AccountId, u64>::new();
        let mut note = |operator, seconds: u64| {
            let entry = by_operator.entry(operator).or_insert(u64::MAX);
            *entry = seconds.min(*entry);
        };
        for worker in suitable.values() {
            note(
                &worker.view.operator,
                if worker.busy { u64::MAX } else { 0 },
            );
        }
        let mut seconds = BTreeMap::<JobId, u64>::new();
        let mut batches = Batches::<T>::iter();
        for (id, _, record) in batches.by_ref().take(MOST_LOOKED_AT as usize) {
            let long = *seconds.entry(id).or_insert_with(|| {
                let job = Jobs::<T>::get(id);
                job.map_or(0, |job| job.batch_seconds())
            });
            for claimant in record.assignments.iter().filter(|a| a.working) {
                if let Some(worker) = suitable.get(&claimant.worker).filter(|w| w.busy) {
                    note(&worker.view.operator, long);
                }
            }
        }
        let truncated = batches.next().is_some();
        let mut waits: Vec<u64> = by_operator.into_values().collect();
        waits.sort_unstable();
        let last = first.checked_sub(1).filter(|_| waits.len() >= operators);
        let wait = last.and_then(|last| waits.get(last));
        (wait.copied().filter(|wait| *wait < u64::MAX), truncated)
    }

    /// What other jobs want of these workers for as high a bid or a higher one.
    fn queue(
        profile: ProfileId,
        environment: &EnvironmentId,
        bid: u128,
        fleet: &Fleet<T>,
    ) -> Queue {
        let now = frame_system::Pallet::<T>::block_number();
        let mut queue = Queue::default();
        let mut jobs = Jobs::<T>::iter_values();
        for job in jobs.by_ref().take(MOST_LOOKED_AT as usize) {
            let spec = &job.spec;
            let competes = job.price >= bid
                && job.takes_claims(&now)
                && spec.profile == profile
                && spec.environment == *environment
                && fleet.iter().take(SAMPLE).any(|(key, worker)| {
                    let against = Self::rejections(spec, job.class, job.rate, key, &worker.view);
                    let mut against = against.filter(|reason| *reason != Rejection::Busy);
                    against.next().is_none()
                });
            if competes {
                queue.add(&job);
            }
        }
        queue.truncated = jobs.next().is_some();
        queue
    }
}

impl Queue {
    fn add<AccountId, BlockNumber>(&mut self, job: &JobRecord<AccountId, BlockNumber>) {
        let unclaimed = match job.state {
            JobState::Open => job.unclaimed(),
            _ => 0,
        };
        let fresh = match job.state {
            JobState::Open => job.batches.saturating_sub(job.next_batch),
            _ => 0,
        };
        // Of started ones that lack a replica, one each.
        let started = u64::from(fresh)
            .saturating_add(job.window.len() as u64)
            .saturating_add(u64::from(job.waiting))
            .saturating_sub(u64::from(unclaimed));
        let claims = u64::from(unclaimed)
            .saturating_mul(u64::from(job.spec.policy.paid_results()))
            .saturating_add(started);
        let at_once = u128::from(claims).saturating_mul(u128::from(job.rate));
        let seconds = u128::from(job.batch_seconds());
        self.claims = self.claims.saturating_add(claims);
        self.at_once = self.at_once.saturating_add(at_once);
        self.work = self.work.saturating_add(at_once.saturating_mul(seconds));
    }

    /// Seconds for which it keeps these workers busy, all of them, rounded up; 0 if they have room for it and for `own` µSUNS at
    /// once.
    fn seconds<AccountId: Ord>(
        &self,
        fleet: &BTreeMap<AccountId, Suitable<AccountId>>,
        own: u128,
    ) -> u64 {
        let sum = |figure: fn(&WorkerView<AccountId>) -> u64| {
            let figures = fleet
                .values()
                .map(|worker| u128::from(figure(&worker.view)));
            figures.fold(0u128, u128::saturating_add)
        };
        if self.claims == 0 || self.at_once.saturating_add(own) <= sum(|view| view.free) {
            return 0;
        }
        let seconds = self.work.div_ceil(sum(|view| view.capacity).max(1));
        u64::try_from(seconds).unwrap_or(u64::MAX)
    }
}
