//! Calls for witnesses.

use sungrid_primitives::witness;

use super::*;

const DRAW_DELAY: BlockNumber = 5;
const WITNESS_WINDOW: BlockNumber = 200;
const WITNESSES: usize = 7;
const LEAST_WITNESSES: usize = 3;
const WITNESS_FEE: Balance = ISC / 100;
const CHALLENGE_BOND: Balance = ISC;
/// What a call holds of the requester.
const BOND: Balance = CHALLENGE_BOND + WITNESSES as Balance * WITNESS_FEE;

/// What witnesses came to.
enum Finding {
    Fetched,
    Withheld,
    Undecided,
}

impl State {
    pub(super) fn call_witnesses(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
    ) -> Dispatched {
        self.own_job(who, id)?;
        let Some(result) = self.results.get(&(id, batch)) else {
            return fail("Verification", "NotSettled", "");
        };
        if batch < self.received.get(&id).copied().unwrap_or_default() {
            return fail("Verification", "AlreadyReceived", "");
        }
        if result.outputs != Outputs::Owed {
            return fail("Verification", "AlreadyWitnessed", "");
        }
        if self.witness_calls.contains_key(&(id, batch)) {
            return fail("Verification", "AlreadyCalled", "");
        }
        if self.number >= result.at + self.params.retention {
            return fail("Verification", "CallTooLate", "");
        }
        self.hold(who, BOND)?;
        let call = WitnessCall {
            stage: CallStage::Drawing {
                at: self.number + DRAW_DELAY,
            },
            seed: H256::zero(),
            witnesses: Vec::new(),
        };
        self.witness_calls.insert((id, batch), call);
        Ok(())
    }

    /// What is due of the calls for witnesses.
    pub(super) fn follow_calls(&mut self) {
        let now = self.number;
        for (key, call) in self.witness_calls.clone() {
            match call.stage {
                CallStage::Drawing { at } if now >= at => self.draw_witnesses(key, call),
                CallStage::Sealing { until } if now > until => {
                    let sealed = call.witnesses.iter();
                    let sealed = sealed.filter(|w| w.testimony != Testimony::Awaited).count();
                    for witness in &call.witnesses {
                        if witness.testimony == Testimony::Awaited {
                            self.note_absent(&witness.worker);
                        }
                    }
                    if sealed > call.witnesses.len() / 2 {
                        self.open_testimonies(key);
                    } else {
                        self.end_call(key, &Finding::Undecided, &[]);
                    }
                }
                CallStage::Opening { until } if now > until => {
                    for witness in &call.witnesses {
                        if matches!(witness.testimony, Testimony::Sealed(_)) {
                            self.note_absent(&witness.worker);
                        }
                    }
                    self.find(key);
                }
                _ => {}
            }
        }
    }

    /// Those first whose key the seed hashes lowest: nobody knows before the draw who that is.
    fn draw_witnesses(&mut self, key: (JobId, BatchIndex), mut call: WitnessCall) {
        let (Some(job), Some(result)) = (self.jobs.get(&key.0), self.results.get(&key)) else {
            return;
        };
        let hash = |what: &[u8]| H256(sp_crypto_hashing::blake2_256(what));
        let seed = hash(&codec::Encode::encode(&(self.genesis, self.number, key)));
        let mut fleet: Vec<_> = self
            .workers
            .iter()
            .filter(|(_, worker)| {
                let finders = result.winners.iter().map(|winner| &winner.operator);
                worker.state == WorkerState::Active
                    && finders
                        .chain([&job.requester])
                        .all(|operator| *operator != worker.operator)
            })
            .map(|(key, worker)| (hash(&codec::Encode::encode(&(seed, key))), key, worker))
            .collect();
        fleet.sort_by_key(|(ticket, ..)| *ticket);
        for (_, key, worker) in fleet {
            let sits = |w: &Witness| w.operator == worker.operator;
            if call.witnesses.len() < WITNESSES && !call.witnesses.iter().any(sits) {
                call.witnesses.push(Witness {
                    worker: key.clone(),
                    operator: worker.operator.clone(),
                    testimony: Testimony::Awaited,
                });
            }
        }
        if call.witnesses.len() < LEAST_WITNESSES {
            return self.end_call(key, &Finding::Undecided, &[]);
        }
        call.seed = seed;
        call.stage = CallStage::Sealing {
            until: self.number + WITNESS_WINDOW,
        };
        self.witness_calls.insert(key, call);
    }

    fn note_absent(&mut self, who: &AccountId) {
        if let Some(worker) = self.workers.get_mut(who) {
            worker.missed += 1;
        }
        self.events.push(Event::WorkerMissed {
            worker: who.clone(),
        });
    }

    fn witness(
        &mut self,
        who: &AccountId,
        key: (JobId, BatchIndex),
    ) -> Result<(CallStage, &mut Witness), SubmitError> {
        let Some(call) = self.witness_calls.get_mut(&key) else {
            return fail("Verification", "NotCalled", "no witnesses are wanted");
        };
        let stage = call.stage;
        match call.witnesses.iter_mut().find(|w| w.worker == *who) {
            Some(witness) => Ok((stage, witness)),
            None => fail("Verification", "NotDrawn", "this worker was not drawn"),
        }
    }

    pub(super) fn attest(
        &mut self,
        who: &AccountId,
        job: JobId,
        batch: BatchIndex,
        seal: H256,
    ) -> Dispatched {
        let now = self.number;
        let (stage, witness) = self.witness(who, (job, batch))?;
        if witness.testimony != Testimony::Awaited {
            return fail("Verification", "AlreadyCommitted", "it has sealed already");
        }
        if !matches!(stage, CallStage::Sealing { until } if now <= until) {
            return fail("Verification", "CommitTooLate", "too late to seal");
        }
        witness.testimony = Testimony::Sealed(seal);
        let all = |w: &Witness| w.testimony != Testimony::Awaited;
        let call = self.witness_calls.get(&(job, batch));
        if call.is_some_and(|call| call.witnesses.iter().all(all)) {
            self.open_testimonies((job, batch));
        }
        Ok(())
    }

    fn open_testimonies(&mut self, key: (JobId, BatchIndex)) {
        let until = self.number + REVEAL_WINDOW;
        if let Some(call) = self.witness_calls.get_mut(&key) {
            call.stage = CallStage::Opening { until };
        }
    }

    pub(super) fn testify(
        &mut self,
        who: &AccountId,
        job: JobId,
        batch: BatchIndex,
        found: Option<H256>,
        salt: &[u8; 32],
    ) -> Dispatched {
        let (stage, witness) = self.witness(who, (job, batch))?;
        if !matches!(stage, CallStage::Opening { .. }) {
            return fail("Verification", "TestimonyNotOpen", "others still seal");
        }
        let public: &[u8; 32] = who.as_ref();
        let seal = Testimony::Sealed(witness::seal(job, batch, public, &found, salt));
        if witness.testimony != seal {
            return fail("Verification", "SealMismatch", "it sealed something else");
        }
        witness.testimony = Testimony::Opened(found);
        let waits = |w: &Witness| matches!(w.testimony, Testimony::Sealed(_));
        let call = self.witness_calls.get(&(job, batch));
        if !call.is_some_and(|call| call.witnesses.iter().any(waits)) {
            self.find((job, batch));
        }
        Ok(())
    }

    /// All that will be said is said.
    fn find(&mut self, key: (JobId, BatchIndex)) {
        let Some(call) = self.witness_calls.get(&key) else {
            return;
        };
        let who_says = |word: &Witness| -> Vec<Witness> {
            let agreeing = call.witnesses.iter();
            agreeing
                .filter(|w| w.testimony == word.testimony)
                .cloned()
                .collect()
        };
        let decided = call
            .witnesses
            .iter()
            .filter_map(|w| match w.testimony {
                Testimony::Opened(found) => Some((found, who_says(w))),
                _ => None,
            })
            .find(|(_, agreeing)| agreeing.len() > call.witnesses.len() / 2);
        let received = self.received.get(&key.0).copied().unwrap_or_default();
        let (finding, paid) = match decided {
            Some((None, agreeing)) if key.1 >= received => (Finding::Withheld, agreeing),
            Some((_, agreeing)) => (Finding::Fetched, agreeing),
            None => (Finding::Undecided, Vec::new()),
        };
        self.end_call(key, &finding, &paid);
    }

    fn end_call(&mut self, key: (JobId, BatchIndex), finding: &Finding, paid: &[Witness]) {
        self.witness_calls.remove(&key);
        let (Some(job), Some(result)) = (self.jobs.get(&key.0), self.results.get(&key)) else {
            return;
        };
        let (requester, result) = (job.requester.clone(), result.clone());
        let bid = self.raised_prices.get(&key).copied();
        let price = job.cost(key.1, result.summary.charge, bid.unwrap_or(job.spec.price));
        let fees = WITNESS_FEE * paid.len() as Balance;
        let fine = match finding {
            Finding::Fetched => CHALLENGE_BOND,
            Finding::Withheld | Finding::Undecided => 0,
        };
        self.release(&requester, BOND - fees - fine);
        if let Some(account) = self.accounts.get_mut(&requester) {
            account.held -= fees + fine;
        }
        for witness in paid {
            let operator = witness.operator.clone();
            self.accounts.entry(operator).or_default().free += WITNESS_FEE;
        }
        *self.rewards.entry(TREASURY).or_default() += fine;
        let outputs = match finding {
            Finding::Fetched => Outputs::Fetched,
            Finding::Withheld => Outputs::Withheld,
            Finding::Undecided => return,
        };
        if let Some(result) = self.results.get_mut(&key) {
            result.outputs = outputs;
            result.witnesses = paid
                .iter()
                .filter(|witness| matches!(witness.testimony, Testimony::Opened(Some(_))))
                .map(|witness| witness.worker.clone())
                .collect();
        }
        if outputs == Outputs::Withheld {
            let mut left = price * result.winners.len() as Balance + fees;
            for (at, winner) in result.winners.iter().enumerate() {
                let others = (result.winners.len() - at) as Balance;
                let Some(worker) = self.workers.get_mut(&winner.worker) else {
                    continue;
                };
                let damages = left.div_ceil(others).min(worker.bond);
                worker.bond -= damages;
                left -= damages;
                if let Some(account) = self.accounts.get_mut(&winner.operator) {
                    account.held -= damages;
                }
                self.accounts.entry(requester.clone()).or_default().free += damages;
                self.slash(&winner.worker);
            }
        }
    }
}
