//! An encrypted job over real processes: what comes out, what lies on the disks of who took part, and who is told the key.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use sp_core::H256;
use sungrid_access::{card, key_name};
use sungrid_chain_client::Keypair;
use sungrid_data_plane::{Config, DataPlane, FetchOptions, Hash, PeerAddress, SecretError};
use sungrid_e2e::{Node, Process, Requester, Worker, binary, guest};

/// What nobody else is to read: content, names, arguments; the last two stand in what a unit leaves, too.
const SECRETS: [&str; 3] = ["the patient is well", "patient-7.txt", "--dose=low"];

/// Times that a requester is tried that begins to serve; each waits some seconds for a connection.
const TRIES: usize = 24;

#[test]
fn an_encrypted_job_is_readable_to_its_requester_alone_once_it_is_done() {
    let node = Node::dev();
    let requester = Requester::new(&node, "//Eve");
    let scans = requester.data().join("scans");
    fs::create_dir_all(&scans).expect("a folder");
    let scan = scans.join("patient-7.txt");
    fs::write(&scan, "the patient is well\n".repeat(9_000)).expect("a file");
    let wasm = guest("hello-rust");
    let (scan, wasm) = (
        scan.to_str().expect("a plain path"),
        wasm.to_str().expect("a plain path"),
    );
    let order = |more: &[&str]| -> Value {
        let order = ["job", "submit", "--image", wasm, "--units", "2"];
        let terms = [
            "--policy",
            "replicate:2",
            "--batch-size",
            "2",
            "--input",
            scan,
        ];
        let last = ["--", "--dose=low"];
        requester.json(&[&order[..], &terms, more, &last].concat())
    };
    // GIVEN a job that its requester serves, and that nobody works on yet
    let job = order(&["--encrypt", "--no-watch"])["job"].clone();
    let text = job.to_string();
    let mut watch = Command::new(binary("sungrid"));
    watch.args(["--node", &node.url()]);
    watch.args(requester.line(&["job", "watch", &text]));
    let mut watch = Process::start("job watch", &mut watch);
    let record = record_of(requester.data(), &job);
    let endpoint = record["spec"]["endpoint"].as_array().expect("bytes");
    let endpoint: Vec<u8> = endpoint
        .iter()
        .map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
        .collect::<Option<_>>()
        .expect("bytes");
    let hash = |value: &Value| -> H256 {
        let text = value.as_str().expect("a hash");
        text.parse().expect("64 digits")
    };
    let (genesis, input) = (hash(&record["genesis"]), hash(&record["spec"]["input"]));
    // WHEN strangers ask, with a card of their own or without
    let number = u32::try_from(job.as_u64().expect("a number")).expect("small");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("threads");
    runtime.block_on(async {
        let address = [PeerAddress::from_bytes(&endpoint).expect("an address")];
        for account in [None, Some("//Ferdie")] {
            let stranger = DataPlane::spawn(Config::memory()).await.expect("up");
            if let Some(account) = account {
                let key = Keypair::from_uri(account).expect("a development account");
                let card = card::sign(&key, &genesis, &stranger.endpoint_id());
                stranger.set_card(card).expect("short enough");
            }
            // THEN they are told nothing: once the requester serves, that is; until then nobody answers
            let mut told = Err(SecretError::NoPeers);
            for _ in 0..TRIES {
                told = stranger.ask_secret(&key_name(number, 0), &address).await;
                if !matches!(told, Err(SecretError::Unreachable { .. })) {
                    break;
                }
            }
            let refused = matches!(told, Err(SecretError::Refused { .. }));
            assert!(refused, "{told:?}\n{}", watch.log());
            let options = FetchOptions::up_to(1 << 20);
            let fetched = stranger.fetch(Hash::from_bytes(input.0), &address, options);
            assert!(fetched.await.is_err(), "not even what is sealed");
            stranger.shutdown().await;
        }
    });
    // WHEN two workers compute it
    let mut workers = [
        Worker::start(&node, "//Bob"),
        Worker::start(&node, "//Charlie"),
    ];
    let (status, log) = watch.finish();
    assert!(status.success(), "{log}");
    // THEN its requester has what they left, in the clear
    let shown = requester.json(&["job", "show", &text]);
    let folder = shown["folder"].as_str().expect("its folder");
    let folder = Path::new(folder);
    let report = |folder: &Path, unit: u32| -> String {
        let path = folder.join(format!("outputs/{unit:06}/out/report.txt"));
        fs::read_to_string(path).expect("what the unit left")
    };
    let sealed = report(folder, 1);
    for seen in ["patient-7.txt", "\"--dose=low\"", "180000 bytes"] {
        assert!(sealed.contains(seen), "{seen} in {sealed}");
    }
    let verified = requester.json(&["receipt", "verify", folder.to_str().expect("a plain path")]);
    let counts = (&verified["total"], &verified["valid"]);
    assert_eq!(counts, (&4.into(), &4.into()), "two units by two workers");
    // AND nothing of it is on the workers' disks or in what it served, where the application is kept while they run and after
    let image = shown["image"].as_str().expect("its CID");
    for worker in &mut workers {
        let pinned = pins(worker, &["pin", image]);
        assert_eq!(pinned["pins"][0]["cid"], image, "{pinned}");
        assert_eq!(pinned["pins"][0]["application"], true, "{pinned}");
        assert!(worker.terminate().0, "it ends well");
        assert_eq!(pins(worker, &["pins"])["pins"], pinned["pins"]);
        assert_hidden(worker.folder());
    }
    assert_hidden(&folder.join("blobs"));
    assert_hidden(&folder.join("receipts"));
    // AND the same job in the clear comes to the same report, but for what is drawn at random for each job
    for worker in &mut workers {
        worker.resume();
    }
    let plain = order(&[]);
    assert_eq!(plain["verified"], 2, "{plain}");
    let shown = requester.json(&["job", "show", &plain["job"].to_string()]);
    let plain = Path::new(shown["folder"].as_str().expect("its folder"));
    let lines = |text: &str| -> Vec<String> {
        let same = text.lines().filter(|line| !line.starts_with("map"));
        same.map(str::to_owned).collect()
    };
    assert_eq!(lines(&report(plain, 1)), lines(&sealed));
    // AND it would have been found: the same search, where nothing was sealed
    assert!(finds(&plain.join("blobs"), SECRETS[0].as_bytes()));
}

/// What a command about pins of a worker prints.
fn pins(worker: &Worker, arguments: &[&str]) -> Value {
    let output = Command::new(binary("sungrid-worker"))
        .args(arguments)
        .args(["--json", "--data-dir"])
        .arg(worker.folder())
        .output()
        .expect("the worker runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The record of a job in a requester's data folder.
fn record_of(data: &Path, job: &Value) -> Value {
    let jobs = fs::read_dir(data.join("jobs")).expect("jobs");
    jobs.map(|folder| {
        let path = folder.expect("an entry").path().join("job.json");
        let text = fs::read_to_string(path).expect("a record");
        // Amounts may not fit a JSON value's integers; what is read here does.
        serde_json::from_str::<Value>(&text).expect("JSON")
    })
    .find(|record| record["job"] == *job)
    .expect("the record of the job")
}

fn assert_hidden(folder: &Path) {
    for secret in SECRETS {
        assert!(
            !finds(folder, secret.as_bytes()),
            "{secret:?} in {}",
            folder.display()
        );
    }
}

/// Whether some bytes stand in a file below a folder, which must have some files.
fn finds(folder: &Path, bytes: &[u8]) -> bool {
    let (mut folders, mut files, mut found) = (vec![folder.to_owned()], 0, false);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let content = fs::read(&path).expect("a file");
            found |= content.windows(bytes.len()).any(|window| window == bytes);
        }
    }
    assert!(files > 2, "{} is next to empty", folder.display());
    found
}
