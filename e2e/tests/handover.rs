//! A worker's place passes to another key: the machine was stolen, its bond was not.

use serde_json::Value;
use sungrid_e2e::{Node, Requester, Worker, guest};

/// Key and consent of a machine that is not registered yet, as `sungrid-worker proof` prints them.
fn consent(machine: &Worker, operator: &str) -> (String, String) {
    let printed = machine.subcommand(&["proof", "--operator", operator]);
    let value = |name: &str| {
        let line = printed.lines().find(|line| line.starts_with(name));
        let last = line.and_then(|line| line.split_whitespace().last());
        last.unwrap_or_else(|| panic!("no {name} in {printed}"))
            .to_owned()
    };
    (value("worker"), value("proof"))
}

/// The operator pauses the stolen machine, whose daemon cannot undo that, and gives its place to another one with the key of that. Nobody else can,
/// and not without the consent of the new key. Bond and record go along, the new daemon serves and the old one is nobody.
#[test]
fn another_machine_takes_a_stolen_one_s_place_with_its_bond() {
    let node = Node::dev();
    let operator = Requester::new(&node, "//Bob");
    let address = operator.json(&["account"])["account"].clone();
    let address = address.as_str().expect("an address");
    let mut stolen = Worker::start(&node, "//Bob");
    let listed = operator.json(&["worker", "list"]);
    let old = listed[0]["worker"].as_str().expect("its key").to_owned();
    let (bond, held) = (listed[0]["bond_planck"].clone(), operator.held());

    let mut spare = Worker::set_up(&node, "//Bob");
    let (new, proof) = consent(&spare, address);
    assert_ne!(old, new);
    operator.json(&["worker", "pause", &old]);
    let rotate = ["worker", "rotate", &old, "--to", &new, "--proof", &proof];
    let stranger = Requester::new(&node, "//Eve");
    let refused = stranger.refused(&rotate);
    assert!(refused.contains("operator"), "{refused}");
    let eve = stranger.json(&["account"])["account"].clone();
    let (_, other) = consent(&spare, eve.as_str().expect("an address"));
    let unwilling = ["worker", "rotate", &old, "--to", &new, "--proof", &other];
    let refused = operator.refused(&unwilling);
    assert!(refused.contains("proof"), "{refused}");

    operator.json(&rotate);
    operator.json(&["worker", "resume", &new]);
    let listed = operator.json(&["worker", "list"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed[0]["worker"].as_str(), Some(&*new), "{listed}");
    assert_eq!(listed[0]["operator"].as_str(), Some(address), "{listed}");
    assert_eq!(listed[0]["state"], "active", "{listed}");
    assert_eq!(listed[0]["bond_planck"], bond, "{listed}");
    let gone = operator.refused(&["worker", "show", &old]);
    assert!(gone.contains("no worker of this chain"), "{gone}");

    // The new daemon serves under the old one's bond, which is not held twice; it adds what its machine has more of.
    spare.resume();
    let now = operator.json(&["worker", "show", &new]);
    assert_eq!(now["bond_planck"], operator.held(), "{now}");
    assert!(operator.held() >= held, "{now}");
    stolen.kill();
    let _charlie = Worker::start(&node, "//Charlie");
    let alice = Requester::new(&node, "//Alice");
    let wasm = guest("hello-rust");
    let wasm = wasm.to_str().expect("a plain path");
    let terms = ["job", "submit", "--units", "1", "--policy", "replicate:2"];
    let done = alice.json(&[&terms[..], &["--image", wasm]].concat());
    assert_eq!(done["verified"], 1, "{done}");
    let served: Value = operator.json(&["worker", "show", &new]);
    assert_eq!(served["accepted_units"], 1, "{served}");

    // It owes the outputs now, so its key stays for as long.
    let third = Worker::set_up(&node, "//Bob");
    let (newer, proof) = consent(&third, address);
    let early = ["worker", "rotate", &new, "--to", &newer, "--proof", &proof];
    let refused = operator.refused(&early);
    assert!(refused.contains("outputs"), "{refused}");
}
