//! One module per topic.

mod claims;
mod histories;
mod invariants;
mod rounds;
mod split;
