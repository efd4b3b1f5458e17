//! The faults.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    arena::{Arena, LARGE, Order, REMOTE, TILE, UNTIL_DECIDED, poll, summary},
    audit,
    plan::{Death, Random},
};
use crate::{Node, Process, guest, process::PATIENCE};

/// How long a point in the work of a worker is waited for before it is killed wherever it is.
const OCCASION: Duration = Duration::from_secs(12);
/// Time between a worker's decision to die and its end, on a busy machine.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Time for one look at one worker.
const LOOK: Duration = Duration::from_millis(2);
/// Blocks that one of two validators is away for, or both make without each other.
const AWAY: u32 = 6;
/// Time before which a worker has looked at its disk again: some blocks.
const SOON: Duration = Duration::from_secs(60);
/// What a clock jumps by, s.
const JUMP: i64 = 3_600;

/// What has come of a fault, for the report.
pub(super) enum Came {
    /// It happened.
    Done,
    /// It could not be brought about here.
    Skipped(&'static str),
}

impl Arena {
    /// Kills a worker at a point of its work, and starts it again: whoever gets there first, else `n`. Which one it was.
    pub(super) fn kill(&mut self, n: usize, death: Death) -> usize {
        self.wait_until_ready(1);
        let ready: Vec<usize> = (0..self.hands.len())
            .filter(|n| self.is_ready(*n))
            .collect();
        let first = match death {
            Death::AtSync { nth, after } => {
                for n in &ready {
                    self.hands[*n].control.die_at_sync(nth, after);
                }
                let first = self.first(&ready, |process| process.ends_within(LOOK));
                self.hands.iter().for_each(|hand| hand.control.spare());
                first
            }
            Death::OnLine(line) => self.first(&ready, |process| {
                process.wait_for_any(&[line], LOOK).is_some()
            }),
            Death::After(time) => {
                self.hands[n].worker.process().ends_within(time);
                Some(n)
            }
        };
        let n = first.unwrap_or(n);
        // Others may have come to the same write in the same moment, and be about to die of it.
        let last_words = match death {
            Death::AtSync { .. } => LAST_WORDS,
            _ => Duration::ZERO,
        };
        for m in 0..self.hands.len() {
            if m == n || self.hands[m].worker.process().ends_within(last_words) {
                self.bury_and_launch(m);
            }
        }
        n
    }

    /// The first of these workers of which it holds.
    fn first(
        &mut self,
        of: &[usize],
        mut holds: impl FnMut(&mut Process) -> bool,
    ) -> Option<usize> {
        let deadline = Instant::now() + OCCASION;
        while Instant::now() < deadline {
            let holds = |n: &&usize| holds(self.hands[**n].worker.process());
            if let Some(n) = of.iter().find(holds) {
                return Some(*n);
            }
        }
        None
    }

    /// Kills the command line while its job runs, and follows the job with another one.
    pub(super) fn requester_killed(&mut self, random: &mut Random) {
        let key = "//Ferdie";
        let moments = ["\"submitted\"", "\"received\"", "\"accepted\""];
        let moment = moments[random.below(moments.len() as u64) as usize];
        self.say(&format!("requester: killed when {moment}"));
        let mut order = self.scene.order(4, 1, "replicate:2");
        order.extend(TILE.map(String::from));
        let mut process = Process::start(key, &mut self.command(key, &order));
        process.wait_for_any(&[moment], PATIENCE / 10);
        process.kill();
        let job = self.last_job(key);
        self.watch(key, "replicate:2", &job);
    }

    /// Number of the last job of an account, as the chain has it.
    fn last_job(&self, key: &str) -> String {
        let list = ["job", "list"].map(String::from);
        let output = self
            .command(key, &list)
            .output()
            .expect("the command line runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text
            .lines()
            .last()
            .and_then(|line| serde_json::from_str::<Value>(line).ok());
        let jobs = last.as_ref().and_then(Value::as_array);
        let numbers = jobs
            .into_iter()
            .flatten()
            .filter_map(|job| job["job"].as_u64());
        numbers
            .max()
            .unwrap_or_else(|| panic!("no job in {text}"))
            .to_string()
    }

    fn watch(&mut self, key: &str, policy: &str, job: &str) {
        let watch = ["job", "watch", job].map(String::from);
        let mut process = Process::start(key, &mut self.command(key, &watch));
        let ended = process.ends_within(UNTIL_DECIDED);
        let log = process.kill();
        let summary = summary(&log).filter(|_| ended);
        self.orders.push(Order {
            policy: policy.into(),
            summary,
            log,
        });
    }

    /// The node of a worker hangs for some blocks of the other one's.
    pub(super) fn node_hangs(&mut self) {
        self.nodes[1].signal("STOP");
        self.blocks(0, AWAY);
        self.nodes[1].signal("CONT");
        self.together();
    }

    /// The node of a worker dies, and comes back some blocks of the other one's later.
    pub(super) fn node_dies(&mut self) {
        self.nodes[1].stop();
        self.blocks(0, AWAY);
        self.nodes[1].start();
        self.nodes[0].meet(&self.nodes[1]);
        self.together();
    }

    /// The node of a worker hangs, or dies, when that one has committed to something; the worker opens it all the same, through the
    /// other node.
    pub(super) fn node_is_lost(&mut self, hangs: bool) {
        let process = self.hands[REMOTE].worker.process();
        process.log();
        let sent = |line: &Value| line["step"] == "commit" && line["message"] == "sent";
        let line = until(process, "\"step\":\"commit\"", sent);
        let batch = |line: &Value| (line["job"].clone(), line["batch"].clone());
        let committed = batch(&line);
        // Else it would lose nothing.
        assert_eq!(
            self.node_of(REMOTE),
            Some(self.nodes[1].url()),
            "the worker is not with the node that it is to lose"
        );
        match hangs {
            true => self.nodes[1].signal("STOP"),
            false => self.nodes[1].stop(),
        }
        let process = self.hands[REMOTE].worker.process();
        until(process, "accepted and paid", |line| {
            batch(line) == committed
        });
        match hangs {
            true => self.nodes[1].signal("CONT"),
            false => {
                self.nodes[1].start();
                self.nodes[0].meet(&self.nodes[1]);
            }
        }
        self.together();
    }

    /// The whole network stands still.
    pub(super) fn all_hang(&mut self, time: Duration) {
        for node in &self.nodes {
            node.signal("STOP");
        }
        std::thread::sleep(time);
        for node in &self.nodes {
            node.signal("CONT");
        }
        self.together();
    }

    /// Two validators, each with workers, go on without each other; then one of the forks, with what was done on it, is given up.
    pub(super) fn reorganise(&mut self) {
        let start = self.best(0).max(self.best(1));
        self.nodes[0].part(&self.nodes[1]);
        let height = start + AWAY;
        for node in 0..2 {
            self.wait("blocks are made", || self.best(node) >= height);
        }
        // One becomes the longer one.
        self.nodes[0].signal("STOP");
        self.blocks(1, AWAY);
        self.nodes[0].signal("CONT");
        let hash = |node: &Node| node.ask("chain_getBlockHash", json!([height]));
        let forks = [0, 1].map(|node| hash(&self.nodes[node]));
        assert_ne!(forks[0], forks[1], "they were not parted");
        let steps = [0, 1].map(|node| audit::steps(&self.nodes[node], start..=height));
        self.nodes[0].meet(&self.nodes[1]);
        self.together();
        let [one, other] = [0, 1].map(|node| hash(&self.nodes[node]));
        assert_eq!(one, other, "they agree");
        let given_up = usize::from(one == forks[0]);
        assert_eq!(one, forks[1 - given_up], "on one of the two");
        self.say(&format!(
            "  the fork of node {given_up} is given up, with {} claims, commitments and reveals",
            steps[given_up]
        ));
        self.undone += steps[given_up];
    }

    /// The disk of a worker is full for a while.
    pub(super) fn fill_disk(&mut self) -> Came {
        let hand = &mut self.hands[REMOTE];
        if hand.disk.is_none() {
            return Came::Skipped("a file system of its own needs root");
        }
        let filler = hand.worker.folder().join("filler");
        fill(&filler);
        let process = hand.worker.process();
        process.log();
        let told = process.wait_for_any(&["no room left"], 2 * SOON);
        assert!(
            told.is_some(),
            "nobody says that the disk is full\n{}",
            process.log()
        );
        // It stands like that for some blocks, with all that is in hand.
        self.blocks(0, AWAY);
        std::fs::remove_file(&filler).expect("it was made");
        let process = self.hands[REMOTE].worker.process();
        let back = process.wait_for_any(&["there is room again"], SOON);
        assert!(back.is_some(), "it does not go on\n{}", process.log());
        Came::Done
    }

    /// The clock of a worker is wrong by an hour, first by one, then by the other, until a batch was paid each time.
    pub(super) fn jump(&mut self, n: usize) {
        for shift in [JUMP, -JUMP, 0] {
            let hand = &mut self.hands[n];
            let process = hand.worker.process();
            process.log();
            hand.control.shift_clock(shift);
            let paid = hand
                .worker
                .process()
                .wait_for_any(&["accepted and paid"], PATIENCE / 2);
            assert!(
                paid.is_some(),
                "nothing is paid with a clock that is off by {shift} s"
            );
        }
    }

    /// A requester leaves for good: one before anybody has its input, one when work is under way.
    pub(super) fn requester_gone(&mut self) {
        let key = "//Ferdie";
        let mut unserved = self.scene.order(2, 1, "replicate:2");
        unserved.extend(["--no-watch", "--deadline", "10m"].map(String::from));
        unserved.extend(TILE.map(String::from));
        let output = self
            .command(key, &unserved)
            .output()
            .expect("the command line runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let abandoned = self.last_job(key);

        let mut order = self.scene.order(4, 1, "replicate:2");
        order.extend(TILE.map(String::from));
        let mut process = Process::start(key, &mut self.command(key, &order));
        let begun = process.wait_for_any(&["\"received\""], PATIENCE);
        assert!(begun.is_some(), "{}", process.log());
        process.kill();
        let left = self.last_job(key);
        self.await_end(&left);
        // What nobody could begin costs its requester nothing.
        let cancel = ["job", "cancel", &abandoned].map(String::from);
        let output = self
            .command(key, &cancel)
            .output()
            .expect("the command line runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.await_end(&abandoned);
        let job = self.show(&abandoned);
        assert_eq!(job["settled"], 0, "{job}");
        let job = self.show(&left);
        assert_eq!(job["settled"], 4, "{job}");
    }

    fn show(&self, job: &str) -> Value {
        crate::sungrid_json(&self.nodes[0], &["job", "show", job])
    }

    fn await_end(&self, job: &str) {
        self.wait(&format!("job {job} ends"), || {
            self.show(job)["state"].to_string().contains("ended")
        });
    }

    /// A large input, whose transfer is cut in the middle: by the death of who fetches it, then of who serves it, then by a
    /// provider that hangs.
    pub(super) fn cut(&mut self) {
        let key = "//Ferdie";
        let large = self.folder.path().join("scene/large");
        let image = guest("hello-rust");
        let terms = [
            "--units",
            "1",
            "--policy",
            "replicate:2",
            "--memory-limit",
            "256MiB",
        ];
        let mut order: Vec<String> = ["job", "submit", "--image"].map(String::from).into();
        order.push(image.to_str().expect("a plain path").into());
        order.extend([
            "--input".into(),
            large.to_str().expect("a plain path").into(),
        ]);
        order.extend(terms.map(String::from));
        let before: Vec<u64> = self
            .hands
            .iter()
            .map(|hand| stored(hand.worker.folder()))
            .collect();
        let mut process = Process::start(key, &mut self.command(key, &order));
        let middle = |arena: &Arena, from: &[u64]| {
            let mut found = None;
            let come = |(n, hand): (usize, &super::arena::Hand)| {
                let grown = stored(hand.worker.folder()).saturating_sub(from[n]);
                (grown > LARGE as u64 / 16 && grown < LARGE as u64 * 15 / 16).then_some(n)
            };
            poll(PATIENCE / 2, || {
                found = arena.hands.iter().enumerate().find_map(come);
                found.is_some()
            });
            found
        };
        let Some(fetcher) = middle(self, &before) else {
            panic!("nobody fetches the input\n{}", process.log())
        };
        self.say(&format!(
            "  worker {fetcher} dies in the middle of its input"
        ));
        self.bury_and_launch(fetcher);
        process.signal("STOP");
        self.say("  its provider hangs");
        // Longer than a peer that is silent is waited for.
        self.blocks(0, AWAY);
        process.signal("CONT");
        process.kill();
        self.say("  its provider dies, and comes back");
        let job = self.last_job(key);
        self.watch(key, "replicate:2", &job);
    }

    /// Waits until a node's chain has so many blocks more.
    pub(super) fn blocks(&mut self, node: usize, count: u32) {
        let height = self.best(node) + count;
        self.wait("blocks are made", || self.best(node) >= height);
    }

    /// Waits until both nodes have finalised a block that was made after now.
    pub(super) fn together(&mut self) {
        let height = self.best(0).max(self.best(1)) + 1;
        for node in 0..2 {
            self.wait("both nodes agree", || {
                let node = &self.nodes[node];
                node.number(&node.finalized()) >= height
            });
        }
    }
}

/// The next line of a log with this in it of which it holds.
fn until(process: &mut Process, with: &str, holds: impl Fn(&Value) -> bool) -> Value {
    loop {
        let line = process.wait_for(with);
        if let Ok(line) = serde_json::from_str(&line)
            && holds(&line)
        {
            return line;
        }
    }
}

/// Writes until there is no room.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("a file");
    let mut piece = 1 << 20;
    while piece > 0 {
        if file.write_all(&vec![0; piece]).is_err() {
            piece /= 2;
        }
    }
}

/// Bytes in the blob store below a data folder, as the file system counts them.
fn stored(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut sum = 0;
    let mut folders = vec![folder.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(data) if data.is_dir() => folders.push(entry.path()),
                Ok(data) => sum += data.blocks() * 512,
                // It has just gone.
                Err(_) => {}
            }
        }
    }
    sum
}
