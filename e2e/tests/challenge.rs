//! A result that nobody checked, until its requester doubted it.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use sungrid_e2e::{Node, Process, Worker, binary, guest, sungrid, sungrid_json};
use tempfile::TempDir;

/// What an account owns, free or held, planck.
fn owned(node: &Node, key: &str) -> u64 {
    let account = sungrid_json(node, &["--key", key, "account"]);
    let part = |name: &str| account[name].as_u64().expect("an amount");
    part("free_planck") + part("held_planck")
}

/// Challenges the first batch of the first job as soon as the chain lets it.
fn challenge(node: &mut Node, key: &str) {
    let command = ["--key", key, "job", "challenge", "0", "0"];
    loop {
        let block = node.number(&Value::Null);
        let output = sungrid(node, &command);
        if output.status.success() {
            return;
        }
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("revealed"), "{text}");
        node.wait_for_block(block + 1);
    }
}

/// Bond and faults of the worker of a development account.
fn standing(node: &Node, key: &str) -> (u64, u64) {
    let address = sungrid_json(node, &["--key", key, "account"])["account"].clone();
    let workers = sungrid_json(node, &["worker", "list"]);
    let workers = workers.as_array().expect("a list of workers");
    let worker = workers
        .iter()
        .find(|worker| worker["operator"] == address)
        .expect("it is registered");
    let figure = |name: &str| worker[name].as_u64().expect("a number");
    (figure("bond_planck"), figure("faults"))
}

/// The only worker of an optimistic job lies. Its requester challenges the result; two operators are drawn, compute it
/// again and agree. The liar is slashed, challenger and jurors share half of that, nobody pays for the lie, and
/// the requester gets what is right.
#[test]
fn a_challenged_lie_costs_the_liar_and_pays_challenger_and_jury() {
    let mut node = Node::dev();
    let data = TempDir::new().expect("a temporary folder");
    let mut liar = Worker::start_program(&node, "//Dave", binary("liar"));
    let mut job = Command::new(binary("sungrid"));
    job.args(["--json", "--node", &node.url(), "--key", "//Alice"])
        .arg("--data-dir")
        .arg(data.path());
    job.args(["job", "submit", "--units", "1", "--policy", "optimistic"])
        .arg("--image")
        .arg(guest("hello-rust"));
    let mut job = Process::start("sungrid job submit", &mut job);
    // The jurors come when there is nothing left to claim.
    liar.process().wait_for("claimed");
    let mut jurors = ["//Bob", "//Charlie"].map(|operator| Worker::start(&node, operator));
    job.wait_for("received");

    let (bond, _) = standing(&node, "//Dave");
    let paid = ["//Alice", "//Bob", "//Charlie"];
    let before = paid.map(|key| owned(&node, key));
    challenge(&mut node, "//Alice");
    for juror in &mut jurors {
        juror.process().wait_for("claimed");
        juror.process().wait_for("accepted and paid");
    }
    let (status, log) = job.finish();
    assert!(status.success(), "{log}");

    // A tenth of the bond, half of it to the three; the challenge itself cost a fee.
    assert_eq!(standing(&node, "//Dave"), (bond - bond / 10, 1));
    let share = bond / 10 / 2 / 3;
    for (key, before) in paid.into_iter().zip(before) {
        let gain = owned(&node, key).saturating_sub(before);
        assert!(gain.abs_diff(share) < share / 100, "{key}: {gain}");
    }
    for juror in ["//Bob", "//Charlie"] {
        assert_eq!(standing(&node, juror).1, 0, "{juror} was right");
    }
    // stdout ends with the summary; what went to stderr may stand behind it.
    let json = log
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok());
    let summary: Value = json.expect("JSON on the last line");
    assert_eq!(summary["verified"], 1, "{summary}");
    assert_eq!(summary["paid_planck"], 0, "{summary}");
    // The lie is a flipped bit in the last byte.
    let outputs = Path::new(summary["outputs"].as_str().expect("a folder"));
    let report = fs::read(outputs.join("000000/out/report.txt")).expect("the unit wrote it");
    assert_eq!(report.last(), Some(&b'\n'));
}
