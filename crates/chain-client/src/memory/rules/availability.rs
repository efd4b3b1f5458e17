//! Declines, delivery receipts, ratings.

use super::*;

/// Operators whose declines pause a job.
const DECLINES_TO_PAUSE: usize = 3;
/// What the requester pays for each of them, planck.
const CLAIM_FEE: Balance = ISC / 100;
/// Blocks in which an operator that declined gets nothing else of the job.
const DECLINE_REST: BlockNumber = 100;
/// Blocks of a pause that nobody ends.
const PAUSE_LENGTH: BlockNumber = 1_200;

/// Whether so many operators say that a job's input is missing that none of its batches is started.
pub(super) fn is_paused(decliners: &[Decliner], now: BlockNumber) -> bool {
    decliners.iter().filter(|d| now < d.counts_until).count() >= DECLINES_TO_PAUSE
}

/// Whether an operator may claim nothing of a job, as it said so lately.
pub(super) fn rests(decliners: &[Decliner], operator: &AccountId, now: BlockNumber) -> bool {
    let mut others = decliners.iter();
    others.any(|d| d.operator == *operator && now < d.rests_until)
}

impl State {
    pub(in crate::memory) fn declines(&self, id: JobId) -> Declines {
        let decliners = self.decliners.get(&id).map_or(&[][..], Vec::as_slice);
        Declines {
            paused: is_paused(decliners, self.number),
            operators: decliners.iter().map(|d| d.operator.clone()).collect(),
        }
    }

    /// Takes a replica away from the worker that computes it; returns its operator.
    fn give_back(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
    ) -> Result<AccountId, SubmitError> {
        let replica = self
            .batches
            .get_mut(&(id, batch))
            .and_then(|record| record.view.replicas.iter_mut().find(|r| r.worker == *who))
            .filter(|replica| replica.state == ReplicaState::Assigned);
        let Some(replica) = replica else {
            return fail(
                "Verification",
                "NotAssigned",
                "this worker has nothing to decline here",
            );
        };
        replica.state = ReplicaState::Out;
        let due = replica.due.take();
        let operator = replica.operator.clone();
        self.note_given_back(who, id, due);
        self.free_capacity(id, who);
        self.want_one_more(id, batch);
        Ok(operator)
    }

    /// Who gives a batch back when less time is left than it takes at its limits rests for that. Here its share of the capacity makes no difference.
    fn note_given_back(&mut self, who: &AccountId, id: JobId, due: Option<BlockNumber>) {
        let Some((job, due)) = self.jobs.get(&id).zip(due) else {
            return;
        };
        let blocks =
            (1_000 * u128::from(job.batch_seconds())).div_ceil(u128::from(self.params.block_ms));
        let takes = BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX);
        if self.number > due.saturating_sub(takes)
            && let Some(worker) = self.workers.get_mut(who)
        {
            let rest = COMMIT_SLACK.saturating_add(takes);
            worker.rests_until = worker.rests_until.max(self.number.saturating_add(rest));
        }
    }

    pub(super) fn decline(&mut self, who: &AccountId, id: JobId, batch: BatchIndex) -> Dispatched {
        let operator = self.give_back(who, id, batch)?;
        if let Some(worker) = self.workers.get_mut(who) {
            worker.declined += 1;
        }
        self.note_decline(id, operator);
        Ok(())
    }

    pub(super) fn hand_back(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
    ) -> Dispatched {
        if self.drawn.contains(&(id, batch)) {
            return fail("Verification", "DrawnForIt", "");
        }
        let operator = self.give_back(who, id, batch)?;
        self.note_hand_back(who, id, operator);
        Ok(())
    }

    /// Cuts a batch after so many units, which are about to be sealed; others who compute it have both parts.
    pub(super) fn cut(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
        units: u32,
    ) -> Dispatched {
        let (Some(job), Some(record)) = (self.jobs.get_mut(&id), self.batches.get(&(id, batch)))
        else {
            return fail("Verification", "NotInFlight", "");
        };
        let own = record.view.replica(who);
        if own.is_none_or(|replica| replica.state != ReplicaState::Assigned) {
            return fail("Verification", "NotAssigned", "");
        }
        if self.drawn.contains(&(id, batch)) {
            return fail("Verification", "DrawnForIt", "");
        }
        if !record.digests.is_empty() {
            return fail("Market", "NotToBeCut", "");
        }
        if job.cuts.len() >= MAX_CUTS as usize {
            return fail("Market", "TooManyCuts", "");
        }
        let due = own.and_then(|own| own.due);
        let Some((first, _)) = job.range(batch) else {
            return fail("Market", "BadCut", "");
        };
        if units == 0 || units.saturating_mul(SMALLEST_PART) < job.spec.batch_size {
            return fail("Market", "BadCut", "");
        }
        let made = job.total_batches();
        job.cuts.push(Cut {
            batch,
            first: first + units,
        });
        job.in_flight += 1;
        let mut rest = record.clone();
        for replica in &mut rest.view.replicas {
            if replica.worker == *who {
                replica.state = ReplicaState::Out;
                replica.due = None;
            } else if replica.state == ReplicaState::Assigned
                && let Some(worker) = self.workers.get_mut(&replica.worker)
            {
                // Given back twice, once for each part.
                worker.committed += job.rate;
            }
        }
        self.note_given_back(who, id, due);
        let own = rest.view.replica(who).map(|own| own.operator.clone());
        if let Some(price) = self.raised_prices.get(&(id, batch)).copied() {
            self.raised_prices.insert((id, made), price);
        }
        self.batches.insert((id, made), rest);
        self.want_one_more(id, made);
        if let Some(operator) = own {
            self.note_hand_back(who, id, operator);
        }
        Ok(())
    }

    fn note_hand_back(&mut self, who: &AccountId, id: JobId, operator: AccountId) {
        if let Some(worker) = self.workers.get_mut(who) {
            worker.handed_back += 1;
        }
        let (now, decliners) = (self.number, self.decliners.entry(id).or_default());
        let known = decliners.iter().position(|d| d.operator == operator);
        // It counts towards no pause unless it declined before.
        let counts_until = known.map_or(now, |at| decliners.remove(at).counts_until);
        decliners.push(Decliner {
            operator,
            rests_until: now + DECLINE_REST,
            counts_until,
        });
    }

    fn note_decline(&mut self, id: JobId, operator: AccountId) {
        let decliners = self.decliners.entry(id).or_default();
        let now = self.number;
        let was_paused = is_paused(decliners, now);
        let known = decliners.iter().position(|d| d.operator == operator);
        let until = now + PAUSE_LENGTH;
        let counts_until = known.map_or(until, |at| decliners.remove(at).counts_until);
        decliners.push(Decliner {
            operator,
            rests_until: now + DECLINE_REST,
            counts_until,
        });
        let begins = is_paused(decliners, now) && !was_paused;
        if begins {
            let counting = decliners.iter_mut().filter(|d| now < d.counts_until);
            counting.for_each(|d| d.counts_until = until);
        }
        if begins
            && let Some(job) = self.jobs.get_mut(&id)
            && let Some(account) = self.accounts.get_mut(&job.requester)
        {
            let fee = job.deposit.min(CLAIM_FEE * DECLINES_TO_PAUSE as Balance);
            job.deposit -= fee;
            account.held -= fee;
            *self.rewards.entry(TREASURY).or_default() += fee;
        }
    }

    pub(super) fn note_delivery(&mut self, id: JobId, operator: &AccountId) {
        if let Some(decliners) = self.decliners.get_mut(&id) {
            decliners.retain(|d| d.operator != *operator);
        }
    }

    pub(super) fn own_job(&self, who: &AccountId, id: JobId) -> Result<Job, SubmitError> {
        match self.jobs.get(&id) {
            None => fail("Market", "UnknownJob", ""),
            Some(job) if job.requester != *who => fail("Market", "NotRequester", ""),
            Some(job) => Ok(job.clone()),
        }
    }

    pub(super) fn resume_job(&mut self, who: &AccountId, id: JobId) -> Dispatched {
        let job = self.own_job(who, id)?;
        if job.state.has_ended() {
            return fail("Market", "NotOpen", "the job has ended");
        }
        let now = self.number;
        let waits = |d: &Decliner| now < d.counts_until || now < d.rests_until;
        if !self.decliners.entry(id).or_default().iter().any(waits) {
            return fail("Verification", "NothingDeclined", "");
        }
        let full = self.deposit(&job.spec);
        self.hold(who, full - job.deposit)?;
        if let Some(job) = self.jobs.get_mut(&id) {
            job.deposit = full;
        }
        for decliner in self.decliners.entry(id).or_default() {
            decliner.counts_until = now;
            decliner.rests_until = now;
        }
        Ok(())
    }

    pub(super) fn acknowledge(
        &mut self,
        who: &AccountId,
        id: JobId,
        below: BatchIndex,
    ) -> Dispatched {
        let job = self.own_job(who, id)?;
        let first = self.received.get(&id).copied().unwrap_or_default();
        if below <= first {
            return fail("Verification", "AlreadyReceived", "");
        }
        let decided = |batch| {
            let record = self.batches.get(&(id, batch));
            record.map_or(!job.window.contains(&batch), |r| r.view.standing.is_some())
        };
        let mut covered = (first..below).chain(job.layout().made_of(first..below));
        if below > job.next_batch || !covered.all(decided) {
            return fail("Verification", "NotDelivered", "");
        }
        for batch in (first..below).chain(job.layout().made_of(first..below)) {
            if let Some(record) = self.batches.get_mut(&(id, batch)) {
                record.view.standing = Some(self.number);
            }
        }
        self.received.insert(id, below);
        Ok(())
    }

    pub(super) fn rate(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
        operator: AccountId,
        stars: u8,
    ) -> Dispatched {
        let job = self.own_job(who, id)?;
        let completed = matches!(
            job.state,
            JobState::Ended {
                outcome: Outcome::Completed,
                ..
            }
        );
        if !completed {
            return fail("Verification", "NotRatable", "");
        }
        if !(1..=5).contains(&stars) {
            return fail("Verification", "BadRating", "");
        }
        if operator == *who {
            return fail("Verification", "SelfRating", "");
        }
        let served = self
            .results
            .get(&(id, batch))
            .is_some_and(|result| result.winners.iter().any(|w| w.operator == operator));
        if !served {
            return fail("Verification", "NotServed", "");
        }
        if !self.rated.insert((id, operator.clone())) {
            return fail("Verification", "AlreadyRated", "");
        }
        let rating = self.ratings.entry(operator).or_default();
        rating.stars += u64::from(stars);
        rating.count += 1;
        Ok(())
    }

    pub(super) fn forget_rating(&mut self, operator: &AccountId) -> Dispatched {
        if self.workers.values().any(|w| w.operator == *operator) {
            return fail("Verification", "StillRegistered", "");
        }
        match self.ratings.remove(operator) {
            Some(_) => Ok(()),
            None => fail("Verification", "NothingToForget", ""),
        }
    }
}
