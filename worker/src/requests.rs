//! What commands ask of a running worker and wait for: a file with the question, a file with the answer, in the data folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use serde::{Serialize, de::DeserializeOwned};
use tracing::{debug, warn};

use crate::control;

/// The folder of questions and answers in the data folder.
const FOLDER: &str = "requests";
const QUESTION: &str = "question";
const ANSWER: &str = "answer";
/// How often the worker looks for questions, and who asked for an answer.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A longer question is none.
const MAX_QUESTION: u64 = 64 << 10;
/// Questions that are answered in one look.
const AT_ONCE: usize = 16;
/// Answers that nobody fetched go after this long.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The data folder does not take it.
    #[error("the request cannot be left in {path}: {source}")]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is the worker's to create: by another user created, it could not answer there.
    #[error(
        "{0} is not there or not open to you: start the worker again, or run this as the user it runs as"
    )]
    Closed(PathBuf),
    /// The worker ended, or is busy beyond reason.
    #[error("the worker did not answer within {0:?}: look at its log, and try again")]
    NoAnswer(Duration),
    /// The worker refused, in its words.
    #[error("{0}")]
    Refused(String),
}

/// Asks the worker of a folder and waits for its answer.
///
/// # Errors
/// [`RequestError`].
pub async fn ask<A: DeserializeOwned>(
    folder: &Path,
    question: &impl Serialize,
    wait: Duration,
) -> Result<A, RequestError> {
    let requests = folder.join(FOLDER);
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            RequestError::Closed(requests.clone())
        }
        _ => RequestError::Folder {
            path: requests.clone(),
            source,
        },
    };
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| failed(io::Error::other(error.to_string())))?;
    let question = serde_json::to_vec(question).map_err(|error| failed(error.into()))?;
    let (asked, answered) = (
        requests.join(hex::encode(id)).with_extension(QUESTION),
        requests.join(hex::encode(id)).with_extension(ANSWER),
    );
    write(&asked, &question).map_err(failed)?;
    let since = Instant::now();
    loop {
        match fs::read(&answered) {
            Ok(answer) => {
                // If it stays, the worker removes it one day.
                let _ = fs::remove_file(&answered);
                let answer: Result<A, String> =
                    serde_json::from_slice(&answer).map_err(|error| failed(error.into()))?;
                return answer.map_err(RequestError::Refused);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        if since.elapsed() > wait || !control::is_running(folder) {
            let _ = fs::remove_file(&asked);
            return Err(RequestError::NoAnswer(since.elapsed()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Has the folder ready for questions: its owner, who runs the worker, and no other user writes there.
pub(crate) fn open(folder: &Path) -> io::Result<()> {
    let requests = folder.join(FOLDER);
    fs::create_dir_all(&requests)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Refused if it is another user's, who left it behind.
        fs::set_permissions(&requests, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Answers what is asked in a folder, until it is dropped.
pub(crate) async fn serve<Q, A, F>(folder: PathBuf, answer: impl Fn(Q) -> F)
where
    Q: DeserializeOwned,
    A: Serialize,
    F: Future<Output = Result<A, String>>,
{
    let requests = folder.join(FOLDER);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for path in waiting(&requests) {
            let answer = match question(&path) {
                Ok(question) => answer(question).await,
                Err(reason) => Err(reason),
            };
            let done = serde_json::to_vec(&answer)
                .map_err(io::Error::from)
                .and_then(|answer| write(&path.with_extension(ANSWER), &answer))
                .and_then(|()| fs::remove_file(&path));
            if let Err(error) = done {
                warn!(%error, path = %path.display(), "a command gets no answer");
            }
        }
    }
}

/// Questions that are there; old answers go.
fn waiting(requests: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(requests) else {
        return Vec::new();
    };
    let mut waiting = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == QUESTION)
        {
            waiting.push(path);
            if waiting.len() == AT_ONCE {
                break;
            }
            continue;
        }
        let age = entry.metadata().and_then(|metadata| metadata.modified());
        let age = age.map(|written| SystemTime::now().duration_since(written));
        if matches!(age, Ok(Ok(age)) if age > FORGET_AFTER)
            && let Err(error) = fs::remove_file(&path)
        {
            debug!(%error, path = %path.display(), "an old answer stays");
        }
    }
    waiting
}

fn question<Q: DeserializeOwned>(path: &Path) -> Result<Q, String> {
    let metadata = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() || metadata.len() > MAX_QUESTION {
        return Err("no question of this program".into());
    }
    let text = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| format!("no question of this version: {error}"))
}

/// Writes a file that is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    fs::write(&beside, bytes)?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(60);

    async fn doubled(number: u64) -> Result<u64, String> {
        number.checked_mul(2).ok_or_else(|| "too much".into())
    }

    #[tokio::test]
    async fn a_running_worker_answers_each_its_own_and_refuses_in_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let _lock = control::lock(folder.path()).expect("takes it");
        open(folder.path()).expect("opens it");
        let serving = serve(folder.path().into(), doubled);
        let asking = async {
            let (one, two, refused) = tokio::join!(
                ask::<u64>(folder.path(), &1, WAIT),
                ask::<u64>(folder.path(), &20, WAIT),
                ask::<u64>(folder.path(), &u64::MAX, WAIT),
            );
            assert_eq!((one.expect("an answer"), two.expect("an answer")), (2, 40));
            assert_eq!(refused.expect_err("too much").to_string(), "too much");
            let nonsense = ask::<u64>(folder.path(), &"no number", WAIT).await;
            let nonsense = nonsense.expect_err("no question").to_string();
            assert!(
                nonsense.contains("no question of this version"),
                "{nonsense}"
            );
            let long = ask::<u64>(folder.path(), &"x".repeat(70_000), WAIT).await;
            assert!(long.is_err());
        };
        tokio::select! {
            () = serving => unreachable!("it serves for ever"),
            () = asking => {}
        }
        let left = fs::read_dir(folder.path().join(FOLDER)).expect("lists");
        assert_eq!(left.count(), 0, "nothing is left behind");
    }

    #[tokio::test]
    async fn a_worker_that_has_ended_or_is_silent_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        open(folder.path()).expect("opens it");
        let ended = ask::<u64>(folder.path(), &1, WAIT).await;
        assert!(matches!(ended, Err(RequestError::NoAnswer(_))), "{ended:?}");
        let _lock = control::lock(folder.path()).expect("takes it");
        let silent = ask::<u64>(folder.path(), &1, Duration::ZERO).await;
        assert!(
            matches!(silent, Err(RequestError::NoAnswer(_))),
            "{silent:?}"
        );
        let left = fs::read_dir(folder.path().join(FOLDER)).expect("lists");
        assert_eq!(left.count(), 0, "nobody answers it any more");
    }

    #[tokio::test]
    async fn only_the_worker_opens_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let _lock = control::lock(folder.path()).expect("takes it");
        let closed = ask::<u64>(folder.path(), &1, Duration::ZERO).await;
        assert!(matches!(closed, Err(RequestError::Closed(_))), "{closed:?}");
        let requests = folder.path().join(FOLDER);
        assert!(!requests.exists(), "it would be the asking user's");
        // Twice: it is there at the next start.
        for _ in 0..2 {
            open(folder.path()).expect("opens it");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(requests).expect("it is there").permissions();
            assert_eq!(mode.mode() & 0o777, 0o700);
        }
    }
}
