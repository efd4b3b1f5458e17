//! Follows a job: receives results as they come, checks them, keeps what the chain accepts.
//!
//! A result passes three stages. *Announced*: a worker says that its bundle is ready, or the chain names
//! it as a winner's. *Received*: the bundle is here, every receipt in it is valid, and its files are
//! written out. *Verified*: its leaves come to the root that the chain accepted. Nothing that a worker
//! says is believed without a signature, and no output is final before the chain's word.

mod deliver;
mod news;
mod orders;
mod report;
mod share;
mod state;
mod suspects;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, RwLock},
    time::Instant,
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use sungrid_access::Offer;
use sungrid_chain_client::{
    AccountId, Batch, Chain, Follow, Job, JobState, Outcome as ChainOutcome, Outputs,
};
use sungrid_data_plane::{DataPlane, Notification, Notifications, RelayState};
use sungrid_gossip::Event;
use sungrid_manifest::{JobInput, ResultReady};
use sungrid_primitives::{BatchIndex, ContentHash, JobId};

use crate::{
    Error,
    before::Before,
    folder::{Accepted, Ended, JobFolder, JobRecord},
    serve::Served,
};
use deliver::Delivery;
use news::Replicas;
use state::Batches;
use suspects::Suspects;

pub use deliver::DeliverError;
pub(crate) use deliver::in_the_clear;
pub use report::{BatchNews, Known, Progress, Step, Summary, Update};

/// Tries to fetch one bundle before it is given up. Each waits for a block, so this is half a minute of
/// a worker that is away; `collect` tries again any time.
const MAX_TRIES: u32 = 10;

/// Follows one job.
pub struct Requester {
    chain: Arc<dyn Chain>,
    plane: DataPlane,
    served: Served,
    /// Outputs that are offered, by batch.
    shared: BTreeMap<BatchIndex, Offer>,
    notifications: Option<Notifications>,
    folder: JobFolder,
    record: JobRecord,
    job: JobId,
    terms: Arc<deliver::Terms>,
    batches: Batches,
    replicas: Replicas,
    suspects: Suspects,
    seen: Option<Job>,
    /// Workers that have fetched the outputs of a batch as witnesses, as far as was seen.
    witnesses: BTreeMap<BatchIndex, Vec<AccountId>>,
    /// Whether the job is paused, as far as was seen.
    paused: bool,
    /// Whether it was said that results stand.
    told_standing: bool,
    /// When following began, and the units that were verified then: for the pace.
    started: (Instant, u32),
}

type Work = FuturesUnordered<BoxFuture<'static, Delivery>>;

impl Requester {
    /// A requester of a job that is on chain; takes up what an earlier one left in the folder.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Malformed`] if the folder cannot be read.
    pub fn new(
        chain: Arc<dyn Chain>,
        served: Served,
        folder: JobFolder,
        record: JobRecord,
        input: JobInput,
        output_limit: u64,
    ) -> Result<Self, Error> {
        let job = record
            .job
            .ok_or_else(|| Error::malformed(folder.path(), "this job was never submitted"))?;
        let terms = Arc::new(deliver::Terms {
            genesis: record.genesis,
            job,
            spec: record.spec.clone(),
            cuts: RwLock::new(record.cuts.clone()),
            profile: record.profile,
            input,
            before: OnceLock::new(),
            key: folder.key_of(&record)?,
            output_limit,
        });
        if let Some(before) = Before::load(&folder)? {
            // It is empty so far.
            let _ = terms.before.set(before);
        }
        let batches = Batches::load(&folder, &record, &terms)?;
        let plane = served.plane.clone();
        let notifications = plane.notifications();
        let started = (Instant::now(), batches.verified_units());
        let replicas = Replicas::new(chain.clone(), &plane);
        Ok(Self {
            chain,
            plane,
            served,
            shared: BTreeMap::new(),
            notifications,
            folder,
            record,
            job,
            terms,
            batches,
            replicas,
            seen: None,
            witnesses: BTreeMap::new(),
            paused: false,
            suspects: Suspects::default(),
            told_standing: false,
            started,
        })
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Where its results are.
    pub fn folder(&self) -> &JobFolder {
        &self.folder
    }

    /// Whether workers are told of the job, and what they announce is shown, beside what the chain shows. It is unless this says
    /// otherwise.
    pub fn set_gossip(&mut self, on: bool) {
        self.replicas.set_speaking(on);
    }

    /// Its record.
    pub fn record(&self) -> &JobRecord {
        &self.record
    }

    /// The relay through which workers get here, if one was asked for.
    pub fn relay(&self) -> Option<RelayState> {
        self.plane.relay()
    }

    /// Follows the job to its end. May be dropped at any time; the next call goes on.
    ///
    /// # Errors
    /// [`Error::UnknownJob`]; [`Error::Chain`] for what will not pass by itself; [`Error::File`] and
    /// [`Error::Store`] if results cannot be written.
    pub async fn follow(&mut self, on: &mut (dyn FnMut(&Update) + Send)) -> Result<Summary, Error> {
        let mut blocks = self.chain.blocks(Follow::Best).await?;
        // Fetches of a follower that was dropped have ended with it.
        self.batches.forget_fetches();
        let mut work = Work::new();
        loop {
            self.look(on).await?;
            self.send_orders(&mut work).await;
            if let Some(summary) = self.summary(work.is_empty()) {
                return Ok(summary);
            }
            // Until the next block, results come in and go out; then the chain is asked again.
            let outcome = loop {
                tokio::select! {
                    block = blocks.next() => break match block {
                        Some(Ok(_)) => {
                            self.batches.next_block();
                            Ok(())
                        }
                        Some(Err(error)) if error.is_retryable() => {
                            on(&Update::Waiting { reason: error.to_string() });
                            continue;
                        }
                        Some(Err(error)) => Err(error.into()),
                        None => match self.chain.blocks(Follow::Best).await {
                            Ok(stream) => { blocks = stream; Ok(()) }
                            Err(error) => Err(error.into()),
                        },
                    },
                    Some(notice) = next_notice(&mut self.notifications) => {
                        self.noticed(notice, on).await;
                        self.send_orders(&mut work).await;
                    }
                    Some(delivery) = work.next(), if !work.is_empty() => {
                        if let Err(error) = self.delivered(delivery, on).await {
                            break Err(error);
                        }
                        if self.record.ended.is_some() && work.is_empty() {
                            break Ok(());
                        }
                    }
                }
            };
            outcome?;
        }
    }

    /// Asks the chain what is new.
    async fn look(&mut self, on: &mut (dyn FnMut(&Update) + Send)) -> Result<(), Error> {
        match self.read_chain(on).await {
            Err(Error::Chain(error)) if error.is_retryable() => {
                on(&Update::Waiting {
                    reason: error.to_string(),
                });
                Ok(())
            }
            other => other,
        }
    }

    async fn read_chain(&mut self, on: &mut (dyn FnMut(&Update) + Send)) -> Result<(), Error> {
        // First, so that what is not in flight any more is among the results.
        let in_flight = match self.record.ended {
            Some(_) => Vec::new(),
            None => self.chain.batches(Some(self.job)).await?,
        };
        let mut news = BTreeMap::new();
        let Some(job) = self.chain.job(self.job).await? else {
            // Cleaned up: what we know of its end is all there is.
            return match self.record.ended {
                Some(_) => Ok(()),
                None if may_come_back(self.record.created, crate::folder::now()) => {
                    on(&Update::Waiting {
                        reason: format!(
                            "job {} is not on chain: its block was given up for another one, or it was cleaned up",
                            self.job
                        ),
                    });
                    Ok(())
                }
                None => Err(Error::UnknownJob(self.job)),
            };
        };
        self.fetch_before(&job, on).await?;
        let mut changed = self.note_cuts(&job);
        let settled_before = self.seen.as_ref().map(|seen| seen.settled);
        if settled_before != Some(job.settled) {
            for (batch, mut result) in self.chain.results(self.job).await? {
                let witnesses = std::mem::take(&mut result.witnesses);
                if !witnesses.is_empty() {
                    self.witnesses.insert(batch, witnesses);
                }
                let is_withheld = result.outputs == Outputs::Withheld;
                if self.record.accepted.contains_key(&batch) {
                    self.note_withheld(batch, is_withheld, on);
                    continue;
                }
                let accepted = Accepted::from(result);
                let winners = accepted.winners.iter().map(|(winner, _)| winner.clone());
                news.insert(batch, winners.collect());
                for update in self
                    .batches
                    .accept(&self.folder, &self.terms, batch, &accepted)?
                {
                    on(&update);
                }
                self.note_withheld(batch, is_withheld, on);
                self.record.accepted.insert(batch, accepted);
                changed = true;
            }
        }
        if changed && job.price != self.record.spec.price {
            let prices = self.chain.raised_prices(self.job).await?;
            self.record.raised_prices = prices.into_iter().collect();
        }
        if job.state.has_ended() && self.record.ended.is_none() {
            // Results and state may come from different blocks; all results must be here first.
            if self.record.accepted.len() as u32 >= job.settled {
                self.record.ended = Some(Ended {
                    state: state_name(&job),
                    paid: job.paid,
                    fuel: job.fuel,
                    failed: job.failed,
                });
                changed = true;
            }
        }
        if changed {
            self.folder.save(&self.record)?;
        }
        for update in self.replicas.look(&in_flight, &news) {
            on(&update);
        }
        let batches = in_flight.iter().map(|(_, at, batch)| (*at, batch));
        for update in self.suspects.look(batches) {
            on(&update);
        }
        if matches!(job.state, JobState::Open) && job.wants_work() {
            self.replicas.cry(self.record.genesis, self.job).await;
        }
        if !job.state.has_ended() {
            let declines = self.chain.declines(self.job).await?;
            let before = std::mem::replace(&mut self.paused, declines.paused);
            if declines.paused && !before {
                on(&Update::Paused {
                    operators: declines.operators.len(),
                });
            }
        }
        let all_here = self.batches.received_units() == self.record.spec.units
            && self.batches.verified_units() < self.record.spec.units;
        if all_here && !job.state.has_ended() && !self.told_standing {
            self.tell_standing(&in_flight, on);
        }
        self.seen = Some(job);
        self.share_outputs();
        if let Some(progress) = self.progress() {
            on(&Update::Progress(progress));
        }
        Ok(())
    }

    fn note_withheld(
        &mut self,
        batch: BatchIndex,
        is_withheld: bool,
        on: &mut (dyn FnMut(&Update) + Send),
    ) {
        if is_withheld && self.batches.withhold(batch) {
            on(&Update::PaidBack { batch });
        }
    }

    /// Notes which batches were cut; whether that is news.
    fn note_cuts(&mut self, job: &Job) -> bool {
        if self.record.cuts == job.cuts {
            return false;
        }
        self.record.cuts.clone_from(&job.cuts);
        self.terms.set_cuts(&job.cuts);
        true
    }

    /// Says, once, that nothing is wrong with a job whose results are here and not accepted yet.
    fn tell_standing(
        &mut self,
        in_flight: &[(JobId, BatchIndex, Batch)],
        on: &mut (dyn FnMut(&Update) + Send),
    ) {
        let until = in_flight.iter().filter_map(|(.., batch)| batch.standing);
        if let Some(last) = until.clone().max() {
            self.told_standing = true;
            on(&Update::Standing {
                batches: until.count(),
                until: last,
            });
        }
    }

    /// Fetches the outputs of the job that this one comes after, once that is complete; tried again at every block.
    async fn fetch_before(
        &mut self,
        job: &Job,
        on: &mut (dyn FnMut(&Update) + Send),
    ) -> Result<(), Error> {
        let Some(after) = self.record.spec.after else {
            return Ok(());
        };
        if !self.terms.is_incomplete()
            || matches!(job.state, JobState::Pending)
            || (job.state.has_ended() && job.settled == 0)
        {
            return Ok(());
        }
        match Before::fetch(&*self.chain, &self.plane, &self.folder, after).await {
            Ok(before) => {
                // Nobody else sets it.
                let _ = self.terms.before.set(before);
                Ok(())
            }
            Err(error @ (Error::NotFetched { .. } | Error::UnknownJob(_))) => {
                on(&Update::Waiting {
                    reason: error.to_string(),
                });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// How far the job is; `None` before the chain was asked.
    pub fn progress(&self) -> Option<Progress> {
        let job = self.seen.as_ref()?;
        let verified = self.batches.verified_units();
        let (since, before) = self.started;
        let done = verified.saturating_sub(before);
        let left = u64::from(self.record.spec.units.saturating_sub(verified));
        let failed = if job.state.has_ended() {
            self.record
                .spec
                .units
                .saturating_sub(self.batches.accepted_units(&self.record))
        } else {
            0
        };
        Some(Progress {
            job: self.job,
            state: state_name(job),
            units: self.record.spec.units,
            received: self.batches.received_units(),
            verified,
            failed,
            paid_planck: job.paid,
            escrow_planck: job.escrow,
            in_flight: job.in_flight,
            left_s: (done > 0).then(|| since.elapsed().as_secs() * left / u64::from(done)),
        })
    }

    /// Somebody says something. Whoever it is can have the chain looked at so many times a minute, and no more.
    async fn noticed(&mut self, notice: Notification, on: &mut (dyn FnMut(&Update) + Send)) {
        if !self.replicas.admits(notice.from) {
            return;
        }
        let update = if Event::is_one(&notice.message) {
            let (chain, record) = (self.chain.clone(), &self.record);
            let units = |batch| record.range(batch).map(|(_, units)| units);
            let about = (&self.record.genesis, self.job);
            let (from, message) = (notice.from, &notice.message);
            self.replicas
                .hear(&*chain, from, message, about, units)
                .await
        } else {
            self.result_ready(notice).await
        };
        if let Some(update) = update {
            on(&update);
        }
    }

    /// A worker says that it is done. Believed only if it is one of the job's workers and the message
    /// came from its own endpoint.
    async fn result_ready(&mut self, notice: Notification) -> Option<Update> {
        let ready = ResultReady::from_bytes(&notice.message).ok()?;
        let worker = AccountId::new(ready.worker);
        let is_ours = ready.genesis == self.record.genesis && ready.job == self.job;
        if !is_ours || !self.batches.would_order(ready.batch, &worker) {
            return None;
        }
        // What cannot be told now is not worth a word: the chain names the bundle again when it is accepted.
        let chain = self.chain.clone();
        let replica = (ready.batch, worker.clone());
        let is_its_worker = self
            .replicas
            .is_its_worker(&*chain, notice.from, self.job, replica)
            .await;
        if is_its_worker != Some(true) {
            return None;
        }
        let peer = self.peer(&worker).await.ok()??;
        // What it has sealed may be a part of a batch that was whole when the chain was last read.
        if let Ok(Some(job)) = self.chain.job(self.job).await {
            self.note_cuts(&job);
        }
        let (_, units) = self.record.range(ready.batch)?;
        self.batches.order(ready.batch, units, worker, ready.bundle);
        let speaks = self.replicas.speaks();
        speaks.then(|| self.replicas.available(&ready, &peer))
    }

    /// The end, if this is it: nothing will change on chain, and all that can be fetched is here.
    fn summary(&self, idle: bool) -> Option<Summary> {
        let ended = self.record.ended.as_ref()?;
        if !idle || self.batches.is_waiting() {
            return None;
        }
        let spec = &self.record.spec;
        let (unfetched, reason) = self.batches.unfetched(&self.record);
        let accepted = self.batches.accepted_units(&self.record);
        let winners = self
            .record
            .accepted
            .values()
            .map(|a| a.winners.len() as u32)
            .sum();
        Some(Summary {
            job: self.job,
            state: ended.state.clone(),
            units: spec.units,
            verified: self.batches.verified_units(),
            failed: spec.units.saturating_sub(accepted),
            unfetched,
            unfetched_reason: reason,
            bundles: (self.batches.kept_of_winners(&self.record), winners),
            paid_planck: ended.paid,
            fuel: ended.fuel,
        })
    }

    /// Stops serving.
    pub async fn shutdown(self) {
        self.plane.shutdown().await;
    }
}

/// A job's state in one word.
pub fn state_name(job: &Job) -> String {
    match job.state {
        JobState::Pending => "pending".into(),
        JobState::Open => "open".into(),
        JobState::Settling(_) => "settling".into(),
        JobState::Ended {
            outcome: ChainOutcome::NoInput,
            ..
        } => "without input".into(),
        JobState::Ended { outcome, .. } => format!("{outcome:?}").to_lowercase(),
    }
}

async fn next_notice(notices: &mut Option<Notifications>) -> Option<Notification> {
    match notices {
        Some(notices) => notices.recv().await,
        None => std::future::pending().await,
    }
}

/// A bundle that somebody says exists.
type Announced = (BatchIndex, AccountId, ContentHash);

/// Seconds after a submission in which a job that the chain does not have may come back: its block lost to another one, and the
/// transaction is in the pool again, where it lives for 64 blocks of three seconds, and some of them may be late.
const FORK_PATIENCE: u64 = 240;

/// Whether a job that was submitted then, and that the chain does not have now, may come back; both in seconds since 1970.
fn may_come_back(submitted: u64, now: u64) -> bool {
    now.saturating_sub(submitted) < FORK_PATIENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_whose_block_was_given_up_is_waited_for_and_one_that_is_gone_is_not() {
        for (now, back) in [(1_000, true), (1_239, true), (1_240, false), (999, true)] {
            assert_eq!(may_come_back(1_000, now), back, "{now}");
        }
    }
}
