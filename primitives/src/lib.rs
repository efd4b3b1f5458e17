//! What the chain and its clients must agree on to the bit: identifiers, content addresses, SUNS
//! arithmetic, Merkle commitments and receipts.
//!
//! No FRAME and no I/O in here. Everything compiles without `std`, because the runtime uses it
//! too; [`receipt`] signing needs the `std` feature.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]

extern crate alloc;

pub mod attributes;
pub mod capacity;
pub mod constraints;
pub mod content;
pub mod delegation;
pub mod environment;
pub mod explain;
pub mod job;
pub mod jurisdiction;
pub mod lottery;
pub mod merkle;
pub mod policy;
pub mod receipt;
pub mod registration;
pub mod suns;
pub mod traits;
pub mod witness;

pub use content::ContentHash;
pub use job::{BatchIndex, JobId, UnitIndex};

/// Planck in one ISC: the token has 12 decimals.
pub const ISC: u128 = 1_000_000_000_000;

/// SS58 address prefix of test networks.
pub const SS58_PREFIX: u16 = 42;
