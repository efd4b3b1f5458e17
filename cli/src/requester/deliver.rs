//! Fetches one bundle, checks it, fetches its files, writes them out.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{OnceLock, PoisonError, RwLock},
};

use futures::StreamExt;
use sp_core::H256;
use sungrid_chain_client::{AccountId, JobSpec};
use sungrid_data_plane::{
    Attempt, DataPlane, FetchError, FetchOptions, Held, PeerAddress, StoreError,
};
use sungrid_manifest::{Bundle, JobInput, Manifest, UnitOutput, limits};
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    job::{Cut, Layout},
    receipt::BatchSummary,
    suns::Profile,
};
use sungrid_seal::{JobKey, OpenError, open_output, opened_bytes};

use crate::{
    Error,
    before::Before,
    folder::JobFolder,
    sealed,
    serve::{AT_ONCE, blob},
    verify::{Expected, VerifyError, check},
};

/// What results are checked against.
pub(super) struct Terms {
    pub(super) genesis: H256,
    pub(super) job: JobId,
    pub(super) spec: JobSpec,
    /// Its batches that were cut, as far as is known.
    pub(super) cuts: RwLock<Vec<Cut>>,
    pub(super) profile: Profile,
    pub(super) input: JobInput,
    /// The outputs of the job that it comes after, once they are here.
    pub(super) before: OnceLock<Before>,
    /// The key of what is sealed.
    pub(super) key: Option<JobKey>,
    /// Bytes that one unit may write, from the image.
    pub(super) output_limit: u64,
}

impl Terms {
    /// Whether the outputs of an earlier job are needed and not here.
    pub(super) fn is_incomplete(&self) -> bool {
        self.spec.after.is_some() && self.before.get().is_none()
    }

    /// The batches that were cut, as far as is known.
    pub(super) fn cuts(&self) -> Vec<Cut> {
        let cuts = self.cuts.read().unwrap_or_else(PoisonError::into_inner);
        cuts.clone()
    }

    /// These are the batches that were cut.
    pub(super) fn set_cuts(&self, now: &[Cut]) {
        let mut cuts = self.cuts.write().unwrap_or_else(PoisonError::into_inner);
        now.clone_into(&mut cuts);
    }

    /// First unit and number of units of a batch; none of one that there is not.
    pub(super) fn range(&self, batch: BatchIndex) -> (UnitIndex, u32) {
        let layout = Layout {
            units: self.spec.units,
            batch_size: self.spec.batch_size,
            cuts: &self.cuts(),
        };
        layout.range(batch).unwrap_or_default()
    }

    /// Checks a bundle of this job; every receipt must hold. Names of outputs come in the clear.
    pub(super) fn check(
        &self,
        bytes: &[u8],
        batch: BatchIndex,
        worker: &AccountId,
    ) -> Result<(BatchSummary, Vec<UnitOutput>), VerifyError> {
        let bundle = Bundle::decode(bytes)?;
        let cuts = self.cuts();
        let expected = Expected {
            genesis: Some(self.genesis),
            job: Some(self.job),
            spec: Some(&self.spec),
            cuts: &cuts,
            input: Some(&self.input),
            key: self.key.as_ref(),
            before: self.before.get(),
            batch: Some(batch),
            worker: Some(*worker.as_ref()),
        };
        let checked = check(&bundle, &expected)?.all_valid()?;
        let outputs = in_the_clear(self.key.as_ref(), bundle.outputs)?;
        Ok((checked.summary(&self.profile)?, outputs))
    }
}

/// Outputs of a job with their names in the clear.
pub(crate) fn in_the_clear(
    key: Option<&JobKey>,
    outputs: Vec<UnitOutput>,
) -> Result<Vec<UnitOutput>, OpenError> {
    match key {
        None => Ok(outputs),
        Some(key) => outputs
            .iter()
            .map(|output| open_output(key, output))
            .collect(),
    }
}

/// A bundle to fetch.
pub(super) struct Order {
    pub(super) batch: BatchIndex,
    pub(super) worker: AccountId,
    pub(super) bundle: ContentHash,
    /// Where; `None` if the worker has left or registered no usable address.
    pub(super) peer: Option<PeerAddress>,
    /// Who has the same outputs, as the chain says, or has fetched them as a witness: they are asked, too, if that one is slow or
    /// away.
    pub(super) others: Vec<PeerAddress>,
}

/// What became of an order.
pub(super) struct Delivery {
    pub(super) batch: BatchIndex,
    pub(super) worker: AccountId,
    pub(super) outcome: Result<Goods, DeliverError>,
}

/// A bundle that holds, with all its files in the store.
pub(super) struct Goods {
    pub(super) bytes: Vec<u8>,
    pub(super) summary: BatchSummary,
    pub(super) outputs: Vec<UnitOutput>,
    /// The files, which are not collected before they are written out.
    held: HashMap<ContentHash, Held>,
}

/// Why a bundle is not here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// The job comes after another one, whose outputs are not here yet.
    #[error("the outputs of the job before it, which its receipts name, are not here")]
    NoBefore,
    /// The worker has left the register.
    #[error("the worker is not registered any more, so its address is unknown")]
    NoAddress,
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(FetchError),
    /// It could not be fetched, and the worker sent what it should not have.
    #[error(transparent)]
    Misbehaved(FetchError),
    /// It does not hold.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A unit wrote more than its image may.
    #[error("unit {unit} has {size} bytes of output, its image may write {limit}")]
    TooMuchOutput {
        /// The unit.
        unit: UnitIndex,
        /// Bytes it claims.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The store of this machine failed.
    #[error(transparent)]
    Store(StoreError),
}

impl DeliverError {
    /// Whether no further try can help.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Verify(_) | Self::TooMuchOutput { .. } | Self::Misbehaved(_) => true,
            Self::Fetch(_) | Self::NoBefore | Self::NoAddress | Self::Store(_) => false,
        }
    }

    /// What the failure of a fetch says about the worker that was to deliver: others that were asked, too, are no fault
    /// of its.
    fn of(error: FetchError, peer: Option<&PeerAddress>) -> Self {
        let its_fault =
            |a: &Attempt| peer.is_some_and(|peer| a.peer == peer.id()) && a.fault.is_misbehaviour();
        let misbehaved = error.attempts().iter().any(its_fault);
        match error {
            FetchError::Store(error) => Self::Store(error),
            error if misbehaved => Self::Misbehaved(error),
            error => Self::Fetch(error),
        }
    }
}

pub(super) async fn deliver(
    plane: DataPlane,
    terms: std::sync::Arc<Terms>,
    order: Order,
) -> Delivery {
    let outcome = fetch(&plane, &terms, &order).await;
    Delivery {
        batch: order.batch,
        worker: order.worker,
        outcome,
    }
}

async fn fetch(plane: &DataPlane, terms: &Terms, order: &Order) -> Result<Goods, DeliverError> {
    if terms.is_incomplete() {
        return Err(DeliverError::NoBefore);
    }
    let peers: Vec<PeerAddress> = order.peer.iter().chain(&order.others).cloned().collect();
    if peers.is_empty() {
        return Err(DeliverError::NoAddress);
    }
    let bring = async |hash, max| {
        let fetched = plane.fetch(hash, &peers, FetchOptions::up_to(max)).await;
        fetched.map_err(|error| DeliverError::of(error, order.peer.as_ref()))
    };
    let limit = limits::BUNDLE_BYTES as u64;
    let bundle = blob(&order.bundle);
    let _bundle = bring(bundle, limit).await?.held;
    let bytes = plane
        .get_bytes(bundle, limit)
        .await
        .map_err(DeliverError::Store)?
        .to_vec();
    let (summary, outputs) = terms.check(&bytes, order.batch, &order.worker)?;
    let (first, _) = terms.range(order.batch);
    // All sizes first: a worker that overdoes it is caught before a byte of it is fetched.
    for (unit, output) in (first..).zip(&outputs) {
        let (size, limit) = match terms.key {
            Some(_) => (
                opened_bytes(output).map_err(VerifyError::from)?,
                terms.output_limit,
            ),
            None => (output.size(), terms.output_limit),
        };
        if size > limit {
            return Err(DeliverError::TooMuchOutput { unit, size, limit });
        }
    }
    // Units tend to leave the same here and there.
    let files = outputs.iter().flat_map(UnitOutput::contents);
    let files: HashSet<_> = files.map(|file| (file.hash, file.size)).collect();
    let fetches = files.into_iter().map(async |(hash, size)| {
        let fetched = bring(blob(&hash), size).await?;
        Ok::<_, DeliverError>((hash, fetched.held))
    });
    let mut fetches = futures::stream::iter(fetches).buffer_unordered(AT_ONCE);
    let mut held = HashMap::new();
    while let Some(fetched) = fetches.next().await {
        let (hash, file) = fetched?;
        held.insert(hash, file);
    }
    drop(fetches);
    Ok(Goods {
        bytes,
        summary,
        outputs,
        held,
    })
}

/// Writes the outputs of a batch into the folders of its units, replacing what was there.
pub(super) async fn export(
    plane: &DataPlane,
    folder: &JobFolder,
    terms: &Terms,
    batch: BatchIndex,
    goods: &Goods,
) -> Result<(), Error> {
    let (first, _) = terms.range(batch);
    let key = terms.key.as_ref();
    let units = (first..).zip(&goods.outputs);
    let held = &goods.held;
    let exports =
        units.map(|(unit, output)| export_unit(plane, key, held, folder.unit(unit), output));
    let exported = all_ended(exports).await;
    if let Err(Error::Unopened { .. }) = exported {
        // The result is rejected: no part of it is to be taken for one.
        let units = (first..).zip(&goods.outputs);
        let folders: Vec<_> = units.map(|(unit, _)| folder.unit(unit)).collect();
        let remove = move || folders.iter().try_for_each(|folder| remove(folder));
        let removed = tokio::task::spawn_blocking(remove).await;
        removed.map_err(|_| Error::Interrupted)??;
    }
    exported
}

/// Waits for all, whatever fails: one that is left alone may go on writing, over what another worker's result put there.
async fn all_ended(
    exports: impl Iterator<Item: Future<Output = Result<(), Error>>>,
) -> Result<(), Error> {
    let mut exports = futures::stream::iter(exports).buffer_unordered(AT_ONCE);
    let mut first = Ok(());
    while let Some(exported) = exports.next().await {
        first = first.and(exported);
    }
    first
}

fn remove(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("replace", folder)(error))
        }
        _ => Ok(()),
    }
}

async fn export_unit(
    plane: &DataPlane,
    key: Option<&JobKey>,
    held: &HashMap<ContentHash, Held>,
    target: PathBuf,
    output: &UnitOutput,
) -> Result<(), Error> {
    let (folder, exit) = (target.clone(), output.exit);
    let begin = move || {
        remove(&folder)?;
        std::fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        crate::folder::write_whole(&folder.join("exit"), format!("{exit}\n").as_bytes())
    };
    // The system waits for its disk; others need not.
    let begun = tokio::task::spawn_blocking(begin).await;
    begun.map_err(|error| Error::file("write", &target)(std::io::Error::other(error)))??;
    for file in output.contents() {
        // Names passed the manifest's rules: relative, no `..`, no separator but `/`.
        let path = target.join(Path::new(&file.name));
        match key {
            Some(key) => sealed::export(plane, key, &file.hash, &path).await?,
            None => drop(match held.get(&file.hash) {
                Some(held) => plane.export_held(held, path).await?,
                None => plane.export(blob(&file.hash), path).await?,
            }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn an_export_that_fails_leaves_no_other_one_behind() {
        let ended = Cell::new(0);
        let export = async |n: usize| {
            // Those behind the first have begun, and are not at their end, when it fails.
            for _ in 0..n {
                tokio::task::yield_now().await;
            }
            ended.set(ended.get() + 1);
            match n {
                0 => Err(Error::Usage("the first".into())),
                2 => Err(Error::Interrupted),
                _ => Ok(()),
            }
        };
        let error = all_ended((0..4).map(export)).await.unwrap_err();
        assert_eq!(error.to_string(), "the first");
        assert_eq!(ended.get(), 4);
    }
}
