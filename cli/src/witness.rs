//! Witnesses: drawn workers who try to fetch what a requester cannot. [X9]

use futures::StreamExt;
use serde::Serialize;
use sungrid_chain_client::{AccountId, Call, Chain, Follow, Keypair, Outputs, Until, WitnessCall};
use sungrid_primitives::{BatchIndex, JobId};

use crate::Error;

/// What witnesses came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// They have the outputs, and serve them.
    Fetched,
    /// Nobody serves them: what was paid is back.
    Withheld,
    /// Too few could tell.
    Undecided,
}

/// What is known when witnesses are done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// The job.
    pub job: JobId,
    /// The batch.
    pub batch: BatchIndex,
    /// What they came to.
    pub finding: Finding,
    /// Worker keys of those who have the outputs.
    pub witnesses: Vec<AccountId>,
}

async fn open_call(
    chain: &dyn Chain,
    job: JobId,
    batch: BatchIndex,
) -> Result<Option<WitnessCall>, Error> {
    let calls = chain.witness_calls(Some(job)).await?;
    let mut calls = calls.into_iter();
    Ok(calls
        .find(|(_, other, _)| *other == batch)
        .map(|(_, _, call)| call))
}

/// Calls witnesses to a batch; `false` if they are at it already, or have said what they found.
///
/// # Errors
/// [`Error::UnknownJob`]; [`Error::Usage`] if the batch has no accepted result; those of the chain.
pub async fn call(
    chain: &dyn Chain,
    key: &Keypair,
    job: JobId,
    batch: BatchIndex,
) -> Result<bool, Error> {
    if chain.job(job).await?.is_none() {
        return Err(Error::UnknownJob(job));
    }
    let Some(result) = chain.result(job, batch).await? else {
        return Err(Error::Usage(format!(
            "batch {batch} of job {job} has no accepted result, so nobody owes its outputs: `sungrid job show {job}` says \
             where the job stands; batches count from 0"
        )));
    };
    if result.outputs != Outputs::Owed || open_call(chain, job, batch).await?.is_some() {
        return Ok(false);
    }
    chain
        .submit(key, Call::CallWitnesses { job, batch }, Until::InBlock)
        .await?;
    Ok(true)
}

/// Waits until witnesses are done; `on` hears of every step.
///
/// # Errors
/// [`Error::UnknownJob`] if its records go meanwhile; those of the chain that do not pass by themselves.
pub async fn follow(
    chain: &dyn Chain,
    job: JobId,
    batch: BatchIndex,
    on: &mut (dyn FnMut(&WitnessCall) + Send),
) -> Result<Witnessed, Error> {
    let mut blocks = chain.blocks(Follow::Best).await?;
    let mut last: Option<WitnessCall> = None;
    loop {
        match open_call(chain, job, batch).await {
            Ok(Some(call)) => {
                if last.as_ref() != Some(&call) {
                    on(&call);
                }
                last = Some(call);
            }
            Ok(None) => {
                let result = chain.result(job, batch).await?;
                let result = result.ok_or(Error::UnknownJob(job))?;
                return Ok(Witnessed {
                    job,
                    batch,
                    finding: match result.outputs {
                        Outputs::Fetched => Finding::Fetched,
                        Outputs::Withheld => Finding::Withheld,
                        Outputs::Owed => Finding::Undecided,
                    },
                    witnesses: result.witnesses,
                });
            }
            Err(Error::Chain(error)) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
        match blocks.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) if error.is_retryable() => {}
            Some(Err(error)) => return Err(error.into()),
            None => blocks = chain.blocks(Follow::Best).await?,
        }
    }
}
