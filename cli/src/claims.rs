//! Claims of capacity that nobody has opened: whoever ends one has a bounty of the slash.

use sungrid_chain_client::{AccountId, Call, Chain, Keypair, Run, SubmitError, Until};

use crate::Error;

/// Settles the claims of these workers, or, if none is named, of all whose claim cannot be opened any more. Returns whose it
/// has settled.
///
/// # Errors
/// Those of the chain; that there is nothing to settle only of a worker that was named.
pub async fn settle(
    chain: &dyn Chain,
    key: &Keypair,
    named: &[AccountId],
) -> Result<Vec<AccountId>, Error> {
    let workers = match named {
        [] => overdue(chain).await?,
        named => named.to_vec(),
    };
    let mut settled = Vec::new();
    for worker in workers {
        let call = Call::SettleProof(worker.clone());
        match chain.submit(key, call, Until::InBlock).await {
            Ok(_) => settled.push(worker),
            // Somebody else was faster.
            Err(SubmitError::Dispatch(_)) if named.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(settled)
}

/// All whose claim cannot be opened any more.
async fn overdue(chain: &dyn Chain) -> Result<Vec<AccountId>, Error> {
    let mut overdue = Vec::new();
    for (worker, _) in chain.workers().await? {
        let run = chain.standing(&worker).await?.and_then(|it| it.run);
        // From the block on that is made now.
        if matches!(run, Some(Run::Committed { until, .. }) if until <= chain.head().await?.number)
        {
            overdue.push(worker);
        }
    }
    Ok(overdue)
}
