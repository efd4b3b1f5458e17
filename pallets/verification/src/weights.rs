//! Weights of the verifier's calls and deadlines.
//!
//! Those of `()` are estimates by hand, for mocks; a runtime's are measured on it by `scripts/weights`.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// What the verifier needs weighed.
pub trait WeightInfo {
    /// [`crate::Pallet::commit`], the failure of the batch included.
    fn commit() -> Weight;
    /// [`crate::Pallet::commit`] of a part of a batch, the failure of the rest included.
    fn commit_part() -> Weight;
    /// [`crate::Pallet::commit`] after which a quorum is asked for its reveals, or waits for a draw.
    fn commit_open() -> Weight;
    /// [`crate::Pallet::commit`] of a batch that so many equal results decide, after which reveals or a draw are awaited.
    fn commit_few() -> Weight;
    /// [`crate::Pallet::commit`] after which others' are awaited.
    fn commit_awaited() -> Weight;
    /// [`crate::Pallet::reveal`], the verdict on as many workers as can get a batch included.
    fn reveal() -> Weight;
    /// [`crate::Pallet::reveal`], the verdict on `w` workers, at most [`FEW`](crate::FEW), included, of whom `p` share their income
    /// with others.
    fn reveal_few(w: u32, p: u32) -> Weight;
    /// [`crate::Pallet::reveal`] after which others are awaited.
    fn reveal_open() -> Weight;
    /// [`crate::Pallet::challenge`].
    fn challenge() -> Weight;
    /// [`crate::Pallet::decline`], the failure of the batch included.
    fn decline() -> Weight;
    /// [`crate::Pallet::hand_back`], the failure of the batch included.
    fn hand_back() -> Weight;
    /// [`crate::Pallet::resume`].
    fn resume() -> Weight;
    /// [`crate::Pallet::acknowledge`] of `b` batches of a job that has not ended.
    fn acknowledge(b: u32) -> Weight;
    /// [`crate::Pallet::rate`].
    fn rate() -> Weight;
    /// [`crate::Pallet::forget_trust`].
    fn forget_trust() -> Weight;
    /// [`crate::Pallet::forget_rating`].
    fn forget_rating() -> Weight;
    /// [`crate::Pallet::call_witnesses`].
    fn call_witnesses() -> Weight;
    /// [`crate::Pallet::attest`], and [`crate::Pallet::testify`] after which others are awaited.
    fn attest() -> Weight;
    /// [`crate::Pallet::testify`], what follows for as many workers as can have found a result included.
    fn testify() -> Weight;
    /// A deadline after which a batch fails.
    fn deadline() -> Weight;
    /// A deadline at which witnesses are drawn, out of as many workers as are looked at.
    fn draw_witnesses() -> Weight;
    /// A deadline of a batch that is decided, or not due any more.
    fn deadline_moot() -> Weight;
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
        // As below, and as when the market abandons a batch.
        estimate(350, 80, 56)
    }
    fn commit_part() -> Weight {
        // As what is handed back, and a commitment; a record, a ballot, a price and deadlines of the rest.
        Self::hand_back()
            .saturating_add(Self::commit_open())
            .saturating_add(estimate(60, 24, 24))
    }
    fn commit_open() -> Weight {
        // Ballot, job, batch, worker, agenda; the trust of everyone who has the batch (12); declines.
        estimate(120, 23, 5)
    }
    fn commit_few() -> Weight {
        // Ballot, job, batch, its price, worker, declines; agenda, its cursor.
        estimate(105, 7, 5)
    }
    fn commit_awaited() -> Weight {
        // The same without the agenda.
        estimate(90, 6, 3)
    }
    fn reveal() -> Weight {
        // Ballot, result, job, batch, image, holds, pot, treasury, floor and spot price; per claimant (12) worker, trust
        // and balances of its operator; per winner (up to 10) points and credit, and the pool of those who delegated to
        // it, with its account, its points and a start; 36 transfers when six losers pay six winners.
        estimate(1_100, 192, 156)
    }
    fn reveal_few(w: u32, p: u32) -> Weight {
        // The same of so many, and of so many pools.
        let (w, p) = (u64::from(w), u64::from(p));
        estimate(
            80 + 65 * w + 20 * p,
            12 + 10 * w + 5 * p,
            12 + 9 * w + 3 * p,
        )
    }
    fn reveal_open() -> Weight {
        // Ballot, job, batch, worker.
        estimate(80, 6, 3)
    }
    fn challenge() -> Weight {
        // Ballot, job, batch, balances, agenda.
        estimate(100, 10, 8)
    }
    fn decline() -> Weight {
        // As when the market abandons a batch, a juror's decline included after which a challenged result stands; declines,
        // deposit, treasury.
        estimate(300, 66, 56)
    }
    fn hand_back() -> Weight {
        // As a decline, without deposit and treasury.
        estimate(300, 66, 56)
    }
    fn resume() -> Weight {
        // Job, holds, account, declines.
        estimate(80, 5, 5)
    }
    fn acknowledge(b: u32) -> Weight {
        // Job, receipt; per batch its ballot, agenda and the agenda's cursor.
        estimate(40, 3, 2).saturating_add(estimate(15, 2, 2).saturating_mul(u64::from(b)))
    }
    fn rate() -> Weight {
        // Job, result, mark, rating.
        estimate(50, 4, 2)
    }
    fn forget_trust() -> Weight {
        // The worker, and as many records of it as go at once.
        let records = u64::from(crate::FORGOTTEN_AT_ONCE);
        estimate(40, 2 + records, records)
    }
    fn forget_rating() -> Weight {
        // The operator's holds, its rating, when it was caught, until when it is audited.
        estimate(45, 4, 3)
    }
    fn call_witnesses() -> Weight {
        // Job, result, receipt, call, doubt, holds, agenda; as many workers as can have found a result (12).
        estimate(120, 22, 18)
    }
    fn attest() -> Weight {
        // Call, agenda, its cursor.
        estimate(45, 4, 3)
    }
    fn testify() -> Weight {
        // Call, result, job, doubt, holds, treasury, price; as many witnesses as are drawn (7) with their accounts; per worker
        // that found the result (12) its record, trust, credit, and its operator's credit, account and holds.
        estimate(700, 110, 96)
    }
    fn deadline() -> Weight {
        // As when the market abandons a batch.
        estimate(350, 80, 56)
    }
    fn draw_witnesses() -> Weight {
        // Ballot, call, job, result, beacon, agenda; per worker looked at (24) its number, seat, record, proof, tiers and trust.
        estimate(250, 174, 5)
    }
    fn deadline_moot() -> Weight {
        // Ballot, job, batch, call.
        estimate(15, 4, 0)
    }
    fn beacon() -> Weight {
        estimate(10, 2, 1)
    }
}
