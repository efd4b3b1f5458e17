//! Scripts of calls for `guests/wasi-script`, and their generator.

use proptest::{prelude::*, sample::select};

use Operation as Op;

/// In the order of `wasi-script.c`.
#[derive(Clone, Copy, Debug)]
#[repr(i64)]
pub(crate) enum Operation {
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

/// One call; what it does not use is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) slot: i64,
    pub(crate) path: usize,
    pub(crate) other: i64,
    pub(crate) other_path: usize,
    pub(crate) flags: i64,
    pub(crate) x: i64,
    pub(crate) y: i64,
}

/// Slots of the folders that there are from the start.
pub(crate) const IN: i64 = 3;
pub(crate) const OUT: i64 = 4;

pub(crate) const fn call(operation: Operation, slot: i64) -> Call {
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
pub(crate) const PATHS: [&[u8]; 34] = [
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
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a.txt", b"alpha\n".to_vec()),
        ("d/f", b"in d".to_vec()),
        ("sub/b.txt", b"beta, and a longer line than that\n".to_vec()),
    ]
}

pub(crate) fn script(calls: &[Call]) -> Vec<u8> {
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

pub(crate) const CREATE: i64 = 1;
const TRUNCATE: i64 = 8;
pub(crate) const READ: i64 = 1 << 1;
pub(crate) const WRITE: i64 = 1 << 6;

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

pub(crate) fn one() -> impl Strategy<Value = Call> {
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
