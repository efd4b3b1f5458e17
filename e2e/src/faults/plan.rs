//! What happens when: a function of a seed.

use std::time::Duration;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `kill -9` of a worker at some point of its work.
    Kill,
    /// `kill -9` of a requester's command line; another one follows the job.
    Requester,
    /// The node that a worker is connected with hangs.
    NodeHangs,
    /// The node that a worker is connected with dies, and comes back.
    NodeDies,
    /// The node that a worker is connected with hangs, or dies, between commit and reveal; it goes on with another one.
    NodeLost,
    /// All nodes stand still.
    Standstill,
    /// The fork that workers were on is given up.
    Reorganisation,
    /// A disk is full for a while.
    Disk,
    /// A clock is wrong by an hour.
    Clock,
    /// A requester leaves for good.
    RequesterGone,
    /// A transfer is cut in the middle.
    Cut,
}

impl Fault {
    /// Each of them.
    pub const ALL: [Self; 11] = [
        Self::Kill,
        Self::Requester,
        Self::NodeHangs,
        Self::NodeDies,
        Self::NodeLost,
        Self::Standstill,
        Self::Reorganisation,
        Self::Disk,
        Self::Clock,
        Self::RequesterGone,
        Self::Cut,
    ];

    /// Its name for `--only` and the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Requester => "requester",
            Self::NodeHangs => "node-hangs",
            Self::NodeDies => "node-dies",
            Self::NodeLost => "node-lost",
            Self::Standstill => "standstill",
            Self::Reorganisation => "reorganisation",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::RequesterGone => "requester-gone",
            Self::Cut => "cut",
        }
    }
}

/// Where a worker dies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Death {
    /// At a write of its journal: before it is on the disk, or after that and before anything is made of it.
    AtSync { nth: i64, after: bool },
    /// As soon as it has said something.
    OnLine(&'static str),
    /// Some time from now.
    After(Duration),
}

/// What a worker says at the points of its work.
const LINES: [&str; 6] = [
    "\"claimed\"",
    "image and inputs are here",
    "computed and sealed",
    "\"step\":\"commit\"",
    "\"step\":\"reveal\"",
    "accepted and paid",
];

/// Numbers that look random: SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(super) fn death(&mut self) -> Death {
        match self.below(3) {
            0 => Death::AtSync {
                nth: self.below(8) as i64 + 1,
                after: self.below(2) == 1,
            },
            1 => Death::OnLine(LINES[self.below(LINES.len() as u64) as usize]),
            _ => Death::After(Duration::from_millis(self.below(8_000))),
        }
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for n in (1..items.len()).rev() {
            items.swap(n, self.below(n as u64 + 1) as usize);
        }
    }
}

/// What happens: every fault of `faults` in each round, in another order, and so many deaths of workers between them.
pub(super) fn plan(random: &mut Random, faults: &[Fault], rounds: u32, kills: u32) -> Vec<Fault> {
    let mut plan = Vec::new();
    for _ in 0..rounds {
        let mut round: Vec<Fault> = faults
            .iter()
            .copied()
            .filter(|fault| *fault != Fault::Kill)
            .collect();
        random.shuffle(&mut round);
        plan.extend(round);
    }
    for _ in 0..if faults.contains(&Fault::Kill) {
        kills
    } else {
        0
    } {
        plan.insert(random.below(plan.len() as u64 + 1) as usize, Fault::Kill);
    }
    plan
}
