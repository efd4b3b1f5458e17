//! A worker as a witness: drawn to fetch outputs that a requester says nobody serves, it seals what it finds, then opens the
//! seal. [X9]
//!
//! | the chain says | the journal says | then |
//! |---|---|---|
//! | awaited | nothing | fetch, as far as the machine's owner lets it wait, and break it off when the owner is back; write down what was found, or, when time runs out, that nothing was |
//! | awaited | found | seal |
//! | sealed, seals open | found | open |
//! | no such call | anything | forget it; what was fetched stays for the requester |

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sp_core::H256;
use sungrid_chain_client::{
    BlockNumber, Call, CallStage, SubmitError, Testimony, Until, WitnessCall,
};
use sungrid_primitives::{BatchIndex, JobId};
use tokio::task::{AbortHandle, Id};
use tracing::{debug, info, warn};

use super::{Fatal, Report, Supervisor};
use crate::{
    journal::{BatchId, Found},
    work::{self, Nothing},
};

/// Blocks between two looks at who was drawn: a witness has minutes.
const LOOK_EVERY: BlockNumber = 2;
/// Blocks between two attempts to fetch.
const TRY_EVERY: BlockNumber = 10;
/// Blocks before the last one for a seal in which a witness stops trying. Fewer, and its word may come too late; more, and
/// a provider has less time.
const SEAL_MARGIN: BlockNumber = 20;
/// Blocks before the last one for a seal from which on a witness fetches though the machine's owner needs it: silence is a
/// miss on its record. Fewer, and a provider that is away for a moment is not tried again; more, and the owner's line is
/// busy for longer.
pub(super) const OWNER_MARGIN: BlockNumber = 60;
/// Batches whose outputs are fetched at the same time: this earns little, and lanes wait for the same line.
pub(crate) const FETCHING: usize = 2;

/// What is being done about a draw.
#[derive(Default)]
pub(super) struct Duty {
    /// What is under way.
    busy: Option<Id>,
    /// Breaks it off, if it fetches.
    fetch: Option<AbortHandle>,
    /// It is sealed, or about to be, and not opened yet: a worker that drains has to wait for it.
    pub(super) is_sealed: bool,
    /// Why the last attempt found nothing, if nobody served it.
    withheld: Option<String>,
    /// The block of the next step.
    not_before: BlockNumber,
    /// The last block for a seal.
    until: BlockNumber,
}

impl Duty {
    /// Notes what an attempt that came to nothing says of those who owe the outputs.
    fn note(&mut self, nothing: &Nothing) {
        match nothing {
            Nothing::Withheld(reason) => self.withheld = Some(reason.to_string()),
            // It may have found nothing before, but what keeps it from looking now may have then, too.
            Nothing::Unable(_) => self.withheld = None,
            // Who begins to serve at the last moment did not serve before.
            Nothing::TooLate(_) => {}
        }
    }
}

/// Whether outputs are fetched though the machine's owner needs it.
fn is_urgent(now: BlockNumber, until: BlockNumber) -> bool {
    now.saturating_add(OWNER_MARGIN) >= until
}

impl Supervisor {
    /// Does what the chain drew this worker for.
    pub(super) async fn bear_witness(&mut self) -> Result<(), Fatal> {
        let now = self.head.number;
        if self.knows_duties && !now.is_multiple_of(LOOK_EVERY) {
            return Ok(());
        }
        let calls = self.ports.chain.witness_calls(None).await?;
        // Ours is what the witnesses of these look for: now it has to be had.
        let is_called = |(job, batch, call): &(JobId, BatchIndex, WitnessCall)| {
            matches!(call.stage, CallStage::Sealing { .. })
                && self.hand.contains_key(&(*job, *batch))
        };
        self.line.call(calls.iter().any(is_called));
        let drawn: BTreeMap<BatchId, (WitnessCall, Testimony)> = calls
            .into_iter()
            .filter_map(|(job, batch, call)| {
                let testimony = call.testimony(&self.account)?;
                Some(((job, batch), (call, testimony)))
            })
            .collect();
        self.knows_duties = true;
        let before = self.duties.len();
        self.duties.retain(|id, _| drawn.contains_key(id));
        if before > 0 || !drawn.is_empty() {
            let open: BTreeSet<BatchId> = drawn.keys().copied().collect();
            if let Err(error) = self.journal.keep_found_of(&open) {
                debug!(%error, "what was found as a witness stays in the journal");
            }
        }
        for (id, (call, testimony)) in drawn {
            self.witness(id, &call, testimony)?;
        }
        Ok(())
    }

    fn witness(
        &mut self,
        id: BatchId,
        call: &WitnessCall,
        testimony: Testimony,
    ) -> Result<(), Fatal> {
        let now = self.head.number;
        let may_work = self.idle.phase().state.may_work();
        let fetching = self
            .duties
            .values()
            .filter(|duty| duty.busy.is_some())
            .count();
        let duty = self.duties.entry(id).or_default();
        if duty.busy.is_some() {
            return Ok(());
        }
        duty.is_sealed = matches!(testimony, Testimony::Sealed(_));
        if now < duty.not_before {
            return Ok(());
        }
        let found = self.journal.found(id, &call.seed)?;
        match (call.stage, testimony, found) {
            (CallStage::Sealing { until }, Testimony::Awaited, None) => {
                duty.until = until;
                let late = now.saturating_add(SEAL_MARGIN) >= until;
                if late && let Some(reason) = duty.withheld.clone() {
                    warn!(
                        job = id.0,
                        batch = id.1,
                        reason,
                        "witness: nobody serves the outputs"
                    );
                    self.write_down(id, call.seed, None);
                } else if fetching < FETCHING && (may_work || is_urgent(now, until)) {
                    self.look(id, call.seed);
                }
            }
            (CallStage::Sealing { .. }, Testimony::Awaited, Some(found)) => {
                let seal = found.seal(id, self.account.as_ref());
                self.say(
                    id,
                    Call::Attest {
                        job: id.0,
                        batch: id.1,
                        seal,
                    },
                );
            }
            (CallStage::Opening { .. }, Testimony::Sealed(seal), Some(found)) => {
                if seal != found.seal(id, self.account.as_ref()) {
                    return Err(Fatal::SameKey(self.account.clone()));
                }
                self.say(
                    id,
                    Call::Testify {
                        job: id.0,
                        batch: id.1,
                        found: found.found,
                        salt: found.salt,
                    },
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Tries to fetch the outputs.
    fn look(&mut self, id: BatchId, seed: H256) {
        let Some(duty) = self.duties.get(&id) else {
            return;
        };
        // What is not found by then is sealed as missing.
        let blocks = duty.until.saturating_sub(SEAL_MARGIN);
        let blocks = blocks.saturating_sub(self.head.number).max(1);
        let left = Duration::from_millis(self.params.block_ms.saturating_mul(blocks.into()));
        let (ports, bounds) = (self.ports.clone(), self.settings.bounds);
        let task = self.work.spawn(async move {
            Report::Looked(
                id,
                seed,
                work::fetch_outputs(&ports, bounds, id, seed, left).await,
            )
        });
        if let Some(duty) = self.duties.get_mut(&id) {
            duty.busy = Some(task.id());
            duty.fetch = Some(task);
        }
    }

    /// Leaves the line to the machine's owner: what is being fetched is broken off, unless there is no time for another try.
    /// What has come stays in the store, and the next try goes on from there.
    pub(super) fn leave_the_line(&mut self) {
        let now = self.head.number;
        for duty in self.duties.values_mut() {
            if !is_urgent(now, duty.until)
                && let Some(fetch) = duty.fetch.take()
            {
                fetch.abort();
                duty.busy = None;
                duty.not_before = now;
            }
        }
    }

    pub(super) fn on_looked(
        &mut self,
        id: BatchId,
        seed: H256,
        result: Result<H256, Nothing>,
    ) -> Result<(), Fatal> {
        let now = self.head.number;
        let Some(duty) = self.duties.get_mut(&id) else {
            return Ok(());
        };
        duty.busy = None;
        duty.fetch = None;
        let last = duty.until.saturating_sub(SEAL_MARGIN).max(now + 1);
        duty.not_before = now.saturating_add(TRY_EVERY).min(last);
        match result {
            Ok(shown) => {
                info!(job = id.0, batch = id.1, "witness: the outputs are served");
                self.write_down(id, seed, Some(shown));
            }
            Err(nothing) => {
                duty.note(&nothing);
                match nothing {
                    Nothing::Withheld(reason) => {
                        debug!(job = id.0, batch = id.1, %reason, "witness: not served yet");
                    }
                    Nothing::Unable(reason) | Nothing::TooLate(reason) => warn!(
                        job = id.0,
                        batch = id.1,
                        reason,
                        "witness: this worker cannot tell"
                    ),
                }
            }
        }
        Ok(())
    }

    /// Writes down what is going to be sealed: never seal what is not on the disk.
    fn write_down(&mut self, id: BatchId, seed: H256, found: Option<H256>) {
        let mut salt = [0; 32];
        if let Err(error) = getrandom::fill(&mut salt) {
            warn!(%error, "no randomness for a seal: trying again");
            return;
        }
        let found = Found { seed, found, salt };
        if let Err(error) = self.journal.write_found(id, &found) {
            return self.note_full(error.to_string());
        }
        let seal = found.seal(id, self.account.as_ref());
        self.say(
            id,
            Call::Attest {
                job: id.0,
                batch: id.1,
                seal,
            },
        );
    }

    fn say(&mut self, id: BatchId, call: Call) {
        let ports = self.ports.clone();
        let task = self.tasks.spawn(async move {
            Report::Testified(
                id,
                ports.chain.submit(&ports.key, call, Until::InBlock).await,
            )
        });
        if let Some(duty) = self.duties.get_mut(&id) {
            duty.busy = Some(task.id());
            duty.is_sealed = true;
        }
    }

    /// A task ended without a report: if it was one of a witness, its step is made again.
    pub(super) fn on_witness_died(&mut self, task: Id) {
        let now = self.head.number;
        let mut duties = self.duties.values_mut();
        if let Some(duty) = duties.find(|duty| duty.busy == Some(task)) {
            duty.busy = None;
            duty.fetch = None;
            duty.not_before = now.saturating_add(LOOK_EVERY);
        }
    }

    pub(super) fn on_testified(&mut self, id: BatchId, error: Option<&SubmitError>) {
        let now = self.head.number;
        if let Some(duty) = self.duties.get_mut(&id) {
            duty.busy = None;
            duty.not_before = now.saturating_add(1);
        }
        if let Some(error) = error {
            warn!(job = id.0, batch = id.1, %error, "witness: not heard yet");
        }
    }

    /// Lets outputs go that were fetched as a witness, once their requester need not have them any more.
    pub(super) async fn end_witnessed(&mut self) -> Result<(), Fatal> {
        let kept = self.ports.blobs.kept().await.unwrap_or_default();
        for name in kept {
            let Some((job, batch)) = work::kept_batch(&name) else {
                continue;
            };
            if self.duties.contains_key(&(job, batch)) || batch >= self.needless_below(job).await? {
                continue;
            }
            if let Err(error) = self.ports.blobs.let_go(&name).await {
                warn!(%error, name, "cannot let content go");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::BlobError;

    #[test]
    fn who_begins_to_serve_at_the_last_moment_has_withheld_before() {
        let mut duty = Duty::default();
        let withheld = Nothing::Withheld(BlobError::Unreachable("nobody answers".into()));
        duty.note(&Nothing::TooLate("no time".into()));
        assert_eq!(duty.withheld, None, "that alone says nothing");
        duty.note(&withheld);
        duty.note(&Nothing::TooLate("no time".into()));
        assert!(duty.withheld.is_some());
        duty.note(&Nothing::Unable("the disk is full".into()));
        assert_eq!(duty.withheld, None, "its own trouble");
    }
}
