//! What an operator or a client chooses.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use iroh::{EndpointId, SecretKey};
use iroh_blobs::Hash;

use crate::{Rates, Relay};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Its identity, proven by the connection.
    pub id: EndpointId,
    /// What it says of itself ([`crate::DataPlane::set_card`]), if it said anything: proven by nothing but what is in it.
    pub card: Option<Bytes>,
}

/// Decides who may read what. Asked once for each blob that a request names, and waited for as long as a request may
/// take: what is known already should be answered from memory. A transfer that has begun goes on when the answer changes.
///
/// Every request names all of its blobs, so a bundle gives no access to what it lists.
pub trait AccessPolicy: Send + Sync + 'static {
    /// Whether `asker` may read `hash`.
    fn allows<'a>(&'a self, asker: &'a Asker, hash: &'a Hash) -> BoxFuture<'a, bool>;
}

impl<F> AccessPolicy for F
where
    F: Fn(&EndpointId, &Hash) -> bool + Send + Sync + 'static,
{
    fn allows<'a>(&'a self, asker: &'a Asker, hash: &'a Hash) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(self(&asker.id, hash)))
    }
}

/// Keeps what only some may know. Asked once per request, like [`AccessPolicy`].
pub trait Secrets: Send + Sync + 'static {
    /// The secret of this name, of at most [`crate::MAX_SECRET`] bytes, if there is one and it is for `asker`.
    fn secret<'a>(&'a self, asker: &'a Asker, name: &'a [u8]) -> BoxFuture<'a, Option<Bytes>>;
}

/// Has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret<'a>(&'a self, _: &'a Asker, _: &'a [u8]) -> BoxFuture<'a, Option<Bytes>> {
        Box::pin(std::future::ready(None))
    }
}

/// Bounds on what others may ask of this node.
#[derive(Clone, Debug)]
pub struct ServeLimits {
    /// Connections of all peers together. Too small and busy requesters are turned away; too large
    /// and strangers hold memory (about 100 KiB each when idle).
    pub max_connections: usize,
    /// Connections of one peer. A peer needs one per protocol; more serve its restarts.
    pub max_connections_per_peer: usize,
    /// Requests served at the same time for one peer; further ones wait in its connection. Too small
    /// and small blobs trickle; too large and one peer takes all disk reads.
    pub max_requests_per_peer: usize,
    /// Requests served at the same time for all peers.
    pub max_requests: usize,
    /// How long a connection without a request is kept.
    pub idle_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            max_connections: 512,
            max_connections_per_peer: 8,
            max_requests_per_peer: 16,
            max_requests: 256,
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// Bounds on received notifications.
#[derive(Clone, Debug)]
pub struct NotifyLimits {
    /// Messages that wait to be read. When full, senders are told to come again. Each holds at most
    /// [`crate::MAX_NOTIFICATION`] bytes.
    pub queue: usize,
    /// Messages one peer may send at once.
    pub burst: u32,
    /// Time after which a peer has earned one more message.
    pub refill: Duration,
    /// Peers whose rate is remembered. When full, peers not seen before are told to come again.
    pub max_peers: usize,
}

impl Default for NotifyLimits {
    fn default() -> Self {
        Self {
            queue: 1024,
            burst: 64,
            refill: Duration::from_millis(50),
            max_peers: 4096,
        }
    }
}

/// Configuration of a [`crate::DataPlane`]. Start from [`Config::memory`] or [`Config::persistent`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where blobs and the endpoint's key are kept; `None` keeps them in memory.
    pub data_dir: Option<PathBuf>,
    /// The endpoint's key. `None`: the one in `data_dir/endpoint.key`, made on first use, or a fresh
    /// one for a memory store.
    pub secret_key: Option<SecretKey>,
    /// The UDP address to listen on. Port 0 lets the system choose. Default `127.0.0.1:0`: nobody
    /// outside this machine is served until the operator says so.
    pub bind: SocketAddr,
    /// Addresses others reach this node at, when they differ from the local ones (port forwarding).
    /// They come first in [`crate::DataPlane::address`].
    pub external_addresses: Vec<SocketAddr>,
    /// Relays that this node keeps a connection to, the nearest one at a time, and names in its address, for when it
    /// cannot be reached directly. None: it is reached directly or not at all, but still uses the relays that others
    /// name, if they are public and https.
    pub relays: Vec<Relay>,
    /// File of certificates (PEM) that relays' own may be signed by, besides what browsers trust.
    pub relay_roots: Option<PathBuf>,
    /// Bound on stored content in bytes, proofs and bookkeeping included.
    pub max_store_bytes: u64,
    /// Bound on what one group may bring here ([`crate::FetchOptions::group`]). Too small and large jobs are refused; with
    /// no bound, one of them can take the whole store.
    pub max_group_bytes: u64,
    /// Bytes that stay free on the disk. The store's database must always be able to commit: too
    /// small and a full disk stops the store until a restart.
    pub min_free_disk_bytes: u64,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// A transfer is given up when no verified piece (16 KiB) arrives, or none is taken, for this
    /// long. Too small and slow links fail; too large and a silent peer holds up a unit's deadline.
    pub stall_timeout: Duration,
    /// A provider slower than [`Self::least_rate`] after this time is put back while others are left to ask.
    pub slow_after: Duration,
    /// Bytes per second that a provider has to make while others are left to ask. Too small and one slow line holds up
    /// what others have; too large and every provider is put back once, for a round trip each.
    pub least_rate: u64,
    /// How fast content may go and come, with all peers together; [`crate::DataPlane::set_rates`] changes it.
    pub rates: Rates,
    /// Bounds on serving.
    pub serve: ServeLimits,
    /// Bounds on notifications.
    pub notify: NotifyLimits,
    /// Who may read what. Default: everybody everything that is stored.
    pub access: Arc<dyn AccessPolicy>,
    /// Who is told which secret. Default: nobody any.
    pub secrets: Arc<dyn Secrets>,
}

impl Config {
    /// Blobs in memory, loopback only: for tests and short-lived clients.
    pub fn memory() -> Self {
        Self {
            data_dir: None,
            secret_key: None,
            bind: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            external_addresses: Vec::new(),
            relays: Vec::new(),
            relay_roots: None,
            max_store_bytes: 1 << 30,
            max_group_bytes: u64::MAX,
            min_free_disk_bytes: 256 << 20,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(20),
            slow_after: Duration::from_secs(5),
            least_rate: 256 << 10,
            rates: Rates::default(),
            serve: ServeLimits::default(),
            notify: NotifyLimits::default(),
            access: Arc::new(|_: &EndpointId, _: &Hash| true),
            secrets: Arc::new(NoSecrets),
        }
    }

    /// Blobs and the endpoint's key in `data_dir`, up to 50 GB.
    pub fn persistent(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: Some(data_dir.into()),
            max_store_bytes: 50_000_000_000,
            ..Self::memory()
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key stays out of logs.
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("bind", &self.bind)
            .field("external_addresses", &self.external_addresses)
            .field("relays", &self.relays)
            .field("relay_roots", &self.relay_roots)
            .field("max_store_bytes", &self.max_store_bytes)
            .field("max_group_bytes", &self.max_group_bytes)
            .field("min_free_disk_bytes", &self.min_free_disk_bytes)
            .field("connect_timeout", &self.connect_timeout)
            .field("stall_timeout", &self.stall_timeout)
            .field("slow_after", &self.slow_after)
            .field("least_rate", &self.least_rate)
            .field("rates", &self.rates)
            .field("serve", &self.serve)
            .field("notify", &self.notify)
            .finish_non_exhaustive()
    }
}
