//! What becomes of each batch: as its workers announce it, and as the chain shows it.
//!
//! Both are shown, and told apart. What is announced comes within a second and is the word of the worker that the chain gave
//! the batch to; what the chain does not show a few blocks later is taken back, and that worker listened to less.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sungrid_chain_client::{AccountId, Batch, Chain, ReplicaState};
use sungrid_data_plane::{DataPlane, EndpointId, PeerAddress};
use sungrid_gossip::{Crier, Event, Gate, Limits, News, Truth, Wire, now_ms};
use sungrid_manifest::ResultReady;
use sungrid_primitives::{BatchIndex, ContentHash, JobId};
use tokio::time::Instant;

use super::report::{BatchNews, Known, Step, Update};

/// Blocks that the chain may take to show what was announced. A transaction takes one or two; a node that lags a few more.
const PATIENCE: u64 = 6;

type Replica = (BatchIndex, AccountId);

/// What a worker has announced of its replica.
#[derive(Debug, Default)]
struct Announced {
    /// When it said the last of it, by its clock, milliseconds since 1970: what is older is a repetition.
    at: u64,
    finished: u32,
    /// The look at the chain before which it said that it has committed, until the chain shows it.
    committed: Option<u64>,
}

/// What is known of the replicas in flight.
pub(super) struct Replicas {
    gate: Gate,
    crier: Crier,
    wire: Arc<dyn Wire>,
    truth: Arc<dyn Truth>,
    speaks: bool,
    /// Looks at the chain so far.
    looks: u64,
    /// Where the workers are that have a replica in flight, as far as they have spoken.
    endpoints: BTreeMap<Replica, EndpointId>,
    announced: BTreeMap<Replica, Announced>,
    /// How far the chain showed each replica to be.
    shown: BTreeMap<Replica, Step>,
}

/// How far a replica is, by the chain.
fn step(state: &ReplicaState) -> Step {
    match state {
        ReplicaState::Assigned => Step::Claimed,
        ReplicaState::Committed(_) => Step::Committed,
        ReplicaState::Revealed { .. } => Step::Revealed,
        ReplicaState::Withheld => Step::Withheld,
        ReplicaState::Out => Step::Missed,
    }
}

impl Replicas {
    pub(super) fn new(chain: Arc<dyn Chain>, plane: &DataPlane) -> Self {
        Self {
            gate: Gate::new(Limits::default()),
            crier: Crier::default(),
            wire: Arc::new(plane.clone()),
            truth: Arc::new(chain),
            speaks: true,
            looks: 0,
            endpoints: BTreeMap::new(),
            announced: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    pub(super) fn set_speaking(&mut self, speaks: bool) {
        self.speaks = speaks;
    }

    /// Whether hints are listened to and given.
    pub(super) fn speaks(&self) -> bool {
        self.speaks
    }

    /// Lets a peer say something, or not.
    pub(super) fn admits(&mut self, from: EndpointId) -> bool {
        self.gate.admit(from, Instant::now()).is_ok()
    }

    /// Tells workers of the job, now and then: some may have given up on its inputs, or not have seen it.
    pub(super) async fn cry(&mut self, genesis: ContentHash, job: JobId) {
        if self.speaks {
            let truth = self.truth.clone();
            self.crier.cry(&*truth, &self.wire, genesis, job).await;
        }
    }

    /// Whether a peer is the worker that has a replica of the batch. `None`: not known now.
    pub(super) async fn is_its_worker(
        &mut self,
        chain: &dyn Chain,
        from: EndpointId,
        job: JobId,
        (batch, worker): Replica,
    ) -> Option<bool> {
        let now = Instant::now();
        let replica = (batch, worker);
        if self.endpoints.get(&replica) != Some(&from) {
            // A worker may have moved.
            if !self.gate.may_look(from, now) {
                return None;
            }
            let record = chain.worker(&replica.1).await.ok()?;
            let endpoint = record.and_then(|worker| PeerAddress::from_bytes(&worker.endpoint).ok());
            if endpoint.map(|peer| peer.id()) != Some(from) {
                self.gate.was_wrong(from, now);
                return Some(false);
            }
            // It speaks for itself; its claim may be in a block that this node has not seen.
            chain.batch(job, batch).await.ok()??.replica(&replica.1)?;
            self.endpoints.insert(replica, from);
        }
        self.gate.was_right(from, now);
        Some(true)
    }

    /// Takes a hint. What it comes to, if it is news of a replica of this job.
    pub(super) async fn hear(
        &mut self,
        chain: &dyn Chain,
        from: EndpointId,
        message: &[u8],
        (genesis, job): (&ContentHash, JobId),
        units: impl Fn(BatchIndex) -> Option<u32>,
    ) -> Option<Update> {
        if !self.speaks {
            return None;
        }
        let (signer, event) = match Event::open(message, genesis, now_ms()) {
            Ok(hint) => hint,
            Err(unfit) => {
                if unfit.is_misbehaviour() {
                    self.gate.was_wrong(from, Instant::now());
                }
                return None;
            }
        };
        let (batch, worker, finished) = match event.news {
            News::Open => return None,
            News::Units {
                batch,
                worker,
                finished,
            } => (batch, worker, Some(finished)),
            News::Committed { batch, worker } => (batch, worker, None),
        };
        // Of another job: one that was served here before, or will be.
        if event.job != job {
            return None;
        }
        let size = units(batch);
        // Nobody speaks for another, and nobody computes more than there is.
        if signer != from || size.is_none_or(|size| finished > Some(size)) {
            self.gate.was_wrong(from, Instant::now());
            return None;
        }
        let units = size?;
        let replica = (batch, AccountId::new(worker));
        if let Some(before) = self.announced.get(&replica) {
            let goes_on = match finished {
                Some(finished) => before.committed.is_none() && finished > before.finished,
                None => before.committed.is_none(),
            };
            if event.at <= before.at || !goes_on {
                return None;
            }
        }
        if self
            .shown
            .get(&replica)
            .is_some_and(|step| *step >= Step::Committed)
        {
            // The chain was faster.
            return None;
        }
        let is_its_worker = self.is_its_worker(chain, from, job, replica.clone()).await;
        if is_its_worker != Some(true) {
            return None;
        }
        let looks = self.looks;
        let announced = self.announced.entry(replica.clone()).or_default();
        announced.at = event.at;
        let step = match finished {
            Some(finished) => {
                announced.finished = finished;
                Step::Units { finished, units }
            }
            None => {
                announced.committed = Some(looks);
                Step::Committed
            }
        };
        Some(news(Known::Announced, replica, step))
    }

    /// A worker that has this replica says that its results are there.
    pub(super) fn available(&self, ready: &ResultReady, from: &PeerAddress) -> Update {
        let step = Step::Available {
            at: from.to_string(),
        };
        let replica = (ready.batch, AccountId::new(ready.worker));
        news(Known::Announced, replica, step)
    }

    /// What is new on chain, and what was announced that the chain does not show. `accepted` are the winners of those batches
    /// that were accepted since the last look.
    pub(super) fn look(
        &mut self,
        in_flight: &[(JobId, BatchIndex, Batch)],
        accepted: &BTreeMap<BatchIndex, Vec<AccountId>>,
    ) -> Vec<Update> {
        self.looks += 1;
        let mut updates = Vec::new();
        let mut here = BTreeSet::new();
        for (_, batch, record) in in_flight {
            if accepted.contains_key(batch) {
                // Since it was read.
                continue;
            }
            here.insert(*batch);
            for replica in &record.replicas {
                let name = (*batch, replica.worker.clone());
                self.show(name, step(&replica.state), &mut updates);
            }
        }
        for (batch, winners) in accepted {
            for winner in winners {
                self.show((*batch, winner.clone()), Step::Accepted, &mut updates);
            }
        }
        self.take_back(&mut updates);
        self.endpoints.retain(|(batch, _), _| here.contains(batch));
        self.announced.retain(|(batch, _), _| here.contains(batch));
        self.shown.retain(|(batch, _), _| here.contains(batch));
        updates
    }

    /// Shows how far the chain says that a replica is, with the steps before it that no look at the chain happened to see.
    fn show(&mut self, replica: Replica, step: Step, updates: &mut Vec<Update>) {
        let before = self.shown.insert(replica.clone(), step.clone());
        let was = |other: &Step| before.as_ref().is_some_and(|before| before >= other);
        for passed in [Step::Claimed, Step::Committed, Step::Revealed] {
            let is_implied = match step {
                // It may have committed or not.
                Step::Missed => passed == Step::Claimed,
                Step::Withheld => passed < Step::Revealed,
                _ => passed < step,
            };
            if is_implied && !was(&passed) {
                updates.push(news(Known::OnChain, replica.clone(), passed));
            }
        }
        if before.as_ref() != Some(&step) {
            updates.push(news(Known::OnChain, replica.clone(), step.clone()));
        }
        if step >= Step::Committed
            && step != Step::Missed
            && let Some(announced) = self.announced.get_mut(&replica)
        {
            announced.committed = None;
        }
    }

    /// Takes back what was announced too long ago.
    fn take_back(&mut self, updates: &mut Vec<Update>) {
        for (replica, announced) in &mut self.announced {
            let is_shown = |step: &Step| *step >= Step::Committed && *step != Step::Missed;
            let is_late = announced
                .committed
                .is_some_and(|since| self.looks.saturating_sub(since) > PATIENCE);
            if is_late && !self.shown.get(replica).is_some_and(is_shown) {
                announced.committed = None;
                if let Some(endpoint) = self.endpoints.get(replica) {
                    self.gate.was_wrong(*endpoint, Instant::now());
                }
                updates.push(news(Known::OnChain, replica.clone(), Step::Unconfirmed));
            }
        }
    }
}

fn news(known: Known, (batch, worker): Replica, step: Step) -> Update {
    Update::Batch(BatchNews {
        known,
        batch,
        worker,
        step,
    })
}
