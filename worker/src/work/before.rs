//! The outputs of the job that a job comes after: found on the chain, fetched from those who made them. [S20]

use std::{collections::HashMap, ops::Range};

use bytes::Bytes;
use sungrid_chain_client::{AccountId, ChainError, JobSpec};
use sungrid_manifest::{Bundle, Manifest, UnitInput, UnitOutput, limits};
use sungrid_primitives::{BatchIndex, ContentHash, JobId, UnitIndex, job};

use super::WorkError;
use crate::ports::{BlobError, Blobs, Ports, Stored};

/// Bundles that one batch may need. More, and a requester could have a worker fetch for hours before its first unit.
const MOST_BUNDLES: u32 = 64;

/// An earlier job, and the units of the later one.
#[derive(Clone, Debug)]
pub(super) struct Before {
    job: JobId,
    spec: JobSpec,
    units: u32,
}

/// What the units of one batch get from the earlier job.
#[derive(Default)]
pub(super) struct Gathered {
    before: Option<Before>,
    outputs: HashMap<UnitIndex, UnitOutput>,
    /// Who has the content of an earlier unit.
    providers: HashMap<ContentHash, Vec<Vec<u8>>>,
}

impl Before {
    /// The job that an order comes after, if it does.
    pub(super) async fn of(
        ports: &Ports,
        id: JobId,
        spec: &JobSpec,
    ) -> Result<Option<Self>, WorkError> {
        let Some(job) = spec.after else {
            return Ok(None);
        };
        let record = ports
            .chain
            .job(job)
            .await
            .map_err(|error| unknown(id, job, error))?;
        let record = record.ok_or_else(|| WorkError::Malformed {
            job: id,
            reason: format!("it comes after job {job}, which is gone"),
        })?;
        Ok(Some(Self {
            job,
            spec: record.spec,
            units: spec.units,
        }))
    }

    /// Fetches what a range of the later job's units gets.
    pub(super) async fn gather(
        &self,
        ports: &Ports,
        id: JobId,
        units: Range<UnitIndex>,
    ) -> Result<Gathered, WorkError> {
        let malformed = |reason: String| WorkError::Malformed { job: id, reason };
        let of = |unit| job::gathered(self.spec.units, self.units, unit);
        let wanted = of(units.start)
            .zip(of(units.end.saturating_sub(1)))
            .map(|(first, last)| first.start..last.end)
            .ok_or_else(|| {
                malformed(format!("its units do not divide those of job {}", self.job))
            })?;
        let size = self.spec.batch_size.max(1);
        let batches = wanted.start / size..wanted.end.div_ceil(size);
        if batches.len() as u32 > MOST_BUNDLES {
            let reason = format!(
                "a batch of it needs {} bundles of job {}, this worker fetches {MOST_BUNDLES}",
                batches.len(),
                self.job
            );
            return Err(WorkError::NotWanted { job: id, reason });
        }
        let mut gathered = Gathered {
            before: Some(self.clone()),
            ..Gathered::default()
        };
        for batch in batches {
            let (outputs, providers) = self.batch(ports, id, batch).await?;
            let first = batch.saturating_mul(size);
            for (unit, output) in (first..).zip(outputs) {
                for file in output.contents() {
                    gathered.providers.insert(file.hash, providers.clone());
                }
                gathered.outputs.insert(unit, output);
            }
        }
        Ok(gathered)
    }

    /// The accepted outputs of one batch of the earlier job, and who has them.
    async fn batch(
        &self,
        ports: &Ports,
        id: JobId,
        batch: BatchIndex,
    ) -> Result<(Vec<UnitOutput>, Vec<Vec<u8>>), WorkError> {
        let result = ports.chain.result(self.job, batch).await;
        let result = result
            .map_err(|error| unknown(id, self.job, error))?
            .ok_or_else(|| WorkError::Malformed {
                job: id,
                reason: format!("batch {batch} of job {} has no result", self.job),
            })?;
        let mut found = None;
        let mut providers = Vec::new();
        let mut failure = BlobError::Unreachable("nobody is registered who has them".into());
        for winner in &result.winners {
            let Some(endpoint) = endpoint(ports, id, self.job, &winner.worker).await? else {
                continue;
            };
            if found.is_none() {
                let limit = limits::BUNDLE_BYTES as u64;
                match ports.blobs.fetch(winner.bundle, &endpoint, limit).await {
                    Ok((bytes, _)) => {
                        found = Bundle::decode(&bytes)
                            .ok()
                            .and_then(|bundle| bundle.outputs_of(&result.summary));
                        // Another winner may have a good one.
                        if found.is_none() {
                            failure =
                                BlobError::Unreachable("the bundle is not the accepted one".into());
                        }
                    }
                    Err(error) => failure = passing(error)?,
                }
            }
            providers.push(endpoint);
        }
        // Whoever ordered the earlier job has its outputs, too, while it is there.
        providers.push(self.spec.endpoint.clone());
        let outputs = found.ok_or(WorkError::Fetch {
            job: id,
            what: format!("the outputs of batch {batch} of job {}", self.job),
            source: failure,
        })?;
        Ok((outputs, providers))
    }
}

impl Gathered {
    /// Adds to the input of a unit what it gets from the earlier job.
    pub(super) fn add_to(&self, input: &mut UnitInput) {
        let Some(before) = &self.before else {
            return;
        };
        let units = job::gathered(before.spec.units, before.units, input.unit);
        let outputs = units.into_iter().flatten();
        input.gather(outputs.filter_map(|unit| Some((unit, self.outputs.get(&unit)?))));
    }

    /// Content of an earlier unit, from any who has it.
    pub(super) async fn fetch(
        &self,
        blobs: &dyn Blobs,
        hash: ContentHash,
        size: u64,
    ) -> Result<(Bytes, Stored), BlobError> {
        let mut failure = BlobError::Unreachable("nobody has it".into());
        for provider in self.providers.get(&hash).into_iter().flatten() {
            match blobs.fetch(hash, provider, size).await {
                Ok(content) => return Ok(content),
                Err(error) => failure = passing(error)?,
            }
        }
        Err(failure)
    }
}

/// A provider's failure: others may do better, or the same one later. What fails here fails with all.
fn passing(error: BlobError) -> Result<BlobError, BlobError> {
    match error {
        BlobError::Unreachable(reason) | BlobError::Misbehaved(reason) => {
            Ok(BlobError::Unreachable(reason))
        }
        BlobError::Full(_) | BlobError::Store(_) => Err(error),
    }
}

async fn endpoint(
    ports: &Ports,
    id: JobId,
    before: JobId,
    worker: &AccountId,
) -> Result<Option<Vec<u8>>, WorkError> {
    let worker = ports.chain.worker(worker).await;
    Ok(worker
        .map_err(|error| unknown(id, before, error))?
        .map(|worker| worker.endpoint))
}

fn unknown(job: JobId, before: JobId, error: ChainError) -> WorkError {
    WorkError::Fetch {
        job,
        what: format!("what the chain knows of job {before}"),
        source: BlobError::Unreachable(error.to_string()),
    }
}
