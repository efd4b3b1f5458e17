//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// The events.
#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A worker joined.
        WorkerRegistered {
            /// Its key.
            worker: T::AccountId,
            /// Who bonds it.
            operator: T::AccountId,
            /// Its environment.
            environment: EnvironmentId,
            /// Its profile.
            profile: ProfileId,
            /// Its capacity, µSUNS.
            capacity: u64,
            /// Its bond, planck.
            bond: u128,
        },
        /// A worker's address or attributes changed.
        WorkerUpdated {
            /// Its key.
            worker: T::AccountId,
        },
        /// A worker's capacity changed.
        CapacitySet {
            /// Its key.
            worker: T::AccountId,
            /// Capacity from now, µSUNS.
            capacity: u64,
        },
        /// A worker's environment changed.
        EnvironmentSet {
            /// Its key.
            worker: T::AccountId,
            /// Environment from now.
            environment: EnvironmentId,
        },
        /// A worker's bond grew.
        BondIncreased {
            /// Its key.
            worker: T::AccountId,
            /// Bond from now, planck.
            bond: u128,
        },
        /// A part of a worker's bond leaves: slashable until it is withdrawn.
        Unbonding {
            /// The worker's key.
            worker: T::AccountId,
            /// Planck.
            amount: u128,
            /// What of the operator's part stays, planck.
            stays: u128,
        },
        /// What had left a worker's bond was released.
        UnbondedWithdrawn {
            /// The worker's key.
            worker: T::AccountId,
            /// To whom.
            operator: T::AccountId,
            /// Planck.
            amount: u128,
            /// Bond from now, planck, with what still leaves.
            bond: u128,
        },
        /// A worker takes no work for the time being.
        WorkerPaused {
            /// Its key.
            worker: T::AccountId,
            /// Whether only its operator can resume it.
            suspended: bool,
        },
        /// A worker missed a deadline for something that it had claimed, or was slashed: it takes no work for a while.
        WorkerRests {
            /// Its key.
            worker: T::AccountId,
            /// Who bonds it.
            operator: T::AccountId,
            /// First block in which it may claim again.
            until: BlockNumberFor<T>,
        },
        /// A paused worker takes work again.
        WorkerResumed {
            /// Its key.
            worker: T::AccountId,
        },
        /// A worker takes no more work.
        WorkerLeaving {
            /// Its key.
            worker: T::AccountId,
            /// First block at which its bond may be withdrawn.
            until: BlockNumberFor<T>,
        },
        /// A worker is gone, its bond released.
        WorkerWithdrawn {
            /// Its key.
            worker: T::AccountId,
            /// Who bonded it.
            operator: T::AccountId,
            /// Released, planck.
            bond: u128,
        },
        /// A worker has another key.
        KeyRotated {
            /// The key that it had.
            worker: T::AccountId,
            /// The key that it has.
            key: T::AccountId,
        },
        /// A worker is offered to another operator.
        WorkerOffered {
            /// Its key.
            worker: T::AccountId,
            /// To whom.
            to: T::AccountId,
            /// What that is to pay, planck.
            price: u128,
            /// First block in which it can be accepted.
            from: BlockNumberFor<T>,
        },
        /// A worker is not offered any more.
        OfferRetracted {
            /// Its key.
            worker: T::AccountId,
        },
        /// A worker has another operator, and another key.
        WorkerHandedOver {
            /// The key that it had.
            worker: T::AccountId,
            /// The key that it has.
            key: T::AccountId,
            /// Who operated it.
            from: T::AccountId,
            /// Who operates it.
            to: T::AccountId,
            /// Paid by the latter to the former, planck.
            price: u128,
        },
        /// A worker did not answer the liveness lottery: it is paused.
        WorkerAbsent {
            /// Its key.
            worker: T::AccountId,
            /// Who bonds it.
            operator: T::AccountId,
            /// Taken, planck.
            penalty: u128,
            /// What is left of the operator's part of the bond, planck.
            bond: u128,
        },
        /// A worker withheld what it was paid for: damages left the operator's part of its bond.
        DamagesPaid {
            /// Its key.
            worker: T::AccountId,
            /// Who bonded it.
            operator: T::AccountId,
            /// Who had paid.
            to: T::AccountId,
            /// Taken, planck.
            amount: u128,
            /// What is left of the operator's part of the bond, planck.
            bond: u128,
        },
        /// A worker delivered a wrong result, or withheld what it was paid for, and lost part of its bond.
        WorkerSlashed {
            /// Its key.
            worker: T::AccountId,
            /// Who bonded it.
            operator: T::AccountId,
            /// Taken, planck.
            amount: u128,
            /// Of that, given to the honest replicas' operators, or to whoever found it, planck.
            to_honest: u128,
            /// What is left of the operator's part of the bond, planck.
            bond: u128,
            /// What is left of what others delegated, planck.
            delegated: u128,
        },
    }
}
