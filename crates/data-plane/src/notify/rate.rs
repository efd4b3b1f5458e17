//! How many notifications a peer may send.

use std::{collections::HashMap, time::Duration};

use iroh::EndpointId;
use tokio::time::Instant;

/// Token buckets, one per peer, with a bound on how many peers are remembered.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    burst: u32,
    refill: Duration,
    max_peers: usize,
    /// When the bucket of each peer will be full again. A peer that is not here has a full one.
    full_at: HashMap<EndpointId, Instant>,
}

impl RateLimiter {
    pub(crate) fn new(burst: u32, refill: Duration, max_peers: usize) -> Self {
        Self {
            burst: burst.max(1),
            refill,
            max_peers,
            full_at: HashMap::new(),
        }
    }

    /// Takes one message off the peer's allowance at `now`, if there is one.
    pub(crate) fn allow(&mut self, peer: EndpointId, now: Instant) -> bool {
        if !self.full_at.contains_key(&peer) && self.full_at.len() >= self.max_peers {
            self.full_at.retain(|_, full_at| *full_at > now);
            if self.full_at.len() >= self.max_peers {
                return false;
            }
        }
        let full_at = self.full_at.get(&peer).copied().unwrap_or(now).max(now) + self.refill;
        if full_at - now > self.refill * self.burst {
            return false;
        }
        self.full_at.insert(peer, full_at);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::SecretKey;

    fn peer(n: u8) -> EndpointId {
        SecretKey::from_bytes(&[n; 32]).public()
    }

    const TICK: Duration = Duration::from_millis(100);

    #[test]
    fn a_burst_then_one_per_refill() {
        let mut rate = RateLimiter::new(3, TICK, 10);
        let start = Instant::now();
        for _ in 0..3 {
            assert!(rate.allow(peer(1), start));
        }
        assert!(!rate.allow(peer(1), start));
        assert!(rate.allow(peer(2), start), "peers do not share");
        assert!(!rate.allow(peer(1), start + TICK / 2));
        assert!(rate.allow(peer(1), start + TICK));
        assert!(!rate.allow(peer(1), start + TICK));
        for _ in 0..3 {
            assert!(
                rate.allow(peer(1), start + TICK * 100),
                "a rest fills the bucket"
            );
        }
        assert!(!rate.allow(peer(1), start + TICK * 100), "but no further");
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let mut rate = RateLimiter::new(1, TICK, 2);
        let start = Instant::now();
        assert!(rate.allow(peer(1), start));
        assert!(rate.allow(peer(2), start));
        assert!(!rate.allow(peer(3), start), "no room to remember it");
        assert!(
            rate.allow(peer(3), start + TICK),
            "the others are forgotten when they are full again"
        );
        assert_eq!(rate.full_at.len(), 1);
    }
}
