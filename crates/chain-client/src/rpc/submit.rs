//! Signing, submitting and following a transaction.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sp_core::H256;
use subxt::{
    SubstrateConfig,
    config::DefaultExtrinsicParamsBuilder,
    dynamic,
    error::{BackendError, DispatchError, ExtrinsicError, RpcError},
    tx::{Signer, TransactionProgress, TransactionStatus},
    utils::{AccountId32, MultiSignature},
};

use super::{At, RpcChain, Sent, arguments, broken, events, rpc_broken, to_h256, unreadable};
use crate::{
    BlockRef, Call, ChainError, DispatchFailure, Event, Included, Keypair, MORTALITY, SubmitError,
    Until, advice,
};

/// A transaction of which nothing was heard for that long is looked for: some blocks. Shorter, and busy nodes are asked for nothing; longer,
/// and deadlines come near.
const SILENCE: Duration = Duration::from_secs(15);
/// Signing again with a fresh nonce, after another client used ours. More would only hide a real fault.
const ATTEMPTS: u32 = 4;

type Progress =
    TransactionProgress<SubstrateConfig, subxt::client::OnlineClientAtBlockImpl<SubstrateConfig>>;

impl Signer<SubstrateConfig> for Keypair {
    fn account_id(&self) -> AccountId32 {
        AccountId32(self.public())
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        MultiSignature::Sr25519(Keypair::sign(self, payload))
    }
}

impl RpcChain {
    pub(super) async fn send(
        &self,
        key: &Keypair,
        call: Call,
        until: Until,
    ) -> Result<Included, SubmitError> {
        let (pallet, name) = call.name();
        let label = format!("{pallet}.{name}");
        let sent = self.sent_by(key);
        let (progress, on_its_way) = self.enter_pool(key, &sent, &call, &label).await?;
        let transaction = to_h256(progress.extrinsic_hash());
        if until == Until::InPool {
            // Somebody must notice if it does not make it, or the next nonce would wait for ever.
            let chain = self.clone();
            tokio::spawn(async move {
                if let Err(error) = chain
                    .follow(progress, &on_its_way, Until::InBlock, &label)
                    .await
                {
                    tracing::debug!(call = label, %error, "a transaction did not make it");
                    sent.next.lock().await.take();
                }
            });
            return Ok(Included {
                transaction,
                block: None,
                events: Vec::new(),
            });
        }
        let result = self.follow(progress, &on_its_way, until, &label).await;
        drop(on_its_way);
        if let Err(SubmitError::Dropped { .. } | SubmitError::Unknown { .. }) = &result {
            sent.next.lock().await.take();
        }
        let (block, events) = result?;
        Ok(Included {
            transaction,
            block: Some(block),
            events,
        })
    }

    /// The nonce that a transaction of an account would have after those that are in the pool of the node.
    async fn next_index(&self, account: &AccountId32) -> Result<u64, ChainError> {
        let asked = self.inner.rpc.system_account_next_index(account).await;
        asked.map_err(rpc_broken)
    }

    /// The block that a transaction is signed upon: the last final one, so that it holds on whichever fork the chain goes on. Signed upon a
    /// block that is given up it would be invalid, and whatever it did lost. Where nothing has become final for as long as a transaction
    /// lives half, it is the best block: a transaction that is too old is invalid as well.
    async fn birth(&self, at: &At) -> Result<(u64, H256), ChainError> {
        let rpc = &self.inner.rpc;
        let hash = rpc.chain_get_finalized_head().await.map_err(rpc_broken)?;
        let header = rpc.chain_get_header(Some(hash)).await.map_err(rpc_broken)?;
        let best = (at.block_number(), at.block_hash());
        Ok(header
            .map(|header| (header.number, hash))
            .filter(|(number, _)| number + u64::from(MORTALITY) / 2 >= best.0)
            .unwrap_or(best))
    }

    /// Brings a transaction into the pool. One at a time per key, so that nonces come without gaps.
    async fn enter_pool(
        &self,
        key: &Keypair,
        sent: &Arc<Sent>,
        call: &Call,
        label: &str,
    ) -> Result<(Progress, OnItsWay), SubmitError> {
        let mut next = sent.next.lock().await;
        let (pallet, name) = call.name();
        let payload = dynamic::tx(pallet, name, arguments::arguments(call));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let at = self.at().await?;
            let link = self.inner.nodes.serial();
            let account = AccountId32(key.public());
            let asked = self.next_index(&account).await?;
            let counted = next.filter(|(over, _)| *over == link);
            let on_their_way = sent.on_their_way.load(Ordering::Relaxed);
            let number = next_number(counted.map(|(_, number)| number), asked, on_their_way);
            let (born, hash) = self.birth(&at).await?;
            let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
                .nonce(number)
                .mortal_from_unchecked(MORTALITY.into(), born, hash)
                .build();
            let signed = at.transactions().create_signed(&payload, key, params).await;
            let signed =
                signed.map_err(|error| SubmitError::Chain(incompatible(&at, label, error)))?;
            match signed.submit_and_watch().await {
                Ok(progress) => {
                    *next = Some((link, number + 1));
                    return Ok((progress, OnItsWay::new(sent.clone(), account, number)));
                }
                Err(error) => {
                    *next = None;
                    let reason = spoken(&error);
                    if is_open(&error) {
                        // The next nonce is the node's to say: it knows whether it has this one.
                        return Err(SubmitError::Unknown {
                            call: label.into(),
                            reason,
                        });
                    }
                    let refusal = Refusal::of(&reason);
                    if refusal == Refusal::Nonce && attempt < ATTEMPTS {
                        tracing::debug!(call = label, number, "nonce taken, signing again");
                        continue;
                    }
                    return Err(refusal.error(label, key, reason));
                }
            }
        }
    }

    async fn follow(
        &self,
        mut progress: Progress,
        on_its_way: &OnItsWay,
        until: Until,
        label: &str,
    ) -> Result<(BlockRef, Vec<Event>), SubmitError> {
        let unknown = |reason: String| SubmitError::Unknown {
            call: label.into(),
            reason,
        };
        let dropped = |reason: String| SubmitError::Dropped {
            call: label.into(),
            reason,
        };
        let block = loop {
            let Ok(status) = tokio::time::timeout(SILENCE, progress.next()).await else {
                // What waits behind a nonce that a given up fork left free would wait until it dies.
                match self.next_index(&on_its_way.account).await {
                    Ok(next) if next > on_its_way.number => continue,
                    Ok(_) => return Err(unknown("a transaction before it is missing".into())),
                    Err(error) => return Err(unknown(error.to_string())),
                }
            };
            match status {
                None => return Err(unknown("the node said no more about it".into())),
                Some(Err(error)) => return Err(unknown(error.to_string())),
                Some(Ok(TransactionStatus::InBestBlock(block))) if until != Until::Finalised => {
                    break block;
                }
                Some(Ok(TransactionStatus::InFinalizedBlock(block))) => break block,
                Some(Ok(
                    TransactionStatus::Error { message }
                    | TransactionStatus::Invalid { message }
                    | TransactionStatus::Dropped { message },
                )) => return Err(dropped(message)),
                Some(Ok(_)) => {}
            }
        };
        let hash = block.block_hash();
        let found = block
            .fetch_events()
            .await
            .map_err(|error| unknown(error.to_string()))?;
        let at = block
            .at()
            .await
            .map_err(|error| unknown(error.to_string()))?;
        let mut happened = Vec::new();
        for event in found.iter() {
            let event = event.map_err(|error| unreadable("events", error))?;
            if event.pallet_name() == "System" && event.event_name() == "ExtrinsicFailed" {
                let error = DispatchError::decode_from(event.field_bytes(), at.metadata())
                    .map_err(|error| unreadable("a dispatch error", error))?;
                return Err(SubmitError::Dispatch(failure(error)));
            }
            happened.push(events::decode(&event)?);
        }
        let block = BlockRef {
            number: at.block_number() as u32,
            hash: to_h256(hash),
        };
        Ok((block, happened))
    }
}

/// Counts as a transaction on its way as long as it lives.
struct OnItsWay {
    sent: Arc<Sent>,
    account: AccountId32,
    number: u64,
}

impl OnItsWay {
    fn new(sent: Arc<Sent>, account: AccountId32, number: u64) -> Self {
        sent.on_their_way.fetch_add(1, Ordering::Relaxed);
        Self {
            sent,
            account,
            number,
        }
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.sent.on_their_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The nonce to sign with, of that which was `counted` here and that which the node says, whose pool may take a moment to notice what it
/// has. If it lacks more than is on its way, a fork was given up with transactions that nobody sends again: counted on behind that gap, all
/// others would wait for it until they die.
fn next_number(counted: Option<u64>, asked: u64, on_their_way: u64) -> u64 {
    counted
        .filter(|counted| (asked..=asked.saturating_add(on_their_way)).contains(counted))
        .unwrap_or(asked)
}

/// A call that does not encode means that the runtime names it differently.
fn incompatible(at: &At, label: &str, error: ExtrinsicError) -> ChainError {
    let text = error.to_string();
    let error = broken(error);
    if error.is_retryable() && !text.contains("ncode") && !text.contains("not found") {
        return error;
    }
    ChainError::Incompatible {
        missing: format!("call {label} as this client makes it ({text})"),
        spec_version: at.spec_version(),
    }
}

/// What the node said, without the layers around it. The reason is in the error's data, which no layer shows.
fn spoken(error: &ExtrinsicError) -> String {
    let ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(RpcError::ClientError(
        subxt_rpcs::Error::User(user),
    ))) = error
    else {
        return error.to_string();
    };
    match &user.data {
        Some(data) => format!("{}: {}", user.message, data.get().trim_matches('"')),
        None => user.message.clone(),
    }
}

/// Whether a transaction may be in the pool all the same: it was sent, and the node did not say no. A connection that breaks
/// loses the answer, not what was asked, and neither does a node that takes too long.
fn is_open(error: &ExtrinsicError) -> bool {
    let ExtrinsicError::ErrorSubmittingTransaction(error) = error else {
        return false;
    };
    !matches!(
        error,
        BackendError::Rpc(RpcError::ClientError(
            subxt_rpcs::Error::User(_)
                | subxt_rpcs::Error::Serialization(_)
                | subxt_rpcs::Error::InsecureUrl(_)
        ))
    )
}

/// Why a pool refuses a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The nonce is used, or another transaction with it pays better.
    Nonce,
    /// The signer cannot pay.
    Payment,
    /// There is no room now: the block is full, or a worker key has made all the free calls that its bond is good
    /// for.
    NoRoom,
    /// Anything else.
    Other,
}

impl Refusal {
    /// Nodes answer with code 1010 and a text from the transaction-validity errors, 1014 when the same
    /// nonce is in the pool, 1013 when this very transaction is.
    fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let has = |part: &str| lower.contains(part);
        if has("outdated")
            || has("stale")
            || has("priority is too low")
            || has("already imported")
            || has("ancient birth block")
        {
            Self::Nonce
        } else if has("inability to pay") || has("payment") {
            Self::Payment
        } else if has("exhaust") {
            Self::NoRoom
        } else {
            Self::Other
        }
    }

    fn error(self, label: &str, key: &Keypair, reason: String) -> SubmitError {
        match self {
            Self::Payment => SubmitError::CannotPay {
                signer: key.account().to_string(),
                call: label.into(),
            },
            // Its nonce: another client of this key is faster, or the node does not count its last transaction yet. It never was in the
            // pool, and may be tried again.
            Self::NoRoom | Self::Nonce => SubmitError::Dropped {
                call: label.into(),
                reason,
            },
            Self::Other => SubmitError::Rejected {
                call: label.into(),
                reason,
            },
        }
    }
}

fn failure(error: DispatchError) -> DispatchFailure {
    let (pallet, name, docs) = match &error {
        DispatchError::Module(module) => match module.details() {
            Ok(details) => (
                details.pallet.name().to_owned(),
                details.variant.name.clone(),
                details.variant.docs.join(" "),
            ),
            Err(_) => ("Runtime".into(), error.to_string(), String::new()),
        },
        DispatchError::Token(token) => ("Token".into(), format!("{token:?}"), token.to_string()),
        DispatchError::BadOrigin => (
            "Runtime".into(),
            "BadOrigin".into(),
            "this account may not make this call".into(),
        ),
        other => ("Runtime".into(), format!("{other:?}"), other.to_string()),
    };
    let docs = docs.trim().to_owned();
    let advice = advice::advice(&pallet, &name).map_or(docs, str::to_owned);
    DispatchFailure {
        advice: if advice.is_empty() {
            "the call failed".into()
        } else {
            advice
        },
        pallet,
        error: name,
    }
}

#[cfg(test)]
mod tests;
