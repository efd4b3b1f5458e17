//! How each pallet is configured, one file per pallet.

pub mod auditors;
pub mod authorship;
pub mod babe;
pub mod balances;
pub mod canaries;
pub mod capacity;
pub mod collective;
pub mod delegation;
pub mod democracy;
pub mod grandpa;
pub mod identity;
pub mod images;
pub mod liveness;
pub mod market;
pub mod multisig;
pub mod offences;
pub mod preimage;
pub mod proxy;
pub mod rewards;
pub mod scheduler;
pub mod session;
pub mod suns;
pub mod system;
pub mod timestamp;
pub mod transaction_payment;
pub mod treasury;
pub mod utility;
pub mod validators;
pub mod verification;
pub mod vesting;
pub mod workers;

pub use collective::{CouncilInstance, TechnicalInstance};
pub use proxy::ProxyType;
pub use system::{MAXIMUM_BLOCK_WEIGHT, NORMAL_DISPATCH_RATIO};
pub use transaction_payment::DealWithFees;
pub use treasury::TreasuryAccount;
