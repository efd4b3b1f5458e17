//! What the pallet promises, one module per topic.

mod authorities;
mod bonds;
mod candidates;
mod histories;
mod invariants;
mod offences;
mod sessions;
