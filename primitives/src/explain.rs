//! Answers to "why is my job not running?" and "what would it cost?" (requirement X5).
//!
//! The market answers with the checks that its claims make; clients read the answers through the runtime
//! API, and turn them into words.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

use crate::constraints::Unmet;

/// Why a worker may not take a batch of a job, in the order in which a claim checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Rejection {
    /// It takes no work: paused, leaving, its bond is too small, or it missed a deadline and rests.
    Unavailable,
    /// It runs another environment.
    Environment,
    /// Its capacity is measured in another profile.
    Profile,
    /// It does not meet this constraint of the job.
    Constraint(Unmet),
    /// Even idle it is smaller than one unit of the job.
    TooSmall,
    /// It would be large enough, but too little of its capacity is proven, or counts without a proof.
    Unproven,
    /// It has no free capacity for a unit of the job now.
    Busy,
    /// The time to start a batch is over: there would be none left to challenge its result.
    Late,
    /// The job is paused: operators could not get its input.
    Paused,
    /// Its operator rests from the job: it could not get its input lately, or handed a batch back.
    Resting,
    /// Its operator has had the batch: replicas are by different ones.
    SameOperator,
    /// It is where another one is that had the batch, and the job wants different jurisdictions.
    SameJurisdiction,
    /// The replica is for drawn workers, and the draw has not come to it yet.
    NotDrawn,
}

/// What keeps a worker from any of several batches, when each has something that does: everything that keeps it from the
/// batch that it is nearest to, of which the fewest reasons keep it; of equals, that with the earlier reasons.
pub fn nearer(one: Option<Vec<Rejection>>, other: Vec<Rejection>) -> Vec<Rejection> {
    let rank = |reasons: &Vec<Rejection>| (reasons.len(), reasons.clone());
    match one {
        Some(one) if rank(&one) <= rank(&other) => one,
        _ => other,
    }
}

/// How many workers a constraint rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rejected {
    /// The constraint.
    pub reason: Rejection,
    /// Workers that fail it, whatever else they fail.
    pub workers: u32,
    /// Of these, workers that a claim would tell this reason: they pass every check before it.
    pub first: u32,
    /// Of these, workers that fail nothing else: without this constraint they could take the job.
    pub alone: u32,
}

/// The workers there are, as a job sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Survey {
    /// Registered workers that were looked at.
    pub workers: u32,
    /// Whether there is more than what was looked at: figures are then lower bounds.
    pub truncated: bool,
    /// Constraints that reject anybody, in the order in which a claim checks them. Busy workers are not
    /// rejected: they are among the suitable ones.
    pub constraints: Vec<Rejected>,
    /// Workers that no constraint rejects.
    pub suitable: u32,
    /// Of these, workers without free capacity for a unit of the job now.
    pub busy: u32,
    /// Distinct operators of the suitable workers.
    pub operators: u32,
    /// Distinct operators of the suitable workers that are not busy.
    pub free_operators: u32,
}

impl Survey {
    /// Counts one worker by everything that speaks against it, in the order of the checks. Whether it is
    /// suitable.
    pub fn count(&mut self, rejections: &[Rejection]) -> bool {
        self.workers = self.workers.saturating_add(1);
        let failed = rejections
            .iter()
            .filter(|reason| **reason != Rejection::Busy);
        let failures = failed.clone().count();
        for (at, reason) in failed.enumerate() {
            let entry = self.entry(*reason);
            entry.workers = entry.workers.saturating_add(1);
            entry.first = entry.first.saturating_add(u32::from(at == 0));
            entry.alone = entry.alone.saturating_add(u32::from(failures == 1));
        }
        if failures == 0 {
            self.suitable = self.suitable.saturating_add(1);
            let busy = rejections.contains(&Rejection::Busy);
            self.busy = self.busy.saturating_add(u32::from(busy));
        }
        failures == 0
    }

    fn entry(&mut self, reason: Rejection) -> &mut Rejected {
        let found = self
            .constraints
            .binary_search_by_key(&reason, |entry| entry.reason);
        let at = found.unwrap_or_else(|at| {
            let entry = Rejected {
                reason,
                workers: 0,
                first: 0,
                alone: 0,
            };
            self.constraints.insert(at, entry);
            at
        });
        &mut self.constraints[at]
    }
}

/// Why a job runs, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Explanation {
    /// Batches that want a worker: 0 if all have theirs, or the job takes no claims.
    pub wanting: u32,
    /// Workers, each by another operator, that are wanted for the batch that lacks the fewest; 0 if none wants any.
    pub needed: u32,
    /// Replicas of a batch that must agree, each by another operator.
    pub replicas: u32,
    /// Who could take them.
    pub survey: Survey,
    /// What the job bids, planck per SUNS·hour.
    pub bid: u128,
    /// Least bid there is, planck per SUNS·hour.
    pub floor: u128,
    /// What settled work paid lately, planck per SUNS·hour. Workers take the best-paid work first: a bid
    /// below it waits for the others.
    pub spot: u128,
}

impl Explanation {
    /// Whether batches want workers and too few operators have one that is free.
    pub fn waits(&self) -> bool {
        self.wanting > 0 && self.survey.free_operators < self.needed
    }

    /// What the bid lacks to the spot price, planck per SUNS·hour.
    pub fn gap(&self) -> u128 {
        self.spot.saturating_sub(self.bid)
    }
}

/// What a job would cost, and when it could start.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quote {
    /// Held for the worst case, planck: every unit at its limits, at the bid.
    pub escrow: u128,
    /// Held for the records, planck.
    pub deposit: u128,
    /// Results of a batch that are paid on average, millionths: see
    /// [`Policy::expected_results`](crate::policy::Policy::expected_results).
    pub results: u64,
    /// What every unit at its limits costs on average at the bid, with so many results, planck, rounded up.
    pub expected: u128,
    /// The same at the spot price, planck.
    pub at_spot: u128,
    /// What settled work paid lately, planck per SUNS·hour.
    pub spot: u128,
    /// Blocks to the deadline that the policy asks for more of: in so many before it nobody starts a batch, as no time would be left to
    /// challenge its result, or to draw who checks it. A deadline that is no further away is refused.
    pub least_blocks: u64,
    /// Seconds until a first batch can start, about and at most: 0 if at once. What busy workers have in hand is counted at its
    /// limits, and what other jobs bid as much or more for at its limits, too, all of it for the suitable workers. `None` if
    /// too few are suitable for as many replicas as it takes on average.
    pub wait: Option<u64>,
    /// Seconds until a first batch is accepted and paid, about: the wait, the batch at its limits, and what the policy takes from there
    /// on, by the capacity of the suitable workers. Under `Adaptive` one execution more where others find the result, too, and else as
    /// long as it stands, which is longer for operators of whom a longer one is being audited. `None` if there is no wait.
    pub settled: Option<u64>,
    /// Batches of other jobs, replicas counted one by one, that go first: they bid as much or more.
    pub ahead: u64,
    /// Replicas of a batch that must agree, each by another operator.
    pub replicas: u32,
    /// Who could take it.
    pub survey: Survey,
}

#[cfg(test)]
mod tests {
    use super::{Rejection::*, *};

    #[test]
    fn the_nearest_batch_is_that_of_the_fewest_reasons_then_of_the_earliest() {
        let reasons = |all: &[&[Rejection]]| {
            let all = all.iter().map(|reasons| reasons.to_vec());
            all.fold(None, |nearest, next| Some(nearer(nearest, next)))
        };
        assert_eq!(reasons(&[]), None);
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let all = [&[Resting, SameOperator][..], &[SameOperator], &[NotDrawn]];
            let all = order.map(|at| all[at]);
            assert_eq!(reasons(&all), Some(vec![SameOperator]));
        }
    }

    #[test]
    fn every_worker_is_counted_once_first_and_suitable() {
        let mut survey = Survey::default();
        for rejections in [
            &[Environment, Constraint(Unmet::Jurisdiction), Busy][..],
            &[Constraint(Unmet::Jurisdiction)],
            &[Busy],
            &[],
            &[Unavailable, Environment],
        ] {
            survey.count(rejections);
        }
        let rejected = |reason, workers, first, alone| Rejected {
            reason,
            workers,
            first,
            alone,
        };
        assert_eq!(
            survey.constraints,
            [
                rejected(Unavailable, 1, 1, 0),
                rejected(Environment, 2, 1, 0),
                rejected(Constraint(Unmet::Jurisdiction), 2, 1, 1),
            ]
        );
        assert_eq!((survey.workers, survey.suitable, survey.busy), (5, 2, 1));
        let first: u32 = survey.constraints.iter().map(|c| c.first).sum();
        assert_eq!(first + survey.suitable, survey.workers);
    }
}
