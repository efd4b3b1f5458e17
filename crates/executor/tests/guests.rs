//! Real programs, in Rust and in C, run unchanged and come out the same everywhere.
//!
//! The guests are taken from `SUNGRID_GUESTS`, or else from where `guests/build` leaves them; what
//! is missing there is built by that script.

mod common;

use common::{digest, engine, guest};
use std::collections::BTreeMap;
use std::process::Command;
use sungrid_executor::{Exit, Limits, Outcome, RunError, Task};

fn task() -> Task {
    Task {
        args: vec!["guest".into(), "b.txt".into()],
        env: vec![("LANG".into(), "C".into()), ("TZ".into(), "UTC".into())],
        stdin: b"from standard input".as_slice().into(),
        files: BTreeMap::from([
            ("z.bin".to_owned(), vec![7; 10_000].into()),
            ("b.txt".to_owned(), b"bee".as_slice().into()),
            ("sub/deep.txt".to_owned(), b"below".as_slice().into()),
        ]),
        seed: [42; 32],
    }
}

fn run(name: &str, task: &Task, limits: &Limits) -> Result<Outcome, RunError> {
    let module = engine().compile(&guest(name)).unwrap();
    engine().run(&module, task, limits)
}

const GUESTS: [&str; 2] = ["hello-rust", "hello-c"];

#[test]
fn rust_guest_uses_the_whole_contract() {
    let outcome = run("hello-rust", &task(), &Limits::default()).unwrap();
    let text = String::from_utf8(outcome.stdout.clone()).unwrap();
    println!(
        "{text}\n{} fuel, {} bytes",
        outcome.fuel, outcome.peak_memory
    );
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!(outcome.files["report.txt"], outcome.stdout);
    assert_eq!(outcome.files.len(), 1);
    for line in [
        "argument 1 \"b.txt\"",
        "variable \"LANG\" \"C\"",
        "stdin 19 bytes",
        "file \"b.txt\" 3 bytes",
        "file \"z.bin\" 10000 bytes",
        "clock 1577836800.",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    assert!(text.find("b.txt\" 3").unwrap() < text.find("z.bin\" 1").unwrap());
}

#[test]
fn c_guest_uses_the_whole_contract() {
    let outcome = run("hello-c", &task(), &Limits::default()).unwrap();
    let text = String::from_utf8(outcome.stdout.clone()).unwrap();
    println!(
        "{text}\n{} fuel, {} bytes",
        outcome.fuel, outcome.peak_memory
    );
    assert_eq!(
        outcome.exit,
        Exit::Code(0),
        "{}",
        String::from_utf8_lossy(&outcome.stderr)
    );
    assert_eq!(outcome.files["report.txt"], outcome.stdout);
}

#[test]
fn c_guest_reports_a_missing_input() {
    let args = vec!["hello-c".into(), "nothing".into()];
    let outcome = run("hello-c", &Task { args, ..task() }, &Limits::default()).unwrap();
    assert_eq!(outcome.exit, Exit::Code(1));
    let text = String::from_utf8(outcome.stderr).unwrap();
    assert!(
        text.contains("/in/nothing") && text.contains("No such file"),
        "{text}"
    );
}

#[test]
fn the_same_run_gives_the_same_outcome() {
    for name in GUESTS {
        let first = run(name, &task(), &Limits::default()).unwrap();
        for _ in 0..5 {
            assert_eq!(run(name, &task(), &Limits::default()).unwrap(), first);
        }
    }
}

#[test]
fn runs_at_once_do_not_see_each_other() {
    for name in GUESTS {
        let module = engine().compile(&guest(name)).unwrap();
        let first = engine().run(&module, &task(), &Limits::default()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let outcome = engine().run(&module, &task(), &Limits::default()).unwrap();
                    assert_eq!(outcome, first);
                });
            }
        });
    }
}

#[test]
fn every_process_gives_the_same_outcome() {
    let expected: Vec<String> = GUESTS
        .iter()
        .map(|name| digest(&run(name, &task(), &Limits::default()).unwrap()))
        .collect();
    for _ in 0..3 {
        // This test binary again, as a process of its own with another environment.
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_prints_digests", "--nocapture"])
            .env(CHILD, "1")
            .env("TZ", "Asia/Tokyo")
            .env("LANG", "tr_TR.UTF-8")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let seen: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("digest "))
            .collect();
        assert_eq!(seen, expected, "{text}");
    }
}

const CHILD: &str = "SUNGRID_EXECUTOR_TEST_CHILD";

/// The other half of [`every_process_gives_the_same_outcome`]; on its own it does nothing.
#[test]
fn child_prints_digests() {
    if std::env::var_os(CHILD).is_some() {
        println!();
        for name in GUESTS {
            println!(
                "digest {}",
                digest(&run(name, &task(), &Limits::default()).unwrap())
            );
        }
    }
}

#[test]
fn the_seed_decides_randomness_and_nothing_else_does() {
    let map = |seed| {
        let outcome = run("hello-rust", &Task { seed, ..task() }, &Limits::default()).unwrap();
        let text = String::from_utf8(outcome.stdout).unwrap();
        text.lines()
            .find(|line| line.starts_with("map"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(map([1; 32]), map([1; 32]));
    assert_ne!(map([1; 32]), map([2; 32]));
}

#[test]
fn fuel_and_output_limits_are_exact_for_real_programs() {
    for name in GUESTS {
        let free = run(name, &task(), &Limits::default()).unwrap();
        let fuel = |fuel| {
            run(
                name,
                &task(),
                &Limits {
                    fuel,
                    ..Limits::default()
                },
            )
            .unwrap()
        };
        assert_eq!(fuel(free.fuel), free);
        assert_eq!(fuel(free.fuel - 1).exit, Exit::OutOfFuel);
        let written = 2 * free.stdout.len() as u64;
        let output = |output_bytes| {
            run(
                name,
                &task(),
                &Limits {
                    output_bytes,
                    ..Limits::default()
                },
            )
            .unwrap()
            .exit
        };
        assert_eq!(output(written), Exit::Code(0));
        assert_eq!(output(written - 1), Exit::OutputLimit);
        let memory = |memory_bytes| {
            run(
                name,
                &task(),
                &Limits {
                    memory_bytes,
                    ..Limits::default()
                },
            )
            .unwrap()
            .exit
        };
        assert_eq!(memory(free.peak_memory), Exit::Code(0));
        assert_ne!(memory(free.peak_memory - 1), Exit::Code(0));
    }
}
