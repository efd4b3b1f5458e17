//! `sungrid-worker`: lends this machine to the network.

use std::process::ExitCode;

fn main() -> ExitCode {
    sungrid_worker::cli::main(|runner| runner)
}
