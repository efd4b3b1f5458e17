//! Comparing what was sealed, and what is known of those who sealed it.
//!
//! [`Trusts`] is kept per worker and environment. A result that another operator's result confirmed adds one to streak
//! and score, a single one of `Adaptive` that has stood adds one to the streak alone; a refuted one or a withheld reveal ends the
//! streak and takes a third of the score. Missed commits and unchallenged results of `Optimistic` change neither. The longer the
//! streak, the fewer audits, so that of the results of nobody more than a certain share are lies that were accepted: see
//! [`audited_in`](sungrid_primitives::policy::Trust::audited_in). How a worker came by its streak is not asked: it can order small
//! jobs of itself for little more than their fees. No lie pays by that, because a streak counts only as far as a lie costs more than
//! the batch pays.

use alloc::vec::Vec;
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, JobId,
    environment::EnvironmentId,
    policy::{self, Trust},
};

use crate::*;

/// Equal results.
struct Group {
    digest: H256,
    members: u32,
    power: u128,
}

/// The result that leads and how many more like it would decide, 0 if it is decided.
pub(crate) struct Tally {
    pub(crate) leading: H256,
    pub(crate) missing: u32,
}

impl<T: Config> Pallet<T> {
    /// Compares the digests of all votes; `None` if there is none. Of equals the earlier commitment leads.
    pub(crate) fn tally(
        job: JobId,
        batch: BatchIndex,
        environment: &EnvironmentId,
        ballot: &BallotRecordOf<T>,
    ) -> Option<Tally> {
        let mut groups: Vec<Group> = Vec::new();
        for replica in ballot.votes() {
            let Some(digest) = replica.digest(job, batch) else {
                continue;
            };
            let trust = Trusts::<T>::get(&replica.assignment.worker, environment);
            match groups.iter_mut().find(|group| group.digest == digest) {
                Some(group) => {
                    group.members = group.members.saturating_add(1);
                    group.power = policy::joined(group.power, trust.weight());
                }
                None => groups.push(Group {
                    digest,
                    members: 1,
                    power: policy::joined(1, trust.weight()),
                }),
            }
        }
        let total = policy::total(groups.iter().map(|group| group.power));
        let rank = |group: &Group| match ballot.bar {
            Bar::Agree(_) => u128::from(group.members),
            Bar::Quorum(_) => group.power,
        };
        let leading = groups.into_iter().reduce(|leading, next| {
            if rank(&next) > rank(&leading) {
                next
            } else {
                leading
            }
        })?;
        let missing = match ballot.bar {
            Bar::Agree(count) => count.saturating_sub(leading.members),
            Bar::Quorum(trust) => policy::missing(leading.power, leading.members, total, trust),
        };
        Some(Tally {
            leading: leading.digest,
            missing,
        })
    }

    /// Votes that would decide if no replica had any result yet.
    pub(crate) fn votes_at_least(bar: Bar) -> u32 {
        match bar {
            Bar::Agree(count) => count,
            Bar::Quorum(trust) => policy::missing(1, 0, policy::total([]), trust),
        }
    }

    /// Whether a quorum could be convinced if all who have the batch agreed.
    pub(crate) fn would_convince(
        environment: &EnvironmentId,
        ballot: &BallotRecordOf<T>,
        trust: u32,
    ) -> bool {
        let workers = ballot.hopeful().map(|replica| &replica.assignment.worker);
        let (members, power) = workers.fold((0u32, 1), |(members, power), worker| {
            let weight = Trusts::<T>::get(worker, environment).weight();
            (members.saturating_add(1), policy::joined(power, weight))
        });
        policy::missing(power, members, policy::total([power]), trust) == 0
    }

    /// Notes that a result was refuted or not opened, or its outputs withheld. It counts against all single results that any
    /// worker of that operator has standing: whoever has several machines has one word.
    pub(crate) fn note_caught(
        worker: &T::AccountId,
        operator: &T::AccountId,
        environment: EnvironmentId,
    ) {
        Self::note_trust(worker, environment, Trust::refuted);
        Caught::<T>::insert(operator, frame_system::Pallet::<T>::block_number());
    }

    /// Changes what a worker is trusted with.
    pub(crate) fn note_trust(
        worker: &T::AccountId,
        environment: EnvironmentId,
        change: impl FnOnce(Trust) -> Trust,
    ) {
        let trust = Trusts::<T>::mutate(worker, environment, |trust| {
            *trust = change(*trust);
            *trust
        });
        Self::deposit_event(Event::TrustChanged {
            worker: worker.clone(),
            environment,
            trust,
        });
    }
}
