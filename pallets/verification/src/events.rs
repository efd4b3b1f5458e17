//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// Events of the pallet.
#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A worker sealed its result.
        Committed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// What its result is compared by.
            digest: H256,
            /// The seal.
            commitment: H256,
        },
        /// Enough replicas agree: whoever committed to this digest reveals now.
        RevealOpened {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Last block for reveals.
            until: BlockNumberFor<T>,
            /// What they agree on.
            digest: H256,
        },
        /// It was drawn whether the only result stands or a second replica is wanted.
        Drawn {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Whether it stands.
            stands: bool,
        },
        /// A result is final unless somebody challenges it, if it is optimistic; or its worker is caught with another.
        Standing {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Last block for that.
            until: BlockNumberFor<T>,
        },
        /// A single result does not stand any more: its operator was caught since it was sealed. A second replica is wanted.
        Suspected {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
        },
        /// A result is challenged: a jury will be drawn.
        Challenged {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Who doubts it.
            challenger: T::AccountId,
            /// Held of the challenger, planck.
            bond: u128,
            /// The block in which jurors are drawn.
            draw_at: BlockNumberFor<T>,
        },
        /// A result of a worker was confirmed or refuted, or has stood.
        TrustChanged {
            /// The worker key.
            worker: T::AccountId,
            /// Where the result compares.
            environment: EnvironmentId,
            /// What the worker is trusted with now.
            trust: Trust,
        },
        /// A worker opened its seal.
        Revealed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// Its result.
            summary: BatchSummary,
            /// BLAKE3 of its result bundle.
            bundle: ContentHash,
        },
        /// A worker did not appear.
        Missed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// What did not come.
            phase: Phase,
        },
        /// What is sealed does not decide the batch: more replicas are needed. In a quorum they are drawn, and may be
        /// more or fewer, as they weigh.
        Undecided {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Results so far.
            sealed: u32,
            /// Results that there must be before they are compared again.
            wanted: u32,
        },
        /// A worker declined a batch: its input is not to be had.
        Declined {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// Its operator.
            operator: T::AccountId,
        },
        /// A worker handed a batch back: its machine is needed for something else.
        HandedBack {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// Its operator.
            operator: T::AccountId,
        },
        /// So many operators declined that nothing of the job is claimed until its requester resumes it.
        Paused {
            /// The job.
            job: JobId,
            /// Out of its deposit, to the treasury, planck.
            fee: u128,
        },
        /// The job can be claimed again: its requester says so, or an operator that had declined delivered.
        Resumed {
            /// The job.
            job: JobId,
        },
        /// The requester has the outputs of all batches below this one.
        Received {
            /// The job.
            job: JobId,
            /// The batch.
            below: BatchIndex,
        },
        /// The requester says that nobody serves it the outputs of a batch: witnesses will be drawn.
        WitnessesCalled {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// Held of the requester, planck.
            bond: u128,
            /// The block in which they are drawn.
            draw_at: BlockNumberFor<T>,
        },
        /// These workers try to fetch the outputs of a batch, and seal what they find.
        WitnessesDrawn {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// What drew them, and keys what they show.
            seed: H256,
            /// The last block for their seals.
            until: BlockNumberFor<T>,
            /// Their worker keys.
            witnesses: Vec<T::AccountId>,
        },
        /// A witness sealed what it found.
        Attested {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
        },
        /// Witnesses open their seals now.
        TestimoniesOpened {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The last block for it.
            until: BlockNumberFor<T>,
        },
        /// A witness opened its seal.
        Testified {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// The worker key.
            worker: T::AccountId,
            /// What it fetched, if anything.
            found: Option<H256>,
        },
        /// It is known whether the outputs of a batch are to be had, or nobody could tell.
        Witnessed {
            /// The job.
            job: JobId,
            /// The batch.
            batch: BatchIndex,
            /// What the witnesses came to.
            finding: Finding,
            /// What they got together, planck.
            fees: u128,
        },
        /// A requester rated an operator.
        Rated {
            /// The job.
            job: JobId,
            /// Whose service it was.
            operator: T::AccountId,
            /// 1 to [`MOST_STARS`].
            stars: u8,
        },
        /// The ratings of an operator that has no worker any more were forgotten.
        RatingForgotten {
            /// Whose they were.
            operator: T::AccountId,
        },
        /// The trust in a worker that is registered no more was forgotten.
        TrustForgotten {
            /// The worker key.
            worker: T::AccountId,
            /// In so many environments.
            environments: u32,
        },
    }
}
