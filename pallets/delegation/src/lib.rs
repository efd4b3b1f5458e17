//! # Delegation: others stake on a worker, and share its income and its slashes
//!
//! An operator [opens](Pallet::open) a *pool* for a worker and names its *commission*. Anybody
//! [delegates](Pallet::delegate) ISC to it, which adds to the worker's bond: the operator can offer more than it could
//! bond alone, up to [`LEVERAGE`](sungrid_primitives::delegation::LEVERAGE) times as much.
//!
//! ## Money
//! What is delegated is moved into the hold that the operator's bond is on, where a slash finds it at once, whatever
//! its owner does, and where the operator cannot release it. An account keeps *shares* of it: see
//! [`Delegated`](sungrid_primitives::delegation::Delegated).
//!
//! | what happens | operator | who delegated |
//! |---|---|---|
//! | slash of `x` | the rest, of which half goes to those who were right | `floor(x × delegated / bond)`, by shares, to the treasury |
//! | penalty for absence | all | nothing: it is the operator's machine |
//! | accepted work of credit `c` | the rest | `floor((c − ceil(commission × c)) × earning / (own + earning))`, by shares |
//! | maintenance reward | all | nothing: it is for keeping the machine on |
//! | the worker is withdrawn | its own part back | the stake waits in the pool's account |
//! | [`close`](Pallet::close) | what rounding left | – |
//!
//! ## Income
//! Delegations *earn* from the round after they were made, so that nobody can join for a payout that is known already;
//! and no more from the moment in which they leave: what they would have had of that round is for those who stay.
//!
//! The pool's account earns credit in `pallet-rewards` like an operator. When a round has ended, whoever touches the
//! pool first notices what it was worth, as planck per earning share, scaled by [`SCALE`]: the pool's *index*. A
//! delegation remembers the index up to which it was counted, so nothing is ever done for all of them. The worker's own
//! income touches the pool, therefore two rounds are never mixed, and those who joined in between are never paid for
//! the first: the index at which they start is kept by round in [`Starts`] until all of them have read it.
//!
//! Rounding always leaves planck in the pool; what it leaves is income of a later round, or the operator's when the
//! pool is closed.
//!
//! ## Leaving
//! [`undelegate`](Pallet::undelegate) starts the cool-down of workers, and the time in which they answer for outputs if that
//! is longer, in which a delegation is slashable and earns nothing. [`withdraw`](Pallet::withdraw) ends it once every batch is decided that it answered for and nobody
//! can ask for their outputs any more: see [`free_at`](pallet_workers::Pallet::free_at); after [`LongestBatch`](pallet_workers::Config::LongestBatch) in any case.
//!
//! ## Commission
//! A lower one counts at once, a higher one after [`Config::CommissionNotice`], so that whoever disagrees can leave
//! first. It is taken when work is accepted, not when the round is paid.
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
pub use types::{
    Delegation, DelegationOf, Home, PoolId, PoolRecord, PoolRecordOf, Position, PositionOf, Raise,
    SCALE, Start,
};
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use frame_support::{PalletId, pallet_prelude::*};
    use frame_system::pallet_prelude::*;
    use sp_runtime::{Perbill, traits::AccountIdConversion};
    use sungrid_primitives::delegation::Earnings;

    use crate::{
        types::{DelegationOf, PoolId, PoolRecordOf, PositionOf, Start},
        weights::WeightInfo,
    };

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
        /// Rounds, and what the pools have earned.
        type Earnings: Earnings<Self::AccountId>;
        /// Names the accounts of the pools.
        #[pallet::constant]
        type PalletId: Get<PalletId>;
        /// Least planck that an account delegates. Too small and thousands of records cost next to nothing.
        #[pallet::constant]
        type MinDelegation: Get<u128>;
        /// Blocks from the announcement of a higher commission to its first charge.
        #[pallet::constant]
        type CommissionNotice: Get<BlockNumberFor<Self>>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Number of the next pool.
    #[pallet::storage]
    pub type NextPool<T> = StorageValue<_, PoolId, ValueQuery>;

    /// Pools by number.
    #[pallet::storage]
    pub type Pools<T: Config> = StorageMap<_, Twox64Concat, PoolId, PoolRecordOf<T>>;

    /// The pool of a worker, by worker key.
    #[pallet::storage]
    pub type PoolOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, PoolId>;

    /// Who delegated what to which pool.
    #[pallet::storage]
    pub type Delegations<T: Config> =
        StorageDoubleMap<_, Twox64Concat, PoolId, Blake2_128Concat, T::AccountId, DelegationOf<T>>;

    /// Where those who joined a pool begin to earn, by pool and first round, until all of them know.
    #[pallet::storage]
    pub type Starts<T> = StorageDoubleMap<_, Twox64Concat, PoolId, Twox64Concat, u32, Start>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Others may stake on a worker.
        PoolOpened {
            /// The pool.
            pool: PoolId,
            /// The worker key.
            worker: T::AccountId,
            /// The operator's commission.
            commission: Perbill,
        },
        /// A pool has, or will have, another commission.
        CommissionSet {
            /// The pool.
            pool: PoolId,
            /// The commission.
            commission: Perbill,
            /// First block in which it counts.
            from: BlockNumberFor<T>,
        },
        /// Somebody delegated.
        Delegated {
            /// The pool.
            pool: PoolId,
            /// Who.
            delegator: T::AccountId,
            /// Planck.
            amount: u128,
        },
        /// A delegation, or part of it, is leaving.
        Undelegated {
            /// The pool.
            pool: PoolId,
            /// Who.
            delegator: T::AccountId,
            /// What it is worth now, planck.
            amount: u128,
        },
        /// Somebody has his stake back.
        DelegationWithdrawn {
            /// The pool.
            pool: PoolId,
            /// Who.
            delegator: T::AccountId,
            /// Planck.
            amount: u128,
        },
        /// Somebody was paid his share of the income.
        IncomeClaimed {
            /// The pool.
            pool: PoolId,
            /// Who.
            delegator: T::AccountId,
            /// Planck.
            amount: u128,
        },
        /// A pool is gone.
        PoolClosed {
            /// The pool.
            pool: PoolId,
            /// Who opened it.
            operator: T::AccountId,
            /// The deposit and what rounding left, paid to the operator, planck.
            amount: u128,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// The worker has a pool already.
        AlreadyOpen,
        /// All numbers of pools are taken.
        TooManyPools,
        /// There is no such pool.
        UnknownPool,
        /// The pool's worker is withdrawn: take out what is in it.
        WorkerGone,
        /// The amount, or what would be left of the delegation, is below the least: delegate more, or take out
        /// everything.
        TooLittle,
        /// The account has delegated nothing to this pool.
        NoDelegation,
        /// Nothing of this delegation stays: it is leaving already.
        NothingStays,
        /// Nothing of this delegation is leaving: undelegate first.
        NothingLeaving,
        /// The delegation stays until the cool-down is over and every batch that it answers for is decided.
        CoolingDown,
        /// The worker was withdrawn in this round: its last income is known when the round is over.
        RoundNotOver,
        /// There is no income to claim: a round's can be claimed when the round has ended.
        NothingToClaim,
        /// The pool is in use: its worker is registered, or somebody has a delegation in it.
        InUse,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(
                T::MinDelegation::get() > 0,
                "with MinDelegation 0 records cost nothing"
            );
            assert!(
                T::CommissionNotice::get() >= T::Cooldown::get(),
                "CommissionNotice must leave the time to leave first"
            );
            assert!(
                T::Cooldown::get() >= T::FeelessWindow::get(),
                "within FeelessWindow a stake must not make free calls for two workers"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Lets others stake on a worker. The existential deposit goes from the operator to the pool's account, and
        /// comes back when the pool is closed.
        ///
        /// # Origin
        /// The worker's operator.
        ///
        /// # Parameters
        /// - `worker`: its key.
        /// - `commission`: part of the worker's income that is the operator's before the rest is divided.
        ///
        /// # Errors
        /// [`Error::AlreadyOpen`], [`Error::TooManyPools`]; the worker is unknown or another operator's; too little
        /// balance.
        ///
        /// # Events
        /// [`Event::PoolOpened`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::open())]
        pub fn open(
            origin: OriginFor<T>,
            worker: T::AccountId,
            commission: Perbill,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_open(who, worker, commission)
        }

        /// Changes a pool's commission: to a lower one at once, to a higher one after [`Config::CommissionNotice`].
        /// Takes back what was announced before.
        ///
        /// # Origin
        /// The worker's operator.
        ///
        /// # Errors
        /// [`Error::UnknownPool`], [`Error::WorkerGone`]; the worker is another operator's.
        ///
        /// # Events
        /// [`Event::CommissionSet`].
        #[pallet::call_index(1)]
        #[pallet::weight(<T as Config>::WeightInfo::set_commission())]
        pub fn set_commission(
            origin: OriginFor<T>,
            pool: PoolId,
            commission: Perbill,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_commission(who, pool, commission)
        }

        /// Adds planck of the signer to a worker's bond. It is slashable from now, and earns from the next round on.
        ///
        /// # Errors
        /// [`Error::UnknownPool`], [`Error::WorkerGone`], [`Error::TooLittle`]; the worker is leaving, or the signer's
        /// own; the operator's own part would be too small; nearly all was slashed; too little balance.
        ///
        /// # Events
        /// [`Event::Delegated`].
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::delegate())]
        pub fn delegate(
            origin: OriginFor<T>,
            pool: PoolId,
            #[pallet::compact] amount: u128,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_delegate(who, pool, amount)
        }

        /// Starts the cool-down of the signer's delegation, or of so much of it; what was leaving already begins anew.
        /// It is slashable as before, earns nothing from now, and counts for the worker no more.
        ///
        /// # Parameters
        /// - `amount`: planck; all of it, if the delegation is worth less.
        ///
        /// # Errors
        /// [`Error::UnknownPool`], [`Error::WorkerGone`], [`Error::NoDelegation`], [`Error::NothingStays`],
        /// [`Error::TooLittle`].
        ///
        /// # Events
        /// [`Event::Undelegated`].
        #[pallet::call_index(3)]
        #[pallet::weight(<T as Config>::WeightInfo::undelegate())]
        pub fn undelegate(
            origin: OriginFor<T>,
            pool: PoolId,
            #[pallet::compact] amount: u128,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_undelegate(who, pool, amount)
        }

        /// Pays the signer what has left, after its cool-down, and its income. When the worker is gone, everything.
        ///
        /// # Errors
        /// [`Error::UnknownPool`], [`Error::NoDelegation`], [`Error::NothingLeaving`], [`Error::CoolingDown`],
        /// [`Error::RoundNotOver`]; the amount is too small to create the account.
        ///
        /// # Events
        /// [`Event::DelegationWithdrawn`], [`Event::IncomeClaimed`].
        #[pallet::call_index(4)]
        #[pallet::weight(<T as Config>::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>, pool: PoolId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw(who, pool)
        }

        /// Pays the signer its share of the income of all rounds that have ended.
        ///
        /// # Errors
        /// [`Error::UnknownPool`], [`Error::NoDelegation`], [`Error::NothingToClaim`]; the amount is too small to
        /// create the account.
        ///
        /// # Events
        /// [`Event::IncomeClaimed`].
        #[pallet::call_index(5)]
        #[pallet::weight(<T as Config>::WeightInfo::claim())]
        pub fn claim(origin: OriginFor<T>, pool: PoolId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_claim(who, pool)
        }

        /// Removes the empty pool of a worker that is gone, and pays what is in its account to the operator. Anyone
        /// may sign, and pays only the fee.
        ///
        /// # Errors
        /// [`Error::UnknownPool`], [`Error::InUse`], [`Error::RoundNotOver`].
        ///
        /// # Events
        /// [`Event::PoolClosed`].
        #[pallet::call_index(6)]
        #[pallet::weight(<T as Config>::WeightInfo::close())]
        pub fn close(origin: OriginFor<T>, pool: PoolId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_close(pool)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The account of a pool, which nobody has a key to.
        pub fn account_of(pool: PoolId) -> T::AccountId {
            T::PalletId::get().into_sub_account_truncating(pool)
        }

        /// What somebody has in a pool now.
        pub fn position(pool: PoolId, delegator: T::AccountId) -> Option<PositionOf<T>> {
            Self::position_of(pool, &delegator)
        }
    }
}
