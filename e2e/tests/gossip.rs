//! What workers announce, beside what the chain shows: over the real programs.

use std::{collections::HashMap, process::Command};

use serde_json::Value;
use sungrid_e2e::{Node, Process, Worker, binary, guest, sungrid_json};
use tempfile::TempDir;

/// Everything is announced before the chain shows it, by about the time to the next block, and the chain shows all of it.
#[test]
fn what_is_announced_comes_before_the_chain_which_agrees() {
    let node = Node::dev();
    let data = TempDir::new().expect("a temporary folder");
    let _workers = [
        Worker::start(&node, "//Bob"),
        Worker::start(&node, "//Charlie"),
    ];
    let mut job = Command::new(binary("sungrid"));
    job.args(["--json", "--key", "//Alice", "--node", &node.url()])
        .arg("--data-dir")
        .arg(data.path())
        .args(["job", "submit", "--units", "24", "--batch-size", "4"])
        .args(["--policy", "replicate:2", "--image"])
        .arg(guest("hello-rust"));
    let (status, log) = Process::start("sungrid job submit", &mut job).finish();
    assert!(status.success(), "{log}");

    // By batch and worker: the lines on which each was first said.
    let mut announced = HashMap::new();
    let mut on_chain = HashMap::new();
    let mut units = HashMap::new();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for (line, news) in lines
        .enumerate()
        .filter(|(_, line)| line["event"] == "batch")
    {
        let replica = (news["batch"].to_string(), news["worker"].to_string());
        let step = news["step"].as_str().expect("a word").to_owned();
        assert_ne!(step, "unconfirmed", "{log}");
        if step == "units" {
            units.insert(replica.clone(), news["finished"].clone());
        }
        let said = match news["known"].as_str().expect("a word") {
            "announced" => &mut announced,
            "on_chain" => &mut on_chain,
            other => panic!("{other}\n{log}"),
        };
        said.entry((replica, step)).or_insert(line);
    }
    let committed: Vec<_> = announced
        .iter()
        .filter(|((_, step), _)| step == "committed")
        .collect();
    // Six batches, two replicas of each; a block that comes at that very moment may be faster.
    assert!(committed.len() >= 6, "{log}");
    for (said, line) in &committed {
        let shown = on_chain.get(said);
        assert!(shown.is_some_and(|shown| shown > line), "{said:?}\n{log}");
    }
    let accepted = on_chain.keys().filter(|(_, step)| step == "accepted");
    assert_eq!(accepted.count(), 12, "{log}");
    let available = announced.keys().filter(|(_, step)| step == "available");
    assert!(available.count() >= 6, "{log}");
    // Units of this job take no time, so that the last ones are not told of before the commitment.
    assert!(
        units.len() >= 6 && units.values().all(|finished| finished.as_u64() <= Some(4)),
        "{log}"
    );

    // Who wants nothing of it hears nothing of it.
    let summary = sungrid_json(&node, &["job", "show", "0"]);
    assert_eq!(summary["settled"], 6, "{summary}");
}
