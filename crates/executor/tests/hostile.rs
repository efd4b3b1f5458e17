//! Guests that mean harm: each gets its defined outcome within its limits.

mod common;

use common::{engine, run, wat};
use std::time::Duration;
use sungrid_executor::{
    Cancel, CompileError, Exit, Limits, MAX_MODULE, Outcome, RunError, Task, TrapKind,
};

/// Limits small enough that every hostile guest ends fast.
fn tight() -> Limits {
    Limits {
        fuel: 20_000_000,
        memory_bytes: 1 << 20,
        table_elements: 1_000,
        output_bytes: 4_096,
        output_files: 8,
        wall_clock: None,
    }
}

fn hostile(text: &str) -> Outcome {
    let limits = tight();
    let outcome = run(text, &Task::default(), &limits);
    assert!(outcome.fuel <= limits.fuel);
    assert!(outcome.peak_memory <= limits.memory_bytes);
    let written = outcome.stdout.len() + outcome.stderr.len();
    let files: usize = outcome.files.values().map(Vec::len).sum();
    assert!((written + files) as u64 <= limits.output_bytes);
    assert!(outcome.files.len() <= limits.output_files as usize);
    // Every defined outcome is a reproducible one.
    assert_eq!(outcome, run(text, &Task::default(), &limits));
    outcome
}

/// A command with the body of `_start` and its locals, importing `names` of WASI.
fn command(imports: &str, body: &str) -> String {
    format!(
        r#"(module {imports} (memory (export "memory") 1)
            (data (i32.const 1024) "abcdefghijklmnopqrstuvwxyz")
            (func (export "_start") {body}))"#
    )
}

const PATH_OPEN: &str = r#"(import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"#;
const FD_WRITE: &str = r#"(import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))"#;
const MKDIR: &str = r#"(import "wasi_snapshot_preview1" "path_create_directory"
    (func $mkdir (param i32 i32 i32) (result i32)))"#;

#[test]
fn endless_loop_runs_out_of_fuel() {
    let outcome = hostile(&command("", "(loop $l (br $l))"));
    assert_eq!(
        (outcome.exit, outcome.fuel),
        (Exit::OutOfFuel, tight().fuel)
    );
}

#[test]
fn start_function_that_loops_runs_out_of_fuel() {
    let outcome =
        hostile(r#"(module (func $s (loop $l (br $l))) (start $s) (func (export "_start")))"#);
    assert_eq!(
        (outcome.exit, outcome.fuel),
        (Exit::OutOfFuel, tight().fuel)
    );
}

#[test]
fn endless_host_calls_run_out_of_fuel() {
    let body = "(loop $l (drop (call $yield)) (br $l))";
    let import = r#"(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))"#;
    assert_eq!(hostile(&command(import, body)).exit, Exit::OutOfFuel);
}

#[test]
fn memory_bomb_is_refused_growth() {
    // Grows until refused, then reports how many pages it has as its exit code.
    let import = r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;
    let body = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (call $exit (memory.size))";
    let outcome = hostile(&command(import, body));
    assert_eq!(outcome.exit, Exit::Code(16));
    assert_eq!(outcome.peak_memory, 1 << 20);
}

#[test]
fn growth_beyond_the_address_space_is_refused_not_a_host_failure() {
    let body = "(if (i32.ne (memory.grow (i32.const 65536)) (i32.const -1)) (then unreachable))
        (if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then unreachable))";
    let limits = Limits {
        memory_bytes: u64::MAX,
        ..Limits::default()
    };
    let outcome = run(&command("", body), &Task::default(), &limits);
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!(outcome.peak_memory, 65_536);
}

#[test]
fn growth_beyond_the_declared_maximum_is_refused() {
    let outcome = hostile(
        r#"(module (memory 1 2) (func (export "_start")
            (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))
            (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))))"#,
    );
    assert_eq!(
        (outcome.exit, outcome.peak_memory),
        (Exit::Code(0), 2 * 65_536)
    );
}

#[test]
fn huge_declared_memory_is_a_memory_limit() {
    let outcome = hostile(r#"(module (memory 65536) (func (export "_start")))"#);
    assert_eq!((outcome.exit, outcome.peak_memory), (Exit::MemoryLimit, 0));
}

#[test]
fn huge_declared_table_is_a_table_limit() {
    let outcome = hostile(r#"(module (table 1001 funcref) (func (export "_start")))"#);
    assert_eq!(outcome.exit, Exit::TableLimit);
}

#[test]
fn table_growth_stops_at_the_limit() {
    let outcome = hostile(
        r#"(module (table 10 funcref) (func (export "_start")
            (if (i32.ne (table.grow (ref.null func) (i32.const 990)) (i32.const 10)) (then unreachable))
            (if (i32.ne (table.grow (ref.null func) (i32.const 1)) (i32.const -1)) (then unreachable))))"#,
    );
    assert_eq!(outcome.exit, Exit::Code(0));
}

#[test]
fn recursion_overflows_the_guest_stack_at_the_same_depth() {
    // Counts its depth in memory and on standard output's first bytes via a trap-free path.
    let recurse = r#"(module
        (global $depth (mut i32) (i32.const 0))
        (func $f (global.set $depth (i32.add (global.get $depth) (i32.const 1))) (call $f))
        (func (export "_start") (call $f)))"#;
    let limits = Limits {
        fuel: 1_000_000_000,
        ..tight()
    };
    let first = run(recurse, &Task::default(), &limits);
    assert_eq!(first.exit, Exit::Trap(TrapKind::StackOverflow));
    // On threads with other stacks the depth, and with it the fuel, is the same.
    for kib in [256, 1_024, 8_192] {
        let again = std::thread::Builder::new()
            .stack_size(kib << 10)
            .spawn(move || {
                run(
                    recurse,
                    &Task::default(),
                    &Limits {
                        fuel: 1_000_000_000,
                        ..tight()
                    },
                )
            })
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(first, again);
    }
}

#[test]
fn indirect_recursion_overflows_too() {
    let outcome = hostile(
        r#"(module (type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
            (func $f (call_indirect (type $t) (i32.const 0)))
            (func (export "_start") (call $f)))"#,
    );
    assert_eq!(outcome.exit, Exit::Trap(TrapKind::StackOverflow));
}

#[test]
fn every_trap_has_its_kind() {
    let cases = [
        ("unreachable", TrapKind::Unreachable),
        (
            "(drop (i32.load (i32.const -4)))",
            TrapKind::MemoryOutOfBounds,
        ),
        (
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            TrapKind::DivisionByZero,
        ),
        (
            "(drop (i64.rem_u (i64.const 1) (i64.const 0)))",
            TrapKind::DivisionByZero,
        ),
        (
            "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
            TrapKind::IntegerOverflow,
        ),
        (
            "(drop (i32.trunc_f32_s (f32.const nan)))",
            TrapKind::BadConversion,
        ),
        (
            "(drop (i32.trunc_f32_s (f32.const 1e30)))",
            TrapKind::IntegerOverflow,
        ),
        (
            "(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))",
            TrapKind::MemoryOutOfBounds,
        ),
    ];
    for (body, kind) in cases {
        assert_eq!(hostile(&command("", body)).exit, Exit::Trap(kind), "{body}");
    }
    let table = |index: i32| {
        format!(
            r#"(module (type $t (func)) (type $u (func (param i32)))
                (table 3 funcref) (elem (i32.const 1) func $u $t)
                (func $u (type $u)) (func $t)
                (func (export "_start") (call_indirect (type $t) (i32.const {index}))))"#
        )
    };
    assert_eq!(
        hostile(&table(0)).exit,
        Exit::Trap(TrapKind::IndirectCallToNull)
    );
    assert_eq!(hostile(&table(1)).exit, Exit::Trap(TrapKind::BadSignature));
    assert_eq!(hostile(&table(2)).exit, Exit::Code(0));
    assert_eq!(
        hostile(&table(3)).exit,
        Exit::Trap(TrapKind::TableOutOfBounds)
    );
}

#[test]
fn segments_out_of_bounds_trap_at_start() {
    let data = r#"(module (memory 1) (data (i32.const 65535) "ab") (func (export "_start")))"#;
    assert_eq!(hostile(data).exit, Exit::Trap(TrapKind::MemoryOutOfBounds));
    let elem =
        r#"(module (table 1 funcref) (elem (i32.const 1) $f) (func $f) (func (export "_start")))"#;
    assert_eq!(hostile(elem).exit, Exit::Trap(TrapKind::TableOutOfBounds));
}

#[test]
fn work_before_a_trap_is_charged() {
    // A million turns without a call, then a trap: at most one slice goes uncounted.
    let body = "(local $i i32)
        (loop $l
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get $i) (i32.const 1000000))))
        (drop (i32.div_u (local.get $i) (i32.const 0)))";
    let outcome = hostile(&command("", body));
    assert_eq!(outcome.exit, Exit::Trap(TrapKind::DivisionByZero));
    // Four instructions per turn are charged: addition, assignment, comparison, branch.
    let set_up = sungrid_executor::cost::START_BASE;
    assert!(
        outcome.fuel + sungrid_executor::SLICE > 4_000_000 + set_up,
        "{}",
        outcome.fuel
    );
}

#[test]
fn endless_standard_output_hits_the_output_limit() {
    let body = "(i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 26))
        (loop $l (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l))";
    let outcome = hostile(&command(FD_WRITE, body));
    assert_eq!(outcome.exit, Exit::OutputLimit);
    // What fitted is kept: 157 whole alphabets.
    assert_eq!(outcome.stdout.len(), 4_096 / 26 * 26);
}

#[test]
fn endless_files_hit_the_output_limit() {
    // Creates files named by the last byte of the alphabet counting up.
    let body = "(local $n i32)
        (loop $l
          (i32.store8 (i32.const 1024) (i32.add (i32.const 65) (local.get $n)))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (drop (call $path_open (i32.const 4) (i32.const 0) (i32.const 1024) (i32.const 1)
            (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 0)))
          (br $l))";
    let outcome = hostile(&command(PATH_OPEN, body));
    assert_eq!(outcome.exit, Exit::OutputLimit);
    assert_eq!(outcome.files.len(), 8);
}

#[test]
fn endless_descriptors_are_refused() {
    // Opens the same file until refused and reports the error: 33, too many open files.
    let body = "(local $e i32)
        (loop $l
          (local.set $e (call $path_open (i32.const 4) (i32.const 0) (i32.const 1024) (i32.const 1)
            (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 0)))
          (br_if $l (i32.eqz (local.get $e))))
        (call $exit (local.get $e))";
    let imports = format!(
        r#"{PATH_OPEN} (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#
    );
    assert_eq!(hostile(&command(&imports, body)).exit, Exit::Code(33));
}

#[test]
fn deep_directories_are_refused() {
    // mkdir a; open a; mkdir a in it; ... until refused: 37, name too long.
    let body = "(local $e i32) (i32.store (i32.const 0) (i32.const 4))
        (loop $l
          (local.set $e (call $mkdir (i32.load (i32.const 0)) (i32.const 1024) (i32.const 1)))
          (if (local.get $e) (then (call $exit (local.get $e))))
          (drop (call $path_open (i32.load (i32.const 0)) (i32.const 0) (i32.const 1024) (i32.const 1)
            (i32.const 2) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
          (br $l))";
    let imports = format!(
        r#"{PATH_OPEN} {MKDIR} (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#
    );
    let limits = Limits {
        output_files: 1_000,
        ..tight()
    };
    let outcome = run(&command(&imports, body), &Task::default(), &limits);
    assert_eq!(outcome.exit, Exit::Code(37));
}

#[test]
fn writing_far_beyond_the_end_hits_the_output_limit_not_the_host() {
    let imports = format!(
        r#"{PATH_OPEN} (import "wasi_snapshot_preview1" "fd_pwrite"
            (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
           (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#
    );
    let body = |at: &str| {
        format!(
            "(drop (call $path_open (i32.const 4) (i32.const 0) (i32.const 1024) (i32.const 1)
                (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 16)))
            (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1))
            (call $exit (call $pwrite (i32.load (i32.const 16)) (i32.const 0) (i32.const 1)
                (i64.const {at}) (i32.const 8)))"
        )
    };
    assert_eq!(
        hostile(&command(&imports, &body("0x4000000000000000"))).exit,
        Exit::OutputLimit
    );
    // The end does not fit 64 bits: 22, file too large.
    assert_eq!(
        hostile(&command(&imports, &body("-1"))).exit,
        Exit::Code(22)
    );
}

#[test]
fn creating_and_deleting_without_end_runs_out_of_fuel_in_bounded_memory() {
    let imports = format!(
        r#"{MKDIR} (import "wasi_snapshot_preview1" "path_remove_directory"
            (func $rmdir (param i32 i32 i32) (result i32)))"#
    );
    let body = "(loop $l
        (if (call $mkdir (i32.const 4) (i32.const 1024) (i32.const 1)) (then unreachable))
        (if (call $rmdir (i32.const 4) (i32.const 1024) (i32.const 1)) (then unreachable))
        (br $l))";
    assert_eq!(hostile(&command(&imports, body)).exit, Exit::OutOfFuel);
}

#[test]
fn what_is_no_command_is_refused_with_a_reason() {
    let compile = |bytes: &[u8]| engine().compile(bytes).unwrap_err();
    assert_eq!(compile(b""), CompileError::NotWasm);
    assert_eq!(compile(b"#!/bin/sh\necho hi"), CompileError::NotWasm);
    assert!(matches!(compile(b"\0asm"), CompileError::Invalid(_)));
    assert!(matches!(
        compile(b"\0asm\x01\0\0\0\xff\xff"),
        CompileError::Invalid(_)
    ));
    assert_eq!(compile(b"\0asm\x0d\0\x01\0"), CompileError::Component);
    let component = wat::parse_str("(component)").unwrap();
    assert_eq!(compile(&component), CompileError::Component);
    let mut large = b"\0asm\x01\0\0\0".to_vec();
    large.resize(MAX_MODULE + 1, 0);
    assert!(matches!(compile(&large), CompileError::TooLarge { .. }));

    let text = |text: &str| compile(&wat::parse_str(text).unwrap());
    assert_eq!(text("(module)"), CompileError::NoStart);
    assert_eq!(
        text(r#"(module (func (export "_start") (param i32)))"#),
        CompileError::NoStart
    );
    assert_eq!(
        text(r#"(module (memory (export "_start") 1))"#),
        CompileError::NoStart
    );
    assert_eq!(
        text(r#"(module (import "env" "now" (func)) (func (export "_start")))"#),
        CompileError::UnknownImport {
            module: "env".into(),
            name: "now".into()
        }
    );
    assert_eq!(
        text(
            r#"(module (import "wasi_snapshot_preview1" "fork" (func)) (func (export "_start")))"#
        ),
        CompileError::UnknownImport {
            module: "wasi_snapshot_preview1".into(),
            name: "fork".into()
        }
    );
    assert_eq!(
        text(r#"(module (import "env" "memory" (memory 1)) (func (export "_start")))"#),
        CompileError::UnknownImport {
            module: "env".into(),
            name: "memory".into()
        }
    );
    let wrong_type = text(
        r#"(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64)))
            (memory (export "memory") 1) (func (export "_start")))"#,
    );
    assert!(wrong_type.to_string().contains("fd_close"), "{wrong_type}");
    assert_eq!(
        text(
            r#"(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
                (func (export "_start")))"#
        ),
        CompileError::NoMemory
    );
}

#[test]
fn features_that_are_not_deterministic_or_not_audited_are_off() {
    let off = [
        "(memory 1 2 shared)",
        "(memory i64 1)",
        "(memory 1) (memory 1)",
        "(func (result v128) (i32x4.relaxed_trunc_f32x4_s (v128.const i64x2 0 0)))",
        "(func $f return_call $f)",
        "(tag)",
        "(type (struct))",
        "(global externref (ref.null extern))",
    ];
    for part in off {
        let text = format!(r#"(module {part} (func (export "_start")))"#);
        let error = engine()
            .compile(&wat::parse_str(&text).unwrap())
            .unwrap_err();
        assert!(
            matches!(error, CompileError::Invalid(_)),
            "{part}: {error:?}"
        );
    }
}

#[test]
fn a_wall_clock_kill_is_no_result() {
    for (imports, body) in [
        ("", "(loop $l (br $l))"),
        (
            r#"(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))"#,
            "(loop $l (drop (call $yield)) (br $l))",
        ),
    ] {
        let limits = Limits {
            fuel: u64::MAX,
            wall_clock: Some(Duration::from_millis(20)),
            ..Limits::default()
        };
        let module = wat(&command(imports, body));
        let error = engine()
            .run(&module, &Task::default(), &limits)
            .unwrap_err();
        assert!(matches!(error, RunError::WallClock(_)), "{error}");
        assert!(error.is_retryable());
    }
}

#[test]
fn a_cancelled_run_is_no_result() {
    let module = wat(&command("", "(loop $l (br $l))"));
    let cancel = Cancel::default();
    let limits = Limits {
        fuel: u64::MAX,
        ..Limits::default()
    };
    let error = std::thread::scope(|scope| {
        let run = scope.spawn(|| engine().run_with(&module, &Task::default(), &limits, &cancel));
        cancel.cancel();
        run.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, RunError::Cancelled), "{error}");
}

#[test]
fn bad_tasks_are_refused_before_anything_runs() {
    let module = wat(r#"(module (func (export "_start")))"#);
    let refused = |task: Task| {
        let error = engine()
            .run(&module, &task, &Limits::default())
            .unwrap_err();
        assert!(matches!(error, RunError::Task(_)), "{error}");
        assert!(!error.is_retryable());
    };
    let file = |name: &str| Task {
        files: [(name.to_owned(), Default::default())].into(),
        ..Task::default()
    };
    for name in [
        "",
        "/abs",
        "a//b",
        "../up",
        "a/../b",
        ".",
        "a/",
        "nul\0",
        &"n".repeat(256),
        &"d/".repeat(40),
    ] {
        refused(file(name));
    }
    let mut clash = file("a");
    clash.files.insert("a/b".to_owned(), Default::default());
    refused(clash);
    refused(Task {
        args: vec!["a\0b".to_owned()],
        ..Task::default()
    });
    refused(Task {
        env: vec![("A=B".to_owned(), String::new())],
        ..Task::default()
    });
    refused(Task {
        args: vec!["x".repeat(2 << 20)],
        ..Task::default()
    });
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_thread_that_rounds_differently_gives_no_result() {
    let module = wat(r#"(module (func (export "_start")))"#);
    let set = |value: u32| {
        // SAFETY: loads a valid control value; it is put back before any other arithmetic.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack)) }
    };
    // Flush to zero and denormals are zero, as `-ffast-math` sets them.
    set(0x1f80 | 0x8040);
    let result = engine().run(&module, &Task::default(), &Limits::default());
    set(0x1f80);
    let error = result.unwrap_err();
    assert!(matches!(error, RunError::Host(_)), "{error}");
}
