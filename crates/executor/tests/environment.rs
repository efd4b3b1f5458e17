//! The environment's identity, and what it promises about numbers.

mod common;

use common::{engine, run};
use sungrid_executor::{CacheConfig, ENGINE, Engine, Exit, Limits, Task};

/// The chain lists environments by value. When this fails, results of this executor no longer
/// compare with those of others: undo the change, or put the new value into the genesis presets and, where a
/// chain runs already, have a referendum list it.
#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn environment_is_the_one_that_genesis_lists() {
    // Read as text: this crate must not know the runtime.
    let presets = include_str!("../../../runtime/src/genesis_config_presets.rs");
    let environment = engine().environment().to_string();
    assert!(
        presets.contains(&environment),
        "this executor is {environment}"
    );
}

#[test]
fn engine_version_is_the_one_that_is_linked() {
    let lock = include_str!("../../../Cargo.lock");
    let (name, version) = ENGINE.split_once(' ').unwrap();
    let entry = format!("name = \"{name}\"\nversion = \"{version}\"");
    assert!(
        lock.contains(&entry),
        "{ENGINE} is not in Cargo.lock: audit the new engine first"
    );
}

/// A cache, its folder and size, another engine and a process with other settings around it change nothing.
#[test]
fn what_does_not_matter_leaves_the_environment_alone() {
    let expected = engine().environment();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (folder, max_bytes) in folders.iter().zip([0, 1 << 30]) {
        let cache = CacheConfig {
            directory: folder.path().to_owned(),
            max_bytes,
        };
        let engine = Engine::new(Some(cache)).unwrap();
        assert_eq!(engine.environment(), expected);
        run(common::HELLO, &Task::default(), &Limits::default());
        assert_eq!(engine.environment(), expected);
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "says_its_environment",
            "--ignored",
            "--nocapture",
        ])
        .env_clear()
        .env("TZ", "Pacific/Kiritimati")
        .env("RUST_LOG", "trace")
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&expected.to_string()), "{said}");
}

#[test]
#[ignore = "started by the test above"]
fn says_its_environment() {
    println!("environment {}", Engine::new(None).unwrap().environment());
}

/// Stores the eight bytes of `value` to standard output.
fn bits(value: &str) -> u64 {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
              (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func $f32 (param f32) (result i64) (i64.extend_i32_u (i32.reinterpret_f32 (local.get 0))))
            (func $f64 (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
            (func (export "_start")
              (i64.store (i32.const 16) {value})
              (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 8))
              (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#
    );
    let outcome = run(&text, &Task::default(), &Limits::default());
    assert_eq!(outcome.exit, Exit::Code(0));
    u64::from_le_bytes(outcome.stdout.try_into().unwrap())
}

#[test]
fn nans_are_canonical() {
    const F32: u64 = 0x7fc0_0000;
    const F64: u64 = 0x7ff8_0000_0000_0000;
    // Hardware would give a negative NaN, or keep the payload and sign of an operand.
    for op in [
        "(f32.div (f32.const 0) (f32.const 0))",
        "(f32.sub (f32.const inf) (f32.const inf))",
        "(f32.mul (f32.const 0) (f32.const -inf))",
        "(f32.sqrt (f32.const -1))",
        "(f32.add (f32.const -nan:0x200001) (f32.const 1))",
        "(f32.min (f32.const nan:0x400123) (f32.const 1))",
        "(f32.demote_f64 (f64.const -nan:0x8000000000123))",
        "(f32.floor (f32.const -nan:0x400001))",
    ] {
        assert_eq!(bits(&format!("(call $f32 {op})")), F32, "{op}");
    }
    for op in [
        "(f64.div (f64.const 0) (f64.const -0))",
        "(f64.sqrt (f64.const -2))",
        "(f64.add (f64.const 1) (f64.const -nan:0x8000000000777))",
        "(f64.max (f64.const -nan:0x8000000000777) (f64.const 1))",
        "(f64.promote_f32 (f32.const -nan:0x400001))",
        "(f64.nearest (f64.const -nan:0x8000000000001))",
    ] {
        assert_eq!(bits(&format!("(call $f64 {op})")), F64, "{op}");
    }
    for lane in ["0", "1"] {
        let op = format!(
            "(i64x2.extract_lane {lane} (f64x2.div (v128.const f64x2 0 -1) (v128.const f64x2 0 nan:0x8000000000009)))"
        );
        assert_eq!(bits(&op), F64, "{op}");
        let op = format!(
            "(i64x2.extract_lane {lane} (f32x4.sqrt (v128.const f32x4 -1 -2 -3 -nan:0x400001)))"
        );
        assert_eq!(bits(&op), F32 << 32 | F32, "{op}");
    }
}

#[test]
fn signs_and_payloads_that_webassembly_defines_are_kept() {
    assert_eq!(
        bits("(call $f32 (f32.neg (f32.const nan:0x400123)))"),
        0xffc0_0123
    );
    assert_eq!(
        bits("(call $f64 (f64.copysign (f64.const 1) (f64.const -0)))"),
        (-1f64).to_bits()
    );
}

#[test]
fn virtual_time_passes_with_fuel_and_sleep() {
    // Reads the monotonic clock twice around a loop of 1,000,000 additions, then sleeps 5 s.
    let text = r#"(module
        (import "wasi_snapshot_preview1" "clock_time_get"
          (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff"
          (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
          (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start") (local $i i32)
          (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 100)))
          (loop $l
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 100000))))
          (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 108)))
          (i32.store (i32.const 216) (i32.const 1))
          (i64.store (i32.const 224) (i64.const 5000000000))
          (if (call $poll (i32.const 200) (i32.const 300) (i32.const 1) (i32.const 400)) (then unreachable))
          (if (i32.ne (i32.load (i32.const 400)) (i32.const 1)) (then unreachable))
          (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 116)))
          (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 124)))
          (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 32))
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;
    let outcome = run(text, &Task::default(), &Limits::default());
    assert_eq!(outcome.exit, Exit::Code(0));
    let times: Vec<u64> = outcome
        .stdout
        .chunks(8)
        .map(|c| u64::from_le_bytes(c.try_into().unwrap()))
        .collect();
    let [start, after, slept, real] = times[..] else {
        panic!("{times:?}")
    };
    assert!((400_000..600_000).contains(&(after - start)), "{times:?}");
    assert!(
        (5_000_000_000..5_000_010_000).contains(&(slept - after)),
        "{times:?}"
    );
    assert!(
        (1_577_836_800_000_000_000 + slept..).contains(&real),
        "{times:?}"
    );
    // Sleeping is not billed.
    assert!(outcome.fuel < 2_000_000);
}
