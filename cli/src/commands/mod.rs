//! The commands.

mod account;
mod auditor;
mod canary;
#[cfg(unix)]
mod demo;
mod explain;
mod image;
mod job;
mod map;
mod pool;
mod price;
mod quote;
mod receipt;
mod render;
mod run;
mod service;
mod worker;

use crate::{
    Error,
    args::{Cli, Command, IsolationArgs},
    context::Context,
    local::Machine,
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
        Command::Price => price::run(&context).await,
        Command::Worker(command) => worker::run(&context, command).await,
        Command::Pool(command) => pool::run(&context, command).await,
        Command::Auditor(command) => auditor::run(&context, command).await,
        Command::Receipt(command) => receipt::run(&context, command),
        Command::Canary(command) => canary::run(&context, command).await,
        Command::Account { address } => account::show(&context, address).await,
        Command::Rewards(command) => account::rewards(&context, command).await,
        Command::Render(args) => render::run(&context, args).await,
        #[cfg(unix)]
        Command::Demo(args) => demo::run(&context, args).await,
    }
}

/// Where programs run here. Says what keeps them from this machine, and warns where nothing does.
fn machine(context: &Context, asked: &IsolationArgs) -> Result<Machine, Error> {
    let machine = Machine::open(&context.data, &asked.isolation)?;
    match machine.isolation() {
        Ok(report) => {
            let missing = report.measures().filter(|(_, status)| !status.in_force);
            let missing: Vec<_> = missing.map(|(measure, _)| measure.name()).collect();
            let missing = match missing.as_slice() {
                [] => String::new(),
                missing => format!(
                    "; without {} (`sungrid-worker sandbox` says why)",
                    missing.join(", ")
                ),
            };
            let in_force = machine.in_force().join(", ");
            context.out.note(format!("jail      {in_force}{missing}"));
        }
        Err(reason) => context.out.warn(format!(
            "{reason}: the program runs in this process, with nothing but WebAssembly around it"
        )),
    }
    Ok(machine)
}
