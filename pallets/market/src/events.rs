//! What the market reports.

use frame_support::pallet_macros::pallet_section;

/// Part of the pallet.
#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A job was opened.
        JobSubmitted {
            /// Its number.
            job: JobId,
            /// Who pays.
            requester: T::AccountId,
            /// Held for the worst case, planck.
            escrow: u128,
            /// Held for the records, planck.
            deposit: u128,
            /// Number of batches.
            batches: u32,
        },
        /// A series was ordered: its first job starts in the next block.
        SeriesOpened {
            /// Its number.
            series: JobId,
            /// Who pays.
            requester: T::AccountId,
            /// Number of starts.
            times: u32,
        },
        /// A job of a series was opened.
        SeriesStarted {
            /// The series.
            series: JobId,
            /// The job.
            job: JobId,
        },
        /// A job of a series could not be opened.
        SeriesSkipped {
            /// The series.
            series: JobId,
            /// Why.
            reason: DispatchError,
        },
        /// Nothing more of a series is started: it is through, cancelled, or was skipped too often in a row.
        SeriesEnded {
            /// The series.
            series: JobId,
            /// Starts that will not be.
            left: u32,
            /// Released to the requester, planck.
            released: u128,
        },
        /// A batch was cut: its units from `first` on are a batch of their own.
        BatchCut {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The first unit that is not in it any more.
            first: UnitIndex,
            /// The batch that the rest is now.
            made: BatchIndex,
        },
        /// A pending job can be claimed now: the job that it comes after is complete.
        JobOpened {
            /// The job.
            job: JobId,
        },
        /// The bid of a job was raised.
        BidRaised {
            /// The job.
            job: JobId,
            /// What batches claimed from now on are paid by, planck per SUNS·hour.
            price: u128,
            /// Held in addition, planck.
            added: u128,
        },
        /// A worker got a batch.
        BatchClaimed {
            /// The job.
            job: JobId,
            /// The batch that the chain drew.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// Its operator.
            operator: T::AccountId,
        },
        /// A batch needs another replica.
        ReplicaWanted {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Replicas wanted and not claimed.
            wanted: u32,
        },
        /// A batch was accepted and paid.
        BatchSettled {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Merkle root over its unit leaves.
            root: sp_core::H256,
            /// Fuel of its units.
            fuel: u128,
            /// Charge of its units, µSUNS·s.
            charge: u128,
            /// Paid to all winners together, planck.
            paid: u128,
        },
        /// A batch failed; nobody is paid for it.
        BatchFailed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
        },
        /// A worker lost bond over a batch.
        Slashed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// Its operator, whose bond it was.
            operator: T::AccountId,
            /// Taken, planck.
            total: u128,
            /// Of that, to the operators who were right.
            to_honest: u128,
        },
        /// A challenge is over.
        ChallengeEnded {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Who doubted.
            challenger: T::AccountId,
            /// What it lost, planck: jurors' pay and fine; 0 if it was right or nobody decided.
            lost: u128,
        },
        /// The requester cancelled; what was started still completes.
        JobCancelled {
            /// The job.
            job: JobId,
            /// Batches that still complete.
            in_flight: u32,
        },
        /// The deadline came; what has all its replicas still completes.
        JobExpired {
            /// The job.
            job: JobId,
            /// Batches in flight, those about to fail included.
            in_flight: u32,
        },
        /// Nothing of a job is in flight any more.
        JobEnded {
            /// The job.
            job: JobId,
            /// How it ended.
            outcome: Outcome,
            /// Batches accepted.
            settled: u32,
            /// Batches failed.
            failed: u32,
            /// Paid over its life, planck.
            paid: u128,
            /// Released to the requester, planck.
            released: u128,
        },
        /// Witnesses have said what they found, or nothing that decides: what was held and not paid to them is gone or back.
        DoubtEnded {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// What the treasury got, planck: nothing unless the outputs were there.
            fine: u128,
        },
        /// Nobody served the outputs of a batch: what its requester paid is back.
        TurnedBack {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// To the requester, out of the bonds of those who withheld them, planck.
            returned: u128,
            /// What those bonds did not cover, planck.
            owed: u128,
        },
        /// Records of an ended job were removed.
        CleanedUp {
            /// The job.
            job: JobId,
            /// Batches removed by this call.
            batches: u32,
            /// Deposit returned, planck: 0 while records remain.
            deposit: u128,
        },
    }
}
