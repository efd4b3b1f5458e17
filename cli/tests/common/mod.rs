//! A small grid: a chain in memory, workers with real endpoints, and no execution: their results are made up.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use sp_core::H256;
use sungrid_access::{card, key_name};
use sungrid_chain_client::{
    AccountId, Architecture, Attributes, Call, Chain, Classes, EnergySource, Keypair, Region,
    Registration, ReplicaState, Reveal, TaskClass, Until, Winner, memory::MemoryChain,
};
use sungrid_cli::{
    Error, commands,
    folder::DataFolder,
    output::{Format, Output},
    plan::JobFile,
    requester::{Requester, Summary, Update},
    series::Follower,
    serve::Serving,
    submit::{self, Submission},
};
use sungrid_data_plane::{Config, DataPlane, FetchOptions, PeerAddress};
use sungrid_manifest::{
    Bundle, File, Image, ImageKind, JobInput, Limits, Manifest, ProfileName, ResultReady,
    UnitOutput, hash,
};
use sungrid_primitives::{
    BatchIndex, JobId,
    job::gathered,
    receipt::{BatchSummary, Receipt, commitment, digest},
    registration::registration_payload,
    suns::{CPU_1, Resources},
    traits::CPU_1_ID,
    witness,
};
use sungrid_seal::{JobKey, LeftBehind, is_sealed, open_output, seal_output};

pub fn environment() -> H256 {
    H256::repeat_byte(0xe1)
}

/// What a worker does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Another output, with receipts and summary to match.
    Output,
    /// Receipts with a broken signature.
    Signature,
    /// Receipts for another input.
    Input,
    /// Receipts for another chain.
    Chain,
    /// Outputs larger than the image allows; only in the bundle.
    TooMuchOutput,
    /// Receipts for more bytes than the unit got.
    Bytes,
    /// Outputs of an encrypted job that its key does not open.
    Sealing,
}

struct Worker {
    key: Keypair,
    plane: DataPlane,
    address: PeerAddress,
    /// Keys that it was told, by job.
    keys: Mutex<HashMap<JobId, JobKey>>,
    lie: Mutex<Option<Lie>>,
}

/// A job to submit.
pub struct Scene {
    pub file: JobFile,
    pub key: Keypair,
    folder: tempfile::TempDir,
}

impl Scene {
    pub fn new(units: u32, batch_size: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("shared.txt"), "for all").unwrap();
        fs::write(folder.path().join("code.wasm"), CODE).unwrap();
        let path = folder.path().join("job.toml");
        let text = "image = \"code.wasm\"\nshared = [\"shared.txt\"]\nargs = [\"{unit}\"]";
        fs::write(
            &path,
            format!("units = {units}\nbatch_size = {batch_size}\n{text}"),
        )
        .unwrap();
        let file = JobFile::read(&path).unwrap();
        Self {
            file,
            key: Keypair::from_uri("//Alice").unwrap(),
            folder,
        }
    }
}

impl Scene {
    fn code(&self) -> PathBuf {
        self.folder.path().join("code.wasm")
    }
}

const CODE: &[u8] = b"\0asm\x01\0\0\0";

fn image() -> Image {
    Image {
        version: 1,
        kind: ImageKind::WasiCommand,
        name: "test".into(),
        code: hash(CODE),
        args: vec!["test".into()],
        profile: ProfileName::Cpu1,
        limits: Limits {
            fuel: 1_000_000_000,
            memory: 1 << 20,
            output: 1_000,
        },
        class: 0,
        licence: "MIT".into(),
        files: vec![],
    }
}

/// A sealed result that waits for its reveal to open.
struct Sealed {
    worker: Arc<Worker>,
    job: JobId,
    batch: BatchIndex,
    reveal: Reveal,
}

pub struct Grid {
    pub chain: MemoryChain,
    workers: Vec<Arc<Worker>>,
    sealed: Mutex<Vec<Sealed>>,
    folder: tempfile::TempDir,
}

impl Grid {
    pub async fn new(workers: usize) -> Self {
        let names: Vec<Keypair> = (0..workers)
            .map(|n| Keypair::from_uri(&format!("//Operator{n}")).unwrap())
            .collect();
        let alice = Keypair::from_uri("//Alice").unwrap();
        let funded: Vec<AccountId> = names.iter().chain([&alice]).map(Keypair::account).collect();
        let chain = MemoryChain::new(environment(), &funded);
        let mut grid = Self {
            chain,
            workers: vec![],
            sealed: Mutex::default(),
            folder: tempfile::tempdir().unwrap(),
        };
        for (n, operator) in names.iter().enumerate() {
            let key = Keypair::from_uri(&format!("//Worker{n}")).unwrap();
            let plane = DataPlane::spawn(Config::memory()).await.unwrap();
            let address = plane.address().clone();
            let card = card::sign(&key, &grid.chain.genesis(), &plane.endpoint_id());
            plane.set_card(card).unwrap();
            let payload =
                registration_payload(&grid.chain.genesis(), &operator.public(), &key.public());
            let registration = Registration {
                worker: key.account(),
                endpoint: address.to_bytes(),
                attributes: Attributes {
                    jurisdiction: *b"DE",
                    region: Region::truncate_from(b"here".to_vec()),
                    architecture: Architecture::X86_64,
                    energy: EnergySource::Wind,
                    carbon: 0,
                    classes: Classes::truncate_from(TaskClass::ALL.to_vec()),
                },
                environment: environment(),
                profile: CPU_1_ID,
                resources: Resources {
                    fuel_per_second: 80_000_000_000,
                    memory: 80 << 30,
                    storage: 500_000_000_000,
                    bandwidth: 200_000_000,
                    ..Resources::default()
                },
                bond: 1_000 * sungrid_primitives::ISC,
                proof: key.sign(&payload),
            };
            let call = Call::Register(Box::new(registration));
            grid.chain
                .submit(operator, call, Until::InBlock)
                .await
                .unwrap();
            grid.workers.push(Arc::new(Worker {
                key,
                plane,
                address,
                keys: Mutex::default(),
                lie: Mutex::new(None),
            }));
        }
        grid
    }

    pub fn data(&self) -> DataFolder {
        DataFolder::new(Some(self.folder.path().into())).unwrap()
    }

    pub fn worker(&self, n: usize) -> AccountId {
        self.workers[n].key.account()
    }

    pub fn lie(&self, worker: usize, lie: Lie) {
        *self.workers[worker].lie.lock().unwrap() = Some(lie);
    }

    pub async fn submit(&self, scene: &Scene) -> Result<Requester, Error> {
        let plan = scene.file.clone().plan()?;
        let (data, out) = (self.data(), Output::new(Format::Text, true));
        let submission = self.submission(scene, &data, &out).await?;
        let (digest, code) = (data.keep_image(&image(), CODE)?, scene.code());
        let task = sungrid_cli::folder::Task::Files;
        submission.submit(&plan, digest, &image(), code, task).await
    }

    pub async fn repeat(&self, scene: &Scene, every: u32, times: u32) -> Result<Follower, Error> {
        let plan = scene.file.clone().plan()?;
        let (data, out) = (self.data(), Output::new(Format::Text, true));
        let submission = self.submission(scene, &data, &out).await?;
        let (digest, code) = (data.keep_image(&image(), CODE)?, scene.code());
        submission
            .repeat(&plan, digest, &image(), code, every, times)
            .await
    }

    /// Publishes the image and says where and by whom orders are placed.
    async fn submission<'a>(
        &self,
        scene: &'a Scene,
        data: &'a DataFolder,
        out: &'a Output,
    ) -> Result<Submission<'a>, Error> {
        let digest = data.keep_image(&image(), CODE)?;
        let publisher = Keypair::from_uri("//Alice").unwrap();
        submit::publish(&self.chain, &publisher, digest, 0).await?;
        Ok(Submission {
            chain: Arc::new(self.chain.clone()),
            key: &scene.key,
            data,
            out,
            node: "memory".into(),
            serving: Serving {
                listen: "127.0.0.1:0".parse().unwrap(),
                external: vec![],
                relays: Vec::new(),
                relay_roots: None,
                upload_mbit: None,
            },
            environment: None,
        })
    }

    pub async fn resume(&self, job: JobId) -> Result<Requester, Error> {
        resume(self.chain.clone(), &self.data(), job).await
    }

    pub async fn cancel(&self, job: JobId) {
        let alice = Keypair::from_uri("//Alice").unwrap();
        self.chain
            .submit(&alice, Call::CancelJob(job), Until::InBlock)
            .await
            .unwrap();
    }

    /// Raises a job's bid to so many times what it is.
    pub async fn raise(&self, job: JobId, times: u128) {
        let alice = Keypair::from_uri("//Alice").unwrap();
        let price = times * self.chain.job(job).await.unwrap().unwrap().price;
        let call = Call::RaiseBid { job, price };
        self.chain
            .submit(&alice, call, Until::InBlock)
            .await
            .unwrap();
    }

    /// Follows while the workers work to the end.
    pub async fn run(&self, requester: &mut Requester) -> (Vec<Update>, Result<Summary, Error>) {
        let work = self.work(requester.job());
        let follow = follow(requester);
        let (result, ()) = tokio::join!(follow, work);
        result
    }

    /// Follows until an update, then stops following.
    pub async fn run_until(
        &self,
        requester: &mut Requester,
        stop: impl Fn(&Update) -> bool + Sync,
    ) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut sender = Some(sender);
        let mut on = |update: &Update| {
            if stop(update)
                && let Some(sender) = sender.take()
            {
                let _ = sender.send(());
            }
        };
        tokio::select! {
            result = requester.follow(&mut on) => panic!("ended early: {result:?}"),
            _ = receiver => {}
        }
    }

    /// Follows while empty blocks pass.
    pub async fn run_advancing(
        &self,
        requester: &mut Requester,
    ) -> (Vec<Update>, Result<Summary, Error>) {
        let chain = self.chain.clone();
        let mut updates = Vec::new();
        let mut on = |update: &Update| {
            updates.push(update.clone());
            // Whatever failed is tried again at the next block.
            if matches!(update, Update::Unreachable { .. }) {
                chain.advance(1);
            }
        };
        let result = requester.follow(&mut on).await;
        (updates, result)
    }

    /// All batches of a job that are to be had.
    pub async fn work(&self, job: JobId) {
        while self.step(job, true).await {}
    }

    /// The same without a word to the requester.
    pub async fn work_silently(&self, job: JobId) {
        while self.step(job, false).await {}
    }

    /// Until a batch is settled; others may have been begun.
    pub async fn work_one_batch(&self, job: JobId) {
        while self.chain.job(job).await.unwrap().unwrap().settled == 0 {
            assert!(self.step(job, true).await, "nothing left to claim");
        }
    }

    /// Makes workers unreachable: their registered address leads nowhere.
    pub fn hide_workers(&self, hidden: bool) {
        self.chain.edit(|state| {
            for worker in &self.workers {
                let record = state.workers.get_mut(&worker.key.account()).unwrap();
                record.endpoint = if hidden {
                    vec![]
                } else {
                    worker.address.to_bytes()
                };
            }
        });
    }

    /// A worker that is a witness says that a batch's outputs are served, or not.
    pub async fn attest(&self, n: usize, job: JobId, batch: BatchIndex, found: Option<H256>) {
        let key = &self.workers[n].key;
        let seal = witness::seal(job, batch, &key.public(), &found, &[6; 32]);
        let call = Call::Attest { job, batch, seal };
        self.chain.submit(key, call, Until::InBlock).await.unwrap();
    }

    /// Opens what [`Self::attest`] sealed.
    pub async fn testify(&self, n: usize, job: JobId, batch: BatchIndex, found: Option<H256>) {
        let call = Call::Testify {
            job,
            batch,
            found,
            salt: [6; 32],
        };
        let key = &self.workers[n].key;
        self.chain.submit(key, call, Until::InBlock).await.unwrap();
    }

    /// A worker fetches the outputs of a batch from the first that found them, and serves them from now on.
    pub async fn fetch_as_witness(&self, n: usize, job: JobId, batch: BatchIndex) {
        let result = self.chain.result(job, batch).await.unwrap().unwrap();
        let winner = &result.winners[0];
        let mut all = self.workers.iter();
        let maker = all.find(|w| w.key.account() == winner.worker).unwrap();
        let (plane, peers) = (&self.workers[n].plane, [maker.address.clone()]);
        let blob = |hash: H256| sungrid_data_plane::Hash::from_bytes(hash.0);
        let fetch = async |hash| {
            let options = FetchOptions::up_to(1 << 20);
            let fetched = plane.fetch(blob(hash), &peers, options).await.unwrap();
            // Kept as long as the plane is there.
            std::mem::forget(fetched.held);
        };
        fetch(winner.bundle).await;
        let bytes = plane.get_bytes(blob(winner.bundle), 1 << 20).await.unwrap();
        let bundle = Bundle::decode(&bytes).unwrap();
        for file in bundle.outputs.iter().flat_map(UnitOutput::contents) {
            fetch(file.hash).await;
        }
    }

    /// Makes one worker reachable.
    pub fn show_worker(&self, n: usize) {
        let worker = &self.workers[n];
        self.chain.edit(|state| {
            let record = state.workers.get_mut(&worker.key.account()).unwrap();
            record.endpoint = worker.address.to_bytes();
        });
    }

    pub async fn send_foreign_notices(&self, requester: &Requester, job: JobId) {
        let to = PeerAddress::from_bytes(&requester.record().spec.endpoint).unwrap();
        let stranger = DataPlane::spawn(Config::memory()).await.unwrap();
        let genesis = self.chain.genesis();
        let bundle = H256::repeat_byte(7);
        let notice =
            |worker, job, batch| ResultReady::new(genesis, job, batch, worker, bundle).to_bytes();
        let known = self.workers[0].key.public();
        stranger.notify(&to, b"garbage").await.unwrap();
        stranger.notify(&to, &notice(known, job, 0)).await.unwrap();
        for message in [
            notice(known, job, 0),
            notice(known, job, 9),
            notice(known, job + 1, 0),
        ] {
            self.workers[0].plane.notify(&to, &message).await.unwrap();
        }
        stranger.shutdown().await;
    }

    /// Every worker that can claims a batch, commits and announces; then all whose reveal is open reveal.
    /// `false` if there was nothing to do.
    async fn step(&self, job: JobId, announce: bool) -> bool {
        let claimed = self.seal(job, announce).await;
        // A reveal may open the batch again: a disagreement wants one more replica.
        self.reveal().await || claimed
    }

    /// The first half: claims, commits, announcements.
    pub async fn seal(&self, job: JobId, announce: bool) -> bool {
        let mut claimed = false;
        for worker in &self.workers {
            let claim = self
                .chain
                .submit(&worker.key, Call::Claim(job), Until::InBlock);
            let Ok(included) = claim.await else {
                continue;
            };
            claimed = true;
            let batch = included.batch().expect("a claim names its batch");
            self.commit(worker, job, batch, announce).await;
        }
        claimed
    }

    async fn commit(&self, worker: &Arc<Worker>, job: JobId, batch: BatchIndex, announce: bool) {
        let (summary, bundle) = worker.make(&self.chain, job, batch).await;
        let salt = [5; 32];
        let seal = commitment(job, batch, &summary, &worker.key.public(), &salt);
        let record = self.chain.job(job).await.unwrap().unwrap();
        let commit = Call::Commit {
            job,
            batch,
            units: record.range(batch).unwrap().1,
            digest: digest(job, batch, &summary),
            commitment: seal,
        };
        self.chain
            .submit(&worker.key, commit, Until::InBlock)
            .await
            .unwrap();
        if announce {
            worker.announce(&self.chain, job, batch, bundle).await;
        }
        let reveal = Reveal {
            summary,
            salt,
            bundle,
        };
        let worker = worker.clone();
        self.sealed.lock().unwrap().push(Sealed {
            worker,
            job,
            batch,
            reveal,
        });
    }

    /// One worker claims a batch.
    pub async fn claim(&self, n: usize, job: JobId) -> BatchIndex {
        let key = &self.workers[n].key;
        let included = self.chain.submit(key, Call::Claim(job), Until::InBlock);
        included.await.unwrap().batch().unwrap()
    }

    /// One worker commits to a batch that it has claimed, and announces its results.
    pub async fn commit_claimed(&self, n: usize, job: JobId, batch: BatchIndex) {
        self.commit(&self.workers[n], job, batch, true).await;
    }

    /// A worker's endpoint.
    pub fn plane(&self, n: usize) -> &DataPlane {
        &self.workers[n].plane
    }

    /// The second half; `false` if there was nothing to reveal.
    async fn reveal(&self) -> bool {
        let mut revealed = false;
        let sealed = std::mem::take(&mut *self.sealed.lock().unwrap());
        for one in sealed {
            let view = self.chain.batch(one.job, one.batch).await.unwrap();
            let Some(view) = view else { continue };
            let mine = view.replica(&one.worker.key.account()).map(|r| r.state);
            if !matches!(mine, Some(ReplicaState::Committed(_))) {
                continue;
            }
            let Some(revealing) = view.revealing else {
                self.sealed.lock().unwrap().push(one);
                continue;
            };
            if revealing != digest(one.job, one.batch, &one.reveal.summary) {
                continue;
            }
            let call = Call::Reveal {
                job: one.job,
                batch: one.batch,
                reveal: one.reveal,
            };
            self.chain
                .submit(&one.worker.key, call, Until::InBlock)
                .await
                .unwrap();
            revealed = true;
        }
        revealed
    }

    /// Ends all workers; returns the requester's folder.
    pub async fn shutdown(self) -> tempfile::TempDir {
        for worker in &self.workers {
            worker.plane.shutdown().await;
        }
        self.folder
    }
}

impl Worker {
    /// Makes up the results of a batch and serves them.
    async fn make(
        &self,
        chain: &MemoryChain,
        job: JobId,
        batch: BatchIndex,
    ) -> (BatchSummary, H256) {
        let lie = *self.lie.lock().unwrap();
        let record = chain.job(job).await.unwrap().unwrap();
        let requester = PeerAddress::from_bytes(&record.spec.endpoint).unwrap();
        let (first, count) = record.range(batch).unwrap();
        let (input, key) = self
            .input(&record.spec.input, &requester, (job, batch))
            .await;
        let before = match record.spec.after {
            Some(after) => self.made(chain, after, key.as_ref()).await,
            None => vec![],
        };
        let mut units = Vec::new();
        let mut leaves = Vec::new();
        for unit in first..first + count {
            let mut text = format!("unit {unit} of {}\n", record.spec.units);
            if lie == Some(Lie::Output) {
                text = "I am a liar\n".into();
            }
            let left = LeftBehind {
                files: BTreeMap::from([("result.txt".into(), text.clone().into_bytes())]),
                ..LeftBehind::default()
            };
            let (mut output, stored) = match &key {
                Some(key) => seal_output(key, left).unwrap(),
                None => {
                    let file = File::new("result.txt", hash(text.as_bytes()), text.len() as u64);
                    let output = UnitOutput::new(0, None, None, vec![file]);
                    (output, left.files.into_values().collect())
                }
            };
            let mut stored = stored.into_iter().next().unwrap();
            if lie == Some(Lie::Sealing) {
                *stored.last_mut().unwrap() ^= 1;
                output.files[0].hash = hash(&stored);
            }
            let held = self.plane.put_bytes(stored).await.unwrap();
            self.plane
                .pin(&format!("{job}/{batch}/{unit}"), held.hash())
                .await
                .unwrap();
            let mut input = input.unit(unit).unwrap();
            let gathered = gathered(before.len() as u32, input.units, unit);
            let earlier = gathered.into_iter().flatten();
            input.gather(earlier.map(|unit| (unit, &before[unit as usize])));
            let bytes_in = input.traffic(record.spec.batch_size);
            let mut receipt = Receipt {
                genesis: chain.genesis(),
                job,
                unit,
                image: record.spec.image,
                input: {
                    let input = input.encode().unwrap();
                    let under = |key: &JobKey| key.input_hash(&input.bytes);
                    key.as_ref().map_or(input.hash, under)
                },
                output: output.encode().unwrap().hash,
                fuel: 1_000 + u64::from(unit),
                peak_memory: 1 << 16,
                bytes_in,
                bytes_out: output.size(),
                exit: 0,
                environment: environment(),
                anchor: H256::zero(),
            };
            leaves.push(receipt.leaf());
            match lie {
                Some(Lie::Input) => receipt.input = H256::zero(),
                Some(Lie::Chain) => receipt.genesis = H256::zero(),
                Some(Lie::TooMuchOutput) => {
                    output.files[0].size = 1_001;
                    receipt.output = output.encode().unwrap().hash;
                    receipt.bytes_out = output.size();
                }
                Some(Lie::Bytes) => receipt.bytes_in += 1,
                _ => {}
            }
            let mut signed = self.key.sign_receipt(receipt);
            if lie == Some(Lie::Signature) {
                signed.signature[0] ^= 1;
            }
            units.push((signed, output));
        }
        let bundle = Bundle::new(units).encode().unwrap();
        let held = self.plane.put_bytes(bundle.bytes).await.unwrap();
        self.plane
            .pin(&format!("{job}/{batch}"), held.hash())
            .await
            .unwrap();
        (BatchSummary::of(&leaves, &CPU_1).unwrap(), bundle.hash)
    }

    /// What it left of every unit of a job.
    async fn made(&self, chain: &MemoryChain, job: JobId, key: Option<&JobKey>) -> Vec<UnitOutput> {
        let mut outputs = Vec::new();
        for (_, result) in chain.results(job).await.unwrap() {
            let mine = |winner: &&Winner| winner.worker == self.key.account();
            let bundle = result.winners.iter().find(mine).unwrap().bundle;
            let blob = sungrid_cli::serve::blob(&bundle);
            let bytes = self.plane.get_bytes(blob, 1 << 20).await.unwrap();
            let of_batch = Bundle::decode(&bytes).unwrap().outputs.into_iter();
            outputs.extend(of_batch.map(|output| match key {
                Some(key) => open_output(key, &output).unwrap(),
                None => output,
            }));
        }
        outputs
    }

    /// The job's input, from the requester if it serves, as a worker that came early would have it.
    async fn input(
        &self,
        digest: &H256,
        requester: &PeerAddress,
        (job, batch): (JobId, BatchIndex),
    ) -> (JobInput, Option<JobKey>) {
        let blob = sungrid_cli::serve::blob(digest);
        let options = sungrid_data_plane::FetchOptions::up_to(1 << 20);
        let fetched = self
            .plane
            .fetch(blob, std::slice::from_ref(requester), options)
            .await;
        let held = fetched
            .expect("the requester serves, or served before")
            .held;
        self.plane.pin("input", held.hash()).await.unwrap();
        let bytes = self.plane.get_bytes(blob, 1 << 20).await.unwrap();
        if !is_sealed(&bytes) {
            return (JobInput::decode(&bytes).unwrap(), None);
        }
        let known = self.keys.lock().unwrap().get(&job).cloned();
        let key = match known {
            Some(key) => key,
            None => {
                let name = key_name(job, batch);
                let from = std::slice::from_ref(requester);
                let told = self.plane.ask_secret(&name, from).await;
                let told = told.expect("a worker of the batch is told");
                JobKey::from_bytes(told[..].try_into().unwrap())
            }
        };
        self.keys.lock().unwrap().insert(job, key.clone());
        let input = JobInput::decode(&key.open(bytes.to_vec()).unwrap()).unwrap();
        (input, Some(key))
    }

    async fn announce(&self, chain: &MemoryChain, job: JobId, batch: BatchIndex, bundle: H256) {
        let record = chain.job(job).await.unwrap().unwrap();
        let to = PeerAddress::from_bytes(&record.spec.endpoint).unwrap();
        let notice =
            ResultReady::new(chain.genesis(), job, batch, self.key.public(), bundle).to_bytes();
        // A requester that is away learns of the result from the chain.
        let _ = self.plane.notify(&to, &notice).await;
    }
}

pub async fn resume(chain: MemoryChain, data: &DataFolder, job: JobId) -> Result<Requester, Error> {
    if let Ok((_, record)) = data.job(&chain.genesis(), job) {
        // An endpoint that was shut down in this process gives its socket back a moment later.
        while std::net::UdpSocket::bind(record.serving.listen).is_err() {
            tokio::task::yield_now().await;
        }
    }
    commands::open_job(data, Arc::new(chain), job).await
}

pub async fn follow(requester: &mut Requester) -> (Vec<Update>, Result<Summary, Error>) {
    let mut updates = Vec::new();
    let result = requester
        .follow(&mut |update| updates.push(update.clone()))
        .await;
    (updates, result)
}

/// Runs `sungrid receipt verify` and reads its report.
pub fn verify(path: &Path) -> Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sungrid"))
        .args(["--json", "receipt", "verify"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(text.lines().next().unwrap_or_default())
        .unwrap_or_else(|_| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)))
}
