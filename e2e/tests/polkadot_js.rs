//! polkadot.js needs nothing but the chain's metadata.

use std::process::Command;

use sungrid_e2e::{Node, Process, root};

#[test]
fn the_tour_transfers_and_submits_a_job_without_custom_types() {
    let node = Node::dev();
    let tour = root().join("scripts/js/tour.mjs");
    let (status, log) =
        Process::start("tour.mjs", Command::new("node").arg(&tour).arg(node.url())).finish();
    assert!(status.success(), "{log}");
    for event in [
        "balances.Transfer",
        "images.ImagePublished",
        "market.JobSubmitted",
        "market.JobCancelled",
    ] {
        assert!(log.contains(event), "no {event} in\n{log}");
    }
}

#[test]
fn the_tour_says_what_to_do_when_no_node_answers() {
    let tour = root().join("scripts/js/tour.mjs");
    // Port 1 on loopback: nothing listens there.
    let (status, log) = Process::start(
        "tour.mjs",
        Command::new("node").arg(&tour).arg("ws://127.0.0.1:1"),
    )
    .finish();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("start one with"), "{log}");
}
