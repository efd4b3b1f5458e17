//! `sungrid worker`.

use std::collections::BTreeMap;

use serde::Serialize;
use sp_core::H256;
use sungrid_chain_client::{
    AccountId, Attestations, Attribute, Attributes, BlockNumber, Call, Chain, Rating, Run,
    Standing, SubmitError, TaskClass, Tier, Tiers, Trust, Unbonding, Until, Worker, WorkerState,
};
use sungrid_primitives::{
    attributes::CARBON_UNKNOWN,
    suns::{MICRO, SECONDS_PER_HOUR},
    traits::ProfileId,
};

use crate::{
    Error, args::WorkerCommand, auditor::by_attribute, claims, context::Context, departed,
    output::table, units,
};

#[derive(Serialize)]
struct Row {
    worker: String,
    operator: String,
    state: String,
    /// Where its results compare.
    environment: H256,
    profile: ProfileId,
    /// What it declares.
    capacity_usuns: u64,
    /// What counts of it now.
    counted_usuns: u64,
    committed_usuns: u64,
    /// What it has proven, and how far its next proof is.
    standing: Option<Standing>,
    /// The operator's part that stays.
    bond_planck: u128,
    /// What of the operator's part leaves, and when it is free.
    unbonding: Vec<Unbonding>,
    delegated_planck: u128,
    jurisdiction: String,
    region: String,
    /// Instruction set, as words are in settings.
    architecture: String,
    energy: String,
    /// None: it says nothing of it.
    carbon_g_per_kwh: Option<u16>,
    classes: Vec<TaskClass>,
    /// Who stands for each attribute.
    tiers: Tiers,
    attestations: Vec<Attested>,
    accepted_units: u64,
    delivered_usuns_s: u128,
    missed: u32,
    /// First block in which it may claim again after it missed one.
    rests_until: u32,
    declined: u32,
    handed_back: u32,
    faults: u32,
    /// What its results in its environment were worth so far.
    trust: Trust,
    credit_planck: u128,
    /// What requesters think of the operator.
    rating: Rating,
}

/// An auditor's word that is on chain for an attribute; it counts if the attribute's tier says so.
#[derive(Serialize)]
struct Attested {
    attribute: Attribute,
    auditor: AccountId,
    /// First block at which it counts no more.
    until: BlockNumber,
}

/// A word as settings files spell it.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // The enumerations that this is for are words.
        other => format!("{other:?}"),
    }
}

impl Row {
    async fn read(
        chain: &dyn Chain,
        key: AccountId,
        worker: &Worker,
        attestations: Option<&Attestations>,
    ) -> Result<Self, Error> {
        let now = chain.head().await?.number;
        let Attributes {
            jurisdiction,
            region,
            architecture,
            energy,
            carbon,
            classes,
        } = &worker.attributes;
        let attested = attestations.into_iter().flat_map(by_attribute);
        let attested = attested.map(|(attribute, said)| Attested {
            attribute,
            auditor: said.auditor.clone(),
            until: said.until,
        });
        Ok(Self {
            operator: worker.operator.to_string(),
            state: state(worker, now),
            environment: worker.environment,
            profile: worker.profile,
            standing: chain.standing(&key).await?,
            capacity_usuns: worker.capacity,
            counted_usuns: worker.counted,
            committed_usuns: worker.committed,
            bond_planck: worker.bond,
            unbonding: match worker.leaving {
                0 => vec![],
                _ => chain.unbonding(&key).await?,
            },
            delegated_planck: worker.delegated,
            jurisdiction: String::from_utf8_lossy(jurisdiction).into_owned(),
            region: String::from_utf8_lossy(region).into_owned(),
            architecture: word(architecture),
            energy: word(energy),
            carbon_g_per_kwh: (*carbon != CARBON_UNKNOWN).then_some(*carbon),
            classes: classes.to_vec(),
            tiers: worker.tiers,
            attestations: attested.collect(),
            trust: worker.trust,
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

    /// Jurisdiction and region.
    fn place(&self) -> String {
        let place = attested(&self.jurisdiction, self.tiers.jurisdiction);
        match self.region.is_empty() {
            true => place,
            false => format!("{place} {}", attested(&self.region, self.tiers.region)),
        }
    }

    /// Source and carbon intensity.
    fn power(&self) -> String {
        let source = attested(&self.energy, self.tiers.energy);
        match self.carbon_g_per_kwh {
            None => source,
            Some(grams) => {
                let grams = attested(&format!("{grams} g/kWh"), self.tiers.carbon);
                format!("{source} {grams}")
            }
        }
    }

    fn machine(&self) -> String {
        attested(&self.architecture, self.tiers.architecture)
    }
}

/// A value with a mark if an auditor stands for it.
fn attested(value: &str, tier: Tier) -> String {
    // What an operator says may be anything, and terminals obey some of it.
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    match tier {
        Tier::Declared => value,
        Tier::Attested => format!("{value}+"),
    }
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
        WorkerCommand::Unbond { worker, amount } => unbond(context, worker, amount).await,
        WorkerCommand::Withdraw { worker } => send(context, Call::WithdrawUnbonded(worker)).await,
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

/// The record of a worker, or how to find one.
async fn known(chain: &dyn Chain, worker: &AccountId) -> Result<Worker, Error> {
    chain.worker(worker).await?.ok_or_else(|| {
        Error::Usage(format!(
            "{worker} is no worker of this chain: `sungrid worker list` names them"
        ))
    })
}

/// Takes so much out of a worker's bond, or all that its capacity does not need, and says when it is free.
async fn unbond(context: &Context, worker: AccountId, amount: Option<u128>) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Unbonded {
        block: Option<BlockNumber>,
        amount_planck: u128,
        /// The operator's part that stays.
        bond_planck: u128,
        /// All that leaves, oldest first.
        unbonding: Vec<Unbonding>,
    }
    let (key, chain) = (context.key()?, context.chain().await?);
    let record = known(&*chain, &worker).await?;
    let spare = record.spare(&chain.params().await?);
    let amount_planck = amount.unwrap_or(spare);
    if amount_planck > spare || amount_planck == 0 {
        return Err(Error::Usage(format!(
            "no more than {} can leave the bond of {worker}: the {} SUNS that it declares and what others delegated need the rest of {}. \
             Name an amount up to that, or declare less first (`lanes`, `memory_gib` in worker.toml)",
            units::isc(spare),
            suns(record.capacity),
            units::isc(record.bond)
        )));
    }
    let call = Call::Unbond {
        worker: worker.clone(),
        amount: amount_planck,
    };
    let included = chain.submit(&key, call, Until::InBlock).await?;
    let unbonded = Unbonded {
        block: included.block.map(|block| block.number),
        amount_planck,
        bond_planck: known(&*chain, &worker).await?.bond,
        unbonding: chain.unbonding(&worker).await?,
    };
    context.out.result(&unbonded, || {
        let free_at = unbonded.unbonding.last().map_or(0, |part| part.free_at);
        format!(
            "{} leave the bond, {} stay\nfree from block {free_at} on, if nothing is found against the worker: \
             sungrid worker withdraw {worker}",
            units::isc(amount_planck),
            units::isc(unbonded.bond_planck)
        )
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
    let worker = known(&*chain, &key).await?;
    let attestations = attestations(&*chain).await?;
    let said = attestations.get(&key);
    let row = Row::read(&*chain, key, &worker, said).await?;
    context.out.result(&row, || {
        let classes: Vec<String> = row.classes.iter().map(word).collect();
        let mut lines = vec![
            format!("worker {}, {}", row.worker, row.state),
            format!("operator   {}, rated {}", row.operator, stars(row.rating)),
            format!("where      {}", row.place()),
            format!("machine    {}, serves {}", row.machine(), classes.join(", ")),
            format!("power      {}", row.power()),
            format!(
                "capacity   {} SUNS declared, {} count, {} in use",
                suns(row.capacity_usuns),
                suns(row.counted_usuns),
                suns(row.committed_usuns)
            ),
            format!("proof      {}", proof(row.standing.as_ref())),
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
                row.trust.streak, row.trust.score
            ),
            format!("credit     {}", units::isc(row.credit_planck)),
        ];
        lines.extend(row.unbonding.iter().map(|part| {
            format!(
                "leaving    {}, free from block {} on as far as is known now (`worker withdraw`)",
                units::isc(part.amount_planck),
                part.free_at
            )
        }));
        lines.extend(row.attestations.iter().map(|said| {
            format!(
                "attested   {} by {} until block {}",
                word(said.attribute),
                said.auditor,
                said.until
            )
        }));
        lines.join("\n")
    });
    Ok(())
}

/// What auditors said, by worker key.
async fn attestations(chain: &dyn Chain) -> Result<BTreeMap<AccountId, Attestations>, Error> {
    Ok(chain.attestations().await?.into_iter().collect())
}

async fn list(context: &Context) -> Result<(), Error> {
    let chain = context.chain().await?;
    let attestations = attestations(&*chain).await?;
    let mut rows = Vec::new();
    for (key, worker) in chain.workers().await? {
        let said = attestations.get(&key);
        rows.push(Row::read(&*chain, key, &worker, said).await?);
    }
    context.out.result(&rows, || {
        if rows.is_empty() {
            return "no worker is registered on this chain".into();
        }
        let line = |row: &Row| {
            vec![
                row.worker.clone(),
                row.state.clone(),
                format!(
                    "{}/{}/{}",
                    suns(row.committed_usuns),
                    suns(row.counted_usuns),
                    suns(row.capacity_usuns)
                ),
                units::isc_short(row.bond_planck.saturating_add(row.delegated_planck)),
                row.place(),
                row.machine(),
                row.power(),
                row.accepted_units.to_string(),
                suns_hours(row.delivered_usuns_s),
                format!("{}/{}", row.trust.streak, row.trust.score),
                format!(
                    "{}/{}/{}/{}",
                    row.missed, row.declined, row.handed_back, row.faults
                ),
                units::isc_short(row.credit_planck),
                stars(row.rating),
            ]
        };
        let header = [
            "worker",
            "state",
            "SUNS used/count/declared",
            "bond",
            "where",
            "machine",
            "power",
            "units",
            "SUNS·h",
            "streak/score",
            "missed/declined/back/faults",
            "credit",
            "rating",
        ];
        let table = table(&header, &rows.iter().map(line).collect::<Vec<_>>());
        format!("{table}\n+ an auditor stands for it")
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            rests_until: 0,
            worker: String::new(),
            operator: String::new(),
            state: String::new(),
            environment: H256::zero(),
            profile: sungrid_primitives::traits::CPU_1_ID,
            capacity_usuns: 0,
            counted_usuns: 0,
            committed_usuns: 0,
            standing: None,
            bond_planck: 0,
            unbonding: vec![],
            delegated_planck: 0,
            jurisdiction: "DE".into(),
            region: "DE-BY\u{1b}[2J".into(),
            architecture: "x86_64".into(),
            energy: "hydro".into(),
            carbon_g_per_kwh: Some(24),
            classes: vec![],
            tiers: Tiers::default(),
            attestations: vec![],
            accepted_units: 0,
            delivered_usuns_s: 0,
            missed: 0,
            declined: 0,
            handed_back: 0,
            faults: 0,
            trust: Trust::default(),
            credit_planck: 0,
            rating: Rating::default(),
        }
    }

    #[test]
    fn what_an_auditor_stands_for_is_marked_and_what_an_operator_says_is_harmless() {
        let mut row = row();
        assert_eq!(row.place(), "DE DE-BY[2J");
        assert_eq!(
            (row.machine(), row.power()),
            ("x86_64".into(), "hydro 24 g/kWh".into())
        );
        (row.tiers.jurisdiction, row.tiers.energy) = (Tier::Attested, Tier::Attested);
        assert_eq!(
            (row.place(), row.power()),
            ("DE+ DE-BY[2J".into(), "hydro+ 24 g/kWh".into())
        );
        row.region.clear();
        row.carbon_g_per_kwh = None;
        assert_eq!((row.place(), row.power()), ("DE+".into(), "hydro+".into()));
        let json = serde_json::to_value(&row).expect("JSON");
        assert_eq!(json["tiers"]["energy"], "attested");
    }

    #[test]
    fn words_are_those_of_settings() {
        assert_eq!(word(sungrid_chain_client::Architecture::X86_64), "x86_64");
        assert_eq!(word(TaskClass::Media), "media");
        assert_eq!(word(Attribute::Carbon), "carbon");
    }
}
