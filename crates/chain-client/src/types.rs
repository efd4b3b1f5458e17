//! What the chain knows, in plain types.

use codec::Decode;
use serde::{Deserialize, Serialize};
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    delegation::LEVERAGE,
    environment::EnvironmentId,
    job,
    receipt::BatchSummary,
    suns::{self, Profile, Resources},
    traits::ProfileId,
};
pub use sungrid_primitives::{
    attributes::{Architecture, Attributes, Classes, EnergySource, Region, TaskClass, Tier, Tiers},
    constraints::{Constraints, Unmet},
};

use crate::{Event, Policy, PoolId};

/// An account; its text form is SS58.
pub type AccountId = sp_core::crypto::AccountId32;
/// Planck.
pub type Balance = u128;
/// Number of a block.
pub type BlockNumber = u32;

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BlockRef {
    /// Height.
    pub number: BlockNumber,
    /// Hash.
    pub hash: H256,
}

/// What a chain says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainInfo {
    /// Name from the chain specification.
    pub name: String,
    /// Hash of the first block: the chain's identity.
    pub genesis: H256,
    /// Version of the runtime.
    pub spec_version: u32,
    /// Symbol of the token.
    pub token: String,
    /// Decimals of the token.
    pub decimals: u8,
    /// SS58 prefix of addresses.
    pub ss58_prefix: u16,
}

/// Parameters that clients compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ChainParams {
    /// Milliseconds between blocks.
    pub block_ms: u64,
    /// Least bond of a worker, planck.
    pub min_bond: Balance,
    /// Bond per SUNS of capacity, planck.
    pub bond_per_suns: Balance,
    /// Blocks in a round.
    pub round_blocks: BlockNumber,
    /// Deposit per job, planck.
    pub job_deposit: Balance,
    /// Deposit per batch, planck.
    pub batch_deposit: Balance,
    /// Most blocks between a job's submission and its deadline.
    pub max_job_blocks: BlockNumber,
    /// Most virtual time of one batch at its limits, seconds.
    pub max_batch_seconds: u64,
    /// Blocks for which an ended job's results stay, and for which outputs must be served.
    pub retention: BlockNumber,
}

impl ChainParams {
    /// Bond that a capacity (µSUNS) needs, planck; rounded up.
    pub fn bond_for(&self, capacity: u64) -> Balance {
        let by_capacity = self
            .bond_per_suns
            .saturating_mul(u128::from(capacity))
            .div_ceil(suns::MICRO);
        self.min_bond.max(by_capacity)
    }
}

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

    /// First unit and number of units of a batch.
    pub fn range(&self, batch: BatchIndex) -> Option<(UnitIndex, u32)> {
        job::batch_range(self.units, self.batch_size, batch)
    }

    /// Capacity, µSUNS, that one claim takes; `None` if the profile cannot charge it.
    pub fn rate(&self, profile: &Profile) -> Option<u64> {
        profile.unit_rate(self.memory_limit)
    }

    /// Planck that a submission holds in escrow, by the worst case of every unit; `None` if the profile cannot
    /// charge it or the figure is beyond every balance.
    pub fn escrow(&self, profile: &Profile) -> Option<Balance> {
        let unit = profile.unit_charge(self.fuel_limit, self.memory_limit)?;
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
    /// Number of batches.
    pub batches: u32,
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
        self.state.has_ended() && self.settled == self.batches
    }

    /// Batches that nobody has claimed, and that may still be.
    pub fn unclaimed(&self) -> u32 {
        match self.state {
            JobState::Pending | JobState::Open => {
                self.batches - self.settled - self.failed - self.in_flight
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
    /// Committed and did not reveal in time.
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

/// State of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// May claim.
    Active,
    /// May not claim until resumed.
    Paused,
    /// May not claim until its operator resumes it.
    Suspended,
    /// Its bond can be withdrawn after this block.
    Leaving {
        /// End of the cool-down.
        until: BlockNumber,
    },
}

/// A worker on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Who bonds it and is paid.
    pub operator: AccountId,
    /// How to reach it: an encoded peer address.
    pub endpoint: Vec<u8>,
    /// What its operator says of it.
    pub attributes: Attributes,
    /// Who stands for each of those.
    pub tiers: Tiers,
    /// Where its results compare.
    pub environment: EnvironmentId,
    /// What its capacity is measured in.
    pub profile: ProfileId,
    /// Declared capacity, µSUNS.
    pub capacity: u64,
    /// Capacity in use, µSUNS.
    pub committed: u64,
    /// The operator's part of the bond, planck.
    pub bond: Balance,
    /// What others delegated to it and leave there, planck.
    pub delegated: Balance,
    /// Whether it may claim.
    pub state: WorkerState,
    /// Times it was slashed.
    pub faults: u32,
    /// Deadlines it missed.
    pub missed: u32,
    /// Batches that it declined in time, because their input was missing.
    pub declined: u32,
    /// Units accepted so far.
    pub accepted_units: u64,
    /// Charge of these units, µSUNS·s.
    pub delivered: u128,
}

impl Worker {
    /// Whether a job's constraints, environment and profile let this worker work on it.
    pub fn suits(&self, job: &Job) -> bool {
        let spec = &job.spec;
        self.environment == spec.environment
            && self.profile == spec.profile
            && self.unmet(spec, job.class).next().is_none()
    }

    /// The constraints of a job of a class that it does not meet, by the rules that the chain has.
    pub fn unmet(&self, spec: &JobSpec, class: TaskClass) -> impl Iterator<Item = Unmet> + use<> {
        let (attributes, units) = (&self.attributes, self.accepted_units);
        spec.constraints
            .unmet(class, attributes, &self.tiers, units)
    }

    /// What counts as its bond, planck.
    pub fn backing(&self) -> Balance {
        let most = self.bond.saturating_mul(LEVERAGE);
        self.bond.saturating_add(self.delegated).min(most)
    }

    /// Charge, µSUNS, that one more batch may have: up to 80 % of the capacity in use together, and all
    /// of it for an idle worker.
    pub fn free(&self) -> u64 {
        let limit = match self.committed {
            0 => self.capacity,
            _ => (u128::from(self.capacity) * 8 / 10) as u64,
        };
        limit.saturating_sub(self.committed)
    }
}

/// What governance found when it held an image against the listing standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Whether it meets the standard.
    pub listed: bool,
    /// Hash of the written assessment.
    pub reason: H256,
}

/// A published image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Who published it and is paid for its use.
    pub developer: AccountId,
    /// Task class.
    pub class: u8,
    /// Whether new jobs may use it.
    pub usable: bool,
    /// Usage so far, µSUNS·s.
    pub usage: u128,
    /// What governance found, if it was asked.
    pub listing: Option<Listing>,
}

impl Image {
    /// Whether governance found that it meets the listing standard.
    pub fn is_listed(&self) -> bool {
        self.listing.is_some_and(|listing| listing.listed)
    }
}

/// What an account holds, planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Free to spend, before the existential deposit.
    pub free: Balance,
    /// Held: bonds, escrows, deposits.
    pub held: Balance,
    /// Frozen part of what is free.
    pub frozen: Balance,
    /// Transactions so far.
    pub nonce: u32,
}

/// What a worker has earned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Credit {
    /// ISC value of verified work, planck.
    pub total: Balance,
    /// Accepted units.
    pub units: u64,
}

/// The current round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Its number.
    pub number: u32,
    /// Its last block.
    pub ends: BlockNumber,
    /// Planck paid for jobs in it so far.
    pub payments: Balance,
    /// Planck of transaction fees in it so far.
    pub fees: Balance,
}

/// How a closed round was split, planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClosedRound {
    /// Its number.
    pub round: u32,
    /// Paid for jobs.
    pub payments: Balance,
    /// Transaction fees.
    pub fees: Balance,
    /// Minted at its end.
    pub emission: Balance,
    /// Share of the block authors.
    pub authors: Balance,
    /// Share of the treasury.
    pub foundation: Balance,
    /// Share of the developers.
    pub developers: Balance,
    /// Share of the operators.
    pub workers: Balance,
    /// Out of the node reserve for the operators, on top of their share.
    pub granted: Balance,
    /// Out of the node reserve for live workers.
    pub maintenance: Balance,
    /// Shares without a receiver, carried over into the next round.
    pub carried: Balance,
}

/// A transaction that is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// Hash of the transaction.
    pub transaction: H256,
    /// Its block; `None` when only the pool was waited for.
    pub block: Option<BlockRef>,
    /// What it caused.
    pub events: Vec<Event>,
}

impl Included {
    /// The job that a `submit` created.
    pub fn job(&self) -> Option<JobId> {
        self.events.iter().find_map(|event| match event {
            Event::JobSubmitted { job, .. } => Some(*job),
            _ => None,
        })
    }

    /// The series that a `repeat` opened.
    pub fn series(&self) -> Option<JobId> {
        self.events.iter().find_map(|event| match event {
            Event::SeriesOpened { series } => Some(*series),
            _ => None,
        })
    }

    /// The batch that a `claim` got.
    pub fn batch(&self) -> Option<BatchIndex> {
        self.events.iter().find_map(|event| match event {
            Event::Claimed { batch, .. } => Some(*batch),
            _ => None,
        })
    }

    /// The pool that an `open` created.
    pub fn pool(&self) -> Option<PoolId> {
        self.events.iter().find_map(|event| match event {
            Event::PoolOpened { pool } => Some(*pool),
            _ => None,
        })
    }

    /// Planck that a withdrawal of a delegation gave back.
    pub fn withdrawn(&self) -> Balance {
        self.events
            .iter()
            .map(|event| match event {
                Event::DelegationWithdrawn { amount } => *amount,
                _ => 0,
            })
            .sum()
    }

    /// Planck that a claim of rewards or income paid.
    pub fn rewards(&self) -> Balance {
        let paid = |event: &Event| match event {
            Event::RewardsPaid { amount, .. } => *amount,
            _ => 0,
        };
        self.events.iter().map(paid).sum()
    }
}

/// What a reveal discloses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// The batch's root and totals.
    pub summary: BatchSummary,
    /// The salt of the commitment.
    pub salt: [u8; 32],
    /// BLAKE3 of the worker's result bundle.
    pub bundle: ContentHash,
}

/// What `register` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The worker key.
    pub worker: AccountId,
    /// How to reach it.
    pub endpoint: Vec<u8>,
    /// Self-declared attributes.
    pub attributes: Attributes,
    /// Where its results compare.
    pub environment: EnvironmentId,
    /// What its capacity is measured in.
    pub profile: ProfileId,
    /// Measured machine.
    pub resources: Resources,
    /// Bond, planck.
    pub bond: Balance,
    /// The worker key's signature over [`crate::registration_payload`].
    pub proof: [u8; 64],
}
