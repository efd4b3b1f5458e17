//! # Verification pallet
//!
//! Decides what the result of a batch is: replicas by distinct operators are sealed, then revealed, then
//! compared. A child of [`pallet_market`]: the market assigns replicas and carries out verdicts; this pallet
//! never touches money, capacity or jobs itself.
//!
//! ## Pallet API
//!
//! | call | by | effect |
//! |---|---|---|
//! | [`Pallet::commit`] | an assigned worker key | seals its result; feeless when it succeeds |
//! | [`Pallet::reveal`] | the same | opens the seal; feeless when it succeeds |
//!
//! ## Overview
//!
//! ```text
//!        claim               all wanted have committed          all revealed, or the window is over
//! (none) ────► committing ────────────────────────► revealing ────────────────────────► decided?
//!                 ▲  │ a commit is missed: replaced                                     │    │
//!                 │  └──────────┐                                                    no │    │ yes
//!                 └─────────────┴──────────── more replicas are wanted ◄────────────────┘    ▼
//!                                                                                    Results
//! ```
//!
//! - *Commit deadline*: from its claim a worker has [`Config::CommitSlack`] blocks plus twice the virtual time
//!   of the batch at its limits.
//! - *Reveals open* when every wanted replica has committed, not before, so that nobody can copy; they stay
//!   open for [`Config::RevealWindow`] blocks.
//! - *Decision*, when all have revealed or the window is over: `k` equal summaries win. Otherwise as
//!   many more replicas are wanted as agreement needs: `k` less the largest number of equal summaries.
//!
//! ## Outcomes
//!
//! | batch | winners | dissenters | withheld reveals | missed commits |
//! |---|---|---|---|---|
//! | `k` summaries agree | paid | slashed | slashed | recorded |
//! | more than [`Config::MaxReplicas`] would be needed | – | nothing | recorded | recorded |
//! | no replica is to be had: assignments used up, deadline passed | – | nothing | recorded | recorded |
//!
//! Withholding a reveal costs what a wrong reveal costs. Were it cheaper, two colluding replicas could
//! lie for free: reveal if the draw put both on one batch, withhold otherwise.
//!
//! ## Known limits
//!
//! - A wrong result is accepted if `k` operators who collude get the same batch. The draw makes that rare
//!   and the bond of every attempt that fails makes it dear; it does not make it impossible.
//! - A replica that is ordered after a disagreement works with the earlier reveals in sight. Copying one of
//!   them blindly loses the bond when it copies the wrong one.
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

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod dispatchable_impls;
#[cfg(test)]
mod mock;
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
    use sungrid_primitives::{BatchIndex, ContentHash, JobId, receipt::BatchSummary};

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
        /// Most replicas revealed for one batch before it fails.
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

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A worker sealed its result.
        Committed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// The seal.
            commitment: H256,
        },
        /// All wanted replicas have committed: reveal now.
        RevealOpened {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Last block for reveals.
            until: BlockNumberFor<T>,
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
        /// The reveals do not decide the batch: more replicas are needed.
        Undecided {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Replicas revealed so far.
            revealed: u32,
            /// Replicas that must have committed before the next reveal opens.
            wanted: u32,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
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
        /// Not every wanted replica has committed yet: wait for `RevealOpened`.
        RevealNotOpen,
        /// The worker has revealed already.
        AlreadyRevealed,
        /// The reveal window has passed.
        RevealTooLate,
        /// Summary and salt do not open the worker's seal.
        SealMismatch,
        /// More fuel or charge than a batch at its limits can have.
        ExceedsTerms,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
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
        /// last wanted commitment the reveals open.
        ///
        /// ## Parameters
        /// - `job`, `batch`: what was claimed.
        /// - `commitment`: [`sungrid_primitives::receipt::commitment`] over job, batch, summary, worker key and
        ///   a secret salt.
        ///
        /// ## Errors
        /// - [`Error::NotInFlight`], [`Error::NotAssigned`], [`Error::AlreadyCommitted`],
        ///   [`Error::CommitTooLate`]
        ///
        /// ## Events
        /// - [`Event::Committed`], and [`Event::RevealOpened`] with the last one
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::commit())]
        #[pallet::feeless_if(|origin: &OriginFor<T>, job: &JobId, batch: &BatchIndex, _: &H256| -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_commit(&worker, *job, *batch).is_ok())
        })]
        pub fn commit(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            commitment: H256,
        ) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_commit(worker, job, batch, commitment)
        }

        /// Opens the seal of a batch.
        ///
        /// ## Dispatch origin
        /// Signed by the worker key that committed. Feeless when it would succeed: once per commitment.
        ///
        /// ## Details
        /// The last awaited reveal decides the batch. A commitment that is not revealed in time loses if
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
        /// - [`Error::SealMismatch`], [`Error::ExceedsTerms`]
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
    }
}
