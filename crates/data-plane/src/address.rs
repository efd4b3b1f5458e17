//! Where a peer is found: its endpoint id and the socket addresses it listens on.
//!
//! A worker's registration and a job store this on chain, so no directory service is needed. The
//! bytes are versioned and at most [`PeerAddress::MAX_BYTES`] long.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use iroh::{EndpointAddr, EndpointId, TransportAddr};
use thiserror::Error;

/// First byte of every encoded address. Decoders refuse other versions.
const VERSION: u8 = 1;
const TAG_V4: u8 = 4;
const TAG_V6: u8 = 6;

/// A peer: its endpoint id (an Ed25519 public key) and how to reach it.
///
/// Bytes: version 1, the 32 bytes of the id, the number of addresses, then per address a tag (4 or
/// 6), the IP address and the port, all big-endian. Text: `<id>@<ip:port>,<ip:port>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerAddress {
    id: EndpointId,
    direct: Vec<SocketAddr>,
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
    /// An address tag other than IPv4 and IPv6.
    #[error("address kind {0} is not known: only IPv4 and IPv6 are")]
    Kind(u8),
    /// No address, or more than [`PeerAddress::MAX_DIRECT`].
    #[error("an address carries 1 to {max} socket addresses, not {0}", max = PeerAddress::MAX_DIRECT)]
    Count(usize),
    /// An address nobody can be reached at.
    #[error("{0} cannot be dialled: give a unicast IP address and a port other than 0")]
    NotDialable(SocketAddr),
    /// The text is not of the form `<id>@<ip:port>,...`.
    #[error("`{0}` is not of the form `<endpoint id>@<ip>:<port>[,<ip>:<port>...]`")]
    Text(String),
}

impl PeerAddress {
    /// Most socket addresses one peer may list. More would let a registration make others knock on
    /// many doors; fewer would cut off machines with several networks.
    pub const MAX_DIRECT: usize = 8;
    /// Longest encoding: version, id, count and [`Self::MAX_DIRECT`] IPv6 addresses.
    pub const MAX_BYTES: usize = 1 + 32 + 1 + Self::MAX_DIRECT * (1 + 16 + 2);

    /// An address of `id` at `direct`, which must be 1 to [`Self::MAX_DIRECT`] dialable addresses.
    /// Order is kept, repetitions are dropped.
    pub fn new(
        id: EndpointId,
        direct: impl IntoIterator<Item = SocketAddr>,
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
        if unique.is_empty() || unique.len() > Self::MAX_DIRECT {
            return Err(AddressError::Count(unique.len()));
        }
        Ok(Self { id, direct: unique })
    }

    /// The peer's identity.
    pub fn id(&self) -> EndpointId {
        self.id
    }

    /// The socket addresses, in the order the peer prefers.
    pub fn direct(&self) -> &[SocketAddr] {
        &self.direct
    }

    /// The bytes that go on chain.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::MAX_BYTES);
        out.push(VERSION);
        out.extend_from_slice(self.id.as_bytes());
        // `new` bounds the count by MAX_DIRECT, which fits a byte.
        out.push(self.direct.len() as u8);
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
        if count == 0 || count > Self::MAX_DIRECT {
            return Err(AddressError::Count(count));
        }
        let mut direct = Vec::with_capacity(count);
        for _ in 0..count {
            let ip = match input.take::<1>()? {
                [TAG_V4] => IpAddr::V4(Ipv4Addr::from(input.take::<4>()?)),
                [TAG_V6] => IpAddr::V6(Ipv6Addr::from(input.take::<16>()?)),
                [other] => return Err(AddressError::Kind(other)),
            };
            direct.push(SocketAddr::new(ip, u16::from_be_bytes(input.take::<2>()?)));
        }
        if !input.0.is_empty() {
            return Err(AddressError::Length);
        }
        Self::new(id, direct)
    }

    pub(crate) fn to_endpoint_addr(&self) -> EndpointAddr {
        EndpointAddr::from_parts(self.id, self.direct.iter().copied().map(TransportAddr::Ip))
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
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.id)?;
        for (i, address) in self.direct.iter().enumerate() {
            write!(f, "{}{address}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for PeerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Text(text.chars().take(400).collect());
        let (id, direct) = text.trim().split_once('@').ok_or_else(malformed)?;
        let id = EndpointId::from_str(id).map_err(|_| malformed())?;
        let direct = direct
            .split(',')
            .map(|part| part.parse::<SocketAddr>().map_err(|_| malformed()))
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(id, direct)
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
    fn the_longest_address_fits_the_field_on_chain() {
        let many = (1..=8).map(|port| SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
        let peer = PeerAddress::new(id(), many).expect("eight are allowed");
        assert_eq!(peer.to_bytes().len(), PeerAddress::MAX_BYTES);
        const { assert!(PeerAddress::MAX_BYTES <= 256) };
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
