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
//! | [`Pallet::commit`] | an assigned worker key | seals its result; feeless when it succeeds |
//! | [`Pallet::reveal`] | the same | opens the seal; feeless when it succeeds |
//! | [`Pallet::challenge`] | anyone, with a bond | sends a standing result to a jury |
//!
//! ## Policies
//!
//! | policy | ordered at first | decided by |
//! |---|---|---|
//! | `Optimistic` | one | nobody challenges it within [`Config::ChallengeWindow`]; else the jury |
//! | `Replicate(k)` | `k` | `k` equal results |
//! | `Adaptive` | one if the first worker is trusted and the draw lets its result stand, else two | two equal results |
//! | `Quorum(trust)` | as many as convince if all agree, weighted by score | a group that [convinces](sungrid_primitives::policy::convinces) |
//!
//! ## Overview
//!
//! ```text
//!        claim          all wanted have sealed; enough agree          all who agree have opened
//! (none) ────► Sealing ────────────────────────────────────► Revealing ──────────────────────► Results
//!               ▲  ▲ │ one sealed, of a trusted worker        ▲   │ │ one, and Optimistic        ▲
//!               │  │ └──────────────► Drawing ────────────────┘   │ └────────────► Standing ─────┤
//!               │  │                   │ ▲   it stands             │                 │ in peace   │
//!               │  └───────────────────┘ └─────────────────────────┼─────────────────┘ challenged │
//!               │   audit, or jury                                │                              │
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
//! - *More replicas*: as many as the leading result lacks.
//! - *Draw*: see below.
//! - *Jury*: two drawn operators who must agree. The challenged result has no vote.
//!
//! ## Outcomes
//!
//! | batch | winners | other results | withheld reveals | missed commits |
//! |---|---|---|---|---|
//! | decided | paid | slashed | slashed | recorded |
//! | challenged, the jury confirms | paid; jurors by the challenger | slashed | slashed | recorded |
//! | challenged, the jury refutes | jurors and challenger share half of the slash | slashed, the challenged one too | slashed | recorded |
//! | challenged, no jury agrees in time | the challenged result stands and is paid | nothing | recorded | recorded |
//! | more than [`Config::MaxReplicas`] would be needed (a quorum: [`MAX_ASSIGNMENTS`](pallet_market::MAX_ASSIGNMENTS)) | – | nothing | recorded | recorded |
//! | no replica is to be had: assignments used up, deadline passed | – | nothing | recorded | recorded |
//!
//! Withholding a reveal costs what a wrong result costs. Were it cheaper, two colluding replicas could
//! lie for free: reveal if the draw put both on one batch, withhold otherwise.
//!
//! A result that no jury refutes stands, or a requester whose constraints suit one operator alone could challenge what
//! it ordered, find no jury, and keep the result without paying.
//!
//! ## Trust
//!
//! [`Trusts`] is kept per worker and environment. A result that another operator's result confirmed adds one to streak
//! and score; a refuted one or a withheld reveal ends the streak and takes a third of the score. Single
//! results and missed commits change neither. How a worker came by its streak is not asked: it can order small
//! jobs of itself for little more than their fees. It gains nothing by that, because a streak counts only as far as a
//! lie costs more than the batch pays: see [`stands`](sungrid_primitives::policy::Trust::stands).
//!
//! ## Randomness
//!
//! A draw takes place [`Config::DrawDelay`] blocks after the commitment or challenge that calls for it, by the
//! [`Beacon`]: a hash chain over the VRF outputs of the authors of all blocks. BABE offers one output per block,
//! which its author cannot choose but knows an epoch ahead; and block hashes, which anybody who makes a block can
//! choose. Hence outputs, and several: the beacon is known at commitment only to someone who will make each of the
//! `DrawDelay − 1` blocks between. The author of the last of them can look at the draw and drop its block: with a share
//! `s` of the slots it lowers an audit's probability `p` to `p · (1 − s · (1 − p))`, and gives up that block's
//! reward.
//!
//! An audit or a jury is open to few workers at first and to ever more with time, by
//! [`Summons`](pallet_market::Summons): an accomplice who stands ready is mostly not among the first.
//!
//! ## Known limits
//!
//! - A wrong result is accepted if `k` operators who collude get the same batch. The draw makes that rare
//!   and the bond of every attempt that fails makes it dear; it does not make it impossible.
//! - A digest can be guessed if the whole batch has but a few possible outcomes.
//! - A worker may commit to another's digest without knowing the result. It cannot open the seal and loses its bond; its
//!   replacement works with the results in sight that were opened meanwhile.
//! - A missed commit costs nothing but the record. Enough operators who claim and stay silent can use
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
pub use pallet::*;
use tally::Tally;
pub use types::*;
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod departed;
mod dispatchable_impls;
mod draw;
#[cfg(test)]
mod mock;
mod tally;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
mod verdict;
pub mod weights;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sungrid_primitives::{
        BatchIndex, ContentHash, JobId, environment::EnvironmentId, policy::Trust,
        receipt::BatchSummary,
    };

    /// The storage version of this pallet.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<
            RuntimeEvent: From<Event<Self>>,
            // A seal names the worker by its 32-byte public key.
            AccountId: AsRef<[u8; 32]>,
        > + pallet_market::Config
    {
        /// Blocks for fetching, queueing and a slow machine, on top of twice the virtual time.
        #[pallet::constant]
        type CommitSlack: Get<BlockNumberFor<Self>>;
        /// Blocks in which a commitment must be revealed once reveals are open. Too small: a worker that
        /// restarts loses bond. Too large: whoever withholds delays the batch as long.
        #[pallet::constant]
        type RevealWindow: Get<BlockNumberFor<Self>>;
        /// Blocks from the commitment or challenge that calls for a draw to the draw. Of the blocks between, one
        /// that the worker's friends do not make is enough to surprise it. Too small: they make all of them now and then.
        #[pallet::constant]
        type DrawDelay: Get<BlockNumberFor<Self>>;
        /// Blocks in which an optimistic result can be challenged. Too small: nobody gets to compute it again. Too
        /// large: its worker waits as long for its pay.
        #[pallet::constant]
        type ChallengeWindow: Get<BlockNumberFor<Self>>;
        /// Blocks from a challenge in which jurors can claim their replicas, on top of the time that three of them may
        /// stall. Too small: a summons has not reached everybody. Too large: a worker waits as long for its pay.
        #[pallet::constant]
        type JuryWindow: Get<BlockNumberFor<Self>>;
        /// Most results that are compared to find so many equal ones, before the batch fails.
        #[pallet::constant]
        type MaxReplicas: Get<u32>;
        /// Seconds between blocks, to turn virtual time into blocks.
        #[pallet::constant]
        type SecondsPerBlock: Get<u64>;
        /// Weights of the calls and of deadlines.
        type WeightInfo: WeightInfo;
    }

    /// Batches in flight, on their way to a verdict.
    #[pallet::storage]
    pub type Ballots<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, BallotRecordOf<T>>;

    /// Results of accepted batches, until their job is cleaned up.
    #[pallet::storage]
    pub type Results<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, ResultRecordOf<T>>;

    /// What results of a worker in an environment were worth so far. Stays when the worker leaves, until anyone has it
    /// forgotten.
    #[pallet::storage]
    pub type Trusts<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Blake2_128Concat,
        EnvironmentId,
        Trust,
        ValueQuery,
    >;

    /// The randomness of all blocks before this one, chained.
    #[pallet::storage]
    pub type Beacon<T: Config> = StorageValue<_, H256, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// The trust in a worker that is registered no more was forgotten.
        TrustForgotten {
            /// The worker key.
            worker: T::AccountId,
            /// In so many environments.
            environments: u32,
        },
        /// A worker sealed its result.
        Committed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// What its result is compared by.
            digest: H256,
            /// The seal.
            commitment: H256,
        },
        /// Enough replicas agree: whoever committed to this digest reveals now.
        RevealOpened {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Last block for reveals.
            until: BlockNumberFor<T>,
            /// What they agree on.
            digest: H256,
        },
        /// It was drawn whether the only result stands or a second replica is wanted.
        Drawn {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Whether it stands.
            stands: bool,
        },
        /// A result is final unless somebody challenges it.
        Standing {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Last block for a challenge.
            until: BlockNumberFor<T>,
        },
        /// A result is challenged: a jury will be drawn.
        Challenged {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Who doubts it.
            challenger: T::AccountId,
            /// Held of the challenger, planck.
            bond: u128,
            /// The block in which jurors are drawn.
            draw_at: BlockNumberFor<T>,
        },
        /// A result of a worker was confirmed or refuted.
        TrustChanged {
            /// The worker key.
            worker: T::AccountId,
            /// Where the result compares.
            environment: EnvironmentId,
            /// What the worker is trusted with now.
            trust: Trust,
        },
        /// A worker opened its seal.
        Revealed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// Its result.
            summary: BatchSummary,
            /// BLAKE3 of its result bundle.
            bundle: ContentHash,
        },
        /// A worker did not appear.
        Missed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// What did not come.
            phase: Phase,
        },
        /// What is sealed does not decide the batch: more replicas are needed.
        Undecided {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Results so far.
            sealed: u32,
            /// Results that there must be before they are compared again.
            wanted: u32,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The worker is registered: what it is trusted with stays.
        StillRegistered,
        /// Nothing is known of that worker.
        NothingToForget,
        /// There is no such batch in flight: it is decided, failed, or was never claimed.
        NotInFlight,
        /// The signer has no replica of this batch: it was never assigned, or missed its commit deadline.
        NotAssigned,
        /// The worker has committed already: a seal cannot be replaced.
        AlreadyCommitted,
        /// The commit deadline has passed.
        CommitTooLate,
        /// The worker has not committed.
        NotCommitted,
        /// Not enough replicas agree yet: wait for `RevealOpened`.
        RevealNotOpen,
        /// Others agreed on another result: there is nothing to reveal.
        Outvoted,
        /// The worker has revealed already.
        AlreadyRevealed,
        /// The reveal window has passed.
        RevealTooLate,
        /// Summary and salt do not open the worker's seal.
        SealMismatch,
        /// There is no result to challenge: the policy has no challenge, the result is not revealed yet, or is
        /// challenged already.
        NotStanding,
        /// The challenge window has passed.
        ChallengeTooLate,
        /// More fuel or charge than a batch at its limits can have.
        ExceedsTerms,
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
        /// Seals the result of a batch.
        ///
        /// ## Dispatch origin
        /// Signed by the assigned worker key. Feeless when it would succeed: once per claim.
        ///
        /// ## Details
        /// The worker's capacity is free from here on; its bond answers until the verdict. With the
        /// last wanted commitment the digests are compared.
        ///
        /// ## Parameters
        /// - `job`, `batch`: what was claimed.
        /// - `digest`: [`sungrid_primitives::receipt::digest`] over job, batch and summary.
        /// - `commitment`: [`sungrid_primitives::receipt::commitment`] over job, batch, summary, worker key and
        ///   a secret salt.
        ///
        /// ## Errors
        /// - [`Error::NotInFlight`], [`Error::NotAssigned`], [`Error::AlreadyCommitted`],
        ///   [`Error::CommitTooLate`]
        ///
        /// ## Events
        /// - [`Event::Committed`], and [`Event::RevealOpened`] or [`Event::Undecided`] with the last one
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::commit())]
        #[pallet::feeless_if(|
            origin: &OriginFor<T>,
            job: &JobId,
            batch: &BatchIndex,
            _: &H256,
            _: &H256,
        | -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_commit(&worker, *job, *batch).is_ok())
        })]
        pub fn commit(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            digest: H256,
            commitment: H256,
        ) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_commit(worker, job, batch, digest, commitment)
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
        ) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_reveal(worker, job, batch, summary, salt, bundle)
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
        #[pallet::call_index(20)]
        #[pallet::weight(<T as Config>::WeightInfo::forget_trust())]
        pub fn forget_trust(
            origin: OriginFor<T>,
            worker: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Self::do_forget_trust(worker)
        }
    }
}
