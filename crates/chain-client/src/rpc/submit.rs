//! Signing, submitting and following a transaction.

use subxt::{
    SubstrateConfig,
    config::DefaultExtrinsicParamsBuilder,
    dynamic,
    error::{BackendError, DispatchError, ExtrinsicError, RpcError},
    tx::{Signer, TransactionProgress, TransactionStatus},
    utils::{AccountId32, MultiSignature},
};

use super::{At, RpcChain, arguments, broken, events, rpc_broken, to_h256, unreadable};
use crate::{
    BlockRef, Call, ChainError, DispatchFailure, Event, Included, Keypair, MORTALITY, SubmitError,
    Until, advice,
};

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
        let progress = self.enter_pool(key, &call, &label).await?;
        let transaction = to_h256(progress.extrinsic_hash());
        if until == Until::InPool {
            // Somebody must notice if it does not make it, or the next nonce would wait for ever.
            let (chain, key) = (self.clone(), key.clone());
            tokio::spawn(async move {
                if let Err(error) = chain.follow(progress, Until::InBlock, &label).await {
                    tracing::debug!(call = label, %error, "a transaction did not make it");
                    chain.forget_nonce(&key).await;
                }
            });
            return Ok(Included {
                transaction,
                block: None,
                events: Vec::new(),
            });
        }
        let result = self.follow(progress, until, &label).await;
        if let Err(SubmitError::Dropped { .. } | SubmitError::Unknown { .. }) = &result {
            self.forget_nonce(key).await;
        }
        let (block, events) = result?;
        Ok(Included {
            transaction,
            block: Some(block),
            events,
        })
    }

    async fn forget_nonce(&self, key: &Keypair) {
        *self.nonce_of(key).lock().await = None;
    }

    /// Brings a transaction into the pool. One at a time per key, so that nonces come without gaps.
    async fn enter_pool(
        &self,
        key: &Keypair,
        call: &Call,
        label: &str,
    ) -> Result<Progress, SubmitError> {
        let nonce = self.nonce_of(key);
        let mut next = nonce.lock().await;
        let (pallet, name) = call.name();
        let payload = dynamic::tx(pallet, name, arguments::arguments(call));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let at = self.at().await?;
            let link = self.inner.nodes.serial();
            let number = match *next {
                Some((counted, number)) if counted == link => number,
                _ => {
                    let account = AccountId32(key.public());
                    self.inner
                        .rpc
                        .system_account_next_index(&account)
                        .await
                        .map_err(|error| SubmitError::Chain(rpc_broken(error)))?
                }
            };
            let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
                .nonce(number)
                .mortal(MORTALITY.into())
                .build();
            let signed = at.transactions().create_signed(&payload, key, params).await;
            let signed =
                signed.map_err(|error| SubmitError::Chain(incompatible(&at, label, error)))?;
            match signed.submit_and_watch().await {
                Ok(progress) => {
                    *next = Some((link, number + 1));
                    return Ok(progress);
                }
                Err(error) => {
                    *next = None;
                    let reason = spoken(&error);
                    let refusal = Refusal::of(&reason);
                    if refusal == Refusal::Nonce && attempt < ATTEMPTS {
                        tracing::debug!(call = label, number, "nonce taken, signing again");
                        continue;
                    }
                    return Err(refusal.error(label, key, reason, broken(error)));
                }
            }
        }
    }

    async fn follow(
        &self,
        mut progress: Progress,
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
            match progress.next().await {
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

    fn error(self, label: &str, key: &Keypair, reason: String, error: ChainError) -> SubmitError {
        match (self, error) {
            (Self::Payment, _) => SubmitError::CannotPay {
                signer: key.account().to_string(),
                call: label.into(),
            },
            (_, ChainError::Disconnected(reason)) => SubmitError::Unknown {
                call: label.into(),
                reason,
            },
            (Self::NoRoom, _) => SubmitError::Dropped {
                call: label.into(),
                reason,
            },
            _ => SubmitError::Rejected {
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

/// The pool's answer to a dry run, in words; used by nothing but tests of the texts above.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pools_refusals_are_told_apart() {
        let texts = [
            (
                "1010: Invalid Transaction: Transaction is outdated",
                Refusal::Nonce,
            ),
            ("1014: Priority is too low: (10 vs 10)", Refusal::Nonce),
            ("1013: Transaction Already Imported", Refusal::Nonce),
            (
                "1010: Invalid Transaction: Inability to pay some fees (e.g. account balance too low)",
                Refusal::Payment,
            ),
            (
                "1010: Invalid Transaction: Transaction would exhaust the block limits",
                Refusal::NoRoom,
            ),
            (
                "1010: Invalid Transaction: Transaction has a bad signature",
                Refusal::Other,
            ),
        ];
        for (text, expected) in texts {
            assert_eq!(Refusal::of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_failed_call_says_what_to_do() {
        let failure = failure(DispatchError::BadOrigin);
        assert_eq!(failure.error, "BadOrigin");
        assert!(failure.to_string().contains("may not"));
    }

    #[test]
    fn transactions_are_mortal() {
        assert!(
            MORTALITY.is_power_of_two(),
            "eras round up to a power of two"
        );
    }
}
