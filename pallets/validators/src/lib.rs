//! # Validators
//!
//! The validator set of a chain without nominated staking.
//!
//! ## Pallet API
//!
//! See the [`pallet`] module: its [calls](pallet::Call), [storage](pallet), [events](pallet::Event)
//! and [errors](pallet::Error).
//!
//! ## Terminology
//!
//! - *authority*: an account that may validate. The list is the genesis session's, and referenda change it.
//! - *barred*: an authority that equivocated. It stays out until a referendum admits it again.
//! - *fine*: what an equivocation costs, a fraction of [`Config::MaxFine`].
//!
//! ## Design
//!
//! The pallet is the inner [session manager](pallet_session::historical::SessionManager) and the
//! [offence handler](sp_staking::offence::OnOffenceHandler) of a runtime. It names a new set only when
//! the authorities or their keys changed: every named set is a GRANDPA set change, which every warp sync
//! proof has to carry for ever.
//!
//! The genesis set is whoever has session keys at genesis, so tools that rewrite `session.keys` of a
//! chain specification need to know nothing of this pallet.
//!
//! | what happened | who pays | where it goes | validator |
//! |---|---|---|---|
//! | equivocation, fraction `f` | the offender, `min(f × MaxFine, what it has above its minimum)` | [`Config::FineDestination`] | disabled now as far as the session's limit allows, barred, out from the session after the next |
//! | the last authority equivocates | as above | as above | fined but kept: a chain needs an author |
//!
//! The same offence reported again, or a worse one of an authority that is already barred, is fined again
//! for what comes on top: `pallet-offences` hands over fractions, this pallet takes each as it comes.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod impls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
pub mod weights;

pub use impls::UnitIdentification;
pub use pallet::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    //! Storage, calls, events and errors.

    use frame_support::{
        pallet_prelude::*,
        traits::{
            OnUnbalanced,
            fungible::{Balanced, Credit, Inspect},
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_staking::SessionIndex;

    use crate::WeightInfo;

    /// Planck of the configured currency.
    pub type BalanceOf<T> =
        <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

    /// An imbalance of the configured currency.
    pub type CreditOf<T> = Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

    /// What the pallet needs of its runtime.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>>
        + pallet_session::Config<ValidatorId = <Self as frame_system::Config>::AccountId>
        + pallet_session::historical::Config<FullIdentification = ()>
    {
        /// Where fines are taken from.
        type Currency: Balanced<Self::AccountId>;
        /// The fine of an offence whose slash fraction is 100 %.
        #[pallet::constant]
        type MaxFine: Get<BalanceOf<Self>>;
        /// Where fines go.
        type FineDestination: OnUnbalanced<CreditOf<Self>>;
        /// Who changes the list of authorities.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Most authorities. Too small and the chain cannot decentralise; too large and every new
        /// session writes more keys than one block can hold.
        #[pallet::constant]
        type MaxAuthorities: Get<u32>;
        /// How many sessions back an offence can be proven, and history is kept for that.
        #[pallet::constant]
        type HistoryDepth: Get<SessionIndex>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// Who may validate, barred ones included; sorted, without duplicates.
    #[pallet::storage]
    pub type Authorities<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, T::MaxAuthorities>, ValueQuery>;

    /// Authorities that equivocated, and the session in which that was reported.
    #[pallet::storage]
    pub type Barred<T: Config> =
        CountedStorageMap<_, Twox64Concat, T::AccountId, SessionIndex, OptionQuery>;

    /// What the pallet reports.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account may validate from the session after the next, given that it has session keys.
        AuthorityAdded {
            /// Who.
            authority: T::AccountId,
        },
        /// An account leaves the validators at the session after the next.
        AuthorityRemoved {
            /// Who.
            authority: T::AccountId,
        },
        /// A barred authority may validate again.
        AuthorityReinstated {
            /// Who.
            authority: T::AccountId,
        },
        /// An authority equivocated.
        AuthorityFined {
            /// Who.
            authority: T::AccountId,
            /// Session of the offence.
            session: SessionIndex,
            /// Planck taken; less than the fine where the account had less.
            amount: BalanceOf<T>,
            /// Whether it is barred. Only the last authority is not.
            barred: bool,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is an authority already.
        AlreadyAuthority,
        /// The account is not an authority.
        NotAuthority,
        /// The account is not barred.
        NotBarred,
        /// The account has no session keys. It has to call `session.set_keys` first, or its slots
        /// would stay empty.
        NoSessionKeys,
        /// There are as many authorities as there can be.
        TooManyAuthorities,
        /// Nobody would be left to author blocks.
        LastAuthority,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(
                T::MaxAuthorities::get() > 0,
                "a chain needs an authority: raise MaxAuthorities"
            );
            assert!(
                T::HistoryDepth::get() > 0,
                "no equivocation could ever be proven: raise HistoryDepth"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Admits an authority.
        ///
        /// Origin: [`Config::GovernanceOrigin`].
        ///
        /// - `authority`: an account with session keys.
        ///
        /// Errors: [`Error::AlreadyAuthority`], [`Error::NoSessionKeys`],
        /// [`Error::TooManyAuthorities`]. Emits [`Event::AuthorityAdded`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::add_authority())]
        pub fn add_authority(origin: OriginFor<T>, authority: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_add_authority(authority)
        }

        /// Removes an authority, barred or not.
        ///
        /// Origin: [`Config::GovernanceOrigin`].
        ///
        /// - `authority`: whom.
        ///
        /// Errors: [`Error::NotAuthority`], [`Error::LastAuthority`]. Emits
        /// [`Event::AuthorityRemoved`].
        #[pallet::call_index(1)]
        #[pallet::weight(<T as Config>::WeightInfo::remove_authority())]
        pub fn remove_authority(origin: OriginFor<T>, authority: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_remove_authority(authority)
        }

        /// Lets a barred authority validate again.
        ///
        /// Origin: [`Config::GovernanceOrigin`].
        ///
        /// - `authority`: whom.
        ///
        /// Errors: [`Error::NotBarred`]. Emits [`Event::AuthorityReinstated`].
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::reinstate())]
        pub fn reinstate(origin: OriginFor<T>, authority: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_reinstate(authority)
        }
    }
}
