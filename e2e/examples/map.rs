//! `sungrid map` over many tiny files, against GNU parallel and Ray running the same module under plain wasmtime.
//! `scripts/bench-map` builds and runs it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::{Map, Value, json};
use sungrid_e2e::{Node, Process, Requester, Worker, binary, guest, root};
use tempfile::TempDir;

/// Files if the command line names no number.
const FILES: usize = 10_000;

/// Folders that the inputs are in.
const FOLDERS: usize = 100;

/// How much is told of a run that came out wrong.
const SHOWN: usize = 3;

struct Options {
    files: usize,
    as_json: bool,
    /// A Python that has Ray and wasmtime; none: Ray is left out.
    python: Option<PathBuf>,
    /// Whether GNU parallel takes part.
    parallel: bool,
}

/// One way of doing it.
struct Run {
    name: &'static str,
    seconds: f64,
}

fn main() {
    let options = options();
    let work = TempDir::new().expect("a temporary folder");
    let inputs = work.path().join("in");
    let expected = write_inputs(&inputs, options.files);
    println!(
        "{} files of some 100 bytes each, two cores' worth of workers",
        options.files
    );

    let (map, phases) = on_the_grid(&inputs, &expected);
    let mut runs = vec![map];
    if options.parallel {
        for (name, module) in [
            ("GNU parallel, compiled before", precompiled(work.path())),
            ("GNU parallel, compiled each time", guest("hello-c")),
        ] {
            runs.push(under_parallel(name, &module, &inputs, &expected));
        }
    }
    if let Some(python) = &options.python {
        runs.push(under_ray(python, &inputs, &expected));
    }
    report(&options, &runs, &phases);
}

fn options() -> Options {
    let usage = || -> ! {
        eprintln!("usage: map [--files N] [--python FILE] [--no-parallel] [--json]");
        std::process::exit(2)
    };
    let mut options = Options {
        files: FILES,
        as_json: false,
        python: None,
        parallel: true,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => options.as_json = true,
            "--no-parallel" => options.parallel = false,
            "--python" => match arguments.next() {
                Some(path) => options.python = Some(path.into()),
                None => usage(),
            },
            "--files" => match arguments.next().and_then(|number| number.parse().ok()) {
                Some(number) if number > 1 => options.files = number,
                _ => usage(),
            },
            _ => usage(),
        }
    }
    options
}

/// Writes the inputs; returns what the program has to say of each, by name.
fn write_inputs(folder: &Path, files: usize) -> BTreeMap<String, String> {
    let mut expected = BTreeMap::new();
    for n in 0..files {
        let name = format!("{:03}/{n:06}.txt", n % FOLDERS);
        let text = format!("file {n}\n").repeat(n % 16 + 1);
        let path = folder.join(&name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, &text).expect("an input");
        // FNV-1a, as guests/hello-c has it.
        let hash = text
            .bytes()
            .fold(14_695_981_039_346_656_037_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
            });
        let says = format!(
            "arguments 2\nbytes {}\nhash {hash:016x}\nsum 1.6449240668982",
            text.len()
        );
        expected.insert(name, says);
    }
    expected
}

/// Holds what was left at `place(name)` against what the program has to say.
fn check(what: &str, expected: &BTreeMap<String, String>, place: impl Fn(&str) -> PathBuf) {
    let mut wrong = Vec::new();
    for (name, says) in expected {
        let path = place(name);
        match fs::read_to_string(&path) {
            Ok(text) if text.starts_with(says.as_str()) => {}
            Ok(text) => wrong.push(format!("{name}: {text}")),
            Err(error) => wrong.push(format!("{}: {error}", path.display())),
        }
    }
    wrong.truncate(SHOWN);
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}

/// `sungrid map` on a chain of one node and two workers; the seconds of its phases, and what each process took.
fn on_the_grid(inputs: &Path, expected: &BTreeMap<String, String>) -> (Run, Value) {
    let node = Node::dev();
    let requester = Requester::new(&node, "//Eve");
    let mut workers = ["//Bob", "//Charlie"].map(|operator| Worker::start(&node, operator));
    let out = TempDir::new().expect("a temporary folder");
    let module = guest("hello-c");
    let paths =
        [module.as_path(), out.path(), inputs].map(|path| path.to_str().expect("a plain path"));
    let [module, to, from] = paths;
    let map = [
        "map",
        "--policy",
        "replicate:2",
        "--image",
        module,
        "-o",
        to,
        from,
        "--",
        "{name}",
    ];
    let mut command = Command::new(binary("sungrid"));
    command.args(["--json", "--node", &node.url()]);
    command.args(requester.line(&map));
    let processes: Vec<(&str, u32)> = [("node", node.id())]
        .into_iter()
        .chain(
            workers
                .iter_mut()
                .map(|worker| ("workers", worker.process().id())),
        )
        .collect();
    let before: Vec<f64> = processes
        .iter()
        .map(|(_, id)| processor(&id.to_string()))
        .collect();
    let own = reaped();

    let start = Instant::now();
    let mut process = Process::start("sungrid map", &mut command);
    let mut times = Map::new();
    let line = loop {
        let line = process.wait_for("");
        let now = json!(start.elapsed().as_secs_f64());
        if line.contains(r#""outputs":"#) {
            times.insert("collected".into(), now);
            break line;
        }
        if line.contains(r#""event":"submitted""#) {
            times.insert("submitted".into(), now);
        } else if line.contains(r#""event":"verified""#) {
            times.insert("last verified".into(), now);
        } else if line.contains(r#""event":"received""#) && !times.contains_key("first received") {
            times.insert("first received".into(), now);
        }
    };
    let (status, log) = process.finish();
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success(), "{log}");
    let summary: Value = serde_json::from_str(&line).expect("one object a line");
    assert_eq!(summary["verified"], expected.len(), "{summary}");
    check("sungrid map", expected, |name| {
        out.path().join(name).join("out/report.txt")
    });

    let mut taken: BTreeMap<&str, f64> = BTreeMap::new();
    for ((name, id), before) in processes.into_iter().zip(before) {
        *taken.entry(name).or_default() += processor(&id.to_string()) - before;
    }
    taken.insert("command line", reaped() - own);
    for worker in &mut workers {
        let (well, log) = worker.terminate();
        assert!(well, "{log}");
    }
    println!("sungrid map: {seconds:.1} s");
    let run = Run {
        name: "sungrid map",
        seconds,
    };
    (
        run,
        json!({ "seconds_until": times, "processor_seconds": taken }),
    )
}

/// Processor seconds of a process, and of those of its children that have ended.
fn processor(id: &str) -> f64 {
    ticks(id, 11..15)
}

/// Processor seconds of this process's children that have ended.
fn reaped() -> f64 {
    ticks("self", 13..15)
}

/// Fields of `/proc/ID/stat`, counted from the one after the program's name less one; a hundred ticks a second.
fn ticks(id: &str, fields: std::ops::Range<usize>) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let numbers: Vec<u32> = rest
        .split_whitespace()
        .map(|word| word.parse().unwrap_or(0))
        .collect();
    let sum: u32 = numbers.get(fields).unwrap_or_default().iter().sum();
    f64::from(sum) / 100.0
}

/// Compiles the module ahead, for a plain engine.
fn precompiled(folder: &Path) -> PathBuf {
    let out = folder.join("module.compiled");
    let status = Command::new(binary("plain"))
        .arg("--compile")
        .args([&guest("hello-c"), &out])
        .status();
    assert!(status.expect("plain runs").success());
    out
}

/// GNU parallel with a process per file, two at a time.
fn under_parallel(
    name: &'static str,
    module: &Path,
    inputs: &Path,
    expected: &BTreeMap<String, String>,
) -> Run {
    let out = TempDir::new().expect("a temporary folder");
    let list = out.path().join("list");
    let names: Vec<&str> = expected.keys().map(String::as_str).collect();
    fs::write(&list, names.join("\n")).expect("a list");
    let start = Instant::now();
    let status = Command::new("parallel")
        .args(["--will-cite", "-j2", "-a"])
        .arg(&list)
        .arg(binary("plain"))
        .args([module, inputs])
        .arg(out.path().join("{}"))
        .args(["hello-c", "{}"])
        .stdout(Stdio::null())
        .status();
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.expect("parallel runs").success(), "{name} failed");
    check(name, expected, |file| {
        out.path().join(file).join("report.txt")
    });
    Run { name, seconds }
}

/// Ray with a task per file, two processors, start of Ray included.
fn under_ray(python: &Path, inputs: &Path, expected: &BTreeMap<String, String>) -> Run {
    let out = TempDir::new().expect("a temporary folder");
    let start = Instant::now();
    let ran = Command::new(python)
        .arg(root().join("scripts/programs/map_ray.py"))
        .args([&guest("hello-c"), inputs, out.path()])
        .output()
        .expect("Python runs");
    let seconds = start.elapsed().as_secs_f64();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let name = "Ray";
    check(name, expected, |file| {
        out.path().join(file).join("report.txt")
    });
    Run { name, seconds }
}

fn report(options: &Options, runs: &[Run], phases: &Value) {
    let map = runs[0].seconds;
    println!(
        "{:<34} {:>8} {:>10} {:>22}",
        "", "s", "files/s", "its time : map's time"
    );
    for Run { name, seconds } in runs {
        let rate = options.files as f64 / seconds;
        println!(
            "{name:<34} {seconds:>8.1} {rate:>10.0} {:>22.2}",
            seconds / map
        );
    }
    println!("sungrid map: {phases}");
    if options.as_json {
        let runs: Map<String, Value> = runs
            .iter()
            .map(|run| {
                (
                    run.name.into(),
                    json!({ "seconds": run.seconds, "ratio": run.seconds / map }),
                )
            })
            .collect();
        println!(
            "{}",
            json!({ "files": options.files, "runs": runs, "map": phases })
        );
    }
}
