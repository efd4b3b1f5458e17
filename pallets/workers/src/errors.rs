//! What can be wrong with a call.

use frame_support::pallet_macros::pallet_section;

/// The errors.
#[pallet_section]
mod errors {
    #[pallet::error]
    #[derive(PartialEq, Eq)]
    pub enum Error<T> {
        /// No worker with this key: register it first.
        UnknownWorker,
        /// A worker with this key is registered: withdraw it first, or use another key.
        AlreadyRegistered,
        /// The proof is not the worker key's signature for this operator on this chain: let the worker key
        /// sign the registration payload again.
        BadProof,
        /// ISO 3166-1 assigns no such alpha-2 code: give two capital letters, such as `DE`.
        UnknownJurisdiction,
        /// A worker serves at least one task class, and lists each once; to take no work, pause it.
        BadClasses,
        /// The environment is not accepted: update the worker's software.
        UnknownEnvironment,
        /// There is no such profile.
        UnknownProfile,
        /// The resources amount to nothing: the profile needs some of every resource that it contains.
        NoCapacity,
        /// The bond is below the minimum for this capacity: bond more or offer less.
        BondTooLow,
        /// There is nothing to add to the bond: name an amount above zero.
        NothingToBond,
        /// The capacity would be below what is in use: wait for work to end or offer more.
        CapacityInUse,
        /// Only the worker's operator may do this.
        NotOperator,
        /// Only the worker's operator or its key may do this.
        NeitherOperatorNorWorker,
        /// The worker is paused already.
        AlreadyPaused,
        /// The worker is not paused.
        NotPaused,
        /// The operator paused the worker: only the operator can resume it.
        Suspended,
        /// The worker is leaving: withdraw it and register it anew.
        Leaving,
        /// The worker has to leave first.
        NotLeaving,
        /// The bond stays until the cool-down is over.
        CoolingDown,
        /// A batch of this worker is not decided yet: wait for its verdict.
        WorkInFlight,
        /// The bond answers for the outputs of results that were accepted lately: wait until the worker's `liable_until`, and
        /// serve them as long.
        Liable,
        /// An operator does not delegate to its own worker: bond more.
        OwnWorker,
        /// The operator's own part of the bond would be too small: it has to bond more first.
        OwnPartTooSmall,
        /// Nobody has offered this worker to the signer.
        NoOffer,
        /// The worker is offered at another price: look at the offer again.
        OtherPrice,
        /// The offer can be accepted later: until then those who delegated to the worker can leave.
        OfferTooNew,
        /// Nearly all that others delegated to this worker was slashed: nobody can join them any more.
        SlashedOut,
        /// There is nothing to take out of the bond: name an amount above zero.
        NothingToUnbond,
        /// Too many parts of this bond leave already: withdraw what is free of them first.
        TooManyUnbondings,
        /// Nothing of this bond leaves: `unbond` some of it first.
        NothingLeaves,
        /// The worker is offered to somebody, bond included: retract the offer first.
        Offered,
        /// The worker missed a deadline or was slashed: its bond stays until its rest is forgotten. Wait until its `rests_until`, and 16 times its `arrears` more.
        Resting,
    }
}
