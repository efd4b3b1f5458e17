//! Series of jobs: ordered, followed, cancelled.

use std::path::PathBuf;

use futures::StreamExt;
use serde::Serialize;
use sungrid_chain_client::{Call, Follow, Until};
use sungrid_primitives::JobId;

use super::{follow, stop_signal};
use crate::{Error, context::Context, requester::Summary, series::Follower};

/// The series of this number that was ordered from here, if it is one.
pub(super) async fn folder(context: &Context, series: JobId) -> Result<Option<Follower>, Error> {
    let chain = context.chain().await?;
    let Ok((folder, record)) = context.data.job(&chain.genesis(), series) else {
        return Ok(None);
    };
    if !record.recurs {
        return Ok(None);
    }
    let output = context.data.image(&record.spec.image);
    let limit = output.map_or(sungrid_manifest::limits::OUTPUT_BYTES, |(image, _)| {
        image.limits.output
    });
    Follower::new(chain, folder, limit).map(Some)
}

/// Says that a series is on chain, and follows it if that is wanted.
pub(super) async fn submitted(
    context: &Context,
    follower: Follower,
    no_watch: bool,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Submitted {
        series: JobId,
        folder: PathBuf,
    }
    let submitted = Submitted {
        series: follower.series(),
        folder: follower.folder().path().to_owned(),
    };
    if no_watch {
        context.out.result(&submitted, || {
            format!(
                "series {0} is ordered; its workers need its inputs: run `sungrid job watch {0}`",
                submitted.series
            )
        });
        return Ok(());
    }
    context
        .out
        .note(format!("series {} is ordered", submitted.series));
    watch(context, follower).await
}

/// Follows the jobs of a series one after the other, until nothing more starts.
pub(super) async fn watch(context: &Context, follower: Follower) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Watched {
        series: JobId,
        folder: PathBuf,
        jobs: Vec<Summary>,
    }
    let chain = context.chain().await?;
    let mut blocks = chain.blocks(Follow::Best).await?;
    let mut jobs = Vec::new();
    loop {
        // Asked first: what starts meanwhile is among the jobs.
        let over = follower.is_over().await?;
        while let Some(requester) = follower.next().await? {
            let done = follow(context, requester).await?;
            context.out.event(&done.summary);
            context.out.note(format!(
                "job {} {}: {} of {} units verified; outputs {}",
                done.summary.job,
                done.summary.state,
                done.summary.verified,
                done.summary.units,
                done.folder.outputs().display()
            ));
            jobs.push(done.summary);
        }
        if over {
            break;
        }
        tokio::select! {
            block = blocks.next() => match block {
                Some(_) => {}
                None => blocks = chain.blocks(Follow::Best).await?,
            },
            () = stop_signal() => return Err(Error::Interrupted),
        }
    }
    let watched = Watched {
        series: follower.series(),
        folder: follower.folder().path().to_owned(),
        jobs,
    };
    context.out.result(&watched, || {
        format!(
            "series {} is over; {} of its jobs were followed, their folders are below {}",
            watched.series,
            watched.jobs.len(),
            watched.folder.display()
        )
    });
    Ok(())
}

/// Ends a series; jobs that it has started go on.
pub(super) async fn cancel(context: &Context, series: JobId) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Cancelled {
        series: JobId,
        left: u32,
    }
    let key = context.key()?;
    let chain = context.chain().await?;
    let all = chain.series().await?;
    let (_, record) = all
        .into_iter()
        .find(|(id, _)| *id == series)
        .ok_or(Error::UnknownJob(series))?;
    chain
        .submit(&key, Call::CancelJob(series), Until::InBlock)
        .await?;
    let cancelled = Cancelled {
        series,
        left: record.left,
    };
    context.out.result(&cancelled, || {
        format!(
            "series {series} is cancelled with {} starts left; jobs that it has started go on",
            cancelled.left
        )
    });
    Ok(())
}
