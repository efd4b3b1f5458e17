//! `sungrid job list`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use sungrid_primitives::JobId;

use crate::{
    Error, context::Context, folder::JobRecord, output::table, requester::state_name, units,
};

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

impl Row {
    /// Of a job that the chain does not know: removed after its retention, or cut off while it was submitted.
    fn removed(folder: &Path, record: &JobRecord) -> Self {
        let ended = record.ended.as_ref();
        let state = match (ended, record.job) {
            (Some(ended), _) => format!("{} (removed)", ended.state),
            (None, Some(_)) => "removed".into(),
            (None, None) => "not submitted".into(),
        };
        Self {
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
            folder: Some(folder.to_owned()),
        }
    }
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
        rows.push(Row::removed(folder.path(), record));
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

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::H256;
    use sungrid_chain_client::{AccountId, Constraints, JobSpec, Policy};
    use sungrid_primitives::{ISC, job::Cut, suns::CPU_1, traits::CPU_1_ID};

    use crate::{
        folder::{Accepted, Ended, Task},
        serve::Serving,
    };

    #[test]
    fn a_removed_job_of_which_batches_were_cut_has_a_row_with_all_of_them() {
        let spec = JobSpec {
            image: H256::zero(),
            input: H256::zero(),
            units: 20,
            batch_size: 8,
            price: ISC,
            fuel_limit: 1,
            memory_limit: 1,
            traffic_limit: 1,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: H256::zero(),
            deadline: 1,
            endpoint: Vec::new(),
            constraints: Constraints::default(),
            after: None,
        };
        let accepted = Accepted {
            root: H256::zero(),
            fuel: 1,
            charge: 1,
            winners: Vec::new(),
        };
        let mut record = JobRecord {
            version: 1,
            genesis: H256::zero(),
            node: "ws://127.0.0.1:9944".into(),
            job: Some(7),
            requester: AccountId::new([1; 32]),
            spec,
            profile: CPU_1,
            serving: Serving {
                listen: "127.0.0.1:0".parse().expect("an address"),
                external: Vec::new(),
                relays: Vec::new(),
                relay_roots: None,
                upload_mbit: None,
            },
            created: 0,
            task: Task::Files,
            cuts: vec![Cut { batch: 0, first: 3 }, Cut { batch: 3, first: 5 }],
            accepted: (0..5).map(|batch| (batch, accepted.clone())).collect(),
            raised_prices: Default::default(),
            recurs: false,
            ended: Some(Ended {
                state: "completed".into(),
                paid: 9,
                fuel: 5,
                failed: 0,
            }),
        };
        let folder = Path::new("/jobs/7");
        let row = Row::removed(folder, &record);
        assert_eq!(row.state, "completed (removed)");
        // Three of the order, and one for each cut: all are settled.
        assert_eq!((row.settled, row.batches, row.units), (5, 5, 20));
        assert_eq!(row.folder.as_deref(), Some(folder));
        record.accepted.pop_last();
        assert_eq!(Row::removed(folder, &record).settled, 4);
        // Cut off while it was submitted, it has no number.
        (record.job, record.ended) = (None, None);
        assert_eq!(Row::removed(folder, &record).state, "not submitted");
    }
}
