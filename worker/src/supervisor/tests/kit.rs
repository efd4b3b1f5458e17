//! A world in memory: chain, network of stores, and runners that can be stopped at any point.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sp_core::H256;
use sungrid_chain_client::{
    AccountId, Architecture, Attributes, Call, Chain, Classes, Constraints, EnergySource, JobSpec,
    Keypair, Policy, Region, TaskClass, Until,
    memory::{MemoryChain, MemoryState},
};
use sungrid_executor::{
    Cancel, Engine, Exit, Limits, Module, Outcome, PROOF_KERNEL, RunError, Task,
};
use sungrid_manifest::{File, Image, ImageKind, JobInput, Manifest, ProfileName, UnitSpec, hash};
use sungrid_primitives::{ContentHash, ISC, JobId, suns::CPU_1, traits::CPU_1_ID};
use sungrid_sandbox::Shape;
use sungrid_seal::JobKey;
use tempfile::TempDir;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{idle::Alive, isolation::Fates};
use crate::{
    control::Goal,
    journal::Journal,
    metrics::Metrics,
    ports::{BlobError, Blobs, LoadError, Ports, Program, Runner, Source, Stored},
    register::{self, Offer},
    schedule::{
        self,
        energy::{Energy, Reading, Rules},
        settings::Schedule,
    },
    supervisor::{Fatal, Settings, Supervisor},
    work::Bounds,
};

pub(super) const ENVIRONMENT: H256 = H256::repeat_byte(0xe1);
/// What every unit leaves.
pub(super) const TWIN: &[u8] = b"the same for all";
const CODE: &[u8] = b"\0asm code of the test image";

#[derive(Default)]
pub(super) struct Peer {
    pub(super) content: HashMap<ContentHash, Bytes>,
    /// What was put and is not on the disk yet: lost with the process.
    pub(super) in_memory: HashSet<ContentHash>,
    pub(super) kept: BTreeMap<String, Vec<ContentHash>>,
    pub(super) notices: Vec<Vec<u8>>,
    pub(super) away: bool,
    pub(super) full: bool,
    /// Each job has its share of the store, and no more is taken of it.
    pub(super) over_quota: bool,
    pub(super) lies_about: HashSet<ContentHash>,
    /// Content that does not come to its end.
    pub(super) trickles: HashSet<ContentHash>,
    /// Keys that it tells whoever asks, by job; what the rules are is tested where they are.
    pub(super) keys: HashMap<JobId, JobKey>,
    /// Who was told one.
    pub(super) told: Vec<(JobId, u32)>,
    /// Whether the next one who fetches something from it panics.
    pub(super) panics: bool,
}

/// All stores of the world, by endpoint; they outlive the processes that use them, as disks do.
#[derive(Clone, Default)]
pub(super) struct Net(Arc<Mutex<HashMap<Vec<u8>, Peer>>>, Arc<Notify>);

impl Net {
    fn peers(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Peer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn peer<R>(&self, endpoint: &[u8], edit: impl FnOnce(&mut Peer) -> R) -> R {
        edit(self.peers().entry(endpoint.into()).or_default())
    }

    /// What came never to its end comes.
    pub(super) fn serve_all(&self, endpoint: &[u8]) {
        self.peer(endpoint, |peer| peer.trickles.clear());
        self.1.notify_waiters();
    }

    pub(super) fn put(&self, endpoint: &[u8], bytes: impl Into<Bytes>) -> ContentHash {
        let bytes = bytes.into();
        let name = hash(&bytes);
        self.peer(endpoint, |peer| peer.content.insert(name, bytes));
        name
    }
}

/// Stops whoever comes by until it is opened.
#[derive(Default)]
pub(super) struct Gate {
    closed: AtomicBool,
    /// How many may pass a closed gate.
    passes: AtomicU64,
    waiting: AtomicU64,
    arrived: Notify,
    opened: Notify,
}

impl Gate {
    pub(super) fn close(&self, passes: u64) {
        self.passes.store(passes, Ordering::SeqCst);
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
        self.opened.notify_waiters();
    }

    async fn pass(&self) {
        if !self.closed.load(Ordering::SeqCst) {
            return;
        }
        let take = |left: u64| left.checked_sub(1);
        if self
            .passes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .is_ok()
        {
            return;
        }
        let opened = self.opened.notified();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.arrived.notify_one();
        opened.await;
    }

    /// Waits until somebody stands before the gate.
    pub(super) async fn somebody_waits(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            self.arrived.notified().await;
        }
    }
}

struct MemoryBlobs {
    endpoint: Vec<u8>,
    /// Where it moved to, if it did.
    moved: Arc<Mutex<Option<Vec<u8>>>>,
    net: Net,
    gate: Arc<Gate>,
}

impl MemoryBlobs {
    async fn bring_from(
        &self,
        name: ContentHash,
        from: &[u8],
        max: u64,
    ) -> Result<Stored, BlobError> {
        let panics = self.net.peer(from, |peer| std::mem::take(&mut peer.panics));
        assert!(!panics, "as told");
        let trickles = |peer: &Peer| peer.trickles.contains(&name);
        while self.net.peers().get(from).is_some_and(trickles) && self.hold(name).await?.is_none() {
            let served = self.net.1.notified();
            // Between the look and the wait nothing else runs: tests have one thread.
            served.await;
        }
        let mut peers = self.net.peers();
        let here = peers
            .get(&self.endpoint)
            .and_then(|own| own.content.get(&name))
            .cloned();
        let bytes = match here {
            Some(bytes) => bytes,
            None => {
                let peer = peers
                    .get(from)
                    .ok_or_else(|| BlobError::Misbehaved("no such address".into()))?;
                if peer.away {
                    return Err(BlobError::Unreachable("nobody answers".into()));
                }
                let missing = || BlobError::Unreachable(format!("{name:?} is not there"));
                let bytes = peer.content.get(&name).cloned().ok_or_else(missing)?;
                if peer.lies_about.contains(&name) || hash(&bytes) != name {
                    return Err(BlobError::Misbehaved("wrong bytes".into()));
                }
                bytes
            }
        };
        if bytes.len() as u64 > max {
            return Err(BlobError::Misbehaved(format!(
                "{} bytes, more than {max}",
                bytes.len()
            )));
        }
        let own = peers.entry(self.endpoint.clone()).or_default();
        if own.full && !own.content.contains_key(&name) {
            return Err(BlobError::Full("the disk is full: free some space".into()));
        }
        if own.over_quota && !own.content.contains_key(&name) {
            return Err(BlobError::Quota(
                "the job has its share of the store".into(),
            ));
        }
        own.content.insert(name, bytes);
        Ok(Stored::new(name, None))
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    fn endpoint(&self) -> Vec<u8> {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.clone().unwrap_or_else(|| self.endpoint.clone())
    }

    async fn bring(&self, name: ContentHash, from: &Source, max: u64) -> Result<Stored, BlobError> {
        self.gate.pass().await;
        let mut first = None;
        for peer in &from.peers {
            match self.bring_from(name, peer, max).await {
                Ok(stored) => return Ok(stored),
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.expect("there is somebody to ask"))
    }

    async fn read(&self, content: &Stored, _: u64) -> Result<Bytes, BlobError> {
        Ok(self
            .net
            .peer(&self.endpoint, |own| own.content[&content.hash()].clone()))
    }

    async fn put(&self, bytes: Bytes) -> Result<Stored, BlobError> {
        if self.net.peer(&self.endpoint, |own| own.full) {
            return Err(BlobError::Full("the disk is full: free some space".into()));
        }
        let name = hash(&bytes);
        self.net.peer(&self.endpoint, |own| {
            if own.content.insert(name, bytes).is_none() {
                own.in_memory.insert(name);
            }
        });
        Ok(Stored::new(name, None))
    }

    async fn sync(&self) -> Result<(), BlobError> {
        self.net.peer(&self.endpoint, |own| own.in_memory.clear());
        Ok(())
    }

    async fn hold(&self, name: ContentHash) -> Result<Option<Stored>, BlobError> {
        let here = self
            .net
            .peer(&self.endpoint, |own| own.content.contains_key(&name));
        Ok(here.then(|| Stored::new(name, None)))
    }

    async fn keep(&self, name: &str, content: &[ContentHash]) -> Result<(), BlobError> {
        self.net.peer(&self.endpoint, |own| {
            own.kept.insert(name.into(), content.into())
        });
        self.sync().await
    }

    async fn let_go(&self, name: &str) -> Result<(), BlobError> {
        self.net.peer(&self.endpoint, |own| own.kept.remove(name));
        Ok(())
    }

    async fn kept(&self) -> Result<Vec<String>, BlobError> {
        Ok(self
            .net
            .peer(&self.endpoint, |own| own.kept.keys().cloned().collect()))
    }

    async fn check_room(&self) -> Result<(), BlobError> {
        match self.net.peer(&self.endpoint, |own| own.full) {
            true => Err(BlobError::Full("the disk is full: free some space".into())),
            false => Ok(()),
        }
    }

    async fn key(&self, (job, batch): (JobId, u32), from: &[u8]) -> Result<JobKey, BlobError> {
        self.gate.pass().await;
        self.net.peer(from, |peer| {
            if peer.away {
                return Err(BlobError::Unreachable("nobody answers".into()));
            }
            let key = peer.keys.get(&job).cloned();
            let key = key.ok_or_else(|| BlobError::Unreachable("it has no key".into()))?;
            peer.told.push((job, batch));
            Ok(key)
        })
    }

    fn share_key(&self, job: JobId, key: &JobKey) -> Box<dyn Any + Send + Sync> {
        self.net.peer(&self.endpoint, |own| {
            own.keys.entry(job).or_insert_with(|| key.clone());
        });
        Box::new(())
    }

    async fn notify(&self, peer: &[u8], message: &[u8]) -> Result<(), BlobError> {
        self.net
            .peer(peer, |peer| peer.notices.push(message.into()));
        Ok(())
    }

    async fn shutdown(&self) {
        self.sync().await.expect("it cannot fail");
    }
}

/// Runs by printing what it was given.
#[derive(Clone)]
pub(super) struct Printer {
    gate: Arc<Gate>,
    frozen: Arc<Gate>,
    alive: Arc<AtomicU64>,
    runs: Arc<Mutex<Vec<u32>>>,
    lies: bool,
    faulty: Arc<AtomicBool>,
    loading: Arc<Gate>,
    panics: Arc<AtomicBool>,
    fates: Arc<Fates>,
}

#[async_trait]
impl Runner for Printer {
    fn environment(&self) -> H256 {
        ENVIRONMENT
    }

    async fn load(&self, wasm: Bytes) -> Result<Arc<dyn Program>, LoadError> {
        if !wasm.starts_with(b"\0asm") {
            return Err(LoadError::Refused("not a WebAssembly module".into()));
        }
        if wasm == PROOF_KERNEL {
            let engine = Engine::new(None).expect("an engine");
            let module = engine.compile(&wasm).expect("our kernel compiles");
            self.loading.pass().await;
            assert!(!self.panics.swap(false, Ordering::SeqCst), "as told");
            return Ok(Arc::new(ProofKernel {
                engine,
                module,
                machine: self.clone(),
                urgent: false,
            }));
        }
        Ok(Arc::new(self.clone()))
    }

    fn suspend(&self) {
        self.frozen.close(0);
    }

    fn resume(&self) {
        self.frozen.open();
    }
}

/// The kernel of capacity proofs, on the one thread of the test.
#[derive(Clone)]
struct ProofKernel {
    engine: Engine,
    module: Module,
    machine: Printer,
    urgent: bool,
}

#[async_trait]
impl Program for ProofKernel {
    async fn open(&self, shape: Shape) -> Result<Option<Arc<dyn Program>>, RunError> {
        let mut opened = self.clone();
        opened.urgent = shape.urgent;
        Ok(Some(Arc::new(opened)))
    }

    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        let _alive = Alive::new(&self.machine.alive);
        if !self.urgent {
            self.machine.gate.pass().await;
            self.machine.frozen.pass().await;
        }
        let mut outcome = self
            .engine
            .run_with(&self.module, &task, &limits, &cancel)?;
        if self.machine.faulty.load(Ordering::SeqCst) {
            outcome.stdout.iter_mut().for_each(|byte| *byte ^= 1);
        }
        Ok(outcome)
    }
}

#[async_trait]
impl Program for Printer {
    async fn open(&self, _: Shape) -> Result<Option<Arc<dyn Program>>, RunError> {
        Ok(Some(self.fates.open(self)))
    }

    async fn run(&self, task: Task, limits: Limits, _: Cancel) -> Result<Outcome, RunError> {
        let _alive = Alive::new(&self.alive);
        self.gate.pass().await;
        // In the middle of its work, wherever the test had it wait.
        self.frozen.pass().await;
        let unit = task.env.iter().find(|(key, _)| key == "SUNGRID_UNIT");
        let unit = unit
            .and_then(|(_, value)| value.parse().ok())
            .expect("the unit is in the environment");
        self.runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(unit);
        let mut stdout = format!("{:?} {:?} {:?}", task.args, task.files, task.seed).into_bytes();
        stdout[0] ^= u8::from(self.lies);
        Ok(Outcome {
            exit: Exit::Code(0),
            fuel: 1_000 + u64::from(unit),
            peak_memory: limits.memory_bytes / 2,
            stdout,
            stderr: Vec::new(),
            files: BTreeMap::from([
                ("tile".into(), unit.to_le_bytes().into()),
                ("twin".into(), TWIN.into()),
            ]),
        })
    }
}

pub(super) fn key(name: &str) -> Keypair {
    Keypair::from_uri(name).expect("a development path")
}

pub(super) fn attributes() -> Attributes {
    Attributes {
        jurisdiction: *b"DE",
        region: Region::default(),
        architecture: Architecture::X86_64,
        energy: EnergySource::Wind,
        carbon: 12,
        classes: Classes::truncate_from(TaskClass::ALL.to_vec()),
    }
}

/// A world with a requester and an image.
pub(super) struct World {
    pub(super) chain: MemoryChain,
    pub(super) net: Net,
    pub(super) requester: Keypair,
    pub(super) image: ContentHash,
    pub(super) image_manifest: Image,
}

pub(super) const REQUESTER: &[u8] = b"requester";

impl World {
    pub(super) async fn new() -> Self {
        let requester = key("//Requester");
        let mut funded: Vec<AccountId> = (0..5)
            .map(|n| key(&format!("//Operator{n}")).account())
            .collect();
        funded.push(requester.account());
        let (chain, net) = (MemoryChain::new(ENVIRONMENT, &funded), Net::default());
        let image_manifest = Image {
            version: 1,
            kind: ImageKind::WasiCommand,
            name: "printer".into(),
            code: net.put(REQUESTER, CODE),
            args: vec!["printer".into()],
            profile: ProfileName::Cpu1,
            limits: sungrid_manifest::Limits {
                fuel: 1_000_000,
                memory: 1 << 20,
                output: 1 << 20,
            },
            class: 0,
            licence: "MIT".into(),
            files: vec![],
        };
        let image = net.put(REQUESTER, image_manifest.encode().expect("valid").bytes);
        let world = Self {
            chain,
            net,
            requester,
            image,
            image_manifest,
        };
        world.publish(image).await;
        world
    }

    pub(super) async fn publish(&self, manifest: ContentHash) {
        let call = Call::PublishImage { manifest, class: 0 };
        self.chain
            .submit(&self.requester, call, Until::InBlock)
            .await
            .expect("publishes");
    }

    pub(super) fn input(&self, units: u32) -> JobInput {
        let shared = self.net.put(REQUESTER, &b"a scene"[..]);
        let unit = |n| {
            let own = format!("own file of {n}").into_bytes();
            let (size, own) = (own.len() as u64, self.net.put(REQUESTER, own));
            UnitSpec {
                args: vec![format!("--unit={n}")],
                files: vec![File::new("own", own, size)],
            }
        };
        JobInput::new(
            vec![File::new("scene", shared, 7)],
            (0..units).map(unit).collect(),
        )
    }

    pub(super) fn spec(&self, units: u32, batch_size: u32) -> JobSpec {
        let input = self.input(units).encode().expect("valid").bytes;
        JobSpec {
            image: self.image,
            input: self.net.put(REQUESTER, input),
            units,
            batch_size,
            price: ISC,
            fuel_limit: 1_000_000_000,
            memory_limit: 1 << 20,
            traffic_limit: 1 << 20,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: ENVIRONMENT,
            deadline: 500_000,
            endpoint: REQUESTER.into(),
            constraints: Constraints::default(),
            after: None,
        }
    }

    pub(super) async fn submit(&self, spec: JobSpec) -> JobId {
        let call = Call::SubmitJob(Box::new(spec));
        let included = self
            .chain
            .submit(&self.requester, call, Until::InBlock)
            .await;
        included.expect("submits").job().expect("a job")
    }

    pub(super) fn machine(&self, n: u32) -> Machine {
        Machine {
            key: key(&format!("//Worker{n}")),
            operator: key(&format!("//Operator{n}")),
            endpoint: format!("worker {n}").into_bytes(),
            folder: TempDir::new().expect("a folder"),
            chain: self.chain.clone(),
            net: self.net.clone(),
            moved: Arc::default(),
            fetching: Arc::default(),
            running: Arc::default(),
            frozen: Arc::default(),
            alive: Arc::default(),
            runs: Arc::default(),
            lies: false,
            fates: Arc::default(),
            listed_only: false,
            fetch_time: Duration::from_secs(3_600),
            faulty: Arc::default(),
            loading: Arc::default(),
            panics: Arc::default(),
            policy: schedule::Policy::default(),
            rules: Rules::default(),
            reading: None,
        }
    }

    /// Makes blocks until the condition holds; between blocks everybody does all that it can.
    ///
    /// # Panics
    /// If it never holds.
    pub(super) async fn drive(&self, what: &str, mut holds: impl FnMut(&mut MemoryState) -> bool) {
        for _ in 0..400 {
            settle().await;
            if self.chain.edit(&mut holds) {
                return;
            }
            self.chain.advance(1);
        }
        let scene = self
            .chain
            .edit(|state| format!("{:#?}\n{:#?}", state.jobs, state.batches));
        panic!("it never came to it: {what}\n{scene}");
    }

    /// Nobody was slashed or late.
    pub(super) fn assert_blameless(&self) {
        self.chain.edit(|state| {
            for (id, worker) in &state.workers {
                assert_eq!((worker.faults, worker.missed), (0, 0), "{id}");
                assert_eq!(worker.bond, 200 * ISC);
                assert_eq!(worker.committed, 0, "{id} has capacity in use");
            }
        });
    }
}

/// Lets every task run until it waits for something. The test's runtime has one thread and no timers.
pub(super) async fn settle() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

/// A machine with its disk; processes come and go.
pub(super) struct Machine {
    pub(super) key: Keypair,
    pub(super) operator: Keypair,
    pub(super) endpoint: Vec<u8>,
    pub(super) folder: TempDir,
    chain: MemoryChain,
    net: Net,
    pub(super) moved: Arc<Mutex<Option<Vec<u8>>>>,
    pub(super) fetching: Arc<Gate>,
    pub(super) running: Arc<Gate>,
    /// Closed while runs are held for the machine's owner.
    pub(super) frozen: Arc<Gate>,
    /// Runs that hold memory.
    pub(super) alive: Arc<AtomicU64>,
    pub(super) runs: Arc<Mutex<Vec<u32>>>,
    pub(super) lies: bool,
    pub(super) fates: Arc<Fates>,
    pub(super) listed_only: bool,
    pub(super) fetch_time: Duration,
    /// Whether what it computes for capacity proofs is wrong.
    pub(super) faulty: Arc<AtomicBool>,
    /// Stops whoever loads the kernel of capacity proofs.
    pub(super) loading: Arc<Gate>,
    /// Whether the next one who loads it panics.
    pub(super) panics: Arc<AtomicBool>,
    pub(super) policy: schedule::Policy,
    pub(super) rules: Rules,
    pub(super) reading: Option<watch::Receiver<Option<Reading>>>,
}

/// A process on a machine.
pub(super) struct Running {
    pub(super) task: JoinHandle<Result<(), Fatal>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) goal: watch::Sender<Option<Goal>>,
    pub(super) metrics: Arc<Metrics>,
}

impl Running {
    /// As `kill -9` does.
    pub(super) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    pub(super) async fn terminate(self) -> Result<(), Fatal> {
        self.stop.send_replace(true);
        self.task.await.expect("it does not panic")
    }
}

impl Machine {
    pub(super) fn ports(&self) -> Ports {
        Ports {
            chain: Arc::new(self.chain.clone()),
            blobs: Arc::new(MemoryBlobs {
                endpoint: self.endpoint.clone(),
                moved: self.moved.clone(),
                net: self.net.clone(),
                gate: self.fetching.clone(),
            }),
            runner: Arc::new(Printer {
                gate: self.running.clone(),
                frozen: self.frozen.clone(),
                alive: self.alive.clone(),
                runs: self.runs.clone(),
                lies: self.lies,
                faulty: self.faulty.clone(),
                loading: self.loading.clone(),
                panics: self.panics.clone(),
                fates: self.fates.clone(),
            }),
            key: self.key.clone(),
            operator: Some(self.operator.clone()),
        }
    }

    pub(super) fn offer(&self) -> Offer {
        Offer {
            attributes: attributes(),
            resources: CPU_1.contains,
            bond: Some(200 * ISC),
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            unit_input: 1 << 20,
            unit_output: 1 << 20,
            unit_memory: 1 << 30,
            listed_only: self.listed_only,
            fetch_time: self.fetch_time,
            fetch_rate: u64::MAX,
        }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            lanes: 1,
            max_batches: 2,
            bounds: self.bounds(),
            min_price: 0,
            lane_speed: 1_000_000_000,
            rewards_every: 5,
            proof_time: Duration::ZERO,
        }
    }

    pub(super) fn journal(&self) -> Journal {
        Journal::open(self.folder.path(), &self.chain.genesis()).expect("opens")
    }

    pub(super) async fn start(&self) -> Running {
        self.start_with(|supervisor, _, _| supervisor).await
    }

    /// A process whose supervisor `set_up` has its hand in.
    pub(super) async fn start_with(
        &self,
        set_up: impl FnOnce(Supervisor, Arc<dyn Runner>, Arc<Metrics>) -> Supervisor,
    ) -> Running {
        // Shown when a test fails; the first start of a test wins.
        let _ = tracing_subscriber::fmt()
            .with_env_filter("sungrid_worker=debug")
            .with_test_writer()
            .without_time()
            .with_ansi(false)
            .try_init();
        // What a process before this one had not on the disk is lost.
        self.net.peer(&self.endpoint, |own| {
            for name in own.in_memory.drain() {
                own.content.remove(&name);
            }
        });
        let ports = self.ports();
        register::ensure(&ports, &self.offer())
            .await
            .expect("registers");
        let settings = self.settings();
        let metrics = Arc::<Metrics>::default();
        let runner = ports.runner.clone();
        let supervisor = Supervisor::new(ports, settings, self.journal(), metrics.clone()).await;
        let schedule = Schedule {
            policy: self.policy,
            ..Schedule::default()
        };
        let supervisor = supervisor.expect("starts").choosing(
            schedule.scheduler(self.folder.path()),
            Energy::new(self.rules.clone(), self.reading.clone()),
            0,
            self.rules.lane_watts,
        );
        let supervisor = set_up(supervisor, runner, metrics.clone());
        let (stop, stopped) = watch::channel(false);
        let (goal, told) = watch::channel(None);
        let supervisor = supervisor.draining(told);
        Running {
            task: tokio::spawn(supervisor.run(stopped)),
            stop,
            goal,
            metrics,
        }
    }
}
