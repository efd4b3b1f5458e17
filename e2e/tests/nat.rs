//! A whole job between two homes, each behind a router that gives every connection another port: the requester in one, two
//! workers in the other, node and relay on the public network between them. `scripts/nat` runs it.
#![cfg(target_os = "linux")]

// The relay's own tests use the rest of it.
#[allow(dead_code)]
#[path = "../../relay/tests/nat/spaces.rs"]
mod spaces;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use spaces::{Nat, PUBLIC, Space, World};
use sungrid_e2e::{Node, Process, Worker, binary, guest};

/// A relay with a certificate for the public address.
fn relay(space: &Space, folder: &Path) -> Process {
    let made = rcgen::generate_simple_self_signed(vec![PUBLIC.into()]).expect("made");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    space.run(move || {
        let mut command = Command::new(binary("sungrid-relay"));
        command
            .args(["--listen", &format!("{PUBLIC}:443"), "--cert"])
            .arg(cert)
            .arg("--key")
            .arg(key);
        let mut process = Process::start("sungrid-relay", &mut command);
        process.wait_for("relay is up");
        process
    })
}

/// A worker that is reached through the relay.
fn worker(space: &Space, url: &str, operator: &'static str, port: u16, roots: PathBuf) -> Worker {
    let url = url.to_owned();
    space.run(move || {
        Worker::start_with(&url, operator, |settings| {
            let set = |text: String, from: &str, to: String| {
                assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
                text.replace(from, &to)
            };
            let text = set(
                settings,
                "listen = \"127.0.0.1:0\"",
                format!("listen = \"0.0.0.0:{port}\""),
            );
            set(
                text,
                "relays = []",
                format!("relays = [\"https://{PUBLIC}\"]\nrelay_roots = {roots:?}"),
            )
        })
    })
}

/// Whether a program that runs in a namespace succeeds, what it prints last, and all that it says.
fn ran(space: &Space, program: &'static str, arguments: &[&str]) -> (bool, String, String) {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let output = space.run(move || {
        let output = Command::new(binary(program)).args(&arguments).output();
        output.expect("the program runs")
    });
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = stdout.lines().last().unwrap_or_default().to_owned();
    let all = stdout + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), last, all)
}

#[test]
#[ignore = "needs network namespaces and nftables: scripts/nat"]
fn a_job_is_computed_and_its_results_collected_between_two_homes() {
    let world = World::new(Nat::Symmetric);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _relay = relay(&world.public, folder.path());
    let node = world.public.run(|| Node::dev_at(PUBLIC));
    let url = node.url();
    let roots = folder.path().join("cert.pem");
    let bob = worker(&world.b, &url, "//Bob", 4_433, roots.clone());
    let _charlie = worker(&world.b, &url, "//Charlie", 4_434, roots.clone());

    let data = folder.path().join("requester");
    let requester = |arguments: &[&str]| -> Value {
        let data = data.to_str().expect("a plain path");
        let who = [
            "--json",
            "--node",
            &url,
            "--key",
            "//Eve",
            "--data-dir",
            data,
        ];
        let (well, line, all) = ran(&world.a, "sungrid", &[&who, arguments].concat());
        assert!(well, "{all}");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {all}"))
    };
    let wasm = guest("hello-rust");
    let published = requester(&["image", "publish", wasm.to_str().expect("a plain path")]);
    let image = published["image"].as_str().expect("its CID");
    let relay = format!("https://{PUBLIC}");
    let order = ["job", "submit", "--image", image, "--units", "3"];
    let terms = ["--policy", "replicate:2", "--batch-size", "1"];
    let roots = roots.to_str().expect("a plain path");
    let way = ["--relay", &relay, "--relay-roots", roots];
    // Ends with the job: inputs have gone one way, outputs have come the other.
    let done = requester(&[&order[..], &terms, &way].concat());
    assert_eq!(done["verified"], 3, "{done}");

    // The worker says which way it went, and its doctor that it can be reached that way.
    let status = std::fs::read(bob.folder().join("status.json")).expect("it writes one");
    let status: Value = serde_json::from_slice(&status).expect("JSON");
    let counter = |name: &str| {
        let counters = status["counters"].as_array().expect("counters");
        let found = counters.iter().find(|counter| counter[0] == name);
        found.and_then(|counter| counter[1].as_u64())
    };
    assert!(counter("relayed_bytes_total") > Some(0), "{status}");
    assert_eq!(counter("relay_connected"), Some(1), "{status}");
    let place = bob.folder().to_str().expect("a plain path");
    // It may have other things to say of this machine.
    let (_, _, said) = ran(&world.b, "sungrid-worker", &["doctor", "--data-dir", place]);
    let expected = format!("answers through its relay {relay}");
    assert!(said.contains(&expected), "{said}");
}
