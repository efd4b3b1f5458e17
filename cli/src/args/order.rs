//! What to run, on what, and on which terms.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use clap::Args;
use sp_core::H256;
use sungrid_data_plane::Relay;
use sungrid_primitives::JobId;

use super::ManifestArgs;
use crate::units;

/// How to serve inputs.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Address on which workers fetch inputs [default: any port, on this machine only if the node is].
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// Address under which others reach this machine, behind a router.
    #[arg(long, value_name = "IP:PORT")]
    pub external: Vec<SocketAddr>,
    /// Relay through which workers get here when they do not get here directly, such as https://relay.example.org; up to three, of which the nearest is used,
    /// and another when that one dies.
    #[arg(long, value_name = "URL", env = "SUNGRID_RELAY", value_delimiter = ',')]
    pub relay: Vec<Relay>,
    /// Certificates (PEM) that the relay's own may be signed by, besides what browsers trust.
    #[arg(long, value_name = "FILE", requires = "relay")]
    pub relay_roots: Option<PathBuf>,
    /// Most that workers may fetch from here, all together, Mbit/s [default: as much as the line gives].
    #[arg(long, value_name = "N")]
    pub upload_mbit: Option<NonZeroU32>,
}

/// Terms of a job.
#[derive(Clone, Debug, Default, Args)]
pub struct TermsArgs {
    /// Bid in ISC per SUNS·hour [default: the floor].
    #[arg(long, value_name = "ISC")]
    pub price: Option<String>,
    /// Units per batch.
    #[arg(long, value_name = "N")]
    pub batch_size: Option<u32>,
    /// How results are verified: optimistic, replicate:K (2 or 3), adaptive or quorum:PERCENT [default: adaptive;
    /// of pictures replicate:2].
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<String>,
    /// Most fuel of a unit, such as 5G [default: the image's].
    #[arg(long, value_name = "FUEL")]
    pub fuel_limit: Option<String>,
    /// Most memory of a unit, such as 64MiB [default: the image's].
    #[arg(long, value_name = "BYTES")]
    pub memory_limit: Option<String>,
    /// Most bytes of a unit, what it gets and what it leaves together, such as 8MiB [default: the largest input and what the image may
    /// leave]. The lower, the less is held in escrow.
    #[arg(long, value_name = "BYTES")]
    pub traffic_limit: Option<String>,
    /// Time until the job ends in any case, such as 2h [default: 1 day].
    #[arg(long, value_name = "TIME")]
    pub deadline: Option<String>,
    /// Countries whose workers may take it, such as DE; may be repeated [default: any].
    #[arg(long, value_name = "CC")]
    pub jurisdiction: Vec<String>,
    /// Regions whose workers may take it, as workers name them, such as DE-BY; may be repeated [default: any].
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Architectures that it may run on: x86_64, aarch64, riscv64, other; may be repeated [default: any].
    #[arg(long, value_name = "ARCH")]
    pub arch: Vec<String>,
    /// Power that it may run on: grid, solar, wind, hydro, geothermal, biomass, nuclear, fossil, unknown; may be
    /// repeated [default: any].
    #[arg(long, value_name = "SOURCE")]
    pub energy: Vec<String>,
    /// Most carbon intensity of a worker's power, gCO2/kWh.
    #[arg(long, value_name = "GRAMS")]
    pub max_gco2: Option<u16>,
    /// Who must stand for what --jurisdiction, --region, --arch, --energy and --max-gco2 demand: declared (the
    /// operator alone) or attested (a bonded auditor) [default: declared].
    #[arg(long, value_name = "TIER")]
    pub min_tier: Option<String>,
    /// The replicas of a batch must be in different countries.
    #[arg(long)]
    pub distinct_jurisdictions: bool,
    /// Encrypt inputs and outputs: only this machine and the workers that compute a batch get the key.
    #[arg(long)]
    pub encrypt: bool,
    /// Results in a row, since it was last wrong, that a worker must have had accepted in the job's environment.
    #[arg(long, value_name = "N")]
    pub min_streak: Option<u32>,
    /// Execution environment [default: the accepted one that most workers have].
    #[arg(long, value_name = "HASH")]
    pub environment: Option<H256>,
}

/// What to run, on what, and on which terms.
#[derive(Clone, Debug, Args)]
pub struct OrderArgs {
    /// A job file (TOML, or JSON if it ends in .json); flags override it.
    pub file: Option<PathBuf>,
    /// What to run: CID of a published image, or a .wasm file, which is published if it is not.
    #[arg(long, value_name = "CID|FILE.wasm")]
    pub image: Option<String>,
    /// A file for every unit, seen as /in/NAME; may be repeated.
    #[arg(long, value_name = "FILE[=NAME]")]
    pub input: Vec<String>,
    /// Number of equal units; they tell themselves apart by SUNGRID_UNIT or {unit}.
    #[arg(long, value_name = "N")]
    pub units: Option<u32>,
    /// One unit for each of these files.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "units")]
    pub each: Vec<PathBuf>,
    /// A job of yours whose outputs each unit gets under /in/before/UNIT, beside its files; this one opens when that one is
    /// complete. Units: as many as that one has, or a divisor of that.
    #[arg(long, value_name = "JOB")]
    pub after: Option<JobId>,
    /// Arguments of each unit; {unit}, {units} and {name} are filled in.
    #[arg(last = true)]
    pub args: Vec<String>,
    /// Manifest, if --image is a file.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// Terms.
    #[command(flatten)]
    pub terms: TermsArgs,
}

/// Arguments of `job submit`.
#[derive(Clone, Debug, Args)]
pub struct SubmitArgs {
    /// The order.
    #[command(flatten)]
    pub order: OrderArgs,
    /// Serving.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Copy the outputs into this folder, too.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Submit it again and again: time from one start to the next, such as 1h. Each job is paid for when it starts; one that
    /// cannot be is skipped, and three in a row end it, as does `job cancel`.
    #[arg(long, value_name = "TIME", value_parser = units::parse_seconds, requires = "times", conflicts_with = "after")]
    pub every: Option<u64>,
    /// Number of starts of --every, the first at once.
    #[arg(long, value_name = "M", requires = "every")]
    pub times: Option<u32>,
    /// Stop once the job is submitted. Workers need its inputs: run `sungrid job watch` soon.
    #[arg(long)]
    pub no_watch: bool,
}
