//! How pallets talk to each other without knowing each other (architecture rule 1).
//!
//! Every method that can fail changes nothing when it fails.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use sp_core::H256;
use sp_weights::Weight;

use crate::{
    BatchIndex, ContentHash, JobId,
    attributes::{Attributes, PerAttribute, TaskClass, Tiers},
    environment::EnvironmentId,
    merkle::UnitLeaf,
    policy::{Policy, Trust},
    receipt::{BatchSummary, Order},
    suns::Profile,
};

/// Kind of a resource profile.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ProfileKind {
    /// Cores, memory.
    Cpu,
    /// Accelerators.
    Gpu,
    /// Durable storage.
    Storage,
    /// Bandwidth and public addresses.
    Network,
}

/// A profile and its version, from 1.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ProfileId {
    /// Kind of resource.
    pub kind: ProfileKind,
    /// Version within the kind, from 1.
    pub version: u16,
}

/// The profile of batch jobs today.
pub const CPU_1_ID: ProfileId = ProfileId {
    kind: ProfileKind::Cpu,
    version: 1,
};

/// Accelerators, measured by throughput, memory and memory bandwidth.
pub const GPU_1_ID: ProfileId = ProfileId {
    kind: ProfileKind::Gpu,
    version: 1,
};

/// Durable storage.
pub const STORAGE_1_ID: ProfileId = ProfileId {
    kind: ProfileKind::Storage,
    version: 1,
};

/// Bandwidth with a public address.
pub const NETWORK_1_ID: ProfileId = ProfileId {
    kind: ProfileKind::Network,
    version: 1,
};

/// Prices and measures; implemented by `pallet-suns`.
pub trait Pricing {
    /// The profile, if it exists.
    fn profile(id: ProfileId) -> Option<Profile>;
    /// Least price, planck per SUNS·hour; `u128::MAX` while nothing may trade in the profile.
    fn floor(id: ProfileId) -> u128;
    /// What settled work paid lately, planck per SUNS·hour: at least the floor.
    fn spot(id: ProfileId) -> u128;
    /// Notes that work of `charge` µSUNS·s was settled at `price`, planck per SUNS·hour. O(1).
    fn note_settled(id: ProfileId, price: u128, charge: u128);
    /// Whether results of this environment are accepted.
    fn accepts(environment: &EnvironmentId) -> bool;
    /// Makes the profile, floor and environment exist, for benchmarks and tests of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(id: ProfileId, profile: Profile, floor: u128, environment: EnvironmentId);
}

/// What the market needs to know of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView<AccountId> {
    /// Who bonds it and is paid.
    pub operator: AccountId,
    /// Whether it takes work at all: active and sufficiently bonded.
    pub available: bool,
    /// What it offers, µSUNS.
    pub declared: u64,
    /// What counts of that, µSUNS.
    pub capacity: u64,
    /// Charge that one more batch may have now, µSUNS.
    pub free: u64,
    /// Where its results compare.
    pub environment: EnvironmentId,
    /// What its capacity is measured in.
    pub profile: ProfileId,
    /// What its operator says of it.
    pub attributes: Attributes,
    /// Blocks since its key was registered.
    pub keyed_for: u32,
}

/// How a slash came out, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slashed {
    /// Taken from the bond.
    pub total: u128,
    /// Of that, given to the honest replicas, or to whoever found it.
    pub to_honest: u128,
}

/// The register of workers; implemented by `pallet-workers`.
pub trait Workers<AccountId> {
    /// A registered worker.
    fn view(worker: &AccountId) -> Option<WorkerView<AccountId>>;
    /// Who stands now for what its operator says of it. Apart, since few jobs ask, and each answer takes a read for every auditor.
    fn tiers(worker: &AccountId) -> Tiers;
    /// Whether others stake on a worker, so that it shares its income.
    fn is_delegated(worker: &AccountId) -> bool;
    /// Whether a bond of this account is held for any worker.
    fn is_operator(account: &AccountId) -> bool;
    /// At most `limit` registered workers with their keys, in no particular order. For reads off chain: its
    /// cost grows with the fleet.
    fn views(limit: u32) -> Vec<(AccountId, WorkerView<AccountId>)>;
    /// Takes `charge` µSUNS of the worker's capacity for one batch, or whatever else may cost it its bond until
    /// [`Self::resolved`]; `Err` if that would not be admitted: see [`WorkerView`].
    // There is one reason to refuse.
    #[allow(clippy::result_unit_err)]
    fn commit(worker: &AccountId, charge: u64) -> Result<(), ()>;
    /// Gives capacity back: the worker has delivered, or is out.
    fn release(worker: &AccountId, charge: u64);
    /// The verdict on one batch that the worker committed to is in, or the worker is out of it: once per
    /// [`Self::commit`], after any slash. Until then its bond cannot be withdrawn.
    fn resolved(worker: &AccountId);
    /// Records that the worker missed a deadline.
    fn note_missed(worker: &AccountId);
    /// The worker missed the deadline of a batch that it had claimed by block `since`, and that takes `rate` µSUNS of its capacity for `blocks`
    /// blocks at its limits: it rests before its next claim. `None`: it gave the batch back, though late, which is no outage of its own.
    fn let_rest(worker: &AccountId, rate: u64, blocks: u64, since: Option<u64>);
    /// Records that the worker declined a batch in time: its input was not to be had.
    fn note_declined(worker: &AccountId);
    /// Records that the worker handed a batch back in time, for reasons of its own.
    fn note_handed_back(worker: &AccountId);
    /// Records `units` accepted units, of `charge` µSUNS·s together; the bond answers for their outputs from now on, see
    /// [`Self::liability`].
    fn note_accepted(worker: &AccountId, units: u32, charge: u128);
    /// Blocks for which a worker's bond answers for the outputs of each result of its that was accepted: until then it is
    /// neither withdrawn nor moved to another key.
    fn liability() -> u64;
    /// The outputs of a batch that the worker was accepted for are in question: until [`Self::resolved`] its bond stays.
    fn questioned(worker: &AccountId);
    /// Moves `amount` planck of the operator's own part of the bond to `to`, or what there is of it, as damages; returns
    /// what it was.
    fn indemnify(worker: &AccountId, to: &AccountId, amount: u128) -> u128;
    /// What a slash would take of the operator's own part of the bond now, planck: what it would lose itself.
    fn exposed(worker: &AccountId) -> u128;
    /// Slashes the exposed part of the bond, and as much in proportion of what others delegated: half of the former to
    /// `honest` operators equally, the rest to the treasury; records the fault.
    fn slash(worker: &AccountId, honest: &[AccountId]) -> Slashed;
    /// Slashes a worker that withheld outputs as [`Self::slash`] does, all of it for the treasury; `None` if that was done
    /// within the last [`Self::liability`] blocks: all that it was paid for before an outage is one fault.
    fn slash_withheld(worker: &AccountId) -> Option<Slashed>;
    /// Registers a bonded, active worker of ample capacity, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(worker: &AccountId, operator: &AccountId, environment: EnvironmentId);
    /// Has nobody but its operator stake on a worker, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_alone(worker: &AccountId);
}

/// Who takes part in the liveness lottery; implemented by `pallet-liveness`.
pub trait Roster<AccountId> {
    /// A worker became active.
    fn joined(worker: &AccountId);
    /// An active worker paused, left or was paused.
    fn left(worker: &AccountId);
}

impl<AccountId> Roster<AccountId> for () {
    fn joined(_: &AccountId) {}
    fn left(_: &AccountId) {}
}

/// What workers have proven of their capacity; implemented by `pallet-capacity`.
pub trait CapacityProofs<AccountId> {
    /// How much of what a worker declares counts now, µSUNS.
    fn counted(worker: &AccountId, declared: u64) -> u64;
    /// This key is a worker's no more: what it has proven is nobody's.
    fn forgotten(worker: &AccountId);
    /// The worker goes on under another key, before the old one is forgotten: what it claimed falsely goes with it.
    fn rotated(worker: &AccountId, key: &AccountId);
    /// Has a worker prove what it declares, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(worker: &AccountId, declared: u64);
}

impl<AccountId> CapacityProofs<AccountId> for () {
    fn counted(_: &AccountId, declared: u64) -> u64 {
        declared
    }
    fn forgotten(_: &AccountId) {}
    fn rotated(_: &AccountId, _: &AccountId) {}
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(_: &AccountId, _: u64) {}
}

/// Active workers by number, for draws; implemented by `pallet-liveness`.
pub trait Fleet<AccountId, BlockNumber> {
    /// How many there are.
    fn count() -> u32;
    /// The worker that has this number and had it at the end of that block, if there is one.
    fn at(number: u32, block: BlockNumber) -> Option<AccountId>;
}

/// What auditors stand for; implemented by `pallet-auditors`.
pub trait Attestations<AccountId> {
    /// The tier of each attribute of a worker now.
    fn tiers(worker: &AccountId) -> Tiers;
    /// These attributes of a worker are not what they were: nobody stands for them any more.
    fn revoke(worker: &AccountId, changed: PerAttribute<bool>);
    /// Has an auditor of its own stand for each attribute of a worker, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(worker: &AccountId);
}

impl<AccountId> Attestations<AccountId> for () {
    fn tiers(_: &AccountId) -> Tiers {
        Tiers::default()
    }
    fn revoke(_: &AccountId, _: PerAttribute<bool>) {}
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(_: &AccountId) {}
}

/// The image register; implemented by `pallet-images`.
pub trait Images<AccountId> {
    /// The developer of an image that new jobs may use.
    fn developer_of_usable(image: &ContentHash) -> Option<AccountId>;
    /// The developer of any known image, retired ones included.
    fn developer(image: &ContentHash) -> Option<AccountId>;
    /// What an image is for, retired ones included.
    fn class(image: &ContentHash) -> Option<TaskClass>;
    /// Notes a job that uses the image, so that its record outlives retirement.
    fn note_job(image: &ContentHash);
    /// Notes that such a job has ended.
    fn note_job_ended(image: &ContentHash);
    /// Adds usage, in µSUNS·s.
    fn note_usage(image: &ContentHash, charge: u128);
    /// Publishes an image, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(image: &ContentHash, developer: &AccountId);
}

/// One payment for verified work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment<AccountId> {
    /// The worker key that did the work.
    pub worker: AccountId,
    /// Who is credited.
    pub operator: AccountId,
    /// Developer of the image; `None` leaves the developers' share without this charge.
    pub developer: Option<AccountId>,
    /// Planck, already moved into [`Income::pot`].
    pub amount: u128,
    /// Charge, µSUNS·s.
    pub charge: u128,
    /// Units done.
    pub units: u32,
}

/// Where income goes; implemented by `pallet-rewards`.
pub trait Income<AccountId> {
    /// The account that receives payments.
    fn pot() -> AccountId;
    /// Notes a payment that has just arrived in the pot.
    fn paid(payment: Payment<AccountId>);
    /// Notes that a worker was slashed: its credit average becomes two thirds of what it was, and its
    /// operator's loses as much.
    fn faulted(worker: &AccountId, operator: &AccountId);
}

/// What verified work says of an operator; implemented by `pallet-rewards`.
pub trait CreditHistory<AccountId> {
    /// Exponential average of the ISC value of the verified work of all its workers, planck per round.
    fn credit_average(operator: &AccountId) -> u128;
    /// Gives an operator this average, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(operator: &AccountId, average: u128);
}

/// Who shows that it is live and shares the maintenance reward [S10]; implemented by `pallet-rewards`.
pub trait Liveness<AccountId> {
    /// Notes that a worker has shown a sign of life in the round that is filling. Any number of signs in
    /// a round count once. The caller vouches for the worker's bond and capacity.
    fn note_live(worker: &AccountId, operator: &AccountId);
    /// Whether the worker has shown one in `round`, as long as it has not shown a later one.
    fn is_live(worker: &AccountId, round: u32) -> bool;
    /// How many workers have, in the round that is filling.
    fn live_workers() -> u64;
}

/// One assignment of a batch to a worker.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Assignment<AccountId> {
    /// The worker key.
    pub worker: AccountId,
    /// Its operator when it claimed.
    pub operator: AccountId,
}

/// A batch that nobody has claimed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect<'a> {
    /// What decides it.
    pub policy: &'a Policy,
    /// Where its results compare.
    pub environment: &'a EnvironmentId,
    /// Its worst case on one lane, seconds.
    pub virtual_seconds: u64,
    /// Most that one result of it pays, planck.
    pub pay: u128,
    /// Seconds from now to its first claim.
    pub start: u64,
    /// The block of its job's deadline.
    pub deadline: u64,
}

/// What is to be expected of a batch that a certain worker claims first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Seconds from now until it is accepted, on average over the draw of an audit, if all are honest and at work.
    pub seconds: u64,
    /// Whether others find the result in any case.
    pub is_checked: bool,
}

/// How batches are verified; implemented by `pallet-verification`, the market's child.
pub trait Verifier<AccountId> {
    /// A worker got a replica of a batch under `policy`, for results that compare in `environment`: expect its
    /// commitment. `virtual_seconds` is the batch's worst case on one lane; `room` how many more workers may
    /// ever get the batch. Returns how many more replicas are wanted now, at most `room`.
    fn assigned(
        job: JobId,
        batch: BatchIndex,
        assignment: Assignment<AccountId>,
        policy: &Policy,
        environment: &EnvironmentId,
        virtual_seconds: u64,
        room: u32,
    ) -> u32;
    /// A deadline that the verifier put on the agenda has come.
    /// Returns the weight of what it did.
    fn deadline(job: JobId, batch: BatchIndex) -> Weight;
    /// Most weight of one [`Verifier::deadline`], a verdict carried out included.
    fn deadline_weight() -> Weight;
    /// Nobody can claim the missing replicas of the batch any more: conclude without them.
    fn abandoned(job: JobId, batch: BatchIndex);
    /// Blocks before a job's deadline in which nobody may start a batch, so that its result can be challenged, or those who check it
    /// drawn, in time; 0 for policies that need neither.
    fn appeal_blocks(policy: &Policy, virtual_seconds: u64) -> u64;
    /// What is to be expected of a batch that this worker of this operator claims first. For reads off chain.
    fn outlook(worker: &AccountId, operator: &AccountId, batch: &Prospect<'_>) -> Outlook;
    /// What the results of a worker in an environment were worth so far.
    fn trust_of(worker: &AccountId, environment: &EnvironmentId) -> Trust;
    /// Whether so many operators say that a job's input is missing that it is paused: nobody may start a batch of it.
    fn is_paused(job: JobId) -> bool;
    /// Whether this operator said so lately: it may claim nothing but what a challenge ordered.
    fn rests(job: JobId, operator: &AccountId) -> bool;
    /// The requester says that it has the outputs of all batches below this one.
    fn received(job: JobId) -> BatchIndex;
    /// The job's records are being removed: forget the result of this batch.
    fn forget(job: JobId, batch: BatchIndex);
    /// The job's record is being removed, after those of all its batches: forget what is left of it.
    fn forget_job(job: JobId);
    /// Makes the batch have a result of as many winners as there can be, all of them rated, for benchmarks of the market.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_result(job: JobId, batch: BatchIndex);
    /// Gives the worker a streak of one in an environment, for benchmarks of the market.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_trust(worker: &AccountId, environment: &EnvironmentId);
}

/// An accepted result that an answer was held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<AccountId> {
    /// Whether they are the same.
    pub right: bool,
    /// Who ordered the job.
    pub requester: AccountId,
    /// What one result of the batch cost, planck.
    pub price: u128,
}

/// An accepted part of a batch that was cut, and what is right of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedPart<AccountId> {
    /// The part: a batch of its own.
    pub batch: BatchIndex,
    /// What is right.
    pub answer: BatchSummary,
    /// What was accepted.
    pub checked: Checked<AccountId>,
}

/// Results for which somebody knows the answer; implemented by `pallet-verification`.
pub trait KnownAnswers<AccountId> {
    /// The number that the next job gets.
    fn next_job() -> JobId;
    /// What a job computes, and for whom.
    fn order(job: JobId) -> Option<Order>;
    /// Holds an accepted result against an answer; the trust of whoever found it follows. `None`, and nothing happens,
    /// if there is no such result or one was held against it already.
    fn hold_against(
        job: JobId,
        batch: BatchIndex,
        answer: &BatchSummary,
    ) -> Option<Checked<AccountId>>;
    /// What the leaves of some units of a job come to; `None` if there is no such job, or its profile cannot charge them.
    fn sum_up(job: JobId, leaves: &[UnitLeaf]) -> Option<BatchSummary>;
    /// Holds what is accepted of a batch that was cut against the leaves of all its units, each part against its own; the trust of
    /// whoever found it follows. Parts that failed are passed over. `None`, and nothing happens, if the batch was not cut or has
    /// another number of units, while a part is in flight, and if nothing is accepted or one part was held against an answer already.
    fn hold_parts_against(
        job: JobId,
        batch: BatchIndex,
        leaves: &[UnitLeaf],
    ) -> Option<Vec<CheckedPart<AccountId>>>;
    /// Makes an accepted result exist that as many workers as possible have found, for benchmarks of other pallets.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare() -> (JobId, BatchIndex);
    /// The same for a batch of so many units that was cut into so many parts, at most as many as units.
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_parts(units: u32, parts: u32) -> (JobId, BatchIndex);
}

/// The verifier's word on a batch, for the market to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<AccountId> {
    /// It is known what is right.
    Accepted(Ruling<AccountId>),
    /// No agreement is to be had: refund.
    Failed,
}

/// What is right, and who was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling<AccountId> {
    /// Agreeing replicas that the policy ordered, in order of commitment: paid by the requester, as many as
    /// the policy pays for. None if a challenge overturned the result.
    pub winners: Vec<Assignment<AccountId>>,
    /// Agreeing replicas that a challenge ordered: paid by whoever loses it. None if there was no challenge, or
    /// it was not decided.
    pub jurors: Vec<Assignment<AccountId>>,
    /// Replicas with another result, and those who committed and then withheld the reveal: slashed.
    pub losers: Vec<Assignment<AccountId>>,
    /// What is right.
    pub summary: BatchSummary,
}

/// What the verifier may ask of the market; implemented by `pallet-market`.
pub trait BatchControl<AccountId> {
    /// What the batch was ordered for; `None` if there is no such batch in flight.
    fn terms(job: JobId, batch: BatchIndex) -> Option<BatchTerms>;
    /// Asks for one more replica. `false` if none is to be had: assignments used up or the job takes no
    /// more claims.
    fn want_replica(job: JobId, batch: BatchIndex) -> bool;
    /// From now on only workers whom `seed` draws may claim replicas of the batch; ever more of them with
    /// time. A key that was registered within the last `lead` blocks, when the seed may have been known to
    /// somebody, comes when all others have.
    fn summon(job: JobId, batch: BatchIndex, seed: H256, lead: u32);
    /// An assigned worker missed a deadline of what it had claimed by block `since`, and which takes `blocks` blocks at its limits: its
    /// capacity is free again, the miss is recorded, and it rests. Its bond answers until the batch ends.
    fn missed(job: JobId, batch: BatchIndex, worker: &AccountId, blocks: u64, since: u64);
    /// An assigned worker declined in time: its capacity is free again, the decline is recorded, and nobody blames
    /// it. Its bond answers until the batch ends.
    fn declined(job: JobId, batch: BatchIndex, worker: &AccountId);
    /// An assigned worker handed the batch back in time: as if it had declined, but on another record.
    fn handed_back(job: JobId, batch: BatchIndex, worker: &AccountId);
    /// A worker has done its work and sealed it; its capacity is free again. Its bond answers until
    /// the batch ends.
    fn delivered(job: JobId, batch: BatchIndex, worker: &AccountId);
    /// The final word. Pays, slashes, refunds and ends the batch.
    fn conclude(job: JobId, batch: BatchIndex, verdict: Verdict<AccountId>);
}

/// Terms of a batch in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTerms {
    /// How it is verified.
    pub policy: Policy,
    /// Where its results compare.
    pub environment: EnvironmentId,
    /// Units that it has.
    pub units: u32,
    /// Most fuel the batch may report.
    pub max_fuel: u128,
    /// Most charge the batch may report, µSUNS·s.
    pub max_charge: u128,
    /// Most that one result of it is paid, planck.
    pub max_pay: u128,
    /// Whether it is all that was ordered as one batch: it was not cut.
    pub is_whole: bool,
}
