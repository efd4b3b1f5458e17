//! Two workers agree: the same modules in executors that share nothing but the version give the same outcome, all of it, and
//! where wasmtime as it comes has one to compare with, that one.
//!
//! `SUNGRID_MODULES` says how many modules (300), `SUNGRID_SEED` the first one's seed (0); `scripts/determinism` runs 10,000.

#![cfg(target_os = "linux")]

mod corpus;
mod pinned;
mod plain;

use corpus::{Flavour, Specimen};
use plain::Plain;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use sungrid_executor::{
    CacheConfig, CompileError, Engine, Exit, Limits, Outcome, RunError, Task, TrapKind,
};

/// Modules that are compiled cold, then warm, in turns: bounds the memory that outcomes take.
const TURN: usize = 50;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}")),
        Err(_) => default,
    }
}

/// Everything of an outcome, in one line.
fn digest(outcome: &Outcome) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&outcome.exit.code().to_le_bytes())
        .update(&outcome.fuel.to_le_bytes())
        .update(&outcome.peak_memory.to_le_bytes())
        .update(blake3::hash(&outcome.stdout).as_bytes())
        .update(blake3::hash(&outcome.stderr).as_bytes());
    for (name, content) in &outcome.files {
        hasher
            .update(blake3::hash(name.as_bytes()).as_bytes())
            .update(blake3::hash(content).as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// The seeds of this run.
fn seeds() -> std::ops::Range<u64> {
    let first = number("SUNGRID_SEED", 0);
    first..first + number("SUNGRID_MODULES", 300)
}

fn limits() -> Limits {
    Limits {
        fuel: 1_000_000_000,
        memory_bytes: 16 << 20,
        ..Limits::default()
    }
}

/// What an executor makes of a module.
#[derive(Clone, Debug, PartialEq)]
enum Made {
    Outcome(Outcome),
    /// It does not admit the module, and says why: as binding as an outcome.
    Refused(String),
    /// The host had not what it takes: no result.
    Nothing,
}

impl Made {
    fn of(engine: &Engine, wasm: &[u8]) -> Self {
        let module = match engine.compile(wasm) {
            Ok(module) => module,
            Err(error @ CompileError::Compiler(_)) => panic!("{error}"),
            Err(error) => return Self::Refused(error.to_string()),
        };
        match engine.run(&module, &Task::default(), &limits()) {
            Ok(outcome) => Self::Outcome(outcome),
            Err(RunError::Host(_)) => Self::Nothing,
            Err(error) => panic!("{error}"),
        }
    }

    fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// All of it, in one line.
    fn digest(&self) -> String {
        match self {
            Self::Outcome(outcome) => digest(outcome),
            Self::Refused(reason) => blake3::hash(reason.as_bytes()).to_hex().to_string(),
            Self::Nothing => "host".to_owned(),
        }
    }
}

fn open(cache: &Path) -> Engine {
    let config = CacheConfig {
        directory: cache.to_owned(),
        max_bytes: 8 << 30,
    };
    Engine::new(Some(config)).expect("opens")
}

/// Names, sizes and times of the artefacts: what a recompilation would change. Loading one sets its time, so that stays out.
fn artefacts(cache: &Path) -> BTreeSet<(String, u64)> {
    let entries = std::fs::read_dir(cache).expect("lists");
    entries
        .map(|entry| {
            let entry = entry.expect("reads");
            let inode = std::os::unix::fs::DirEntryExt::ino(&entry);
            (entry.file_name().to_string_lossy().into_owned(), inode)
        })
        .collect()
}

/// This test binary again, as one test of it, possibly under a limit of the shell's.
fn process(test: &str, limit: &str, seeds: &std::ops::Range<u64>) -> Child {
    let exe = std::env::current_exe().expect("its path");
    Command::new("sh")
        .arg("-c")
        .arg(format!("{limit} exec \"$0\" \"$@\""))
        .arg(exe)
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("SUNGRID_SEED", seeds.start.to_string())
        .env("SUNGRID_MODULES", (seeds.end - seeds.start).to_string())
        // What must not matter.
        .env("RUST_LOG", "trace")
        .env("TZ", "Pacific/Kiritimati")
        .env("LC_ALL", "tr_TR.UTF-8")
        .current_dir("/")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

/// What a process of ours said of each seed.
fn said(mut child: Child) -> BTreeMap<u64, String> {
    let stdout = child.stdout.take().expect("piped");
    let mut lines = BTreeMap::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.expect("text");
        // The test harness prints its own beside ours, on the same line for the first of them.
        let Some((_, line)) = line.split_once("outcome ") else {
            continue;
        };
        let (seed, rest) = line.split_once(' ').expect("a seed and an outcome");
        lines.insert(seed.parse().expect("a number"), rest.to_owned());
    }
    let status = child.wait().expect("it was started");
    assert!(status.success(), "{status}");
    lines
}

/// The other worker: a process with nothing cached. No test by itself.
#[test]
#[ignore = "started by the other tests"]
fn another_process() {
    let engine = Engine::new(None).expect("sets up");
    for seed in seeds() {
        let Some(specimen) = Specimen::new(seed) else {
            continue;
        };
        let made = Made::of(&engine, &specimen.wasm);
        println!("outcome {seed} {}", made.digest());
    }
}

/// Figures of a run, to see that the corpus shows something.
#[derive(Default)]
struct Tally {
    modules: usize,
    /// Seeds whose bytes make no module, and modules that no executor admits.
    unmade: usize,
    refused: usize,
    by_flavour: BTreeMap<Flavour, usize>,
    exits: BTreeMap<String, usize>,
    fuel: u128,
    bytes: u64,
    /// Held against wasmtime as it comes, and why not.
    compared: usize,
    overflowed: usize,
    spent: usize,
    /// Modules whose output another machine's NaNs would have changed.
    shows_nans: usize,
}

impl Tally {
    fn text(&self) -> String {
        let mut text = format!(
            "{} modules {:?}, {} not admitted, {} seeds without one; {} Mfuel, {} MB written; {} held against plain wasmtime, {} not (stack), {} as far as the fuel went; \
             in {} NaNs show\nends:",
            self.modules,
            self.by_flavour,
            self.refused,
            self.unmade,
            self.fuel / 1_000_000,
            self.bytes / 1_000_000,
            self.compared,
            self.overflowed,
            self.spent,
            self.shows_nans
        );
        for (exit, count) in &self.exits {
            write!(text, " {exit}: {count};").expect("a string");
        }
        text
    }
}

/// Held against wasmtime as it comes: output, end and peak of memory.
fn compare_with_plain(specimen: &Specimen, ours: &Outcome, plain: &Plain, tally: &mut Tally) {
    let theirs = plain.run(&specimen.wasm);
    let overflow = Some(TrapKind::StackOverflow);
    if ours.exit == Exit::OutOfFuel {
        // Wasmtime goes on where our bill ends; until there both say the same.
        assert!(
            theirs.stdout.starts_with(&ours.stdout),
            "seed {}",
            specimen.seed
        );
        tally.spent += 1;
        return;
    }
    let end = match ours.exit {
        Exit::Code(0) => None,
        Exit::Trap(kind) => Some(kind),
        other => panic!("seed {}: {other}", specimen.seed),
    };
    // The depth at which a stack ends is the environment's, not WebAssembly's.
    if end == overflow || theirs.trap == overflow {
        tally.overflowed += 1;
        return;
    }
    let seed = specimen.seed;
    assert_eq!(end, theirs.trap, "seed {seed}");
    assert!(ours.stdout == theirs.stdout, "seed {seed}: output differs");
    if let Some(memory) = theirs.memory {
        assert_eq!(ours.peak_memory, memory, "seed {seed}");
    }
    tally.compared += 1;
}

/// The bill is exact: its fuel is enough, one unit less is not.
fn replay_the_bill(engine: &Engine, specimen: &Specimen, outcome: &Outcome) {
    let module = engine.compile(&specimen.wasm).expect("compiled before");
    let run = |fuel| {
        let limits = Limits { fuel, ..limits() };
        engine
            .run(&module, &Task::default(), &limits)
            .expect("runs")
    };
    assert!(run(outcome.fuel) == *outcome, "seed {}", specimen.seed);
    let short = run(outcome.fuel - 1);
    assert_eq!(short.exit, Exit::OutOfFuel, "seed {}", specimen.seed);
    assert!(outcome.stdout.starts_with(&short.stdout));
}

#[test]
fn two_workers_and_plain_wasmtime_agree() {
    let seeds = seeds();
    // Read as it speaks: a full pipe would stop it.
    let other = process("another_process", "", &seeds);
    let other = std::thread::spawn(move || said(other));
    let cache = tempfile::tempdir().expect("a folder");
    let (canonical, raw) = (Plain::new(true), Plain::new(false));
    let mut tally = Tally::default();
    let mut digests = BTreeMap::new();
    let all: Vec<u64> = seeds.clone().collect();
    for turn in all.chunks(TURN) {
        let specimens: Vec<Specimen> = turn.iter().filter_map(|s| Specimen::new(*s)).collect();
        tally.unmade += turn.len() - specimens.len();
        // Cold, one after the other.
        let cold = open(cache.path());
        let made: Vec<Made> = specimens
            .iter()
            .map(|specimen| Made::of(&cold, &specimen.wasm))
            .collect();
        drop(cold);
        // From the cache, in another engine, the other way round, on two threads at once, one of them with little stack.
        let before = artefacts(cache.path());
        let warm = open(cache.path());
        std::thread::scope(|scope| {
            for stack in [512 << 10, 8 << 20] {
                let (warm, specimens, made) = (&warm, &specimens, &made);
                let again = move || {
                    for (specimen, made) in specimens.iter().zip(made).rev() {
                        let again = Made::of(warm, &specimen.wasm);
                        assert!(again == *made, "seed {}", specimen.seed);
                    }
                };
                std::thread::Builder::new()
                    .stack_size(stack)
                    .spawn_scoped(scope, again)
                    .expect("a thread");
            }
        });
        assert_eq!(before, artefacts(cache.path()), "it was compiled again");
        for (specimen, made) in specimens.iter().zip(&made) {
            assert_ne!(*made, Made::Nothing, "the host has what it takes");
            digests.insert(specimen.seed, made.digest());
            let Some(outcome) = made.outcome() else {
                tally.refused += 1;
                continue;
            };
            compare_with_plain(specimen, outcome, &canonical, &mut tally);
            if outcome.exit.is_success() {
                replay_the_bill(&warm, specimen, outcome);
            }
            if specimen.flavour == Flavour::Numbers {
                let untreated = raw.run(&specimen.wasm);
                tally.shows_nans += usize::from(untreated.stdout != outcome.stdout);
            }
            tally.modules += 1;
            *tally.by_flavour.entry(specimen.flavour).or_default() += 1;
            *tally.exits.entry(outcome.exit.to_string()).or_default() += 1;
            tally.fuel += u128::from(outcome.fuel);
            tally.bytes += outcome.stdout.len() as u64;
        }
        if all.len() > 1_000
            && turn
                .last()
                .is_some_and(|seed| (seed + 1).is_multiple_of(500))
        {
            eprintln!(
                "{} of {}",
                tally.modules + tally.refused + tally.unmade,
                all.len()
            );
        }
    }
    let other = other.join().expect("it does not fail");
    assert!(other == digests, "the other process differs");
    println!("{}", tally.text());
    // A corpus that shows nothing proves nothing.
    if all.len() >= 300 {
        assert!(tally.modules * 4 >= all.len() * 3, "{}", tally.text());
        assert!(tally.compared * 10 >= tally.modules * 9, "{}", tally.text());
        assert!(tally.exits.len() >= 4, "{}", tally.text());
        let success = tally.exits.get(&Exit::Code(0).to_string());
        assert!(
            success.is_some_and(|n| n * 4 >= tally.modules),
            "{}",
            tally.text()
        );
        assert!(tally.shows_nans * 40 >= tally.modules, "{}", tally.text());
    }
}

/// A host without address space, or without memory, says so: it never answers otherwise than another one.
#[test]
fn a_host_without_memory_has_no_result_rather_than_another() {
    let seeds = 0..40;
    let expected = said(process("another_process", "", &seeds));
    assert!(expected.values().all(|said| said != "host"));
    // Too little address space for a memory, and enough for one at a time.
    let starved = said(process("another_process", "ulimit -v 3000000;", &seeds));
    let narrow = said(process("another_process", "ulimit -v 12000000;", &seeds));
    for (seed, expected) in &expected {
        for said in [&starved[seed], &narrow[seed]] {
            assert!(said == "host" || said == expected, "seed {seed}: {said}");
        }
    }
    assert!(starved.values().any(|said| said == "host"));
    assert!(narrow.values().all(|said| said != "host"));
}

/// Grows its memory until it cannot, and exits with how often it could.
const GREEDY: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $n i32)
      (block $full (loop $more
        (br_if $full (i32.eq (memory.grow (i32.const 256)) (i32.const -1)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $more)))
      (call $exit (local.get $n))))"#;

fn greedy() -> Result<Outcome, RunError> {
    let engine = Engine::new(None).expect("sets up");
    let wasm = wat::parse_str(GREEDY).expect("text");
    let module = engine.compile(&wasm).expect("a command");
    let limits = Limits {
        memory_bytes: 1 << 30,
        ..Limits::default()
    };
    engine.run(&module, &Task::default(), &limits)
}

#[test]
#[ignore = "started by the other tests"]
fn another_greedy_process() {
    let said = match greedy() {
        Ok(outcome) => digest(&outcome),
        Err(RunError::Host(_)) => "host".to_owned(),
        Err(error) => panic!("{error}"),
    };
    println!("outcome 0 {said}");
}

#[test]
fn growth_that_the_host_cannot_give_is_no_answer_to_the_guest() {
    let here = greedy().expect("a gigabyte of address space");
    assert_eq!(here.exit, Exit::Code(63));
    let rich = said(process("another_greedy_process", "", &(0..1)));
    assert_eq!(rich[&0], digest(&here));
    // Fewer bytes of data than the guest's limit promises.
    let poor = said(process(
        "another_greedy_process",
        "ulimit -d 500000;",
        &(0..1),
    ));
    assert_eq!(poor[&0], "host");
}
