//! # Rewards: the pot of a round, its split, and what everybody has earned
//!
//! All income of [`RoundLength`] blocks is one *pot* in the pallet's account: payments for
//! verified work, transaction fees, and the round's *emission*. When the round ends, the pot is split
//! [C12]:
//!
//! | share | to | by |
//! |---|---|---|
//! | 10 % | block authors | blocks made in the round |
//! | 10 % | treasury | – |
//! | 20 % | developers | charge of their images in the round |
//! | 60 % | operators, and who delegated to their workers | ISC value of their verified work in the round |
//!
//! Beside the pot, the *node reserve* [C13] gives [`Config::ReservePerRound`] at most, for
//! [`Config::ReserveRounds`] rounds: 80 % to operators by the same points, 20 % to live workers in equal
//! parts [S10]. It is an account without a key, filled by the genesis: what it gives is moved, not minted,
//! and what it does not give stays there.
//!
//! ## Terminology
//! - *Points*: what an account did in a round in one [`Role`]. They belong to one round only.
//! - *Carried*: a share that had no receiver, because nobody has points in its role. It is added to the
//!   next round's share of the same kind.
//! - *Pending*: planck that an account has earned in ended rounds and not yet claimed.
//! - *Owed*: everything in the account that belongs to somebody already, or is carried.
//! - *Credit*: what a worker's verified work was worth [C4], in all its life and lately: see [`History`].
//! - *Live*: a worker that showed a sign of life in the round. That is accepted work: to claim it the
//!   worker had to be bonded for its capacity, to deliver it it ran at least one lane; or an answer to the
//!   liveness lottery.
//!
//! ## Money, to the planck
//! - The proportional shares round down and the treasury takes what is left of the pot, so a split always
//!   adds up.
//! - Ending a round costs the same for any number of participants: nothing is distributed. An account's
//!   earlier round is folded into its pending amount when it next earns or claims. It then takes
//!   `floor(left × points / points left)` of that round's share, and both go down: whoever comes last
//!   takes the rest, so no dust remains, in whatever order they come.
//! - Emission and what the reserve gives by credit come to at most `EmissionRate × payments` together,
//!   rounded down: first the emission, up to [`Config::EmissionCap`], then the reserve. Fees earn none.
//!   Whoever pays itself, as author, developer and operator at once, gets back at most
//!   `90 % × (payments + emission) + grant ≤ (90 % + EmissionRate) × payments` of what it paid:
//!   [`integrity_test`](Hooks::integrity_test) keeps that below one, so that washing always loses.
//! - A live worker gets at most [`Config::NodeRewardCap`] per round, so that a bond earns no more by being
//!   split over many workers than anywhere else.
//! - The account never falls below the existential deposit, which the genesis gives it and nobody owns.
//!   Whatever else arrives there, a gift for instance, is income of the round like a fee.
//! - If the treasury cannot be paid (its account does not exist and the amount could not create it), its
//!   share is carried.
//!
//! ## Calls
//! [`claim_rewards`](Pallet::claim_rewards) pays the signer, [`claim_for`](Pallet::claim_for) lets anyone
//! trigger the payment of another account to that account, for instance of one that cannot pay the fee.
//! [`set_foundation_reserve`](Pallet::set_foundation_reserve) names the account that receives what the
//! treasury leaves unspent [C14].
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod dispatchable_impls;
mod impls;
#[cfg(test)]
mod mock;
mod rounds;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
pub mod weights;

pub use pallet::*;
pub use types::{
    Account, AccountRecord, Carried, CreditOf, CurrentRound, History, OpenRound, Points, Role,
    RoundSummary, Share, WorkerCredit,
};
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use frame_support::{
        PalletId,
        pallet_prelude::*,
        traits::fungible::{Balanced, Inspect, Mutate},
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::{Permill, traits::Zero};
    use sungrid_primitives::{delegation::IncomeShares, traits::CreditHistory};

    use crate::{
        types::{AccountRecord, Carried, CurrentRound, OpenRound, RoundSummary, WorkerCredit},
        weights::WeightInfo,
    };

    /// Version of the storage layout.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The money, in planck.
        type Currency: Inspect<Self::AccountId, Balance = u128>
            + Mutate<Self::AccountId>
            + Balanced<Self::AccountId>;
        /// Names the account of the pot.
        #[pallet::constant]
        type PalletId: Get<PalletId>;
        /// Names the account of the node reserve.
        #[pallet::constant]
        type ReserveId: Get<PalletId>;
        /// Receives its share at the end of every round.
        type Treasury: Get<Self::AccountId>;
        /// Blocks in a round where the genesis does not say otherwise. Longer rounds cost claimants fewer
        /// folds and pay them later.
        #[pallet::constant]
        type RoundBlocks: Get<BlockNumberFor<Self>>;
        /// Most planck minted per round.
        #[pallet::constant]
        type EmissionCap: Get<u128>;
        /// Most planck issued by credit and usage, minted and out of the node reserve together, per planck
        /// of payments. Below the treasury's share, or washing one's own jobs would pay.
        #[pallet::constant]
        type EmissionRate: Get<Permill>;
        /// Most planck that the node reserve gives per round.
        #[pallet::constant]
        type ReservePerRound: Get<u128>;
        /// Rounds in which the node reserve gives anything. What is left then stays there.
        #[pallet::constant]
        type ReserveRounds: Get<u32>;
        /// Most planck that a live worker gets per round for being live. Too small and nobody stays on for
        /// it; larger than what its bond would earn elsewhere, and idle machines are registered for it.
        #[pallet::constant]
        type NodeRewardCap: Get<u128>;
        /// Rounds over which credit is averaged. Too small and validators change with every job; too large
        /// and a machine that has gone keeps its rank.
        #[pallet::constant]
        type CreditWindow: Get<u32>;
        /// Who shares a worker's income with its operator.
        type Delegations: IncomeShares<Self::AccountId>;
        /// Names the foundation's reserve account.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Blocks in a round, read when a round opens; [`Config::RoundBlocks`] if absent.
    #[pallet::storage]
    pub type RoundLength<T: Config> = StorageValue<_, BlockNumberFor<T>>;

    /// The round that is filling. Every block writes it, and weighs that: no call does.
    #[pallet::storage]
    #[pallet::whitelist_storage]
    pub type Current<T: Config> = StorageValue<_, CurrentRound<BlockNumberFor<T>>, ValueQuery>;

    /// Ended rounds of which somebody has not yet taken his part, by number.
    #[pallet::storage]
    pub type Rounds<T> = StorageMap<_, Twox64Concat, u32, OpenRound>;

    /// How the last round came out.
    #[pallet::storage]
    pub type LastRound<T> = StorageValue<_, RoundSummary>;

    /// Shares without a receiver, for the next round.
    #[pallet::storage]
    pub type CarriedOver<T> = StorageValue<_, Carried, ValueQuery>;

    /// Planck in the pot that belong to ended rounds: open shares, pending amounts, and what is carried.
    #[pallet::storage]
    pub type Owed<T> = StorageValue<_, u128, ValueQuery>;

    /// What everybody has earned and not claimed, in every role, and the recent verified work of an operator's workers: all of it changes
    /// with the same payment.
    #[pallet::storage]
    pub type Accounts<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, AccountRecord, ValueQuery>;

    /// Verified work of every worker key.
    #[pallet::storage]
    pub type Credit<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, WorkerCredit, ValueQuery>;

    /// Receives what the treasury leaves unspent.
    #[pallet::storage]
    pub type FoundationReserve<T: Config> = StorageValue<_, T::AccountId>;

    /// The genesis makes the pot's account exist, with the existential deposit. Put this pallet after the
    /// one that keeps the balances.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Blocks in a round, at least one; [`Config::RoundBlocks`] if not given.
        pub round_length: Option<BlockNumberFor<T>>,
        /// Receives what the treasury leaves unspent; until governance names one, the treasury keeps it.
        pub foundation_reserve: Option<T::AccountId>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if let Some(length) = self.round_length {
                assert!(!length.is_zero(), "genesis: a round has at least one block");
                RoundLength::<T>::put(length);
            }
            FoundationReserve::<T>::set(self.foundation_reserve.clone());
            Current::<T>::put(CurrentRound {
                ends: Pallet::<T>::round_length(),
                ..Default::default()
            });
            let pot = Pallet::<T>::account_id();
            let missing =
                T::Currency::minimum_balance().saturating_sub(T::Currency::total_balance(&pot));
            // Not part of the circulating supply: nobody can ever spend it.
            assert!(
                missing == 0 || T::Currency::mint_into(&pot, missing).is_ok(),
                "genesis: the pot cannot be given the existential deposit"
            );
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A round ended and its pot was split. All amounts in planck.
        ///
        /// `payments + fees + emission = authors + foundation + developers + workers`, exactly; what the
        /// node reserve gave, `granted + maintenance`, comes on top.
        RoundClosed {
            /// Its number.
            round: u32,
            /// Payments for verified work.
            payments: u128,
            /// Transaction fees and whatever else arrived.
            fees: u128,
            /// Newly minted.
            emission: u128,
            /// 10 % of the three, rounded down.
            authors: u128,
            /// 10 % and what rounding left.
            foundation: u128,
            /// 20 %, rounded down.
            developers: u128,
            /// 60 %, rounded down.
            workers: u128,
            /// Out of the node reserve for operators, by the same points.
            granted: u128,
            /// Out of the node reserve for live workers, in equal parts.
            maintenance: u128,
            /// Shares, of this and earlier rounds, that have no receiver yet and go into the next round.
            carried: u128,
        },
        /// Somebody was paid what was pending.
        RewardsClaimed {
            /// Who.
            account: T::AccountId,
            /// Planck; zero if all its points were worth less than one.
            amount: u128,
        },
        /// Governance named the account that receives what the treasury leaves unspent.
        FoundationReserveSet {
            /// Which.
            account: T::AccountId,
        },
        /// Something that must not happen was contained: see the node's log.
        Unexpected(UnexpectedKind),
    }

    /// What should not have happened.
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
    pub enum UnexpectedKind {
        /// The emission could not be minted; the round went without.
        EmissionFailed,
        /// The node reserve could not pay; the round went without.
        DrawFailed,
        /// The pot holds less than it should: the round ended without what is missing.
        PotShort {
            /// Planck missing.
            missing: u128,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// There is nothing to claim: what was earned in a round can be claimed when the round has ended.
        NothingToClaim,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::tick(now)
        }

        fn integrity_test() {
            assert!(
                !T::RoundBlocks::get().is_zero(),
                "RoundBlocks must be at least one block"
            );
            let most = Permill::from_percent(crate::rounds::FOUNDATION_PERCENT as u32);
            assert!(
                T::EmissionRate::get() < most,
                "EmissionRate must be below the treasury's share, or washing one's own jobs pays"
            );
            assert!(
                T::CreditWindow::get() > 1,
                "CreditWindow must be several rounds, or credit is forgotten with the round"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Pays the signer everything that is pending, over all roles.
        ///
        /// # Errors
        /// [`Error::NothingToClaim`]; the amount is too small to create the account.
        ///
        /// # Events
        /// [`Event::RewardsClaimed`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::claim())]
        pub fn claim_rewards(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_claim(who)
        }

        /// Pays `account` everything that is pending for it. Anyone may sign, and pays only the fee.
        ///
        /// # Errors
        /// [`Error::NothingToClaim`]; the amount is too small to create the account.
        ///
        /// # Events
        /// [`Event::RewardsClaimed`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::claim())]
        pub fn claim_for(origin: OriginFor<T>, account: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_claim(account)
        }

        /// Names the account that receives what the treasury leaves unspent at the end of its period: a
        /// multisig, by protocol. What an earlier account has received stays there.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Events
        /// [`Event::FoundationReserveSet`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_foundation_reserve())]
        pub fn set_foundation_reserve(
            origin: OriginFor<T>,
            account: T::AccountId,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            FoundationReserve::<T>::put(&account);
            Self::deposit_event(Event::FoundationReserveSet { account });
            Ok(())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Planck that `account` could claim now.
        pub fn pending(account: T::AccountId) -> u128 {
            Self::claimable(&account)
        }

        /// What is left of an ended round; `None` when all of it has been taken, and for the round that is
        /// filling.
        pub fn round(number: u32) -> Option<OpenRound> {
            Rounds::<T>::get(number)
        }

        /// The round that is filling.
        pub fn current_round() -> CurrentRound<BlockNumberFor<T>> {
            Current::<T>::get()
        }

        /// What a worker's verified work was worth lately: exponential average, planck per round.
        pub fn credit_of_worker(worker: T::AccountId) -> u128 {
            let history = Credit::<T>::get(worker).history;
            history.average(Current::<T>::get().number, T::CreditWindow::get())
        }

        /// The same of all workers of an operator together: what ranks it as a validator.
        pub fn credit_of_operator(operator: T::AccountId) -> u128 {
            <Self as CreditHistory<T::AccountId>>::credit_average(&operator)
        }
    }
}
