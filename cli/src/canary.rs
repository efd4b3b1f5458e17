//! What a keeper does: it seals answers that it knows, and holds them against the results of later jobs [X2].

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use sp_core::H256;
use sungrid_chain_client::{AccountId, Call, Chain, Keypair, SubmitError, Until};
use sungrid_primitives::{
    BatchIndex, JobId,
    receipt::{self, BatchSummary},
};

use crate::{Error, folder::write_whole};

/// Answers that one transaction can plant, and a keeper can have planted.
const MOST: usize = 256;

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Answers {
    /// Of the chain that they are planted on.
    genesis: H256,
    answers: Vec<Answer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    batch: BatchIndex,
    root: H256,
    fuel: u128,
    charge: u128,
    salt: H256,
}

impl Answer {
    fn summary(&self) -> BatchSummary {
        BatchSummary {
            root: self.root,
            fuel: self.fuel,
            charge: self.charge,
        }
    }
}

/// Plants the results of a job as answers for the same order from `requester`, and keeps what opens them in a new file. Returns
/// how many.
///
/// # Errors
/// [`Error::UnknownJob`]; [`Error::Usage`] if it has no results or more than can be planted, or the file exists; those of the
/// chain, with the file removed if it refused.
pub async fn plant(
    chain: &dyn Chain,
    key: &Keypair,
    job: JobId,
    requester: &AccountId,
    file: &Path,
) -> Result<usize, Error> {
    let record = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
    let order = record.order_from(requester);
    if file.exists() {
        return Err(Error::Usage(format!(
            "{} exists: answers that are planted cannot be exposed without their file; name another",
            file.display()
        )));
    }
    let results = chain.results(job).await?;
    if results.is_empty() || results.len() > MOST {
        return Err(Error::Usage(format!(
            "job {job} has {} accepted batches: 1 to {MOST} can be planted at once",
            results.len()
        )));
    }
    let mut answers = Vec::new();
    for (batch, result) in results {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)
            .map_err(|error| Error::Usage(format!("no randomness: {error}")))?;
        let BatchSummary { root, fuel, charge } = result.summary;
        answers.push(Answer {
            batch,
            root,
            fuel,
            charge,
            salt: H256(salt),
        });
    }
    let seals = answers
        .iter()
        .map(|answer| receipt::canary(&order, answer.batch, &answer.summary(), &answer.salt.0))
        .collect();
    let count = answers.len();
    let genesis = chain.info().await?.genesis;
    let text = serde_json::to_vec_pretty(&Answers { genesis, answers })
        .map_err(|error| Error::malformed(file, error.to_string()))?;
    // First: answers on chain whose salts are lost are lost.
    write_whole(file, &text)?;
    let call = Call::PlantCanaries { seals };
    match chain.submit(key, call, Until::InBlock).await {
        Ok(_) => Ok(count),
        // Any other error leaves open whether they are planted.
        Err(error @ (SubmitError::Dispatch(_) | SubmitError::CannotPay { .. })) => {
            fs::remove_file(file).map_err(Error::file("remove", file))?;
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Holds the results of a job against planted answers. Returns for each batch whether it is right.
///
/// # Errors
/// [`Error::UnknownJob`]; [`Error::File`] or [`Error::Malformed`] of the file; [`Error::Usage`] if it is of another chain or no
/// answer has a result; those of the chain.
pub async fn expose(
    chain: &dyn Chain,
    key: &Keypair,
    job: JobId,
    file: &Path,
) -> Result<Vec<(BatchIndex, bool)>, Error> {
    let text = fs::read(file).map_err(Error::file("read", file))?;
    let Answers { genesis, answers } = serde_json::from_slice(&text).map_err(|error| {
        Error::malformed(file, format!("not what `canary plant` wrote: {error}"))
    })?;
    if genesis != chain.info().await?.genesis {
        return Err(Error::Usage(format!(
            "{} has answers for another chain",
            file.display()
        )));
    }
    if chain.job(job).await?.is_none() {
        return Err(Error::UnknownJob(job));
    }
    let mut checked = Vec::new();
    let mut unknown = 0;
    for answer in answers {
        let Some(result) = chain.result(job, answer.batch).await? else {
            continue;
        };
        let call = Call::ExposeCanary {
            job,
            batch: answer.batch,
            answer: answer.summary(),
            salt: answer.salt.0,
        };
        match chain.submit(key, call, Until::InBlock).await {
            Ok(_) => checked.push((answer.batch, result.summary == answer.summary())),
            // Exposed before this was interrupted, or not of this order; checked by another keeper.
            Err(SubmitError::Dispatch(refusal))
                if ["NotPlanted", "NothingToCheck"].contains(&&*refusal.error) =>
            {
                unknown += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if checked.is_empty() {
        return Err(Error::Usage(match unknown {
            0 => format!("job {job} has no accepted batch yet: wait for it"),
            n => format!(
                "none of the {n} answers fits job {job}: they are exposed already, or it is another order than the one they \
                 were planted for (account, image, input, units, batch size, limits, environment)"
            ),
        }));
    }
    Ok(checked)
}
