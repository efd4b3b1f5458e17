//! Which provider a small blob is asked of while others are fetched.
//!
//! Large blobs come from several providers at once, in parts. Of small ones that are wanted at the same time each comes from one, and
//! each from the provider with the fewest bytes to send: who is slow is left with the least. Nobody is asked so before he has served
//! something: a stranger is dialled beside others' work, and gets one blob, so that who is away, or has nothing, holds up no more.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use iroh::EndpointId;
use tokio::time::timeout;

use crate::{
    PeerAddress, PeerFault,
    fetch::{Fetcher, MAX_HELPERS},
};

/// Fetches from one provider beside which a stranger is tried. With fewer there is little to share.
const BUSY: usize = 4;
/// How long a stranger may take to answer at all. Longer, and a blob waits for who is away; shorter, and far ones are never used.
const DIAL: Duration = Duration::from_secs(2);

/// What is being fetched from each provider.
#[derive(Debug, Default)]
pub(crate) struct Loads(Mutex<HashMap<EndpointId, Load>>);

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    fetches: usize,
    /// At most.
    bytes: u64,
}

/// Counts as long as it lives.
pub(crate) struct Loaded<'a> {
    loads: &'a Loads,
    peer: EndpointId,
    bytes: u64,
}

impl Loads {
    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Load>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, peer: EndpointId) -> Load {
        self.lock().get(&peer).copied().unwrap_or_default()
    }

    /// Something is fetched from a provider.
    pub(crate) fn begin(&self, peer: EndpointId, bytes: u64) -> Loaded<'_> {
        let mut loads = self.lock();
        let load = loads.entry(peer).or_default();
        load.fetches += 1;
        load.bytes = load.bytes.saturating_add(bytes);
        Loaded {
            loads: self,
            peer,
            bytes,
        }
    }

    /// The same, if nothing else is.
    fn begin_alone(&self, peer: EndpointId) -> Option<Loaded<'_>> {
        let mut loads = self.lock();
        if loads.contains_key(&peer) {
            return None;
        }
        loads.insert(
            peer,
            Load {
                fetches: 1,
                bytes: 0,
            },
        );
        Some(Loaded {
            loads: self,
            peer,
            bytes: 0,
        })
    }
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        let mut loads = self.loads.lock();
        if let Some(load) = loads.get_mut(&self.peer) {
            load.fetches -= 1;
            load.bytes = load.bytes.saturating_sub(self.bytes);
            if load.fetches == 0 {
                loads.remove(&self.peer);
            }
        }
    }
}

impl Fetcher {
    /// Puts the provider first that a small blob is to be asked of. The others keep their order.
    pub(crate) async fn spread(&self, peers: &mut VecDeque<&PeerAddress>) {
        let Some(lead) = peers.front().map(|peer| peer.id()) else {
            return;
        };
        let busy = self.loads.of(lead).fetches;
        if busy == 0 {
            return;
        }
        let near = 1..peers.len().min(1 + MAX_HELPERS);
        let stranger = match busy >= BUSY {
            true => self.stranger(peers.range(near.clone()).copied()).await,
            false => None,
        };
        let chosen = stranger.map(|at| at + 1).unwrap_or_else(|| {
            let serves = near.filter(|at| self.standing.serves(peers[*at].id()));
            let known = std::iter::once(0).chain(serves);
            let load = |at: &usize| self.loads.of(peers[*at].id()).bytes;
            known.min_by_key(load).unwrap_or(0)
        });
        if let Some(peer) = peers.remove(chosen) {
            peers.push_front(peer);
        }
    }

    /// The first of some peers that is not known to serve or to fail, of which nothing is fetched, and that answers.
    async fn stranger<'a>(&self, peers: impl Iterator<Item = &'a PeerAddress>) -> Option<usize> {
        let (at, peer, _alone) = peers.enumerate().find_map(|(at, peer)| {
            let is_one = self.standing.is_stranger(peer.id());
            let alone = is_one.then(|| self.loads.begin_alone(peer.id())).flatten();
            alone.map(|alone| (at, peer, alone))
        })?;
        let dialled = timeout(DIAL, self.dialer.connect(peer, iroh_blobs::ALPN)).await;
        let fault = match dialled {
            Ok(Ok(_)) => return Some(at),
            Ok(Err(reason)) => PeerFault::Unreachable(reason),
            Err(_) => PeerFault::Stalled(DIAL),
        };
        self.standing.failed(peer.id(), &fault);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::SecretKey;

    #[test]
    fn loads_are_those_of_what_is_under_way() {
        let peer = SecretKey::from_bytes(&[1; 32]).public();
        let loads = Loads::default();
        let alone = loads.begin_alone(peer).expect("nothing else is");
        assert!(loads.begin_alone(peer).is_none());
        let (first, second) = (loads.begin(peer, 3), loads.begin(peer, u64::MAX));
        drop(alone);
        assert_eq!(loads.of(peer).fetches, 2);
        assert_eq!(loads.of(peer).bytes, u64::MAX);
        drop(second);
        drop(first);
        assert!(loads.lock().is_empty());
    }
}
