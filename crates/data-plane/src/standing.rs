//! What was seen of providers: who serves fast is asked first, who failed last.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use iroh::EndpointId;
use tokio::time::Instant;

use crate::{PeerAddress, PeerFault};

/// How long a failure counts against a provider. Longer, and one that was restarted waits; shorter, and each blob of a
/// batch waits for the same dead peer.
const MEMORY: Duration = Duration::from_secs(60);
/// How long a provider that lacked something is not asked beside another one. Longer, and who fetches the same a little later is of no use
/// to others; shorter, and it is asked in vain.
const LACKS: Duration = Duration::from_secs(10);
/// Peers that are remembered.
const MAX_PEERS: usize = 4096;
/// Transfers shorter than this say nothing about speed.
const TELLING: u64 = 64 << 10;
/// What is assumed of a provider that was never seen, bytes per second: better than a slow line, worse than a near
/// machine.
const UNKNOWN: u64 = 16 << 20;

#[derive(Debug, Clone, Copy)]
struct Record {
    /// Bytes per second of content, a running mean; 0: never measured.
    rate: u64,
    failed: Option<Instant>,
    served: Option<Instant>,
    /// When it last had not what it was asked for, unless it has served since.
    lacked: Option<Instant>,
    /// When it last was too slow, or silent.
    slow: Option<Instant>,
    seen: Instant,
}

/// What was seen of providers.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<HashMap<EndpointId, Record>>);

impl Standing {
    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, peer: EndpointId, change: impl FnOnce(&mut Record)) {
        let now = Instant::now();
        let mut known = self.lock();
        if !known.contains_key(&peer) && known.len() >= MAX_PEERS {
            let oldest = known.iter().min_by_key(|(_, record)| record.seen);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                known.remove(&oldest);
            }
        }
        let record = known.entry(peer).or_insert(Record {
            rate: 0,
            failed: None,
            served: None,
            lacked: None,
            slow: None,
            seen: now,
        });
        record.seen = now;
        change(record);
    }

    /// A provider served so many bytes, at so many a second.
    pub(crate) fn served(&self, peer: EndpointId, bytes: u64, rate: u64) {
        self.note(peer, |record| {
            (record.failed, record.lacked) = (None, None);
            record.served = Some(Instant::now());
            if bytes >= TELLING {
                record.rate = match record.rate {
                    0 => rate,
                    before => before / 4 * 3 + rate / 4,
                };
            }
        });
    }

    /// A provider did not do.
    pub(crate) fn failed(&self, peer: EndpointId, fault: &PeerFault) {
        self.note(peer, |record| match fault {
            PeerFault::Slow { bytes_per_second } => {
                record.rate = (*bytes_per_second).max(1);
                (record.served, record.slow) = (None, Some(Instant::now()));
            }
            // It has nothing of this content; of other content it may.
            PeerFault::Missing | PeerFault::Forbidden => record.lacked = Some(Instant::now()),
            _ => record.failed = Some(Instant::now()),
        });
    }

    /// Whether a provider serves what it is asked for, by what was seen of late.
    pub(crate) fn serves(&self, peer: EndpointId) -> bool {
        let known = self.lock();
        known.get(&peer).is_some_and(|record| {
            record.lacked.is_none()
                && !is_within(record.failed, MEMORY)
                && is_within(record.served, MEMORY)
        })
    }

    /// Whether nothing is known of a provider that speaks for or against it.
    pub(crate) fn is_stranger(&self, peer: EndpointId) -> bool {
        let known = self.lock();
        known.get(&peer).is_none_or(|record| {
            !is_within(record.failed, MEMORY)
                && !is_within(record.slow, MEMORY)
                && !is_within(record.lacked, LACKS)
                && (record.lacked.is_some() || !is_within(record.served, MEMORY))
        })
    }

    /// Who failed of late comes last; of the others who is at least twice as fast comes first. Equals keep their order.
    pub(crate) fn best_first<'a>(&self, peers: &'a [PeerAddress]) -> Vec<&'a PeerAddress> {
        let mut sorted: Vec<&PeerAddress> = peers.iter().collect();
        let known = self.lock();
        sorted.sort_by_key(|peer| key(known.get(&peer.id())));
        sorted
    }

    /// The index of the best of some peers.
    pub(crate) fn best_first_of(&self, peers: &[&PeerAddress]) -> usize {
        let known = self.lock();
        let best = peers
            .iter()
            .enumerate()
            .min_by_key(|(_, peer)| key(known.get(&peer.id())));
        best.map_or(0, |(at, _)| at)
    }
}

fn is_within(when: Option<Instant>, time: Duration) -> bool {
    when.is_some_and(|when| when.elapsed() < time)
}

/// Smaller is better.
fn key(record: Option<&Record>) -> (bool, std::cmp::Reverse<u32>) {
    let failed = is_within(record.and_then(|record| record.failed), MEMORY);
    let rate = record.map(|record| record.rate).filter(|rate| *rate > 0);
    (failed, std::cmp::Reverse(rate.unwrap_or(UNKNOWN).ilog2()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::SecretKey;

    fn peer(n: u8) -> PeerAddress {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        PeerAddress::new(SecretKey::from_bytes(&[n; 32]).public(), [address]).expect("valid")
    }

    #[tokio::test(start_paused = true)]
    async fn the_fast_come_first_the_failed_last_and_both_is_forgiven() {
        let peers: Vec<PeerAddress> = (1..=4).map(peer).collect();
        let standing = Standing::default();
        let order =
            || -> Vec<EndpointId> { standing.best_first(&peers).iter().map(|p| p.id()).collect() };
        let id = |n: usize| peers[n].id();
        assert_eq!(order(), [id(0), id(1), id(2), id(3)], "as they were given");
        standing.served(id(2), 1 << 20, 1 << 30);
        standing.served(id(1), 1 << 20, 1 << 10);
        standing.served(id(3), 10, 1 << 40);
        assert_eq!(
            order(),
            [id(2), id(0), id(3), id(1)],
            "ten bytes tell nothing"
        );
        standing.failed(id(2), &PeerFault::WrongBytes);
        standing.failed(id(0), &PeerFault::Missing);
        assert_eq!(order(), [id(0), id(3), id(1), id(2)]);
        tokio::time::advance(MEMORY).await;
        assert_eq!(order(), [id(2), id(0), id(3), id(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_serves_is_known_until_it_fails_or_lacks_something() {
        let (standing, id) = (Standing::default(), peer(1).id());
        let is = || (standing.serves(id), standing.is_stranger(id));
        assert_eq!(is(), (false, true));
        standing.served(id, 0, 0);
        assert_eq!(is(), (true, false));
        standing.failed(id, &PeerFault::Missing);
        assert_eq!(is(), (false, false));
        tokio::time::advance(LACKS).await;
        assert_eq!(is(), (false, true), "it may have it by now");
        standing.served(id, 0, 0);
        assert_eq!(is(), (true, false));
        let slow = PeerFault::Slow {
            bytes_per_second: 0,
        };
        for fault in [PeerFault::WrongBytes, slow] {
            standing.served(id, 0, 0);
            standing.failed(id, &fault);
            assert_eq!(is(), (false, false), "{fault}");
            tokio::time::advance(MEMORY).await;
            assert_eq!(is(), (false, true), "{fault}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_do_not_fill_the_memory() {
        let standing = Standing::default();
        for n in 0..=MAX_PEERS as u64 {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&n.to_le_bytes());
            standing.served(SecretKey::from_bytes(&seed).public(), 1 << 20, 1);
            tokio::time::advance(Duration::from_nanos(1)).await;
        }
        assert_eq!(standing.lock().len(), MAX_PEERS);
    }
}
