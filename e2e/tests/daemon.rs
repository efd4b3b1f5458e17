//! What an operator relies on: a worker that is killed, or whose node is, loses neither bond nor finished work.

use std::process::Command;

use serde_json::Value;
use sungrid_e2e::{Node, Process, Worker, binary, guest, sungrid, sungrid_json};
use tempfile::TempDir;

/// A job of `units` small units, followed until its results are here.
fn small_job(node: &Node, data: &TempDir, units: u32) -> Process {
    let mut job = Command::new(binary("sungrid"));
    job.args([
        "--json",
        "--key",
        "//Alice",
        "--node",
        &node.url(),
        "--data-dir",
    ])
    .arg(data.path());
    job.args([
        "job",
        "submit",
        "--units",
        &units.to_string(),
        "--batch-size",
        "1",
        "--policy",
        "replicate:2",
        "--image",
    ]);
    job.arg(guest("hello-rust"));
    Process::start("sungrid job submit", &mut job)
}

fn list(node: &Node) -> Vec<Value> {
    sungrid_json(node, &["worker", "list"])
        .as_array()
        .expect("a list of workers")
        .clone()
}

/// An operator's life as docs/operator.md tells it: set up, bond, serve, be paid, pause, leave.
#[test]
fn an_operator_stakes_serves_claims_and_leaves() {
    let node = Node::dev();
    let data = TempDir::new().expect("a temporary folder");
    let mut bob = Worker::start(&node, "//Bob");
    let _charlie = Worker::start(&node, "//Charlie");
    let workers = list(&node);
    assert_eq!(workers.len(), 2);
    assert!(
        workers
            .iter()
            .all(|worker| worker["bond_planck"].as_u64() > Some(0)),
        "{workers:?}"
    );

    // The chain says what the job would cost and that both have room, and then that it has what it wanted.
    let wasm = guest("hello-rust");
    let wasm = wasm.to_str().expect("a plain path");
    let quote = sungrid_json(&node, &["quote", "--units", "4", "--image", wasm]);
    assert_eq!(quote["wait"], 0, "{quote}");
    assert_eq!(quote["survey"]["free_operators"], 2, "{quote}");
    assert!(quote["escrow"].as_u64() > Some(0), "{quote}");
    let (status, log) = small_job(&node, &data, 4).finish();
    assert!(status.success(), "{log}");
    let explained = sungrid_json(&node, &["job", "explain", "0"]);
    assert_eq!(explained["wanting"], 0, "{explained}");
    assert_eq!(explained["survey"]["suitable"], 2, "{explained}");
    assert!(
        list(&node)
            .iter()
            .all(|worker| worker["delivered_usuns_s"].as_u64() > Some(0))
    );

    // The daemon claims what its operator earned once the round has closed.
    bob.process().wait_for("rewards claimed");
    let credited = list(&node);
    assert!(
        credited
            .iter()
            .all(|worker| worker["credit_planck"].as_u64() > Some(0)),
        "{credited:?}"
    );

    let leave = Command::new(binary("sungrid-worker"))
        .args(["leave", "--data-dir"])
        .arg(bob.folder())
        .output()
        .expect("the worker runs");
    assert!(
        leave.status.success(),
        "{}",
        String::from_utf8_lossy(&leave.stderr)
    );
    let states: Vec<_> = list(&node)
        .iter()
        .map(|worker| worker["state"].to_string())
        .collect();
    assert!(
        states.iter().any(|state| state.contains("leaving")),
        "{states:?}"
    );

    let (well, log) = bob.terminate();
    assert!(well, "the daemon did not end cleanly\n{log}");
}

/// What an operator does around an upgrade: looks whether all is well, drains, looks again, starts the new one.
#[test]
fn a_worker_is_examined_drained_and_started_again() {
    let mut node = Node::dev();
    let data = TempDir::new().expect("a temporary folder");
    let mut bob = Worker::start(&node, "//Bob");
    let _charlie = Worker::start(&node, "//Charlie");
    let folder = bob.folder().to_owned();
    let worker = |arguments: &[&str]| -> (bool, Value) {
        let output = Command::new(binary("sungrid-worker"))
            .args(arguments)
            .args(["--json", "--data-dir"])
            .arg(&folder)
            // The machine of this test may have less disk than the default promises.
            .env("SUNGRID_WORKER_STORAGE_MIB", "100")
            .output()
            .expect("the worker runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let value = serde_json::from_str(&text).unwrap_or_else(|error| {
            let log = String::from_utf8_lossy(&output.stderr);
            panic!("{arguments:?}: {error}: {text}{log}")
        });
        (output.status.success(), value)
    };
    let level = |report: &Value, check: &str| -> String {
        let checks = report["checks"].as_array().expect("a list of checks");
        let found = checks.iter().find(|found| found["check"] == check);
        found.expect(check)["level"]
            .as_str()
            .expect("a word")
            .into()
    };

    let (well, report) = worker(&["doctor"]);
    assert!(well, "{report}");
    for check in ["node", "clock", "environment", "registered", "bond", "live"] {
        assert_eq!(level(&report, check), "ok", "{report}");
    }
    // Play money: the key is plain, and only this machine is served.
    assert_eq!(level(&report, "key"), "warn", "{report}");
    assert_eq!(level(&report, "endpoint"), "warn", "{report}");

    let job = small_job(&node, &data, 6);
    bob.process().wait_for("claimed");
    let (drained, answer) = worker(&["drain"]);
    assert!(drained, "{answer}");
    assert_eq!(answer["drained"], true);
    let (_, status) = worker(&["status"]);
    assert_eq!(status["running"], false, "{status}");
    assert_eq!(status["computing"], 0, "{status}");
    let (well, report) = worker(&["doctor"]);
    assert!(well, "a worker that rests is no failure: {report}");
    assert_eq!(level(&report, "folder"), "warn", "{report}");

    bob.kill();
    bob.resume();
    let (status, log) = job.finish();
    assert!(status.success(), "{log}");
    assert!(
        list(&node)
            .iter()
            .all(|worker| worker["missed"].as_u64() == Some(0)),
        "draining cost a deadline"
    );

    node.stop();
    let (well, report) = worker(&["doctor"]);
    assert!(!well, "{report}");
    assert_eq!(level(&report, "node"), "fail", "{report}");
}

/// `kill -9` of a worker while it computes and after it has committed, and of the node under everybody.
#[test]
fn killed_workers_and_nodes_lose_nothing() {
    let mut node = Node::dev();
    let data = TempDir::new().expect("a temporary folder");
    let mut bob = Worker::start(&node, "//Bob");
    let mut charlie = Worker::start(&node, "//Charlie");
    let bond = |worker: &Value| {
        let planck = worker["bond_planck"].as_u64();
        (worker["worker"].clone(), planck.expect("an amount"))
    };
    let bonds: Vec<_> = list(&node).iter().map(bond).collect();

    let job = small_job(&node, &data, 6);
    bob.process().wait_for("claimed");
    bob.kill();
    charlie.process().wait_for("computed");
    charlie.kill();
    node.restart();
    bob.resume();
    charlie.resume();

    let (status, log) = job.finish();
    assert!(status.success(), "{log}");
    let workers = list(&node);
    // Whoever starts again and measures more than before bonds more.
    for (before, after) in bonds.iter().zip(workers.iter().map(bond)) {
        assert_eq!(after.0, before.0);
        assert!(
            after.1 >= before.1,
            "a crash cost bond: {before:?}, {after:?}"
        );
    }
    assert!(
        workers
            .iter()
            .all(|worker| worker["missed"].as_u64() == Some(0)),
        "{workers:?}"
    );
    assert!(
        workers
            .iter()
            .all(|worker| worker["accepted_units"].as_u64() == Some(6)),
        "{workers:?}"
    );
}

/// Every mistake that a user makes at the start gets an answer that says what to do, and no stack trace.
#[test]
fn wrong_nodes_chains_and_keys_are_refused_with_advice() {
    let node = Node::dev();
    let fails = |arguments: &[&str], advice: &str| {
        let output = sungrid(&node, arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert!(text.contains(advice), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    };
    let other = format!("0x{}", "11".repeat(32));
    fails(&["--genesis", &other, "worker", "list"], "genesis");
    fails(&["--key", "/no/such/file", "account"], "/no/such/file");
    fails(&["job", "show", "4000000000"], "4000000000");
    fails(&["job", "explain", "4000000000"], "4000000000");
    // A key without a planck cannot publish: the answer names the amount.
    let wasm = guest("hello-rust");
    let wasm = wasm.to_str().expect("a plain path");
    let data = TempDir::new().expect("a temporary folder");
    let data = data.path().to_str().expect("a plain path");
    fails(
        &[
            "--key",
            "//Nobody",
            "--data-dir",
            data,
            "image",
            "publish",
            wasm,
        ],
        "ISC",
    );

    // An address where nothing listens.
    let output = Command::new(binary("sungrid"))
        .args(["--node", "ws://127.0.0.1:1", "worker", "list"])
        .output();
    let text = String::from_utf8_lossy(&output.expect("the command line runs").stderr).into_owned();
    assert!(text.contains("ws://127.0.0.1:1"), "{text}");
}
