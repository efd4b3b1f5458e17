//! Where a peer is found: its endpoint id and the socket addresses it listens on.
//!
//! A worker's registration and a job store this on chain, so no directory service is needed. The
//! bytes are versioned and at most [`PeerAddress::MAX_BYTES`] long. Who is behind NAT names the relay
//! that it can be reached through.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use iroh::EndpointId;
use thiserror::Error;

use crate::{Relay, RelayError};

/// First byte of every encoded address. Decoders refuse other versions.
const VERSION: u8 = 1;
const TAG_RELAY: u8 = 1;
const TAG_V4: u8 = 4;
const TAG_V6: u8 = 6;

/// A peer: its endpoint id (an Ed25519 public key) and how to reach it.
///
/// Bytes: version 1, the 32 bytes of the id, the number of addresses, then per address a tag (4 or
/// 6), the IP address and the port, all big-endian. Relays count as addresses and come last: tag 1,
/// the length of the URL (1 byte) and the URL. Text: `<id>@<ip:port>,<ip:port>,<url>,<url>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerAddress {
    id: EndpointId,
    direct: Vec<SocketAddr>,
    relays: Vec<Relay>,
}

/// Why bytes or a text are not a [`PeerAddress`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The bytes end early or carry more than the address.
    #[error("the address is cut short or has bytes to spare: copy the whole of it")]
    Length,
    /// Written by a version of the software that this one does not know.
    #[error("address version {0} is not known here: update this software")]
    Version(u8),
    /// The id is not a point on the curve.
    #[error("the endpoint id is not an Ed25519 public key")]
    Id,
    /// An address tag other than IPv4, IPv6 and a relay.
    #[error("address kind {0} is not known here: only IPv4, IPv6 and then relays are")]
    Kind(u8),
    /// More than [`PeerAddress::MAX_RELAYS`].
    #[error("an address names up to {max} relays, not {0}", max = PeerAddress::MAX_RELAYS)]
    Relays(usize),
    /// More than [`PeerAddress::MAX_BYTES`].
    #[error(
        "an address has up to {max} bytes, not {0}: name fewer relays, or fewer addresses",
        max = PeerAddress::MAX_BYTES
    )]
    TooLong(usize),
    /// More than [`PeerAddress::MAX_DIRECT`] socket addresses, or nothing at all.
    #[error(
        "an address carries up to {max} socket addresses, and one at least or a relay, not {0}",
        max = PeerAddress::MAX_DIRECT
    )]
    Count(usize),
    /// A relay is no relay's URL.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// An address nobody can be reached at.
    #[error("{0} cannot be dialled: give a unicast IP address and a port other than 0")]
    NotDialable(SocketAddr),
    /// The text is not of the form `<id>@<ip:port>,...`.
    #[error("`{0}` is not of the form `<endpoint id>@<ip>:<port>[,<ip>:<port>...][,<relay>...]`")]
    Text(String),
}

impl PeerAddress {
    /// Most socket addresses one peer may list. More would let a registration make others knock on
    /// many doors; fewer would cut off machines with several networks.
    pub const MAX_DIRECT: usize = 8;
    /// Most relays one peer may list: whoever dials it knocks at all of them.
    pub const MAX_RELAYS: usize = 3;
    /// Longest encoding: that of version, id, count, [`Self::MAX_DIRECT`] IPv6 addresses and one relay. With more relays there is room for fewer addresses.
    pub const MAX_BYTES: usize =
        1 + 32 + 1 + Self::MAX_DIRECT * (1 + 16 + 2) + 1 + 1 + Relay::MAX_BYTES;

    /// An address of `id` at `direct`, which must be 1 to [`Self::MAX_DIRECT`] dialable addresses.
    /// Order is kept, repetitions are dropped.
    pub fn new(
        id: EndpointId,
        direct: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Self, AddressError> {
        Self::with_relays(id, direct, None)
    }

    /// Like [`Self::new`], reachable through any of up to [`Self::MAX_RELAYS`] relays, too; with one there need not be a socket
    /// address.
    pub fn with_relays(
        id: EndpointId,
        direct: impl IntoIterator<Item = SocketAddr>,
        relays: impl IntoIterator<Item = Relay>,
    ) -> Result<Self, AddressError> {
        let mut unique: Vec<SocketAddr> = Vec::new();
        for address in direct {
            if !dialable(&address) {
                return Err(AddressError::NotDialable(address));
            }
            // Flow label and scope are of this machine only and are not encoded.
            let address = SocketAddr::new(address.ip(), address.port());
            if !unique.contains(&address) {
                unique.push(address);
            }
        }
        let mut through: Vec<Relay> = Vec::new();
        for relay in relays {
            if !through.contains(&relay) {
                through.push(relay);
            }
        }
        let least = usize::from(through.is_empty());
        if !(least..=Self::MAX_DIRECT).contains(&unique.len()) {
            return Err(AddressError::Count(unique.len()));
        }
        if through.len() > Self::MAX_RELAYS {
            return Err(AddressError::Relays(through.len()));
        }
        let address = Self {
            id,
            direct: unique,
            relays: through,
        };
        match address.to_bytes().len() {
            long if long > Self::MAX_BYTES => Err(AddressError::TooLong(long)),
            _ => Ok(address),
        }
    }

    /// The peer's identity.
    pub fn id(&self) -> EndpointId {
        self.id
    }

    /// The socket addresses, in the order the peer prefers.
    pub fn direct(&self) -> &[SocketAddr] {
        &self.direct
    }

    /// The relay that the peer can be reached through: the first, at which it was when it said so.
    pub fn relay(&self) -> Option<&Relay> {
        self.relays.first()
    }

    /// All relays that it can be reached through, or may be when one of them is away.
    pub fn relays(&self) -> &[Relay] {
        &self.relays
    }

    /// The bytes that go on chain.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::MAX_BYTES);
        out.push(VERSION);
        out.extend_from_slice(self.id.as_bytes());
        // `with_relays` bounds the count by MAX_DIRECT and MAX_RELAYS, which together fit a byte.
        out.push((self.direct.len() + self.relays.len()) as u8);
        for address in &self.direct {
            match address.ip() {
                IpAddr::V4(ip) => {
                    out.push(TAG_V4);
                    out.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    out.push(TAG_V6);
                    out.extend_from_slice(&ip.octets());
                }
            }
            out.extend_from_slice(&address.port().to_be_bytes());
        }
        for relay in &self.relays {
            let url = relay.to_string();
            // At most Relay::MAX_BYTES.
            out.extend_from_slice(&[TAG_RELAY, url.len() as u8]);
            out.extend_from_slice(url.as_bytes());
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote. Every byte must be used.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AddressError> {
        let mut input = Input(bytes);
        let [version] = input.take::<1>()?;
        if version != VERSION {
            return Err(AddressError::Version(version));
        }
        let id = EndpointId::from_bytes(&input.take::<32>()?).map_err(|_| AddressError::Id)?;
        let [count] = input.take::<1>()?;
        let count = usize::from(count);
        if count == 0 || count > Self::MAX_DIRECT + Self::MAX_RELAYS {
            return Err(AddressError::Count(count));
        }
        let mut direct = Vec::with_capacity(count);
        let mut relays = Vec::new();
        for _ in 0..count {
            let ip = match input.take::<1>()? {
                [TAG_RELAY] => {
                    relays.push(input.relay()?);
                    continue;
                }
                // Relays come last.
                [tag] if !relays.is_empty() => return Err(AddressError::Kind(tag)),
                [TAG_V4] => IpAddr::V4(Ipv4Addr::from(input.take::<4>()?)),
                [TAG_V6] => IpAddr::V6(Ipv6Addr::from(input.take::<16>()?)),
                [other] => return Err(AddressError::Kind(other)),
            };
            direct.push(SocketAddr::new(ip, u16::from_be_bytes(input.take::<2>()?)));
        }
        if !input.0.is_empty() {
            return Err(AddressError::Length);
        }
        let (at, through) = (direct.len(), relays.len());
        let address = Self::with_relays(id, direct, relays)?;
        // Nothing is named twice: every address has one encoding.
        match (address.direct.len(), address.relays.len()) == (at, through) {
            true => Ok(address),
            false => Err(AddressError::Count(count)),
        }
    }
}

/// Whether others can send a packet there at all: no wildcard, multicast or broadcast address, none
/// that means something only on one link, a port.
pub(crate) fn dialable(address: &SocketAddr) -> bool {
    let ip = address.ip();
    let special = match ip {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !special
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], AddressError> {
        let (head, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(AddressError::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    fn relay(&mut self) -> Result<Relay, AddressError> {
        let [length] = self.take::<1>()?;
        let (url, rest) = self
            .0
            .split_at_checked(usize::from(length))
            .ok_or(AddressError::Length)?;
        self.0 = rest;
        let text = String::from_utf8_lossy(url);
        let relay: Relay = text.parse()?;
        if relay.to_string().as_bytes() != url {
            return Err(AddressError::Relay(RelayError {
                text: text.into_owned(),
                reason: "it is not written in the shortest way",
            }));
        }
        Ok(relay)
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direct = self.direct.iter().map(SocketAddr::to_string);
        let relays = self.relays.iter().map(Relay::to_string);
        let all: Vec<String> = direct.chain(relays).collect();
        write!(f, "{}@{}", self.id, all.join(","))
    }
}

impl FromStr for PeerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Text(text.chars().take(400).collect());
        let (id, direct) = text.trim().split_once('@').ok_or_else(malformed)?;
        let id = EndpointId::from_str(id).map_err(|_| malformed())?;
        let mut parts: Vec<&str> = direct.split(',').collect();
        let is_direct = |part: &&str| !part.contains("://");
        let relays = parts.split_off(parts.iter().take_while(|part| is_direct(part)).count());
        let relays = relays
            .into_iter()
            .map(str::parse::<Relay>)
            .collect::<Result<Vec<_>, _>>()?;
        if parts == [""] && !relays.is_empty() {
            parts.clear();
        }
        let direct = parts
            .into_iter()
            .map(|part| part.parse::<SocketAddr>().map_err(|_| malformed()))
            .collect::<Result<Vec<_>, _>>()?;
        Self::with_relays(id, direct, relays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::SecretKey;

    fn id() -> EndpointId {
        SecretKey::from_bytes(&[7; 32]).public()
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().expect("test address")
    }

    #[test]
    fn bytes_are_exactly_these() {
        let peer =
            PeerAddress::new(id(), [addr("127.0.0.1:4433"), addr("[::1]:80")]).expect("valid");
        let mut expected = vec![1];
        expected.extend_from_slice(id().as_bytes());
        expected.extend_from_slice(&[2, 4, 127, 0, 0, 1, 0x11, 0x51]);
        expected.push(6);
        expected.extend_from_slice(&[0; 15]);
        expected.extend_from_slice(&[1, 0, 80]);
        assert_eq!(peer.to_bytes(), expected);
        assert_eq!(PeerAddress::from_bytes(&expected), Ok(peer));
    }

    #[test]
    fn a_relay_comes_last_and_may_stand_alone() {
        let relay: Relay = "https://r.org".parse().expect("a relay");
        let peer = PeerAddress::with_relays(id(), [addr("1.2.3.4:5")], Some(relay.clone()));
        let peer = peer.expect("valid");
        let mut expected = vec![1];
        expected.extend_from_slice(id().as_bytes());
        expected.extend_from_slice(&[2, 4, 1, 2, 3, 4, 0, 5, 1, 13]);
        expected.extend_from_slice(b"https://r.org");
        assert_eq!(peer.to_bytes(), expected);
        assert_eq!(PeerAddress::from_bytes(&expected), Ok(peer.clone()));
        assert_eq!(
            peer.to_string(),
            format!("{}@1.2.3.4:5,https://r.org", id())
        );
        assert_eq!(peer.to_string().parse(), Ok(peer));

        let alone = PeerAddress::with_relays(id(), [], Some(relay)).expect("valid");
        assert_eq!(
            PeerAddress::from_bytes(&alone.to_bytes()),
            Ok(alone.clone())
        );
        assert_eq!(alone.to_string().parse(), Ok(alone.clone()));
        for end in 0..alone.to_bytes().len() {
            assert!(
                PeerAddress::from_bytes(&alone.to_bytes()[..end]).is_err(),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_relay_is_encoded_in_one_way_only() {
        let with = |count: u8, rest: &[&[u8]]| {
            let mut bytes = vec![1];
            bytes.extend_from_slice(id().as_bytes());
            bytes.push(count);
            bytes.extend(rest.concat());
            PeerAddress::from_bytes(&bytes)
        };
        let relay: &[u8] = b"\x01\x0dhttps://r.org";
        let ip: &[u8] = &[4, 1, 2, 3, 4, 0, 5];
        assert!(with(2, &[ip, relay]).is_ok());
        assert_eq!(
            with(2, &[relay, ip]),
            Err(AddressError::Kind(4)),
            "not last"
        );
        assert_eq!(
            with(2, &[relay, relay]),
            Err(AddressError::Count(2)),
            "twice the same"
        );
        assert_eq!(with(2, &[ip, ip]), Err(AddressError::Count(2)));
        let four: Vec<u8> = (b'a'..=b'd')
            .flat_map(|n| [&b"\x01\x0dhttps://"[..], &[n], b".org"].concat())
            .collect();
        assert_eq!(with(4, &[&four]), Err(AddressError::Relays(4)));
        assert_eq!(with(3, &[&four]), Err(AddressError::Length));
        let address = with(3, &[&four[..45]]).expect("three are allowed");
        assert_eq!(address.relays().len(), 3);
        assert_eq!(address.to_string().parse(), Ok(address));
        assert_eq!(with(1, &[relay, &[0]]), Err(AddressError::Length));
        assert_eq!(with(1, &[b"\x01\xff"]), Err(AddressError::Length));
        for text in [
            &b"https://r.org/"[..],
            b"https://R.org",
            b" https://r.org",
            b"https://r.org:443",
            b"ssh://r.org",
            b"",
            b"\xff\xfe",
        ] {
            let result = with(1, &[&[1, text.len() as u8], text]);
            assert!(matches!(result, Err(AddressError::Relay(_))), "{result:?}");
        }
        let nine: Vec<u8> = (0..9).flat_map(|port| [4, 1, 2, 3, 4, 1, port]).collect();
        assert_eq!(with(9, &[&nine]), Err(AddressError::Count(9)));
    }

    #[test]
    fn the_longest_address_fits_the_field_on_chain() {
        let many = (1..=8).map(|port| SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
        let relay = format!("https://{}.org", "r".repeat(56));
        let peer = PeerAddress::with_relays(id(), many, relay.parse().ok());
        let peer = peer.expect("eight are allowed, and a relay");
        assert_eq!(peer.to_bytes().len(), PeerAddress::MAX_BYTES);
        const { assert!(PeerAddress::MAX_BYTES <= 256) };
        let relays = ["r", "s", "t"].map(|n| format!("https://{}.org", n.repeat(56)));
        let relays = relays.map(|relay| relay.parse::<Relay>().expect("a relay"));
        let many = (1..=8).map(|port| SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
        assert_eq!(
            PeerAddress::with_relays(id(), many, relays.clone()),
            Err(AddressError::TooLong(256 + 2 * 70))
        );
        let alone = PeerAddress::with_relays(id(), [addr("1.2.3.4:5")], relays);
        assert_eq!(alone.expect("they fit").relays().len(), 3);
        let nine = (1..=9).map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        assert_eq!(PeerAddress::new(id(), nine), Err(AddressError::Count(9)));
        assert_eq!(PeerAddress::new(id(), []), Err(AddressError::Count(0)));
    }

    #[test]
    fn text_round_trips() {
        let peer = PeerAddress::new(id(), [addr("10.1.2.3:9"), addr("[2001:db8::1]:65535")])
            .expect("valid");
        let text = peer.to_string();
        assert!(text.ends_with("@10.1.2.3:9,[2001:db8::1]:65535"), "{text}");
        assert_eq!(text.parse(), Ok(peer));
    }

    #[test]
    fn every_truncation_and_addition_is_refused() {
        let bytes = PeerAddress::new(id(), [addr("127.0.0.1:1"), addr("[::1]:2")])
            .expect("valid")
            .to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(
                PeerAddress::from_bytes(&bytes[..end]),
                Err(AddressError::Length),
                "cut at {end}"
            );
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(PeerAddress::from_bytes(&longer), Err(AddressError::Length));
    }

    #[test]
    fn foreign_bytes_are_refused_with_the_reason() {
        let good = PeerAddress::new(id(), [addr("127.0.0.1:1")])
            .expect("valid")
            .to_bytes();
        let with = |index: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[index] = value;
            PeerAddress::from_bytes(&bytes)
        };
        assert_eq!(with(0, 2), Err(AddressError::Version(2)));
        assert_eq!(with(33, 0), Err(AddressError::Count(0)));
        assert_eq!(with(33, 200), Err(AddressError::Count(200)));
        assert_eq!(with(34, 5), Err(AddressError::Kind(5)));
        let mut no_point = good.clone();
        no_point[1..33].copy_from_slice(&[2; 32]);
        assert_eq!(PeerAddress::from_bytes(&no_point), Err(AddressError::Id));
        let mut port_zero = good.clone();
        let end = port_zero.len();
        port_zero[end - 1] = 0;
        assert!(matches!(
            PeerAddress::from_bytes(&port_zero),
            Err(AddressError::NotDialable(_))
        ));
    }

    #[test]
    fn addresses_nobody_answers_at_are_refused() {
        for text in [
            "0.0.0.0:1",
            "[::]:1",
            "224.0.0.1:1",
            "255.255.255.255:1",
            "[ff02::1]:1",
            "[fe80::1]:1",
            "169.254.1.1:1",
            "1.2.3.4:0",
        ] {
            assert_eq!(
                PeerAddress::new(id(), [addr(text)]),
                Err(AddressError::NotDialable(addr(text)))
            );
        }
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in [
            "",
            "@",
            "abc@127.0.0.1:1",
            &format!("{}@", id()),
            &format!("{}@host:1", id()),
            &id().to_string(),
        ] {
            assert!(text.parse::<PeerAddress>().is_err(), "{text}");
        }
    }
}
