//! What all batches of a job need: its image, its input manifest, the files that its units share.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use codec::Encode;
use sungrid_access::Part;
use sungrid_chain_client::{AccountId, Chain, ChainError, JobSpec};
use sungrid_manifest::{File, Image, Manifest, ManifestError, UnitInput, limits};
use sungrid_primitives::{BatchIndex, ContentHash, JobId};
use sungrid_seal::{is_sealed, sealed_size};
use tokio::sync::OnceCell;

use super::{
    WorkError,
    before::Before,
    inputs::{Inputs, Loading, Sealing},
    seal::Papers,
};
use crate::{
    journal::BatchId,
    ports::{BlobError, Blobs, LoadError, Ports, Program, Source, Stored},
};

/// Other workers that are asked for a job's inputs. More, and a job whose requester has left keeps its workers asking each
/// other.
const MOST_HOLDERS: usize = 4;

/// A job whose image is here, and its shared inputs unless they are sealed: its batches can start at once.
pub struct Prepared {
    pub(super) job: JobId,
    pub(super) spec: JobSpec,
    pub(super) image: Image,
    pub(super) program: Arc<dyn Program>,
    pub(super) before: Option<Before>,
    of_image: BTreeMap<String, Bytes>,
    /// The manifest as it is stored.
    manifest: Bytes,
    /// Of a sealed job they are known once this worker holds a batch: the key is not handed out before.
    inputs: OnceCell<Inputs>,
    _stored: Vec<Stored>,
}

impl Prepared {
    /// Bytes that a unit gets, on average; 0 while nobody but the requester knows.
    pub fn unit_input(&self) -> u64 {
        self.inputs.get().map_or(0, Inputs::unit_bytes)
    }

    /// Bytes that a unit may leave, as they are stored: what its input leaves of its job's limit.
    pub(super) fn traffic_left(&self, input: &UnitInput) -> Result<u64, WorkError> {
        let (limit, bytes) = (self.spec.traffic_limit, input.traffic(self.spec.batch_size));
        limit
            .checked_sub(bytes)
            .ok_or_else(|| too_much(self.job, bytes, limit))
    }

    /// What the units get, for who holds this batch.
    pub(super) async fn inputs(
        &self,
        ports: &Ports,
        bounds: Bounds,
        batch: BatchId,
    ) -> Result<&Inputs, WorkError> {
        let loading = Loading {
            ports,
            bounds,
            job: self.job,
            spec: &self.spec,
            image: &self.image,
            of_image: &self.of_image,
        };
        let open = || loading.open(&self.manifest, batch);
        self.inputs.get_or_try_init(open).await
    }

    /// What receipts say of the units, for who holds this batch.
    pub(super) async fn papers(
        &self,
        ports: &Ports,
        bounds: Bounds,
        batch: BatchId,
    ) -> Result<Papers, WorkError> {
        let inputs = self.inputs(ports, bounds, batch).await?;
        Ok(Papers {
            spec: self.spec.clone(),
            input: inputs.input.clone(),
            sealing: inputs.sealing.clone(),
            before: self.before.clone(),
        })
    }
}

/// Bounds of what a requester may send here.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of all files of one unit.
    pub unit_input: u64,
    /// Bytes that one unit may write.
    pub unit_output: u64,
    /// Bytes of memory that one unit may use.
    pub unit_memory: u64,
    /// Only images that governance has listed.
    pub listed_only: bool,
    /// Time that a fetch may take beside that of its bytes.
    pub fetch_time: Duration,
    /// Bytes per second that a peer has to serve.
    pub fetch_rate: u64,
}

impl Bounds {
    /// Waits for so many bytes at most: whoever serves them too slowly is as one who does not serve them.
    pub(super) async fn in_time<T>(
        &self,
        bytes: u64,
        fetch: impl Future<Output = T>,
    ) -> Result<T, BlobError> {
        let time = self.time_for(bytes);
        let fetched = tokio::time::timeout(time, fetch).await;
        fetched.map_err(|_| BlobError::Unreachable(format!("it is not served within {time:?}")))
    }

    /// How long so many bytes may take.
    pub(super) fn time_for(&self, bytes: u64) -> Duration {
        Duration::from_secs(bytes / self.fetch_rate.max(1)).saturating_add(self.fetch_time)
    }

    /// Whether the files of a unit, all together, may be so large.
    pub(super) fn admit_input(&self, job: JobId, bytes: u64) -> Result<(), WorkError> {
        if bytes > self.unit_input {
            let reason = format!(
                "the inputs of a unit have {bytes} bytes, this worker takes {}",
                self.unit_input
            );
            return Err(WorkError::NotWanted { job, reason });
        }
        Ok(())
    }
}

/// The error of a job whose units get more bytes than its terms allow.
pub(super) fn too_much(job: JobId, bytes: u64, limit: u64) -> WorkError {
    WorkError::Malformed {
        job,
        reason: format!("the input of a unit counts {bytes} bytes, its terms allow {limit}"),
    }
}

pub(super) fn bytes_of(files: &[File]) -> u64 {
    files.iter().map(|file| file.size).sum()
}

/// Whether governance lists the image of a job now, if this worker minds.
pub async fn is_admitted(
    ports: &Ports,
    bounds: Bounds,
    spec: &JobSpec,
) -> Result<bool, ChainError> {
    if !bounds.listed_only {
        return Ok(true);
    }
    let image = ports.chain.image(&spec.image).await?;
    Ok(image.is_some_and(|image| image.is_listed()))
}

/// Fetches and checks what all units of a job share.
pub async fn prepare(
    ports: &Ports,
    bounds: Bounds,
    job: JobId,
    spec: JobSpec,
) -> Result<Prepared, WorkError> {
    if spec.memory_limit > bounds.unit_memory {
        let reason = format!(
            "its units may use {} bytes of memory, this worker gives {}",
            spec.memory_limit, bounds.unit_memory
        );
        return Err(WorkError::NotWanted { job, reason });
    }
    let listed = is_admitted(ports, bounds, &spec).await;
    if !listed.map_err(|source| WorkError::Chain { job, source })? {
        return Err(WorkError::NotListed(job));
    }
    let requester = vec![spec.endpoint.clone()];
    let malformed = |what: &str, error: ManifestError| WorkError::Malformed {
        job,
        reason: format!("{what}: {error}"),
    };
    let not_fetched = |what: &str, source: BlobError| WorkError::Fetch {
        job,
        what: what.into(),
        source,
    };
    let mut stored = Vec::new();
    let manifest = ("the image manifest", spec.image, limits::IMAGE_BYTES as u64);
    let (bytes, guard) = fetch(ports, bounds, job, Part::Image, manifest, &requester).await?;
    stored.push(guard);
    let image = Image::decode(&bytes).map_err(|error| malformed("the image manifest", error))?;
    if image.limits.output > bounds.unit_output {
        let reason = format!(
            "its units may write {} bytes, this worker allows {}",
            image.limits.output, bounds.unit_output
        );
        return Err(WorkError::NotWanted { job, reason });
    }
    let most = sealed_size(limits::JOB_INPUT_BYTES as u64);
    let manifest = ("the input manifest", spec.input, most);
    let (manifest, guard) = fetch(ports, bounds, job, Part::Shared, manifest, &requester).await?;
    stored.push(guard);
    let before = Before::of(ports, job, &spec).await?;
    let sources = sources(ports, job, &spec).await;
    let code = ("the code", image.code, limits::CODE_BYTES);
    let (wasm, guard) = fetch(ports, bounds, job, Part::Image, code, &sources).await?;
    stored.push(guard);
    let program = ports.runner.load(wasm).await.map_err(|error| match error {
        LoadError::Refused(reason) => WorkError::Malformed { job, reason },
        LoadError::Machine(reason) => WorkError::Machine { job, reason },
    })?;
    let get = async |peers| {
        let part = Part::Image;
        let from = Source { job, part, peers };
        let files = bring_files(&*ports.blobs, job, &image.files, &from);
        let held = bounds.in_time(bytes_of(&image.files), files).await;
        held.map_err(|source| not_fetched("the image's files", source))?
    };
    let first = get(sources.clone()).await;
    let held = or_from_others(ports, job, first, get).await?;
    let files: Vec<File> = image
        .files
        .iter()
        .map(|file| File::new(Image::seen_as(file), file.hash, file.size))
        .collect();
    let of_image = read_files(&*ports.blobs, job, &files, &held, &Sealing::none()).await?;
    stored.extend(held);
    let mut inputs = OnceCell::new();
    if !is_sealed(&manifest) {
        let loading = Loading {
            ports,
            bounds,
            job,
            spec: &spec,
            image: &image,
            of_image: &of_image,
        };
        let loaded = loading
            .load(manifest.clone(), Sealing::none(), sources)
            .await?;
        inputs = OnceCell::new_with(Some(loaded));
    }
    Ok(Prepared {
        job,
        spec,
        image,
        program,
        before,
        of_image,
        manifest,
        inputs,
        _stored: stored,
    })
}

/// Reads content of a job: what it is called, its address, and how many bytes it may have.
pub(super) async fn fetch(
    ports: &Ports,
    bounds: Bounds,
    job: JobId,
    part: Part,
    (what, hash, max): (&str, ContentHash, u64),
    from: &[Vec<u8>],
) -> Result<(Bytes, Stored), WorkError> {
    let get = async |peers| {
        let from = Source { job, part, peers };
        let fetched = bounds.in_time(max, ports.blobs.fetch(hash, &from, max));
        fetched.await.flatten().map_err(|source| WorkError::Fetch {
            job,
            what: what.into(),
            source,
        })
    };
    let first = get(from.to_vec()).await;
    or_from_others(ports, job, first, get).await
}

/// What the requester could not give, from workers that came earlier; its own failure if they cannot either.
pub(super) async fn or_from_others<T>(
    ports: &Ports,
    job: JobId,
    first: Result<T, WorkError>,
    get: impl AsyncFnOnce(Vec<Vec<u8>>) -> Result<T, WorkError>,
) -> Result<T, WorkError> {
    let Err(WorkError::Fetch {
        source: BlobError::Unreachable(_),
        ..
    }) = first
    else {
        return first;
    };
    let others = holders(ports, job, None).await;
    if others.is_empty() {
        return first;
    }
    get(others).await.or(first)
}

/// Who has what all batches of a job need: its requester, and workers that came earlier. Of a large file each gives a part, so that
/// requesters' lines carry less the more workers there are.
pub(super) async fn sources(ports: &Ports, job: JobId, spec: &JobSpec) -> Vec<Vec<u8>> {
    let mut sources = vec![spec.endpoint.clone()];
    sources.extend(holders(ports, job, None).await);
    sources
}

/// Other workers that may have inputs of a job: those that hold a replica of one of its batches, or of this one. None
/// while the chain cannot be read: then there is nothing to be had from them.
pub(super) async fn holders(ports: &Ports, job: JobId, batch: Option<BatchIndex>) -> Vec<Vec<u8>> {
    let (chain, own): (&dyn Chain, _) = (&*ports.chain, ports.key.account());
    let batches = match batch {
        Some(batch) => chain.batch(job, batch).await.map(Vec::from_iter),
        None => chain
            .batches(Some(job))
            .await
            .map(|all| all.into_iter().map(|(_, _, batch)| batch).collect()),
    };
    let replicas = batches.into_iter().flatten();
    let workers = replicas.flat_map(|batch| batch.replicas);
    let workers = workers.map(|replica| replica.worker);
    // In an order of each one's own: or all that come late ask those that came first.
    let turn = |worker: &AccountId| sungrid_manifest::hash(&(&own, worker).encode()).0;
    let workers: BTreeMap<[u8; 32], AccountId> = workers
        .filter(|worker| *worker != own)
        .map(|worker| (turn(&worker), worker))
        .collect();
    let mut holders = Vec::new();
    for worker in workers.into_values() {
        if holders.len() >= MOST_HOLDERS {
            break;
        }
        if let Ok(Some(worker)) = chain.worker(&worker).await
            && !holders.contains(&worker.endpoint)
        {
            holders.push(worker.endpoint);
        }
    }
    holders
}

/// Has files of a job here.
pub(super) async fn bring_files(
    blobs: &dyn Blobs,
    job: JobId,
    files: &[File],
    from: &Source,
) -> Result<Vec<Stored>, WorkError> {
    let mut held = Vec::new();
    for file in files {
        let brought = blobs.bring(file.hash, from, file.size).await;
        held.push(brought.map_err(|source| WorkError::Fetch {
            job,
            what: format!("input {}", file.name),
            source,
        })?);
    }
    Ok(held)
}

/// Reads files that are here, in the clear.
pub(super) async fn read_files(
    blobs: &dyn Blobs,
    job: JobId,
    files: &[File],
    held: &[Stored],
    sealing: &Sealing,
) -> Result<BTreeMap<String, Bytes>, WorkError> {
    let mut read = BTreeMap::new();
    for (file, content) in files.iter().zip(held) {
        let bytes = blobs.read(content, file.size).await?;
        if bytes.len() as u64 != file.size {
            let reason = format!(
                "{} has {} bytes, the manifest says {}",
                file.name,
                bytes.len(),
                file.size
            );
            return Err(WorkError::Malformed { job, reason });
        }
        let bytes = sealing.open(job, &file.name, bytes)?;
        read.insert(file.name.clone(), bytes);
    }
    Ok(read)
}
