//! The next step of each batch in hand.

use std::sync::Arc;

use codec::Encode;
use sp_core::H256;
use sungrid_chain_client::{
    Batch, BlockNumber, Call, Replica, ReplicaState, Reveal, SubmitError, Until,
};
use sungrid_manifest::ResultReady;
use sungrid_primitives::{JobId, UnitIndex, job::MAX_CUTS};
use tracing::{debug, error, info, warn};

use super::{Activity, Fatal, GivenBack, InHand, Report, Supervisor, hand};
use crate::{
    journal::{BatchId, Entry, JournalError, Seal, Stage},
    work::{self, Given, Progress, WorkError},
};

/// Blocks after which a batch that the chain does not connect with us is let go: long enough for a
/// reorganised claim to come back.
const FORGET_AFTER: u32 = 10;
/// What a cut leaves of a batch is at least one part in so many of a batch of the order, or the chain refuses it.
const SMALLEST_PART: u32 = 8;
/// Blocks after which a commitment or a decline that is not in a block is sent again.
const RESEND_AFTER: u32 = 4;

/// What was cut off a batch.
struct Rest {
    made: BatchId,
    /// Its first unit.
    first: UnitIndex,
    /// Whether this worker is to compute it.
    is_ours: bool,
}

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

    /// Others may have cut a batch that we compute, too: it ends earlier then, and what was cut off is a batch of ours as well. What is
    /// finished of that goes with it, and a seal over the whole is none any more.
    async fn follow_cut(&mut self, id: BatchId) -> Result<(), Fatal> {
        let Some((rest, units)) = self.rest_of(id).await? else {
            return Ok(());
        };
        let Some(batch) = self.hand.get(&id) else {
            return Ok(());
        };
        let is_known = match &batch.entry.stage {
            // Sealed here by the same cut, or since.
            Stage::Sealed(seal) => seal.units == units,
            _ => batch.ends == Some(rest.first),
        };
        // What is on its way to the chain comes first.
        let is_busy = matches!(
            batch.activity,
            Some(Activity::Declining | Activity::Committing)
        );
        let is_followed = is_known && self.hand.contains_key(&rest.made);
        if is_busy || is_followed || !self.take_rest(id, &rest) || is_known {
            return Ok(());
        }
        let Some(batch) = self.hand.get_mut(&id) else {
            return Ok(());
        };
        let entry = batch.entry.at(Stage::Claimed);
        if let Err(error) = self.journal.write(&entry) {
            // The next block tries again; until then nothing that it seals is taken.
            self.note_full(error.to_string());
            return Ok(());
        }
        info!(
            job = id.0,
            batch = id.1,
            rest = rest.made.1,
            units,
            "another worker gave back a part of the batch: it was cut"
        );
        (batch.entry, batch.ends) = (entry, Some(rest.first));
        (batch.failures, batch.not_before) = (0, 0);
        // What was missing may be of the part that was cut off.
        batch.decline_from = None;
        if let Some(Activity::Working(task, _)) = batch.activity.take() {
            task.abort();
        }
        Ok(())
    }

    /// What was cut off a batch, by the chain's word now, and how many units that has left.
    async fn rest_of(&mut self, id: BatchId) -> Result<Option<(Rest, u32)>, Fatal> {
        let Some(record) = self.ports.chain.job(id.0).await? else {
            return Ok(None);
        };
        let mut cuts = (record.batches..).zip(&record.cuts);
        let cut = cuts.find(|(_, cut)| cut.batch == id.1);
        let cut = cut.map(|(made, cut)| ((id.0, made), cut.first));
        let range = record.range(id.1);
        self.jobs.entry(id.0).or_default().record = Some(record);
        let Some(((made, first), (_, units))) = cut.zip(range) else {
            return Ok(None);
        };
        let rest = self.ports.chain.batch(made.0, made.1).await?;
        let own = rest.as_ref().and_then(|rest| rest.replica(&self.account));
        let is_ours = own.is_some_and(|own| own.state == ReplicaState::Assigned);
        let rest = Rest {
            made,
            first,
            is_ours,
        };
        Ok(Some((rest, units)))
    }

    /// Takes what another worker cut off a batch in hand, if it is ours, and what is finished of it; whether that is on the disk.
    fn take_rest(&mut self, id: BatchId, rest: &Rest) -> bool {
        if !rest.is_ours {
            return true;
        }
        let moved = || {
            // A process before this one may have moved them.
            if !self.journal.units(rest.made)?.is_empty() {
                return Ok(());
            }
            let beyond = self.journal.units(id)?.split_off(&rest.first);
            self.journal.log_units(rest.made, beyond.values())
        };
        if let Err(error) = moved() {
            let error: JournalError = error;
            self.note_full(error.to_string());
            return false;
        }
        let anchor = self.hand.get(&id).map(|batch| batch.entry.anchor);
        self.take(rest.made, anchor.unwrap_or_else(|| self.anchor()));
        true
    }

    /// The chain took a seal over the first units of a batch. Others may have cut it at the same unit before: then the rest is ours as well.
    async fn on_part_sealed(&mut self, id: BatchId) -> Result<(), Fatal> {
        let why = self.hand.get(&id).map(|batch| batch.parted_for);
        if let Some((rest, _)) = self.rest_of(id).await?
            && rest.is_ours
        {
            if self.take_rest(id, &rest)
                && why == Some(GivenBack::NoInput)
                && let Some(batch) = self.hand.get_mut(&rest.made)
            {
                // What is missing is its first unit's, and was waited for.
                batch.note_given_up(GivenBack::NoInput, self.head.number);
            }
            return Ok(());
        }
        match why {
            Some(GivenBack::NoInput) => self.metrics.given_back(),
            _ => self.metrics.vacated(),
        }
        Ok(())
    }

    /// Gives a batch back: what is finished of it, before the first unit that is not, is sealed, if the chain takes that, and the rest
    /// handed back with it.
    async fn give_back(&mut self, id: BatchId, why: GivenBack, may_cut: bool) -> Result<(), Fatal> {
        let batch = self.hand.get(&id);
        if !may_cut || !batch.is_some_and(|batch| batch.may_cut && batch.may_hand_back) {
            self.decline(id, why);
            return Ok(());
        }
        let job = self.jobs.entry(id.0).or_default();
        if job.record.is_none() {
            job.record = self.ports.chain.job(id.0).await?;
        }
        let record = job.record.as_ref();
        let record = record.filter(|record| record.cuts.len() < MAX_CUTS as usize);
        let order = record.and_then(|record| {
            let given = match &job.prepared {
                Some(prepared) => Given::Prepared(prepared.clone()),
                None => Given::Ordered(Box::new(record.spec.clone())),
            };
            Some((given, record.range(id.1)?, record.spec.batch_size))
        });
        let bench = self.bench();
        let (Some((given, range, size)), Some(batch)) = (order, self.hand.get_mut(&id)) else {
            self.decline(id, why);
            return Ok(());
        };
        batch.note_given_up(why, self.head.number);
        let anchor = batch.entry.anchor;
        let before = batch.activity.replace(Activity::Declining);
        if let Some(Activity::Working(task, _)) = before {
            task.abort();
        }
        let least = size.div_ceil(SMALLEST_PART);
        self.tasks.spawn(async move {
            let sealed = work::seal_finished(bench, given, id, range, least, anchor);
            Report::Parted(id, why, sealed.await)
        });
        Ok(())
    }

    /// Blocks that a batch of a job takes at its limits, as the chain counts them.
    fn takes(&self, job: JobId) -> BlockNumber {
        let record = self.jobs.get(&job).and_then(|job| job.record.as_ref());
        record.map_or(0, |record| {
            let blocks = (1_000 * u128::from(record.batch_seconds()))
                .div_ceil(u128::from(self.params.block_ms.max(1)));
            BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX)
        })
    }

    async fn on_parted(
        &mut self,
        id: BatchId,
        why: GivenBack,
        result: Result<Option<work::Finished>, WorkError>,
    ) -> Result<(), Fatal> {
        // One seal for a batch: a second one would not open what the first committed to.
        let Some(batch) = self.hand.get_mut(&id).filter(|batch| batch.is_working()) else {
            return Ok(());
        };
        let finished = result.unwrap_or_else(|error| {
            warn!(job = id.0, batch = id.1, %error, "what is finished cannot be sealed");
            None
        });
        let Some(finished) = finished else {
            self.decline(id, why);
            return Ok(());
        };
        (batch.activity, batch.parted_for) = (None, why);
        if self.write_seal(id, &finished) {
            let why = match why {
                GivenBack::NoInput => "an input is not to be had",
                GivenBack::Vacated => "the machine's owner needs it",
            };
            info!(
                job = id.0,
                batch = id.1,
                units = finished.computed,
                why,
                "what is finished is sealed, the rest given back"
            );
            self.commit(id, &finished.seal);
        }
        Ok(())
    }

    /// Whether a seal is of fewer units than the batch had when its job was last read.
    fn is_part(&self, id: BatchId, seal: &Seal) -> bool {
        let record = self.jobs.get(&id.0).and_then(|job| job.record.as_ref());
        let all = record.and_then(|record| record.range(id.1));
        all.is_some_and(|(_, units)| (1..units).contains(&seal.units))
    }

    /// Whether a seal is of a part that the chain does not take: then the batch is given back, or computed, as if nothing had been
    /// sealed.
    async fn is_refused_part(&mut self, id: BatchId, seal: &Seal) -> Result<bool, Fatal> {
        let record = self.ports.chain.job(id.0).await?;
        let all = record.and_then(|record| record.range(id.1));
        if all.is_none_or(|(_, units)| seal.units == 0 || seal.units >= units) {
            return Ok(false);
        }
        self.reopen(id);
        Ok(true)
    }

    /// Goes back behind the seal of a batch; whether that is on the disk.
    fn reopen(&mut self, id: BatchId) -> bool {
        let Some(batch) = self.hand.get_mut(&id) else {
            return false;
        };
        let entry = batch.entry.at(Stage::Claimed);
        match self.journal.write(&entry) {
            Ok(()) => (batch.entry, batch.not_before) = (entry, 0),
            Err(error) => {
                self.note_full(error.to_string());
                return false;
            }
        }
        true
    }

    /// Gives a batch back: silence would go on this worker's record.
    fn decline(&mut self, id: BatchId, why: GivenBack) {
        if let Some(batch) = self.hand.get_mut(&id) {
            batch.note_given_up(why, self.head.number);
            let before = batch.activity.replace(Activity::Declining);
            if let Some(Activity::Working(task, _)) = before {
                task.abort();
            }
        }
        let (job, batch) = id;
        let may_hand_back = self.hand.get(&id).is_some_and(|batch| batch.may_hand_back);
        let call = match why {
            GivenBack::Vacated if may_hand_back => Call::HandBack { job, batch },
            GivenBack::Vacated | GivenBack::NoInput => Call::Decline { job, batch },
        };
        let ports = self.ports.clone();
        self.tasks.spawn(async move {
            Report::Declined(
                id,
                why,
                ports.chain.submit(&ports.key, call, Until::InBlock).await,
            )
        });
    }

    fn commit(&mut self, id: BatchId, seal: &Seal) {
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
    async fn tell(&mut self, id: BatchId, seal: &Seal) -> Result<(), Fatal> {
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

    pub(super) async fn on_report(&mut self, report: Report) -> Result<(), Fatal> {
        let now = self.head.number;
        match report {
            Report::Prepared(job, result) => self.on_prepared(job, result).await,
            Report::Claimed(job, result) => self.on_claimed(job, result).await,
            Report::Worked(id, result) => self.on_worked(id, result).await,
            Report::Parted(id, why, result) => self.on_parted(id, why, result).await,
            Report::Committed(id, result) => {
                // Something else was begun meanwhile: the chain had it earlier than this was heard.
                let is_awaited =
                    |batch: &InHand| matches!(batch.activity, Some(Activity::Committing));
                if !self.hand.get(&id).is_some_and(is_awaited) {
                    return Ok(());
                }
                if let Some(batch) = self.hand.get_mut(&id) {
                    match &result {
                        Ok(_) => batch.activity = Some(Activity::CommitSent(now + RESEND_AFTER)),
                        Err(error) => {
                            batch.failed(now);
                            batch.may_cut &= !is_refused(error);
                        }
                    }
                }
                self.log_step(id, "commit", result.as_ref().err());
                if result.as_ref().is_err_and(is_refused)
                    && let Some(Stage::Sealed(seal)) =
                        self.hand.get(&id).map(|batch| batch.entry.stage.clone())
                    && self.is_part(id, &seal)
                    && self.reopen(id)
                {
                    // At once for who needs its machine. Who waits for an input looks again: others may have cut it before that.
                    let why = self.hand.get(&id).map(|batch| batch.parted_for);
                    if why == Some(GivenBack::Vacated) {
                        self.decline(id, GivenBack::Vacated);
                    }
                    return Ok(());
                }
                if result.is_ok()
                    && let Some(Stage::Sealed(seal)) =
                        self.hand.get(&id).map(|batch| batch.entry.stage.clone())
                {
                    if self.is_part(id, &seal) {
                        // The requester can make nothing of it before the chain has it.
                        self.on_part_sealed(id).await?;
                    } else {
                        self.tell(id, &seal).await?;
                    }
                }
                Ok(())
            }
            Report::Declined(id, why, result) => {
                self.log_step(id, "decline", result.as_ref().err());
                match result {
                    Ok(_) => {
                        self.note_given_back(id, why);
                        self.let_go(id).await;
                        // A reorganised chain may not know of it, and silence would be a miss.
                        self.rescan = true;
                        self.unsure_until = self.unsure_until.max(Some(now + RESEND_AFTER));
                    }
                    // The next block tries again, or finds that it is done.
                    Err(error) => {
                        if let Some(batch) = self.hand.get_mut(&id) {
                            batch.activity = None;
                            // It was drawn for that one, or has handed too many back: what remains is to decline, while there is time.
                            if batch.may_hand_back && is_refused(&error) {
                                batch.may_hand_back = false;
                                if matches!(why, GivenBack::Vacated) && batch.is_working() {
                                    self.decline(id, why);
                                }
                            }
                        }
                    }
                }
                Ok(())
            }
            Report::Revealed(id, result) => {
                if let Some(batch) = self.hand.get_mut(&id) {
                    match &result {
                        Ok(_) => batch.activity = None,
                        Err(_) => batch.failed(now),
                    }
                }
                self.log_step(id, "reveal", result.as_ref().err());
                self.step(id).await
            }
            Report::Told(id, result) => {
                if let Err(error) = result {
                    debug!(%error, job = id.0, batch = id.1, "the requester could not be told");
                }
                Ok(())
            }
            Report::Moved(result) => {
                if let Err(error) = result {
                    warn!(%error, "the new address is not on chain yet");
                }
                Ok(())
            }
            Report::Present(result) => {
                if let Err(error) = result {
                    debug!(%error, "the chain was not told that this worker is there");
                }
                Ok(())
            }
            Report::Measure(report) => {
                self.on_measure(report);
                Ok(())
            }
            Report::Proof(report) => {
                self.on_proof(report);
                Ok(())
            }
            Report::Looked(id, seed, result) => self.on_looked(id, seed, result),
            Report::Testified(id, result) => {
                self.on_testified(id, result.as_ref().err());
                Ok(())
            }
            Report::Rewarded(result) => {
                match result {
                    Ok(included) => {
                        info!(planck = included.rewards(), "rewards claimed");
                        self.metrics.rewards(included.rewards());
                    }
                    Err(error) => warn!(%error, "rewards could not be claimed"),
                }
                Ok(())
            }
        }
    }

    fn note_given_back(&self, (job, batch): BatchId, why: GivenBack) {
        match why {
            GivenBack::NoInput => {
                warn!(job, batch, "its input is not to be had: given back");
                self.metrics.given_back();
            }
            GivenBack::Vacated => {
                info!(job, batch, "the machine's owner needs it: given back");
                self.metrics.vacated();
            }
        }
    }

    fn log_step(&self, (job, batch): BatchId, step: &str, error: Option<&SubmitError>) {
        match error {
            None => debug!(job, batch, step, "sent"),
            Some(error) if error.is_retryable() => {
                debug!(job, batch, step, %error, "not yet, trying again")
            }
            Some(error) => warn!(job, batch, step, %error, "refused"),
        }
    }

    /// Writes a seal down; whether it is on the disk.
    fn write_seal(&mut self, id: BatchId, finished: &work::Finished) -> bool {
        let now = self.head.number;
        let Some(batch) = self.hand.get_mut(&id) else {
            return false;
        };
        let entry = batch.entry.at(Stage::Sealed(finished.seal.clone()));
        // Never commit to what is not on the disk: a crash would lose the salt and with it bond. The unit log stays: the chain may have
        // cut the batch meanwhile.
        if let Err(error) = self.journal.write(&entry) {
            batch.failed(now);
            self.note_full(error.to_string());
            return false;
        }
        batch.entry = entry;
        batch.failures = 0;
        batch.not_before = 0;
        self.metrics.computed(finished.computed, finished.seal.fuel);
        true
    }

    async fn on_worked(
        &mut self,
        id: BatchId,
        result: Result<work::Finished, WorkError>,
    ) -> Result<(), Fatal> {
        let now = self.head.number;
        let Some(batch) = self.hand.get_mut(&id) else {
            return Ok(());
        };
        if matches!(batch.activity, Some(Activity::Declining)) {
            // It ended just before it was broken off: its decline is on the way.
            return Ok(());
        }
        // The same of one that was cut: a run of what is left goes on, or is over. A second seal would not open what the first
        // committed to.
        let record = self.jobs.get(&id.0).and_then(|job| job.record.as_ref());
        let range = record.and_then(|record| record.range(id.1));
        let is_cut =
            |finished: &work::Finished| range.is_some_and(|(_, units)| finished.seal.units > units);
        if !batch.is_working() || result.as_ref().is_ok_and(is_cut) {
            return Ok(());
        }
        batch.note_progress();
        batch.activity = None;
        let finished = match result {
            Ok(finished) => finished,
            Err(WorkError::Stopped) => return Ok(()),
            Err(error) => {
                batch.failed(now);
                batch.not_computed(now, &error);
                warn!(job = id.0, batch = id.1, %error, "not computed");
                if !error.is_retryable() {
                    // Nothing can make it good, nor what else there is of the job: declining it frees the capacity.
                    batch.not_before = u32::MAX;
                    self.jobs.entry(id.0).or_default().rest(u32::MAX, u32::MAX);
                }
                if error.is_full() {
                    self.note_full(error.to_string());
                }
                return Ok(());
            }
        };
        if !self.write_seal(id, &finished) {
            return Ok(());
        }
        info!(
            job = id.0,
            batch = id.1,
            units = finished.computed,
            fuel = %finished.seal.fuel,
            "computed and sealed"
        );
        self.learn(id, &finished);
        self.commit(id, &finished.seal);
        self.seek().await
    }
}

/// Whether another try would be refused, too.
fn is_refused(error: &SubmitError) -> bool {
    matches!(
        error,
        SubmitError::Dispatch(_) | SubmitError::CannotPay { .. } | SubmitError::Rejected { .. }
    )
}
