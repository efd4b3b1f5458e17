//! `sungrid canary plant | expose | uproot`.

use serde::Serialize;
use sungrid_manifest::Manifest;
use sungrid_primitives::{BatchIndex, JobId};

use super::job;
use crate::{
    Error,
    args::{CanaryCommand, PlantArgs},
    canary,
    context::Context,
    local::input_address,
    package::Package,
    progress::Step,
    submit::Submission,
};

pub(super) async fn run(context: &Context, command: CanaryCommand) -> Result<(), Error> {
    match command {
        CanaryCommand::Plant(args) => plant(context, *args).await,
        CanaryCommand::Expose { job, file } => {
            #[derive(Serialize)]
            struct Exposed {
                job: JobId,
                right: usize,
                wrong: Vec<BatchIndex>,
                uprooted: Vec<BatchIndex>,
            }
            let (key, chain) = (context.key()?, context.chain().await?);
            let canary::Exposed { checked, uprooted } =
                canary::expose(&*chain, &key, job, &file).await?;
            let wrong: Vec<BatchIndex> = checked
                .iter()
                .filter(|(_, right)| !right)
                .map(|(batch, _)| *batch)
                .collect();
            let exposed = Exposed {
                job,
                right: checked.len() - wrong.len(),
                wrong,
                uprooted,
            };
            context.out.result(&exposed, || {
                let (right, wrong) = (exposed.right, &exposed.wrong);
                let failed = match exposed.uprooted.len() {
                    0 => String::new(),
                    n => format!("; {n} answers are given up, as their batches failed"),
                };
                match wrong.len() {
                    0 => format!("{right} results of job {job} are right, none is wrong{failed}"),
                    n => format!(
                        "{right} results of job {job} are right, {n} are wrong: batches {wrong:?}{failed}"
                    ),
                }
            });
            Ok(())
        }
        CanaryCommand::Uproot { file } => {
            let (key, chain) = (context.key()?, context.chain().await?);
            let uprooted = canary::uproot(&*chain, &key, &file).await?;
            context.out.result(uprooted, || match uprooted {
                true => "what was still planted is given up".into(),
                false => "nothing of it is planted any more".into(),
            });
            Ok(())
        }
    }
}

async fn plant(context: &Context, args: PlantArgs) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Planted {
        batches: Vec<BatchIndex>,
        of: u32,
    }
    let PlantArgs {
        requester,
        answers: file,
        batches,
        order,
        isolation,
    } = args;
    canary::check_file(&file)?;
    let plan = job::plan(context, &order).await?;
    if plan.encrypt || plan.after.is_some() {
        return Err(Error::Usage(
            "what an encrypted job or one after another comes to is not known before it is submitted: leave --encrypt and \
             --after out"
                .into(),
        ));
    }
    let (key, chain) = (context.key()?, context.chain().await?);
    let package = Package::of(&context.data, &plan.image, &order.manifest)?;
    let digest = package.image.encode()?.hash;
    let environment = order.terms.environment;
    let mut spec = Submission::terms(&*chain, &plan, digest, &package.image, environment).await?;
    spec.input = input_address(&plan)?;
    let profile = chain
        .profile(spec.profile)
        .await?
        .ok_or_else(|| Error::Usage("this chain has no profile Cpu/1".into()))?;
    let machine = super::machine(context, &isolation)?;
    if machine.environment() != spec.environment {
        return Err(Error::Usage(format!(
            "this machine computes in environment {:?}, the order is for {:?}: name the former with --environment, here and \
             when you submit it, or use a version of this program that has the other one",
            machine.environment(),
            spec.environment
        )));
    }
    let chosen = canary::choose(batches, spec.batches())?;
    let known = tokio::task::block_in_place(|| {
        let name = &package.image.name;
        let _step = Step::begin(
            context.out,
            format!(
                "computing {} of {} batches of {name}",
                chosen.len(),
                spec.batches()
            ),
        );
        canary::compute(&machine.load(&package)?, &plan, spec.batch_size, &chosen)
    })?;
    let from = spec.order_from(&requester);
    canary::plant(&*chain, &key, &from, &profile, &known, &file).await?;
    let planted = Planted {
        batches: chosen,
        of: spec.batches(),
    };
    context.out.result(&planted, || {
        format!(
            "answers for {} of {} batches planted; submit the same order from {requester}, not at once, then run `sungrid canary \
             expose JOB --file {}`",
            planted.batches.len(),
            planted.of,
            file.display()
        )
    });
    Ok(())
}
