//! Nodes that join a running chain.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sungrid_e2e::{Node, sungrid_json};

/// Keys in one answer, at most.
const PAGE: usize = 1_000;

/// The whole state behind a block, as the node serves it.
fn state(node: &Node, block: &Value) -> BTreeMap<String, Value> {
    let mut state = BTreeMap::new();
    let mut last = Value::Null;
    loop {
        let keys = node.ask("state_getKeysPaged", json!(["0x", PAGE, last, block]));
        let Some(key) = keys.as_array().expect("a list of keys").last() else {
            return state;
        };
        last = key.clone();
        let changes = node.ask("state_queryStorageAt", json!([keys, block]));
        for change in changes[0]["changes"].as_array().expect("a list of values") {
            state.insert(change[0].to_string(), change[1].clone());
        }
    }
}

/// A node that warps has the state of a finalised block, and none of those before it.
#[test]
fn a_node_joins_by_warp_sync() {
    let validator = Node::dev();
    // With fewer than three peers it would wait for ever.
    let mut others = [(); 2].map(|()| Node::join(&[&validator], &[]));
    for node in &mut others {
        node.wait_for_finality(5);
    }
    let peers = [&validator, &others[0], &others[1]];
    let mut warped = Node::join(&peers, &["--sync", "warp"]);
    let log = warped.log();
    assert!(log.contains("Warp sync is complete"), "{log}");
    let first = validator.ask("chain_getBlockHash", json!([1]));
    let code = json!(["0x3a636f6465", first]);
    assert!(validator.rpc("state_getStorageHash", code.clone()).is_ok());
    let early = warped.rpc("state_getStorageHash", code);
    assert!(early.is_err(), "the state of block 1 is here: {early:?}");

    // Where the others are, with the same state to the byte, and going on.
    let head = validator.finalized();
    let number = validator.number(&head);
    warped.wait_for_finality(number);
    let (ours, theirs) = (state(&warped, &head), state(&validator, &head));
    assert!(theirs.len() > 100, "{} keys only", theirs.len());
    assert!(ours == theirs, "another state behind block {number}");
    let account = sungrid_json(&warped, &["--key", "//Bob", "account"]);
    assert!(account["free_planck"].as_u64() > Some(0), "{account}");
    warped.wait_for_finality(number + 3);
}
