//! What a requester says of the service: that it has the outputs, how content it was, and that the job may go.

use std::collections::BTreeMap;

use serde::Serialize;
use sungrid_chain_client::{AccountId, Balance, Call, Chain, Keypair, SubmitError, Until};
use sungrid_primitives::{BatchIndex, JobId};

use crate::Error;

/// Confirms on chain that all outputs of an ended job are here; `false` if there was nothing left to confirm.
///
/// # Errors
/// Those of the chain.
pub async fn acknowledge(chain: &dyn Chain, key: &Keypair, job: JobId) -> Result<bool, Error> {
    // Once it is cleaned up, nobody waits for a receipt.
    let Some(below) = chain.job(job).await?.map(|record| record.next_batch) else {
        return Ok(false);
    };
    if chain.received(job).await? >= below {
        return Ok(false);
    }
    let call = Call::Acknowledge { job, below };
    chain.submit(key, call, Until::InBlock).await?;
    Ok(true)
}

/// A job that is no more on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The job.
    pub job: JobId,
    /// Whose it was, to whom the deposit returns.
    pub requester: AccountId,
    /// What was held for the room it took, planck.
    #[serde(rename = "deposit_planck")]
    pub deposit: Balance,
    /// Transactions it took, each for some of its batches.
    pub transactions: u32,
}

/// Removes an ended job from the chain; `told` after each transaction how many there were, while more are needed.
///
/// # Errors
/// [`Error::UnknownJob`]; those of the chain, such as that it has not ended or that its outputs are still kept.
pub async fn clean_up(
    chain: &dyn Chain,
    key: &Keypair,
    job: JobId,
    told: impl Fn(u32),
) -> Result<Removed, Error> {
    let record = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
    let mut transactions = 0;
    // The chain forgets some batches at a time. Somebody else may clean up as well: then there is nothing left to do.
    while chain.job(job).await?.is_some() {
        if transactions > 0 {
            told(transactions);
        }
        match chain.submit(key, Call::CleanUp(job), Until::InBlock).await {
            Ok(_) => transactions += 1,
            Err(SubmitError::Dispatch(failure))
                if transactions > 0 && failure.error == "NoSuchJob" => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Removed {
        job,
        requester: record.requester,
        deposit: record.deposit,
        transactions,
    })
}

/// Rates the operators that served a completed job, or `only` one of them; returns those who were not rated before.
///
/// # Errors
/// [`Error::UnknownJob`]; [`Error::Usage`] if `only` names nobody who served; those of the chain.
pub async fn rate(
    chain: &dyn Chain,
    key: &Keypair,
    job: JobId,
    stars: u8,
    only: Option<&AccountId>,
) -> Result<Vec<AccountId>, Error> {
    if chain.job(job).await?.is_none() {
        return Err(Error::UnknownJob(job));
    }
    let mut served: BTreeMap<AccountId, BatchIndex> = BTreeMap::new();
    for (batch, result) in chain.results(job).await? {
        for winner in result.winners {
            served.entry(winner.operator).or_insert(batch);
        }
    }
    match only {
        Some(operator) if !served.contains_key(operator) => {
            return Err(Error::Usage(format!(
                "{operator} served no batch of job {job}: name an operator, as `sungrid worker list --json` does"
            )));
        }
        Some(operator) => served.retain(|other, _| other == operator),
        // Its own machines get no stars.
        None => served.retain(|other, _| *other != key.account()),
    }
    let mut rated = Vec::new();
    for (operator, batch) in served {
        let call = Call::Rate {
            job,
            batch,
            operator: operator.clone(),
            stars,
        };
        match chain.submit(key, call, Until::InBlock).await {
            Ok(_) => rated.push(operator),
            Err(SubmitError::Dispatch(failure))
                if only.is_none() && failure.error == "AlreadyRated" => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(rated)
}
