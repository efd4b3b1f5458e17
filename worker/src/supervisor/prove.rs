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
use tokio::{
    sync::{Semaphore, watch},
    task::Id,
};
use tracing::{debug, error, info, warn};

use super::{Fatal, Supervisor, stopped};
use crate::{
    ports::Ports,
    prove::{Extent, Kernel, Proof, ProveError},
    schedule::energy::Allowance,
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
    /// The kernel is compiled.
    Loaded(Result<Kernel, ProveError>),
    /// A machine's work is done, and committed to if it was not.
    Ran(Result<Arc<Proof>, ProveError>),
    /// What was drawn is opened.
    Opened(Result<Included, ProveError>),
    /// A commitment that cannot be opened any more is settled.
    Settled(Result<Included, SubmitError>),
}

/// A run that is not committed to yet: breaking it off loses nothing but its time.
struct Uncommitted {
    cancel: Cancel,
    told: watch::Sender<bool>,
}

/// Where the proof of this machine stands.
#[derive(Default)]
pub(super) struct Proving {
    /// What is under way.
    busy: Option<Id>,
    run: Option<Uncommitted>,
    /// Whether the chain is known to hold nothing that this worker has to open.
    is_clear: bool,
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

impl Proving {
    /// Whether a worker that drains has to wait for it.
    pub(super) fn is_owed(&self) -> bool {
        self.busy.is_some() || !self.is_clear
    }

    /// Ends a run that is not committed to yet, and has its memory freed.
    pub(super) fn break_off(&mut self) {
        if let Some(run) = self.run.take() {
            run.cancel.cancel();
            run.told.send_replace(true);
        }
    }

    /// Notes that nothing is under way any more, and that it failed: what goes wrong again and again, as where a lane is too
    /// slow, takes less and less of the machine.
    fn failed(&mut self, now: BlockNumber) {
        let pause = LOOK_EVERY << (2 * self.failures.min(5));
        self.failures += 1;
        self.due = now.saturating_add(pause);
    }
}

impl Supervisor {
    /// Brings the proof its next step. Nothing here waits for the runner: it may be held.
    ///
    /// A run starts only on a machine that is free for work. What is committed to is opened whoever sits there, since
    /// silence costs bond.
    pub(super) async fn prove(&mut self) -> Result<(), Fatal> {
        let now = self.head.number;
        if self.proving.busy.is_some() || now < self.proving.due {
            return Ok(());
        }
        self.proving.due = now.saturating_add(LOOK_EVERY);
        let Some(standing) = self.ports.chain.standing(&self.account).await? else {
            self.proving.is_clear = true;
            return Ok(());
        };
        self.proving.is_clear = !matches!(standing.run, Some(Run::Committed { .. }));
        match standing.run {
            Some(Run::Committed { until, .. }) if now > until => {
                error!(
                    until,
                    "the commitment to this machine's capacity was not opened in time: its bond is slashed"
                );
                // Anybody may settle it: a worker that drains need not wait for it.
                self.proving.is_clear = true;
                let (ports, worker) = (self.ports.clone(), self.account.clone());
                let task = self.tasks.spawn(async move {
                    let call = Call::SettleProof(worker);
                    let result = ports.chain.submit(&ports.key, call, Until::InBlock).await;
                    super::Report::Proof(Report::Settled(result))
                });
                self.proving.busy = Some(task.id());
            }
            Some(Run::Committed {
                seed,
                shape,
                root,
                draw: Some(draw),
                ..
            }) => self.open_or_compute(seed, shape, root, draw),
            Some(Run::Committed { .. }) => {}
            _ if self.may_prove() && self.needs_proof(&standing, now) => self.start_proof(),
            _ => {}
        }
        Ok(())
    }

    /// Whether a run may start: it takes the whole machine, as new work does, and serves nothing but new work.
    fn may_prove(&self) -> bool {
        let busy = self.hand.values().filter(|batch| batch.is_working());
        let busy = busy.count().min(self.settings.lanes);
        self.idle.phase().state.may_work()
            && !self.is_draining()
            && !matches!(self.energy.allow(busy), Allowance::None(_))
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

    /// The kernel, if it is there; has it loaded, if not.
    fn kernel(&mut self) -> Option<Kernel> {
        if self.proving.kernel.is_none() {
            let runner = self.ports.runner.clone();
            let task = self.work.spawn(async move {
                super::Report::Proof(Report::Loaded(Kernel::load(&*runner).await))
            });
            self.proving.busy = Some(task.id());
        }
        self.proving.kernel.clone()
    }

    fn start_proof(&mut self) {
        let Some(kernel) = self.kernel() else {
            return;
        };
        info!("proving the capacity of this machine: its lanes are busy with that for a while");
        self.proving.proof = None;
        self.proving.is_clear = false;
        self.proving.again = self.head.number.saturating_add(TRY_AGAIN);
        let (told, told_to_stop) = watch::channel(false);
        let cancel = Cancel::default();
        self.proving.run = Some(Uncommitted {
            cancel: cancel.clone(),
            told,
        });
        let work = Work {
            ports: self.ports.clone(),
            kernel,
            account: self.account.clone(),
            slots: self.lanes.clone(),
            lanes: u32::try_from(self.settings.lanes.max(1)).unwrap_or(u32::MAX),
            time: self.settings.proof_time,
            cancel,
            told: told_to_stop,
        };
        let task = self
            .work
            .spawn(async move { super::Report::Proof(Report::Ran(work.prove().await)) });
        self.proving.busy = Some(task.id());
    }

    /// Opens what was drawn. Without what it was computed from, as after a restart, that comes first.
    fn open_or_compute(&mut self, seed: H256, shape: Shape, root: H256, draw: H256) {
        let Some(kernel) = self.kernel() else {
            return;
        };
        let stop = self.stop.clone();
        let known = self.proving.proof.clone();
        match known.filter(|proof| proof.seed == seed && proof.root == root) {
            Some(proof) => {
                let ports = self.ports.clone();
                let task = self.work.spawn(async move {
                    let opened = open(&ports, &kernel, &proof, &draw, &stop).await;
                    super::Report::Proof(Report::Opened(opened))
                });
                self.proving.busy = Some(task.id());
            }
            None if self.proving.proof.is_some() => {
                // Waiting does not help a worker that drains.
                self.proving.is_clear = true;
                error!(error = %ProveError::NotOurs, "the capacity of this machine is not proven");
            }
            None => {
                warn!("the commitment to this machine's capacity is computed again, to open it");
                let task = self.work.spawn(async move {
                    let extent = Extent::Segments(shape.segments);
                    let proof = kernel.run(seed, shape.lanes, extent, &stop).await;
                    super::Report::Proof(Report::Ran(proof.map(Arc::new)))
                });
                self.proving.busy = Some(task.id());
            }
        }
    }

    /// A task ended without a report; whether it was one of a proof's. What became of it on chain is seen there.
    pub(super) fn on_proof_died(&mut self, task: Id) -> bool {
        let is_ours = self.proving.busy == Some(task);
        if is_ours {
            self.proving.busy = None;
            self.proving.run = None;
            self.proving.failed(self.head.number);
        }
        is_ours
    }

    pub(super) fn on_proof(&mut self, report: Report) {
        self.proving.busy = None;
        self.proving.run = None;
        self.proving.due = self.head.number;
        match report {
            Report::Loaded(Ok(kernel)) => self.proving.kernel = Some(kernel),
            Report::Loaded(Err(error)) => {
                self.proving.failed(self.head.number);
                error!(%error, again = self.proving.due, "this machine's capacity cannot be proven");
            }
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
                self.proving.is_clear = true;
            }
            Report::Settled(Ok(_)) => {
                self.proving.proof = None;
                self.proving.is_clear = true;
            }
            Report::Ran(Err(ProveError::Run(RunError::Cancelled)))
            | Report::Opened(Err(ProveError::Run(RunError::Cancelled))) => {
                debug!("the proof is broken off; nothing is lost by that");
            }
            Report::Ran(Err(error)) => {
                self.proving.failed(self.head.number);
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
    cancel: Cancel,
    told: watch::Receiver<bool>,
}

impl Work {
    /// Starts the clock, computes, and commits to it.
    async fn prove(mut self) -> Result<Arc<Proof>, ProveError> {
        let slots = self.slots.clone().acquire_many_owned(self.lanes);
        // With a unit that takes too long it shares the machine; all others wait.
        let slots = tokio::time::timeout(PATIENCE, slots);
        let _slots = self.unless_told(slots).await?;
        let chain = self.ports.chain.clone();
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
        let (kernel, lanes, cancel) = (self.kernel.clone(), self.lanes, self.cancel.clone());
        let proof = async {
            let proof = kernel.run(seed, lanes, extent, &cancel).await?;
            kernel.check(&proof, &cancel).await?;
            Ok::<_, ProveError>(proof)
        };
        let proof = self.unless_told(proof).await??;
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

    /// Waits for something, unless it is broken off. What runs may be held then: it is not waited for.
    async fn unless_told<T>(&mut self, work: impl Future<Output = T>) -> Result<T, ProveError> {
        tokio::select! {
            biased;
            () = stopped(&mut self.told) => Err(RunError::Cancelled.into()),
            done = work => Ok(done),
        }
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
