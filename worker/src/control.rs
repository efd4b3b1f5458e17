//! What the commands tell a running worker, and who holds its data folder: files in the folder, so that it works alike on
//! every system and needs no permission but that to the folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use fs2::FileExt;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::info;

use crate::{daemon::DaemonError, metrics::Status};

/// Name of the status file in the data folder.
pub const STATUS_FILE: &str = "status.json";
const LOCK_FILE: &str = "lock";
const DRAIN_FILE: &str = "drain";
/// How often the worker looks whether it was told something: one question to the file system. Longer, and who drains waits
/// for it; shorter, and an idle machine is woken more often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How far a worker drains before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Everything claimed is computed, committed and revealed: nothing can be missed while it is away.
    Delivered,
    /// Everything is decided as well: nothing of it is in flight, so that even the environment may change.
    Settled,
}

/// Tells the worker of a folder to drain.
pub fn drain(folder: &Path, goal: Goal) -> io::Result<()> {
    let path = folder.join(DRAIN_FILE);
    let beside = path.with_extension("tmp");
    fs::write(&beside, serde_json::to_vec(&goal)?)?;
    fs::rename(beside, path)
}

/// Takes it back; whether there was something to take back.
pub fn cancel(folder: &Path) -> io::Result<bool> {
    match fs::remove_file(folder.join(DRAIN_FILE)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What the worker was told; a file that says nothing readable means the nearer goal.
pub fn told(folder: &Path) -> Option<Goal> {
    let text = fs::read(folder.join(DRAIN_FILE)).ok()?;
    Some(serde_json::from_slice(&text).unwrap_or(Goal::Delivered))
}

/// Passes on what is told, until the receivers are gone.
pub(crate) async fn listen(folder: PathBuf, goal: watch::Sender<Option<Goal>>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = goal.closed() => return,
        }
        let now = told(&folder);
        goal.send_if_modified(|before| {
            let changed = *before != now;
            if changed {
                match now {
                    Some(_) => info!("draining: finishing what is in hand, claiming nothing new"),
                    None => info!("not draining any more"),
                }
            }
            *before = now;
            changed
        });
    }
}

/// Takes the data folder for this process, until the handle goes away.
pub fn lock(folder: &Path) -> Result<File, DaemonError> {
    let path = folder.join(LOCK_FILE);
    let wrap = |source| DaemonError::Folder {
        path: path.clone(),
        source,
    };
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    let mut file = options.open(&path).map_err(wrap)?;
    if file.try_lock_exclusive().is_err() {
        let by = holder(folder).map_or_else(String::new, |pid| format!(" (process {pid})"));
        return Err(DaemonError::Locked(folder.into(), by));
    }
    file.set_len(0).map_err(wrap)?;
    writeln!(file, "{}", std::process::id()).map_err(wrap)?;
    Ok(file)
}

/// The process that took the folder last, as it said itself.
pub fn holder(folder: &Path) -> Option<u32> {
    let mut text = String::new();
    let file = File::open(folder.join(LOCK_FILE)).ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether a worker runs in the folder.
pub fn is_running(folder: &Path) -> bool {
    is_locked(&folder.join(LOCK_FILE))
}

/// Whether some process holds a lock on a file.
pub(crate) fn is_locked(path: &Path) -> bool {
    // Opened without creating: asking leaves no trace.
    File::open(path).is_ok_and(|file| {
        let free = FileExt::try_lock_shared(&file).is_ok();
        if free {
            // Closing the file unlocks it as well.
            let _ = FileExt::unlock(&file);
        }
        !free
    })
}

/// What the worker of a folder wrote about itself last.
pub fn status(folder: &Path) -> Option<Status> {
    serde_json::from_slice(&fs::read(folder.join(STATUS_FILE)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_worker_and_says_which() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!is_running(folder.path()));
        let held = lock(folder.path()).expect("takes it");
        assert!(is_running(folder.path()));
        assert_eq!(holder(folder.path()), Some(std::process::id()));
        let error = lock(folder.path()).expect_err("it is taken").to_string();
        let pid = std::process::id().to_string();
        assert!(
            error.contains(&pid) && error.contains("--data-dir"),
            "{error}"
        );
        // Who failed to take it left the holder's name in it.
        assert_eq!(holder(folder.path()), Some(std::process::id()));
        drop(held);
        assert!(!is_running(folder.path()));
        lock(folder.path()).expect("takes it again");
    }

    #[test]
    fn what_is_told_is_heard_and_can_be_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(told(folder.path()), None);
        for goal in [Goal::Delivered, Goal::Settled] {
            drain(folder.path(), goal).expect("tells");
            assert_eq!(told(folder.path()), Some(goal));
        }
        fs::write(folder.path().join(DRAIN_FILE), "").expect("touches");
        assert_eq!(told(folder.path()), Some(Goal::Delivered));
        assert!(cancel(folder.path()).expect("takes back"));
        assert!(!cancel(folder.path()).expect("there is nothing"));
        assert_eq!(told(folder.path()), None);
    }

    #[tokio::test]
    async fn a_running_worker_hears_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (sender, mut heard) = watch::channel(None);
        let listener = tokio::spawn(listen(folder.path().into(), sender));
        drain(folder.path(), Goal::Settled).expect("tells");
        let goal = heard.wait_for(Option::is_some).await.expect("listens");
        assert_eq!(*goal, Some(Goal::Settled));
        drop(goal);
        cancel(folder.path()).expect("takes back");
        heard.wait_for(Option::is_none).await.expect("listens");
        drop(heard);
        listener.await.expect("it ends when nobody listens");
    }
}
