//! A guest that uses the whole path: arguments, input files, output files, streams.

mod common;

use common::{engine, run, wat};
use sungrid_executor::{Exit, Limits, Task};

#[test]
fn empty_command_exits_zero() {
    let outcome = run(
        r#"(module (func (export "_start")))"#,
        &Task::default(),
        &Limits::default(),
    );
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!(outcome.peak_memory, 0);
}

#[test]
fn hello_writes_to_standard_output() {
    let outcome = run(common::HELLO, &Task::default(), &Limits::default());
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!(outcome.stdout, b"hello\n");
    assert_eq!(outcome.peak_memory, 65_536);
}

#[test]
fn exit_codes_above_a_byte_never_read_as_success() {
    let module = wat(r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const 256))))"#);
    let outcome = engine()
        .run(&module, &Task::default(), &Limits::default())
        .unwrap();
    assert_eq!(outcome.exit, Exit::Code(255));
}

#[test]
fn measure_replays() {
    let engine = engine();
    let speed = engine.measure([7; 32], 20_000_000).unwrap();
    println!("{speed:?}");
    assert!(speed.fuel.abs_diff(20_000_000) < 100_000, "{speed:?}");
    assert!(engine.replay([7; 32], &speed).unwrap());
    assert!(!engine.replay([8; 32], &speed).unwrap());
}
