//! # Capacity: what workers have shown that they compute
//!
//! A worker's capacity is declared by its operator. Here it is proven: of what is declared, only as much counts for
//! claims as [`Allowance`] lets count unproven, or as a fresh *proof* shows. The proof itself, its kernel and what it
//! says are in [`sungrid_primitives::capacity`].
//!
//! ## A proof
//! | step | when | who |
//! |---|---|---|
//! | [`start`](Pallet::start) | any time, [`Config::RunEvery`] blocks after the last | the worker key; the clock runs from that block's timestamp, the seed is that block's hash |
//! | [`commit`](Pallet::commit) | [`Config::MinRun`] to [`Config::MaxRun`] ms after the start | the worker key: how much it has computed, and the root |
//! | the draw | [`Config::DrawDelay`] blocks later | a beacon into which the randomness of all blocks since has gone |
//! | [`open`](Pallet::open) | [`Config::OpenWindow`] blocks from then | the worker key: the segments that were drawn, which the call computes again |
//!
//! What is proven is `work / time from start to commitment`, so a late block counts against the worker, never for it.
//!
//! | a worker | what follows |
//! |---|---|
//! | opens what was drawn | the proof counts for [`Config::Validity`] blocks, in place of the last, be it less or more |
//! | starts and does not commit in time | nothing is proven; what is fresh stays so |
//! | commits and cannot open, or does not: a false claim | anyone may [`settle`](Pallet::settle) it: slashed as for a wrong result, or of its whole bond if that happened before within [`Config::FalseClaimMemory`] blocks, and nothing is proven any more. [`Config::Bounty`] of what the operator loses is for who settles, the rest for the treasury. Until then the bond cannot be withdrawn, the key not changed, and no other proof be started. Whoever could keep back an opening for free could try until the draw suits it |
//! | is drawn for a spot check and does not prove anew | its proof ends [`Config::CheckWindow`] blocks later |
//! | changes its key, its operator, or is withdrawn | the proof falls: it is of the machine that had the key |
//!
//! ## What a false claim costs
//! Who left work out never sends what fails: it is silent. So is a machine that lost its power or its line for longer than
//! [`Config::OpenWindow`], and nobody can tell one from the other by one silence. Two of them can: an honest one has to be cut
//! off twice within seconds that are few in a day, while who leaves out a share worth claiming is silent most times. Hence the
//! first costs a part of the bond, and the next one all of it. That is also why a stolen worker key, which can commit to
//! anything, burns no bond at one blow: its operator has [`Config::OpenWindow`] blocks to suspend it before the second.
//!
//! ## Design
//! - A spot check brings the end of a proof forward. There is no other mechanism: nobody has to be reported.
//! - Each block draws a number below [`Config::CheckSpan`], or below the number of proofs if there are more, and checks
//!   the proof of that number, if there is one: every [`Config::CheckSpan`] blocks on average as long as there are no
//!   more proofs than that. The cost per block does not depend on the fleet.
//! - A commitment counts as a batch in flight: bond, key and operator stay until it is decided.
//! - Of a profile without fuel nothing can be proven yet: what is declared counts up to the allowance.
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
pub use types::{ProofRecord, ProofRecordOf, RunRecord, RunRecordOf, Stage};
pub use weights::WeightInfo;

/// The pallet.
#[frame_support::pallet]
pub mod pallet {
    use frame_support::{
        pallet_prelude::*,
        traits::{Randomness, Time},
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sp_runtime::{Perbill, traits::Zero};
    use sungrid_primitives::capacity::{MAX_DEPTH, Openings, Shape, Standing};

    use crate::{
        types::{ProofRecordOf, RunRecordOf},
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
        /// Unpredictable until the parent block exists; `None` if that block had none.
        type Randomness: Randomness<Option<Self::Hash>, BlockNumberFor<Self>>;
        /// The clock, in milliseconds.
        type Time: Time<Moment = u64>;
        /// Who says how much counts unproven.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Least time from start to commitment, ms. Too little, and the clock, which is as precise as slots are long,
        /// shows too much.
        #[pallet::constant]
        type MinRun: Get<u64>;
        /// Most time from start to commitment, ms. Too little, and the blocks around a run show too little; too much,
        /// and a machine that is there now and then proves as much as one that is always there.
        #[pallet::constant]
        type MaxRun: Get<u64>;
        /// Fuel per second that each lane has to show. Too little, and the thousands of slow lanes of an accelerator, which
        /// meet no deadline, count as a CPU; too much, and small machines have nothing but the allowance.
        #[pallet::constant]
        type MinLane: Get<u64>;
        /// Blocks from one start to the next of a worker. Too few, and checking takes up blocks; too many, and a
        /// machine that was busy has to wait.
        #[pallet::constant]
        type RunEvery: Get<BlockNumberFor<Self>>;
        /// Blocks from a commitment to its draw: whose authors would all have to conspire to know it before.
        #[pallet::constant]
        type DrawDelay: Get<BlockNumberFor<Self>>;
        /// Blocks in which what was drawn can be opened. A worker that was cut off in between computes it again:
        /// fewer blocks, and a power cut costs its bond.
        #[pallet::constant]
        type OpenWindow: Get<BlockNumberFor<Self>>;
        /// Blocks for which a false claim makes the next one cost the whole bond. Too few, and who claims falsely waits; too
        /// many, and a machine answers for an accident of its youth.
        #[pallet::constant]
        type FalseClaimMemory: Get<BlockNumberFor<Self>>;
        /// Of what a false claim takes of the operator's own bond, the share of whoever settles it: enough for somebody to
        /// look, little enough that settling one's own by an accomplice saves next to nothing.
        #[pallet::constant]
        type Bounty: Get<Perbill>;
        /// Blocks for which a proof counts.
        #[pallet::constant]
        type Validity: Get<BlockNumberFor<Self>>;
        /// Blocks in which a proof is checked once, on average, by surprise.
        #[pallet::constant]
        type CheckSpan: Get<u32>;
        /// Blocks in which a worker proves anew when it is checked: time for two runs. Too few, and it must drop what
        /// it computes; too many, and a machine can be rented for the check.
        #[pallet::constant]
        type CheckWindow: Get<BlockNumberFor<Self>>;
        /// Weights of the calls and the hook.
        type WeightInfo: WeightInfo;
    }

    /// What counts of a worker's capacity without a proof, µSUNS.
    #[pallet::storage]
    pub type Allowance<T> = StorageValue<_, u64, ValueQuery>;

    /// The last run of each worker that had one.
    #[pallet::storage]
    pub type Runs<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, RunRecordOf<T>>;

    /// What workers have proven.
    #[pallet::storage]
    pub type Proofs<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, ProofRecordOf<T>>;

    /// The worker of each number that a proof has.
    #[pallet::storage]
    pub type ProverAt<T: Config> = StorageMap<_, Twox64Concat, u32, T::AccountId>;

    /// The block in which a worker's last false claim was settled; of workers that had one.
    #[pallet::storage]
    pub type FalseClaims<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, BlockNumberFor<T>>;

    /// How many proofs there are, those among them that are over and not yet found.
    #[pallet::storage]
    pub type ProverCount<T> = StorageValue<_, u32, ValueQuery>;

    /// The randomness of all blocks so far, as of each block that commitments may wait for.
    #[pallet::storage]
    pub type Beacons<T: Config> = StorageMap<_, Twox64Concat, BlockNumberFor<T>, H256>;

    /// The genesis state.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// What counts without a proof, µSUNS. Zero: nothing.
        pub allowance: u64,
        /// The runtime.
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Allowance::<T>::put(self.allowance);
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A worker's clock runs.
        RunStarted {
            /// Its key.
            worker: T::AccountId,
        },
        /// A worker has computed.
        RunCommitted {
            /// Its key.
            worker: T::AccountId,
            /// How much.
            shape: Shape,
            /// What that shows, if it is true, µSUNS.
            capacity: u64,
            /// The block whose beacon says what is to be opened.
            draw_at: BlockNumberFor<T>,
        },
        /// A worker has opened what was drawn.
        CapacityProven {
            /// Its key.
            worker: T::AccountId,
            /// What it has proven, µSUNS.
            capacity: u64,
            /// The last block in which that counts.
            until: BlockNumberFor<T>,
        },
        /// A proof is checked by surprise.
        CheckDrawn {
            /// The worker key.
            worker: T::AccountId,
            /// The last block in which the proof counts, unless there is another by then.
            until: BlockNumberFor<T>,
        },
        /// A worker did not open what was drawn, and was slashed.
        ClaimFalse {
            /// Its key.
            worker: T::AccountId,
            /// What was taken of its bond, planck.
            slashed: u128,
            /// Of that, given to whoever settled it, planck.
            bounty: u128,
        },
        /// What counts without a proof has changed.
        AllowanceSet {
            /// µSUNS.
            allowance: u64,
        },
    }

    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// The signer is no active worker with a sufficient bond.
        NotInService,
        /// The worker's profile contains nothing that the kernel shows: what is declared counts.
        NothingToProve,
        /// The last run began too short a time ago: wait for `RunEvery` blocks.
        TooSoon,
        /// The worker has a commitment that is not decided: open it, or settle it when its time is over.
        Undecided,
        /// The worker has not started a run, or has committed to it already.
        NotRunning,
        /// The seed is not of the block in which the run began: that block is another one now. Start anew.
        WrongSeed,
        /// The run is too young to show anything: compute for longer.
        RunTooShort,
        /// The run took too long: start anew.
        RunTooLong,
        /// There must be one segment at least, and at most 2^28 of all lanes.
        BadShape,
        /// Each lane has to be fast enough to meet deadlines: prove fewer lanes.
        LaneTooSlow,
        /// The worker has committed to nothing that is to be opened.
        NothingToOpen,
        /// What is to be opened is not drawn yet.
        NotDrawn,
        /// The time to open what was drawn is over.
        OpenedTooLate,
        /// These are not the segments that were drawn, or they were not computed as the commitment says.
        DoesNotHold,
        /// There is no commitment of this worker that it can open no more.
        NothingToSettle,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            let beacon = Self::advance_beacon(now);
            Self::check_somebody(now, &beacon);
            <T as Config>::WeightInfo::on_initialize()
        }

        fn integrity_test() {
            assert!(
                0 < T::MinRun::get() && T::MinRun::get() < T::MaxRun::get(),
                "a run must take some time, and have some time to be committed to"
            );
            assert!(
                !T::DrawDelay::get().is_zero() && !T::OpenWindow::get().is_zero(),
                "what is drawn must be unknown at the commitment, and there must be time to open it"
            );
            assert!(
                T::CheckSpan::get() > 0 && !T::RunEvery::get().is_zero(),
                "CheckSpan and RunEvery must not be zero"
            );
            assert!(
                T::Bounty::get() <= Perbill::from_percent(50),
                "who settles its own claim by an accomplice must lose most of the slash"
            );
            assert!(
                T::RunEvery::get() < T::CheckWindow::get()
                    && T::CheckWindow::get() < T::Validity::get(),
                "a worker that is checked must be able to prove anew before its proof ends"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Starts a run: the clock runs from this block on, whose hash is what the seed is made of. A run that was not
        /// committed to ends. Feeless if it would succeed.
        ///
        /// # Origin
        /// The worker key.
        ///
        /// # Errors
        /// [`Error::NotInService`], [`Error::NothingToProve`], [`Error::TooSoon`], [`Error::Undecided`].
        ///
        /// # Events
        /// [`Event::RunStarted`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::start())]
        #[pallet::feeless_if(|origin: &OriginFor<T>| -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_start(&worker).is_ok())
        })]
        pub fn start(origin: OriginFor<T>) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_start(worker)
        }

        /// Commits to what was computed since the start. Feeless if it would succeed.
        ///
        /// # Origin
        /// The worker key.
        ///
        /// # Parameters
        /// - `seed`: what it was computed from; refused if the chain has another block there by now.
        /// - `shape`: lanes, and segments of each.
        /// - `root`: Merkle root of the states at the ends of all segments, lane by lane.
        ///
        /// # Errors
        /// [`Error::NotRunning`], [`Error::WrongSeed`], [`Error::RunTooShort`], [`Error::RunTooLong`],
        /// [`Error::BadShape`], [`Error::LaneTooSlow`], [`Error::NotInService`].
        ///
        /// # Events
        /// [`Event::RunCommitted`].
        #[pallet::call_index(1)]
        #[pallet::weight(<T as Config>::WeightInfo::commit())]
        #[pallet::feeless_if(
            |origin: &OriginFor<T>, seed: &H256, shape: &Shape, _root: &H256| -> bool {
                ensure_signed(origin.clone())
                    .is_ok_and(|worker| Pallet::<T>::check_commit(&worker, seed, shape).is_ok())
            }
        )]
        pub fn commit(
            origin: OriginFor<T>,
            seed: H256,
            shape: Shape,
            root: H256,
        ) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_commit(worker, seed, shape, root)
        }

        /// Opens the segments that were drawn, in their order; each is computed again. Feeless if it would succeed.
        ///
        /// # Origin
        /// The worker key, also of a worker that is paused or leaving.
        ///
        /// # Errors
        /// [`Error::NothingToOpen`], [`Error::NotDrawn`], [`Error::OpenedTooLate`], [`Error::DoesNotHold`].
        ///
        /// # Events
        /// [`Event::CapacityProven`].
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::open(MAX_DEPTH))]
        #[pallet::feeless_if(|origin: &OriginFor<T>, openings: &Openings| -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|worker| Pallet::<T>::check_open(&worker, openings).is_ok())
        })]
        pub fn open(origin: OriginFor<T>, openings: Openings) -> DispatchResult {
            let worker = ensure_signed(origin)?;
            Self::do_open(worker, openings)
        }

        /// Ends a commitment that was not opened in time: the worker is slashed, of its whole bond if it was within the last
        /// [`Config::FalseClaimMemory`] blocks before, and has proven nothing. Of what the operator loses [`Config::Bounty`] is
        /// for the signer, unless that is the worker or its operator. Feeless for the worker key, and nobody pays for it who
        /// succeeds.
        ///
        /// # Origin
        /// Signed by anyone.
        ///
        /// # Errors
        /// [`Error::NothingToSettle`].
        ///
        /// # Events
        /// [`Event::ClaimFalse`], and the register's `WorkerSlashed`.
        #[pallet::call_index(3)]
        #[pallet::weight(<T as Config>::WeightInfo::settle())]
        #[pallet::feeless_if(|origin: &OriginFor<T>, worker: &T::AccountId| -> bool {
            ensure_signed(origin.clone())
                .is_ok_and(|who| &who == worker && Pallet::<T>::check_settle(worker).is_ok())
        })]
        pub fn settle(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Self::do_settle(who, worker)?;
            // There is one to end per commitment, which was paid for.
            Ok(Pays::No.into())
        }

        /// Sets what counts of each worker's capacity without a proof. Above a tenth of a SUNS, which the least bond is
        /// for, whoever splits a machine that does not exist has that much for each part.
        ///
        /// # Origin
        /// [`Config::GovernanceOrigin`].
        ///
        /// # Parameters
        /// - `allowance`: µSUNS.
        ///
        /// # Events
        /// [`Event::AllowanceSet`].
        #[pallet::call_index(4)]
        #[pallet::weight(<T as Config>::WeightInfo::set_allowance())]
        pub fn set_allowance(
            origin: OriginFor<T>,
            #[pallet::compact] allowance: u64,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Allowance::<T>::put(allowance);
            Self::deposit_event(Event::AllowanceSet { allowance });
            Ok(())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// How a worker's capacity stands; `None` if it is none.
        pub fn standing(worker: T::AccountId) -> Option<Standing<BlockNumberFor<T>>> {
            Self::standing_of(&worker)
        }
    }
}
