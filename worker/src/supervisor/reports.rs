//! What becomes of a batch when a task of it reports.

use sungrid_chain_client::SubmitError;
use tracing::{debug, info, warn};

use super::{Activity, Fatal, GivenBack, InHand, Report, Supervisor};
use crate::{
    journal::{BatchId, Stage},
    work::{self, WorkError},
};

/// Blocks after which a commitment or a decline that is not in a block is sent again.
const RESEND_AFTER: u32 = 4;

impl Supervisor {
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
    pub(super) fn write_seal(&mut self, id: BatchId, finished: &work::Finished) -> bool {
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
