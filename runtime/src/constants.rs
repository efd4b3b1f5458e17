//! Money and time.

/// Amounts of the token, in planck.
pub mod currency {
    use crate::Balance;

    /// One token.
    pub const ISC: Balance = sungrid_primitives::ISC;
    /// A thousandth of a token.
    pub const MILLI_ISC: Balance = ISC / 1_000;
    /// A millionth of a token.
    pub const MICRO_ISC: Balance = MILLI_ISC / 1_000;

    /// Least an account holds. Too small and abandoned accounts fill the state; too large and a worker
    /// cannot be paid its first round.
    pub const EXISTENTIAL_DEPOSIT: Balance = MILLI_ISC;

    /// The deposit for `items` storage entries of `bytes` bytes in all, so that state has a price.
    pub const fn deposit(items: u32, bytes: u32) -> Balance {
        items as Balance * 20 * MILLI_ISC + bytes as Balance * 100 * MICRO_ISC
    }
}

/// What the genesis allocates, and the accounts without a key that keep it: only a referendum moves what is in
/// them (`balances.force_transfer`), except for the node reserve, which `pallet-rewards` pays from by schedule.
pub mod allocation {
    use frame_support::PalletId;

    use super::currency::ISC;
    use crate::Balance;

    /// All tokens at genesis, planck.
    pub const ISSUANCE: Balance = 100_000_000 * ISC;
    /// To nodes, over ten years.
    pub const NODES: Balance = 30_000_000 * ISC;
    /// To promote the network.
    pub const PROMOTION: Balance = 30_000_000 * ISC;
    /// To be sold.
    pub const SALE: Balance = 25_000_000 * ISC;
    /// To the founders, block by block over [`VESTING_YEARS`].
    pub const FOUNDERS: Balance = 15_000_000 * ISC;
    /// How long the founders wait for the last of it.
    pub const VESTING_YEARS: u32 = 4;

    /// Keeps what is for promotion.
    pub const PROMOTION_ID: PalletId = PalletId(*b"sun/prom");
    /// Keeps what is for sale.
    pub const SALE_ID: PalletId = PalletId(*b"sun/sale");

    const _: () = assert!(NODES + PROMOTION + SALE + FOUNDERS == ISSUANCE);
}

/// Durations, in slots and blocks.
pub mod time {
    use crate::BlockNumber;

    /// Length of a slot: the time a block may take to be made and to travel.
    pub const MILLISECS_PER_BLOCK: u64 = 3_000;
    /// BABE's word for it.
    pub const SLOT_DURATION: u64 = MILLISECS_PER_BLOCK;

    /// Blocks in a minute.
    pub const MINUTES: BlockNumber = 60_000 / (MILLISECS_PER_BLOCK as BlockNumber);
    /// Blocks in an hour.
    pub const HOURS: BlockNumber = MINUTES * 60;
    /// Blocks in a day.
    pub const DAYS: BlockNumber = HOURS * 24;

    /// Blocks in a round, after which income is split: 150 s.
    pub const ROUND_BLOCKS: BlockNumber = 50;

    /// Slots in an epoch, which is a session: 10 minutes. Cannot change after genesis.
    pub const EPOCH_DURATION_IN_SLOTS: u64 = 10 * MINUTES as u64;

    /// Sessions for which an equivocation can still be proven and punished: 7 days.
    pub const HISTORY_DEPTH: u32 = 7 * DAYS / (EPOCH_DURATION_IN_SLOTS as BlockNumber);

    /// The probability that a slot has a primary author: 1 in 4. The secondary author fills the others.
    pub const PRIMARY_PROBABILITY: (u64, u64) = (1, 4);
}
