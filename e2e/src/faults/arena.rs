//! The network that faults happen to: two validators, workers of different operators, requesters who order without end.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    journal::Snapshot,
    shim::{Control, Shim},
};
use crate::{Node, Process, Worker, binary, guest, process::PATIENCE, root};

/// Operators of the workers; the nodes of each, the preferred one first.
const OPERATORS: [(&str, &[usize]); 3] =
    [("//Bob", &[0]), ("//Charlie", &[0]), ("//Dave", &[1, 0])];
/// The worker whose disk is small, and that is connected with the second node while that one is there.
pub(super) const REMOTE: usize = 2;
/// Size of the small disk, MiB: what its worker compiles and stores, and a large input.
const SMALL_DISK: u32 = 768;
/// Samples of a pixel: a tile takes a second or so.
const SAMPLES: u32 = 96;
/// Bytes of the large input: a second or so of transfer.
pub(super) const LARGE: usize = 96 << 20;
/// Until an order is decided: what anything may take, and the ten minutes for which the only result of a worker with a record stands
/// under `adaptive`.
pub(super) const UNTIL_DECIDED: Duration = PATIENCE.saturating_add(Duration::from_secs(600));
/// How results of the stream of jobs are verified.
const POLICIES: [&str; 3] = ["replicate:2", "adaptive", "quorum:75"];

/// A worker, with all of its lives.
pub(super) struct Hand {
    pub(super) worker: Worker,
    pub(super) control: Control,
    /// What earlier processes printed.
    pub(super) lives: Vec<String>,
    /// What the journal said when they died.
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) disk: Option<Mount>,
}

/// A file system of its own, for as long as this lives.
pub(super) struct Mount(PathBuf);

impl Mount {
    /// `None` where that needs more rights than this process has.
    fn small(path: &Path) -> Option<Self> {
        let size = format!("size={SMALL_DISK}m,mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(path)
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(path.into()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Whoever still has files open there is killed after this.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// An order that was followed to its end.
pub(super) struct Order {
    pub(super) policy: String,
    /// What the command line ended with; `None`: it failed.
    pub(super) summary: Option<Value>,
    pub(super) log: String,
}

/// A requester that orders one job after the other.
struct Stream {
    thread: JoinHandle<Vec<Order>>,
}

pub(super) struct Arena {
    // First, so that they end before the folders do.
    pub(super) hands: Vec<Hand>,
    pub(super) nodes: [Node; 2],
    streams: Vec<Stream>,
    pub(super) orders: Vec<Order>,
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU32>,
    pub(super) scene: Scene,
    /// Steps of workers on forks that were given up.
    pub(super) undone: usize,
    pub(super) folder: TempDir,
    started: Instant,
}

/// What the stream of jobs renders, and how.
#[derive(Clone)]
pub(super) struct Scene {
    files: Vec<PathBuf>,
}

impl Scene {
    /// The repository's scene for tests, with so much to do that a tile takes a while.
    fn write(folder: &Path) -> Self {
        let source = root().join("guests/renderer/scenes");
        std::fs::create_dir_all(folder).expect("a folder");
        let text = std::fs::read_to_string(source.join("test.scene")).expect("the scene exists");
        let lines = text.lines().map(|line| match line.split_once(' ') {
            Some(("samples", _)) => format!("samples {SAMPLES} rounds 3 noise 0"),
            _ => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n") + "\n";
        let mut files = vec![folder.join("test.scene")];
        std::fs::write(&files[0], text).expect("a file");
        for name in ["quad.obj", "cage.obj"] {
            let file = folder.join(name);
            std::fs::copy(source.join(name), &file).expect("the scene is whole");
            files.push(file);
        }
        Self { files }
    }

    /// The arguments of an order for so many of its tiles.
    pub(super) fn order(&self, units: u32, batch: u32, policy: &str) -> Vec<String> {
        let image = guest("renderer");
        let mut order: Vec<String> = ["job", "submit", "--image-arg", "renderer", "--image"]
            .map(String::from)
            .into();
        order.push(image.to_str().expect("a plain path").into());
        for file in &self.files {
            order.extend([
                "--input".into(),
                file.to_str().expect("a plain path").into(),
            ]);
        }
        let terms = [
            ("--units", units.to_string()),
            ("--batch-size", batch.to_string()),
            ("--policy", policy.into()),
            ("--memory-limit", "64MiB".into()),
        ];
        order.extend(
            terms
                .into_iter()
                .flat_map(|(name, value)| [name.into(), value]),
        );
        order
    }
}

/// What stands behind an order's terms.
pub(super) const TILE: [&str; 4] = ["--", "tile", "test.scene", "{unit}"];

impl Arena {
    pub(super) fn open() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let nodes = Node::pair();
        let shim = Shim::build(folder.path());
        let start = |n: usize, operator: &str, url: &str| {
            let control = Control::new(folder.path().join(format!("control-{n}")));
            let mut environment = shim.environment(&control);
            let settings = [
                ("LOG", "json"),
                ("LANES", "2"),
                // Measured, it would be whatever else runs on this machine that decides who takes work.
                ("LANE_MFUEL", "1000"),
                ("MEMORY_MIB", "2048"),
                ("STORAGE_MIB", "50000"),
            ];
            for (name, value) in settings {
                environment.push((format!("SUNGRID_WORKER_{name}"), value.into()));
            }
            let filter = "warn,sungrid_worker=debug,sungrid_chain_client=debug";
            environment.push(("RUST_LOG".into(), filter.into()));
            let data = TempDir::new().expect("a temporary folder");
            let disk = (n == REMOTE).then(|| Mount::small(data.path())).flatten();
            let program = binary("sungrid-worker");
            Hand {
                worker: Worker::start_in(data, url, operator, program, environment),
                control,
                lives: Vec::new(),
                snapshots: Vec::new(),
                disk,
            }
        };
        let hands = OPERATORS.into_iter().enumerate();
        let hands = hands.map(|(n, (operator, preferred))| {
            let urls: Vec<String> = preferred.iter().map(|node| nodes[*node].url()).collect();
            start(n, operator, &urls.join(","))
        });
        let hands = hands.collect();
        let scene = Scene::write(&folder.path().join("scene"));
        let large: Vec<u8> = (0..LARGE as u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        std::fs::write(folder.path().join("scene/large"), large).expect("a file");
        Self {
            hands,
            nodes,
            streams: Vec::new(),
            orders: Vec::new(),
            stop: Arc::default(),
            served: Arc::default(),
            scene,
            undone: 0,
            folder,
            started: Instant::now(),
        }
    }

    /// Says what happens.
    pub(super) fn say(&self, what: &str) {
        eprintln!("[{:4} s] {what}", self.started.elapsed().as_secs());
    }

    /// Has an account order one job after the other, until [`Self::close`].
    pub(super) fn order_all_the_time(&mut self, key: &'static str) {
        let (url, scene) = (self.nodes[0].url(), self.scene.clone());
        let (stop, served) = (self.stop.clone(), self.served.clone());
        let data = self.requester(key);
        let thread = std::thread::spawn(move || {
            let mut orders = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let n = served.fetch_add(1, Ordering::Relaxed);
                let policy = POLICIES[n as usize % POLICIES.len()];
                // Batches of one to three, and last ones that are smaller.
                let mut order = scene.order(4 + n % 3, 1 + n % 3, policy);
                order.extend(TILE.map(String::from));
                let mut process = Process::start(key, &mut command(&url, key, &data, &order));
                let ended = process.ends_within(UNTIL_DECIDED);
                let log = process.kill();
                // What its node did not take is no order.
                if ended && log.contains("cannot reach a node") && !log.contains("\"submitted\"") {
                    continue;
                }
                orders.push(Order {
                    policy: policy.into(),
                    summary: summary(&log).filter(|_| ended),
                    log,
                });
            }
            orders
        });
        self.streams.push(Stream { thread });
    }

    /// Data folder of an account.
    pub(super) fn requester(&self, key: &str) -> PathBuf {
        self.folder
            .path()
            .join("requesters")
            .join(key.trim_matches('/'))
    }

    /// A command of an account.
    pub(super) fn command(&self, key: &str, arguments: &[String]) -> Command {
        command(&self.nodes[0].url(), key, &self.requester(key), arguments)
    }

    /// No more orders; waits until those under way have come to their end.
    pub(super) fn close(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for stream in self.streams.drain(..) {
            let orders = stream.thread.join().expect("a stream does not panic");
            self.orders.extend(orders);
        }
    }

    /// Waits until workers have heard of the end of all that they did.
    pub(super) fn settle(&mut self) {
        let ended = poll(UNTIL_DECIDED, || {
            let hands = self.hands.iter();
            let mut left = hands.flat_map(|hand| Snapshot::all(hand.worker.folder()));
            left.all(|batch| batch.settled)
        });
        assert!(ended, "workers do not hear how all of it ended");
    }

    /// Leaves folders and logs where they are, for whoever wants to know why.
    pub(super) fn keep(&mut self) {
        self.folder.disable_cleanup(true);
        let folder = self.folder.path().to_owned();
        for n in 0..self.hands.len() {
            let log = self.hands[n].worker.process().log();
            let lives = self.hands[n].lives.join("\n") + "\n" + &log;
            std::fs::write(folder.join(format!("worker-{n}.log")), lives).expect("a file");
        }
        for (n, order) in self.orders.iter().enumerate() {
            std::fs::write(folder.join(format!("order-{n}.log")), &order.log).expect("a file");
        }
        self.say(&format!("logs are in {}", folder.display()));
    }

    /// Notes what a worker left that dies here, if it has not yet, and starts it again.
    pub(super) fn bury_and_launch(&mut self, n: usize) {
        let hand = &mut self.hands[n];
        hand.lives.push(hand.worker.kill());
        hand.snapshots.extend(Snapshot::all(hand.worker.folder()));
        hand.worker.launch();
    }

    /// Whether a worker takes work.
    pub(super) fn is_ready(&mut self, n: usize) -> bool {
        self.node_of(n).is_some()
    }

    /// The node that a worker asks, once it takes work.
    pub(super) fn node_of(&mut self, n: usize) -> Option<String> {
        let hand = &mut self.hands[n];
        if !hand.worker.process().has_said("ready for work") {
            return None;
        }
        let status = std::fs::read_to_string(hand.worker.folder().join("status.json")).ok()?;
        let status: Value = serde_json::from_str(&status).ok()?;
        if status["pid"] != hand.worker.process().id() {
            return None;
        }
        let mut facts = status["facts"].as_array()?.iter();
        let node = facts.find(|fact| fact["name"] == "node")?;
        Some(node["text"].as_str()?.to_owned())
    }

    /// Has the remote worker ask its own node again, if it has gone on with another one.
    pub(super) fn bring_home(&mut self) {
        let home = self.nodes[1].url();
        let deadline = Instant::now() + PATIENCE;
        self.wait_until_ready(self.hands.len());
        // One that starts takes its own, unless that is behind just then.
        while self.node_of(REMOTE).as_ref() != Some(&home) {
            assert!(Instant::now() < deadline, "it never takes its own node");
            self.bury_and_launch(REMOTE);
            self.wait_until_ready(self.hands.len());
        }
    }

    /// Waits until so many workers take work.
    pub(super) fn wait_until_ready(&mut self, count: usize) {
        let ready = poll(PATIENCE, || {
            (0..self.hands.len()).filter(|n| self.is_ready(*n)).count() >= count
        });
        assert!(ready, "workers do not come back");
    }

    /// All that a worker has said, each line with the number of the process that said it.
    pub(super) fn history(&mut self, n: usize) -> Vec<(usize, Value)> {
        let hand = &mut self.hands[n];
        let last = hand.worker.process().log();
        let lives = hand.lives.iter().chain([&last]).enumerate();
        lives
            .flat_map(|(life, log)| {
                let lines = log
                    .lines()
                    .filter_map(|line| serde_json::from_str(line).ok());
                lines.map(move |line| (life, line)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Number of the node's best block.
    pub(super) fn best(&self, node: usize) -> u32 {
        self.nodes[node].number(&Value::Null)
    }

    /// Waits until a condition holds that no log tells of.
    ///
    /// # Panics
    /// If it never does.
    pub(super) fn wait(&self, what: &str, mut holds: impl FnMut() -> bool) {
        assert!(poll(PATIENCE, &mut holds), "it never came to it: {what}");
    }
}

/// Looks at a condition of the outside world again and again.
pub(super) fn poll(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn command(url: &str, key: &str, data: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(binary("sungrid"));
    command.args(["--json", "--node", url, "--key", key, "--data-dir"]);
    command.arg(data).args(arguments);
    command
}

/// The last line that is JSON; what went to stderr may stand behind it.
pub(super) fn summary(log: &str) -> Option<Value> {
    let mut lines = log.lines().rev();
    let summary: Value = lines.find_map(|line| serde_json::from_str(line).ok())?;
    summary["verified"].is_number().then_some(summary)
}
