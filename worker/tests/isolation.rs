//! Batches in processes of the program that ships.
#![cfg(unix)]

use std::{process::Command, sync::Arc};

use bytes::Bytes;
use sungrid_executor::{Cancel, Engine, Exit, Limits, Outcome, Task};
use sungrid_sandbox::{Config, Measure, Program as Child, Sandbox, Shape, child};
use sungrid_worker::{
    engine::{ProcessRunner, WasmRunner},
    ports::{LoadError, Program, Runner},
};

const WORKER: &str = env!("CARGO_BIN_EXE_sungrid-worker");

fn runners() -> (ProcessRunner, WasmRunner) {
    let engine = Engine::new(None).expect("an engine");
    let config = Config::new(Child {
        path: WORKER.into(),
        args: vec![child::ARGUMENT.into()],
    });
    let sandbox = Sandbox::new(engine.clone(), config).expect("a sandbox");
    (ProcessRunner::new(sandbox), WasmRunner::new(engine))
}

/// Writes how many arguments it has, as one byte, and ends with that code.
fn counter() -> Bytes {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
          (drop (call $sizes (i32.const 0) (i32.const 4)))
          (i32.store (i32.const 8) (i32.const 0)) (i32.store (i32.const 12) (i32.const 1))
          (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))
          (call $exit (i32.load (i32.const 0)))))"#;
    wat::parse_str(text).expect("WAT").into()
}

fn task(args: u8) -> Task {
    Task {
        args: (0..args).map(|n| n.to_string()).collect(),
        ..Task::default()
    }
}

async fn unit(program: &Arc<dyn Program>, args: u8) -> Outcome {
    let ran = program.run(task(args), Limits::default(), Cancel::default());
    ran.await.expect("a result")
}

#[tokio::test]
async fn units_come_to_the_same_in_a_batch_alone_and_in_this_process() {
    let (isolated, here) = runners();
    assert_eq!(isolated.environment(), here.environment());
    assert!(isolated.isolation().has(Measure::Process));
    assert!(!here.isolation().has(Measure::Process));
    let isolated = isolated.load(counter()).await.expect("loads");
    let here = here.load(counter()).await.expect("loads");
    assert!(here.open(Shape::default()).await.expect("opens").is_none());
    let shape = Shape {
        lanes: 2,
        ..Shape::default()
    };
    let batch = isolated.open(shape).await.expect("opens");
    let batch = batch.expect("a process of its own");
    for args in 0..3 {
        let expected = unit(&here, args).await;
        assert_eq!(expected.exit, Exit::Code(args));
        assert_eq!(unit(&batch, args).await, expected);
        assert_eq!(unit(&isolated, args).await, expected);
    }
}

#[tokio::test]
async fn suspended_batches_go_on_where_they_were() {
    let (runner, _) = runners();
    let program = runner.load(counter()).await.expect("loads");
    let batch = program.open(Shape::default()).await.expect("opens");
    let batch = batch.expect("a process of its own");
    runner.suspend();
    let waiting = tokio::spawn(async move { unit(&batch, 2).await });
    let also = tokio::spawn(async move { unit(&program, 1).await });
    // They would be done many times over.
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert!(!waiting.is_finished() && !also.is_finished());
    }
    runner.resume();
    assert_eq!(waiting.await.expect("ends").exit, Exit::Code(2));
    assert_eq!(also.await.expect("ends").exit, Exit::Code(1));
}

#[tokio::test]
async fn a_module_that_is_none_is_refused_for_good() {
    let (runner, _) = runners();
    let refused = runner.load(Bytes::from_static(b"#!/bin/sh")).await;
    assert!(matches!(refused, Err(LoadError::Refused(_))));
}

#[test]
fn the_program_says_what_is_in_force() {
    let output = Command::new(WORKER)
        .args(["sandbox", "--json"])
        .output()
        .expect("runs");
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let measures = report["isolation"].as_array().expect("a list");
    assert_eq!(measures.len(), Measure::ALL.len());
    assert_eq!(measures[0]["measure"], "process");
    assert_eq!(measures[0]["in_force"], true);
    let text = Command::new(WORKER).arg("sandbox").output().expect("runs");
    let text = String::from_utf8(text.stdout).expect("text");
    for measure in Measure::ALL {
        assert!(text.contains(measure.name()), "{text}");
    }
}

/// Whoever starts the program as a child by hand gets an error, not a guest in an unjailed process.
#[test]
fn a_child_without_its_parent_ends() {
    let output = Command::new(WORKER)
        .arg(child::ARGUMENT)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
