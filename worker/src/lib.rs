//! The worker: takes jobs from the chain, runs them in the sandbox, serves and signs the results.
//!
//! # Parts
//!
//! | module | does |
//! |---|---|
//! | [`config`] | the settings, from file and environment |
//! | [`control`] | what commands tell a running worker |
//! | [`machine`] | the other workers on this machine |
//! | [`passphrase`], [`log`], [`metrics`] | what a service needs |
//! | [`daemon`] | puts chain, data plane and executor together and runs them |
//! | [`register`] | makes the worker known to the chain |
//! | [`supervisor`] | compares journal and chain at every block and starts what is due |
//! | [`work`] | one batch: fetch, run, sign, bundle |
//! | [`isolation`] | how far batches are kept from this machine |
//! | [`journal`] | what must survive the process |
//! | [`gossip`] | what other parties hint at, and what requesters are told |
//! | [`idle`] | whether the machine's owner leaves it to the work |
//! | [`line`] | what the work takes of the machine's line, and when it takes less |
//! | [`measure`] | how fast a lane is, measured while the machine is free |
//! | [`prove`] | the machine's capacity, computed and opened |
//! | [`rank`] | which job is worth most, by its record |
//! | [`schedule`] | which jobs are taken, by which policy, and with which power |
//! | [`pins`] | content that the operator keeps; [`requests`] is how commands reach a running worker |
//! | [`ports`] | the outside world as traits; [`plane`] and [`engine`] implement them |
//!
//! This crate alone composes chain, data plane and executor; those do not know each other.
#![deny(missing_docs)]

pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod engine;
pub mod gossip;
pub mod idle;
pub mod isolation;
pub mod journal;
pub mod line;
pub mod log;
pub mod machine;
pub mod measure;
pub mod metrics;
pub mod passphrase;
pub mod pins;
pub mod plane;
pub mod ports;
pub mod prove;
pub mod rank;
pub mod register;
pub mod requests;
pub mod schedule;
pub mod supervisor;
pub mod work;
