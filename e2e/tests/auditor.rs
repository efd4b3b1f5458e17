//! An auditor is admitted by referendum, bonds, and says what it found; a job that demands it runs then, and not before.

use serde_json::json;
use subxt::dynamic::Value;
use sungrid_chain_client::Keypair;
use sungrid_e2e::{
    Node, Requester, Worker,
    governance::{self, call},
    guest,
};

#[test]
fn an_attested_jurisdiction_lets_workers_take_a_job_that_demands_it() {
    let mut node = Node::dev();
    let account = Keypair::from_uri("//Ferdie").expect("a path").account();
    let ferdie = ["auditor", "bond"];
    let stranger = Requester::new(&node, "//Ferdie").refused(&ferdie);
    assert!(stranger.contains("referendum"), "{stranger}");
    let admit = call(
        "Auditors",
        "admit",
        [("auditor", Value::from_bytes(&account))],
    );
    governance::decide(&mut node, &admit, ("Auditors", "Auditors"));
    let auditor = Requester::new(&node, "//Ferdie");
    let listed = auditor.json(&["auditor", "list"]);
    assert_eq!(listed[0]["auditor"], account.to_string(), "{listed}");
    assert_eq!(listed[0]["bond_planck"], 0, "{listed}");

    // GIVEN two workers in Germany, by their operators' word, and a job that wants more than that
    let _workers = [
        Worker::start(&node, "//Bob"),
        Worker::start(&node, "//Charlie"),
    ];
    let requester = Requester::new(&node, "//Eve");
    let wasm = guest("hello-rust");
    let order = ["job", "submit", "--no-watch", "--units", "1"];
    let terms = ["--policy", "replicate:2", "--jurisdiction", "DE"];
    let demand = ["--min-tier", "attested", "--image"];
    let order = [
        &order[..],
        &terms,
        &demand,
        &[wasm.to_str().expect("a plain path")],
    ]
    .concat();
    let job = requester.json(&order)["job"].to_string();
    let explained = requester.json(&["job", "explain", &job]);
    assert_eq!(
        explained["survey"]["constraints"],
        json!([{
            "reason": { "constraint": { "tier": "jurisdiction" } },
            "workers": 2,
            "first": 2,
            "alone": 2,
        }])
    );
    assert_eq!(explained["survey"]["suitable"], 0, "{explained}");

    // WHEN the auditor stands for it, with its bond, and with the value that it found
    let workers = requester.json(&["worker", "list"]);
    let workers = workers.as_array().expect("a list of workers");
    let keys: Vec<&str> = workers
        .iter()
        .map(|worker| worker["worker"].as_str().expect("its key"))
        .collect();
    let attest = |key, country| ["auditor", "attest", key, "--jurisdiction", country];
    let unbonded = auditor.refused(&attest(keys[0], "DE"));
    assert!(unbonded.contains("auditor bond"), "{unbonded}");
    let before = auditor.held();
    auditor.json(&["auditor", "bond"]);
    assert_eq!(auditor.held() - before, 100_000_000_000_000_000);
    let other = auditor.refused(&attest(keys[0], "FR"));
    assert!(other.contains("declares another value"), "{other}");
    for key in &keys {
        auditor.json(&attest(key, "DE"));
    }

    // THEN everybody sees it, and the job runs
    let listed = auditor.json(&["auditor", "list"]);
    let attests = listed[0]["attests"].as_array().expect("a list");
    assert_eq!(attests.len(), 2, "{listed}");
    assert!(
        attests
            .iter()
            .all(|said| said["attribute"] == "jurisdiction")
    );
    let shown = requester.json(&["worker", "show", keys[0]]);
    assert_eq!(shown["tiers"]["jurisdiction"], "attested", "{shown}");
    assert_eq!(shown["tiers"]["energy"], "declared", "{shown}");
    assert_eq!(shown["attestations"][0]["auditor"], account.to_string());
    let watched = requester.json(&["job", "watch", &job]);
    assert_eq!(watched["verified"], 1, "{watched}");
    let shown = requester.json(&["worker", "show", keys[0]]);
    assert_eq!(shown["trust"]["streak"], 1, "{shown}");

    // What is taken back counts no more, and the bond stays for what is left.
    auditor.json(&["auditor", "retract", keys[0], "jurisdiction"]);
    let shown = requester.json(&["worker", "show", keys[0]]);
    assert_eq!(shown["tiers"]["jurisdiction"], "declared", "{shown}");
    auditor.json(&["auditor", "resign"]);
    let early = auditor.refused(&["auditor", "withdraw"]);
    assert!(early.contains("expired"), "{early}");
    let listed = auditor.json(&["auditor", "list"]);
    assert!(listed[0]["free_at"].as_u64() > Some(2_000_000), "{listed}");
}
