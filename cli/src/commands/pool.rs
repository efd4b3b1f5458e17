//! `sungrid pool`.

use serde::Serialize;
use sungrid_chain_client::{BlockNumber, Call, Pool, PoolId, Until};

use crate::{Error, args::PoolCommand, context::Context, output::table, units};

#[derive(Serialize)]
struct Row {
    pool: PoolId,
    worker: Option<String>,
    operator: Option<String>,
    commission_billionths: u32,
    announced_billionths: Option<u32>,
    announced_from: Option<BlockNumber>,
    own_planck: Option<u128>,
    delegated_planck: Option<u128>,
}

/// What a call did. Amounts in planck.
#[derive(Serialize)]
struct Done {
    pool: Option<PoolId>,
    block: Option<BlockNumber>,
    withdrawn_planck: u128,
    income_planck: u128,
}

pub(super) async fn run(context: &Context, command: PoolCommand) -> Result<(), Error> {
    match command {
        PoolCommand::List => list(context).await,
        PoolCommand::Show { pool, address } => show(context, pool, address).await,
        PoolCommand::Open { worker, commission } => {
            send(context, None, Call::OpenPool { worker, commission }).await
        }
        PoolCommand::Commission { pool, percent } => {
            let call = Call::SetCommission {
                pool,
                commission: percent,
            };
            send(context, Some(pool), call).await
        }
        PoolCommand::Delegate { pool, isc } => {
            send(context, Some(pool), Call::Delegate { pool, amount: isc }).await
        }
        PoolCommand::Undelegate { pool, isc } => {
            let amount = isc.unwrap_or(u128::MAX);
            send(context, Some(pool), Call::Undelegate { pool, amount }).await
        }
        PoolCommand::Withdraw { pool } => {
            send(context, Some(pool), Call::WithdrawDelegation(pool)).await
        }
        PoolCommand::Claim { pool } => send(context, Some(pool), Call::ClaimIncome(pool)).await,
        PoolCommand::Close { pool } => send(context, Some(pool), Call::ClosePool(pool)).await,
    }
}

async fn send(context: &Context, pool: Option<PoolId>, call: Call) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    let included = chain.submit(&key, call, Until::InBlock).await?;
    let done = Done {
        pool: pool.or_else(|| included.pool()),
        block: included.block.map(|block| block.number),
        withdrawn_planck: included.withdrawn(),
        income_planck: included.income(),
    };
    context.out.result(&done, || {
        let mut text = match (pool, done.pool) {
            (None, Some(opened)) => format!("opened pool {opened}"),
            _ => "done".into(),
        };
        if let Some(block) = done.block {
            text += &format!(" in block {block}");
        }
        for (amount, what) in [
            (done.withdrawn_planck, "of stake"),
            (done.income_planck, "of income"),
        ] {
            if amount > 0 {
                text += &format!("; {} {what} paid out", units::isc(amount));
            }
        }
        text
    });
    Ok(())
}

fn percent(billionths: u32) -> String {
    let text = format!("{}.{:07}", billionths / 10_000_000, billionths % 10_000_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn commission(pool: &Pool) -> String {
    match pool.announced {
        Some((raise, from)) => format!(
            "{}, {} from block {from}",
            percent(pool.commission),
            percent(raise)
        ),
        None => percent(pool.commission),
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let chain = context.chain().await?;
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for (id, pool) in chain.pools().await? {
        let worker = match &pool.worker {
            Some(worker) => chain.worker(worker).await?,
            None => None,
        };
        let amount = |planck: Option<u128>| planck.map_or("–".into(), units::isc_short);
        let row = Row {
            pool: id,
            worker: pool.worker.as_ref().map(ToString::to_string),
            operator: worker.as_ref().map(|worker| worker.operator.to_string()),
            commission_billionths: pool.commission,
            announced_billionths: pool.announced.map(|(raise, _)| raise),
            announced_from: pool.announced.map(|(_, from)| from),
            own_planck: worker.as_ref().map(|worker| worker.bond),
            delegated_planck: worker.as_ref().map(|worker| worker.delegated),
        };
        lines.push(vec![
            id.to_string(),
            row.worker.clone().unwrap_or_else(|| "withdrawn".into()),
            commission(&pool),
            amount(row.own_planck),
            amount(row.delegated_planck),
            worker.map_or("–".into(), |worker| worker.faults.to_string()),
        ]);
        rows.push(row);
    }
    context.out.result(&rows, || {
        if lines.is_empty() {
            return "no operator has opened a pool on this chain".into();
        }
        let header = [
            "pool",
            "worker",
            "commission",
            "own bond",
            "delegated",
            "faults",
        ];
        table(&header, &lines)
    });
    Ok(())
}

async fn show(context: &Context, pool: PoolId, given: Option<String>) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Shown {
        pool: PoolId,
        account: String,
        staying_planck: u128,
        leaving_planck: u128,
        free_at: Option<BlockNumber>,
        income_planck: u128,
    }
    let account = super::account::address(context, given)?;
    let chain = context.chain().await?;
    let position = chain.position(pool, &account).await?.unwrap_or_default();
    let shown = Shown {
        pool,
        account: account.to_string(),
        staying_planck: position.staying,
        leaving_planck: position.leaving,
        free_at: position.free_at,
        income_planck: position.income,
    };
    context.out.result(&shown, || {
        let mut text = format!(
            "{} in pool {pool}\nstaying  {}\nleaving  {}",
            shown.account,
            units::isc(shown.staying_planck),
            units::isc(shown.leaving_planck)
        );
        if let Some(block) = shown.free_at {
            text += &format!(", from block {block} on");
        }
        text + &format!("\nincome   {}", units::isc(shown.income_planck))
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commissions_are_read_as_they_are_written() {
        for (billionths, text) in [
            (0, "0 %"),
            (50_000_000, "5 %"),
            (75_000_000, "7.5 %"),
            (1, "0.0000001 %"),
            (1_000_000_000, "100 %"),
        ] {
            assert_eq!(percent(billionths), text);
            let typed = text.trim_end_matches(" %");
            assert_eq!(units::parse_percent(typed), Ok(billionths));
        }
        for bad in [
            "",
            "100.1",
            "101",
            "-1",
            "1.",
            ".5",
            "5%",
            "0.00000001",
            "1e1",
        ] {
            assert!(units::parse_percent(bad).is_err(), "{bad}");
        }
    }
}
