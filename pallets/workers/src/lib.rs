//! # Workers: who serves, with what, and what he stakes on it
//!
//! A *worker* is a machine. Its *worker key*, a hot sr25519 key, signs its calls and receipts; its
//! *operator*, an account, bonds it and is paid for what it does. The chain knows the worker by its key.
//!
//! ## Bond
//! A worker's bond is held of its operator: at least `max(MinBond, BondPerSuns × capacity)`, rounded up.
//! While it is less, after a slash for instance, the worker cannot claim until
//! [`bond_more`](Pallet::bond_more).
//!
//! Others can delegate to a bond. What they do is moved into the same hold, so that a slash finds it there, and is
//! slashed in proportion with the operator's own; the operator can never release it. `Delegations` knows whose it is.
//! What stays counts for the bond, up to four times the operator's own part; what is leaving is slashable only.
//!
//! | what happens | bond |
//! |---|---|
//! | accepted result | untouched |
//! | missed deadline | untouched, and not withdrawn before the worker has rested: see `rest.rs` |
//! | absent when the liveness lottery drew it | a penalty on the operator's part, half to who reported it, the rest to the treasury; the worker is paused |
//! | wrong result | [`Config::SlashFraction`] of all of it, rounded up: of the operator's part half to the honest replicas' operators in equal parts, the rest, every remainder and others' part to the treasury |
//! | an honest operator cannot be paid (its account is gone) | its part goes to the treasury |
//! | the treasury cannot be paid either | that part stays in the bond |
//! | outputs withheld that it was paid for | damages to the requester out of the operator's part; then as a wrong result, all of it to the treasury |
//! | `leave`, then [`Config::Cooldown`] blocks, no batch undecided, and [`Config::Liability`] blocks since the last accepted result: `withdraw` | released |
//! | `unbond` of a part that the capacity does not need | counts no more, slashable |
//! | then the cool-down, and nothing left that it answered for: `withdraw_unbonded` | that part released |
//!
//! ## Capacity
//! Capacity follows from declared resources by the worker's profile, in µSUNS; [`Config::Proofs`] says how much of it
//! *counts*. Work is admitted while `committed + charge` is at most [`Config::AdmissionLimit`] of that; an idle worker
//! may take one batch up to the whole of it, so that a one-lane machine can work at all. *Committed* is what its batches use
//! now; *in flight* counts the batches whose verdict is out, also of work that is delivered: leaving does
//! not dodge a slash.
//!
//! ## A key without money [X7]
//! Registration gives the worker key a reference on its account, so that it transacts with no balance;
//! withdrawal takes it away. [`update`](Pallet::update), [`pause`](Pallet::pause) and
//! [`resume`](Pallet::resume), and what other pallets call feeless, cost it no fee within a rate that its bond
//! pays for, and only if they would succeed: see [`ChargeUnlessFeeless`].
//!
//! ## A stolen machine
//! The operator's [`pause`](Pallet::pause) *suspends*: the worker key cannot [`resume`](Pallet::resume).
//! When nothing is in flight any more, and the bond answers for no outputs that the key served, [`rotate_key`](Pallet::rotate_key) puts another key in its place. Bond, record
//! and debt of feeless calls stay with the worker, so that a rotation launders nothing; attestations and whatever other
//! pallets know of the key stay behind.
//!
//! ## Another operator
//! An operator [`offer`](Pallet::offer)s a worker at a price, another one [`accept`](Pallet::accept)s it with a new key.
//! The bond goes with the worker, from hold to hold: nothing that it answers for escapes. Record, debt of feeless calls and
//! what others delegated stay with the worker, too.
//!
//! ## Attributes
//! What an operator says of a machine is taken as it is, except that the jurisdiction exists and some task class is
//! served [N16]. [`Config::Attestations`] knows who else stands for it, and is told of changes.
//!
//! ## Consent
//! The worker key signs
//! [`registration_payload`](sungrid_primitives::registration::registration_payload): chain, operator and
//! key. Nobody registers another's key, and no other operator can use the proof. The consent lasts: the
//! same operator may register the key again after a withdrawal. Whoever parts with an operator takes a
//! new key.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod delegated;
mod dispatchable_impls;
mod errors;
mod events;
mod feeless;
mod handover;
mod impls;
#[cfg(test)]
mod mock;
mod rest;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
mod unbond;
pub mod weights;

use frame_support::pallet_macros::import_section;

pub use feeless::{ChargeUnlessFeeless, Payment};
pub use pallet::*;
pub use types::{
    Allowance, Endpoint, FeelessUse, MAX_UNBONDING, Offer, OfferOf, Unbonding, WorkerRecord,
    WorkerRecordOf, WorkerState,
};
pub use weights::WeightInfo;

/// The pallet.
// `register` has one parameter per fact of a worker; the macro repeats its signature.
#[allow(clippy::too_many_arguments)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use frame_support::{
        pallet_prelude::*,
        traits::{
            Contains,
            fungible::{Inspect, Mutate, MutateHold},
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_core::{H256, sr25519};
    use sp_runtime::Perbill;
    use sungrid_primitives::{
        attributes::Attributes,
        delegation::Delegations,
        environment::EnvironmentId,
        suns::Resources,
        traits::{Attestations, CapacityProofs, Pricing, ProfileId, Roster},
    };

    use crate::{
        types::{Endpoint, FeelessUse, OfferOf, WorkerRecordOf},
        weights::WeightInfo,
    };

    /// Version of the storage layout.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime. Accounts are 32-byte public keys, and the genesis hash is
    /// what worker keys sign: hence the bounds.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<
            RuntimeEvent: From<Event<Self>>,
            AccountId: AsRef<[u8; 32]>,
            Hash = H256,
        >
    {
        /// The money, in planck.
        type Currency: Inspect<Self::AccountId, Balance = u128>
            + Mutate<Self::AccountId>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Reasons for holds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Profiles and accepted environments.
        type Pricing: Pricing;
        /// Receives what is slashed and not due to honest operators.
        type Treasury: Get<Self::AccountId>;
        /// Least bond of any worker, planck.
        #[pallet::constant]
        type MinBond: Get<u128>;
        /// Bond per SUNS of capacity, planck.
        #[pallet::constant]
        type BondPerSuns: Get<u128>;
        /// Part of the bond that one wrong result costs.
        #[pallet::constant]
        type SlashFraction: Get<Perbill>;
        /// Blocks from [`leave`](Pallet::leave) to [`withdraw`](Pallet::withdraw), at least.
        #[pallet::constant]
        type Cooldown: Get<BlockNumberFor<Self>>;
        /// Blocks for which a worker's bond answers for the outputs of a result of its that was accepted. Too few: who
        /// withholds them is gone before it is found out. Too many: a machine waits as long for another key.
        #[pallet::constant]
        type Liability: Get<BlockNumberFor<Self>>;
        /// Blocks for which a worker takes no work after a deadline that it missed, at least: it rests as long as its whole machine would
        /// have taken for what it held, and twice as long as the last time if it has not rested long enough since. Too few: stalling
        /// other people's work costs nothing. Too many: an outage costs an honest worker more than what it had in hand.
        #[pallet::constant]
        type MissRest: Get<BlockNumberFor<Self>>;
        /// Most blocks of such a rest. Too few: whoever stalls is back as soon; too many: a machine that was broken is as good as gone.
        #[pallet::constant]
        type MaxMissRest: Get<BlockNumberFor<Self>>;
        /// Blocks from a claim by which its batch is decided and its outputs are in nobody's question any more, in any case. Too few: a
        /// slash comes too late. Too many: what leaves the bond of a worker that is always at work waits as long.
        #[pallet::constant]
        type LongestBatch: Get<BlockNumberFor<Self>>;
        /// Part of its capacity up to which a busy worker takes more work.
        #[pallet::constant]
        type AdmissionLimit: Get<Perbill>;
        /// What auditors stand for.
        type Attestations: Attestations<Self::AccountId>;
        /// Learns which workers are active.
        type Roster: Roster<Self::AccountId>;
        /// Knows what of a worker's capacity is proven.
        type Proofs: CapacityProofs<Self::AccountId>;
        /// Knows who delegated what to a worker.
        type Delegations: Delegations<Self::AccountId>;
        /// What a feeless call takes of a bond, planck·blocks: a bond of so many planck is good for one call per
        /// block. Too little gives block space away; too much and a worker cannot claim as fast as it works.
        #[pallet::constant]
        type CallBond: Get<u128>;
        /// Blocks whose feeless calls can be made at once.
        #[pallet::constant]
        type FeelessWindow: Get<BlockNumberFor<Self>>;
        /// Most weight of feeless calls in one block, by ref time: the rest is for those who pay.
        #[pallet::constant]
        type FeelessBudget: Get<Weight>;
        /// Calls that can only follow another of the same worker, which has paid for them: they are not charged to
        /// the bond again, and go first.
        type FollowUps: Contains<<Self as frame_system::Config>::RuntimeCall>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The bonds of an operator's workers, with what others delegated to them.
        Bond,
    }

    /// Workers by their key.
    #[pallet::storage]
    pub type Workers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, WorkerRecordOf<T>>;

    /// Workers that their operators offer to somebody, by their key.
    #[pallet::storage]
    pub type Offers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, OfferOf<T>>;

    /// What feeless calls took of the last block that had any. Read and written once a block, however many they are: no call's
    /// weight counts it, as none counts the block's own weight.
    #[pallet::storage]
    #[pallet::whitelist_storage]
    pub type FeelessUsed<T: Config> = StorageValue<_, FeelessUse<BlockNumberFor<T>>, ValueQuery>;

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            Self::check_parameters();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Registers a worker and holds its bond of the signer, its operator.
        ///
        /// # Parameters
        /// - `worker`: its key.
        /// - `endpoint`: its encoded peer address, at most 256 bytes.
        /// - `attributes`: what the operator says of it, with the task classes that it serves.
        /// - `environment`: where its results compare; must be accepted.
        /// - `profile`, `resources`: what it offers.
        /// - `bond`: planck, at least `max(MinBond, BondPerSuns × capacity)`.
        /// - `proof`: the worker key's sr25519 signature over the registration payload.
        ///
        /// # Errors
        /// [`Error::AlreadyRegistered`], [`Error::UnknownJurisdiction`], [`Error::BadClasses`],
        /// [`Error::UnknownEnvironment`], [`Error::UnknownProfile`], [`Error::NoCapacity`],
        /// [`Error::BondTooLow`], [`Error::BadProof`]; too little balance for the bond.
        ///
        /// # Events
        /// [`Event::WorkerRegistered`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register(
            origin: OriginFor<T>,
            worker: T::AccountId,
            endpoint: Endpoint,
            attributes: Attributes,
            environment: EnvironmentId,
            profile: ProfileId,
            resources: Resources,
            bond: u128,
            proof: sr25519::Signature,
        ) -> DispatchResult {
            let operator = ensure_signed(origin)?;
            Self::do_register(
                operator,
                worker,
                endpoint,
                attributes,
                environment,
                profile,
                resources,
                bond,
                proof,
            )
        }

        /// Changes a worker's address and attributes. Attestations of what changes are revoked. Feeless for the
        /// worker key within its rate.
        ///
        /// # Origin
        /// The operator or the worker key.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NeitherOperatorNorWorker`], [`Error::UnknownJurisdiction`],
        /// [`Error::BadClasses`].
        ///
        /// # Events
        /// [`Event::WorkerUpdated`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::update())]
        #[pallet::feeless_if(
            |origin: &OriginFor<T>,
             worker: &T::AccountId,
             _endpoint: &Endpoint,
             attributes: &Attributes|
             -> bool {
                Pallet::<T>::is_feeless(origin, worker, |_| Pallet::<T>::check_attributes(attributes))
            }
        )]
        pub fn update(
            origin: OriginFor<T>,
            worker: T::AccountId,
            endpoint: Endpoint,
            attributes: Attributes,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_update(who, worker, endpoint, attributes)
        }

        /// Changes what a worker offers, in its profile.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::Leaving`], [`Error::UnknownProfile`],
        /// [`Error::NoCapacity`], [`Error::CapacityInUse`], [`Error::BondTooLow`].
        ///
        /// # Events
        /// [`Event::CapacitySet`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_capacity())]
        pub fn set_capacity(
            origin: OriginFor<T>,
            worker: T::AccountId,
            resources: Resources,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_capacity(who, worker, resources)
        }

        /// Adds to a worker's bond.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::Leaving`], [`Error::NothingToBond`]; too
        /// little balance.
        ///
        /// # Events
        /// [`Event::BondIncreased`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::bond_more())]
        pub fn bond_more(
            origin: OriginFor<T>,
            worker: T::AccountId,
            #[pallet::compact] amount: u128,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond_more(who, worker, amount)
        }

        /// Takes a worker off the market for the time being. Feeless for the worker key within its rate. What the
        /// operator pauses, its key cannot resume: it may be in a thief's hands.
        ///
        /// # Origin
        /// The operator or the worker key.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NeitherOperatorNorWorker`], [`Error::Leaving`],
        /// [`Error::AlreadyPaused`].
        ///
        /// # Events
        /// [`Event::WorkerPaused`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::pause())]
        #[pallet::feeless_if(|origin: &OriginFor<T>, worker: &T::AccountId| -> bool {
            Pallet::<T>::is_feeless(origin, worker, |record| Pallet::<T>::check_pause(record, false))
        })]
        pub fn pause(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_pause(who, worker)
        }

        /// Puts a paused worker back on the market. Feeless for the worker key within its rate.
        ///
        /// # Origin
        /// The operator or the worker key.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NeitherOperatorNorWorker`], [`Error::Leaving`],
        /// [`Error::NotPaused`], [`Error::Suspended`].
        ///
        /// # Events
        /// [`Event::WorkerResumed`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::resume())]
        #[pallet::feeless_if(|origin: &OriginFor<T>, worker: &T::AccountId| -> bool {
            Pallet::<T>::is_feeless(origin, worker, |record| Pallet::<T>::check_resume(record, false))
        })]
        pub fn resume(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_resume(who, worker)
        }

        /// Ends a worker's service: no claims from now, the bond slashable for [`Config::Cooldown`] blocks.
        /// What is in flight is to be finished.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::Leaving`].
        ///
        /// # Events
        /// [`Event::WorkerLeaving`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn leave(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_leave(who, worker)
        }

        /// Releases the bond of a worker that has left, and frees its key.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::NotLeaving`], [`Error::CoolingDown`],
        /// [`Error::Resting`], [`Error::WorkInFlight`].
        ///
        /// # Events
        /// [`Event::WorkerWithdrawn`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw(who, worker)
        }

        /// Changes a worker's environment, after an upgrade of its software. Its results must compare with
        /// those of the environment that it claimed in, so nothing may be in flight.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::Leaving`], [`Error::WorkInFlight`],
        /// [`Error::UnknownEnvironment`].
        ///
        /// # Events
        /// [`Event::EnvironmentSet`].
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::set_environment())]
        pub fn set_environment(
            origin: OriginFor<T>,
            worker: T::AccountId,
            environment: EnvironmentId,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_environment(who, worker, environment)
        }

        /// Puts another key in the place of a worker's key, for instance when the machine was stolen: pause it, wait
        /// until nothing is in flight, rotate. Bond, record and debt of feeless calls stay with the worker;
        /// attestations fall, since they are about the machine that had the key.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Parameters
        /// - `worker`: the key that it has.
        /// - `key`: the key that it gets.
        /// - `proof`: the sr25519 signature of `key` over the registration payload.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::Leaving`], [`Error::WorkInFlight`],
        /// [`Error::AlreadyRegistered`], [`Error::BadProof`].
        ///
        /// # Events
        /// [`Event::KeyRotated`].
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::rotate_key())]
        pub fn rotate_key(
            origin: OriginFor<T>,
            worker: T::AccountId,
            key: T::AccountId,
            proof: sr25519::Signature,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_rotate_key(who, worker, key, proof)
        }

        /// Offers a worker to another operator, from [`Config::Cooldown`] blocks on, so that whoever delegated to it
        /// and disagrees can leave first. In place of an earlier offer of it.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Parameters
        /// - `to`: who may accept it.
        /// - `price`: planck that it pays then. The bond goes with the worker.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::Leaving`].
        ///
        /// # Events
        /// [`Event::WorkerOffered`].
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::offer())]
        pub fn offer(
            origin: OriginFor<T>,
            worker: T::AccountId,
            to: T::AccountId,
            #[pallet::compact] price: u128,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_offer(who, worker, to, price)
        }

        /// Takes an offer back.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::NoOffer`].
        ///
        /// # Events
        /// [`Event::OfferRetracted`].
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::retract_offer())]
        pub fn retract_offer(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_retract_offer(who, worker)
        }

        /// Takes a worker over: the signer pays the price and becomes its operator, the whole bond moves from hold to
        /// hold and is never free in between. The worker gets another key, since its former operator may have kept the
        /// old one; else as in [`rotate_key`](Pallet::rotate_key).
        ///
        /// # Origin
        /// Whom it was offered to.
        ///
        /// # Parameters
        /// - `worker`: the key that it has.
        /// - `price`: as offered.
        /// - `key`: the key that it gets.
        /// - `proof`: the sr25519 signature of `key` over the registration payload for the signer.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NoOffer`], [`Error::OtherPrice`], [`Error::OfferTooNew`],
        /// [`Error::Leaving`], [`Error::WorkInFlight`], [`Error::AlreadyRegistered`], [`Error::BadProof`]; too little
        /// balance.
        ///
        /// # Events
        /// [`Event::WorkerHandedOver`].
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::accept())]
        pub fn accept(
            origin: OriginFor<T>,
            worker: T::AccountId,
            #[pallet::compact] price: u128,
            key: T::AccountId,
            proof: sr25519::Signature,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_accept(who, worker, price, key, proof)
        }

        /// Takes a part of the operator's bond out of use: it counts for nothing any more, and is slashable until
        /// [`withdraw_unbonded`](Pallet::withdraw_unbonded). What stays is the least bond for the declared capacity, together with what
        /// others delegated, and a fifth of both.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Parameters
        /// - `worker`: its key.
        /// - `amount`: planck.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::Leaving`], [`Error::NothingToUnbond`], [`Error::BondTooLow`],
        /// [`Error::OwnPartTooSmall`], [`Error::TooManyUnbondings`].
        ///
        /// # Events
        /// [`Event::Unbonding`].
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::unbond())]
        pub fn unbond(
            origin: OriginFor<T>,
            worker: T::AccountId,
            #[pallet::compact] amount: u128,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unbond(who, worker, amount)
        }

        /// Releases what has left a worker's bond and answers for nothing any more: once the cool-down is over, every batch that it
        /// answered for is decided and their outputs are in nobody's question, and the worker's rests are forgotten.
        ///
        /// # Origin
        /// The operator.
        ///
        /// # Errors
        /// [`Error::UnknownWorker`], [`Error::NotOperator`], [`Error::NothingLeaves`], [`Error::Offered`], [`Error::Resting`],
        /// [`Error::CoolingDown`].
        ///
        /// # Events
        /// [`Event::UnbondedWithdrawn`].
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::withdraw_unbonded())]
        pub fn withdraw_unbonded(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw_unbonded(who, worker)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// The record of a worker.
        pub fn worker(key: T::AccountId) -> Option<WorkerRecordOf<T>> {
            Workers::<T>::get(key)
        }

        /// Least bond for these resources in a profile, planck; `None` if there is no such profile or the
        /// resources amount to nothing in it.
        pub fn required_bond(profile: ProfileId, resources: Resources) -> Option<u128> {
            let capacity = Self::capacity_of(profile, &resources).ok()?;
            Some(Self::bond_for(capacity))
        }

        /// What leaves a worker's bond, oldest first: planck, and the first block in which each part can be withdrawn, as far as is known
        /// now.
        pub fn unbonding(key: T::AccountId) -> Vec<(u128, BlockNumberFor<T>)> {
            Workers::<T>::get(key).map_or_else(Vec::new, |record| Self::unbonding_of(&record))
        }

        /// Feeless calls that a worker key may make now, as far as its bond goes.
        pub fn feeless_calls_left(key: T::AccountId) -> u32 {
            Workers::<T>::get(key).map_or(0, |record| Self::feeless_calls(&record))
        }
    }
}
