//! The data plane of Sungrid: content-addressed transfer between peers.
//!
//! # Concepts
//! - **Peers** are iroh endpoints: a key is the identity, QUIC the transport. A [`PeerAddress`] (id,
//!   socket addresses, perhaps a relay) is all that is needed to reach one; the chain stores it. No lookup
//!   or other outside service is ever contacted, but for relays that were configured or that an address names.
//! - **Relays** ([`Relay`]) pass packets between peers behind NAT until these get through directly, if they do.
//! - **Content** is named by its BLAKE3 hash ([`Hash`]). Every 16 KiB are checked against it when they
//!   arrive and again when they are read, so a wrong byte is neither stored nor handed on.
//! - **Fetching** asks one provider after the other and goes on where the last one stopped, also
//!   after a restart; of a large blob several fetch at the same time. A provider that is away, stalls, lies about the
//!   size or sends wrong bytes is given up by name ([`Attempt`]); one that is slow is put back while others can be asked.
//! - **Access**: whoever runs the node decides for each request ([`AccessPolicy`]), by the asker's endpoint and by its
//!   card, what it says of itself.
//! - **Secrets** are a few bytes that a node tells those alone whom its owner names ([`Secrets`]), such as the key of content.
//! - **Keeping**: content is collected unless it is held ([`Held`], as long as the value lives) or
//!   pinned (until [`DataPlane::unpin`]). The store is bounded, and so is the share of each group of
//!   content in it; what was not used for longest goes first, a full one says so and stays whole.
//! - **Bundles** are lists of blobs under one hash: the inputs of a job, the outputs of a batch.
//! - **Pace**: what goes out and what comes in is bounded per second ([`Rates`]), and peers share it evenly.
//! - **Notifications** are short messages with a bounded queue, such as "your result is ready".
//!
//! Knows neither the chain nor execution.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sungrid_data_plane::{Config, DataPlane, FetchOptions};
//!
//! let requester = DataPlane::spawn(Config::memory()).await?;
//! let input = requester.put_bytes("a scene").await?;
//!
//! let worker = DataPlane::spawn(Config::persistent("/var/lib/worker/blobs")).await?;
//! let fetched = worker
//!     .fetch(input.hash(), &[requester.address()], FetchOptions::up_to(1 << 20))
//!     .await?;
//! worker.pin("job/1/input", fetched.held.hash()).await?;
//! worker.notify(&requester.address(), b"fetched").await?;
//!
//! worker.shutdown().await;
//! requester.shutdown().await;
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

mod address;
mod bundle;
mod card;
mod config;
mod endpoint;
mod error;
mod export;
mod fault;
mod fetch;
mod gc;
mod key;
mod ledger;
mod litter;
mod many;
mod meter;
mod middle;
mod node;
mod notify;
mod pace;
mod peers;
mod relay;
mod secret;
mod serve;
mod spread;
mod standing;
mod store;
mod transfer;
mod transport;

pub use address::{AddressError, PeerAddress};
pub use bundle::{BundleOptions, FetchedAll, FetchedBundle};
pub use card::MAX_CARD;
pub use config::{AccessPolicy, Asker, Config, NotifyLimits, Secrets, ServeLimits};
pub use error::{
    Attempt, CardError, FetchError, NotifyError, PeerFault, SecretError, SpawnError, StoreError,
};
pub use fetch::{FetchOptions, Fetched, OnProgress, Progress};
pub use iroh::{EndpointId, SecretKey, Signature};
pub use iroh_blobs::Hash;
pub use node::{DataPlane, RelayState, Stats};
pub use notify::{MAX_NOTIFICATION, Notification, Notifications};
pub use pace::Rates;
pub use peers::Way;
pub use relay::{Relay, RelayError};
pub use secret::{MAX_SECRET, MAX_SECRET_NAME};
pub use store::{Held, Pin};

/// Longest name of a pin in bytes.
pub const MAX_PIN_NAME: usize = 256;
