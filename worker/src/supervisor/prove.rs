//! Keeps proven what this machine offers.
//!
//! A proof is needed where more is offered than counts without one, and none is fresh, or the one there is ends soon: by
//! age, or because it was drawn for a check.

use std::{sync::Arc, time::Duration};

use sp_core::H256;
use sungrid_chain_client::{
    AccountId, BlockNumber, Call, Included, Run, Shape, Standing, SubmitError, Until, WorkerState,
};
use sungrid_executor::{Cancel, RunError};
use sungrid_primitives::capacity;
use tokio::sync::Semaphore;
use tracing::{debug, error, info, warn};

use super::{Fatal, Supervisor};
use crate::{
    ports::Ports,
    prove::{Extent, Kernel, Proof, ProveError},
};

/// Blocks between two looks at how the capacity stands.
const LOOK_EVERY: BlockNumber = 3;
/// Blocks before the end of a proof at which the next is made: more than a worker that is drawn for a check is given, so
/// that it starts at once.
const RENEW_BEFORE: BlockNumber = 400;
/// Blocks after which a proof of less than three quarters of what is offered is made anew: the machine was busy.
const TRY_AGAIN: BlockNumber = 1_200;
/// How long a proof waits for the units that run, so that it has the machine to itself. Others do not start meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of a step.
pub(super) enum Report {
    /// A machine's work is done, and committed to if it was not.
    Ran(Result<Arc<Proof>, ProveError>),
    /// What was drawn is opened.
    Opened(Result<Included, ProveError>),
    /// A commitment that cannot be opened any more is settled.
    Settled(Result<Included, SubmitError>),
}

/// Where the proof of this machine stands.
#[derive(Default)]
pub(super) struct Proving {
    busy: bool,
    kernel: Option<Kernel>,
    proof: Option<Arc<Proof>>,
    /// The block from which on to look again.
    due: BlockNumber,
    /// The block from which on a proof of too little is made anew.
    again: BlockNumber,
    /// Runs in a row that led to nothing.
    failures: u32,
}

fn refused(step: &'static str) -> impl FnOnce(SubmitError) -> ProveError {
    move |source| ProveError::Refused { step, source }
}

impl Supervisor {
    /// Brings the proof its next step.
    pub(super) async fn prove(&mut self) -> Result<(), Fatal> {
        let now = self.head.number;
        if self.proving.busy || now < self.proving.due {
            return Ok(());
        }
        self.proving.due = now.saturating_add(LOOK_EVERY);
        let Some(standing) = self.ports.chain.standing(&self.account).await? else {
            return Ok(());
        };
        match standing.run {
            Some(Run::Committed { until, .. }) if now > until => {
                error!(
                    until,
                    "the commitment to this machine's capacity was not opened in time: its bond is slashed"
                );
                self.proving.busy = true;
                let (ports, worker) = (self.ports.clone(), self.account.clone());
                self.tasks.spawn(async move {
                    let call = Call::SettleProof(worker);
                    let result = ports.chain.submit(&ports.key, call, Until::InBlock).await;
                    super::Report::Proof(Report::Settled(result))
                });
            }
            Some(Run::Committed {
                seed,
                shape,
                root,
                draw: Some(draw),
                ..
            }) => self.open_or_compute(seed, shape, root, draw).await,
            Some(Run::Committed { .. }) => {}
            _ if self.needs_proof(&standing, now) => self.start_proof().await,
            _ => {}
        }
        Ok(())
    }

    fn needs_proof(&self, standing: &Standing, now: BlockNumber) -> bool {
        let Some(me) = &self.me else {
            return false;
        };
        let offers_more = me.capacity > standing.allowance
            && self.profile.contains.fuel_per_second > 0
            && me.state == WorkerState::Active;
        let lacks = match standing.proven {
            None => true,
            Some(proven) => {
                let little = u128::from(proven.capacity) * 4 < u128::from(me.capacity) * 3;
                now.saturating_add(RENEW_BEFORE) >= proven.until
                    || little && now >= self.proving.again
            }
        };
        standing.startable && offers_more && lacks
    }

    async fn kernel(&mut self) -> Option<Kernel> {
        if self.proving.kernel.is_none() {
            match Kernel::load(&*self.ports.runner).await {
                Ok(kernel) => self.proving.kernel = Some(kernel),
                Err(error) => error!(%error, "this machine's capacity cannot be proven"),
            }
        }
        self.proving.kernel.clone()
    }

    async fn start_proof(&mut self) {
        let Some(kernel) = self.kernel().await else {
            return;
        };
        info!("proving the capacity of this machine: its lanes are busy with that for a while");
        self.proving.busy = true;
        self.proving.proof = None;
        self.proving.again = self.head.number.saturating_add(TRY_AGAIN);
        let work = Work {
            ports: self.ports.clone(),
            kernel,
            account: self.account.clone(),
            slots: self.lanes.clone(),
            lanes: u32::try_from(self.settings.lanes.max(1)).unwrap_or(u32::MAX),
            time: self.settings.proof_time,
            stop: self.stop.clone(),
        };
        self.work
            .spawn(async move { super::Report::Proof(Report::Ran(work.prove().await)) });
    }

    /// Opens what was drawn. Without what it was computed from, as after a restart, that comes first.
    async fn open_or_compute(&mut self, seed: H256, shape: Shape, root: H256, draw: H256) {
        let Some(kernel) = self.kernel().await else {
            return;
        };
        let stop = self.stop.clone();
        let known = self.proving.proof.clone();
        match known.filter(|proof| proof.seed == seed && proof.root == root) {
            Some(proof) => {
                self.proving.busy = true;
                let ports = self.ports.clone();
                self.work.spawn(async move {
                    let opened = open(&ports, &kernel, &proof, &draw, &stop).await;
                    super::Report::Proof(Report::Opened(opened))
                });
            }
            None if self.proving.proof.is_some() => {
                error!(error = %ProveError::NotOurs, "the capacity of this machine is not proven");
            }
            None => {
                warn!("the commitment to this machine's capacity is computed again, to open it");
                self.proving.busy = true;
                self.work.spawn(async move {
                    let extent = Extent::Segments(shape.segments);
                    let proof = kernel.run(seed, shape.lanes, extent, &stop).await;
                    super::Report::Proof(Report::Ran(proof.map(Arc::new)))
                });
            }
        }
    }

    pub(super) fn on_proof(&mut self, report: Report) {
        self.proving.busy = false;
        self.proving.due = self.head.number;
        match report {
            Report::Ran(Ok(proof)) => {
                let Shape { lanes, segments } = proof.shape;
                info!(
                    lanes,
                    segments, "computed the proof of this machine's capacity"
                );
                self.proving.proof = Some(proof);
                self.proving.failures = 0;
            }
            Report::Opened(Ok(_)) => {
                info!("the capacity of this machine is proven");
                self.proving.proof = None;
            }
            Report::Settled(Ok(_)) => self.proving.proof = None,
            Report::Ran(Err(ProveError::Run(RunError::Cancelled)))
            | Report::Opened(Err(ProveError::Run(RunError::Cancelled))) => {
                debug!("stopping: the proof is broken off");
            }
            Report::Ran(Err(error)) => {
                // What goes wrong again and again, as where a lane is too slow, takes less and less of the machine.
                let pause = LOOK_EVERY << (2 * self.proving.failures.min(5));
                self.proving.failures += 1;
                self.proving.due = self.head.number.saturating_add(pause);
                warn!(%error, again = self.proving.due, "the capacity of this machine is not proven yet");
            }
            Report::Opened(Err(error)) => {
                warn!(%error, "what was drawn of this machine's capacity proof is not opened yet");
                self.proving.due = self.head.number.saturating_add(LOOK_EVERY);
            }
            Report::Settled(Err(error)) => {
                warn!(%error, "the commitment to this machine's capacity is not settled yet");
                self.proving.due = self.head.number.saturating_add(LOOK_EVERY);
            }
        }
    }
}

/// All that a proof takes.
struct Work {
    ports: Ports,
    kernel: Kernel,
    account: AccountId,
    slots: Arc<Semaphore>,
    lanes: u32,
    time: Duration,
    stop: Cancel,
}

impl Work {
    /// Starts the clock, computes, and commits to it.
    async fn prove(self) -> Result<Arc<Proof>, ProveError> {
        let slots = self.slots.clone().acquire_many_owned(self.lanes);
        // With a unit that takes too long it shares the machine; all others wait.
        let _slots = tokio::time::timeout(PATIENCE, slots).await;
        let chain = &self.ports.chain;
        let started = chain
            .submit(&self.ports.key, Call::StartProof, Until::InBlock)
            .await
            .map_err(refused("starting the run"))?;
        let block = started.block.ok_or_else(|| ProveError::Refused {
            step: "starting the run",
            source: SubmitError::Unknown {
                call: "capacity.start".into(),
                reason: "it is in no block".into(),
            },
        })?;
        let seed = capacity::seed(&block.hash, self.account.as_ref());
        let extent = Extent::For(self.time);
        let proof = self
            .kernel
            .run(seed, self.lanes, extent, &self.stop)
            .await?;
        let call = Call::CommitProof {
            seed,
            shape: proof.shape,
            root: proof.root,
        };
        chain
            .submit(&self.ports.key, call, Until::InBlock)
            .await
            .map_err(refused("committing to what was computed"))?;
        Ok(Arc::new(proof))
    }
}

async fn open(
    ports: &Ports,
    kernel: &Kernel,
    proof: &Proof,
    draw: &H256,
    stop: &Cancel,
) -> Result<Included, ProveError> {
    let openings = kernel.open(proof, draw, stop).await?;
    let call = Call::OpenProof(Box::new(openings));
    let submitted = ports.chain.submit(&ports.key, call, Until::InBlock).await;
    submitted.map_err(refused("opening what was drawn"))
}
