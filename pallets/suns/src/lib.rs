//! # SUNS: what is traded, at what least price, and where it may run
//!
//! A *profile* fixes what one SUNS (Scalable Unified Node Strength, requirement S1) contains; capacity
//! and charge follow from it by the arithmetic of [`sungrid_primitives::suns`], the same on chain and
//! off. A *price floor* is the least bid, in planck per SUNS·hour, that a job may make [C10]. An
//! *environment* is the identity of an executor's semantics: results of one environment compare. The *spot
//! price* is what settled work paid lately, for requesters to bid by.
//!
//! ## Design
//! - Profiles are versioned per kind, from 1 without gaps, and a version never changes: whoever sold
//!   capacity in it keeps what was sold.
//! - A profile without a floor trades at no price at all: [`Pricing::floor`] is then `u128::MAX`, so that
//!   a new profile cannot be had for nothing between two referenda.
//! - The spot price moves whenever work settles ([`Pricing::note_settled`]), one read and one write, and never
//!   falls below the floor. It moves no money; what bounds a self-dealer's influence on it is written down at
//!   [`sungrid_primitives::suns::spot`].
//! - Revoking an environment stops new jobs in it; it does not touch running ones.
//!
//! ## Calls
//! [`add_profile`](Pallet::add_profile), [`set_price_floor`](Pallet::set_price_floor) and
//! [`set_environment`](Pallet::set_environment), all by [`Config::GovernanceOrigin`].
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
mod types;
pub mod weights;

pub use pallet::*;
pub use sungrid_primitives::traits::Pricing;
pub use types::*;
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Zero;
    use sungrid_primitives::{
        environment::EnvironmentId,
        suns::{Profile, Resources, cost},
        traits::{ProfileId, ProfileKind},
    };

    use crate::{PriceQuote, SpotRecord, weights::WeightInfo};

    /// Version of the storage layout.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Who may change profiles, floors and environments.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Blocks within which a spot price moves by at most an eighth. Shorter, and it can be pushed
        /// faster than anybody looks; longer, and it lags behind the market.
        #[pallet::constant]
        type SpotPeriod: Get<BlockNumberFor<Self>>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// What one SUNS of each profile contains.
    #[pallet::storage]
    pub type Profiles<T> = StorageMap<_, Twox64Concat, ProfileId, Profile>;

    /// Newest version of each kind; versions run from 1 to it.
    #[pallet::storage]
    pub type Latest<T> = StorageMap<_, Twox64Concat, ProfileKind, u16, ValueQuery>;

    /// Least price of each profile, planck per SUNS·hour. Nothing trades in a profile without one.
    #[pallet::storage]
    pub type PriceFloors<T> = StorageMap<_, Twox64Concat, ProfileId, u128>;

    /// What settled work paid lately, of each profile in which any was settled.
    #[pallet::storage]
    pub type Spots<T: Config> =
        StorageMap<_, Twox64Concat, ProfileId, SpotRecord<BlockNumberFor<T>>>;

    /// Environments in which new jobs may run.
    #[pallet::storage]
    pub type Environments<T> = StorageMap<_, Twox64Concat, EnvironmentId, ()>;

    /// Initial profiles, floors and environments.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Profiles, the versions of each kind in order from 1.
        pub profiles: Vec<(ProfileId, Profile)>,
        /// Price floors of these profiles, planck per SUNS·hour.
        pub floors: Vec<(ProfileId, u128)>,
        /// Accepted environments.
        pub environments: Vec<EnvironmentId>,
        /// The runtime.
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        // A chain specification that contradicts itself must not become a chain.
        fn build(&self) {
            for (id, profile) in &self.profiles {
                let added = Pallet::<T>::do_add_profile(id.kind, *profile);
                assert_eq!(
                    added,
                    Ok(*id),
                    "genesis: profile {id:?} is empty or out of order"
                );
            }
            for (id, price) in &self.floors {
                assert!(
                    Pallet::<T>::do_set_price_floor(*id, *price).is_ok(),
                    "genesis: price floor of {id:?}, which does not exist"
                );
            }
            for id in &self.environments {
                assert!(
                    Pallet::<T>::do_set_environment(*id, true).is_ok(),
                    "genesis: environment {id:?} is listed twice"
                );
            }
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A profile was added.
        ProfileAdded {
            /// Its kind and version.
            id: ProfileId,
            /// What one SUNS of it contains.
            profile: Profile,
        },
        /// A price floor changed.
        PriceFloorSet {
            /// The profile.
            id: ProfileId,
            /// Least price from now, planck per SUNS·hour.
            price: u128,
        },
        /// New jobs may run in the environment.
        EnvironmentAccepted {
            /// The environment.
            id: EnvironmentId,
        },
        /// New jobs may no longer run in the environment.
        EnvironmentRevoked {
            /// The environment.
            id: EnvironmentId,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// One SUNS of the profile would contain nothing: name at least one resource.
        EmptyProfile,
        /// The kind has used up its 65 535 versions.
        NoVersionLeft,
        /// There is no such profile: add it first.
        UnknownProfile,
        /// The environment is accepted already.
        AlreadyAccepted,
        /// The environment is not accepted: there is nothing to revoke.
        NotAccepted,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(
                !T::SpotPeriod::get().is_zero(),
                "with `SpotPeriod` 0 nothing bounds the spot price"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Adds the next version of a kind of profile.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Errors
        /// [`Error::EmptyProfile`], [`Error::NoVersionLeft`].
        ///
        /// # Events
        /// [`Event::ProfileAdded`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::add_profile())]
        pub fn add_profile(
            origin: OriginFor<T>,
            kind: ProfileKind,
            profile: Profile,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            let id = Self::do_add_profile(kind, profile)?;
            Self::deposit_event(Event::ProfileAdded { id, profile });
            Ok(())
        }

        /// Sets the least price of a profile, in planck per SUNS·hour. Jobs in progress keep their price.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Errors
        /// [`Error::UnknownProfile`].
        ///
        /// # Events
        /// [`Event::PriceFloorSet`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::set_price_floor())]
        pub fn set_price_floor(
            origin: OriginFor<T>,
            profile: ProfileId,
            price: u128,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_price_floor(profile, price)?;
            Self::deposit_event(Event::PriceFloorSet { id: profile, price });
            Ok(())
        }

        /// Accepts an environment for new jobs, or no longer. Jobs in progress are not touched.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Errors
        /// [`Error::AlreadyAccepted`], [`Error::NotAccepted`].
        ///
        /// # Events
        /// [`Event::EnvironmentAccepted`] or [`Event::EnvironmentRevoked`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_environment())]
        pub fn set_environment(
            origin: OriginFor<T>,
            id: EnvironmentId,
            accepted: bool,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_environment(id, accepted)?;
            Self::deposit_event(if accepted {
                Event::EnvironmentAccepted { id }
            } else {
                Event::EnvironmentRevoked { id }
            });
            Ok(())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Capacity of a machine in a profile, in µSUNS, rounded down; `None` if there is no such profile.
        pub fn capacity(profile: ProfileId, resources: Resources) -> Option<u64> {
            Some(Profiles::<T>::get(profile)?.capacity(&resources))
        }

        /// Charge of a task in a profile over virtual time (nanoseconds), in µSUNS·s, rounded up; `None` if
        /// there is no such profile or it lacks what the task needs.
        pub fn charge(profile: ProfileId, resources: Resources, virtual_time: u64) -> Option<u128> {
            Profiles::<T>::get(profile)?.charge_over(&resources, virtual_time)
        }

        /// Least price, planck per SUNS·hour; `None` while nothing may trade in the profile.
        pub fn price_floor(profile: ProfileId) -> Option<u128> {
            PriceFloors::<T>::get(profile)
        }

        /// What settled work paid lately, planck per SUNS·hour, at least the floor; `None` while nothing
        /// may trade in the profile.
        pub fn spot(profile: ProfileId) -> Option<u128> {
            let floor = PriceFloors::<T>::get(profile)?;
            let running = Spots::<T>::get(profile).map_or(0, |record| record.spot.price);
            Some(running.max(floor))
        }

        /// The charge of a task over virtual time (nanoseconds) and what it costs at the floor and at the
        /// spot price; `None` if it has no charge, or nothing may trade in the profile.
        pub fn quote(
            profile: ProfileId,
            resources: Resources,
            virtual_time: u64,
        ) -> Option<PriceQuote> {
            let charge = Self::charge(profile, resources, virtual_time)?;
            Some(PriceQuote {
                charge,
                at_floor: cost(charge, PriceFloors::<T>::get(profile)?),
                at_spot: cost(charge, Self::spot(profile)?),
            })
        }
    }
}
