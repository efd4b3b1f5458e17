//! The next step of each batch in hand.

use std::sync::Arc;

use codec::Encode;
use sp_core::H256;
use sungrid_chain_client::{Batch, BlockNumber, Call, Replica, ReplicaState, Reveal, Until};
use sungrid_manifest::ResultReady;
use sungrid_primitives::JobId;
use tracing::{debug, error, info, warn};

use super::{Activity, Fatal, GivenBack, InHand, Report, Supervisor, hand};
use crate::{
    journal::{BatchId, Entry, Seal, Stage},
    work::{self, Progress},
};

/// Blocks after which a batch that the chain does not connect with us is let go: long enough for a
/// reorganised claim to come back.
const FORGET_AFTER: u32 = 10;

impl Supervisor {
    /// Takes up batches that the chain assigned to us and the journal does not know: a claim whose
    /// outcome a crash or a broken connection hid.
    pub(super) async fn adopt(&mut self) -> Result<(), Fatal> {
        for (job, batch, record) in self.ports.chain.batches(None).await? {
            let assigned = record
                .replica(&self.account)
                .is_some_and(|replica| replica.state == ReplicaState::Assigned);
            if assigned && self.hand.contains_key(&(job, batch)) {
                self.look_again((job, batch)).await?;
            } else if assigned {
                info!(job, batch, "taking up a batch that was claimed before");
                self.take((job, batch), self.anchor());
            }
        }
        Ok(())
    }

    /// Puts a claimed batch into the journal and in hand, unless it is there: the chain may have been read
    /// before the answer to the claim came, and a second seal would not open the first one's commitment.
    pub(super) fn take(&mut self, id: BatchId, anchor: sp_core::H256) {
        if self.hand.contains_key(&id) {
            return;
        }
        let entry = Entry::claimed(id, anchor);
        if let Err(error) = self.journal.write(&entry) {
            // The chain remembers the claim, so a restart adopts it; working on it loses nothing.
            self.note_full(error.to_string());
        }
        self.hand.insert(id, InHand::new(entry));
    }

    /// Compares one batch with the chain and starts what it needs.
    pub(super) async fn step(&mut self, id: BatchId) -> Result<(), Fatal> {
        let Some(batch) = self.hand.get(&id) else {
            return Ok(());
        };
        if !batch.entry.stage.is_open() {
            return Ok(());
        }
        let record = self.ports.chain.batch(id.0, id.1).await?;
        match record
            .as_ref()
            .and_then(|record| record.replica(&self.account))
        {
            Some(replica) => {
                let others_sealed =
                    record
                        .iter()
                        .flat_map(|record| &record.replicas)
                        .any(|other| {
                            other.worker != self.account
                                && !matches!(
                                    other.state,
                                    ReplicaState::Assigned | ReplicaState::Out
                                )
                        });
                if others_sealed && replica.state == ReplicaState::Assigned {
                    self.follow_cut(id).await?;
                }
                let revealing = record.as_ref().and_then(|record: &Batch| record.revealing);
                self.in_flight(id, replica.clone(), revealing, others_sealed)
                    .await
            }
            None => self.not_in_flight(id).await,
        }
    }

    async fn in_flight(
        &mut self,
        id: BatchId,
        replica: Replica,
        revealing: Option<H256>,
        others_sealed: bool,
    ) -> Result<(), Fatal> {
        let now = self.head.number;
        let is_preparing = self.jobs.get(&id.0).is_some_and(|job| job.preparing);
        let phase = self.idle.phase();
        let time = hand::Time {
            due: replica.due,
            takes: self.takes(id.0),
        };
        let Some(batch) = self.hand.get_mut(&id) else {
            return Ok(());
        };
        batch.missing_since = None;
        batch.note_progress();
        batch.revealed = matches!(replica.state, ReplicaState::Revealed { .. });
        if let Some(Activity::CommitSent(until)) = batch.activity
            && (replica.state != ReplicaState::Assigned || now >= until)
        {
            batch.activity = None;
        }
        // Its commitment was replaced here on the word of blocks that were given up, or is in a block only now.
        if let ReplicaState::Committed(commitment) = &replica.state
            && let Some(entry) = (batch.entry).with_seal_of(commitment, self.account.as_ref())
        {
            if let Err(error) = self.journal.write(&entry) {
                // The seal that is wanted is in the journal all the same; the next block tries again.
                self.note_full(error.to_string());
                return Ok(());
            }
            info!(
                job = id.0,
                batch = id.1,
                "the chain has an earlier commitment of ours: going on with that"
            );
            batch.entry = entry;
            (batch.failures, batch.not_before, batch.told) = (0, 0, false);
            if let Some(Activity::Working(task, _)) = batch.activity.take() {
                task.abort();
            }
        }
        let Some(batch) = self.hand.get_mut(&id) else {
            return Ok(());
        };
        let waits = batch.activity.is_some() || now < batch.not_before;
        match (replica.state, batch.entry.stage.clone()) {
            // Its report is on the way.
            _ if matches!(batch.activity, Some(Activity::Declining)) => {}
            (ReplicaState::Out | ReplicaState::Withheld, Stage::Claimed) => {
                warn!(
                    job = id.0,
                    batch = id.1,
                    "the commit deadline has passed: this batch is lost"
                );
                self.metrics.missed();
                self.note_end(id, false);
                self.let_go(id).await;
            }
            (ReplicaState::Out | ReplicaState::Withheld, Stage::Sealed(_)) => {
                if batch.failures == 0 {
                    warn!(
                        job = id.0,
                        batch = id.1,
                        "a deadline has passed: nobody is paid for this replica"
                    );
                    self.metrics.missed();
                }
                self.let_go(id).await;
            }
            // First: what its owner's presence held up is not its requester's fault.
            (ReplicaState::Assigned, Stage::Claimed)
                if batch.is_to_be_vacated(now, &time, phase, is_preparing) =>
            {
                let may_cut = !others_sealed && time.is_there_for_a_part(now);
                self.give_back(id, GivenBack::Vacated, may_cut).await?;
            }
            (ReplicaState::Assigned, Stage::Claimed)
                if batch.is_to_be_declined(now, &time, is_preparing) =>
            {
                let may_cut = !others_sealed && time.is_there_for_a_part(now);
                self.give_back(id, GivenBack::NoInput, may_cut).await?;
            }
            (ReplicaState::Assigned, Stage::Claimed) if !waits && phase.state.may_work() => {
                self.start(id).await?
            }
            (ReplicaState::Assigned, Stage::Sealed(seal)) if !waits => {
                let may_cut = batch.may_cut;
                let job = self.jobs.entry(id.0).or_default();
                if job.record.is_none() {
                    job.record = self.ports.chain.job(id.0).await?;
                }
                if may_cut || !self.is_refused_part(id, &seal).await? {
                    self.commit(id, &seal);
                }
            }
            (ReplicaState::Committed(commitment), Stage::Sealed(seal)) => {
                if commitment != seal.commitment(id, self.account.as_ref()) {
                    error!(
                        job = id.0,
                        batch = id.1,
                        "the commitment on chain is not ours: another process runs with this key"
                    );
                    return Err(Fatal::SameKey(self.account.clone()));
                }
                if revealing == Some(seal.digest(id)) && !waits {
                    self.reveal(id, seal);
                } else if !self.hand.get(&id).is_some_and(|batch| batch.told) {
                    self.tell(id, &seal).await?;
                }
            }
            (ReplicaState::Committed(_), Stage::Claimed) if batch.failures == 0 => {
                // Sealed by a process whose journal is lost: without the salt nothing can be revealed.
                batch.failures = 1;
                error!(
                    job = id.0,
                    batch = id.1,
                    "a commitment is on chain, but its salt is not in this journal: restore the data folder, or the bond is slashed"
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// The chain does not have this batch in flight with us: decided, failed, or not yet there.
    async fn not_in_flight(&mut self, id: BatchId) -> Result<(), Fatal> {
        let now = self.head.number;
        let Some(batch) = self.hand.get_mut(&id) else {
            return Ok(());
        };
        if let Some(result) = self.ports.chain.result(id.0, id.1).await? {
            let ours = result
                .winners
                .iter()
                .any(|winner| winner.worker == self.account);
            if ours && matches!(batch.entry.stage, Stage::Sealed(_)) {
                return self.settled(id);
            }
            warn!(
                job = id.0,
                batch = id.1,
                "the batch was decided without this replica"
            );
            self.metrics.lost();
            self.note_end(id, false);
            self.let_go(id).await;
            return Ok(());
        }
        let since = *batch.missing_since.get_or_insert(now);
        if now.saturating_sub(since) >= FORGET_AFTER {
            info!(
                job = id.0,
                batch = id.1,
                "the batch is not in flight any more"
            );
            self.metrics.failed();
            self.let_go(id).await;
        } else if since == now {
            // A reorganisation may have given us another batch instead.
            self.rescan = true;
        }
        Ok(())
    }

    fn settled(&mut self, id: BatchId) -> Result<(), Fatal> {
        let Some(batch) = self.hand.get_mut(&id) else {
            return Ok(());
        };
        batch.activity = None;
        let entry = batch.entry.at(Stage::Settled);
        match self.journal.write(&entry) {
            Ok(()) => {
                (batch.entry, batch.ended_at) = (entry, Some(self.head.number));
                if let Err(error) = self.journal.remove_units(id) {
                    debug!(%error, job = id.0, batch = id.1, "a unit log stays until the batch is let go");
                }
                self.metrics.settled();
                info!(job = id.0, batch = id.1, "accepted and paid");
            }
            // The seal stays in the journal; the next block tries again.
            Err(error) => {
                self.note_full(error.to_string());
                return Ok(());
            }
        }
        self.note_end(id, true);
        Ok(())
    }

    /// Starts to compute a batch, once its job's image and shared inputs are here.
    async fn start(&mut self, id: BatchId) -> Result<(), Fatal> {
        let job = self.jobs.entry(id.0).or_default();
        if job.record.is_none() {
            job.record = self.ports.chain.job(id.0).await?;
        }
        let range = job.record.as_ref().and_then(|record| record.range(id.1));
        if range.is_none() {
            // What a cut made in a block that was not read yet, or not read again.
            job.record = self.ports.chain.job(id.0).await?;
            return Ok(());
        }
        let Some((prepared, range)) = job.prepared.clone().zip(range) else {
            self.prepare(id.0);
            return Ok(());
        };
        let mut bench = self.bench();
        let Some(batch) = self.hand.get_mut(&id) else {
            return Ok(());
        };
        let progress = Arc::new(Progress::after(batch.missing));
        bench.progress = progress.clone();
        let anchor = batch.entry.anchor;
        let task = self.work.spawn(async move {
            Report::Worked(
                id,
                work::run_batch(bench, prepared, id, range, anchor).await,
            )
        });
        batch.activity = Some(Activity::Working(task, progress));
        Ok(())
    }

    /// Fetches what all batches of a job need.
    pub(super) fn prepare(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        let Some(record) = &job.record else {
            return;
        };
        if job.preparing || self.head.number < job.not_before {
            return;
        }
        job.preparing = true;
        let (ports, bounds, spec) = (
            self.ports.clone(),
            self.settings.bounds,
            record.spec.clone(),
        );
        self.work.spawn(async move {
            let prepared = work::prepare(&ports, bounds, id, spec).await;
            Report::Prepared(id, prepared.map(Arc::new))
        });
    }

    /// Blocks that a batch of a job takes at its limits, as the chain counts them.
    pub(super) fn takes(&self, job: JobId) -> BlockNumber {
        let record = self.jobs.get(&job).and_then(|job| job.record.as_ref());
        record.map_or(0, |record| {
            let blocks = (1_000 * u128::from(record.batch_seconds()))
                .div_ceil(u128::from(self.params.block_ms.max(1)));
            BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX)
        })
    }

    pub(super) fn commit(&mut self, id: BatchId, seal: &Seal) {
        let commitment = seal.commitment(id, self.account.as_ref());
        let record = self.jobs.get(&id.0).and_then(|job| job.record.as_ref());
        let units = match seal.units {
            0 => record
                .and_then(|record| record.range(id.1))
                .map_or(0, |all| all.1),
            units => units,
        };
        // One of an earlier version whose job was not read yet: the next block tries again.
        if units == 0 {
            return;
        }
        let call = Call::Commit {
            job: id.0,
            batch: id.1,
            units,
            digest: seal.digest(id),
            commitment,
        };
        if let Some(batch) = self.hand.get_mut(&id) {
            batch.activity = Some(Activity::Committing);
        }
        // Of a part the chain's word is waited for: if it is not taken, the batch has to be given back.
        let until = match self.is_part(id, seal) {
            true => Until::InBlock,
            false => Until::InPool,
        };
        let ports = self.ports.clone();
        self.tasks.spawn(async move {
            Report::Committed(id, ports.chain.submit(&ports.key, call, until).await)
        });
    }

    fn reveal(&mut self, id: BatchId, seal: Seal) {
        let call = Call::Reveal {
            job: id.0,
            batch: id.1,
            reveal: Reveal {
                summary: seal.summary(),
                salt: seal.salt,
                bundle: seal.bundle,
            },
        };
        if let Some(batch) = self.hand.get_mut(&id) {
            batch.activity = Some(Activity::Revealing);
        }
        let ports = self.ports.clone();
        self.tasks.spawn(async move {
            Report::Revealed(
                id,
                ports.chain.submit(&ports.key, call, Until::InBlock).await,
            )
        });
    }

    /// Tells the requester where the result is. Losing this costs it time, nothing else: the bundle's
    /// address is revealed on chain anyway.
    pub(super) async fn tell(&mut self, id: BatchId, seal: &Seal) -> Result<(), Fatal> {
        let job = self.jobs.entry(id.0).or_default();
        if job.record.is_none() {
            job.record = self.ports.chain.job(id.0).await?;
        }
        let Some(record) = &job.record else {
            return Ok(());
        };
        if let Some(batch) = self.hand.get_mut(&id) {
            batch.told = true;
        }
        let endpoint = record.spec.endpoint.clone();
        self.tell_committed(id, &endpoint);
        let genesis = self.ports.chain.genesis();
        let notice = ResultReady::new(genesis, id.0, id.1, self.ports.key.public(), seal.bundle);
        let blobs = self.ports.blobs.clone();
        self.work.spawn(async move {
            Report::Told(id, blobs.notify(&endpoint, &notice.encode()).await)
        });
        Ok(())
    }
}
