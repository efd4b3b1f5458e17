//! What modules do and are billed, written down beside the environment's id: whoever changes one must change the other.
//!
//! The id holds versions that are raised by hand (`rewrite::VERSION`, `canonical::VERSION`, `WASI_SEMANTICS`); this is what
//! notices that it was forgotten.

use super::corpus::Specimen;
use super::{Made, limits};
use sungrid_executor::{Engine, Limits, Task};

/// The environment and the digest of what all modules below make in it. When only the second differs, what guests compute or
/// are billed has changed under the same id, and workers of both sorts would refute each other: raise the version of what
/// was changed, put the new id into the genesis presets, then both here. (A new version of wasm-smith makes other modules, too.)
const PINNED: (&str, &str) = (
    "7bc642c0d2fec8bdc739f52ac2e5a144ed2737d2b9c86627ee8f42bcb71c7558",
    "83a1e116148e34a977b519769d0ea529d0157254584fb4cbd53a4901cfdc3382",
);

/// Seeds of the corpus, enough for some of each flavour.
const SEEDS: u64 = 48;

/// Many calls of small functions with locals of every type, more than may be copied: where the budget ends shows in the fuel.
fn calls(ty: &str) -> String {
    let zero = match ty {
        "v128" => "(v128.const i64x2 0 0)".to_owned(),
        ty => format!("({ty}.const 0)"),
    };
    let locals = format!("(local {ty})").repeat(4);
    let some = format!("(call $small {zero})");
    format!(
        "(module (memory (export \"memory\") 1)
          (func $small (param {ty}) {locals} (local.set 1 (local.get 0)) (if (i32.const 0) (then (return))))
          (func (export \"_start\") {}))",
        some.repeat(300)
    )
}

/// Small loops one after the other, some with tables of branches, more than may be repeated.
fn loops() -> String {
    let plain = "(local.set 0 (i32.const 37))
        (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))";
    let table = "(local.set 0 (i32.const 29))
        (block (loop (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
          (br_table 0 0 0 1 0 0 (i32.and (local.get 0) (i32.const 3)))))";
    format!(
        "(module (memory (export \"memory\") 1)
          (func (export \"_start\") (local i32 i32) {} {} {}))",
        plain.repeat(40),
        table.repeat(40),
        plain.repeat(3)
    )
}

/// NaNs of every operation that makes some, shown to the outside.
const NANS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (f64.store (i32.const 64) (f64.div (f64.load (i32.const 64)) (f64.load (i32.const 64))))
      (f32.store (i32.const 72) (f32.sqrt (f32.sub (f32.load (i32.const 80)) (f32.const 1))))
      (f32.store (i32.const 76) (f32.demote_f64 (f64.load (i32.const 64))))
      (v128.store (i32.const 80) (f32x4.mul (f32x4.splat (f32.load (i32.const 72))) (v128.load (i32.const 80))))
      (v128.store (i32.const 96) (f64x2.max (f64x2.splat (f64.load (i32.const 64))) (v128.load (i32.const 112))))
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 48))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// What the host answers and charges: time, chance, arguments, files that are and are not there.
const HOST: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_filestat_get" (func $path (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 1000) "some/where")
    (func $note (param i32) (i32.store (global.get 0) (local.get 0)) (global.set 0 (i32.add (global.get 0) (i32.const 4))))
    (global (mut i32) (i32.const 512))
    (func (export "_start")
      (call $note (call $random (i32.const 64) (i32.const 100)))
      (call $note (call $clock (i32.const 0) (i64.const 1) (i32.const 164)))
      (call $note (call $clock (i32.const 1) (i64.const 1) (i32.const 172)))
      (call $note (call $args (i32.const 180) (i32.const 184)))
      (call $note (call $env (i32.const 188) (i32.const 192)))
      (call $note (call $stat (i32.const 1) (i32.const 200)))
      (call $note (call $stat (i32.const 3) (i32.const 224)))
      (call $note (call $stat (i32.const 99) (i32.const 248)))
      (call $note (call $path (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 10) (i32.const 272)))
      (call $note (call $open (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 4) (i32.const 9) (i64.const 64) (i64.const 0)
        (i32.const 0) (i32.const 340)))
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 600))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// A recursion that nothing ends but the stack, and a loop that nothing ends but the fuel.
const DEEP: &str = r#"(module (memory (export "memory") 1)
    (func $down (param i64) (result i64) (i64.add (call $down (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
    (func (export "_start") (drop (call $down (i64.const 0)))))"#;
const ENDLESS: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start") (local i64) (loop (local.set 0 (i64.add (local.get 0) (i64.const 3))) (br 0))))"#;

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn what_guests_do_and_are_billed_is_pinned_beside_the_id() {
    let engine = Engine::new(None).expect("sets up");
    let mut modules: Vec<(String, Vec<u8>)> = (0..SEEDS)
        .filter_map(Specimen::new)
        .map(|specimen| (format!("seed {}", specimen.seed), specimen.wasm))
        .collect();
    let mut written = |name: &str, text: &str| {
        modules.push((name.to_owned(), wat::parse_str(text).expect(name)));
    };
    for ty in ["i32", "i64", "f32", "f64", "v128"] {
        written(&format!("calls with {ty}"), &calls(ty));
    }
    written("loops", &loops());
    written("NaNs", NANS);
    written("host", HOST);
    written("deep", DEEP);
    written("endless", ENDLESS);

    let mut hasher = blake3::Hasher::new();
    let mut lines = Vec::new();
    for (name, wasm) in &modules {
        let made = Made::of(&engine, wasm);
        assert_ne!(made, Made::Nothing, "{name}: the host has what it takes");
        let digest = made.digest();
        hasher.update(digest.as_bytes());
        let fuel = made.outcome().map(|outcome| outcome.fuel);
        lines.push(format!("{name}: {fuel:?} {digest}"));
    }
    let made = (
        engine.environment().to_string(),
        hasher.finalize().to_hex().to_string(),
    );
    assert_eq!(
        (made.0.as_str(), made.1.as_str()),
        PINNED,
        "see PINNED. Of each module, its fuel and the digest of its outcome:\n{}",
        lines.join("\n")
    );
    // The pin holds the bill too: a unit more of fuel and another random seed are each another digest.
    let module = engine
        .compile(&wat::parse_str(HOST).expect("text"))
        .expect("compiles");
    let run = |task: &Task, limits: &Limits| engine.run(&module, task, limits).expect("runs");
    let usual = run(&Task::default(), &limits());
    assert!(usual.exit.is_success(), "{}", usual.exit);
    let mut dearer = usual.clone();
    dearer.fuel += 1;
    assert_ne!(super::digest(&usual), super::digest(&dearer));
}
