//! The executor's WASI against wasmtime's own, call by call: scripts that a generator makes, whose every answer must be the same or be in
//! the list of differences that have a reason.
//!
//! Both see the same files and scripts (`guests/wasi-script`), with real folders behind wasmtime. Scripts have no links, which there are not
//! here; no rights and no `fd_allocate`, which wasmtime has not; no polling; and no files beyond some kilobytes, as limits are ours alone.
//! More scripts than the test plays, and others:
//! `PROPTEST_CASES=5000 PROPTEST_RNG_SEED=7 cargo nextest run -p sungrid-e2e generated_calls`.

mod addresses;
mod script;

use std::{cell::RefCell, collections::BTreeSet};

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use sungrid_e2e::{
    engines::{Case, Seen, Wasmtime, executor},
    guest,
};

use script::{
    CREATE, Call, IN, OUT, Operation, Operation as Op, PATHS, READ, WRITE, call, files, one, script,
};

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
