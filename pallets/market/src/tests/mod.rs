//! One module per topic. Every test ends in the pallet's invariants: see `mock::run`.

mod agenda;
mod arrays;
mod availability;
mod cancel;
mod chains;
mod challenge;
mod claim;
mod clean_up;
mod constraints;
mod doubts;
mod explain;
mod explain_claims;
mod histories;
mod invariants;
mod quote;
mod raise;
mod series;
mod settle;
mod submit;
