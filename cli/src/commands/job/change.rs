//! Calls that change a job: `raise`, `cancel`, `challenge`.

use serde::Serialize;
use sungrid_chain_client::{Call, Until};
use sungrid_primitives::{BatchIndex, JobId};

use crate::{Error, context::Context, requester::state_name, units};

pub(super) async fn cancel(context: &Context, job: JobId) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Cancelled {
        job: JobId,
        state: String,
        in_flight: u32,
    }
    let key = context.key()?;
    let chain = context.chain().await?;
    let Some(before) = chain.job(job).await? else {
        return super::series::cancel(context, job).await;
    };
    if !before.is_open_to_orders() {
        return Err(Error::Usage(format!(
            "job {job} is {}: only an open or pending job can be cancelled",
            state_name(&before)
        )));
    }
    if before.requester != key.account() {
        return Err(Error::Usage(format!(
            "job {job} belongs to {}, your key is {}: give its key",
            before.requester,
            key.account()
        )));
    }
    chain
        .submit(&key, Call::CancelJob(job), Until::InBlock)
        .await?;
    let after = chain.job(job).await?.unwrap_or(before);
    let cancelled = Cancelled {
        job,
        state: state_name(&after),
        in_flight: after.in_flight,
    };
    context.out.result(&cancelled, || match cancelled.in_flight {
        0 => format!("job {job} is {}; the rest of its escrow is free again", cancelled.state),
        n => format!(
            "job {job} is {}: {n} batches that workers have begun will be completed and paid; run `sungrid job watch {job}` \
             to receive them",
            cancelled.state
        ),
    });
    Ok(())
}

pub(super) async fn raise(context: &Context, job: JobId, price: u128) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Raised {
        job: JobId,
        price_planck: u128,
        added_planck: u128,
        batches: u32,
    }
    let key = context.key()?;
    let chain = context.chain().await?;
    let before = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
    let call = Call::RaiseBid { job, price };
    chain.submit(&key, call, Until::InBlock).await?;
    let after = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
    let raised = Raised {
        job,
        price_planck: price,
        added_planck: after.escrow.saturating_sub(before.escrow),
        batches: after.unclaimed(),
    };
    context.out.result(&raised, || {
        format!(
            "job {job} bids {} per SUNS·hour for what is claimed from now on: {} batches that nobody has begun, and those that \
             lack a worker; {} more are in escrow",
            units::isc(price),
            raised.batches,
            units::isc(raised.added_planck)
        )
    });
    Ok(())
}

pub(super) async fn challenge(
    context: &Context,
    job: JobId,
    batch: BatchIndex,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Challenged {
        job: JobId,
        batch: BatchIndex,
    }
    let key = context.key()?;
    let chain = context.chain().await?;
    chain
        .submit(&key, Call::Challenge { job, batch }, Until::InBlock)
        .await?;
    context.out.result(&Challenged { job, batch }, || {
        format!(
            "batch {batch} of job {job} is challenged: two operators will be drawn to compute it again. They need its \
             inputs: keep `sungrid job watch {job}` running"
        )
    });
    Ok(())
}
