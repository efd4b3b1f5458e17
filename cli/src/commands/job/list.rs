//! `sungrid job list`.

use std::path::PathBuf;

use serde::Serialize;
use sungrid_primitives::JobId;

use crate::{Error, context::Context, output::table, requester::state_name, units};

#[derive(Serialize)]
struct Row {
    job: Option<JobId>,
    state: String,
    units: u32,
    batches: u32,
    settled: u32,
    failed: u32,
    paid_planck: u128,
    requester: String,
    folder: Option<PathBuf>,
}

pub(super) async fn list(context: &Context, all: bool) -> Result<(), Error> {
    let chain = context.chain().await?;
    let genesis = chain.genesis();
    let key = context.key_if_given()?;
    let local = context.data.jobs()?;
    let local: Vec<_> = local
        .into_iter()
        .filter(|(_, r)| r.genesis == genesis)
        .collect();
    let mut rows = Vec::new();
    for (id, job) in chain.jobs().await? {
        let ours = local.iter().find(|(_, record)| record.job == Some(id));
        let by_key = key
            .as_ref()
            .is_some_and(|key| key.account() == job.requester);
        if !all && ours.is_none() && !by_key {
            continue;
        }
        rows.push(Row {
            job: Some(id),
            state: state_name(&job),
            units: job.spec.units,
            batches: job.total_batches(),
            settled: job.settled,
            failed: job.failed,
            paid_planck: job.paid,
            requester: job.requester.to_string(),
            folder: ours.map(|(folder, _)| folder.path().to_owned()),
        });
    }
    for (id, series) in chain.series().await? {
        let ours = local.iter().find(|(_, record)| record.job == Some(id));
        let by_key = key
            .as_ref()
            .is_some_and(|key| key.account() == series.requester);
        if !all && ours.is_none() && !by_key {
            continue;
        }
        rows.push(Row {
            job: Some(id),
            state: format!(
                "every {} blocks, {} left, next at block {}",
                series.every, series.left, series.next
            ),
            units: series.spec.units,
            batches: series.spec.batches(),
            settled: 0,
            failed: 0,
            paid_planck: 0,
            requester: series.requester.to_string(),
            folder: ours.map(|(folder, _)| folder.path().to_owned()),
        });
    }
    for (folder, record) in &local {
        if rows
            .iter()
            .any(|row| row.job.is_some() && row.job == record.job)
        {
            continue;
        }
        // Removed from the chain after its retention, or cut off while it was submitted.
        let ended = record.ended.as_ref();
        let state = match (ended, record.job) {
            (Some(ended), _) => format!("{} (removed)", ended.state),
            (None, Some(_)) => "removed".into(),
            (None, None) => "not submitted".into(),
        };
        rows.push(Row {
            job: record.job,
            state,
            units: record.spec.units,
            batches: record
                .spec
                .batches()
                .saturating_add(record.cuts.len() as u32),
            settled: record.accepted.len() as u32,
            failed: ended.map_or(0, |e| e.failed),
            paid_planck: ended.map_or(0, |e| e.paid),
            requester: record.requester.to_string(),
            folder: Some(folder.path().to_owned()),
        });
    }
    rows.sort_by_key(|row| row.job);
    context.out.result(&rows, || {
        if rows.is_empty() {
            return "no jobs of yours on this chain; --all lists everybody's".into();
        }
        let line = |row: &Row| {
            vec![
                row.job.map_or_else(|| "–".into(), |job| job.to_string()),
                row.state.clone(),
                row.units.to_string(),
                format!("{}/{}", row.settled, row.batches),
                units::isc_short(row.paid_planck),
                row.requester.clone(),
            ]
        };
        let rows: Vec<_> = rows.iter().map(line).collect();
        table(
            &["job", "state", "units", "settled", "paid", "requester"],
            &rows,
        )
    });
    Ok(())
}
