//! The command line, shared by the daemon and its lying twin of the tests.

mod benchmark;
mod doctor;
mod drain;
mod income;
mod init;
mod page;
mod pins;
mod top;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use sungrid_chain_client::{
    AccountId, Call, Chain, SubmitError, Until, registration_payload, rpc::RpcChain,
};
use sungrid_executor::Engine;
use sungrid_sandbox::Sandbox;
use tokio::sync::watch;
use tracing::info;

use crate::{
    config::{Config, ConfigError},
    daemon::{self, DaemonError, Wrap},
    log, metrics,
    pins::PinError,
    requests::RequestError,
};

const EXAMPLE: &str = "\
Example: join the local development chain as a worker of //Bob, on a machine for that alone
  sungrid-worker init --node ws://127.0.0.1:9944 --operator //Bob --jurisdiction DE --idle always --plain-key --data-dir ./bob
  sungrid-worker run --data-dir ./bob

On a real chain, name a file with the operator's seed phrase and one with a passphrase, readable by you only:
  sungrid-worker init --node wss://NODE --operator ~/operator.key --passphrase-file ~/passphrase --jurisdiction DE
  sungrid-worker doctor
  sungrid-worker run

It works only while nobody uses the machine. On a server say so, with other services on it or for the work alone:
  sungrid-worker init --node wss://NODE --operator ~/operator.key --jurisdiction DE --idle server
  sungrid-worker init --node wss://NODE --operator ~/operator.key --jurisdiction DE --idle always

Settings are in worker.toml in the data folder; a variable such as SUNGRID_WORKER_LANES=2 wins over them.";

/// Lends this machine to the Sungrid network.
#[derive(Debug, Parser)]
#[command(name = "sungrid-worker", version, after_help = EXAMPLE)]
pub struct Cli {
    /// How log lines look.
    #[arg(
        long,
        global = true,
        value_enum,
        env = "SUNGRID_WORKER_LOG",
        default_value = "text"
    )]
    log: log::Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Folder {
    /// Folder of settings, key, journal and content.
    #[arg(
        long,
        env = "SUNGRID_WORKER_DIR",
        default_value = "sungrid-worker-data"
    )]
    data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write settings and make the worker's key, encrypted.
    #[command(
        after_help = "Example:\n  sungrid-worker init --node wss://NODE --operator ~/operator.key --passphrase-file ~/passphrase --jurisdiction DE"
    )]
    Init(init::Init),
    /// Join and work until stopped (Ctrl-C or SIGTERM; a second one ends at once).
    #[command(after_help = "Example:\n  sungrid-worker run")]
    Run(Folder),
    /// Show what the worker does, what it earns, and why it rests.
    #[command(after_help = "Example:\n  sungrid-worker status --json")]
    Status {
        #[command(flatten)]
        folder: Folder,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show the same, again and again.
    #[command(after_help = "Example:\n  sungrid-worker top")]
    Top(top::Top),
    /// Check everything that keeps a worker from work, and say what to do about it.
    #[command(after_help = "Example:\n  sungrid-worker doctor")]
    Doctor(doctor::Doctor),
    /// Measure this machine: its capacity in SUNS, and what limits it.
    #[command(after_help = "Example:\n  sungrid-worker benchmark")]
    Benchmark(benchmark::Benchmark),
    /// Finish what is in hand, claim nothing new, and end: before an upgrade or a shutdown.
    #[command(after_help = "Example: an upgrade that loses nothing
  sungrid-worker drain --settled && install-the-new-version && sungrid-worker run")]
    Drain(drain::Drain),
    /// Keep content in the store whatever else comes and goes, in up to half of it.
    #[command(after_help = "Example: keep an application, with its code and files
  sungrid image list
  sungrid-worker pin bafyr4…

It works while the worker runs and while it does not.")]
    Pin(pins::Which),
    /// Let pinned content go when room is needed.
    #[command(after_help = "Example:\n  sungrid-worker unpin bafyr4…")]
    Unpin(pins::Which),
    /// List pinned content, and how much of its share it takes.
    #[command(after_help = "Example:\n  sungrid-worker pins")]
    Pins(pins::How),
    /// Pay the operator's rewards out now; the daemon does it now and then (`rewards_every`).
    #[command(after_help = "Example:\n  sungrid-worker claim")]
    Claim {
        #[command(flatten)]
        folder: Folder,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show what keeps the code of others from this machine, and what is missing.
    #[command(
        after_help = "Example:\n  sungrid-worker sandbox\n\nThe setting `isolation` in worker.toml says what the worker does not start without."
    )]
    Sandbox {
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Encrypt or show the worker key, or change its passphrase.
    Key {
        #[command(subcommand)]
        command: init::KeyCommand,
    },
    /// Print the worker key's consent to be registered by an operator whose key is elsewhere.
    #[command(after_help = "Example:\n  sungrid-worker proof --operator ADDRESS --json")]
    Proof {
        #[command(flatten)]
        folder: Folder,
        /// The operator's address.
        #[arg(long)]
        operator: AccountId,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Take no new work until resumed.
    #[command(after_help = "Example:\n  sungrid-worker pause")]
    Pause(Folder),
    /// Take work again.
    #[command(after_help = "Example:\n  sungrid-worker resume")]
    Resume(Folder),
    /// Take no work any more; the bond can be withdrawn after the cool-down.
    #[command(
        after_help = "Example:\n  sungrid-worker leave    then, after the cool-down: sungrid-worker withdraw"
    )]
    Leave(Folder),
    /// Take the bond back after leaving.
    #[command(after_help = "Example:\n  sungrid-worker withdraw")]
    Withdraw(Folder),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("{0} exists already: edit it, or choose another folder (--data-dir)")]
    Initialised(PathBuf),
    #[error("no worker has run in {0} yet: start one with `sungrid-worker run`")]
    NoStatus(PathBuf),
    #[error("no operator key is configured: set `operator` in worker.toml")]
    NoOperator,
    #[error(
        "the worker key is to be encrypted: name a file with its passphrase (--passphrase-file), set SUNGRID_PASSWORD, or say --plain-key where that is not needed"
    )]
    NoPassphrase,
    #[error(
        "no new passphrase: name a file with it (--new-passphrase-file), or run this in a terminal"
    )]
    NoNewPassphrase,
    #[error("the two passphrases differ: nothing was written")]
    Differ,
    #[error("no passphrase: {0}")]
    Passphrase(io::Error),
    #[error("measuring ended early: {0}")]
    Unmeasured(String),
    #[error("the terminal does not take the page: {0}. Use --once")]
    Terminal(io::Error),
    #[error(
        "not drained after {seconds} s: {computing} computing, {undecided} undecided. It goes on draining; wait longer (--timeout), or take it back (--cancel). Stopped now, it goes on with them at the next start"
    )]
    StillDraining {
        seconds: u64,
        computing: u64,
        undecided: u64,
    },
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Daemon(error.into())
    }
}

/// Runs the command line. `wrap` is put around the executor.
pub fn main(wrap: Wrap) -> ExitCode {
    sungrid_sandbox::child::main_if_asked();
    let cli = Cli::parse();
    log::start(cli.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("sungrid-worker: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(execute(cli.command, wrap));
    // Guest code on blocking threads is of no use any more.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sungrid-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command, wrap: Wrap) -> Result<ExitCode, CommandError> {
    match command {
        Command::Init(init) => init::initialise(init)?,
        Command::Run(folder) => {
            let config = Config::load(&folder.data_dir)?;
            let stop = stop_signal();
            daemon::run(&folder.data_dir, &config, wrap, stop).await?;
            info!("stopped");
        }
        Command::Status { folder, json } => top::status(&folder.data_dir, json)?,
        Command::Top(args) => top::top(args).await?,
        Command::Doctor(args) => return Ok(doctor::doctor(args).await),
        Command::Benchmark(args) => benchmark::benchmark(args).await?,
        Command::Drain(args) => drain::drain(args).await?,
        Command::Pin(which) => pins::pin(which).await?,
        Command::Unpin(which) => pins::unpin(which).await?,
        Command::Pins(how) => pins::list(how).await?,
        Command::Claim { folder, json } => {
            let config = Config::load(&folder.data_dir)?;
            let operator = daemon::operator_key(&config)?.ok_or(CommandError::NoOperator)?;
            income::claim(&connect(&config).await?, &operator, json).await?;
        }
        Command::Key { command } => init::key(command)?,
        Command::Sandbox { json } => sandbox(json)?,
        Command::Proof {
            folder,
            operator,
            json,
        } => proof(&folder.data_dir, &operator, json).await?,
        Command::Pause(folder) => as_operator(&folder.data_dir, Call::Pause).await?,
        Command::Resume(folder) => as_operator(&folder.data_dir, Call::Resume).await?,
        Command::Leave(folder) => as_operator(&folder.data_dir, Call::Leave).await?,
        Command::Withdraw(folder) => as_operator(&folder.data_dir, Call::Withdraw).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn connect(config: &Config) -> Result<RpcChain, DaemonError> {
    Ok(daemon::connection(config).await?)
}

/// Turns true at the first signal; the second ends the process.
fn stop_signal() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        info!("stopping; once more to end at once");
        sender.send_replace(true);
        signal().await;
        std::process::exit(130);
    });
    receiver
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => terminated.recv().await,
            // Without the handler, the system's default ends the process anyway.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    // An error means that there are no signals to wait for.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn sandbox(json: bool) -> Result<(), CommandError> {
    let engine = Engine::new(None).map_err(DaemonError::Engine)?;
    // As where an owner comes first: there is more to look at.
    let sandbox = Sandbox::of_this(engine, u64::MAX, true)
        .map_err(|error| DaemonError::Isolation(error.into()))?;
    if json {
        let isolation = metrics::protections(sandbox.report());
        let priority = sandbox.priority().map(
            |status| serde_json::json!({ "in_force": status.in_force, "detail": status.detail }),
        );
        println!(
            "{}",
            serde_json::json!({ "isolation": isolation, "priority": priority })
        );
    } else {
        print!("{}", sandbox.report());
        if let Some(status) = sandbox.priority() {
            println!(
                "\nbeside the owner, unless [idle] has mode = \"always\": {}",
                status.detail
            );
        }
    }
    Ok(())
}

async fn proof(folder: &Path, operator: &AccountId, json: bool) -> Result<(), CommandError> {
    let config = Config::load(folder)?;
    let key = daemon::worker_key(folder, &config)?;
    let chain = connect(&config).await?;
    let worker = key.account();
    let payload = registration_payload(&chain.genesis(), operator.as_ref(), worker.as_ref());
    let proof = format!("0x{}", hex::encode(key.sign(&payload)));
    if json {
        let worker = worker.to_string();
        println!(
            "{}",
            serde_json::json!({ "worker": worker, "proof": proof })
        );
    } else {
        println!("worker  {worker}");
        println!("proof   {proof}");
    }
    Ok(())
}

async fn as_operator(folder: &Path, call: fn(AccountId) -> Call) -> Result<(), CommandError> {
    let config = Config::load(folder)?;
    let worker = daemon::worker_key(folder, &config)?.account();
    let operator = daemon::operator_key(&config)?.ok_or(CommandError::NoOperator)?;
    let chain = connect(&config).await?;
    let included = chain
        .submit(&operator, call(worker), Until::InBlock)
        .await?;
    if let Some(block) = included.block {
        println!("done in block {}", block.number);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
