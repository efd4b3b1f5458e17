//! What a keeper does: it computes batches of an order itself, seals what they come to, and holds that against the results of
//! the job when it was done [X2].

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize};
use sp_core::H256;
use sungrid_chain_client::{BatchResult, Call, Chain, JobState, Keypair, SubmitError, Until};
use sungrid_primitives::{
    BatchIndex, JobId,
    job::batch_range,
    receipt::{self, BatchSummary, Order},
    suns::Profile,
};

use crate::{Error, folder::write_whole, local::Local, plan::Plan};

/// Answers that one transaction can plant, and a keeper can have planted.
pub const MOST: u32 = 256;

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
    /// What is on chain of it.
    seal: H256,
}

impl Answer {
    fn summary(&self) -> BatchSummary {
        BatchSummary {
            root: self.root,
            fuel: self.fuel,
            charge: self.charge,
        }
    }

    fn is_for(&self, order: &Order) -> bool {
        let seal = receipt::canary(order, self.batch, &self.summary(), &self.salt.0);
        seal == self.seal
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Usage(format!("no randomness: {error}")))?;
    Ok(bytes)
}

/// So many batches of an order, or all if it has fewer, which nobody can guess: ascending.
///
/// # Errors
/// [`Error::Usage`] if there is no randomness.
pub fn choose(wanted: u32, batches: u32) -> Result<Vec<BatchIndex>, Error> {
    let mut chosen = BTreeSet::new();
    while chosen.len() < wanted.min(batches) as usize {
        let number = u64::from_le_bytes(random()?) % u64::from(batches);
        chosen.extend(u32::try_from(number));
    }
    Ok(chosen.into_iter().collect())
}

/// Computes batches of so many units here, each unit twice: blocks as long as that takes.
///
/// # Errors
/// Those of [`Local::leaf`]; [`Error::Usage`] if the order has no such batch, or the profile cannot charge it.
pub fn compute(
    local: &Local,
    plan: &Plan,
    batch_size: u32,
    profile: &Profile,
    batches: &[BatchIndex],
) -> Result<Vec<(BatchIndex, BatchSummary)>, Error> {
    let one = |batch: &BatchIndex| {
        let none = || Error::Usage(format!("the order has no batch {batch}"));
        let (first, count) = batch_range(plan.count, batch_size, *batch).ok_or_else(none)?;
        let leaves: Result<Vec<_>, _> = (first..first.saturating_add(count))
            .map(|unit| local.leaf(plan, unit, batch_size))
            .collect();
        let summary = BatchSummary::of(&leaves?, profile);
        let summary = summary
            .ok_or_else(|| Error::Usage(format!("batch {batch} takes more than can be charged")))?;
        Ok((*batch, summary))
    };
    batches.iter().map(one).collect()
}

/// Plants what batches of an order come to, and keeps what opens the seals in a new file.
///
/// # Errors
/// [`Error::Usage`] if there are none or more than can be planted, or the file exists; those of the chain, with the file removed
/// if it refused.
pub async fn plant(
    chain: &dyn Chain,
    key: &Keypair,
    order: &Order,
    known: &[(BatchIndex, BatchSummary)],
    file: &Path,
) -> Result<(), Error> {
    check_file(file)?;
    if known.is_empty() || known.len() > MOST as usize {
        return Err(Error::Usage(format!(
            "{} answers: 1 to {MOST} can be planted at once",
            known.len()
        )));
    }
    let mut answers = Vec::new();
    for (batch, answer) in known {
        let salt = H256(random()?);
        let BatchSummary { root, fuel, charge } = *answer;
        answers.push(Answer {
            batch: *batch,
            root,
            fuel,
            charge,
            salt,
            seal: receipt::canary(order, *batch, answer, &salt.0),
        });
    }
    let seals = answers.iter().map(|answer| answer.seal).collect();
    let genesis = chain.info().await?.genesis;
    let text = serde_json::to_vec_pretty(&Answers { genesis, answers })
        .map_err(|error| Error::malformed(file, error.to_string()))?;
    // First: answers on chain whose salts are lost are lost.
    write_whole(file, &text)?;
    let call = Call::PlantCanaries { seals };
    match chain.submit(key, call, Until::InBlock).await {
        Ok(_) => Ok(()),
        // Any other error leaves open whether they are planted.
        Err(error @ (SubmitError::Dispatch(_) | SubmitError::CannotPay { .. })) => {
            fs::remove_file(file).map_err(Error::file("remove", file))?;
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Refuses a file that is there: it may hold what opens other answers.
///
/// # Errors
/// [`Error::Usage`].
pub fn check_file(file: &Path) -> Result<(), Error> {
    match file.exists() {
        true => Err(Error::Usage(format!(
            "{} exists: answers that are planted cannot be exposed without their file; name another",
            file.display()
        ))),
        false => Ok(()),
    }
}

async fn read(chain: &dyn Chain, file: &Path) -> Result<Vec<Answer>, Error> {
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
    Ok(answers)
}

/// What came of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposed {
    /// Batches, and whether their results are right.
    pub checked: Vec<(BatchIndex, bool)>,
    /// Batches without a result, or that were cut, in a job that has ended: their answers are planted no more.
    pub uprooted: Vec<BatchIndex>,
}

/// Holds the results of a job against planted answers; if it has ended, gives up those for batches that failed or were cut.
///
/// # Errors
/// [`Error::UnknownJob`]; [`Error::File`] or [`Error::Malformed`] of the file; [`Error::Usage`] if it is of another chain or no
/// answer has a result; those of the chain.
pub async fn expose(
    chain: &dyn Chain,
    key: &Keypair,
    job: JobId,
    file: &Path,
) -> Result<Exposed, Error> {
    let answers = read(chain, file).await?;
    let record = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
    let order = record.spec.order_from(&record.requester);
    let mut exposed = Exposed::default();
    let (mut unknown, mut failed) = (0, Vec::new());
    for answer in answers {
        // The answer is that of a whole batch.
        let is_part = record.layout().is_part(answer.batch);
        let result = chain.result(job, answer.batch).await?;
        let Some(BatchResult { summary, .. }) = result.filter(|_| !is_part) else {
            if matches!(record.state, JobState::Ended { .. }) && answer.is_for(&order) {
                failed.push(answer);
            }
            continue;
        };
        let call = Call::ExposeCanary {
            job,
            batch: answer.batch,
            answer: answer.summary(),
            salt: answer.salt.0,
        };
        match chain.submit(key, call, Until::InBlock).await {
            Ok(_) => {
                let right = summary == answer.summary();
                exposed.checked.push((answer.batch, right));
            }
            // Exposed before this was interrupted, or not of this order; checked by another keeper.
            Err(SubmitError::Dispatch(refusal))
                if ["NotPlanted", "NothingToCheck"].contains(&&*refusal.error) =>
            {
                unknown += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if give_up(chain, key, &failed).await? {
        exposed.uprooted = failed.iter().map(|answer| answer.batch).collect();
    }
    if exposed == Exposed::default() {
        return Err(Error::Usage(match unknown {
            0 => format!(
                "job {job} has no accepted batch of these yet: wait for it; if it is over, `sungrid canary uproot` gives the \
                 answers up"
            ),
            n => format!(
                "none of the {n} answers fits job {job}: they are exposed already, or it is another order than the one they \
                 were planted for (account, image, input, units, batch size, limits, environment)"
            ),
        }));
    }
    Ok(exposed)
}

/// Gives up all answers of a file that are still planted: `false` if none is.
///
/// # Errors
/// [`Error::File`], [`Error::Malformed`], [`Error::Usage`] of the file; those of the chain.
pub async fn uproot(chain: &dyn Chain, key: &Keypair, file: &Path) -> Result<bool, Error> {
    give_up(chain, key, &read(chain, file).await?).await
}

async fn give_up(chain: &dyn Chain, key: &Keypair, answers: &[Answer]) -> Result<bool, Error> {
    if answers.is_empty() {
        return Ok(false);
    }
    let seals = answers.iter().map(|answer| answer.seal).collect();
    let call = Call::UprootCanaries { seals };
    match chain.submit(key, call, Until::InBlock).await {
        Ok(_) => Ok(true),
        Err(SubmitError::Dispatch(refusal)) if refusal.error == "NotPlanted" => Ok(false),
        Err(error) => Err(error.into()),
    }
}
