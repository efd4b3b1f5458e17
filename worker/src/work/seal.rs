//! From finished units to a seal: receipts, their root, the bundle, what is kept.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sp_core::H256;
use sungrid_access::Part;
use sungrid_chain_client::JobSpec;
use sungrid_manifest::{Bundle, JobInput, Manifest, UnitInput, UnitOutput, hash, limits};
use sungrid_primitives::{
    ContentHash, JobId, UnitIndex,
    receipt::{BatchSummary, Receipt},
};
use sungrid_seal::{is_sealed, sealed_size};

use super::{
    Bench, Bounds, Computed, Finished, Measured, Prepared, WorkError,
    before::{Before, Gathered},
    inputs::{Sealing, unlock},
    prepare::fetch,
};
use crate::{
    journal::{BatchId, DoneUnit, Seal},
    ports::{Blobs, Ports, Stored},
};

/// What is finished of a batch is sealed within this, or not at all: a machine that is needed, and a deadline, do not wait.
const SEALING: Duration = Duration::from_secs(8);

/// What receipts say of the units of a job beside their results. It needs neither the job's program nor its files.
#[derive(Clone)]
pub(super) struct Papers {
    pub(super) spec: JobSpec,
    pub(super) input: Arc<JobInput>,
    pub(super) sealing: Sealing,
    pub(super) before: Option<Before>,
}

impl Papers {
    /// Those of a job that is not prepared, as after a restart: from the store, or from its requester.
    async fn load(
        ports: &Ports,
        bounds: Bounds,
        id: BatchId,
        spec: JobSpec,
    ) -> Result<Self, WorkError> {
        let job = id.0;
        let peers = [spec.endpoint.clone()];
        let most = sealed_size(limits::JOB_INPUT_BYTES as u64);
        let manifest = ("the input manifest", spec.input, most);
        let manifest = fetch(ports, bounds, job, Part::Shared, manifest, &peers).await?;
        let (mut manifest, _held) = manifest;
        let mut sealing = Sealing::none();
        if is_sealed(&manifest) {
            let (key, opened) = unlock(ports, bounds, id, &spec, &manifest).await?;
            (sealing, manifest) = (Sealing::under(key), opened);
        }
        Ok(Self {
            input: JobInput::decode(&manifest)
                .map_err(|error| WorkError::Malformed {
                    job,
                    reason: format!("the input manifest: {error}"),
                })?
                .into(),
            sealing,
            before: Before::of(ports, job, &spec).await?,
            spec,
        })
    }

    /// What a range of the units gets from an earlier job.
    pub(super) async fn gather(
        &self,
        bench: &Bench,
        id: BatchId,
        (first, count): (UnitIndex, u32),
    ) -> Result<Gathered, WorkError> {
        match &self.before {
            Some(before) => {
                let units = first..first + count;
                before.gather(bench, id.0, units, &self.sealing).await
            }
            None => Ok(Gathered::default()),
        }
    }

    /// The whole input of a unit, by the rules of its manifest: the earlier job's files are no requester's choice.
    pub(super) fn unit(
        &self,
        job: JobId,
        gathered: &Gathered,
        unit: UnitIndex,
    ) -> Result<UnitInput, WorkError> {
        let malformed = |reason: String| WorkError::Malformed { job, reason };
        let input = self.input.unit(unit);
        let mut input = input.ok_or_else(|| malformed(format!("it has no unit {unit}")))?;
        gathered.add_to(&mut input);
        input
            .validate()
            .map_err(|error| malformed(error.to_string()))?;
        Ok(input)
    }
}

/// A job of which a batch is given back: prepared, or, after a restart, by its order alone.
pub enum Given {
    /// All of it is here.
    Prepared(Arc<Prepared>),
    /// What was ordered.
    Ordered(Box<JobSpec>),
}

/// Seals the units of a batch that are finished, from the first on: what was computed is paid though nobody goes on here. `None` if
/// these are fewer than `least`, or it takes too long: its machine is needed.
pub async fn seal_finished(
    bench: Bench,
    given: Given,
    id: BatchId,
    (first, count): (UnitIndex, u32),
    least: u32,
    anchor: H256,
) -> Result<Option<Finished>, WorkError> {
    let sealing = async {
        let computed = finished(&bench, id, (first, count)).await?;
        let units = (first..first + count).take_while(|unit| computed.contains_key(unit));
        let done = units.count() as u32;
        if done < least.max(1) {
            return Ok(None);
        }
        let papers = match given {
            Given::Prepared(prepared) => prepared.papers(&bench.ports, bench.bounds, id).await?,
            Given::Ordered(spec) => Papers::load(&bench.ports, bench.bounds, id, *spec).await?,
        };
        let range = (first, done);
        let gathered = papers.gather(&bench, id, range).await?;
        let seal = seal(&bench, &papers, &gathered, id, anchor, range, computed).await?;
        Ok(Some(Finished {
            seal,
            computed: done.into(),
            measured: Measured::default(),
        }))
    };
    tokio::time::timeout(SEALING, sealing)
        .await
        .unwrap_or(Ok(None))
}

/// The units of a batch that former runs have finished, as far as their outputs are here.
pub(super) async fn finished(
    bench: &Bench,
    id: BatchId,
    (first, count): (UnitIndex, u32),
) -> Result<HashMap<UnitIndex, Computed>, WorkError> {
    let mut computed = HashMap::new();
    for (unit, done) in bench.journal.units(id)? {
        if (first..first + count).contains(&unit)
            && let Some(stored) = hold_outputs(&*bench.ports.blobs, &done).await?
        {
            let resumed = Computed {
                done,
                stored,
                traffic: 0,
                busy: Duration::ZERO,
            };
            computed.insert(unit, resumed);
        }
    }
    Ok(computed)
}

/// Protects the outputs of a unit that a former run computed; `None` when some are gone.
async fn hold_outputs(
    blobs: &dyn Blobs,
    done: &DoneUnit,
) -> Result<Option<Vec<Stored>>, WorkError> {
    let Ok(output) = UnitOutput::decode(&done.output) else {
        return Ok(None);
    };
    let mut stored = Vec::new();
    for content in contents(&output) {
        match blobs.hold(content).await? {
            Some(guard) => stored.push(guard),
            None => return Ok(None),
        }
    }
    Ok(Some(stored))
}

fn contents(output: &UnitOutput) -> impl Iterator<Item = ContentHash> + '_ {
    let streams = [output.stdout, output.stderr]
        .into_iter()
        .flatten()
        .map(|blob| blob.hash);
    streams.chain(output.files.iter().map(|file| file.hash))
}

/// Signs the receipts of a range of units, all of them computed, and keeps what they left under the batch's name.
pub(super) async fn seal(
    bench: &Bench,
    papers: &Papers,
    gathered: &Gathered,
    id: BatchId,
    anchor: H256,
    (first, count): (UnitIndex, u32),
    mut computed: HashMap<UnitIndex, Computed>,
) -> Result<Seal, WorkError> {
    let Ports {
        chain, blobs, key, ..
    } = &bench.ports;
    let job = id.0;
    let malformed = |reason: String| WorkError::Malformed { job, reason };
    let (mut units, mut leaves, mut content, mut guards) = (vec![], vec![], vec![], vec![]);
    for unit in first..first + count {
        let Some(Computed { done, stored, .. }) = computed.remove(&unit) else {
            return Err(malformed(format!("unit {unit} has no result")));
        };
        let output =
            UnitOutput::decode(&done.output).map_err(|error| malformed(error.to_string()))?;
        let input = papers.unit(job, gathered, unit)?;
        let bytes_in = input.traffic(papers.spec.batch_size);
        let input = input
            .encode()
            .map_err(|error| malformed(error.to_string()))?;
        let receipt = Receipt {
            genesis: chain.genesis(),
            job,
            unit,
            image: papers.spec.image,
            input: papers.sealing.input_hash(&input),
            output: hash(&done.output),
            fuel: done.fuel,
            peak_memory: done.peak_memory,
            bytes_in,
            bytes_out: output.size(),
            exit: output.exit,
            environment: papers.spec.environment,
            anchor,
        };
        leaves.push(receipt.leaf());
        content.extend(contents(&output));
        guards.extend(stored);
        units.push((key.sign_receipt(receipt), output));
    }
    let summary = BatchSummary::of(&leaves, &bench.profile)
        .ok_or_else(|| malformed("its profile cannot charge its units".into()))?;
    let bundle = Bundle::new(units)
        .encode()
        .map_err(|error| malformed(error.to_string()))?;
    let stored = blobs.put(bundle.bytes.into()).await?;
    content.push(stored.hash());
    // What a seal is of that this one takes the place of is owed again if its commitment comes back.
    let former = bench.journal.former(id)?;
    if !former.is_empty() {
        content.extend(former.iter().map(|seal| seal.bundle));
        for done in bench.journal.units(id)?.into_values() {
            let output = UnitOutput::decode(&done.output);
            content.extend(output.iter().flat_map(contents));
        }
    }
    blobs.keep(&name(id), &content).await?;
    drop(guards);
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|error| WorkError::Run {
        job,
        unit: first,
        reason: format!("the system has no randomness: {error}"),
    })?;
    Ok(Seal {
        units: count,
        root: summary.root,
        fuel: summary.fuel,
        charge: summary.charge,
        salt,
        bundle: bundle.hash,
    })
}

/// The name under which a batch's outputs are kept.
pub fn name((job, batch): BatchId) -> String {
    format!("batch/{job}/{batch}")
}

/// The batch whose outputs are kept under a name.
pub fn parse_name(name: &str) -> Option<BatchId> {
    let (job, batch) = name.strip_prefix("batch/")?.split_once('/')?;
    Some((job.parse().ok()?, batch.parse().ok()?))
}
