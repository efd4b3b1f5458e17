//! What all batches of a job need: its image, its input manifest, the files that its units share.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use sungrid_chain_client::{ChainError, JobSpec};
use sungrid_manifest::{File, Image, JobInput, Manifest, ManifestError, limits};
use sungrid_primitives::{ContentHash, JobId};

use super::{WorkError, before::Before};
use crate::ports::{BlobError, Blobs, LoadError, Ports, Program, Stored};

/// A job whose image and shared inputs are here: its batches can start at once.
pub struct Prepared {
    pub(super) job: JobId,
    pub(super) spec: JobSpec,
    pub(super) image: Image,
    pub(super) program: Arc<dyn Program>,
    pub(super) input: JobInput,
    pub(super) before: Option<Before>,
    pub(super) shared: BTreeMap<String, Bytes>,
    _stored: Vec<Stored>,
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
        let time =
            Duration::from_secs(bytes / self.fetch_rate.max(1)).saturating_add(self.fetch_time);
        let fetched = tokio::time::timeout(time, fetch).await;
        fetched.map_err(|_| BlobError::Unreachable(format!("it is not served within {time:?}")))
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
    let from = &spec.endpoint;
    let malformed = |what: &str, error: ManifestError| WorkError::Malformed {
        job,
        reason: format!("{what}: {error}"),
    };
    let not_fetched = |what: &str, source: BlobError| WorkError::Fetch {
        job,
        what: what.into(),
        source,
    };
    let fetch = async |what: &str, hash: ContentHash, max: u64| {
        let fetched = bounds.in_time(max, ports.blobs.fetch(hash, from, max));
        fetched
            .await
            .flatten()
            .map_err(|source| not_fetched(what, source))
    };
    let mut stored = Vec::new();
    let (bytes, guard) =
        fetch("the image manifest", spec.image, limits::IMAGE_BYTES as u64).await?;
    stored.push(guard);
    let image = Image::decode(&bytes).map_err(|error| malformed("the image manifest", error))?;
    if image.limits.output > bounds.unit_output {
        let reason = format!(
            "its units may write {} bytes, this worker allows {}",
            image.limits.output, bounds.unit_output
        );
        return Err(WorkError::NotWanted { job, reason });
    }
    let (bytes, guard) = fetch(
        "the input manifest",
        spec.input,
        limits::JOB_INPUT_BYTES as u64,
    )
    .await?;
    stored.push(guard);
    let input = JobInput::decode(&bytes).map_err(|error| malformed("the input manifest", error))?;
    if input.count != spec.units {
        let reason = format!(
            "its input manifest has {} units, the job has {}",
            input.count, spec.units
        );
        return Err(WorkError::Malformed { job, reason });
    }
    // What a unit gets from an earlier job comes on top, and is known only with that job's bundles.
    let shared_bytes = bytes_of(&input.shared);
    let own_bytes = input.units.iter().map(|unit| bytes_of(&unit.files));
    bounds.admit_input(job, shared_bytes + own_bytes.max().unwrap_or(0))?;
    let before = Before::of(ports, job, &spec).await?;
    let (wasm, guard) = fetch("the code", image.code, limits::CODE_BYTES).await?;
    stored.push(guard);
    let program = ports.runner.load(wasm).await.map_err(|error| match error {
        LoadError::Refused(reason) => WorkError::Malformed { job, reason },
        LoadError::Machine(reason) => WorkError::Machine { job, reason },
    })?;
    let shared = bring_files(&*ports.blobs, job, &input.shared, from);
    let held = bounds.in_time(shared_bytes, shared);
    let held = held
        .await
        .map_err(|source| not_fetched("what its units share", source))??;
    let shared = read_files(&*ports.blobs, job, &input.shared, &held).await?;
    stored.extend(held);
    Ok(Prepared {
        job,
        spec,
        image,
        program,
        input,
        before,
        shared,
        _stored: stored,
    })
}

/// Has files of a job here.
pub(super) async fn bring_files(
    blobs: &dyn Blobs,
    job: JobId,
    files: &[File],
    from: &[u8],
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

/// Reads files that are here.
pub(super) async fn read_files(
    blobs: &dyn Blobs,
    job: JobId,
    files: &[File],
    held: &[Stored],
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
        read.insert(file.name.clone(), bytes);
    }
    Ok(read)
}
