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
            environment: r.environment,
            profile: r.profile,
            capacity,
            committed: 0,
            bond: r.bond,
            state: WorkerState::Active,
            faults: 0,
            missed: 0,
            accepted_units: 0,
            delivered: 0,
        };
        self.workers.insert(r.worker.clone(), worker);
        self.events
            .push(Event::WorkerRegistered { worker: r.worker });
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
        self.release(&record.operator, record.bond);
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
