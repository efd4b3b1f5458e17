//! What there is to know of a worker, its machine and its chain, gathered without judging it.

use std::{
    collections::VecDeque,
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    time::Duration,
};

use sp_core::H256;
use sungrid_chain_client::{Balance, BlockNumber, Chain, ChainError, Worker, keys, rpc};
use sungrid_data_plane::{
    Config as PlaneConfig, DataPlane, FetchError, FetchOptions, Hash, PeerAddress, PeerFault, Relay,
};
use sungrid_executor::Engine;
use sungrid_idle::{Machine as IdleMachine, Mode, Policy, Sensors, Standing};

use crate::{
    config::Config,
    control, daemon,
    machine::{Machine, Registry, Tenant},
    metrics::now_ms,
};

/// A node that has not answered by then does not answer.
const NODE_TIME: Duration = Duration::from_secs(30);
/// A peer on the way through one's own router answers sooner.
const DIAL_TIME: Duration = Duration::from_secs(8);
/// Files that are looked at to find what a folder takes. More take long; what is missing then makes the check milder.
const MAX_FILES: usize = 200_000;

/// A picture of the machine that the worker drew longer ago says nothing of now.
const SEEN_MS: u64 = 120_000;
/// Looks at the sensors, what counts as the time between them, and how long it takes in truth. Some sensors know nothing before the
/// second look, and some answer a moment after the first.
const LOOKS: u32 = 5;
const LOOK_APART: Duration = Duration::from_secs(5);
const LOOK_TIME: Duration = Duration::from_millis(300);

/// The worker key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) path: PathBuf,
    pub(super) encrypted: bool,
    /// Its address, or why it cannot be used.
    pub(super) loaded: Result<String, String>,
}

/// What the chain says.
#[derive(Clone, Debug)]
pub(super) struct ChainFacts {
    pub(super) name: String,
    pub(super) genesis: H256,
    /// Best block of each configured node, or why it cannot be used.
    pub(super) nodes: Vec<(String, Result<BlockNumber, ChainError>)>,
    pub(super) block: BlockNumber,
    /// Milliseconds since 1970.
    pub(super) time_ms: u64,
    /// Whether it takes results of this program.
    pub(super) accepts: bool,
    /// The worker, if the chain knows it.
    pub(super) worker: Option<Worker>,
    /// What the capacity needs, planck.
    pub(super) least_bond: Balance,
    /// A draw of the liveness lottery that is not answered.
    pub(super) summoned: Option<BlockNumber>,
    /// Free balance of the operator, planck.
    pub(super) operator_free: Option<Balance>,
}

/// Whether others can reach this worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It answered at the address that is on chain; if that names a relay, through it as well.
    Answers(Option<Relay>),
    /// It answered, but not through the relay that its address names.
    NotRelayed(Relay, String),
    /// It did not.
    Silent(String),
    /// It does not run, and its port is free.
    PortFree,
    /// It does not run, and something else has its port.
    PortTaken(String),
    /// Nothing could be tried.
    Unknown(String),
}

/// Who has the data folder.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) running: bool,
    pub(super) holder: Option<u32>,
    /// Whether the holder lives, where the system tells.
    pub(super) alive: Option<bool>,
    /// Milliseconds since the worker wrote its status.
    pub(super) status_age_ms: Option<u64>,
}

/// The disk under the data folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk {
    /// Bytes that are free.
    pub(super) free: u64,
    /// Bytes that the content store takes already.
    pub(super) used: u64,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) folder: PathBuf,
    pub(super) now_ms: u64,
    pub(super) config: Result<Config, String>,
    pub(super) key: Option<Key>,
    /// The operator's address, or why its key cannot be used; none: no key is configured.
    pub(super) operator: Option<Result<String, String>>,
    /// What the chain says; none: nobody was asked.
    pub(super) chain: Option<Result<ChainFacts, ChainError>>,
    pub(super) reach: Reach,
    pub(super) lock: Lock,
    pub(super) disk: Option<Disk>,
    pub(super) machine: Machine,
    pub(super) others: Vec<Tenant>,
    /// How the idle policy stands; none: it takes the machine for itself, or there are no settings.
    pub(super) idle: Option<Watched>,
}

/// How an idle policy stands.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) standing: Standing,
    /// Whether the worker saw it so, or else this command, which may run in another session.
    pub(super) by_worker: bool,
}

/// Looks at everything. Nothing is changed on the way.
pub(super) async fn gather(folder: &Path) -> Facts {
    let config = Config::load(folder).map_err(|error| error.to_string());
    let lock = lock(folder);
    let mut facts = Facts {
        folder: folder.into(),
        now_ms: now_ms(),
        key: None,
        operator: None,
        chain: None,
        reach: Reach::Unknown("there are no settings".into()),
        disk: fs2::available_space(folder).ok().map(|free| Disk {
            free,
            used: size_of(&folder.join("blobs")),
        }),
        lock,
        machine: Machine::this(),
        others: Registry::of_machine().others(folder),
        idle: None,
        config,
    };
    let Ok(config) = &facts.config else {
        return facts;
    };
    facts.idle = watched(folder, &config.idle, facts.lock.running).await;
    let worker = daemon::worker_key(folder, config);
    let path = folder.join(&config.key);
    facts.key = Some(Key {
        encrypted: keys::is_encrypted(&path).unwrap_or(false),
        loaded: match &worker {
            Ok(key) => Ok(key.account().to_string()),
            Err(error) => Err(error.to_string()),
        },
        path,
    });
    let operator = daemon::operator_key(config);
    facts.operator = match &operator {
        Ok(None) => None,
        Ok(Some(key)) => Some(Ok(key.account().to_string())),
        Err(error) => Some(Err(error.to_string())),
    };
    let worker = worker.ok().map(|key| key.account());
    let operator = operator.ok().flatten().map(|key| key.account());
    let asked = ask(config, worker, operator);
    let chain = tokio::time::timeout(NODE_TIME, asked).await;
    let chain = chain.unwrap_or_else(|_| {
        Err(ChainError::Unreachable {
            url: config.node.join(", "),
            reason: format!("no answer within {NODE_TIME:?}"),
        })
    });
    facts.now_ms = now_ms();
    facts.reach = reach(folder, config, facts.lock.running, &chain).await;
    facts.chain = Some(chain);
    facts
}

/// How the policy stands: as the worker sees it where it runs, else as it looks from here.
async fn watched(folder: &Path, policy: &Policy, running: bool) -> Option<Watched> {
    if policy.mode == Mode::Always {
        return None;
    }
    let seen = control::status(folder)
        .filter(|status| running && now_ms().saturating_sub(status.written_ms) < SEEN_MS)
        .and_then(|status| status.machine)
        .filter(|machine| !machine.reasons.is_empty());
    if let Some(standing) = seen {
        return Some(Watched {
            standing,
            by_worker: true,
        });
    }
    let policy = policy.clone();
    // Seen from here every worker is another one.
    let kin = Registry::of_machine().kin(Path::new(""));
    // Sensors may block.
    let looking = tokio::task::spawn_blocking(move || {
        let mut sensors = Sensors::system(&policy, &kin);
        let mut machine = IdleMachine::new(policy).ok()?;
        // Each is read at each look, though less time passes than they ask for: enough to tell what is unknown.
        for look in 0..LOOKS {
            let now = look * LOOK_APART;
            machine.step(now, sensors.read(now), false);
            std::thread::sleep(LOOK_TIME);
        }
        Some(machine.standing())
    });
    let standing = looking.await.ok().flatten()?;
    Some(Watched {
        standing,
        by_worker: false,
    })
}

async fn ask(
    config: &Config,
    worker: Option<sungrid_chain_client::AccountId>,
    operator: Option<sungrid_chain_client::AccountId>,
) -> Result<ChainFacts, ChainError> {
    let chain = daemon::connection(config).await?;
    let info = chain.info().await?;
    let patience = Duration::from_secs(config.node_patience_s);
    let nodes = rpc::look(&config.node, info.genesis, patience).await;
    let params = chain.params().await?;
    let environment = Engine::new(None).map(|engine| H256(engine.environment().0));
    let record = match &worker {
        Some(worker) => chain.worker(worker).await?,
        None => None,
    };
    Ok(ChainFacts {
        name: info.name,
        genesis: info.genesis,
        nodes: config.node.iter().cloned().zip(nodes).collect(),
        block: chain.head().await?.number,
        time_ms: chain.time().await?,
        accepts: match environment {
            Ok(environment) => chain.accepts(&environment).await?,
            Err(_) => false,
        },
        least_bond: params.bond_for(record.as_ref().map_or(0, |worker| worker.capacity)),
        summoned: match (&worker, &record) {
            (Some(worker), Some(_)) => chain.summons(worker).await?,
            _ => None,
        },
        operator_free: match operator {
            Some(operator) => Some(chain.account(&operator).await?.free),
            None => None,
        },
        worker: record,
    })
}

async fn reach(
    folder: &Path,
    config: &Config,
    running: bool,
    chain: &Result<ChainFacts, ChainError>,
) -> Reach {
    if !running {
        return port(folder, config.listen);
    }
    let record = chain.as_ref().ok().and_then(|chain| chain.worker.as_ref());
    match record {
        Some(worker) => dial(folder, config, &worker.endpoint, DIAL_TIME).await,
        None => Reach::Unknown("its address is not on chain".into()),
    }
}

/// Whether the worker could serve peers on its port.
fn port(folder: &Path, mut listen: SocketAddr) -> Reach {
    if listen.port() == 0 {
        // The one of its first start; another one would do as well.
        let former = std::fs::read_to_string(folder.join(daemon::PORT_FILE));
        listen.set_port(
            former
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
        );
    }
    match UdpSocket::bind(listen) {
        Ok(_) => Reach::PortFree,
        Err(error) => Reach::PortTaken(format!("{listen}: {error}")),
    }
}

/// Asks the worker at the address on chain, and through its relay alone.
async fn dial(folder: &Path, config: &Config, endpoint: &[u8], patience: Duration) -> Reach {
    let peer = match PeerAddress::from_bytes(endpoint) {
        Ok(peer) => peer,
        Err(error) => return Reach::Silent(format!("the address on chain is none: {error}")),
    };
    let is_local = peer.relay().is_none()
        && peer
            .direct()
            .iter()
            .all(|address| address.ip().is_loopback());
    let mut plane = PlaneConfig::memory();
    plane.connect_timeout = patience;
    plane.relays = config.relays().unwrap_or_default();
    plane.relay_roots = config.relay_roots.as_ref().map(|path| folder.join(path));
    if !is_local {
        plane.bind = SocketAddr::from(([0, 0, 0, 0], 0));
    }
    let plane = match DataPlane::spawn(plane).await {
        Ok(plane) => plane,
        Err(error) => return Reach::Unknown(format!("this machine cannot ask: {error}")),
    };
    let reach = reached(&plane, &peer, patience).await;
    plane.shutdown().await;
    reach
}

async fn reached(plane: &DataPlane, peer: &PeerAddress, patience: Duration) -> Reach {
    // Through the relay first: a connection that there is would be used again.
    let relayed = match peer.relay() {
        None => None,
        Some(relay) => match PeerAddress::with_relays(peer.id(), [], Some(relay.clone())) {
            Ok(only) => Some((relay.clone(), knock(plane, &only, patience).await)),
            Err(error) => Some((relay.clone(), Err(error.to_string()))),
        },
    };
    match relayed {
        Some((relay, Ok(()))) => Reach::Answers(Some(relay)),
        Some((relay, Err(reason))) => match knock(plane, peer, patience).await {
            Ok(()) => Reach::NotRelayed(relay, reason),
            Err(reason) => Reach::Silent(format!("{peer}: {reason}")),
        },
        None => match knock(plane, peer, patience).await {
            Ok(()) => Reach::Answers(None),
            Err(reason) => Reach::Silent(format!("{peer}: {reason}")),
        },
    }
}

/// Asks for something that nobody has: that the peer says so is an answer. The error is the reason in words.
async fn knock(plane: &DataPlane, peer: &PeerAddress, patience: Duration) -> Result<(), String> {
    let nothing = Hash::new(b"sungrid-worker doctor asks whether somebody is there");
    let options = FetchOptions::up_to(1);
    let fetched = plane.fetch(nothing, std::slice::from_ref(peer), options);
    // Connecting ends by itself; answering need not.
    match tokio::time::timeout(2 * patience, fetched).await {
        Err(_) => Err(format!("no answer within {patience:?}")),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(FetchError::AllFailed { attempts, .. })) => {
            match attempts.into_iter().next().map(|attempt| attempt.fault) {
                Some(PeerFault::Unreachable(reason)) => Err(reason),
                // Whatever else it said, it was there to say it.
                _ => Ok(()),
            }
        }
        Ok(Err(error)) => Err(error.to_string()),
    }
}

fn lock(folder: &Path) -> Lock {
    let running = control::is_running(folder);
    let holder = control::holder(folder).filter(|_| running);
    Lock {
        running,
        holder,
        alive: holder.and_then(lives),
        status_age_ms: control::status(folder)
            .map(|status| now_ms().saturating_sub(status.written_ms)),
    }
}

/// Whether a process lives, where that can be seen without asking for permission.
fn lives(pid: u32) -> Option<bool> {
    let processes = Path::new("/proc");
    processes
        .join("self")
        .exists()
        .then(|| processes.join(pid.to_string()).exists())
}

/// Bytes that a folder takes.
fn size_of(folder: &Path) -> u64 {
    let mut left = VecDeque::from([folder.to_owned()]);
    let (mut bytes, mut files) = (0_u64, 0);
    while let Some(folder) = left.pop_front() {
        for item in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            files += 1;
            if files > MAX_FILES {
                return bytes;
            }
            match item.metadata() {
                // A link is not followed: its target is elsewhere, or counted there.
                Ok(metadata) if metadata.is_dir() => left.push_back(item.path()),
                Ok(metadata) => bytes = bytes.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    bytes
}

/// Facts of a worker that is in order, for the checks' tests to break one by one.
#[cfg(test)]
pub(super) fn in_order() -> Facts {
    use crate::config::Declared;
    use sungrid_chain_client::{Tiers, WorkerState};
    use sungrid_primitives::{ISC, traits::CPU_1_ID};

    let config = Config {
        listen: SocketAddr::from(([0, 0, 0, 0], 4_433)),
        lanes: 2,
        memory_mib: 4_096,
        storage_mib: 10_000,
        declared: Declared {
            jurisdiction: "DE".into(),
            ..Declared::default()
        },
        ..Config::default()
    };
    let worker = Worker {
        operator: [2; 32].into(),
        endpoint: PeerAddress::new(
            sungrid_data_plane::SecretKey::from_bytes(&[7; 32]).public(),
            [SocketAddr::from(([192, 0, 2, 1], 4_433))],
        )
        .expect("an address")
        .to_bytes(),
        attributes: config.attributes().expect("a country is declared"),
        tiers: Tiers::default(),
        environment: H256::repeat_byte(1),
        profile: CPU_1_ID,
        capacity: 500_000,
        counted: 500_000,
        committed: 0,
        bond: 100 * ISC,
        leaving: 0,
        delegated: 0,
        state: WorkerState::Active,
        faults: 0,
        missed: 0,
        rests_until: 0,
        declined: 0,
        handed_back: 0,
        accepted_units: 10,
        delivered: 10,
        trust: Default::default(),
    };
    Facts {
        folder: "/srv/worker".into(),
        now_ms: 1_000_002_000,
        config: Ok(config),
        key: Some(Key {
            path: "/srv/worker/worker.key".into(),
            encrypted: true,
            loaded: Ok("5Worker".into()),
        }),
        operator: Some(Ok("5Operator".into())),
        chain: Some(Ok(ChainFacts {
            name: "Test".into(),
            genesis: H256::repeat_byte(9),
            nodes: vec![("ws://own".into(), Ok(77)), ("wss://other".into(), Ok(76))],
            block: 77,
            time_ms: 1_000_000_000,
            accepts: true,
            worker: Some(worker),
            least_bond: 100 * ISC,
            summoned: None,
            operator_free: Some(10 * ISC),
        })),
        reach: Reach::Answers(None),
        lock: Lock {
            running: true,
            holder: Some(1),
            alive: Some(true),
            status_age_ms: Some(1_000),
        },
        disk: Some(Disk {
            free: 20_000 << 20,
            used: 1_000 << 20,
        }),
        machine: Machine {
            cores: 4,
            memory: crate::config::system_memory().max(8 << 30),
        },
        others: Vec::new(),
        idle: Some(Watched {
            standing: Standing {
                for_s: 60,
                ..Standing::default()
            },
            by_worker: true,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_is_there_answers_and_one_that_is_not_does_not() {
        let peer = DataPlane::spawn(PlaneConfig::memory())
            .await
            .expect("starts");
        let endpoint = peer.address().to_bytes();
        let (folder, config) = (Path::new("/"), Config::default());
        let answer = dial(folder, &config, &endpoint, DIAL_TIME).await;
        assert_eq!(answer, Reach::Answers(None));

        // A relay that is away, which an address names beside the right one.
        let relay: Relay = "http://127.0.0.1:9".parse().expect("a relay");
        let named = PeerAddress::with_relays(
            peer.endpoint_id(),
            peer.address().direct().iter().copied(),
            Some(relay.clone()),
        );
        let named = named.expect("an address").to_bytes();
        // As long as a busy machine may stand still, and more.
        let soon = Duration::from_secs(5);
        let answer = dial(folder, &config, &named, soon).await;
        assert!(
            matches!(&answer, Reach::NotRelayed(at, _) if *at == relay),
            "{answer:?}"
        );

        peer.shutdown().await;
        let answer = dial(folder, &config, &endpoint, soon).await;
        assert!(matches!(answer, Reach::Silent(_)));
        let answer = dial(folder, &config, b"nonsense", soon).await;
        assert!(matches!(answer, Reach::Silent(_)));
    }

    #[test]
    fn a_port_that_somebody_has_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(port(folder.path(), local), Reach::PortFree);
        let socket = UdpSocket::bind(local).expect("binds");
        let taken = socket.local_addr().expect("has an address");
        assert!(matches!(port(folder.path(), taken), Reach::PortTaken(_)));
        // The same for the port of an earlier start.
        std::fs::write(
            folder.path().join(daemon::PORT_FILE),
            taken.port().to_string(),
        )
        .expect("writes");
        assert!(matches!(port(folder.path(), local), Reach::PortTaken(_)));
    }

    #[test]
    fn the_lock_tells_who_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!lock(folder.path()).running);
        let held = control::lock(folder.path()).expect("takes it");
        let found = lock(folder.path());
        assert!(found.running);
        assert_eq!(found.holder, Some(std::process::id()));
        assert_ne!(found.alive, Some(false));
        drop(held);
        assert_eq!(lock(folder.path()).holder, None);
        if cfg!(target_os = "linux") {
            assert_eq!(lives(u32::MAX), Some(false));
        }
    }

    #[test]
    fn a_folder_s_size_is_that_of_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("in")).expect("creates");
        std::fs::write(folder.path().join("in/a"), [0; 700]).expect("writes");
        std::fs::write(folder.path().join("b"), [0; 30]).expect("writes");
        assert_eq!(size_of(folder.path()), 730);
        assert_eq!(size_of(&folder.path().join("none")), 0);
    }

    #[tokio::test]
    async fn without_settings_there_is_still_something_to_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let facts = gather(folder.path()).await;
        assert!(facts.config.is_err() && facts.chain.is_none());
        assert!(facts.disk.is_some());
    }
}
