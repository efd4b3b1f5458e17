//! The settings: TOML in the data folder, every field with a default but the ones that only the operator knows, and over
//! it variables of the environment.

mod layers;
mod nodes;
mod schema;
mod text;

use std::{
    net::SocketAddr,
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sp_core::H256;
use sungrid_chain_client::{
    Architecture, Attributes, Classes, EnergySource, Region, TaskClass, rpc::PATIENCE,
};
use sungrid_data_plane::{Rates, Relay};
use sungrid_idle::{Policy, PolicyError};
use sungrid_primitives::{attributes::CARBON_UNKNOWN, jurisdiction};
use sungrid_sandbox::Isolation;

use crate::schedule::settings::Schedule;

pub(crate) use layers::AS_IN_FILE;
pub use layers::{PREFIX, variable};
pub use nodes::NodeList;
pub use schema::{Kind, Setting, settings};

/// Name of the settings file in the data folder.
pub const FILE: &str = "worker.toml";

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No settings where they should be.
    #[error("cannot read {path}: {source}. Run `sungrid-worker init` first")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The file has settings that do not exist.
    #[error("{path}: {}", .problems.join("; "))]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Each with its line and what may have been meant.
        problems: Vec<String>,
    },
    /// A variable of the environment is no setting, or has no fitting value.
    #[error("environment variable {name}: {reason}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting makes no sense.
    #[error("setting `{name}`: {reason}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<PolicyError> for ConfigError {
    fn from(error: PolicyError) -> Self {
        Self::Value {
            name: error.field,
            reason: error.reason,
        }
    }
}

/// What the operator says of the machine; goes on chain, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declared {
    /// ISO 3166-1 alpha-2 code of the country the machine stands in. Nobody's guess: jobs bound to a country go by it.
    pub jurisdiction: String,
    /// Place within it, up to 32 bytes.
    pub region: String,
    /// Source of its energy.
    pub energy: EnergySource,
    /// Grams of CO2 per kWh; none: not known, so that jobs with a limit go to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carbon: Option<u16>,
    /// Task classes that it serves; what is not listed is not.
    pub classes: Vec<TaskClass>,
}

impl Default for Declared {
    fn default() -> Self {
        Self {
            jurisdiction: String::new(),
            region: String::new(),
            energy: EnergySource::Unknown,
            carbon: None,
            // What earns most; an operator strikes out what it does not want.
            classes: TaskClass::ALL.to_vec(),
        }
    }
}

/// All settings of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Addresses of nodes' RPC: the preferred one first, the others for when it fails.
    pub node: NodeList,
    /// Seconds that the node in use may stay behind another one before that one is used.
    pub node_patience_s: u64,
    /// Genesis hash that the node's chain must have; none: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genesis: Option<H256>,
    /// The operator's key: a file, `env:NAME`, or a development account such as `//Bob`. Needed to register and
    /// to claim rewards; a registered worker runs without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The worker key's file, relative to the data folder.
    pub key: PathBuf,
    /// A file with the passphrase of an encrypted worker key, relative to the data folder; none: `SUNGRID_PASSWORD`, the
    /// service manager's credential, or a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase_file: Option<PathBuf>,
    /// Units that run at the same time; 0: one for each core but one.
    pub lanes: usize,
    /// Fuel per second of one lane, millions; 0: measured, see [`crate::measure`].
    pub lane_mfuel: u64,
    /// Batches in hand; 0: four for each lane, at least eight. The chain admits no more than the capacity can
    /// compute in time.
    pub max_batches: usize,
    /// Memory that jobs may use, all lanes together, MiB; 0: half of the machine's.
    pub memory_mib: u64,
    /// Disk that jobs may use, MiB.
    pub storage_mib: u64,
    /// Bandwidth that jobs may use each way, Mbit/s: declared, and not exceeded by what others fetch from this machine.
    pub bandwidth_mbit: u64,
    /// Bandwidth for what this machine fetches, Mbit/s; 0: any. Peers are given longer the less it is.
    pub download_mbit: u64,
    /// Bandwidth for what others fetch from this machine, Mbit/s, where that is less; 0: [`Self::bandwidth_mbit`].
    pub upload_mbit: u64,
    /// What is left of the upload while the machine is its owner's, percent.
    pub owner_upload_percent: u8,
    /// Traffic of a day, both ways, GB, after which nothing new is taken and the upload is slow; 0: any.
    pub traffic_gb_per_day: u64,
    /// Bond in ISC; none: the least that the capacity needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond_isc: Option<u64>,
    /// UDP address on which peers are served. The default serves this machine only; port 0 keeps the port of the
    /// first start.
    pub listen: SocketAddr,
    /// Addresses at which others reach this machine, when they differ (port forwarding).
    pub external: Vec<SocketAddr>,
    /// Relays through which others reach this machine when they cannot reach it directly.
    pub relays: Vec<String>,
    /// Certificates (PEM) that relays' own may be signed by, besides what browsers trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_roots: Option<PathBuf>,
    /// Largest inputs of one unit, MiB.
    pub unit_input_mib: u64,
    /// Largest outputs of one unit, MiB.
    pub unit_output_mib: u64,
    /// Least bid worth taking, planck per SUNS·hour.
    pub min_price: u64,
    /// Take only applications that governance has listed.
    pub listed_only: bool,
    /// Whether it hears of jobs from others, tells them on, and tells requesters how their batches get on.
    pub gossip: bool,
    /// How far batches are kept from this machine.
    pub isolation: Isolation,
    /// Claim rewards every so many blocks; 0: never.
    pub rewards_every: u32,
    /// Address of the metrics page; none: no page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
    /// What the operator says of the machine.
    pub declared: Declared,
    /// When the machine's owner leaves it to the work. Whoever says nothing has a desktop: a server's administrator reads what there is
    /// to set, somebody whose machine has become slow does not.
    pub idle: Policy,
    /// Which work it takes, and with which power.
    pub schedule: Schedule,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: String::from("ws://127.0.0.1:9944").into(),
            node_patience_s: PATIENCE.as_secs(),
            genesis: None,
            operator: None,
            key: "worker.key".into(),
            passphrase_file: None,
            lanes: 0,
            lane_mfuel: 0,
            max_batches: 0,
            memory_mib: 0,
            storage_mib: 50_000,
            bandwidth_mbit: 100,
            upload_mbit: 0,
            download_mbit: 0,
            owner_upload_percent: 25,
            traffic_gb_per_day: 0,
            bond_isc: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            external: Vec::new(),
            relays: Vec::new(),
            relay_roots: None,
            unit_input_mib: 256,
            unit_output_mib: 256,
            min_price: 0,
            listed_only: false,
            gossip: true,
            isolation: Isolation::default(),
            rewards_every: 50,
            metrics: None,
            declared: Declared::default(),
            idle: Policy::default(),
            schedule: Schedule::default(),
        }
    }
}

/// What stands above each setting in a fresh file.
const MEANINGS: &[(&str, &str)] = &[
    (
        "node",
        "The node's RPC; or a list of several, the preferred one first: [\"ws://127.0.0.1:9944\", \"wss://OTHER\"].",
    ),
    (
        "node_patience_s",
        "Seconds that the node in use may stand still, hang or lag while another one goes on; then that one is used.",
    ),
    ("genesis", "The chain that the node must serve."),
    (
        "operator",
        "Who bonds this worker and is paid: a key file, env:NAME, or a development account.",
    ),
    ("key", "The worker key: signs work, needs no balance."),
    (
        "passphrase_file",
        "File with the worker key's passphrase, best on another disk; without it: SUNGRID_PASSWORD, a systemd credential, or a question.",
    ),
    (
        "lanes",
        "Units at the same time; 0: one for each core but one.",
    ),
    (
        "lane_mfuel",
        "Fuel per second of a lane, millions; 0: measured. For machines whose measurements vary with what else runs.",
    ),
    (
        "max_batches",
        "Batches in hand; 0: four for each lane, at least eight.",
    ),
    (
        "memory_mib",
        "Memory for jobs, all lanes together, MiB; 0: half of the machine's.",
    ),
    ("storage_mib", "Disk for jobs, MiB."),
    (
        "bandwidth_mbit",
        "Bandwidth for jobs, each way, Mbit/s: declared on chain, and not exceeded by what others fetch from here.",
    ),
    (
        "download_mbit",
        "Bandwidth for what this machine fetches, Mbit/s; 0: any.",
    ),
    (
        "upload_mbit",
        "Bandwidth for what others fetch from here, where the line sends less than it receives, Mbit/s; 0: bandwidth_mbit.",
    ),
    (
        "owner_upload_percent",
        "What is left of that while the machine is its owner's, percent. Never nothing: whoever withholds outputs loses bond.",
    ),
    (
        "traffic_gb_per_day",
        "After so many GB a day (UTC), both ways, no new work, and the upload as above; 0: any.",
    ),
    ("bond_isc", "Bond in ISC, if more than the least."),
    (
        "listen",
        "UDP address for peers; 0.0.0.0:PORT to serve other machines.",
    ),
    (
        "external",
        "Addresses under which others reach this machine, behind a router.",
    ),
    (
        "relays",
        "Relays for when nobody gets through to this machine, such as [\"https://relay.example.org\"].",
    ),
    (
        "relay_roots",
        "Certificates (PEM) that a relay's own may be signed by, besides what browsers trust.",
    ),
    ("unit_input_mib", "Largest inputs of one unit, MiB."),
    ("unit_output_mib", "Largest outputs of one unit, MiB."),
    ("min_price", "Least bid worth taking, planck per SUNS·hour."),
    (
        "listed_only",
        "Take only applications that governance has listed.",
    ),
    (
        "gossip",
        "Hear of jobs from other machines, and tell requesters how their batches get on.",
    ),
    (
        "isolation",
        "What keeps batches from this machine: best, required, off, or a list (see `sungrid-worker sandbox`).",
    ),
    (
        "rewards_every",
        "Claim rewards every so many blocks; 0: never.",
    ),
    ("metrics", "Address of the metrics page."),
    (
        "jurisdiction",
        "Country the machine stands in, ISO 3166-1 alpha-2.",
    ),
    ("region", "Place within it, up to 32 bytes."),
    (
        "energy",
        "Its power: unknown, grid, solar, wind, hydro, geothermal, biomass, nuclear or fossil.",
    ),
    (
        "carbon",
        "Grams of CO2 per kWh. Jobs with a limit go to those who say.",
    ),
    (
        "classes",
        "Work that it takes: general, rendering, science, learning, media.",
    ),
];

/// What a fresh file proposes for settings that have no value.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "genesis",
        "\"0x0000000000000000000000000000000000000000000000000000000000000000\"",
    ),
    ("operator", "\"/home/me/operator.key\""),
    ("passphrase_file", "\"/etc/sungrid/passphrase\""),
    ("bond_isc", "100"),
    ("relay_roots", "\"/etc/sungrid/relay.pem\""),
    ("metrics", "\"127.0.0.1:9620\""),
    ("carbon", "380"),
    ("carbon_max", "200"),
    ("meter_file", "\"/run/meter.json\""),
    ("meter_command", "[\"/usr/local/bin/meter\"]"),
];

/// Less patience with nodes, and a block that comes late makes workers change them.
const LEAST_PATIENCE_S: u64 = 10;
/// The largest linear memory of a guest: 32-bit addresses.
const GUEST_MEMORY_MIB: u64 = 4_096;

impl Config {
    /// Reads the settings in a data folder.
    pub fn load(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        let config = layers::read(&path, &text, layers::environment())?;
        config.attributes()?;
        if config.node_patience_s < LEAST_PATIENCE_S {
            return Err(ConfigError::Value {
                name: "node_patience_s",
                reason: format!("at least {LEAST_PATIENCE_S}: some blocks"),
            });
        }
        if !(1..=100).contains(&config.owner_upload_percent) {
            return Err(ConfigError::Value {
                name: "owner_upload_percent",
                reason:
                    "from 1 to 100: outputs are owed for a while, also when their machine is in use"
                        .into(),
            });
        }
        config.relays()?;
        config.idle.validate()?;
        config.schedule.rules(config.declared.carbon)?;
        Ok(config)
    }

    /// What goes on chain.
    pub fn attributes(&self) -> Result<Attributes, ConfigError> {
        let value = |name, reason: &str| ConfigError::Value {
            name,
            reason: reason.into(),
        };
        let declared = &self.declared;
        let code = <[u8; 2]>::try_from(declared.jurisdiction.as_bytes()).ok();
        let jurisdiction = code
            .filter(|code| jurisdiction::is_assigned(*code))
            .ok_or_else(|| {
                value(
                    "declared.jurisdiction",
                    "say in which country the machine stands, as an ISO 3166-1 alpha-2 code in capitals, such as \"DE\": jobs that are bound to a country go by it",
                )
            })?;
        let region = Region::try_from(declared.region.clone().into_bytes())
            .map_err(|_| value("declared.region", "at most 32 bytes"))?;
        let mut classes = declared.classes.clone();
        classes.sort_unstable();
        classes.dedup();
        if classes.is_empty() {
            return Err(value(
                "declared.classes",
                "name at least one class; to take no work, pause the worker",
            ));
        }
        Ok(Attributes {
            jurisdiction,
            region,
            architecture: match std::env::consts::ARCH {
                "x86_64" => Architecture::X86_64,
                "aarch64" => Architecture::Aarch64,
                "riscv64" => Architecture::Riscv64,
                _ => Architecture::Other,
            },
            energy: declared.energy,
            carbon: declared.carbon.unwrap_or(CARBON_UNKNOWN),
            // There are no more classes than that.
            classes: Classes::truncate_from(classes),
        })
    }

    /// Its relays.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with what is wrong with one.
    pub fn relays(&self) -> Result<Vec<Relay>, ConfigError> {
        let parsed = self.relays.iter().map(|url| url.parse::<Relay>());
        parsed
            .collect::<Result<_, _>>()
            .map_err(|error| ConfigError::Value {
                name: "relays",
                reason: error.to_string(),
            })
    }

    /// How fast content may go and come while the line is the work's.
    pub fn rates(&self) -> Rates {
        let mbit = |mbit: u64| NonZeroU64::new(mbit.max(1).saturating_mul(1_000_000 / 8));
        let upload = match self.upload_mbit {
            0 => self.bandwidth_mbit,
            upload => upload,
        };
        Rates {
            upload: mbit(upload),
            download: match self.download_mbit {
                0 => None,
                download => mbit(download),
            },
        }
    }

    /// Lanes of this machine.
    pub fn lanes(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match self.lanes {
            0 => cores.saturating_sub(1).max(1),
            lanes => lanes,
        }
    }

    /// Batches in hand at most.
    pub fn max_batches(&self) -> usize {
        match self.max_batches {
            0 => (4 * self.lanes()).max(8),
            batches => batches,
        }
    }

    /// Bytes of memory that jobs may use.
    pub fn memory(&self) -> u64 {
        match self.memory_mib {
            0 => system_memory() / 2,
            mib => mib << 20,
        }
    }

    /// Bytes of memory that one unit may use.
    pub fn unit_memory(&self) -> u64 {
        (self.memory() / self.lanes() as u64).min(GUEST_MEMORY_MIB << 20)
    }
}

/// Bytes of memory of this machine. Where the system does not say: 4 GiB, which a machine worth lending has.
pub(crate) fn system_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
    kib.map_or(4 << 30, |kib| kib << 10)
}

#[cfg(test)]
mod tests;
