//! The module cache never serves what it did not write, and is never needed.

mod common;

use common::HELLO;
use std::fs;
use std::path::{Path, PathBuf};
use sungrid_executor::{CacheConfig, Engine, Limits, Task};

const ROOM: u64 = 64 << 20;

fn open(directory: &Path, max_bytes: u64) -> Engine {
    Engine::new(Some(CacheConfig {
        directory: directory.to_owned(),
        max_bytes,
    }))
    .unwrap()
}

fn hello() -> Vec<u8> {
    wat::parse_str(HELLO).unwrap()
}

/// A command that differs by `n`.
fn numbered(n: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module (memory (export "memory") 1) (data (i32.const 0) "{n}") (func (export "_start")))"#
    ))
    .unwrap()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "cwasm"))
        .collect();
    paths.sort();
    paths
}

fn works(engine: &Engine, wasm: &[u8]) {
    let module = engine.compile(wasm).unwrap();
    let outcome = engine
        .run(&module, &Task::default(), &Limits::default())
        .unwrap();
    assert_eq!(outcome.stdout, b"hello\n");
}

#[test]
fn a_module_is_kept_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    works(&open(dir.path(), ROOM), &hello());
    let [entry] = entries(dir.path()).try_into().unwrap();
    let (content, inode) = (fs::read(&entry).unwrap(), identity(&entry));
    // Another engine, as another process would have it.
    works(&open(dir.path(), ROOM), &hello());
    assert_eq!(fs::read(&entry).unwrap(), content);
    assert_eq!(identity(&entry), inode, "it was read, not written again");
}

/// Stack depth and the results of every machine rest on this.
#[test]
fn compiling_gives_the_same_code_every_time() {
    let code = |directory: &Path| {
        open(directory, ROOM)
            .compile(&common::guest("hello-rust"))
            .unwrap();
        let [entry] = entries(directory).try_into().unwrap();
        // Without the header, which depends on the directory's key.
        fs::read(entry).unwrap().split_off(40)
    };
    let [a, b] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert!(code(a.path()) == code(b.path()));
}

/// Changes when a file is replaced.
fn identity(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
}

#[test]
fn damaged_entries_are_ignored_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path(), ROOM);
    works(&engine, &hello());
    let [entry] = entries(dir.path()).try_into().unwrap();
    let good = fs::read(&entry).unwrap();

    let mut damaged: Vec<Vec<u8>> = [0, 1, 39, 40, 41, good.len() / 2, good.len() - 1]
        .map(|n| good[..n].to_vec())
        .into();
    for at in [0, 8, 39, 40, 100, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        damaged.push(flipped);
    }
    damaged.push([good.as_slice(), b"more"].concat());
    damaged.push(b"\x7fELF".to_vec());
    for bytes in damaged {
        fs::write(&entry, &bytes).unwrap();
        works(&engine, &hello());
        assert_eq!(fs::read(&entry).unwrap(), good, "replaced by a sound entry");
    }
}

#[test]
fn an_entry_of_another_module_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path(), ROOM);
    engine.compile(&numbered(1)).unwrap();
    let [other] = entries(dir.path()).try_into().unwrap();
    let foreign = fs::read(&other).unwrap();
    works(&engine, &hello());
    let entry = entries(dir.path())
        .into_iter()
        .find(|path| *path != other)
        .unwrap();
    fs::write(&entry, &foreign).unwrap();
    works(&engine, &hello());
}

#[test]
fn an_entry_under_another_key_is_not_served() {
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    works(&open(mine.path(), ROOM), &hello());
    works(&open(theirs.path(), ROOM), &hello());
    let [my_entry] = entries(mine.path()).try_into().unwrap();
    let [their_entry] = entries(theirs.path()).try_into().unwrap();
    fs::copy(&their_entry, &my_entry).unwrap();
    let foreign = fs::read(&my_entry).unwrap();
    works(&open(mine.path(), ROOM), &hello());
    assert_ne!(fs::read(&my_entry).unwrap(), foreign);
}

#[test]
fn a_damaged_key_only_empties_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    works(&open(dir.path(), ROOM), &hello());
    fs::write(dir.path().join("key"), b"short").unwrap();
    works(&open(dir.path(), ROOM), &hello());
    assert_eq!(fs::read(dir.path().join("key")).unwrap().len(), 32);
}

#[test]
fn the_directory_and_the_key_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("a/b");
    open(&cache, ROOM);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache), 0o700);
    assert_eq!(mode(&cache.join("key")), 0o600);
}

#[test]
fn the_cache_stays_within_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let probe = open(dir.path(), ROOM);
    probe.compile(&numbered(0)).unwrap();
    let size = fs::metadata(&entries(dir.path())[0]).unwrap().len();

    let engine = open(dir.path(), 3 * size + size / 2);
    for n in 1..8 {
        engine.compile(&numbered(n)).unwrap();
        let total: u64 = entries(dir.path())
            .iter()
            .map(|path| fs::metadata(path).unwrap().len())
            .sum();
        assert!(total <= 3 * size + size / 2);
    }
    assert_eq!(entries(dir.path()).len(), 3);

    // Too small for a single entry: nothing is kept, everything works.
    let none = open(dir.path(), size - 1);
    none.compile(&numbered(9)).unwrap();
    assert!(entries(dir.path()).is_empty());
}

#[test]
fn unused_entries_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path(), ROOM);
    engine.compile(&numbered(0)).unwrap();
    let [old] = entries(dir.path()).try_into().unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(1_000);
    fs::File::options()
        .append(true)
        .open(&old)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let size = fs::metadata(&old).unwrap().len();
    engine.compile(&numbered(1)).unwrap();
    let newer = entries(dir.path())
        .into_iter()
        .find(|path| *path != old)
        .unwrap();
    fs::File::options()
        .append(true)
        .open(&newer)
        .unwrap()
        .set_modified(long_ago + std::time::Duration::from_secs(10))
        .unwrap();
    // A hit makes the older one the most recent.
    engine.compile(&numbered(0)).unwrap();
    open(dir.path(), 2 * size + size / 2)
        .compile(&numbered(2))
        .unwrap();
    assert!(old.exists());
    assert!(!newer.exists());
}

#[test]
fn what_died_processes_left_is_cleared() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), ROOM);
    let (stale, fresh) = (dir.path().join(".new-stale"), dir.path().join(".new-fresh"));
    fs::write(&stale, b"half").unwrap();
    fs::write(&fresh, b"half").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
    fs::File::options()
        .append(true)
        .open(&stale)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    open(dir.path(), ROOM);
    assert!(!stale.exists());
    assert!(fresh.exists(), "it may belong to a process at work");
}

#[test]
fn a_cache_that_cannot_be_written_only_costs_time() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let engine = open(&cache, ROOM);
    // The directory vanishes under it: every write fails, as on a full disk.
    fs::remove_dir_all(&cache).unwrap();
    works(&engine, &hello());
    assert!(!cache.exists());
}

/// A file system of a few pages, mounted where this process alone sees it.
#[test]
fn a_full_disk_only_costs_time() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=16k,mode=0700 none {0} && exec {1} --exact child_on_a_full_disk --nocapture",
        dir.path().display(),
        std::env::current_exe().unwrap().display()
    );
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .env(FULL_DISK, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("on a full disk: hello"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const FULL_DISK: &str = "SUNGRID_EXECUTOR_TEST_FULL_DISK";

/// The other half of [`a_full_disk_only_costs_time`]; on its own it does nothing.
#[test]
fn child_on_a_full_disk() {
    let Some(dir) = std::env::var_os(FULL_DISK) else {
        return;
    };
    let dir = PathBuf::from(dir);
    let engine = open(&dir, ROOM);
    // One page for the key is taken; fill the rest but for one, so that an entry starts and breaks off.
    fs::write(dir.join("ballast"), vec![0; 8 << 10]).unwrap();
    works(&engine, &hello());
    assert!(entries(&dir).is_empty());
    let left: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".new-"))
        .collect();
    assert!(left.is_empty(), "{left:?} was left behind");
    // Not even a key fits.
    let late = dir.join("late");
    fs::create_dir(&late).unwrap();
    let mut ballast = fs::File::create(dir.join("more")).unwrap();
    while std::io::Write::write(&mut ballast, &[0; 4 << 10]).is_ok() {}
    works(&open(&late, ROOM), &hello());
    assert_eq!(fs::read_dir(&late).unwrap().count(), 0);
    println!("\non a full disk: hello");
}

#[test]
#[cfg(unix)]
fn a_cache_that_others_could_have_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let error = || {
        let config = CacheConfig {
            directory: dir.path().to_owned(),
            max_bytes: ROOM,
        };
        Engine::new(Some(config)).unwrap_err().to_string()
    };
    works(&open(dir.path(), ROOM), &hello());

    allow(dir.path(), 0o777);
    assert!(
        error().contains("can be written by other users"),
        "{}",
        error()
    );
    allow(dir.path(), 0o755);
    works(&open(dir.path(), ROOM), &hello());

    let key = dir.path().join("key");
    allow(&key, 0o644);
    assert!(
        error().contains("can be read by other users"),
        "{}",
        error()
    );
    allow(&key, 0o600);
    works(&open(dir.path(), ROOM), &hello());
}
