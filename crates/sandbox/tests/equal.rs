//! A unit comes to the same in a child as in this process: exit, output, fuel, memory.

mod common;

use common::{engine, guest, sandbox, wasm};
use std::collections::BTreeMap;
use sungrid_executor::{Cancel, Exit, Limits, Task};
use sungrid_sandbox::{Sandbox, Shape};

fn task() -> Task {
    Task {
        args: vec!["guest".into(), "b.txt".into()],
        env: vec![("LANG".into(), "C".into()), ("TZ".into(), "UTC".into())],
        stdin: b"from standard input".as_slice().into(),
        files: BTreeMap::from([
            ("z.bin".to_owned(), vec![7; 100_000].into()),
            ("b.txt".to_owned(), b"bee".as_slice().into()),
            ("sub/deep.txt".to_owned(), b"below".as_slice().into()),
        ]),
        seed: [42; 32],
    }
}

/// Runs in both ways, twice, and compares.
#[track_caller]
fn same(sandbox: &Sandbox, wasm: &[u8], task: &Task, limits: &Limits) -> Exit {
    let module = engine().compile(wasm).unwrap();
    let here = engine().run(&module, task, limits).unwrap();
    let shape = Shape {
        lanes: 1,
        limits: limits.clone(),
        input_bytes: 1 << 20,
        shared: vec![task.files.values().next().cloned().unwrap_or_default()],
        urgent: false,
    };
    let code = sandbox.prepare(wasm).unwrap();
    let batch = sandbox.start(&code, &shape).unwrap();
    for _ in 0..2 {
        let there = batch.run(task, limits, &Cancel::default()).unwrap();
        assert_eq!(there, here);
    }
    here.exit
}

#[test]
fn real_programs_come_to_the_same() {
    let sandbox = sandbox("honest");
    for name in ["hello-rust", "hello-c"] {
        let wasm = guest(name);
        let exit = same(&sandbox, &wasm, &task(), &Limits::default());
        assert_eq!(exit, Exit::Code(0), "{name}");
        // Too little of everything, too.
        for limits in [
            Limits {
                fuel: 2_000_000,
                ..Limits::default()
            },
            Limits {
                output_bytes: 100,
                ..Limits::default()
            },
            Limits {
                memory_bytes: 1 << 20,
                ..Limits::default()
            },
            Limits {
                output_files: 0,
                ..Limits::default()
            },
        ] {
            same(&sandbox, &wasm, &task(), &limits);
        }
    }
}

#[test]
fn failures_come_to_the_same() {
    let sandbox = sandbox("honest");
    let tight = Limits {
        fuel: 5_000_000,
        memory_bytes: 1 << 20,
        table_elements: 100,
        output_bytes: 1_000,
        ..Limits::default()
    };
    let grows = r#"(module (memory 1) (func (export "_start")
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))))"#;
    for (text, expected) in [
        (r#"(module (func (export "_start")))"#, Exit::Code(0)),
        (
            r#"(module (func (export "_start") (loop $l (br $l))))"#,
            Exit::OutOfFuel,
        ),
        (
            r#"(module (memory 17) (func (export "_start")))"#,
            Exit::MemoryLimit,
        ),
        (
            r#"(module (table 101 funcref) (func (export "_start")))"#,
            Exit::TableLimit,
        ),
        (grows, Exit::Code(0)),
    ] {
        assert_eq!(
            same(&sandbox, &wasm(text), &Task::default(), &tight),
            expected,
            "{text}"
        );
    }
    for body in [
        "unreachable",
        "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        "(drop (i32.trunc_f32_s (f32.const nan)))",
        "(drop (i32.load (i32.const -1)))",
        "(call $deep)",
        "(drop (call $fib (i32.const 20)))",
    ] {
        let text = format!(
            r#"(module (memory 1) (func $deep (call $deep))
            (func $fib (param $n i32) (result i32)
              (if (result i32) (i32.lt_u (local.get $n) (i32.const 2)) (then (local.get $n))
                (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
                               (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
            (func (export "_start") {body}))"#
        );
        same(&sandbox, &wasm(&text), &Task::default(), &tight);
    }
}

#[test]
fn what_is_refused_here_is_refused_there_with_the_same_words() {
    let sandbox = sandbox("honest");
    for bytes in [
        b"not a module".to_vec(),
        b"\0asm\x0d\0\x01\0".to_vec(),
        b"\0asm\x01\0\0\0rubbish".to_vec(),
        wasm(
            r#"(module (import "env" "x" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
        ),
        wasm("(module)"),
        wasm(r#"(module (memory 1 1 shared) (func (export "_start")))"#),
    ] {
        let here = engine().compile(&bytes).unwrap_err().to_string();
        let there = sandbox.prepare(&bytes).unwrap_err().to_string();
        assert_eq!(there, sungrid_shown(&here));
    }
}

/// What is left of a text on its way out of a child: one line, not without end.
fn sungrid_shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(500).collect::<String>().trim().to_owned()
}

/// Fills its memory with a secret when told to (one argument), and counts what is not zero otherwise.
const SECRETIVE: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (global $found (mut i32) (i32.const 0))
    (func (export "_start") (local $at i32)
      (drop (call $sizes (i32.const 0) (i32.const 4)))
      (if (i32.ne (memory.grow (i32.const 511)) (i32.const 1)) (then (call $exit (i32.const 99))))
      (if (i32.eq (i32.load (i32.const 0)) (i32.const 1))
        (then (global.set $found (i32.const 77))
              (memory.fill (i32.const 0) (i32.const 0xa5) (i32.const 0x2000000)))
        (else
          (local.set $at (i32.const 8))
          (loop $next
            (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (call $exit (i32.const 13))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 0x2000000))))
          (call $exit (global.get $found))))))"#;

#[test]
fn a_unit_finds_nothing_of_the_one_before() {
    let sandbox = sandbox("honest");
    let limits = Limits {
        memory_bytes: 32 << 20,
        fuel: 1_000_000_000,
        ..Limits::default()
    };
    let shape = Shape {
        lanes: 1,
        limits: limits.clone(),
        ..Shape::default()
    };
    let code = sandbox.prepare(&wasm(SECRETIVE)).unwrap();
    let batch = sandbox.start(&code, &shape).unwrap();
    let run = |args: &[&str]| {
        let outcome = batch.run(&common::args(args), &limits, &Cancel::default());
        outcome.unwrap().exit
    };
    for _ in 0..3 {
        assert_eq!(run(&["leave a secret"]), Exit::Code(0));
        assert_eq!(run(&["look", "for it"]), Exit::Code(0));
    }
}
