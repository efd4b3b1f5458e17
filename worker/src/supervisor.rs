//! The loop that keeps a worker at work.
//!
//! At every best block the supervisor compares its journal with the chain and starts whatever brings each
//! batch its next step; nothing depends on having seen an event. So a restart, a lost connection
//! or a reorganised block needs no path of its own: the next block sets it right.
//!
//! | the chain says | the journal says | then |
//! |---|---|---|
//! | assigned | nothing | adopt the batch and compute it |
//! | assigned | claimed | compute it, once; give it back, but for what is finished, if its input is not to be had, or the machine's owner needs it for long |
//! | assigned | sealed | commit, with the salt on the disk |
//! | committed, reveals open | sealed | reveal |
//! | accepted, by us among others | sealed | serve until retention ends |
//! | out, refused or gone | anything | let it go |

mod chores;
mod cuts;
mod finality;
mod hand;
mod hints;
mod measure;
mod prove;
mod reports;
mod seek;
mod steps;
#[cfg(test)]
mod tests;
mod witness;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt};
use sp_core::H256;
use sungrid_chain_client::{
    AccountId, Balance, BlockNumber, BlockRef, BlockStream, ChainError, ChainParams, Follow,
    Included, Job, MORTALITY, SubmitError, Worker,
};
use sungrid_executor::Cancel;
use sungrid_primitives::{JobId, suns::Profile};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tracing::{error, info, warn};

use crate::{
    control::Goal,
    gossip::{self, Gossip},
    idle::Idle,
    journal::{BatchId, Entry, Journal, JournalError, Stage},
    line::Line,
    metrics::Metrics,
    ports::{BlobError, Ports},
    rank::Experience,
    schedule::{Greedy, Scheduler, energy::Energy},
    work::{self, Bench, Bounds, Finished, Needs, Prepared, WorkError},
};

use hand::{Activity, GivenBack, InHand};
pub use measure::Measure;
pub(crate) use witness::FETCHING;

/// Blocks between two looks at all batches of the network for one that may be ours. Fewer, and much is read; more, and too little
/// is left of the two minutes that a commitment has beside the work.
const SCAN_EVERY: BlockNumber = 8;
/// How long a stopping worker waits for transactions on their way: two blocks and a little. Shorter, and the
/// next start has to ask the chain what became of them; longer, and service managers kill it.
const GRACE: Duration = Duration::from_secs(8);

/// What an operator decides about the work that is taken.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Units that run at the same time.
    pub lanes: usize,
    /// Batches in hand that are not sealed yet. More than lanes hides the blocks between claim and start;
    /// too many, and deadlines pass while batches wait for a lane.
    pub max_batches: usize,
    /// Bounds of one unit.
    pub bounds: Bounds,
    /// Least bid worth taking, planck per SUNS·hour.
    pub min_price: Balance,
    /// Fuel per second of one lane.
    pub lane_speed: u64,
    /// Claim rewards every so many blocks; 0: never.
    pub rewards_every: BlockNumber,
    /// How long a capacity proof computes.
    pub proof_time: Duration,
}

/// Why the daemon ends before it is told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fatal {
    /// The chain is not the one it was.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The journal is not readable.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The worker is not registered any more.
    #[error(
        "worker {0} is not registered any more: its operator has withdrawn it. Register it again to go on"
    )]
    Withdrawn(AccountId),
    /// Another process uses the same key.
    #[error(
        "another process runs with the same worker key {0}: an address or a commitment on chain is not ours. Two workers with one key break each other's commitments; give each its own (`sungrid-worker init`)"
    )]
    SameKey(AccountId),
}

/// What a finished task reports.
enum Report {
    Prepared(JobId, Result<Arc<Prepared>, WorkError>),
    Claimed(JobId, Result<Included, SubmitError>),
    Worked(BatchId, Result<Finished, WorkError>),
    /// Of a batch that is given back: what is finished is sealed, if it is enough.
    Parted(BatchId, GivenBack, Result<Option<Finished>, WorkError>),
    Committed(BatchId, Result<Included, SubmitError>),
    Declined(BatchId, GivenBack, Result<Included, SubmitError>),
    Told(BatchId, Result<(), BlobError>),
    Revealed(BatchId, Result<Included, SubmitError>),
    Rewarded(Result<Included, SubmitError>),
    Moved(Result<Included, SubmitError>),
    Present(Result<Included, SubmitError>),
    Proof(prove::Report),
    Measure(measure::Report),
    Looked(BatchId, H256, Result<H256, work::Nothing>),
    Testified(BatchId, Result<Included, SubmitError>),
}

/// An open job and what is known of it here.
#[derive(Default)]
struct OpenJob {
    record: Option<Job>,
    prepared: Option<Arc<Prepared>>,
    preparing: bool,
    claiming: usize,
    experience: Experience,
    /// What it needed when the store was looked at, if that could be told then.
    needs: Option<Needs>,
    /// Whether the store was looked at.
    looked: bool,
    failures: u32,
    /// Not looked at before this block.
    not_before: BlockNumber,
    /// Nor before this one, whatever hints say.
    hinted_from: BlockNumber,
    /// When its record was read last.
    read_at: BlockNumber,
}

impl OpenJob {
    /// Not looked at before a block; hints shorten that to another one.
    fn rest(&mut self, until: BlockNumber, hinted: BlockNumber) {
        (self.not_before, self.hinted_from) = (until, hinted);
    }
}

/// Waits until the value turns true; a sender that is gone counts as that.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The guard must not live across the await of a caller.
    drop(stop.wait_for(|stop| *stop).await);
}

/// The daemon's state.
pub struct Supervisor {
    ports: Ports,
    settings: Settings,
    journal: Journal,
    metrics: Arc<Metrics>,
    scheduler: Box<dyn Scheduler>,
    energy: Energy,
    /// What a kWh costs, planck, and what a busy lane draws, W.
    power: (Balance, u32),
    params: ChainParams,
    profile: Profile,
    account: AccountId,
    lanes: Arc<Semaphore>,
    stop: Cancel,
    idle: Idle,
    line: Line,
    /// What is being sent to the chain.
    tasks: JoinSet<Report>,
    /// Everything else that runs: may be broken off at any time.
    work: JoinSet<Report>,
    hand: BTreeMap<BatchId, InHand>,
    /// Batches whose outputs this worker was drawn to fetch.
    duties: BTreeMap<BatchId, witness::Duty>,
    /// Whether the chain was asked for them yet.
    knows_duties: bool,
    jobs: HashMap<JobId, OpenJob>,
    next_job: Option<JobId>,
    head: BlockRef,
    me: Option<Worker>,
    /// The address that this process put on chain.
    endpoint: Vec<u8>,
    /// The block from which on a changed address may be put on chain.
    move_due: BlockNumber,
    /// The block from which on the chain may be shown again that this worker is there.
    presence_due: BlockNumber,
    /// The journal may lack a batch that the chain gave us.
    rescan: bool,
    /// The block, if there is one, until which the chain may take back that a batch was given back, or give one that was claimed over a lost
    /// connection or by the process before this one.
    unsure_until: Option<BlockNumber>,
    /// The block of the next look, while unsure.
    scan_due: BlockNumber,
    /// The block in which the store was looked through last.
    looked_at: Option<BlockNumber>,
    /// Why no new work is taken, if for lack of room.
    full: Option<String>,
    rewards_due: BlockNumber,
    proving: prove::Proving,
    measuring: Option<measure::Measuring>,
    unreachable: bool,
    gossip: Option<Gossip>,
    /// The block at which a hint had it look for work.
    hinted_at: Option<BlockNumber>,
    /// How far to drain and end, when told to.
    goal: watch::Receiver<Option<Goal>>,
}

impl Supervisor {
    /// A supervisor of a registered worker, with the batches of its journal in hand.
    pub async fn new(
        ports: Ports,
        settings: Settings,
        journal: Journal,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Fatal> {
        let account = ports.key.account();
        let worker = ports
            .chain
            .worker(&account)
            .await?
            .ok_or_else(|| Fatal::Withdrawn(account.clone()))?;
        let profile = ports.chain.profile(worker.profile).await?;
        let profile = profile.ok_or_else(|| {
            Fatal::Chain(ChainError::Node(
                "the profile of this worker is gone".into(),
            ))
        })?;
        let head = ports.chain.head().await?;
        let hand = journal.load()?.into_iter().map(|entry| {
            let is_over = !entry.stage.is_open();
            let mut batch = InHand::new(entry);
            batch.ended_at = (is_over && !batch.entry.former.is_empty()).then_some(head.number);
            (batch.entry.id(), batch)
        });
        let hand: BTreeMap<_, _> = hand.collect();
        // Outputs whose batch nobody remembers: the process died between keeping them and sealing.
        let orphans = ports.blobs.kept().await.unwrap_or_default();
        for name in orphans {
            if work::parse_name(&name).is_some_and(|id| !hand.contains_key(&id))
                && let Err(error) = ports.blobs.let_go(&name).await
            {
                warn!(%error, name, "cannot let content go");
            }
        }
        Ok(Self {
            params: ports.chain.params().await?,
            profile,
            account,
            lanes: Arc::new(Semaphore::new(settings.lanes.max(1))),
            stop: Cancel::default(),
            idle: Idle::always(),
            line: Line::default(),
            tasks: JoinSet::new(),
            work: JoinSet::new(),
            hand,
            duties: BTreeMap::new(),
            knows_duties: false,
            jobs: HashMap::new(),
            next_job: None,
            head,
            endpoint: worker.endpoint.clone(),
            move_due: 0,
            presence_due: 0,
            me: Some(worker),
            rescan: true,
            // What the process before this one had sent may still be in a pool.
            unsure_until: Some(head.number.saturating_add(MORTALITY)),
            scan_due: 0,
            looked_at: None,
            full: None,
            rewards_due: head.number.saturating_add(settings.rewards_every),
            proving: prove::Proving::default(),
            measuring: None,
            unreachable: false,
            gossip: None,
            hinted_at: None,
            goal: watch::channel(None).1,
            ports,
            settings,
            journal,
            metrics,
            scheduler: Box::new(Greedy),
            energy: Energy::default(),
            power: (0, 0),
        })
    }

    /// Works only while the machine's owner leaves it to the work.
    pub fn with_idle(mut self, idle: Idle) -> Self {
        self.idle = idle;
        self
    }

    /// Takes nothing new while the day's traffic is used up, and says when witnesses ask for what it owes.
    pub fn with_line(mut self, line: Line) -> Self {
        self.line = line;
        self
    }

    /// Drains and ends when told to by this.
    pub fn draining(mut self, goal: watch::Receiver<Option<Goal>>) -> Self {
        self.goal = goal;
        self
    }

    fn is_draining(&self) -> bool {
        self.goal.borrow().is_some()
    }

    /// Whether it was told to drain and has nothing in hand any more that it owes.
    fn is_drained(&self) -> bool {
        let Some(goal) = *self.goal.borrow() else {
            return false;
        };
        self.jobs.values().all(|job| job.claiming == 0)
            && !self.hand.values().any(|batch| batch.is_owed(goal))
            && !self.proving.is_owed()
            && self.knows_duties
            && !self.duties.values().any(|duty| duty.is_sealed)
    }

    /// Chooses work otherwise than [`Greedy`] does, with power that costs so much per kWh, planck, and so much of it, W, per
    /// busy lane.
    pub fn choosing(
        mut self,
        scheduler: Box<dyn Scheduler>,
        energy: Energy,
        kwh_price: Balance,
        lane_watts: u32,
    ) -> Self {
        (self.scheduler, self.energy) = (scheduler, energy);
        self.power = (kwh_price, lane_watts);
        self
    }

    /// Works until `stop` turns true, or until it is drained when told to. Finished units are on the disk then, and steps on their way to the
    /// chain have been sent.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), Fatal> {
        let mut blocks = self.subscribe().await?;
        self.on_block(self.head).await?;
        self.note_work();
        info!(
            worker = %self.account,
            lanes = self.settings.lanes,
            in_hand = self.unsettled(),
            "ready for work"
        );
        while !self.is_drained() {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                // Without a sender nobody tells, and the other branches go on.
                Ok(()) = self.goal.changed() => self.on_goal(),
                Some(report) = self.tasks.join_next() => self.on_joined(report).await,
                Some(report) = self.work.join_next() => self.on_joined(report).await,
                () = self.idle.changed() => self.on_idle().await?,
                job = gossip::found(&mut self.gossip) => self.on_found(job).await?,
                block = blocks.next() => match block {
                    Some(block) => {
                        // Only the newest of several blocks matters.
                        let mut newest = block;
                        while let Some(Some(next)) = blocks.next().now_or_never() {
                            newest = next;
                        }
                        match newest {
                            Ok(block) => self.on_block(block).await?,
                            Err(error) => self.on_chain_error(error)?,
                        }
                    }
                    None => blocks = self.subscribe().await?,
                },
            }
            self.note_work();
        }
        self.wind_down().await;
        Ok(())
    }

    async fn subscribe(&self) -> Result<BlockStream, Fatal> {
        Ok(self.ports.chain.blocks(Follow::Best).await?)
    }

    fn on_chain_error(&mut self, error: ChainError) -> Result<(), Fatal> {
        if !error.is_retryable() {
            return Err(error.into());
        }
        if !std::mem::replace(&mut self.unreachable, true) {
            warn!(%error, "the chain cannot be read; work in hand goes on");
        }
        Ok(())
    }

    async fn on_block(&mut self, block: BlockRef) -> Result<(), Fatal> {
        self.head = block;
        self.metrics.block(block.number);
        self.metrics.node(self.ports.chain.node());
        let result = self.compare().await;
        self.metrics.publish();
        match result {
            Ok(()) => {
                if std::mem::replace(&mut self.unreachable, false) {
                    info!(block = block.number, "the chain is back");
                }
                Ok(())
            }
            Err(Fatal::Chain(error)) => self.on_chain_error(error),
            Err(fatal) => Err(fatal),
        }
    }

    /// It was told to drain, or not to.
    fn on_goal(&mut self) {
        self.metrics.draining(self.is_draining());
        if self.is_draining() {
            self.proving.break_off();
        }
    }

    /// The machine changed hands.
    async fn on_idle(&mut self) -> Result<(), Fatal> {
        let phase = self.idle.phase();
        for batch in self.hand.values_mut() {
            // Here, since a node that is away keeps it from its next step.
            batch.note_phase(phase);
        }
        if !phase.state.may_work() {
            self.proving.break_off();
            self.leave_the_line();
        }
        if phase.must_kill {
            for batch in self.hand.values_mut() {
                if let Some(Activity::Working(task, _)) = &batch.activity {
                    // Its memory is its owner's; the batch itself waits for the chain.
                    task.abort();
                    batch.activity = None;
                }
            }
        }
        match self.go_on().await {
            Err(Fatal::Chain(error)) => self.on_chain_error(error),
            result => result,
        }
    }

    /// Takes the next step of everything in hand, and looks for more.
    async fn go_on(&mut self) -> Result<(), Fatal> {
        let ids: Vec<BatchId> = self.hand.keys().copied().collect();
        for id in ids {
            self.step(id).await?;
        }
        self.check_room().await;
        // Before there is new work, which would be waited for.
        self.remeasure();
        self.seek().await
    }

    /// Tells the policy whether there is work in hand.
    fn note_work(&self) {
        self.idle
            .set_work(self.hand.values().any(InHand::is_working));
    }

    async fn compare(&mut self) -> Result<(), Fatal> {
        let me = self.ports.chain.worker(&self.account).await?;
        let Some(me) = me else {
            return Err(Fatal::Withdrawn(self.account.clone()));
        };
        self.check_address(&me)?;
        self.metrics.worker(&me);
        self.me = Some(me);
        let now = self.head.number;
        if self.rescan || (self.unsure_until.is_some() && now >= self.scan_due) {
            self.adopt().await?;
            self.rescan = false;
            // All batches of the network are read, so that what may still get into a block is looked for now and then, and once when
            // it no longer can.
            self.unsure_until.take_if(|until| now >= *until);
            self.scan_due = now.saturating_add(SCAN_EVERY);
        }
        self.go_on().await?;
        self.finish().await?;
        self.chores().await?;
        let count = |is: fn(&InHand) -> bool| self.hand.values().filter(|batch| is(batch)).count();
        self.metrics.in_hand(
            count(InHand::is_working),
            count(|batch| matches!(batch.entry.stage, Stage::Sealed(_))),
            count(|batch| batch.entry.stage == Stage::Settled),
        );
        Ok(())
    }

    async fn on_joined(&mut self, report: Result<Report, tokio::task::JoinError>) {
        match report {
            Ok(report) => {
                if let Err(error) = self.on_report(report).await
                    && let Fatal::Chain(error) = error
                {
                    // The next block tries again.
                    if let Err(fatal) = self.on_chain_error(error) {
                        error!(%fatal, "a step failed");
                    }
                }
            }
            Err(error) if self.on_proof_died(error.id()) => {
                error!(%error, "a step of the capacity proof failed; it is tried again");
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                self.on_witness_died(error.id());
                error!(%error, "a task of the worker failed; what it did is tried again");
            }
        }
    }

    /// Ends what runs. What is being sent to the chain is waited for, so that the journal knows of it; not
    /// for long, since the chain remembers what the journal does not.
    async fn wind_down(&mut self) {
        self.scheduler.keep(true);
        self.stop.cancel();
        self.proving.break_off();
        self.work.shutdown().await;
        info!(
            in_hand = self.unsettled(),
            "stopping; what is in hand is taken up again at the next start"
        );
        let sent = async {
            while let Some(report) = self.tasks.join_next().await {
                let Ok(Report::Claimed(job, Ok(included))) = report else {
                    continue;
                };
                if let (Some(batch), Some(block)) = (included.batch(), included.block)
                    && let Err(error) = self
                        .journal
                        .write(&Entry::claimed((job, batch), block.hash))
                {
                    warn!(%error, job, batch, "a claim could not be written down");
                }
            }
        };
        if tokio::time::timeout(GRACE, sent).await.is_err() {
            info!("the chain does not answer; not waiting for it");
        }
    }

    fn bench(&self) -> Bench {
        Bench {
            ports: self.ports.clone(),
            outbox: self.gossip.as_ref().map(|gossip| gossip.outbox.clone()),
            journal: self.journal.clone(),
            lanes: self.lanes.clone(),
            at_once: self.settings.lanes.max(1),
            bounds: self.settings.bounds,
            lane_speed: self.settings.lane_speed,
            profile: self.profile,
            stop: self.stop.clone(),
            progress: Arc::default(),
            opened: Arc::default(),
        }
    }

    fn note_full(&mut self, reason: String) {
        if self.full.is_none() {
            error!(reason, "no room left: no new work is taken until there is");
        }
        self.metrics.full(true);
        self.full = Some(reason);
    }

    /// Batches that the chain has not decided yet.
    fn unsettled(&self) -> usize {
        let open = |batch: &&InHand| batch.entry.stage.is_open();
        self.hand.values().filter(open).count()
    }

    /// Whether some batch of a job is still being worked on.
    fn works_on(&self, job: JobId) -> bool {
        let mut batches = self.hand.range((job, 0)..=(job, u32::MAX));
        batches.any(|(_, batch)| batch.entry.stage.is_open())
    }

    /// The block hash that receipts of a claim seen now name.
    fn anchor(&self) -> H256 {
        self.head.hash
    }
}
