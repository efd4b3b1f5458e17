//! The verification ladder without a chain: `pallet-verification`'s rules over the arithmetic of
//! `sungrid_primitives::policy`, one unit per batch, everybody in time. `chain` plays the same on the pallets.

use pallet_market::{JURY, MAX_ASSIGNMENTS, Policy};
use sungrid_fuzz::dice::Dice;
use sungrid_primitives::policy::{self, TRUSTED_FROM};

use crate::fleet::{Answer, Fleet, RIGHT};

/// Most results that are compared to find so many equal ones, as the runtime has it.
const MAX_REPLICAS: usize = 5;
/// What a refuted result costs, planck: 10 % of the bond of one SUNS.
pub(crate) const STAKE: u128 = 10_000_000_000_000;
/// What a batch pays at most, planck: an hour of one lane at the floor, the longest batch there is.
pub(crate) const PAY: u128 = 12_500_000_000;

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a result that was accepted.
    Accepted(Answer),
    /// Without any: the requester is refunded.
    Failed,
}

/// Results of one batch.
#[derive(Default)]
struct Ballot {
    /// Whoever gets a replica after the first sees that it is an audit.
    audited: bool,
    votes: Vec<(usize, Answer)>,
    /// Whoever has the batch and no vote: a challenged worker.
    others: Vec<usize>,
}

impl Ballot {
    fn add(&mut self, fleet: &mut Fleet, dice: &mut Dice) {
        let mut taken: Vec<usize> = self.votes.iter().map(|(worker, _)| *worker).collect();
        taken.extend(&self.others);
        let worker = fleet.claim(&taken, dice);
        let answer = fleet.answer(worker, self.audited);
        self.votes.push((worker, answer));
    }

    /// Equal answers: how many, and their power; of equals the earlier comes first.
    fn groups(&self, fleet: &Fleet) -> Vec<(Answer, u32, u128)> {
        let mut groups: Vec<(Answer, u32, u128)> = Vec::new();
        for (worker, answer) in &self.votes {
            let weight = fleet.trust(*worker).weight();
            match groups.iter_mut().find(|(other, ..)| other == answer) {
                Some((_, members, power)) => {
                    *members += 1;
                    *power = policy::joined(*power, weight);
                }
                None => groups.push((*answer, 1, policy::joined(1, weight))),
            }
        }
        groups
    }

    /// Everybody who is right is confirmed, everybody else slashed.
    fn accept(&self, answer: Answer, fleet: &mut Fleet) -> End {
        let right = self
            .votes
            .iter()
            .filter(|(_, vote)| *vote == answer)
            .count();
        for (worker, vote) in &self.votes {
            if *vote != answer {
                fleet.refute(*worker);
            } else {
                fleet.accept(*worker, right > 1);
            }
        }
        End::Accepted(answer)
    }

    /// More replicas until `count` agree.
    fn agree(&mut self, count: usize, fleet: &mut Fleet, dice: &mut Dice) -> Option<Answer> {
        let mut wanted = count;
        while wanted <= MAX_REPLICAS {
            while self.votes.len() < wanted {
                self.add(fleet, dice);
            }
            let leading = leading(self.groups(fleet), |(_, members, _)| u128::from(*members));
            let (answer, members, _) = leading?;
            if members as usize >= count {
                return Some(answer);
            }
            wanted = self.votes.len() + count - members as usize;
        }
        None
    }

    /// More replicas until a group of equal ones convinces.
    fn convince(&mut self, trust: u32, fleet: &mut Fleet, dice: &mut Dice) -> Option<Answer> {
        // One at a time, until all who have the batch would convince if they agreed.
        loop {
            self.add(fleet, dice);
            let power = self.votes.iter().fold(1, |power, (worker, _)| {
                policy::joined(power, fleet.trust(*worker).weight())
            });
            let all = policy::total([power]);
            if policy::missing(power, self.votes.len() as u32, all, trust) == 0
                || self.votes.len() >= MAX_ASSIGNMENTS as usize
            {
                break;
            }
        }
        loop {
            let groups = self.groups(fleet);
            let total = policy::total(groups.iter().map(|(.., power)| *power));
            let (answer, members, power) = leading(groups, |(.., power)| *power)?;
            let missing = policy::missing(power, members, total, trust);
            if missing == 0 {
                return Some(answer);
            }
            if u64::from(missing) + self.votes.len() as u64 > u64::from(MAX_ASSIGNMENTS) {
                return None;
            }
            for _ in 0..missing {
                self.add(fleet, dice);
            }
        }
    }
}

type Group = (Answer, u32, u128);

fn leading(groups: Vec<Group>, rank: impl Fn(&Group) -> u128) -> Option<Group> {
    groups.into_iter().reduce(|leading, next| {
        if rank(&next) > rank(&leading) {
            next
        } else {
            leading
        }
    })
}

/// Verifies one unit; says how it ended, and how often it was executed. Of standing results, challengers execute
/// `checked` in a thousand again.
pub(crate) fn verify(
    policy: Policy,
    checked: u64,
    fleet: &mut Fleet,
    dice: &mut Dice,
) -> (End, usize) {
    let mut ballot = Ballot::default();
    let decided = match policy {
        Policy::Optimistic => return optimistic(checked, fleet, dice),
        Policy::Replicate(count) => ballot.agree(count.into(), fleet, dice),
        Policy::Adaptive => {
            ballot.add(fleet, dice);
            ballot.audited = true;
            let (worker, answer) = ballot.votes[0];
            let trust = fleet.trust(worker);
            if trust.streak >= TRUSTED_FROM && trust.stands(STAKE, PAY, dice.roll()) {
                Some(answer)
            } else {
                ballot.agree(2, fleet, dice)
            }
        }
        Policy::Quorum(trust) => ballot.convince(trust, fleet, dice),
    };
    let end = decided.map_or(End::Failed, |answer| ballot.accept(answer, fleet));
    (end, ballot.votes.len())
}

fn optimistic(checked: u64, fleet: &mut Fleet, dice: &mut Dice) -> (End, usize) {
    let mut ballot = Ballot::default();
    ballot.add(fleet, dice);
    let (accused, answer) = ballot.votes[0];
    let is_checked = dice.below(1_000) < checked;
    if !is_checked || answer == RIGHT {
        fleet.accept(accused, false);
        return (End::Accepted(answer), 1 + usize::from(is_checked));
    }
    let mut jury = Ballot {
        audited: true,
        others: vec![accused],
        ..Ballot::default()
    };
    let verdict = jury.agree(JURY as usize, fleet, dice);
    let executed = 2 + jury.votes.len();
    let Some(verdict) = verdict else {
        return (End::Accepted(answer), executed);
    };
    if verdict == answer {
        fleet.accept(accused, true);
    } else {
        fleet.refute(accused);
    }
    (jury.accept(verdict, fleet), executed)
}
