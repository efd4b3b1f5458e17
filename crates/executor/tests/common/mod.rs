//! Helpers of the integration tests.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use sungrid_executor::{Engine, Limits, Module, Outcome, Task};

/// One engine per test binary: setting one up takes a while in debug builds.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

pub(crate) fn wat(text: &str) -> Module {
    engine().compile(&wat::parse_str(text).unwrap()).unwrap()
}

pub(crate) fn run(text: &str, task: &Task, limits: &Limits) -> Outcome {
    engine().run(&wat(text), task, limits).unwrap()
}

pub(crate) const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write"
      (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "hello\n")
    (func (export "_start")
      (i32.store (i32.const 0) (i32.const 8))
      (i32.store (i32.const 4) (i32.const 6))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))"#;

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

/// Everything of an outcome, in one line.
pub(crate) fn digest(outcome: &Outcome) -> String {
    blake3::hash(format!("{outcome:?}").as_bytes())
        .to_hex()
        .to_string()
}
