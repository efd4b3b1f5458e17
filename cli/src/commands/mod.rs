//! The commands.

mod account;
mod canary;
#[cfg(unix)]
mod demo;
mod explain;
mod image;
mod job;
mod map;
mod pool;
mod quote;
mod receipt;
mod render;
mod run;
mod service;
mod worker;

use crate::{
    Error,
    args::{Cli, Command},
    context::Context,
};

pub use job::{open_job, stop_signal};

/// Runs a command.
///
/// # Errors
/// [`Error`]; the caller prints it.
pub async fn run(cli: Cli) -> Result<(), Error> {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Image(command) => image::run(&context, command).await,
        Command::Job(command) => job::run(&context, command).await,
        Command::Run(args) => run::run(&context, *args).await,
        Command::Map(args) => map::run(&context, *args).await,
        Command::Quote(order) => quote::run(&context, *order).await,
        Command::Worker(command) => worker::run(&context, command).await,
        Command::Pool(command) => pool::run(&context, command).await,
        Command::Receipt(command) => receipt::run(&context, command),
        Command::Canary(command) => canary::run(&context, command).await,
        Command::Account { address } => account::show(&context, address).await,
        Command::Rewards(command) => account::rewards(&context, command).await,
        Command::Render(args) => render::run(&context, args).await,
        #[cfg(unix)]
        Command::Demo(args) => demo::run(&context, args).await,
    }
}
