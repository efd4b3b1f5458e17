//! Weights of the market's calls and hooks.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// What the market needs weighed.
pub trait WeightInfo {
    /// [`crate::Pallet::submit`].
    fn submit() -> Weight;
    /// [`crate::Pallet::claim`] that looks at `w` batches of the window and gets one for which the trust of `r` workers counts. `c`: whether
    /// the job's constraints ask for tiers or a streak; `p`: whether the batch gets a price of its own. 0 or 1.
    fn claim(w: u32, r: u32, c: u32, p: u32) -> Weight;
    /// [`crate::Pallet::cancel`].
    fn cancel() -> Weight;
    /// [`crate::Pallet::raise`].
    fn raise() -> Weight;
    /// [`crate::Pallet::repeat`].
    fn repeat() -> Weight;
    /// [`crate::Pallet::clean_up`] of `b` batches.
    fn clean_up(b: u32) -> Weight;
    /// Looking for the next entry of the agenda, and removing it.
    fn agenda_lookup() -> Weight;
    /// A job's deadline: it is closed.
    fn agenda_close() -> Weight;
    /// A job's end: one of the jobs that come after it opens, or ends.
    fn agenda_open() -> Weight;
    /// A start of a series, and its end.
    fn agenda_start() -> Weight;
    /// A job's deadline: one batch fails.
    fn agenda_abandon() -> Weight;
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
    fn submit() -> Weight {
        // Profile, floor, environment, image, number, the job before, account, holds, job, agenda, cursor.
        estimate(80, 13, 9)
    }
    fn claim(w: u32, r: u32, c: u32, p: u32) -> Weight {
        let (w, r, c, p) = (u64::from(w), u64::from(r), u64::from(c), u64::from(p));
        // Worker, job, randomness, the records of the window, waiting, the verifier's ballot and agenda, the trust of
        // everyone who has the batch, declines; its attestations, five auditors and trust; its price.
        estimate(130 + 30 * c, 9 + w + r + 7 * c, 8 + p)
    }
    fn cancel() -> Weight {
        estimate(
            120,
            6 + 2 * u64::from(crate::WINDOW),
            6 + u64::from(crate::WINDOW),
        )
    }
    fn raise() -> Weight {
        // Job, account, its holds.
        estimate(50, 3, 3)
    }
    fn repeat() -> Weight {
        // Profile, floor, environment, image, number, account, holds, series, agenda, cursor.
        estimate(80, 11, 7)
    }
    fn clean_up(b: u32) -> Weight {
        // The job, its hold, what the verifier has of it; per batch the result, marks of ratings of those who found it, and
        // its price if the bid was raised.
        let batch = estimate(12, 2, 2 + u64::from(crate::MAX_ASSIGNMENTS));
        estimate(60, 6 + u64::from(crate::MAX_SUCCESSORS), 6)
            .saturating_add(batch.saturating_mul(u64::from(b)))
    }
    fn agenda_lookup() -> Weight {
        estimate(10, 2, 2)
    }
    fn agenda_close() -> Weight {
        // The window's records, what waits for it, the job, its end.
        estimate(
            150,
            8 + 2 * u64::from(crate::WINDOW),
            8 + u64::from(crate::WINDOW),
        )
    }
    fn agenda_open() -> Weight {
        // The job, those after it, the end of one: account, holds, image, agenda, cursor.
        estimate(100, 8 + u64::from(crate::MAX_SUCCESSORS), 8)
    }
    fn agenda_start() -> Weight {
        // Those of an order, and the series, the pot, the agenda again.
        Self::submit().saturating_add(estimate(60, 4, 6))
    }
    fn agenda_abandon() -> Weight {
        // Batch, ballot, job, up to 12 workers twice, a refill, its price, a payment and its credit, the
        // job's end.
        estimate(250, 61, 50)
    }
}
