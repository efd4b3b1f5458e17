//! Where operators do not know each other: a machine proves what it has before it is given work.

use serde_json::Value;
use sungrid_e2e::{Node, Worker, sungrid_json};

fn shown(node: &Node) -> Value {
    let listed = sungrid_json(node, &["worker", "list"]);
    let worker = listed[0]["worker"].as_str().expect("one worker").to_owned();
    sungrid_json(node, &["worker", "show", &worker])
}

/// The daemon computes for a minute, commits, opens what the chain draws, and the chain computes that again.
#[test]
fn a_machine_proves_what_it_offers_to_a_chain_of_strangers() {
    let node = Node::dev_of_strangers();
    let mut worker = Worker::start(&node, "//Bob");
    let before = shown(&node);
    assert!(before["capacity_usuns"].as_u64() > Some(0), "{before}");
    assert_eq!(before["counted_usuns"], 0, "{before}");
    worker
        .process()
        .wait_for("the capacity of this machine is proven");
    let after = shown(&node);
    assert!(after["counted_usuns"].as_u64() > Some(0), "{after}");
    let proven = &after["standing"]["proven"]["capacity"];
    assert!(
        proven.as_u64() >= after["counted_usuns"].as_u64(),
        "{after}"
    );
    assert_eq!(after["faults"], 0, "{after}");
    assert_eq!(after["standing"]["run"], Value::Null, "{after}");
}
