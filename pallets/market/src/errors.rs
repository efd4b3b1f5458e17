//! Why the market refuses.

use frame_support::pallet_macros::pallet_section;

/// Part of the pallet.
#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such job; it may have been cleaned up.
        NoSuchJob,
        /// The job takes no new work: it is cancelled, expired or ended.
        NotOpen,
        /// Only the requester of the job may do this.
        NotRequester,
        /// There is no job of the number that this one should come after; it may have been cleaned up.
        NoPredecessor,
        /// The job that this one should come after has ended without all of its outputs.
        PredecessorFailed,
        /// Nobody has to serve the outputs of the job that this one should come after any more: it ended too long ago, or
        /// its requester gave a delivery receipt.
        OutputsGone,
        /// The units of the job that this one should come after do not divide evenly among this one's, or are more than
        /// 256 for each.
        UnevenUnits,
        /// As many jobs come after that one as may.
        TooManySuccessors,
        /// A job that comes after this one has not ended: it may need these results.
        InputOfOthers,
        /// Witnesses are at work on outputs of this job: wait until they have said what they found.
        OutputsInQuestion,
        /// A job that comes after another one cannot be repeated: that one's outputs are there once.
        NotRepeatable,
        /// A series has 20 or more blocks between starts, and no more than a job may have until its deadline.
        BadInterval,
        /// A series has 1 to 1,000 starts.
        BadTimes,
        /// A bid can only be raised: give more than the job bids now.
        BidNotRaised,
        /// Every batch of the job has all the workers that it wants, at the bid of that time: a raise would change nothing.
        NothingUnclaimed,
        /// Somebody has sealed a result of this batch, or workers are drawn for it: it stays whole. Hand it back, if it was not
        /// drawn for, or compute it.
        NotToBeCut,
        /// As many batches of this job were cut as may: hand it back.
        TooManyCuts,
        /// A cut leaves at least an eighth of a batch of the order, and not all of this one: hand it back, or seal it whole.
        BadCut,
        /// The job has not ended yet.
        NotEnded,
        /// The job ended too recently: try again once `Retention` blocks have passed.
        RetentionNotOver,
        /// A job needs at least one unit.
        NoUnits,
        /// More units than a job may have: split the job.
        TooManyUnits,
        /// Batches must have 1 to 1,024 units.
        BadBatchSize,
        /// Fuel and memory limit must be above zero.
        NoLimits,
        /// A batch at its limits takes too long, by its fuel or by its bytes: use a smaller batch, fuel limit or traffic limit.
        BatchTooLong,
        /// Two or three replicas must agree, or a quorum have a trust of 2 to 1,000.
        BadPolicy,
        /// There is no such profile.
        UnknownProfile,
        /// The profile does not measure batch work.
        UnsuitableProfile,
        /// The bid is below the floor of the profile.
        PriceBelowFloor,
        /// Results of this environment are not accepted: run an accepted one.
        EnvironmentNotAccepted,
        /// The image was never published.
        UnknownImage,
        /// The image is retired: use a current one.
        ImageRetired,
        /// The deadline is not in the future.
        DeadlinePassed,
        /// The deadline leaves no time to challenge a result: choose a later one, or another policy.
        DeadlineTooNear,
        /// The deadline lies too far ahead: at most `MaxJobBlocks` from now.
        DeadlineTooFar,
        /// Workers need an address of the requester.
        NoEndpoint,
        /// A listed jurisdiction is not an ISO 3166-1 alpha-2 code, or is listed twice.
        BadJurisdiction,
        /// The result of the batch is under challenge already.
        AlreadyChallenged,
        /// The worst case of the job is more than any account can hold.
        EscrowTooLarge,
        /// All job numbers are taken.
        TooManyJobs,
        /// The signer is no worker that may take work now: not registered, paused, leaving, its bond is
        /// too small, or it missed a deadline and rests.
        WorkerUnavailable,
        /// The worker runs another environment than the job asks for.
        WrongEnvironment,
        /// The worker's capacity is measured in another profile.
        WrongProfile,
        /// Replicas in different jurisdictions are wanted, but fewer jurisdictions are listed than replicas.
        TooFewJurisdictions,
        /// The worker does not serve the class of the job's image: its operator may add it.
        ClassNotServed,
        /// The job may not run in the worker's jurisdiction.
        OutsideJurisdictions,
        /// The job may not run in the worker's region.
        OutsideRegions,
        /// The job may not run on the worker's architecture.
        WrongArchitecture,
        /// The job may not run on the worker's source of energy.
        WrongEnergySource,
        /// The worker's power emits more CO2 than the job allows.
        TooMuchCarbon,
        /// The job demands that an auditor stands for an attribute, and none does.
        TierTooLow,
        /// The worker has had too few results accepted in a row, in the job's environment, since its last fault.
        StreakTooShort,
        /// The input of the job is said to be missing: by so many operators that it is paused until its requester resumes
        /// it, or lately by this worker's.
        InputMissing,
        /// No batch of the job is open to this worker's operator now: all are taken or it has had them.
        NothingToClaim,
        /// The worker has no free capacity for a unit of this job.
        CapacityExhausted,
    }
}
