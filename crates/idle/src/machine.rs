//! The policy at work: pure, so that every history can be played to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    policy::{Mode, Policy, PolicyError},
    reading::Readings,
    rules::{self, Reason, Rule, Value},
};

/// Looks at the machine further apart than this leave a time of which nothing is known. Shorter, and a busy moment
/// counts as one; longer, and input passes unseen.
pub const MAX_GAP: Duration = Duration::from_secs(5);

/// Whose the machine is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its owner's: no work is taken, none is there.
    #[default]
    Owner,
    /// Free: work may be taken.
    Idle,
    /// At work.
    Running,
    /// Its owner's again: work is there, and frozen.
    Suspended,
    /// Its owner's for long: work is handed back.
    Vacating,
}

impl State {
    /// Whether work may be taken and run.
    pub fn may_work(self) -> bool {
        matches!(self, Self::Idle | Self::Running)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Vacating => "vacating",
        })
    }
}

/// Where a machine stands, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// Since how many seconds.
    pub for_s: u64,
    /// Every rule that applies, what was read, and what it is held against.
    pub reasons: Vec<Reason>,
}

impl Standing {
    /// What speaks against work now.
    pub fn against(&self) -> impl Iterator<Item = &Reason> {
        self.reasons.iter().filter(|reason| !reason.holds)
    }
}

/// A policy and where it stands.
#[derive(Clone, Debug)]
pub struct Machine {
    policy: Policy,
    state: State,
    /// When it came into that state.
    since: Duration,
    now: Duration,
    /// Since when nothing but input spoke against work; none before the first look.
    calm_since: Option<Duration>,
    reasons: Vec<Reason>,
}

impl Machine {
    /// A machine of its owner, or in [`Mode::Always`] of nobody.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        policy.validate()?;
        let state = match policy.mode {
            Mode::Always => State::Idle,
            Mode::Desktop | Mode::Server => State::Owner,
        };
        Ok(Self {
            policy,
            state,
            since: Duration::ZERO,
            now: Duration::ZERO,
            calm_since: None,
            reasons: Vec::new(),
        })
    }

    /// One look. `now` is the time since any moment, by a clock that does not go back; if it does all the same, no time has passed.
    /// `work` says whether there is any in hand, running or frozen.
    pub fn step(&mut self, now: Duration, readings: &Readings, work: bool) -> State {
        let now = now.max(self.now);
        let gap = now - self.now > MAX_GAP;
        self.now = now;
        let away = match self.state {
            State::Owner | State::Vacating => self.policy.start_after(),
            State::Idle | State::Running | State::Suspended => self.policy.resume_after(),
        };
        let mut reasons = rules::check(&self.policy, readings, away);
        let broken = reasons.iter().any(|reason| !reason.holds);
        // Input tells by itself since when there is none, as long as it is known.
        let restless = |reason: &Reason| {
            !reason.holds
                && (reason.rule != Rule::Input || matches!(reason.reading, Value::Unknown(_)))
        };
        if gap || reasons.iter().any(restless) {
            self.calm_since = Some(now);
        }
        let calm = now - *self.calm_since.get_or_insert(now);
        let (settled, wanted) = match self.policy.mode {
            Mode::Always => (true, Duration::ZERO),
            Mode::Desktop | Mode::Server => {
                let wanted = self.policy.resume_after();
                (!broken && calm >= wanted, wanted)
            }
        };
        let suspended = now - self.since;
        let next = match self.state {
            State::Owner if work => State::Suspended,
            State::Owner if settled => State::Idle,
            State::Idle if broken => State::Owner,
            State::Idle if work => State::Running,
            State::Running if broken && work => State::Suspended,
            State::Running if broken => State::Owner,
            State::Running if !work => State::Idle,
            State::Suspended if !work => State::Owner,
            State::Suspended if settled => State::Running,
            State::Suspended if suspended >= Duration::from_secs(self.policy.vacate_after_s) => {
                State::Vacating
            }
            State::Vacating if !work => State::Owner,
            same => same,
        };
        // Whatever stopped the work, it rests for a calm.
        if self.state.may_work() && !next.may_work() {
            self.calm_since = Some(now);
        }
        if next != self.state {
            self.state = next;
            self.since = now;
        }
        if !next.may_work() {
            let calm = now - self.calm_since.unwrap_or(now);
            reasons.push(Reason {
                rule: Rule::Calm,
                reading: Value::Seconds(calm.as_secs()),
                limit: Value::Seconds(wanted.as_secs()),
                holds: calm >= wanted,
            });
        }
        self.reasons = reasons;
        next
    }

    /// The state of the last look.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether what is still there has had its time to go.
    pub fn must_kill(&self) -> bool {
        self.state == State::Vacating
            && self.now - self.since >= Duration::from_secs(self.policy.kill_after_s)
    }

    /// Where it stands, and why.
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            for_s: (self.now - self.since).as_secs(),
            reasons: self.reasons.clone(),
        }
    }
}
