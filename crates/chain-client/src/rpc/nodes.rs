//! Several nodes of one chain behind one connection.
//!
//! One of them is in use. It is left for another one when its connection breaks, and when it has not come by `patience` to where that
//! one was: because it hangs, stands still, is alone on a fork, or has to catch up. That one node is as high as another is all that
//! counts, so a chain that stands still as a whole moves nobody. The new one stays in use until it fails itself.
//!
//! Requests wait while there is no node. What was asked of a node that is left ends with
//! [`Error::DisconnectedWillReconnect`]: reads are repeated, subscriptions made anew, and the fate of a transaction is unknown.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::join_all, stream};
use jsonrpsee_client::{
    core::client::{Client, ClientT},
    ws_client::{PingConfig, WsClientBuilder},
};
use serde::Deserialize;
use sp_core::H256;
use subxt_rpcs::{
    Error, RpcClientT,
    client::{RawRpcFuture, RawRpcSubscription, RawValue},
};
use tokio::{sync::watch, task::AbortHandle, time::Instant};
use tracing::{info, warn};

use crate::ChainError;

/// A request without an answer for that long is broken off. Longer than any sane answer takes; shorter, and a
/// busy node's answers are thrown away.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Time for a node to say where it is, from the first packet on. Longer, and a node that is silent holds up the choice of another one.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Pause before the first attempt to reconnect; each further one is longer.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// Longest pause between two attempts to reconnect: what a worker can lose after a node came back.
const LONGEST_RETRY: Duration = Duration::from_secs(3);
/// Looks at the other nodes within the patience. Fewer, and a node that fails is noticed late.
const LOOKS: u32 = 3;
/// Blocks by which nodes may differ that are equally good: what is on its way between them.
const LEVEL: u32 = 2;
/// Largest message, bytes: the metadata, and all keys of a large map.
const LARGEST_MESSAGE: u32 = 50 << 20;

/// The address of a node as logs, pages and errors show it: what comes before and after its host is often a secret.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("ws", url));
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// The connection, whichever node it is with.
pub(super) struct Nodes {
    state: Arc<watch::Sender<State>>,
    keeper: AbortHandle,
}

/// The connection in use.
#[derive(Clone)]
struct Link {
    /// How many there were before.
    serial: u64,
    /// The address, as it may be shown.
    node: String,
    client: Arc<Client>,
}

#[derive(Clone)]
enum State {
    Up(Link),
    /// No node can be used now.
    Down,
    /// All nodes serve other chains.
    Refused(ChainError),
}

impl State {
    fn serial(&self) -> Option<u64> {
        match self {
            Self::Up(link) => Some(link.serial),
            _ => None,
        }
    }
}

/// A node, as far as it is known.
struct Seat {
    url: String,
    client: Option<Arc<Client>>,
    /// How long each request to it may take.
    answer_time: Duration,
    /// Whether it was said that it cannot be used.
    told: bool,
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    genesis: H256,
    height: u32,
}

#[derive(Deserialize)]
struct HeaderNumber {
    number: String,
}

impl Seat {
    fn new(url: &str) -> Result<Self, ChainError> {
        if !url.starts_with("ws://") && !url.starts_with("wss://") {
            return Err(ChainError::BadAddress {
                url: url.into(),
                reason: "it does not start with ws:// or wss://".into(),
            });
        }
        Ok(Self {
            url: url.into(),
            client: None,
            answer_time: REQUEST_TIMEOUT,
            told: false,
        })
    }

    /// Asks the node where it is, over the connection that there is if it still is one.
    async fn look(&mut self, patience: Duration) -> Result<Seen, ChainError> {
        self.client.take_if(|client| !client.is_connected());
        let time = patience.min(ANSWER_TIME);
        let asked = tokio::time::timeout(time, self.ask()).await;
        let seen = asked.unwrap_or_else(|_| Err(format!("no answer within {time:?}")));
        seen.map_err(|reason| {
            // The next look begins anew.
            self.client = None;
            ChainError::Unreachable {
                url: shown(&self.url),
                reason,
            }
        })
    }

    /// Its best block, if it serves the chain.
    fn of_chain(&mut self, seen: Seen, expected: H256) -> Result<u32, ChainError> {
        if seen.genesis == expected {
            self.told = false;
            return Ok(seen.height);
        }
        self.client = None;
        Err(ChainError::WrongGenesis {
            url: shown(&self.url),
            found: seen.genesis,
            expected,
        })
    }

    async fn ask(&mut self) -> Result<Seen, String> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => {
                let builder = WsClientBuilder::new()
                    .max_request_size(LARGEST_MESSAGE)
                    .max_response_size(LARGEST_MESSAGE)
                    .max_buffer_capacity_per_subscription(tokio::sync::Semaphore::MAX_PERMITS)
                    .set_tcp_no_delay(true)
                    .request_timeout(self.answer_time)
                    .enable_ws_ping(PingConfig::new());
                let client = builder.build(&self.url).await;
                let client = Arc::new(client.map_err(|error| root_cause(&error))?);
                self.client.insert(client).clone()
            }
        };
        let genesis: H256 = client
            .request("chain_getBlockHash", [0_u32].as_slice())
            .await
            .map_err(|error| root_cause(&error))?;
        let header: HeaderNumber = client
            .request("chain_getHeader", [(); 0].as_slice())
            .await
            .map_err(|error| root_cause(&error))?;
        let height = u32::from_str_radix(header.number.trim_start_matches("0x"), 16);
        let height = height.map_err(|error| format!("its best block has no number: {error}"))?;
        Ok(Seen { genesis, height })
    }
}

/// What the transport said, without the layers in front of it that repeat each other.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Why none of the nodes answers.
fn unreachable(errors: Vec<ChainError>) -> ChainError {
    let (mut urls, mut reasons) = (Vec::new(), Vec::new());
    for error in errors {
        if let ChainError::Unreachable { url, reason } = error {
            urls.push(url);
            reasons.push(reason);
        }
    }
    ChainError::Unreachable {
        url: urls.join(", "),
        reason: reasons.join("; "),
    }
}

/// The first node that is about as high as the highest.
fn best(heights: &[Option<u32>]) -> Option<usize> {
    let highest = heights.iter().flatten().max()?;
    heights
        .iter()
        .position(|height| height.is_some_and(|height| height.saturating_add(LEVEL) >= *highest))
}

/// Where the node in use has to be, and since when.
#[derive(Clone, Copy, Debug)]
struct Behind {
    height: u32,
    since: Instant,
}

/// Notes where nodes are; whether the node in use, at `own`, was behind for too long.
fn falls_behind(
    behind: &mut Option<Behind>,
    own: Option<u32>,
    others: Option<u32>,
    now: Instant,
    patience: Duration,
) -> bool {
    if behind.is_some_and(|behind| own >= Some(behind.height)) {
        *behind = None;
    }
    if behind.is_none()
        && let Some(height) = others
        && own < Some(height)
    {
        *behind = Some(Behind { height, since: now });
    }
    behind.is_some_and(|behind| now.duration_since(behind.since) >= patience)
}

/// Keeps one of the nodes in use.
struct Keeper {
    seats: Vec<Seat>,
    genesis: H256,
    patience: Duration,
    state: Arc<watch::Sender<State>>,
    serial: u64,
}

/// Best blocks of nodes that serve the chain with this genesis, each over a connection of its own.
///
/// # Errors
/// Of each node, those of [`super::RpcChain::connect`].
pub async fn look(
    urls: &[impl AsRef<str>],
    genesis: H256,
    patience: Duration,
) -> Vec<Result<u32, ChainError>> {
    let looks = urls.iter().map(|url| async move {
        let mut seat = Seat::new(url.as_ref())?;
        let seen = seat.look(patience).await?;
        seat.of_chain(seen, genesis)
    });
    join_all(looks).await
}

impl Keeper {
    /// Takes the best node into use: number of its seat, and the connection with it.
    fn turn_to(&mut self, heights: &[Option<u32>]) -> Option<(usize, Link)> {
        let at = best(heights)?;
        let seat = &mut self.seats[at];
        let link = Link {
            serial: self.serial,
            node: shown(&seat.url),
            client: seat.client.clone()?,
        };
        self.serial += 1;
        seat.told = false;
        self.state.send_replace(State::Up(link.clone()));
        Some((at, link))
    }

    async fn run(mut self, mut link: Option<(usize, Link)>) {
        loop {
            let current = match link.take() {
                Some(current) => current,
                None => self.find().await,
            };
            link = self.stay(current).await;
        }
    }

    /// Stays with a node until that fails; the one that is better, if that is known.
    async fn stay(&mut self, (at, link): (usize, Link)) -> Option<(usize, Link)> {
        // With one node there is nothing to compare.
        let pause = self.patience / LOOKS;
        let mut behind = None;
        loop {
            tokio::select! {
                biased;
                reason = link.client.on_disconnect() => {
                    warn!(node = link.node, %reason, "the connection to the node is lost");
                    self.state.send_replace(State::Down);
                    return None;
                }
                () = tokio::time::sleep(pause), if self.seats.len() > 1 => {}
            }
            let heights = self.look().await;
            let mut others = heights.clone();
            let own = others[at].take();
            let highest = others.iter().flatten().max().copied();
            if falls_behind(&mut behind, own, highest, Instant::now(), self.patience)
                && let Some(next) = self.turn_to(&others)
            {
                warn!(
                    node = link.node, height = ?own, others = highest, next = next.1.node,
                    "the node stays behind others: going on with another one"
                );
                // Whatever it does not answer is not waited for.
                self.seats[at].client = None;
                return Some(next);
            }
        }
    }

    /// Looks for a node until there is one.
    async fn find(&mut self) -> (usize, Link) {
        let mut pause = FIRST_RETRY;
        loop {
            let heights = self.look().await;
            if let Some(found) = self.turn_to(&heights) {
                info!(node = found.1.node, "going on with this node");
                return found;
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_RETRY);
        }
    }

    /// Best blocks of the nodes that can be used, and a word about those that cannot.
    async fn look(&mut self) -> Vec<Option<u32>> {
        let seen = join_all(self.seats.iter_mut().map(|seat| seat.look(self.patience))).await;
        let mut refused = Vec::new();
        let mut heights = Vec::new();
        for (seat, seen) in self.seats.iter_mut().zip(seen) {
            let usable = seen.and_then(|seen| seat.of_chain(seen, self.genesis));
            if let Err(error) = &usable
                && !std::mem::replace(&mut seat.told, true)
            {
                warn!(%error, "a node cannot be used");
            }
            heights.push(usable.as_ref().ok().copied());
            refused.extend(usable.err().filter(|error| !error.is_retryable()));
        }
        if refused.len() == self.seats.len() {
            self.state.send_replace(State::Refused(refused.remove(0)));
        }
        heights
    }
}

impl Nodes {
    /// Connects with the best of these nodes. Their genesis, which is `expected` if one is.
    ///
    /// # Errors
    /// [`ChainError::BadAddress`]; [`ChainError::Unreachable`] if none answers that serves the expected chain;
    /// [`ChainError::WrongGenesis`] if all serve another one than is expected, or, where none is, one another than the first
    /// that answers: then nobody knows which of them is meant.
    pub(super) async fn open(
        urls: &[impl AsRef<str>],
        expected: Option<H256>,
        patience: Duration,
    ) -> Result<(Self, H256), ChainError> {
        let seats = urls.iter().map(|url| Seat::new(url.as_ref()));
        Self::open_seats(seats.collect::<Result<_, _>>()?, expected, patience).await
    }

    async fn open_seats(
        mut seats: Vec<Seat>,
        expected: Option<H256>,
        patience: Duration,
    ) -> Result<(Self, H256), ChainError> {
        let seen = join_all(seats.iter_mut().map(|seat| seat.look(patience))).await;
        let Some(first) = seen.iter().flatten().next() else {
            return Err(unreachable(
                seen.into_iter().filter_map(Result::err).collect(),
            ));
        };
        let genesis = expected.unwrap_or(first.genesis);
        let (mut heights, mut errors) = (Vec::new(), Vec::new());
        for (seat, seen) in seats.iter_mut().zip(seen) {
            let usable = seen.and_then(|seen| seat.of_chain(seen, genesis));
            heights.push(usable.as_ref().ok().copied());
            if let Err(error) = usable {
                if expected.is_none() && !error.is_retryable() {
                    return Err(error);
                }
                warn!(%error, "a node cannot be used");
                seat.told = true;
                errors.push(error);
            }
        }
        if errors.len() == seats.len() {
            // One that does not answer may be the right one, and be back soon.
            let wrong = errors.iter().all(|error| !error.is_retryable());
            return Err(match wrong {
                true => errors.remove(0),
                false => unreachable(errors),
            });
        }
        let state = Arc::new(watch::Sender::new(State::Down));
        let mut keeper = Keeper {
            seats,
            genesis,
            patience,
            state: state.clone(),
            serial: 0,
        };
        let link = keeper.turn_to(&heights);
        let keeper = tokio::spawn(keeper.run(link)).abort_handle();
        Ok((Self { state, keeper }, genesis))
    }

    /// Address of the node in use, as it may be shown.
    pub(super) fn node(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Up(link) => Some(link.node.clone()),
            _ => None,
        }
    }

    /// Number of the connection in use; other than before, and what was sent before may be lost.
    pub(super) fn serial(&self) -> Option<u64> {
        self.state.borrow().serial()
    }

    /// Why no node can be used any more.
    pub(super) fn refusal(&self) -> Option<ChainError> {
        match &*self.state.borrow() {
            State::Refused(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// The node in use, once there is one, and what tells of its end.
    async fn link(&self) -> Result<(Link, watch::Receiver<State>), Error> {
        let mut states = self.state.subscribe();
        let state = states
            .wait_for(|state| !matches!(state, State::Down))
            .await
            .map_err(|error| Error::Client(error.into()))?
            .clone();
        match state {
            State::Up(link) => Ok((link, states)),
            State::Refused(error) => Err(Error::Client(error.into())),
            State::Down => Err(Error::DisconnectedWillReconnect("no node".into())),
        }
    }
}

#[cfg(test)]
impl Nodes {
    /// As [`Self::open`] with one node, whose answers are waited for no longer than this.
    pub(super) async fn open_hasty(url: &str, time: Duration) -> Result<(Self, H256), ChainError> {
        let mut seat = Seat::new(url)?;
        seat.answer_time = time;
        Self::open_seats(vec![seat], None, time).await
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Ends as soon as another connection is in use, or none.
async fn left(mut states: watch::Receiver<State>, serial: u64) -> Error {
    drop(
        states
            .wait_for(|state| state.serial() != Some(serial))
            .await,
    );
    Error::DisconnectedWillReconnect("its node is not in use any more".into())
}

/// The answer of a node, unless that was left before.
async fn unless_left<T>(
    (link, states): (&Link, watch::Receiver<State>),
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let left = left(states, link.serial);
    tokio::pin!(left);
    tokio::select! {
        biased;
        answer = answer => match answer {
            // Repeated at once, the same would happen again.
            Err(_) if !link.client.is_connected() => Err(left.await),
            answer => answer,
        },
        error = &mut left => Err(error),
    }
}

impl RpcClientT for Nodes {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        async move {
            let (link, states) = self.link().await?;
            let answer = link.client.request_raw(method, params);
            unless_left((&link, states), answer).await
        }
        .boxed()
    }

    fn subscribe_raw<'a>(
        &'a self,
        sub: &'a str,
        params: Option<Box<RawValue>>,
        unsub: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        async move {
            let (link, states) = self.link().await?;
            let answer = link.client.subscribe_raw(sub, params, unsub);
            let subscription = unless_left((&link, states.clone()), answer).await?;
            let notes = subscription
                .stream
                .take_until(left(states, link.serial).boxed());
            let end = "the subscription has ended".to_owned();
            let end = stream::once(async { Err(Error::DisconnectedWillReconnect(end)) });
            Ok(RawRpcSubscription {
                stream: notes.chain(end).boxed(),
                id: subscription.id,
            })
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
