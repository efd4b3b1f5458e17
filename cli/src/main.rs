//! `sungrid`: see the library for what it does.

use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use sungrid_cli::{args::Cli, commands};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // What runs programs is this one again.
    sungrid_sandbox::child::main_if_asked();
    let cli = Cli::parse();
    // Library logs only on request (RUST_LOG): errors reach the user through the commands.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let json = cli.global.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(json, &format!("this system gives no threads: {error}"), 1),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(json, &error.to_string(), error.exit_code()),
    }
}

fn fail(json: bool, message: &str, code: u8) -> ExitCode {
    #[derive(Serialize)]
    struct Failure<'a> {
        error: &'a str,
    }
    if json && let Ok(line) = serde_json::to_string(&Failure { error: message }) {
        println!("{line}");
    }
    eprintln!("error: {message}");
    ExitCode::from(code)
}
