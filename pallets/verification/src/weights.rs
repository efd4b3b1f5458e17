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
    /// [`crate::Pallet::challenge`].
    fn challenge() -> Weight;
    /// A deadline, a verdict included.
    fn deadline() -> Weight;
    /// Advancing the beacon, every block.
    fn beacon() -> Weight;
}

fn estimate(micros: u64, reads: u64, writes: u64) -> Weight {
    // 3 KiB of proof per item read: the largest record here is below 3 KiB.
    Weight::from_parts(
        micros.saturating_mul(1_000_000),
        reads.saturating_mul(3_072),
    )
    .saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}

impl WeightInfo for () {
    fn commit() -> Weight {
        // Ballot, job, batch, worker, agenda; the trust of everyone who has the batch (12); the window that a
        // further replica enters.
        estimate(120, 24, 9)
    }
    fn reveal() -> Weight {
        // Ballot, result, job, batch, image, holds, pot, treasury, floor and spot price; per claimant (12) worker, trust
        // and balances of its operator; per winner (up to 10) points and credit; 36 transfers when six losers pay six
        // winners.
        estimate(900, 132, 116)
    }
    fn challenge() -> Weight {
        // Ballot, job, batch, balances, agenda.
        estimate(100, 10, 8)
    }
    fn deadline() -> Weight {
        estimate(900, 132, 116)
    }
    fn beacon() -> Weight {
        estimate(10, 2, 1)
    }
}
