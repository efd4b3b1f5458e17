//! `sungrid receipt`: checks that need no network.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sungrid_manifest::{Bundle, JobInput, Manifest};
use sungrid_primitives::{
    BatchIndex,
    suns::{self, CPU_1},
};
use sungrid_seal::JobKey;

use crate::{
    Error,
    args::ReceiptCommand,
    before::Before,
    context::Context,
    folder::{JobFolder, JobRecord},
    output::table,
    units,
    verify::{Bill, Expected, check},
};

pub(super) fn run(context: &Context, command: ReceiptCommand) -> Result<(), Error> {
    let ReceiptCommand::Verify { path, price } = command;
    let report = verify(&path, price)?;
    context.out.result(&report, || text(&report));
    match report.total - report.valid {
        0 => Ok(()),
        invalid => Err(Error::BadReceipts {
            invalid,
            total: report.total,
        }),
    }
}

/// What the check of some bundles found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Receipts found.
    pub(super) total: usize,
    /// Receipts that hold.
    pub(super) valid: usize,
    /// What the valid bundles come to at `price_planck`; all replicas together.
    pub(super) bill: Bill,
    /// Planck per SUNS·hour.
    pub(super) price_planck: Option<u128>,
    /// What the chain said was paid, if the job's record is here.
    pub(super) paid_planck: Option<u128>,
    /// Whether bill and payment agree to the planck; only where all winners' bundles are here.
    pub(super) agrees: Option<bool>,
    /// Each bundle.
    pub(super) bundles: Vec<BundleReport>,
}

/// What the check of one bundle found.
#[derive(Debug, Serialize)]
pub(super) struct BundleReport {
    path: PathBuf,
    worker: Option<String>,
    job: Option<u32>,
    batch: Option<BatchIndex>,
    receipts: usize,
    valid: usize,
    fuel: u128,
    /// Bytes in and out that its receipts state.
    traffic: u128,
    root: Option<String>,
    /// Whether the root is the one that the chain accepted; `None` where that is not known.
    accepted: Option<bool>,
    problems: Vec<String>,
}

/// Terms against which bundles are checked, if a job's folder is given.
struct Terms {
    record: JobRecord,
    input: JobInput,
    key: Option<JobKey>,
    before: Option<Before>,
}

/// Checks a bundle, a folder of bundles, or a job's folder.
pub(super) fn verify(path: &Path, price: Option<u128>) -> Result<Report, Error> {
    let metadata = fs::metadata(path).map_err(Error::file("read", path))?;
    let (files, terms) = if metadata.is_dir() {
        let (folder, terms) = match load_terms(path)? {
            Some(terms) => (JobFolder::at(path).receipts(), Some(terms)),
            // The receipts of a job's folder, with its terms one level up.
            None => (path.to_owned(), path.parent().map_or(Ok(None), load_terms)?),
        };
        (list(&folder)?, terms)
    } else {
        let job = path.parent().and_then(Path::parent);
        (vec![path.to_owned()], job.map_or(Ok(None), load_terms)?)
    };
    if files.is_empty() {
        return Err(Error::malformed(path, "no bundles (*.cbor) in this folder"));
    }
    let of_job = terms.as_ref().map(|t| t.record.spec.price);
    let mut report = Report {
        total: 0,
        valid: 0,
        bill: Bill::default(),
        price_planck: price.or(of_job),
        paid_planck: None,
        agrees: None,
        bundles: vec![],
    };
    for file in files {
        let bundle = verify_one(&file, terms.as_ref(), price, &mut report.bill)?;
        report.total += bundle.receipts;
        report.valid += bundle.valid;
        report.bundles.push(bundle);
    }
    if let Some(record) = terms.map(|t| t.record)
        && metadata.is_dir()
        && let Some(ended) = &record.ended
    {
        report.paid_planck = Some(ended.paid);
        let winners: usize = record.accepted.values().map(|a| a.winners.len()).sum();
        let all_here = winners == report.bundles.len() && report.valid == report.total;
        report.agrees = all_here.then_some(report.bill.planck == ended.paid);
    }
    Ok(report)
}

fn load_terms(folder: &Path) -> Result<Option<Terms>, Error> {
    if !folder.join("job.json").is_file() {
        return Ok(None);
    }
    let folder = JobFolder::at(folder);
    let record = folder.record()?;
    Ok(Some(Terms {
        key: folder.key_of(&record)?,
        record,
        input: folder.input()?,
        before: Before::load(&folder)?,
    }))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let path = entry.map_err(Error::file("list", folder))?.path();
        if path.extension().is_some_and(|ext| ext == "cbor") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn verify_one(
    path: &Path,
    terms: Option<&Terms>,
    price: Option<u128>,
    bill: &mut Bill,
) -> Result<BundleReport, Error> {
    // A file far over the limit is no bundle, and is not worth the memory.
    let size = fs::metadata(path).map_err(Error::file("read", path))?.len();
    if size > sungrid_manifest::limits::BUNDLE_BYTES as u64 {
        return Err(Error::malformed(path, "larger than any bundle"));
    }
    let bytes = fs::read(path).map_err(Error::file("read", path))?;
    let bundle = Bundle::decode(&bytes).map_err(|error| Error::malformed(path, error))?;
    let mut report = BundleReport {
        path: path.to_owned(),
        worker: None,
        job: None,
        batch: None,
        receipts: bundle.len(),
        valid: 0,
        fuel: 0,
        traffic: 0,
        root: None,
        accepted: None,
        problems: vec![],
    };
    let expected = Expected {
        genesis: terms.map(|t| t.record.genesis),
        job: terms.and_then(|t| t.record.job),
        spec: terms.map(|t| &t.record.spec),
        cuts: terms.map_or(&[][..], |t| &t.record.cuts),
        input: terms.map(|t| &t.input),
        key: terms.and_then(|t| t.key.as_ref()),
        before: terms.and_then(|t| t.before.as_ref()),
        ..Expected::default()
    };
    let checked = match check(&bundle, &expected) {
        Ok(checked) => checked,
        Err(error) => {
            report.problems.push(error.to_string());
            return Ok(report);
        }
    };
    report.worker = Some(checked.worker.to_string());
    report.job = checked.receipts.first().map(|r| r.receipt.job);
    report.batch = checked.batch;
    report.valid = checked.valid();
    let faults = checked
        .verdicts
        .iter()
        .filter_map(|v| v.fault.map(|fault| (v.unit, fault)));
    report
        .problems
        .extend(faults.map(|(unit, fault)| format!("unit {unit}: {fault}")));
    let profile = terms.map_or(CPU_1, |t| t.record.profile);
    let summary = checked.summary(&profile)?;
    report.fuel = summary.fuel;
    report.traffic = checked
        .leaves()
        .iter()
        .map(|l| u128::from(l.traffic()))
        .sum();
    report.root = Some(format!("{:?}", summary.root));
    if let Some((terms, batch)) = terms.zip(checked.batch)
        && let Some(accepted) = terms.record.accepted.get(&batch)
    {
        let verdict = checked.accepted(&profile, accepted.summary());
        report.accepted = Some(verdict.is_ok());
        if let Err(error) = verdict {
            report.problems.push(error.to_string());
            // Receipts for results that the chain refused attest nothing that was paid.
            report.valid = 0;
        }
    }
    if report.valid == report.receipts {
        let cost = match terms.zip(checked.batch) {
            Some((terms, batch)) => {
                let price = price.unwrap_or_else(|| terms.record.price_of(batch));
                terms.record.layout().cost(batch, summary.charge, price)
            }
            None => suns::cost(summary.charge, price.unwrap_or_default()),
        };
        bill.add(&summary, cost);
    }
    Ok(report)
}

fn text(report: &Report) -> String {
    let line = |bundle: &BundleReport| {
        vec![
            bundle
                .path
                .file_name()
                .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            format!("{}/{}", bundle.valid, bundle.receipts),
            units::fuel(bundle.fuel),
            units::bytes(u64::try_from(bundle.traffic).unwrap_or(u64::MAX)),
            match bundle.accepted {
                Some(true) => "accepted on chain",
                Some(false) => "NOT the accepted result",
                None => "",
            }
            .into(),
        ]
    };
    let rows: Vec<_> = report.bundles.iter().map(line).collect();
    let mut lines = vec![table(
        &["bundle", "valid", "fuel", "traffic", "root"],
        &rows,
    )];
    for bundle in &report.bundles {
        let name = bundle.path.display();
        lines.extend(
            bundle
                .problems
                .iter()
                .map(|problem| format!("{name}: {problem}")),
        );
    }
    lines.push(format!(
        "{} of {} receipts are valid",
        report.valid, report.total
    ));
    lines.push(match report.price_planck {
        Some(price) => format!("{}, at {} per SUNS·hour", report.bill, units::isc(price)),
        None => format!(
            "{} (give --price to recompute the bill)",
            units::fuel(report.bill.fuel)
        ),
    });
    match (report.paid_planck, report.agrees) {
        (Some(paid), Some(true)) => {
            lines.push(format!("the chain took exactly {}", units::isc(paid)))
        }
        (Some(paid), Some(false)) => {
            lines.push(format!(
                "the chain took {}, which is NOT this bill",
                units::isc(paid)
            ));
        }
        (Some(paid), None) => lines.push(format!(
            "the chain took {} for all replicas; some bundles are not here",
            units::isc(paid)
        )),
        _ => {}
    }
    lines.join("\n")
}
