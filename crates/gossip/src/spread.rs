//! From one to all: whoever is told something and finds it true tells a few others, chosen at random.

use std::{sync::Arc, time::Duration};

use sungrid_data_plane::{EndpointId, PeerAddress};
use sungrid_primitives::{ContentHash, JobId};
use tokio::{task::JoinSet, time::Instant};
use tracing::debug;

use crate::{Event, News, Truth, Wire};

/// Workers that one tells. With four, one round reaches all but about one in fifty; the next round chooses others.
pub(crate) const FANOUT: usize = 4;
/// Workers that a requester tells.
const FIRST: usize = 8;
/// Between two rounds of a requester.
const ROUND: Duration = Duration::from_secs(60);
/// How long a list of workers is good enough.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Workers that are remembered.
const MOST: usize = 16_384;
/// Messages on their way at a time.
const AT_ONCE: usize = 32;

/// The workers, as the chain last named them.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    peers: Vec<PeerAddress>,
    read: Option<Instant>,
}

impl Crowd {
    /// Some of them, none of `except`.
    pub(crate) async fn pick(
        &mut self,
        truth: &dyn Truth,
        count: usize,
        except: &[EndpointId],
    ) -> Vec<PeerAddress> {
        if self.read.is_none_or(|read| read.elapsed() >= FRESH) {
            // Also when it fails: the list of before will do for a while.
            self.read = Some(Instant::now());
            match truth.workers().await {
                Ok(mut peers) => {
                    shuffle(&mut peers, MOST);
                    self.peers = peers;
                }
                Err(error) => debug!(%error, "the workers cannot be read"),
            }
        }
        let mut others: Vec<&PeerAddress> = self
            .peers
            .iter()
            .filter(|peer| !except.contains(&peer.id()))
            .collect();
        shuffle(&mut others, count);
        others.into_iter().cloned().collect()
    }
}

/// Leaves `count` of the items, chosen at random.
fn shuffle<T>(items: &mut Vec<T>, count: usize) {
    let count = count.min(items.len());
    for at in 0..count {
        let mut random = [0; 8];
        // Without randomness the order stays as it is, which is worse, not wrong.
        if getrandom::fill(&mut random).is_err() {
            break;
        }
        let left = (items.len() - at) as u64;
        // The bias of a 64-bit remainder is far below what anybody could notice.
        items.swap(at, at + (u64::from_le_bytes(random) % left) as usize);
    }
    items.truncate(count);
}

/// Sends one message to several peers, without waiting for them.
#[derive(Debug, Default)]
pub(crate) struct Sending(JoinSet<bool>);

impl Sending {
    /// How many it is sent to.
    pub(crate) fn send_all(
        &mut self,
        wire: &Arc<dyn Wire>,
        peers: Vec<PeerAddress>,
        message: &Arc<[u8]>,
    ) -> usize {
        while self.0.try_join_next().is_some() {}
        let room = AT_ONCE.saturating_sub(self.0.len());
        let peers = peers.into_iter().take(room);
        peers
            .map(|peer| {
                let (wire, message) = (wire.clone(), message.clone());
                self.0
                    .spawn(async move { wire.send(&peer, &message).await });
            })
            .count()
    }
}

/// A requester that tells workers of its job: once a minute, while it wants work.
#[derive(Default)]
pub struct Crier {
    crowd: Crowd,
    sending: Sending,
    last: Option<Instant>,
}

impl Crier {
    /// Tells some workers of an open job whose inputs are served here, unless others were told just now. How many are told.
    pub async fn cry(
        &mut self,
        truth: &dyn Truth,
        wire: &Arc<dyn Wire>,
        genesis: ContentHash,
        job: JobId,
    ) -> usize {
        if self.last.is_some_and(|last| last.elapsed() < ROUND) {
            return 0;
        }
        self.last = Some(Instant::now());
        let peers = self.crowd.pick(truth, FIRST, &[wire.id()]).await;
        let event = Event::now(genesis, job, News::Open);
        let message = event.seal(&wire.id(), |said| wire.sign(said)).into();
        self.sending.send_all(wire, peers, &message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Ledger, Post, address};

    #[tokio::test(start_paused = true)]
    async fn a_requester_tells_a_few_a_minute_and_reads_the_workers_now_and_then() {
        let (ledger, post) = (Ledger::default(), Arc::new(Post::new(0)));
        let all = (0..100).map(|n| (address(n).id(), address(n)));
        ledger.workers.lock().unwrap().extend(all);
        let wire: Arc<dyn Wire> = post.clone();
        let mut crier = Crier::default();
        let mut told = std::collections::BTreeSet::new();
        for _ in 0..600 {
            crier.cry(&ledger, &wire, ContentHash::zero(), 7).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            let sent = post.sent();
            assert!(sent.is_empty() || sent.len() == FIRST, "{}", sent.len());
            told.extend(sent.into_iter().map(|(to, _)| to));
        }
        // Half an hour of it: thirty rounds, three lists; itself it never tells.
        assert!(
            told.len() > 60 && !told.contains(&wire.id()),
            "{}",
            told.len()
        );
        assert!(ledger.listed.load(std::sync::atomic::Ordering::SeqCst) <= 4);
    }
}
