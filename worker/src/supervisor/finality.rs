//! What a reorganisation may still take back: a batch that was settled, or given up on, stays with all its seals until that is final.
//!
//! What was sent may come into a block of another fork, or come back with one, and a commitment whose salt is forgotten costs bond.

use sungrid_chain_client::{BlockNumber, ReplicaState};
use tracing::{info, warn};

use super::{Activity, Fatal, InHand, Supervisor};
use crate::{
    journal::{BatchId, Stage},
    work,
};

/// Batches given up on that are kept for this: the latest. Fewer, and a chain that finalises nothing for long loses salts; more, and the folder grows.
const MOST_LEFT: usize = 256;
/// Of all that is not final, so many are held against the chain at a block, the latest.
const LOOKS: usize = 32;

impl Supervisor {
    /// Gives up on a batch: it is forgotten, once that is final if there is a seal of it.
    pub(super) async fn let_go(&mut self, id: BatchId) {
        let Some(batch) = self.hand.get_mut(&id) else {
            return self.forget(id).await;
        };
        if let Some(Activity::Working(task, _)) = batch.activity.take() {
            task.abort();
        }
        let entry = batch.entry.at(Stage::Left);
        if entry.former.is_empty() {
            return self.forget(id).await;
        }
        // If it is not on the disk, the next start comes to the same.
        if let Err(error) = self.journal.write(&entry) {
            warn!(%error, job = id.0, batch = id.1, "that it was given up on is not in the journal");
        }
        *batch = InHand::new(entry);
        batch.ended_at = Some(self.head.number);
    }

    /// Forgets a batch and lets its content go.
    async fn forget(&mut self, id: BatchId) {
        self.hand.remove(&id);
        if let Err(error) = self.ports.blobs.let_go(&work::name(id)).await {
            warn!(%error, job = id.0, batch = id.1, "its content cannot be let go");
        }
        if let Err(error) = self.journal.remove(id) {
            warn!(%error, job = id.0, batch = id.1, "its journal entry cannot be removed");
        }
    }

    /// Takes up again what a reorganisation brought back, and forgets the seals of what is final.
    pub(super) async fn finish(&mut self) -> Result<(), Fatal> {
        let ended = self.hand.iter();
        let ended = ended.filter_map(|(id, batch)| Some((batch.ended_at?, *id)));
        let mut ended: Vec<(BlockNumber, BatchId)> = ended.collect();
        if ended.is_empty() {
            return Ok(());
        }
        ended.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in ended.iter().take(LOOKS) {
            self.look_again(*id).await?;
        }
        let last = self.ports.chain.finalised().await?;
        let mut left = 0;
        for (at, id) in ended {
            let Some(batch) = self
                .hand
                .get_mut(&id)
                .filter(|batch| batch.ended_at.is_some())
            else {
                continue;
            };
            let is_left = batch.entry.stage == Stage::Left;
            left += usize::from(is_left);
            if last < at && left <= MOST_LEFT {
                continue;
            }
            if is_left {
                self.forget(id).await;
                continue;
            }
            let entry = batch.entry.finally();
            match self.journal.write(&entry) {
                Ok(()) => (batch.entry, batch.ended_at) = (entry, None),
                // The next block tries again.
                Err(error) => self.note_full(error.to_string()),
            }
        }
        Ok(())
    }

    /// Takes up a batch again that the chain has in flight with us though its end was seen.
    pub(super) async fn look_again(&mut self, (job, index): BatchId) -> Result<(), Fatal> {
        let id = (job, index);
        if self
            .hand
            .get(&id)
            .is_none_or(|batch| batch.ended_at.is_none())
        {
            return Ok(());
        }
        let record = self.ports.chain.batch(job, index).await?;
        let own = record
            .as_ref()
            .and_then(|record| record.replica(&self.account));
        let Some(batch) = self.hand.get_mut(&(job, index)) else {
            return Ok(());
        };
        let entry = match own.map(|own| &own.state) {
            Some(ReplicaState::Assigned) => match batch.entry.former.last() {
                Some(seal) if batch.entry.stage == Stage::Settled => {
                    Some(batch.entry.at(Stage::Sealed(seal.clone())))
                }
                _ => Some(batch.entry.at(Stage::Claimed)),
            },
            Some(ReplicaState::Committed(seal)) => {
                batch.entry.with_seal_of(seal, self.account.as_ref())
            }
            _ => None,
        };
        let Some(entry) = entry else {
            return Ok(());
        };
        if let Err(error) = self.journal.write(&entry) {
            // What is wanted is in the journal all the same; the next block tries again.
            self.note_full(error.to_string());
            return Ok(());
        }
        info!(
            job,
            batch = index,
            "a block was given up: the batch is in flight again"
        );
        *batch = InHand::new(entry);
        Ok(())
    }
}
