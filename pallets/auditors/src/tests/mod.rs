//! By topic.

mod attestations;
mod auditors;
mod invariants;
