//! # Canaries: jobs whose answer was known before [X2]
//!
//! Replicas catch a liar while it is doubted. A *canary* catches one that is trusted: a *keeper*, whom governance
//! admits, orders work of which it knows the answer, from any account, so that no worker can tell it from
//! other work, and holds the accepted result against the answer. The worker's trust (under `Adaptive` its score alone) follows as if another operator had
//! confirmed or refuted it; no bond moves by a keeper's word.
//!
//! ```text
//! plant(H(order, batch, answer, salt)) ──► the job is submitted, claimed, settled ──► expose(job, batch, answer, salt)
//!                                      ├─► the batch was cut                       ──► expose_parts(job, batch, leaves, salt)
//!                                      └─► it failed, or was never submitted       ──► uproot(seals)
//! ```
//!
//! - *Known before*: an answer counts for jobs that were submitted after it was planted, so nobody picks it to suit the result.
//! - *For one order*: the seal names who will submit the job, what is computed and which batch is meant; it fits no other.
//! - *Once*: one answer is held against one batch, and one batch against one answer.
//! - *No way out*: of a batch that its worker cut the keeper opens the leaves, and each part is held against its own.
//! - *Funded by the treasury*: whoever ordered the batch gets back what one result of it cost, within the budget that governance
//!   gave the keeper and as far as the treasury has it.
//!
//! ## What a keeper can do
//! Spoil or farm the trust of whoever finds a result of its own orders, up to its canaries: one that plants two answers for the
//! same batch can choose when it sees the result. It cannot slash. The answer that it vouches for is in the event, for anybody to
//! compute again; governance dismisses who lied.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

#[cfg(any(feature = "std", feature = "try-runtime"))]
extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
pub mod weights;

pub use pallet::*;
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use frame_support::{
        pallet_prelude::*,
        traits::{
            EnsureOrigin,
            fungible::{Inspect, Mutate},
            tokens::{Fortitude, Preservation},
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sungrid_primitives::{
        BatchIndex, JobId,
        job::{MAX_BATCH_UNITS, MAX_CUTS},
        merkle::UnitLeaf,
        receipt::{self, BatchSummary},
        traits::{Checked, KnownAnswers},
    };

    use crate::weights::WeightInfo;

    /// Version of the storage layout.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    /// Answers that a keeper can have planted at once, and plant in one call.
    pub const MAX_PLANTED: u32 = 256;

    /// A keeper.
    #[derive(
        Clone,
        Debug,
        Default,
        PartialEq,
        Eq,
        Encode,
        Decode,
        DecodeWithMemTracking,
        MaxEncodedLen,
        TypeInfo,
    )]
    pub struct Keeper {
        /// What the treasury still gives for its canaries, planck.
        pub budget: u128,
        /// Answers planted and not exposed.
        pub planted: u32,
    }

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Who admits and dismisses keepers.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// The money, in planck.
        type Currency: Inspect<Self::AccountId, Balance = u128> + Mutate<Self::AccountId>;
        /// Who pays for canaries.
        type Treasury: Get<Self::AccountId>;
        /// Results, and what they say of workers.
        type Answers: KnownAnswers<Self::AccountId>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Who may plant answers.
    #[pallet::storage]
    pub type Keepers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Keeper>;

    /// Planted answers by keeper and seal, with the first job that they may be held against.
    #[pallet::storage]
    pub type Canaries<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        // A keeper spoils only its own prefix.
        Blake2_128Concat,
        H256,
        JobId,
    >;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Governance admitted a keeper, or changed its budget.
        KeeperAdmitted {
            /// The keeper.
            keeper: T::AccountId,
            /// What the treasury gives for its canaries from now on, planck.
            budget: u128,
        },
        /// Governance dismissed a keeper; its planted answers are gone.
        KeeperDismissed {
            /// The keeper.
            keeper: T::AccountId,
        },
        /// A keeper planted answers.
        Planted {
            /// The keeper.
            keeper: T::AccountId,
            /// How many.
            count: u32,
        },
        /// A keeper gave up answers that it had planted.
        Uprooted {
            /// The keeper.
            keeper: T::AccountId,
            /// How many.
            count: u32,
        },
        /// An accepted result was held against an answer known before.
        Exposed {
            /// The keeper.
            keeper: T::AccountId,
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// What is right.
            answer: BatchSummary,
            /// Whether that is what was accepted.
            right: bool,
            /// What the treasury gave to whoever ordered the job, planck.
            refunded: u128,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// The signer is no keeper: governance admits them.
        NotKeeper,
        /// More answers than a keeper may have planted: expose or uproot some first.
        TooManyPlanted,
        /// The same seal is planted already: use another salt.
        AlreadyPlanted,
        /// This keeper has planted no such answer for such a batch: account, image, input, limits, batch, answer and salt must be
        /// those of the seal.
        NotPlanted,
        /// The answer was planted after the job was submitted.
        PlantedTooLate,
        /// The batch has no accepted result, its job is cleaned up, or an answer was held against it already. One that was cut is
        /// held against its leaves, `expose_parts`, when all its parts are decided; one that was not, never.
        NothingToCheck,
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
        /// Admits a keeper, or sets the budget of one.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Parameters
        /// - `keeper`: any account; a person or body that governance trusts to tell the truth.
        /// - `budget`: what the treasury gives for its canaries from now on, planck.
        ///
        /// # Events
        /// [`Event::KeeperAdmitted`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::admit())]
        pub fn admit(origin: OriginFor<T>, keeper: T::AccountId, budget: u128) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Keepers::<T>::mutate(&keeper, |record| {
                record.get_or_insert_default().budget = budget;
            });
            Self::deposit_event(Event::KeeperAdmitted { keeper, budget });
            Ok(())
        }

        /// Dismisses a keeper: what it planted is gone.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Errors
        /// [`Error::NotKeeper`].
        ///
        /// # Events
        /// [`Event::KeeperDismissed`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::dismiss())]
        pub fn dismiss(origin: OriginFor<T>, keeper: T::AccountId) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            ensure!(Keepers::<T>::take(&keeper).is_some(), Error::<T>::NotKeeper);
            // All of them: there are never more.
            let _ = Canaries::<T>::clear_prefix(&keeper, MAX_PLANTED, None);
            Self::deposit_event(Event::KeeperDismissed { keeper });
            Ok(())
        }

        /// Plants answers for jobs that are yet to be submitted.
        ///
        /// # Origin
        /// A keeper.
        ///
        /// # Parameters
        /// - `seals`: one [`receipt::canary`] for each batch whose answer is known.
        ///
        /// # Errors
        /// [`Error::NotKeeper`], [`Error::TooManyPlanted`], [`Error::AlreadyPlanted`].
        ///
        /// # Events
        /// [`Event::Planted`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::plant(seals.len() as u32))]
        pub fn plant(
            origin: OriginFor<T>,
            seals: BoundedVec<H256, ConstU32<MAX_PLANTED>>,
        ) -> DispatchResult {
            let keeper = ensure_signed(origin)?;
            let mut record = Keepers::<T>::get(&keeper).ok_or(Error::<T>::NotKeeper)?;
            let count = seals.len() as u32;
            record.planted = record.planted.saturating_add(count);
            ensure!(record.planted <= MAX_PLANTED, Error::<T>::TooManyPlanted);
            let first = T::Answers::next_job();
            for seal in seals {
                ensure!(
                    !Canaries::<T>::contains_key(&keeper, seal),
                    Error::<T>::AlreadyPlanted
                );
                Canaries::<T>::insert(&keeper, seal, first);
            }
            Keepers::<T>::insert(&keeper, record);
            Self::deposit_event(Event::Planted { keeper, count });
            Ok(())
        }

        /// Holds the accepted result of a batch against a planted answer.
        ///
        /// # Origin
        /// The keeper that planted it.
        ///
        /// # Details
        /// If they are the same and one worker alone found the result, its trust grows as if another had confirmed it. If they
        /// differ, the trust of all who found it falls as if it had been refuted. Whoever ordered the job gets what
        /// one result cost from the treasury, as far as the keeper's budget and the treasury go.
        ///
        /// # Parameters
        /// - `job`, `batch`: whose result.
        /// - `answer`, `salt`: what was planted.
        ///
        /// # Errors
        /// [`Error::NotKeeper`], [`Error::NotPlanted`], [`Error::PlantedTooLate`], [`Error::NothingToCheck`].
        ///
        /// # Events
        /// [`Event::Exposed`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::expose())]
        pub fn expose(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            answer: BatchSummary,
            salt: [u8; 32],
        ) -> DispatchResult {
            let keeper = ensure_signed(origin)?;
            let mut record = Self::open(&keeper, job, batch, &answer, &salt)?;
            let checked =
                T::Answers::hold_against(job, batch, &answer).ok_or(Error::<T>::NothingToCheck)?;
            Self::settle(&keeper, &mut record, job, batch, answer, checked);
            Keepers::<T>::insert(&keeper, record);
            Ok(())
        }

        /// Gives up planted answers, such as those for a batch that failed or a job that was never submitted. What is not
        /// planted (any more) is passed over.
        ///
        /// # Origin
        /// A keeper.
        ///
        /// # Parameters
        /// - `seals`: as they were planted.
        ///
        /// # Errors
        /// [`Error::NotKeeper`]; [`Error::NotPlanted`] if none of them is.
        ///
        /// # Events
        /// [`Event::Uprooted`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::uproot(seals.len() as u32))]
        pub fn uproot(
            origin: OriginFor<T>,
            seals: BoundedVec<H256, ConstU32<MAX_PLANTED>>,
        ) -> DispatchResult {
            let keeper = ensure_signed(origin)?;
            let mut record = Keepers::<T>::get(&keeper).ok_or(Error::<T>::NotKeeper)?;
            let mut count = 0u32;
            for seal in seals {
                let was_planted = Canaries::<T>::take(&keeper, seal).is_some();
                count = count.saturating_add(was_planted.into());
            }
            ensure!(count > 0, Error::<T>::NotPlanted);
            record.planted = record.planted.saturating_sub(count);
            Keepers::<T>::insert(&keeper, record);
            Self::deposit_event(Event::Uprooted { keeper, count });
            Ok(())
        }

        /// Holds what is accepted of a batch that was cut against a planted answer: each part against the leaves of its own units.
        ///
        /// # Origin
        /// The keeper that planted it.
        ///
        /// # Details
        /// The answer is that of the whole batch, so nothing else has to be planted for batches that somebody cuts. The trust of all
        /// who found a wrong part falls as by [`Self::expose`]; a right one says nothing of anybody, as ever, and parts that failed
        /// are passed over. Not while a part is in flight, whose workers could copy the leaves. Whoever ordered the job gets what
        /// one result of each part cost.
        ///
        /// # Parameters
        /// - `job`, `batch`: whose result; the batch as it was ordered.
        /// - `leaves`: those of all its units, in order, that come to what was planted.
        /// - `salt`: what was planted.
        ///
        /// # Errors
        /// [`Error::NotKeeper`], [`Error::NotPlanted`], [`Error::PlantedTooLate`], [`Error::NothingToCheck`].
        ///
        /// # Events
        /// [`Event::Exposed`] for each part.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::expose_parts(leaves.len() as u32, MAX_CUTS.saturating_add(1)))]
        pub fn expose_parts(
            origin: OriginFor<T>,
            job: JobId,
            batch: BatchIndex,
            leaves: BoundedVec<UnitLeaf, ConstU32<MAX_BATCH_UNITS>>,
            salt: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            let keeper = ensure_signed(origin)?;
            let answer = T::Answers::sum_up(job, &leaves).ok_or(Error::<T>::NothingToCheck)?;
            let mut record = Self::open(&keeper, job, batch, &answer, &salt)?;
            let parts = T::Answers::hold_parts_against(job, batch, &leaves)
                .ok_or(Error::<T>::NothingToCheck)?;
            let weight = T::WeightInfo::expose_parts(leaves.len() as u32, parts.len() as u32);
            for part in parts {
                Self::settle(
                    &keeper,
                    &mut record,
                    job,
                    part.batch,
                    part.answer,
                    part.checked,
                );
            }
            Keepers::<T>::insert(&keeper, record);
            Ok(Some(weight).into())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Takes a planted answer for a batch; returns its keeper's record without it, to be stored.
        fn open(
            keeper: &T::AccountId,
            job: JobId,
            batch: BatchIndex,
            answer: &BatchSummary,
            salt: &[u8; 32],
        ) -> Result<Keeper, Error<T>> {
            let mut record = Keepers::<T>::get(keeper).ok_or(Error::<T>::NotKeeper)?;
            let order = T::Answers::order(job).ok_or(Error::<T>::NothingToCheck)?;
            let seal = receipt::canary(&order, batch, answer, salt);
            let first = Canaries::<T>::take(keeper, seal).ok_or(Error::<T>::NotPlanted)?;
            ensure!(job >= first, Error::<T>::PlantedTooLate);
            record.planted = record.planted.saturating_sub(1);
            Ok(record)
        }

        /// Gives back what one accepted result cost, and says what it was.
        fn settle(
            keeper: &T::AccountId,
            record: &mut Keeper,
            job: JobId,
            batch: BatchIndex,
            answer: BatchSummary,
            checked: Checked<T::AccountId>,
        ) {
            let wanted = checked.price.min(record.budget);
            let refunded = Self::refund(&checked.requester, wanted);
            record.budget = record.budget.saturating_sub(refunded);
            Self::deposit_event(Event::Exposed {
                keeper: keeper.clone(),
                job,
                batch,
                answer,
                right: checked.right,
                refunded,
            });
        }

        /// Pays from the treasury what it has of this, and returns it.
        fn refund(to: &T::AccountId, wanted: u128) -> u128 {
            let treasury = T::Treasury::get();
            let amount = wanted.min(T::Currency::reducible_balance(
                &treasury,
                Preservation::Preserve,
                Fortitude::Polite,
            ));
            // Too little to open an account that is gone is not worth failing for.
            T::Currency::transfer(&treasury, to, amount, Preservation::Preserve).unwrap_or(0)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// A keeper's budget and how many answers it has planted.
        pub fn keeper(who: T::AccountId) -> Option<Keeper> {
            Keepers::<T>::get(who)
        }
    }
}
