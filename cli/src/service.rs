//! What a requester says of the service: that it has the outputs, and how content it was.

use std::collections::BTreeMap;

use sungrid_chain_client::{AccountId, Call, Chain, Keypair, SubmitError, Until};
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
