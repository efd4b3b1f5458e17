//! Workers, and how some of them lie.

use std::collections::VecDeque;

use sungrid_fuzz::dice::Dice;
use sungrid_primitives::policy::{TRUSTED_FROM, Trust};

/// How a hostile worker lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Always, each its own result.
    Always,
    /// Its own result, once so many honest results in a row were accepted: ten, which is what trust begins with, or more, since
    /// audits get fewer; but not where the chain shows that another replica is wanted of a batch that may do with one.
    OnceTrusted(u32),
    /// As the former, but never while an earlier lie of its is undecided, so that none of them is caught with another.
    Patient(u32),
    /// As the former in long batches alone, and in any once it sees that it will be caught with one.
    Doomed(u32),
    /// Always, all of them the same result.
    Together,
    /// All of them the same result, where they see before they seal that it will be accepted.
    InSight,
    /// As the former; and, once so many results were accepted, whoever seals first and sees nobody yet, in the hope for who is drawn.
    Gamble(u32),
    /// As the former, but who has a lie undecided tells no other in that hope.
    Stake(u32),
}

impl Strategy {
    /// All there are.
    pub(crate) const ALL: [Self; 12] = [
        Self::Always,
        Self::OnceTrusted(TRUSTED_FROM),
        Self::OnceTrusted(5_000),
        Self::Patient(TRUSTED_FROM),
        Self::Patient(1_000),
        Self::Patient(5_000),
        Self::Patient(9_000),
        Self::Together,
        Self::InSight,
        Self::Gamble(100),
        Self::Gamble(1_000),
        Self::Stake(1_000),
    ];

    /// What there is to be had where batches are of different lengths.
    pub(crate) const OF_LENGTHS: [Self; 6] = [
        Self::Patient(1_000),
        Self::Patient(5_000),
        Self::Patient(9_000),
        Self::Doomed(1_000),
        Self::Doomed(5_000),
        Self::Doomed(9_000),
    ];

    /// What several of them have in common, for tables and pictures.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Always => "always lies",
            Self::OnceTrusted(_) => "lies once trusted",
            Self::Patient(_) => "lies patiently",
            Self::Doomed(_) => "lies when doomed",
            Self::Together => "colludes",
            Self::InSight => "colludes in sight",
            Self::Gamble(_) => "gambles in sight",
            Self::Stake(_) => "gambles patiently",
        }
    }

    /// Results in a row that it waits for.
    pub(crate) fn from(self) -> u32 {
        match self {
            Self::OnceTrusted(from)
            | Self::Patient(from)
            | Self::Doomed(from)
            | Self::Gamble(from)
            | Self::Stake(from) => from,
            Self::Always | Self::Together | Self::InSight => 0,
        }
    }

    /// Whether all say the same.
    pub(crate) fn colludes(self) -> bool {
        matches!(
            self,
            Self::Together | Self::InSight | Self::Gamble(_) | Self::Stake(_)
        )
    }
}

/// What a result comes to: all right ones are equal.
pub(crate) type Answer = u32;
/// The right answer.
pub(crate) const RIGHT: Answer = 0;
/// What colluders agreed on.
pub(crate) const PLOT: Answer = u32::MAX;

/// What a worker sees of a batch before it seals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// It is there to check another's result.
    pub(crate) audits: bool,
    /// What colluders say is accepted, if all of them say it who have the batch and have not sealed.
    pub(crate) wins: bool,
    /// Nobody else has the batch.
    pub(crate) is_first: bool,
    /// The batch takes longer than others.
    pub(crate) is_long: bool,
}

#[derive(Clone, Debug, Default)]
struct Worker {
    trust: Trust,
    hostile: bool,
    /// Results accepted since it was last slashed.
    accepted: u32,
    /// It was slashed, and gets no work before: ms. For ever if its bond stays below the minimum.
    out_until: u64,
    /// When it was slashed last, ms.
    caught: Option<u64>,
    lies: u64,
    /// Of them, those that nobody has decided about yet.
    undecided: u32,
    /// Of these, those that somebody is called to check.
    doomed: u32,
    /// Until when results of its are audited, as the chain has it, ms.
    audited_until: u64,
    /// Lies until it was slashed for the first time, that one included.
    caught_after: Option<u64>,
}

/// Workers of different operators, of which some are hostile.
pub(crate) struct Fleet {
    workers: Vec<Worker>,
    strategy: Strategy,
    /// Whether a slashed liar bonds more and goes on.
    stubborn: bool,
    /// For how long whoever is slashed gets no work all the same, ms.
    rest: u64,
    /// Workers that get work.
    active: usize,
    /// Those that do not, by the time at which they may again.
    resting: VecDeque<(u64, usize)>,
    /// Slashes so far.
    pub(crate) slashes: u64,
    /// Accepted results of hostile workers so far.
    pub(crate) of_hostile: u64,
}

impl Fleet {
    /// So many workers, the first `hostile` of which follow `strategy`.
    pub(crate) fn new(
        workers: usize,
        hostile: usize,
        strategy: Strategy,
        stubborn: bool,
        rest: u64,
    ) -> Self {
        let worker = |at| Worker {
            hostile: at < hostile,
            ..Worker::default()
        };
        Self {
            workers: (0..workers).map(worker).collect(),
            strategy,
            stubborn,
            rest,
            active: workers,
            resting: VecDeque::new(),
            slashes: 0,
            of_hostile: 0,
        }
    }

    /// A worker that can claim and has none of these replicas.
    pub(crate) fn claim(&self, taken: impl Fn(usize) -> bool, dice: &mut Dice) -> usize {
        loop {
            let at = dice.below(self.workers.len() as u64) as usize;
            if self.workers[at].out_until == 0 && !taken(at) {
                return at;
            }
        }
    }

    /// Whoever has rested gets work again, now, ms.
    pub(crate) fn wake(&mut self, now: u64) {
        while let Some((at, worker)) = self.resting.front().copied().filter(|(at, _)| *at <= now) {
            self.resting.pop_front();
            // Unless it was slashed again meanwhile.
            let worker = &mut self.workers[worker];
            if worker.out_until == at {
                worker.out_until = 0;
                self.active += 1;
            }
        }
    }

    /// Workers that get work.
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    /// Whether it was slashed at `since`, ms, or later.
    pub(crate) fn was_caught(&self, worker: usize, since: u64) -> bool {
        self.workers[worker].caught.is_some_and(|at| at >= since)
    }

    /// Somebody is called to check an answer of its, which takes until then, ms.
    pub(crate) fn audit(&mut self, worker: usize, answer: Answer, until: u64) {
        let worker = &mut self.workers[worker];
        worker.doomed += u32::from(answer != RIGHT);
        worker.audited_until = worker.audited_until.max(until);
    }

    /// Until when its results are audited, ms.
    pub(crate) fn audited_until(&self, worker: usize) -> u64 {
        self.workers[worker].audited_until
    }

    /// What it is trusted with.
    pub(crate) fn trust(&self, worker: usize) -> Trust {
        self.workers[worker].trust
    }

    pub(crate) fn is_hostile(&self, worker: usize) -> bool {
        self.workers[worker].hostile
    }

    /// What it says of a batch.
    pub(crate) fn answer(&mut self, at: usize, sight: Sight) -> Answer {
        let Sight {
            audits,
            wins,
            is_first,
            is_long,
        } = sight;
        let strategy = self.strategy;
        let worker = &mut self.workers[at];
        let is_time = worker.accepted >= strategy.from() && !audits;
        let lies = worker.hostile
            && match strategy {
                Strategy::Always | Strategy::Together => true,
                Strategy::OnceTrusted(_) => is_time,
                Strategy::Patient(_) => is_time && worker.undecided == 0,
                Strategy::Doomed(_) => {
                    let begins = is_long && worker.undecided == 0;
                    let goes_on =
                        !is_long && worker.doomed > 0 && worker.undecided == worker.doomed;
                    is_time && (begins || goes_on)
                }
                Strategy::InSight => wins,
                Strategy::Gamble(_) => wins || (is_first && is_time),
                Strategy::Stake(_) => wins || (is_first && is_time && worker.undecided == 0),
            };
        if !lies {
            return RIGHT;
        }
        worker.lies += 1;
        worker.undecided += 1;
        if strategy.colludes() {
            PLOT
        } else {
            at as Answer + 1
        }
    }

    /// It is known what became of this answer of its, which somebody was called to check or not.
    pub(crate) fn decided(&mut self, at: usize, answer: Answer, was_audited: bool) {
        self.workers[at].undecided -= u32::from(answer != RIGHT);
        self.workers[at].doomed -= u32::from(answer != RIGHT && was_audited);
    }

    /// Its result was accepted, which changes what it is trusted with like this.
    pub(crate) fn accept(&mut self, at: usize, change: fn(Trust) -> Trust) {
        let worker = &mut self.workers[at];
        worker.accepted = worker.accepted.saturating_add(1);
        worker.trust = change(worker.trust);
        self.of_hostile += u64::from(worker.hostile);
    }

    /// Others refuted its result, now, ms: it is slashed.
    pub(crate) fn refute(&mut self, at: usize, now: u64) {
        self.slashes += 1;
        let worker = &mut self.workers[at];
        worker.trust = worker.trust.refuted();
        worker.caught = Some(now);
        worker.accepted = 0;
        worker.caught_after.get_or_insert(worker.lies);
        self.active -= usize::from(worker.out_until == 0);
        // Whoever bonds the minimum is below it now. Honest workers bond more: they were outvoted.
        if worker.hostile && !self.stubborn {
            worker.out_until = u64::MAX;
        } else {
            worker.out_until = now + self.rest;
            self.resting.push_back((worker.out_until, at));
        }
    }

    /// Mean number of lies of the hostile workers that were caught until they were, and the share that was.
    pub(crate) fn detection(&self) -> (f64, f64) {
        let hostile = self.workers.iter().filter(|worker| worker.hostile);
        let caught: Vec<u64> = hostile
            .clone()
            .filter_map(|worker| worker.caught_after)
            .collect();
        let count = caught.len().max(1) as f64;
        let mean = caught.iter().sum::<u64>() as f64 / count;
        (mean, caught.len() as f64 / hostile.count().max(1) as f64)
    }
}
