//! Puts chain, data plane and executor together and runs them until told to stop.

use std::{
    fs::File,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fs2::FileExt;
use sungrid_chain_client::{
    Balance, Chain, ChainError, Keypair,
    keys::{KeyError, KeySource},
    rpc::RpcChain,
};
use sungrid_data_plane::{DataPlane, SpawnError};
use sungrid_executor::{CacheConfig, Engine, EngineError, MeasureError};
use sungrid_primitives::ISC;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use tracing::{debug, info, warn};

use crate::{
    config::{Config, ConfigError},
    engine,
    isolation::{self, IsolationError},
    journal::{Journal, JournalError},
    metrics::Metrics,
    plane::Plane,
    ports::{Blobs, Ports, Runner},
    register::{self, Offer, RegisterError},
    supervisor::{Fatal, Settings, Supervisor, stopped},
    work::Bounds,
};

/// Name of the status file in the data folder.
pub const STATUS_FILE: &str = "status.json";
/// Compiled modules on the disk: some hundred programs. Less, and programs are compiled again and again.
const MODULE_CACHE_BYTES: u64 = 2 << 30;
/// Pauses between attempts to reach a node: short enough not to be noticed when it is just starting, long
/// enough not to fill a log over a weekend.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Time to find a peer and have its first answer. Less, and peers behind slow lines are given up; more, and peers that
/// serve next to nothing hold up the work of others.
const FETCH_TIME: Duration = Duration::from_secs(15);
/// Bytes per second that a peer has to serve: the bandwidth of one SUNS of Cpu/1.
const FETCH_RATE: u64 = 20_000_000 / 8;
const LOCK_FILE: &str = "lock";
const PORT_FILE: &str = "port";

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
    #[error("another worker runs in {0}: stop it, or give this one its own folder (--data-dir)")]
    Locked(PathBuf),
    /// The data folder cannot be used.
    #[error("{path}: {source}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Takes the data folder for this process, until the handle goes away.
pub fn lock(folder: &Path) -> Result<File, DaemonError> {
    let path = folder.join(LOCK_FILE);
    let file = File::create(&path).map_err(|source| DaemonError::Folder {
        path: path.clone(),
        source,
    })?;
    file.try_lock_exclusive()
        .map_err(|_| DaemonError::Locked(folder.into()))?;
    Ok(file)
}

/// Whether a worker runs in the folder.
pub fn is_running(folder: &Path) -> bool {
    // Opened without creating: asking leaves no trace.
    File::open(folder.join(LOCK_FILE)).is_ok_and(|file| {
        let free = FileExt::try_lock_shared(&file).is_ok();
        if free {
            // Closing the file unlocks it as well.
            let _ = FileExt::unlock(&file);
        }
        !free
    })
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
    Ok(Some(source.parse::<KeySource>()?.load(&ask)?))
}

/// The worker's key.
pub fn worker_key(folder: &Path, config: &Config) -> Result<Keypair, DaemonError> {
    Ok(KeySource::File(folder.join(&config.key)).load(&ask)?)
}

/// Runs a worker in its data folder until `stop` turns true.
pub async fn run(
    folder: &Path,
    config: &Config,
    wrap: Wrap,
    stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    let _lock = lock(folder)?;
    let key = worker_key(folder, config)?;
    let operator = operator_key(config)?;
    let Some(chain) = connect(config, stop.clone()).await? else {
        return Ok(());
    };
    let info = chain.info().await?;
    info!(chain = info.name, genesis = ?info.genesis, node = config.node, "connected");

    let engine = Engine::new(Some(CacheConfig {
        directory: folder.join("modules"),
        max_bytes: MODULE_CACHE_BYTES,
    }))?;
    let lanes = config.lanes();
    let measured = {
        let engine = engine.clone();
        tokio::task::spawn_blocking(move || engine::lane_speed(&engine, lanes)).await
    };
    let lane_speed = match measured {
        Ok(speed) => speed?,
        Err(error) => {
            warn!(%error, "measuring ended early");
            0
        }
    };
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
    let runner = isolation::runner(&config.isolation, engine, config.memory())?;
    let plane = Arc::new(Plane::new(open_plane(folder, config).await?));
    let ports = Ports {
        chain: Arc::new(chain),
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
            fetch_rate: FETCH_RATE,
            unit_input: config.unit_input_mib << 20,
            unit_output: config.unit_output_mib << 20,
            unit_memory: config.unit_memory(),
            listed_only: config.listed_only,
        },
        min_price: config.min_price.into(),
        lane_speed,
        rewards_every: config.rewards_every,
    };
    let offer = Offer {
        attributes: config.attributes()?,
        resources,
        bond: config
            .bond_isc
            .map(|isc| Balance::from(isc).saturating_mul(ISC)),
    };
    let result = work(folder, config, ports, settings, offer, stop).await;
    plane.shutdown().await;
    result
}

/// Connects to the node. After a power cut it may come up later than the worker, so a node that is not there
/// is waited for; anything else that is wrong ends the daemon. `None`: told to stop before that.
async fn connect(
    config: &Config,
    mut stop: watch::Receiver<bool>,
) -> Result<Option<RpcChain>, DaemonError> {
    let mut pause = FIRST_RETRY;
    loop {
        let error = match RpcChain::connect(&config.node, config.genesis).await {
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
    offer: Offer,
    stop: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    register::ensure(&ports, &offer).await?;
    let journal = Journal::open(&folder.join("journal"), &ports.chain.genesis())?;
    let metrics = Arc::new(Metrics::default());
    metrics.isolation(&ports.runner.isolation());
    let page = config
        .metrics
        .map(|address| tokio::spawn(serve_metrics(address, metrics.clone())));
    let status = tokio::spawn(write_status(
        folder.join(STATUS_FILE),
        metrics.clone(),
        stop.clone(),
    ));
    let supervisor = Supervisor::new(ports, settings, journal, metrics).await?;
    let result = supervisor.run(stop).await;
    status.abort();
    if let Some(page) = page {
        page.abort();
    }
    Ok(result?)
}

/// The data plane on a port that stays the same over restarts, so that the address on chain does.
async fn open_plane(folder: &Path, config: &Config) -> Result<DataPlane, DaemonError> {
    let port_file = folder.join(PORT_FILE);
    let mut plane = sungrid_data_plane::Config::persistent(folder.join("blobs"));
    plane.bind = config.listen;
    plane.external_addresses = config.external.clone();
    plane.max_store_bytes = config.storage_mib << 20;
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

async fn write_status(path: PathBuf, metrics: Arc<Metrics>, mut stop: watch::Receiver<bool>) {
    let mut blocks = metrics.blocks();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            changed = blocks.changed() => if changed.is_err() { return },
        }
        let Ok(text) = serde_json::to_vec_pretty(&metrics.status()) else {
            continue;
        };
        let temporary = path.with_extension("tmp");
        let written = match tokio::fs::write(&temporary, text).await {
            Ok(()) => tokio::fs::rename(&temporary, &path).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            debug!(%error, "the status file cannot be written");
        }
    }
}

/// Serves the counters as a plain page.
async fn serve_metrics(address: SocketAddr, metrics: Arc<Metrics>) {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            warn!(%error, %address, "no metrics page: choose another `metrics` address");
            return;
        }
    };
    info!(%address, "metrics page is up");
    loop {
        let Ok((mut peer, _)) = listener.accept().await else {
            continue;
        };
        let text = metrics.text();
        // One request at a time and bounded: this page is for one scraper on this machine.
        let answer = async {
            let mut request = [0; 1024];
            let _ = peer.read(&mut request).await?;
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                text.len()
            );
            peer.write_all(head.as_bytes()).await?;
            peer.write_all(text.as_bytes()).await?;
            peer.shutdown().await
        };
        let answered = tokio::time::timeout(Duration::from_secs(5), answer).await;
        if let Ok(Err(error)) = answered {
            debug!(%error, "a metrics request broke off");
        }
    }
}
