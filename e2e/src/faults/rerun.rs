//! What results have to be: units run here, in this process, from the manifests that requesters have.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use sp_core::H256;
use sungrid_chain_client::{Job, JobSpec};
use sungrid_executor::{CacheConfig, Engine, Limits, Module, Task};
use sungrid_manifest::{Image, JobInput, Manifest, UnitOutput, hash, limits, unit_seed};
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex, merkle::UnitLeaf, receipt::BatchSummary,
    suns::Profile,
};

/// What a unit came to.
#[derive(Clone)]
pub(super) struct Ran {
    leaf: UnitLeaf,
    pub(super) stdout: Vec<u8>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Runs units again.
pub(super) struct Rerun {
    engine: Engine,
    genesis: H256,
    modules: HashMap<ContentHash, (Image, Module, bool)>,
    inputs: HashMap<ContentHash, JobInput>,
    files: HashMap<ContentHash, PathBuf>,
    /// Units that were run, by what may make a difference.
    known: HashMap<H256, Ran>,
}

/// All files below a folder.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push(path);
            }
        }
    }
    all
}

impl Rerun {
    /// With what requesters below `folder` have, and the files of `inputs`.
    pub(super) fn new(folder: &Path, inputs: &Path, genesis: H256) -> Self {
        let cache = CacheConfig {
            directory: folder.join("audit-modules"),
            max_bytes: 1 << 30,
        };
        let engine = Engine::new(Some(cache)).expect("an engine");
        let (mut modules, mut known) = (HashMap::new(), HashMap::new());
        for path in below(folder) {
            let name = path
                .file_name()
                .expect("a file has a name")
                .to_string_lossy();
            let read = || fs::read(&path).expect("it can be read");
            if name == "input.cbor" {
                let bytes = read();
                let input = JobInput::decode(&bytes).expect("the requester wrote it");
                known.insert(hash(&bytes), input);
            } else if name == "manifest.cbor" && path.with_file_name("code.wasm").exists() {
                let bytes = read();
                modules.entry(hash(&bytes)).or_insert_with(|| {
                    let image = Image::decode(&bytes).expect("the requester wrote it");
                    let code = fs::read(path.with_file_name("code.wasm")).expect("its code");
                    let module = engine.compile(&code).expect("it compiles");
                    let mut imports = code.windows(10);
                    let is_random = imports.any(|bytes| bytes == b"random_get");
                    (image, module, is_random)
                });
            }
        }
        let files = below(inputs).into_iter();
        Self {
            files: files
                .map(|path| (hash(&fs::read(&path).expect("it can be read")), path))
                .collect(),
            inputs: known,
            modules,
            engine,
            genesis,
            known: HashMap::new(),
        }
    }

    /// What an honest worker finds of a batch, and its units.
    pub(super) fn batch(
        &mut self,
        job: JobId,
        record: &Job,
        batch: BatchIndex,
        profile: &Profile,
    ) -> (BatchSummary, Vec<(UnitIndex, Ran)>) {
        let spec = &record.spec;
        let (first, count) = record.range(batch).expect("the chain knows its batches");
        let ran: Vec<_> = (first..first + count)
            .map(|unit| (unit, self.unit(job, spec, unit)))
            .collect();
        let leaves: Vec<UnitLeaf> = ran.iter().map(|(_, ran)| ran.leaf).collect();
        let summary = BatchSummary::of(&leaves, profile).expect("the profile charges it");
        (summary, ran)
    }

    fn unit(&mut self, job: JobId, spec: &JobSpec, unit: UnitIndex) -> Ran {
        let (image, module, is_random) = &self.modules[&spec.image];
        let input = self.inputs[&spec.input]
            .unit(unit)
            .expect("it has that unit");
        let manifest = input.encode().expect("it is valid").hash;
        let seed = unit_seed(&self.genesis, job, unit);
        let varies = is_random.then_some(seed);
        let key = (
            spec.image,
            manifest,
            varies,
            spec.fuel_limit,
            spec.memory_limit,
            (spec.traffic_limit, spec.batch_size),
        );
        let key = hash(format!("{key:?}").as_bytes());
        if let Some(ran) = self.known.get(&key) {
            return ran.clone();
        }
        let files = input.files.iter().chain(&input.shared);
        let read = |hash| fs::read(&self.files[hash]).expect("an input of ours");
        let task = Task {
            args: image.arguments(&input),
            env: input.environment(),
            stdin: Default::default(),
            files: files
                .map(|file| (file.name.clone(), read(&file.hash).into()))
                .collect(),
            seed,
        };
        let bytes_in = input.traffic(spec.batch_size);
        let limits = Limits {
            fuel: spec.fuel_limit,
            memory_bytes: spec.memory_limit,
            output_bytes: image.limits.output.min(spec.traffic_limit - bytes_in),
            output_files: limits::UNIT_FILES as u32,
            ..Limits::default()
        };
        let outcome = self.engine.run(module, &task, &limits).expect("a result");
        let exit = outcome.exit.code();
        let output = UnitOutput::of(exit, &outcome.stdout, &outcome.stderr, &outcome.files);
        let ran = Ran {
            leaf: UnitLeaf {
                unit,
                output: output.encode().expect("a plain output").hash,
                fuel: outcome.fuel,
                peak_memory: outcome.peak_memory,
                bytes_in,
                bytes_out: output.size(),
                exit,
            },
            stdout: outcome.stdout,
            files: outcome.files,
        };
        self.known.insert(key, ran.clone());
        ran
    }
}
