//! `sungrid-worker claim`: pays out what the operator has earned.

use sungrid_chain_client::{Call, Chain, Keypair, Until};

use super::{CommandError, page};
use crate::daemon::DaemonError;

/// Claims the operator's rewards and tells how much it was.
pub(super) async fn claim(
    chain: &dyn Chain,
    operator: &Keypair,
    json: bool,
) -> Result<(), CommandError> {
    let account = operator.account();
    let claimed = collect(chain, operator).await?;
    if json {
        let shown = serde_json::json!({
            "operator": account.to_string(),
            "claimed_planck": claimed.to_string(),
        });
        println!("{shown}");
    } else if claimed == 0 {
        println!("nothing to claim for {account}: income is credited when a round closes");
    } else {
        println!("{} paid to {account}", page::isc(&claimed.to_string()));
    }
    Ok(())
}

async fn collect(chain: &dyn Chain, operator: &Keypair) -> Result<u128, CommandError> {
    let pending = chain
        .pending_rewards(&operator.account())
        .await
        .map_err(DaemonError::Chain)?;
    // A claim of nothing would only cost its fee.
    if pending == 0 {
        return Ok(0);
    }
    let included = chain
        .submit(operator, Call::ClaimRewards, Until::InBlock)
        .await?;
    Ok(included.rewards())
}

#[cfg(test)]
mod tests {
    use sp_core::H256;
    use sungrid_chain_client::memory::MemoryChain;
    use sungrid_primitives::ISC;

    use super::*;

    #[tokio::test]
    async fn what_is_pending_is_paid_once() {
        let operator = Keypair::from_uri("//Operator").expect("a development account");
        let account = operator.account();
        let chain = MemoryChain::new(H256::zero(), std::slice::from_ref(&account));
        assert_eq!(collect(&chain, &operator).await.expect("reads"), 0);
        let before = chain.head().await.expect("reads").number;
        assert_eq!(before, 0, "a claim of nothing was sent");
        chain.edit(|state| state.rewards.insert(account.clone(), 3 * ISC));
        assert_eq!(collect(&chain, &operator).await.expect("claims"), 3 * ISC);
        assert_eq!(collect(&chain, &operator).await.expect("reads"), 0);
    }
}
