//! Records what real programs take on this machine: the trace that the scenario `recorded` replays.

use std::{collections::BTreeMap, error::Error, fmt::Write, fs, path::Path, time::Instant};

use bytes::Bytes;
use sungrid_executor::{Engine, Limits, Module, Task};

/// Programs in text, each with one parameter: the number of bytes of its standard input.
const PROGRAMS: [(&str, &str); 3] = [("integers", INTEGERS), ("walk", WALK), ("floats", FLOATS)];

/// Reads standard input into memory, at 64 KiB, and leaves its length in `$n`.
const READ: &str = r#"
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 160)
    (func $load (result i32) (local $n i32)
      (loop $more
        (i32.store (i32.const 0) (i32.add (i32.const 65536) (local.get $n)))
        (i32.store (i32.const 4) (i32.const 65536))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (local.set $n (i32.add (local.get $n) (i32.load (i32.const 8))))
        (br_if $more (i32.load (i32.const 8))))
      (local.get $n))"#;

/// A hash, many times over.
const INTEGERS: &str = r#"
    (func (export "_start") (local $n i32) (local $i i32) (local $turn i32) (local $h i64)
      (local.set $n (call $load))
      (loop $turns
        (local.set $i (i32.const 0))
        (loop $bytes
          (local.set $h (i64.mul
            (i64.xor (i64.rotl (local.get $h) (i64.const 5))
              (i64.load (i32.add (i32.const 65536) (local.get $i))))
            (i64.const 0x9e3779b97f4a7c15)))
          (br_if $bytes (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $n))))
        (br_if $turns (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const 100))))
      (i64.store (i32.const 16) (local.get $h)))"#;

/// Goes through memory where the last place says: each load waits for the one before.
const WALK: &str = r#"
    (func (export "_start") (local $n i32) (local $i i32) (local $at i32)
      (local.set $n (i32.and (call $load) (i32.const -8)))
      (loop $steps
        (local.set $at (i32.and (i32.const -8) (i32.rem_u
          (i32.add (i32.mul (local.get $at) (i32.const 1664525))
            (i32.load (i32.add (i32.const 65536) (local.get $at))))
          (local.get $n))))
        (br_if $steps (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (i32.mul (local.get $n) (i32.const 4)))))
      (i32.store (i32.const 16) (local.get $at)))"#;

/// Divisions and roots of what it reads.
const FLOATS: &str = r#"
    (func (export "_start") (local $n i32) (local $i i32) (local $turn i32) (local $x f64)
      (local.set $n (call $load))
      (loop $turns
        (local.set $i (i32.const 0))
        (loop $bytes
          (local.set $x (f64.sqrt (f64.add (f64.const 2) (f64.div
            (f64.convert_i32_u (i32.load (i32.add (i32.const 65536) (local.get $i))))
            (f64.add (local.get $x) (f64.const 1))))))
          (br_if $bytes (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $n))))
        (br_if $turns (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const 40))))
      (f64.store (i32.const 16) (local.get $x)))"#;

type Res<T = ()> = Result<T, Box<dyn Error>>;

/// Runs everything some times and writes a line for each run.
pub(crate) fn record(to: &Path, guests: &Path, scenes: &Path) -> Res {
    let engine = Engine::new(None)?;
    let lane = engine.measure([0; 32], 1_000_000_000)?.fuel_per_second;
    let mut text = format!(
        "# program, bytes of input, fuel, µs, peak memory; made with --record\n# fuel per second of the kernel, {lane}\n"
    );
    for (name, body) in PROGRAMS {
        let wasm = wat::parse_str(format!("(module {READ} {body})"))?;
        let module = engine.compile(&wasm)?;
        for size in [4 << 10, 32 << 10, 256 << 10, 2 << 20, 8 << 20u32] {
            let stdin: Vec<u8> = (0..size)
                .map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect();
            let task = Task {
                stdin: Bytes::from(stdin),
                ..Task::default()
            };
            line(&mut text, name, u64::from(size), &engine, &module, &task, 4)?;
        }
        eprintln!("{name}");
    }
    let renderer = guests.join("renderer.wasm");
    let wasm = fs::read(&renderer)
        .map_err(|error| format!("{}: {error}; run guests/build first", renderer.display()))?;
    let module = engine.compile(&wasm)?;
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(scenes)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.insert(name, Bytes::from(fs::read(entry.path())?));
    }
    let input = files.values().map(|file| file.len() as u64).sum();
    for tile in (0..80).step_by(4) {
        let arguments = ["renderer", "tile", "sungrid.scene"];
        let task = Task {
            args: arguments
                .map(String::from)
                .into_iter()
                .chain([tile.to_string()])
                .collect(),
            files: files.clone(),
            ..Task::default()
        };
        line(&mut text, "renderer", input, &engine, &module, &task, 1)?;
    }
    Ok(fs::write(to, text)?)
}

fn line(
    text: &mut String,
    name: &str,
    input: u64,
    engine: &Engine,
    module: &Module,
    task: &Task,
    times: u32,
) -> Res {
    let limits = Limits {
        fuel: u64::MAX,
        ..Limits::default()
    };
    for _ in 0..times {
        let started = Instant::now();
        let outcome = engine.run(module, task, &limits)?;
        let micros = started.elapsed().as_micros();
        if !outcome.exit.is_success() {
            return Err(format!("{name} {}", outcome.exit).into());
        }
        let (fuel, memory) = (outcome.fuel, outcome.peak_memory);
        writeln!(text, "{name},{input},{fuel},{micros},{memory}")?;
    }
    Ok(())
}
