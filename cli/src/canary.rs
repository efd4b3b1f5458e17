//! What a keeper does: it computes batches of an order itself, seals what they come to, and holds that against the results of
//! the job when it was done [X2].

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize};
use sp_core::H256;
use sungrid_chain_client::{Call, Chain, JobState, Keypair, SubmitError, Until};
use sungrid_primitives::{
    BatchIndex, JobId,
    job::{Layout, batch_range},
    merkle::UnitLeaf,
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
    /// Of all its units, in order: its worker may cut it anywhere.
    leaves: Vec<UnitLeaf>,
    salt: H256,
    /// What is on chain of it.
    seal: H256,
}

impl Answer {
    fn is_for(&self, order: &Order, profile: &Profile) -> bool {
        BatchSummary::of(&self.leaves, profile).is_some_and(|summary| {
            receipt::canary(order, self.batch, &summary, &self.salt.0) == self.seal
        })
    }

    /// What a part of the batch comes to, or the batch if it was not cut; `None` if it is of another one.
    fn part(
        &self,
        layout: &Layout<'_>,
        part: BatchIndex,
        profile: &Profile,
    ) -> Option<BatchSummary> {
        let (start, _) = batch_range(layout.units, layout.batch_size, self.batch)?;
        let (first, count) = layout.range(part)?;
        let from = first.checked_sub(start)? as usize;
        let leaves = self.leaves.get(from..from.checked_add(count as usize)?)?;
        BatchSummary::of(leaves, profile)
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
/// Those of [`Local::leaf`]; [`Error::Usage`] if the order has no such batch.
pub fn compute(
    local: &Local,
    plan: &Plan,
    batch_size: u32,
    batches: &[BatchIndex],
) -> Result<Vec<(BatchIndex, Vec<UnitLeaf>)>, Error> {
    let one = |batch: &BatchIndex| {
        let none = || Error::Usage(format!("the order has no batch {batch}"));
        let (first, count) = batch_range(plan.count, batch_size, *batch).ok_or_else(none)?;
        let leaves: Result<Vec<_>, _> = (first..first.saturating_add(count))
            .map(|unit| local.leaf(plan, unit, batch_size))
            .collect();
        Ok((*batch, leaves?))
    };
    batches.iter().map(one).collect()
}

/// Plants what batches of an order come to, and keeps what opens the seals in a new file.
///
/// # Errors
/// [`Error::Usage`] if there are none or more than can be planted, the profile cannot charge one, or the file exists; those of the
/// chain, with the file removed if it refused.
pub async fn plant(
    chain: &dyn Chain,
    key: &Keypair,
    order: &Order,
    profile: &Profile,
    known: &[(BatchIndex, Vec<UnitLeaf>)],
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
    for (batch, leaves) in known {
        let salt = H256(random()?);
        let answer = BatchSummary::of(leaves, profile)
            .ok_or_else(|| Error::Usage(format!("batch {batch} takes more than can be charged")))?;
        answers.push(Answer {
            batch: *batch,
            leaves: leaves.clone(),
            salt,
            seal: receipt::canary(order, *batch, &answer, &salt.0),
        });
    }
    let seals = answers.iter().map(|answer| answer.seal).collect();
    let genesis = chain.info().await?.genesis;
    let text = serde_json::to_vec(&Answers { genesis, answers })
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
    /// Batches, parts of those that were cut by themselves, and whether their results are right.
    pub checked: Vec<(BatchIndex, bool)>,
    /// Batches without a result in a job that has ended: their answers are planted no more.
    pub uprooted: Vec<BatchIndex>,
}

/// Holds the results of a job against planted answers; if it has ended, gives up those for batches that failed. Of one that was cut
/// the leaves are shown when all its parts are decided: before, whoever has one could copy them.
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
    let profile = chain.profile(record.spec.profile).await?;
    let profile = profile.ok_or_else(|| Error::Usage("this chain has no such profile".into()))?;
    let layout = record.layout();
    let mut exposed = Exposed::default();
    let (mut unknown, mut failed) = (0, Vec::new());
    for answer in answers {
        let (mut found, mut in_flight) = (Vec::new(), false);
        let made = layout.made_of(answer.batch..answer.batch.saturating_add(1));
        for part in core::iter::once(answer.batch).chain(made) {
            in_flight |= chain.batch(job, part).await?.is_some();
            if let Some(result) = chain.result(job, part).await? {
                found.push((part, result.summary));
            }
        }
        if in_flight {
            continue;
        }
        if found.is_empty() {
            if matches!(record.state, JobState::Ended { .. }) && answer.is_for(&order, &profile) {
                failed.push(answer);
            }
            continue;
        }
        let (batch, salt) = (answer.batch, answer.salt.0);
        let call = match answer.part(&layout, batch, &profile) {
            Some(answer) if !layout.is_part(batch) => Call::ExposeCanary {
                job,
                batch,
                answer,
                salt,
            },
            _ => Call::ExposeCutCanary {
                job,
                batch,
                leaves: answer.leaves.clone(),
                salt,
            },
        };
        match chain.submit(key, call, Until::InBlock).await {
            Ok(_) => {
                for (part, summary) in found {
                    let right = answer.part(&layout, part, &profile) == Some(summary);
                    exposed.checked.push((part, right));
                }
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
