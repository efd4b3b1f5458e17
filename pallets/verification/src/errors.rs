//! What callers can do wrong.

use frame_support::pallet_macros::pallet_section;

/// Errors of the pallet.
#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such batch in flight: it is decided, failed, or was never claimed.
        NotInFlight,
        /// The signer has no replica of this batch: it was never assigned, or missed its commit deadline.
        NotAssigned,
        /// The worker has committed already: a seal cannot be replaced.
        AlreadyCommitted,
        /// A seal over more units than the batch has: it was cut. Seal those that it has; the others are a batch that this worker has,
        /// too.
        OfOtherUnits,
        /// The commit deadline has passed.
        CommitTooLate,
        /// The worker has not committed.
        NotCommitted,
        /// Not enough replicas agree yet: wait for `RevealOpened`.
        RevealNotOpen,
        /// Others agreed on another result: there is nothing to reveal.
        Outvoted,
        /// The worker has revealed already.
        AlreadyRevealed,
        /// The reveal window has passed.
        RevealTooLate,
        /// What is revealed does not open the worker's seal: give what was sealed, with the same salt.
        SealMismatch,
        /// There is no result to challenge: the policy has no challenge, the result is not revealed yet, or is
        /// challenged already.
        NotStanding,
        /// The challenge window has passed.
        ChallengeTooLate,
        /// More fuel or charge than a batch at its limits can have.
        ExceedsTerms,
        /// No operator says that the job's input is missing.
        NothingDeclined,
        /// The receipt names a batch that is not decided yet.
        NotDelivered,
        /// The receipt covers no batch that an earlier one did not.
        AlreadyReceived,
        /// A receipt of a job that has not ended covers at most [`MAX_RECEIPT`] batches: send several.
        ReceiptTooLong,
        /// The batch has no accepted result, or its records are cleaned up: there are no outputs to fetch.
        NotSettled,
        /// Bonds do not answer for these outputs any more: witnesses can be called until `Retention` blocks after the batch was
        /// accepted.
        CallTooLate,
        /// Witnesses are at it: wait until they have said what they found.
        AlreadyCalled,
        /// Witnesses have said already whether the outputs of this batch are to be had.
        AlreadyWitnessed,
        /// No witnesses are wanted for this batch, or their time is over.
        NotCalled,
        /// The signer was not drawn as a witness for this batch.
        NotDrawn,
        /// Witnesses still seal what they find: wait for `TestimoniesOpened`.
        TestimonyNotOpen,
        /// This replica is for an audit or a jury, for which the worker was drawn: it computes it, declines, or misses it.
        DrawnForIt,
        /// Its operator has handed back [`MAX_HANDED_BACK`] batches of this job and delivered none since: deliver one, or
        /// decline.
        HandedBackTooOften,
        /// Only a completed job can be rated, and only before its records are cleaned up.
        NotRatable,
        /// A rating is 1 to [`MOST_STARS`].
        BadRating,
        /// The operator found no result of this batch.
        NotServed,
        /// Nobody rates itself.
        SelfRating,
        /// The requester has rated this operator for this job.
        AlreadyRated,
        /// The worker is registered, or the operator has one: what is known of it stays.
        StillRegistered,
        /// Nothing is known of that worker or operator.
        NothingToForget,
    }
}
