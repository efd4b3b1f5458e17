//! Puts chain, data plane and executor together and runs them until told to stop.

mod show;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sungrid_access::{JobAccess, card};
use sungrid_chain_client::{
    Balance, Chain, ChainError, Keypair,
    keys::{self, KeyError, KeySource},
    rpc::RpcChain,
};
use sungrid_data_plane::{DataPlane, SpawnError};
use sungrid_executor::{CacheConfig, Engine, EngineError, MeasureError};
use sungrid_idle::{Mode, Sensors};
use sungrid_primitives::ISC;
use sungrid_sandbox::IsolationError;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::{
    config::{Config, ConfigError},
    control::{self, STATUS_FILE},
    engine,
    idle::{self, Idle},
    isolation,
    journal::{Journal, JournalError},
    line,
    machine::{self, Machine, Note, Registry, Tenant},
    measure,
    metrics::{Identity, Metrics},
    passphrase::Passphrase,
    pins,
    plane::Plane,
    ports::{Blobs, Ports, Runner},
    register::{self, Offer, RegisterError},
    requests,
    supervisor::{FETCHING, Fatal, Measure, Settings, Supervisor, stopped},
    work::Bounds,
};

/// Compiled modules on the disk: some hundred programs. Less, and programs are compiled again and again.
const MODULE_CACHE_BYTES: u64 = 2 << 30;
/// Pauses between attempts to reach a node: short enough not to be noticed when it is just starting, long
/// enough not to fill a log over a weekend.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Time to find a peer and have its first answer. Less, and peers behind slow lines are given up; more, and peers that
/// serve next to nothing hold up the work of others.
const FETCH_TIME: Duration = Duration::from_secs(15);
/// Bytes per second that a peer has to serve, unless this machine's own line is slower: the bandwidth of one SUNS of Cpu/1.
const FETCH_RATE: u64 = 20_000_000 / 8;
/// Fetches that share a limited line, at least. Fewer, and peers are blamed for it; more, and peers that trickle are waited for.
const FETCHES: u64 = 4;
/// How long a capacity proof computes. Less, and the blocks around it show; more, and the chain takes it no more if
/// transactions are slow.
const PROOF_TIME: Duration = Duration::from_secs(60);
/// Of the disk for jobs one job may take so much: one part in so many. Fewer, and one job crowds out all others' content;
/// more, and large inputs are declined.
const JOB_SHARE: u64 = 2;
pub(crate) const PORT_FILE: &str = "port";

/// Why the daemon cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// Settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The executor.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Isolation that the operator asks for and the system does not have.
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    /// Measuring.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The data plane.
    #[error(transparent)]
    Plane(#[from] SpawnError),
    /// Registration.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The supervisor gave up.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// The data folder is in use.
    #[error("another worker{1} runs in {0}: stop it, or give this one its own folder (--data-dir)")]
    Locked(PathBuf, String),
    /// Another worker on this machine has the same key.
    #[error(
        "the worker in {folder} (process {pid}) runs with the same key {worker}: two workers with one key break each other's commitments. Stop it, or give this one its own (`sungrid-worker init --data-dir OTHER`)"
    )]
    SameKey {
        /// The other one's data folder.
        folder: PathBuf,
        /// Its process.
        pid: u32,
        /// The key.
        worker: String,
    },
    /// Another worker on this machine serves peers there.
    #[error(
        "{listen} is taken by the worker in {folder} (process {pid}): choose another `listen` in worker.toml"
    )]
    PortTaken {
        /// The address.
        listen: SocketAddr,
        /// The other one's data folder.
        folder: PathBuf,
        /// Its process.
        pid: u32,
    },
    /// The data folder cannot be used.
    #[error("{path}: {source}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Asks on the terminal, without echo.
pub fn ask(question: &str) -> io::Result<String> {
    rpassword::prompt_password(question)
}

/// Wraps the runner: the tests of verification put a lying one here.
pub type Wrap = fn(Arc<dyn Runner>) -> Arc<dyn Runner>;

/// The operator's key, where one is configured.
pub fn operator_key(config: &Config) -> Result<Option<Keypair>, DaemonError> {
    let Some(source) = &config.operator else {
        return Ok(None);
    };
    let passphrase = Passphrase::of_operator(ask);
    let key = source
        .parse::<KeySource>()?
        .load(&|question| passphrase.answer(question))?;
    Ok(Some(key))
}

/// The worker's key.
pub fn worker_key(folder: &Path, config: &Config) -> Result<Keypair, DaemonError> {
    let passphrase = Passphrase::of_worker(folder, config, ask);
    Ok(KeySource::File(folder.join(&config.key)).load(&|question| passphrase.answer(question))?)
}

/// Runs a worker in its data folder until `stop` turns true.
pub async fn run(
    folder: &Path,
    config: &Config,
    wrap: Wrap,
    stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    let _lock = control::lock(folder)?;
    // It computes without commands as well.
    if let Err(error) = requests::open(folder) {
        warn!(%error, folder = %folder.display(), "commands get no answer: give `requests` to this user or remove it");
    }
    // What was told to an earlier process is not for this one.
    control::cancel(folder).map_err(|source| DaemonError::Folder {
        path: folder.into(),
        source,
    })?;
    let key = worker_key(folder, config)?;
    if !keys::is_encrypted(&folder.join(&config.key))? {
        warn!(
            "the worker key is not encrypted: `sungrid-worker key encrypt --data-dir {}` does it",
            folder.display()
        );
    }
    let operator = operator_key(config)?;
    let Some(chain) = connect(config, stop.clone()).await? else {
        return Ok(());
    };
    let info = chain.info().await?;
    info!(chain = info.name, genesis = ?info.genesis, node = chain.node(), "connected");

    let engine = Engine::new(Some(CacheConfig {
        directory: folder.join("modules"),
        max_bytes: MODULE_CACHE_BYTES,
    }))?;
    let lanes = config.lanes();
    let memory = measure::Memory::new(folder, &engine, lanes);
    // What the operator says is not measured.
    let said = (config.lane_mfuel > 0).then(|| config.lane_mfuel.saturating_mul(1_000_000));
    let lane_speed = match said {
        Some(speed) => speed,
        None => measure::at_start(&engine, &memory, config.idle.mode).await?,
    };
    let again = said.is_none().then(|| -> Measure {
        let engine = engine.clone();
        Arc::new(move || measure::again(&engine, &memory).ok())
    });
    let resources = engine::resources(
        lane_speed,
        lanes,
        config.memory(),
        config.storage_mib << 20,
        config.bandwidth_mbit.saturating_mul(1_000_000),
    );
    info!(
        lanes,
        mfuel_per_second = lane_speed / 1_000_000,
        memory_mib = config.memory() >> 20,
        "measured"
    );
    let runner = isolation::runner(
        &config.isolation,
        engine,
        config.memory(),
        config.idle.mode != Mode::Always,
    )?;
    let registry = Registry::of_machine();
    let neighbours = registry.others(folder);
    let worker = key.account().to_string();
    check_key(&worker, &neighbours)?;
    let chain: Arc<dyn Chain> = Arc::new(chain);
    let access = Arc::new(JobAccess::new(chain.clone()));
    let node = match open_plane(folder, config, access.clone()).await {
        Ok(node) => node,
        Err(error) => return Err(explained(error, config, neighbours)),
    };
    // By this others know which worker asks; a card is never too long.
    let card = card::sign(&key, &chain.genesis(), &node.endpoint_id());
    if let Err(error) = node.set_card(card) {
        warn!(%error, "requesters will not know this worker");
    }
    let plane = Arc::new(Plane::new(node, access).await);
    let _note = join(&registry, tenant(folder, config, worker), neighbours);
    let ports = Ports {
        chain,
        blobs: plane.clone(),
        runner: wrap(runner),
        key,
        operator,
    };
    let settings = Settings {
        lanes,
        max_batches: config.max_batches(),
        bounds: Bounds {
            fetch_time: FETCH_TIME,
            fetch_rate: fetch_rate(config),
            unit_input: config.unit_input_mib << 20,
            unit_output: config.unit_output_mib << 20,
            unit_memory: config.unit_memory(),
            listed_only: config.listed_only,
        },
        min_price: config.min_price.into(),
        lane_speed,
        rewards_every: config.rewards_every,
        proof_time: PROOF_TIME,
    };
    let offer = Offer {
        attributes: config.attributes()?,
        resources,
        bond: config
            .bond_isc
            .map(|isc| Balance::from(isc).saturating_mul(ISC)),
    };
    let result = work(
        folder,
        config,
        ports,
        settings,
        (offer, again),
        stop,
        &plane,
    )
    .await;
    plane.shutdown().await;
    result
}

/// Bytes per second that a peer has to serve: of a line that the settings limit no more than its part, or peers are blamed for the
/// limit. Of large inputs each batch in hand fetches one for each lane; beside them it fetches as a witness.
fn fetch_rate(config: &Config) -> u64 {
    let lanes = config.lanes() as u64;
    let most = lanes.saturating_mul(config.max_batches() as u64);
    let fetches = FETCHES.max(most.saturating_add(FETCHING as u64));
    let line = config.rates().download;
    line.map_or(FETCH_RATE, |line| {
        FETCH_RATE.min(line.get() / fetches).max(1)
    })
}

/// What this worker takes of the machine.
pub fn tenant(folder: &Path, config: &Config, worker: String) -> Tenant {
    Tenant {
        pid: std::process::id(),
        folder: machine::canonical(folder),
        worker,
        lanes: config.lanes(),
        memory: config.memory(),
        storage: config.storage_mib << 20,
        listen: config.listen,
        metrics: config.metrics,
    }
}

/// Refuses to be the second worker with one key.
fn check_key(worker: &str, neighbours: &[Tenant]) -> Result<(), DaemonError> {
    match neighbours.iter().find(|other| other.worker == worker) {
        None => Ok(()),
        Some(same) => Err(DaemonError::SameKey {
            folder: same.folder.clone(),
            pid: same.pid,
            worker: worker.into(),
        }),
    }
}

/// Tells the other workers on this machine of this one, and says if together they promise more than there is.
fn join(registry: &Registry, tenant: Tenant, mut all: Vec<Tenant>) -> Option<Note> {
    let note = match registry.join(&tenant) {
        Ok(note) => Some(note),
        Err(error) => {
            debug!(%error, "other workers on this machine are not told of this one");
            None
        }
    };
    all.push(tenant);
    for excess in Machine::this().excess(&all) {
        warn!(
            workers = all.len(),
            "the workers on this machine promise more than it has: {excess}; lower `lanes` or `memory_mib` of some, or deadlines are missed"
        );
    }
    note
}

/// Says which worker has the port, if one of ours does.
fn explained(error: DaemonError, config: &Config, neighbours: Vec<Tenant>) -> DaemonError {
    let listen = config.listen;
    let other = neighbours
        .into_iter()
        .find(|other| listen.port() != 0 && other.listen.port() == listen.port());
    match (error, other) {
        (DaemonError::Plane(SpawnError::Bind { .. }), Some(other)) => DaemonError::PortTaken {
            listen,
            folder: other.folder,
            pid: other.pid,
        },
        (error, _) => error,
    }
}

/// Connects with the nodes of the settings.
///
/// # Errors
/// Those of [`RpcChain::connect`].
pub async fn connection(config: &Config) -> Result<RpcChain, ChainError> {
    let patience = Duration::from_secs(config.node_patience_s);
    RpcChain::connect_patiently(&config.node, config.genesis, patience).await
}

/// Connects to a node. After a power cut it may come up later than the worker, so a node that is not there
/// is waited for; anything else that is wrong ends the daemon. `None`: told to stop before that.
async fn connect(
    config: &Config,
    mut stop: watch::Receiver<bool>,
) -> Result<Option<RpcChain>, DaemonError> {
    let mut pause = FIRST_RETRY;
    loop {
        let error = match connection(config).await {
            Ok(chain) => return Ok(Some(chain)),
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error.into()),
        };
        warn!(%error, "waiting for the node");
        tokio::select! {
            () = stopped(&mut stop) => return Ok(None),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (2 * pause).min(LONGEST_RETRY);
    }
}

async fn work(
    folder: &Path,
    config: &Config,
    ports: Ports,
    settings: Settings,
    (offer, again): (Offer, Option<Measure>),
    stop: watch::Receiver<bool>,
    plane: &Arc<Plane>,
) -> Result<(), DaemonError> {
    register::ensure(&ports, &offer).await?;
    let journal = Journal::open(&folder.join("journal"), &ports.chain.genesis())?;
    let metrics = Arc::new(Metrics::default());
    metrics.identify(Identity {
        worker: ports.key.account().to_string(),
        environment: format!("{:?}", ports.runner.environment()),
        lanes: settings.lanes,
    });
    metrics.isolation(&ports.runner.isolation());
    if let Some(status) = ports.runner.priority() {
        metrics.fact("priority", status.detail);
    }
    let page = config
        .metrics
        .map(|address| tokio::spawn(show::serve_metrics(address, metrics.clone())));
    let (gossip, talking) = match config.gossip {
        true => plane.gossip(ports.chain.clone()).unzip(),
        false => (None, None),
    };
    let counters = talking.as_ref().map(|running| running.counters.clone());
    let status = tokio::spawn(show::write_status(
        folder.join(STATUS_FILE),
        metrics.clone(),
        plane.clone(),
        counters,
        stop.clone(),
    ));
    let (goal, told) = watch::channel(None);
    let listener = tokio::spawn(control::listen(folder.into(), goal));
    let pinning = tokio::spawn({
        let (folder, plane) = (folder.to_owned(), plane.clone());
        let most = (config.storage_mib << 20) / pins::PINNED_PART;
        requests::serve(folder, move |request: pins::Request| {
            let plane = plane.clone();
            async move {
                let outcome = plane.pins(most, &request).await;
                outcome.map_err(|error| error.to_string())
            }
        })
    });
    let runner = ports.runner.clone();
    let (schedule, carbon) = (&config.schedule, config.declared.carbon);
    let mut supervisor = Supervisor::new(ports, settings, journal, metrics.clone())
        .await?
        .draining(told)
        .choosing(
            schedule.scheduler(folder),
            schedule.energy(folder, carbon)?,
            schedule.kwh_price.into(),
            schedule.lane_watts,
        );
    if let Some(again) = again {
        supervisor = supervisor.measuring(again, offer, config.idle.mode != Mode::Always);
    }
    if let Some(gossip) = gossip {
        supervisor = supervisor.with_gossip(gossip);
    }
    let mut machine = Idle::always();
    let mut watching = None;
    if config.idle.mode != Mode::Always {
        let policy = config.idle.clone();
        let sensors = Sensors::system(&policy, &Registry::of_machine().kin(folder));
        let (watcher, idle) =
            idle::watch(policy, runner, metrics.clone()).map_err(ConfigError::from)?;
        machine = idle.clone();
        supervisor = supervisor.with_idle(idle);
        watching = Some(tokio::spawn(watcher.run(sensors, stop.clone())));
    }
    let (keeper, line) = line::keep(
        plane.clone(),
        line::Bounds::of(config),
        machine,
        metrics,
        folder.join(line::FILE),
    );
    let keeping = tokio::spawn(keeper.run(stop.clone()));
    let result = supervisor.with_line(line).run(stop).await;
    drop(talking);
    let tasks = [
        Some(status),
        Some(listener),
        Some(pinning),
        Some(keeping),
        page,
        watching,
    ];
    for task in tasks.into_iter().flatten() {
        task.abort();
    }
    Ok(result?)
}

/// The data plane on a port that stays the same over restarts, so that the address on chain does.
async fn open_plane(
    folder: &Path,
    config: &Config,
    access: Arc<JobAccess>,
) -> Result<DataPlane, DaemonError> {
    let port_file = folder.join(PORT_FILE);
    let mut plane = sungrid_data_plane::Config::persistent(folder.join("blobs"));
    plane.bind = config.listen;
    plane.external_addresses = config.external.clone();
    plane.relays = config.relays()?;
    plane.relay_roots = config.relay_roots.as_ref().map(|path| folder.join(path));
    plane.rates = config.rates();
    plane.max_store_bytes = config.storage_mib << 20;
    plane.max_group_bytes = plane.max_store_bytes / JOB_SHARE;
    plane.access = access.clone();
    plane.secrets = access;
    if config.listen.port() == 0
        && let Ok(text) = std::fs::read_to_string(&port_file)
        && let Ok(port) = text.trim().parse()
    {
        plane.bind.set_port(port);
        match DataPlane::spawn(plane.clone()).await {
            Ok(node) => return Ok(node),
            Err(error) => {
                debug!(%error, port, "the former port is taken");
                plane.bind.set_port(0);
            }
        }
    }
    let node = DataPlane::spawn(plane).await?;
    if let Some(address) = node.address().direct().first()
        && let Err(error) = std::fs::write(&port_file, address.port().to_string())
    {
        // The next start then has another address, and says so on chain.
        warn!(%error, "the port cannot be remembered");
    }
    Ok(node)
}

#[cfg(test)]
mod tests;
