//! One module per topic.

mod capacity;
mod invariants;
mod lifecycle;
mod rate;
mod registration;
mod slashing;
