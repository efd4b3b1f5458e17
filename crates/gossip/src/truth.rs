//! What a hint is held against.

use std::sync::Arc;

use async_trait::async_trait;
use sungrid_chain_client::{Chain, ChainError, WorkerState};
use sungrid_data_plane::{EndpointId, PeerAddress};
use sungrid_primitives::JobId;

/// What the chain says of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has no such job yet.
    NotYet,
    /// It is there, and has not ended.
    Open {
        /// The endpoint that it names.
        requester: EndpointId,
    },
    /// It has ended.
    Over {
        /// The endpoint that it named, while the chain still knows.
        requester: Option<EndpointId>,
    },
}

/// What the chain knows, as far as hints are concerned.
#[async_trait]
pub trait Truth: Send + Sync {
    /// How it stands with a job.
    async fn job(&self, job: JobId) -> Result<Seen, ChainError>;
    /// Where the workers are that are in service.
    async fn workers(&self) -> Result<Vec<PeerAddress>, ChainError>;
}

#[async_trait]
impl Truth for Arc<dyn Chain> {
    async fn job(&self, job: JobId) -> Result<Seen, ChainError> {
        let Some(record) = Chain::job(&**self, job).await? else {
            return Ok(match job < self.next_job().await? {
                true => Seen::Over { requester: None },
                false => Seen::NotYet,
            });
        };
        let requester = PeerAddress::from_bytes(&record.spec.endpoint);
        let requester = requester.ok().map(|peer| peer.id());
        Ok(match requester {
            Some(requester) if !record.state.has_ended() => Seen::Open { requester },
            requester => Seen::Over { requester },
        })
    }

    async fn workers(&self) -> Result<Vec<PeerAddress>, ChainError> {
        let all = Chain::workers(&**self).await?;
        let active = all
            .iter()
            .filter(|(_, worker)| worker.state == WorkerState::Active);
        Ok(active
            .filter_map(|(_, worker)| PeerAddress::from_bytes(&worker.endpoint).ok())
            .collect())
    }
}
