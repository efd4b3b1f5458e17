//! Finding and claiming work.

use std::sync::Arc;

use sungrid_chain_client::{
    Call, Closing, Included, Job, JobState, MORTALITY, SubmitError, Until, Worker, WorkerState,
};
use sungrid_primitives::JobId;
use tracing::{debug, info, warn};

use super::{Fatal, OpenJob, Report, Supervisor};
use crate::{
    journal::BatchId,
    rank,
    schedule::{Choice, Done, Load, Machine, Offer, energy::Allowance},
    work::{self, Finished, Prepared, WorkError},
};

/// Open jobs whose records are read again at one block. More cost time at each block; fewer delay what is
/// found in a market with many jobs.
const REFRESH: usize = 64;
/// Jobs that are prepared at the same time: each may hold its code and inputs in memory.
const PREPARING: usize = 2;
/// Prepared jobs that stay in memory without a batch in hand.
const PREPARED: usize = 4;
/// Jobs whose needs are looked up at one block: each is some hundred looks at the store.
const LOOKS: usize = 16;
/// Jobs that are remembered at all.
const REMEMBERED: usize = 4_096;

/// Whether a job may want work now or later: a batch that misses a replica wants another one, long after the
/// last batch was started.
fn may_want_work(job: &Job) -> bool {
    !matches!(
        job.state,
        JobState::Ended { .. } | JobState::Settling(Closing::Expired)
    )
}

impl Supervisor {
    /// Brings the list of open jobs up to date.
    async fn refresh(&mut self) -> Result<(), Fatal> {
        let next = self.ports.chain.next_job().await?;
        match self.next_job {
            // The first look reads all that is there.
            None => {
                for (id, job) in self.ports.chain.jobs().await? {
                    if may_want_work(&job) {
                        self.jobs.entry(id).or_default().record = Some(job);
                    }
                }
            }
            Some(seen) => {
                for id in seen..next {
                    self.jobs.entry(id).or_default();
                }
            }
        }
        self.next_job = Some(next);
        let now = self.head.number;
        let mut stale: Vec<(bool, u32, JobId)> = self
            .jobs
            .iter()
            .filter(|(_, job)| now >= job.not_before)
            .map(|(id, job)| (!self.works_on(*id), job.read_at, *id))
            .collect();
        // Those in hand first, then those not looked at for longest.
        stale.sort_unstable();
        stale.truncate(REFRESH);
        for (idle, _, id) in stale {
            match self.ports.chain.job(id).await? {
                Some(record) if may_want_work(&record) || !idle => {
                    if let Some(job) = self.jobs.get_mut(&id) {
                        job.record = Some(record);
                        job.read_at = now;
                    }
                }
                _ if !idle => {}
                _ => {
                    self.jobs.remove(&id);
                }
            }
        }
        self.bound_memory();
        self.look_at_the_store().await;
        Ok(())
    }

    /// Finds out what new jobs need that is here, from a former run or another job: it need not be fetched.
    async fn look_at_the_store(&mut self) {
        // Jobs are many, and this is asked for more than once a block.
        if self.looked_at.replace(self.head.number) == Some(self.head.number) {
            return;
        }
        let new = self.jobs.values_mut().filter(|job| !job.looked);
        let new = new.filter_map(|job| Some((job.record.as_ref()?.spec.clone(), job)));
        for (spec, job) in new.take(LOOKS) {
            job.needs = work::needs(&*self.ports.blobs, &spec).await;
            job.looked = true;
        }
    }

    /// What a batch needs of a job of which nothing is known: as much as one of those of which it is, by the median.
    fn usual_bytes(&self) -> Option<u64> {
        let known = self.jobs.values().filter_map(|job| job.needs);
        let mut bytes: Vec<u64> = known.map(|needs| needs.bytes).collect();
        bytes.sort_unstable();
        bytes.get(bytes.len() / 2).copied()
    }

    fn bound_memory(&mut self) {
        let in_hand = |id: &JobId| self.works_on(*id);
        let mut idle: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(id, job)| job.prepared.is_some() && !in_hand(id))
            .map(|(id, _)| *id)
            .collect();
        idle.sort_unstable();
        let surplus = idle.len().saturating_sub(PREPARED);
        let mut oldest: Vec<JobId> = self
            .jobs
            .keys()
            .copied()
            .filter(|id| !in_hand(id))
            .collect();
        oldest.sort_unstable();
        let forgotten = self.jobs.len().saturating_sub(REMEMBERED);
        for id in idle.into_iter().take(surplus) {
            if let Some(job) = self.jobs.get_mut(&id) {
                job.prepared = None;
            }
        }
        for id in oldest.into_iter().take(forgotten) {
            self.jobs.remove(&id);
        }
    }

    /// Claims as many batches of the best jobs as there is room for.
    pub(super) async fn seek(&mut self) -> Result<(), Fatal> {
        let Some(me) = self.me.clone() else {
            return Ok(());
        };
        if self.is_draining() {
            self.metrics
                .idle_reason("draining: it ends when what is in hand is done");
            return Ok(());
        }
        self.refresh().await?;
        let machine = self.idle.phase().state;
        if !machine.may_work() {
            self.metrics
                .idle_reason(&format!("the machine's owner comes first: {machine}"));
            return Ok(());
        }
        if let Some(reason) = self.line.spent() {
            self.metrics.idle_reason(&reason);
            return Ok(());
        }
        let bonded = me.backing() >= self.params.bond_for(me.capacity);
        if self.head.number < me.rests_until {
            self.metrics.idle_reason(&format!(
                "it missed a deadline, and rests until block {}",
                me.rests_until
            ));
            return Ok(());
        }
        if self.full.is_some() || me.state != WorkerState::Active || !bonded {
            self.metrics.idle_reason(match (&self.full, bonded) {
                (Some(_), _) => "no room on the disk",
                (None, false) => "the bond is below the minimum: bond more",
                (None, true) => "paused or leaving",
            });
            return Ok(());
        }
        self.metrics.idle_reason(match me.counted {
            0 => "nothing of its capacity counts before it is proven",
            _ => "",
        });
        let working = self
            .hand
            .values()
            .filter(|batch| batch.is_working())
            .count();
        let claiming: usize = self.jobs.values().map(|job| job.claiming).sum();
        let taken = working + claiming;
        let most = match self.energy.allow(taken.min(self.settings.lanes)) {
            Allowance::All => self.settings.max_batches,
            // One batch for each lane that there is power for, and none that waits for the sun.
            Allowance::Lanes(lanes) => self.settings.max_batches.min(lanes),
            Allowance::None(reason) => {
                self.metrics.idle_reason(reason);
                return Ok(());
            }
        };
        let mut room = most.saturating_sub(taken);
        if room == 0 {
            return Ok(());
        }
        let mut preparing = self.jobs.values().filter(|job| job.preparing).count();
        // What is claimed and not in a block yet takes capacity all the same.
        let pending: u64 = self
            .jobs
            .values()
            .map(|job| job.record.as_ref().map_or(0, |r| r.rate) * job.claiming as u64)
            .sum();
        let counts = me.counted > 0;
        let mut worker = me;
        worker.committed = worker.committed.saturating_add(pending);
        let chosen = self.chosen(&worker, room);
        let (is_empty, mut rests) = (chosen.is_empty(), working + claiming == 0);
        for Choice { job: id, batches } in chosen {
            if room == 0 {
                break;
            }
            let Some(job) = self.jobs.get(&id) else {
                continue;
            };
            if job.prepared.is_none() {
                if preparing < PREPARING && !job.preparing {
                    preparing += 1;
                    self.prepare(id);
                }
                continue;
            }
            let wanted = self.claims_for(id, &mut worker, room.min(batches));
            if wanted == 0
                || !self.ports.chain.claimable(id, &self.account).await?
                || !self.is_admitted(id).await?
            {
                continue;
            }
            room -= wanted;
            rests = false;
            for _ in 0..wanted {
                self.claim(id);
            }
        }
        // Without capacity that counts, that is why.
        if rests && counts {
            self.metrics.idle_reason(match (is_empty, preparing > 0) {
                (true, _) => "no open job suits this worker and its settings",
                (false, true) => "fetching what an open job needs",
                (false, false) => {
                    "open jobs need more capacity than this worker has, or have enough replicas"
                }
            });
        }
        Ok(())
    }

    /// Whether the image of a job is still one that this worker takes: its listing may have been withdrawn.
    async fn is_admitted(&self, id: JobId) -> Result<bool, Fatal> {
        let job = self.jobs.get(&id).and_then(|job| job.record.as_ref());
        let Some(job) = job else {
            return Ok(false);
        };
        Ok(work::is_admitted(&self.ports, self.settings.bounds, &job.spec).await?)
    }

    /// Jobs that this worker may and wants to take, best first.
    fn chosen(&mut self, me: &Worker, room: usize) -> Vec<Choice> {
        let now = self.head.number;
        let machine = Machine {
            lanes: self.settings.lanes,
            lane_speed: self.settings.lane_speed,
            fetch_rate: self.settings.bounds.fetch_rate,
            block_ms: self.params.block_ms,
            room,
            free: Some(me.free()),
            hand: self.loads(),
            lane_watts: self.power.1,
            kwh_price: self.power.0,
        };
        let usual = self.usual_bytes();
        let offers: Vec<Offer<'_>> = self
            .jobs
            .iter()
            .filter(|(_, job)| now >= job.not_before)
            .filter_map(|(id, job)| {
                let record = job.record.as_ref()?;
                let fits = record.wants_work()
                    && record.spec.deadline > now
                    && me.suits(record)
                    && record.price >= self.settings.min_price;
                fits.then(|| Offer {
                    id: *id,
                    job: record,
                    seen: rank::Experience {
                        prepared: job.prepared.is_some()
                            || job
                                .needs
                                .is_some_and(|needs| needs.image && needs.missing == 0),
                        // Of one that is prepared it is known, or nothing is missing.
                        missing: job
                            .needs
                            .map(|needs| needs.missing)
                            .or(usual.filter(|_| job.prepared.is_none())),
                        ..job.experience
                    },
                    input: job.prepared.as_ref().map(|prepared| prepared.unit_input()),
                    open: self.open_batches(*id, job, record),
                })
            })
            .collect();
        self.scheduler.choose(&offers, &machine)
    }

    /// What waits for a lane, or runs.
    fn loads(&self) -> Vec<Load> {
        let working = self.hand.iter().filter(|(_, batch)| batch.is_working());
        working
            .filter_map(|((id, index), _)| {
                let job = self.jobs.get(id)?;
                let spec = &job.record.as_ref()?.spec;
                Some(Load {
                    image: spec.image,
                    units: job.record.as_ref()?.range(*index)?.1.into(),
                    fuel_limit: spec.fuel_limit,
                    input: job.prepared.as_ref().map(|prepared| prepared.unit_input()),
                })
            })
            .collect()
    }

    /// Batches of a job that may be open to us.
    fn open_batches(&self, id: JobId, job: &OpenJob, record: &Job) -> usize {
        let fresh = record.batches.saturating_sub(record.next_batch) as usize;
        let ours = self
            .hand
            .range((id, 0)..=(id, u32::MAX))
            .filter(|((_, batch), _)| record.window.contains(batch));
        (fresh + record.window.len() + record.waiting as usize)
            .saturating_sub(ours.count() + job.claiming)
    }

    /// How many batches of a job to claim now: what the capacity admits, and no more than may be open to us.
    fn claims_for(&self, id: JobId, me: &mut Worker, room: usize) -> usize {
        let Some(job) = self.jobs.get(&id) else {
            return 0;
        };
        let Some(record) = &job.record else {
            return 0;
        };
        let open = self.open_batches(id, job, record);
        let mut wanted = 0;
        while wanted < room.min(open) && record.rate <= me.free() {
            me.committed = me.committed.saturating_add(record.rate);
            wanted += 1;
        }
        wanted
    }

    fn claim(&mut self, id: JobId) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.claiming += 1;
        }
        let ports = self.ports.clone();
        self.tasks.spawn(async move {
            Report::Claimed(
                id,
                ports
                    .chain
                    .submit(&ports.key, Call::Claim(id), Until::InBlock)
                    .await,
            )
        });
    }

    pub(super) async fn on_claimed(
        &mut self,
        id: JobId,
        result: Result<Included, SubmitError>,
    ) -> Result<(), Fatal> {
        let job = self.jobs.entry(id).or_default();
        job.claiming = job.claiming.saturating_sub(1);
        match result {
            Ok(included) => {
                let (Some(batch), Some(block)) = (included.batch(), included.block) else {
                    self.rescan = true;
                    return Ok(());
                };
                info!(job = id, batch, block = block.number, "claimed");
                self.metrics.claimed();
                self.take((id, batch), block.hash);
                // At once, not at the next block.
                self.step((id, batch)).await
            }
            Err(error) => {
                // It may be in a block all the same, or get into one as long as some pool has it.
                match error {
                    SubmitError::Unknown { .. } => {
                        self.rescan = true;
                        self.unsure_until = Some(self.head.number.saturating_add(MORTALITY));
                    }
                    SubmitError::Dropped { .. } => self.rescan = true,
                    _ => {}
                }
                if error.is_retryable() {
                    debug!(job = id, %error, "not claimed");
                } else {
                    warn!(job = id, %error, "not claimed");
                    // Hints change nothing of what the chain said.
                    let until = self.head.number.saturating_add(10);
                    job.rest(until, until);
                }
                Ok(())
            }
        }
    }

    pub(super) async fn on_prepared(
        &mut self,
        id: JobId,
        result: Result<Arc<Prepared>, WorkError>,
    ) -> Result<(), Fatal> {
        let now = self.head.number;
        let job: &mut OpenJob = self.jobs.entry(id).or_default();
        job.preparing = false;
        match result {
            Ok(prepared) => {
                job.prepared = Some(prepared);
                job.looked = false;
                job.failures = 0;
                debug!(job = id, "image and inputs are here");
            }
            Err(WorkError::Stopped) => return Ok(()),
            Err(error) => {
                job.failures += 1;
                let full = error.is_full().then(|| error.to_string());
                // A requester that is away is asked again, ever more rarely, as is the chain about an image that is not listed;
                // what is malformed stays so.
                if error.is_retryable() {
                    // A quarter for one that says it is back: one that only says so waits ever longer all the same.
                    let wait = 1 << job.failures.min(8);
                    job.rest(now.saturating_add(wait), now.saturating_add(wait / 4));
                } else {
                    job.rest(u32::MAX, u32::MAX);
                }
                warn!(job = id, %error, again = job.not_before, "declined");
                self.metrics.declined();
                for (_, batch) in self.hand.range_mut((id, 0)..=(id, u32::MAX)) {
                    batch.not_computed(now, &error);
                }
                if let Some(full) = full {
                    self.note_full(full);
                }
                return Ok(());
            }
        }
        let waiting: Vec<BatchId> = self
            .hand
            .keys()
            .copied()
            .filter(|(job, _)| *job == id)
            .collect();
        for batch in waiting {
            if let Some(batch) = self.hand.get_mut(&batch) {
                batch.decline_from = None;
            }
            self.step(batch).await?;
        }
        self.seek().await
    }

    /// Notes what a batch really cost; how long it took, unless it stood still for the machine's owner.
    pub(super) fn learn(&mut self, id: BatchId, finished: &Finished) {
        let held = self.hand.get(&id).is_some_and(|batch| batch.held);
        let Some(job) = self.jobs.get_mut(&id.0) else {
            return;
        };
        let Some(record) = &job.record else {
            return;
        };
        if let Some((_, units)) = record.range(id.1) {
            job.experience.fuel += finished.seal.fuel;
            job.experience.charge += finished.seal.charge;
            job.experience.units += u64::from(units);
        }
        self.scheduler.learn(&Done {
            image: record.spec.image,
            fuel_limit: record.spec.fuel_limit,
            rate: record.rate,
            input: job.prepared.as_ref().map(|prepared| prepared.unit_input()),
            units: finished.computed,
            fuel: finished.measured.fuel,
            charge: finished.measured.charge,
            seconds: (!held).then_some(finished.measured.busy.as_secs_f64()),
            lane_speed: self.settings.lane_speed,
        });
        self.scheduler.keep(false);
    }

    /// Notes whether a batch was paid.
    pub(super) fn note_end(&mut self, id: BatchId, paid: bool) {
        let record = self.jobs.get(&id.0).and_then(|job| job.record.as_ref());
        if let Some(record) = record {
            self.scheduler.ended(record.spec.image, paid);
        }
    }
}
