//! Three engines that run the same program: the executor, Node.js with its own WASI, and wasmtime as it comes with its own WASI, as PyPI
//! carries it. What a program comes to must not depend on which one runs it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};
use sungrid_executor::{CacheConfig, Engine, Exit, Limits, Outcome, Task};
use tempfile::TempDir;

use crate::{process::target, root};

/// The variables that every program sees.
const VARIABLES: [(&str, &str); 2] = [("SUNGRID_UNIT", "0"), ("SUNGRID_UNITS", "1")];

/// A program with its arguments (the first is its name), what it reads from stdin, and the files that it finds below `/in`.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The module's file.
    pub module: &'a Path,
    /// Arguments.
    pub args: &'a [&'a str],
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Paths below `/in` and their content.
    pub files: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Case<'a> {
    /// A program that reads nothing.
    #[must_use]
    pub const fn new(module: &'a Path, args: &'a [&'a str]) -> Self {
        Self {
            module,
            args,
            stdin: Vec::new(),
            files: Vec::new(),
        }
    }

    /// With files below `/in`.
    #[must_use]
    pub fn files(mut self, files: Vec<(&'a str, Vec<u8>)>) -> Self {
        self.files = files;
        self
    }

    /// With something to read from stdin.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Vec<u8>>) -> Self {
        self.stdin = stdin.into();
        self
    }
}

/// What a program came to, as far as it does not depend on where it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Exit status.
    pub exit: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The files it left below `/out`.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Seen {
    /// Where this first differs from `other`, in words; `None` if it does not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let first = |name: &str, ours: &str, theirs: &str| {
            let lines = ours.lines().zip(theirs.lines());
            let line = lines.enumerate().find(|(_, (ours, theirs))| ours != theirs);
            line.map_or_else(
                || format!("{name} is longer in one: {ours:?}, {theirs:?}"),
                |(n, (ours, theirs))| format!("{name}, line {}: {ours:?}, {theirs:?}", n + 1),
            )
        };
        if self.stdout != other.stdout {
            return Some(first("stdout", &self.stdout, &other.stdout));
        }
        if self.stderr != other.stderr {
            return Some(first("stderr", &self.stderr, &other.stderr));
        }
        if self.exit != other.exit {
            return Some(format!("exit status: {}, {}", self.exit, other.exit));
        }
        let mut names = self.files.keys().chain(other.files.keys());
        let name = names.find(|name| self.files.get(*name) != other.files.get(*name))?;
        let text = |files: &BTreeMap<String, Vec<u8>>| {
            let bytes = files.get(name).map(|bytes| String::from_utf8_lossy(bytes));
            bytes.map_or_else(|| "is not there".to_owned(), std::borrow::Cow::into_owned)
        };
        Some(first(name, &text(&self.files), &text(&other.files)))
    }
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        // Kept between tests, each of which is a process: CPython takes half a minute to compile.
        let cache = CacheConfig {
            directory: target().join("tmp/modules"),
            max_bytes: 1 << 30,
        };
        Engine::new(Some(cache)).expect("an engine")
    })
}

/// Runs a program in the executor.
///
/// # Panics
/// If it cannot be compiled or run.
#[must_use]
pub fn outcome(case: &Case<'_>) -> Outcome {
    let module = fs::read(case.module).expect("the module is there");
    let module = engine().compile(&module).expect("it compiles");
    let files = case.files.iter();
    let task = Task {
        args: case.args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: VARIABLES
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        stdin: case.stdin.clone().into(),
        files: files
            .map(|(name, bytes)| ((*name).to_owned(), bytes.clone().into()))
            .collect(),
        ..Task::default()
    };
    let limits = Limits {
        fuel: 100_000_000_000,
        ..Limits::default()
    };
    engine().run(&module, &task, &limits).expect("a result")
}

/// What a program comes to in the executor.
///
/// # Panics
/// If it does not end by itself, or says what is no text.
#[must_use]
pub fn executor(case: &Case<'_>) -> Seen {
    let outcome = outcome(case);
    let Exit::Code(exit) = outcome.exit else {
        panic!(
            "{:?}: {}\n{}",
            case.args,
            outcome.exit,
            String::from_utf8_lossy(&outcome.stderr)
        );
    };
    Seen {
        exit: exit.into(),
        stdout: text(outcome.stdout),
        stderr: text(outcome.stderr),
        files: outcome.files,
    }
}

/// What a program comes to under Node's WebAssembly and WASI.
///
/// # Panics
/// If Node is not there or the program does not end by itself.
#[must_use]
pub fn node(case: &Case<'_>) -> Seen {
    let folders = Folders::new(case);
    let ran = Command::new("node")
        .args(["--no-warnings", "--stack-size=4000"])
        .arg(root().join("scripts/js/wasi.mjs"))
        .args([case.module, &folders.at("in"), &folders.at("out")])
        .args(case.args)
        .stdin(File::open(folders.at("stdin")).expect("a file"))
        .output()
        .expect("node runs");
    Seen {
        exit: ran.status.code().expect("it ended by itself"),
        stdout: text(ran.stdout),
        stderr: text(ran.stderr),
        files: folders.left(),
    }
}

/// A process that runs programs under wasmtime as it comes.
#[derive(Debug)]
pub struct Wasmtime {
    process: Child,
    cases: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Wasmtime {
    /// Starts it.
    ///
    /// # Panics
    /// If wasmtime was not installed.
    #[must_use]
    pub fn start() -> Self {
        let folder = root().join("scripts/py");
        let python = folder.join("venv/bin/python");
        assert!(
            python.exists(),
            "wasmtime is not there: run scripts/py/setup"
        );
        let mut process = Command::new(python)
            .arg(folder.join("wasi.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python runs");
        let cases = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Self {
            process,
            cases,
            answers,
        }
    }

    /// What a program comes to, or what it trapped with.
    ///
    /// # Errors
    /// The trap, in wasmtime's words.
    ///
    /// # Panics
    /// If the process does not answer, or the program says what is no text.
    pub fn run(&mut self, case: &Case<'_>) -> Result<Seen, String> {
        let folders = Folders::new(case);
        let line = json!({
            "module": case.module,
            "args": case.args,
            "env": VARIABLES,
            "in": folders.at("in"),
            "out": folders.at("out"),
            "stdin": folders.at("stdin"),
            "stdout": folders.at("stdout"),
            "stderr": folders.at("stderr"),
        });
        writeln!(self.cases, "{line}").expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        let answer: Value = serde_json::from_str(&answer).expect("its answer, not its end");
        let Some(exit) = answer["exit"].as_i64() else {
            return Err(answer["trap"].as_str().unwrap_or_default().to_owned());
        };
        Ok(Seen {
            exit: exit.try_into().expect("a status"),
            stdout: text(fs::read(folders.at("stdout")).expect("its stdout")),
            stderr: text(fs::read(folders.at("stderr")).expect("its stderr")),
            files: folders.left(),
        })
    }
}

impl Drop for Wasmtime {
    fn drop(&mut self) {
        // It has nothing that is not this test's.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A case on disk, for engines that see real files.
struct Folders(TempDir);

impl Folders {
    fn new(case: &Case<'_>) -> Self {
        let folders = Self(TempDir::new().expect("a temporary folder"));
        for name in ["in", "out"] {
            fs::create_dir(folders.at(name)).expect("a folder");
        }
        for (name, bytes) in &case.files {
            let path = folders.at("in").join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
        fs::write(folders.at("stdin"), &case.stdin).expect("a file");
        folders
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn left(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        read_below(&self.at("out"), "", &mut files);
        files
    }
}

/// Adds the files of a folder and those below it, by path, to `files`.
///
/// # Panics
/// If one cannot be read.
pub fn read_below(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let below = format!("{name}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_below(&entry.path(), &format!("{below}/"), files);
        } else {
            files.insert(below, fs::read(entry.path()).expect("a file"));
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}
