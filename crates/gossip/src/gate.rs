//! Who is listened to, and how often the chain is looked at for what strangers say.
//!
//! Names cost nothing here: anybody makes as many endpoints as he likes. So what protects a machine is not what is
//! remembered of a peer but the bound on looks at the chain, which all peers share. Those who were right before have a
//! bound of their own, so that strangers cannot use up theirs.

use std::{collections::HashMap, time::Duration};

use sungrid_data_plane::EndpointId;
use tokio::time::Instant;

/// Bounds on what others may have this machine do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Hints that one peer may give at once.
    pub burst: u32,
    /// Time after which a peer may give one more.
    pub refill: Duration,
    /// Peers that are remembered; beyond that those are forgotten of whom there is least to remember.
    pub peers: usize,
    /// Looks at the chain for peers that were not right yet, at once.
    pub stranger_looks: u32,
    /// Looks at the chain for peers that were right before, at once.
    pub known_looks: u32,
    /// Time after which there is one more of either.
    pub look_refill: Duration,
    /// Times that a peer may be wrong, less those that it was right, before it is muted.
    pub patience: u32,
    /// How long it is not listened to then.
    pub mute: Duration,
}

impl Default for Limits {
    /// At most 60 looks in any minute: 20 for strangers, 40 for peers that were right before.
    fn default() -> Self {
        Self {
            burst: 64,
            // No less than the data plane lets through: a worker with many batches in hand has much to tell.
            refill: Duration::from_millis(50),
            peers: 1_024,
            stranger_looks: 10,
            known_looks: 30,
            look_refill: Duration::from_secs(6),
            patience: 4,
            mute: Duration::from_secs(10 * 60),
        }
    }
}

/// So many at once, and one more after a while. Takes no memory for what has not been used.
#[derive(Clone, Copy, Debug)]
struct Bucket(Option<Instant>);

impl Bucket {
    const FULL: Self = Self(None);

    fn take(&mut self, now: Instant, burst: u32, refill: Duration) -> bool {
        let full_at = self.0.unwrap_or(now).max(now) + refill;
        let fits = full_at - now <= refill * burst.max(1);
        if fits {
            self.0 = Some(full_at);
        }
        fits
    }
}

#[derive(Debug)]
struct Peer {
    hints: Bucket,
    wrong: u32,
    was_right: bool,
    muted_until: Option<Instant>,
    heard: Instant,
}

impl Peer {
    fn is_muted(&self, now: Instant) -> bool {
        self.muted_until.is_some_and(|until| now < until)
    }
}

/// Why a peer is not listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was wrong too often.
    Muted,
    /// It says more than it may.
    TooMuch,
}

/// What is remembered of peers, and what is left of the looks at the chain.
#[derive(Debug)]
pub struct Gate {
    limits: Limits,
    peers: HashMap<EndpointId, Peer>,
    strangers: Bucket,
    known: Bucket,
}

impl Gate {
    /// A gate that knows nobody.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            peers: HashMap::new(),
            strangers: Bucket::FULL,
            known: Bucket::FULL,
        }
    }

    /// Lets a peer say something, or not.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn admit(&mut self, from: EndpointId, now: Instant) -> Result<(), Closed> {
        let (burst, refill) = (self.limits.burst, self.limits.refill);
        let peer = self.peer(from, now);
        peer.heard = now;
        if peer.is_muted(now) {
            return Err(Closed::Muted);
        }
        match peer.hints.take(now, burst, refill) {
            true => Ok(()),
            false => Err(Closed::TooMuch),
        }
    }

    /// What is remembered of a peer. Where there is no room, strangers are forgotten first, those that were right last: a
    /// crowd of new names frees nobody that is muted, and drives out nobody that is known.
    fn peer(&mut self, from: EndpointId, now: Instant) -> &mut Peer {
        if !self.peers.contains_key(&from) && self.peers.len() >= self.limits.peers.max(1) {
            let rank = |peer: &Peer| match peer.is_muted(now) {
                true => 1,
                false => 2 * u8::from(peer.was_right),
            };
            let least = self
                .peers
                .iter()
                .min_by_key(|(_, peer)| (rank(peer), peer.heard))
                .map(|(id, _)| *id);
            if let Some(least) = least {
                self.peers.remove(&least);
            }
        }
        self.peers.entry(from).or_insert(Peer {
            hints: Bucket::FULL,
            wrong: 0,
            was_right: false,
            muted_until: None,
            heard: now,
        })
    }

    /// Takes one look at the chain off what there is for hints of this peer.
    pub fn may_look(&mut self, from: EndpointId, now: Instant) -> bool {
        let Limits {
            stranger_looks,
            known_looks,
            look_refill,
            ..
        } = self.limits;
        let is_known = self.peers.get(&from).is_some_and(|peer| peer.was_right);
        match is_known {
            true => self.known.take(now, known_looks, look_refill),
            false => self.strangers.take(now, stranger_looks, look_refill),
        }
    }

    /// The chain says what the peer said.
    pub fn was_right(&mut self, from: EndpointId, now: Instant) {
        let peer = self.peer(from, now);
        peer.was_right = true;
        peer.wrong = peer.wrong.saturating_sub(1);
    }

    /// The chain says otherwise, or what it sent was no hint. Whether it is muted now.
    pub fn was_wrong(&mut self, from: EndpointId, now: Instant) -> bool {
        let (patience, mute) = (self.limits.patience, self.limits.mute);
        let peer = self.peer(from, now);
        peer.wrong += 1;
        let is_too_often = peer.wrong >= patience.max(1);
        if is_too_often {
            (peer.wrong, peer.was_right) = (0, false);
            peer.muted_until = Some(now + mute);
        }
        is_too_often
    }

    /// Peers that are not listened to now.
    pub fn muted(&self, now: Instant) -> usize {
        self.peers
            .values()
            .filter(|peer| peer.is_muted(now))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_data_plane::SecretKey;

    fn peer(n: u32) -> EndpointId {
        let mut seed = [7; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        SecretKey::from_bytes(&seed).public()
    }

    /// Looks that somebody gets within a minute, who asks for one every 10 ms.
    fn looks(gate: &mut Gate, mut who: impl FnMut(u32) -> EndpointId, start: Instant) -> usize {
        let times = (0..6_000u32).map(|n| (n, start + Duration::from_millis(10) * n));
        times
            .filter(|(n, now)| {
                let from = who(*n);
                gate.admit(from, *now).is_ok() && gate.may_look(from, *now)
            })
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_cut_to_the_rate_of_its_sender() {
        let limits = Limits::default();
        let (mut gate, now) = (Gate::new(limits.clone()), Instant::now());
        let admitted = (0..10_000).filter(|_| gate.admit(peer(1), now).is_ok());
        assert_eq!(admitted.count(), limits.burst as usize);
        assert_eq!(gate.admit(peer(1), now), Err(Closed::TooMuch));
        assert_eq!(gate.admit(peer(2), now), Ok(()), "others are heard");
        assert_eq!(gate.admit(peer(1), now + limits.refill), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_names_a_liar_has_the_chain_is_looked_at_no_oftener() {
        let start = Instant::now();
        let mut gate = Gate::new(Limits::default());
        assert!(looks(&mut gate, peer, start) <= 20, "a name for each");
        let mut gate = Gate::new(Limits::default());
        assert!(looks(&mut gate, |_| peer(0), start) <= 20, "one name");
        assert!(gate.peers.len() <= Limits::default().peers);
        // One who was right before is heard beside a crowd.
        gate.was_right(peer(1), start);
        let crowd = looks(&mut gate, |n| peer(n + 2), start);
        assert!(crowd <= 20 && gate.may_look(peer(1), start), "{crowd}");
        let known = looks(&mut gate, |_| peer(1), start + Duration::from_secs(600));
        assert!((20..=40).contains(&known), "{known}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_wrong_too_often_is_muted_for_a_while_and_a_crowd_does_not_free_him() {
        let limits = Limits {
            peers: 8,
            ..Limits::default()
        };
        let (mut gate, now) = (Gate::new(limits.clone()), Instant::now());
        for n in 1..=limits.patience {
            assert_eq!(gate.was_wrong(peer(1), now), n == limits.patience);
        }
        for n in 10..200 {
            let _ = gate.admit(peer(n), now);
        }
        assert!(gate.peers.len() <= 8);
        assert_eq!(gate.admit(peer(1), now), Err(Closed::Muted));
        assert_eq!(gate.muted(now), 1);
        assert_eq!(gate.admit(peer(1), now + limits.mute), Ok(()));
        assert_eq!(gate.muted(now + limits.mute), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_mostly_right_is_never_muted() {
        let (mut gate, now) = (Gate::new(Limits::default()), Instant::now());
        for _ in 0..1_000 {
            gate.was_right(peer(1), now);
            assert!(!gate.was_wrong(peer(1), now));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_crowd_makes_it_remember_more_nor_forget_whom_it_knows() {
        let limits = Limits {
            peers: 16,
            ..Limits::default()
        };
        let (mut gate, now) = (Gate::new(limits.clone()), Instant::now());
        gate.was_right(peer(0), now);
        for n in 1..5_000 {
            let _ = gate.admit(peer(n), now + Duration::from_nanos(n.into()));
        }
        assert_eq!(gate.peers.len(), 16);
        assert!(gate.peers[&peer(0)].was_right);
        // A liar with as many names as there is room for, all muted, closes it to nobody.
        let mut gate = Gate::new(limits.clone());
        gate.was_right(peer(0), now);
        for n in 1..100 {
            for _ in 0..limits.patience {
                gate.was_wrong(peer(n), now);
            }
        }
        assert_eq!(gate.peers.len(), 16);
        assert!(gate.peers[&peer(0)].was_right);
        assert_eq!(gate.admit(peer(200), now), Ok(()));
    }
}
