//! Children that turned hostile, died, or never spoke: the parent goes on, and nobody is believed.

mod common;

use common::{
    EMPTY, args, attack, batch, config, engine, guest, limits, run, sandbox, shape, wasm,
};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use sungrid_executor::{CacheConfig, Cancel, Engine, Limits, RunError, Task};
use sungrid_sandbox::{Config, Measure, PrepareError, Sandbox, SandboxError, Shape};

fn host(ended: Result<String, String>) -> String {
    let reason = ended.unwrap_err();
    assert!(reason.starts_with("the host could not"), "{reason}");
    reason
}

#[test]
fn malformed_answers_are_an_error_of_that_batch_alone() {
    let sandbox = sandbox("attack");
    for name in ["garbage", "lie about fuel", "lie about memory", "flood"] {
        let reason = host(attack(&sandbox, &[name]));
        assert!(reason.contains("malformed"), "{name}: {reason}");
        assert!(attack(&sandbox, &["surroundings"]).is_ok());
    }
}

#[test]
fn a_child_that_dies_ends_its_batch_and_nothing_else() {
    let sandbox = sandbox("attack");
    let other = batch(&sandbox, EMPTY);
    for name in ["crash", "panic"] {
        let dead = batch(&sandbox, EMPTY);
        let error = run(&dead, &args(&[name])).unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
        // The batch is over: no unit of it runs any more.
        let error = run(&dead, &args(&["surroundings"])).unwrap_err();
        assert!(matches!(error, RunError::Host(_)), "{error}");
        assert!(run(&other, &args(&["surroundings"])).is_ok());
    }
}

/// The children of this process, outer and inner, as the system lists them.
#[cfg(target_os = "linux")]
fn descendants(of: u32) -> Vec<u32> {
    let mut all = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // After the name in parentheses: state, parent.
            let after = stat.rsplit(") ").next().unwrap_or_default();
            let ppid = after.split(' ').nth(1).and_then(|text| text.parse().ok());
            if ppid == Some(parent) {
                all.push(pid);
                parents.push(pid);
            }
        }
    }
    all
}

/// Waits for what happens soon, and fails when it does not.
#[track_caller]
fn eventually(what: &str, mut happens: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !happens() {
        assert!(Instant::now() < until, "{what} did not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_killed_in_the_middle_is_no_result_and_leaves_nobody() {
    let sandbox = sandbox("attack");
    let batch = Arc::new(batch(&sandbox, EMPTY));
    let us = std::process::id();
    eventually("the end of the compiler", || descendants(us).len() <= 2);
    let running = thread::spawn({
        let batch = batch.clone();
        move || run(&batch, &args(&["spin"]))
    });
    let inner = *descendants(us).last().unwrap();
    // As the system does when memory runs out.
    // SAFETY: takes numbers only.
    unsafe { libc::kill(inner as libc::pid_t, libc::SIGKILL) };
    let error = running.join().unwrap().unwrap_err();
    assert!(matches!(error, RunError::Host(_)), "{error}");
    assert!(
        error.is_retryable() && error.to_string().contains("killed"),
        "{error}"
    );
    drop(batch);
    drop(sandbox);
    eventually("the end of all children", || descendants(us).is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn dropping_a_batch_ends_its_child_even_a_deaf_one() {
    let sandbox = sandbox("attack");
    let us = std::process::id();
    eventually("the end of the trial", || descendants(us).is_empty());
    let batch = batch(&sandbox, EMPTY);
    eventually("the end of the compiler", || descendants(us).len() <= 2);
    assert!(!descendants(us).is_empty());
    let limits = Limits {
        wall_clock: Some(Duration::from_millis(200)),
        ..limits()
    };
    let ended = batch.run(&args(&["deaf"]), &limits, &Cancel::default());
    assert!(matches!(ended, Err(RunError::WallClock(_))), "{ended:?}");
    drop(batch);
    eventually("the end of the child", || descendants(us).is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn no_child_outlives_a_parent_that_is_killed() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_sandbox-attacker"))
        .arg("parent")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(parent.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");
    let children = descendants(parent.id());
    assert!(!children.is_empty());
    parent.kill().unwrap();
    parent.wait().unwrap();
    // Gone, or dead and not yet waited for by the first process of the system.
    let ended = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        stat.is_empty() || state.starts_with('Z') || state.starts_with('X')
    };
    eventually("the end of its children", || children.iter().all(ended));
}

#[test]
fn spinning_ends_with_the_clock_and_with_cancelling() {
    let sandbox = sandbox("attack");
    let limits = Limits {
        wall_clock: Some(Duration::from_millis(100)),
        ..limits()
    };
    let spinning = batch(&sandbox, EMPTY);
    let ended = spinning.run(&args(&["spin"]), &limits, &Cancel::default());
    assert!(matches!(ended, Err(RunError::WallClock(_))), "{ended:?}");

    let spinning = batch(&sandbox, EMPTY);
    let cancel = Cancel::default();
    let ended = thread::scope(|scope| {
        let running = scope.spawn(|| run_until(&spinning, &cancel));
        cancel.cancel();
        running.join().unwrap()
    });
    assert!(matches!(ended, Err(RunError::Cancelled)), "{ended:?}");
}

fn run_until(
    batch: &sungrid_sandbox::Batch,
    cancel: &Cancel,
) -> Result<sungrid_executor::Outcome, RunError> {
    batch.run(&args(&["spin"]), &limits(), cancel)
}

#[test]
fn a_suspended_unit_does_not_lose_its_time() {
    let sandbox = sandbox("honest");
    // Runs for a while: a count to 2^31 takes longer than the pause below is short.
    let counts = r#"(module (func (export "_start") (local i32)
        (loop $l (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
            (i32.const 50000000))))))"#;
    let code = sandbox.prepare(&wasm(counts)).unwrap();
    let batch = sandbox.start(&code, &shape(1)).unwrap();
    let limits = Limits {
        fuel: u64::MAX,
        ..limits()
    };
    let undisturbed = batch.run(&Task::default(), &limits, &Cancel::default());
    let undisturbed = undisturbed.unwrap();
    // Suspended before it starts: by its own clock it would be late at once.
    sandbox.suspend();
    assert!(sandbox.is_suspended());
    let started = Instant::now();
    let outcome = thread::scope(|scope| {
        let patience = Limits {
            wall_clock: Some(Duration::from_secs(20)),
            ..limits.clone()
        };
        let batch = &batch;
        let running =
            scope.spawn(move || batch.run(&Task::default(), &patience, &Cancel::default()));
        eventually("a while", || started.elapsed() > Duration::from_millis(300));
        assert!(!running.is_finished(), "it runs although it is suspended");
        sandbox.resume();
        running.join().unwrap()
    });
    assert_eq!(outcome.unwrap(), undisturbed);
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_suspended_uses_no_processor_and_what_starts_then_waits() {
    let sandbox = sandbox("honest");
    let code = sandbox.prepare(&wasm(EMPTY)).unwrap();
    sandbox.suspend();
    thread::scope(|scope| {
        let starting = scope.spawn(|| sandbox.start(&code, &shape(1)).map(|_| ()));
        let us = std::process::id();
        let stopped = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(") ")
                .next()
                .is_some_and(|state| state.starts_with('T'))
        };
        eventually("a child that is stopped", || {
            let children = descendants(us);
            !children.is_empty() && children.iter().all(stopped)
        });
        assert!(!starting.is_finished());
        sandbox.resume();
        assert!(starting.join().unwrap().is_ok());
    });
}

#[test]
fn what_compiles_or_is_urgent_goes_on_while_all_else_is_suspended() {
    let sandbox = sandbox("honest");
    sandbox.suspend();
    // Not stopped with all its memory, and nobody who waits for it waits for the machine's owner to leave.
    let code = sandbox.prepare(&wasm(EMPTY)).unwrap();
    let urgent = Shape {
        urgent: true,
        ..shape(1)
    };
    let batch = sandbox.start(&code, &urgent).unwrap();
    let outcome = batch.run(&Task::default(), &limits(), &Cancel::default());
    assert!(outcome.unwrap().exit.is_success());
    // Nor is one that was there before.
    sandbox.resume();
    sandbox.suspend();
    let outcome = batch.run(&Task::default(), &limits(), &Cancel::default());
    assert!(outcome.unwrap().exit.is_success());
    // Its clock goes on, too: one that never ends does not take the machine from its owner.
    let ending = Limits {
        wall_clock: Some(Duration::from_millis(100)),
        fuel: u64::MAX,
        ..limits()
    };
    let spins = r#"(module (func (export "_start") (loop $l (br $l))))"#;
    let code = sandbox.prepare(&wasm(spins)).unwrap();
    let batch = sandbox.start(&code, &urgent).unwrap();
    let outcome = batch.run(&Task::default(), &ending, &Cancel::default());
    assert!(
        matches!(outcome, Err(RunError::WallClock(_))),
        "{outcome:?}"
    );
}

#[test]
fn compile_bombs_are_bounded_in_time_and_memory_and_refused() {
    let refused = |act: &str, bound: fn(&mut Config), expected: &str| {
        let mut config = config(act);
        bound(&mut config);
        let sandbox = Sandbox::new(engine().clone(), config).unwrap();
        let Err(PrepareError::Refused(reason)) = sandbox.prepare(&wasm(EMPTY)) else {
            panic!("{act} is not refused");
        };
        assert!(reason.contains(expected), "{act}: {reason}");
    };
    let time: fn(&mut Config) = |config| config.compile_time = Duration::from_millis(300);
    let brief: fn(&mut Config) = |config| config.compile_wait = Duration::from_millis(300);
    let memory: fn(&mut Config) = |config| config.compile_memory = 512 << 20;
    refused("compile forever", time, "out of processor time");
    refused("compile and wait", brief, "takes more than 300ms");
    refused("compile into all memory", memory, "512 MiB");
    refused("compile and crash", |_| {}, "gave up on it");
}

/// Not a test double: a module that makes the real compiler take more than it is given.
#[test]
fn a_real_module_that_takes_too_much_to_compile_is_refused() {
    // 1,000 variables that are set inside 1,000 loops: a million places where the compiler has to join them, of 12 KB.
    let body: String = (0..1_000)
        .map(|i| format!("(local.set {i} (i32.add (local.get {i}) (i32.const 1)))"))
        .collect();
    let text = format!(
        r#"(module (func (export "_start") (local {}) {} {body} {}))"#,
        "i32 ".repeat(1_000),
        "(loop ".repeat(1_000),
        "(br_if 0 (local.get 0)))".repeat(1_000)
    );
    let config = Config {
        compile_time: Duration::from_secs(1),
        ..config("honest")
    };
    let sandbox = Sandbox::new(engine().clone(), config).unwrap();
    let refused = sandbox.prepare(&wasm(&text));
    assert!(
        matches!(&refused, Err(PrepareError::Refused(reason)) if reason.contains("out of processor time")),
        "{refused:?}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn whoever_breaks_into_the_compiler_is_jailed_and_so_is_its_code() {
    let sandbox = sandbox("compile and connect");
    if sandbox.report().has(Measure::Seccomp) {
        let Err(PrepareError::Refused(reason)) = sandbox.prepare(&wasm(EMPTY)) else {
            panic!("the compiler may connect");
        };
        assert!(
            reason.contains("system call that no guest needs"),
            "{reason}"
        );
    }
    // Rubbish instead of code is found out where it is loaded: in a jail.
    let sandbox = common::sandbox("compile to rubbish");
    let code = sandbox.prepare(&wasm(EMPTY)).unwrap();
    let error = sandbox.start(&code, &shape(1)).map(|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("no process for the batch"),
        "{error}"
    );
}

#[test]
fn code_comes_from_the_cache_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheConfig {
        directory: folder.path().join("modules"),
        max_bytes: 64 << 20,
    };
    let cached = Engine::new(Some(cache)).unwrap();
    let wasm = guest("hello-rust");
    let first = Sandbox::new(cached.clone(), config("honest")).unwrap();
    let code = first.prepare(&wasm).unwrap();
    // This one cannot compile: what it has is from the cache.
    let second = Sandbox::new(cached, config("compile and crash")).unwrap();
    assert_eq!(second.prepare(&wasm).unwrap().size(), code.size());
    // The same entry serves who compiles in its own process.
    assert_eq!(engine().compile(&wasm).unwrap().hash(), code.origin().hash);
}

#[test]
fn many_units_at_once_come_to_what_each_comes_to_alone() {
    let sandbox = sandbox("honest");
    let code = sandbox.prepare(&guest("hello-rust")).unwrap();
    let batch = sandbox.start(&code, &shape(4)).unwrap();
    let task = |seed: u8| Task {
        seed: [seed; 32],
        args: vec!["guest".into()],
        ..Task::default()
    };
    let alone: Vec<_> = (0..4)
        .map(|seed| run(&batch, &task(seed)).unwrap())
        .collect();
    assert_ne!(alone[0], alone[1]);
    thread::scope(|scope| {
        for _ in 0..2 {
            for (seed, alone) in (0..4).zip(&alone) {
                let (batch, task) = (&batch, task(seed));
                scope.spawn(move || {
                    for _ in 0..5 {
                        assert_eq!(&run(batch, &task).unwrap(), alone);
                    }
                });
            }
        }
    });
}

#[test]
fn bad_tasks_are_refused_before_anybody_is_asked() {
    let sandbox = sandbox("honest");
    let batch = batch(&sandbox, EMPTY);
    let task = args(&["nul\0"]);
    assert!(matches!(run(&batch, &task), Err(RunError::Task(_))));
    assert!(run(&batch, &Task::default()).is_ok(), "the batch goes on");
}

#[test]
fn what_cannot_be_started_is_said() {
    let mut config = config("honest");
    config.program.path = "/nonexistent".into();
    let error = Sandbox::new(engine().clone(), config)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, SandboxError::Start(_)), "{error}");
    // A program that is no sandbox at all.
    config = common::config("honest");
    config.program.path = "/bin/true".into();
    let error = Sandbox::new(engine().clone(), config)
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("ended with code 0"), "{error}");
}

#[test]
fn large_inputs_and_outputs_pass() {
    // Copies what is in /in to standard output, as far as the limits go.
    let sandbox = sandbox("honest");
    let code = sandbox.prepare(&guest("hello-rust")).unwrap();
    let big = bytes::Bytes::from(vec![3; 40 << 20]);
    let limits = Limits {
        fuel: u64::MAX,
        ..limits()
    };
    let shape = Shape {
        lanes: 1,
        limits: limits.clone(),
        input_bytes: 50 << 20,
        shared: vec![big.clone()],
        urgent: false,
    };
    let batch = sandbox.start(&code, &shape).unwrap();
    let own = bytes::Bytes::from(vec![4; 40 << 20]);
    let mut task = args(&["guest"]);
    task.files.insert("own".into(), own);
    task.files.insert("shared".into(), big);
    let outcome = batch.run(&task, &limits, &Cancel::default()).unwrap();
    let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
    for name in ["own", "shared"] {
        assert!(
            text.contains(&format!("file \"{name}\" 41943040 bytes")),
            "{text}"
        );
    }
}
