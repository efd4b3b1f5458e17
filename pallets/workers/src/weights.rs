//! Weights of the calls.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Of [`register`](crate::Pallet::register).
    fn register() -> Weight;
    /// Of [`update`](crate::Pallet::update).
    fn update() -> Weight;
    /// Of [`set_capacity`](crate::Pallet::set_capacity).
    fn set_capacity() -> Weight;
    /// Of [`bond_more`](crate::Pallet::bond_more).
    fn bond_more() -> Weight;
    /// Of [`pause`](crate::Pallet::pause).
    fn pause() -> Weight;
    /// Of [`resume`](crate::Pallet::resume).
    fn resume() -> Weight;
    /// Of [`leave`](crate::Pallet::leave).
    fn leave() -> Weight;
    /// Of [`withdraw`](crate::Pallet::withdraw).
    fn withdraw() -> Weight;
    /// Of [`set_environment`](crate::Pallet::set_environment).
    fn set_environment() -> Weight;
    /// Of [`rotate_key`](crate::Pallet::rotate_key).
    fn rotate_key() -> Weight;
    /// Of [`offer`](crate::Pallet::offer).
    fn offer() -> Weight;
    /// Of [`retract_offer`](crate::Pallet::retract_offer).
    fn retract_offer() -> Weight;
    /// Of [`accept`](crate::Pallet::accept).
    fn accept() -> Weight;
    /// Of [`unbond`](crate::Pallet::unbond).
    fn unbond() -> Weight;
    /// Of [`withdraw_unbonded`](crate::Pallet::withdraw_unbonded).
    fn withdraw_unbonded() -> Weight;
}

impl WeightInfo for () {
    // Verifies a signature; touches the record, the operator and its holds, the key's account, the roster.
    fn register() -> Weight {
        Weight::from_parts(95_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(6, 6))
    }

    // The record and its attestations.
    fn update() -> Weight {
        Weight::from_parts(35_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 2))
    }

    fn set_capacity() -> Weight {
        Weight::from_parts(30_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 1))
    }

    fn bond_more() -> Weight {
        Weight::from_parts(60_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(3, 3))
    }

    fn pause() -> Weight {
        Weight::from_parts(25_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(5, 5))
    }

    fn resume() -> Weight {
        Weight::from_parts(25_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }

    fn leave() -> Weight {
        Weight::from_parts(25_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(5, 5))
    }

    // With what others delegated: their pool, its account and what it has earned.
    fn withdraw() -> Weight {
        Weight::from_parts(130_000_000, 16_000)
            .saturating_add(RocksDbWeight::get().reads_writes(12, 9))
    }

    fn set_environment() -> Weight {
        Weight::from_parts(30_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 1))
    }

    // Verifies a signature; both keys' records, accounts and roster entries, the attestations, the pool.
    fn rotate_key() -> Weight {
        Weight::from_parts(115_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(13, 14))
    }

    fn offer() -> Weight {
        Weight::from_parts(25_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 1))
    }

    fn retract_offer() -> Weight {
        Weight::from_parts(25_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(2, 1))
    }

    // A rotation, the offer, two accounts and their holds.
    fn accept() -> Weight {
        Self::rotate_key().saturating_add(
            Weight::from_parts(130_000_000, 16_000)
                .saturating_add(RocksDbWeight::get().reads_writes(5, 5)),
        )
    }

    // The record.
    fn unbond() -> Weight {
        Weight::from_parts(30_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }

    // The record, the offer, the operator and its holds.
    fn withdraw_unbonded() -> Weight {
        Weight::from_parts(60_000_000, 8_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 3))
    }
}
