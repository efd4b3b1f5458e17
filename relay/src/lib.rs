//! A relay for parties behind NAT: passes their encrypted packets on, and tells each the address it is seen at, so that
//! two of them can try to get through to each other directly.
//!
//! It speaks iroh's relay protocol, by iroh's own code, within bounds: on connections, of all, of one address and of one
//! party; on the time until a connection has proven whose it is; on what each party sends; on what waits for a party
//! that reads slowly. It stores nothing, and cannot read what it passes on.
#![forbid(unsafe_code)]

use std::{
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use iroh_relay::{
    KeyCache,
    server::{QuicConfig, Server as Services, ServerConfig, clients::Clients},
};
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

mod access;
mod connection;
mod places;
mod tls;

use access::Guests;
use connection::House;
use places::{Places, subscriber};

/// UDP port at which parties ask for the address they are seen at. They know no other.
pub const DISCOVERY_PORT: u16 = 7842;
/// Time for TLS, one request and the handshake.
pub const ESTABLISH: Duration = Duration::from_secs(10);
/// Pause after a connection could not be taken: without descriptors the next attempt fails as well.
const PAUSE: Duration = Duration::from_millis(100);

/// The relay's certificate (PEM), and the key to it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain, the relay's own first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct Config {
    /// TCP address to serve on.
    pub listen: SocketAddr,
    /// None: plain http, without address discovery.
    pub tls: Option<Tls>,
    /// UDP address for address discovery, with TLS only.
    pub discovery: Option<SocketAddr>,
    /// Address of the metrics page.
    pub metrics: Option<SocketAddr>,
    /// File with the endpoint ids that are served; none: everybody.
    pub allow: Option<PathBuf>,
    /// Connections of all. Each may make the relay hold up to 4 MiB.
    pub connections: usize,
    /// Connections of one IPv4 address or IPv6 /64: behind one there may be many parties.
    pub connections_per_address: usize,
    /// Connections of one party. It needs one; more are left over when its network changes.
    pub connections_per_party: usize,
    /// Bytes per second that one connection may send.
    pub rate: NonZeroU32,
    /// Time until a connection has proven whose it is: a few round trips.
    pub establish: Duration,
}

/// Why a relay could not be started, or ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A socket could not be bound.
    #[error(
        "cannot listen on {address}: {source}; stop what uses it, or choose another with {option}"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The option that names it.
        option: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use {}: {reason}; --cert names a chain of certificates in PEM, --key its private key", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The list of parties cannot be used.
    #[error("cannot use the list {}: {reason}; it has one endpoint id a line", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Address discovery or the metrics page could not be started.
    #[error("cannot serve address discovery or metrics: {0}")]
    Services(String),
}

/// A relay that serves.
pub struct Relay {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    house: Arc<House>,
    places: Arc<Places<IpAddr>>,
    services: Option<Services>,
}

impl Relay {
    /// Binds the sockets and checks the files.
    ///
    /// # Errors
    /// [`Error`], which says what to do.
    pub async fn bind(config: Config) -> Result<Self, Error> {
        let guests = Guests::new(
            config.allow.clone(),
            config.connections,
            config.connections_per_party,
        )?;
        let tls = match &config.tls {
            Some(tls) => Some(tls::server_config(tls).await?),
            None => None,
        };
        let bind = |address, option| {
            move |source| Error::Bind {
                address,
                option,
                source,
            }
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(bind(config.listen, "--listen"))?;
        let mut services = ServerConfig::default();
        if let (Some(tls), Some(address)) = (&tls, config.discovery) {
            // Tried first: the service's own error does not say what is wrong.
            std::net::UdpSocket::bind(address).map_err(bind(address, "--discovery"))?;
            let mut discovery = QuicConfig::new(address);
            discovery.server_config = Some(tls.clone());
            services.quic = Some(discovery);
        }
        if let Some(address) = config.metrics {
            std::net::TcpListener::bind(address).map_err(bind(address, "--metrics"))?;
            services.metrics_addr = Some(address);
        }
        let services = match services.quic.is_some() || services.metrics_addr.is_some() {
            false => None,
            true => {
                let started = Services::spawn(services).await;
                Some(started.map_err(|error| Error::Services(format!("{error:#}")))?)
            }
        };
        let house = House {
            access: Arc::new(guests),
            clients: Clients::default(),
            keys: KeyCache::new(2 * config.connections),
            metrics: services
                .as_ref()
                .map(|services| services.metrics().server.clone())
                .unwrap_or_default(),
            rate: config.rate.get(),
            establish: config.establish,
        };
        Ok(Self {
            listener,
            tls: tls.map(|tls| TlsAcceptor::from(Arc::new(tls))),
            house: Arc::new(house),
            places: Places::new(config.connections, config.connections_per_address),
            services,
        })
    }

    /// The address it serves on.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The address at which it tells parties theirs.
    pub fn discovery(&self) -> Option<SocketAddr> {
        self.services.as_ref()?.quic_addr()
    }

    /// Serves until `stop`, then closes all connections.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut establishing = JoinSet::new();
        let mut full = false;
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = establishing.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(place) = self.places.enter(subscriber(from.ip())) else {
                let taken = self.places.taken();
                // Once for each time it happens, not for each who comes.
                if !std::mem::replace(&mut full, true) {
                    warn!(%from, taken, "no place is left: turned away");
                }
                debug!(%from, taken, "turned away");
                continue;
            };
            full = false;
            establishing.spawn(connection::serve(
                self.house.clone(),
                self.tls.clone(),
                stream,
                place,
            ));
        }
        info!(connections = self.places.taken(), "closing");
        drop(self.listener);
        establishing.shutdown().await;
        self.house.clients.shutdown().await;
        if let Some(services) = self.services
            && let Err(error) = services.shutdown().await
        {
            debug!(%error, "a service ended in disorder");
        }
    }
}
