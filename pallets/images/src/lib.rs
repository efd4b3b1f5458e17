//! # Images: who developed what runs, and how much it runs
//!
//! An *image* is a program in its manifest's form (requirement S13); the chain knows it by the BLAKE3 of
//! that manifest. Whoever publishes it first is its *developer* and shares in the developers' 20 % of
//! every round by its *usage*, in µSUNS·s of verified work [C12].
//!
//! ## Life of a record
//! `publish` holds a deposit and creates it. `retire` gives the deposit back and closes the image to new
//! jobs; the record stays until the last job that uses it has ended, so that its developer is paid for
//! that work too, and is then removed. After that anyone may publish the manifest anew.
//!
//! | what | deposit | record |
//! |---|---|---|
//! | published | held | usable |
//! | retired, jobs running | returned | developer still known |
//! | retired, no job | returned | gone |
//!
//! ## Listing
//! Governance may hold an image against a written standard (requirement C20) and list it or not, giving the hash of
//! its reasons. The chain lets everybody publish and use what is not listed; requesters see the flag, and workers may
//! take listed images only. A listing is for one publication: it ends with retirement.
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
pub mod types;
pub mod weights;

pub use pallet::*;
pub use types::{ImageRecord, ImageRecordOf, Listing};
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{Inspect, Mutate, MutateHold},
    };
    use frame_system::pallet_prelude::*;
    use sungrid_primitives::{ContentHash, attributes::TaskClass};

    use crate::{
        types::{ImageRecordOf, Listing},
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
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Who holds images against the listing standard.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Reasons for holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Held while an image is published, planck: the price of the record's place in storage.
        #[pallet::constant]
        type Deposit: Get<u128>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The deposit of a published image.
        Deposit,
    }

    /// Images by the BLAKE3 of their manifest.
    #[pallet::storage]
    pub type Images<T: Config> = StorageMap<_, Blake2_128Concat, ContentHash, ImageRecordOf<T>>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An image was published: jobs may use it.
        ImagePublished {
            /// BLAKE3 of its manifest.
            image: ContentHash,
            /// Who shares in what it earns.
            developer: T::AccountId,
            /// What it is for.
            class: TaskClass,
            /// Deposit now held, planck.
            deposit: u128,
        },
        /// No new job may use the image; its deposit is free again.
        ImageRetired {
            /// BLAKE3 of its manifest.
            image: ContentHash,
            /// Jobs that still run.
            jobs: u32,
        },
        /// Governance held the image against the listing standard.
        ImageAssessed {
            /// BLAKE3 of its manifest.
            image: ContentHash,
            /// What it found.
            listing: Listing,
        },
        /// A retired image was forgotten, for its last job has ended.
        ImageRemoved {
            /// BLAKE3 of its manifest.
            image: ContentHash,
            /// All the work it was used for, µSUNS·s.
            usage: u128,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// The image has a developer already: jobs can use it as it is.
        AlreadyPublished,
        /// The image was retired and its last jobs are still running: publish it when they have ended.
        RetiredWithJobs,
        /// No such image: publish its manifest first.
        UnknownImage,
        /// Only the developer of an image may retire it.
        NotDeveloper,
        /// The image is retired already.
        AlreadyRetired,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Publishes an image: holds [`Config::Deposit`] and makes the signer its developer.
        ///
        /// # Parameters
        /// - `manifest`: BLAKE3 of the image's manifest.
        /// - `class`: what the image is for.
        ///
        /// # Errors
        /// [`Error::AlreadyPublished`], [`Error::RetiredWithJobs`]; too little balance for the deposit.
        ///
        /// # Events
        /// [`Event::ImagePublished`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::publish())]
        pub fn publish(
            origin: OriginFor<T>,
            manifest: ContentHash,
            class: TaskClass,
        ) -> DispatchResult {
            let developer = ensure_signed(origin)?;
            Self::do_publish(developer, manifest, class)
        }

        /// Closes an image to new jobs and returns its deposit. Running jobs are not touched.
        ///
        /// # Origin
        /// The developer.
        ///
        /// # Errors
        /// [`Error::UnknownImage`], [`Error::NotDeveloper`], [`Error::AlreadyRetired`].
        ///
        /// # Events
        /// [`Event::ImageRetired`]; [`Event::ImageRemoved`] when no job uses it.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::retire())]
        pub fn retire(origin: OriginFor<T>, manifest: ContentHash) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_retire(who, manifest)
        }

        /// Lists an image, or says why it is not listed; replaces what was found before.
        ///
        /// # Parameters
        /// - `manifest`: BLAKE3 of the image's manifest.
        /// - `listed`: whether it meets the listing standard.
        /// - `reason`: hash of the written assessment.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Errors
        /// [`Error::UnknownImage`], [`Error::AlreadyRetired`].
        ///
        /// # Events
        /// [`Event::ImageAssessed`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_listing())]
        pub fn set_listing(
            origin: OriginFor<T>,
            manifest: ContentHash,
            listed: bool,
            reason: ContentHash,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_listing(manifest, Listing { listed, reason })
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The record of an image: its developer, class, usage and whether it is retired.
        pub fn image(manifest: ContentHash) -> Option<ImageRecordOf<T>> {
            Images::<T>::get(manifest)
        }
    }
}
