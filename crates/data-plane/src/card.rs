//! Cards: what a peer says of itself, for access policies that know parties by another name than their endpoint.
//!
//! A peer that is refused shows its card once and asks again. The receiver keeps the last card of each peer and
//! believes nothing of it: the policy checks what is in it.
//!
//! Request: version (1 byte), card; then the end of the stream. Answer: version (1 byte), status (1 byte): 0 noted,
//! 1 malformed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use iroh::{
    EndpointId,
    endpoint::{Connection, RecvStream, SendStream},
    protocol::{AcceptError, ProtocolHandler},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tracing::debug;

use crate::{
    PeerAddress, ServeLimits,
    notify::exchange,
    peers::{Dialer, Doorman, FRAME_TIMEOUT, close, reply, serve_connection},
};

/// Protocol name; the number is the version of the frames.
pub(crate) const ALPN: &[u8] = b"sungrid/card/1";
/// Most bytes of a card: some keys and signatures.
pub const MAX_CARD: usize = 256;
const VERSION: u8 = 1;
const NOTED: u8 = 0;
const MALFORMED: u8 = 1;
/// Cards that are kept; the one that was not asked for the longest goes first, and its peer shows it again.
const MAX_CARDS: usize = 4096;
/// Time before a peer that refuses all the same is shown the card again: it may have started anew.
const AGAIN: Duration = Duration::from_secs(10);
/// Peers that are remembered as having seen the card.
const MAX_SHOWN: usize = 4096;

/// The cards of others.
#[derive(Debug, Default)]
pub(crate) struct Cards(Mutex<HashMap<EndpointId, (Bytes, Instant)>>);

impl Cards {
    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, (Bytes, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The card of a peer.
    pub(crate) fn of(&self, peer: &EndpointId) -> Option<Bytes> {
        let mut cards = self.lock();
        let (card, used) = cards.get_mut(peer)?;
        *used = Instant::now();
        Some(card.clone())
    }

    fn note(&self, peer: EndpointId, card: Bytes) {
        let mut cards = self.lock();
        if !cards.contains_key(&peer) && cards.len() >= MAX_CARDS {
            let oldest = cards.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                cards.remove(&oldest);
            }
        }
        cards.insert(peer, (card, Instant::now()));
    }
}

/// Takes cards on [`ALPN`].
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    cards: Arc<Cards>,
    doorman: Arc<Doorman>,
    requests: Arc<Semaphore>,
    idle: Duration,
}

impl Reception {
    pub(crate) fn new(cards: Arc<Cards>, serve: &ServeLimits) -> Self {
        Self {
            cards,
            doorman: Doorman::new(
                serve.max_connections,
                serve.max_connections_per_peer,
                serve.max_requests_per_peer,
            ),
            requests: Arc::new(Semaphore::new(serve.max_requests)),
            idle: serve.idle_timeout,
        }
    }

    async fn answer(self, from: EndpointId, send: SendStream, mut recv: RecvStream) {
        let frame = timeout(FRAME_TIMEOUT, recv.read_to_end(1 + MAX_CARD)).await;
        let status = match frame.map(|frame| frame.map(Bytes::from)) {
            Ok(Ok(frame)) if frame.len() > 1 && frame[0] == VERSION => {
                self.cards.note(from, frame.slice(1..));
                NOTED
            }
            _ => MALFORMED,
        };
        reply(from, send, &[VERSION, status]).await;
    }
}

impl ProtocolHandler for Reception {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        let peer = connection.remote_id();
        serve_connection(
            &connection,
            &self.doorman,
            &self.requests,
            self.idle,
            |send, recv| self.clone().answer(peer, send, recv),
        )
        .await;
        Ok(())
    }
}

type Shown = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// Shows this node's card to those who refuse it.
#[derive(Debug)]
pub(crate) struct Presenter {
    dialer: Arc<Dialer>,
    wait: Duration,
    card: RwLock<Option<Bytes>>,
    shown: Mutex<HashMap<EndpointId, Shown>>,
}

impl Presenter {
    pub(crate) fn new(dialer: Arc<Dialer>, wait: Duration) -> Self {
        Self {
            dialer,
            wait,
            card: RwLock::default(),
            shown: Mutex::default(),
        }
    }

    /// Sets the card.
    pub(crate) fn set(&self, card: Bytes) {
        *self.card.write().unwrap_or_else(PoisonError::into_inner) = Some(card);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clear();
    }

    fn card(&self) -> Option<Bytes> {
        let card = self.card.read().unwrap_or_else(PoisonError::into_inner);
        card.clone()
    }

    /// After a refusal of what was asked at `asked`: whether the peer knows more of us now than it did then.
    pub(crate) async fn after_refusal(&self, peer: &PeerAddress, asked: Instant) -> bool {
        let Some(card) = self.card() else {
            return false;
        };
        let shown = {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            if shown.len() >= MAX_SHOWN {
                shown.clear();
            }
            shown.entry(peer.id()).or_default().clone()
        };
        // Of several refusals at a time, one shows the card and the others wait for it.
        let mut last = shown.lock().await;
        match *last {
            Some(when) if when >= asked => return true,
            Some(when) if when.elapsed() < AGAIN => return false,
            _ => {}
        }
        let result = self.show(peer, &card).await;
        if let Err(reason) = &result {
            debug!(peer = %peer.id().fmt_short(), reason, "the card was not taken");
        }
        *last = Some(Instant::now());
        result.is_ok()
    }

    /// The error is the reason in words.
    async fn show(&self, peer: &PeerAddress, card: &[u8]) -> Result<(), String> {
        let frame = [&[VERSION], card].concat();
        let (connection, _) = self.dialer.connect(peer, ALPN).await?;
        let answer = timeout(self.wait, exchange(&connection, &frame, 2)).await;
        match answer.map_err(|_| format!("no answer within {:?}", self.wait)) {
            Ok(Ok(answer)) if answer == [VERSION, NOTED] => Ok(()),
            Ok(Ok(_)) => Err("it does not understand it".into()),
            Ok(Err(reason)) | Err(reason) => {
                self.dialer
                    .drop_connection(&connection, close::DONE, "no answer");
                Err(reason)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::SecretKey;

    #[tokio::test(start_paused = true)]
    async fn strangers_do_not_fill_the_memory_and_who_is_asked_for_stays() {
        let id = |n: u64| {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&n.to_le_bytes());
            SecretKey::from_bytes(&seed).public()
        };
        let cards = Cards::default();
        for n in 0..=MAX_CARDS as u64 {
            cards.note(id(n), Bytes::from_static(b"card"));
            tokio::time::advance(Duration::from_nanos(1)).await;
            assert!(cards.of(&id(0)).is_some(), "it is asked for all the time");
            tokio::time::advance(Duration::from_nanos(1)).await;
        }
        assert_eq!(cards.lock().len(), MAX_CARDS);
        assert_eq!(cards.of(&id(1)), None);
    }
}
