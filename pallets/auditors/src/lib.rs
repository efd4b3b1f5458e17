//! # Auditors: who stands for what operators say of their machines
//!
//! Whatever an operator says of a machine is its word alone, the tier
//! [`Declared`](sungrid_primitives::attributes::Tier). An *auditor* looks at the machine, its papers or its
//! power bill and *attests* an attribute, which lifts it to the tier
//! [`Attested`](sungrid_primitives::attributes::Tier). A job can demand that tier of each attribute [I4 N3].
//!
//! ## The life of an auditor
//! Governance [admits](Pallet::admit) an account, which then [bonds](Pallet::bond). It
//! [resigns](Pallet::resign) when it wants its bond back, and [withdraws](Pallet::withdraw) it once everything that
//! it attested has expired and the cool-down of workers is over: the bond answers for each attestation for as
//! long as it counts, and for some time to find out.
//!
//! ## The life of an attestation
//! | what happens | attestation |
//! |---|---|
//! | [`Config::AttestationPeriod`] blocks pass | expired |
//! | the worker changes that attribute, takes another key or is withdrawn | gone |
//! | the auditor [retracts](Pallet::retract) it | gone |
//! | another auditor attests the same attribute | replaced |
//! | governance [dismisses](Pallet::dismiss) the auditor | fallen, with all others of it |
//!
//! All attestations of an auditor fall at once, however many there are: each names the *admission* in which it was
//! given, and a dismissal ends the admission. Its number is never given again.
//!
//! ## Money
//! | what happens | bond |
//! |---|---|
//! | resignation and withdrawal | released |
//! | dismissal with a slash of part `p` | `p` of it, rounded up, to the treasury; the rest released |
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
pub use types::{Attestation, AttestationOf, AttestationsOf, AuditorRecord, AuditorRecordOf};
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use frame_support::{pallet_prelude::*, traits::fungible::Inspect};
    use frame_system::pallet_prelude::*;
    use sp_runtime::{Perbill, traits::Zero};
    use sungrid_primitives::{
        attributes::{PerAttribute, Statement, Tiers},
        traits::Attestations as _,
    };

    use crate::{
        types::{AttestationsOf, AuditorRecordOf},
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
        frame_system::Config<RuntimeEvent: From<Event<Self>>>
        + pallet_workers::Config<RuntimeHoldReason: From<HoldReason>>
    {
        /// Who admits and dismisses auditors.
        type AuditorOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// What an auditor bonds, planck: at least what a lie may be worth to a customer of its.
        #[pallet::constant]
        type AuditorBond: Get<u128>;
        /// Blocks for which an attestation counts.
        #[pallet::constant]
        type AttestationPeriod: Get<BlockNumberFor<Self>>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// An auditor's bond.
        AuditorBond,
    }

    /// Number of the next admission.
    #[pallet::storage]
    pub type NextAdmission<T> = StorageValue<_, u32, ValueQuery>;

    /// Auditors by account.
    #[pallet::storage]
    pub type Auditors<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, AuditorRecordOf<T>>;

    /// What was attested of workers, by worker key; also what counts no more.
    #[pallet::storage]
    pub type Attested<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, AttestationsOf<T>>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Governance admitted an auditor.
        AuditorAdmitted {
            /// Who.
            auditor: T::AccountId,
            /// Number of the admission.
            admission: u32,
        },
        /// An auditor bonded: it may attest.
        AuditorBonded {
            /// Who.
            auditor: T::AccountId,
            /// Held, planck.
            bond: u128,
        },
        /// An auditor stands for an attribute of a worker.
        AttributeAttested {
            /// The worker key.
            worker: T::AccountId,
            /// Who.
            auditor: T::AccountId,
            /// For what.
            statement: Statement,
            /// First block at which it counts no more.
            until: BlockNumberFor<T>,
        },
        /// Nobody stands for these attributes of a worker any more.
        AttestationsRevoked {
            /// The worker key.
            worker: T::AccountId,
            /// Which attributes.
            attributes: PerAttribute<bool>,
        },
        /// An auditor attests no more.
        AuditorResigned {
            /// Who.
            auditor: T::AccountId,
            /// First block at which its bond may be withdrawn.
            until: BlockNumberFor<T>,
        },
        /// An auditor is gone, its bond released.
        AuditorWithdrawn {
            /// Who.
            auditor: T::AccountId,
            /// Released, planck.
            bond: u128,
        },
        /// Governance dismissed an auditor: all that it attested has fallen.
        AuditorDismissed {
            /// Who.
            auditor: T::AccountId,
            /// Of its bond, to the treasury, planck.
            slashed: u128,
            /// The rest, released, planck.
            released: u128,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// The account is an auditor already.
        AlreadyAdmitted,
        /// All numbers of admissions are taken.
        TooManyAdmissions,
        /// The account is no auditor: governance has to admit it.
        NotAdmitted,
        /// The auditor has bonded already.
        AlreadyBonded,
        /// The auditor has not bonded yet.
        NotBonded,
        /// The auditor has resigned.
        Resigned,
        /// The auditor has to resign first.
        NotResigned,
        /// The bond stays until all that the auditor attested has expired and the cool-down is over.
        CoolingDown,
        /// There is no worker with this key.
        UnknownWorker,
        /// The worker's operator says otherwise: look again at what it declares now.
        NotDeclared,
        /// The auditor stands for none of these attributes of the worker.
        NothingToRetract,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(
                T::AuditorBond::get() >= T::Currency::minimum_balance(),
                "a slashed AuditorBond must be able to create the treasury"
            );
            assert!(
                !T::AttestationPeriod::get().is_zero(),
                "with AttestationPeriod 0 no attestation ever counts"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Admits an auditor. It attests once it has bonded.
        ///
        /// # Origin
        /// [`Config::AuditorOrigin`].
        ///
        /// # Errors
        /// [`Error::AlreadyAdmitted`], [`Error::TooManyAdmissions`].
        ///
        /// # Events
        /// [`Event::AuditorAdmitted`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::admit())]
        pub fn admit(origin: OriginFor<T>, auditor: T::AccountId) -> DispatchResult {
            T::AuditorOrigin::ensure_origin(origin)?;
            Self::do_admit(auditor)
        }

        /// Holds [`Config::AuditorBond`] of the signer, an admitted auditor.
        ///
        /// # Errors
        /// [`Error::NotAdmitted`], [`Error::AlreadyBonded`]; too little balance.
        ///
        /// # Events
        /// [`Event::AuditorBonded`].
        #[pallet::call_index(1)]
        #[pallet::weight(<T as Config>::WeightInfo::bond())]
        pub fn bond(origin: OriginFor<T>) -> DispatchResult {
            let auditor = ensure_signed(origin)?;
            Self::do_bond(auditor)
        }

        /// Stands for an attribute of a worker for [`Config::AttestationPeriod`] blocks, in place of whoever did
        /// before.
        ///
        /// # Origin
        /// A bonded auditor.
        ///
        /// # Parameters
        /// - `worker`: its key.
        /// - `statement`: the attribute and its value, which must be the declared one: an operator cannot change it
        ///   between the auditor's look and this call.
        ///
        /// # Errors
        /// [`Error::NotAdmitted`], [`Error::NotBonded`], [`Error::Resigned`], [`Error::UnknownWorker`],
        /// [`Error::NotDeclared`].
        ///
        /// # Events
        /// [`Event::AttributeAttested`].
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::attest())]
        pub fn attest(
            origin: OriginFor<T>,
            worker: T::AccountId,
            statement: Statement,
        ) -> DispatchResult {
            let auditor = ensure_signed(origin)?;
            Self::do_attest(auditor, worker, statement)
        }

        /// Takes the auditor's word for these attributes of a worker back.
        ///
        /// # Origin
        /// The auditor that gave it; also one that has resigned.
        ///
        /// # Errors
        /// [`Error::NothingToRetract`].
        ///
        /// # Events
        /// [`Event::AttestationsRevoked`].
        #[pallet::call_index(3)]
        #[pallet::weight(<T as Config>::WeightInfo::retract())]
        pub fn retract(
            origin: OriginFor<T>,
            worker: T::AccountId,
            attributes: PerAttribute<bool>,
        ) -> DispatchResult {
            let auditor = ensure_signed(origin)?;
            Self::do_retract(auditor, worker, attributes)
        }

        /// Attests no more. What was attested counts until it expires; the bond answers for it.
        ///
        /// # Origin
        /// A bonded auditor.
        ///
        /// # Errors
        /// [`Error::NotAdmitted`], [`Error::NotBonded`], [`Error::Resigned`].
        ///
        /// # Events
        /// [`Event::AuditorResigned`].
        #[pallet::call_index(4)]
        #[pallet::weight(<T as Config>::WeightInfo::resign())]
        pub fn resign(origin: OriginFor<T>) -> DispatchResult {
            let auditor = ensure_signed(origin)?;
            Self::do_resign(auditor)
        }

        /// Releases the bond of an auditor that has resigned. To audit again it has to be admitted again.
        ///
        /// # Origin
        /// The auditor.
        ///
        /// # Errors
        /// [`Error::NotAdmitted`], [`Error::NotResigned`], [`Error::CoolingDown`].
        ///
        /// # Events
        /// [`Event::AuditorWithdrawn`].
        #[pallet::call_index(5)]
        #[pallet::weight(<T as Config>::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let auditor = ensure_signed(origin)?;
            Self::do_withdraw(auditor)
        }

        /// Dismisses an auditor. All its attestations fall at once; part `slash` of its bond, rounded up, goes to
        /// the treasury, the rest back to it.
        ///
        /// # Origin
        /// [`Config::AuditorOrigin`].
        ///
        /// # Errors
        /// [`Error::NotAdmitted`]; the treasury does not exist and the slash could not create it.
        ///
        /// # Events
        /// [`Event::AuditorDismissed`].
        #[pallet::call_index(6)]
        #[pallet::weight(<T as Config>::WeightInfo::dismiss())]
        pub fn dismiss(
            origin: OriginFor<T>,
            auditor: T::AccountId,
            slash: Perbill,
        ) -> DispatchResult {
            T::AuditorOrigin::ensure_origin(origin)?;
            Self::do_dismiss(auditor, slash)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The tier of each attribute of a worker now.
        pub fn tiers_of(worker: T::AccountId) -> Tiers {
            Self::tiers(&worker)
        }
    }
}
