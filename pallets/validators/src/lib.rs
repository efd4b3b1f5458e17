//! # Validators
//!
//! Who makes blocks [C1]: candidates, ranked by the verified work of their machines and their bond [C2].
//! There is no nominated staking.
//!
//! ## Pallet API
//!
//! See the [`pallet`] module: its [calls](pallet::Call), [storage](pallet), [events](pallet::Event)
//! and [errors](pallet::Error).
//!
//! ## Terminology
//!
//! - *candidate*: an account with session keys and a bond that stands for validation.
//! - *rank*: `credit average × bond / MinBond`, rounded down: zero without keys, with a bond below the
//!   minimum, or without verified work. Rank falls with the square of the parts into which somebody splits
//!   himself, so it does not pay to be many.
//! - *seats*: how many candidates validate, at least and at most. Referenda change them.
//! - *authority*: an account that validates while fewer candidates than [`Seats::least`] have a rank. The
//!   list is the genesis session's, and referenda change it.
//! - *barred*: a validator that equivocated. It stays out until a referendum admits it again.
//!
//! ## Design
//!
//! The pallet is the inner [session manager](pallet_session::historical::SessionManager) and the
//! [offence handler](sp_staking::offence::OnOffenceHandler) of a runtime. For every session it ranks the
//! candidates anew, at most [`Config::MaxCandidates`] of them, and seats the best. It names a new set only
//! when the validators or their keys changed: every named set is a GRANDPA set change, which every warp
//! sync proof has to carry for ever.
//!
//! Nobody sorts to get in. While the list of candidates has room, one stands; when it is full, one names
//! whom one outranks and takes his place. The chain compares these two.
//!
//! The genesis set is whoever has session keys at genesis, so tools that rewrite `session.keys` of a
//! chain specification need to know nothing of this pallet. Genesis authorities bond the minimum, as far
//! as they have it.
//!
//! | what happened | bond | validator |
//! |---|---|---|
//! | equivocation, fraction `f` | `f` of it, rounded up, to [`Config::FineDestination`] | disabled now as far as the session's limit allows; barred: out from the session after the next, off the list of candidates |
//! | the last authority that is not barred equivocates | as above | not barred: a chain needs an author |
//! | `leave` | slashable until nothing that the account may have signed can be proven any more, [`Config::HistoryDepth`] sessions and the two that it may still be in; then `withdraw` | out from the session after the next |
//! | a candidate is outranked on a full list | stays; stand again, or leave | out from the session after the next |
//!
//! Where neither enough candidates nor an authority with keys are left, the validators that still have keys
//! stay, and so do the bonds of those among them that wanted to leave.
//!
//! `pallet-offences` hands over all offenders of a slot again when one more is found, with the fraction
//! that their number deserves. Each report takes its fraction of what the bond then holds.
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

pub use impls::UnitIdentification;
pub use pallet::*;
pub use types::{Bond, Seats};
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    //! Storage, calls, events and errors.

    use frame_support::{
        pallet_prelude::*,
        traits::{
            OnUnbalanced,
            fungible::{BalancedHold, Credit, Inspect, Mutate, MutateHold},
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_staking::SessionIndex;
    use sungrid_primitives::traits::CreditHistory;

    use crate::{Bond, Seats, WeightInfo};

    /// An imbalance of the configured currency.
    pub type CreditOf<T> = Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

    /// What the pallet needs of its runtime.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>>
        + pallet_session::Config<ValidatorId = <Self as frame_system::Config>::AccountId>
        + pallet_session::historical::Config<FullIdentification = ()>
    {
        /// The money, in planck.
        type Currency: Inspect<Self::AccountId, Balance = u128>
            + Mutate<Self::AccountId>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>
            + BalancedHold<Self::AccountId>;
        /// Reasons for holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// What verified work says of an account.
        type CreditHistory: CreditHistory<Self::AccountId>;
        /// Least bond of a candidate, planck. Too small and an attack on the chain is cheap; too large and
        /// nobody can afford to defend it.
        #[pallet::constant]
        type MinBond: Get<u128>;
        /// Where slashed bonds go.
        type FineDestination: OnUnbalanced<CreditOf<Self>>;
        /// Who changes the list of authorities and the number of seats.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Most authorities, and most seats. Too small and the chain cannot decentralise; too large and
        /// every new session writes more keys than one block can hold.
        #[pallet::constant]
        type MaxAuthorities: Get<u32>;
        /// Most candidates, all of whom every new session looks at.
        #[pallet::constant]
        type MaxCandidates: Get<u32>;
        /// Seats until governance decides otherwise.
        #[pallet::constant]
        type InitialSeats: Get<Seats>;
        /// How many sessions back an offence can be proven, and history is kept for that.
        #[pallet::constant]
        type HistoryDepth: Get<SessionIndex>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Version of the storage layout.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The bond of a validator.
        ValidatorBond,
    }

    /// Who may validate while there are too few candidates, barred ones included; sorted, without
    /// duplicates.
    #[pallet::storage]
    pub type Authorities<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, T::MaxAuthorities>, ValueQuery>;

    /// Validators that equivocated, and the session in which that was reported.
    #[pallet::storage]
    pub type Barred<T: Config> =
        CountedStorageMap<_, Twox64Concat, T::AccountId, SessionIndex, OptionQuery>;

    /// Who stands for validation; sorted, without duplicates.
    #[pallet::storage]
    pub type Candidates<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, T::MaxCandidates>, ValueQuery>;

    /// Bonds by account.
    #[pallet::storage]
    pub type Bonds<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Bond>;

    /// How many candidates validate.
    #[pallet::storage]
    pub type SeatLimits<T: Config> = StorageValue<_, Seats, ValueQuery, T::InitialSeats>;

    /// What the pallet reports.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account may validate from the session after the next, given that it has session keys and
        /// candidates are too few.
        AuthorityAdded {
            /// Who.
            authority: T::AccountId,
        },
        /// An account leaves the authorities at the session after the next.
        AuthorityRemoved {
            /// Who.
            authority: T::AccountId,
        },
        /// A barred account may validate again.
        Reinstated {
            /// Who.
            validator: T::AccountId,
        },
        /// A validator equivocated.
        ValidatorSlashed {
            /// Who.
            validator: T::AccountId,
            /// Session of the offence.
            session: SessionIndex,
            /// Planck taken of its bond.
            amount: u128,
            /// Whether it is barred. Only the last authority is not.
            barred: bool,
        },
        /// An account added to its bond.
        Bonded {
            /// Who.
            account: T::AccountId,
            /// Its bond from now, planck.
            bond: u128,
        },
        /// An account stands for validation.
        CandidateAdded {
            /// Who.
            candidate: T::AccountId,
            /// Whom it outranked and replaced, because the list was full.
            replaced: Option<T::AccountId>,
        },
        /// An account neither stands for validation nor adds to its bond any more.
        Leaving {
            /// Who.
            account: T::AccountId,
            /// First session in which its bond can be withdrawn.
            free_from: SessionIndex,
        },
        /// A bond was released.
        Withdrawn {
            /// Whose.
            account: T::AccountId,
            /// Planck.
            bond: u128,
        },
        /// The number of seats changed, from the session after the next.
        SeatsSet {
            /// Seats from now.
            seats: Seats,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is an authority already; an authority neither stands as a candidate nor leaves
        /// before a referendum has removed it.
        AlreadyAuthority,
        /// The account is not an authority.
        NotAuthority,
        /// The account is not barred.
        NotBarred,
        /// The account is barred for an equivocation: a referendum has to reinstate it first.
        Barred,
        /// The account has no session keys. It has to call `session.set_keys` first, or its slots
        /// would stay empty.
        NoSessionKeys,
        /// There are as many authorities as there can be.
        TooManyAuthorities,
        /// Nobody would be left to author blocks.
        LastAuthority,
        /// The bond would be below the minimum: add more.
        BondTooLow,
        /// The account has no bond, or less than the minimum: bond first.
        NotBonded,
        /// The account stands as a candidate already.
        AlreadyCandidate,
        /// The list of candidates is full: name one whom the account outranks.
        TooManyCandidates,
        /// The account to be replaced is no candidate.
        NotCandidate,
        /// The account does not outrank the one that it wants to replace.
        NotOutranked,
        /// The account is leaving already.
        AlreadyLeaving,
        /// The account has to leave first.
        NotLeaving,
        /// What the account may have signed can still be proven: wait for the session of its event.
        CoolingDown,
        /// There must be at least one seat, no more at least than at most, and no more than authorities.
        BadSeats,
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
            assert!(
                T::MinBond::get() > 0,
                "without MinBond an equivocation costs nothing"
            );
            assert!(
                Self::are_sound(&T::InitialSeats::get()),
                "InitialSeats must be seats that governance could set"
            );
            assert!(
                T::MaxCandidates::get() >= T::MaxAuthorities::get(),
                "MaxCandidates must be able to fill the seats"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Admits an authority. A candidate stops being one.
        ///
        /// Origin: [`Config::GovernanceOrigin`].
        ///
        /// - `authority`: an account with session keys and a bond.
        ///
        /// Errors: [`Error::AlreadyAuthority`], [`Error::NoSessionKeys`], [`Error::NotBonded`],
        /// [`Error::AlreadyLeaving`], [`Error::TooManyAuthorities`]. Emits [`Event::AuthorityAdded`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::add_authority())]
        pub fn add_authority(origin: OriginFor<T>, authority: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_add_authority(authority)
        }

        /// Removes an authority, barred or not. A bar stays, and so does the bond until the account has
        /// left.
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

        /// Lets a barred account validate again. One that was a candidate has to stand anew.
        ///
        /// Origin: [`Config::GovernanceOrigin`].
        ///
        /// - `validator`: whom.
        ///
        /// Errors: [`Error::NotBarred`]. Emits [`Event::Reinstated`].
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::reinstate())]
        pub fn reinstate(origin: OriginFor<T>, validator: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_reinstate(validator)
        }

        /// Adds to the signer's validator bond, which is held of its free balance.
        ///
        /// - `amount`: planck. The whole bond must then be at least [`Config::MinBond`].
        ///
        /// Errors: [`Error::BondTooLow`], [`Error::AlreadyLeaving`]; too little balance. Emits
        /// [`Event::Bonded`].
        #[pallet::call_index(3)]
        #[pallet::weight(<T as Config>::WeightInfo::bond())]
        pub fn bond(origin: OriginFor<T>, amount: u128) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond(who, amount)
        }

        /// Stands for validation, from the session after the next. An account that is leaving stays.
        ///
        /// - `instead_of`: a candidate whom the signer outranks and replaces if the list is full.
        ///
        /// Errors: [`Error::AlreadyAuthority`], [`Error::AlreadyCandidate`], [`Error::Barred`],
        /// [`Error::NotBonded`], [`Error::NoSessionKeys`], [`Error::TooManyCandidates`],
        /// [`Error::NotCandidate`], [`Error::NotOutranked`]. Emits [`Event::CandidateAdded`].
        #[pallet::call_index(4)]
        #[pallet::weight(<T as Config>::WeightInfo::stand())]
        pub fn stand(origin: OriginFor<T>, instead_of: Option<T::AccountId>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_stand(who, instead_of)
        }

        /// Stops standing for validation. The bond stays slashable for as long as anything that the signer
        /// may have signed can be proven.
        ///
        /// Errors: [`Error::NotBonded`], [`Error::AlreadyAuthority`], [`Error::AlreadyLeaving`]. Emits
        /// [`Event::Leaving`].
        #[pallet::call_index(5)]
        #[pallet::weight(<T as Config>::WeightInfo::leave())]
        pub fn leave(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_leave(who)
        }

        /// Releases the bond of an account that has left.
        ///
        /// Errors: [`Error::NotBonded`], [`Error::NotLeaving`], [`Error::CoolingDown`]. Emits
        /// [`Event::Withdrawn`].
        #[pallet::call_index(6)]
        #[pallet::weight(<T as Config>::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw(who)
        }

        /// Sets how many candidates validate, from the session after the next.
        ///
        /// Origin: [`Config::GovernanceOrigin`].
        ///
        /// - `seats`: at least and at most.
        ///
        /// Errors: [`Error::BadSeats`]. Emits [`Event::SeatsSet`].
        #[pallet::call_index(7)]
        #[pallet::weight(<T as Config>::WeightInfo::set_seats())]
        pub fn set_seats(origin: OriginFor<T>, seats: Seats) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_seats(seats)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The rank of an account if it were a candidate: [the terminology](crate) has the formula.
        pub fn rank_of(account: T::AccountId) -> u128 {
            Self::rank(&account)
        }

        /// Who would validate if the next session were planned now.
        pub fn elected() -> alloc::vec::Vec<T::AccountId> {
            Self::elect()
        }
    }
}
