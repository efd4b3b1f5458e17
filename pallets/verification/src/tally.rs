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
    /// The round of the first of them.
    round: u8,
    /// Whether others are of another round: those of one may have agreed on what to say.
    spans_rounds: bool,
}

impl Group {
    fn new<AccountId, BlockNumber>(
        digest: H256,
        replica: &Replica<AccountId, BlockNumber>,
    ) -> Self {
        Self {
            digest,
            members: 0,
            power: 1,
            round: replica.round,
            spans_rounds: false,
        }
    }

    fn join<AccountId, BlockNumber>(
        &mut self,
        replica: &Replica<AccountId, BlockNumber>,
        trust: Trust,
    ) {
        self.members = self.members.saturating_add(1);
        self.power = policy::joined(self.power, trust.weight());
        self.spans_rounds |= replica.round != self.round;
    }
}

/// The result that leads and how many more like it would decide, 0 if it is decided; in a quorum of workers who weigh as much as the
/// heaviest that has sealed, or whatever a lie of a worker of record is held against would look hopeless.
pub(crate) struct Tally {
    pub(crate) leading: H256,
    pub(crate) missing: u32,
    /// Whether anybody said anything else.
    pub(crate) is_disputed: bool,
}

impl<T: Config> Pallet<T> {
    /// Compares the digests of all votes; `None` if there is none. Of equals the earlier commitment leads. With `hopefully` those at
    /// work are taken to find what leads.
    ///
    /// A quorum is convinced by nothing that was all sealed in one round, however much its finders weigh: they can see before they seal
    /// that they would outweigh whoever is there. They cannot see who is drawn afterwards.
    pub(crate) fn tally(
        job: JobId,
        batch: BatchIndex,
        environment: &EnvironmentId,
        ballot: &BallotRecordOf<T>,
        hopefully: bool,
    ) -> Option<Tally> {
        // It decides quorums alone.
        let trust_of = |worker: &T::AccountId| match ballot.bar {
            Bar::Agree(_) => Trust::default(),
            Bar::Quorum(_) => Trusts::<T>::get(worker, environment),
        };
        let mut groups: Vec<Group> = Vec::new();
        let mut heaviest = 0;
        for replica in ballot.votes() {
            let Some(digest) = replica.digest(job, batch) else {
                continue;
            };
            let trust = trust_of(&replica.assignment.worker);
            heaviest = trust.weight().max(heaviest);
            if let Some(group) = groups.iter_mut().find(|group| group.digest == digest) {
                group.join(replica, trust);
            } else {
                let mut group = Group::new(digest, replica);
                group.join(replica, trust);
                groups.push(group);
            }
        }
        let total = policy::total(groups.iter().map(|group| group.power));
        let is_disputed = groups.len() > 1;
        let rank = |group: &Group| match ballot.bar {
            Bar::Agree(_) => u128::from(group.members),
            Bar::Quorum(_) => group.power,
        };
        let mut leading = groups.into_iter().reduce(|leading, next| {
            if rank(&next) > rank(&leading) {
                next
            } else {
                leading
            }
        })?;
        let others = total.saturating_sub(leading.power);
        let at_work = ballot
            .votes()
            .filter(|replica| hopefully && matches!(replica.state, ReplicaState::Working { .. }));
        for replica in at_work {
            let trust = trust_of(&replica.assignment.worker);
            leading.join(replica, trust);
        }
        let missing = match ballot.bar {
            Bar::Agree(count) => count.saturating_sub(leading.members),
            Bar::Quorum(trust) => {
                let total = others.saturating_add(leading.power);
                policy::missing(leading.power, leading.members, total, trust, heaviest)
                    .max(u32::from(!leading.spans_rounds))
            }
        };
        Some(Tally {
            leading: leading.digest,
            missing,
            is_disputed,
        })
    }

    /// Votes that would decide if no replica had any result yet.
    pub(crate) fn votes_at_least(bar: Bar) -> u32 {
        match bar {
            Bar::Agree(count) => count,
            Bar::Quorum(trust) => policy::missing(1, 0, policy::total([]), trust, 0),
        }
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
