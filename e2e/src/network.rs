//! A node, workers, and the command line.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, binary};

/// Blocks in a round of the test chain: 30 s, so that tests see income being split.
const ROUND: u32 = 10;

/// A node of a development chain: blocks every 3 s, rounds of [`ROUND`] blocks.
pub struct Node {
    process: Option<Process>,
    folder: TempDir,
    arguments: Vec<String>,
    host: String,
    port: u16,
}

impl Node {
    /// Starts a fresh development chain, with this node as its one validator, on ports that the system picks.
    pub fn dev() -> Self {
        Self::dev_with(&[], |spec| spec)
    }

    /// The same, which serves other machines, too, at this address.
    pub fn dev_at(host: &str) -> Self {
        let open = ["--unsafe-rpc-external", "--rpc-cors", "all"];
        let mut node = Self::dev_with(&open, |spec| spec);
        node.host = host.into();
        node
    }

    /// The same, where nothing counts of a worker's capacity before it is proven.
    pub fn dev_of_strangers() -> Self {
        Self::dev_with(&[], |spec| {
            let (allowance, counts) = ("\"allowance\": ", "1000000000");
            let whole = format!("{allowance}{counts}");
            assert_eq!(spec.matches(&whole).count(), 1, "{spec}");
            spec.replace(&whole, &format!("{allowance}0"))
        })
    }

    /// The same, where witnesses have so many blocks to fetch outputs.
    pub fn dev_with_witnesses_for(blocks: u32) -> Self {
        Self::dev_with(&[], |spec| {
            let rewards = "\"rewards\": {";
            assert!(
                spec.matches(rewards).count() == 1 && !spec.contains("witnessWindow"),
                "{spec}"
            );
            let window = format!("\"verification\": {{ \"witnessWindow\": {blocks} }},");
            spec.replace(rewards, &format!("{window} {rewards}"))
        })
    }

    fn dev_with(further: &[&str], change: impl FnOnce(String) -> String) -> Self {
        // A validator makes no network key by itself; any will do.
        let key = format!("{:064x}", 1);
        let arguments = [
            "--alice",
            "--validator",
            "--force-authoring",
            "--node-key",
            &key,
        ];
        let mut node = Self::new(&[&arguments[..], further].concat());
        node.write_spec("dev", change);
        node.start();
        node
    }

    /// Starts a fresh chain of two validators that know each other. Both keep all state, and talk to nobody but
    /// [whom they are told to](Self::meet).
    pub fn pair() -> [Self; 2] {
        let validator = |name, n: u8| {
            let key = format!("{n:064x}");
            let validator = [name, "--validator", "--force-authoring", "--node-key", &key];
            // The other backend keeps connections to peers that are not reserved any more.
            let network = ["--reserved-only", "--network-backend", "libp2p"];
            let state = ["--state-pruning", "archive"];
            Self::new(&[&validator[..], &network, &state].concat())
        };
        let mut pair = [validator("--alice", 1), validator("--bob", 2)];
        pair[0].write_spec("local", |spec| spec);
        std::fs::copy(pair[0].spec(), pair[1].spec()).expect("the specification can be copied");
        std::thread::scope(|scope| {
            for node in &mut pair {
                scope.spawn(|| node.start());
            }
        });
        pair[0].meet(&pair[1]);
        pair
    }

    /// Starts a node that makes no blocks, on the chain of `peers`, with further arguments.
    ///
    /// # Panics
    /// If it does not follow the chain in time.
    pub fn join(peers: &[&Self], arguments: &[&str]) -> Self {
        let mut node = Self::new(arguments);
        for peer in peers {
            node.arguments
                .extend(["--bootnodes".into(), peer.address()]);
        }
        std::fs::copy(peers[0].spec(), node.spec()).expect("the specification can be copied");
        node.start();
        node
    }

    fn new(arguments: &[&str]) -> Self {
        Self {
            process: None,
            folder: TempDir::new().expect("a temporary folder"),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            host: "127.0.0.1".into(),
            port: 0,
        }
    }

    fn spec(&self) -> PathBuf {
        self.folder.path().join("spec.json")
    }

    /// A known chain as it comes, but for the length of a round and what `change` does.
    fn write_spec(&self, chain: &str, change: impl FnOnce(String) -> String) {
        let output = Command::new(binary("sungrid-node"))
            .args(["export-chain-spec", "--chain", chain])
            .output()
            .expect("the node runs");
        assert!(
            output.status.success(),
            "export-chain-spec: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        // As text: amounts in planck are larger than the integers that a JSON value keeps.
        let spec = String::from_utf8(output.stdout).expect("the specification is text");
        let rewards = "\"rewards\": {";
        assert!(
            spec.matches(rewards).count() == 1 && !spec.contains("roundLength"),
            "another form of specification\n{spec}"
        );
        let spec = spec.replace(rewards, &format!("{rewards} \"roundLength\": {ROUND},"));
        std::fs::write(self.spec(), change(spec)).expect("the temporary folder takes a file");
    }

    /// Kills the node as a power cut would and starts it again on the same data and port.
    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// Kills the node; its data and port stay.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts the node on its data and port, and waits until it answers.
    pub fn start(&mut self) {
        let mut command = Command::new(binary("sungrid-node"));
        command
            .args(["--no-mdns", "--listen-addr", "/ip4/127.0.0.1/tcp/0"])
            .args(["--rpc-port", &self.port.to_string()])
            .args(["--prometheus-port", "0"])
            .args(&self.arguments)
            .arg("--chain")
            .arg(self.spec())
            .arg("--base-path")
            .arg(self.folder.path());
        let mut process = Process::start("sungrid-node", &mut command);
        let line = process.wait_for("Running JSON-RPC server: addr=");
        let address = line
            .split("addr=")
            .nth(1)
            .and_then(|rest| rest.split([',', ' ']).next());
        self.port = address
            .and_then(|address| address.rsplit(':').next())
            .and_then(|port| port.parse().ok())
            .unwrap_or_else(|| panic!("no port in {line:?}"));
        process.wait_for("Imported #");
        self.process = Some(process);
    }

    /// Runs a subcommand of the node, such as `check-block`, on this chain, and returns what it printed. The node has
    /// to be stopped; `folder`: another one than its own.
    ///
    /// # Panics
    /// With what it printed, if it fails.
    pub fn subcommand(&self, arguments: &[&str], folder: Option<&Path>) -> String {
        let output = Command::new(binary("sungrid-node"))
            .args(arguments)
            .arg("--chain")
            .arg(self.spec())
            .arg("--base-path")
            .arg(folder.unwrap_or(self.folder.path()))
            .output()
            .expect("the node runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} failed\n{text}");
        text
    }

    /// Process id.
    ///
    /// # Panics
    /// If it was stopped.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the node runs").id()
    }

    /// Sends a signal by its name, as `kill` takes it.
    ///
    /// # Panics
    /// If it was stopped.
    pub fn signal(&self, signal: &str) {
        self.process.as_ref().expect("the node runs").signal(signal);
    }

    /// Waits until this node has imported a block.
    pub fn wait_for_block(&mut self, number: u32) {
        let process = self.process.as_mut().expect("the node runs");
        process.wait_for(&format!("Imported #{number} "));
    }

    /// Everything that the node printed since it was started.
    ///
    /// # Panics
    /// If it was stopped.
    pub fn log(&mut self) -> String {
        self.process.as_mut().expect("the node runs").log()
    }

    /// Port of the RPC server.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// WebSocket address.
    pub fn url(&self) -> String {
        format!("ws://{}:{}", self.host, self.port)
    }
}

/// A worker daemon with its own folder.
pub struct Worker {
    name: String,
    program: PathBuf,
    process: Option<Process>,
    environment: Vec<(String, String)>,
    folder: TempDir,
}

impl Worker {
    /// Sets up and starts a worker whose operator is a development account such as `//Bob`.
    pub fn start(node: &Node, operator: &str) -> Self {
        Self::start_program(node, operator, binary("sungrid-worker"))
    }

    /// The same on the node at `url`, with settings that `change` writes.
    pub fn start_with(url: &str, operator: &str, change: impl FnOnce(String) -> String) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut worker = Self::prepare(folder, url, operator, change);
        worker.resume();
        worker
    }

    /// The same with another program that takes the same commands: the liar.
    pub fn start_program(node: &Node, operator: &str, program: PathBuf) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self::start_in(folder, &node.url(), operator, program, Vec::new())
    }

    /// The same in this folder, which is empty, on the chain of the node at `url`, with these variables.
    pub fn start_in(
        folder: TempDir,
        url: &str,
        operator: &str,
        program: PathBuf,
        environment: Vec<(String, String)>,
    ) -> Self {
        let mut worker = Self::prepare(folder, url, operator, |settings| settings);
        worker.environment = environment;
        worker.become_program(program);
        worker.resume();
        worker
    }

    /// Sets up a worker, which gets a key and settings, and does not start it.
    pub fn set_up(node: &Node, operator: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self::prepare(folder, &node.url(), operator, |settings| settings)
    }

    fn prepare(
        folder: TempDir,
        url: &str,
        operator: &str,
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let worker = Self {
            name: format!("worker of {operator}"),
            program: binary("sungrid-worker"),
            process: None,
            environment: Vec::new(),
            folder,
        };
        let output = Command::new(binary("sungrid-worker"))
            .args([
                "init",
                "--node",
                url,
                "--operator",
                operator,
                "--jurisdiction",
                "DE",
                "--plain-key",
                "--idle",
                "always",
                "--data-dir",
            ])
            .arg(worker.folder.path())
            .output()
            .expect("the worker runs");
        assert!(
            output.status.success(),
            "worker init: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        // Rounds are short here, so rewards are claimed more often than an operator would want to pay for.
        let settings = worker.folder.path().join("worker.toml");
        let text = std::fs::read_to_string(&settings).expect("init wrote the settings");
        assert!(text.contains("rewards_every = 50"), "{text}");
        std::fs::write(
            &settings,
            change(text.replace("rewards_every = 50", "rewards_every = 5")),
        )
        .expect("settings can be written");
        worker
    }

    /// What runs in this folder from the next start on.
    pub fn become_program(&mut self, program: PathBuf) {
        self.program = program;
    }

    /// What it logs from the next start on, as `RUST_LOG` says it.
    pub fn log_as(&mut self, filter: &str) {
        self.environment.push(("RUST_LOG".into(), filter.into()));
    }

    /// Runs a subcommand in its folder and returns what it printed.
    ///
    /// # Panics
    /// With what it printed, if it fails.
    pub fn subcommand(&self, arguments: &[&str]) -> String {
        let output = Command::new(binary("sungrid-worker"))
            .args(arguments)
            .arg("--data-dir")
            .arg(self.folder.path())
            .output()
            .expect("the worker runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{arguments:?} failed\n{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Starts the daemon on its folder and waits until it takes work.
    pub fn resume(&mut self) {
        self.launch();
        self.process().wait_for("ready for work");
    }

    /// Starts the daemon on its folder.
    pub fn launch(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["run", "--data-dir"]).arg(self.folder.path());
        command.envs(self.environment.iter().cloned());
        self.process = Some(Process::start(&self.name, &mut command));
    }

    /// The running daemon.
    ///
    /// # Panics
    /// If it was killed and not resumed.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the worker runs")
    }

    /// Kills the daemon as a power cut would; its folder stays. What it printed, if it ran.
    pub fn kill(&mut self) -> String {
        self.process.take().map_or_else(String::new, Process::kill)
    }

    /// Asks the daemon to end, waits for it, and returns whether it ended well and its log.
    pub fn terminate(&mut self) -> (bool, String) {
        let process = self.process.take().expect("the worker runs");
        process.signal("TERM");
        let (status, log) = process.finish();
        (status.success(), log)
    }

    /// Its folder: configuration, key, journal, blobs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Runs the command line to its end.
pub fn sungrid(node: &Node, arguments: &[&str]) -> Output {
    Command::new(binary("sungrid"))
        .args(["--node", &node.url()])
        .args(arguments)
        .output()
        .expect("the command line runs")
}

/// Runs the command line with `--json` and reads the object on its last line.
///
/// # Panics
/// With what it printed, if it fails or its last line is not JSON.
pub fn sungrid_json(node: &Node, arguments: &[&str]) -> Value {
    let output = sungrid(node, &[&["--json"], arguments].concat());
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "sungrid {arguments:?} failed\n{stdout}\n{stderr}"
    );
    stdout
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("sungrid {arguments:?} printed no JSON\n{stdout}\n{stderr}"))
}
