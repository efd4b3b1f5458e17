//! What the runtime decides.

use frame_support::pallet_macros::pallet_section;

/// Configuration of the pallet.
#[pallet_section]
mod config {
    #[pallet::config]
    pub trait Config:
        frame_system::Config<
            RuntimeEvent: From<Event<Self>>,
            // A seal names the worker by its 32-byte public key.
            AccountId: AsRef<[u8; 32]>,
        > + pallet_market::Config
    {
        /// Blocks for fetching, queueing and a slow machine, on top of twice the virtual time.
        #[pallet::constant]
        type CommitSlack: Get<BlockNumberFor<Self>>;
        /// Blocks in which a commitment must be revealed once reveals are open. Too small: a worker that
        /// restarts loses bond. Too large: whoever withholds delays the batch as long.
        #[pallet::constant]
        type RevealWindow: Get<BlockNumberFor<Self>>;
        /// Blocks from the commitment or challenge that calls for a draw to the draw. Of the blocks between, one
        /// that the worker's friends do not make is enough to surprise it. Too small: they make all of them now and then.
        #[pallet::constant]
        type DrawDelay: Get<BlockNumberFor<Self>>;
        /// Blocks in which an optimistic result can be challenged. Too small: nobody gets to compute it again. Too
        /// large: its worker waits as long for its pay.
        #[pallet::constant]
        type ChallengeWindow: Get<BlockNumberFor<Self>>;
        /// Blocks for which a single result of a trusted worker stands, on top of twice the virtual time of its batch. Too small: a
        /// liar is caught only after earlier lies of its were paid. Too large: a worker has to stay as long to open its seal, and
        /// waits as long for its pay.
        #[pallet::constant]
        type StandingWindow: Get<BlockNumberFor<Self>>;
        /// Blocks from a challenge in which jurors can claim their replicas, on top of the time that three of them may
        /// stall. Too small: a summons has not reached everybody. Too large: a worker waits as long for its pay.
        #[pallet::constant]
        type JuryWindow: Get<BlockNumberFor<Self>>;
        /// Most results that are compared to find so many equal ones, before the batch fails.
        #[pallet::constant]
        type MaxReplicas: Get<u32>;
        /// Seconds between blocks, to turn virtual time into blocks.
        #[pallet::constant]
        type SecondsPerBlock: Get<u64>;
        /// Operators whose declines pause a job. Too small: few who collude pause anybody's job. Too large: a job whose
        /// input is missing uses up as many claims.
        #[pallet::constant]
        type DeclinesToPause: Get<u32>;
        /// What the requester pays for each of these declines, planck. Too small: withholding inputs is a free way to
        /// waste claims. Too large: it is worth an enemy's while.
        #[pallet::constant]
        type ClaimFee: Get<u128>;
        /// Blocks in which an operator that declined may claim nothing else of the job. Too small: who declines everything
        /// goes through the batches of a job. Too large: whoever had a bad line misses work.
        #[pallet::constant]
        type DeclineRest: Get<BlockNumberFor<Self>>;
        /// Blocks of a pause that nobody ends, and for which a decline counts towards one. Too small: claims are wasted as
        /// often. Too large: few who collude hold up as long a job whose requester is not watching.
        #[pallet::constant]
        type PauseLength: Get<BlockNumberFor<Self>>;
        /// Whom witnesses are drawn from.
        type Fleet: Fleet<Self::AccountId, BlockNumberFor<Self>>;
        /// What a witness gets that says what more than half of them say, planck. Too small: nobody would be one. Too large:
        /// requesters cannot afford to doubt.
        #[pallet::constant]
        type WitnessFee: Get<u128>;
        /// Blocks in which witnesses fetch outputs, unless the genesis gives them less. Too small: large outputs look
        /// withheld. Too large: whoever withholds has as long to think better of it, and the requester waits.
        #[pallet::constant]
        type WitnessWindow: Get<BlockNumberFor<Self>>;
        /// Weights of the calls and of deadlines.
        type WeightInfo: WeightInfo;
    }
}
