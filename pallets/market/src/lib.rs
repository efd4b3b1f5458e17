//! # Market pallet
//!
//! Sells batch work: a requester orders a *job*, one image over many *units*; workers claim *batches* of
//! units; what is verified is paid out of the job's escrow. This pallet owns every state change of a job
//! and every planck that a job holds. Who is right about a result is the business of its child, the
//! [`Verifier`], which answers by [`BatchControl`].
//!
//! ## Pallet API
//!
//! | call | by | effect |
//! |---|---|---|
//! | [`Pallet::submit`] | anyone | holds escrow and deposit, opens a job |
//! | [`Pallet::claim`] | a worker key | the chain gives it a batch; feeless when it succeeds |
//! | [`Pallet::repeat`] | anyone | the same order again every so many blocks |
//! | [`Pallet::raise`] | the requester | a higher bid for every claim from now on |
//! | [`Pallet::cancel`] | the requester | no new batch, or job of a series, is started |
//! | [`Pallet::clean_up`] | anyone; early, the requester | removes an old job's records, the deposit returns to the requester |
//!
//! ## Terminology
//!
//! - **Escrow**: the worst case of the job, held on the requester from submission to the job's end.
//! - **Deposit**: the price of the job's records, held until they are cleaned up.
//! - **Pending**: a job that comes after another one and waits for its outputs. Escrow and deposit are held; nothing can
//!   be claimed.
//! - **Series**: an order that is submitted again and again. What a job of it needs is held when it starts; if it cannot
//!   be, or the order would be refused, that start is skipped, and after [`MAX_SKIPS`] in a row the series ends.
//! - **Window**: the at most [`WINDOW`] batches that can be claimed now. Batches enter it in order, never
//!   claimed ones from a cursor, started ones when they want another replica. If it is full, the latter wait in
//!   [`Waiting`] and go first.
//! - **Agenda**: blocks at which something is due. Worked off oldest first, never skipping, as much per
//!   block as the weight allows: a slice of every block at its start, and what is left at its end. Rules that
//!   matter to money compare block numbers themselves, so a lagging agenda delays work and changes no result.
//!
//! ## Outcomes
//!
//! Every batch ends in exactly one of these, and gives back the capacity and the bonds of all who got it:
//!
//! | batch | paid | slashed | escrow |
//! |---|---|---|---|
//! | accepted | each winner that the policy pays, `cost(charge, price)`, through the pot | replicas with another result or a withheld reveal | the payment leaves; the rest of this batch's share stays until the job ends |
//! | upheld after a challenge | the same, and the jurors out of the challenger's bond | the same, and the challenger: what is left of its bond | the same |
//! | overturned by a challenge | nobody out of the escrow; jurors and challenger share half of the slash | the challenged worker, and other replicas as above | all of it stays until the job ends |
//! | challenged and not decided | the challenged worker, `cost(charge, price)` | nobody; the challenger's bond is released | as when accepted |
//! | failed: no agreement to be had | nobody | nobody | all of it stays until the job ends |
//! | failed: deadline of the job with replicas missing | nobody | nobody | all of it stays until the job ends |
//!
//! A batch that was accepted can be turned back while the bonds of those who found its result answer for the outputs: witnesses
//! say that nobody serves them. Then its payment returns to the requester out of those bonds, which are slashed; the payment
//! itself, `settled` and `paid` stay as they are.
//!
//! Every job ends in exactly one of these; then `escrow − paid` is released to the requester:
//!
//! | job | when |
//! |---|---|
//! | completed | its last batch was accepted or failed |
//! | without input | it comes after a job that did not complete: before anything was claimed |
//! | cancelled | by its requester; batches with a claim first run to their end, and are paid |
//! | expired | at its deadline; batches whose replicas are all claimed first run to their end, and are paid |
//!
//! Fees of [`Pallet::submit`], [`Pallet::raise`], [`Pallet::cancel`] and [`Pallet::clean_up`] are never returned. The deposit
//! always is, to the requester, whoever calls [`Pallet::clean_up`].
//!
//! ## Design
//!
//! - Requesters pay from a *hold*, not into an account of this pallet: no shadow ledger can disagree with
//!   it, and [`Fortitude::Force`](frame_support::traits::tokens::Fortitude) keeps freezes
//!   (votes, vesting) from blocking a payment that is due.
//! - A batch is paid by the bid that stood when it was last claimed, all its replicas alike: whoever claims gets what
//!   is advertised, and a raise holds the difference for every batch that is not decided.
//! - The escrow is the worst case by construction, so no payment can exceed it: a batch's charge is bounded by
//!   its terms, and `cost` is monotonic.
//! - A batch has a record only while it is in flight.
//! - A worker whose machine is needed may cut its batch: see `cut.rs`. What cuts make is rounded down when it is paid, so that the
//!   parts of a batch never cost more than the whole.
//! - The draw: [`Config::Randomness`] of the parent block, the parent's hash, the worker, the job and the
//!   number of claims so far. A worker can foresee the draw of one block and wait for a better one; with
//!   [`WINDOW`] batches open that costs it many idle blocks and, per block, other workers' claims spoil it.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

use frame_support::pallet_macros::import_section;

pub use challenge::JURY;
pub use pallet::*;
pub use sungrid_primitives::{constraints::Constraints, policy::Policy};
pub use types::*;
pub use weights::WeightInfo;

mod agenda;
mod availability;
mod batch;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod chains;
mod challenge;
mod checks;
mod constraints;
mod cut;
mod dispatchable_impls;
mod doubts;
mod errors;
mod events;
mod explain;
#[cfg(test)]
mod mock;
mod raise;
mod series;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

/// The pallet.
// A call is decoded once, and most are orders: boxing the largest would save nothing.
#[allow(clippy::large_enum_variant)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{
        pallet_prelude::*,
        traits::{
            Randomness,
            fungible::{Inspect, MutateHold},
        },
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use sungrid_primitives::{
        BatchIndex, JobId, UnitIndex,
        traits::{Images, Income, Pricing, Verifier, Workers},
    };

    /// The storage version of this pallet.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>> + TryInto<Event<Self>>>
    {
        /// The token, in planck.
        type Currency: Inspect<Self::AccountId, Balance = u128>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// The overarching hold reason.
        type RuntimeHoldReason: From<HoldReason>;
        /// Profiles, price floors and accepted environments.
        type Pricing: Pricing;
        /// The register of workers.
        type Workers: Workers<Self::AccountId>;
        /// The register of images.
        type Images: Images<Self::AccountId>;
        /// Where payments go. Its pot must exist before the first payment: give it a provider reference or
        /// the existential deposit at genesis.
        type Income: Income<Self::AccountId>;
        /// Who verifies batches: the child pallet.
        type Verifier: Verifier<Self::AccountId>;
        /// Unpredictable until the parent block exists; `None` if that block had none.
        type Randomness: Randomness<Option<Self::Hash>, BlockNumberFor<Self>>;
        /// Deposit for a job's record, planck.
        #[pallet::constant]
        type JobDeposit: Get<u128>;
        /// Held for each start of a series, and paid into the pot with it, planck: what the transaction would cost that
        /// nobody sends. Too small: starts are cheaper than orders.
        #[pallet::constant]
        type StartFee: Get<u128>;
        /// Deposit for each batch's records, planck.
        #[pallet::constant]
        type BatchDeposit: Get<u128>;
        /// Blocks from submission within which a deadline must lie. Bounds how long a replica can wait
        /// for the others.
        #[pallet::constant]
        type MaxJobBlocks: Get<BlockNumberFor<Self>>;
        /// Most virtual time of one batch at its limits, seconds. Bounds how far a commit deadline can lie
        /// beyond a job's deadline.
        #[pallet::constant]
        type MaxBatchSeconds: Get<u64>;
        /// Held of a challenger on top of the pay of its jurors, and of a requester that calls witnesses on top of theirs, planck. Too small: doubts are cheaper than the
        /// delay they cause. Too large: nobody dares.
        #[pallet::constant]
        type ChallengeBond: Get<u128>;
        /// Receives what a lost challenge costs and is not due to those who were right.
        type Treasury: Get<Self::AccountId>;
        /// Blocks from a job's end to when its records may be removed.
        #[pallet::constant]
        type Retention: Get<BlockNumberFor<Self>>;
        /// Most batches that one [`Pallet::clean_up`] removes.
        #[pallet::constant]
        type CleanUpLimit: Get<u32>;
        /// Weight of every block that due agenda entries may take before its transactions, so that full
        /// blocks cannot hold deadlines up. At least one step, or the integrity test fails.
        #[pallet::constant]
        type AgendaWeight: Get<Weight>;
        /// Weights of the calls and hooks.
        type WeightInfo: WeightInfo;
    }

    /// Why funds of a requester or a challenger are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The worst case of running jobs.
        Escrow,
        /// The records of jobs.
        Deposit,
        /// Challenges of results, and calls for witnesses.
        Challenge,
    }

    /// Number of the next job.
    #[pallet::storage]
    pub type NextJobId<T: Config> = StorageValue<_, JobId, ValueQuery>;

    /// Jobs, from submission to clean-up.
    #[pallet::storage]
    pub type Jobs<T: Config> = StorageMap<_, Twox64Concat, JobId, JobRecordOf<T>>;

    /// Orders that are submitted again and again, by a number of their own.
    #[pallet::storage]
    pub type Series<T: Config> = StorageMap<_, Twox64Concat, JobId, SeriesRecordOf<T>>;

    /// Batches in flight.
    #[pallet::storage]
    pub type Batches<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, BatchRecordOf<T>>;

    /// What is held of a job's requester, planck, while witnesses try to fetch the outputs of a settled batch.
    #[pallet::storage]
    pub type Doubts<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, u128>;

    /// What batches are paid by that were claimed after their job's bid was raised, planck per SUNS·hour; until clean-up,
    /// so that bills can be checked.
    #[pallet::storage]
    pub type RaisedPrices<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, u128>;

    /// Started batches that want a replica while their job's window is full. They enter it before batches
    /// that were never claimed.
    #[pallet::storage]
    pub type Waiting<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, ()>;

    /// What is due at a block: something of a job or a series itself (`None`), or a deadline that the verifier put on a batch.
    #[pallet::storage]
    pub type Agenda<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        BlockNumberFor<T>,
        Twox64Concat,
        (JobId, Option<BatchIndex>),
        (),
    >;

    /// The earliest block whose agenda may not be empty; nothing before anything was ever scheduled.
    #[pallet::storage]
    pub type AgendaCursor<T: Config> = StorageValue<_, BlockNumberFor<T>>;

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Most batches of a job that can be claimed at the same time.
        fn window() -> u32 {
            WINDOW
        }
        /// Most workers that ever get one batch.
        fn max_assignments() -> u32 {
            MAX_ASSIGNMENTS
        }
        /// Most units of a job.
        fn max_units() -> u32 {
            sungrid_primitives::job::MAX_UNITS
        }
        /// Most cuts of a job's batches.
        fn max_cuts() -> u32 {
            MAX_CUTS
        }
        /// What a cut leaves is at least one part of a batch of the order in so many.
        fn smallest_part() -> u32 {
            SMALLEST_PART
        }
        /// Most units of a batch.
        fn max_batch_units() -> u32 {
            sungrid_primitives::job::MAX_BATCH_UNITS
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_poll(now: BlockNumberFor<T>, meter: &mut WeightMeter) {
            let mut slice = WeightMeter::with_limit(meter.remaining().min(T::AgendaWeight::get()));
            Self::do_agenda(now, &mut slice);
            meter.consume(slice.consumed());
        }

        fn on_idle(now: BlockNumberFor<T>, remaining: Weight) -> Weight {
            let mut meter = WeightMeter::with_limit(remaining);
            Self::do_agenda(now, &mut meter);
            meter.consumed()
        }

        fn integrity_test() {
            Self::check_integrity();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// A job, if it exists.
        pub fn job(job: JobId) -> Option<JobRecordOf<T>> {
            Jobs::<T>::get(job)
        }

        /// A batch in flight, if it is.
        pub fn batch(job: JobId, batch: BatchIndex) -> Option<BatchRecordOf<T>> {
            Batches::<T>::get(job, batch)
        }

        /// Whether a claim of this worker would succeed now.
        pub fn claimable(job: JobId, worker: T::AccountId) -> bool {
            Self::would_claim(&worker, job)
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Orders a job.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Details
        /// Holds, in this block (requirement C9), the escrow
        /// `batches × results × cost(batch_size × unit_charge(fuel_limit, memory_limit, traffic_limit), price)`, where `results`
        /// is [`Policy::paid_results`], and the deposit
        /// `JobDeposit + batches × BatchDeposit`. With too little balance nothing happens. A job that comes after one
        /// that runs is pending until that one has ended; the agenda opens it in the block after.
        ///
        /// ## Parameters
        /// - `spec`: the order.
        ///
        /// ## Errors
        /// Each rule of [`JobSpec`] has its own; the token's own errors if the balance does not suffice.
        ///
        /// ## Events
        /// - [`Event::JobSubmitted`]
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::submit())]
        pub fn submit(origin: OriginFor<T>, spec: JobSpecOf<T>) -> DispatchResult {
            let requester = ensure_signed(origin)?;
            Self::do_submit(requester, spec, None)?;
            Ok(())
        }

        /// Asks for a batch of a job. The chain picks it.
        ///
        /// ## Dispatch origin
        /// Signed by a worker key. Feeless when it would succeed, so a machine earns from zero; each
        /// success takes capacity, which bounds how many are free.
        ///
        /// ## Details
        /// Pseudo-random among the batches of the window that no worker of the same operator ever had, nor, if
        /// the job says so, one in the same jurisdiction, and whose [`Summons`], if any, reaches the worker.
        /// Takes `unit_rate(memory_limit)` of the worker's capacity until the batch is committed, missed or
        /// ended.
        ///
        /// ## Parameters
        /// - `job`: the job.
        ///
        /// ## Errors
        /// - [`Error::NoSuchJob`], [`Error::NotOpen`]
        /// - [`Error::WorkerUnavailable`], [`Error::WrongEnvironment`], [`Error::WrongProfile`],
        ///   [`Error::ClassNotServed`], [`Error::OutsideJurisdictions`], [`Error::OutsideRegions`],
        ///   [`Error::WrongArchitecture`], [`Error::WrongEnergySource`], [`Error::TooMuchCarbon`],
        ///   [`Error::TierTooLow`], [`Error::TooFewAcceptedUnits`], [`Error::CapacityExhausted`]
        /// - [`Error::NothingToClaim`], [`Error::InputMissing`]
        ///
        /// ## Events
        /// - [`Event::BatchClaimed`]
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::claim(WINDOW, MAX_ASSIGNMENTS, 1, 1))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, job: &JobId| -> bool {
            ensure_signed(origin.clone()).is_ok_and(|worker| Pallet::<T>::would_claim(&worker, *job))
        })]
        pub fn claim(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            let spent = Self::do_claim(worker, job)?;
            Ok(Some(spent).into())
        }

        /// Stops a job. Batches that a worker already has run to their end and are paid; all others are not
        /// started.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Parameters
        /// - `job`: the job.
        ///
        /// ## Errors
        /// - [`Error::NoSuchJob`], [`Error::NotRequester`], [`Error::NotOpen`]
        ///
        /// ## Events
        /// - [`Event::JobCancelled`], and [`Event::JobEnded`] if nothing is in flight; [`Event::SeriesEnded`] of a series
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::cancel())]
        pub fn cancel(origin: OriginFor<T>, job: JobId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_cancel(who, job)
        }

        /// Removes the records of a job that ended at least [`Config::Retention`] blocks ago, at most
        /// [`Config::CleanUpLimit`] batches at a time. With the last of them the job goes and the deposit returns to the
        /// requester.
        ///
        /// ## Dispatch origin
        /// Signed by anyone; before, by the requester if it has received everything.
        ///
        /// ## Parameters
        /// - `job`: the job.
        ///
        /// ## Errors
        /// - [`Error::NoSuchJob`], [`Error::NotEnded`], [`Error::RetentionNotOver`], [`Error::InputOfOthers`],
        ///   [`Error::OutputsInQuestion`]
        ///
        /// ## Events
        /// - [`Event::CleanedUp`]
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::clean_up(T::CleanUpLimit::get()))]
        pub fn clean_up(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let batches = Self::do_clean_up(&who, job)?;
            Ok(Some(T::WeightInfo::clean_up(batches)).into())
        }

        /// Raises the bid of a job. A batch is paid by the bid of its last claim, all its replicas alike: whoever claims gets
        /// the bid of that block. Only jurors get what their challenger put up.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Details
        /// Adds to the escrow what the batches that are not decided cost more at their limits, since each may be claimed again:
        /// `undecided × results × (cost(limits, price) − cost(limits, bid))`, and two planck for each cut and result, since parts are
        /// rounded by themselves. With too little balance nothing happens.
        ///
        /// ## Parameters
        /// - `job`: the job.
        /// - `price`: the new bid, planck per SUNS·hour.
        ///
        /// ## Errors
        /// - [`Error::NoSuchJob`], [`Error::NotRequester`], [`Error::NotOpen`], [`Error::BidNotRaised`],
        ///   [`Error::NothingUnclaimed`], [`Error::EscrowTooLarge`]; the token's own if the balance does not suffice.
        ///
        /// ## Events
        /// - [`Event::BidRaised`]
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::raise())]
        pub fn raise(origin: OriginFor<T>, job: JobId, price: u128) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_raise(who, job, price)
        }

        /// Orders a job every `every` blocks, `times` times, from the next block on. [`Pallet::cancel`] with the number
        /// of the series ends it; jobs that it has started go on.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Details
        /// Holds `JobDeposit + times × StartFee`; what each job needs is held when it starts. A start that fails, for
        /// lack of balance or because the order would be refused by then, is skipped; after [`MAX_SKIPS`] in a row the
        /// series ends. Each job has as many blocks until its deadline as `spec` has now.
        ///
        /// ## Parameters
        /// - `spec`: the order.
        /// - `every`: blocks from a start to the next, [`MIN_INTERVAL`] to [`Config::MaxJobBlocks`].
        /// - `times`: number of starts, at most [`MAX_STARTS`].
        ///
        /// ## Errors
        /// - Those of [`Pallet::submit`], and [`Error::NotRepeatable`], [`Error::BadInterval`], [`Error::BadTimes`]
        ///
        /// ## Events
        /// - [`Event::SeriesOpened`]
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::repeat())]
        pub fn repeat(
            origin: OriginFor<T>,
            spec: JobSpecOf<T>,
            every: BlockNumberFor<T>,
            times: u32,
        ) -> DispatchResult {
            let requester = ensure_signed(origin)?;
            Self::do_repeat(requester, spec, every, times)
        }
    }
}
