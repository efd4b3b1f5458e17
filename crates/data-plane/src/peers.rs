//! Connections: those we open, kept for reuse, and those others may open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use iroh::{
    Endpoint, EndpointId,
    endpoint::{ConnectOptions, Connection, RecvStream, SendStream, VarInt},
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout},
};
use tracing::debug;

use crate::{PeerAddress, relay::Relays, transport};

/// Connections kept for reuse. More would keep strangers' sockets alive for nothing; fewer would
/// pay a handshake per blob when a job has many providers.
const MAX_KEPT: usize = 128;

/// Why a connection is closed; sent to the peer.
pub(crate) mod close {
    use iroh::endpoint::VarInt;

    /// No longer needed.
    pub(crate) const DONE: VarInt = VarInt::from_u32(0);
    /// Too many connections; try again later.
    pub(crate) const BUSY: VarInt = VarInt::from_u32(2);
    /// The peer broke the protocol.
    pub(crate) const MISBEHAVED: VarInt = VarInt::from_u32(16);
}

type Key = (EndpointId, &'static [u8]);

#[derive(Debug, Default)]
struct Slot {
    connection: Option<Connection>,
    /// The last failure, shared with those who waited for the same attempt.
    failed: Option<(Instant, String)>,
}

#[derive(Debug)]
struct Kept {
    slot: Arc<tokio::sync::Mutex<Slot>>,
    used: Instant,
}

/// Which way packets of a connection take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From peer to peer.
    Direct,
    /// Through a relay.
    Relayed,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Direct => "directly",
            Self::Relayed => "through a relay",
        })
    }
}

fn way(connection: &Connection) -> Option<Way> {
    let paths = connection.paths();
    let selected = paths.iter().find(|path| path.is_selected())?;
    Some(match selected.is_relay() {
        true => Way::Relayed,
        false => Way::Direct,
    })
}

/// Opens connections and keeps them for reuse.
#[derive(Debug)]
pub(crate) struct Dialer {
    endpoint: Endpoint,
    relays: Relays,
    timeout: Duration,
    kept: Mutex<HashMap<Key, Kept>>,
}

impl Dialer {
    pub(crate) fn new(endpoint: Endpoint, relays: Relays, timeout: Duration) -> Self {
        Self {
            endpoint,
            relays,
            timeout,
            kept: Mutex::default(),
        }
    }

    /// A connection to `peer`, and whether it was used before: then the peer may have closed it in
    /// the meantime, and a first failure says nothing. The error is the reason in words.
    pub(crate) async fn connect(
        &self,
        peer: &PeerAddress,
        alpn: &'static [u8],
    ) -> Result<(Connection, bool), String> {
        let asked = Instant::now();
        let slot = self.slot((peer.id(), alpn));
        let mut slot = slot.lock().await;
        if let Some(connection) = &slot.connection
            && connection.close_reason().is_none()
        {
            return Ok((connection.clone(), true));
        }
        if let Some((when, reason)) = &slot.failed
            && *when >= asked
        {
            // Somebody tried while this call waited: the answer is fresh.
            return Err(reason.clone());
        }
        let (address, left_out) = self.relays.route(peer)?;
        let dial = async {
            let options = ConnectOptions::new().with_transport_config(transport::dialling());
            let connecting = self
                .endpoint
                .connect_with_opts(address, alpn, options)
                .await;
            let connecting = connecting.map_err(|e| format!("{e:#}"))?;
            connecting.await.map_err(|e| format!("{e:#}"))
        };
        let result = match tokio::time::timeout(self.timeout, dial).await {
            Ok(result) => result,
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        };
        let result = result.map_err(|reason| match left_out {
            Some(left_out) => format!("{reason}; {left_out}"),
            None => reason,
        });
        match &result {
            Ok(connection) => {
                *slot = Slot {
                    connection: Some(connection.clone()),
                    failed: None,
                }
            }
            Err(reason) => {
                *slot = Slot {
                    connection: None,
                    failed: Some((Instant::now(), reason.clone())),
                }
            }
        }
        result.map(|connection| (connection, false))
    }

    /// Which way the kept connections to `peer` take; relayed if any is. `None` if there is none.
    pub(crate) fn way(&self, peer: EndpointId) -> Option<Way> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ways = kept
            .iter()
            .filter(|((id, _), _)| *id == peer)
            .filter_map(|(_, kept)| way(kept.slot.try_lock().ok()?.connection.as_ref()?));
        let first = ways.next()?;
        Some(ways.fold(first, |all, way| match way {
            Way::Relayed => way,
            Way::Direct => all,
        }))
    }

    fn slot(&self, key: Key) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.contains_key(&key) && kept.len() >= MAX_KEPT {
            // The longest unused goes; transfers that still run hold their own handle.
            let oldest = kept
                .iter()
                .min_by_key(|(_, kept)| kept.used)
                .map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        let entry = kept.entry(key).or_insert_with(|| Kept {
            slot: Arc::default(),
            used: Instant::now(),
        });
        entry.used = Instant::now();
        entry.slot.clone()
    }

    /// Closes a connection that must not be used again.
    pub(crate) fn drop_connection(&self, connection: &Connection, code: VarInt, reason: &str) {
        connection.close(code, reason.as_bytes());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(id, _), kept| {
            *id != connection.remote_id()
                || kept.slot.try_lock().is_ok_and(|slot| {
                    slot.connection
                        .as_ref()
                        .is_some_and(|c| c.close_reason().is_none())
                })
        });
    }
}

/// Counts the connections of others.
#[derive(Debug)]
pub(crate) struct Doorman {
    max: usize,
    max_per_peer: usize,
    requests_per_peer: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    peers: HashMap<EndpointId, (usize, Arc<Semaphore>)>,
}

impl Doorman {
    pub(crate) fn new(max: usize, max_per_peer: usize, requests_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_per_peer,
            requests_per_peer,
            inside: Mutex::default(),
        })
    }

    /// Lets a connection in, or not.
    pub(crate) fn admit(self: &Arc<Self>, peer: EndpointId) -> Option<Admission> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.total >= self.max {
            return None;
        }
        let (count, requests) = inside
            .peers
            .entry(peer)
            .or_insert_with(|| (0, Arc::new(Semaphore::new(self.requests_per_peer))));
        if *count >= self.max_per_peer {
            return None;
        }
        *count += 1;
        let requests = requests.clone();
        inside.total += 1;
        Some(Admission {
            doorman: self.clone(),
            peer,
            requests,
        })
    }
}

/// One admitted connection; leaving is dropping it.
#[derive(Debug)]
pub(crate) struct Admission {
    doorman: Arc<Doorman>,
    peer: EndpointId,
    /// Bounds the requests of all connections of this peer together.
    requests: Arc<Semaphore>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut inside = self
            .doorman
            .inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        inside.total = inside.total.saturating_sub(1);
        if let Some((count, _)) = inside.peers.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                inside.peers.remove(&self.peer);
            }
        }
    }
}

/// For a frame of one packet or few, there and back: who takes longer is gone.
pub(crate) const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers a request, and waits until the peer has it: the connection may close right after.
pub(crate) async fn reply(peer: EndpointId, mut send: SendStream, answer: &[u8]) {
    let sent = async {
        send.write_all(answer).await.ok()?;
        send.finish().ok()?;
        send.stopped().await.ok()
    };
    if timeout(FRAME_TIMEOUT, sent).await.is_err() {
        debug!(peer = %peer.fmt_short(), "the answer was not taken");
    }
}

/// Serves one connection, its streams each with `answer`, until it ends or has been idle. `false` if the doorman does not let it in.
///
/// A stream that was opened waits for a place among the peer's and among all requests; meanwhile
/// further streams wait in the connection, where the transport bounds them. A connection without a
/// request holds no place.
pub(crate) async fn serve_connection<F>(
    connection: &Connection,
    doorman: &Arc<Doorman>,
    all: &Arc<Semaphore>,
    idle: Duration,
    answer: impl Fn(SendStream, RecvStream) -> F,
) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(admission) = doorman.admit(connection.remote_id()) else {
        connection.close(close::BUSY, b"too many connections");
        return false;
    };
    let mut running = JoinSet::new();
    loop {
        let (send, recv) = tokio::select! {
            Some(_) = running.join_next() => continue,
            streams = connection.accept_bi() => match streams {
                Ok(streams) => streams,
                Err(_) => break,
            },
            () = tokio::time::sleep(idle), if running.is_empty() => {
                connection.close(close::DONE, b"idle");
                break;
            }
        };
        let own = admission.requests.clone().acquire_owned().await;
        let place = all.clone().acquire_owned().await;
        let answer = answer(send, recv);
        running.spawn(async move {
            answer.await;
            drop((own, place));
        });
    }
    while running.join_next().await.is_some() {}
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::SecretKey;

    fn peer(n: u8) -> EndpointId {
        SecretKey::from_bytes(&[n; 32]).public()
    }

    #[test]
    fn connections_are_bounded_per_peer_and_in_all() {
        let doorman = Doorman::new(3, 2, 1);
        let first = doorman.admit(peer(1)).expect("first");
        let second = doorman.admit(peer(1)).expect("second");
        assert!(doorman.admit(peer(1)).is_none(), "a third of the same peer");
        let other = doorman.admit(peer(2)).expect("another peer");
        assert!(doorman.admit(peer(3)).is_none(), "the house is full");
        drop(first);
        let again = doorman.admit(peer(1)).expect("room again");
        assert!(
            Arc::ptr_eq(&second.requests, &again.requests),
            "one bound for all of a peer's connections"
        );
        drop((second, again, other));
        assert!(
            doorman.inside.lock().expect("no panic").peers.is_empty(),
            "nothing is remembered of those who left"
        );
    }
}
