//! # Verification pallet
//!
//! Decides what the result of a batch is: replicas by distinct operators are sealed, compared by digest, and opened
//! once enough of them agree. A child of [`pallet_market`]: the market assigns replicas and carries out verdicts; this
//! pallet never touches money, capacity or jobs itself.
//!
//! ## Pallet API
//!
//! | call | by | effect |
//! |---|---|---|
//! | [`Pallet::commit`] | an assigned worker key | seals its result, or that of the first units, and hands the rest back; feeless when it succeeds |
//! | [`Pallet::reveal`] | the same | opens the seal; feeless when it succeeds |
//! | [`Pallet::challenge`] | anyone, with a bond | sends a standing result to a jury |
//! | [`Pallet::decline`] | an assigned worker key | gives a batch back whose input is missing; feeless when it succeeds |
//! | [`Pallet::hand_back`] | the same | gives a batch back because its machine is needed; feeless when it succeeds |
//! | [`Pallet::resume`] | the requester | lets a job that declines have paused be claimed again |
//! | [`Pallet::acknowledge`] | the requester | a delivery receipt: it has the outputs |
//! | [`Pallet::call_witnesses`] | the requester, with a bond | has drawn workers try to fetch outputs that it cannot |
//! | [`Pallet::attest`] | a drawn witness | seals what it found; feeless when it succeeds |
//! | [`Pallet::testify`] | the same | opens the seal; feeless when it succeeds |
//! | [`Pallet::rate`] | the requester | rates an operator that served it |
//!
//! ## Policies
//!
//! | policy | ordered at first | decided by |
//! |---|---|---|
//! | `Optimistic` | one | nobody challenges it within [`Config::ChallengeWindow`]; else the jury |
//! | `Replicate(k)` | `k` | `k` equal results |
//! | `Adaptive` | one; if the draw does not let it stand, or its operator is [`Caught`] while it does, another one | a result that stood; two equal ones, [three](sungrid_primitives::policy::AGREE_IF_DISPUTED) if any other was sealed |
//! | `Quorum(trust)` | one; when it has sealed, as many drawn ones as convince if all agree, weighted by score | a group of more than one round that [convinces](sungrid_primitives::policy::convinces) |
//!
//! ## Overview
//!
//! ```text
//!        claim          all wanted have sealed; enough agree          all who agree have opened
//! (none) ────► Sealing ────────────────────────────────────► Revealing ──────────────────────► Results
//!               ▲  ▲ │ one sealed, Adaptive or a quorum       ▲   │ │ one, and Optimistic        ▲
//!               │  │ │                   Standing, sealed ─────┘   │ └────────────► Standing ─────┤
//!               │  │ │      it stands ▲   │ caught               │                 │ in peace   │
//!               │  │ └──────────────► Drawing ◄──────────────────┼─────────────────┘ challenged │
//!               │  └───────────────────┴───┘ audit, jury, quorum │                              │
//!               └──── too few agree: more are wanted ◄────────────┘ a seal was not opened         │
//! ```
//!
//! - *Commit deadline*: from its claim a worker has [`Config::CommitSlack`] blocks plus twice the virtual time
//!   of the batch at its limits.
//! - *Sealed for all*: a commitment carries a [`digest`](sungrid_primitives::receipt::digest), by which
//!   results are compared, and a seal, which only someone who knew the result can open. Nothing is opened before enough
//!   digests agree, so a replica that a disagreement orders works with no result in sight either.
//! - *Reveals* are for those who agree, and stay open for [`Config::RevealWindow`] blocks. Whoever is outvoted
//!   has nothing to open.
//! - *More replicas*: as many as the leading result lacks; in a quorum by a new draw, so that nobody who has sealed knew of them.
//! - *Draw*: see `draw.rs`.
//! - *Standing*: a single result of a trusted worker stays sealed for as long as an audit of such a batch takes, and
//!   [`Config::StandingWindow`]. Whoever lied in it probably lied in others: if one of these is found out meanwhile, this one is
//!   audited, too, by somebody who has nothing to copy. So waiting lies are found with the first, and a liar gets on with at
//!   most one at a time.
//! - *Jury*: two drawn operators who must agree. The challenged result has no vote.
//!
//! ## Elsewhere
//!
//! Who wins and loses in each outcome: `verdict.rs`; what a worker is trusted with: `tally.rs`; inputs and outputs that are withheld:
//! `availability.rs`; where randomness comes from: `draw.rs`.
//!
//! ## Known limits
//!
//! - A wrong result is accepted if `k` operators who collude get the same batch. The draw makes that rare
//!   and the bond of every attempt that fails makes it dear; it does not make it impossible. Under `Replicate`, and `Adaptive`
//!   where no time is left for a draw, they see that they have it before they lie.
//! - A digest can be guessed if the whole batch has but a few possible outcomes.
//! - A worker may commit to another's digest without knowing the result. It cannot open the seal and loses its bond; its
//!   replacement works with the results in sight that were opened meanwhile.
//! - A missed commit costs the record, and a rest that gets longer. Enough operators who claim and stay silent can use
//!   a batch's assignments up; whoever did commit to it then goes unpaid, and the requester is refunded.
//! - A worker hands its result to the requester before it is paid. A requester whose own workers hold the
//!   missing replicas of a batch can keep it from being decided.
//!
//! ## Design
//!
//! Deadlines are on the market's agenda, as often as they change; [`Verifier::deadline`] checks
//! which of them has really passed, so stale entries do nothing. Calls compare block numbers themselves
//! and refuse what is late even if the agenda lags.
//!
//! [`Verifier::deadline`]: sungrid_primitives::traits::Verifier::deadline
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

pub use departed::FORGOTTEN_AT_ONCE;
use frame_support::pallet_macros::import_section;
pub use pallet::*;
use tally::Tally;
pub use types::*;
pub use weights::WeightInfo;

mod availability;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod canary;
mod config;
mod departed;
mod dispatchable_impls;
mod draw;
mod errors;
mod events;
#[cfg(test)]
mod mock;
mod outlook;
mod rating;
mod storage;
mod tally;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
mod verdict;
pub mod weights;
mod witness;

/// The pallet.
#[import_section(config::config)]
#[import_section(storage::storage)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sp_runtime::traits::Zero;
    use sungrid_primitives::{
        BatchIndex, ContentHash, JobId, environment::EnvironmentId, policy::Trust,
        receipt::BatchSummary, traits::Fleet,
    };

    /// The storage version of this pallet.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// A network may be in more of a hurry than this runtime, as those of tests are.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Blocks in which witnesses fetch outputs, from one to [`Config::WitnessWindow`]; that if not given.
        pub witness_window: Option<BlockNumberFor<T>>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if let Some(blocks) = self.witness_window {
                assert!(
                    !blocks.is_zero() && blocks <= T::WitnessWindow::get(),
                    "genesis: witnesses have a block at least, and no longer than bonds answer for"
                );
                WitnessBlocks::<T>::put(blocks);
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::advance_beacon();
            <T as Config>::WeightInfo::beacon()
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
        /// The ballot of a batch in flight.
        pub fn ballot(job: JobId, batch: BatchIndex) -> Option<BallotRecordOf<T>> {
            Ballots::<T>::get(job, batch)
        }

        /// What a worker is trusted with in an environment.
        pub fn trust(worker: T::AccountId, environment: EnvironmentId) -> Trust {
            Trusts::<T>::get(worker, environment)
        }

        /// Whether a job is paused because its input is missing, and the operators that say so, the latest last.
        pub fn decliners(job: JobId) -> (bool, Vec<T::AccountId>) {
            let decliners = Decliners::<T>::get(job);
            let paused = Pallet::<T>::pauses(&decliners);
            let declined = decliners.into_iter().filter(|d| d.counts_until.is_some());
            (paused, declined.map(|decliner| decliner.operator).collect())
        }

        /// The call for witnesses to a batch, while it is open.
        pub fn witnesses(job: JobId, batch: BatchIndex) -> Option<CallRecordOf<T>> {
            Calls::<T>::get(job, batch)
        }

        /// What requesters think of an operator's service.
        pub fn rating(operator: T::AccountId) -> Rating {
            Ratings::<T>::get(operator)
        }

        /// Results of a job's batches `first..first + count`, at most 1,024; failed and unfinished ones are
        /// left out.
        pub fn results(
            job: JobId,
            first: BatchIndex,
            count: u32,
        ) -> Vec<(BatchIndex, ResultRecordOf<T>)> {
            (first..first.saturating_add(count.min(1_024)))
                .filter_map(|batch| Results::<T>::get(job, batch).map(|result| (batch, result)))
                .collect()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Seals the result of a batch, or of its first units and hands the rest back.
        ///
        /// ## Dispatch origin
        /// Signed by the assigned worker key. Feeless when it would succeed: once per claim.
        ///
        /// ## Details
        /// The worker's capacity is free from here on; its bond answers until the verdict. With the
        /// last wanted commitment the digests are compared.
        ///
        /// *Fewer units than the batch has* cut it: it ends after them, and is decided and paid like any other. The rest is a batch of
        /// its own that wants another worker, numbered after all others. All others who compute the batch compute both, by the
        /// deadline that they have. Neither part adds to anybody's trust. For the worker it is a [`Pallet::hand_back`], where
        /// that is allowed.
        ///
        /// ## Parameters
        /// - `job`, `batch`: what was claimed.
        /// - `units`: of how many of its units, from the first on, this is the result: all; or at least an eighth of a batch of the
        ///   order, while nobody else has sealed anything of this one.
        /// - `digest`: [`sungrid_primitives::receipt::digest`] over job, batch and summary.
        /// - `commitment`: [`sungrid_primitives::receipt::commitment`] over job, batch, summary, worker key and
        ///   a secret salt.
        ///
        /// ## Errors
        /// - [`Error::NotInFlight`], [`Error::NotAssigned`], [`Error::AlreadyCommitted`],
        ///   [`Error::CommitTooLate`], [`Error::OfOtherUnits`]
        /// - of fewer units those of [`Pallet::hand_back`], and the market's `NotToBeCut`, `TooManyCuts`, `BadCut`
        ///
        /// ## Events
        /// - [`Event::Committed`], and [`Event::RevealOpened`] or [`Event::Undecided`] with the last one
        /// - of fewer units the market's `BatchCut`, and [`Event::HandedBack`] of the rest
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::commit().max(<T as Config>::WeightInfo::commit_part()))]
        #[pallet::feeless_if(|
            origin: &OriginFor<T>,
            job: &JobId,
            batch: &BatchIndex,
            units: &u32,
            _: &H256,
            _: &H256,
        | -> bool {
            ensure_signed(origin.clone()).is_ok_and(|worker| {
                Pallet::<T>::check_commit_of(&worker, *job, *batch, *units).is_ok()
            })
        })]
        pub fn commit(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            units: u32,
            digest: H256,
            commitment: H256,
        ) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            Ok(Self::do_commit(worker, job, batch, units, digest, commitment)?.into())
        }

        /// Opens the seal of a batch.
        ///
        /// ## Dispatch origin
        /// Signed by the worker key that committed. Feeless when it would succeed: once per commitment.
        ///
        /// ## Details
        /// For workers whose digest is the one that enough replicas agree on. The last awaited reveal decides the
        /// batch; the only result of an optimistic job stands from then on. A commitment that is not revealed in time loses if
        /// the batch is decided.
        ///
        /// ## Parameters
        /// - `job`, `batch`: what was committed.
        /// - `summary`, `salt`: what was sealed.
        /// - `bundle`: BLAKE3 of the worker's result bundle.
        ///
        /// ## Errors
        /// - [`Error::NotInFlight`], [`Error::NotAssigned`], [`Error::NotCommitted`],
        ///   [`Error::AlreadyRevealed`], [`Error::RevealNotOpen`], [`Error::RevealTooLate`]
        /// - [`Error::Outvoted`], [`Error::SealMismatch`], [`Error::ExceedsTerms`]
        ///
        /// ## Events
        /// - [`Event::Revealed`]; those of the verdict with the last one
        #[pallet::call_index(1)]
        #[pallet::weight(<T as Config>::WeightInfo::reveal())]
        #[pallet::feeless_if(|
            origin: &OriginFor<T>,
            job: &JobId,
            batch: &BatchIndex,
            summary: &BatchSummary,
            salt: &[u8; 32],
            _: &ContentHash,
        | -> bool {
            ensure_signed(origin.clone()).is_ok_and(|worker| {
                Pallet::<T>::check_reveal(&worker, *job, *batch, summary, salt).is_ok()
            })
        })]
        pub fn reveal(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            summary: BatchSummary,
            salt: [u8; 32],
            bundle: ContentHash,
        ) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            let had = pallet_market::Batches::<T>::get(job, batch).map(|record| record.assignments);
            Self::do_reveal(worker, job, batch, summary, salt, bundle)?;
            let had = had.unwrap_or_default();
            Ok(Self::spent_on_reveal(job, batch, &had).into())
        }

        /// Doubts the standing result of an optimistic job: a jury is drawn.
        ///
        /// ## Dispatch origin
        /// Signed by anyone.
        ///
        /// ## Details
        /// Holds [`Config::ChallengeBond`](pallet_market::Config::ChallengeBond) and the pay of two jurors at the
        /// limits of the batch. If the jury confirms the result, the bond is lost: jurors' pay, and of the rest half to
        /// the worker and the jurors, half to the treasury. If it refutes it, the worker is slashed, and challenger and
        /// jurors share half of that. If no jury agrees, the result stands and the bond returns.
        ///
        /// ## Parameters
        /// - `job`, `batch`: what is doubted.
        ///
        /// ## Errors
        /// - [`Error::NotInFlight`], [`Error::NotStanding`], [`Error::ChallengeTooLate`]; the token's own if the
        ///   balance does not suffice
        ///
        /// ## Events
        /// - [`Event::Challenged`]
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::challenge())]
        pub fn challenge(origin: OriginFor<T>, job: JobId, batch: BatchIndex) -> DispatchResult {
            let challenger = ensure_signed(origin)?;
            Self::do_challenge(challenger, job, batch)
        }

        /// Gives a batch back whose input is not to be had.
        ///
        /// ## Dispatch origin
        /// Signed by the assigned worker key. Feeless when it would succeed: once per claim.
        ///
        /// ## Details
        /// Until the commit deadline, for an input that is not served, or not what the job says it is. The decline is on the
        /// worker's record and costs it nothing but the claim: its operator gets nothing else of the job for
        /// [`Config::DeclineRest`] blocks. An operator counts once for a job, until it delivers something of it;
        /// [`Config::DeclinesToPause`] of them pause the job, and its requester pays [`Config::ClaimFee`] for each, to the
        /// treasury.
        ///
        /// ## Parameters
        /// - `job`, `batch`: what was claimed.
        ///
        /// ## Errors
        /// - [`Error::NotInFlight`], [`Error::NotAssigned`], [`Error::AlreadyCommitted`],
        ///   [`Error::CommitTooLate`]
        ///
        /// ## Events
        /// - [`Event::Declined`], and [`Event::Paused`] with the last one that it takes
        #[pallet::call_index(3)]
        // A challenged result stands after the decline of its last juror.
        #[pallet::weight(<T as Config>::WeightInfo::decline().saturating_add(<T as Config>::WeightInfo::reveal_few(FEW, FEW)))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, job: &JobId, batch: &BatchIndex| -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_commit(&worker, *job, *batch).is_ok())
        })]
        pub fn decline(origin: OriginFor<T>, job: JobId, batch: BatchIndex) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_decline(worker, job, batch)
        }

        /// Hands a batch back because the worker's machine is needed for something else, which is nobody's fault.
        ///
        /// ## Dispatch origin
        /// Signed by the assigned worker key. Feeless when it would succeed: once per claim.
        ///
        /// ## Details
        /// Until the commit deadline. Nothing is missed or declined, and no pause comes nearer; it is on another record of the
        /// worker. Its operator gets nothing else of the job for [`Config::DeclineRest`] blocks, and never that batch: or it
        /// could claim and hand back until it gets the batch that it wants, such as an accomplice's. Not for replicas of an
        /// audit or a jury, which are drawn, and [`MAX_HANDED_BACK`] times for a job and operator that delivers nothing of it.
        ///
        /// ## Parameters
        /// - `job`, `batch`: what was claimed.
        ///
        /// ## Errors
        /// - [`Error::NotInFlight`], [`Error::NotAssigned`], [`Error::AlreadyCommitted`],
        ///   [`Error::CommitTooLate`], [`Error::DrawnForIt`], [`Error::HandedBackTooOften`]
        ///
        /// ## Events
        /// - [`Event::HandedBack`]
        #[pallet::call_index(12)]
        #[pallet::weight(<T as Config>::WeightInfo::hand_back())]
        #[pallet::feeless_if(|origin: &OriginFor<T>, job: &JobId, batch: &BatchIndex| -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_hand_back(&worker, *job, *batch).is_ok())
        })]
        pub fn hand_back(origin: OriginFor<T>, job: JobId, batch: BatchIndex) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_hand_back(worker, job, batch)
        }

        /// Lets a job's batches be claimed again after its input was said to be missing.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Details
        /// Also before the job is paused: operators that declined need not rest any longer. Holds again what the job's
        /// deposit was charged.
        ///
        /// ## Parameters
        /// - `job`: the job.
        ///
        /// ## Errors
        /// - [`Error::NothingDeclined`]; the market's `NoSuchJob`, `NotRequester`, `NotOpen`; the token's own if the
        ///   balance does not suffice
        ///
        /// ## Events
        /// - [`Event::Resumed`]
        #[pallet::call_index(4)]
        #[pallet::weight(<T as Config>::WeightInfo::resume())]
        pub fn resume(origin: OriginFor<T>, job: JobId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_resume(who, job)
        }

        /// Confirms that the requester has the outputs of all batches of a job below `below`: a delivery receipt.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Details
        /// Workers need not keep these outputs any longer. The time for which results stand ends with this block: an optimistic one
        /// is final, a single one is opened, or audited by what its worker was caught with until now.
        /// The requester can clean up an ended job at once of which it has received everything.
        ///
        /// ## Parameters
        /// - `job`: the job.
        /// - `below`: the first batch that is not confirmed; for a whole job its `next_batch`.
        ///
        /// ## Errors
        /// - [`Error::NotDelivered`], [`Error::AlreadyReceived`], [`Error::ReceiptTooLong`]; the market's `NoSuchJob`,
        ///   `NotRequester`
        ///
        /// ## Events
        /// - [`Event::Received`]
        #[pallet::call_index(5)]
        #[pallet::weight(<T as Config>::WeightInfo::acknowledge(MAX_RECEIPT.saturating_add(pallet_market::MAX_CUTS)))]
        pub fn acknowledge(
            origin: OriginFor<T>,
            job: JobId,
            below: BatchIndex,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let batches = Self::do_acknowledge(who, job, below)?;
            Ok(Some(<T as Config>::WeightInfo::acknowledge(batches)).into())
        }

        /// Rates an operator's service in a completed job, once.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Details
        /// Changes nothing but [`Ratings`].
        ///
        /// ## Parameters
        /// - `job`, `batch`: where the operator served: it found the accepted result.
        /// - `operator`: whose service it was.
        /// - `stars`: 1 to [`MOST_STARS`].
        ///
        /// ## Errors
        /// - [`Error::NotRatable`], [`Error::BadRating`], [`Error::SelfRating`], [`Error::NotServed`],
        ///   [`Error::AlreadyRated`]; the market's `NoSuchJob`, `NotRequester`
        ///
        /// ## Events
        /// - [`Event::Rated`]
        #[pallet::call_index(6)]
        #[pallet::weight(<T as Config>::WeightInfo::rate())]
        pub fn rate(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            operator: T::AccountId,
            stars: u8,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_rate(who, job, batch, operator, stars)
        }

        /// Forgets what a worker key was trusted with that is registered no more, in at most
        /// [`FORGOTTEN_AT_ONCE`] environments. If it comes back it is a new worker.
        ///
        /// ## Dispatch origin
        /// Signed by anyone; costs no fee if something was forgotten.
        ///
        /// ## Parameters
        /// - `worker`: the worker key.
        ///
        /// ## Errors
        /// - [`Error::StillRegistered`], [`Error::NothingToForget`]
        ///
        /// ## Events
        /// - [`Event::TrustForgotten`]
        #[pallet::call_index(7)]
        #[pallet::weight(<T as Config>::WeightInfo::forget_trust())]
        pub fn forget_trust(
            origin: OriginFor<T>,
            worker: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Self::do_forget_trust(worker)
        }

        /// Forgets the ratings of an operator that has no worker any more, when it was caught and until when it was audited. If it comes back it is a new
        /// one.
        ///
        /// ## Dispatch origin
        /// Signed by anyone; costs no fee if something was forgotten.
        ///
        /// ## Parameters
        /// - `operator`: the operator.
        ///
        /// ## Errors
        /// - [`Error::StillRegistered`], [`Error::NothingToForget`]
        ///
        /// ## Events
        /// - [`Event::RatingForgotten`]
        #[pallet::call_index(11)]
        #[pallet::weight(<T as Config>::WeightInfo::forget_rating())]
        pub fn forget_rating(
            origin: OriginFor<T>,
            operator: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Self::do_forget_rating(operator)
        }

        /// Says that nobody serves the outputs of a settled batch: witnesses are drawn to try.
        ///
        /// ## Dispatch origin
        /// Signed by the requester.
        ///
        /// ## Details
        /// Within [`Retention`](pallet_market::Config::Retention) blocks of the batch's acceptance, unless a receipt covers it. Holds
        /// [`ChallengeBond`](pallet_market::Config::ChallengeBond) and the fees of [`WITNESSES`]. If more than half of them cannot
        /// fetch the outputs, what was paid for the batch and to the witnesses returns out of the bonds of those who found the
        /// result, who are slashed. If more than half can, the bond is lost to the treasury, and the fees to them. Otherwise
        /// everything stays as it was, and they may be called again.
        ///
        /// ## Parameters
        /// - `job`, `batch`: whose outputs.
        ///
        /// ## Errors
        /// - [`Error::NotSettled`], [`Error::AlreadyReceived`], [`Error::CallTooLate`], [`Error::AlreadyCalled`],
        ///   [`Error::AlreadyWitnessed`]; the market's `NoSuchJob`, `NotRequester`; the token's own if the balance does not suffice
        ///
        /// ## Events
        /// - [`Event::WitnessesCalled`]
        #[pallet::call_index(8)]
        #[pallet::weight(<T as Config>::WeightInfo::call_witnesses())]
        pub fn call_witnesses(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_call_witnesses(who, job, batch)
        }

        /// Seals what a witness found.
        ///
        /// ## Dispatch origin
        /// Signed by a drawn worker key. Feeless when it would succeed: once per draw.
        ///
        /// ## Parameters
        /// - `job`, `batch`: whose outputs.
        /// - `seal`: [`sungrid_primitives::witness::seal`] over what was found and a secret salt.
        ///
        /// ## Errors
        /// - [`Error::NotCalled`], [`Error::NotDrawn`], [`Error::AlreadyCommitted`], [`Error::CommitTooLate`]
        ///
        /// ## Events
        /// - [`Event::Attested`], and [`Event::TestimoniesOpened`] with the last one
        #[pallet::call_index(9)]
        #[pallet::weight(<T as Config>::WeightInfo::attest())]
        #[pallet::feeless_if(|
            origin: &OriginFor<T>,
            job: &JobId,
            batch: &BatchIndex,
            _: &H256,
        | -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_attest(&worker, *job, *batch).is_ok())
        })]
        pub fn attest(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            seal: H256,
        ) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_attest(worker, job, batch, seal)
        }

        /// Opens what a witness sealed. The last one decides.
        ///
        /// ## Dispatch origin
        /// Signed by the worker key that sealed. Feeless when it would succeed: once per seal.
        ///
        /// ## Parameters
        /// - `job`, `batch`: whose outputs.
        /// - `found`, `salt`: what was sealed: nothing, or what [`sungrid_primitives::witness::fetched`] makes of the outputs.
        ///
        /// ## Errors
        /// - [`Error::NotCalled`], [`Error::NotDrawn`], [`Error::TestimonyNotOpen`], [`Error::NotCommitted`],
        ///   [`Error::AlreadyRevealed`], [`Error::RevealTooLate`], [`Error::SealMismatch`]
        ///
        /// ## Events
        /// - [`Event::Testified`]; [`Event::Witnessed`] with the last one
        #[pallet::call_index(10)]
        #[pallet::weight(<T as Config>::WeightInfo::testify())]
        #[pallet::feeless_if(|
            origin: &OriginFor<T>,
            job: &JobId,
            batch: &BatchIndex,
            found: &Option<H256>,
            salt: &[u8; 32],
        | -> bool {
            ensure_signed(origin.clone()).is_ok_and(|worker| {
                Pallet::<T>::check_testify(&worker, *job, *batch, found, salt).is_ok()
            })
        })]
        pub fn testify(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            found: Option<H256>,
            salt: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            let worker = ensure_signed(origin)?;
            Self::do_testify(worker, job, batch, found, salt)?;
            let goes_on = Calls::<T>::contains_key(job, batch);
            Ok(goes_on.then(<T as Config>::WeightInfo::attest).into())
        }
    }
}
