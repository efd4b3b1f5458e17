//! `sungrid demo`: a chain, three workers of different operators and a requester on this machine, and a
//! picture rendered by them.
//!
//! Nothing is simulated: the node makes blocks, the workers register with bonds, results move peer to peer,
//! and the round's split is what the chain paid. The only thing shorter than on a real chain is the round,
//! so that one ends while somebody watches; its length is part of the chain's genesis.

mod network;
mod process;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use futures::StreamExt;
use serde::Serialize;
use sungrid_chain_client::{Chain, ClosedRound, Follow};

use super::{
    job::{Done, announce, follow_until},
    receipt, render, stop_signal,
};
use crate::{
    Error,
    args::{DemoArgs, Global, TermsArgs},
    context::Context,
    folder::DataFolder,
    units,
};
use network::{Network, OPERATORS};

/// Tiles that the picture is cut into at least.
const TILES: u32 = 64;
/// Blocks in a round of the demonstration chain: 15 s, so that the split is there soon after the picture.
const ROUND: u32 = 5;

/// What the demonstration came to.
#[derive(Debug, Serialize)]
struct Report {
    picture: PathBuf,
    wall_s: f64,
    units: u32,
    replicas: u32,
    /// Of all replicas, from their receipts.
    fuel: u128,
    paid_planck: u128,
    split: Split,
    receipts: Receipts,
    workers: Vec<WorkerReport>,
}

/// How the rounds in which the job was paid were split, planck, summed up.
#[derive(Debug, Default, Serialize)]
struct Split {
    authors: u128,
    foundation: u128,
    developers: u128,
    workers: u128,
    /// What went into the round after them, for want of receivers.
    carried: u128,
    /// Numbers of the rounds.
    rounds: Vec<u32>,
    payments: u128,
    fees: u128,
    emission: u128,
    /// Out of the node reserve, on top of the split: to operators by credit,
    granted: u128,
    /// and to live workers in equal parts.
    maintenance: u128,
}

#[derive(Debug, Serialize)]
struct Receipts {
    total: usize,
    valid: usize,
    /// Whether the bill that follows from them is what the chain took.
    agrees: Option<bool>,
    folder: PathBuf,
}

#[derive(Debug, Serialize)]
struct WorkerReport {
    operator: String,
    name: &'static str,
    credit_planck: u128,
    units: u64,
}

pub(super) async fn run(context: &Context, args: DemoArgs) -> Result<(), Error> {
    let scene = scene(&args.scene)?;
    let picture = std::path::absolute(&args.out).map_err(Error::file("find", &args.out))?;
    if let Some(folder) = picture.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    let folder = tempfile::Builder::new()
        .prefix("sungrid-demo-")
        .tempdir()
        .map_err(Error::file("create", std::env::temp_dir()))?;
    let cache = args.cache.as_deref().unwrap_or(folder.path());
    let spec = network::chain_spec(&args.node_program, cache, ROUND).await?;
    let clock = Instant::now();
    let mut network = Network::default();
    let stop = stop_signal();
    let result = tokio::select! {
        result = show(context, &args, &scene, &picture, folder.path(), spec, &mut network) => result,
        () = stop => Err(Error::Interrupted),
    };
    network.stop().await;
    if args.keep {
        context.out.note(format!(
            "folders and logs are in {}",
            folder.keep().display()
        ));
    }
    let mut report = result?;
    report.wall_s = clock.elapsed().as_secs_f64();
    context.out.result(&report, || text(&report));
    match report.receipts.total - report.receipts.valid {
        0 => Ok(()),
        invalid => Err(Error::BadReceipts {
            invalid,
            total: report.receipts.total,
        }),
    }
}

/// The scene, cut finer if it has too few tiles.
fn scene(path: &Path) -> Result<render::LocalScene, Error> {
    let plain = render::LocalScene::read(path, None)?;
    if plain.tiles >= TILES {
        return Ok(plain);
    }
    // The renderer's tiles have at least 8 pixels each way.
    let sizes = (8..=TILES).map(|n| ((plain.width / n).max(8), (plain.height / n).max(8)));
    let tiles = |(w, h): &(u32, u32)| plain.width.div_ceil(*w) * plain.height.div_ceil(*h);
    let size = sizes.into_iter().find(|size| tiles(size) >= TILES).ok_or_else(|| {
        Error::Usage(format!(
            "the picture of {} is too small for {TILES} tiles: make it 64 by 64 pixels or larger",
            path.display()
        ))
    })?;
    render::LocalScene::read(path, Some(size))
}

async fn show(
    context: &Context,
    args: &DemoArgs,
    scene: &render::LocalScene,
    picture: &Path,
    folder: &Path,
    spec: PathBuf,
    network: &mut Network,
) -> Result<Report, Error> {
    context.out.note("starting a chain and three workers");
    network.start(args, folder, spec).await?;
    let requester = Context {
        global: Global {
            node: vec![network.url.clone()],
            genesis: None,
            key: Some("//Alice".into()),
            data_dir: Some(folder.join("requester")),
            ..context.global.clone()
        },
        data: DataFolder::new(Some(folder.join("requester")))?,
        out: context.out,
    };
    let work = rendering(&requester, args, scene, picture);
    tokio::select! {
        result = work => result,
        error = network.failed() => Err(error),
    }
}

async fn rendering(
    context: &Context,
    args: &DemoArgs,
    scene: &render::LocalScene,
    picture: &Path,
) -> Result<Report, Error> {
    let chain = context.chain().await?;
    let rounds = Rounds::watch(chain.clone());
    let terms = TermsArgs {
        batch_size: Some(batch_size(scene.tiles)),
        ..TermsArgs::default()
    };
    let serve = crate::args::ServeArgs {
        listen: None,
        external: vec![],
        relay: vec![],
        relay_roots: None,
        upload_mbit: None,
    };
    let first = chain.round().await?.number;
    let requester = render::submit(
        context,
        chain.clone(),
        scene,
        &args.renderer,
        &terms,
        &serve,
        picture,
    )
    .await?;
    announce(context, &requester);
    let replicas = requester.record().spec.policy.paid_results();
    // The whole demonstration stops on a signal, not only this part of it.
    let done = follow_until(context, requester, std::future::pending()).await?;
    let summary = done.summary.clone().complete()?;
    render::write_picture(&done.folder, summary.units, picture)?;
    context.out.note(format!(
        "the picture is {}; waiting for its round to close",
        picture.display()
    ));
    // All payments are in by now, so the round that is filling is the last one with any of them.
    let last = chain.round().await?.number;
    let split = rounds.split(first, last).await?;
    let receipts = keep_receipts(&done, picture)?;
    Ok(Report {
        picture: picture.to_owned(),
        wall_s: 0.0,
        units: summary.units,
        replicas,
        fuel: receipts.1,
        paid_planck: summary.paid_planck,
        split,
        receipts: receipts.0,
        workers: workers(&*chain).await?,
    })
}

/// Small enough that three workers share the tiles evenly, large enough that the chain's part, some blocks
/// per batch, stays small.
fn batch_size(tiles: u32) -> u32 {
    tiles.div_ceil(8).max(1)
}

/// Copies what is needed to check the receipts to a folder beside the picture, and checks them there.
fn keep_receipts(done: &Done, picture: &Path) -> Result<(Receipts, u128), Error> {
    let folder = picture.with_extension("receipts");
    let target = folder.join("receipts");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(Error::file("replace", &folder))?;
    }
    std::fs::create_dir_all(&target).map_err(Error::file("create", &target))?;
    let copy = |from: PathBuf, to: PathBuf| {
        std::fs::copy(&from, &to)
            .map(drop)
            .map_err(Error::file("copy", &from))
    };
    for name in ["job.json", "input.cbor"] {
        copy(done.folder.path().join(name), folder.join(name))?;
    }
    let source = done.folder.receipts();
    for entry in std::fs::read_dir(&source).map_err(Error::file("list", &source))? {
        let entry = entry.map_err(Error::file("list", &source))?;
        copy(entry.path(), target.join(entry.file_name()))?;
    }
    let report = receipt::verify(&folder, None)?;
    let fuel = report.bill.fuel;
    let receipts = Receipts {
        total: report.total,
        valid: report.valid,
        agrees: report.agrees,
        folder,
    };
    Ok((receipts, fuel))
}

async fn workers(chain: &dyn Chain) -> Result<Vec<WorkerReport>, Error> {
    let mut reports = Vec::new();
    let workers = chain.workers().await?;
    for (name, uri) in OPERATORS {
        // Development names always derive.
        let Some(operator) = sungrid_chain_client::Keypair::from_uri(uri) else {
            continue;
        };
        for (key, _) in workers
            .iter()
            .filter(|(_, w)| w.operator == operator.account())
        {
            let credit = chain.credit(key).await?;
            reports.push(WorkerReport {
                operator: operator.account().to_string(),
                name,
                credit_planck: credit.total,
                units: credit.units,
            });
        }
    }
    Ok(reports)
}

/// Collects rounds as they close.
struct Rounds {
    closed: Arc<Mutex<BTreeMap<u32, ClosedRound>>>,
    changed: tokio::sync::watch::Receiver<u32>,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Rounds {
    fn watch(chain: Arc<dyn Chain>) -> Self {
        let closed = Arc::<Mutex<BTreeMap<u32, ClosedRound>>>::default();
        let (sender, changed) = tokio::sync::watch::channel(0);
        let map = closed.clone();
        let task = tokio::spawn(async move {
            let mut blocks = chain.blocks(Follow::Best).await?;
            while let Some(block) = blocks.next().await {
                match block {
                    Ok(_) => {}
                    Err(error) if error.is_retryable() => continue,
                    Err(error) => return Err(error.into()),
                }
                if let Some(round) = chain.last_round().await? {
                    map.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(round.round, round);
                    sender.send_replace(round.round);
                }
            }
            Ok(())
        });
        Self {
            closed,
            changed,
            task,
        }
    }

    /// The sum of some rounds, once the last of them has closed.
    async fn split(mut self, first: u32, last: u32) -> Result<Split, Error> {
        let closed = self.closed.clone();
        let here = |number: u32| {
            closed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains_key(&number)
        };
        if self.changed.wait_for(|_| here(last)).await.is_err() {
            // The task has ended, which it only does with an error.
            return match self.task.await {
                Ok(Err(error)) => Err(error),
                _ => Err(Error::Demo("the chain's blocks ended".into())),
            };
        }
        self.task.abort();
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut split = Split::default();
        for (number, round) in closed.range(first..=last) {
            split.rounds.push(*number);
            split.authors += round.authors;
            split.foundation += round.foundation;
            split.developers += round.developers;
            split.workers += round.workers;
            split.carried = round.carried;
            split.payments += round.payments;
            split.fees += round.fees;
            split.emission += round.emission;
            split.granted += round.granted;
            split.maintenance += round.maintenance;
        }
        Ok(split)
    }
}

fn text(report: &Report) -> String {
    let split = &report.split;
    let rounds = match (split.rounds.first(), split.rounds.last()) {
        (Some(first), Some(last)) if first != last => format!("rounds {first}–{last}"),
        (Some(first), _) => format!("round {first}"),
        _ => "round".into(),
    };
    let mut lines = vec![
        format!("picture    {}", report.picture.display()),
        format!("wall time  {:.1} s", report.wall_s),
        format!(
            "work       {} tiles, {} replicas each",
            report.units, report.replicas
        ),
        format!("fuel       {}", units::fuel(report.fuel)),
        format!("paid       {}", units::isc(report.paid_planck)),
        format!(
            "{rounds}: {} payments + {} fees + {} emission, split into",
            units::isc(split.payments),
            units::isc(split.fees),
            units::isc(split.emission)
        ),
    ];
    for (name, amount) in [
        ("authors", split.authors),
        ("foundation", split.foundation),
        ("developers", split.developers),
        ("workers", split.workers),
        ("carried on", split.carried),
    ] {
        lines.push(format!("  {name:<11} {}", units::isc(amount)));
    }
    lines.push(format!(
        "  from the reserve: {} to workers, {} to live nodes",
        units::isc(split.granted),
        units::isc(split.maintenance)
    ));
    for worker in &report.workers {
        lines.push(format!(
            "worker of {:<8} {} credit, {} units",
            worker.name,
            units::isc(worker.credit_planck),
            worker.units
        ));
    }
    lines.push(format!(
        "receipts   {} of {} valid{} ({})",
        report.receipts.valid,
        report.receipts.total,
        match report.receipts.agrees {
            Some(true) => ", and their bill is what the chain took",
            Some(false) => ", but their bill is NOT what the chain took",
            None => "",
        },
        report.receipts.folder.display()
    ));
    lines.join("\n")
}
