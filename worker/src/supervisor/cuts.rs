//! Giving batches back, whole or but for what is finished of them, and following others who do.

use sungrid_chain_client::{Call, ReplicaState, Until};
use sungrid_primitives::UnitIndex;
use tracing::{info, warn};

use super::{Activity, Fatal, GivenBack, Report, Supervisor};
use crate::{
    journal::{BatchId, JournalError, Seal, Stage},
    work::{self, Given, WorkError},
};

/// What a cut leaves of a batch is at least one part in so many of a batch of the order, or the chain refuses it.
const SMALLEST_PART: u32 = 8;
/// Cuts of a job beyond which the chain takes none.
const MAX_CUTS: usize = 16;

/// What was cut off a batch.
struct Rest {
    made: BatchId,
    /// Its first unit.
    first: UnitIndex,
    /// Whether this worker is to compute it.
    is_ours: bool,
}

impl Supervisor {
    /// Others may have cut a batch that we compute, too: it ends earlier then, and what was cut off is a batch of ours as well. What is
    /// finished of that goes with it, and a seal over the whole is none any more.
    pub(super) async fn follow_cut(&mut self, id: BatchId) -> Result<(), Fatal> {
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
    pub(super) async fn on_part_sealed(&mut self, id: BatchId) -> Result<(), Fatal> {
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
    pub(super) async fn give_back(
        &mut self,
        id: BatchId,
        why: GivenBack,
        may_cut: bool,
    ) -> Result<(), Fatal> {
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
        let record = record.filter(|record| record.cuts.len() < MAX_CUTS);
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

    pub(super) async fn on_parted(
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
    pub(super) fn is_part(&self, id: BatchId, seal: &Seal) -> bool {
        let record = self.jobs.get(&id.0).and_then(|job| job.record.as_ref());
        let all = record.and_then(|record| record.range(id.1));
        all.is_some_and(|(_, units)| (1..units).contains(&seal.units))
    }

    /// Whether a seal is of a part that the chain does not take: then the batch is given back, or computed, as if nothing had been
    /// sealed.
    pub(super) async fn is_refused_part(
        &mut self,
        id: BatchId,
        seal: &Seal,
    ) -> Result<bool, Fatal> {
        let record = self.ports.chain.job(id.0).await?;
        let all = record.and_then(|record| record.range(id.1));
        if all.is_none_or(|(_, units)| seal.units == 0 || seal.units >= units) {
            return Ok(false);
        }
        self.reopen(id);
        Ok(true)
    }

    /// Goes back behind the seal of a batch; whether that is on the disk.
    pub(super) fn reopen(&mut self, id: BatchId) -> bool {
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
    pub(super) fn decline(&mut self, id: BatchId, why: GivenBack) {
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
}
