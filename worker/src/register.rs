//! Makes a worker known to the chain, and keeps its record true.

use futures::StreamExt;
use sungrid_chain_client::{
    AccountId, Attributes, Balance, Call, ChainError, Follow, Keypair, Registration, SubmitError,
    Until, Worker, WorkerState, registration_payload,
};
use sungrid_primitives::{
    ISC,
    suns::Resources,
    traits::{CPU_1_ID, ProfileId},
};
use tracing::{info, warn};

use crate::ports::Ports;

/// Free balance that stays for fees and the existential deposit, planck.
const RESERVE: Balance = ISC / 10;

/// Why a worker cannot join.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The chain cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The chain refused.
    #[error("{what} failed: {source}")]
    Submit {
        /// Which step.
        what: &'static str,
        /// Why.
        source: SubmitError,
    },
    /// Nobody to register it.
    #[error(
        "worker {0} is not registered and no operator key is configured: set `operator` in worker.toml, or let the operator register this key"
    )]
    NoOperator(AccountId),
    /// The chain has given up each block with the registration.
    #[error(
        "worker {0} was registered in blocks that the chain has given up: look whether the node is in sync, and start again"
    )]
    GivenUp(AccountId),
    /// The operator cannot pay the bond.
    #[error(
        "operator {operator} cannot bond this worker: the bond is {bond} and a reserve for fees is kept, but only {free} is free. Transfer at least {missing} to it, or offer less (lanes, memory)"
    )]
    NoFunds {
        /// SS58 address.
        operator: AccountId,
        /// The bond, in ISC.
        bond: Isc,
        /// Free balance, in ISC.
        free: Isc,
        /// What is missing, in ISC.
        missing: Isc,
    },
    /// The chain does not take results of this software.
    #[error(
        "the chain does not accept results of this worker's environment {environment}: update sungrid-worker, or ask for the environment to be accepted"
    )]
    Environment {
        /// Hexadecimal id.
        environment: String,
    },
    /// The profile is gone.
    #[error("the chain has no profile cpu/1: is this a Sungrid chain?")]
    NoProfile,
    /// The machine is too small.
    #[error(
        "this machine has no capacity: lanes, memory, storage and bandwidth must all be above zero"
    )]
    NoCapacity,
}

impl RegisterError {
    /// Whether the chain has to be looked at to know what became of it: a fork that is given up takes transactions with it, and those
    /// behind them wait for a nonce that nobody uses.
    fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Submit {
                source: SubmitError::Unknown { .. } | SubmitError::Dropped { .. },
                ..
            }
        )
    }
}

/// Planck, shown in ISC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isc(pub Balance);

impl std::fmt::Display for Isc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / ISC, self.0 % ISC);
        if rest == 0 {
            return write!(f, "{whole} ISC");
        }
        let digits = format!("{rest:012}");
        write!(f, "{whole}.{} ISC", digits.trim_end_matches('0'))
    }
}

/// What a worker offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Self-declared attributes.
    pub attributes: Attributes,
    /// The machine as measured.
    pub resources: Resources,
    /// Bond in planck; none: the least that the capacity needs.
    pub bond: Option<Balance>,
}

const PROFILE: ProfileId = CPU_1_ID;
/// Times that a step is made that a fork took with it when it was given up. Fewer, and a start fails where validators disagree for a
/// moment.
const TRIES: u32 = 5;

/// Registers the worker if it is not, and otherwise brings address, attributes and environment up to date.
pub async fn ensure(ports: &Ports, offer: &Offer) -> Result<Worker, RegisterError> {
    let environment = ports.runner.environment();
    if !ports.chain.accepts(&environment).await? {
        return Err(RegisterError::Environment {
            environment: format!("{environment:?}"),
        });
    }
    let account = ports.key.account();
    let mut blocks = ports.chain.blocks(Follow::Best).await?;
    let mut given_up = RegisterError::GivenUp(account.clone());
    for _ in 0..TRIES {
        let done = match ports.chain.worker(&account).await? {
            None => register(ports, offer).await,
            Some(worker) => update(ports, offer, &worker).await,
        };
        match (done, ports.chain.worker(&account).await?) {
            (Ok(()), Some(worker)) => return Ok(worker),
            // The fork with its registration was given up. Most come back by themselves.
            (Ok(()), None) => {}
            (Err(error), _) if error.is_open() => {
                warn!(%error, "looking at the chain before trying again");
                given_up = error;
            }
            (Err(error), _) => return Err(error),
        }
        blocks.next().await.transpose()?;
    }
    Err(given_up)
}

async fn register(ports: &Ports, offer: &Offer) -> Result<(), RegisterError> {
    let worker = ports.key.account();
    let Some(operator) = &ports.operator else {
        return Err(RegisterError::NoOperator(worker));
    };
    let chain = &ports.chain;
    let profile = chain
        .profile(PROFILE)
        .await?
        .ok_or(RegisterError::NoProfile)?;
    let capacity = profile.capacity(&offer.resources);
    if capacity == 0 {
        return Err(RegisterError::NoCapacity);
    }
    let least = chain.params().await?.bond_for(capacity);
    let bond = offer.bond.unwrap_or(least).max(least);
    check_funds(ports, &operator.account(), bond).await?;
    let account = operator.account();
    let payload = registration_payload(&chain.genesis(), account.as_ref(), worker.as_ref());
    let registration = Registration {
        worker: worker.clone(),
        endpoint: ports.blobs.endpoint(),
        attributes: offer.attributes.clone(),
        environment: ports.runner.environment(),
        profile: PROFILE,
        resources: offer.resources,
        bond,
        proof: ports.key.sign(&payload),
    };
    let call = Call::Register(Box::new(registration));
    let result = chain.submit(operator, call, Until::InBlock).await;
    let included = match result {
        // Another start of this worker may have been faster, or the answer was lost.
        Err(_) if chain.worker(&worker).await?.is_some() => None,
        result => Some(result.map_err(|source| RegisterError::Submit {
            what: "registering",
            source,
        })?),
    };
    let block = included
        .and_then(|included| included.block)
        .map(|block| block.number);
    info!(%worker, operator = %operator.account(), capacity, bond = %Isc(bond), ?block, "registered");
    Ok(())
}

async fn check_funds(
    ports: &Ports,
    operator: &AccountId,
    bond: Balance,
) -> Result<(), RegisterError> {
    let free = ports.chain.account(operator).await?.free;
    let needed = bond.saturating_add(RESERVE);
    if free >= needed {
        return Ok(());
    }
    Err(RegisterError::NoFunds {
        operator: operator.clone(),
        bond: Isc(bond),
        free: Isc(free),
        missing: Isc(needed - free),
    })
}

/// Declares what is offered now, if it differs by more than a little from what is on chain.
pub(crate) async fn declare(ports: &Ports, offer: &Offer) -> Result<(), RegisterError> {
    match ports.chain.worker(&ports.key.account()).await? {
        Some(worker) if !matches!(worker.state, WorkerState::Leaving { .. }) => {
            adjust(ports, offer, &worker).await
        }
        _ => Ok(()),
    }
}

/// Brings bond and capacity to what the settings and the machine say. A measurement that differs a little
/// is no change: machines are busy now and then.
async fn adjust(ports: &Ports, offer: &Offer, worker: &Worker) -> Result<(), RegisterError> {
    let chain = &ports.chain;
    let account = ports.key.account();
    let profile = chain
        .profile(PROFILE)
        .await?
        .ok_or(RegisterError::NoProfile)?;
    let measured = profile.capacity(&offer.resources);
    let changed = measured.abs_diff(worker.capacity) > worker.capacity / 4 && measured > 0;
    let capacity = if changed { measured } else { worker.capacity };
    // What others delegated counts for the least, not for what the settings want of the operator.
    let least = chain.params().await?.bond_for(capacity);
    let missing = least
        .saturating_sub(worker.backing())
        .max(offer.bond.unwrap_or(0).saturating_sub(worker.bond));
    if missing == 0 && !changed {
        return Ok(());
    }
    let Some(operator) = &ports.operator else {
        warn!(missing = %Isc(missing), "bond or capacity should change: the operator's key is needed for that");
        return Ok(());
    };
    if missing > 0 {
        check_funds(ports, &operator.account(), missing).await?;
        let call = Call::BondMore {
            worker: account.clone(),
            amount: missing,
        };
        submit(ports, operator, call, "bonding more").await?;
        info!(amount = %Isc(missing), bond = %Isc(worker.bond.saturating_add(missing)), "bonded more");
    }
    if changed && measured >= worker.committed {
        let call = Call::SetCapacity {
            worker: account,
            resources: offer.resources,
        };
        submit(ports, operator, call, "declaring the capacity").await?;
        info!(capacity, "capacity changed");
    }
    Ok(())
}

async fn submit(
    ports: &Ports,
    key: &Keypair,
    call: Call,
    what: &'static str,
) -> Result<(), RegisterError> {
    let result = ports.chain.submit(key, call, Until::InBlock).await;
    result
        .map(drop)
        .map_err(|source| RegisterError::Submit { what, source })
}

async fn update(ports: &Ports, offer: &Offer, worker: &Worker) -> Result<(), RegisterError> {
    let account = ports.key.account();
    if worker.environment != ports.runner.environment() {
        let Some(operator) = &ports.operator else {
            return Err(RegisterError::NoOperator(account));
        };
        let call = Call::SetEnvironment {
            worker: account.clone(),
            environment: ports.runner.environment(),
        };
        submit(ports, operator, call, "changing the environment").await?;
        info!("environment changed");
    }
    let endpoint = ports.blobs.endpoint();
    if worker.endpoint != endpoint || worker.attributes != offer.attributes {
        let call = Call::UpdateWorker {
            worker: account,
            endpoint,
            attributes: offer.attributes.clone(),
        };
        // Free for the worker key within its rate; an operator pays for it otherwise.
        let by_worker = ports
            .chain
            .submit(&ports.key, call.clone(), Until::InBlock)
            .await;
        let result = match (by_worker, &ports.operator) {
            (Err(SubmitError::CannotPay { .. }), Some(operator)) => {
                ports.chain.submit(operator, call, Until::InBlock).await
            }
            (result, _) => result,
        };
        result.map_err(|source| RegisterError::Submit {
            what: "changing the address",
            source,
        })?;
        info!("address and attributes changed");
    }
    if !matches!(worker.state, WorkerState::Leaving { .. }) {
        adjust(ports, offer, worker).await?;
    }
    match worker.state {
        WorkerState::Active => {}
        WorkerState::Paused => warn!("this worker is paused: no work is taken until it is resumed"),
        WorkerState::Suspended => {
            warn!(
                "this worker's operator has paused it: no work is taken until the operator resumes it"
            );
        }
        WorkerState::Leaving { until } => warn!(until, "this worker is leaving: no work is taken"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        for (planck, text) in [
            (0, "0 ISC"),
            (ISC, "1 ISC"),
            (ISC / 10, "0.1 ISC"),
            (123 * ISC + 1, "123.000000000001 ISC"),
        ] {
            assert_eq!(Isc(planck).to_string(), text);
        }
    }
}
