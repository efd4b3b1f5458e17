//! What the units of a job get: its input manifest and the files that they share, opened if they are sealed.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use sungrid_access::Part;
use sungrid_chain_client::JobSpec;
use sungrid_manifest::{Encoded, Image, JobInput, Manifest, ManifestError, UnitOutput};
use sungrid_primitives::{ContentHash, JobId};
use sungrid_seal::{JobKey, LeftBehind, open_output, seal_output};

use super::{
    Bounds, WorkError,
    prepare::{bring_files, bytes_of, holders, or_from_others, read_files, sources, too_much},
};
use crate::{
    journal::BatchId,
    ports::{BlobError, Ports, Source, Stored},
};

/// The inputs of a job, in the clear: they are in memory only.
pub(super) struct Inputs {
    pub(super) input: Arc<JobInput>,
    /// What every unit finds below `/in`, the image's files included.
    pub(super) shared: BTreeMap<String, Bytes>,
    pub(super) sealing: Sealing,
    _stored: Vec<Stored>,
    /// As long as this lives, other workers of the job have the key from here.
    _key: Option<Box<dyn Any + Send + Sync>>,
}

/// How content of a job stands outside of memory: as it is, or sealed under the job's key.
#[derive(Clone, Debug)]
pub(super) struct Sealing(Option<JobKey>);

impl Sealing {
    /// As it is.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Sealed under a key.
    pub(super) fn under(key: JobKey) -> Self {
        Self(Some(key))
    }

    /// What stored bytes are.
    pub(super) fn open(&self, job: JobId, what: &str, bytes: Bytes) -> Result<Bytes, WorkError> {
        match &self.0 {
            None => Ok(bytes),
            Some(key) => {
                let opened = key.open(Vec::from(bytes));
                opened
                    .map(Bytes::from)
                    .map_err(|error| WorkError::Malformed {
                        job,
                        reason: format!("{what}: {error}"),
                    })
            }
        }
    }

    /// What a receipt names as input.
    pub(super) fn input_hash(&self, input: &Encoded) -> ContentHash {
        match &self.0 {
            None => input.hash,
            Some(key) => key.input_hash(&input.bytes),
        }
    }

    /// The manifest of what a unit left, and the content to be stored.
    pub(super) fn output(
        &self,
        left: LeftBehind,
    ) -> Result<(UnitOutput, Vec<Vec<u8>>), ManifestError> {
        match &self.0 {
            Some(key) => seal_output(key, left),
            None => {
                let output = UnitOutput::of(left.exit, &left.stdout, &left.stderr, &left.files);
                output.validate()?;
                let streams = [left.stdout, left.stderr].into_iter();
                let streams = streams.filter(|stream| !stream.is_empty());
                Ok((output, streams.chain(left.files.into_values()).collect()))
            }
        }
    }

    /// What a unit of an earlier job left, with names in the clear.
    pub(super) fn names(&self, job: JobId, output: UnitOutput) -> Result<UnitOutput, WorkError> {
        match &self.0 {
            None => Ok(output),
            Some(key) => open_output(key, &output).map_err(|error| WorkError::Malformed {
                job,
                reason: format!("what the job before it left does not open under its key: {error}"),
            }),
        }
    }
}

/// What inputs are loaded for.
pub(super) struct Loading<'a> {
    pub(super) ports: &'a Ports,
    pub(super) bounds: Bounds,
    pub(super) job: JobId,
    pub(super) spec: &'a JobSpec,
    pub(super) image: &'a Image,
    /// The image's files, which are never sealed.
    pub(super) of_image: &'a BTreeMap<String, Bytes>,
}

impl Loading<'_> {
    fn malformed(&self, what: &str, error: impl std::fmt::Display) -> WorkError {
        WorkError::Malformed {
            job: self.job,
            reason: format!("{what}: {error}"),
        }
    }

    fn not_fetched(&self, what: &str, source: BlobError) -> WorkError {
        WorkError::Fetch {
            job: self.job,
            what: what.into(),
            source,
        }
    }

    /// Opens a sealed manifest with the key that its requester hands to who holds this batch.
    pub(super) async fn open(&self, sealed: &Bytes, batch: BatchId) -> Result<Inputs, WorkError> {
        let (key, manifest) = unlock(self.ports, self.bounds, batch, self.spec, sealed).await?;
        let shared = self.ports.blobs.share_key(self.job, &key);
        let sources = sources(self.ports, self.job, self.spec).await;
        let mut inputs = self.load(manifest, Sealing::under(key), sources).await?;
        inputs._key = Some(shared);
        Ok(inputs)
    }

    /// Checks a manifest and fetches what all units share from those who have it.
    pub(super) async fn load(
        &self,
        manifest: Bytes,
        sealing: Sealing,
        sources: Vec<Vec<u8>>,
    ) -> Result<Inputs, WorkError> {
        let (ports, bounds, job, spec) = (self.ports, self.bounds, self.job, self.spec);
        let input = JobInput::decode(&manifest)
            .map_err(|error| self.malformed("the input manifest", error))?;
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
        let image_bytes = bytes_of(&self.image.files);
        bounds.admit_input(
            job,
            image_bytes + shared_bytes + own_bytes.max().unwrap_or(0),
        )?;
        let traffic = input.most_traffic(spec.batch_size);
        if traffic > spec.traffic_limit {
            return Err(too_much(job, traffic, spec.traffic_limit));
        }
        let admitted = self.image.admits(&input);
        admitted.map_err(|error| self.malformed("the input manifest", error))?;
        let part = Part::Shared;
        let get = async |peers| {
            let from = Source { job, part, peers };
            let files = bring_files(&*ports.blobs, job, &input.shared, &from);
            let held = bounds.in_time(shared_bytes, files).await;
            held.map_err(|source| self.not_fetched("what its units share", source))?
        };
        let first = get(sources).await;
        let held = or_from_others(ports, job, first, get).await?;
        let mut shared = read_files(&*ports.blobs, job, &input.shared, &held, &sealing).await?;
        shared.extend(self.of_image.clone());
        Ok(Inputs {
            input: Arc::new(input),
            shared,
            sealing,
            _stored: held,
            _key: None,
        })
    }
}

impl Inputs {
    /// Bytes that a unit gets: what all share and, on average, its own. What comes from an earlier job is not known yet.
    pub(super) fn unit_bytes(&self) -> u64 {
        let own: u64 = self
            .input
            .units
            .iter()
            .map(|unit| bytes_of(&unit.files))
            .sum();
        bytes_of(&self.input.shared) + own / (self.input.units.len() as u64).max(1)
    }
}

/// The key of a job, from its requester or who computes it, for who holds this batch, and the input manifest that it opens.
pub(super) async fn unlock(
    ports: &Ports,
    bounds: Bounds,
    batch: BatchId,
    spec: &JobSpec,
    sealed: &Bytes,
) -> Result<(JobKey, Bytes), WorkError> {
    let job = batch.0;
    let key_of = async |peer: &[u8]| {
        let asked = ports.blobs.key(batch, peer);
        let key = bounds.in_time(0, asked).await.flatten();
        let key = key.map_err(|source| WorkError::Fetch {
            job,
            what: "the key".into(),
            source,
        })?;
        let manifest = key
            .open(sealed.to_vec())
            .map_err(|error| WorkError::Malformed {
                job,
                reason: format!("the sealed input manifest: {error}"),
            })?;
        Ok((key, Bytes::from(manifest)))
    };
    match key_of(&spec.endpoint).await {
        // Whoever computes the same has it, too. What another one gives proves nothing against the requester.
        Err(
            first @ WorkError::Fetch {
                source: BlobError::Unreachable(_),
                ..
            },
        ) => {
            for peer in holders(ports, job, None).await {
                if let Ok(found) = key_of(&peer).await {
                    return Ok(found);
                }
            }
            Err(first)
        }
        requester => requester,
    }
}
