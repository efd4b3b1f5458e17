//! `sungrid-worker drain`: what an upgrade and a service manager do before they stop a worker.

use std::time::{Duration, Instant};

use clap::Args;

use super::{CommandError, Folder};
use crate::{
    control::{self, Goal},
    daemon::DaemonError,
};

/// Between two looks at the worker.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(super) struct Drain {
    #[command(flatten)]
    folder: Folder,
    /// Wait for the decision on every batch as well: before an upgrade that changes the environment.
    #[arg(long)]
    settled: bool,
    /// Tell the worker, and do not wait until it has ended.
    #[arg(long)]
    no_wait: bool,
    /// Take it back: the worker claims again.
    #[arg(long, conflicts_with_all = ["settled", "no_wait"])]
    cancel: bool,
    /// Seconds to wait at most. The worker goes on draining after that.
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800)]
    timeout: u64,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn drain(args: Drain) -> Result<(), CommandError> {
    let folder = &args.folder.data_dir;
    let wrap = |source| DaemonError::Folder {
        path: folder.clone(),
        source,
    };
    let say = |drained: bool, text: &str| {
        if args.json {
            println!("{}", serde_json::json!({ "drained": drained }));
        } else {
            println!("{text}");
        }
    };
    if args.cancel {
        let text = match control::cancel(folder).map_err(wrap)? {
            true => "not draining any more",
            false => "nothing was draining",
        };
        say(false, text);
        return Ok(());
    }
    if !control::is_running(folder) {
        say(true, "no worker runs here: there is nothing to drain");
        return Ok(());
    }
    let process = control::holder(folder);
    let goal = match args.settled {
        true => Goal::Settled,
        false => Goal::Delivered,
    };
    control::drain(folder, goal).map_err(wrap)?;
    if args.no_wait {
        say(false, "the worker finishes what is in hand, and ends then");
        return Ok(());
    }
    let until = Instant::now() + Duration::from_secs(args.timeout);
    let mut told = None;
    // A service manager may have started it anew between two looks.
    while control::is_running(folder) && control::holder(folder) == process {
        let status = control::status(folder).unwrap_or_default();
        let left = (status.computing, status.undecided);
        if told != Some(left) {
            told = Some(left);
            eprintln!("draining: {} computing, {} undecided", left.0, left.1);
        }
        if Instant::now() >= until {
            return Err(CommandError::StillDraining {
                seconds: args.timeout,
                computing: left.0,
                undecided: left.1,
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    say(true, "drained: the worker has ended");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(folder: &std::path::Path) -> Drain {
        Drain {
            folder: Folder {
                data_dir: folder.into(),
            },
            settled: false,
            no_wait: false,
            cancel: false,
            timeout: 0,
            json: false,
        }
    }

    #[tokio::test]
    async fn it_waits_until_the_worker_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = control::lock(folder.path()).expect("a worker");
        // As the daemon does it: end when told.
        let path = folder.path().to_owned();
        let worker = tokio::spawn(async move {
            let (goal, mut told) = tokio::sync::watch::channel(None);
            let listener = tokio::spawn(control::listen(path, goal));
            let goal = *told.wait_for(Option::is_some).await.expect("listens");
            drop(held);
            listener.abort();
            goal
        });
        let mut args = args(folder.path());
        args.settled = true;
        args.timeout = 600;
        drain(args).await.expect("drains");
        assert!(!control::is_running(folder.path()));
        assert_eq!(worker.await.expect("ends"), Some(Goal::Settled));
    }

    #[tokio::test]
    async fn who_does_not_end_in_time_is_an_error_and_goes_on_draining() {
        let folder = tempfile::tempdir().expect("a folder");
        let _held = control::lock(folder.path()).expect("a worker");
        let error = drain(args(folder.path())).await.expect_err("it goes on");
        assert!(matches!(error, CommandError::StillDraining { .. }));
        assert_eq!(control::told(folder.path()), Some(Goal::Delivered));
        let cancel = Drain {
            cancel: true,
            ..args(folder.path())
        };
        drain(cancel).await.expect("takes it back");
        assert_eq!(control::told(folder.path()), None);
    }

    #[tokio::test]
    async fn without_a_worker_nothing_is_left_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        drain(args(folder.path())).await.expect("nothing to do");
        assert_eq!(control::told(folder.path()), None);
    }
}
