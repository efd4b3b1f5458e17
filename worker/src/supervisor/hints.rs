//! What other parties say, and what they are told.

use sungrid_gossip::News;
use sungrid_primitives::JobId;

use super::{Fatal, Supervisor};
use crate::{gossip::Gossip, journal::BatchId};

impl Supervisor {
    /// Hears of jobs before the next block, and tells requesters how their batches get on.
    pub fn with_gossip(mut self, gossip: Gossip) -> Self {
        self.gossip = Some(gossip);
        self
    }

    /// Somebody announced a job that is on chain: looks for work now, if it is new, or if it waits for its requester to come
    /// back and has waited for its least. Once a block at most, whoever announces how many.
    pub(super) async fn on_found(&mut self, job: JobId) -> Result<(), Fatal> {
        let now = self.head.number;
        let is_news = match self.jobs.get_mut(&job) {
            None => true,
            Some(known) => {
                let waited = now < known.not_before;
                known.not_before = known.not_before.min(known.hinted_from.max(now));
                waited && known.not_before <= now
            }
        };
        if !is_news || self.hinted_at == Some(now) {
            return Ok(());
        }
        self.hinted_at = Some(now);
        match self.seek().await {
            Err(Fatal::Chain(error)) => self.on_chain_error(error),
            result => result,
        }
    }

    /// Tells the requester that a commitment is on its way to the chain.
    pub(super) fn tell_committed(&self, id: BatchId, endpoint: &[u8]) {
        if let Some(gossip) = &self.gossip {
            let (batch, worker) = (id.1, self.ports.key.public());
            let news = News::Committed { batch, worker };
            gossip.outbox.tell(endpoint, id.0, batch, news);
        }
    }
}
