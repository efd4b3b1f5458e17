//! How fast a provider answers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::{PeerAddress, PeerFault, standing::Standing};

/// What came of one answer, and how fast; what this node waited for its own limit does not count.
pub(crate) struct Meter {
    started: Instant,
    bytes: AtomicU64,
    waited_us: AtomicU64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            bytes: AtomicU64::new(0),
            waited_us: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn wait(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        let waited = Duration::from_micros(self.waited_us.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(waited)
    }

    /// Bytes per second, rounded down.
    pub(crate) fn rate(&self) -> u64 {
        let micros = self.elapsed().as_micros().max(1);
        let rate = u128::from(self.bytes()) * 1_000_000 / micros;
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    pub(crate) fn too_slow(&self) -> PeerFault {
        PeerFault::Slow {
            bytes_per_second: self.rate(),
        }
    }

    pub(crate) fn tell(&self, standing: &Standing, peer: &PeerAddress) {
        standing.served(peer.id(), self.bytes(), self.rate());
    }
}
