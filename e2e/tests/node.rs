//! What whoever runs a node does with its database, and sees of it.

use std::{net::TcpListener, process::Command};

use serde_json::Value;
use sungrid_e2e::{Node, Process, binary};
use tempfile::TempDir;

#[test]
fn blocks_are_checked_exported_imported_reverted_and_purged() {
    let mut node = Node::dev();
    node.wait_for_block(5);
    node.stop();

    let checked = node.subcommand(&["check-block", "3"], None);
    assert!(checked.contains("Imported 1 blocks"), "{checked}");

    let folder = TempDir::new().expect("a temporary folder");
    let (file, other) = (folder.path().join("blocks"), folder.path().join("other"));
    let blocks = file.to_str().expect("a plain path");
    let range = [
        "export-blocks",
        "--from",
        "1",
        "--to",
        "4",
        "--binary",
        blocks,
    ];
    node.subcommand(&range, None);
    let imported = node.subcommand(&["import-blocks", "--binary", blocks], Some(&other));
    assert!(
        imported.contains("Imported 4 blocks. Best: #4"),
        "{imported}"
    );

    // What is finalised stays, so one block is asked for and at most one goes.
    let reverted = node.subcommand(&["revert", "1"], Some(&other));
    assert!(reverted.contains("Reverted 1 blocks"), "{reverted}");
    let purged = node.subcommand(&["purge-chain", "-y"], Some(&other));
    assert!(purged.contains("removed"), "{purged}");
}

#[test]
fn metrics_follow_the_chain() {
    let mut node = Node::dev();
    // Figures are taken every 5 s, so the next blocks bring them up to date.
    for status in ["best", "finalized"] {
        let height = format!(r#"substrate_block_height{{status="{status}""#);
        let first = node.metric(&height);
        let mut block = node.number(&Value::Null);
        while node.metric(&height) < first + 3 {
            block += 1;
            node.wait_for_block(block);
        }
        assert!(node.metric(&height) <= node.number(&Value::Null).into());
    }
    assert_eq!(node.metric("substrate_sub_libp2p_peers_count"), 0);
    assert_eq!(node.metric("substrate_ready_transactions_number"), 0);
}

#[test]
fn a_port_for_metrics_that_is_taken_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let mut command = Command::new(binary("sungrid-node"));
    command.args([
        "--dev",
        "--tmp",
        "--rpc-port",
        "0",
        "--prometheus-port",
        &port,
    ]);
    let (status, log) = Process::start("sungrid-node", &mut command).finish();
    assert!(!status.success(), "{log}");
    assert!(
        log.contains(&port) && log.contains("--prometheus-port"),
        "{log}"
    );
    assert!(!log.contains("panicked"), "{log}");
}
