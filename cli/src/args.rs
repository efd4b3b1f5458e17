//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sp_core::H256;
use sungrid_chain_client::AccountId;
use sungrid_primitives::{BatchIndex, JobId};

use crate::{context::check_key_source, units};

mod auditor;
mod order;
mod pool;
mod program;

pub use auditor::{AttributeName, AuditorCommand, FoundArgs};
pub use order::{OrderArgs, ServeArgs, SubmitArgs, TermsArgs};
pub use pool::PoolCommand;
pub use program::{
    AboutArgs, BuildArgs, ClassName, IsolationArgs, ManifestArgs, MapArgs, PublishArgs, RunArgs,
};

const EXAMPLES: &str = "\
Examples:
  sungrid --key //Alice render scenes/demo.scene --renderer renderer.wasm
  sungrid --key env:SEED image publish blur.wasm --class media --image-fuel 5G --image-memory 64MiB
  sungrid --key my.key job submit --image blur.wasm --each frames/*.png -- --strength 3
  sungrid run python.wasm --input sum.py -- /in/sum.py    here: fuel, memory, price
  sungrid --key my.key map --image python.wasm --script sum.py data/*.csv -o sums
  sungrid job watch 7            go on after a Ctrl-C
  sungrid quote --image blur.wasm --each frames/*.png    what it would cost, and when it could start
  sungrid job explain 7          why it is not running: which constraint rejects how many workers
  sungrid receipt verify DIR     check signatures and recompute the bill, without a network

A key is named, never typed: //Alice (development chains), a file with a seed phrase or a polkadot.js keystore,
env:NAME, or prompt. With --json every command prints JSON, one object per line, the result on the last one.";

const WORKER_EXAMPLES: &str = "\
Examples:
  sungrid worker list
  sungrid --key operator.key worker pause WORKER
  sungrid --key operator.key worker offer WORKER --to ADDRESS --price 120
  sungrid --key buyer.key worker accept WORKER --price 120 --to NEWKEY --proof 0x…
  sungrid --key operator.key worker unbond WORKER --amount 20      75 minutes later, or when it is free: worker withdraw WORKER";

/// Rent compute from the grid: publish applications, submit jobs, collect and verify results.
#[derive(Debug, Parser)]
#[command(name = "sungrid", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The node of whoever names none.
const NODE: &str = "ws://127.0.0.1:9944";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Address of a node; more of them are for when one fails [default: ws://127.0.0.1:9944].
    #[arg(
        long,
        global = true,
        env = "SUNGRID_NODE",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub node: Vec<String>,
    /// Refuse a node whose chain has another genesis hash.
    #[arg(long, global = true, env = "SUNGRID_GENESIS", value_name = "HASH")]
    pub genesis: Option<H256>,
    /// Your key: //Alice, FILE, env:NAME or prompt. Never the seed phrase itself.
    #[arg(long, global = true, env = "SUNGRID_KEY", value_name = "KEY", value_parser = check_key_source, hide_env_values = true)]
    pub key: Option<String>,
    /// Where images, jobs and results are kept [default: ~/.local/share/sungrid].
    #[arg(long, global = true, env = "SUNGRID_DATA", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print JSON, one object per line, the result on the last one. Amounts are integers in planck.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print results and errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// While a job is followed: a line for each step of each batch, as announced by its worker and as the chain shows it. With
    /// --json they come anyway.
    #[arg(long, global = true)]
    pub events: bool,
    /// While a job is followed: tell workers nothing of it, and show what the chain shows alone.
    #[arg(long, global = true, env = "SUNGRID_NO_GOSSIP")]
    pub no_gossip: bool,
}

impl Global {
    /// Address of the node to ask first.
    pub fn node(&self) -> &str {
        self.node.first().map_or(NODE, String::as_str)
    }

    /// Addresses of all nodes to ask.
    pub fn nodes(&self) -> Vec<&str> {
        match self.node.is_empty() {
            true => vec![NODE],
            false => self.node.iter().map(String::as_str).collect(),
        }
    }
}

/// Commands.
// Parsed once: the size of its largest variant costs nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish applications and list them.
    #[command(subcommand)]
    Image(ImageCommand),
    /// Submit jobs, follow them, collect their results.
    #[command(subcommand)]
    Job(JobCommand),
    /// Run a program here, in exactly a worker's environment: what it uses, what it leaves, what that would cost.
    #[command(after_help = program::RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Run one script or image over many files, as one job, and collect what it leaves of each by name.
    #[command(after_help = program::MAP_EXAMPLES)]
    Map(Box<MapArgs>),
    /// What a job would cost and when it could start; takes what `job submit` takes, and submits nothing.
    #[command(after_help = "Example:\n  sungrid quote --image blur.wasm --each frames/*.png")]
    Quote(Box<OrderArgs>),
    /// What one SUNS of each profile contains, the least that work in it pays, and what it paid lately.
    #[command(after_help = "Example:\n  sungrid price\n  sungrid --json price")]
    Price,
    /// Look at the workers, and do what their operators do.
    #[command(subcommand, after_help = WORKER_EXAMPLES)]
    Worker(WorkerCommand),
    /// Stake on others' workers for a share of their income, or let others stake on yours.
    #[command(subcommand, after_help = pool::EXAMPLES)]
    Pool(PoolCommand),
    /// Stand for what operators say of their machines, with a bond. For auditors, whom a referendum admits.
    #[command(subcommand, after_help = auditor::EXAMPLES)]
    Auditor(AuditorCommand),
    /// Check receipts.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Check workers with jobs whose answer you know. For keepers, whom a referendum admits.
    #[command(subcommand)]
    Canary(CanaryCommand),
    /// What an account has: free, held, pending rewards.
    #[command(
        after_help = "Example:\n  sungrid account ADDRESS\n  sungrid --key my.key --json account"
    )]
    Account {
        /// SS58 address [default: your key's].
        address: Option<String>,
    },
    /// Rewards of operators, developers and block authors.
    #[command(subcommand)]
    Rewards(RewardsCommand),
    /// Render a scene on the grid into a PNG.
    #[command(
        after_help = "Example:\n  sungrid --key my.key render scenes/demo.scene --renderer renderer.wasm -o demo.png"
    )]
    Render(RenderArgs),
    /// Run a chain and three workers here and render a scene with them.
    #[cfg(unix)]
    #[command(
        after_help = "Example:\n  sungrid demo --scene demo.scene --renderer renderer.wasm --node-program sungrid-node --worker-program sungrid-worker    as scripts/demo does"
    )]
    Demo(DemoArgs),
}

/// Commands of `canary`.
#[derive(Debug, Subcommand)]
pub enum CanaryCommand {
    /// Compute some batches of an order here, and seal what they come to: whoever has to compute them in earnest cannot tell
    /// them from any others.
    ///
    /// Which batches these are is chosen at random and said in the file. Nothing of the order or of the answers is published.
    /// Takes what `job submit` takes: the order has to be the same to the byte. A program that draws random numbers is refused:
    /// their seed names the job.
    #[command(after_help = "Example:
  sungrid --key keeper.key canary plant --requester 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --file answers.json \\
      --image blur.wasm --each frames/*.png
  sungrid --key other.key job submit --image blur.wasm --each frames/*.png        later, by whoever wants the frames
  sungrid --key keeper.key canary expose 9 --file answers.json")]
    Plant(Box<PlantArgs>),
    /// Hold the results of a job against the answers: the trust of its workers follows. Once the job has ended, answers for
    /// batches that failed are given up.
    #[command(
        after_help = "Example:\n  sungrid --key keeper.key canary expose 9 --file answers.json"
    )]
    Expose {
        /// A job, submitted after the answers were planted.
        job: JobId,
        /// What `canary plant` wrote.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Give up answers that will never be exposed, since their order was not submitted, or its job is gone: each takes one of
    /// a keeper's 256 places.
    #[command(
        after_help = "Example:\n  sungrid --key keeper.key canary uproot --file answers.json"
    )]
    Uproot {
        /// What `canary plant` wrote.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

/// Arguments of `canary plant`.
#[derive(Clone, Debug, Args)]
pub struct PlantArgs {
    /// Who will submit the order: somebody who needs its results anyway, or an account that nobody knows to be yours.
    #[arg(long, value_name = "ADDRESS")]
    pub requester: AccountId,
    /// Where the answers and what opens their seals are kept; must not exist. Keep it secret until they are exposed.
    #[arg(long = "file", value_name = "FILE")]
    pub answers: PathBuf,
    /// How many batches are computed here, twice each; all, if the order has no more.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::canary::MOST)))]
    pub batches: u32,
    /// The order.
    #[command(flatten)]
    pub order: OrderArgs,
    /// Isolation.
    #[command(flatten)]
    pub isolation: IsolationArgs,
}

/// Commands of `image`.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Make an application from a WASI command: a trial run measures its limits, what it needs is told in SUNS. Nothing
    /// is sent.
    #[command(after_help = program::BUILD_EXAMPLES)]
    Build(Box<BuildArgs>),
    /// Publish an application; a deposit is held until you retire it.
    #[command(
        after_help = "Example:\n  sungrid --key my.key image publish blur.wasm --class media --image-fuel 5G --image-memory 64MiB"
    )]
    Publish(PublishArgs),
    /// Take no new jobs for an application of yours and get its deposit back.
    #[command(after_help = "Example:\n  sungrid --key my.key image retire bafyr4…")]
    Retire {
        /// Its CID.
        image: String,
    },
    /// Get an application's manifest and code from a peer, so that you can run jobs with it.
    #[command(after_help = "Example:\n  sungrid image fetch bafyr4… --from ID@192.0.2.7:4433")]
    Fetch {
        /// Its CID.
        image: String,
        /// Address of a peer that has it: ID@IP:PORT.
        #[arg(long)]
        from: String,
    },
    /// List the published applications.
    #[command(after_help = "Example:\n  sungrid image list\n  sungrid image list --here")]
    List {
        /// Those on this machine, published or not; asks no node.
        #[arg(long)]
        here: bool,
    },
}

/// Commands of `job`.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Submit a job and follow it until its results are here.
    #[command(
        after_help = "Examples:\n  sungrid --key my.key job submit --image blur.wasm --each frames/*.png\n  sungrid --key my.key job submit --image report.wasm --after 7          gets the outputs of job 7\n  sungrid --key my.key job submit --image poll.wasm --every 1h --times 24"
    )]
    Submit(Box<SubmitArgs>),
    /// Follow a job that was submitted from here: serves its inputs, receives its results.
    #[command(visible_alias = "follow")]
    #[command(after_help = "Example:\n  sungrid --key my.key job watch 7    go on after a Ctrl-C")]
    Watch {
        /// The job.
        job: JobId,
    },
    /// Fetch the results of a job that workers have finished.
    #[command(after_help = "Example:\n  sungrid --key my.key job collect 7 -o results")]
    Collect {
        /// The job.
        job: JobId,
        /// Copy the outputs into this folder, too.
        #[arg(long, short, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Send no delivery receipt: workers go on serving the outputs, also to jobs that you submit `--after` this one, and
        /// the deposit stays, until retention ends.
        #[arg(long)]
        no_receipt: bool,
    },
    /// Remove ended jobs from the chain, so that their deposits return: yours once you have given a delivery receipt (`job
    /// collect`), anybody's an hour after its end. Rate its operators first: what is removed is forgotten.
    #[command(after_help = "Example:\n  sungrid --key my.key job clean-up 7 8 9")]
    CleanUp {
        /// The jobs.
        #[arg(required = true, value_name = "JOB")]
        jobs: Vec<JobId>,
    },
    /// Let a job be claimed again that workers have paused because they could not get its input; `job watch` serves it.
    #[command(
        after_help = "Example:\n  sungrid --key my.key job resume 7 && sungrid --key my.key job watch 7"
    )]
    Resume {
        /// The job.
        job: JobId,
    },
    /// Rate the operators that served a completed job, each once. Everybody sees it; it moves no money.
    #[command(after_help = "Example:\n  sungrid --key my.key job rate 7 5")]
    Rate {
        /// The job.
        job: JobId,
        /// 1 (bad) to 5 (good).
        #[arg(value_parser = clap::value_parser!(u8).range(1..=5))]
        stars: u8,
        /// One of them alone [default: all that you have not rated yet].
        #[arg(long, value_name = "ADDRESS")]
        operator: Option<AccountId>,
    },
    /// Raise the bid of a running job, for every batch that is claimed from now on, by its first worker or another one; what
    /// they cost more at their limits is held in addition. All results of a batch cost the bid of its last claim.
    #[command(
        after_help = "Example:\n  sungrid --key my.key job raise 7 --price 0.8    when `job explain 7` says that others pay more"
    )]
    Raise {
        /// The job.
        job: JobId,
        /// The new bid, ISC per SUNS·hour.
        #[arg(long, value_parser = units::parse_isc, value_name = "ISC")]
        price: u128,
    },
    /// Start nothing new; what workers have begun is completed and paid, the rest is refunded.
    #[command(after_help = "Example:\n  sungrid --key my.key job cancel 7")]
    Cancel {
        /// The job.
        job: JobId,
    },
    /// Doubt the result of an optimistic job, with a bond: two drawn operators compute the batch again. Who is wrong
    /// pays.
    #[command(
        after_help = "Example:\n  sungrid --key my.key job challenge 7 0    when batch 0 of it is wrong"
    )]
    Challenge {
        /// The job.
        job: JobId,
        /// The batch, from 0.
        batch: BatchIndex,
    },
    /// Have drawn workers try to fetch the outputs of a batch that nobody serves you, with a bond: if most of them cannot,
    /// you have back what you paid, and its workers are slashed; if most of them can, your bond is lost, and they serve you
    /// the outputs.
    ///
    /// Within an hour of the batch's acceptance. Run `sungrid job collect` first: a worker may only have been away. Holds
    /// 1.07 ISC until the witnesses are done, 13 minutes at most.
    #[command(
        after_help = "Example:\n  sungrid --key my.key job witness 7 0    when `job collect 7` cannot fetch batch 0"
    )]
    Witness {
        /// The job.
        job: JobId,
        /// The batch, from 0.
        batch: BatchIndex,
    },
    /// List jobs: yours, or all.
    #[command(
        after_help = "Example:\n  sungrid --key my.key job list\n  sungrid --json job list --all"
    )]
    List {
        /// Those of everybody.
        #[arg(long)]
        all: bool,
    },
    /// A job's terms, where it stands, and what it waits for.
    #[command(after_help = "Example:\n  sungrid job show 7")]
    Show {
        /// The job.
        job: JobId,
    },
    /// Why a job is not running: how many workers each constraint rejects, and what others pay.
    #[command(after_help = "Example:\n  sungrid job explain 7")]
    Explain {
        /// The job.
        job: JobId,
    },
}

/// Arguments of `render`.
#[derive(Clone, Debug, Args)]
pub struct RenderArgs {
    /// The scene; files it names are taken from its folder.
    pub scene: PathBuf,
    /// Where the picture goes [default: the scene's name with .png].
    #[arg(long, short, value_name = "FILE.png")]
    pub out: Option<PathBuf>,
    /// The renderer [default: renderer.wasm next to this program].
    #[arg(long, env = "SUNGRID_RENDERER", value_name = "FILE.wasm")]
    pub renderer: Option<PathBuf>,
    /// Cut the picture into tiles of this size instead of the scene's.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub tile: Option<(u32, u32)>,
    /// Terms.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// Serving.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Commands of `worker`.
#[derive(Debug, Subcommand)]
pub enum WorkerCommand {
    /// List the registered workers.
    #[command(after_help = "Example:\n  sungrid worker list")]
    List,
    /// A worker: what it offers, its record, and what requesters think of its operator.
    #[command(after_help = "Example:\n  sungrid worker show WORKER")]
    Show {
        /// The worker key's address.
        worker: AccountId,
    },
    /// Pause a worker of yours: only you can resume it. For a stolen machine, before `rotate`.
    #[command(after_help = "Example:\n  sungrid --key operator.key worker pause WORKER")]
    Pause {
        /// The worker key's address.
        worker: AccountId,
    },
    /// Let a worker of yours take work again.
    #[command(after_help = "Example:\n  sungrid --key operator.key worker resume WORKER")]
    Resume {
        /// The worker key's address.
        worker: AccountId,
    },
    /// Take a part out of a worker's bond that its declared capacity does not need. It counts for nothing from now on and stays slashable
    /// until it answers for no work any more: 75 minutes later, or when what was claimed before is decided and nobody can ask
    /// for its outputs. Then `worker withdraw` pays it out.
    ///
    /// To take out more, declare less first (`lanes`, `memory_gib` in worker.toml); set its `bond_isc` as low, or the daemon bonds as
    /// much again. A worker that is always at work frees it sooner if it is paused until nothing is in flight.
    #[command(after_help = "Example:
  sungrid --key operator.key worker unbond WORKER                 all that its capacity does not need
  sungrid --key operator.key worker unbond WORKER --amount 20
  sungrid worker show WORKER                                      from which block on it is free
  sungrid --key operator.key worker withdraw WORKER")]
    Unbond {
        /// The worker key's address.
        worker: AccountId,
        /// How much [default: all that the declared capacity does not need].
        #[arg(long, value_parser = units::parse_isc, value_name = "ISC")]
        amount: Option<u128>,
    },
    /// Pay out what has left a worker's bond (see `unbond`) and is free.
    #[command(after_help = "Example:
  sungrid --key operator.key worker withdraw WORKER")]
    Withdraw {
        /// The worker key's address.
        worker: AccountId,
    },
    /// Put another key in the place of a worker's key, once nothing of it is in flight.
    #[command(
        after_help = "Example:\n  sungrid --key operator.key worker rotate WORKER --to NEWKEY --proof 0x…    as `sungrid-worker proof` prints them"
    )]
    Rotate {
        /// The worker key that it has.
        worker: AccountId,
        /// The one that it gets, as `sungrid-worker proof` on the new machine prints it.
        #[arg(long, value_name = "ADDRESS")]
        to: AccountId,
        /// Its consent, from the same output.
        #[arg(long, value_name = "0xHEX")]
        proof: String,
    },
    /// Offer a worker of yours to another operator, who accepts it after the cool-down. The bond goes with it.
    #[command(
        after_help = "Example:\n  sungrid --key operator.key worker offer WORKER --to ADDRESS --price 120"
    )]
    Offer {
        /// The worker key's address.
        worker: AccountId,
        /// The other operator's address.
        #[arg(long, value_name = "ADDRESS")]
        to: AccountId,
        /// What it pays you when it accepts; should cover your part of the bond.
        #[arg(long, value_parser = units::parse_isc, value_name = "ISC")]
        price: u128,
    },
    /// Take the offer of a worker back.
    #[command(after_help = "Example:\n  sungrid --key operator.key worker retract WORKER")]
    Retract {
        /// The worker key's address.
        worker: AccountId,
    },
    /// Take over a worker that is offered to you, with its bond, record and pool, under a key of your own.
    #[command(
        after_help = "Example:\n  sungrid --key buyer.key worker accept WORKER --price 120 --to NEWKEY --proof 0x…"
    )]
    Accept {
        /// The worker key that it has.
        worker: AccountId,
        /// What you pay: as offered, or nothing happens.
        #[arg(long, value_parser = units::parse_isc, value_name = "ISC")]
        price: u128,
        /// The key that it gets, as `sungrid-worker proof` on your machine prints it.
        #[arg(long, value_name = "ADDRESS")]
        to: AccountId,
        /// Its consent, from the same output.
        #[arg(long, value_name = "0xHEX")]
        proof: String,
    },
    /// Report the workers that were drawn some blocks ago and have not shown that they are there; half of each
    /// penalty is yours.
    #[command(after_help = "Example:\n  sungrid --key my.key worker report")]
    Report {
        /// Blocks that are looked at, the latest that can be reported first.
        #[arg(long, default_value_t = 30, value_name = "N")]
        blocks: u32,
    },
    /// Remove from the chain what it knows of worker keys and operators that have left: their trust and ratings, which nobody
    /// needs any more. Free of charge where something is removed, a fee where nothing is known.
    #[command(after_help = "Example:\n  sungrid --key my.key worker forget WORKER ADDRESS")]
    Forget {
        /// Addresses of worker keys or operators.
        #[arg(required = true, value_name = "ADDRESS")]
        accounts: Vec<AccountId>,
    },
    /// End capacity claims that were not opened within their hour: each worker is slashed; a tenth of what that takes of its
    /// operator's bond is yours, unless you are that operator. It may prove anew, or leave.
    #[command(after_help = "Example:\n  sungrid --key my.key worker settle")]
    Settle {
        /// The worker keys [default: all who have such a claim].
        worker: Vec<AccountId>,
    },
}

/// Commands of `receipt`.
#[derive(Debug, Subcommand)]
pub enum ReceiptCommand {
    /// Check a bundle, or all bundles of a job's folder, and recompute the bill. Needs no network.
    #[command(
        after_help = "Example:\n  sungrid receipt verify results    of `job collect`; needs no network"
    )]
    Verify {
        /// A bundle (.cbor), a folder of bundles, or a job's folder with its terms.
        path: PathBuf,
        /// Price to recompute the bill with, ISC per SUNS·hour [default: the job's].
        #[arg(long, value_parser = units::parse_isc, value_name = "ISC")]
        price: Option<u128>,
    },
}

/// Commands of `rewards`.
#[derive(Debug, Subcommand)]
pub enum RewardsCommand {
    /// What a claim would pay now.
    #[command(after_help = "Example:\n  sungrid --key my.key rewards show")]
    Show {
        /// SS58 address [default: your key's].
        address: Option<String>,
    },
    /// Pay out everything pending to your account.
    #[command(after_help = "Example:\n  sungrid --key my.key rewards claim")]
    Claim,
}

/// Arguments of `demo`.
#[cfg(unix)]
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// The scene.
    #[arg(long)]
    pub scene: PathBuf,
    /// Where the picture goes.
    #[arg(long, short, default_value = "demo.png", value_name = "FILE.png")]
    pub out: PathBuf,
    /// The node.
    #[arg(long, value_name = "PROGRAM")]
    pub node_program: PathBuf,
    /// The worker.
    #[arg(long, value_name = "PROGRAM")]
    pub worker_program: PathBuf,
    /// The renderer.
    #[arg(long, value_name = "FILE.wasm")]
    pub renderer: PathBuf,
    /// Keep the chain's specification here; it is made again when the node is newer.
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Keep the chain's and workers' folders and logs.
    #[arg(long)]
    pub keep: bool,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let size = text
        .split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    size.filter(|(w, h)| *w > 0 && *h > 0)
        .ok_or_else(|| format!("`{text}` is no size: write it like 32x32"))
}

#[cfg(test)]
mod tests;
