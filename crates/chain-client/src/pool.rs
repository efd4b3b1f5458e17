//! Pools: what others stake on workers.

use serde::Serialize;

use crate::{AccountId, Balance, BlockNumber};

/// Number of a pool.
pub type PoolId = u32;

/// Billionths in a whole: what commissions are measured in.
pub const BILLION: u32 = 1_000_000_000;

/// The stakes of others on one worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// The worker key; `None`: the worker is withdrawn.
    pub worker: Option<AccountId>,
    /// The operator's commission now, billionths.
    pub commission: u32,
    /// A commission that is announced, and the first block in which it counts.
    pub announced: Option<(u32, BlockNumber)>,
}

/// What an account has in a pool, planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Position {
    /// What stays.
    pub staying: Balance,
    /// What is leaving.
    pub leaving: Balance,
    /// First block, as far as is known now, at which what is leaving can be withdrawn.
    pub free_at: Option<BlockNumber>,
    /// Income that can be claimed.
    pub income: Balance,
}
