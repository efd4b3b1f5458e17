//! Work whose answer was known before: governance admits who plants it, real workers do it, and who lied is told from who did not.

use std::process::Command;

use serde_json::{Value as Json, json};
use subxt::dynamic::Value;
use sungrid_chain_client::{AccountId, Keypair};
use sungrid_e2e::{
    Node, Process, Requester, Worker, binary,
    governance::{self, Bodies, call},
    guest,
};
use sungrid_primitives::ISC;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A requester takes the outputs of so many batches at its own risk, once they are opened: nobody has to wait for a challenge.
fn acknowledge(node: &Node, requester: &str, job: u64, batches: u32) {
    let receipt = call(
        "Verification",
        "acknowledge",
        [
            ("job", Value::u128(job.into())),
            ("below", Value::u128(batches.into())),
        ],
    );
    runtime().block_on(async {
        let bodies = Bodies::of(node).await;
        // Each try takes a block.
        while let Err(error) = bodies.send(requester, &receipt).await {
            assert!(error.contains("NotDelivered"), "{error}");
        }
    });
}

/// A referendum admits a keeper, for whose canaries the treasury gives at most `budget` planck.
fn admit(node: &mut Node, keeper: &AccountId, budget: u128) {
    let admit = call(
        "Canaries",
        "admit",
        [
            ("keeper", Value::from_bytes(keeper)),
            ("budget", Value::u128(budget)),
        ],
    );
    governance::decide(node, &admit, ("Canaries", "Keepers"));
}

/// The worker of an operator, by its key, and what its results were worth so far: how many in a row others confirmed, and its score.
fn trust(of: &Requester, operator: &'static str) -> (String, u64, u64) {
    let address = Requester::new(of.node(), operator).json(&["account"])["account"].clone();
    let workers = of.json(&["worker", "list"]);
    let all = workers.as_array().expect("a list of workers");
    let its = all.iter().find(|worker| worker["operator"] == address);
    let key = its.expect("it is registered")["worker"].as_str();
    let key = key.expect("its key").to_owned();
    let shown = of.json(&["worker", "show", &key]);
    let figure = |name: &str| shown["trust"][name].as_u64().expect("a number");
    (key, figure("streak"), figure("score"))
}

/// Two workers agree, so that each is trusted a little and a keeper knows the answers. Then one of them lies, where nobody else
/// looks: it is paid, until the keeper holds its results against what it had planted.
#[test]
fn a_worker_that_lies_once_it_is_trusted_is_caught_by_what_a_keeper_knew() {
    let mut node = Node::dev();
    let keeper = Keypair::from_uri("//Ferdie").expect("a path").account();
    admit(&mut node, &keeper, ISC);
    let keeper = Requester::new(&node, "//Ferdie");
    // A machine that is busy measures one lane as less than any unit takes; a daemon that starts again measures again.
    let lanes = |settings: String| {
        assert!(settings.contains("\nlanes = 0\n"), "{settings}");
        settings.replace("\nlanes = 0\n", "\nlanes = 4\n")
    };
    let mut dave = Worker::start_with(&node.url(), "//Dave", lanes);
    let mut bob = Worker::start_with(&node.url(), "//Bob", lanes);

    let wasm = guest("hello-c");
    let wasm = wasm.to_str().expect("a plain path");
    let what = ["--units", "2", "--batch-size", "1", "--image", wasm];
    let order = |policy: &'static str| -> Vec<&str> {
        let policy = ["--policy", policy];
        [&["job", "submit"][..], &what, &policy, &["--", "-"]].concat()
    };
    let address = |who: &Requester| {
        let account = who.json(&["account"])["account"].clone();
        account.as_str().expect("an address").to_owned()
    };
    let eve = Requester::new(&node, "//Eve");
    let path = |name: &str| {
        let path = keeper.data().join(name);
        path.to_str().expect("a plain path").to_owned()
    };
    let plant = |requester: &Requester, file: &str| -> Vec<String> {
        let whose = [
            "canary".into(),
            "plant".into(),
            "--requester".into(),
            address(requester),
            "--file".into(),
            file.into(),
        ];
        let what = what.into_iter().chain(["--", "-"]);
        whose.into_iter().chain(what.map(String::from)).collect()
    };
    fn words(line: &[String]) -> Vec<&str> {
        line.iter().map(String::as_str).collect()
    }

    // Sealed for whoever will order the same; nobody but a keeper can. What it computes is what workers compute.
    let file = path("answers.json");
    let line = plant(&keeper, &file);
    let stranger = eve.refused(&words(&line));
    assert!(stranger.contains("referendum"), "{stranger}");
    assert_eq!(keeper.json(&words(&line))["batches"], json!([0, 1]));
    let known = keeper.json(&order("replicate:2"));
    assert_eq!(known["verified"], 2, "{known}");
    let job = known["job"].to_string();
    let exposed = keeper.json(&["canary", "expose", &job, "--file", &file]);
    assert_eq!(
        (&exposed["right"], &exposed["wrong"]),
        (&json!(2), &json!([]))
    );
    let (machine, streak, score) = trust(&keeper, "//Dave");
    assert_eq!((streak, score), (2, 2));

    let file = path("of-eve.json");
    keeper.json(&words(&plant(&eve, &file)));

    // Bob is away, and Dave's machine lies from now on.
    let (other, ..) = trust(&keeper, "//Bob");
    Requester::new(&node, "//Bob").json(&["worker", "pause", &other]);
    bob.kill();
    let (well, log) = dave.terminate();
    assert!(well, "{log}");
    dave.become_program(binary("liar"));
    dave.resume();
    let mut believed = Command::new(binary("sungrid"));
    believed.args(["--json", "--node", &node.url()]);
    believed.args(eve.line(&order("optimistic")));
    let mut believed = Process::start("sungrid job submit", &mut believed);
    believed.wait_for("\"event\":\"submitted\"");
    let number = known["job"].as_u64().expect("a number") + 1;
    acknowledge(&node, "//Eve", number, 2);
    let (well, log) = believed.finish();
    assert!(well.success(), "{log}");
    let summary = log
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok());
    let believed: Json = summary.unwrap_or_else(|| panic!("no JSON in {log}"));
    assert_eq!(believed["verified"], 2, "{believed}");
    assert!(believed["paid_planck"].as_u64() > Some(0), "{believed}");
    assert_eq!(believed["job"].as_u64(), Some(number), "{believed}");
    let job = number.to_string();
    let before = keeper.json(&["worker", "show", &machine]);

    let exposed = keeper.json(&["canary", "expose", &job, "--file", &file]);
    assert_eq!(exposed["right"], 0, "{exposed}");
    assert_eq!(exposed["wrong"], json!([0, 1]), "{exposed}");
    // Two thirds of two, and two thirds of that, rounded down; and no longer a streak.
    let (_, streak, score) = trust(&keeper, "//Dave");
    assert_eq!((streak, score), (0, 0));
    let (_, streak, score) = trust(&keeper, "//Bob");
    assert_eq!((streak, score), (2, 2), "Bob did not lie");
    // Nobody but the keeper vouches for the answer, so no bond falls.
    let after = keeper.json(&["worker", "show", &machine]);
    assert_eq!(after["bond_planck"], before["bond_planck"], "{after}");
    let again = keeper.refused(&["canary", "expose", &job, "--file", &file]);
    assert!(again.contains("exposed already"), "{again}");
}
