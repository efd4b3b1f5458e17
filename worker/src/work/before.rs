//! The outputs of the job that a job comes after: found on the chain, fetched from those who made them, or who ordered
//! them. [S20]

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use sungrid_access::Part;
use sungrid_chain_client::{AccountId, Job, JobSpec};
use sungrid_manifest::{Bundle, Manifest, UnitInput, UnitOutput, limits};
use sungrid_primitives::{BatchIndex, ContentHash, JobId, UnitIndex, job};

use super::{Bench, WorkError, inputs::Sealing};
use crate::ports::{BlobError, Ports, Source, Stored};

/// Bundles that one batch may need. More, and a requester could have a worker fetch for hours before its first unit.
const MOST_BUNDLES: u32 = 64;

/// An earlier job, and the units of the later one.
#[derive(Clone, Debug)]
pub(super) struct Before {
    job: JobId,
    record: Job,
    units: u32,
}

/// What the units of one batch get from the earlier job.
#[derive(Default)]
pub(super) struct Gathered {
    /// Providers that failed: they are asked last, so that a slow one is waited for once.
    failed: Mutex<HashSet<Vec<u8>>>,
    before: Option<Before>,
    outputs: HashMap<UnitIndex, UnitOutput>,
    /// Who has the content of an earlier unit, and a batch that left it.
    providers: HashMap<ContentHash, (BatchIndex, Vec<Vec<u8>>)>,
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
            .map_err(|source| WorkError::Chain { job: id, source })?;
        let record = record.ok_or_else(|| WorkError::Malformed {
            job: id,
            reason: format!("it comes after job {job}, which is gone"),
        })?;
        let before = Self {
            job,
            record,
            units: spec.units,
        };
        for (first, count) in (0..spec.batches()).filter_map(|batch| spec.ordered_range(batch)) {
            let bundles = before.batches(id, first..first + count)?.len() as u32;
            if bundles > MOST_BUNDLES {
                let reason = format!(
                    "a batch of it needs {bundles} bundles of job {job}, this worker fetches {MOST_BUNDLES}"
                );
                return Err(WorkError::NotWanted { job: id, reason });
            }
        }
        Ok(Some(before))
    }

    /// The batches of the earlier job that made what a range of the later one's units gets.
    fn batches(&self, id: JobId, units: Range<UnitIndex>) -> Result<Vec<BatchIndex>, WorkError> {
        let of = |unit| job::gathered(self.record.spec.units, self.units, unit);
        let size = self.record.spec.batch_size.max(1);
        let layout = self.record.layout();
        of(units.start)
            .zip(of(units.end.saturating_sub(1)))
            .map(|(first, last)| {
                let needs = first.start..last.end;
                let ordered = needs.start / size..needs.end.div_ceil(size);
                let all = ordered.clone().chain(layout.made_of(ordered));
                let is_needed = |batch: &BatchIndex| {
                    let range = layout.range(*batch);
                    range.is_some_and(|(first, count)| {
                        first < needs.end && first + count > needs.start
                    })
                };
                all.filter(is_needed).collect()
            })
            .ok_or_else(|| WorkError::Malformed {
                job: id,
                reason: format!("its units do not divide those of job {}", self.job),
            })
    }

    /// Fetches what a range of the later job's units gets.
    pub(super) async fn gather(
        &self,
        bench: &Bench,
        id: JobId,
        units: Range<UnitIndex>,
        sealing: &Sealing,
    ) -> Result<Gathered, WorkError> {
        let mut gathered = Gathered {
            before: Some(self.clone()),
            ..Gathered::default()
        };
        for batch in self.batches(id, units)? {
            let (outputs, providers) = self.batch(bench, &gathered, id, batch).await?;
            let (first, _) = self.record.range(batch).unwrap_or_default();
            for (unit, output) in (first..).zip(outputs) {
                let output = sealing.names(id, output)?;
                for file in output.contents() {
                    // Other batches may have left the same.
                    let known = gathered.providers.entry(file.hash);
                    let (_, known) = known.or_insert_with(|| (batch, Vec::new()));
                    for provider in &providers {
                        if !known.contains(provider) {
                            known.push(provider.clone());
                        }
                    }
                }
                gathered.outputs.insert(unit, output);
            }
        }
        Ok(gathered)
    }

    /// The accepted outputs of one batch of the earlier job, and who has them.
    async fn batch(
        &self,
        bench: &Bench,
        gathered: &Gathered,
        id: JobId,
        batch: BatchIndex,
    ) -> Result<(Vec<UnitOutput>, Vec<Vec<u8>>), WorkError> {
        let ports = &bench.ports;
        let result = ports.chain.result(self.job, batch).await;
        let result = result
            .map_err(|source| WorkError::Chain { job: id, source })?
            .ok_or_else(|| WorkError::Malformed {
                job: id,
                reason: format!("batch {batch} of job {} has no result", self.job),
            })?;
        let mut bundles = Vec::new();
        for winner in &result.winners {
            if let Some(endpoint) = endpoint(ports, id, &winner.worker).await? {
                bundles.push((endpoint, winner.bundle));
            }
        }
        let mut providers: Vec<Vec<u8>> = bundles.iter().map(|(from, _)| from.clone()).collect();
        // Whoever ordered the earlier job has its outputs, too, while it is there: makers may have left.
        let requester = &self.record.spec.endpoint;
        providers.push(requester.clone());
        bundles.extend(
            result
                .winners
                .iter()
                .map(|winner| (requester.clone(), winner.bundle)),
        );
        let limit = limits::BUNDLE_BYTES as u64;
        let mut found = None;
        let mut failure = BlobError::Unreachable("nobody has them".into());
        for (endpoint, bundle) in gathered.best_first(&bundles, |(endpoint, _)| endpoint) {
            let content = match gathered.ask(bench, batch, *bundle, endpoint, limit).await {
                Ok(content) => content,
                Err(error) => {
                    failure = passing(error)?;
                    continue;
                }
            };
            let bytes = ports.blobs.read(&content, limit).await?;
            found = Bundle::decode(&bytes)
                .ok()
                .and_then(|bundle| bundle.outputs_of(&result.summary));
            if found.is_some() {
                break;
            }
            failure = BlobError::Unreachable("the bundle is not the accepted one".into());
        }
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
        let units = job::gathered(before.record.spec.units, before.units, input.unit);
        let outputs = units.into_iter().flatten();
        input.gather(outputs.filter_map(|unit| Some((unit, self.outputs.get(&unit)?))));
    }

    /// Has content of an earlier unit here, from any who has it.
    pub(super) async fn bring(
        &self,
        bench: &Bench,
        hash: ContentHash,
        size: u64,
    ) -> Result<Stored, BlobError> {
        let mut failure = BlobError::Unreachable("nobody has it".into());
        let Some((batch, providers)) = self.providers.get(&hash) else {
            return Err(failure);
        };
        for provider in self.best_first(providers, |provider| provider) {
            match self.ask(bench, *batch, hash, provider, size).await {
                Ok(content) => return Ok(content),
                Err(error) => failure = passing(error)?,
            }
        }
        Err(failure)
    }

    /// Those first that have not failed yet.
    fn best_first<'a, T>(&self, providers: &'a [T], name: impl Fn(&T) -> &Vec<u8>) -> Vec<&'a T> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut providers: Vec<&T> = providers.iter().collect();
        providers.sort_by_key(|provider| failed.contains(name(provider)));
        providers
    }

    async fn ask(
        &self,
        bench: &Bench,
        batch: BatchIndex,
        hash: ContentHash,
        provider: &[u8],
        size: u64,
    ) -> Result<Stored, BlobError> {
        let Some(before) = &self.before else {
            return Err(BlobError::Unreachable("nothing comes before it".into()));
        };
        let from = Source {
            job: before.job,
            part: Part::Outputs(batch),
            peers: vec![provider.into()],
        };
        let content = bench.ports.blobs.bring(hash, &from, size);
        let content = bench.bounds.in_time(size, content).await.flatten();
        if content.is_err() {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.insert(provider.into());
        }
        content
    }
}

/// A provider's failure: others may do better, or the same one later. What fails here fails with all.
fn passing(error: BlobError) -> Result<BlobError, BlobError> {
    match error {
        BlobError::Unreachable(reason) | BlobError::Misbehaved(reason) => {
            Ok(BlobError::Unreachable(reason))
        }
        BlobError::Full(_) | BlobError::Quota(_) | BlobError::Store(_) => Err(error),
    }
}

async fn endpoint(
    ports: &Ports,
    id: JobId,
    worker: &AccountId,
) -> Result<Option<Vec<u8>>, WorkError> {
    let worker = ports.chain.worker(worker).await;
    Ok(worker
        .map_err(|source| WorkError::Chain { job: id, source })?
        .map(|worker| worker.endpoint))
}
