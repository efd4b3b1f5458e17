//! A worker that hears of jobs: believes nothing, looks at the chain, and tells others what it found true.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use sp_crypto_hashing::blake2_256;
use sungrid_data_plane::{EndpointId, Notifications};
use sungrid_primitives::{ContentHash, JobId};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{debug, info};

use crate::{
    Closed, Counters, Event, Gate, Limits, News, Seen, Truth, Wire,
    event::now_ms,
    spread::{Crowd, FANOUT, Sending},
};

/// Jobs of which is remembered when they were announced last. The oldest are forgotten first.
const KNOWN: usize = 4_096;
/// Hints that turned out wrong and are not looked at again.
const REFUSED: usize = 1_024;
/// Hints that wait for their block.
const WAITING: usize = 64;
/// How often a job that is not there yet is looked for, and the pause between: a block, as a requester's node may be ahead.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(3);
/// Of one job an announcement is told on once in so many milliseconds, whoever wants it more often.
const GAP_MS: u64 = 20_000;

struct Hint {
    from: EndpointId,
    signer: EndpointId,
    event: Event,
    message: Arc<[u8]>,
    id: [u8; 32],
    tries: u32,
    due: Instant,
}

/// Hears announcements of jobs and says which are worth a look.
pub struct Listener {
    truth: Arc<dyn Truth>,
    wire: Arc<dyn Wire>,
    genesis: ContentHash,
    gate: Gate,
    crowd: Crowd,
    sending: Sending,
    found: mpsc::Sender<JobId>,
    counters: Arc<Counters>,
    /// When each job was said to be open, as far as that was true, milliseconds since 1970.
    known: BTreeMap<JobId, u64>,
    refused: (HashSet<[u8; 32]>, VecDeque<[u8; 32]>),
    waiting: VecDeque<Hint>,
}

impl Listener {
    /// A listener that sends the jobs that it found on chain to `found`; one that is full misses some, which the next block
    /// shows anyway.
    pub fn new(
        truth: Arc<dyn Truth>,
        wire: Arc<dyn Wire>,
        genesis: ContentHash,
        limits: Limits,
        found: mpsc::Sender<JobId>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            truth,
            wire,
            genesis,
            gate: Gate::new(limits),
            crowd: Crowd::default(),
            sending: Sending::default(),
            found,
            counters,
            known: BTreeMap::new(),
            refused: Default::default(),
            waiting: VecDeque::new(),
        }
    }

    /// Listens until the data plane is shut down.
    pub async fn run(mut self, mut heard: Notifications) {
        loop {
            let due = self.waiting.front().map(|hint| hint.due);
            tokio::select! {
                notice = heard.recv() => match notice {
                    Some(notice) => self.hear(notice.from, &notice.message).await,
                    None => return,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.look_again().await;
                }
            }
        }
    }

    /// Takes one message. Whatever it is, it costs a bounded amount of time and memory, and of looks at the chain.
    async fn hear(&mut self, from: EndpointId, message: &[u8]) {
        self.counters.heard();
        let now = Instant::now();
        match self.gate.admit(from, now) {
            Ok(()) => {}
            Err(Closed::Muted) => return self.counters.muted(),
            Err(Closed::TooMuch) => return self.counters.refused(),
        }
        let (signer, event) = match Event::open(message, &self.genesis, now_ms()) {
            Ok(hint) => hint,
            Err(unfit) => {
                self.counters.refused();
                if unfit.is_misbehaviour() {
                    self.was_wrong(from);
                }
                return;
            }
        };
        if event.news != News::Open {
            // A requester's business.
            return self.counters.refused();
        }
        let said = message.len().saturating_sub(64);
        let id = blake2_256(&message[..said]);
        let known = self.known.get(&event.job);
        if known.is_some_and(|at| event.at < at.saturating_add(GAP_MS))
            || self.refused.0.contains(&id)
            || self.waiting.iter().any(|hint| hint.id == id)
        {
            return self.counters.repeated();
        }
        self.look(Hint {
            from,
            signer,
            event,
            message: message.into(),
            id,
            tries: 0,
            due: now,
        })
        .await;
    }

    async fn look_again(&mut self) {
        let now = Instant::now();
        // In the order in which they are due.
        while self.waiting.front().is_some_and(|hint| hint.due <= now)
            && let Some(hint) = self.waiting.pop_front()
        {
            self.look(hint).await;
        }
    }

    /// Holds a hint against the chain.
    async fn look(&mut self, mut hint: Hint) {
        let (from, job, now) = (hint.from, hint.event.job, Instant::now());
        if !self.gate.may_look(from, now) {
            return self.counters.refused();
        }
        self.counters.looked();
        match self.truth.job(job).await {
            // Nobody's fault; the job is seen when the chain is back.
            Err(error) => debug!(%error, job, "a hint cannot be held against the chain"),
            Ok(Seen::Open { requester }) if requester == hint.signer => {
                self.gate.was_right(from, now);
                self.counters.confirmed();
                self.remember(job, hint.event.at);
                // One that is busy sees it at the next block.
                let _ = self.found.try_send(job);
                let except = [from, hint.signer, self.wire.id()];
                let peers = self.crowd.pick(&*self.truth, FANOUT, &except).await;
                let sent = self.sending.send_all(&self.wire, peers, &hint.message);
                self.counters.forwarded(sent);
            }
            Ok(Seen::NotYet) if hint.tries < TRIES => {
                if self.waiting.len() < WAITING {
                    (hint.tries, hint.due) = (hint.tries + 1, now + PAUSE);
                    self.waiting.push_back(hint);
                }
            }
            // It ended just now: its requester was right a moment ago.
            Ok(Seen::Over {
                requester: Some(requester),
            }) if requester == hint.signer => self.refuse(hint.id),
            Ok(_) => {
                self.refuse(hint.id);
                self.was_wrong(from);
            }
        }
    }

    fn remember(&mut self, job: JobId, at: u64) {
        self.known.insert(job, at);
        if self.known.len() > KNOWN {
            self.known.pop_first();
        }
    }

    fn refuse(&mut self, id: [u8; 32]) {
        let (known, order) = &mut self.refused;
        if known.insert(id) {
            order.push_back(id);
        }
        if order.len() > REFUSED
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    fn was_wrong(&mut self, from: EndpointId) {
        self.counters.wrong();
        let now = Instant::now();
        if self.gate.was_wrong(from, now) {
            self.counters.muting();
            info!(peer = %from.fmt_short(), "its hints were false too often: not listened to for a while");
        }
    }
}

#[cfg(test)]
mod tests;
