//! One module per topic.

mod capacity;
mod feeless;
mod handover;
mod invariants;
mod liability;
mod lifecycle;
mod registration;
mod rest;
mod rotation;
mod slashing;
mod unbond;
