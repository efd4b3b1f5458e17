//! The file system and the descriptors, called as a guest would, without one.

use super::context::{Ctx, Fault, Res, Stop};
use super::types::{Errno, fdflags, fstflags, oflags, rights};
use super::*;
use crate::task::Limits;

const IN: u32 = 3;
const OUT: u32 = 4;

/// A guest's memory and world, with a cursor for placing arguments.
struct Guest {
    mem: Vec<u8>,
    wasi: Wasi,
    fuel: u64,
}

impl Guest {
    fn new() -> Self {
        Self::with(Limits {
            output_bytes: 1_000,
            output_files: 10,
            ..Limits::default()
        })
    }

    fn with(limits: Limits) -> Self {
        let files = [
            ("a.txt", "alpha"),
            ("dir/b.txt", "beta"),
            ("dir/c.txt", "gamma"),
        ];
        let task = Task {
            files: files
                .iter()
                .map(|(k, v)| (k.to_string(), v.as_bytes().into()))
                .collect(),
            stdin: b"line one\nline two\n".as_slice().into(),
            ..Task::default()
        };
        let fuel = 1 << 40;
        Self {
            mem: vec![0; 65_536],
            wasi: Wasi::new(&task, &limits, fuel).unwrap(),
            fuel,
        }
    }

    fn call<T>(&mut self, act: impl FnOnce(&mut Ctx<'_>) -> Res<T>) -> Result<T, Errno> {
        self.try_call(act).map_err(|fault| match fault {
            Fault::Errno(errno) => errno,
            Fault::Stop(stop) => panic!("the run ended: {stop}"),
        })
    }

    fn try_call<T>(&mut self, act: impl FnOnce(&mut Ctx<'_>) -> Res<T>) -> Res<T> {
        let mut cx = Ctx {
            mem: &mut self.mem,
            wasi: &mut self.wasi,
            fuel: self.fuel,
        };
        let result = act(&mut cx);
        self.fuel = cx.fuel;
        result
    }

    /// Puts a path at `at` and returns it as arguments.
    fn path(&mut self, at: u32, path: &str) -> (u32, u32) {
        self.mem[at as usize..at as usize + path.len()].copy_from_slice(path.as_bytes());
        (at, path.len() as u32)
    }

    fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.mem[at..at + 4].try_into().unwrap())
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.mem[at..at + 8].try_into().unwrap())
    }

    fn open_with(&mut self, dir: u32, path: &str, oflags: u32, write: bool) -> Result<u32, Errno> {
        let (path, path_len) = self.path(1_000, path);
        let rights = rights::FD_READ | if write { rights::FD_WRITE } else { 0 };
        let args = path::OpenArgs {
            fd: dir,
            path,
            path_len,
            oflags,
            rights,
            inheriting: 0,
            fdflags: 0,
            out: 0,
        };
        self.call(|cx| path::open(cx, args))?;
        Ok(self.u32_at(0))
    }

    fn open(&mut self, dir: u32, path: &str) -> Result<u32, Errno> {
        self.open_with(dir, path, 0, false)
    }

    fn create(&mut self, path: &str) -> Result<u32, Errno> {
        self.open_with(OUT, path, oflags::CREAT, true)
    }

    /// One buffer at 2,000 of `len` bytes, described at 16.
    fn iovec(&mut self, len: u32) -> (u32, u32) {
        self.mem[16..20].copy_from_slice(&2_000u32.to_le_bytes());
        self.mem[20..24].copy_from_slice(&len.to_le_bytes());
        (16, 1)
    }

    fn try_write(&mut self, fd: u32, data: &[u8]) -> Res {
        self.mem[2_000..2_000 + data.len()].copy_from_slice(data);
        let (iovs, count) = self.iovec(data.len() as u32);
        self.try_call(|cx| fd::write(cx, fd, iovs, count, 8))
    }

    fn write(&mut self, fd: u32, data: &[u8]) -> Result<u32, Errno> {
        match self.try_write(fd, data) {
            Ok(()) => Ok(self.u32_at(8)),
            Err(Fault::Errno(errno)) => Err(errno),
            Err(Fault::Stop(stop)) => panic!("the run ended: {stop}"),
        }
    }

    fn pwrite(&mut self, fd: u32, data: &[u8], at: u64) -> Result<u32, Errno> {
        self.mem[2_000..2_000 + data.len()].copy_from_slice(data);
        let (iovs, count) = self.iovec(data.len() as u32);
        self.call(|cx| fd::pwrite(cx, fd, iovs, count, at, 8))?;
        Ok(self.u32_at(8))
    }

    fn read(&mut self, fd: u32, len: u32) -> Result<Vec<u8>, Errno> {
        let (iovs, count) = self.iovec(len);
        self.call(|cx| fd::read(cx, fd, iovs, count, 8))?;
        let n = self.u32_at(8) as usize;
        Ok(self.mem[2_000..2_000 + n].to_vec())
    }

    fn seek(&mut self, fd: u32, offset: i64, whence: u32) -> Result<u64, Errno> {
        self.call(|cx| fd::seek(cx, fd, offset, whence, 8))?;
        Ok(self.u64_at(8))
    }

    fn mkdir(&mut self, path: &str) -> Result<(), Errno> {
        let (ptr, len) = self.path(1_000, path);
        self.call(|cx| path::create_directory(cx, OUT, ptr, len))
    }

    fn rmdir(&mut self, path: &str) -> Result<(), Errno> {
        let (ptr, len) = self.path(1_000, path);
        self.call(|cx| path::remove_directory(cx, OUT, ptr, len))
    }

    fn unlink(&mut self, dir: u32, path: &str) -> Result<(), Errno> {
        let (ptr, len) = self.path(1_000, path);
        self.call(|cx| path::unlink_file(cx, dir, ptr, len))
    }

    fn rename(&mut self, from: (u32, &str), to: (u32, &str)) -> Result<(), Errno> {
        let old = self.path(1_000, from.1);
        let new = self.path(1_500, to.1);
        self.call(|cx| path::rename(cx, from.0, old, to.0, new))
    }

    fn size(&mut self, fd: u32) -> u64 {
        self.call(|cx| fd::filestat_get(cx, fd, 3_000)).unwrap();
        self.u64_at(3_032)
    }

    /// Names and next cookies of a directory, read through a buffer of `room` bytes.
    fn list(&mut self, fd: u32, cookie: u64, room: u32) -> Vec<(String, u64)> {
        self.call(|cx| fd::readdir(cx, fd, 4_000, room, cookie, 8))
            .unwrap();
        let mut bytes = &self.mem[4_000..4_000 + self.u32_at(8) as usize];
        let mut names = Vec::new();
        while bytes.len() >= 24 {
            let next = u64::from_le_bytes(bytes[0..8].try_into().unwrap());
            let len = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
            let Some(name) = bytes.get(24..24 + len) else {
                break;
            };
            names.push((String::from_utf8(name.to_vec()).unwrap(), next));
            bytes = &bytes[24 + len..];
        }
        names
    }

    fn names(&mut self, fd: u32) -> Vec<String> {
        self.list(fd, 0, 60_000)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    fn outputs(self) -> Vec<(String, Vec<u8>)> {
        self.wasi.into_outputs().2.into_iter().collect()
    }
}

#[test]
fn inputs_are_read_and_never_written() {
    let mut g = Guest::new();
    let fd = g.open(IN, "dir/../a.txt").unwrap();
    assert_eq!(fd, 5, "the lowest free descriptor");
    assert_eq!(g.read(fd, 3).unwrap(), b"alp");
    assert_eq!(g.read(fd, 100).unwrap(), b"ha");
    assert_eq!(g.read(fd, 100).unwrap(), b"");
    assert_eq!(g.write(fd, b"x"), Err(Errno::BadF));
    assert_eq!(g.open_with(IN, "a.txt", 0, true), Err(Errno::RoFs));
    assert_eq!(
        g.open_with(IN, "a.txt", oflags::TRUNC, false),
        Err(Errno::RoFs)
    );
    assert_eq!(
        g.open_with(IN, "new", oflags::CREAT, true),
        Err(Errno::RoFs)
    );
    assert_eq!(g.unlink(IN, "a.txt"), Err(Errno::RoFs));
    assert_eq!(g.rename((IN, "a.txt"), (IN, "z")), Err(Errno::RoFs));
    assert_eq!(g.rename((IN, "a.txt"), (OUT, "z")), Err(Errno::XDev));
    let (ptr, len) = g.path(1_000, "a.txt");
    let times =
        |cx: &mut Ctx<'_>| path::filestat_set_times(cx, IN, (ptr, len), 1, 1, fstflags::MTIM);
    assert_eq!(g.call(times), Err(Errno::RoFs));
}

#[test]
fn paths_do_not_leave_their_directory() {
    let mut g = Guest::new();
    for path in ["..", "../out", "dir/../..", "/in/a.txt", "/"] {
        assert_eq!(g.open(IN, path), Err(Errno::NotCapable), "{path}");
    }
    // Not above a directory that was opened, either.
    let dir = g.open(IN, "dir").unwrap();
    assert_eq!(g.open(dir, "../a.txt"), Err(Errno::NotCapable));
    assert_eq!(g.open(IN, ""), Err(Errno::NoEnt));
    assert_eq!(g.open(IN, "a.txt/b"), Err(Errno::NotDir));
    assert_eq!(g.open(IN, "a.txt/"), Err(Errno::NotDir));
    assert_eq!(g.open(IN, "a.txt/."), Err(Errno::NotDir));
    assert_eq!(g.open(IN, "nothing/.."), Err(Errno::NoEnt));
    assert_eq!(g.open(IN, &"x".repeat(256)), Err(Errno::NameTooLong));
    assert_eq!(g.open(IN, &"x/".repeat(300)), Err(Errno::NoEnt));
    assert_eq!(
        g.call(|cx| cx.path(0, 5_000)).map(|_| ()),
        Err(Errno::NameTooLong)
    );
    g.mem[900..902].copy_from_slice(b"\xff\xfe");
    assert_eq!(g.call(|cx| cx.path(900, 2)).map(|_| ()), Err(Errno::IlSeq));
    g.mem[900..902].copy_from_slice(b"a\0");
    assert_eq!(g.call(|cx| cx.path(900, 2)).map(|_| ()), Err(Errno::IlSeq));
    for path in [".", "./.", "dir/..", "./dir/./../"] {
        let fd = g.open(IN, path).unwrap();
        assert!(g.names(fd).contains(&"a.txt".to_owned()), "{path}");
    }
}

#[test]
fn outputs_are_created_written_and_collected() {
    let mut g = Guest::new();
    g.mkdir("d").unwrap();
    g.mkdir("d/e").unwrap();
    let fd = g.create("d/e/f.bin").unwrap();
    assert_eq!(g.write(fd, b"hello world").unwrap(), 11);
    assert_eq!(g.seek(fd, 6, 0).unwrap(), 6);
    assert_eq!(g.write(fd, b"WORLD!").unwrap(), 6);
    assert_eq!(g.seek(fd, -1, 2).unwrap(), 11);
    assert_eq!(g.seek(fd, -2, 1).unwrap(), 9);
    assert_eq!(g.seek(fd, -10, 1), Err(Errno::Inval));
    assert_eq!(g.seek(fd, 0, 3), Err(Errno::Inval));
    assert_eq!(g.seek(fd, i64::MAX, 1), Err(Errno::Overflow));
    assert_eq!(g.read(fd, 9).unwrap(), b"LD!");
    // A gap reads as zeroes.
    g.seek(fd, 14, 0).unwrap();
    g.write(fd, b"x").unwrap();
    g.create("empty").unwrap();
    assert_eq!(
        g.outputs(),
        [
            ("d/e/f.bin".to_owned(), b"hello WORLD!\0\0x".to_vec()),
            ("empty".to_owned(), Vec::new()),
        ]
    );
}

#[test]
fn open_flags_mean_what_posix_says() {
    let mut g = Guest::new();
    assert_eq!(g.open(OUT, "f"), Err(Errno::NoEnt));
    let fd = g.create("f").unwrap();
    g.write(fd, b"content").unwrap();
    assert_eq!(
        g.open_with(OUT, "f", oflags::CREAT | oflags::EXCL, true),
        Err(Errno::Exist)
    );
    assert_eq!(
        g.open_with(OUT, "f", oflags::DIRECTORY, false),
        Err(Errno::NotDir)
    );
    assert_eq!(g.create("g/"), Err(Errno::IsDir));
    let again = g.create("f").unwrap();
    assert_eq!(g.size(again), 7, "creating what exists keeps it");
    let truncated = g.open_with(OUT, "f", oflags::TRUNC, true).unwrap();
    assert_eq!(g.size(truncated), 0);
    g.mkdir("d").unwrap();
    assert_eq!(g.open_with(OUT, "d", 0, true), Err(Errno::IsDir));
    assert_eq!(
        g.open_with(OUT, "d", oflags::CREAT, false),
        Err(Errno::IsDir)
    );
    let dir = g.open_with(OUT, "d", oflags::DIRECTORY, false).unwrap();
    assert_eq!(g.read(dir, 1), Err(Errno::IsDir));
    assert_eq!(g.seek(dir, 0, 0), Err(Errno::IsDir));
    assert_eq!(g.open_with(OUT, "f", 16, false), Err(Errno::Inval));
    assert_eq!(g.open(99, "f"), Err(Errno::BadF));
    assert_eq!(g.open(fd, "f"), Err(Errno::NotDir));
}

#[test]
fn appending_always_writes_at_the_end() {
    let mut g = Guest::new();
    let fd = g.create("log").unwrap();
    g.call(|cx| fd::fdstat_set_flags(cx, fd, u32::from(fdflags::APPEND)))
        .unwrap();
    g.write(fd, b"one").unwrap();
    g.seek(fd, 0, 0).unwrap();
    g.write(fd, b"two").unwrap();
    // Wherever it is to go, and without moving the cursor.
    g.seek(fd, 1, 0).unwrap();
    g.pwrite(fd, b"three", 0).unwrap();
    assert_eq!(g.seek(fd, 0, 1).unwrap(), 1);
    assert_eq!(
        g.call(|cx| fd::fdstat_set_flags(cx, fd, 32)),
        Err(Errno::Inval)
    );
    assert_eq!(g.outputs()[0].1, b"onetwothree");
}

#[test]
fn sizes_are_set_and_counted() {
    let mut g = Guest::new();
    let fd = g.create("f").unwrap();
    g.call(|cx| fd::filestat_set_size(cx, fd, 900)).unwrap();
    assert_eq!(g.size(fd), 900);
    g.call(|cx| fd::allocate(cx, fd, 0, 10)).unwrap();
    assert_eq!(g.size(fd), 900, "allocating never shrinks");
    // 1,000 bytes in all.
    let over = g.try_call(|cx| fd::filestat_set_size(cx, fd, 1_001));
    assert!(matches!(over, Err(Fault::Stop(Stop::OutputLimit))));
    g.call(|cx| fd::filestat_set_size(cx, fd, 0)).unwrap();
    g.call(|cx| fd::allocate(cx, fd, 500, 500)).unwrap();
    let over = g.try_write(1, b"x");
    assert!(matches!(over, Err(Fault::Stop(Stop::OutputLimit))));
    assert_eq!(
        g.call(|cx| fd::allocate(cx, fd, u64::MAX, 2)),
        Err(Errno::FBig)
    );
    // Deleting gives the room back, once nobody has the file open.
    g.unlink(OUT, "f").unwrap();
    assert!(g.try_write(1, b"x").is_err());
    assert_eq!(g.size(fd), 1_000);
    g.call(|cx| fd::close(cx, fd)).unwrap();
    g.write(1, &[b'x'; 1_000]).unwrap();
    assert!(g.outputs().is_empty());
}

#[test]
fn entries_are_unlinked_and_removed() {
    let mut g = Guest::new();
    g.mkdir("d").unwrap();
    g.create("d/f").unwrap();
    assert_eq!(g.rmdir("d"), Err(Errno::NotEmpty));
    assert_eq!(g.rmdir("d/f"), Err(Errno::NotDir));
    assert_eq!(g.rmdir("."), Err(Errno::Inval));
    assert_eq!(g.unlink(OUT, "d"), Err(Errno::IsDir));
    assert_eq!(g.unlink(OUT, "d/f/"), Err(Errno::NotDir));
    assert_eq!(g.unlink(OUT, "nothing"), Err(Errno::NoEnt));
    let dir = g.open(OUT, "d").unwrap();
    g.unlink(OUT, "d/f").unwrap();
    g.rmdir("d").unwrap();
    assert_eq!(g.mkdir("d/x"), Err(Errno::NoEnt));
    // The directory is gone though still open: nothing can be put into it.
    let (ptr, len) = g.path(1_000, "x");
    assert_eq!(
        g.call(|cx| path::create_directory(cx, dir, ptr, len)),
        Err(Errno::NoEnt)
    );
    assert_eq!(g.names(dir), [".", ".."]);
}

#[test]
fn what_ends_with_a_dot_is_a_directory_that_is_there() {
    let mut g = Guest::new();
    for path in ["d/.", "d/./", "d/././/"] {
        assert_eq!(g.mkdir(path), Err(Errno::NoEnt), "{path}");
        assert_eq!(g.create(path), Err(Errno::NoEnt), "{path}");
    }
    g.create("f").unwrap();
    assert_eq!(g.mkdir("f/."), Err(Errno::NotDir));
    assert_eq!(g.unlink(OUT, "f/."), Err(Errno::NotDir));
    g.mkdir("d").unwrap();
    assert_eq!(g.mkdir("d/."), Err(Errno::Exist));
    assert_eq!(g.rmdir("d/."), Err(Errno::Inval));
    assert_eq!(g.unlink(OUT, "d/."), Err(Errno::IsDir));
    assert_eq!(g.rename((OUT, "d/."), (OUT, "e")), Err(Errno::Inval));
    assert_eq!(g.rename((OUT, "d"), (OUT, "e/.")), Err(Errno::NoEnt));
    g.mkdir("d/./e").unwrap();
    let dir = g.open(OUT, "d/./").unwrap();
    assert_eq!(g.names(dir), [".", "..", "e"]);
}

#[test]
fn renaming_follows_posix() {
    let mut g = Guest::new();
    let out = |path| (OUT, path);
    let fd = g.create("f").unwrap();
    g.write(fd, b"1").unwrap();
    g.rename(out("f"), out("g")).unwrap();
    assert_eq!(g.open(OUT, "f"), Err(Errno::NoEnt));
    g.create("h").unwrap();
    g.rename(out("g"), out("h")).unwrap();
    g.rename(out("h"), out("h")).unwrap();
    g.mkdir("d").unwrap();
    g.mkdir("d/e").unwrap();
    assert_eq!(g.rename(out("h"), out("d")), Err(Errno::IsDir));
    assert_eq!(g.rename(out("d"), out("h")), Err(Errno::NotDir));
    assert_eq!(g.rename(out("d"), out("d/e/f")), Err(Errno::Inval));
    assert_eq!(g.rename(out("d"), out("d/e")), Err(Errno::Inval));
    assert_eq!(g.rename(out("nothing"), out("x")), Err(Errno::NoEnt));
    assert_eq!(g.rename(out("."), out("x")), Err(Errno::Inval));
    assert_eq!(g.rename(out("h"), out("x/")), Err(Errno::NotDir));
    g.mkdir("x").unwrap();
    g.rename(out("d/e"), out("x")).unwrap();
    g.rename(out("h"), out("x/h")).unwrap();
    g.rename(out("x"), out("d/y")).unwrap();
    assert_eq!(g.outputs(), [("d/y/h".to_owned(), b"1".to_vec())]);
}

#[test]
fn a_rename_that_would_nest_too_deep_changes_nothing() {
    let mut g = Guest::with(Limits {
        output_files: 100,
        ..Limits::default()
    });
    let deep = |n: usize| vec!["d"; n].join("/");
    for n in 1..=31 {
        g.mkdir(&deep(n)).unwrap();
    }
    g.mkdir("e").unwrap();
    g.mkdir("e/f").unwrap();
    g.mkdir("e/f/g").unwrap();
    g.mkdir(&format!("{}/t", deep(29))).unwrap();
    let target = format!("{}/t", deep(29));
    g.rename((OUT, "e"), (OUT, &target)).unwrap();
    assert_eq!(g.mkdir(&format!("{target}/f/g/h")), Err(Errno::NameTooLong));
    g.mkdir("i").unwrap();
    g.mkdir("i/j").unwrap();
    let target = format!("{}/k", deep(31));
    g.create(&target).map(|_| ()).unwrap();
    g.unlink(OUT, &target).unwrap();
    assert_eq!(
        g.rename((OUT, "i"), (OUT, &target)),
        Err(Errno::NameTooLong)
    );
    assert!(g.open(OUT, "i/j").is_ok());
}

#[test]
fn listings_survive_what_happens_meanwhile() {
    let mut g = Guest::new();
    assert_eq!(g.names(IN), [".", "..", "a.txt", "dir"]);
    for name in ["z", "m", "a", "q"] {
        g.create(name).unwrap();
    }
    assert_eq!(
        g.names(OUT),
        [".", "..", "z", "m", "a", "q"],
        "in order of creation"
    );
    // Delete each entry as it is listed, one at a time, as `rm -r` does.
    let mut cookie = 0;
    let mut seen = Vec::new();
    while let Some((name, next)) = g.list(OUT, cookie, 26).into_iter().next() {
        cookie = next;
        if !name.starts_with('.') {
            g.unlink(OUT, &name).unwrap();
        }
        seen.push(name);
    }
    assert_eq!(seen, [".", "..", "z", "m", "a", "q"]);
    assert_eq!(g.names(OUT), [".", ".."]);
    assert!(g.list(OUT, u64::MAX, 1_000).is_empty());
    // A buffer that ends in an entry is filled to the last byte.
    g.call(|cx| fd::readdir(cx, OUT, 4_000, 30, 0, 8)).unwrap();
    assert_eq!(g.u32_at(8), 30);
}

#[test]
fn files_beyond_the_limit_end_the_run() {
    let mut g = Guest::new();
    for n in 0..10 {
        g.create(&n.to_string()).unwrap();
    }
    let (ptr, len) = g.path(1_000, "x");
    let over = g.try_call(|cx| path::create_directory(cx, OUT, ptr, len));
    assert!(matches!(over, Err(Fault::Stop(Stop::OutputLimit))));
    g.unlink(OUT, "3").unwrap();
    g.mkdir("x").unwrap();
}

#[test]
fn descriptors_are_renumbered_closed_and_limited() {
    let mut g = Guest::new();
    let fd = g.create("f").unwrap();
    assert_eq!(g.call(|cx| fd::renumber(cx, fd, 77)), Err(Errno::BadF));
    g.call(|cx| fd::renumber(cx, fd, 1)).unwrap();
    assert_eq!(g.call(|cx| fd::close(cx, fd)), Err(Errno::BadF));
    g.write(1, b"redirected").unwrap();
    g.call(|cx| fd::renumber(cx, 1, 1)).unwrap();
    g.call(|cx| fd::fdstat_set_rights(cx, 1, rights::FD_READ, 0))
        .unwrap();
    assert_eq!(g.write(1, b"x"), Err(Errno::BadF));
    let gain = |cx: &mut Ctx<'_>| fd::fdstat_set_rights(cx, 1, rights::ALL, 0);
    assert_eq!(g.call(gain), Err(Errno::NotCapable));
    assert_eq!(g.write(0, b"x"), Err(Errno::BadF));
    assert_eq!(g.read(2, 1), Err(Errno::BadF));
    assert_eq!(g.seek(0, 0, 0), Err(Errno::SPipe));
    assert_eq!(g.read(0, 9).unwrap(), b"line one\n");
    assert_eq!(g.outputs(), [("f".to_owned(), b"redirected".to_vec())]);
}

#[test]
fn buffers_outside_memory_are_faults_without_effect() {
    let mut g = Guest::new();
    let fd = g.create("f").unwrap();
    let end = g.mem.len() as u32;
    // A buffer that begins inside and ends outside, after one that is fine.
    g.mem[16..24].copy_from_slice(&[0, 0, 0, 0, 4, 0, 0, 0]);
    g.mem[24..28].copy_from_slice(&(end - 1).to_le_bytes());
    g.mem[28..32].copy_from_slice(&2u32.to_le_bytes());
    assert_eq!(g.call(|cx| fd::write(cx, fd, 16, 2, 8)), Err(Errno::Fault));
    assert_eq!(g.call(|cx| fd::read(cx, 0, 16, 2, 8)), Err(Errno::Fault));
    assert_eq!(
        g.call(|cx| fd::write(cx, fd, end - 4, 1, 8)),
        Err(Errno::Fault)
    );
    assert_eq!(
        g.call(|cx| fd::write(cx, fd, 16, 1, end - 3)),
        Err(Errno::Fault)
    );
    assert_eq!(
        g.call(|cx| fd::write(cx, fd, 16, 1_025, 8)),
        Err(Errno::Inval)
    );
    assert_eq!(g.size(fd), 0);
    assert_eq!(
        g.read(0, 4).unwrap(),
        b"line",
        "nothing was taken from standard input"
    );
    assert_eq!(
        g.call(|cx| misc::random_get(cx, end - 1, 2)),
        Err(Errno::Fault)
    );
    assert_eq!(
        g.call(|cx| misc::random_get(cx, u32::MAX, u32::MAX)),
        Err(Errno::Fault)
    );
}

#[test]
fn fuel_is_taken_before_the_work() {
    let mut g = Guest::new();
    g.fuel = 1_000;
    let random = g.try_call(|cx| misc::random_get(cx, 0, 60_000));
    assert!(matches!(random, Err(Fault::Stop(Stop::OutOfFuel))));
    assert!(g.mem[..60_000].iter().all(|b| *b == 0));
}

#[test]
fn links_sockets_and_unknown_clocks_are_refused() {
    let mut g = Guest::new();
    assert_eq!(g.call(|cx| path::no_links(cx, OUT)), Err(Errno::NotSup));
    let (ptr, len) = g.path(1_000, "a.txt");
    assert_eq!(
        g.call(|cx| path::readlink(cx, IN, ptr, len)),
        Err(Errno::Inval)
    );
    assert_eq!(g.call(|cx| fd::no_socket(cx, 0)), Err(Errno::NotSock));
    assert_eq!(g.call(|cx| fd::no_socket(cx, 9)), Err(Errno::BadF));
    assert_eq!(
        g.call(|cx| misc::clock_time_get(cx, 4, 0)),
        Err(Errno::Inval)
    );
    assert_eq!(
        g.call(|cx| misc::poll_oneoff(cx, 0, 100, 0, 8)),
        Err(Errno::Inval)
    );
}
