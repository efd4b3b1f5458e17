//! The outputs of the job that a job comes after: part of its units' inputs, so receipts are checked against them.

use std::fs;

use sungrid_chain_client::{Chain, JobSpec};
use sungrid_data_plane::{DataPlane, FetchOptions, PeerAddress};
use sungrid_manifest::{Bundle, JobInput, Manifest, UnitInput, UnitOutput, limits};
use sungrid_primitives::{BatchIndex, JobId, UnitIndex, job::gathered};

use crate::{Error, folder::JobFolder, requester::in_the_clear, serve::blob, verify::VerifyError};

/// The accepted outputs of every unit of the earlier job, in order.
#[derive(Clone, Debug, Default)]
pub struct Before(Vec<UnitOutput>);

impl Before {
    /// Adds to the input of a unit what it got from the earlier job.
    pub fn add_to(&self, input: &mut UnitInput) {
        // A job has at most 2^20 units.
        let units = gathered(self.0.len() as u32, input.units, input.unit);
        let output = |unit: UnitIndex| Some((unit, self.0.get(usize::try_from(unit).ok()?)?));
        input.gather(units.into_iter().flatten().filter_map(output));
    }

    /// Whether every unit of a job gets an input that workers take: each earlier unit adds several files to it.
    ///
    /// # Errors
    /// [`Error::Usage`] if it does not: a worker would decline it, and the requester pay for that.
    pub fn check(&self, input: &JobInput, spec: &JobSpec) -> Result<(), Error> {
        for mut unit in (0..input.count).filter_map(|unit| input.unit(unit)) {
            self.add_to(&mut unit);
            unit.encode().map_err(|error| {
                Error::Usage(format!(
                    "unit {} would get {} files, those of the job before included, which no worker takes ({error}): let a \
                     unit get fewer of that job's, by more --units, or have that job leave fewer files",
                    unit.unit,
                    unit.files.len()
                ))
            })?;
            let traffic = unit.traffic(spec.batch_size);
            if traffic > spec.traffic_limit {
                return Err(Error::Usage(format!(
                    "unit {} would get {traffic} bytes, those of the job before included, and {} are its limit: raise --traffic-limit, \
                     or leave it out",
                    unit.unit, spec.traffic_limit
                )));
            }
        }
        Ok(())
    }

    /// What was kept of the earlier job, with names in the clear; `None` if it was not fetched yet.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Manifest`] if it cannot be read.
    pub fn load(folder: &JobFolder) -> Result<Option<Self>, Error> {
        let key = folder.key()?;
        let folder = folder.before();
        if !folder.is_dir() {
            return Ok(None);
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::file("list", &folder))? {
            files.push(entry.map_err(Error::file("list", &folder))?.path());
        }
        // Their names have as many digits each.
        files.sort_unstable();
        let mut outputs = Vec::new();
        for path in files {
            let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
            let of_batch = in_the_clear(key.as_ref(), Bundle::decode(&bytes)?.outputs);
            outputs.extend(of_batch.map_err(VerifyError::from)?);
        }
        Ok(Some(Self(outputs)))
    }

    /// Fetches one accepted bundle of every batch of the earlier job from who made it or ordered it, and keeps them all
    /// in the folder: whole, or not at all.
    ///
    /// # Errors
    /// [`Error::NotFetched`] if one is not to be had now, [`Error::UnknownJob`], [`Error::Chain`], [`Error::Store`],
    /// [`Error::File`].
    pub async fn fetch(
        chain: &dyn Chain,
        plane: &DataPlane,
        folder: &JobFolder,
        job: JobId,
    ) -> Result<Self, Error> {
        let record = chain.job(job).await?.ok_or(Error::UnknownJob(job))?;
        let mut results = chain.results(job).await?;
        let first = |batch: BatchIndex| record.range(batch).map(|(first, _)| first);
        results.sort_by_key(|(batch, _)| first(*batch));
        let missing = (record.total_batches() as usize).saturating_sub(results.len());
        let not_fetched = |missing, reason: String| Error::NotFetched {
            job,
            missing,
            reason,
        };
        if missing > 0 {
            return Err(not_fetched(missing, "it is not complete".into()));
        }
        let key = folder.key()?;
        let requester = PeerAddress::from_bytes(&record.spec.endpoint).ok();
        let partial = folder.before().with_extension("part");
        fs::create_dir_all(&partial).map_err(Error::file("create", &partial))?;
        let mut outputs = Vec::new();
        for (batch, result) in results {
            let mut found = None;
            let mut reason = String::from("nobody has it");
            for winner in &result.winners {
                let worker = chain.worker(&winner.worker).await?;
                let maker = worker.and_then(|w| PeerAddress::from_bytes(&w.endpoint).ok());
                // Whoever ordered it has it, too, while it is there: its makers may have left.
                let peers: Vec<PeerAddress> = maker.into_iter().chain(requester.clone()).collect();
                let (hash, limit) = (blob(&winner.bundle), limits::BUNDLE_BYTES as u64);
                match plane.fetch(hash, &peers, FetchOptions::up_to(limit)).await {
                    Ok(_held) => {
                        let bytes = plane.get_bytes(hash, limit).await?;
                        let outputs = Bundle::decode(&bytes)
                            .ok()
                            .and_then(|bundle| bundle.outputs_of(&result.summary));
                        if let Some(outputs) = outputs {
                            found = Some((bytes, outputs));
                            break;
                        }
                        reason = format!("worker {} has another result", winner.worker);
                    }
                    Err(error) => reason = error.to_string(),
                }
            }
            let (bytes, of_batch) = found.ok_or_else(|| not_fetched(1, reason))?;
            // By their units: what was cut off a batch comes after it.
            let first = first(batch).unwrap_or_default();
            let path = partial.join(format!("{first:07}.cbor"));
            crate::folder::write_whole(&path, &bytes)?;
            let of_batch = in_the_clear(key.as_ref(), of_batch);
            outputs.extend(of_batch.map_err(VerifyError::from)?);
        }
        let whole = folder.before();
        fs::rename(&partial, &whole).map_err(Error::file("write", &whole))?;
        Ok(Self(outputs))
    }
}

#[cfg(test)]
mod tests {
    use sungrid_manifest::{File, UnitSpec};
    use sungrid_primitives::ContentHash;

    use super::*;

    fn left(files: usize) -> UnitOutput {
        let file = |n: usize| File::new(n.to_string(), ContentHash::zero(), 1);
        UnitOutput {
            version: 1,
            exit: 0,
            stdout: None,
            stderr: None,
            files: (0..files).map(file).collect(),
        }
    }

    #[test]
    fn what_no_worker_takes_is_refused_before_it_is_paid_for() {
        let input = |units| JobInput::alike(vec![], UnitSpec::default(), units);
        // As many files as a unit may have, and one more.
        let before = |files| Before(vec![left(files); 128]);
        let spec = |traffic_limit| JobSpec {
            traffic_limit,
            ..crate::verify::tests::spec()
        };
        before(2).check(&input(1), &spec(256)).expect("256 files");
        let refused = before(3).check(&input(1), &spec(384));
        let refused = refused.expect_err("384 files").to_string();
        assert!(refused.contains("384 files"), "{refused}");
        before(3)
            .check(&input(2), &spec(192))
            .expect("192 for each");
        // Of a byte each.
        let refused = before(3).check(&input(2), &spec(191));
        let refused = refused.expect_err("192 bytes").to_string();
        assert!(refused.contains("raise --traffic-limit"), "{refused}");
    }
}
