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
    /// It has no free capacity for a unit of the job now.
    Busy,
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
        self.wanting > 0 && self.survey.free_operators < self.replicas
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
    /// What every unit at its limits costs at the spot price, planck.
    pub at_spot: u128,
    /// What settled work paid lately, planck per SUNS·hour.
    pub spot: u128,
    /// Seconds until enough operators have free capacity for a first batch: 0 if they have it now. Counts
    /// what busy workers have in hand at its limits, and no bids of others. `None` if too few are suitable.
    pub wait: Option<u64>,
    /// Replicas of a batch that must agree, each by another operator.
    pub replicas: u32,
    /// Who could take it.
    pub survey: Survey,
}

#[cfg(test)]
mod tests {
    use super::{Rejection::*, *};

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
