//! `sungrid worker`.

use serde::Serialize;
use sungrid_chain_client::{
    AccountId, BlockNumber, Call, Chain, Rating, Run, Standing, SubmitError, Trust, Until, Worker,
    WorkerState,
};
use sungrid_primitives::suns::{MICRO, SECONDS_PER_HOUR};

use crate::{Error, args::WorkerCommand, claims, context::Context, departed, output::table, units};

#[derive(Serialize)]
struct Row {
    worker: String,
    operator: String,
    state: String,
    capacity_usuns: u64,
    /// What counts of it now.
    counted_usuns: u64,
    committed_usuns: u64,
    bond_planck: u128,
    delegated_planck: u128,
    jurisdiction: String,
    accepted_units: u64,
    delivered_usuns_s: u128,
    missed: u32,
    /// First block in which it may claim again after it missed one.
    rests_until: u32,
    declined: u32,
    handed_back: u32,
    faults: u32,
    credit_planck: u128,
    /// What requesters think of the operator.
    rating: Rating,
}

impl Row {
    async fn read(chain: &dyn Chain, key: AccountId, worker: &Worker) -> Result<Self, Error> {
        let now = chain.head().await?.number;
        Ok(Self {
            operator: worker.operator.to_string(),
            state: state(worker, now),
            capacity_usuns: worker.capacity,
            counted_usuns: worker.counted,
            committed_usuns: worker.committed,
            bond_planck: worker.bond,
            delegated_planck: worker.delegated,
            jurisdiction: String::from_utf8_lossy(&worker.attributes.jurisdiction).into_owned(),
            accepted_units: worker.accepted_units,
            delivered_usuns_s: worker.delivered,
            missed: worker.missed,
            rests_until: worker.rests_until,
            declined: worker.declined,
            handed_back: worker.handed_back,
            faults: worker.faults,
            credit_planck: chain.credit(&key).await?.total,
            rating: chain.rating(&worker.operator).await?,
            worker: key.to_string(),
        })
    }
}

/// A worker with how its capacity and its results stand.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: Row,
    /// What it has proven, and how far its next proof is.
    standing: Option<Standing>,
    /// What its results in its environment were worth so far.
    trust: Trust,
}

fn proof(standing: Option<&Standing>) -> String {
    let Some(standing) = standing else {
        return "–".into();
    };
    let proven = match standing.proven {
        Some(proven) => format!(
            "{} SUNS until block {}",
            suns(proven.capacity),
            proven.until
        ),
        None => "none".into(),
    };
    let next = match standing.run {
        None => String::new(),
        Some(Run::Running { at }) => format!("; computing since block {at}"),
        Some(Run::Committed { until, .. }) => format!("; to be opened until block {until}"),
    };
    format!(
        "{proven}{next}; {} SUNS count without one",
        suns(standing.allowance)
    )
}

/// Stars on average, and of how many ratings.
fn stars(Rating { stars, count }: Rating) -> String {
    match stars.saturating_mul(10).checked_div(count) {
        Some(tenths) => format!("{}.{} ({count})", tenths / 10, tenths % 10),
        None => "–".into(),
    }
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

fn state(worker: &Worker, now: BlockNumber) -> String {
    match worker.state {
        WorkerState::Active if now < worker.rests_until => format!(
            "resting after a missed deadline until block {}",
            worker.rests_until
        ),
        WorkerState::Active => "active".into(),
        WorkerState::Paused => "paused".into(),
        WorkerState::Suspended => "paused by its operator".into(),
        WorkerState::Leaving { until } => format!("leaving until block {until}"),
    }
}

pub(super) async fn run(context: &Context, command: WorkerCommand) -> Result<(), Error> {
    match command {
        WorkerCommand::List => list(context).await,
        WorkerCommand::Show { worker } => show(context, worker).await,
        WorkerCommand::Pause { worker } => send(context, Call::Pause(worker)).await,
        WorkerCommand::Resume { worker } => send(context, Call::Resume(worker)).await,
        WorkerCommand::Rotate { worker, to, proof } => {
            let call = Call::RotateKey {
                worker,
                key: to,
                proof: consent(&proof)?,
            };
            send(context, call).await
        }
        WorkerCommand::Offer { worker, to, price } => {
            send(context, Call::OfferWorker { worker, to, price }).await
        }
        WorkerCommand::Retract { worker } => send(context, Call::RetractOffer(worker)).await,
        WorkerCommand::Accept {
            worker,
            price,
            to,
            proof,
        } => {
            let call = Call::AcceptWorker {
                worker,
                price,
                key: to,
                proof: consent(&proof)?,
            };
            send(context, call).await
        }
        WorkerCommand::Settle { worker } => settle(context, worker).await,
        WorkerCommand::Forget { accounts } => forget(context, accounts).await,
        WorkerCommand::Report { blocks } => report(context, blocks).await,
    }
}

/// A worker key's consent, as it is typed.
fn consent(proof: &str) -> Result<[u8; 64], Error> {
    hex::decode(proof.trim_start_matches("0x"))
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            Error::Usage(
                "--proof is 64 bytes in hexadecimal, as `sungrid-worker proof` prints them".into(),
            )
        })
}

async fn send(context: &Context, call: Call) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    let included = chain.submit(&key, call, Until::InBlock).await?;
    let block = included.block.map(|block| block.number);
    context.out.result(block, || match block {
        Some(block) => format!("done in block {block}"),
        None => "done".into(),
    });
    Ok(())
}

/// Reports everybody who can be.
async fn report(context: &Context, blocks: u32) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    let head = chain.head().await?.number;
    let mut reported = Vec::new();
    for block in (head.saturating_sub(blocks)..=head).rev() {
        for worker in chain.absentees(block).await? {
            if reported.contains(&worker.to_string()) {
                continue;
            }
            let call = Call::ReportAbsence {
                worker: worker.clone(),
                block,
            };
            match chain.submit(&key, call, Until::InBlock).await {
                Ok(_) => reported.push(worker.to_string()),
                // Somebody else was faster, or it came back.
                Err(SubmitError::Dispatch(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    context.out.result(&reported, || match reported.len() {
        0 => "everybody who was drawn is there".into(),
        _ => format!("reported {}", reported.join(", ")),
    });
    Ok(())
}

/// Has the trust in these keys and the ratings of these operators forgotten.
async fn forget(context: &Context, accounts: Vec<AccountId>) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    let forgotten = departed::forget(&*chain, &key, &accounts).await?;
    let forgotten: Vec<String> = forgotten.iter().map(ToString::to_string).collect();
    context.out.result(&forgotten, || match forgotten.len() {
        0 => "nothing is known of them".into(),
        _ => format!("forgotten: {}", forgotten.join(", ")),
    });
    Ok(())
}

/// Settles the claims of these workers that nobody can open any more, or of all who have one.
async fn settle(context: &Context, named: Vec<AccountId>) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    let settled = claims::settle(&*chain, &key, &named).await?;
    let settled: Vec<String> = settled.iter().map(ToString::to_string).collect();
    context.out.result(&settled, || match settled.len() {
        0 => "no claim of capacity is overdue".into(),
        _ => format!("settled {}", settled.join(", ")),
    });
    Ok(())
}

async fn show(context: &Context, key: AccountId) -> Result<(), Error> {
    let chain = context.chain().await?;
    let worker = chain.worker(&key).await?.ok_or_else(|| {
        Error::Usage(format!(
            "{key} is no worker of this chain: `sungrid worker list` names them"
        ))
    })?;
    let standing = chain.standing(&key).await?;
    let trust = chain.trust(&key, worker.environment).await?;
    let row = Row::read(&*chain, key, &worker).await?;
    let shown = Shown {
        row,
        standing,
        trust,
    };
    context.out.result(&shown, || {
        let row = &shown.row;
        [
            format!("worker {}, {}", row.worker, row.state),
            format!("operator   {}, rated {}", row.operator, stars(row.rating)),
            format!("where      {}", row.jurisdiction),
            format!(
                "capacity   {} SUNS declared, {} count, {} in use",
                suns(row.capacity_usuns),
                suns(row.counted_usuns),
                suns(row.committed_usuns)
            ),
            format!("proof      {}", proof(shown.standing.as_ref())),
            format!("bond       {}", units::isc(row.bond_planck)),
            format!(
                "accepted   {} units, {} SUNS·hours",
                row.accepted_units,
                suns_hours(row.delivered_usuns_s)
            ),
            format!(
                "record     {} deadlines missed, {} batches declined for missing input, {} handed back, {} faults",
                row.missed, row.declined, row.handed_back, row.faults
            ),
            format!(
                "trust      {} accepted results in a row, score {}",
                shown.trust.streak, shown.trust.score
            ),
            format!("credit     {}", units::isc(row.credit_planck)),
        ]
        .join("\n")
    });
    Ok(())
}

async fn list(context: &Context) -> Result<(), Error> {
    let chain = context.chain().await?;
    let mut rows = Vec::new();
    for (key, worker) in chain.workers().await? {
        rows.push(Row::read(&*chain, key, &worker).await?);
    }
    context.out.result(&rows, || {
        if rows.is_empty() {
            return "no worker is registered on this chain".into();
        }
        let line = |row: &Row| {
            vec![
                row.worker.clone(),
                row.state.clone(),
                format!("{}/{}", suns(row.committed_usuns), suns(row.counted_usuns)),
                units::isc_short(row.bond_planck.saturating_add(row.delegated_planck)),
                row.jurisdiction.clone(),
                row.accepted_units.to_string(),
                suns_hours(row.delivered_usuns_s),
                format!("{}/{}", row.missed, row.faults),
                units::isc_short(row.credit_planck),
                stars(row.rating),
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
            "rating",
        ];
        table(&header, &rows.iter().map(line).collect::<Vec<_>>())
    });
    Ok(())
}
