//! The data plane itself: one endpoint, one store, the protocols on top.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use iroh::{Endpoint, EndpointId, SecretKey, protocol::Router};
use iroh_blobs::{BlobFormat, Hash, HashAndFormat, hashseq::HashSeq};
use tokio::task::JoinSet;
use tracing::{debug, info};

use crate::{
    BundleOptions, CardError, Config, FetchError, FetchOptions, Fetched, FetchedAll, FetchedBundle,
    Held, MAX_CARD, Notifications, NotifyError, PeerAddress, Pin, Rates, Relay, SecretError,
    SpawnError, StoreError, Way, bundle,
    card::{self, Cards},
    endpoint::{bind, current_address, greet, keep_relay, relay_state},
    fetch::{Budget, Fetcher, Patience},
    key, notify,
    pace::Pace,
    peers::Dialer,
    relay::Relays,
    secret,
    serve::{Provider, Served},
    store::Storage,
};

/// What a data plane has done since its start, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes in the store, proofs and bookkeeping included.
    pub stored_bytes: u64,
    /// Bytes of content fetched from others.
    pub fetched_bytes: u64,
    /// Bytes sent to others, proofs included.
    pub served_bytes: u64,
    /// Requests served.
    pub served_requests: u64,
    /// Requests and connections refused.
    pub refused: u64,
    /// Bytes of packets sent and received directly, acknowledgements and what was sent twice included.
    pub direct_bytes: u64,
    /// The same through relays.
    pub relayed_bytes: u64,
}

/// What is known of the relay that this node names in its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayState {
    /// The relay.
    pub relay: Relay,
    /// Whether there is a connection to it.
    pub connected: bool,
    /// Why there is none, in the words of the last attempt.
    pub error: Option<String>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    router: Router,
    external_addresses: Vec<SocketAddr>,
    relays: Relays,
    /// The last address that was valid.
    address: Mutex<PeerAddress>,
    storage: Arc<Storage>,
    fetcher: Arc<Fetcher>,
    dialer: Arc<Dialer>,
    served: Arc<Served>,
    upload: Arc<Pace>,
    notifications: Mutex<Option<Notifications>>,
    answer_timeout: Duration,
    /// Ends with this.
    _keepers: JoinSet<()>,
}

/// A node of the data plane. Clones share it. Call [`DataPlane::shutdown`] before the process ends.
#[derive(Clone, Debug)]
pub struct DataPlane {
    inner: Arc<Inner>,
}

impl DataPlane {
    /// Opens the store, binds the socket and begins to serve. Contacts no outside service but the relays of the
    /// configuration; if none answers for some seconds, it begins without, and goes on trying.
    pub async fn spawn(config: Config) -> Result<Self, SpawnError> {
        let secret_key = match (&config.secret_key, &config.data_dir) {
            (Some(key), _) => key.clone(),
            (None, Some(dir)) => key::load_or_create(dir)?,
            (None, None) => SecretKey::generate(),
        };
        let relays = Relays::new(config.relays.clone());
        let endpoint = bind(&config, &relays, secret_key).await?;
        if relays.first().is_some() {
            greet(&endpoint, &relays).await;
        }
        let opened = async {
            let address = current_address(&endpoint, &config.external_addresses, &relays, None)?;
            Ok((address, Storage::open(&config).await?))
        };
        let (address, storage) = match opened.await {
            Ok(opened) => opened,
            Err(error) => {
                endpoint.close().await;
                return Err(error);
            }
        };
        let storage = Arc::new(storage);
        let mut keepers = JoinSet::new();
        if relays.all().len() > 1 {
            keepers.spawn(keep_relay(endpoint.clone(), relays.clone()));
        }
        let dialer = Arc::new(Dialer::new(
            endpoint.clone(),
            relays.clone(),
            config.connect_timeout,
        ));
        let (served, cards) = (Arc::<Served>::default(), Arc::<Cards>::default());
        let upload = Pace::new(config.rates.upload);
        let provider = Provider::new(
            storage.inner().clone(),
            config.access.clone(),
            cards.clone(),
            &config.serve,
            config.stall_timeout,
            served.clone(),
            upload.clone(),
        );
        let teller = secret::Teller::new(
            config.secrets.clone(),
            cards.clone(),
            &config.serve,
            config.stall_timeout,
        );
        let (receiver, notifications) = notify::Receiver::new(&config.notify, &config.serve);
        let router = Router::builder(endpoint.clone())
            .accept(iroh_blobs::ALPN, provider)
            .accept(notify::ALPN, receiver)
            .accept(card::ALPN, card::Reception::new(cards, &config.serve))
            .accept(secret::ALPN, teller)
            .spawn();
        let patience = Patience {
            stall: config.stall_timeout,
            slow_after: config.slow_after,
            least_rate: config.least_rate,
        };
        let download = Pace::new(config.rates.download);
        let fetcher = Fetcher::new(storage.clone(), dialer.clone(), patience, download);
        info!(%address, stored_bytes = storage.used(), "data plane is up");
        Ok(Self {
            inner: Arc::new(Inner {
                endpoint,
                router,
                external_addresses: config.external_addresses,
                relays,
                address: Mutex::new(address),
                storage,
                fetcher: Arc::new(fetcher),
                dialer,
                served,
                upload,
                notifications: Mutex::new(Some(notifications)),
                answer_timeout: config.stall_timeout,
                _keepers: keepers,
            }),
        })
    }

    /// This node's identity.
    pub fn endpoint_id(&self) -> EndpointId {
        self.inner.endpoint.id()
    }

    /// Signs a message as this node: whoever knows its [`EndpointId`] can check it. The message should begin with what it is
    /// for, so that no signature stands for anything else.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let key = self.inner.endpoint.secret_key();
        key.sign(message).to_bytes()
    }

    /// How others reach this node now: what a worker registers and a requester puts into its job.
    /// Changes when the machine moves to another network.
    pub fn address(&self) -> PeerAddress {
        let Inner {
            endpoint,
            external_addresses,
            relays,
            address,
            ..
        } = &*self.inner;
        let mut last = address.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a network for the moment, the last address is the best guess.
        if let Ok(current) = current_address(endpoint, external_addresses, relays, last.relay()) {
            *last = current;
        }
        last.clone()
    }

    /// The relay that others can reach this node through; `None` if none is configured.
    pub fn relay(&self) -> Option<RelayState> {
        relay_state(&self.inner.endpoint, &self.inner.relays)
    }

    /// Which way packets to a peer take, as far as this node has asked it for something lately.
    pub fn way(&self, peer: EndpointId) -> Option<Way> {
        self.inner.dialer.way(peer)
    }

    /// Says who this node is, by a name that its endpoint does not tell: shown to peers that refuse to serve it, whose
    /// access policy makes of it what it can. At most [`MAX_CARD`] bytes.
    ///
    /// # Errors
    /// [`CardError`] if the card is empty or too long.
    pub fn set_card(&self, card: impl Into<Bytes>) -> Result<(), CardError> {
        let card = card.into();
        if card.is_empty() || card.len() > MAX_CARD {
            return Err(CardError(card.len()));
        }
        self.inner.fetcher.presenter.set(card);
        Ok(())
    }

    /// Has content go and come no faster than this from now on, with all peers together. What is under way goes on.
    pub fn set_rates(&self, rates: Rates) {
        self.inner.upload.set(rates.upload);
        self.inner.fetcher.download.set(rates.download);
    }

    /// How fast content may go and come now.
    pub fn rates(&self) -> Rates {
        Rates {
            upload: self.inner.upload.rate(),
            download: self.inner.fetcher.download.rate(),
        }
    }

    /// Counters for metrics.
    pub fn stats(&self) -> Stats {
        let served = &self.inner.served;
        let moved = &self.inner.endpoint.metrics().socket;
        let sum = |counters: &[&iroh_metrics::Counter]| counters.iter().map(|c| c.get()).sum();
        Stats {
            direct_bytes: sum(&[
                &moved.send_ipv4,
                &moved.send_ipv6,
                &moved.recv_data_ipv4,
                &moved.recv_data_ipv6,
            ]),
            relayed_bytes: sum(&[&moved.send_relay, &moved.recv_data_relay]),
            stored_bytes: self.inner.storage.used(),
            fetched_bytes: self.inner.fetcher.fetched_bytes.load(Ordering::Relaxed),
            served_bytes: served.bytes.load(Ordering::Relaxed),
            served_requests: served.requests.load(Ordering::Relaxed),
            refused: served.refused.load(Ordering::Relaxed),
        }
    }

    /// Stores bytes.
    pub async fn put_bytes(&self, bytes: impl Into<Bytes>) -> Result<Held, StoreError> {
        self.inner
            .storage
            .put_bytes(bytes.into(), BlobFormat::Raw)
            .await
    }

    /// Stores a copy of a file, in pieces, whatever its size.
    pub async fn put_file(&self, path: impl AsRef<Path>) -> Result<Held, StoreError> {
        self.inner.storage.put_file(path.as_ref()).await
    }

    /// Stores a bundle of content that is already here or will be. The bundle keeps its entries as
    /// long as it is held or pinned as a bundle.
    pub async fn put_bundle(
        &self,
        entries: impl IntoIterator<Item = Hash>,
    ) -> Result<Held, StoreError> {
        let list: HashSeq = entries.into_iter().collect();
        self.inner
            .storage
            .put_bytes(list.into_inner(), BlobFormat::HashSeq)
            .await
    }

    /// The entries of a bundle that is here, at most `max_entries`.
    pub async fn bundle(&self, root: Hash, max_entries: usize) -> Result<Vec<Hash>, StoreError> {
        self.inner.storage.bundle(root, max_entries).await
    }

    /// Whether all of the content is here.
    pub async fn has(&self, hash: Hash) -> Result<bool, StoreError> {
        Ok(self.inner.storage.size(hash).await?.is_some())
    }

    /// Size of content that is here, `None` when it is absent or partial.
    pub async fn size(&self, hash: Hash) -> Result<Option<u64>, StoreError> {
        self.inner.storage.size(hash).await
    }

    /// Protects content that is here from collection as long as the value lives; `None` when it is
    /// absent or partial.
    pub async fn hold(&self, hash: Hash) -> Result<Option<Held>, StoreError> {
        // Held before the look, so that no collection comes in between.
        let tag = self.inner.storage.hold(hash, BlobFormat::Raw).await?;
        let size = self.inner.storage.size(hash).await?;
        Ok(size.map(|size| Held::new(tag, size)))
    }

    /// Reads content of at most `max_len` bytes into memory, checked against its hash.
    pub async fn get_bytes(&self, hash: Hash, max_len: u64) -> Result<Bytes, StoreError> {
        self.inner.storage.get_bytes(hash, max_len).await
    }

    /// Reads held content of at most `max_len` bytes into memory, checked against its hash; of a bundle, its list.
    pub async fn read(&self, held: &Held, max_len: u64) -> Result<Bytes, StoreError> {
        self.inner.storage.read(held, max_len).await
    }

    /// Writes content to a file, checked against its hash. The file appears whole or not at all; an
    /// existing one is replaced. Returns its size.
    pub async fn export(&self, hash: Hash, target: impl AsRef<Path>) -> Result<u64, StoreError> {
        self.inner.storage.export(hash, target.as_ref()).await
    }

    /// The same with held content.
    pub async fn export_held(
        &self,
        held: &Held,
        target: impl AsRef<Path>,
    ) -> Result<u64, StoreError> {
        self.inner.storage.write(held, target.as_ref()).await
    }

    /// Fetches one blob. Providers are asked in order, those that were fast first and those that failed last; each goes
    /// on where the last one stopped, and so does the next call after a failure. Of a large blob others fetch from the
    /// far end at the same time. Pin the hash first if a partial blob shall survive [`Self::collect_garbage`].
    pub async fn fetch(
        &self,
        hash: Hash,
        from: &[PeerAddress],
        options: FetchOptions,
    ) -> Result<Fetched, FetchError> {
        let budget = Budget::new(options.max_bytes);
        self.inner
            .fetcher
            .fetch(hash, &self.others(from), &options, &budget)
            .await
    }

    /// Fetches several blobs, within bounds for all of them together.
    pub async fn fetch_all(
        &self,
        hashes: &[Hash],
        from: &[PeerAddress],
        options: BundleOptions,
    ) -> Result<FetchedAll, FetchError> {
        let budget = Arc::new(Budget::new(options.max_total_bytes));
        bundle::fetch_all(
            &self.inner.fetcher,
            hashes,
            &self.others(from),
            &options,
            &budget,
        )
        .await
    }

    /// Fetches a bundle and all its entries.
    pub async fn fetch_bundle(
        &self,
        root: Hash,
        from: &[PeerAddress],
        options: BundleOptions,
    ) -> Result<FetchedBundle, FetchError> {
        let Inner {
            fetcher, storage, ..
        } = &*self.inner;
        bundle::fetch_bundle(fetcher, storage, root, &self.others(from), &options).await
    }

    /// Nobody connects to himself: what is here is found before anybody is asked.
    fn others(&self, from: &[PeerAddress]) -> Vec<PeerAddress> {
        from.iter()
            .filter(|peer| peer.id() != self.endpoint_id())
            .cloned()
            .collect()
    }

    /// Keeps a blob under a name until [`Self::unpin`]; the name's former content is let go. It need
    /// not be here yet. On the disk when this returns.
    pub async fn pin(&self, name: &str, hash: Hash) -> Result<(), StoreError> {
        self.inner.storage.pin(name, HashAndFormat::raw(hash)).await
    }

    /// Like [`Self::pin`], for a bundle and all its entries.
    pub async fn pin_bundle(&self, name: &str, root: Hash) -> Result<(), StoreError> {
        self.inner
            .storage
            .pin(name, HashAndFormat::hash_seq(root))
            .await
    }

    /// Lets the content under a name go at the next collection. Whether there was such a name.
    pub async fn unpin(&self, name: &str) -> Result<bool, StoreError> {
        self.inner.storage.unpin(name).await
    }

    /// All pins, in the order of their names.
    pub async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.inner.storage.pins().await
    }

    /// Deletes everything that is neither pinned nor held, partial blobs included; returns the bytes
    /// freed. A store that is full does so by itself, as far as it needs room, with what was not used for longest.
    pub async fn collect_garbage(&self) -> Result<u64, StoreError> {
        self.inner.storage.collect().await
    }

    /// Hashes of all content that is here, partial blobs included, in no order.
    pub async fn stored(&self) -> Result<Vec<Hash>, StoreError> {
        self.inner.storage.stored().await
    }

    /// After this, everything put, fetched or pinned before survives the death of the process.
    pub async fn sync(&self) -> Result<(), StoreError> {
        self.inner.storage.sync().await
    }

    /// Sends a short message; returns when the peer has queued it. When the connection breaks at the
    /// wrong moment it can arrive twice.
    pub async fn notify(&self, peer: &PeerAddress, message: &[u8]) -> Result<(), NotifyError> {
        notify::send(&self.inner.dialer, peer, message, self.inner.answer_timeout).await
    }

    /// Asks peers for a secret, one after the other, until one tells it.
    ///
    /// # Errors
    /// [`SecretError`] of the peer that was asked first.
    pub async fn ask_secret(
        &self,
        name: &[u8],
        from: &[PeerAddress],
    ) -> Result<Bytes, SecretError> {
        let Inner {
            dialer,
            fetcher,
            answer_timeout,
            ..
        } = &*self.inner;
        let mut first = None;
        for peer in self.others(from) {
            let asked = secret::ask(dialer, &fetcher.presenter, &peer, name, *answer_timeout);
            match asked.await {
                Ok(secret) => return Ok(secret),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        Err(first.unwrap_or(SecretError::NoPeers))
    }

    /// The received messages. The first caller gets them, later ones get `None`. While nobody reads
    /// them, the queue fills and senders are told to come again.
    pub fn notifications(&self) -> Option<Notifications> {
        self.inner
            .notifications
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Stops serving, closes all connections and the store. The port is free again soon after the
    /// last clone of this is dropped.
    pub async fn shutdown(&self) {
        if let Err(error) = self.inner.router.shutdown().await {
            debug!(%error, "a protocol task failed during shutdown");
        }
        self.inner.endpoint.close().await;
        self.inner.storage.shutdown().await;
    }
}
