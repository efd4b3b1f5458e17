//! Follows a series: its jobs one after the other, all served from the series' store, since its orders name one address.

use std::{fs, sync::Arc};

use sungrid_access::Scope;
use sungrid_chain_client::{Chain, Job};
use sungrid_primitives::JobId;

use crate::{
    Error,
    folder::{JobFolder, JobRecord, Task},
    requester::Requester,
    serve,
};

/// A series that was ordered from here.
pub struct Follower {
    chain: Arc<dyn Chain>,
    folder: JobFolder,
    record: JobRecord,
    series: JobId,
    output_limit: u64,
}

impl Follower {
    /// Takes up a series where it was left.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Malformed`] if its folder cannot be read.
    pub fn new(chain: Arc<dyn Chain>, folder: JobFolder, output_limit: u64) -> Result<Self, Error> {
        let record = folder.record()?;
        let series = record
            .job
            .ok_or_else(|| Error::malformed(folder.path(), "this series was never ordered"))?;
        Ok(Self {
            chain,
            folder,
            record,
            series,
            output_limit,
        })
    }

    /// The number of the series.
    pub fn series(&self) -> JobId {
        self.series
    }

    /// Its folder; its jobs have theirs below.
    pub fn folder(&self) -> &JobFolder {
        &self.folder
    }

    /// Whether nothing more of it starts.
    ///
    /// # Errors
    /// [`Error::Chain`].
    pub async fn is_over(&self) -> Result<bool, Error> {
        let running = self.chain.series().await?;
        Ok(running.iter().all(|(id, _)| *id != self.series))
    }

    /// The first of its jobs that was not followed to its end, ready to be followed; `None` while there is none.
    ///
    /// # Errors
    /// [`Error::Chain`], [`Error::File`], [`Error::Spawn`].
    pub async fn next(&self) -> Result<Option<Requester>, Error> {
        for (id, job) in self.chain.jobs().await? {
            if job.series != Some(self.series) {
                continue;
            }
            let (folder, record) = self.instance(id, job)?;
            if record.ended.is_some() {
                continue;
            }
            let chain = self.chain.clone();
            let opened = serve::open(&chain, &self.folder, &record.serving);
            let mut served = opened.await?;
            let input = folder.input()?;
            served.share(&Scope::of(id), &record.spec, &input).await?;
            return Requester::new(chain, served, folder, record, input, self.output_limit)
                .map(Some);
        }
        Ok(None)
    }

    /// The folder and record of one of its jobs, made when it is first seen.
    fn instance(&self, id: JobId, job: Job) -> Result<(JobFolder, JobRecord), Error> {
        let folder = self.folder.instance(id);
        match folder.record() {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            other => return other.map(|record| (folder, record)),
        }
        fs::create_dir_all(folder.path()).map_err(Error::file("create", folder.path()))?;
        let input = self.folder.path().join("input.cbor");
        let bytes = fs::read(&input).map_err(Error::file("read", &input))?;
        folder.save_input(&bytes)?;
        if let Some(key) = self.folder.key()? {
            folder.save_key(&key)?;
        }
        let record = JobRecord {
            job: Some(id),
            spec: job.spec,
            task: Task::Files,
            recurs: false,
            ..self.record.clone()
        };
        folder.save(&record)?;
        Ok((folder, record))
    }
}
