//! What is done now and then: rewards, retention, room.

use std::collections::BTreeSet;

use sungrid_chain_client::{Call, JobState, Until, Worker, WorkerState};
use sungrid_primitives::{BatchIndex, JobId};
use tracing::info;

use super::{Fatal, Report, Supervisor};
use crate::journal::{BatchId, Stage};

/// Blocks between two looks at jobs whose results are only served.
const RETENTION_EVERY: u32 = 16;
/// Blocks between two attempts to change the address on chain: a worker's free calls are for its work.
const MOVE_EVERY: u32 = 20;

/// Blocks between two attempts to show that this worker is there: as long as a transaction takes, and several of them
/// within the time there is to answer.
const PRESENCE_EVERY: u32 = 3;

impl Supervisor {
    pub(super) async fn chores(&mut self) -> Result<(), Fatal> {
        self.be_present().await?;
        self.prove().await?;
        self.bear_witness().await?;
        let now = self.head.number;
        if now.is_multiple_of(RETENTION_EVERY) {
            self.end_retention().await?;
            self.end_witnessed().await?;
        }
        if now.is_multiple_of(RETENTION_EVERY) || self.metrics.status().credit.is_empty() {
            self.note_income().await?;
        }
        if self.settings.rewards_every > 0 && now >= self.rewards_due {
            self.rewards_due = now.saturating_add(self.settings.rewards_every);
            self.claim_rewards().await?;
        }
        Ok(())
    }

    /// Shows the chain that this worker is there: answers the liveness lottery, and resumes if it was paused
    /// because it had not answered. What the operator paused stays so.
    async fn be_present(&mut self) -> Result<(), Fatal> {
        let now = self.head.number;
        if now < self.presence_due {
            return Ok(());
        }
        let call = match self.me.as_ref().map(|me| me.state) {
            Some(WorkerState::Active) => match self.ports.chain.summons(&self.account).await? {
                Some(block) => Call::Alive { block },
                None => return Ok(()),
            },
            Some(WorkerState::Paused) => {
                info!("this worker was reported as absent: resuming");
                Call::Resume(self.account.clone())
            }
            _ => return Ok(()),
        };
        self.presence_due = now.saturating_add(PRESENCE_EVERY);
        let ports = self.ports.clone();
        self.tasks.spawn(async move {
            Report::Present(ports.chain.submit(&ports.key, call, Until::InBlock).await)
        });
        Ok(())
    }

    /// Keeps the address on chain true. One that neither this process wrote nor has now is another's.
    pub(super) fn check_address(&mut self, me: &Worker) -> Result<(), Fatal> {
        let current = self.ports.blobs.endpoint();
        if me.endpoint == current {
            self.endpoint = current;
            return Ok(());
        }
        if me.endpoint != self.endpoint {
            return Err(Fatal::SameKey(self.account.clone()));
        }
        if self.head.number < self.move_due {
            return Ok(());
        }
        self.move_due = self.head.number.saturating_add(MOVE_EVERY);
        info!("the address of this machine changed: putting the new one on chain");
        let call = Call::UpdateWorker {
            worker: self.account.clone(),
            endpoint: current,
            attributes: me.attributes.clone(),
        };
        let ports = self.ports.clone();
        self.tasks.spawn(async move {
            Report::Moved(ports.chain.submit(&ports.key, call, Until::InBlock).await)
        });
        Ok(())
    }

    /// What this worker has earned, and what its operator may claim.
    async fn note_income(&self) -> Result<(), Fatal> {
        let Some(me) = &self.me else {
            return Ok(());
        };
        let chain = &self.ports.chain;
        self.metrics
            .credit(chain.credit(&self.account).await?.total);
        self.metrics
            .pending(chain.pending_rewards(&me.operator).await?);
        Ok(())
    }

    async fn claim_rewards(&mut self) -> Result<(), Fatal> {
        let Some(operator) = self.ports.operator.clone() else {
            return Ok(());
        };
        let pending = self
            .ports
            .chain
            .pending_rewards(&operator.account())
            .await?;
        self.metrics.pending(pending);
        if pending == 0 {
            return Ok(());
        }
        let chain = self.ports.chain.clone();
        self.tasks.spawn(async move {
            Report::Rewarded(
                chain
                    .submit(&operator, Call::ClaimRewards, Until::InBlock)
                    .await,
            )
        });
        Ok(())
    }

    /// Lets outputs go that need not be kept: their requester has confirmed that it has them, or their job's retention
    /// is over.
    async fn end_retention(&mut self) -> Result<(), Fatal> {
        let served = |batch: &super::InHand| batch.entry.stage == Stage::Settled;
        let jobs: BTreeSet<JobId> = self
            .hand
            .iter()
            .filter(|(_, batch)| served(batch))
            .map(|(id, _)| id.0)
            .collect();
        for job in jobs {
            let below = self.needless_below(job).await?;
            let record = self.jobs.get(&job).and_then(|job| job.record.as_ref());
            // What was cut off a batch of the order is numbered after all of these.
            let is_needless = |batch: BatchIndex| match record {
                _ if below == BatchIndex::MAX => true,
                Some(record) => record.is_below(batch, below),
                None => batch < below,
            };
            let batches: Vec<BatchId> = self
                .hand
                .range((job, 0)..=(job, BatchIndex::MAX))
                .filter(|((_, index), batch)| served(batch) && is_needless(*index))
                .map(|(id, _)| *id)
                .collect();
            if !batches.is_empty() {
                info!(job, batches = batches.len(), "outputs need not be kept");
            }
            for id in batches {
                self.let_go(id).await;
            }
        }
        Ok(())
    }

    /// The first batch of a job whose outputs somebody may still ask for: none once its retention has passed, those that its
    /// requester has not confirmed before, and all while a job that comes after it runs.
    pub(super) async fn needless_below(&self, job: JobId) -> Result<BatchIndex, Fatal> {
        let Some(record) = self.ports.chain.job(job).await? else {
            return Ok(BatchIndex::MAX);
        };
        for next in record.successors {
            let next = self.ports.chain.job(next).await?;
            if next.is_some_and(|next| !next.state.has_ended()) {
                return Ok(0);
            }
        }
        match record.state {
            JobState::Ended { at, .. }
                // Witnesses who were called at the end of the retention come a little later.
                if self.head.number
                    > at.saturating_add(self.params.retention.max(self.params.liability)) =>
            {
                Ok(BatchIndex::MAX)
            }
            _ => Ok(self.ports.chain.received(job).await?),
        }
    }

    /// Looks whether a full disk has room again.
    pub(super) async fn check_room(&mut self) {
        if self.full.is_none() {
            return;
        }
        let room = match self.journal.check_room() {
            Ok(()) => self
                .ports
                .blobs
                .check_room()
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match room {
            Ok(()) => {
                self.full = None;
                self.metrics.full(false);
                info!("there is room again: taking work");
            }
            Err(reason) => self.note_full(reason),
        }
    }
}
