//! What a requester does beside submitting and waiting: leave and come back, change its mind, be paid as a developer.

use serde_json::Value;
use sungrid_e2e::{Node, Requester, Worker, guest};

#[test]
fn a_requester_leaves_comes_back_cancels_and_is_paid_as_a_developer() {
    let node = Node::dev();
    let requester = Requester::new(&node, "//Eve");
    let wasm = guest("hello-rust");
    let published = requester.json(&["image", "publish", wasm.to_str().expect("a plain path")]);
    let image = published["image"].as_str().expect("its CID").to_owned();

    // Nobody serves the inputs and nobody works: all of the escrow comes back.
    let unwanted = requester.order(&image);
    let held = requester.held();
    let early = requester.refused(&["job", "collect", &unwanted]);
    assert!(early.contains("job watch"), "{early}");
    let stranger = Requester::new(&node, "//Ferdie").refused(&["job", "cancel", &unwanted]);
    assert!(stranger.contains("belongs to"), "{stranger}");
    let cancelled = requester.json(&["job", "cancel", &unwanted]);
    assert_eq!(cancelled["in_flight"], 0, "{cancelled}");
    let job = requester.json(&["job", "show", &unwanted]);
    let escrow = job["escrow"].as_u64().expect("an amount");
    assert!(escrow > 0 && requester.held() == held - escrow, "{job}");

    // What was ordered without watching is watched later, and collected again from the same results.
    let mut bob = Worker::start(&node, "//Bob");
    let _charlie = Worker::start(&node, "//Charlie");
    let wanted = requester.order(&image);
    let watched = requester.json(&["job", "watch", &wanted]);
    assert_eq!(watched["verified"], 3, "{watched}");
    let copy = requester.data().join("copy");
    let target = copy.to_str().expect("a plain path");
    let collected = requester.json(&["job", "collect", &wanted, "--out", target]);
    assert_eq!(collected["verified"], 3, "{collected}");
    let outputs = std::fs::read_dir(&copy)
        .expect("outputs were copied")
        .count();
    assert_eq!(outputs, 3, "one folder for each unit");

    // It says once how content it was with the two that served it, and everybody sees it.
    let rate = ["job", "rate", &wanted, "5"];
    let operators = |rated: Value| rated["operators"].as_array().map(Vec::len);
    assert_eq!(operators(requester.json(&rate)), Some(2));
    assert_eq!(operators(requester.json(&rate)), Some(0));
    for worker in requester
        .json(&["worker", "list"])
        .as_array()
        .expect("a list of workers")
    {
        let key = worker["worker"].as_str().expect("its key");
        let shown = requester.json(&["worker", "show", key]);
        assert_eq!(shown["rating"]["stars"], 5, "{shown}");
    }

    // What it took on chain goes, and what was held for that is back.
    let held = requester.held();
    let removed = requester.json(&["job", "clean-up", &wanted]);
    let deposit = removed[0]["deposit_planck"].as_u64().expect("an amount");
    assert!(
        deposit > 0 && requester.held() == held - deposit,
        "{removed}"
    );
    let gone = requester.refused(&["job", "show", &wanted]);
    assert!(gone.contains(&wanted), "{gone}");

    // The round has closed once an operator has been paid; the developer of the image has its share then.
    bob.process().wait_for("rewards claimed");
    let before = requester.json(&["account"])["free_planck"].as_u64();
    requester.json(&["rewards", "claim"]);
    assert!(requester.json(&["account"])["free_planck"].as_u64() > before);

    // A retired image that no job needs any more is gone, its deposit is back, and it takes no new jobs.
    requester.json(&["image", "retire", &image]);
    let terms = [
        "job",
        "submit",
        "--no-watch",
        "--units",
        "1",
        "--image",
        &image,
    ];
    let retired = requester.refused(&terms);
    assert!(retired.contains("is not published"), "{retired}");
}
