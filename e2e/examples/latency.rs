//! How long a job of one unit of negligible work takes on a development chain: a node, two workers, one job after the
//! other. `scripts/bench-latency` builds and runs it.

use std::{process::Command, time::Instant};

use serde_json::{Value, json};
use sungrid_chain_client::{Chain, ChainError, Event, rpc::RpcChain};
use sungrid_e2e::{Node, Process, Worker, binary, guest, sungrid_json};
use sungrid_primitives::JobId;
use tempfile::TempDir;

/// Jobs if the command line names no number.
const JOBS: usize = 5;

/// Blocks are counted from the one with the submission to the one meant, both included.
struct Latency {
    job: JobId,
    /// Until the block that was the best when the first result was here, checked and written out.
    result: u32,
    /// Until the block in which the chain accepted and paid it.
    settled: u32,
    /// Seconds from the start of the command line, before anything is submitted, to the first result.
    result_s: f64,
}

fn main() {
    let (jobs, as_json) = arguments();
    let node = Node::dev();
    let _workers = ["//Bob", "//Charlie"].map(|operator| Worker::start(&node, operator));
    let data = TempDir::new().expect("a temporary folder");
    let folder = data.path().to_str().expect("a plain path");
    let wasm = guest("hello-rust");
    let wasm = wasm.to_str().expect("a plain path");
    let publish = [
        "--key",
        "//Alice",
        "--data-dir",
        folder,
        "image",
        "publish",
        wasm,
    ];
    let published = sungrid_json(&node, &publish);
    let image = published["image"].as_str().expect("its CID");

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let chain = runtime
        .block_on(RpcChain::connect(&[node.url()], None))
        .expect("the node answers");
    let latencies: Vec<Latency> = (0..jobs)
        .map(|_| {
            let (job, best, result_s) = run(&node, folder, image);
            let (submitted, settled) = runtime
                .block_on(blocks_of(&node, &chain, job))
                .expect("the chain can be read");
            Latency {
                job,
                result: best - submitted + 1,
                settled: settled - submitted + 1,
                result_s,
            }
        })
        .collect();
    report(&latencies, as_json);
}

fn arguments() -> (usize, bool) {
    let usage = || -> ! {
        eprintln!("usage: latency [--jobs N] [--json]");
        std::process::exit(2)
    };
    let (mut jobs, mut as_json) = (JOBS, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => as_json = true,
            "--jobs" => match arguments.next().and_then(|number| number.parse().ok()) {
                Some(number) if number > 0 => jobs = number,
                _ => usage(),
            },
            _ => usage(),
        }
    }
    (jobs, as_json)
}

/// Runs one job to its end. Returns its number, the best block when its first result was here, and how long
/// that took.
fn run(node: &Node, folder: &str, image: &str) -> (JobId, u32, f64) {
    let mut command = Command::new(binary("sungrid"));
    command.args(["--json", "--key", "//Alice", "--data-dir", folder]);
    command.args(["--node", &node.url(), "job", "submit", "--units", "1"]);
    command.args(["--policy", "replicate:2", "--image", image]);
    let start = Instant::now();
    let mut process = Process::start("sungrid job submit", &mut command);
    let submitted = process.wait_for(r#""event":"submitted""#);
    process.wait_for(r#""event":"received""#);
    let best = node.number(&Value::Null);
    let result_s = start.elapsed().as_secs_f64();
    let (status, log) = process.finish();
    assert!(status.success(), "{log}");
    let submitted: Value = serde_json::from_str(&submitted).expect("one event a line");
    let job = submitted["job"]
        .as_u64()
        .and_then(|job| job.try_into().ok());
    (job.expect("a number"), best, result_s)
}

/// The blocks in which a job that has ended was submitted, and its batch settled, by the chain's events.
async fn blocks_of(node: &Node, chain: &RpcChain, wanted: JobId) -> Result<(u32, u32), ChainError> {
    let (mut submitted, mut settled) = (None, None);
    let mut number = chain.head().await?.number;
    while submitted.is_none() {
        let hash = node.ask("chain_getBlockHash", json!([number]));
        let hash = hash.as_str().and_then(|hash| hash.parse().ok());
        for event in chain.events(hash.expect("a hash")).await? {
            match event {
                Event::JobSubmitted { job, .. } if job == wanted => submitted = Some(number),
                Event::BatchSettled { job, .. } if job == wanted => settled = Some(number),
                _ => {}
            }
        }
        number -= 1;
    }
    Ok(submitted.zip(settled).expect("the job was settled"))
}

fn report(latencies: &[Latency], as_json: bool) {
    println!("job  blocks to first result  blocks to settled  s to first result");
    for latency in latencies {
        let Latency {
            job,
            result,
            settled,
            result_s,
        } = latency;
        println!("{job:>3}  {result:>22}  {settled:>17}  {result_s:>17.1}");
    }
    let of = |blocks: fn(&Latency) -> u32| {
        let mut sorted: Vec<u32> = latencies.iter().map(blocks).collect();
        sorted.sort_unstable();
        (sorted[sorted.len() / 2], sorted[sorted.len() - 1])
    };
    let (result, settled) = (of(|latency| latency.result), of(|latency| latency.settled));
    for (name, at) in [
        ("median", [result.0, settled.0]),
        ("max", [result.1, settled.1]),
    ] {
        println!("{name:<6} {:>20}  {:>17}", at[0], at[1]);
    }
    if as_json {
        let figures = |(median, max): (u32, u32)| json!({ "median": median, "max": max });
        println!(
            "{}",
            json!({
                "jobs": latencies.len(),
                "result_blocks": figures(result),
                "settled_blocks": figures(settled),
            })
        );
    }
}
