//! Addresses that lead out of a program's memory.

use sungrid_e2e::engines::{Case, Wasmtime, executor};
use tempfile::TempDir;

/// Functions with a call of each that succeeds, and which of its arguments are addresses. A file is open as 5.
const ADDRESSES: [(&str, &str, &[i64], &[usize]); 29] = [
    ("args_get", "ii", &[512, 600], &[0, 1]),
    ("args_sizes_get", "ii", &[512, 516], &[0, 1]),
    ("environ_get", "ii", &[512, 600], &[0, 1]),
    ("environ_sizes_get", "ii", &[512, 516], &[0, 1]),
    ("clock_res_get", "ii", &[0, 512], &[1]),
    ("clock_time_get", "ili", &[0, 1, 512], &[2]),
    ("fd_fdstat_get", "ii", &[5, 512], &[1]),
    ("fd_filestat_get", "ii", &[5, 512], &[1]),
    ("fd_pread", "iiili", &[5, BUFFERS, 1, 0, 512], &[1, 4]),
    ("fd_prestat_get", "ii", &[3, 512], &[1]),
    ("fd_prestat_dir_name", "iii", &[3, 512, 3], &[1]),
    ("fd_pwrite", "iiili", &[5, BUFFERS, 1, 0, 512], &[1, 4]),
    ("fd_read", "iiii", &[5, BUFFERS, 1, 512], &[1, 3]),
    ("fd_readdir", "iiili", &[3, 600, 100, 0, 512], &[1, 4]),
    ("fd_seek", "ilii", &[5, 0, 0, 512], &[3]),
    ("fd_tell", "ii", &[5, 512], &[1]),
    ("fd_write", "iiii", &[5, BUFFERS, 1, 512], &[1, 3]),
    ("path_create_directory", "iii", &[4, 1, 1], &[1]),
    ("path_filestat_get", "iiiii", &[4, 0, 0, 1, 512], &[2, 4]),
    (
        "path_filestat_set_times",
        "iiiilli",
        &[4, 0, 0, 1, 1, 1, 5],
        &[2],
    ),
    (
        "path_open",
        "iiiiillii",
        &[4, 0, 0, 1, 0, 2, 0, 0, 512],
        &[2, 8],
    ),
    ("path_readlink", "iiiiii", &[4, 0, 1, 600, 10, 512], &[1]),
    ("path_remove_directory", "iii", &[4, 2, 1], &[1]),
    ("path_rename", "iiiiii", &[4, 0, 1, 4, 1, 1], &[1, 4]),
    ("path_unlink_file", "iii", &[4, 0, 1], &[1]),
    (
        "poll_oneoff",
        "iiii",
        &[SUBSCRIPTION, 600, 1, 512],
        &[0, 1, 3],
    ),
    ("random_get", "ii", &[600, 10], &[0]),
    // Buffers whose own addresses are wrong.
    ("fd_read", "iiii", &[5, WRONG_BUFFERS, 1, 512], &[]),
    ("fd_write", "iiii", &[5, WRONG_BUFFERS, 1, 512], &[]),
];
/// Two descriptions of a buffer, one of them leading out of the memory, and of a clock.
const BUFFERS: i64 = 64;
const WRONG_BUFFERS: i64 = 80;
const SUBSCRIPTION: i64 = 96;

/// A command that opens /out/f as 5, makes the folder "r", calls `name`, and ends with what came back as its exit status.
fn calls_once(name: &str, parameters: &str, arguments: &[i64]) -> Vec<u8> {
    let types = |text: &str| -> String {
        let types = text
            .chars()
            .map(|kind| if kind == 'i' { " i32" } else { " i64" });
        types.collect()
    };
    let values = parameters
        .chars()
        .zip(arguments)
        .map(|(kind, value)| match kind {
            'i' => format!("(i32.const {value})"),
            _ => format!("(i64.const {value})"),
        });
    let (types, values) = (types(parameters), values.collect::<String>());
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "{name}" (func $call (param{types}) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "fnr")
            (data (i32.const 64) "\00\03\00\00\02\00\00\00" "\00\00\00\00\00\00\00\00" "\f8\ff\ff\ff\02\00\00\00")
            (func (export "_start")
                (if (call $open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
                        (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 512))
                    (then unreachable))
                (if (call $make (i32.const 4) (i32.const 2) (i32.const 1)) (then unreachable))
                (call $exit (call $call {values}))))"#
    );
    wat::parse_str(text).expect("a module")
}

/// Where a call's data would lie outside of the memory, ours tells the program (EFAULT), as Node and a system's kernel do. wasmtime ends it, as it does where an
/// address is not aligned, which ours takes.
#[test]
fn addresses_outside_of_memory_are_an_error_here_and_a_trap_there() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut wasmtime = Wasmtime::start();
    let mut made = 0;
    let mut run = |name: &str, parameters: &str, arguments: &[i64]| {
        // By another name each, as modules are known by their paths.
        made += 1;
        let module = folder.path().join(format!("{made}.wasm"));
        std::fs::write(&module, calls_once(name, parameters, arguments)).expect("a file");
        let case = Case::new(&module, &["module"]);
        (
            executor(&case).exit,
            wasmtime.run(&case).map(|seen| seen.exit),
        )
    };
    for (name, parameters, arguments, addresses) in ADDRESSES {
        if !addresses.is_empty() {
            let (ours, theirs) = run(name, parameters, arguments);
            // There is no link to read.
            let errno = if name == "path_readlink" { 28 } else { 0 };
            assert_eq!((ours, theirs), (errno, Ok(errno)), "{name}");
        }
        let mut wrong = vec![arguments.to_vec(); addresses.len().max(1)];
        for (arguments, address) in wrong.iter_mut().zip(addresses) {
            // The last page and the end of what 32 bits address.
            arguments[*address] = -1;
        }
        for arguments in wrong {
            let (ours, theirs) = run(name, parameters, &arguments);
            assert_eq!(ours, 21, "{name} {arguments:?}");
            let trap = theirs.expect_err(name);
            assert!(
                trap.contains("Pointer out of bounds") || trap.contains("Pointer overflow"),
                "{name} {arguments:?}: {trap}"
            );
        }
    }
}
