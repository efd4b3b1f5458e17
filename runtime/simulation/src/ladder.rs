//! The verification ladder without a chain: `pallet-verification`'s rules over the arithmetic of
//! `sungrid_primitives::policy`, one unit per batch, everybody in time. `chain` plays the same on the pallets.
//!
//! Time passes: workers are busy all the time, so that there are many batches in flight, and results stand while their worker
//! goes on. What happens when is a queue of ballots by the time at which they go on.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use pallet_market::{JURY, MAX_ASSIGNMENTS, Policy};
use sungrid_fuzz::dice::Dice;
use sungrid_primitives::policy::{self, AGREE_IF_DISPUTED, Trust};

use crate::fleet::{Answer, Fleet, PLOT, RIGHT, Sight};

/// Most results that are compared to find so many equal ones, as the runtime has it.
const MAX_REPLICAS: usize = 5;
/// What a refuted result costs, planck: 10 % of the bond of one SUNS.
pub(crate) const STAKE: u128 = 10_000_000_000_000;
/// What a batch pays at most, planck: an hour of one lane at the floor, the longest batch there is.
pub(crate) const PAY: u128 = 12_500_000_000;

const SECOND: u64 = 1_000;
/// From a commitment to its draw.
const DRAW: u64 = 15 * SECOND;
/// Until a summons has found somebody who is free: it reaches everybody after 48 s.
const SUMMONS: u64 = 24 * SECOND;
/// From the last commitment to the verdict: a reveal.
const REVEAL: u64 = 6 * SECOND;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// A batch, ms; at its limits as well.
    pub(crate) batch: u64,
    /// Longer ones, if there are any.
    pub(crate) long: Option<Long>,
    /// Whether results stand until audits of longer ones of their operator's may be over that began before.
    pub(crate) waits: bool,
    /// Batches that each worker computes at once.
    pub(crate) lanes: usize,
    /// For how long a single result stands, beside what an audit computes, ms; the same for optimistic ones.
    pub(crate) window: u64,
}

/// Batches that take longer than others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Long {
    /// One of them, ms; at its limits as well.
    pub(crate) batch: u64,
    /// Of so many units one is in such a batch.
    pub(crate) one_in: u64,
}

impl Times {
    /// For which a single result of a batch that takes so long stands, ms.
    fn standing(&self, takes: u64) -> u64 {
        self.window + 2 * takes
    }

    /// How long the batch of a unit takes, ms.
    fn of(&self, unit: u64) -> u64 {
        let long = self.long.filter(|long| unit.is_multiple_of(long.one_in));
        long.map_or(self.batch, |long| long.batch)
    }
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a result that was accepted.
    Accepted(Answer),
    /// Without any: the requester is refunded.
    Failed,
}

/// What a ballot does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Whether the only result stands, or somebody checks it.
    Draw,
    /// It has stood.
    Settle,
    /// Somebody has found something else: a jury.
    Challenge,
    /// All that are wanted have sealed.
    Compare,
}

/// Results of one batch.
struct Ballot {
    policy: Policy,
    /// The how manyth unit it is.
    unit: u64,
    /// Equal results that it takes, unless it is a quorum.
    count: usize,
    /// How long an execution takes, ms.
    takes: u64,
    /// Whether that is longer than usual.
    is_long: bool,
    /// Whoever gets a replica after the first sees that it is an audit.
    audited: bool,
    /// Further replicas are of summoned workers.
    drawn: bool,
    votes: Vec<(usize, Answer)>,
    /// Of a quorum: how many votes there were at each draw.
    draws: Vec<usize>,
    /// Who has the batch and no vote: a challenged worker.
    accused: Option<(usize, Answer)>,
    /// When the first was sealed, ms.
    since: u64,
    executed: usize,
    next: Next,
}

impl Ballot {
    /// Somebody claims a replica, and says nothing yet.
    fn add(&mut self, fleet: &Fleet, dice: &mut Dice) {
        let taken = |at| {
            let mut holders = self.votes.iter().chain(&self.accused);
            holders.any(|(worker, _)| *worker == at)
        };
        let worker = fleet.claim(taken, dice);
        self.votes.push((worker, RIGHT));
        self.executed += 1;
    }

    /// Those from `first` on seal, who see one another and nothing that is sealed, but what they sealed themselves.
    fn seal(&mut self, first: usize, fleet: &mut Fleet) {
        let wins = self.would_win(first, fleet);
        let is_second = usize::from(self.accused.is_none());
        let is_first = self.accused.is_none() && self.votes.len() == 1;
        for (at, (worker, answer)) in self.votes.iter_mut().enumerate().skip(first) {
            let sight = Sight {
                audits: self.audited && at >= is_second,
                wins,
                is_first,
                is_long: self.is_long,
            };
            *answer = fleet.answer(*worker, sight);
        }
    }

    /// Whether a lie is accepted without further votes, if all colluders from `first` on tell it.
    fn would_win(&mut self, first: usize, fleet: &Fleet) -> bool {
        // An optimistic result may be challenged, its jury's is another matter.
        if self.policy == Policy::Optimistic {
            return false;
        }
        for (worker, answer) in self.votes.iter_mut().skip(first) {
            *answer = if fleet.is_hostile(*worker) {
                PLOT
            } else {
                RIGHT
            };
        }
        self.tally(fleet, first..first) == (PLOT, 0)
    }

    /// Draws before the vote at a place was ordered.
    fn round(&self, at: usize) -> usize {
        self.draws.iter().filter(|start| **start <= at).count()
    }

    /// Equal answers; of equals the earlier comes first.
    fn groups(&self, fleet: &Fleet, unsealed: &Range<usize>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (at, (worker, answer)) in self.votes.iter().enumerate() {
            if unsealed.contains(&at) {
                continue;
            }
            let weight = fleet.trust(*worker).weight();
            let round = self.round(at);
            if let Some(group) = groups.iter_mut().find(|group| group.answer == *answer) {
                group.join(weight, round);
            } else {
                let mut group = Group {
                    answer: *answer,
                    members: 0,
                    power: 1,
                    round,
                    spans_rounds: false,
                };
                group.join(weight, round);
                groups.push(group);
            }
        }
        groups
    }

    /// The result that leads, and how many more like it it takes: if those who have not sealed find it, too.
    fn tally(&self, fleet: &Fleet, unsealed: Range<usize>) -> (Answer, usize) {
        let groups = self.groups(fleet, &unsealed);
        let sealed = (0..self.votes.len()).filter(|at| !unsealed.contains(at));
        let heaviest = sealed
            .map(|at| fleet.trust(self.votes[at].0).weight())
            .max();
        let total = policy::total(groups.iter().map(|group| group.power));
        let is_disputed = groups.len() > 1;
        let rank = |group: &Group| match self.policy {
            Policy::Quorum(_) => group.power,
            _ => u128::from(group.members),
        };
        let leading = groups.into_iter().reduce(|leading, next| {
            if rank(&next) > rank(&leading) {
                next
            } else {
                leading
            }
        });
        let mut leading = leading.expect("somebody has sealed");
        let others = total - leading.power;
        for at in unsealed {
            leading.join(fleet.trust(self.votes[at].0).weight(), self.round(at));
        }
        let Group {
            answer,
            members,
            power,
            spans_rounds,
            ..
        } = leading;
        let missing = match self.policy {
            Policy::Quorum(trust) => {
                let lacking = policy::missing(
                    power,
                    members,
                    others + power,
                    trust,
                    heaviest.unwrap_or_default(),
                );
                lacking.max(u32::from(!spans_rounds)) as usize
            }
            Policy::Adaptive if is_disputed => {
                (AGREE_IF_DISPUTED as usize).saturating_sub(members as usize)
            }
            _ => self.count.saturating_sub(members as usize),
        };
        (answer, missing)
    }

    /// Whether somebody was called to check its first result.
    fn is_audited(&self) -> bool {
        self.policy == Policy::Adaptive && self.drawn
    }

    /// Everybody who is right is confirmed, if there are several, everybody else slashed.
    fn accept(&self, answer: Answer, fleet: &mut Fleet, now: u64) -> End {
        let holders = || self.votes.iter().chain(&self.accused);
        let right = holders().filter(|(_, vote)| *vote == answer).count();
        let change = match self.policy {
            _ if right > 1 => Trust::confirmed,
            Policy::Adaptive => Trust::stood,
            _ => |trust| trust,
        };
        for (at, (worker, vote)) in holders().enumerate() {
            fleet.decided(*worker, *vote, at == 0 && self.is_audited());
            if *vote != answer {
                fleet.refute(*worker, now);
            } else {
                fleet.accept(*worker, change);
            }
        }
        End::Accepted(answer)
    }

    /// Nobody can tell. A challenged result stands all the same.
    fn give_up(&self, fleet: &mut Fleet) -> End {
        for (at, (worker, vote)) in self.votes.iter().chain(&self.accused).enumerate() {
            fleet.decided(*worker, *vote, at == 0 && self.is_audited());
        }
        self.accused.map_or(End::Failed, |(worker, answer)| {
            fleet.accept(worker, |trust| trust);
            End::Accepted(answer)
        })
    }
}

/// Those who gave an answer.
struct Group {
    answer: Answer,
    members: u32,
    power: u128,
    /// The round of the first of them, and whether others are of another one.
    round: usize,
    spans_rounds: bool,
}

impl Group {
    fn join(&mut self, weight: u32, round: usize) {
        self.members += 1;
        self.power = policy::joined(self.power, weight);
        self.spans_rounds |= round != self.round;
    }
}

/// What is in flight, and what time it is.
pub(crate) struct Ladder {
    policy: Policy,
    /// Of standing optimistic results, challengers execute so many in a thousand again.
    checked: u64,
    times: Times,
    now: u64,
    /// When the next claim comes, in millionths of ms: there are several in each of these.
    next_claim: u128,
    started: u64,
    /// By when they go on, their number, and where they are.
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// Those that go on, and free places.
    ballots: Vec<Option<Ballot>>,
    free: Vec<usize>,
}

/// A batch that has been decided: the how manyth unit it was, how, and how often it was executed.
pub(crate) type Decided = (u64, End, usize);

impl Ladder {
    pub(crate) fn new(policy: Policy, checked: u64, times: Times) -> Self {
        Self {
            policy,
            checked,
            times,
            now: 0,
            next_claim: 0,
            started: 0,
            queue: BinaryHeap::new(),
            ballots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Goes on until the next batch is decided; `None` when all of `units` are.
    pub(crate) fn next(
        &mut self,
        units: u64,
        fleet: &mut Fleet,
        dice: &mut Dice,
    ) -> Option<Decided> {
        loop {
            let claim = (self.started < units).then_some((self.next_claim / 1_000_000) as u64);
            let due = self.queue.peek().map(|Reverse((at, ..))| *at);
            match (claim, due) {
                (Some(claim), due) if due.is_none_or(|due| claim < due) => {
                    self.now = claim;
                    fleet.wake(claim);
                    self.start(fleet, dice);
                }
                (_, Some(due)) => {
                    self.now = due;
                    let Reverse((.., place)) = self.queue.pop().expect("peeked at");
                    let ballot = self.ballots[place].take().expect("it is queued");
                    self.free.push(place);
                    if let Some(decided) = self.step(ballot, fleet, dice) {
                        return Some(decided);
                    }
                }
                (_, None) => return None,
            }
        }
    }

    /// Every worker is busy: so many executions of so many ms keep the next unit waiting until as many lanes are free.
    fn occupy(&mut self, executions: usize, takes: u64, fleet: &Fleet) {
        let lanes = (fleet.active() * self.times.lanes) as u128;
        let work = u128::from(takes) * 1_000_000 * executions as u128;
        self.next_claim += work / lanes;
    }

    fn start(&mut self, fleet: &mut Fleet, dice: &mut Dice) {
        let takes = self.times.of(self.started);
        let mut ballot = Ballot {
            policy: self.policy,
            unit: self.started,
            count: 1,
            takes,
            is_long: takes > self.times.batch,
            audited: false,
            drawn: false,
            votes: Vec::new(),
            draws: Vec::new(),
            accused: None,
            since: self.now + takes,
            executed: 0,
            next: Next::Compare,
        };
        self.started += 1;
        ballot.add(fleet, dice);
        let mut wait = takes + REVEAL;
        match self.policy {
            Policy::Optimistic => ballot.next = Next::Draw,
            Policy::Adaptive => {
                ballot.audited = true;
                ballot.count = 2;
                ballot.next = Next::Draw;
                wait += DRAW;
            }
            Policy::Replicate(count) => {
                ballot.count = count.into();
                for _ in 1..count {
                    ballot.add(fleet, dice);
                }
            }
            // Others are drawn when it is sealed.
            Policy::Quorum(_) => {}
        }
        ballot.seal(0, fleet);
        self.occupy(ballot.executed, takes, fleet);
        self.go_on(ballot, wait);
    }

    fn go_on(&mut self, ballot: Ballot, wait: u64) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.ballots.push(None);
            self.ballots.len() - 1
        });
        self.queue
            .push(Reverse((self.now + wait, ballot.unit, place)));
        self.ballots[place] = Some(ballot);
    }

    fn step(&mut self, mut ballot: Ballot, fleet: &mut Fleet, dice: &mut Dice) -> Option<Decided> {
        let (worker, answer) = ballot.votes[0];
        let end = match ballot.next {
            Next::Draw if self.policy == Policy::Optimistic => {
                self.check(ballot, dice);
                return None;
            }
            Next::Draw if fleet.trust(worker).stands(STAKE, PAY, dice.roll()) => {
                ballot.next = Next::Settle;
                let mut wait = self.times.standing(ballot.takes);
                if self.times.waits {
                    wait = wait.max(fleet.audited_until(worker).saturating_sub(self.now));
                }
                self.go_on(ballot, wait);
                return None;
            }
            Next::Draw => return self.audit(ballot, fleet, dice),
            Next::Challenge => {
                ballot.accused = ballot.votes.pop();
                ballot.audited = true;
                ballot.drawn = true;
                ballot.count = JURY as usize;
                return self.want(ballot, JURY as usize, fleet, dice);
            }
            Next::Settle
                if self.policy == Policy::Adaptive && fleet.was_caught(worker, ballot.since) =>
            {
                return self.audit(ballot, fleet, dice);
            }
            Next::Settle => ballot.accept(answer, fleet, self.now),
            Next::Compare => {
                let (answer, missing) = ballot.tally(fleet, 0..0);
                let most = match self.policy {
                    Policy::Quorum(_) => MAX_ASSIGNMENTS as usize,
                    _ => MAX_REPLICAS,
                };
                if missing == 0 {
                    ballot.accept(answer, fleet, self.now)
                } else if missing.saturating_add(ballot.votes.len()) <= most {
                    return self.want(ballot, missing, fleet, dice);
                } else {
                    ballot.give_up(fleet)
                }
            }
        };
        Some((ballot.unit, end, ballot.executed))
    }

    /// Somebody is called to check a single result.
    fn audit(&mut self, mut ballot: Ballot, fleet: &mut Fleet, dice: &mut Dice) -> Option<Decided> {
        let (worker, answer) = ballot.votes[0];
        let until = self.now + self.times.standing(ballot.takes);
        fleet.audit(worker, answer, until);
        ballot.drawn = true;
        self.want(ballot, 1, fleet, dice)
    }

    fn want(
        &mut self,
        mut ballot: Ballot,
        missing: usize,
        fleet: &mut Fleet,
        dice: &mut Dice,
    ) -> Option<Decided> {
        let first = ballot.votes.len();
        if matches!(self.policy, Policy::Quorum(_)) {
            // One at a time, until all who have the batch would convince if they found what leads.
            ballot.draws.push(first);
            ballot.add(fleet, dice);
            while ballot.tally(fleet, first..ballot.votes.len()).1 > 0
                && ballot.votes.len() < MAX_ASSIGNMENTS as usize
            {
                ballot.add(fleet, dice);
            }
        } else {
            for _ in 0..missing {
                ballot.add(fleet, dice);
            }
        }
        ballot.seal(first, fleet);
        self.occupy(ballot.votes.len() - first, ballot.takes, fleet);
        ballot.next = Next::Compare;
        let summons = match self.policy {
            Policy::Quorum(_) => DRAW + SUMMONS,
            _ if ballot.drawn => SUMMONS,
            _ => 0,
        };
        let wait = summons + ballot.takes + REVEAL;
        self.go_on(ballot, wait);
        None
    }

    /// An optimistic result is there that somebody may check, who takes as long for it as its worker.
    fn check(&mut self, mut ballot: Ballot, dice: &mut Dice) {
        let is_checked = dice.below(1_000) < self.checked;
        ballot.executed += usize::from(is_checked);
        let wait = if is_checked && ballot.votes[0].1 != RIGHT {
            ballot.next = Next::Challenge;
            ballot.takes
        } else {
            ballot.next = Next::Settle;
            self.times.window
        };
        self.go_on(ballot, wait);
    }
}
