//! Outputs that a requester could not fetch, and drawn workers who try in its place.

use std::{fs, process::Command};

use sungrid_e2e::{Node, Process, Requester, Worker, binary};

/// Blocks that witnesses have. A worker gives up 20 blocks before the last one.
const WINDOW: u32 = 30;

/// Counts for some seconds, which is when its requester goes away, and says that it is done.
const SLOW: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\05\00\00\00done\n")
    (func (export "_start") (local $left i64)
        (local.set $left (i64.const 2000000000))
        (loop $on
            (local.set $left (i64.sub (local.get $left) (i64.const 1)))
            (br_if $on (i64.ne (local.get $left) (i64.const 0))))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

/// Bond and faults of the worker of a development account.
fn standing(requester: &Requester, operator: &'static str) -> (u64, u64) {
    let node = requester.node();
    let address = Requester::new(node, operator).json(&["account"])["account"].clone();
    let workers = requester.json(&["worker", "list"]);
    let all = workers.as_array().expect("a list of workers");
    let its = all.iter().find(|worker| worker["operator"] == address);
    let figure = |name: &str| its.expect("it is registered")[name].as_u64();
    (
        figure("bond_planck").expect("an amount"),
        figure("faults").expect("a number"),
    )
}

/// What an account owns, free or held, planck.
fn owned(of: &Requester) -> u64 {
    let account = of.json(&["account"]);
    let part = |name: &str| account[name].as_u64().expect("an amount");
    part("free_planck") + part("held_planck")
}

/// A requester is away when its results are found. It says of both batches that nobody serves it the outputs. Of the first that is
/// not so: drawn witnesses fetch them, and it loses its bond. Then both machines that owe them are gone: nobody has the second, and
/// both operators pay for it and are slashed.
#[test]
fn witnesses_find_out_who_withholds_and_who_only_says_so() {
    let node = Node::dev_with_witnesses_for(WINDOW);
    let eve = Requester::new(&node, "//Eve");
    let mut holders = ["//Bob", "//Charlie"].map(|operator| {
        let mut worker = Worker::set_up(&node, operator);
        worker.log_as("info,sungrid_worker::supervisor::seek=debug");
        worker.resume();
        worker
    });
    away_while_it_is_computed(&eve, &mut holders);
    for holder in &mut holders {
        for _ in 0..2 {
            holder.process().wait_for("claimed job=0 batch=");
        }
    }
    // There is nothing left to claim.
    let witnesses = ["//Alice", "//Dave", "//Ferdie"];
    let _machines = witnesses.map(|operator| Worker::start(&node, operator));
    for holder in &mut holders {
        // The first may have been before the second was claimed.
        let paid = "accepted and paid";
        while holder.process().log().matches(paid).count() < 2 {
            holder.process().wait_for(paid);
        }
    }

    let nobody = eve.refused(&["job", "witness", "0", "2"]);
    assert!(nobody.contains("no accepted result"), "{nobody}");
    let stranger = Requester::new(&node, "//Ferdie").refused(&["job", "witness", "0", "0"]);
    assert!(stranger.contains("submitted the job"), "{stranger}");

    let before = owned(&eve);
    let found = eve.json(&["job", "witness", "0", "0"]);
    assert_eq!(found["finding"], "fetched", "{found}");
    let who = found["witnesses"].as_array().expect("a list of workers");
    assert!(who.len() >= 2, "{found}");
    let isc = 1_000_000_000_000;
    let bond_and_fees = isc + isc / 100 * who.len() as u64;
    let lost = before - owned(&eve);
    assert!(
        (bond_and_fees..bond_and_fees + isc / 100).contains(&lost),
        "{lost}, {found}"
    );

    let bonds = ["//Bob", "//Charlie"].map(|operator| standing(&eve, operator));
    for holder in &mut holders {
        holder.kill();
    }
    let earned = witnesses.map(|key| owned(&Requester::new(&node, key)));
    let before = owned(&eve);
    let found = eve.json(&["job", "witness", "0", "1"]);
    assert_eq!(found["finding"], "withheld", "{found}");
    // What it paid for the batch is back, with bond and fees: all that it lost is the fee of one call, which is much less.
    let job = eve.json(&["job", "show", "0"]);
    let paid = job["paid"].as_u64().expect("an amount") / 2;
    let now = owned(&eve);
    assert!(paid > isc, "{paid} of {job}");
    assert!(
        now + isc / 100 > before + paid && now <= before + paid,
        "{before} and {paid} of {job}: {now}"
    );
    for (operator, (bond, faults)) in ["//Bob", "//Charlie"].iter().zip(bonds) {
        let (now, after) = standing(&eve, operator);
        assert!(
            now <= bond - bond / 10 && after == faults + 1,
            "{operator}: {bond} and {faults} before, {now} and {after} now"
        );
    }
    for (key, before) in witnesses.iter().zip(earned) {
        assert!(owned(&Requester::new(&node, key)) > before, "{key}");
        assert_eq!(standing(&eve, key).1, 0, "{key} was right");
    }

    // Asking again for what they said costs nothing.
    let before = owned(&eve);
    let again = eve.json(&["job", "witness", "0", "1"]);
    assert_eq!(again["finding"], "withheld", "{again}");
    assert_eq!(owned(&eve), before, "{again}");
}

/// Orders two batches and goes away once both workers have all that they need, before a result can be there.
fn away_while_it_is_computed(eve: &Requester, holders: &mut [Worker; 2]) {
    let wasm = eve.data().join("slow.wasm");
    fs::write(&wasm, wat::parse_str(SLOW).expect("a module")).expect("a file");
    let mut order = Command::new(binary("sungrid"));
    order.args(["--json", "--node", &eve.node().url()]);
    order.args(eve.line(&["job", "submit", "--units", "2", "--batch-size", "1"]));
    order.args(["--policy", "replicate:2", "--fuel-limit", "20G"]);
    order.args(["--price", "10000", "--image"]);
    let order = Process::start("sungrid job submit", order.arg(wasm));
    for holder in holders.iter_mut() {
        holder.process().wait_for("image and inputs are here");
    }
    order.kill();
}
