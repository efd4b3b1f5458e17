//! Connecting, and reading at the best block.

use std::sync::PoisonError;

use super::*;

impl RpcChain {
    /// Connects to a node and makes sure that it serves the right chain.
    ///
    /// # Errors
    /// [`ChainError::BadAddress`], [`ChainError::Unreachable`], [`ChainError::WrongGenesis`] when `expected`
    /// is another chain, [`ChainError::Incompatible`] when it is no Sungrid chain.
    pub async fn connect(url: &str, expected: Option<H256>) -> Result<Self, ChainError> {
        if !url.starts_with("ws://") && !url.starts_with("wss://") {
            return Err(ChainError::BadAddress {
                url: url.into(),
                reason: "it does not start with ws:// or wss://".into(),
            });
        }
        let unreachable = |reason: String| ChainError::Unreachable {
            url: url.into(),
            reason,
        };
        // The reconnecting client below never gives up, not even on its first connection; a wrong address
        // shall be said at once.
        drop(
            RpcClient::from_insecure_url(url)
                .await
                .map_err(|error| unreachable(root_cause(&error)))?,
        );
        let backoff = ExponentialBackoff::from_millis(FIRST_RETRY.as_millis() as u64)
            .max_delay(LONGEST_RETRY);
        let transport = Reconnecting::builder()
            .retry_policy(backoff)
            .request_timeout(REQUEST_TIMEOUT)
            .build(url)
            .await
            .map_err(|error| unreachable(root_cause(&error)))?;
        let rpc_client = RpcClient::new(transport);
        let rpc = Rpc::new(rpc_client.clone());
        let backend = LegacyBackend::builder().build(rpc_client);
        let client =
            OnlineClient::from_backend_with_config(SubstrateConfig::new(), Arc::new(backend))
                .await
                .map_err(|error| unreachable(error.to_string()))?;
        let genesis = to_h256(client.genesis_hash());
        if let Some(expected) = expected
            && expected != genesis
        {
            return Err(ChainError::WrongGenesis {
                url: url.into(),
                found: genesis,
                expected,
            });
        }
        let chain = Self {
            inner: Arc::new(Inner {
                url: url.into(),
                genesis,
                client,
                rpc,
                at: tokio::sync::Mutex::default(),
                nonces: Mutex::default(),
            }),
        };
        chain.check_compatible().await?;
        Ok(chain)
    }

    pub(super) async fn check_compatible(&self) -> Result<(), ChainError> {
        let at = self.at().await?;
        let metadata = at.metadata_ref();
        let missing = NEEDED.iter().find(|(pallet, entry)| {
            let storage = metadata
                .pallet_by_name(pallet)
                .and_then(|pallet| pallet.storage());
            storage.is_none_or(|storage| storage.entry_by_name(entry).is_none())
        });
        match missing {
            Some((pallet, entry)) => Err(ChainError::Incompatible {
                missing: format!("{pallet}.{entry}"),
                spec_version: at.spec_version(),
            }),
            None => Ok(()),
        }
    }

    /// The best block, with a client that reads at it.
    pub(super) async fn at(&self) -> Result<Arc<At>, ChainError> {
        let Inner {
            rpc, client, at, ..
        } = &*self.inner;
        let best = rpc
            .chain_get_block_hash(None)
            .await
            .map_err(rpc_broken)?
            .ok_or_else(|| ChainError::Node("it has no best block".into()))?;
        let mut cached = at.lock().await;
        if let Some((hash, at)) = &*cached
            && *hash == to_h256(best)
        {
            return Ok(at.clone());
        }
        let fresh = Arc::new(client.at_block(best).await.map_err(broken)?);
        *cached = Some((to_h256(best), fresh.clone()));
        Ok(fresh)
    }

    pub(super) async fn get<V: DecodeAsType>(
        &self,
        pallet: &str,
        entry: &str,
        keys: Vec<Value>,
    ) -> Result<Option<V>, ChainError> {
        let at = self.at().await?;
        let what = format!("{pallet}.{entry}");
        let storage = at
            .storage()
            .entry(dynamic::storage::<Vec<Value>, V>(pallet, entry))
            .map_err(|error| unreadable(&what, error))?;
        let value = storage.try_fetch(keys).await.map_err(broken)?;
        value
            .map(|value| value.decode())
            .transpose()
            .map_err(|error| unreadable(&what, error))
    }

    pub(super) async fn list<K: DecodeAsType, V: DecodeAsType>(
        &self,
        pallet: &str,
        entry: &str,
        prefix: Vec<Value>,
        key_part: usize,
    ) -> Result<Vec<(K, V)>, ChainError> {
        let pairs = self
            .list_raw(pallet, entry, prefix, |part| part == key_part)
            .await?;
        Ok(pairs
            .into_iter()
            .filter_map(|(mut keys, value)| keys.pop().map(|key| (key, value)))
            .collect())
    }

    pub(super) async fn list_raw<K: DecodeAsType, V: DecodeAsType>(
        &self,
        pallet: &str,
        entry: &str,
        prefix: Vec<Value>,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Vec<(Vec<K>, V)>, ChainError> {
        let at = self.at().await?;
        let what = format!("{pallet}.{entry}");
        let storage = at
            .storage()
            .entry(dynamic::storage::<Vec<Value>, V>(pallet, entry))
            .map_err(|error| unreadable(&what, error))?;
        let mut entries = storage.iter(prefix).await.map_err(broken)?;
        let mut out = Vec::new();
        while let Some(pair) = entries.next().await {
            let pair = pair.map_err(broken)?;
            let key = pair.key().map_err(|error| unreadable(&what, error))?;
            let mut keys = Vec::new();
            for (_, part) in key.parts().enumerate().filter(|(at, _)| wanted(*at)) {
                let part = part
                    .decode_as::<K>()
                    .map_err(|error| unreadable(&what, error))?;
                keys.extend(part);
            }
            let value = pair
                .value()
                .decode()
                .map_err(|error| unreadable(&what, error))?;
            out.push((keys, value));
        }
        Ok(out)
    }

    pub(super) async fn constant<V: DecodeAsType>(
        &self,
        pallet: &str,
        name: &str,
    ) -> Result<V, ChainError> {
        let at = self.at().await?;
        at.constants()
            .entry(dynamic::constant::<V>(pallet, name))
            .map_err(|error| unreadable(&format!("{pallet}.{name}"), error))
    }

    /// Calls a view function. The library encodes its name and arguments, but knows neither that the arguments
    /// travel as one byte string nor that the answer may be a refusal, so both are done here.
    pub(super) async fn view<V: Decode>(
        &self,
        pallet: &str,
        function: &str,
        arguments: Vec<Value>,
    ) -> Result<V, ChainError> {
        let at = self.at().await?;
        let what = format!("{pallet}.{function}");
        let views = at.view_functions();
        let call = dynamic::view_function_call::<Vec<Value>, ()>(pallet, function, arguments);
        let encoded = views
            .encode_args(call)
            .map_err(|error| unreadable(&what, error))?;
        let (id, arguments) = encoded
            .split_first_chunk::<VIEW_ID_BYTES>()
            .ok_or_else(|| unreadable(&what, "its id is too short"))?;
        let request = (id, arguments).encode();
        let answer = views.call_raw(Some(&request)).await.map_err(broken)?;
        let answer = Result::<Vec<u8>, ViewRefusal>::decode_all(&mut &answer[..])
            .map_err(|error| unreadable(&what, error))?
            .map_err(|refusal| unreadable(&what, format!("{refusal:?}")))?;
        V::decode_all(&mut &answer[..]).map_err(|error| unreadable(&what, error))
    }

    /// Calls a runtime API.
    pub(super) async fn ask<V: DecodeAsType>(
        &self,
        api: &str,
        method: &str,
        arguments: Vec<Value>,
    ) -> Result<V, ChainError> {
        let at = self.at().await?;
        let call = dynamic::runtime_api_call::<Vec<Value>, V>(api, method, arguments);
        let answer = at.runtime_apis().call(call).await;
        answer.map_err(|error| match error {
            RuntimeApiError::CannotCallApi(error) => broken(error),
            error => unreadable(&format!("{api}.{method}"), error),
        })
    }

    pub(super) fn nonce_of(&self, key: &Keypair) -> Nonce {
        let mut nonces = self
            .inner
            .nonces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        nonces.entry(key.public()).or_default().clone()
    }

    pub(super) async fn genesis_now(&self) -> Result<H256, ChainError> {
        self.inner
            .rpc
            .genesis_hash()
            .await
            .map(to_h256)
            .map_err(rpc_broken)
    }
}

/// What the transport said, without the layers in front of it that repeat each other.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    text.rsplit("client error: ")
        .next()
        .unwrap_or(&text)
        .to_owned()
}
