//! Weights of the calls.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

use crate::MAX_PLANTED;

/// Weights of the calls.
pub trait WeightInfo {
    /// Of [`admit`](crate::Pallet::admit).
    fn admit() -> Weight;
    /// Of [`dismiss`](crate::Pallet::dismiss).
    fn dismiss() -> Weight;
    /// Of [`plant`](crate::Pallet::plant) with `n` seals.
    fn plant(n: u32) -> Weight;
    /// Of [`expose`](crate::Pallet::expose).
    fn expose() -> Weight;
    /// Of [`uproot`](crate::Pallet::uproot) with `n` seals.
    fn uproot(n: u32) -> Weight;
    /// Of [`expose_parts`](crate::Pallet::expose_parts) with `n` leaves and `p` accepted parts.
    fn expose_parts(n: u32, p: u32) -> Weight;
}

impl WeightInfo for () {
    fn admit() -> Weight {
        Weight::from_parts(20_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }

    // The keeper and all that it can have planted.
    fn dismiss() -> Weight {
        Self::plant(MAX_PLANTED)
    }

    // The keeper, the next job's number; each seal.
    fn plant(n: u32) -> Weight {
        let n = u64::from(n);
        Weight::from_parts(20_000_000, 4_000)
            .saturating_add(Weight::from_parts(5_000_000, 3_000).saturating_mul(n))
            .saturating_add(
                RocksDbWeight::get().reads_writes(n.saturating_add(2), n.saturating_add(1)),
            )
    }

    // Keeper, seal, job, result; the trust of everyone who found it (12); two balances.
    fn expose() -> Weight {
        Weight::from_parts(100_000_000, 60_000)
            .saturating_add(RocksDbWeight::get().reads_writes(20, 18))
    }

    // The keeper; each seal.
    fn uproot(n: u32) -> Weight {
        Self::plant(n)
    }

    // Whether each part is in flight, or checked, before it is looked at as a whole batch is; three hashes for each leaf, as it is
    // summed up for the batch and for its part.
    fn expose_parts(n: u32, p: u32) -> Weight {
        let parts = Self::expose().saturating_mul(u64::from(p).saturating_add(1));
        parts
            .saturating_add(Weight::from_parts(5_000_000, 0).saturating_mul(n.into()))
            .saturating_add(RocksDbWeight::get().reads(u64::from(p).saturating_mul(3)))
    }
}
