//! A machine whose owner comes back in the middle of a batch: what is finished is paid, and somebody else computes the rest.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sungrid_e2e::{Node, Process, Requester, Worker, binary};
use tempfile::TempDir;

/// Units of the job, which is one batch.
const UNITS: usize = 8;

/// A command that takes a second or so, and leaves nothing.
const SLOW: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start") (local $left i64) (local $x i64)
        (local.set $left (i64.const 300000000))
        (loop $again
            (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (local.get $left)))
            (br_if $again (i64.ne (i64.const 0) (local.tee $left (i64.sub (local.get $left) (i64.const 1))))))
        (i64.store (i32.const 0) (local.get $x))))"#;

/// The program that the owner uses the machine for.
const GAME: &str = "sungrid-game";

/// Settings of a machine that is its owner's while that one plays.
fn played_on(settings: String) -> String {
    let rules = [
        ("mode = \"always\"", "mode = \"server\"".to_owned()),
        ("max_foreign_cpu = 15", "max_foreign_cpu = 100".to_owned()),
        (
            "max_foreign_memory = 70",
            "max_foreign_memory = 100".to_owned(),
        ),
        ("vacate_after_s = 600", "vacate_after_s = 2".to_owned()),
        ("exclusive = []", format!("exclusive = [\"{GAME}\"]")),
    ];
    rules.into_iter().fold(settings, |settings, (from, to)| {
        assert!(settings.contains(from), "{from}: {settings}");
        settings.replace(from, &to)
    })
}

struct Game(Child);

impl Game {
    fn play(folder: &Path) -> Self {
        let program = folder.join(GAME);
        std::fs::copy("/bin/sleep", &program).expect("a copy");
        let mut game = Command::new(program);
        let game = game.arg("3600").stdout(Stdio::null());
        Self(game.spawn().expect("it starts"))
    }
}

impl Drop for Game {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Units that a worker has logged as finished.
fn finished(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                finished(&path)
            } else if path.extension().is_some_and(|end| end == "units") {
                std::fs::read_to_string(&path).map_or(0, |text| text.lines().count())
            } else {
                0
            }
        })
        .sum()
}

#[test]
fn what_a_machine_has_finished_is_paid_when_its_owner_comes_back() {
    let node = Node::dev();
    let folder = TempDir::new().expect("a temporary folder");
    let image = folder.path().join("slow.wasm");
    std::fs::write(&image, wat::parse_str(SLOW).expect("a module")).expect("a file");
    let image = image.to_str().expect("a plain path");
    let alice = Requester::new(&node, "//Alice");
    let mut bob = Worker::start_with(&node.url(), "//Bob", played_on);

    // GIVEN a batch of which some units are finished, and not all
    let units = UNITS.to_string();
    let mut order = Command::new(binary("sungrid"));
    order.args(["--json", "--node", &node.url()]);
    order.args(alice.line(&["job", "submit", "--policy", "replicate:2"]));
    order.args(["--units", &units, "--batch-size", &units]);
    order.args(["--fuel-limit", "20G", "--image", image]);
    // It stays, and serves what the workers need.
    let order = Process::start("sungrid job submit", &mut order);
    let job = "0";
    let patience = Instant::now() + Duration::from_secs(120);
    while finished(bob.folder()) < 3 {
        assert!(Instant::now() < patience, "nothing is finished");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(20));
    }
    // WHEN the owner comes back
    let _game = Game::play(folder.path());
    bob.process()
        .wait_for("what is finished is sealed, the rest given back");
    // THEN the batch is cut: two others compute the rest of it, and one of them what he has finished, to compare;
    let _others = ["//Charlie", "//Dave"].map(|operator| Worker::start(&node, operator));
    let (status, log) = order.finish();
    assert!(status.success(), "{log}");
    let done = alice.json(&["job", "collect", job]);
    assert_eq!(done["verified"], UNITS, "{done}");
    // AND each is paid for what it has finished.
    let accepted = ["//Bob", "//Charlie", "//Dave"].map(|operator| {
        let listed = Requester::new(&node, operator).json(&["worker", "list"]);
        let account = Requester::new(&node, operator).json(&["account"])["account"].clone();
        let workers = listed.as_array().expect("a list").iter();
        let own = workers.clone().find(|worker| worker["operator"] == account);
        let own = own.unwrap_or_else(|| panic!("no worker of {operator}: {listed}"));
        assert!(own["credit_planck"].as_u64() > Some(0), "{own}");
        (
            own["accepted_units"].as_u64().expect("a number") as usize,
            own["handed_back"].as_u64().expect("a number"),
            own["missed"].as_u64().expect("a number"),
        )
    });
    let kept = accepted[0].0;
    assert!((1..UNITS).contains(&kept), "{accepted:?}");
    let mut others = [accepted[1].0, accepted[2].0];
    others.sort_unstable();
    assert_eq!(others, [UNITS - kept, UNITS], "{accepted:?}");
    assert_eq!(
        accepted.map(|own| (own.1, own.2)),
        [(1, 0), (0, 0), (0, 0)],
        "{accepted:?}"
    );
    // The receipts of both parts verify without a network, and the bill is what was paid.
    let receipts = done["receipts"].as_str().expect("where the receipts are");
    let job_folder = Path::new(receipts).parent().expect("the job's folder");
    let report = alice.json(&[
        "receipt",
        "verify",
        job_folder.to_str().expect("a plain path"),
    ]);
    assert_eq!(report["valid"], report["total"], "{report}");
    assert_eq!(report["agrees"], true, "{report}");
}
