//! Child processes whose log lines can be awaited, and which never outlive their test.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long anything may take. A missed deadline of the chain heals within 240 s (commit, then reveal), so that
/// less would call a hiccup a hang.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A binary of this workspace, next to the running test.
///
/// # Panics
/// If it was not built: the tests do not build it, because cargo builds only one package's binaries
/// for a test.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    let folder = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("tests run in target/<profile>/deps");
    let path = [folder.join(name), folder.join("examples").join(name)]
        .into_iter()
        .find(|path| path.exists());
    path.unwrap_or_else(|| {
        panic!(
            "{name} is not built: run scripts/test, or cargo build --workspace --bins --examples"
        )
    })
}

/// Where cargo puts what it builds for these tests.
pub(crate) fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    let folder = test.ancestors().nth(3);
    folder
        .expect("tests run in target/<profile>/deps")
        .to_path_buf()
}

/// A program for the grid, as `guests/build` left it.
///
/// # Panics
/// If it was not built.
pub fn guest(name: &str) -> PathBuf {
    let path = target().join("guests").join(name).with_extension("wasm");
    assert!(
        path.exists(),
        "{} is not built: run guests/build",
        path.display()
    );
    path
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the workspace exists")
}

/// A running child. Its output is collected; dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`, reading its stdout and stderr.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (sender, lines) = channel();
        let readers = vec![
            read(
                child.stdout.take().expect("stdout is piped"),
                sender.clone(),
            ),
            read(child.stderr.take().expect("stderr is piped"), sender),
        ];
        Self {
            name: name.into(),
            child,
            lines,
            seen: Vec::new(),
            readers,
        }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a new line that contains `text` and returns it.
    ///
    /// # Panics
    /// With everything that was printed, if the process ends or is silent for too long.
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.seen.push(line);
                    let line = self.seen.last().expect("just pushed");
                    if line.contains(text) {
                        return line.clone();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{text:?} was never printed\n{}", self.log())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} was not printed before the end\n{}", self.log())
                }
            }
        }
    }

    /// Waits for a new line that contains any of these texts. `None`: the process ended before, or none came in time.
    pub fn wait_for_any(&mut self, texts: &[&str], patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            self.seen.push(line);
            let line = self.seen.last().expect("just pushed");
            if texts.iter().any(|text| line.contains(text)) {
                return Some(line.clone());
            }
        }
    }

    /// Whether the process ends within so long.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    /// Whether a text was printed so far.
    pub fn has_said(&mut self, text: &str) -> bool {
        self.seen.extend(self.lines.try_iter());
        self.seen.iter().any(|line| line.contains(text))
    }

    /// Everything printed so far, under a title.
    pub fn log(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        format!("---- {} ----\n{}", self.name, self.seen.join("\n"))
    }

    /// Sends a signal by its name, as `kill` takes it.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.id().to_string()])
            .status();
        assert!(
            status.expect("kill runs").success(),
            "{} takes no signal",
            self.name
        );
    }

    /// Waits until the process has ended by itself; returns its status and all it printed.
    pub fn finish(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("this does not end\n{}", self.log())
                }
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        (status, self.log())
    }

    /// Kills the process at once, as `kill -9` does, waits until it is gone, and returns all that it printed.
    pub fn kill(mut self) -> String {
        self.stop();
        self.log()
    }

    fn stop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

fn read(stream: impl Read + Send + 'static, sender: Sender<String>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if sender
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                break;
            }
        }
    })
}
