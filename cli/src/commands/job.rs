//! `sungrid job`.

mod change;
mod list;
mod series;
mod witness;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use sungrid_access::Scope;
use sungrid_chain_client::{Chain, Explanation, Job};
use sungrid_primitives::JobId;

use super::{explain, image, service};
use crate::{
    Error,
    args::{JobCommand, OrderArgs, SubmitArgs, TermsArgs},
    context::Context,
    folder::{self, DataFolder, JobFolder, JobRecord, Task},
    image_cid,
    plan::{FileRef, JobFile, Plan},
    progress::Display,
    requester::{Requester, Summary, state_name},
    sealed::KEY_FILE,
    serve::{self, Serving},
    submit::Submission,
    units,
};

pub(super) async fn run(context: &Context, command: JobCommand) -> Result<(), Error> {
    match command {
        JobCommand::Submit(args) => submit(context, *args).await,
        JobCommand::Watch { job } => {
            if let Some(folder) = series::folder(context, job).await? {
                return series::watch(context, folder).await;
            }
            let requester = open_job(&context.data, context.chain().await?, job).await?;
            let done = follow(context, requester).await?;
            report(context, &done, None)
        }
        JobCommand::Collect {
            job,
            out,
            no_receipt,
        } => collect(context, job, out, !no_receipt).await,
        JobCommand::CleanUp { jobs } => service::clean_up(context, &jobs).await,
        JobCommand::Resume { job } => service::resume(context, job).await,
        JobCommand::Rate {
            job,
            stars,
            operator,
        } => service::rate(context, job, stars, operator).await,
        JobCommand::Raise { job, price } => change::raise(context, job, price).await,
        JobCommand::Cancel { job } => change::cancel(context, job).await,
        JobCommand::Challenge { job, batch } => change::challenge(context, job, batch).await,
        JobCommand::Witness { job, batch } => witness::witness(context, job, batch).await,
        JobCommand::List { all } => list::list(context, all).await,
        JobCommand::Show { job } => show(context, job).await,
        JobCommand::Explain { job } => explain::run(context, job).await,
    }
}

/// A job file with the flags laid over it.
pub(super) fn overlay(args: &OrderArgs) -> Result<JobFile, Error> {
    let mut file = match &args.file {
        Some(path) => JobFile::read(path)?,
        None => JobFile::default(),
    };
    file.image = args.image.clone().or(file.image);
    file.shared
        .extend(args.input.iter().cloned().map(FileRef::Short));
    if args.units.is_some() || !args.each.is_empty() {
        // What the units are is one decision: flags replace the file's.
        (file.units, file.each, file.unit) = (args.units, args.each.clone(), vec![]);
    }
    file.after = args.after.or(file.after);
    if !args.args.is_empty() {
        file.args.clone_from(&args.args);
    }
    lay_terms(&mut file, &args.terms);
    Ok(file)
}

/// Lays the flags of the terms over a job file.
pub(super) fn lay_terms(file: &mut JobFile, terms: &TermsArgs) {
    fn over<T: Clone>(to: &mut Option<T>, from: &Option<T>) {
        if from.is_some() {
            to.clone_from(from);
        }
    }
    over(&mut file.price, &terms.price);
    over(&mut file.batch_size, &terms.batch_size);
    over(&mut file.policy, &terms.policy);
    over(&mut file.fuel_limit, &terms.fuel_limit);
    over(&mut file.memory_limit, &terms.memory_limit);
    over(&mut file.traffic_limit, &terms.traffic_limit);
    over(&mut file.deadline, &terms.deadline);
    over(&mut file.min_streak, &terms.min_streak);
    over(&mut file.max_gco2, &terms.max_gco2);
    over(&mut file.min_tier, &terms.min_tier);
    for (to, from) in [
        (&mut file.jurisdictions, &terms.jurisdiction),
        (&mut file.regions, &terms.region),
        (&mut file.architectures, &terms.arch),
        (&mut file.energy, &terms.energy),
    ] {
        if !from.is_empty() {
            to.clone_from(from);
        }
    }
    file.distinct_jurisdictions |= terms.distinct_jurisdictions;
    file.encrypt |= terms.encrypt;
}

/// The plan of an order. A job that comes after another one has as many units, unless it says otherwise.
pub(super) async fn plan(context: &Context, order: &OrderArgs) -> Result<Plan, Error> {
    let mut file = overlay(order)?;
    if let Some(after) = file.after
        && !file.has_units()
    {
        let before = context.chain().await?.job(after).await?;
        let before = before.ok_or(Error::UnknownJob(after))?;
        file.units = Some(before.spec.units);
    }
    file.plan()
}

async fn submit(context: &Context, args: SubmitArgs) -> Result<(), Error> {
    let order = &args.order;
    let plan = plan(context, order).await?;
    let key = context.key()?;
    let chain = context.chain().await?;
    let (digest, manifest, code) =
        image::ready(context, &*chain, &key, &plan.image, &order.manifest).await?;
    let submission = Submission {
        chain,
        key: &key,
        data: &context.data,
        out: &context.out,
        node: context.global.node().into(),
        serving: Serving::of(&args.serve, &context.global.nodes()),
        environment: order.terms.environment,
    };
    if let (Some(every), Some(times)) = (args.every, args.times) {
        let block_ms = submission.chain.params().await?.block_ms.max(1);
        let blocks = every.saturating_mul(1_000).div_ceil(block_ms);
        let every = u32::try_from(blocks).unwrap_or(u32::MAX);
        let follower = submission
            .repeat(&plan, digest, &manifest, code, every, times)
            .await?;
        return series::submitted(context, follower, args.no_watch).await;
    }
    let requester = submission
        .submit(&plan, digest, &manifest, code, Task::Files)
        .await?;
    announce(context, &requester);
    if args.no_watch {
        #[derive(Serialize)]
        struct Submitted {
            job: JobId,
            folder: PathBuf,
        }
        let submitted = Submitted {
            job: requester.job(),
            folder: requester.folder().path().to_owned(),
        };
        requester.shutdown().await;
        context.out.result(&submitted, || {
            format!(
                "job {0} submitted; workers need its inputs: run `sungrid job watch {0}`",
                submitted.job
            )
        });
        return Ok(());
    }
    let done = follow(context, requester).await?;
    report(context, &done, args.out.as_deref())
}

/// Says that a job is on chain.
pub(super) fn announce(context: &Context, requester: &Requester) {
    #[derive(Serialize)]
    struct Submitted<'a> {
        event: &'a str,
        job: JobId,
        units: u32,
        batches: u32,
        policy: String,
        folder: &'a Path,
    }
    let spec = &requester.record().spec;
    let folder = requester.folder().path();
    context.out.event(Submitted {
        event: "submitted",
        job: requester.job(),
        units: spec.units,
        batches: spec.batches(),
        policy: units::policy(&spec.policy),
        folder,
    });
    context.out.note(format!(
        "job {}: {} units in {} batches, {}, at {} per SUNS·hour",
        requester.job(),
        spec.units,
        spec.batches(),
        units::policy(&spec.policy),
        units::isc(spec.price)
    ));
    if let Some(state) = requester.relay().filter(|state| !state.connected) {
        context.out.note(format!(
            "the relay {} is not connected ({}): workers that do not get here directly get no inputs",
            state.relay,
            state.error.as_deref().unwrap_or("no answer yet")
        ));
    }
}

/// Opens a job that was submitted from here.
///
/// # Errors
/// [`Error::UnknownJob`], [`Error::NotOurs`], and what opening its store can bring.
pub async fn open_job(
    data: &DataFolder,
    chain: Arc<dyn Chain>,
    job: JobId,
) -> Result<Requester, Error> {
    let (folder, record) = find(data, &*chain, job).await?;
    let mut served = serve::open(&chain, &folder, &record.serving).await?;
    let input = folder.input()?;
    served.share(&Scope::of(job), &record.spec, &input).await?;
    // The image may have been removed from here since; its limit only guards against greedy workers.
    let output = data
        .image(&record.spec.image)
        .map(|(image, _)| image.limits.output);
    let limit = output.unwrap_or(sungrid_manifest::limits::OUTPUT_BYTES);
    Requester::new(chain, served, folder, record, input, limit)
}

/// The record of a job. One whose submission was cut off is found on chain by its terms.
async fn find(
    data: &DataFolder,
    chain: &dyn Chain,
    job: JobId,
) -> Result<(JobFolder, JobRecord), Error> {
    let genesis = chain.genesis();
    let missing = match data.job(&genesis, job) {
        Err(error @ Error::NotOurs { .. }) => error,
        other => return other,
    };
    let Some(on_chain) = chain.job(job).await? else {
        return Err(Error::UnknownJob(job));
    };
    if let Some(series) = on_chain.series
        && data.job(&genesis, series).is_ok()
    {
        return Err(Error::Usage(format!(
            "job {job} is one of series {series}: run `sungrid job watch {series}`"
        )));
    }
    let same = |record: &JobRecord| {
        record.genesis == genesis
            && record.job.is_none()
            && record.requester == on_chain.requester
            && record.spec == on_chain.spec
    };
    let Some((folder, mut record)) = data.jobs()?.into_iter().find(|(_, record)| same(record))
    else {
        return Err(missing);
    };
    record.job = Some(job);
    folder.save(&record)?;
    Ok((folder, record))
}

/// A finished job and where its results are.
pub(super) struct Done {
    pub(super) summary: Summary,
    pub(super) folder: JobFolder,
    pub(super) record: JobRecord,
}

/// Follows a job until it ends or the user stops; either way the requester is shut down.
pub(super) async fn follow(context: &Context, requester: Requester) -> Result<Done, Error> {
    let job = requester.job();
    let done = follow_until(context, requester, stop_signal()).await;
    if matches!(done, Err(Error::Interrupted)) {
        context.out.note(format!(
            "job {job} goes on, but workers cannot get its inputs from here any more: run `sungrid job watch {job}` to \
             serve and collect, or `sungrid job cancel {job}` to stop it and get the rest of the escrow back"
        ));
    }
    done
}

/// The same with another reason to stop.
pub(super) async fn follow_until(
    context: &Context,
    mut requester: Requester,
    stop: impl Future<Output = ()>,
) -> Result<Done, Error> {
    requester.set_gossip(!context.global.no_gossip);
    let units = requester.record().spec.units;
    let mut display = Display::new(context.out, units, context.global.events);
    let result = {
        let mut show = |update: &_| display.show(update);
        tokio::select! {
            result = requester.follow(&mut show) => result,
            () = stop => Err(Error::Interrupted),
        }
    };
    display.finish();
    let (folder, record) = (requester.folder().clone(), requester.record().clone());
    requester.shutdown().await;
    Ok(Done {
        summary: result?,
        folder,
        record,
    })
}

/// Completes on Ctrl-C or TERM.
pub async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Without handlers, the default action of the signals ends the process, which is as good.
        if let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Prints how a job ended, and fails if it was no success.
fn report(context: &Context, done: &Done, copy_to: Option<&Path>) -> Result<(), Error> {
    match (copy_to, &done.record.task) {
        (None, Task::Picture { picture }) => {
            return super::render::finish(context, done, picture);
        }
        (None, Task::Map { out, flat }) => return super::map::finish(context, done, out, *flat),
        _ => {}
    }
    if let Some(target) = copy_to {
        folder::copy(&done.folder.outputs(), target)?;
    }
    #[derive(Serialize)]
    struct Report<'a> {
        #[serde(flatten)]
        summary: &'a Summary,
        outputs: PathBuf,
        receipts: PathBuf,
    }
    let outputs = copy_to.map_or_else(|| done.folder.outputs(), Path::to_owned);
    let report = Report {
        summary: &done.summary,
        outputs,
        receipts: done.folder.receipts(),
    };
    let summary = done.summary.clone();
    let failure = summary.clone().complete().err();
    context.out.result(&report, || {
        format!(
            "job {} {}: {} of {} units verified, {} paid, {}\noutputs   {}\nreceipts  {} ({} of {}; check them with \
             `sungrid receipt verify`)",
            summary.job,
            summary.state,
            summary.verified,
            summary.units,
            units::isc(summary.paid_planck),
            units::fuel(summary.fuel),
            report.outputs.display(),
            done.folder.path().display(),
            summary.bundles.0,
            summary.bundles.1,
        )
    });
    failure.map_or(Ok(()), Err)
}

async fn collect(
    context: &Context,
    job: JobId,
    out: Option<PathBuf>,
    receipt: bool,
) -> Result<(), Error> {
    let chain = context.chain().await?;
    if let Some(on_chain) = chain.job(job).await?
        && !on_chain.state.has_ended()
    {
        return Err(Error::Usage(format!(
            "job {job} is still {}: run `sungrid job watch {job}` to serve it and receive results as they come",
            state_name(&on_chain)
        )));
    }
    let requester = open_job(&context.data, chain, job).await?;
    let done = follow(context, requester).await?;
    if receipt && done.summary.unfetched.is_empty() {
        service::acknowledge(context, &done).await?;
    }
    report(context, &done, out.as_deref())
}

async fn show(context: &Context, job: JobId) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        job: JobId,
        image: String,
        #[serde(flatten)]
        record: &'a Job,
        waits_for: Vec<String>,
        folder: Option<PathBuf>,
        /// Whether its inputs and outputs are encrypted, if it was submitted from here.
        encrypted: Option<bool>,
    }
    let chain = context.chain().await?;
    let record = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
    let explained = chain.explain(job).await?;
    let mut waits_for = explained
        .filter(Explanation::waits)
        .map(|explained| explain::reasons(&explained.survey, explained.replicas, &record.spec))
        .unwrap_or_default();
    waits_for.extend(explain::missing_input(job, &chain.declines(job).await?));
    let batches = chain.batches(Some(job)).await?;
    waits_for.extend(explain::standing(&record.spec.policy, &batches));
    let folder = context.data.job(&chain.genesis(), job).ok();
    let folder = folder.map(|(folder, _)| folder);
    let encrypted = match &folder {
        Some(folder) => Some(folder.key()?.is_some()),
        None => None,
    };
    let folder = folder.map(|folder| folder.path().to_owned());
    let shown = Shown {
        job,
        image: image_cid(&record.spec.image),
        record: &record,
        waits_for,
        folder,
        encrypted,
    };
    context.out.result(&shown, || {
        let spec = &record.spec;
        let mut lines = vec![
            format!("job {job}, {}", state_name(&record)),
            format!("requester  {}", record.requester),
            format!("image      {}", shown.image),
            format!(
                "units      {} in {} batches of {}, {}",
                spec.units,
                spec.batches(),
                spec.batch_size,
                units::policy(&spec.policy)
            ),
            format!(
                "limits     {}, {} of memory and {} in and out per unit",
                units::fuel(spec.fuel_limit.into()),
                units::bytes(spec.memory_limit),
                units::bytes(spec.traffic_limit)
            ),
            format!("price      {} per SUNS·hour", units::isc(record.price)),
            format!(
                "batches    {} settled, {} in flight, {} failed",
                record.settled, record.in_flight, record.failed
            ),
            format!(
                "money      {} paid, {} in escrow",
                units::isc(record.paid),
                units::isc(record.escrow)
            ),
            format!("ends       at block {} in any case", spec.deadline),
        ];
        if let Some(after) = spec.after {
            lines.push(format!("after      job {after}, whose outputs it gets"));
        }
        if let Some(folder) = &shown.folder {
            lines.push(format!("folder     {}", folder.display()));
            if shown.encrypted == Some(true) {
                lines.push(format!("encrypted  with the key in its folder, {KEY_FILE}"));
            }
        }
        lines.extend(
            shown
                .waits_for
                .iter()
                .map(|reason| format!("waits for  {reason}")),
        );
        lines.join("\n")
    });
    Ok(())
}
