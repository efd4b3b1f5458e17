//! Arguments of what makes, runs and maps programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sungrid_sandbox::Isolation;

use super::{ServeArgs, TermsArgs};
use crate::units;

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  sungrid image build blur.wasm --each frames/1.png frames/2.png -- '/in/{name}'
  sungrid image build python.wasm --name words --image-file words.py \\
    --image-arg python --image-arg /in/app/words.py --input sample.txt -- /in/sample.txt

Fuel, memory and output of the trial become the limits, with room for larger inputs: twice, one and
a half times and four times as much, unless --fuel-limit, --memory-limit or --output-limit says
otherwise. Then: `sungrid image publish CID`.";

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  sungrid run hello.wasm -- --shout
  sungrid run python.wasm --input sum.py --input data.csv -o out -- /in/sum.py /in/data.csv
  sungrid --json run bafyr4… --input photo.png
  sungrid --node ws://127.0.0.1:9944 run hello.wasm
  sungrid run --isolation seccomp,namespaces strangers.wasm    not without these

stdout and stderr are the program's; exit, fuel, peak memory, outputs and price follow on stderr, or
come as one object with --json. The price is that at the floor: of the chain, if a node is named, else
of the genesis.";

pub(super) const MAP_EXAMPLES: &str = "\
Examples:
  sungrid --key my.key map --image blur.wasm frames/*.png -o blurred
  sungrid --key my.key map --image python.wasm --script sum.py data/ -o sums
  sungrid --key my.key map --image python.wasm --script words.py --per-unit 100 --flat texts/ -o words

Each file is a unit of one job: the program gets its path, /in/NAME, as last argument, or wherever an
argument of yours says {name}. What it left stands in OUT/NAME: stdout, stderr, exit and out/…; with
--flat only its files, all in one folder. Ctrl-C stops following: `sungrid job watch JOB` goes on and
collects.";

/// Arguments of `image publish`.
#[derive(Clone, Debug, Args)]
pub struct PublishArgs {
    /// A WebAssembly module for wasm32-wasip1, or the CID that `image build` printed, whose manifest stays as it is.
    #[arg(value_name = "FILE.wasm|CID")]
    pub program: String,
    /// Manifest and limits.
    #[command(flatten)]
    pub manifest: ManifestArgs,
}

/// What an image's manifest says of its program.
#[derive(Clone, Debug, Args)]
pub struct AboutArgs {
    /// Its name [default: the file's].
    #[arg(long)]
    pub name: Option<String>,
    /// What it is for.
    #[arg(long, value_enum, default_value_t = ClassName::General)]
    pub class: ClassName,
    /// Its licence: an SPDX expression or any line of text.
    #[arg(long, default_value = "unstated")]
    pub licence: String,
    /// Arguments of every unit, the program's name first [default: the name].
    #[arg(long = "image-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub image_args: Vec<String>,
    /// A file that belongs to the program, or a folder with all that is in it, seen as /in/app/NAME; may be repeated.
    #[arg(long = "image-file", value_name = "PATH[=NAME]")]
    pub image_files: Vec<String>,
}

/// What an image's manifest says beside its code.
#[derive(Clone, Debug, Args)]
pub struct ManifestArgs {
    /// The program.
    #[command(flatten)]
    pub about: AboutArgs,
    /// Fuel that a unit may use, unless its job says otherwise.
    #[arg(long, value_parser = units::parse_fuel, default_value = "10G", value_name = "FUEL")]
    pub image_fuel: u64,
    /// Memory that a unit may use, unless its job says otherwise.
    #[arg(long, value_parser = units::parse_bytes, default_value = "256MiB", value_name = "BYTES")]
    pub image_memory: u64,
    /// Bytes that a unit may write; part of the application, the same for all jobs. Beyond what a lane's part of a line moves while it
    /// burns the fuel, 300 KB for each G, batches are given that much longer.
    #[arg(long, value_parser = units::parse_bytes, default_value = "3MB", value_name = "BYTES")]
    pub image_output: u64,
}

/// Classes of applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClassName {
    /// Anything else.
    General,
    /// Pictures and films.
    Rendering,
    /// Simulation and analysis.
    Science,
    /// Training and inference.
    Learning,
    /// Transcoding and the like.
    Media,
}

/// What keeps programs that run here from this machine.
#[derive(Clone, Debug, Args)]
pub struct IsolationArgs {
    /// What keeps the program from this machine: best (all that the system has), required (all, or it does not run), off, or what
    /// must be in force, such as seccomp,namespaces.
    #[arg(
        long,
        env = "SUNGRID_ISOLATION",
        default_value = "best",
        value_name = "LEVEL"
    )]
    pub isolation: Isolation,
}

/// Arguments of `image build`.
#[derive(Clone, Debug, Args)]
pub struct BuildArgs {
    /// A WebAssembly module for wasm32-wasip1.
    pub wasm: PathBuf,
    /// The program.
    #[command(flatten)]
    pub about: AboutArgs,
    /// A file for the trial, seen as /in/NAME; may be repeated.
    #[arg(long, value_name = "FILE[=NAME]")]
    pub input: Vec<String>,
    /// One trial for each of these files; the dearest one counts.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub each: Vec<PathBuf>,
    /// Fuel that a unit may use [default: twice what the trial took].
    #[arg(long, value_parser = units::parse_fuel, value_name = "FUEL")]
    pub fuel_limit: Option<u64>,
    /// Memory that a unit may use [default: one and a half times what the trial took].
    #[arg(long, value_parser = units::parse_bytes, value_name = "BYTES")]
    pub memory_limit: Option<u64>,
    /// Bytes that a unit may write [default: four times what the trial wrote, at least 1 MiB].
    #[arg(long, value_parser = units::parse_bytes, value_name = "BYTES")]
    pub output_limit: Option<u64>,
    /// Fuel after which a trial is given up.
    #[arg(long, value_parser = units::parse_fuel, default_value = "1T", value_name = "FUEL")]
    pub trial_fuel: u64,
    /// Isolation.
    #[command(flatten)]
    pub isolation: IsolationArgs,
    /// Arguments of the trial; {name} is filled in.
    #[arg(last = true)]
    pub args: Vec<String>,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// A WebAssembly module for wasm32-wasip1, or the CID of an image that is here.
    #[arg(value_name = "FILE.wasm|CID")]
    pub program: String,
    /// A file for the program, seen as /in/NAME; may be repeated.
    #[arg(long, value_name = "FILE[=NAME]")]
    pub input: Vec<String>,
    /// Write what it leaves under /out into this folder.
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Which unit to be, from 0.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub unit: u32,
    /// Of how many.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub units: u32,
    /// Most fuel, such as 5G [default: the image's].
    #[arg(long, value_name = "FUEL")]
    pub fuel_limit: Option<String>,
    /// Most memory, such as 64MiB [default: the image's].
    #[arg(long, value_name = "BYTES")]
    pub memory_limit: Option<String>,
    /// Most bytes of what it gets and leaves, such as 8MiB [default: its input and what the image may leave].
    #[arg(long, value_name = "BYTES")]
    pub traffic_limit: Option<String>,
    /// Isolation.
    #[command(flatten)]
    pub isolation: IsolationArgs,
    /// Arguments after the image's; {unit} and {units} are filled in.
    #[arg(last = true)]
    pub args: Vec<String>,
    /// Manifest, if it is a file.
    #[command(flatten)]
    pub manifest: ManifestArgs,
}

/// Arguments of `map`.
#[derive(Clone, Debug, Args)]
pub struct MapArgs {
    /// The files, or folders with all that is in them. Their names are kept, from the folder on that they have in common.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What to run: CID of a published image, or a .wasm file, which is published if it is not.
    #[arg(long, value_name = "CID|FILE.wasm")]
    pub image: String,
    /// Where what it leaves of each file goes, by name.
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// A script for an interpreter: the first argument is its path, /in/script/NAME.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// A file for every unit, seen as /in/NAME; may be repeated.
    #[arg(long, value_name = "FILE[=NAME]")]
    pub input: Vec<String>,
    /// Files of one unit, for small files: the program gets so many paths and names what it writes after them.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub per_unit: u32,
    /// Collect only what was left under /out, of all files in one folder.
    #[arg(long)]
    pub flat: bool,
    /// Arguments of each unit; {name}, {unit} and {units} are filled in.
    #[arg(last = true)]
    pub args: Vec<String>,
    /// Manifest, if --image is a file.
    #[command(flatten)]
    pub manifest: ManifestArgs,
    /// Terms.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// Serving.
    #[command(flatten)]
    pub serve: ServeArgs,
}
