//! Who may read what of a job: the data plane's access rules, from what the chain knows. [I4 N13]
//!
//! # Concepts
//! - **Parts.** Whoever serves content of a job says what it is ([`Part`]): the application, what all units share, the
//!   inputs of one batch, outputs. Content that was never offered is served to nobody.
//! - **Parties.** Requesters are known by the endpoint that their job names, workers and requesters by a card: the
//!   account's signature over its endpoint ([`card`]). What an account may read is the chain's word at that moment.
//! - **Jurisdictions.** No worker outside a job's jurisdictions reads anything of it, nor of what was computed from it.
//!
//! | part | who reads it |
//! |---|---|
//! | application | everybody, unless the job is bound to jurisdictions; then as what is shared |
//! | shared | workers that the job admits, as long as it runs |
//! | inputs of a batch | workers that hold a replica of this batch and stand where the job may run |
//! | the key of sealed content | workers that hold a replica of a batch and stand where the job may run, as long as it runs |
//! | outputs of a batch | the requester; workers that a job after it admits, where both may run; witnesses drawn for it, where it may run |
//!
//! [`JobAccess`] is the policy that a data plane is started with. It knows no content when it begins; each [`Offer`]
//! lasts as long as it lives.
#![deny(missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

pub mod card;
mod keys;
mod offers;
mod rules;

pub use keys::{KeyOffer, key_name};
pub use offers::{Offer, Part, Placing, Scope};
pub use rules::JobAccess;
