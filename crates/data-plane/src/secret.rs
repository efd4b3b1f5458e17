//! Secrets: a few bytes for some peers alone, such as the key of content. They are in no store and have no address.
//!
//! The connection is encrypted to the endpoint that asks, by keys of that connection alone, and that endpoint is who it says: nothing
//! of it can be read, kept or played back by another. Who gets what is the owner's word at that moment ([`Secrets`]).
//!
//! Request: version (1 byte), name (1 to [`MAX_SECRET_NAME`] bytes); then the end of the stream. Answer: version (1 byte), status (1 byte): 0
//! and the secret, 1 refused, 2 malformed. Whoever is refused shows its card once and asks again.

use std::{sync::Arc, time::Duration};

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

use crate::{
    Asker, PeerAddress, SecretError, Secrets, ServeLimits,
    card::{Cards, Presenter},
    notify::exchange,
    peers::{Dialer, Doorman, FRAME_TIMEOUT, close, reply, serve_connection},
};

/// Protocol name; the number is the version of the frames.
pub(crate) const ALPN: &[u8] = b"sungrid/secret/1";
/// Most bytes of a secret.
pub const MAX_SECRET: usize = 64;
/// Most bytes of a secret's name.
pub const MAX_SECRET_NAME: usize = 64;
const VERSION: u8 = 1;
const HERE: u8 = 0;
const REFUSED: u8 = 1;
const MALFORMED: u8 = 2;

/// Answers on [`ALPN`].
#[derive(Clone)]
pub(crate) struct Teller {
    secrets: Arc<dyn Secrets>,
    cards: Arc<Cards>,
    doorman: Arc<Doorman>,
    requests: Arc<Semaphore>,
    idle: Duration,
    wait: Duration,
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Teller")
    }
}

impl Teller {
    pub(crate) fn new(
        secrets: Arc<dyn Secrets>,
        cards: Arc<Cards>,
        serve: &ServeLimits,
        wait: Duration,
    ) -> Self {
        Self {
            secrets,
            cards,
            doorman: Doorman::new(
                serve.max_connections,
                serve.max_connections_per_peer,
                serve.max_requests_per_peer,
            ),
            requests: Arc::new(Semaphore::new(serve.max_requests)),
            idle: serve.idle_timeout,
            wait,
        }
    }

    async fn answer(self, id: EndpointId, send: SendStream, mut recv: RecvStream) {
        let frame = timeout(FRAME_TIMEOUT, recv.read_to_end(1 + MAX_SECRET_NAME)).await;
        let answer = match frame {
            Ok(Ok(frame)) if frame.len() > 1 && frame[0] == VERSION => {
                let card = self.cards.of(&id);
                let asker = Asker { id, card };
                let secret = timeout(self.wait, self.secrets.secret(&asker, &frame[1..])).await;
                match secret.ok().flatten() {
                    Some(secret) if secret.len() <= MAX_SECRET => {
                        [&[VERSION, HERE], &secret[..]].concat()
                    }
                    _ => vec![VERSION, REFUSED],
                }
            }
            _ => vec![VERSION, MALFORMED],
        };
        reply(id, send, &answer).await;
    }
}

impl ProtocolHandler for Teller {
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

/// Asks one peer.
pub(crate) async fn ask(
    dialer: &Dialer,
    presenter: &Presenter,
    peer: &PeerAddress,
    name: &[u8],
    wait: Duration,
) -> Result<Bytes, SecretError> {
    if name.is_empty() || name.len() > MAX_SECRET_NAME {
        return Err(SecretError::Name(name.len()));
    }
    let frame = [&[VERSION], name].concat();
    let short = || peer.id().fmt_short().to_string();
    let unreachable = |reason: String| SecretError::Unreachable {
        peer: short(),
        reason,
    };
    let mut introduced = false;
    loop {
        let asked = Instant::now();
        let (connection, reused) = dialer.connect(peer, ALPN).await.map_err(unreachable)?;
        let answer = match timeout(wait, exchange(&connection, &frame, 2 + MAX_SECRET)).await {
            Ok(Ok(answer)) => Bytes::from(answer),
            Ok(Err(reason)) => {
                dialer.drop_connection(&connection, close::DONE, "dead");
                match reused {
                    // A kept connection was dead. This happens once: the next one is fresh.
                    true => continue,
                    false => return Err(unreachable(reason)),
                }
            }
            Err(_) => {
                dialer.drop_connection(&connection, close::DONE, "no answer");
                return Err(unreachable(format!("no answer within {wait:?}")));
            }
        };
        match answer[..] {
            [VERSION, HERE, ..] => return Ok(answer.slice(2..)),
            [VERSION, REFUSED] if !introduced && presenter.after_refusal(peer, asked).await => {
                introduced = true;
            }
            [VERSION, REFUSED] => return Err(SecretError::Refused { peer: short() }),
            _ => return Err(SecretError::Misbehaved { peer: short() }),
        }
    }
}
