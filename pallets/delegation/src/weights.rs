//! Weights of the calls.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights of the calls.
pub trait WeightInfo {
    /// Of [`open`](crate::Pallet::open).
    fn open() -> Weight;
    /// Of [`set_commission`](crate::Pallet::set_commission).
    fn set_commission() -> Weight;
    /// Of [`delegate`](crate::Pallet::delegate).
    fn delegate() -> Weight;
    /// Of [`undelegate`](crate::Pallet::undelegate).
    fn undelegate() -> Weight;
    /// Of [`withdraw`](crate::Pallet::withdraw).
    fn withdraw() -> Weight;
    /// Of [`claim`](crate::Pallet::claim).
    fn claim() -> Weight;
    /// Of [`close`](crate::Pallet::close).
    fn close() -> Weight;
}

fn estimate(micros: u64, reads: u64, writes: u64) -> Weight {
    // 2 KiB of proof per item read: the largest record here is below 1 KiB.
    Weight::from_parts(
        micros.saturating_mul(1_000_000),
        reads.saturating_mul(2_048),
    )
    .saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}

impl WeightInfo for () {
    // The worker, its pool, the next number, two accounts.
    fn open() -> Weight {
        estimate(60, 6, 5)
    }

    fn set_commission() -> Weight {
        estimate(20, 3, 1)
    }

    // To settle: the round, the pool, its account, what it earned of an open round, a start. Then the delegation and
    // its start, the worker, two accounts and the holds of one.
    fn delegate() -> Weight {
        estimate(90, 13, 8)
    }

    fn undelegate() -> Weight {
        estimate(50, 9, 5)
    }

    // Settles; the worker, three accounts and the holds of one, what the pool earned, the pot and what it owes.
    fn withdraw() -> Weight {
        estimate(190, 18, 14)
    }

    fn claim() -> Weight {
        estimate(130, 14, 10)
    }

    fn close() -> Weight {
        estimate(130, 12, 8)
    }
}
