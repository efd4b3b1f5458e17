//! Seals, reveals, verdicts and deadlines.

use super::*;

impl State {
    pub(super) fn free_capacity(&mut self, id: JobId, who: &AccountId) {
        let rate = self.jobs.get(&id).map_or(0, |job| job.rate);
        if let Some(worker) = self.workers.get_mut(who) {
            worker.committed = worker.committed.saturating_sub(rate);
        }
    }

    pub(super) fn commit(
        &mut self,
        who: &AccountId,
        (id, batch): (JobId, BatchIndex),
        units: u32,
        digest: H256,
        seal: H256,
    ) -> Dispatched {
        let job = self.jobs.get(&id);
        let all = job
            .and_then(|job| job.range(batch))
            .map_or(0, |range| range.1);
        if units > all {
            return fail("Verification", "OfOtherUnits", "");
        }
        if units < all {
            self.cut(who, id, batch, units)?;
        }
        let replica = self
            .batches
            .get_mut(&(id, batch))
            .and_then(|record| record.view.replicas.iter_mut().find(|r| r.worker == *who))
            .filter(|replica| replica.state == ReplicaState::Assigned);
        let Some(replica) = replica else {
            return fail(
                "Verification",
                "NotExpected",
                "this worker owes no commitment here",
            );
        };
        replica.state = ReplicaState::Committed(seal);
        replica.due = None;
        let operator = replica.operator.clone();
        if let Some(record) = self.batches.get_mut(&(id, batch)) {
            record.digests.insert(who.clone(), digest);
        }
        self.free_capacity(id, who);
        if units == all {
            self.note_delivery(id, &operator);
        }
        self.events.push(Event::Committed {
            job: id,
            batch,
            worker: who.clone(),
        });
        self.open_reveals(id, batch);
        Ok(())
    }

    pub(super) fn open_reveals(&mut self, id: JobId, batch: BatchIndex) {
        let due = self.number + REVEAL_WINDOW;
        let Some(record) = self.batches.get_mut(&(id, batch)) else {
            return;
        };
        let digests = &record.digests;
        let live: Vec<_> = record
            .view
            .replicas
            .iter_mut()
            .filter(|r| r.state != ReplicaState::Out)
            .collect();
        let all_sealed = live.iter().all(|r| r.state != ReplicaState::Assigned);
        if live.len() < record.wanted || !all_sealed {
            return;
        }
        let votes = |of: &H256| {
            let same = |r: &&&mut Replica| digests.get(&r.worker) == Some(of);
            live.iter().filter(same).count()
        };
        let agreed = live
            .iter()
            .filter_map(|r| digests.get(&r.worker).copied())
            .find(|digest| votes(digest) >= record.quorum);
        let Some(agreed) = agreed else {
            record.wanted = live.len() + 1;
            return self.want_one_more(id, batch);
        };
        for replica in live {
            if matches!(replica.state, ReplicaState::Committed(_))
                && digests.get(&replica.worker) == Some(&agreed)
            {
                replica.due = Some(due);
            }
        }
        record.view.revealing = Some(agreed);
        self.events.push(Event::RevealOpened { job: id, batch });
    }

    pub(super) fn reveal(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
        reveal: Reveal,
    ) -> Dispatched {
        let Some(record) = self.batches.get_mut(&(id, batch)) else {
            return fail("Verification", "NotExpected", "the batch is not in flight");
        };
        let open = record.view.revealing == Some(receipt::digest(id, batch, &reveal.summary));
        let replica = record.view.replicas.iter_mut().find(|r| r.worker == *who);
        let Some(replica) = replica else {
            return fail(
                "Verification",
                "NotExpected",
                "this worker has no part in the batch",
            );
        };
        let ReplicaState::Committed(seal) = replica.state else {
            return fail("Verification", "NotExpected", "nothing to reveal");
        };
        let public: &[u8; 32] = who.as_ref();
        if !open || commitment(id, batch, &reveal.summary, public, &reveal.salt) != seal {
            return fail(
                "Verification",
                "WrongReveal",
                "it does not match the commitment",
            );
        }
        replica.state = ReplicaState::Revealed {
            bundle: reveal.bundle,
        };
        replica.due = None;
        record
            .revealed
            .insert(who.clone(), (reveal.summary, reveal.bundle));
        self.events.push(Event::Revealed {
            job: id,
            batch,
            worker: who.clone(),
        });
        self.decide(id, batch);
        Ok(())
    }

    /// Decides a batch whose live replicas have all revealed.
    pub(super) fn decide(&mut self, id: JobId, batch: BatchIndex) {
        let optimistic = self
            .jobs
            .get(&id)
            .is_some_and(|job| job.spec.policy == Policy::Optimistic);
        let Some(record) = self.batches.get_mut(&(id, batch)) else {
            return;
        };
        let Some(agreed) = record.view.revealing else {
            return;
        };
        let mut right = record.view.replicas.iter().filter(|r| {
            r.state != ReplicaState::Out && record.digests.get(&r.worker) == Some(&agreed)
        });
        if !right.all(|r| matches!(r.state, ReplicaState::Revealed { .. })) {
            return;
        }
        if optimistic && record.view.standing.is_none() {
            record.view.standing = Some(self.number + CHALLENGE_WINDOW);
            return;
        }
        let winners: Vec<AccountId> = record.revealed.keys().cloned().collect();
        let summary = record.revealed.values().next().map(|(summary, _)| *summary);
        if let Some(summary) = summary {
            let quorum = record.quorum.min(winners.len());
            self.settle(id, batch, summary, &winners[..quorum]);
        }
    }

    pub(super) fn want_one_more(&mut self, id: JobId, batch: BatchIndex) {
        let Some(record) = self.batches.get_mut(&(id, batch)) else {
            return;
        };
        let most = MAX_REPLICAS.max(record.quorum);
        let spent = record.view.replicas.len() >= MAX_ASSIGNMENTS || record.wanted > most;
        record.view.revealing = None;
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        if spent || job.state == JobState::Settling(Closing::Expired) {
            return self.fail_batch(id, batch);
        }
        if !job.window.contains(&batch) {
            job.window.push(batch);
        }
    }

    pub(super) fn settle(
        &mut self,
        id: JobId,
        batch: BatchIndex,
        agreed: BatchSummary,
        winners: &[AccountId],
    ) {
        let (Some(record), Some(job)) = (self.batches.remove(&(id, batch)), self.jobs.get_mut(&id))
        else {
            return;
        };
        let price = self.raised_prices.get(&(id, batch)).copied();
        let price = price.unwrap_or(job.spec.price);
        let each = job
            .cost(batch, agreed.charge, price)
            .min(job.outstanding() / winners.len().max(1) as u128);
        let total = each * winners.len() as u128;
        let units = job.range(batch).map_or(0, |(_, count)| count);
        job.paid += total;
        job.fuel += agreed.fuel;
        job.settled += 1;
        job.in_flight -= 1;
        job.window.retain(|other| *other != batch);
        let (requester, image) = (job.requester.clone(), job.spec.image);
        self.paid += total;
        if self.number >= self.spot_since + self.params.round_blocks {
            self.spot_since = self.number;
            self.spot.begin();
        }
        self.spot
            .settle(price, agreed.charge * winners.len() as u128);
        self.spot.lift(FLOOR);
        if let Some(account) = self.accounts.get_mut(&requester) {
            account.held -= total;
        }
        let mut named = Vec::new();
        for replica in &record.view.replicas {
            let Some((_, bundle)) = record.revealed.get(&replica.worker) else {
                if matches!(replica.state, ReplicaState::Committed(_)) {
                    self.slash(&replica.worker);
                }
                continue;
            };
            if winners.contains(&replica.worker) {
                let own = self.share_income(&replica.worker, each);
                *self.rewards.entry(replica.operator.clone()).or_default() += own;
                let credit = self.credit.entry(replica.worker.clone()).or_default();
                credit.total += each;
                credit.units += u64::from(units);
                if let Some(worker) = self.workers.get_mut(&replica.worker) {
                    worker.accepted_units += u64::from(units);
                    worker.delivered += agreed.charge;
                }
                named.push(Winner {
                    worker: replica.worker.clone(),
                    operator: replica.operator.clone(),
                    bundle: *bundle,
                });
            }
        }
        if let Some(image) = self.images.get_mut(&image) {
            image.usage += agreed.charge;
        }
        self.results.insert(
            (id, batch),
            BatchResult {
                summary: agreed,
                winners: named,
                at: self.number,
                outputs: Outputs::Owed,
                witnesses: Vec::new(),
            },
        );
        self.events.push(Event::BatchSettled {
            job: id,
            batch,
            paid: total,
        });
        self.end_if_done(id);
    }

    pub(in crate::memory) fn slash(&mut self, who: &AccountId) {
        let of_others = self.slash_pool(who);
        let Some(worker) = self.workers.get_mut(who) else {
            return;
        };
        let own = worker.bond / 10;
        worker.bond -= own;
        let amount = own + of_others;
        worker.faults += 1;
        let operator = worker.operator.clone();
        if let Some(account) = self.accounts.get_mut(&operator) {
            account.held -= amount;
        }
        *self.rewards.entry(TREASURY).or_default() += amount;
        self.events.push(Event::WorkerSlashed {
            worker: who.clone(),
            amount,
        });
    }

    pub(super) fn fail_batch(&mut self, id: JobId, batch: BatchIndex) {
        if self.batches.remove(&(id, batch)).is_none() {
            return;
        }
        if let Some(job) = self.jobs.get_mut(&id) {
            job.in_flight -= 1;
            job.failed += 1;
            job.window.retain(|other| *other != batch);
        }
        self.events.push(Event::BatchFailed { job: id, batch });
        self.end_if_done(id);
    }

    pub(super) fn end_if_done(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        let outcome = match job.state {
            JobState::Open => Outcome::Completed,
            JobState::Settling(Closing::Cancelled) => Outcome::Cancelled,
            JobState::Settling(Closing::Expired) => Outcome::Expired,
            JobState::Pending | JobState::Ended { .. } => return,
        };
        let untouched = |batch: &BatchIndex| !self.batches.contains_key(&(id, *batch));
        if job.state != JobState::Open {
            job.window.retain(|batch| !untouched(batch));
        }
        if job.next_batch < job.batches || job.in_flight > 0 || job.window.iter().any(untouched) {
            return;
        }
        self.end(id, outcome);
    }

    pub(super) fn end(&mut self, id: JobId, outcome: Outcome) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        let (requester, rest) = (job.requester.clone(), job.outstanding());
        job.state = JobState::Ended {
            outcome,
            at: self.number,
        };
        self.release(&requester, rest);
        self.events.push(Event::JobEnded { job: id });
    }

    pub(super) fn expire_jobs(&mut self) {
        let now = self.number;
        let due: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, job)| !job.state.has_ended() && job.spec.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let open: Vec<BatchIndex> = self
                .jobs
                .get(&id)
                .map(|job| job.window.clone())
                .unwrap_or_default();
            if let Some(job) = self.jobs.get_mut(&id) {
                job.state = JobState::Settling(Closing::Expired);
                job.next_batch = job.batches;
            }
            for batch in open {
                self.fail_batch(id, batch);
            }
            self.end_if_done(id);
        }
    }

    pub(super) fn pass_deadlines(&mut self) {
        let now = self.number;
        let mut touched = Vec::new();
        for ((id, batch), record) in &mut self.batches {
            for replica in &mut record.view.replicas {
                if replica.due.is_some_and(|due| due < now) {
                    let assigned = replica.state == ReplicaState::Assigned;
                    replica.state = ReplicaState::Out;
                    replica.due = None;
                    touched.push((*id, *batch, replica.worker.clone(), assigned));
                }
            }
        }
        let final_now: Vec<_> = self
            .batches
            .iter()
            .filter(|(_, record)| record.view.standing.is_some_and(|until| until < now))
            .map(|(key, _)| *key)
            .collect();
        for (id, batch) in final_now {
            self.decide(id, batch);
        }
        for (id, batch, who, assigned) in touched {
            if assigned {
                self.free_capacity(id, &who);
            }
            if let Some(worker) = self.workers.get_mut(&who) {
                worker.missed += 1;
                worker.rests_until = now + MISS_REST;
            }
            self.events.push(Event::WorkerMissed { worker: who });
            self.want_one_more(id, batch);
        }
    }
}
