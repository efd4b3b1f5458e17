//! `sungrid canary plant | expose`.

use serde::Serialize;
use sungrid_primitives::{BatchIndex, JobId};

use crate::{Error, args::CanaryCommand, canary, context::Context};

pub(super) async fn run(context: &Context, command: CanaryCommand) -> Result<(), Error> {
    let (key, chain) = (context.key()?, context.chain().await?);
    match command {
        CanaryCommand::Plant {
            job,
            requester,
            file,
        } => {
            #[derive(Serialize)]
            struct Planted {
                job: JobId,
                answers: usize,
            }
            let answers = canary::plant(&*chain, &key, job, &requester, &file).await?;
            context.out.result(&Planted { job, answers }, || {
                format!(
                    "{answers} answers planted, from the results of job {job}; submit the same order from {requester}, then run \
                     `sungrid canary expose JOB --file {}`",
                    file.display()
                )
            });
        }
        CanaryCommand::Expose { job, file } => {
            #[derive(Serialize)]
            struct Exposed {
                job: JobId,
                right: usize,
                wrong: Vec<BatchIndex>,
            }
            let checked = canary::expose(&*chain, &key, job, &file).await?;
            let wrong: Vec<BatchIndex> = checked
                .iter()
                .filter(|(_, right)| !right)
                .map(|(batch, _)| *batch)
                .collect();
            let exposed = Exposed {
                job,
                right: checked.len() - wrong.len(),
                wrong,
            };
            context.out.result(&exposed, || {
                let wrong = &exposed.wrong;
                match wrong.len() {
                    0 => format!("all {} results of job {job} are right", exposed.right),
                    n => format!(
                        "{} results of job {job} are right, {n} are wrong: batches {wrong:?}",
                        exposed.right
                    ),
                }
            });
        }
    }
    Ok(())
}
