//! `sungrid worker`.

use serde::Serialize;
use sungrid_chain_client::{Worker, WorkerState};
use sungrid_primitives::suns::{MICRO, SECONDS_PER_HOUR};

use crate::{Error, args::WorkerCommand, context::Context, output::table, units};

#[derive(Serialize)]
struct Row {
    worker: String,
    operator: String,
    state: String,
    capacity_usuns: u64,
    committed_usuns: u64,
    bond_planck: u128,
    jurisdiction: String,
    accepted_units: u64,
    delivered_usuns_s: u128,
    missed: u32,
    faults: u32,
    credit_planck: u128,
}

/// Millionths of a SUNS as SUNS.
fn suns(micro: u64) -> String {
    format!("{}.{:02}", micro / 1_000_000, micro % 1_000_000 / 10_000)
}

/// µSUNS·s as SUNS·hours.
fn suns_hours(charge: u128) -> String {
    let hundredths = charge / (MICRO * SECONDS_PER_HOUR / 100);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn state(worker: &Worker) -> String {
    match worker.state {
        WorkerState::Active => "active".into(),
        WorkerState::Paused => "paused".into(),
        WorkerState::Leaving { until } => format!("leaving until block {until}"),
    }
}

pub(super) async fn run(context: &Context, command: WorkerCommand) -> Result<(), Error> {
    let WorkerCommand::List = command;
    let chain = context.chain().await?;
    let mut rows = Vec::new();
    for (key, worker) in chain.workers().await? {
        let credit = chain.credit(&key).await?;
        rows.push(Row {
            worker: key.to_string(),
            operator: worker.operator.to_string(),
            state: state(&worker),
            capacity_usuns: worker.capacity,
            committed_usuns: worker.committed,
            bond_planck: worker.bond,
            jurisdiction: String::from_utf8_lossy(&worker.attributes.jurisdiction).into_owned(),
            accepted_units: worker.accepted_units,
            delivered_usuns_s: worker.delivered,
            missed: worker.missed,
            faults: worker.faults,
            credit_planck: credit.total,
        });
    }
    context.out.result(&rows, || {
        if rows.is_empty() {
            return "no worker is registered on this chain".into();
        }
        let line = |row: &Row| {
            vec![
                row.worker.clone(),
                row.state.clone(),
                format!("{}/{}", suns(row.committed_usuns), suns(row.capacity_usuns)),
                units::isc_short(row.bond_planck),
                row.jurisdiction.clone(),
                row.accepted_units.to_string(),
                suns_hours(row.delivered_usuns_s),
                format!("{}/{}", row.missed, row.faults),
                units::isc_short(row.credit_planck),
            ]
        };
        let header = [
            "worker",
            "state",
            "SUNS in use",
            "bond",
            "where",
            "units",
            "SUNS·h",
            "missed/faults",
            "credit",
        ];
        table(&header, &rows.iter().map(line).collect::<Vec<_>>())
    });
    Ok(())
}
