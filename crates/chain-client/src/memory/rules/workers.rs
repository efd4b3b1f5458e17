//! The register of workers, and rewards.

use super::*;

impl State {
    pub(super) fn own_worker(
        &mut self,
        who: &AccountId,
        worker: &AccountId,
    ) -> Result<&mut Worker, SubmitError> {
        match self.workers.get_mut(worker) {
            Some(record) if record.operator == *who || worker == who => Ok(record),
            Some(_) => fail(
                "Workers",
                "NotOperator",
                "only the operator or the worker may do this",
            ),
            None => fail("Workers", "UnknownWorker", "register first"),
        }
    }

    pub(super) fn register(&mut self, who: &AccountId, r: Registration) -> Dispatched {
        if self.workers.contains_key(&r.worker) {
            return fail(
                "Workers",
                "AlreadyRegistered",
                "this worker key is registered already",
            );
        }
        let payload = registration_payload(&self.genesis, who.as_ref(), r.worker.as_ref());
        if !keys::verify(r.worker.as_ref(), &payload, &r.proof) {
            return fail(
                "Workers",
                "BadProof",
                "the worker key did not sign for this operator",
            );
        }
        let capacity = CPU_1.capacity(&r.resources);
        if capacity == 0 || r.profile != CPU_1_ID {
            return fail(
                "Workers",
                "NoCapacity",
                "the machine has no capacity in this profile",
            );
        }
        if r.bond < self.params.bond_for(capacity) {
            return fail(
                "Workers",
                "BondTooLow",
                "bond at least the minimum for the capacity",
            );
        }
        self.hold(who, r.bond)?;
        let worker = Worker {
            operator: who.clone(),
            endpoint: r.endpoint,
            attributes: r.attributes,
            tiers: Tiers::default(),
            environment: r.environment,
            profile: r.profile,
            capacity,
            counted: capacity.min(self.allowance),
            committed: 0,
            bond: r.bond,
            leaving: 0,
            delegated: 0,
            state: WorkerState::Active,
            faults: 0,
            missed: 0,
            rests_until: 0,
            declined: 0,
            handed_back: 0,
            accepted_units: 0,
            delivered: 0,
            trust: Trust::default(),
        };
        self.workers.insert(r.worker.clone(), worker);
        self.events
            .push(Event::WorkerRegistered { worker: r.worker });
        Ok(())
    }

    pub(super) fn rotate_key(
        &mut self,
        who: &AccountId,
        worker: &AccountId,
        key: AccountId,
        proof: [u8; 64],
    ) -> Dispatched {
        let mut record = self.own_worker(who, worker)?.clone();
        if record.operator != *who {
            return fail("Workers", "NotOperator", "only the operator may do this");
        }
        let payload = registration_payload(&self.genesis, who.as_ref(), key.as_ref());
        if self.workers.contains_key(&key) || !keys::verify(key.as_ref(), &payload, &proof) {
            return fail(
                "Workers",
                "BadProof",
                "the new key is taken, or did not sign for this operator",
            );
        }
        if record.committed > 0 {
            return fail("Workers", "WorkInFlight", "wait for its verdicts");
        }
        record.tiers = Tiers::default();
        record.trust = Trust::default();
        self.attested.remove(worker);
        self.workers.remove(worker);
        if let Some(parts) = self.unbonding.remove(worker) {
            self.unbonding.insert(key.clone(), parts);
        }
        self.rotate_pool(worker, &key);
        self.workers.insert(key, record);
        Ok(())
    }

    pub(super) fn answer(&mut self, who: &AccountId, block: BlockNumber) -> Dispatched {
        if self.summons.get(who) != Some(&block) || self.number > block + ANSWER_WINDOW {
            return fail("Liveness", "NotDrawn", "there is nothing to answer");
        }
        self.summons.remove(who);
        Ok(())
    }

    /// The workers that can be reported for a block's draw.
    pub(in crate::memory) fn absentees(&self, block: BlockNumber) -> Vec<AccountId> {
        let late = self.number > block + ANSWER_WINDOW;
        self.summons
            .iter()
            .filter(|(_, drawn)| late && **drawn == block)
            .map(|(worker, _)| worker.clone())
            .collect()
    }

    pub(super) fn report(&mut self, worker: &AccountId, block: BlockNumber) -> Dispatched {
        if !self.absentees(block).contains(worker) {
            return fail("Liveness", "NotAbsent", "it owes no answer to this draw");
        }
        self.summons.remove(worker);
        if let Some(record) = self.workers.get_mut(worker) {
            record.state = WorkerState::Paused;
            record.missed += 1;
        }
        Ok(())
    }

    pub(super) fn withdraw(&mut self, who: &AccountId, worker: &AccountId) -> Dispatched {
        let now = self.number;
        let record = self.own_worker(who, worker)?.clone();
        match record.state {
            WorkerState::Leaving { until } if until <= now && record.committed == 0 => {}
            _ => {
                return fail(
                    "Workers",
                    "NotYet",
                    "leave first and wait for the cool-down",
                );
            }
        }
        self.workers.remove(worker);
        self.unbonding.remove(worker);
        self.release(&record.operator, record.bond + record.leaving);
        self.dissolve_pool(worker, &record.operator);
        Ok(())
    }

    /// Here what leaves answers for nothing any more, and is free after the cool-down.
    pub(super) fn unbond(
        &mut self,
        who: &AccountId,
        worker: &AccountId,
        amount: Balance,
    ) -> Dispatched {
        let (params, free_at) = (self.params, self.number + COOLDOWN);
        let record = self.own_worker(who, worker)?;
        if amount > record.spare(&params) {
            return fail("Workers", "BondTooLow", "offer less first");
        }
        record.bond -= amount;
        record.leaving += amount;
        self.unbonding
            .entry(worker.clone())
            .or_default()
            .push(Unbonding {
                amount_planck: amount,
                free_at,
            });
        Ok(())
    }

    pub(super) fn withdraw_unbonded(&mut self, who: &AccountId, worker: &AccountId) -> Dispatched {
        let now = self.number;
        let operator = self.own_worker(who, worker)?.operator.clone();
        let parts = self.unbonding.entry(worker.clone()).or_default();
        let before = parts.len();
        let mut amount = 0;
        parts.retain(|part| {
            let free = part.free_at <= now;
            amount += if free { part.amount_planck } else { 0 };
            !free
        });
        if parts.len() == before {
            return fail("Workers", "CoolingDown", "wait for the cool-down");
        }
        self.own_worker(who, worker)?.leaving -= amount;
        self.release(&operator, amount);
        Ok(())
    }

    pub(super) fn pay_rewards(&mut self, who: &AccountId) {
        let amount = self.rewards.remove(who).unwrap_or_default();
        self.accounts.entry(who.clone()).or_default().free += amount;
        self.events.push(Event::RewardsPaid {
            account: who.clone(),
            amount,
        });
    }
}
