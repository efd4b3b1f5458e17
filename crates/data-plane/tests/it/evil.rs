//! Providers that do not keep to the protocol.

use iroh::{
    Endpoint,
    endpoint::{Connection, PortmapperConfig, presets},
    protocol::{AcceptError, ProtocolHandler, Router},
};
use iroh_blobs::{
    protocol::{ChunkRanges, Request},
    store::mem::MemStore,
};
use sungrid_data_plane::PeerAddress;

/// What is wrong with the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Evil {
    /// One bit of the answer's byte at this offset is wrong. The first 8 bytes are the size.
    Flip(usize),
    /// The answer ends after this many bytes.
    Short(usize),
    /// Nothing more comes after this many bytes.
    Stall(usize),
    /// The announced size is this.
    Size(u64),
    /// A megabyte too much.
    Extra,
    /// Bytes that have nothing to do with the content.
    Noise,
    /// The connection is closed instead of an answer.
    HangUp,
}

#[derive(Debug)]
struct Handler {
    store: MemStore,
    how: Evil,
}

pub(crate) struct EvilProvider {
    pub(crate) address: PeerAddress,
    router: Router,
}

pub(crate) async fn endpoint() -> Endpoint {
    Endpoint::builder(presets::Minimal)
        .portmapper_config(PortmapperConfig::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .expect("an address")
        .bind()
        .await
        .expect("bound")
}

impl EvilProvider {
    pub(crate) async fn spawn(content: &[u8], how: Evil) -> Self {
        Self::spawn_with([content], how).await
    }

    pub(crate) async fn spawn_with<'a>(
        contents: impl IntoIterator<Item = &'a [u8]>,
        how: Evil,
    ) -> Self {
        let store = MemStore::new();
        for content in contents {
            store.add_slice(content).await.expect("stored");
        }
        let endpoint = endpoint().await;
        let address = PeerAddress::new(endpoint.id(), endpoint.bound_sockets()).expect("dialable");
        let router = Router::builder(endpoint)
            .accept(iroh_blobs::ALPN, Handler { store, how })
            .spawn();
        Self { address, router }
    }

    pub(crate) async fn shutdown(self) {
        self.router.shutdown().await.expect("no panic");
    }
}

impl ProtocolHandler for Handler {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        // Streams stay open until the peer leaves, as a stalling provider's would.
        let mut open = Vec::new();
        while let Ok((mut send, mut recv)) = connection.accept_bi().await {
            let (request, _) = Request::read_async(&mut recv).await?;
            let wanted = match request {
                Request::Get(request) => {
                    let ranges = request.ranges.iter_infinite().next();
                    vec![(request.hash, ranges.expect("infinite").clone())]
                }
                Request::GetMany(request) => {
                    let all = request.hashes.into_iter();
                    all.map(|hash| (hash, ChunkRanges::all())).collect()
                }
                other => panic!("only get and get-many are spoken: {other:?}"),
            };
            let mut answer = Vec::new();
            for (hash, ranges) in wanted {
                let blob = self.store.export_bao(hash, ranges).bao_to_vec().await;
                answer.extend(blob.expect("encoded"));
            }
            let mut finish = true;
            match self.how {
                // A resumed request has a shorter answer.
                Evil::Flip(at) => {
                    let last = answer.len() - 1;
                    answer[at.min(last)] ^= 1;
                }
                Evil::Short(at) => answer.truncate(at),
                Evil::Stall(at) => {
                    answer.truncate(at);
                    finish = false;
                }
                Evil::Size(size) => answer[..8].copy_from_slice(&size.to_le_bytes()),
                Evil::Extra => answer.extend_from_slice(&vec![0; 1 << 20]),
                Evil::Noise => answer
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, byte)| *byte = i as u8),
                Evil::HangUp => {
                    connection.close(7_u32.into(), b"bye");
                    return Ok(());
                }
            }
            // The peer may hang up at any time, with every right.
            let _ = send.write_all(&answer).await;
            if finish {
                let _ = send.finish();
            }
            open.push(send);
        }
        Ok(())
    }
}
