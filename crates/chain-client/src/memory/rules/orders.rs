//! Orders: submitted, raised, cancelled, cleaned up.

use super::*;

impl State {
    pub(super) fn submit_job(
        &mut self,
        who: &AccountId,
        spec: JobSpec,
        series: Option<JobId>,
    ) -> Dispatched {
        if !self
            .images
            .get(&spec.image)
            .is_some_and(|image| image.usable)
        {
            return fail("Market", "UnknownImage", "");
        }
        let in_range = (1..=MAX_UNITS).contains(&spec.units)
            && (1..=MAX_BATCH_UNITS).contains(&spec.batch_size)
            && spec.policy.is_valid()
            && spec.fuel_limit > 0
            && spec.endpoint.len() <= MAX_ENDPOINT_BYTES as usize
            && spec.profile == CPU_1_ID;
        if !in_range {
            return fail(
                "Market",
                "InvalidSpec",
                "a figure of the job is out of range",
            );
        }
        if spec.price < FLOOR {
            return fail("Market", "PriceBelowFloor", "");
        }
        if spec.environment != self.environment {
            return fail("Market", "UnknownEnvironment", "update the client");
        }
        let latest = self.number.saturating_add(self.params.max_job_blocks);
        if spec.deadline <= self.number || spec.deadline > latest {
            return fail(
                "Market",
                "InvalidDeadline",
                "name a later block within the limit",
            );
        }
        if spec
            .constraints
            .validate(spec.policy.paid_results())
            .is_err()
        {
            return fail("Market", "BadJurisdiction", "the constraints make no sense");
        }
        let Some(escrow) = spec.escrow(&CPU_1) else {
            return fail("Market", "TooExpensive", "lower the limits or the price");
        };
        self.hold(who, escrow)?;
        self.hold(who, self.deposit(&spec))?;
        let id = self.next_job;
        let state = self.join_predecessor(who, &spec, id)?;
        self.next_job += 1;
        let job = Job {
            batches: spec.batches(),
            cuts: Vec::new(),
            rate: spec.rate(&CPU_1).unwrap_or(u64::MAX),
            unit_charge: spec.unit_charge(&CPU_1).unwrap_or(u128::MAX),
            price: spec.price,
            deposit: self.deposit(&spec),
            class: self.class_of(&spec.image),
            spec,
            requester: who.clone(),
            state,
            next_batch: 0,
            window: Vec::new(),
            waiting: 0,
            in_flight: 0,
            settled: 0,
            failed: 0,
            paid: 0,
            fuel: 0,
            escrow,
            series,
            successors: Vec::new(),
        };
        self.jobs.insert(id, job);
        self.events.push(Event::JobSubmitted {
            job: id,
            requester: who.clone(),
        });
        Ok(())
    }

    fn join_predecessor(
        &mut self,
        who: &AccountId,
        spec: &JobSpec,
        id: JobId,
    ) -> Result<JobState, SubmitError> {
        let Some(after) = spec.after else {
            return Ok(JobState::Open);
        };
        let (now, retention) = (self.number, self.params.retention);
        let Some(before) = self.jobs.get_mut(&after) else {
            return fail("Market", "NoPredecessor", "");
        };
        if before.requester != *who {
            return fail("Market", "NotRequester", "");
        }
        let each = before.spec.units / spec.units.max(1);
        if each * spec.units != before.spec.units || !(1..=MAX_GATHERED).contains(&each) {
            return fail("Market", "UnevenUnits", "");
        }
        if self.received.contains_key(&after) {
            return fail("Market", "OutputsGone", "");
        }
        let state = match before.state {
            JobState::Ended { .. } if !before.is_complete() => {
                return fail("Market", "PredecessorFailed", "");
            }
            JobState::Ended { at, .. } if now >= at + retention => {
                return fail("Market", "OutputsGone", "");
            }
            JobState::Ended { .. } => JobState::Open,
            _ => JobState::Pending,
        };
        if before.successors.len() >= MAX_SUCCESSORS {
            return fail("Market", "TooManySuccessors", "");
        }
        before.successors.push(id);
        Ok(state)
    }

    /// Opens the pending jobs whose input is there, and ends those whose input will never be.
    pub(super) fn open_pending(&mut self) {
        let pending: Vec<(JobId, Job)> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.state == JobState::Pending)
            .filter_map(|(id, job)| Some((*id, self.jobs.get(&job.spec.after?)?.clone())))
            .collect();
        for (id, before) in pending {
            if before.is_complete() {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.state = JobState::Open;
                }
            } else if before.state.has_ended() {
                self.end(id, Outcome::NoInput);
            }
        }
    }

    pub(super) fn class_of(&self, image: &ContentHash) -> TaskClass {
        let number = self.images.get(image).map_or(0, |image| image.class);
        let known = TaskClass::ALL.get(usize::from(number));
        known.copied().unwrap_or_default()
    }

    pub(super) fn deposit(&self, spec: &JobSpec) -> Balance {
        self.params.job_deposit + self.params.batch_deposit * u128::from(spec.batches())
    }

    pub(super) fn raise(&mut self, who: &AccountId, id: JobId, price: Balance) -> Dispatched {
        let Some(job) = self.jobs.get(&id) else {
            return fail("Market", "NoSuchJob", "");
        };
        if job.requester != *who {
            return fail("Market", "NotRequester", "");
        }
        if !job.is_open_to_orders() {
            return fail("Market", "NotOpen", "the job is ending or has ended");
        }
        if price <= job.price {
            return fail("Market", "BidNotRaised", "");
        }
        if job.next_batch == job.batches && job.window.is_empty() {
            return fail("Market", "NothingUnclaimed", "");
        }
        let at = |price| JobSpec {
            price,
            ..job.spec.clone()
        };
        // The escrow of an order is the same for each of its batches.
        let added = at(price)
            .escrow(&CPU_1)
            .zip(at(job.price).escrow(&CPU_1))
            .map(|(new, old)| {
                let undecided = job.unclaimed() + job.in_flight;
                (new - old) / u128::from(job.batches) * u128::from(undecided)
            });
        let Some(added) = added else {
            return fail("Market", "EscrowTooLarge", "raise it by less");
        };
        self.hold(who, added)?;
        if let Some(job) = self.jobs.get_mut(&id) {
            job.price = price;
            job.escrow += added;
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self, who: &AccountId, id: JobId) -> Dispatched {
        if self.series.contains_key(&id) {
            return self.cancel_series(who, id);
        }
        let Some(job) = self.jobs.get_mut(&id) else {
            return fail("Market", "UnknownJob", "");
        };
        if job.requester != *who {
            return fail("Market", "NotRequester", "");
        }
        if !job.is_open_to_orders() {
            return fail("Market", "NotOpen", "the job is ending or has ended");
        }
        job.state = JobState::Settling(Closing::Cancelled);
        job.next_batch = job.batches;
        self.end_if_done(id);
        Ok(())
    }

    pub(super) fn clean_up(&mut self, who: &AccountId, id: JobId) -> Dispatched {
        let Some(job) = self.jobs.get(&id).cloned() else {
            return fail("Market", "NoSuchJob", "");
        };
        let JobState::Ended { at, .. } = job.state else {
            return fail("Market", "NotEnded", "");
        };
        let received = self.received.get(&id).copied().unwrap_or_default();
        let early = self.number < at.saturating_add(self.params.retention);
        if early && (job.requester != *who || received < job.next_batch) {
            return fail("Market", "RetentionNotOver", "");
        }
        let awaited = |next: &JobId| {
            self.jobs
                .get(next)
                .is_some_and(|next| !next.state.has_ended())
        };
        if job.successors.iter().any(awaited) {
            return fail("Market", "InputOfOthers", "");
        }
        self.jobs.remove(&id);
        self.results.retain(|(job, _), _| *job != id);
        self.raised_prices.retain(|(job, _), _| *job != id);
        self.rated.retain(|(job, _)| *job != id);
        self.checked.retain(|(job, _)| *job != id);
        self.decliners.remove(&id);
        self.received.remove(&id);
        self.release(&job.requester, job.deposit);
        Ok(())
    }
}
