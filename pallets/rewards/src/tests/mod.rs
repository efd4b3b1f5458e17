//! One module per topic.

mod claims;
mod credit;
mod foundation;
mod histories;
mod invariants;
mod reserve;
mod rounds;
mod split;
