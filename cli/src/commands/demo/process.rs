//! Child programs that never outlive this one.
//!
//! Each runs in its own process group, so that a Ctrl-C in the terminal reaches only us and we stop the
//! others in order; if we are killed, the kernel kills them (`PR_SET_PDEATHSIG`).

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::mpsc,
};

use crate::Error;

/// How long a program has to end by itself after a TERM before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How long to wait for a line of a program's log before something is clearly wrong.
const PATIENCE: Duration = Duration::from_secs(120);
/// Lines of a log that an error shows.
const TAIL: usize = 15;

/// A running child. Dropping it kills it; [`Program::stop`] lets it end by itself.
pub(super) struct Program {
    name: String,
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    log: PathBuf,
}

impl Program {
    /// Starts a program whose output goes to `log`.
    ///
    /// Must be called on a thread that lives as long as this process: the kernel takes the end of the
    /// starting *thread* for the parent's. The main thread, which drives the command's future, does.
    pub(super) async fn start(
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: PathBuf,
    ) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        #[cfg(target_os = "linux")]
        die_with_parent(&mut command);
        let mut child = command.spawn().map_err(Error::file("start", program))?;
        let (sender, lines) = mpsc::unbounded_channel();
        let file = tokio::fs::File::create(&log)
            .await
            .map_err(Error::file("write", &log))?;
        let (collect, collected) = mpsc::unbounded_channel::<String>();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read(stdout, collect.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(read(stderr, collect));
        }
        tokio::spawn(keep(collected, file, sender));
        Ok(Self {
            name: name.into(),
            child,
            lines,
            log,
        })
    }

    /// Waits for a line that contains `text` and returns it.
    pub(super) async fn wait_for(&mut self, text: &str) -> Result<String, Error> {
        let wait = async {
            while let Some(line) = self.lines.recv().await {
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err(self.failure("ended before it was ready")),
            Err(_) => Err(self.failure(&format!("did not say `{text}` in {PATIENCE:?}"))),
        }
    }

    /// Completes, with the reason, when the program ends.
    pub(super) async fn ended(&mut self) -> Error {
        let status = self.child.wait().await;
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.failure(&format!("ended ({how})"))
    }

    fn failure(&self, what: &str) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n  ");
        Error::Demo(format!(
            "{} {what}; the end of its log:\n  {tail}",
            self.name
        ))
    }

    /// Asks the program to end and waits for it; kills its whole group if it does not in time.
    pub(super) async fn stop(mut self) {
        let Some(id) = self.child.id() else { return };
        signal_group(id, libc::SIGTERM);
        if tokio::time::timeout(GRACE, self.child.wait())
            .await
            .is_err()
        {
            signal_group(id, libc::SIGKILL);
            // An error means that it is gone already.
            let _ = self.child.wait().await;
        }
    }
}

/// Signals a process group that we made; it exists until its leader has been waited for.
fn signal_group(leader: u32, signal: i32) {
    let Ok(leader) = i32::try_from(leader) else {
        return;
    };
    // SAFETY: `kill` has no memory effects; the group is our child's own, made by `process_group(0)`.
    unsafe {
        libc::kill(-leader, signal);
    }
}

/// Lets the kernel kill the child when this process dies, however it dies.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let prepare = move || {
        // SAFETY: `prctl` and `getppid` are async-signal-safe and touch no memory of ours.
        let failed = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0;
        if failed {
            return Err(std::io::Error::last_os_error());
        }
        // The parent may have died before the call above.
        let orphaned = unsafe { libc::getppid() } as u32 != parent;
        if orphaned {
            Err(std::io::ErrorKind::Interrupted.into())
        } else {
            Ok(())
        }
    };
    // SAFETY: between fork and exec the closure makes only the two system calls above.
    unsafe {
        command.pre_exec(prepare);
    }
}

async fn read(stream: impl AsyncRead + Unpin, to: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        if to
            .send(String::from_utf8_lossy(&line).into_owned())
            .is_err()
        {
            return;
        }
    }
}

async fn keep(
    mut lines: mpsc::UnboundedReceiver<String>,
    mut log: tokio::fs::File,
    to: mpsc::UnboundedSender<String>,
) {
    while let Some(line) = lines.recv().await {
        // A log that cannot be written, on a full disk say, must not stop the program behind it.
        let _ = log.write_all(format!("{line}\n").as_bytes()).await;
        let _ = log.flush().await;
        let _ = to.send(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str) -> (tempfile::TempDir, Program) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let program = Program::start("shell", Path::new("/bin/sh"), ["-c", script], log)
            .await
            .unwrap();
        (folder, program)
    }

    #[tokio::test]
    async fn lines_are_awaited_and_kept() {
        let (folder, mut program) = shell("echo one; echo two >&2; exec sleep 600").await;
        program.wait_for("two").await.unwrap();
        program.stop().await;
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(log.contains("two"), "{log}");
    }

    #[tokio::test]
    async fn an_early_end_shows_the_log() {
        let (_folder, mut program) = shell("echo broken; exit 3").await;
        let error = program.wait_for("ready").await.unwrap_err().to_string();
        assert!(
            error.contains("ended before") && error.contains("broken"),
            "{error}"
        );
        let error = program.ended().await.to_string();
        assert!(error.contains('3'), "{error}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none");
        let started = Program::start("none", &missing, [""; 0], folder.path().join("log")).await;
        let error = started.err().unwrap().to_string();
        assert!(
            error.contains("none") && error.contains("check the path"),
            "{error}"
        );
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_whole_group_ends() {
        let (_folder, mut program) = shell("sleep 600 & echo child $!; wait").await;
        let line = program.wait_for("child").await.unwrap();
        let child: i32 = line.rsplit(' ').next().unwrap().parse().unwrap();
        program.stop().await;
        // Its parent, our shell, is gone, so it may stay a zombie until init looks; the test's own time limit
        // bounds the wait.
        let runs = || {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z")
        };
        while runs() {
            tokio::task::yield_now().await;
        }
    }
}
