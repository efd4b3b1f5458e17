//! How hints get from one machine to another.

use async_trait::async_trait;
use sungrid_data_plane::{DataPlane, EndpointId, PeerAddress};

/// Sends hints.
#[async_trait]
pub trait Wire: Send + Sync + 'static {
    /// The endpoint that peers know this machine by.
    fn id(&self) -> EndpointId;
    /// Signs as that endpoint.
    fn sign(&self, message: &[u8]) -> [u8; 64];
    /// Sends a message. Whether the peer has it.
    async fn send(&self, to: &PeerAddress, message: &[u8]) -> bool;
}

#[async_trait]
impl Wire for DataPlane {
    fn id(&self) -> EndpointId {
        self.endpoint_id()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        DataPlane::sign(self, message)
    }

    async fn send(&self, to: &PeerAddress, message: &[u8]) -> bool {
        match self.notify(to, message).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "a hint was not taken");
                false
            }
        }
    }
}
