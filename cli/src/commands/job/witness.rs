//! `sungrid job witness`.

use sungrid_chain_client::{CallStage, Testimony, WitnessCall};
use sungrid_primitives::{BatchIndex, JobId};

use super::stop_signal;
use crate::{
    Error,
    context::Context,
    witness::{self, Finding, Witnessed},
};

pub(super) async fn witness(context: &Context, job: JobId, batch: BatchIndex) -> Result<(), Error> {
    let key = context.key()?;
    let chain = context.chain().await?;
    let local = context.data.job(&chain.genesis(), job).ok();
    // Whoever has the outputs would pay for nothing.
    if let Some((folder, record)) = &local
        && let Some(accepted) = record.accepted.get(&batch)
        && accepted
            .winners
            .iter()
            .any(|(worker, _)| folder.bundle(batch, worker).exists())
    {
        return Err(Error::Usage(format!(
            "the outputs of batch {batch} of job {job} are here: {}",
            folder.outputs().display()
        )));
    }
    if witness::call(&*chain, &key, job, batch).await? {
        context.out.note(format!(
            "witnesses are called to batch {batch} of job {job}: up to seven drawn workers try to fetch its outputs, which \
             takes 13 minutes at most"
        ));
    }
    let mut said = String::new();
    let mut on = |call: &WitnessCall| {
        let now = stage(call);
        if said != now {
            context.out.note(&now);
            said = now;
        }
    };
    let witnessed = tokio::select! {
        witnessed = witness::follow(&*chain, job, batch, &mut on) => witnessed?,
        () = stop_signal() => return Err(Error::Interrupted),
    };
    context.out.result(&witnessed, || words(&witnessed));
    Ok(())
}

fn stage(call: &WitnessCall) -> String {
    let all = call.witnesses.len();
    let count = |is: fn(&Testimony) -> bool| {
        let mut said = call.witnesses.iter();
        said.by_ref().filter(|w| is(&w.testimony)).count()
    };
    match call.stage {
        CallStage::Drawing { at } => format!("they are drawn in block {at}"),
        CallStage::Sealing { until } => format!(
            "{} of {all} have sealed what they found; until block {until}",
            count(|testimony| *testimony != Testimony::Awaited)
        ),
        CallStage::Opening { until } => format!(
            "{} of {all} have said what they found; until block {until}",
            count(|testimony| matches!(testimony, Testimony::Opened(_)))
        ),
    }
}

fn words(witnessed: &Witnessed) -> String {
    let Witnessed { job, batch, .. } = witnessed;
    match witnessed.finding {
        Finding::Withheld => format!(
            "nobody serves the outputs of batch {batch} of job {job}: what you paid for it is back, and its workers are slashed"
        ),
        Finding::Fetched => format!(
            "witnesses have the outputs of batch {batch} of job {job}: your bond is lost, but they serve them: run \
             `sungrid job collect {job}`"
        ),
        Finding::Undecided => format!(
            "too few witnesses could tell whether the outputs of batch {batch} of job {job} are served: your bond is back; \
             you can call again"
        ),
    }
}
