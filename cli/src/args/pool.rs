//! Arguments of `sungrid pool`.

use clap::Subcommand;
use sungrid_chain_client::{AccountId, PoolId};

use crate::units;

pub(super) const EXAMPLES: &str = "\
Examples:
  sungrid pool list                                 whom you can stake on, at which commission
  sungrid --key my.key pool delegate 3 250          stake 250 ISC on the worker of pool 3
  sungrid --key my.key pool show 3                  what it is worth, and what it has earned
  sungrid --key my.key pool claim 3                 take out the income
  sungrid --key my.key pool undelegate 3            leave; then, after the cool-down:
  sungrid --key my.key pool withdraw 3
  sungrid --key operator.key pool open WORKER --commission 7.5

What you delegate is slashed with the operator's bond when its worker is caught with a wrong result.";

/// Commands of `pool`.
#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    /// List the pools with what is staked in them.
    #[command(after_help = "Example:\n  sungrid pool list")]
    List,
    /// What an account has in a pool.
    #[command(after_help = "Example:\n  sungrid --key my.key pool show 3")]
    Show {
        /// The pool.
        pool: PoolId,
        /// SS58 address [default: your key's].
        address: Option<String>,
    },
    /// Let others stake on a worker of yours.
    #[command(
        after_help = "Example:\n  sungrid --key operator.key pool open WORKER --commission 7.5"
    )]
    Open {
        /// The worker key's address.
        worker: AccountId,
        /// Your part of its income before the rest is divided by stake, percent.
        #[arg(long, value_parser = units::parse_percent, value_name = "PERCENT")]
        commission: u32,
    },
    /// Change a pool's commission: less counts at once, more after a notice.
    #[command(after_help = "Example:\n  sungrid --key operator.key pool commission 3 5")]
    Commission {
        /// The pool.
        pool: PoolId,
        /// The commission, percent.
        #[arg(value_parser = units::parse_percent)]
        percent: u32,
    },
    /// Stake on the worker of a pool. It earns from the next round on.
    #[command(after_help = "Example:\n  sungrid --key my.key pool delegate 3 250")]
    Delegate {
        /// The pool.
        pool: PoolId,
        /// How much, ISC.
        #[arg(value_parser = units::parse_isc)]
        isc: u128,
    },
    /// Leave a pool, or take out a part; it stays slashable for the cool-down.
    #[command(after_help = "Example:\n  sungrid --key my.key pool undelegate 3 100")]
    Undelegate {
        /// The pool.
        pool: PoolId,
        /// How much, ISC [default: all of it].
        #[arg(value_parser = units::parse_isc)]
        isc: Option<u128>,
    },
    /// Get back what has left, after its cool-down, and the income with it.
    #[command(after_help = "Example:\n  sungrid --key my.key pool withdraw 3")]
    Withdraw {
        /// The pool.
        pool: PoolId,
    },
    /// Get your share of the worker's income.
    #[command(after_help = "Example:\n  sungrid --key my.key pool claim 3")]
    Claim {
        /// The pool.
        pool: PoolId,
    },
    /// Remove the empty pool of a worker that is gone; its deposit goes to the operator.
    #[command(after_help = "Example:\n  sungrid --key my.key pool close 3")]
    Close {
        /// The pool.
        pool: PoolId,
    },
}
