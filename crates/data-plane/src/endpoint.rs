//! The endpoint: where it listens, which relay it keeps to, and how others reach it.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    path::Path,
    time::Duration,
};

use iroh::{
    Endpoint, NetReportConfig, RelayMode, SecretKey, Watcher,
    endpoint::{PortmapperConfig, RelayStatus, presets},
    tls::CaTlsConfig,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::time::timeout;
use tracing::warn;

use crate::{
    AddressError, Config, PeerAddress, Relay, RelayState, SpawnError, address, relay::Relays,
    transport,
};

/// How long a start waits for a relay: some round trips, and what it takes to find that UDP does not get through.
const RELAY_WAIT: Duration = Duration::from_secs(8);
/// Between two looks for a relay in place of one that was lost; twice as long each time. Shorter, and a look is not over: it takes some
/// seconds where one does not answer.
const LOOK_AGAIN: Duration = Duration::from_secs(4);
/// The longest of these pauses: from here on the endpoint's own looks do.
const LOOK_SELDOM: Duration = Duration::from_secs(64);

pub(crate) async fn bind(
    config: &Config,
    relays: &Relays,
    secret_key: SecretKey,
) -> Result<Endpoint, SpawnError> {
    let failed = |reason: String| SpawnError::Bind {
        bind: config.bind,
        reason,
    };
    let roots = match &config.relay_roots {
        Some(path) => certificates(path).map_err(|reason| SpawnError::RelayRoots {
            path: path.clone(),
            reason,
        })?,
        None => Vec::new(),
    };
    let mut probes = NetReportConfig::minimal();
    // Tells which relay is nearest where UDP does not get through. Of the relays above, and of no others.
    probes.https_probes = relays.first().is_some();
    // The minimal preset only chooses the cryptography: no lookup service and no relays but those given, and the
    // settings below keep the endpoint from probing the network for anything else.
    let mut builder = Endpoint::builder(presets::Minimal)
        .secret_key(secret_key)
        .transport_config(transport::accepting())
        .clear_ip_transports()
        .relay_mode(RelayMode::Custom(relays.map()))
        .dns_resolver(relays.resolver())
        .ca_tls_config(CaTlsConfig::embedded().with_extra_roots(roots))
        .clear_address_lookup()
        .portmapper_config(PortmapperConfig::Disabled)
        .net_report_config(probes)
        .bind_addr(config.bind)
        .map_err(|e| failed(format!("{e:#}")))?;
    for address in &config.external_addresses {
        builder = builder.external_addr(*address);
    }
    builder.bind().await.map_err(|e| failed(format!("{e:#}")))
}

/// Looks for another relay as soon as the one in use is lost, until the endpoint ends. By itself it looks every half a minute or so, and
/// needs two looks.
pub(crate) async fn keep_relay(endpoint: Endpoint, relays: Relays) {
    let Some((url, config)) = relays.entry() else {
        return;
    };
    let lost = |state: &RelayStatus| !state.is_connected() && state.last_error().is_some();
    let mut known = endpoint.home_relay_status();
    let mut pause = LOOK_AGAIN;
    loop {
        if known.get().iter().any(lost) {
            // A relay that is there already: nothing changes but that all are measured anew.
            endpoint.insert_relay(url.clone(), config.clone()).await;
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LOOK_SELDOM);
        } else {
            pause = LOOK_AGAIN;
            if known.updated().await.is_err() {
                return;
            }
        }
        if endpoint.is_closed() {
            return;
        }
    }
}

/// Waits until a relay has answered, or did not.
pub(crate) async fn greet(endpoint: &Endpoint, relays: &Relays) {
    let mut known = endpoint.home_relay_status();
    let answered = async {
        let settled = |state: &RelayStatus| state.is_connected() || state.last_error().is_some();
        while !known.get().iter().any(settled) {
            if known.updated().await.is_err() {
                return;
            }
        }
    };
    // What it says then is the same with and without an answer.
    timeout(RELAY_WAIT, answered).await.ok();
    if let Some(state) = relay_state(endpoint, relays)
        && !state.connected
    {
        warn!(
            relay = %state.relay,
            reason = state.error.as_deref().unwrap_or("no answer"),
            "no relay yet: who cannot reach this machine directly does not reach it"
        );
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match all {
        Ok(all) if Vec::is_empty(&all) => Err("there is no certificate in it".into()),
        Ok(all) => Ok(all),
        Err(error) => Err(error.to_string()),
    }
}

/// The relay nearest to this node; before that is known, the first of the configuration.
pub(crate) fn relay_state(endpoint: &Endpoint, relays: &Relays) -> Option<RelayState> {
    let home = endpoint.home_relay_status().get().into_iter().next();
    let known = home.and_then(|status| {
        Some(RelayState {
            relay: status.url().try_into().ok()?,
            connected: status.is_connected(),
            error: status.last_error().map(|error| format!("{error:#}")),
        })
    });
    known.or_else(|| {
        Some(RelayState {
            relay: relays.first()?.clone(),
            connected: false,
            error: None,
        })
    })
}

/// The configured addresses first, then those the endpoint knows of itself. The relay stays the last one until there is
/// another, so that an interruption changes nothing on chain. After it come the others of the configuration, as far as there is room: this node goes to one
/// of them when its own dies, and who has only this address finds it there.
pub(crate) fn current_address(
    endpoint: &Endpoint,
    external: &[SocketAddr],
    relays: &Relays,
    last: Option<&Relay>,
) -> Result<PeerAddress, AddressError> {
    let known = endpoint.addr();
    let home = known.relay_urls().next().map(Relay::try_from);
    let relay = match home {
        Some(Ok(home)) => Some(home),
        _ => last.or(relays.first()).cloned(),
    };
    // With a relay the endpoint also knows the address that a router shows for it, which leads back to it for as long
    // as it talks to that relay, from some networks. Peers tell each other when they connect; on chain it has no place.
    let seen = |ip: IpAddr| relay.is_none() || UdpSocket::bind((ip, 0)).is_ok();
    let own = known.ip_addrs().copied().chain(endpoint.bound_sockets());
    let mut addresses = external.to_vec();
    for address in own.filter(|address| address::dialable(address) && seen(address.ip())) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.truncate(PeerAddress::MAX_DIRECT);
    let mut through: Vec<Relay> = relay.into_iter().collect();
    for other in relays.all() {
        if through.len() < PeerAddress::MAX_RELAYS && !through.contains(other) {
            through.push(other.clone());
        }
    }
    loop {
        let address =
            PeerAddress::with_relays(endpoint.id(), addresses.clone(), through.iter().cloned());
        match address {
            // Half of the addresses are worth less than a second relay.
            Err(AddressError::TooLong(_)) if addresses.len() > PeerAddress::MAX_DIRECT / 2 => {
                addresses.pop();
            }
            Err(AddressError::TooLong(_)) if through.len() > 1 => {
                through.pop();
            }
            address => return address,
        }
    }
}
