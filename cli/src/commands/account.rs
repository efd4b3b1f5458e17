//! `sungrid account` and `sungrid rewards`.

use std::str::FromStr;

use serde::Serialize;
use sungrid_chain_client::{AccountId, Call, Until};

use crate::{Error, args::RewardsCommand, context::Context, units};

pub(super) fn address(context: &Context, given: Option<String>) -> Result<AccountId, Error> {
    match given {
        None => Ok(context.key()?.account()),
        Some(text) => AccountId::from_str(&text).map_err(|_| {
            Error::Usage(format!(
                "`{text}` is no address: give it in SS58, as `sungrid account` prints yours"
            ))
        }),
    }
}

pub(super) async fn show(context: &Context, given: Option<String>) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Shown {
        account: String,
        free_planck: u128,
        held_planck: u128,
        frozen_planck: u128,
        pending_rewards_planck: u128,
    }
    let account = address(context, given)?;
    let chain = context.chain().await?;
    let balance = chain.account(&account).await?;
    let shown = Shown {
        account: account.to_string(),
        free_planck: balance.free,
        held_planck: balance.held,
        frozen_planck: balance.frozen,
        pending_rewards_planck: chain.pending_rewards(&account).await?,
    };
    context.out.result(&shown, || {
        let mut text = format!(
            "{}\nfree             {}\nheld             {}\npending rewards  {}",
            shown.account,
            units::isc(shown.free_planck),
            units::isc(shown.held_planck),
            units::isc(shown.pending_rewards_planck)
        );
        if shown.frozen_planck > 0 {
            text += &format!("\nfrozen (of free) {}", units::isc(shown.frozen_planck));
        }
        text
    });
    Ok(())
}

pub(super) async fn rewards(context: &Context, command: RewardsCommand) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Pending {
        account: String,
        pending_planck: u128,
        round: u32,
        round_income_planck: u128,
    }
    #[derive(Serialize)]
    struct Claimed {
        account: String,
        claimed_planck: u128,
    }
    match command {
        RewardsCommand::Show { address: given } => {
            let account = address(context, given)?;
            let chain = context.chain().await?;
            let round = chain.round().await?;
            let pending = Pending {
                account: account.to_string(),
                pending_planck: chain.pending_rewards(&account).await?,
                round: round.number,
                round_income_planck: round.payments.saturating_add(round.fees),
            };
            context.out.result(&pending, || {
                format!(
                    "{} pending for {}; round {} has taken in {} so far",
                    units::isc(pending.pending_planck),
                    pending.account,
                    pending.round,
                    units::isc(pending.round_income_planck)
                )
            });
        }
        RewardsCommand::Claim => {
            let key = context.key()?;
            let chain = context.chain().await?;
            let pending = chain.pending_rewards(&key.account()).await?;
            let mut claimed = Claimed {
                account: key.account().to_string(),
                claimed_planck: 0,
            };
            // A claim of nothing would only cost its fee.
            if pending > 0 {
                let included = chain
                    .submit(&key, Call::ClaimRewards, Until::InBlock)
                    .await?;
                claimed.claimed_planck = included.rewards();
            }
            context
                .out
                .result(&claimed, || match claimed.claimed_planck {
                    0 => format!("nothing is pending for {}", claimed.account),
                    amount => format!("{} paid to {}", units::isc(amount), claimed.account),
                });
        }
    }
    Ok(())
}
