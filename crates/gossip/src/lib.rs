//! Hints between the parties of jobs, so that nobody waits for a block to learn what is on its way. The chain alone is truth.
//!
//! # Concepts
//! - **Hints.** An [`Event`] is signed by the endpoint of whoever says it, bounded in size, and changes nothing by itself: it
//!   makes its receiver look at the chain, or is shown as *announced* until the chain shows the same.
//! - **Announcements** of open jobs ([`News::Open`]) go from a requester ([`Crier`]) to some workers, and from each worker that
//!   found them true on chain ([`Listener`]) to a few others. They name nothing that is not on chain. What is false is told on
//!   by nobody honest, so a liar reaches those alone whom he tells himself.
//! - **Progress** of a batch goes from its worker to its requester and to nobody else ([`Outbox`]): the latest, until it is
//!   taken.
//! - **Bounds.** A [`Gate`] limits what each peer may say, how often the chain is looked at for all of them together, and mutes
//!   those whose hints were false.
//!
//! There is `iroh-gossip` for our version of iroh, and it would add but two crates. It tells on what it has not checked, remembers
//! messages by time and not by number, and knows no rate of a peer, so that a member that floods takes the memory of all
//! others; that is the one thing that must not be.
#![deny(missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

mod counters;
mod event;
#[cfg(test)]
mod fake;
mod gate;
mod listener;
mod outbox;
mod spread;
mod truth;
mod wire;

pub use counters::{Counters, Stats};
pub use event::{Event, MAX_AGE_MS, MAX_HINT, News, Unfit, now_ms};
pub use gate::{Closed, Gate, Limits};
pub use listener::Listener;
pub use outbox::Outbox;
pub use spread::Crier;
pub use truth::{Seen, Truth};
pub use wire::Wire;
