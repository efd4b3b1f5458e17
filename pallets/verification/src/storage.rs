//! What is stored.

use frame_support::pallet_macros::pallet_section;

/// Storage of the pallet.
#[pallet_section]
mod storage {
    /// Batches in flight, on their way to a verdict.
    #[pallet::storage]
    pub type Ballots<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, BallotRecordOf<T>>;

    /// Results of accepted batches, until their job is cleaned up.
    #[pallet::storage]
    pub type Results<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, ResultRecordOf<T>>;

    /// What results of a worker in an environment were worth so far. Stays when the worker leaves, until anyone has it
    /// forgotten.
    #[pallet::storage]
    pub type Trusts<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Blake2_128Concat,
        EnvironmentId,
        Trust,
        ValueQuery,
    >;

    /// The block in which an operator was caught last: a result of a worker of its was refuted or not opened, or its outputs
    /// were withheld. Stays until it has no worker any more and anyone has it forgotten.
    #[pallet::storage]
    pub type Caught<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, BlockNumberFor<T>>;

    /// The block until which audits of an operator's results take that began before: those that it seals meanwhile stand as long. Stays as
    /// [`Caught`] does.
    #[pallet::storage]
    pub type AuditedUntil<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, BlockNumberFor<T>>;

    /// Operators that could not get a job's input, or handed batches of it back, the latest last.
    #[pallet::storage]
    pub type Decliners<T: Config> = StorageMap<_, Twox64Concat, JobId, DeclinersOf<T>, ValueQuery>;

    /// The requester says that it has the outputs of all batches below this one.
    #[pallet::storage]
    pub type Received<T: Config> = StorageMap<_, Twox64Concat, JobId, BatchIndex, ValueQuery>;

    /// Calls for witnesses, one at a time for a settled batch.
    #[pallet::storage]
    pub type Calls<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, BatchIndex, CallRecordOf<T>>;

    /// What requesters think of an operator's service, until it has no worker any more and anyone has it forgotten. Moves no
    /// money, and nothing trusts it.
    #[pallet::storage]
    pub type Ratings<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Rating, ValueQuery>;

    /// Operators that a job's requester has rated, until the job is cleaned up.
    #[pallet::storage]
    pub type Rated<T: Config> =
        StorageDoubleMap<_, Twox64Concat, JobId, Blake2_128Concat, T::AccountId, ()>;

    /// The randomness of all blocks before this one, chained.
    #[pallet::storage]
    pub type Beacon<T: Config> = StorageValue<_, H256, ValueQuery>;

    /// Blocks in which witnesses fetch outputs; [`Config::WitnessWindow`] if absent.
    #[pallet::storage]
    pub type WitnessBlocks<T: Config> = StorageValue<_, BlockNumberFor<T>>;
}
