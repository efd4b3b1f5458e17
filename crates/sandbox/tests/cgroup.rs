//! Control groups, on a real tree of version 2.
//!
//! Needs a group that is delegated to whoever runs the tests; without one nothing is tested, which is said, and is a failure
//! where `SUNGRID_CGROUP=required` is set. With systemd, from the root of the repository:
//!
//! ```sh
//! systemd-run --user --scope -p Delegate=yes sh -c '
//!     own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup) && mkdir $own/tests && echo $$ > $own/tests/cgroup.procs &&
//!     echo "+cpu +memory +pids" > $own/cgroup.subtree_control &&
//!     SUNGRID_CGROUP=required cargo nextest run -p sungrid-sandbox --test cgroup'
//! ```
#![cfg(target_os = "linux")]

mod common;

use common::{EMPTY, args, attack, batch, config, engine, only, run, wasm};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use sungrid_executor::{Cancel, Limits};
use sungrid_sandbox::{Config, Measure, Sandbox, Shape};

const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// What may pass until something is so that happens by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A group of this process's own below a delegated one; the process is in it. `None` where there is none.
fn delegated() -> Option<&'static Path> {
    static GROUP: OnceLock<Option<PathBuf>> = OnceLock::new();
    let group = GROUP.get_or_init(|| match move_into_own_group() {
        Ok(group) => Some(group),
        Err(reason) => {
            let is_required = std::env::var_os("SUNGRID_CGROUP").is_some();
            assert!(!is_required, "no delegated cgroup of version 2: {reason}");
            eprintln!("NOT TESTED, no delegated cgroup of version 2: {reason}");
            None
        }
    });
    group.as_deref()
}

/// Makes a group below the nearest one whose children have all controllers, and moves this process there.
fn move_into_own_group() -> Result<PathBuf, String> {
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let own = own.ok_or("this process is in none")?;
    let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
    let root = root
        .into_iter()
        .find(|root| root.join("cgroup.controllers").exists())
        .ok_or("it is not mounted")?;
    let has_all = |group: &&Path| {
        let enabled = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
        let enabled: Vec<&str> = enabled.split_whitespace().collect();
        CONTROLLERS.iter().all(|name| enabled.contains(name))
    };
    let own = root.join(own);
    let above = own.ancestors().take_while(|group| group.starts_with(root));
    let base = above.filter(|group| group.exists()).find(has_all);
    let base = base.ok_or("no group above this process hands on cpu, memory and pids")?;
    let group = base.join(format!("sungrid-test-{}", std::process::id()));
    let refused = |error| format!("{}: {error}", group.display());
    fs::create_dir(&group).map_err(refused)?;
    let moved = fs::write(group.join("cgroup.procs"), std::process::id().to_string());
    moved.map_err(|error| {
        let _ = fs::remove_dir(&group);
        refused(error)
    })?;
    Ok(group)
}

/// The groups of batches that are there now.
fn batches(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).unwrap().map(|entry| entry.unwrap());
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("batch-"));
    named.map(|entry| entry.path()).collect()
}

/// The group that the sandbox of a test takes: that of the process when it was made.
fn sandbox(make: impl FnOnce() -> Sandbox) -> Option<(Sandbox, PathBuf)> {
    delegated()?;
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
    let mut mounts = mounts.into_iter();
    let root = mounts.find(|root| root.join("cgroup.controllers").exists());
    let group = root.unwrap().join(own.unwrap());
    let sandbox = make();
    assert!(
        sandbox.report().has(Measure::Cgroup),
        "{}",
        sandbox.report()
    );
    Some((sandbox, group))
}

fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "it never came to it: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_batch_is_in_a_group_with_its_bounds_which_goes_with_it() {
    let make = || Sandbox::new(engine().clone(), config("attack")).unwrap();
    let Some((sandbox, group)) = sandbox(make) else {
        return;
    };
    let read = |path: &Path| fs::read_to_string(path).unwrap().trim().to_owned();
    let own = std::process::id().to_string();
    assert!(
        read(&group.join("worker/cgroup.procs"))
            .lines()
            .any(|process| process == own)
    );
    await_that("the child on trial has left nothing", || {
        batches(&group).is_empty()
    });

    let code = sandbox.prepare(&wasm(EMPTY)).unwrap();
    await_that("nor has the compiler", || batches(&group).is_empty());
    let shape = Shape {
        lanes: 3,
        ..common::shape(3)
    };
    let batch = sandbox.start(&code, &shape).unwrap();
    let [child] = batches(&group).try_into().expect("one batch");
    // Both the process outside of the namespace and the one inside.
    let processes = read(&child.join("cgroup.procs"));
    assert!(!processes.is_empty() && !processes.lines().any(|process| process == own));
    let memory: u64 = read(&child.join("memory.max")).parse().expect("a bound");
    let least = 3 * common::limits().memory_bytes;
    assert!((least..least + (2 << 30)).contains(&memory), "{memory}");
    assert_eq!(read(&child.join("pids.max")), "7");
    assert_eq!(read(&child.join("cpu.max")), "300000 100000");
    assert!(read(&child.join("memory.current")).parse::<u64>().unwrap() > 0);
    assert!(run(&batch, &args(&["surroundings"])).is_ok());
    drop(batch);
    await_that("the group is gone", || batches(&group).is_empty());
}

#[test]
fn memory_beyond_the_bound_ends_the_batch_alone() {
    let Some((sandbox, group)) = sandbox(|| only(Measure::Cgroup)) else {
        return;
    };
    // Nothing else bounds it: it is the kernel that kills.
    let reason = attack(&sandbox, &["allocate"]).unwrap_err();
    assert!(reason.contains("was killed"), "{reason}");
    assert!(attack(&sandbox, &["surroundings"]).is_ok());
    await_that("all groups are gone", || batches(&group).is_empty());
}

#[test]
fn threads_beyond_the_bound_are_refused() {
    let Some((sandbox, _)) = sandbox(|| only(Measure::Cgroup)) else {
        return;
    };
    let started = attack(&sandbox, &["threads"]).unwrap();
    let started: u32 = started.strip_prefix("started ").unwrap().parse().unwrap();
    assert!(started <= 5, "{started} threads for one lane");
    // Whoever skips the measure has none of it.
    let free = Sandbox::new(
        engine().clone(),
        Config {
            skip: Measure::ALL.into(),
            ..config("attack")
        },
    )
    .unwrap();
    assert!(!free.report().has(Measure::Cgroup));
    assert_eq!(attack(&free, &["threads"]).unwrap(), "started 64");
}

#[test]
fn one_lane_takes_one_processor() {
    let Some((sandbox, group)) = sandbox(|| only(Measure::Cgroup)) else {
        return;
    };
    let batch = batch(&sandbox, EMPTY);
    let [child] = batches(&group).try_into().expect("one batch");
    assert_eq!(
        fs::read_to_string(child.join("cpu.max")).unwrap().trim(),
        "100000 100000"
    );
    let cancel = Cancel::default();
    let limits = Limits {
        wall_clock: None,
        ..common::limits()
    };
    let count = |name: &str| -> u64 {
        let stat = fs::read_to_string(child.join("cpu.stat")).unwrap();
        let line = stat.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    std::thread::scope(|scope| {
        let spinning = scope.spawn(|| batch.run(&args(&["spin on three"]), &limits, &cancel));
        // Three threads have one processor's time: held up again and again, where there are processors for more than one.
        if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
            await_that("it is held up", || count("nr_throttled ") >= 3);
        }
        await_that("it computes", || count("usage_usec ") > 100_000);
        cancel.cancel();
        assert!(spinning.join().unwrap().is_err());
    });
}

/// Everything at once, as a worker has it that requires all measures.
#[test]
fn all_measures_are_in_force_together() {
    let make = || Sandbox::new(engine().clone(), config("honest")).unwrap();
    let Some((sandbox, _)) = sandbox(make) else {
        return;
    };
    println!("{}", sandbox.report());
    for measure in Measure::ALL {
        assert!(sandbox.report().has(measure), "{}", sandbox.report());
    }
    let batch = batch(&sandbox, EMPTY);
    let outcome = run(&batch, &args(&[])).unwrap();
    assert!(outcome.stdout.is_empty());
}
