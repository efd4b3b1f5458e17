//! # Liveness: who is there, without heartbeats
//!
//! Every block draws [`DRAWS`] active workers. Whoever is drawn answers with [`alive`](Pallet::alive) within
//! [`Config::AnswerWindow`] blocks. Once per round of [`Config::LotteryRound`] blocks is enough, so a small fleet
//! answers once per round, and of a large one a sample of `DRAWS × LotteryRound` does: the cost does not grow with
//! the fleet [X4]. Each answer of a worker of at least [`Config::MinCapacity`] goes to [`Config::Liveness`], which pays
//! the maintenance reward by it [S10]; with equal chances for all the sample is paid in expectation as the whole fleet
//! would be.
//!
//! | a drawn worker | what follows |
//! |---|---|
//! | answers in time | its answer counts, at most one per round |
//! | does not, and nobody reports it | nothing |
//! | does not, and somebody [`report`](Pallet::report)s it within the round | [`Config::AbsencePenalty`] of its bond, half to the reporter, the rest to the treasury; it is paused until it resumes, so it is not reported again and again |
//! | paused before it was reported | nothing: whoever can pause is there |
//!
//! ## Design
//! - Active workers have dense numbers, kept by swapping the last into a gap. A block stores its seed and how many
//!   workers there were, not who was drawn: that follows from the two and is computed when somebody asks.
//! - A number that moved, or a worker that became active, is not about an earlier draw: [`Member::since`]. A worker that
//!   becomes active is drawn from the next round on, so that pausing and resuming makes no second answer in one.
//! - The seed is the parent block's randomness: nobody knows who is drawn before that block exists.
//! - Per block one seed is written and one removed. There is no other hook.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod dispatchable_impls;
mod impls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
pub mod weights;

pub use pallet::*;
pub use sungrid_primitives::lottery::{DRAWS, Draw};
pub use types::{Member, MemberOf};
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;
    use frame_support::{pallet_prelude::*, traits::Randomness};
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Zero;
    use sungrid_primitives::{lottery::Draw, traits::Liveness};

    use crate::{types::MemberOf, weights::WeightInfo};

    /// Version of the storage layout.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime, beside its parent, the register of workers.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_workers::Config
    {
        /// Unpredictable until the parent block exists; `None` if that block had none.
        type Randomness: Randomness<Option<Self::Hash>, BlockNumberFor<Self>>;
        /// Learns who is live.
        type Liveness: Liveness<Self::AccountId>;
        /// Capacity that a worker needs for its answers to count there, µSUNS. Equal shares per worker invite to
        /// split a machine; below this, its parts earn none.
        #[pallet::constant]
        type MinCapacity: Get<u64>;
        /// Blocks in a round: an answer per round is enough, and an absence can be reported for so long.
        #[pallet::constant]
        type LotteryRound: Get<BlockNumberFor<Self>>;
        /// Blocks within which a drawn worker answers. Too few, and a worker behind a slow line is paused; too many,
        /// and a dead one takes work for longer.
        #[pallet::constant]
        type AnswerWindow: Get<BlockNumberFor<Self>>;
        /// What an absence that is reported costs, planck. Half of it has to be worth the reporter's fee.
        #[pallet::constant]
        type AbsencePenalty: Get<u128>;
        /// Weights of the calls and the hook.
        type WeightInfo: WeightInfo;
    }

    /// Active workers by key.
    #[pallet::storage]
    pub type Members<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, MemberOf<T>>;

    /// The worker key of each number.
    #[pallet::storage]
    pub type MemberAt<T: Config> = StorageMap<_, Twox64Concat, u32, T::AccountId>;

    /// How many active workers there are.
    #[pallet::storage]
    pub type MemberCount<T> = StorageValue<_, u32, ValueQuery>;

    /// The draws of the last round's worth of blocks.
    #[pallet::storage]
    pub type Draws<T: Config> = StorageMap<_, Twox64Concat, BlockNumberFor<T>, Draw>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A drawn worker showed that it is there.
        Answered {
            /// Its key.
            worker: T::AccountId,
            /// Block of the draw.
            block: BlockNumberFor<T>,
        },
        /// Somebody reported a drawn worker that had not answered.
        AbsenceReported {
            /// The worker key.
            worker: T::AccountId,
            /// Block of the draw.
            block: BlockNumberFor<T>,
            /// Who reported it.
            reporter: T::AccountId,
            /// What the reporter got of the bond, planck.
            bounty: u128,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// The signer is no active worker with a sufficient bond.
        NotInLottery,
        /// The worker was not drawn in this block, has answered in its round already, or joined the lottery later.
        NotDrawn,
        /// The time to answer this draw is over.
        AnswerTooLate,
        /// The worker may still answer this draw.
        ReportTooEarly,
        /// The worker owes no answer to this draw: it was not drawn, it has answered, or it is not active any more.
        NotAbsent,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::draw(now);
            <T as Config>::WeightInfo::draw()
        }

        fn integrity_test() {
            assert!(
                !T::AnswerWindow::get().is_zero(),
                "with AnswerWindow 0 nobody can answer"
            );
            assert!(
                T::AnswerWindow::get() < T::LotteryRound::get(),
                "AnswerWindow must leave time to report within LotteryRound"
            );
            assert!(
                T::AbsencePenalty::get() <= T::MinBond::get(),
                "AbsencePenalty must not be above the least bond"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Answers a draw: the signer, a worker key, is there. Feeless if it would succeed.
        ///
        /// # Parameters
        /// - `block`: of the draw; [`summons`](Pallet::summons) says which.
        ///
        /// # Errors
        /// [`Error::NotInLottery`], [`Error::AnswerTooLate`], [`Error::NotDrawn`].
        ///
        /// # Events
        /// [`Event::Answered`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::alive())]
        #[pallet::feeless_if(|origin: &OriginFor<T>, block: &BlockNumberFor<T>| -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_answer(&worker, *block).is_ok())
        })]
        pub fn alive(origin: OriginFor<T>, block: BlockNumberFor<T>) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_alive(worker, block)
        }

        /// Reports a worker that was drawn and has not answered in time. It is paused and pays
        /// [`Config::AbsencePenalty`], half of which is the signer's.
        ///
        /// # Origin
        /// Signed by anyone.
        ///
        /// # Parameters
        /// - `worker`: its key.
        /// - `block`: of the draw, at most [`Config::LotteryRound`] blocks ago.
        ///
        /// # Errors
        /// [`Error::ReportTooEarly`], [`Error::NotAbsent`].
        ///
        /// # Events
        /// [`Event::AbsenceReported`], and the register's `WorkerAbsent`.
        #[pallet::call_index(1)]
        #[pallet::weight(<T as Config>::WeightInfo::report())]
        pub fn report(
            origin: OriginFor<T>,
            worker: T::AccountId,
            block: BlockNumberFor<T>,
        ) -> DispatchResult {
            let reporter = ensure_signed(origin)?;
            Self::do_report(reporter, worker, block)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The last draw that a worker has to answer and still can, in the next block.
        pub fn summons(worker: T::AccountId) -> Option<BlockNumberFor<T>> {
            Self::open_draw(&worker)
        }

        /// The workers that can be reported for a block's draw.
        pub fn absentees(block: BlockNumberFor<T>) -> Vec<T::AccountId> {
            Self::absent_in(block)
        }
    }
}
