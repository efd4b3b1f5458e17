//! Why a job runs or does not, and what one would cost. This chain says nothing of what keeps a worker from single batches, nor of
//! the bids of others.

use std::collections::BTreeSet;

use super::*;
use crate::{Explanation, Quote, Rejection, Survey};
use sungrid_primitives::policy::{Candidate, MILLION};

/// Blocks before its deadline in which nobody starts a batch of a job on a chain; this one starts them all the same.
fn appeal_blocks(policy: &Policy) -> u64 {
    let blocks = match policy {
        Policy::Replicate(_) | Policy::Adaptive => 0,
        Policy::Optimistic => COMMIT_SLACK + REVEAL_WINDOW + CHALLENGE_WINDOW,
        Policy::Quorum(_) => 2 * COMMIT_SLACK,
    };
    blocks.into()
}

/// Everything that speaks against a worker, in the order in which a claim checks.
pub(super) fn rejections(
    params: &ChainParams,
    now: BlockNumber,
    spec: &JobSpec,
    class: TaskClass,
    rate: u64,
    worker: &Worker,
) -> Vec<Rejection> {
    let bonded = worker.backing() >= params.bond_for(worker.capacity);
    let available = worker.state == WorkerState::Active && bonded && now >= worker.rests_until;
    let before = [
        (available, Rejection::Unavailable),
        (
            worker.environment == spec.environment,
            Rejection::Environment,
        ),
        (worker.profile == spec.profile, Rejection::Profile),
    ];
    let after = [
        (rate <= worker.capacity, Rejection::TooSmall),
        (
            rate <= worker.counted || rate > worker.capacity,
            Rejection::Unproven,
        ),
        (rate <= worker.free(), Rejection::Busy),
    ];
    let failed = |(holds, reason): (bool, Rejection)| (!holds).then_some(reason);
    let unmet = worker.unmet(spec, class).map(Rejection::Constraint);
    before
        .into_iter()
        .filter_map(failed)
        .chain(unmet)
        .chain(after.into_iter().filter_map(failed))
        .collect()
}

impl State {
    pub(in crate::memory) fn explain(&self, id: JobId) -> Option<Explanation> {
        let job = self.jobs.get(&id)?;
        let fresh = match job.state {
            JobState::Open => job.batches - job.next_batch,
            _ => 0,
        };
        let (survey, _, _) = self.survey(&job.spec, job.class, job.rate);
        let replicas = job.spec.policy.paid_results();
        let lacks = |batch: &BatchIndex| match self.batches.get(&(id, *batch)) {
            Some(record) => {
                let mut live = record.view.replicas.iter();
                let live = live
                    .by_ref()
                    .filter(|r| r.state != ReplicaState::Out)
                    .count();
                record.wanted.saturating_sub(live) as u32
            }
            None => replicas,
        };
        let started = job.window.iter().map(lacks);
        let needed = started.chain((fresh > 0).then_some(replicas)).min();
        Some(Explanation {
            needed: needed.filter(|_| job.wants_work()).unwrap_or_default(),
            wanting: if job.wants_work() {
                job.window.len() as u32 + fresh
            } else {
                0
            },
            replicas,
            survey,
            bid: job.price,
            floor: FLOOR,
            spot: self.spot.price,
        })
    }

    pub(in crate::memory) fn quote(&self, spec: &JobSpec) -> Option<Quote> {
        if spec.profile != CPU_1_ID || spec.price < FLOOR {
            return None;
        }
        let escrow = spec.escrow(&CPU_1)?;
        let class = self.class_of(&spec.image);
        let (survey, mut waits, fleet) = self.survey(spec, class, spec.rate(&CPU_1)?);
        waits.sort_unstable();
        let replicas = spec.policy.paid_results();
        let unit = spec.unit_charge(&CPU_1)?;
        let charge = unit.checked_mul(u128::from(spec.units))?;
        let pay = cost(unit.checked_mul(u128::from(spec.batch_size))?, spec.price);
        let results = spec.policy.expected_results(&fleet, pay);
        let expected = |price| {
            let cost = cost(charge, price).checked_mul(u128::from(results))?;
            Some(cost.div_ceil(u128::from(MILLION)))
        };
        let wait = waits
            .get(spec.policy.ordered_at_first().checked_sub(1)? as usize)
            .copied()
            .filter(|_| waits.len() as u64 >= results.div_ceil(MILLION));
        // Nobody is trusted here, so nothing stands; and nobody is drawn.
        let challenge = match spec.policy {
            Policy::Optimistic => u64::from(CHALLENGE_WINDOW) * self.params.block_ms / 1_000,
            _ => 0,
        };
        let computed = spec
            .seconds_of(spec.batch_size, &CPU_1)?
            .saturating_add(challenge);
        Some(Quote {
            escrow,
            deposit: self.deposit(spec),
            results,
            expected: expected(spec.price)?,
            at_spot: expected(self.spot.price)?,
            spot: self.spot.price,
            least_blocks: appeal_blocks(&spec.policy),
            wait,
            settled: wait.map(|wait| wait.saturating_add(computed)),
            ahead: 0,
            replicas,
            survey,
        })
    }

    /// The workers, for each operator of a suitable one the seconds until one of his is free, and the suitable ones.
    fn survey(
        &self,
        spec: &JobSpec,
        class: TaskClass,
        rate: u64,
    ) -> (Survey, Vec<u64>, Vec<Candidate>) {
        let mut fleet = Vec::new();
        let mut survey = Survey::default();
        let mut waits = BTreeMap::<&AccountId, u64>::new();
        let mut free = BTreeSet::new();
        for (key, worker) in &self.workers {
            let rejections = rejections(&self.params, self.number, spec, class, rate, worker);
            if !survey.count(&rejections) {
                continue;
            }
            fleet.push(Candidate {
                capacity: worker.counted,
                trust: worker.trust,
                stake: worker.bond / 10,
            });
            let wait = if rejections.contains(&Rejection::Busy) {
                self.seconds_in_hand(key)
            } else {
                free.insert(&worker.operator);
                0
            };
            let entry = waits.entry(&worker.operator).or_insert(wait);
            *entry = wait.min(*entry);
        }
        survey.operators = waits.len() as u32;
        survey.free_operators = free.len() as u32;
        (survey, waits.into_values().collect(), fleet)
    }

    /// Seconds until the shortest batch in a worker's hands has run to its limits.
    fn seconds_in_hand(&self, worker: &AccountId) -> u64 {
        let in_hand = |record: &BatchRecord| {
            let replica = record.view.replica(worker);
            replica.is_some_and(|replica| replica.state == ReplicaState::Assigned)
        };
        let batches = self.batches.iter().filter(|(_, record)| in_hand(record));
        let jobs = batches.filter_map(|((id, _), _)| self.jobs.get(id));
        let seconds = jobs.map(Job::batch_seconds);
        seconds.min().unwrap_or(0)
    }
}
