//! `sungrid job resume | rate | clean-up`, and the receipt that `job collect` sends.

use std::collections::BTreeSet;

use serde::Serialize;
use sungrid_chain_client::{AccountId, Call, Until};
use sungrid_primitives::JobId;

use super::job::Done;
use crate::{Error, context::Context, service, units};

pub(super) async fn resume(context: &Context, job: JobId) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Resumed {
        job: JobId,
    }
    let (key, chain) = (context.key()?, context.chain().await?);
    chain
        .submit(&key, Call::ResumeJob(job), Until::InBlock)
        .await?;
    context.out.result(&Resumed { job }, || {
        format!("job {job} can be claimed again; keep `sungrid job watch {job}` running: workers need its input")
    });
    Ok(())
}

/// Outputs that are here are worth more than a receipt: what keeps it from being sent is a note, no failure.
pub(super) async fn acknowledge(context: &Context, done: &Done) -> Result<(), Error> {
    let requester = &done.record.requester;
    let key = context.key_if_given()?;
    let Some(key) = key.filter(|key| key.account() == *requester) else {
        context.out.note(format!(
            "no delivery receipt sent: with the key of {requester} (--key) workers are told that they need not keep the \
             outputs, and the deposit can return at once"
        ));
        return Ok(());
    };
    match service::acknowledge(&*context.chain().await?, &key, done.summary.job).await {
        Ok(true) => context.out.note("delivery receipt sent"),
        Ok(false) => {}
        Err(error) => context
            .out
            .note(format!("the delivery receipt could not be sent: {error}")),
    }
    Ok(())
}

pub(super) async fn clean_up(context: &Context, jobs: &[JobId]) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    let mut removed = Vec::new();
    let mut failed = Ok(());
    for job in jobs.iter().copied().collect::<BTreeSet<_>>() {
        let told = |sent| {
            context.out.note(format!(
                "job {job}: {sent} transactions so far, each removes some of its batches"
            ));
        };
        match service::clean_up(&*chain, &key, job, told).await {
            Ok(cleaned) => removed.push(cleaned),
            Err(error) => {
                failed = Err(error);
                break;
            }
        }
    }
    // What was done is said, whatever became of the rest.
    context.out.result(&removed, || {
        let lines = removed.iter().map(|cleaned| {
            format!(
                "job {} is removed: {} of deposit return to {}",
                cleaned.job,
                units::isc(cleaned.deposit),
                cleaned.requester
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    failed
}

pub(super) async fn rate(
    context: &Context,
    job: JobId,
    stars: u8,
    only: Option<AccountId>,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Rated {
        job: JobId,
        stars: u8,
        operators: Vec<String>,
    }
    let (key, chain) = (context.key()?, context.chain().await?);
    let operators = service::rate(&*chain, &key, job, stars, only.as_ref()).await?;
    let rated = Rated {
        job,
        stars,
        operators: operators.iter().map(ToString::to_string).collect(),
    };
    context.out.result(&rated, || match rated.operators.len() {
        0 => "there is nobody left to rate".into(),
        _ => format!("{stars} of 5 stars for {}", rated.operators.join(", ")),
    });
    Ok(())
}
