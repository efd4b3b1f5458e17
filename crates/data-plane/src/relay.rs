//! Relays: servers that pass packets between peers that cannot reach each other, and tell a peer behind NAT the address
//! it is seen at, so that two of them can try to get through directly.
//!
//! A relay sees who talks to whom and how much, but nothing of what: connections are encrypted between the peers. A
//! peer's address names the relay that it keeps a connection to, and whoever wants to reach the peer goes there. So an
//! address, which anyone may write, makes others open a connection. It leads to nothing but public addresses by https,
//! unless it is one of the relays that were configured here.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use iroh::{
    EndpointAddr, RelayConfig, RelayMap, RelayUrl, TransportAddr,
    dns::{BoxIter, DnsError, DnsResolver, Resolver, TxtRecordData},
};
use thiserror::Error;

use crate::PeerAddress;

/// Longest wait for a name.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// A relay server: a URL of scheme, host and, if it is not the scheme's own, port.
///
/// Plain http is for tests and for networks of one's own: what is relayed is encrypted in any case, but anyone on the
/// way sees the parties' identities, and hole punching needs a certificate.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Relay(RelayUrl);

/// Why a text is not a [`Relay`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is no relay: {reason}; write https://HOST or https://HOST:PORT")]
pub struct RelayError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Relay {
    /// Longest URL in bytes: an address on chain has 256, of which the socket addresses take up to 186.
    pub const MAX_BYTES: usize = 68;

    fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The address, if the URL has one in place of a name.
    fn ip(&self) -> Option<IpAddr> {
        let host = self.host();
        let host = host.strip_prefix('[').unwrap_or(host);
        host.strip_suffix(']').unwrap_or(host).parse().ok()
    }
}

impl FromStr for Relay {
    type Err = RelayError;

    fn from_str(text: &str) -> Result<Self, RelayError> {
        let wrong = |reason| RelayError {
            text: text.chars().take(200).collect(),
            reason,
        };
        let url: RelayUrl = text.trim().parse().map_err(|_| wrong("it is no URL"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(wrong("only https, and http for tests, are spoken"));
        }
        if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
            return Err(wrong("it names no host, or port 0"));
        }
        let bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(wrong("nothing may stand before or after the host"));
        }
        let relay = Self(url);
        if relay.to_string().len() > Self::MAX_BYTES {
            return Err(wrong("it has more than 68 bytes"));
        }
        Ok(relay)
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<&RelayUrl> for Relay {
    type Error = RelayError;

    fn try_from(url: &RelayUrl) -> Result<Self, RelayError> {
        url.as_str().parse()
    }
}

/// The relays that were configured here, and what others may name beside them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relays(Vec<Relay>);

impl Relays {
    pub(crate) fn new(own: Vec<Relay>) -> Self {
        Self(own)
    }

    pub(crate) fn map(&self) -> RelayMap {
        self.0.iter().map(|relay| relay.0.clone()).collect()
    }

    /// The first of the map.
    pub(crate) fn entry(&self) -> Option<(RelayUrl, Arc<RelayConfig>)> {
        let url = &self.first()?.0;
        Some((url.clone(), self.map().get(url)?))
    }

    pub(crate) fn all(&self) -> &[Relay] {
        &self.0
    }

    pub(crate) fn first(&self) -> Option<&Relay> {
        self.0.first()
    }

    /// Whether a relay that a peer names may be used. The error is the reason in words.
    fn admits(&self, relay: &Relay) -> Result<(), &'static str> {
        if self.0.contains(relay) {
            return Ok(());
        }
        if relay.0.scheme() != "https" {
            return Err("only https is used, unless it is configured here");
        }
        // Its name may lead where public ones may not: no other port of that machine is asked.
        if self.0.iter().any(|own| same_name(own.host(), relay.host())) {
            return Err("of that host, another relay is configured here");
        }
        match relay.ip() {
            Some(ip) if !is_public(ip) => Err("it is not public, and not configured here"),
            _ => Ok(()),
        }
    }

    /// How to dial a peer, and why relays of its stay out of it, if any do. The error is the reason in words, if nothing
    /// is left to dial.
    pub(crate) fn route(
        &self,
        peer: &PeerAddress,
    ) -> Result<(EndpointAddr, Option<String>), String> {
        let mut ways: Vec<_> = peer
            .direct()
            .iter()
            .copied()
            .map(TransportAddr::Ip)
            .collect();
        let mut left_out = Vec::new();
        for relay in peer.relays() {
            match self.admits(relay) {
                Ok(()) => ways.push(TransportAddr::Relay(relay.0.clone())),
                Err(reason) => {
                    left_out.push(format!("its relay {relay} is not used: {reason}"));
                }
            }
        }
        let left_out = (!left_out.is_empty()).then(|| left_out.join("; "));
        match left_out {
            Some(reason) if ways.is_empty() => Err(reason),
            left_out => Ok((EndpointAddr::from_parts(peer.id(), ways), left_out)),
        }
    }

    /// Looks up names as the system does; only those of the relays configured here may lead to other than public
    /// addresses. Checked with each answer, so that a name that changes its mind is of no use.
    pub(crate) fn resolver(&self) -> DnsResolver {
        DnsResolver::custom(PublicNames {
            own: self.0.iter().map(|own| own.host().to_owned()).collect(),
            system: DnsResolver::new(),
        })
    }
}

fn same_name(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|name| name.strip_suffix('.').unwrap_or(name));
    a.eq_ignore_ascii_case(b)
}

#[derive(Clone, Debug)]
struct PublicNames {
    own: Vec<String>,
    system: DnsResolver,
}

impl PublicNames {
    fn allows(&self, host: &str, ip: IpAddr) -> bool {
        is_public(ip) || self.own.iter().any(|own| same_name(own, host))
    }
}

impl Resolver for PublicNames {
    fn lookup_ipv4(&self, host: String) -> BoxFuture<'static, Result<BoxIter<Ipv4Addr>, DnsError>> {
        let this = self.clone();
        Box::pin(async move {
            let found = this
                .system
                .lookup_ipv4(host.clone(), LOOKUP_TIMEOUT)
                .await?;
            let found = found.filter(|ip| this.allows(&host, *ip));
            let found: Vec<_> = found
                .filter_map(|ip| match ip {
                    IpAddr::V4(ip) => Some(ip),
                    IpAddr::V6(_) => None,
                })
                .collect();
            Ok(Box::new(found.into_iter()) as BoxIter<Ipv4Addr>)
        })
    }

    fn lookup_ipv6(&self, host: String) -> BoxFuture<'static, Result<BoxIter<Ipv6Addr>, DnsError>> {
        let this = self.clone();
        Box::pin(async move {
            let found = this
                .system
                .lookup_ipv6(host.clone(), LOOKUP_TIMEOUT)
                .await?;
            let found = found.filter(|ip| this.allows(&host, *ip));
            let found: Vec<_> = found
                .filter_map(|ip| match ip {
                    IpAddr::V6(ip) => Some(ip),
                    IpAddr::V4(_) => None,
                })
                .collect();
            Ok(Box::new(found.into_iter()) as BoxIter<Ipv6Addr>)
        })
    }

    fn lookup_txt(
        &self,
        host: String,
    ) -> BoxFuture<'static, Result<BoxIter<TxtRecordData>, DnsError>> {
        let system = self.system.clone();
        Box::pin(async move {
            let found: Vec<_> = system.lookup_txt(host, LOOKUP_TIMEOUT).await?.collect();
            Ok(Box::new(found.into_iter()) as BoxIter<TxtRecordData>)
        })
    }

    fn clear_cache(&self) {
        self.system.clear_cache();
    }

    fn reset(&self) -> Box<dyn Resolver> {
        self.system.reset();
        Box::new(self.clone())
    }
}

/// Whether an address is of the public internet: neither this machine's nor a private network's, nor one that only
/// wraps another address, nor set aside for other purposes (IANA special-purpose registries).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0 | 127 | 10, ..] | [169, 254, ..] | [192, 168, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        [172, second, ..] => second & 0xf0 == 16,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [first, ..] => first >= 224,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        // Teredo and other protocol assignments, documentation, 6to4.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x2002, ..] => false,
        [0x3fff, second, ..] => second & 0xf000 != 0,
        // All else outside of global unicast is local, wraps an IPv4 address, or is not given out.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use iroh::SecretKey;

    use super::*;

    fn relay(text: &str) -> Relay {
        text.parse().expect("a relay")
    }

    fn peer(relay: &str, direct: &[&str]) -> PeerAddress {
        let id = SecretKey::from_bytes(&[9; 32]).public();
        let direct: Vec<SocketAddr> = direct.iter().map(|a| a.parse().expect("address")).collect();
        PeerAddress::with_relays(id, direct, Some(relay.parse().expect("relay"))).expect("valid")
    }

    #[test]
    fn a_relay_is_a_host_and_nothing_else() {
        for text in [
            "https://relay.example.org",
            "https://relay.example.org:8443",
            "http://127.0.0.1:3340",
            "https://[2001:db8::1]:443",
        ] {
            let shown = relay(text).to_string();
            assert_eq!(relay(&shown), relay(text));
            assert_eq!(relay(&format!("{text}/")), relay(text));
        }
        assert_eq!(
            relay("https://RELAY.org:443/").to_string(),
            "https://relay.org"
        );
        for text in [
            "",
            "relay.example.org",
            "ftp://relay.example.org",
            "file:///etc/passwd",
            "https://",
            "https://user@relay.example.org",
            "https://user:word@relay.example.org",
            "https://relay.example.org/admin",
            "https://relay.example.org/?x=1",
            "https://relay.example.org/#x",
            "https://relay.example.org:0",
            &format!("https://{}.org", "a".repeat(57)),
        ] {
            let error = text.parse::<Relay>().expect_err(text);
            assert!(error.to_string().contains("https://HOST"), "{error}");
        }
        assert_eq!(
            relay(&format!("https://{}.org", "a".repeat(56)))
                .to_string()
                .len(),
            Relay::MAX_BYTES
        );
    }

    #[test]
    fn what_a_peer_names_leads_to_no_private_service() {
        let relays = Relays::new(vec![
            relay("http://10.9.8.7:3340"),
            relay("https://own.lan"),
        ]);
        for hostile in [
            "https://127.0.0.1:9944",
            "https://0.0.0.0",
            "https://10.0.0.1",
            "https://172.16.0.1",
            "https://172.31.255.1",
            "https://192.168.1.1",
            "https://169.254.169.254",
            "https://100.64.0.1",
            "https://198.18.0.1",
            "https://224.0.0.1",
            "https://255.255.255.255",
            "https://2130706433",
            "https://0x7f.1",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[64:ff9b::7f00:1]",
            "https://[2002:7f00:1::]",
            "https://[fd00::1]",
            "https://[fe80::1]",
            "https://[ff02::1]",
            "https://[2001:db8::1]",
            "http://relay.example.org",
            "http://1.1.1.1",
            "http://10.9.8.7:22",
            "https://10.9.8.7:3340",
            "https://own.lan:22",
            "https://OWN.lan.:22",
        ] {
            let reason = relays.route(&peer(hostile, &[])).expect_err(hostile);
            assert!(reason.contains("is not used"), "{reason}");
            // What else the peer can be reached at still counts.
            let (way, left_out) = relays
                .route(&peer(hostile, &["1.2.3.4:5"]))
                .expect("direct");
            assert_eq!(way.relay_urls().count(), 0, "{hostile}");
            assert!(left_out.is_some());
        }
        for fine in [
            "https://relay.example.org",
            "https://relay.example.org:8443",
            "https://1.1.1.1",
            "https://172.32.0.1",
            "https://[2606:4700::1111]",
            "http://10.9.8.7:3340",
            "https://own.lan",
        ] {
            let (way, left_out) = relays.route(&peer(fine, &[])).expect(fine);
            assert_eq!(way.relay_urls().count(), 1, "{fine}");
            assert_eq!(left_out, None);
        }
    }

    #[test]
    fn a_name_leads_to_public_addresses_only_unless_it_is_ours() {
        let names = PublicNames {
            own: vec!["own.lan".into()],
            system: DnsResolver::new(),
        };
        let local: IpAddr = Ipv4Addr::LOCALHOST.into();
        assert!(names.allows("own.lan", local) && names.allows("OWN.lan.", local));
        assert!(!names.allows("hostile.example.org", local));
        assert!(!names.allows("own.lan.example.org", local));
        assert!(names.allows("hostile.example.org", Ipv4Addr::new(1, 1, 1, 1).into()));
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_looked_up_for_ours_alone() {
        let addresses = async |own: &str| {
            let resolver = Relays::new(vec![relay(own)]).resolver();
            let found = resolver.lookup_ipv4("localhost", LOOKUP_TIMEOUT).await;
            found.map_or(0, Iterator::count)
        };
        assert!(addresses("https://localhost").await > 0);
        assert_eq!(addresses("https://relay.example.org").await, 0);
    }
}
