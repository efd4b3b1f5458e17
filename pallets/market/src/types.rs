//! What the market stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sp_core::H256;
pub use sungrid_primitives::job::MAX_CUTS;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    attributes::TaskClass,
    constraints::Constraints,
    environment::EnvironmentId,
    job::{Cut, Layout, MAX_ENDPOINT_BYTES},
    jurisdiction::Jurisdiction,
    policy::Policy,
    suns,
    traits::{Assignment, ProfileId},
};

/// Most batches of one job that can be claimed at the same time. Smaller: colluding operators meet in
/// the same batch more often. Larger: more started batches wait for their second replica, and a
/// claim reads more.
pub const WINDOW: u32 = 32;
/// Most workers that ever get one batch. Ten new workers make the largest quorum; fewer than that plus a few
/// no-shows, and batches fail needlessly; more, and one batch's record and its end grow heavier.
pub const MAX_ASSIGNMENTS: u32 = 12;
/// Blocks after which a summons reaches twice as many workers; the first reaches 1 in 256. Too few: the first to
/// see it takes the place, drawn or not. Too many: a small fleet waits for long.
pub const SUMMONS_STEP: u32 = 2;

/// Most jobs that ever come after one job. Too few: a result cannot be used in several ways. Too many: opening them,
/// and keeping the outputs for them, burdens workers who were paid once.
pub const MAX_SUCCESSORS: u32 = 8;
/// Fewest blocks between two starts of a series. Fewer, and starts crowd the agenda.
pub const MIN_INTERVAL: u32 = 20;
/// Most starts of a series. More would only keep a record for longer than anybody looks after it.
pub const MAX_STARTS: u32 = 1_000;
/// Starts in a row that may fail before a series ends. Fewer, and one low balance ends it; more, and a dead series
/// takes longer to go.
pub const MAX_SKIPS: u32 = 3;
/// What a cut leaves of a batch is at least one part of a batch of the order in so many. More, and batches are cut to crumbs, which
/// cost the chain as much as whole ones; fewer, and less of what was finished is paid.
pub const SMALLEST_PART: u32 = 8;
/// Most units of a job whose outputs one unit of the next job gets: as many as it may have files. Most leave more than one
/// file, which the chain cannot see, so fewer fit: workers decline what does not, and the requester's client refuses it.
pub const MAX_GATHERED: u32 = 256;

/// What a requester orders.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct JobSpec<BlockNumber> {
    /// BLAKE3 of the image manifest.
    pub image: ContentHash,
    /// BLAKE3 of the job-input manifest.
    pub input: ContentHash,
    /// Number of units.
    pub units: UnitIndex,
    /// Units per batch; the last batch may be short.
    pub batch_size: u32,
    /// Bid, planck per SUNS·hour.
    pub price: u128,
    /// Most fuel of one unit.
    pub fuel_limit: u64,
    /// Most memory of one unit, bytes.
    pub memory_limit: u64,
    /// Most bytes of one unit, in and out together. Where its input takes more, workers decline it; what it may leave ends with it.
    pub traffic_limit: u64,
    /// How results are verified.
    pub policy: Policy,
    /// What charges are measured in.
    pub profile: ProfileId,
    /// Where results compare.
    pub environment: EnvironmentId,
    /// From this block on nothing more is claimed.
    pub deadline: BlockNumber,
    /// How to reach the requester: an encoded peer address (requirement C8).
    pub endpoint: BoundedVec<u8, ConstU32<MAX_ENDPOINT_BYTES>>,
    /// Who may work on it.
    pub constraints: Constraints,
    /// A job whose outputs it gets beside its input, and which must be complete before it opens. Unit `n` gets the
    /// outputs of as many units as that job has for each of this one's, in order.
    pub after: Option<JobId>,
}

impl<BlockNumber> JobSpec<BlockNumber> {
    /// Planck that a batch of units with this charge costs at most: every result that the policy pays, each rounded up.
    /// `None` beyond `u128`.
    pub(crate) fn batch_cost(&self, unit_charge: u128, price: u128) -> Option<u128> {
        let charge = unit_charge.checked_mul(u128::from(self.batch_size))?;
        suns::cost(charge, price).checked_mul(u128::from(self.policy.paid_results()))
    }
}

/// Why a job takes no new batches.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Closing {
    /// By its requester: started batches may still complete, with more replicas if need be.
    Cancelled,
    /// By its deadline: nothing is claimed any more.
    Expired,
}

/// How a job ended.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Outcome {
    /// Every batch was settled or failed.
    Completed,
    /// Its requester cancelled it.
    Cancelled,
    /// Its deadline came first.
    Expired,
    /// The job that it comes after did not complete: some of its input will never exist.
    NoInput,
}

impl From<Closing> for Outcome {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Cancelled => Self::Cancelled,
            Closing::Expired => Self::Expired,
        }
    }
}

/// Where a job stands.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum JobState<BlockNumber> {
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

/// A job on chain, until it is cleaned up.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct JobRecord<AccountId, BlockNumber> {
    /// Who ordered it and pays.
    pub requester: AccountId,
    /// What was ordered.
    pub spec: JobSpec<BlockNumber>,
    /// Class of its image.
    pub class: TaskClass,
    /// Where it stands.
    pub state: JobState<BlockNumber>,
    /// Number of batches of the order. Those that cuts make are numbered from here.
    pub batches: u32,
    /// Batches that were cut, in order.
    pub cuts: BoundedVec<Cut, ConstU32<MAX_CUTS>>,
    /// From this block on only replicas that a challenge or a quorum's draw orders can be claimed.
    pub claim_until: BlockNumber,
    /// Capacity that a claim takes, µSUNS: one lane and the memory limit.
    pub rate: u64,
    /// Charge of one unit at its limits, µSUNS·s.
    pub unit_charge: u128,
    /// What batches claimed from now on are paid by, also those that were claimed before, planck per SUNS·hour: the bid of
    /// the order until it is raised.
    pub price: u128,
    /// First batch that never was in the window.
    pub next_batch: BatchIndex,
    /// Batches that can be claimed now.
    pub window: BoundedVec<BatchIndex, ConstU32<WINDOW>>,
    /// Started batches that want a replica and found the window full.
    pub waiting: u32,
    /// Claims so far: the nonce of the draw.
    pub claims: u32,
    /// Batches claimed at least once and not resolved.
    pub in_flight: u32,
    /// Batches accepted and paid.
    pub settled: u32,
    /// Batches failed and refunded.
    pub failed: u32,
    /// Fuel of the accepted results.
    pub fuel: u128,
    /// Held for the worst case, planck: at submission, and whenever the bid was raised.
    pub escrow: u128,
    /// Of that, paid into the pot so far.
    pub paid: u128,
    /// Held for the records, planck.
    pub deposit: u128,
    /// So many of its batches have been cleaned up: those of the order first, then those that cuts made.
    pub cleaned: u32,
    /// The series that started it.
    pub series: Option<JobId>,
    /// All jobs that come after it.
    pub successors: BoundedVec<JobId, ConstU32<MAX_SUCCESSORS>>,
}

/// The job record of a runtime.
pub type JobRecordOf<T> = JobRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// The job specification of a runtime.
pub type JobSpecOf<T> = JobSpec<BlockNumberFor<T>>;

impl<AccountId, BlockNumber> JobRecord<AccountId, BlockNumber> {
    /// Escrow that is neither paid nor released yet, planck; 0 once the job has ended.
    pub fn outstanding(&self) -> u128 {
        match self.state {
            JobState::Ended { .. } => 0,
            JobState::Pending | JobState::Open | JobState::Settling(_) => {
                self.escrow.saturating_sub(self.paid)
            }
        }
    }

    /// Planck that a batch at its limits costs at most, by a bid in planck per SUNS·hour: every result that the policy
    /// pays. `None` beyond `u128`.
    pub fn batch_cost(&self, price: u128) -> Option<u128> {
        self.spec.batch_cost(self.unit_charge, price)
    }

    /// [Virtual time](suns::virtual_seconds) of so many units of it at their limits, seconds; saturates.
    pub fn seconds_of(&self, units: u32) -> u64 {
        suns::virtual_seconds(units, self.spec.fuel_limit, self.rate, self.unit_charge)
            .unwrap_or(u64::MAX)
    }

    /// That of a batch as it was ordered.
    pub fn batch_seconds(&self) -> u64 {
        self.seconds_of(self.spec.batch_size)
    }

    /// Batches that nobody has claimed, and that may still be.
    pub fn unclaimed(&self) -> u32 {
        match self.state {
            JobState::Pending | JobState::Open => self
                .total_batches()
                .saturating_sub(self.settled)
                .saturating_sub(self.failed)
                .saturating_sub(self.in_flight),
            JobState::Settling(_) | JobState::Ended { .. } => 0,
        }
    }

    /// Batches that may still be claimed, some of them again.
    pub(crate) fn undecided(&self) -> u32 {
        self.unclaimed().saturating_add(self.in_flight)
    }

    /// Whether its requester may still change what is to be done.
    pub fn is_open_to_orders(&self) -> bool {
        matches!(self.state, JobState::Pending | JobState::Open)
    }

    /// Whether every unit of it has an accepted output.
    pub fn is_complete(&self) -> bool {
        self.has_ended() && self.settled == self.total_batches()
    }

    /// How its units make batches now.
    pub fn layout(&self) -> Layout<'_> {
        Layout {
            units: self.spec.units,
            batch_size: self.spec.batch_size,
            cuts: &self.cuts,
        }
    }

    /// Batches that cuts made.
    pub fn made(&self) -> u32 {
        self.cuts.len() as u32
    }

    /// Number of batches, those that cuts made included.
    pub fn total_batches(&self) -> u32 {
        self.batches.saturating_add(self.made())
    }

    /// Units in a batch; 0 if there is no such batch.
    pub fn units_in(&self, batch: BatchIndex) -> u32 {
        self.layout().range(batch).map_or(0, |(_, count)| count)
    }

    /// Whether a batch was ever in the window.
    pub fn is_opened(&self, batch: BatchIndex) -> bool {
        self.is_below(batch, self.next_batch)
    }

    /// Whether a batch is one of the order's below this index, or was cut off one of those.
    pub fn is_below(&self, batch: BatchIndex, below: BatchIndex) -> bool {
        let origin = self.layout().origin(batch);
        origin.is_some_and(|origin| origin < below)
    }

    /// The batches that have records, by place: those of the order that were ever in the window, then those that cuts made.
    pub(crate) fn opened(&self) -> u32 {
        self.next_batch.saturating_add(self.made())
    }

    /// The batch at such a place.
    pub(crate) fn opened_at(&self, place: u32) -> BatchIndex {
        match place.checked_sub(self.next_batch) {
            Some(made) => self.batches.saturating_add(made),
            None => place,
        }
    }

    /// Planck that a charge of a batch costs at a price: see [`Layout::cost`].
    pub fn cost(&self, batch: BatchIndex, charge: u128, price: u128) -> u128 {
        self.layout().cost(batch, charge, price)
    }

    /// Whether the job has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, JobState::Ended { .. })
    }
}

impl<AccountId, BlockNumber: PartialOrd> JobRecord<AccountId, BlockNumber> {
    /// Whether anything of it can be claimed at `now`. The agenda may lag behind the deadline; this
    /// does not.
    pub fn takes_claims(&self, now: &BlockNumber) -> bool {
        *now < self.spec.deadline
            && matches!(
                self.state,
                JobState::Open | JobState::Settling(Closing::Cancelled)
            )
    }
}

/// A job that is submitted again and again. Its number is taken from those of jobs.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SeriesRecord<AccountId, BlockNumber> {
    /// Who ordered it and pays.
    pub requester: AccountId,
    /// What is submitted each time, with another deadline.
    pub spec: JobSpec<BlockNumber>,
    /// Blocks from a start to that job's deadline.
    pub lasts: BlockNumber,
    /// Blocks from a start to the next.
    pub every: BlockNumber,
    /// Block of the next start.
    pub next: BlockNumber,
    /// Starts that are left, the next one included.
    pub left: u32,
    /// Starts in a row that failed.
    pub skipped: u32,
    /// Held for the record, planck.
    pub deposit: u128,
    /// Held for each start that is left, planck: its fee.
    pub fee: u128,
}

/// The series record of a runtime.
pub type SeriesRecordOf<T> =
    SeriesRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

impl<AccountId, BlockNumber> SeriesRecord<AccountId, BlockNumber> {
    /// What is held for it, planck; saturates.
    pub fn held(&self) -> u128 {
        let fees = self.fee.saturating_mul(u128::from(self.left));
        self.deposit.saturating_add(fees)
    }
}

/// One worker that got a batch.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Claimant<AccountId> {
    /// The worker key.
    pub worker: AccountId,
    /// Its operator when it claimed.
    pub operator: AccountId,
    /// Its jurisdiction when it claimed.
    pub jurisdiction: Jurisdiction,
    /// Whether the batch still takes the worker's capacity.
    pub working: bool,
}

impl<AccountId> From<Claimant<AccountId>> for Assignment<AccountId> {
    fn from(claimant: Claimant<AccountId>) -> Self {
        Self {
            worker: claimant.worker,
            operator: claimant.operator,
        }
    }
}

/// A draw of the workers who may claim a replica: fewer reach it than want it, so nobody can be sure to get
/// it for an accomplice.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Summons<BlockNumber> {
    /// What draws them.
    pub seed: H256,
    /// The last block in which a key was registered by somebody who could not know the seed.
    pub keyed_by: BlockNumber,
    /// The block from which the replica is wanted.
    pub from: BlockNumber,
}

/// A bonded doubt about the result of a batch.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Challenge<AccountId> {
    /// Who doubts.
    pub challenger: AccountId,
    /// Held of it, planck.
    pub bond: u128,
}

/// A batch in flight.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BatchRecord<AccountId, BlockNumber> {
    /// Everyone who ever got it, in order; distinct operators.
    pub assignments: BoundedVec<Claimant<AccountId>, ConstU32<MAX_ASSIGNMENTS>>,
    /// Replicas that are wanted and not claimed.
    pub wanted: u32,
    /// Who may claim them; `None`: every worker that suits the job. Once drawn it stays so, also for whoever replaces one of them or
    /// decides between two: an accomplice would stand ready for that. Further replicas of a quorum are drawn anew.
    pub summons: Option<Summons<BlockNumber>>,
    /// The challenge of its result, if there is one.
    pub challenge: Option<Challenge<AccountId>>,
    /// Whether somebody has sealed a result: then the input was to be had, and no pause keeps that one from its pay.
    pub delivered: bool,
}

/// The batch record of a runtime.
pub type BatchRecordOf<T> = BatchRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
