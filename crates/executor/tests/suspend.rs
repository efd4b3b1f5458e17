//! Runs that are held, let go on, and cancelled while they are held.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use sungrid_executor::{Cancel, Engine, Limits, Module, RunError, Task};

/// Counts to some hundred millions, prints the sum on the way: host calls and loops without any.
const COUNTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\08\00\00\00")
    (func (export "_start") (local $i i64) (local $sum i64)
        (loop $again
            (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (local.get $i)))
            (if (i64.eqz (i64.rem_u (local.get $i) (i64.const 1000000)))
                (then
                    (i64.store (i32.const 16) (local.get $sum))
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
            (local.set $i (i64.add (local.get $i) (i64.const 1)))
            (br_if $again (i64.lt_u (local.get $i) (i64.const 20000000))))))"#;

/// Never ends.
const FOREVER: &str = r#"(module (func (export "_start") (loop $l (br $l))))"#;

fn compile(engine: &Engine, text: &str) -> Module {
    engine.compile(&wat::parse_str(text).unwrap()).unwrap()
}

fn endless() -> Limits {
    Limits {
        fuel: u64::MAX,
        ..Limits::default()
    }
}

/// Waits until a run stands still, or `ended` says that it never will.
fn stands_still(engine: &Engine, runs: usize, ended: impl Fn() -> bool) -> bool {
    while engine.held() < runs {
        if ended() {
            return false;
        }
        thread::yield_now();
    }
    true
}

#[test]
fn held_runs_give_the_results_that_they_would_have_given() {
    let engine = Engine::new(None).unwrap();
    let module = compile(&engine, COUNTS);
    let expected = engine.run(&module, &Task::default(), &endless()).unwrap();
    assert_eq!(expected.stdout.len(), 20 * 8);
    thread::scope(|scope| {
        let run = || engine.run(&module, &Task::default(), &endless()).unwrap();
        let runs = [scope.spawn(run), scope.spawn(run)];
        let has_ended = || runs.iter().any(|run| run.is_finished());
        for turn in 0..5 {
            engine.suspend();
            // A fast machine may be through after some turns, but not before the first.
            if !stands_still(&engine, 2, has_ended) {
                assert!(turn > 0, "nothing was held");
                break;
            }
            assert!(!has_ended());
            engine.resume();
            while engine.held() > 0 {
                thread::yield_now();
            }
        }
        engine.resume();
        for run in runs {
            assert_eq!(run.join().unwrap(), expected);
        }
    });
}

#[test]
fn what_begins_while_runs_are_held_waits() {
    let engine = Engine::new(None).unwrap();
    let module = compile(&engine, r#"(module (func (export "_start")))"#);
    engine.suspend();
    thread::scope(|scope| {
        let run = scope.spawn(|| engine.run(&module, &Task::default(), &Limits::default()));
        assert!(stands_still(&engine, 1, || run.is_finished()), "it ran");
        // Held twice, let go once.
        engine.suspend();
        engine.resume();
        assert!(run.join().unwrap().unwrap().exit.is_success());
    });
    assert_eq!(engine.held(), 0);
}

#[test]
fn a_run_that_is_held_can_be_cancelled() {
    let engine = Engine::new(None).unwrap();
    let module = compile(&engine, FOREVER);
    let cancel = Cancel::default();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            let result = engine.run_with(&module, &Task::default(), &endless(), &cancel);
            ended.store(true, Ordering::SeqCst);
            result
        });
        engine.suspend();
        assert!(stands_still(&engine, 1, || ended.load(Ordering::SeqCst)));
        cancel.cancel();
        assert!(matches!(run.join().unwrap(), Err(RunError::Cancelled)));
    });
    assert_eq!(engine.held(), 0);
}
