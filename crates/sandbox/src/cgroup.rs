//! Control groups of version 2: one per child, below a group that was delegated to this process.
//!
//! A group with processes cannot have groups with controllers below it, so the worker moves into a group of its own
//! first: `worker`, beside one `batch-N` per child.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where version 2 is mounted.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// What each child is bounded by.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
const ADVICE: &str = "run the worker as a systemd service with Delegate=yes, or in a scope of its own (systemd-run --user --scope -p Delegate=yes)";
/// Memory beside what the child may write: the machine code that it maps, and what the system keeps for it.
const KERNEL_MEMORY: u64 = 128 << 20;
/// Processes and threads beside the lanes: the first thread, and the process outside the namespace.
const THREADS: u32 = 4;
/// Microseconds of a period in which the processor time is counted.
const PERIOD: u64 = 100_000;

/// A delegated group.
#[derive(Debug)]
pub(crate) struct Groups {
    base: PathBuf,
    next: AtomicU64,
}

impl Groups {
    /// The group of this process, if it is delegated; else why not, and what would help.
    pub(crate) fn find() -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup")
            .map_err(|error| format!("/proc/self/cgroup cannot be read ({error})"))?;
        let own = own
            .lines()
            .find_map(|line| line.strip_prefix("0::/"))
            .ok_or("this process is in no cgroup of version 2")?;
        let mount = MOUNTS
            .into_iter()
            .map(Path::new)
            .find(|mount| mount.join("cgroup.controllers").exists())
            .ok_or("cgroups of version 2 are not mounted at /sys/fs/cgroup")?;
        Self::take(&mount.join(own), std::process::id())
    }

    /// Takes a group over: moves the process below it and has its controllers bound the groups below it.
    fn take(base: &Path, process: u32) -> Result<Self, String> {
        let controllers = fs::read_to_string(base.join("cgroup.controllers"))
            .map_err(|error| format!("{} cannot be read ({error})", base.display()))?;
        let has = |name: &&str| controllers.split_whitespace().any(|there| there == *name);
        let missing: Vec<&str> = CONTROLLERS.into_iter().filter(|name| !has(name)).collect();
        if !missing.is_empty() {
            return Err(format!(
                "{} has no controller for {}: {ADVICE}",
                base.display(),
                missing.join(" and ")
            ));
        }
        let refused =
            |error: io::Error| format!("{} is not delegated ({error}): {ADVICE}", base.display());
        let worker = base.join("worker");
        create(&worker).map_err(refused)?;
        let moved = fs::write(worker.join("cgroup.procs"), process.to_string());
        let enabled = moved.and_then(|()| {
            let wanted = CONTROLLERS.map(|name| format!("+{name}")).join(" ");
            fs::write(base.join("cgroup.subtree_control"), wanted)
        });
        if let Err(error) = enabled {
            // Back to where it was; a group that stays empty does no harm.
            let _ = fs::write(base.join("cgroup.procs"), process.to_string());
            let _ = fs::remove_dir(&worker);
            return Err(refused(error));
        }
        // What a process that was killed left; others may have the same base.
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix("batch-"));
            let owner = owner.and_then(|rest| rest.split('-').next()?.parse().ok());
            let is_gone = |pid: u32| !Path::new(&format!("/proc/{pid}")).exists();
            if owner.is_some_and(is_gone) {
                let _ = fs::remove_dir(entry.path());
            }
        }
        Ok(Self {
            base: base.to_owned(),
            next: AtomicU64::new(0),
        })
    }

    /// Puts a child that has read nothing yet into a group of its own; in the background, one that weighs least.
    pub(crate) fn add(
        &self,
        child: i32,
        memory: u64,
        lanes: u32,
        background: bool,
    ) -> io::Result<Group> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("batch-{}-{number}", std::process::id());
        let group = Group(self.base.join(name));
        create(&group.0)?;
        let set = |file: &str, value: String| fs::write(group.0.join(file), value);
        set(
            "memory.max",
            memory.saturating_add(KERNEL_MEMORY).to_string(),
        )?;
        // A kernel without swap has no such file; one whose members die together has the other.
        let _ = set("memory.swap.max", "0".to_owned());
        let _ = set("memory.oom.group", "1".to_owned());
        set("pids.max", lanes.saturating_add(THREADS).to_string())?;
        let time = u64::from(lanes.max(1)) * PERIOD;
        set("cpu.max", format!("{time} {PERIOD}"))?;
        if background {
            set("cpu.weight", "1".to_owned())?;
            // From Linux 5.15 on: as SCHED_IDLE is for a process.
            let _ = set("cpu.idle", "1".to_owned());
        }
        set("cgroup.procs", child.to_string())?;
        Ok(group)
    }
}

fn create(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

/// A child's group. Goes with it, when the child is gone.
#[derive(Debug)]
pub(crate) struct Group(PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::debug!(%error, group = %self.0.display(), "a cgroup stays until the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that looks like a group. The system makes the files of a group; writing makes them here.
    fn group(controllers: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cgroup.controllers"), controllers).unwrap();
        folder
    }

    #[test]
    fn a_child_gets_what_its_batch_may_use_and_no_more() {
        let folder = group("cpuset cpu io memory pids");
        // Of nobody, as there is no process of that number, and of one that lives.
        let left = format!("batch-{}-1", u32::MAX);
        let other = format!("batch-{}-1", std::process::id());
        fs::create_dir(folder.path().join(&left)).unwrap();
        fs::create_dir(folder.path().join(&other)).unwrap();
        let groups = Groups::take(folder.path(), 42).unwrap();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&folder.path().join("worker/cgroup.procs")), "42");
        let enabled = read(&folder.path().join("cgroup.subtree_control"));
        assert_eq!(enabled, "+memory +pids +cpu");
        assert!(!folder.path().join(left).exists(), "left over");
        assert!(folder.path().join(other).exists(), "another's");

        let child = groups.add(77, 1 << 30, 3, false).unwrap();
        let value = |file: &str| read(&child.0.join(file));
        assert_eq!(
            value("memory.max"),
            ((1u64 << 30) + KERNEL_MEMORY).to_string()
        );
        assert_eq!(value("memory.swap.max"), "0");
        assert_eq!(value("pids.max"), "7");
        assert_eq!(value("cpu.max"), "300000 100000");
        assert_eq!(value("cgroup.procs"), "77");
        assert!(!child.0.join("cpu.weight").exists());
        let other = groups.add(78, 1 << 30, 3, true).unwrap();
        assert_ne!(child.0, other.0);
        assert_eq!(read(&other.0.join("cpu.weight")), "1");
        assert_eq!(read(&other.0.join("cpu.idle")), "1");
    }

    #[test]
    fn what_is_not_delegated_is_left_alone_and_said() {
        let folder = group("memory");
        let reason = Groups::take(folder.path(), 42).unwrap_err();
        assert!(
            reason.contains("pids and cpu") && reason.contains("Delegate=yes"),
            "{reason}"
        );
        assert!(!folder.path().join("worker").exists());

        // Controllers that cannot be enabled: the process goes back to where it was.
        let folder = group("memory pids cpu");
        fs::create_dir(folder.path().join("cgroup.subtree_control")).unwrap();
        let reason = Groups::take(folder.path(), 42).unwrap_err();
        assert!(reason.contains("not delegated"), "{reason}");
        let back = fs::read_to_string(folder.path().join("cgroup.procs")).unwrap();
        assert_eq!(back, "42");
    }
}
