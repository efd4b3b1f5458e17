//! `sungrid auditor`.

use serde::Serialize;
use sungrid_chain_client::{AccountId, BlockNumber, Call, Until};

use crate::{
    Error,
    args::AuditorCommand,
    auditor::{Listed, list, marks, statements},
    context::Context,
    output::table,
    units,
};

/// What was sent. `attributes`: how many.
#[derive(Serialize)]
struct Done {
    block: Option<BlockNumber>,
    attributes: usize,
}

pub(super) async fn run(context: &Context, command: AuditorCommand) -> Result<(), Error> {
    match command {
        AuditorCommand::List => show(context).await,
        AuditorCommand::Bond => send(context, vec![Call::BondAuditor]).await,
        AuditorCommand::Attest { worker, found } => {
            let attest = |statement| Call::AttestAttribute {
                worker: worker.clone(),
                statement,
            };
            let calls = statements(&found)?.into_iter().map(attest).collect();
            send(context, calls).await
        }
        AuditorCommand::Retract { worker, attributes } => {
            let attributes = marks(&attributes);
            send(
                context,
                vec![Call::RetractAttestation { worker, attributes }],
            )
            .await
        }
        AuditorCommand::Resign => send(context, vec![Call::ResignAuditor]).await,
        AuditorCommand::Withdraw => send(context, vec![Call::WithdrawAuditor]).await,
    }
}

async fn send(context: &Context, calls: Vec<Call>) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    let attests = |call: &&Call| matches!(call, Call::AttestAttribute { .. });
    let attributes = calls.iter().filter(attests).count();
    let mut block = None;
    for call in calls {
        let included = chain.submit(&key, call, Until::InBlock).await?;
        block = included.block.map(|block| block.number);
    }
    context.out.result(&Done { block, attributes }, || {
        let done = match attributes {
            0 => "done".into(),
            1 => "1 attribute attested".into(),
            n => format!("{n} attributes attested"),
        };
        match block {
            Some(block) => format!("{done} in block {block}"),
            None => done,
        }
    });
    Ok(())
}

async fn show(context: &Context) -> Result<(), Error> {
    let auditors = list(&*context.chain().await?).await?;
    context.out.result(&auditors, || {
        if auditors.is_empty() {
            return "no auditor is admitted on this chain".into();
        }
        let line = |auditor: &Listed| {
            let state = match (auditor.bond_planck, auditor.free_at) {
                (0, _) => "admitted".into(),
                (_, None) => "bonded".into(),
                (_, Some(block)) => format!("resigned, bond held until block {block}"),
            };
            let workers: std::collections::BTreeSet<&AccountId> =
                auditor.attests.iter().map(|said| &said.worker).collect();
            vec![
                auditor.auditor.to_string(),
                state,
                units::isc_short(auditor.bond_planck),
                auditor.attests.len().to_string(),
                workers.len().to_string(),
            ]
        };
        let header = ["auditor", "state", "bond", "attributes", "workers"];
        table(&header, &auditors.iter().map(line).collect::<Vec<_>>())
    });
    Ok(())
}
