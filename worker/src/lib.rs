//! The worker: takes jobs from the chain, runs them in the sandbox, serves and signs the results.
//!
//! # Parts
//!
//! | module | does |
//! |---|---|
//! | [`config`] | the settings file |
//! | [`daemon`] | puts chain, data plane and executor together and runs them |
//! | [`register`] | makes the worker known to the chain |
//! | [`supervisor`] | compares journal and chain at every block and starts what is due |
//! | [`work`] | one batch: fetch, run, sign, bundle |
//! | [`isolation`] | how far batches are kept from this machine |
//! | [`journal`] | what must survive the process |
//! | [`rank`] | which job is worth most |
//! | [`ports`] | the outside world as traits; [`plane`] and [`engine`] implement them |
//!
//! This crate alone composes chain, data plane and executor; those do not know each other.
#![deny(missing_docs)]

pub mod cli;
pub mod config;
pub mod daemon;
pub mod engine;
pub mod isolation;
pub mod journal;
pub mod metrics;
pub mod plane;
pub mod ports;
pub mod rank;
pub mod register;
pub mod supervisor;
pub mod work;
