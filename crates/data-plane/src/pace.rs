//! How fast content comes and goes: a token bucket for each way, from which all peers take in turn.
//!
//! A peer has one place in the row, however many requests it has open, so that nobody gets more of a narrow line by asking
//! more often. Whoever is in front waits for the tokens that it needs; nobody else wakes up meanwhile.

use std::{
    collections::HashMap,
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use iroh::EndpointId;
use tokio::{sync::watch, time::Instant};

/// Most bytes of content per second, proofs included, with all peers together; `None`: as fast as they go. What the
/// transport adds, some percent, comes on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// What others are sent.
    pub upload: Option<NonZeroU64>,
    /// What is fetched from others.
    pub download: Option<NonZeroU64>,
}

const NANOS: i128 = 1_000_000_000;
/// What may pass at once after a pause, as a part of what passes in a second. More, and a pause is followed by a burst
/// that is felt; less, and the timer's grain costs throughput.
const BURST_PART: u64 = 4;
/// The least of it, bytes: some pieces, which pass as a whole.
const LEAST_BURST: u64 = 64 << 10;

fn burst(rate: NonZeroU64) -> u64 {
    (rate.get() / BURST_PART).max(LEAST_BURST)
}

/// What may pass now. In any time `t` it lets no more through than its burst and `t` times its rate, unless a single piece
/// is larger than the burst: that one passes when the bucket is full, and is owed for.
#[derive(Debug)]
struct Bucket {
    /// Billionths of a byte; below 0: owed.
    level: i128,
    at: Instant,
}

impl Bucket {
    /// Takes `bytes` out at `now`. The error is how long to wait before there are as many.
    fn take(&mut self, bytes: u64, rate: NonZeroU64, now: Instant) -> Result<(), Duration> {
        let full = i128::from(burst(rate)) * NANOS;
        let passed = now.saturating_duration_since(self.at).as_nanos();
        let earned = passed.saturating_mul(rate.get().into());
        let earned = i128::try_from(earned).unwrap_or(i128::MAX);
        self.level += earned.min(full - self.level);
        self.at = self.at.max(now);
        let price = i128::from(bytes) * NANOS;
        let missing = price.min(full) - self.level;
        if missing > 0 {
            let nanos = (missing as u128).div_ceil(rate.get().into());
            return Err(Duration::from_nanos(
                u64::try_from(nanos).unwrap_or(u64::MAX),
            ));
        }
        self.level -= price;
        Ok(())
    }
}

type Turn = tokio::sync::Mutex<()>;

/// One way. The rate may change at any time, and counts at once.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: watch::Sender<Option<NonZeroU64>>,
    /// Locked by the peer in front. Waiters are served in the order of their coming.
    bucket: tokio::sync::Mutex<Bucket>,
    /// By this the requests of one peer come one after the other.
    turns: Mutex<HashMap<EndpointId, Weak<Turn>>>,
}

impl Pace {
    pub(crate) fn new(rate: Option<NonZeroU64>) -> Arc<Self> {
        Arc::new(Self {
            rate: watch::Sender::new(rate),
            bucket: tokio::sync::Mutex::new(Bucket {
                level: rate.map_or(0, |rate| i128::from(burst(rate)) * NANOS),
                at: Instant::now(),
            }),
            turns: Mutex::default(),
        })
    }

    pub(crate) fn rate(&self) -> Option<NonZeroU64> {
        *self.rate.borrow()
    }

    pub(crate) fn set(&self, rate: Option<NonZeroU64>) {
        self.rate.send_if_modified(|last| {
            let changed = *last != rate;
            *last = rate;
            changed
        });
    }

    /// The share of a peer.
    pub(crate) fn of(self: &Arc<Self>, peer: EndpointId) -> Share {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let known = turns.get(&peer).and_then(Weak::upgrade);
        let turn = known.unwrap_or_else(|| {
            turns.retain(|_, turn| turn.strong_count() > 0);
            let turn = Arc::<Turn>::default();
            turns.insert(peer, Arc::downgrade(&turn));
            turn
        });
        Share {
            pace: self.clone(),
            turn,
        }
    }
}

/// What one peer may pass.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pace: Arc<Pace>,
    turn: Arc<Turn>,
}

impl Share {
    /// Requests of this peer that are open now, this one included.
    pub(crate) fn requests(&self) -> usize {
        Arc::strong_count(&self.turn)
    }

    /// Waits until so many bytes may pass, and says how long. Nothing is taken if it is dropped before.
    pub(crate) async fn take(&self, bytes: u64) -> Duration {
        let pace = &self.pace;
        if pace.rate().is_none() {
            return Duration::ZERO;
        }
        let started = Instant::now();
        let _turn = self.turn.lock().await;
        let mut bucket = pace.bucket.lock().await;
        let mut rates = pace.rate.subscribe();
        loop {
            let Some(rate) = *rates.borrow_and_update() else {
                return started.elapsed();
            };
            let Err(wait) = bucket.take(bytes, rate, Instant::now()) else {
                return started.elapsed();
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // Its sender is `pace`, which lives.
                _ = rates.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
