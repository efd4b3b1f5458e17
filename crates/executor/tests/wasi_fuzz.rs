//! Every WASI function under arguments nobody would pass: always an answer, never a panic, never a
//! difference between two runs.

mod common;

use common::engine;
use proptest::prelude::*;
use std::fmt::Write;
use sungrid_executor::{Exit, Limits, Task};

/// All functions and their parameters: `i` for i32, `l` for i64. `proc_exit` alone returns nothing.
const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "ili"),
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiili"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_seek", "ilii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiillii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

fn types(params: &str) -> String {
    params
        .chars()
        .map(|c| if c == 'i' { " i32" } else { " i64" })
        .collect()
}

/// A command that makes `calls` in order, on two pages of memory that begin with plausible
/// names, buffers and subscriptions.
fn program(calls: &[(usize, Vec<u64>)]) -> String {
    let mut text = String::from("(module\n");
    for (name, params) in FUNCTIONS {
        let result = if name == "proc_exit" {
            ""
        } else {
            "(result i32)"
        };
        let params = types(params);
        writeln!(
            text,
            r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param{params}) {result}))"#
        )
        .unwrap();
    }
    text.push_str(
        r#"(memory (export "memory") 2)
        (data (i32.const 0) "a/../bb/./c\00\ff..////in")
        (data (i32.const 64) "\00\00\00\00\10\00\00\00\40\00\00\00\ff\00\00\00\f0\ff\01\00\20\00\00\00")
        (func (export "_start")"#,
    );
    for (function, args) in calls {
        let (name, params) = FUNCTIONS[*function];
        text.push_str(if name == "proc_exit" {
            "(call $"
        } else {
            "(drop (call $"
        });
        text.push_str(name);
        for (kind, value) in params.chars().zip(args) {
            match kind {
                'i' => write!(text, " (i32.const {})", *value as u32 as i32).unwrap(),
                _ => write!(text, " (i64.const {})", *value as i64).unwrap(),
            }
        }
        text.push_str(if name == "proc_exit" { ")\n" } else { "))\n" });
    }
    text.push_str("))");
    text
}

/// Small numbers for descriptors, flags and lengths, places in memory, its end, and extremes.
fn argument() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0u64..9,
        4 => 0u64..256,
        2 => 131_040u64..131_080,
        2 => prop::sample::select(vec![
            u64::MAX,
            u64::MAX - 7,
            1 << 63,
            (1 << 63) - 1,
            1 << 32,
            (1 << 32) - 1,
            1 << 31,
            65_536,
        ]),
        1 => any::<u64>(),
    ]
}

fn calls() -> impl Strategy<Value = Vec<(usize, Vec<u64>)>> {
    let call = (0..FUNCTIONS.len(), prop::collection::vec(argument(), 9));
    prop::collection::vec(call, 1..60).prop_map(|calls| {
        // Exits would hide what comes after them; keep one in eight.
        calls
            .into_iter()
            .enumerate()
            .filter(|(i, (f, _))| FUNCTIONS[*f].0 != "proc_exit" || i % 8 == 0)
            .map(|(_, call)| call)
            .collect()
    })
}

fn task() -> Task {
    Task {
        args: vec!["fuzz".into(), "x".repeat(100)],
        env: vec![("K".into(), "V".into())],
        stdin: vec![1; 300].into(),
        files: [
            ("a".to_owned(), vec![2; 50].into()),
            ("bb/c".to_owned(), vec![3; 5].into()),
        ]
        .into(),
        seed: [9; 32],
    }
}

fn limits() -> Limits {
    Limits {
        fuel: 50_000_000,
        output_bytes: 1 << 20,
        output_files: 16,
        ..Limits::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_have_one_outcome(calls in calls()) {
        let module = engine().compile(&wat::parse_str(program(&calls)).unwrap()).unwrap();
        let outcome = engine().run(&module, &task(), &limits()).unwrap();
        prop_assert!(
            matches!(outcome.exit, Exit::Code(_) | Exit::OutOfFuel | Exit::OutputLimit),
            "{:?}", outcome.exit
        );
        prop_assert!(outcome.fuel <= limits().fuel);
        let held = outcome.stdout.len()
            + outcome.stderr.len()
            + outcome.files.values().map(Vec::len).sum::<usize>();
        prop_assert!(held as u64 <= limits().output_bytes);
        prop_assert!(outcome.files.len() <= limits().output_files as usize);
        prop_assert_eq!(engine().run(&module, &task(), &limits()).unwrap(), outcome);
    }
}

#[test]
fn each_function_survives_each_extreme() {
    let extremes = [
        0,
        1,
        3,
        4,
        64,
        131_071,
        131_072,
        u64::from(u32::MAX),
        u64::MAX,
        1 << 63,
    ];
    for (function, (name, params)) in FUNCTIONS.iter().enumerate() {
        if *name == "proc_exit" {
            continue;
        }
        // All arguments alike, and each argument in turn extreme among plausible ones.
        let mut calls = Vec::new();
        for extreme in extremes {
            calls.push((function, vec![extreme; 9]));
            for at in 0..params.len() {
                let mut args = vec![4, 0, 64, 1, 1, 200, 64, 2, 128];
                args[at] = extreme;
                calls.push((function, args));
            }
        }
        let module = engine()
            .compile(&wat::parse_str(program(&calls)).unwrap())
            .unwrap();
        let outcome = engine().run(&module, &task(), &limits()).unwrap();
        assert_eq!(
            engine().run(&module, &task(), &limits()).unwrap(),
            outcome,
            "{name}"
        );
    }
}
