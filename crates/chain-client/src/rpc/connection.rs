//! Connecting, and reading at the best block.

use std::sync::PoisonError;

use super::*;

impl RpcChain {
    /// Connects with the best of these nodes, and makes sure that they serve the right chain. Goes on with another one when that one
    /// fails, within [`PATIENCE`] if it only stands still.
    ///
    /// # Errors
    /// [`ChainError::BadAddress`], [`ChainError::Unreachable`] if none of the right chain answers, [`ChainError::WrongGenesis`] when all
    /// serve another chain than `expected`, or, where none is, one another than the first that answers, [`ChainError::Incompatible`]
    /// when it is no Sungrid chain.
    pub async fn connect(
        nodes: &[impl AsRef<str>],
        expected: Option<H256>,
    ) -> Result<Self, ChainError> {
        Self::connect_patiently(nodes, expected, PATIENCE).await
    }

    /// As [`Self::connect`], with a patience of its own.
    ///
    /// # Errors
    /// Those of [`Self::connect`].
    pub async fn connect_patiently(
        nodes: &[impl AsRef<str>],
        expected: Option<H256>,
        patience: Duration,
    ) -> Result<Self, ChainError> {
        Self::over(Nodes::open(nodes, expected, patience).await?).await
    }

    pub(super) async fn over((nodes, genesis): (Nodes, H256)) -> Result<Self, ChainError> {
        let nodes = Arc::new(nodes);
        let rpc_client = RpcClient::new(nodes.clone());
        let rpc = Rpc::new(rpc_client.clone());
        let backend = LegacyBackend::builder().build(rpc_client);
        let client =
            OnlineClient::from_backend_with_config(SubstrateConfig::new(), Arc::new(backend))
                .await
                .map_err(|error| ChainError::Unreachable {
                    url: nodes.node().unwrap_or_default(),
                    reason: error.to_string(),
                })?;
        let chain = Self {
            inner: Arc::new(Inner {
                nodes,
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
            nodes,
            rpc,
            client,
            at,
            ..
        } = &*self.inner;
        let best = rpc
            .chain_get_block_hash(None)
            .await
            .map_err(|error| nodes.refusal().unwrap_or_else(|| rpc_broken(error)))?
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

    pub(super) fn sent_by(&self, key: &Keypair) -> Arc<Sent> {
        let mut nonces = self
            .inner
            .nonces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        nonces.entry(key.public()).or_default().clone()
    }

    /// Sorts an error, after which it may be that no node can be used any more.
    pub(super) fn failed(&self, error: impl Into<subxt::Error>) -> ChainError {
        let refusal = self.inner.nodes.refusal();
        refusal.unwrap_or_else(|| broken(error))
    }
}
