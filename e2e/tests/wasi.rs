//! The executor's WASI against wasmtime's own, call by call: scripts that a generator makes, whose every answer must be the same or be in
//! the list of differences that have a reason.
//!
//! Both see the same files and scripts (`guests/wasi-script`), with real folders behind wasmtime. Scripts have no links, which there are not
//! here; no rights and no `fd_allocate`, which wasmtime has not; no polling; and no files beyond some kilobytes, as limits are ours alone.
//! More scripts than the test plays, and others:
//! `PROPTEST_CASES=5000 PROPTEST_RNG_SEED=7 cargo nextest run -p sungrid-e2e generated_calls`.

use std::{cell::RefCell, collections::BTreeSet};

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed, TestRunner},
};
use sungrid_e2e::{
    engines::{Case, Seen, Wasmtime, executor},
    guest,
};
use tempfile::TempDir;

/// In the order of `wasi-script.c`.
#[derive(Clone, Copy, Debug)]
#[repr(i64)]
enum Operation {
    Open,
    Close,
    Renumber,
    Read,
    Pread,
    Write,
    Pwrite,
    Seek,
    Tell,
    Readdir,
    Stat,
    SetSize,
    SetTimes,
    Fdstat,
    SetFlags,
    MakeFolder,
    RemoveFolder,
    Unlink,
    Rename,
    PathStat,
    PathSetTimes,
    Readlink,
    Sync,
    Datasync,
    Advise,
    Prestat,
    PrestatName,
    Shutdown,
}
use Operation as Op;

/// One call; what it does not use is 0.
#[derive(Clone, Copy, Debug)]
struct Call {
    operation: Operation,
    slot: i64,
    path: usize,
    other: i64,
    other_path: usize,
    flags: i64,
    x: i64,
    y: i64,
}

/// Slots of the folders that there are from the start.
const IN: i64 = 3;
const OUT: i64 = 4;

const fn call(operation: Operation, slot: i64) -> Call {
    Call {
        operation,
        slot,
        path: 0,
        other: 5,
        other_path: 0,
        flags: 0,
        x: 0,
        y: 0,
    }
}

/// Names that meet each other, and those that lead to errors.
const PATHS: [&[u8]; 34] = [
    b"f",
    b"g",
    b"d",
    b"d/f",
    b"d/e",
    b"d/e/f",
    b"a.txt",
    b"sub",
    b"sub/b.txt",
    b"f/",
    b"d/",
    b"d/.",
    b"d/..",
    b"d/../f",
    b"./f",
    b"d//f",
    b"d/./e/../f",
    b"f/x",
    b"f/.",
    b"f/..",
    b".",
    b"./",
    b"..",
    b"../out/f",
    b"d/../../f",
    b"none/f",
    b"none/..",
    b"",
    b"/",
    b"/out/f",
    b"nul\0f",
    b"\xff\xfe",
    &[b'n'; 255],
    &[b'n'; 256],
];

/// `/in` of every script.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a.txt", b"alpha\n".to_vec()),
        ("d/f", b"in d".to_vec()),
        ("sub/b.txt", b"beta, and a longer line than that\n".to_vec()),
    ]
}

fn script(calls: &[Call]) -> Vec<u8> {
    let mut bytes = (PATHS.len() as u32).to_le_bytes().to_vec();
    for path in PATHS {
        bytes.extend((path.len() as u32).to_le_bytes());
        bytes.extend(path);
    }
    for call in calls {
        let (path, other_path) = (call.path as i64, call.other_path as i64);
        let operation = call.operation as i64;
        for field in [operation, call.slot, path, call.other, other_path] {
            bytes.extend(field.to_le_bytes());
        }
        for field in [call.flags, call.x, call.y] {
            bytes.extend(field.to_le_bytes());
        }
    }
    bytes
}

const CREATE: i64 = 1;
const TRUNCATE: i64 = 8;
const READ: i64 = 1 << 1;
const WRITE: i64 = 1 << 6;

/// Any descriptor but the one that the answers go to.
fn slot() -> impl Strategy<Value = i64> {
    prop_oneof![10 => 5i64..9, 2 => Just(OUT), 1 => Just(IN), 1 => select(vec![0, 2, 15])]
}

fn folder() -> impl Strategy<Value = i64> {
    prop_oneof![10 => Just(OUT), 3 => Just(IN), 4 => 5i64..9, 1 => select(vec![0, 2, 15])]
}

/// The first few meet each other most often.
fn path() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0usize..6, 1 => 0..PATHS.len()]
}

fn room() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0i64..40, 1 => Just(4_096)]
}

/// Places in a file. Far beyond its end a write ends a run of ours with its limit of output.
fn place() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0i64..60, 1 => 60i64..5_000]
}

fn move_by() -> impl Strategy<Value = i64> {
    prop_oneof![4 => place(), 2 => -40i64..0, 1 => select(vec![i64::MIN, i64::MIN + 1, -5_000])]
}

fn one() -> impl Strategy<Value = Call> {
    let rights = select(vec![READ, WRITE, READ | WRITE]);
    // Flags of open, then those of the descriptor: none, append, nonblock.
    let oflags = prop_oneof![3 => Just(0i64), 6 => Just(CREATE), 4 => 0i64..16];
    let fdflags = prop_oneof![6 => Just(0i64), 1 => Just(1i64), 1 => Just(4i64)];
    let open = (folder(), path(), 5i64..9, oflags, fdflags, rights, 0i64..2).prop_map(
        |(slot, path, other, oflags, fdflags, x, y)| Call {
            path,
            other,
            flags: oflags | fdflags << 8,
            // With the right to write where wasmtime opens for it anyway.
            x: if oflags & (CREATE | TRUNCATE) == 0 {
                x
            } else {
                x | WRITE
            },
            y,
            ..call(Op::Open, slot)
        },
    );
    let plain = |operations: Vec<Operation>| {
        (select(operations), slot()).prop_map(|(operation, slot)| call(operation, slot))
    };
    let sized = (
        select(vec![
            Op::Read,
            Op::Pread,
            Op::Write,
            Op::Pwrite,
            Op::SetSize,
            Op::PrestatName,
        ]),
        slot(),
        room(),
        place(),
        0i64..26,
    );
    let times = (0i64..1_000_000, 0i64..1_000_000, 0i64..16);
    let at_path = vec![
        Op::MakeFolder,
        Op::RemoveFolder,
        Op::Unlink,
        Op::PathStat,
        Op::Readlink,
    ];
    prop_oneof![
        6 => open,
        1 => (slot(), slot()).prop_map(|(slot, other)| Call { other, ..call(Op::Renumber, slot) }),
        6 => sized.prop_map(|(operation, slot, x, y, flags)| Call { flags, x, y, ..call(operation, slot) }),
        3 => (slot(), move_by(), 0i64..3).prop_map(|(slot, x, flags)| Call { flags, x, ..call(Op::Seek, slot) }),
        1 => (slot(), select(vec![24, 40, 64, 300, 4_096]))
            .prop_map(|(slot, x)| Call { x, ..call(Op::Readdir, slot) }),
        2 => plain(vec![Op::Close, Op::Tell, Op::Stat, Op::Fdstat]),
        1 => plain(vec![Op::Sync, Op::Datasync, Op::Prestat, Op::Shutdown]),
        1 => (slot(), place(), place(), 0i64..6)
            .prop_map(|(slot, x, y, flags)| Call { flags, x, y, ..call(Op::Advise, slot) }),
        1 => (slot(), select(vec![0i64, 1, 4, 5])).prop_map(|(slot, flags)| Call { flags, ..call(Op::SetFlags, slot) }),
        1 => (slot(), times.clone()).prop_map(|(slot, (x, y, flags))| Call { flags, x, y, ..call(Op::SetTimes, slot) }),
        1 => (folder(), path(), times)
            .prop_map(|(slot, path, (x, y, flags))| Call { path, flags, x, y, ..call(Op::PathSetTimes, slot) }),
        8 => (select(at_path), folder(), path(), room())
            .prop_map(|(operation, slot, path, x)| Call { path, x, ..call(operation, slot) }),
        3 => (folder(), path(), folder(), path())
            .prop_map(|(slot, path, other, other_path)| Call { path, other, other_path, ..call(Op::Rename, slot) }),
    ]
}

/// Where both answer differently, and why ours stays.
struct Different {
    /// What the calls' names begin with.
    calls: &'static [&'static str],
    ours: &'static [u32],
    theirs: &'static [u32],
    /// Whether the two go on as if nothing had been different.
    harmless: bool,
    reason: &'static str,
}

const DIFFERENT: [Different; 15] = [
    Different {
        calls: &["path_", "fd_filestat_set_"],
        ours: &[8, 20, 25, 28, 31, 37, 44, 54, 55, 69, 75, 76],
        theirs: &[63],
        harmless: true,
        reason: "wasmtime asks for permission before it looks, and has one number for what is read-only (ours: 69, between folders 75) and what \
                 lies outside of a folder (76, as the snapshot has it)",
    },
    Different {
        calls: &["path_", "fd_"],
        ours: &[25, 28, 31, 37, 44, 54, 70, 76],
        theirs: &[8],
        harmless: true,
        reason: "wasmtime looks at the descriptor before the rest, and has one number for each that is of another kind (ours, as POSIX: a \
                 folder, none, a stream)",
    },
    Different {
        calls: &["path_", "fd_filestat_set_"],
        ours: &[8, 20, 25, 31, 37, 44, 54, 76],
        theirs: &[28],
        harmless: true,
        reason: "wasmtime looks at flags that exclude each other first; invalid are also a zero in a path and, in Linux, to set the size of \
                 what was not opened for writing",
    },
    Different {
        calls: &["path_rename"],
        ours: &[25, 28, 31, 37, 44, 54, 76],
        theirs: &[10, 25, 44, 54, 55],
        harmless: true,
        reason: "Linux looks at both folders before the names, whether one is not empty before what the other is, and calls \".\" busy",
    },
    Different {
        calls: &["path_"],
        ours: &[20, 25, 37, 54],
        theirs: &[20, 31, 54],
        harmless: true,
        reason: "of several things that are wrong with a path, another one is told first",
    },
    Different {
        calls: &["fd_prestat_dir_name"],
        ours: &[8],
        theirs: &[54],
        harmless: true,
        reason: "as fd_prestat_get answers; Node does likewise",
    },
    Different {
        calls: &["fd_sync", "fd_datasync", "fd_advise"],
        ours: &[0],
        theirs: &[8],
        harmless: true,
        reason: "of folders and streams: there is nothing to do, which is no error; SQLite does it to folders",
    },
    Different {
        calls: &["fd_fdstat_set_flags"],
        ours: &[0],
        theirs: &[8],
        harmless: true,
        reason: "of folders and streams, to which they mean nothing",
    },
    Different {
        calls: &["fd_filestat_set_times"],
        ours: &[0],
        theirs: &[8],
        harmless: false,
        reason: "of folders: wasmtime cannot by a descriptor, POSIX can",
    },
    Different {
        calls: &["path_filestat_get"],
        ours: &[54],
        theirs: &[0],
        harmless: true,
        reason: "a file with a slash at its end is none in POSIX",
    },
    Different {
        calls: &["path_filestat_set_times"],
        ours: &[37, 44, 54],
        theirs: &[0],
        harmless: true,
        reason: "where no time is to be set, Linux does not look whether there is such a file",
    },
    Different {
        calls: &["path_open"],
        ours: &[0],
        theirs: &[28, 63],
        harmless: false,
        reason: "a folder that need not be new; a file that is there already and read-only, though it might be made if it were not",
    },
    Different {
        calls: &["path_remove_directory"],
        ours: &[0],
        theirs: &[28],
        harmless: false,
        reason: "a folder with a slash at its end is one in POSIX",
    },
    Different {
        calls: &["path_rename"],
        ours: &[54],
        theirs: &[0],
        harmless: false,
        reason: "a file over itself with a slash at its end",
    },
    Different {
        calls: &["fd_write", "fd_pwrite", "fd_filestat_set_size"],
        ours: &[8],
        theirs: &[0],
        harmless: false,
        reason: "of a file that was made or emptied when it was opened, without the right to write",
    },
];

/// An answer: `number name: results = errno`.
fn parts(line: &str) -> Option<(&str, &str, u32)> {
    let (_, line) = line.split_once(' ')?;
    let (name, answer) = line.split_once(": ").or(line.split_once(':'))?;
    let (results, errno) = answer.rsplit_once("= ")?;
    Some((name, results, errno.parse().ok()?))
}

/// The first thing in which they differ without reason; adds the reasons of other differences, by their place above, to `used`.
fn difference(ours: &Seen, theirs: &Seen, used: &mut BTreeSet<usize>) -> Option<String> {
    let mut bridged = theirs.clone();
    let mut lines = Vec::new();
    for (our, their) in ours.stdout.lines().zip(theirs.stdout.lines()) {
        lines.push(our);
        if our == their {
            continue;
        }
        let Some(((name, _, ours), (_, _, theirs))) = parts(our).zip(parts(their)) else {
            return Some(format!("{our}, {their}"));
        };
        let reason = DIFFERENT.iter().position(|different| {
            different.calls.iter().any(|call| name.starts_with(call))
                && different.ours.contains(&ours)
                && different.theirs.contains(&theirs)
        });
        let Some(reason) = reason else {
            return Some(format!("{our}, {their}"));
        };
        used.insert(reason);
        if !DIFFERENT[reason].harmless {
            return None;
        }
    }
    bridged.stdout = lines.join("\n") + "\n";
    ours.difference(&bridged)
}

/// Runs a script in both.
fn both(wasmtime: &mut Wasmtime, calls: &[Call]) -> (Seen, Seen) {
    let module = guest("wasi-script");
    let case = Case::new(&module, &["wasi-script"])
        .files(files())
        .stdin(script(calls));
    let theirs = wasmtime.run(&case).expect("no trap");
    (executor(&case), theirs)
}

#[test]
fn generated_calls_answer_as_under_plain_wasmtime() {
    let mut config = Config::default();
    if config.rng_seed == RngSeed::Random {
        // The same ones each time, but for who asks for others.
        config.rng_seed = RngSeed::Fixed(1);
    }
    config.failure_persistence = None;
    let wasmtime = RefCell::new(Wasmtime::start());
    let result = TestRunner::new(config).run(&prop::collection::vec(one(), 1..60), |calls| {
        let (ours, theirs) = both(&mut wasmtime.borrow_mut(), &calls);
        prop_assert_eq!(ours.exit, 0);
        prop_assert_eq!(ours.stdout.lines().count(), calls.len());
        prop_assert_eq!(difference(&ours, &theirs, &mut BTreeSet::new()), None);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// The number of a path.
fn named(path: &str) -> usize {
    let mut all = PATHS.iter();
    all.position(|known| *known == path.as_bytes())
        .expect("one of the paths")
}

/// Opens a file of `/out` as slot 5, making it if there is none.
fn open(path: &str, rights: i64) -> Call {
    Call {
        path: named(path),
        flags: CREATE,
        x: rights,
        ..call(Op::Open, OUT)
    }
}

fn at(operation: Operation, folder: i64, path: &str) -> Call {
    Call {
        path: named(path),
        ..call(operation, folder)
    }
}

/// Else the list would go on excusing what it was not made for.
#[test]
fn each_difference_that_has_a_reason_is_still_there() {
    let set_nothing = |path| at(Op::PathSetTimes, OUT, path);
    let rename = |path, other_path: &str| Call {
        other: OUT,
        other_path: named(other_path),
        ..at(Op::Rename, OUT, path)
    };
    let both_times = Call {
        flags: 3,
        ..set_nothing("f")
    };
    let scripts: [&[Call]; 15] = [
        &[at(Op::Unlink, IN, "a.txt")],
        &[call(Op::Read, IN)],
        &[both_times],
        &[rename("g", ".")],
        &[open("f", READ | WRITE), at(Op::MakeFolder, OUT, "f/")],
        &[call(Op::PrestatName, 0)],
        &[call(Op::Sync, OUT)],
        &[call(Op::SetFlags, OUT)],
        &[Call {
            flags: 4,
            ..call(Op::SetTimes, OUT)
        }],
        &[open("f", READ | WRITE), at(Op::PathStat, OUT, "f/")],
        &[set_nothing("f")],
        &[Call {
            path: named("a.txt"),
            flags: CREATE,
            x: READ,
            ..call(Op::Open, IN)
        }],
        &[
            at(Op::MakeFolder, OUT, "d"),
            at(Op::RemoveFolder, OUT, "d/"),
        ],
        &[open("f", READ | WRITE), rename("f", "f/")],
        &[
            open("f", READ),
            Call {
                x: 1,
                ..call(Op::Write, 5)
            },
        ],
    ];
    let mut wasmtime = Wasmtime::start();
    for (number, calls) in scripts.iter().enumerate() {
        let (ours, theirs) = both(&mut wasmtime, calls);
        let mut used = BTreeSet::new();
        let seen = (difference(&ours, &theirs, &mut used), used);
        let reason = DIFFERENT[number].reason;
        assert_eq!(
            seen,
            (None, BTreeSet::from([number])),
            "{reason}: {ours:?} {theirs:?}"
        );
    }
}

/// The comparison can fail: by a call, by an error number, by a result, by what is left.
#[test]
fn a_planted_difference_is_seen() {
    let mut wasmtime = Wasmtime::start();
    let write = Call {
        x: 3,
        ..call(Op::Write, 5)
    };
    let (ours, theirs) = both(&mut wasmtime, &[open("f", WRITE), write, call(Op::Tell, 5)]);
    let mut used = BTreeSet::new();
    assert_eq!(difference(&ours, &theirs, &mut used), None);
    let (_, other) = both(
        &mut wasmtime,
        &[open("f", WRITE), Call { x: 4, ..write }, call(Op::Tell, 5)],
    );
    let seen = difference(&ours, &other, &mut used).expect("a difference");
    assert_eq!(seen, "1 fd_write: 3 = 0, 1 fd_write: 4 = 0");
    // An append that is none: the calls answer alike, the file is another.
    let (_, other) = both(
        &mut wasmtime,
        &[
            open("f", WRITE),
            Call { flags: 1, ..write },
            call(Op::Tell, 5),
        ],
    );
    let seen = difference(&ours, &other, &mut used).expect("a difference");
    assert_eq!(seen, "f, line 1: \"abc\", \"bcd\"");
    let mut other = theirs.clone();
    other.stdout = other.stdout.replace("fd_tell: 3 = 0", "fd_tell: = 61");
    assert!(difference(&ours, &other, &mut used).is_some());
    other.stdout = theirs.stdout.lines().take(2).collect::<Vec<_>>().join("\n") + "\n";
    assert!(difference(&ours, &other, &mut used).is_some());
    assert_eq!(used, BTreeSet::new());
}

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
