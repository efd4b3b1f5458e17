//! Jobs and what becomes of them, in plain types.

use codec::Decode;
use serde::{Deserialize, Serialize};
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    environment::EnvironmentId,
    job::{self, Cut, Layout},
    receipt::{BatchSummary, Order},
    suns::{self, Profile},
    traits::ProfileId,
};

use crate::{AccountId, Balance, BlockNumber, Constraints, Outputs, Policy, TaskClass};

/// What a requester asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// BLAKE3 of the image manifest.
    pub image: ContentHash,
    /// BLAKE3 of the job-input manifest.
    pub input: ContentHash,
    /// Number of units.
    pub units: u32,
    /// Units per batch.
    pub batch_size: u32,
    /// Bid, planck per SUNS·hour.
    pub price: Balance,
    /// Most fuel of one unit.
    pub fuel_limit: u64,
    /// Most memory of one unit, bytes.
    pub memory_limit: u64,
    /// Most bytes in and out of one unit.
    pub traffic_limit: u64,
    /// How results are checked.
    pub policy: Policy,
    /// What capacity is measured in.
    pub profile: ProfileId,
    /// Where units run.
    pub environment: EnvironmentId,
    /// From this block on nothing more is claimed.
    pub deadline: BlockNumber,
    /// How to reach the requester: an encoded peer address.
    pub endpoint: Vec<u8>,
    /// Who may take it.
    pub constraints: Constraints,
    /// A job whose outputs it gets, and which must be complete before it opens.
    #[serde(default)]
    pub after: Option<JobId>,
}

impl JobSpec {
    /// Number of batches.
    pub fn batches(&self) -> u32 {
        job::batch_count(self.units, self.batch_size)
    }

    /// First unit and number of units of a batch, as it was ordered: see [`Job::range`].
    pub fn ordered_range(&self, batch: BatchIndex) -> Option<(UnitIndex, u32)> {
        job::batch_range(self.units, self.batch_size, batch)
    }

    /// What a canary in this order from `requester` names.
    pub fn order_from(&self, requester: &AccountId) -> Order {
        Order {
            requester: *requester.as_ref(),
            image: self.image,
            input: self.input,
            units: self.units,
            batch_size: self.batch_size,
            fuel_limit: self.fuel_limit,
            memory_limit: self.memory_limit,
            traffic_limit: self.traffic_limit,
            profile: self.profile,
            environment: self.environment,
        }
    }

    /// Capacity, µSUNS, that one claim takes; `None` if the profile cannot charge it.
    pub fn rate(&self, profile: &Profile) -> Option<u64> {
        profile.unit_rate(self.memory_limit)
    }

    /// Charge of a unit at its limits, µSUNS·s; `None` if the profile cannot charge it.
    pub fn unit_charge(&self, profile: &Profile) -> Option<u128> {
        profile.unit_charge(self.fuel_limit, self.memory_limit, self.traffic_limit)
    }

    /// [Virtual time](suns::virtual_seconds) of so many units at their limits, seconds; `None` beyond `u64`, or if the profile cannot charge
    /// them.
    pub fn seconds_of(&self, units: u32, profile: &Profile) -> Option<u64> {
        let (rate, charge) = (self.rate(profile)?, self.unit_charge(profile)?);
        suns::virtual_seconds(units, self.fuel_limit, rate, charge)
    }

    /// Planck that a submission holds in escrow, by the worst case of every unit; `None` if the profile cannot
    /// charge it or the figure is beyond every balance.
    pub fn escrow(&self, profile: &Profile) -> Option<Balance> {
        let unit = self.unit_charge(profile)?;
        let batch = suns::cost(unit.checked_mul(u128::from(self.batch_size))?, self.price);
        batch
            .checked_mul(u128::from(self.batches()))?
            .checked_mul(u128::from(self.policy.paid_results()))
    }
}

/// Why a job takes no new batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// By its requester: started batches may still complete, with more replicas if need be.
    Cancelled,
    /// By its deadline: nothing is claimed any more.
    Expired,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every batch was settled or failed.
    Completed,
    /// Its requester cancelled it.
    Cancelled,
    /// Its deadline came first.
    Expired,
    /// The job that it comes after did not complete.
    NoInput,
}

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Batches can be claimed.
    Open,
    /// No new batch is started; some are in flight.
    Settling(Closing),
    /// Nothing is in flight, the rest of the escrow is back with the requester.
    Ended {
        /// How it ended.
        outcome: Outcome,
        /// The block in which it did.
        at: BlockNumber,
    },
    /// Waits for the job that it comes after.
    Pending,
}

impl JobState {
    /// Whether nothing will happen to the job any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

/// A job on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// What is asked for.
    pub spec: JobSpec,
    /// Who pays.
    pub requester: AccountId,
    /// Class of its image.
    pub class: TaskClass,
    /// Where it stands.
    pub state: JobState,
    /// Number of batches of the order. Those that cuts made are numbered from here.
    pub batches: u32,
    /// Batches that were cut as their workers' machines were needed, in order.
    pub cuts: Vec<Cut>,
    /// Capacity that a claim takes, µSUNS.
    pub rate: u64,
    /// Charge of one unit at its limits, µSUNS·s.
    pub unit_charge: u128,
    /// What batches claimed from now on are paid by, also those that were claimed before, planck per SUNS·hour: the
    /// order's bid until it was raised.
    pub price: Balance,
    /// First batch that never could be claimed.
    pub next_batch: BatchIndex,
    /// Batches that can be claimed now.
    pub window: Vec<BatchIndex>,
    /// Started batches that want a replica and found the window full.
    pub waiting: u32,
    /// Batches in flight.
    pub in_flight: u32,
    /// Batches that were accepted and paid.
    pub settled: u32,
    /// Batches that failed and were refunded.
    pub failed: u32,
    /// Fuel accepted so far, one replica of each batch.
    pub fuel: u128,
    /// Planck held for the worst case, raises included.
    pub escrow: Balance,
    /// Of that, planck paid so far.
    pub paid: Balance,
    /// Planck held for the records.
    pub deposit: Balance,
    /// The series that started it.
    pub series: Option<JobId>,
    /// All jobs that come after it.
    pub successors: Vec<JobId>,
}

impl Job {
    /// [Virtual time](suns::virtual_seconds) of a batch as it was ordered, at its limits, seconds; saturates.
    pub fn batch_seconds(&self) -> u64 {
        let spec = &self.spec;
        let (units, fuel) = (spec.batch_size, spec.fuel_limit);
        suns::virtual_seconds(units, fuel, self.rate, self.unit_charge).unwrap_or(u64::MAX)
    }

    /// How its units make batches now.
    pub fn layout(&self) -> Layout<'_> {
        Layout {
            units: self.spec.units,
            batch_size: self.spec.batch_size,
            cuts: &self.cuts,
        }
    }

    /// First unit and number of units of a batch.
    pub fn range(&self, batch: BatchIndex) -> Option<(UnitIndex, u32)> {
        self.layout().range(batch)
    }

    /// Number of batches, those that cuts made included.
    pub fn total_batches(&self) -> u32 {
        self.batches.saturating_add(self.cuts.len() as u32)
    }

    /// Whether a batch is one of the order's below this index, or was cut off one of those.
    pub fn is_below(&self, batch: BatchIndex, below: BatchIndex) -> bool {
        let origin = self.layout().origin(batch);
        origin.is_some_and(|origin| origin < below)
    }

    /// Planck that one result of a batch with this charge costs at a price, as the chain rounds it.
    pub fn cost(&self, batch: BatchIndex, charge: u128, price: Balance) -> Balance {
        self.layout().cost(batch, charge, price)
    }

    /// Whether some batch may still be claimed. Whether *this* worker may claim one is the chain's word.
    pub fn wants_work(&self) -> bool {
        let started = !self.window.is_empty() || self.waiting > 0;
        match self.state {
            JobState::Open => started || self.next_batch < self.batches,
            JobState::Settling(Closing::Cancelled) => started,
            JobState::Pending | JobState::Settling(Closing::Expired) | JobState::Ended { .. } => {
                false
            }
        }
    }

    /// Whether its requester may still raise or cancel it.
    pub fn is_open_to_orders(&self) -> bool {
        matches!(self.state, JobState::Pending | JobState::Open)
    }

    /// Whether every unit of it has an accepted output.
    pub fn is_complete(&self) -> bool {
        self.state.has_ended() && self.settled == self.total_batches()
    }

    /// Batches that nobody has claimed, and that may still be.
    pub fn unclaimed(&self) -> u32 {
        match self.state {
            JobState::Pending | JobState::Open => {
                self.total_batches() - self.settled - self.failed - self.in_flight
            }
            JobState::Settling(_) | JobState::Ended { .. } => 0,
        }
    }

    /// Planck of the escrow that is neither paid nor released.
    pub fn outstanding(&self) -> Balance {
        if self.state.has_ended() {
            0
        } else {
            self.escrow.saturating_sub(self.paid)
        }
    }
}

/// An order that is submitted again and again; its number is taken from those of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Who pays.
    pub requester: AccountId,
    /// What is submitted each time, with another deadline.
    pub spec: JobSpec,
    /// Blocks from a start to that job's deadline.
    pub lasts: BlockNumber,
    /// Blocks from a start to the next.
    pub every: BlockNumber,
    /// Block of the next start.
    pub next: BlockNumber,
    /// Starts that are left.
    pub left: u32,
    /// Starts in a row that failed.
    pub skipped: u32,
    /// Held for the record, planck.
    pub deposit: Balance,
    /// Held for each start that is left, planck.
    pub fee: Balance,
}

/// Where one replica of a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaState {
    /// Claimed, not committed.
    Assigned,
    /// Committed, sealed.
    Committed(H256),
    /// Revealed.
    Revealed {
        /// BLAKE3 of the worker's result bundle.
        bundle: ContentHash,
    },
    /// Committed and did not reveal in time: unpaid, slashed unless it was alone and right.
    Withheld,
    /// It missed its commit deadline.
    Out,
}

/// One replica of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replica {
    /// The worker key.
    pub worker: AccountId,
    /// Its operator when it claimed.
    pub operator: AccountId,
    /// Where it stands.
    pub state: ReplicaState,
    /// The block by which its next step is due, where one is.
    pub due: Option<BlockNumber>,
}

/// A batch in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Every replica ever assigned, in order of claim.
    pub replicas: Vec<Replica>,
    /// The digest that enough replicas agree on: who committed to it may reveal now.
    pub revealing: Option<H256>,
    /// Whether its only result stands, and the last block for it: one that is sealed, for its worker to be caught with another
    /// meanwhile, or one that anybody may challenge.
    pub standing: Option<BlockNumber>,
}

impl Batch {
    /// The replica of a worker.
    pub fn replica(&self, worker: &AccountId) -> Option<&Replica> {
        self.replicas.iter().find(|r| r.worker == *worker)
    }
}

/// The agreed result of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// Merkle root over the unit leaves and totals.
    pub summary: BatchSummary,
    /// The agreeing workers and their bundles.
    pub winners: Vec<Winner>,
    /// The block in which it was accepted.
    pub at: BlockNumber,
    /// Whether they serve what they were paid for.
    pub outputs: Outputs,
    /// Worker keys of those who have fetched that as witnesses, and serve it.
    pub witnesses: Vec<AccountId>,
}

/// An agreeing replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Winner {
    /// The worker key.
    pub worker: AccountId,
    /// Its operator when it claimed.
    pub operator: AccountId,
    /// BLAKE3 of its result bundle.
    pub bundle: ContentHash,
}

/// Who says that a job's input is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Declines {
    /// Whether they are so many that the job is paused.
    pub paused: bool,
    /// Operators, the latest last.
    pub operators: Vec<AccountId>,
}

/// What requesters think of an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Decode, Serialize)]
pub struct Rating {
    /// Stars, 1 to 5 each, of all ratings together.
    pub stars: u64,
    /// How many there are.
    pub count: u64,
}
