//! Helpers of the integration tests.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use sungrid_executor::{Cancel, Engine, Limits, Outcome, RunError, Task};
use sungrid_sandbox::{Batch, Config, Measure, Program, Sandbox, Shape};

/// One engine per test binary: setting one up takes a while in debug builds.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

/// Children of this kind, see `child/attacker.rs`.
pub(crate) fn config(act: &str) -> Config {
    Config::new(Program {
        path: env!("CARGO_BIN_EXE_sandbox-attacker").into(),
        args: vec!["sandbox-child".into(), act.into()],
    })
}

pub(crate) fn sandbox(act: &str) -> Sandbox {
    Sandbox::new(engine().clone(), config(act)).unwrap()
}

/// With one measure alone, beside the process.
pub(crate) fn only(measure: Measure) -> Sandbox {
    let skip = Measure::ALL.into_iter().filter(|other| *other != measure);
    let skip = skip.collect();
    let config = Config {
        skip,
        ..config("attack")
    };
    Sandbox::new(engine().clone(), config).unwrap()
}

pub(crate) fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

pub(crate) const EMPTY: &str = r#"(module (func (export "_start")))"#;

pub(crate) fn shape(lanes: usize) -> Shape {
    Shape {
        lanes,
        limits: limits(),
        input_bytes: 1 << 20,
        shared: Vec::new(),
        urgent: false,
    }
}

pub(crate) fn limits() -> Limits {
    Limits {
        wall_clock: Some(Duration::from_secs(60)),
        memory_bytes: 64 << 20,
        ..Limits::default()
    }
}

pub(crate) fn batch(sandbox: &Sandbox, text: &str) -> Batch {
    let code = sandbox.prepare(&wasm(text)).unwrap();
    sandbox.start(&code, &shape(1)).unwrap()
}

pub(crate) fn args(args: &[&str]) -> Task {
    Task {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..Task::default()
    }
}

pub(crate) fn run(batch: &Batch, task: &Task) -> Result<Outcome, RunError> {
    batch.run(task, &limits(), &Cancel::default())
}

/// What an attack in a child of its own comes to.
pub(crate) fn attack(sandbox: &Sandbox, words: &[&str]) -> Result<String, String> {
    match run(&batch(sandbox, EMPTY), &args(words)) {
        Ok(outcome) => Ok(String::from_utf8(outcome.stdout).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

/// The WASM of a guest of this repository, built if it is not there yet.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let path = guests_dir().join(name).with_extension("wasm");
    if !path.exists() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/build");
        let status = Command::new(&script).status().unwrap();
        assert!(
            status.success(),
            "{} failed; run scripts/setup first",
            script.display()
        );
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `SUNGRID_GUESTS`, or the folder `guests` of the target directory that this test runs from.
fn guests_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("SUNGRID_GUESTS") {
        return dir.into();
    }
    // <target>/<profile>/deps/<test>
    let exe = std::env::current_exe().unwrap();
    exe.ancestors().nth(3).unwrap().join("guests")
}
