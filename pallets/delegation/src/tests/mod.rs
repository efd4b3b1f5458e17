//! By topic.

mod histories;
mod income;
mod invariants;
mod leaving;
mod pools;
mod slashing;
