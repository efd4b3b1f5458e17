//! The command line, shared by the daemon and its lying twin of the tests.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use sp_core::H256;
use sungrid_chain_client::{
    AccountId, Call, Chain, SubmitError, TaskClass, Until,
    keys::{self, KeySource},
    registration_payload,
    rpc::RpcChain,
};
use sungrid_executor::Engine;
use tokio::sync::watch;
use tracing::info;

use crate::{
    config::{Config, ConfigError, FILE},
    daemon::{self, DaemonError, STATUS_FILE, Wrap},
    isolation,
    metrics::{self, Status},
};

const EXAMPLE: &str = "\
Example: join the local development chain as a worker of //Bob
  sungrid-worker init --node ws://127.0.0.1:9944 --operator //Bob --data-dir ./bob
  sungrid-worker run --data-dir ./bob

On a real chain, name a file with the operator's seed phrase, readable by you only:
  sungrid-worker init --node wss://NODE --operator ~/operator.key --jurisdiction DE
  sungrid-worker run

Settings are in worker.toml in the data folder.";

/// Lends this machine to the Sungrid network.
#[derive(Debug, Parser)]
#[command(name = "sungrid-worker", version, after_help = EXAMPLE)]
pub struct Cli {
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
    /// Write settings and make the worker's key.
    Init(Init),
    /// Join and work until stopped (Ctrl-C or SIGTERM; a second one ends at once).
    Run(Folder),
    /// Show what the running worker does.
    Status {
        #[command(flatten)]
        folder: Folder,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show what keeps the code of others from this machine, and what is missing.
    #[command(
        after_help = "Example: sungrid-worker sandbox\nThe setting `isolation` in worker.toml says what the worker does not start without."
    )]
    Sandbox {
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print the worker key's consent to be registered by an operator whose key is elsewhere.
    Proof {
        #[command(flatten)]
        folder: Folder,
        /// The operator's address.
        #[arg(long)]
        operator: AccountId,
    },
    /// Take no new work until resumed.
    Pause(Folder),
    /// Take work again.
    Resume(Folder),
    /// Take no work any more; the bond can be withdrawn after the cool-down.
    Leave(Folder),
    /// Take the bond back after leaving.
    Withdraw(Folder),
}

#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    folder: Folder,
    /// Address of the node's RPC.
    #[arg(long, default_value = "ws://127.0.0.1:9944")]
    node: String,
    /// The operator's key: a file, env:NAME, or a development account such as //Bob.
    #[arg(long)]
    operator: Option<String>,
    /// Genesis hash that the node's chain must have.
    #[arg(long)]
    genesis: Option<H256>,
    /// Country the machine stands in, ISO 3166-1 alpha-2.
    #[arg(long)]
    jurisdiction: Option<String>,
    /// Units that run at the same time.
    #[arg(long)]
    lanes: Option<usize>,
    /// Work that it takes, instead of all: general, rendering, science, learning or media; may be repeated.
    #[arg(long, value_parser = class, value_name = "CLASS")]
    class: Vec<TaskClass>,
}

fn class(text: &str) -> Result<TaskClass, String> {
    serde_json::from_value(text.to_ascii_lowercase().into())
        .map_err(|_| "use general, rendering, science, learning or media".into())
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
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,sungrid_worker=info,sungrid_chain_client=info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
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
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sungrid-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command, wrap: Wrap) -> Result<(), CommandError> {
    match command {
        Command::Init(init) => initialise(init),
        Command::Run(folder) => {
            let config = Config::load(&folder.data_dir)?;
            let stop = stop_signal();
            daemon::run(&folder.data_dir, &config, wrap, stop).await?;
            info!("stopped");
            Ok(())
        }
        Command::Status { folder, json } => status(&folder.data_dir, json),
        Command::Sandbox { json } => sandbox(json),
        Command::Proof { folder, operator } => proof(&folder.data_dir, &operator).await,
        Command::Pause(folder) => as_operator(&folder.data_dir, Call::Pause).await,
        Command::Resume(folder) => as_operator(&folder.data_dir, Call::Resume).await,
        Command::Leave(folder) => as_operator(&folder.data_dir, Call::Leave).await,
        Command::Withdraw(folder) => as_operator(&folder.data_dir, Call::Withdraw).await,
    }
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

fn initialise(init: Init) -> Result<(), CommandError> {
    let folder = init.folder.data_dir;
    let path = folder.join(FILE);
    if path.exists() {
        return Err(CommandError::Initialised(path));
    }
    let mut config = Config {
        node: init.node,
        genesis: init.genesis,
        operator: init.operator,
        ..Config::default()
    };
    if let Some(jurisdiction) = init.jurisdiction {
        config.declared.jurisdiction = jurisdiction;
    }
    if !init.class.is_empty() {
        config.declared.classes = init.class;
    }
    if let Some(lanes) = init.lanes {
        config.lanes = lanes;
    }
    config.attributes()?;
    if let Some(operator) = &config.operator {
        // A secret must not end up in the settings file.
        operator.parse::<KeySource>().map_err(DaemonError::Key)?;
    }
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DaemonError::Folder { path, source }
    };
    std::fs::create_dir_all(&folder).map_err(io(&folder))?;
    let key_path = folder.join(&config.key);
    let key = if key_path.exists() {
        KeySource::File(key_path.clone())
            .load(&daemon::ask)
            .map_err(DaemonError::Key)?
    } else {
        keys::create(&key_path).map_err(DaemonError::Key)?
    };
    std::fs::write(&path, config.to_text()?).map_err(io(&path))?;
    println!("worker key {} in {}", key.account(), key_path.display());
    println!("settings in {}", path.display());
    println!("next: sungrid-worker run --data-dir {}", folder.display());
    Ok(())
}

fn status(folder: &Path, json: bool) -> Result<(), CommandError> {
    let missing = || CommandError::NoStatus(folder.into());
    let text = std::fs::read(folder.join(STATUS_FILE)).map_err(|_| missing())?;
    let status: Status = serde_json::from_slice(&text).map_err(|_| missing())?;
    let running = daemon::is_running(folder);
    if json {
        let mut value = serde_json::json!(status);
        value["running"] = running.into();
        println!("{value}");
        return Ok(());
    }
    println!("running         {running}");
    println!("block           {}", status.block);
    println!("state           {}", status.state);
    println!(
        "capacity        {} µSUNS, {} in use",
        status.capacity, status.committed
    );
    println!(
        "bond            {} planck, and {} of others",
        status.bond, status.delegated
    );
    println!("accepted units  {}", status.accepted_units);
    println!("faults, missed  {}, {}", status.faults, status.missed);
    if !status.idle_reason.is_empty() {
        println!("takes no work   {}", status.idle_reason);
    }
    for protection in &status.isolation {
        if !protection.in_force {
            println!(
                "isolation       without {}: {}",
                protection.measure, protection.detail
            );
        }
    }
    for (name, value) in status.counters {
        println!("{name:24} {value}");
    }
    Ok(())
}

fn sandbox(json: bool) -> Result<(), CommandError> {
    let engine = Engine::new(None).map_err(DaemonError::Engine)?;
    let sandbox = isolation::sandbox(engine, u64::MAX)
        .map_err(|error| DaemonError::Isolation(error.into()))?;
    if json {
        let isolation = metrics::protections(sandbox.report());
        println!("{}", serde_json::json!({ "isolation": isolation }));
    } else {
        print!("{}", sandbox.report());
    }
    Ok(())
}

async fn proof(folder: &Path, operator: &AccountId) -> Result<(), CommandError> {
    let config = Config::load(folder)?;
    let key = daemon::worker_key(folder, &config)?;
    let chain = RpcChain::connect(&config.node, config.genesis)
        .await
        .map_err(DaemonError::Chain)?;
    let worker = key.account();
    let payload = registration_payload(&chain.genesis(), operator.as_ref(), worker.as_ref());
    println!("worker  {worker}");
    println!("proof   0x{}", hex::encode(key.sign(&payload)));
    Ok(())
}

async fn as_operator(folder: &Path, call: fn(AccountId) -> Call) -> Result<(), CommandError> {
    let config = Config::load(folder)?;
    let worker = daemon::worker_key(folder, &config)?.account();
    let operator = daemon::operator_key(&config)?.ok_or(CommandError::NoOperator)?;
    let chain = RpcChain::connect(&config.node, config.genesis)
        .await
        .map_err(DaemonError::Chain)?;
    let included = chain
        .submit(&operator, call(worker), Until::InBlock)
        .await?;
    if let Some(block) = included.block {
        println!("done in block {}", block.number);
    }
    Ok(())
}
