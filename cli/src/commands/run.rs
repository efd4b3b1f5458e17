//! `sungrid run`: one unit of a program on this machine.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;
use sungrid_manifest::{Manifest, cid_text};
use sungrid_primitives::content::ContentKind;

use crate::{
    Error,
    args::RunArgs,
    context::Context,
    folder::write_whole,
    image_cid,
    local::Ran,
    package::Package,
    plan::{FileRef, ImageRef, JobFile},
    progress::Step,
    tariff::{Price, Tariff},
    units,
};

/// Files that are named one by one in the report.
const NAMED: usize = 8;

/// What `run` reports.
#[derive(Debug, Serialize)]
struct Report {
    image: String,
    environment: String,
    /// Measures that kept the program from this machine.
    isolation: Vec<&'static str>,
    exit: u32,
    /// In words.
    ended: String,
    fuel: u64,
    fuel_limit: u64,
    peak_memory: u64,
    memory_limit: u64,
    /// Bytes of its input: all of its files.
    bytes_in: u64,
    /// Bytes that it left.
    bytes_out: u64,
    /// As text; bytes that are none are replaced.
    stdout: String,
    stderr: String,
    outputs: Vec<Output>,
    output_limit: u64,
    #[serde(flatten)]
    price: Option<Price>,
    /// Where the outputs were written.
    out: Option<PathBuf>,
    /// Time on this machine; no part of the price.
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Output {
    /// Path below `/out`.
    name: String,
    size: u64,
    cid: String,
}

pub(super) async fn run(context: &Context, args: RunArgs) -> Result<(), Error> {
    let image = ImageRef::parse(&args.program)?;
    let package = Package::of(&context.data, &image, &args.manifest)?;
    let job = JobFile {
        image: Some(args.program.clone()),
        shared: args.input.iter().cloned().map(FileRef::Short).collect(),
        units: Some(args.units),
        args: args.args.clone(),
        fuel_limit: args.fuel_limit.clone(),
        memory_limit: args.memory_limit.clone(),
        traffic_limit: args.traffic_limit.clone(),
        ..JobFile::default()
    };
    let plan = job.plan()?;
    // Before the work, so that a node that is not there is found before a long run.
    let tariff = Tariff::of(context).await?;
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).map_err(Error::file("create", out))?;
    }
    let digest = package.image.encode()?.hash;
    let machine = super::machine(context, &args.isolation)?;
    let (ran, elapsed) = tokio::task::block_in_place(|| {
        let name = &package.image.name;
        let step = Step::begin(context.out, format!("compiling {name}"));
        let local = machine.load(&package)?;
        drop(step);
        let _step = Step::begin(context.out, format!("running {name}"));
        let started = Instant::now();
        let ran = local.run(&plan, args.unit)?;
        Ok::<_, Error>((ran, started.elapsed()))
    })?;
    if let Some(out) = &args.out {
        write_outputs(&ran, out)?;
    }
    if !context.out.is_json() {
        relay(&ran);
    }
    let (bytes_in, bytes_out) = (ran.bytes_in, ran.output.size());
    let traffic = bytes_in.saturating_add(bytes_out);
    let price = tariff.price(ran.outcome.fuel, ran.outcome.peak_memory, traffic);
    let report = Report {
        image: image_cid(&digest),
        environment: format!("{:?}", machine.environment()),
        isolation: machine.in_force(),
        exit: ran.output.exit,
        ended: ran.outcome.exit.to_string(),
        fuel: ran.outcome.fuel,
        fuel_limit: ran.limits.fuel,
        peak_memory: ran.outcome.peak_memory,
        memory_limit: ran.limits.memory_bytes,
        bytes_in,
        bytes_out,
        stdout: String::from_utf8_lossy(&ran.outcome.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&ran.outcome.stderr).into_owned(),
        outputs: outputs(&ran),
        output_limit: ran.limits.output_bytes,
        price,
        out: args.out.clone(),
        seconds: elapsed.as_secs_f64(),
    };
    if context.out.is_json() {
        context.out.result(&report, String::new);
    } else {
        context.out.note(words(&report, elapsed));
    }
    ran.failure().map_or(Ok(()), |why| Err(Error::Program(why)))
}

fn outputs(ran: &Ran) -> Vec<Output> {
    let files = ran.output.files.iter();
    let output = files.map(|file| Output {
        name: file.name.clone(),
        size: file.size,
        cid: cid_text(ContentKind::Raw, &file.hash),
    });
    output.collect()
}

fn write_outputs(ran: &Ran, out: &Path) -> Result<(), Error> {
    for (name, bytes) in &ran.outcome.files {
        // The manifest's rules held: relative, no `..`.
        let path = out.join(name);
        let folder = path.parent().unwrap_or(out);
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        write_whole(&path, bytes)?;
    }
    Ok(())
}

/// The program's streams to ours. A reader that went away (`| head`) is no error of ours.
fn relay(ran: &Ran) {
    let _ = std::io::stdout().write_all(&ran.outcome.stdout);
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().write_all(&ran.outcome.stderr);
}

fn words(report: &Report, elapsed: Duration) -> String {
    let percent = |part: u64, whole: u64| u128::from(part) * 100 / u128::from(whole.max(1));
    let mut lines = vec![
        format!("exit      {} ({})", report.exit, report.ended),
        format!(
            "fuel      {}, {} % of {}",
            report.fuel,
            percent(report.fuel, report.fuel_limit),
            units::fuel(report.fuel_limit.into())
        ),
        format!(
            "memory    {} at most, {} % of {}",
            units::bytes(report.peak_memory),
            percent(report.peak_memory, report.memory_limit),
            units::bytes(report.memory_limit)
        ),
        format!(
            "traffic   {} in, {} out",
            units::bytes(report.bytes_in),
            units::bytes(report.bytes_out)
        ),
    ];
    let named = report.outputs.iter().take(NAMED);
    let mut named: Vec<String> = named
        .map(|file| format!("{} ({})", file.name, units::bytes(file.size)))
        .collect();
    if report.outputs.len() > NAMED {
        named.push(format!("and {} more", report.outputs.len() - NAMED));
    }
    if named.is_empty() {
        named.push("no files".into());
    }
    lines.push(format!(
        "outputs   {}, stdout {}, stderr {}",
        named.join(", "),
        units::bytes(report.stdout.len() as u64),
        units::bytes(report.stderr.len() as u64)
    ));
    match (&report.out, report.outputs.is_empty()) {
        (Some(out), _) => lines.push(format!("          in {}", out.display())),
        (None, false) => lines.push("          (--out DIR writes them)".into()),
        (None, true) => {}
    }
    if let Some(price) = &report.price {
        lines.push(format!("price     {}", price.words()));
    }
    lines.push(format!(
        "here      {:.2} s, which enters no bill; environment {}",
        elapsed.as_secs_f64(),
        report.environment
    ));
    lines.join("\n")
}
