//! `run` and `image build` as a user meets them, on small modules.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use sungrid_cli::{canary, folder::DataFolder, local::Machine, package::Package, plan::JobFile};
use sungrid_manifest::{Image, ImageKind, Limits, ProfileName, hash};
use sungrid_primitives::{receipt::BatchSummary, suns::CPU_1};
use sungrid_sandbox::Isolation;

/// Copies the file named by its first argument, below /in, to /out/copy, and says how long it is.
const COPY: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 2)
    (data (i32.const 16) "copy") (data (i32.const 32) "copied\n") (data (i32.const 48) "which file?\n")
    (func $length (param $at i32) (result i32) (local $n i32)
      (block $end (loop $more
        (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $at) (local.get $n)))))
        (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $more)))
      (local.get $n))
    (func $say (param $fd i32) (param $at i32) (param $length i32)
      (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
      (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start")
      (drop (call $args_get (i32.const 1024) (i32.const 2048)))
      (if (call $open (i32.const 3) (i32.const 0) (i32.load (i32.const 1028)) (call $length (i32.load (i32.const 1028)))
            (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 100))
        (then (call $say (i32.const 2) (i32.const 48) (i32.const 12)) (call $exit (i32.const 9))))
      (i32.store (i32.const 0) (i32.const 4096)) (i32.store (i32.const 4) (i32.const 60000))
      (drop (call $read (i32.load (i32.const 100)) (i32.const 0) (i32.const 1) (i32.const 104)))
      (drop (call $open (i32.const 4) (i32.const 0) (i32.const 16) (i32.const 4)
        (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 108)))
      (call $say (i32.load (i32.const 108)) (i32.const 4096) (i32.load (i32.const 104)))
      (call $say (i32.const 1) (i32.const 32) (i32.const 7))))"#;

/// Says its first argument, or eight random bytes if that is `0`.
const DRAW: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (drop (call $args_get (i32.const 1024) (i32.const 2048)))
      (i64.store (i32.const 64) (i64.load (i32.load (i32.const 1028))))
      (if (i32.eq (i32.load8_u (i32.const 64)) (i32.const 48))
        (then (drop (call $random (i32.const 64) (i32.const 8)))))
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 8))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// Runs for ever.
const SPIN: &str = r#"(module (func (export "_start") (loop $l (br $l))))"#;

/// Takes memory until there is no more, and gives up.
const GREEDY: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start")
      (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable))"#;

/// Takes memory until there is no more, writes to each page, and says how many there are.
const HOARD: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $page i32)
      (loop $more
        (i32.store (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1))
        (local.set $page (i32.add (local.get $page) (i32.const 1)))
        (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (call $exit (i32.shr_u (memory.size) (i32.const 8)))))"#;

/// 40,000 variables that are set inside 3,000 loops: 120 million places where the compiler has to join them, of 600 KB.
fn compile_bomb() -> String {
    let body: String = (0..40_000)
        .map(|i| format!("(local.set {i} (i32.add (local.get {i}) (i32.const 1)))"))
        .collect();
    format!(
        r#"(module (func (export "_start") (local {}) {} {body} {}))"#,
        "i32 ".repeat(40_000),
        "(loop ".repeat(3_000),
        "(br_if 0 (local.get 0)))".repeat(3_000)
    )
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    }

    fn module(&self, name: &str, text: &str) -> String {
        self.write(name, wat::parse_str(text).unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sungrid"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .current_dir(self.path())
            .output()
            .unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(text.lines().next().unwrap_or_default())
            .unwrap_or_else(|_| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        stderr
    }
}

#[test]
fn a_run_relays_the_program_and_tells_the_figures() {
    let home = Home::new();
    let module = home.module("copy.wasm", COPY);
    let input = home.write("input.txt", "content");
    let arguments = [
        "run",
        &module,
        "--input",
        &input,
        "-o",
        "out",
        "--",
        "input.txt",
    ];
    let output = home.run(&arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    // A pipe gets the program's words and nothing else.
    assert_eq!(output.stdout, b"copied\n");
    for part in [
        "exit      0",
        "fuel",
        "memory    128.0 KiB",
        "copy (7 B)",
        "traffic   7 B in, 14 B out",
        "floor of the genesis",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    assert_eq!(
        fs::read_to_string(home.path().join("out/copy")).unwrap(),
        "content"
    );

    let report = home.json(&arguments);
    assert_eq!(
        (&report["exit"], &report["peak_memory"]),
        (&0.into(), &131_072.into())
    );
    assert_eq!(report["stdout"], "copied\n");
    assert_eq!(report["outputs"][0]["size"], 7);
    assert_eq!(report["floor_planck"], 100_000_000_000_u64);
    // SUNS({1 Gfuel/s}) is an eighth, and 20 Mbit/s are one: the dearer counts, charge and cost are rounded up.
    let fuel = report["fuel"].as_u64().unwrap();
    assert_eq!(
        (&report["bytes_in"], &report["bytes_out"]),
        (&7.into(), &14.into())
    );
    let charge = (fuel * 125_000)
        .div_ceil(1_000_000_000)
        .max((21u64 * 8).div_ceil(20));
    assert_eq!(report["charge"], charge);
    assert_eq!(report["cost_planck"], (charge * 1_000).div_ceil(36));
    // The same run costs the same.
    assert_eq!(home.json(&arguments)["fuel"], fuel);

    // Exactly enough is enough, and one less is not.
    let limited = |fuel: u64| {
        let limit = fuel.to_string();
        let more = [
            "run",
            &module,
            "--input",
            &input,
            "--fuel-limit",
            &limit,
            "--",
            "input.txt",
        ];
        home.json(&more)["exit"].as_u64().unwrap()
    };
    assert_eq!(limited(fuel), 0);
    assert_eq!(limited(fuel - 1), 0x2_0000);

    // So it is with bytes in and out.
    let within = |limit: &'static str| {
        let more = ["--input", &*input, "--traffic-limit", limit];
        [&["run", &*module], &more[..], &["--", "input.txt"]].concat()
    };
    assert_eq!(home.json(&within("21"))["exit"], 0);
    let cut = home.fail(&within("20"));
    assert!(
        cut.contains("left more than 13 B") && cut.contains("raise --traffic-limit"),
        "{cut}"
    );
    let refused = home.fail(&within("6"));
    assert!(
        refused.contains("gets 7 bytes, and --traffic-limit is 6"),
        "{refused}"
    );
}

#[test]
fn what_goes_wrong_names_its_remedy() {
    let home = Home::new();
    let copy = home.module("copy.wasm", COPY);
    let text = home.fail(&["run", &copy, "--", "none.txt"]);
    assert!(
        text.contains("exited with code 9") && text.contains("which file?"),
        "{text}"
    );
    let spin = home.module("spin.wasm", SPIN);
    let text = home.fail(&["run", &spin, "--fuel-limit", "1M"]);
    assert!(
        text.contains("out of fuel after 1.00 Mfuel: raise --fuel-limit"),
        "{text}"
    );
    let greedy = home.module("greedy.wasm", GREEDY);
    let text = home.fail(&["run", &greedy, "--memory-limit", "1MiB"]);
    assert!(
        text.contains("1.0 MiB of 1.0 MiB") && text.contains("raise --memory-limit"),
        "{text}"
    );
    let text = home.fail(&["run", &copy, "--memory-limit", "64KiB", "--", "x"]);
    assert!(
        text.contains("needs more memory to start than 64.0 KiB: raise --memory-limit"),
        "{text}"
    );

    for (text, says) in [
        (
            r#"(module (import "env" "host_call" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
            &["imports env::host_call", "wasm-merge"][..],
        ),
        (
            r#"(module (func (export "run")))"#,
            &["no function _start", "build a command"],
        ),
        (
            r#"(module (memory i64 1) (func (export "_start")))"#,
            &["64-bit memory"],
        ),
    ] {
        let module = home.module("bad.wasm", text);
        let error = home.fail(&["run", &module]);
        assert!(says.iter().all(|part| error.contains(part)), "{error}");
    }
    for (arguments, says) in [
        (&["run", "none.wasm"][..], "check the path"),
        (&["run", "nonsense"], "not a CID"),
        (&["run", &copy, "--input", "none.txt"], "check the path"),
        (&["run", &copy, "--unit", "1"], "there is no unit 1 of 1"),
        (&["run", &copy, "--units", "0"], "1 to"),
        (&["run", &copy, "--fuel-limit", "much"], "write it like 5G"),
        (
            &[
                "run",
                "bafyr4iarkywjqpgghucn7xfed5hiyb6bqty3zaruxmth3pqgnpcso4q5wa",
            ],
            "image fetch",
        ),
        (
            &["--node", "ws://127.0.0.1:1", "run", &copy],
            "cannot reach a node",
        ),
    ] {
        let text = home.fail(arguments);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}

#[test]
fn an_image_is_built_with_limits_that_a_trial_measured() {
    let home = Home::new();
    let module = home.module("copy.wasm", COPY);
    let small = home.write("small.txt", "x");
    let large = home.write("large.txt", "x".repeat(50_000));
    let build = [
        "image",
        "build",
        &module,
        "--name",
        "copier",
        "--licence",
        "MIT",
    ];
    let each = ["--each", &small, &large, "--", "{name}"];
    let built = home.json(&[&build[..], &each].concat());
    assert_eq!(
        (&built["name"], &built["trial"]["runs"]),
        (&"copier".into(), &2.into())
    );
    // The dearest sample counts, and its output: 50,000 bytes and a word.
    assert_eq!(built["trial"]["output_bytes"], 50_007);
    let trial = built["trial"]["fuel"].as_u64().unwrap();
    assert!(trial > 100_000, "{built}");
    assert!((2 * trial..=2 * trial + trial / 5).contains(&built["fuel_limit"].as_u64().unwrap()));
    assert_eq!(built["memory_limit"], 1 << 20);
    assert_eq!(built["output_limit"], 1 << 20);
    assert_eq!(built["micro_suns"], 125_000);

    // What was built runs from its CID; the sample that was dearest takes as much again.
    let cid = built["image"].as_str().unwrap().to_owned();
    let ran = home.json(&["run", &cid, "--input", &large, "--", "large.txt"]);
    assert_eq!(
        (&ran["fuel"], &ran["image"]),
        (&trial.into(), &cid.clone().into())
    );
    assert_eq!(ran["fuel_limit"], built["fuel_limit"]);
    // The same once more is the same image.
    assert_eq!(home.json(&[&build[..], &each].concat())["image"], cid);

    let here = home.json(&["image", "list", "--here"]);
    assert_eq!(
        (&here[0]["image"], &here[0]["name"]),
        (&cid.clone().into(), &"copier".into())
    );
    assert_eq!(here.as_array().map(Vec::len), Some(1));

    // A trial that fails makes no image.
    let images = || {
        fs::read_dir(home.path().join(".local/share/sungrid/images"))
            .unwrap()
            .count()
    };
    let before = images();
    let text = home.fail(&[&build[..], &["--", "none.txt"]].concat());
    assert!(
        text.contains("the trial run failed")
            && text.contains("--input FILE")
            && text.contains("which file?"),
        "{text}"
    );
    let spin = home.module("spin.wasm", SPIN);
    let text = home.fail(&["image", "build", &spin, "--trial-fuel", "1M"]);
    assert!(text.contains("raise --trial-fuel"), "{text}");
    let text = home.fail(
        &[
            &build[..],
            &["--fuel-limit", "10", "--input", &small, "--", "small.txt"],
        ]
        .concat(),
    );
    assert!(text.contains("--fuel-limit 10 is below"), "{text}");
    assert_eq!(images(), before);
}

#[test]
fn the_files_of_an_image_are_below_app_and_inputs_keep_out() {
    let home = Home::new();
    let module = home.module("copy.wasm", COPY);
    let lib = home.write("lib.txt", "of the image");
    let build = [
        "image",
        "build",
        &module,
        "--image-file",
        &lib,
        "--",
        "app/lib.txt",
    ];
    let built = home.json(&build);
    assert_eq!(built["files"], 1);
    let cid = built["image"].as_str().unwrap();
    // Not the user's file any more.
    fs::remove_file(&lib).unwrap();
    let out = home.json(&["run", cid, "-o", "out", "--", "app/lib.txt"]);
    assert_eq!(out["exit"], 0, "{out}");
    assert_eq!(
        fs::read_to_string(home.path().join("out/copy")).unwrap(),
        "of the image"
    );
    let intruder = home.write("intruder", "x") + "=app/lib.txt";
    let text = home.fail(&["run", cid, "--input", &intruder, "--", "app/lib.txt"]);
    assert!(
        text.contains("in the folder of the image's own files"),
        "{text}"
    );
}

#[test]
fn a_module_that_bombs_the_compiler_is_refused_as_workers_refuse_it() {
    let home = Home::new();
    let bomb = home.module("bomb.wasm", &compile_bomb());
    for arguments in [&["run", &bomb][..], &["image", "build", &bomb]] {
        let text = home.fail(arguments);
        assert!(
            text.contains("the compiler gave up on it")
                && text.contains("at most 2048 MiB of memory"),
            "{text}"
        );
    }
}

#[test]
fn a_hoarder_gets_its_limit_and_no_more() {
    let home = Home::new();
    let hoard = home.module("hoard.wasm", HOARD);
    let ran = home.json(&["run", &hoard, "--memory-limit", "64MiB"]);
    assert_eq!(
        (&ran["peak_memory"], &ran["exit"]),
        (&(64u64 << 20).into(), &4.into())
    );
}

/// What a run came to, without what may differ.
#[cfg(unix)]
fn result(mut ran: Value) -> Value {
    for own in ["isolation", "seconds"] {
        assert!(ran.as_object_mut().unwrap().remove(own).is_some(), "{own}");
    }
    ran
}

#[test]
#[cfg(unix)]
fn isolation_changes_no_result_and_says_how_it_stands() {
    let home = Home::new();
    let copy = home.module("copy.wasm", COPY);
    let greedy = home.module("greedy.wasm", GREEDY);
    let hoard = home.module("hoard.wasm", HOARD);
    let spin = home.module("spin.wasm", SPIN);
    let input = home.write("input.txt", "content");
    for arguments in [
        &[&copy, "--input", &input, "--", "input.txt"][..],
        &[&copy, "--", "none.txt"],
        &[&greedy, "--memory-limit", "1MiB"],
        &[&hoard, "--memory-limit", "1MiB"],
        &[&spin, "--fuel-limit", "1M"],
    ] {
        let jailed = home.json(&[&["run"], arguments].concat());
        assert_eq!(jailed["isolation"][0], "process", "{jailed}");
        let bare = home.json(&[&["run", "--isolation", "off"], arguments].concat());
        assert_eq!(bare["isolation"], serde_json::json!([]));
        assert_eq!(result(jailed), result(bare));
    }

    let stderr = |arguments: &[&str]| {
        let output = home.run(&[arguments, &["run", &copy, "--", "none.txt"]].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    // Once, to people who would read it.
    assert_eq!(stderr(&[]).matches("jail      process").count(), 1);
    assert!(!stderr(&["--quiet"]).contains("jail"));
    assert!(!stderr(&["--json"]).contains("jail"));
    let build = home.run(&[
        "image",
        "build",
        &copy,
        "--input",
        &input,
        "--",
        "input.txt",
    ]);
    let text = String::from_utf8(build.stderr).unwrap();
    assert!(
        build.status.success() && text.contains("jail      process"),
        "{text}"
    );
}

#[test]
#[cfg(unix)]
fn what_is_asked_for_is_in_force_or_nothing_runs() {
    let home = Home::new();
    let module = home.module("empty.wasm", r#"(module (func (export "_start")))"#);
    let ran = home.json(&["run", &module]);
    let in_force: Vec<_> = ran["isolation"].as_array().unwrap().iter().collect();
    for measure in [
        "process",
        "limits",
        "privileges",
        "namespaces",
        "landlock",
        "seccomp",
        "cgroup",
    ] {
        let arguments = ["run", "--isolation", measure, &module];
        if in_force.iter().any(|name| *name == measure) {
            assert_eq!(home.json(&arguments)["exit"], 0);
        } else {
            let text = home.fail(&arguments);
            assert!(
                text.contains(&format!("asks for {measure}, which is missing")),
                "{text}"
            );
        }
    }
    let required = home.run(&["run", "--isolation", "required", &module]);
    assert_eq!(
        required.status.success(),
        in_force.len() == 7,
        "{required:?}"
    );
    let text = home.fail(&["run", "--isolation", "jail", &module]);
    assert!(
        text.contains("jail") && text.contains("seccomp") && text.contains("best"),
        "{text}"
    );
    // Off is off, and said even to those who want results alone.
    let off = home.run(&["--quiet", "run", "--isolation", "off", &module]);
    let text = String::from_utf8(off.stderr).unwrap();
    assert!(
        off.status.success() && text.contains("warning: isolation is off"),
        "{text}"
    );
}

/// Children of a process, and theirs.
#[cfg(target_os = "linux")]
fn descendants(of: u32) -> Vec<u32> {
    let mut all = vec![of];
    let mut next = 0;
    while let Some(parent) = all.get(next) {
        let tasks = format!("/proc/{parent}/task");
        let tasks = fs::read_dir(tasks).into_iter().flatten().flatten();
        let children: Vec<u32> = tasks
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|list| {
                list.split_whitespace()
                    .flat_map(str::parse)
                    .collect::<Vec<_>>()
            })
            .collect();
        all.extend(children);
        next += 1;
    }
    all.split_off(1)
}

#[test]
#[cfg(target_os = "linux")]
fn one_that_loops_ends_with_ctrl_c_and_leaves_nobody() {
    use std::{
        io::{BufRead, BufReader},
        process::Stdio,
        thread,
        time::{Duration, Instant},
    };
    let home = Home::new();
    let spin = home.module("spin.wasm", SPIN);
    let mut running = Command::new(env!("CARGO_BIN_EXE_sungrid"))
        .args(["run", &spin, "--fuel-limit", "1000000T"])
        .env_clear()
        .env("HOME", home.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(running.stderr.take().unwrap());
    let mut lines = said.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("running")));
    let until = Instant::now() + Duration::from_secs(60);
    let eventually = |what: &str, happens: &mut dyn FnMut() -> bool| {
        while !happens() {
            assert!(Instant::now() < until, "{what} did not happen");
            thread::sleep(Duration::from_millis(5));
        }
    };
    let us = running.id();
    let mut children = Vec::new();
    // The inner one, where there are namespaces, works.
    let ticks = |pid: &u32| -> u64 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(") ").next().unwrap_or_default();
        after
            .split(' ')
            .nth(11)
            .map_or(0, |ticks| ticks.parse().unwrap_or(0))
    };
    eventually("a child at work", &mut || {
        children = descendants(us);
        children.iter().any(|pid| ticks(pid) > 20)
    });
    assert!(
        ticks(&us) < 1_000,
        "the guest does not run in the command itself"
    );
    // SAFETY: takes numbers only; it was not waited for.
    unsafe { libc::kill(us as libc::pid_t, libc::SIGINT) };
    assert!(!running.wait().unwrap().success());
    let gone = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        stat.is_empty() || state.starts_with('Z') || state.starts_with('X')
    };
    eventually("the end of all children", &mut || children.iter().all(gone));
}

#[test]
fn what_draws_random_numbers_is_no_canary_and_everything_else_may_be() {
    let home = Home::new();
    let code = wat::parse_str(DRAW).unwrap();
    let package = Package {
        image: Image {
            version: 1,
            kind: ImageKind::WasiCommand,
            name: "draw".into(),
            code: hash(&code),
            args: vec!["draw".into()],
            profile: ProfileName::Cpu1,
            limits: Limits {
                fuel: 1_000_000_000,
                memory: 1 << 20,
                output: 1_000,
            },
            class: 0,
            licence: "MIT".into(),
            files: vec![],
        },
        code,
        files: vec![],
    };
    let data = DataFolder::new(Some(home.path().into())).unwrap();
    let machine = Machine::open(&data, &"off".parse::<Isolation>().unwrap()).unwrap();
    let local = machine.load(&package).unwrap();
    let plan = JobFile {
        image: Some("draw.wasm".into()),
        units: Some(5),
        args: vec!["{unit}".into()],
        ..JobFile::default()
    };
    let plan = plan.plan().unwrap();
    let compute = |batches: &[u32]| canary::compute(&local, &plan, 2, batches);
    let known = compute(&[1, 2]).unwrap();
    assert_eq!([known[0].0, known[1].0], [1, 2]);
    assert_eq!([known[0].1.len(), known[1].1.len()], [2, 1]);
    let [more, less] =
        [0, 1].map(|at: usize| BatchSummary::of(&known[at].1, &CPU_1).expect("a CPU task"));
    assert!(more.root != less.root && more.fuel > less.fuel);
    assert_eq!(compute(&[1, 2]).unwrap(), known);
    // Unit 0 is in batch 0.
    let refused = compute(&[0]).unwrap_err().to_string();
    assert!(refused.contains("random"), "{refused}");
    assert!(compute(&[3]).unwrap_err().to_string().contains("no batch"));

    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let chosen = canary::choose(2, 4).unwrap();
        assert!(chosen.len() == 2 && chosen[0] < chosen[1] && chosen[1] < 4);
        seen.insert(chosen);
    }
    assert_eq!(seen.len(), 6, "some are never chosen");
    assert_eq!(canary::choose(256, 3).unwrap(), [0, 1, 2]);
}
