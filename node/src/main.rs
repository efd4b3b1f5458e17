//! The Sungrid full node and validator.
#![deny(clippy::unwrap_used)]
// The errors are the SDK's and end the process: their size costs nothing.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod command;
mod service;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
