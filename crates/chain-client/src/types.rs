//! What the chain knows, in plain types.

use serde::Serialize;
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId,
    delegation::LEVERAGE,
    environment::EnvironmentId,
    receipt::BatchSummary,
    suns::{self, Resources},
    traits::ProfileId,
};
pub use sungrid_primitives::{
    attributes::{
        Architecture, Attribute, Attributes, Classes, EnergySource, PerAttribute, Region,
        Statement, TaskClass, Tier, Tiers,
    },
    capacity::{Openings, Proven, Run, Shape},
    constraints::{Constraints, Unmet},
};

use crate::{Event, Job, JobSpec, PoolId, Trust};

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
    /// Blocks for which the bond of a worker answers for the outputs of an accepted result: until then witnesses may fetch
    /// them.
    pub liability: BlockNumber,
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
    /// What counts of that now: as much as it has proven, or as counts without a proof, µSUNS.
    pub counted: u64,
    /// Capacity in use, µSUNS.
    pub committed: u64,
    /// The operator's part of the bond that stays, planck.
    pub bond: Balance,
    /// What of the operator's part leaves, planck: slashable until it is withdrawn, and nothing else. See [`Chain::unbonding`](crate::Chain::unbonding).
    pub leaving: Balance,
    /// What others delegated to it and leave there, planck.
    pub delegated: Balance,
    /// Whether it may claim.
    pub state: WorkerState,
    /// Times it was slashed.
    pub faults: u32,
    /// Deadlines it missed.
    pub missed: u32,
    /// First block in which it may claim again after it missed one.
    pub rests_until: BlockNumber,
    /// Batches that it declined in time, because their input was missing.
    pub declined: u32,
    /// Batches that it handed back in time, because its machine was needed for something else.
    pub handed_back: u32,
    /// Units accepted so far.
    pub accepted_units: u64,
    /// Charge of these units, µSUNS·s.
    pub delivered: u128,
    /// What its results in its environment were worth so far.
    pub trust: Trust,
}

/// A part of an operator's bond that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unbonding {
    /// Planck.
    pub amount_planck: Balance,
    /// First block, as far as is known now, at which it can be withdrawn.
    pub free_at: BlockNumber,
}

impl Worker {
    /// Planck of the operator's part that neither the declared capacity needs nor what others delegated.
    pub fn spare(&self, params: &ChainParams) -> Balance {
        let least = params.bond_for(self.capacity);
        // As the chain counts: others' money counts up to four times the operator's, and no more of it may be there.
        let own = least
            .saturating_sub(self.delegated)
            .max(self.delegated.div_ceil(LEVERAGE - 1));
        self.bond.saturating_sub(own)
    }

    /// Whether a job's constraints, environment and profile let this worker work on it.
    pub fn suits(&self, job: &Job) -> bool {
        let spec = &job.spec;
        self.environment == spec.environment
            && self.profile == spec.profile
            && self.unmet(spec, job.class).next().is_none()
    }

    /// The constraints of a job of a class that it does not meet, by the rules that the chain has.
    pub fn unmet(&self, spec: &JobSpec, class: TaskClass) -> impl Iterator<Item = Unmet> + use<> {
        let (attributes, streak) = (&self.attributes, self.trust.streak);
        spec.constraints
            .unmet(class, attributes, &self.tiers, streak)
    }

    /// What counts as its bond, planck.
    pub fn backing(&self) -> Balance {
        let most = self.bond.saturating_mul(LEVERAGE);
        self.bond.saturating_add(self.delegated).min(most)
    }

    /// Charge, µSUNS, that one more batch may have: up to 80 % of the capacity that counts in use together, and all
    /// of it for an idle worker.
    pub fn free(&self) -> u64 {
        let limit = match self.committed {
            0 => self.counted,
            _ => (u128::from(self.counted) * 8 / 10) as u64,
        };
        limit.saturating_sub(self.committed)
    }
}

/// An auditor: who it stands for is among the attestations of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Auditor {
    /// Number of its admission: attestations of another one count no more.
    pub admission: u32,
    /// Held of it, planck; 0 until it bonds.
    pub bond: Balance,
    /// First block at which its bond may be withdrawn, once it has resigned.
    pub leaving: Option<BlockNumber>,
}

/// An auditor's word for one attribute of one worker. It counts while that auditor is in this admission, until its block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attestation {
    /// Whose word it is.
    pub auditor: AccountId,
    /// In which admission it was given.
    pub admission: u32,
    /// First block at which it counts no more.
    pub until: BlockNumber,
}

/// The attestations of a worker, attribute by attribute.
pub type Attestations = PerAttribute<Option<Attestation>>;

/// How a worker's capacity stands.
pub type Standing = sungrid_primitives::capacity::Standing<BlockNumber>;

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

    /// Planck that a claim of a delegation's income paid.
    pub fn income(&self) -> Balance {
        let paid = |event: &Event| match event {
            Event::IncomePaid { amount, .. } => *amount,
            _ => 0,
        };
        self.events.iter().map(paid).sum()
    }

    /// Planck that a claim of rewards paid.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool gets its rewards in the block in which a delegation takes its share out.
    #[test]
    fn what_a_pool_is_paid_is_nobody_s_income() {
        let account = AccountId::new([1; 32]);
        let claim = Included {
            transaction: H256::zero(),
            block: None,
            events: vec![
                Event::RewardsPaid {
                    account: AccountId::new([2; 32]),
                    amount: 7,
                },
                Event::IncomePaid { account, amount: 5 },
            ],
        };
        assert_eq!((claim.income(), claim.rewards()), (5, 7));
    }
}
