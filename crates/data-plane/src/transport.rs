//! How much a connection may buffer.
//!
//! Whoever opens a connection asks and the other side answers. So what others open to us needs little
//! room for what they send. The window of an answer stays at the transport's 1.25 MB: it gives a
//! connection up at 1024 gaps in a stream, which a larger window reaches when a receive buffer
//! overflows. One blob from 100 ms away so comes at 100 Mbit/s; entries of a bundle come side by side.

use iroh::endpoint::{QuicTransportConfig, VarInt};

/// Requests that a peer may have open at once on one connection; most wait to be accepted.
const MAX_OPEN_REQUESTS: u32 = 64;
/// Unread bytes of one request. The longest notification fits; a list of ranges is far shorter.
const REQUEST_WINDOW: u32 = 64 << 10;
/// Unread bytes of all requests of one connection. Times the connections allowed it is what strangers
/// can make this node hold.
const REQUESTS_WINDOW: u32 = 512 << 10;

/// For connections that others open.
pub(crate) fn accepting() -> QuicTransportConfig {
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_OPEN_REQUESTS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(REQUEST_WINDOW))
        .receive_window(VarInt::from_u32(REQUESTS_WINDOW))
        .datagram_receive_buffer_size(None)
        .build()
}

/// For connections that this node opens: the peer may only answer.
pub(crate) fn dialling() -> QuicTransportConfig {
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .build()
}
