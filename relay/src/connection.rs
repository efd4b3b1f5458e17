//! One connection, from its first byte to its registration.
//!
//! The protocol is iroh's, spoken by its own code; what is done here is the way there: TLS, one HTTP request, the change
//! to a WebSocket. All of it within one time limit, and within a place that is held until the socket is closed.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{Sink, Stream};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use iroh_relay::{
    ExportKeyingMaterial, KeyCache, MAX_PACKET_SIZE,
    http::{CLIENT_AUTH_HEADER, ProtocolVersion, RELAY_PATH, RELAY_PROBE_PATH},
    protos::{handshake, streams::StreamError},
    server::{
        ClientRequest, DynAccessControl, Metrics,
        client::Config,
        clients::Clients,
        streams::{Bucket, RelayedStream},
    },
};
use n0_error::AnyError;
use sha1::{Digest, Sha1};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_websockets::{Limits, Message, ServerBuilder, WebSocketStream};
use tracing::debug;

use crate::places::Place;

/// Packets that wait for a party that reads slowly; further ones are dropped, as a router would. Times the largest
/// packet (64 KiB) it is what one party can make the relay hold: 4 MiB.
const QUEUE: usize = 64;
/// Longest message: a packet with its header.
const MAX_MESSAGE: usize = MAX_PACKET_SIZE + 1024;
/// Of WebSockets, RFC 6455.
const WEBSOCKET_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const REFILL: Duration = Duration::from_millis(100);
/// What a message costs besides its bytes: empty ones are work too.
const OVERHEAD: usize = 64;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) access: Arc<dyn DynAccessControl>,
    pub(crate) clients: Clients,
    pub(crate) keys: KeyCache,
    pub(crate) metrics: Arc<Metrics>,
    /// Bytes per second that each party may send.
    pub(crate) rate: u32,
    pub(crate) establish: Duration,
}

/// Serves one connection until it is registered, answered or given up.
pub(crate) async fn serve(
    house: Arc<House>,
    tls: Option<TlsAcceptor>,
    stream: TcpStream,
    place: Place<IpAddr>,
) {
    house.metrics.http_connections.inc();
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no delay cannot be set");
    }
    let establish = async {
        let io: Box<dyn Io> = match tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.accept(stream).await.map_err(|e| e.to_string())?),
        };
        let io = TokioIo::new(Seated { io, _place: place });
        let (joined, joining) = tokio::sync::oneshot::channel();
        let joined = Arc::new(std::sync::Mutex::new(Some(joined)));
        let service = service_fn(|request| {
            let joined = joined.clone();
            let house = house.clone();
            async move { Ok::<_, Infallible>(answer(house, request, joined)) }
        });
        http1::Builder::new()
            .keep_alive(false)
            .serve_connection(io, service)
            .with_upgrades()
            .await
            .map_err(|e| e.to_string())?;
        drop(joined);
        // A request that was no upgrade has dropped the sender.
        match joining.await {
            Ok(upgrade) => upgrade.join(&house).await,
            Err(_) => Ok(()),
        }
    };
    let failed = match timeout(house.establish, establish).await {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => Some(reason),
        Err(_) => Some(format!("not established within {:?}", house.establish)),
    };
    house.metrics.http_connections_closed.inc();
    if let Some(reason) = failed {
        house.metrics.http_connections_errored.inc();
        debug!(reason, "a connection came to nothing");
    }
}

/// A request that became a WebSocket.
struct Upgrade {
    upgraded: hyper::upgrade::OnUpgrade,
    parts: Parts,
    version: ProtocolVersion,
}

type Joined = Arc<std::sync::Mutex<Option<tokio::sync::oneshot::Sender<Upgrade>>>>;

impl Upgrade {
    async fn join(self, house: &House) -> Result<(), String> {
        let upgraded = self.upgraded.await.map_err(|e| e.to_string())?;
        let burst = i64::from(house.rate);
        let bucket = Bucket::new(burst, burst, REFILL).map_err(|e| e.to_string())?;
        let mut party = Party {
            socket: ServerBuilder::new()
                .limits(Limits::default().max_payload_len(Some(MAX_MESSAGE)))
                .serve(TokioIo::new(upgraded)),
            bucket,
            wait: None,
            metrics: house.metrics.clone(),
        };
        let proof = self.parts.headers.get(CLIENT_AUTH_HEADER).cloned();
        let proven = handshake::serverside(&mut party, proof)
            .await
            .map_err(|e| e.to_string())?;
        let request = ClientRequest::new(proven.client_key, self.version, self.parts);
        let guard = proven
            .authorize_with(&request, &house.access, &mut party)
            .await
            .map_err(|e| e.to_string())?;
        let stream = RelayedStream::new(party, house.keys.clone());
        let mut config = Config::new(guard, stream, self.version);
        config.channel_capacity = QUEUE;
        house.clients.register(config, house.metrics.clone());
        Ok(())
    }
}

fn answer(house: Arc<House>, request: Request<Incoming>, joined: Joined) -> Response<Full<Bytes>> {
    let text = |status, text: String| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        response
    };
    match (request.method(), request.uri().path()) {
        (&Method::GET, RELAY_PATH) => match upgrade(request) {
            Ok((upgrade, response)) => {
                let mut joined = joined.lock().unwrap_or_else(|e| e.into_inner());
                if let Some(joined) = joined.take() {
                    // The receiver waits for as long as the connection is served.
                    drop(joined.send(upgrade));
                }
                response
            }
            Err(reason) => text(StatusCode::BAD_REQUEST, reason),
        },
        // How long this takes tells a party which relay is nearest.
        (&Method::GET, RELAY_PROBE_PATH) => {
            let mut response = Response::new(Full::default());
            let any = HeaderValue::from_static("*");
            response
                .headers_mut()
                .insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
            response
        }
        (&Method::GET, "/") => text(
            StatusCode::OK,
            format!(
                "A relay of Sungrid, version {}.\n",
                env!("CARGO_PKG_VERSION")
            ),
        ),
        (&Method::GET, "/healthz") => {
            let connected = house
                .metrics
                .accepts
                .get()
                .saturating_sub(house.metrics.disconnects.get());
            text(StatusCode::OK, format!("ok, {connected} connected\n"))
        }
        _ => text(StatusCode::NOT_FOUND, "not found\n".into()),
    }
}

/// Checks a request for a WebSocket as RFC 6455 says. The error is the reason in words.
fn upgrade(mut request: Request<Incoming>) -> Result<(Upgrade, Response<Full<Bytes>>), String> {
    let header = |name| {
        let value = request.headers().get(&name).and_then(|v| v.to_str().ok());
        value.ok_or_else(|| format!("the header {name} is missing\n"))
    };
    if !header(UPGRADE)?.eq_ignore_ascii_case("websocket") {
        return Err("only WebSockets are spoken here\n".into());
    }
    if header(SEC_WEBSOCKET_VERSION)? != "13" {
        return Err("only version 13 of WebSockets is spoken here\n".into());
    }
    let offered = header(SEC_WEBSOCKET_PROTOCOL)?;
    let version = offered
        .split(',')
        .filter_map(|name| ProtocolVersion::match_from_str(name.trim()))
        .max();
    let version = version.ok_or_else(|| {
        let known = ProtocolVersion::all_joined();
        format!("no version of the protocol in common: this relay speaks {known}\n")
    })?;
    let key = header(SEC_WEBSOCKET_KEY)?;
    let accept = Sha1::new()
        .chain_update(key.as_bytes())
        .chain_update(WEBSOCKET_GUID);
    let accept = BASE64_STANDARD.encode(accept.finalize());
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .header(SEC_WEBSOCKET_PROTOCOL, version.to_header_value())
        .body(Full::default())
        .map_err(|e| e.to_string())?;
    let upgraded = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let upgrade = Upgrade {
        upgraded,
        parts,
        version,
    };
    Ok((upgrade, response))
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A socket with its place: both go together.
struct Seated {
    io: Box<dyn Io>,
    _place: Place<IpAddr>,
}

impl AsyncRead for Seated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Seated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A WebSocket as the relay's protocol wants it, read no faster than the rate allows.
struct Party {
    socket: WebSocketStream<TokioIo<Upgraded>>,
    bucket: Bucket,
    wait: Option<Pin<Box<Sleep>>>,
    metrics: Arc<Metrics>,
}

impl Stream for Party {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            let message = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(AnyError::from_std(error)))),
                Some(Ok(message)) => message,
            };
            // Also what is skipped below has cost its bytes.
            let size = message.as_payload().len();
            if let Err(until) = self.bucket.consume(size + OVERHEAD) {
                self.metrics.bytes_rx_ratelimited_total.inc_by(size as u64);
                self.wait = Some(Box::pin(tokio::time::sleep_until(until)));
            }
            // A pong is queued without bound for each ping, and who does not read never takes it. iroh pings in binary
            // messages: nobody honest needs these.
            if message.is_close() || message.is_ping() {
                return Poll::Ready(None);
            }
            if message.is_binary() {
                return Poll::Ready(Some(Ok(message.into_payload().into())));
            }
        }
    }
}

impl Sink<Bytes> for Party {
    type Error = StreamError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.socket)
            .poll_ready(cx)
            .map_err(AnyError::from_std)
    }

    fn start_send(mut self: Pin<&mut Self>, bytes: Bytes) -> Result<(), StreamError> {
        Pin::new(&mut self.socket)
            .start_send(Message::binary(bytes))
            .map_err(AnyError::from_std)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.socket)
            .poll_flush(cx)
            .map_err(AnyError::from_std)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.socket)
            .poll_close(cx)
            .map_err(AnyError::from_std)
    }
}

/// A party proves its key by signing a challenge: what its TLS session exports is not asked for.
impl ExportKeyingMaterial for Party {
    fn export_keying_material<T: AsMut<[u8]>>(
        &self,
        _: T,
        _: &[u8],
        _: Option<&[u8]>,
    ) -> Option<T> {
        None
    }
}
