//! By topic.

mod answers;
mod invariants;
mod reports;
mod roster;
