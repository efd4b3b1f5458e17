//! One module per topic.

mod cheats;
mod checks;
mod invariants;
mod proofs;
