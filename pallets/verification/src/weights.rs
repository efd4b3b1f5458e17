//! Weights of the verifier's calls and deadlines.
//!
//! Conservative estimates by hand, until the benchmarks of this pallet have run on reference hardware: each
//! counts the storage items that the worst case touches, the market's verdict and the slashes included.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// What the verifier needs weighed.
pub trait WeightInfo {
    /// [`crate::Pallet::commit`].
    fn commit() -> Weight;
    /// [`crate::Pallet::reveal`], a verdict included.
    fn reveal() -> Weight;
    /// A deadline, a verdict included.
    fn deadline() -> Weight;
}

fn estimate(micros: u64, reads: u64, writes: u64) -> Weight {
    // 2 KiB of proof per item read: the largest record here is below 2 KiB.
    Weight::from_parts(
        micros.saturating_mul(1_000_000),
        reads.saturating_mul(2_048),
    )
    .saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}

impl WeightInfo for () {
    fn commit() -> Weight {
        // Ballot, job, batch, worker, agenda.
        estimate(80, 8, 6)
    }
    fn reveal() -> Weight {
        // Ballot, result, job, batch, image, holds, pot, floor and spot price; per winner (3) points and credit; per loser (5)
        // worker and balances of up to 5 accounts; per claimant (8) the worker.
        estimate(500, 102, 91)
    }
    fn deadline() -> Weight {
        estimate(500, 102, 91)
    }
}
