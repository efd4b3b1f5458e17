//! What the chain knows of those who have left.

use sungrid_chain_client::{AccountId, Call, Chain, Keypair, SubmitError, Until};

use crate::Error;

/// Has the trust in these worker keys forgotten, and the ratings of those of them that were operators. Returns of whom something
/// was known.
///
/// # Errors
/// Those of the chain, such as that somebody is still there.
pub async fn forget(
    chain: &dyn Chain,
    key: &Keypair,
    accounts: &[AccountId],
) -> Result<Vec<AccountId>, Error> {
    let mut forgotten = Vec::new();
    for account in accounts {
        let mut known = false;
        for call in [Call::ForgetTrust, Call::ForgetRating] {
            known |= is_done(chain, key, call(account.clone())).await?;
        }
        if known {
            forgotten.push(account.clone());
        }
    }
    Ok(forgotten)
}

async fn is_done(chain: &dyn Chain, key: &Keypair, call: Call) -> Result<bool, Error> {
    match chain.submit(key, call, Until::InBlock).await {
        Ok(_) => Ok(true),
        Err(SubmitError::Dispatch(refusal)) if refusal.error == "NothingToForget" => Ok(false),
        Err(error) => Err(error.into()),
    }
}
