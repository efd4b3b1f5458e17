//! The local blob store: bounded, verified on the way out, collected on demand.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::StreamExt;
use iroh_blobs::{
    BlobFormat, Hash, HashAndFormat,
    api::{
        RequestError, Store, TempTag,
        blobs::{AddBytesOptions, AddPathOptions, BlobStatus, ImportMode},
    },
    hashseq::HashSeq,
    store::{
        GcConfig,
        fs::{FsStore, options::Options},
        mem::{self, MemStore},
    },
};
use tokio::io::AsyncReadExt;
use tracing::debug;

use crate::{
    Config, MAX_PIN_NAME, SpawnError, StoreError,
    gc::Collector,
    ledger::{Bounds, Claim, Disk, Ledger, Refusal, Reservation},
    litter::{clear, sweep_orphans},
};

/// Tags that are pins start with this; others would be a later version's.
const PIN: &[u8] = b"pin/";
/// Files up to this size are stored by way of the memory, larger ones by way of a copy. The store keeps content of up to this size
/// beside its bookkeeping anyway.
pub(crate) const SMALL: u64 = 16 << 10;

/// The part of a full store that is given up at once, so that not every blob has the store looked through: one in so
/// many bytes.
const EVICTED: u64 = 16;

/// Content that cannot be collected while this lives. Pin it to keep it longer.
#[derive(Debug)]
#[must_use = "content that is neither held nor pinned can be collected at any time"]
pub struct Held {
    tag: TempTag,
    size: u64,
}

impl Held {
    pub(crate) fn new(tag: TempTag, size: u64) -> Self {
        Self { tag, size }
    }

    /// The content's address.
    pub fn hash(&self) -> Hash {
        self.tag.hash()
    }

    /// Size in bytes; of a bundle, the size of its list.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A named root that garbage collection keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The name given to it.
    pub name: String,
    /// What it keeps.
    pub hash: Hash,
    /// Whether the entries of the bundle `hash` are kept as well.
    pub bundle: bool,
}

async fn open(config: &Config, gc: GcConfig) -> Result<Store, SpawnError> {
    let Some(dir) = &config.data_dir else {
        return Ok(MemStore::new_with_opts(mem::Options {
            gc_config: Some(gc),
        })
        .into());
    };
    let failed = |reason: String| SpawnError::Store {
        path: dir.clone(),
        reason,
    };
    tokio::fs::create_dir_all(dir)
        .await
        .map_err(|e| failed(e.to_string()))?;
    let mut options = Options::new(dir);
    options.gc = Some(gc);
    let store = FsStore::load_with_opts(dir.join("blobs.db"), options).await;
    let store = store.map_err(|e| failed(format!("{e:#}")))?;
    // The database is locked now, so these are leftovers of a process that is gone.
    clear(&dir.join("temp"))
        .await
        .map_err(|e| failed(e.to_string()))?;
    Ok(store.into())
}

#[derive(Debug)]
pub(crate) struct Storage {
    store: Store,
    data_dir: Option<PathBuf>,
    ledger: Arc<Ledger>,
    collector: Collector,
    max_bytes: u64,
    max_group: u64,
    min_free: u64,
    /// Held while an import writes temporary files.
    imports: tokio::sync::RwLock<()>,
    /// An import failed and may have left temporary files.
    litter: AtomicBool,
    pub(crate) exports: AtomicU64,
    closed: AtomicBool,
}

impl Storage {
    pub(crate) async fn open(config: &Config) -> Result<Self, SpawnError> {
        let (collector, store) = Collector::attach(async |gc| open(config, gc).await).await?;
        let storage = Self {
            store,
            data_dir: config.data_dir.clone(),
            ledger: Arc::default(),
            collector,
            max_bytes: config.max_store_bytes,
            max_group: config.max_group_bytes,
            min_free: config.min_free_disk_bytes,
            imports: tokio::sync::RwLock::new(()),
            litter: AtomicBool::new(false),
            exports: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        };
        if let Err(error) = storage.begin().await {
            storage.shutdown().await;
            return Err(error.into());
        }
        Ok(storage)
    }

    /// Counts what is there and deletes what belongs to nothing.
    async fn begin(&self) -> Result<(), StoreError> {
        self.recount().await?;
        let Some(dir) = &self.data_dir else {
            return Ok(());
        };
        let known = self.stored().await?.into_iter().collect();
        let dir = dir.join("data");
        sweep_orphans(&dir, &known)
            .await
            .map_err(|e| StoreError::io(format!("tidy up {}", dir.display()), e))
    }

    pub(crate) fn inner(&self) -> &Store {
        &self.store
    }

    pub(crate) fn used(&self) -> u64 {
        self.ledger.used()
    }

    /// Counts again what the store really holds.
    async fn recount(&self) -> Result<(), StoreError> {
        let mark = self.ledger.mark();
        let hashes = self.store.blobs().list().hashes().await.map_err(stopped)?;
        let mut listed = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let size = match self
                .store
                .blobs()
                .status(hash)
                .await
                .map_err(|e| stopped(e.into()))?
            {
                BlobStatus::Complete { size } => size,
                BlobStatus::Partial { size } => size.unwrap_or(0),
                BlobStatus::NotFound => continue,
            };
            listed.push((hash, size));
        }
        self.ledger.reconcile(mark, listed);
        Ok(())
    }

    /// Sets room aside for a blob. Where there is none, what was not used for longest is collected first, and everything
    /// that can be before it refuses.
    pub(crate) async fn reserve(&self, claim: Claim) -> Result<Reservation, StoreError> {
        // Content may be held, or used again, while it is chosen: then a part does not do.
        for part in [EVICTED, 1] {
            let (needed, group) = match self.try_reserve(claim) {
                Err(StoreError::Full { needed, .. } | StoreError::DiskFull { needed, .. }) => {
                    (needed, None)
                }
                Err(StoreError::Quota { needed, .. }) => (needed, claim.group),
                other => return other,
            };
            if needed > self.max_bytes {
                // Nothing that could be given up would make room for it.
                break;
            }
            let least = match part {
                1 => u64::MAX,
                part => self.max_bytes / part,
            };
            let mut spare = self.protected().await?;
            spare.extend(claim.hash);
            let bytes = needed.max(least);
            let keep = self.ledger.all_but_oldest(bytes, group, &spare);
            self.collect_but(keep).await?;
        }
        self.try_reserve(claim)
    }

    /// What no collection takes: everything pinned or held, with the entries of bundles.
    async fn protected(&self) -> Result<HashSet<Hash>, StoreError> {
        let mut roots = Vec::new();
        let tags = self.store.tags();
        let mut pinned = tags.list().await.map_err(|e| stopped(e.into()))?;
        while let Some(tag) = pinned.next().await {
            let tag = tag.map_err(|e| stopped(e.into()))?;
            roots.push((tag.hash, tag.format));
        }
        let held = tags.list_temp_tags().await;
        let mut held = held.map_err(|e| stopped(e.into()))?;
        while let Some(HashAndFormat { hash, format }) = held.next().await {
            roots.push((hash, format));
        }
        let mut protected = HashSet::new();
        for (hash, format) in roots {
            protected.insert(hash);
            // One that is not whole protects what it lists as far as the collection can tell.
            if format == BlobFormat::HashSeq
                && let Ok(list) = self.store.blobs().get_bytes(hash).await
                && let Some(list) = HashSeq::new(list)
            {
                protected.extend(list.iter());
            }
        }
        Ok(protected)
    }

    fn try_reserve(&self, claim: Claim) -> Result<Reservation, StoreError> {
        let disk = match &self.data_dir {
            None => None,
            Some(dir) => {
                let available = fs2::available_space(dir).map_err(|e| {
                    StoreError::io(format!("ask for the free space of {}", dir.display()), e)
                })?;
                Some(Disk {
                    available,
                    reserve: self.min_free,
                })
            }
        };
        let bounds = Bounds {
            all: self.max_bytes,
            group: self.max_group,
            disk,
        };
        self.ledger
            .reserve(claim, &bounds)
            .map_err(|refusal| match refusal {
                Refusal::Group { needed, used } => StoreError::Quota {
                    needed,
                    used,
                    limit: self.max_group,
                },
                Refusal::Full { needed, used } => StoreError::Full {
                    needed,
                    used,
                    limit: self.max_bytes,
                },
                Refusal::Disk { needed, available } => StoreError::DiskFull {
                    path: self.data_dir.clone().unwrap_or_default(),
                    needed,
                    available,
                    reserve: self.min_free,
                },
            })
    }

    /// Whether some of it may be here. The ledger answers, where the store would have to look.
    pub(crate) fn may_have(&self, hash: &Hash) -> bool {
        // The store always has the blob of no bytes.
        *hash == Hash::EMPTY || self.ledger.knows(hash)
    }

    /// Size of complete content; `None` when it is absent or partial.
    pub(crate) async fn size(&self, hash: Hash) -> Result<Option<u64>, StoreError> {
        match self
            .store
            .blobs()
            .status(hash)
            .await
            .map_err(|e| stopped(e.into()))?
        {
            BlobStatus::Complete { size } => Ok(Some(size)),
            _ => Ok(None),
        }
    }

    pub(crate) async fn hold(&self, hash: Hash, format: BlobFormat) -> Result<TempTag, StoreError> {
        let content = HashAndFormat { hash, format };
        self.ledger.touch(&hash);
        self.store
            .tags()
            .temp_tag(content)
            .await
            .map_err(|e| stopped(e.into()))
    }

    pub(crate) async fn put_bytes(
        &self,
        bytes: Bytes,
        format: BlobFormat,
    ) -> Result<Held, StoreError> {
        let hash = Hash::new(&bytes);
        let size = bytes.len() as u64;
        if self.may_have(&hash) {
            // Held before the look, so that no collection comes in between.
            let tag = self.hold(hash, format).await?;
            if self.size(hash).await? == Some(size) {
                return Ok(Held::new(tag, size));
            }
        }
        let tag = self.put(own(Some(hash), size), bytes, format).await?;
        Ok(Held::new(tag, size))
    }

    /// Stores bytes that are not here, if there is room for them. What is written while garbage is collected stays.
    pub(crate) async fn put(
        &self,
        claim: Claim,
        bytes: Bytes,
        format: BlobFormat,
    ) -> Result<TempTag, StoreError> {
        let mut reservation = self.reserve(claim).await?;
        let import = self.store.blobs().add_bytes_with_opts(AddBytesOptions {
            data: bytes,
            format,
        });
        let tag = self.import("store the bytes", import.temp_tag()).await?;
        reservation.keep();
        Ok(tag)
    }

    pub(crate) async fn put_file(&self, path: &Path) -> Result<Held, StoreError> {
        let reading = || format!("read {}", path.display());
        let absolute = std::path::absolute(path).map_err(|e| StoreError::io(reading(), e))?;
        let metadata = tokio::fs::metadata(&absolute)
            .await
            .map_err(|e| StoreError::io(reading(), e))?;
        if !metadata.is_file() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            return Err(StoreError::io(reading(), error));
        }
        if metadata.len() <= SMALL {
            let mut bytes = Vec::new();
            let file = tokio::fs::File::open(&absolute).await;
            let mut file = file
                .map_err(|e| StoreError::io(reading(), e))?
                .take(SMALL + 1);
            file.read_to_end(&mut bytes)
                .await
                .map_err(|e| StoreError::io(reading(), e))?;
            // Unless it has grown since it was measured.
            if bytes.len() as u64 <= SMALL {
                return self.put_bytes(bytes.into(), BlobFormat::Raw).await;
            }
        }
        let reservation = self.reserve(own(None, metadata.len())).await?;
        let import = self.store.blobs().add_path_with_opts(AddPathOptions {
            path: absolute,
            // A reference would break when the user edits the file.
            mode: ImportMode::Copy,
            format: BlobFormat::Raw,
        });
        let tag = self
            .import(&format!("copy {}", path.display()), import.temp_tag())
            .await?;
        // The file may have changed since it was measured; what counts is what was stored.
        let size = self.size(tag.hash()).await?.unwrap_or(metadata.len());
        reservation.settle(tag.hash(), size);
        Ok(Held::new(tag, size))
    }

    /// Runs an import; one that fails or is dropped halfway leaves temporary files to sweep up.
    async fn import(
        &self,
        action: &str,
        import: impl Future<Output = Result<TempTag, RequestError>>,
    ) -> Result<TempTag, StoreError> {
        struct Litter<'a>(&'a AtomicBool, bool);
        impl Drop for Litter<'_> {
            fn drop(&mut self) {
                if !self.1 {
                    self.0.store(true, Ordering::Release);
                }
            }
        }
        self.sweep().await;
        let importing = self.imports.read().await;
        let mut litter = Litter(&self.litter, false);
        let result = import.await;
        litter.1 = result.is_ok();
        drop(litter);
        drop(importing);
        if result.is_err() {
            self.sweep().await;
        }
        result.map_err(|e| match e {
            RequestError::Inner {
                source: iroh_blobs::api::Error::Io(e),
                ..
            } => StoreError::io(action, e),
            other => stopped(other),
        })
    }

    /// Deletes temporary files of failed imports, if there are any and no import is running.
    async fn sweep(&self) {
        let Some(dir) = &self.data_dir else { return };
        if !self.litter.load(Ordering::Acquire) {
            return;
        }
        let Ok(_alone) = self.imports.try_write() else {
            return;
        };
        match clear(&dir.join("temp")).await {
            Ok(()) => self.litter.store(false, Ordering::Release),
            Err(error) => debug!(%error, "temporary files stay until the next try"),
        }
    }

    pub(crate) async fn get_bytes(&self, hash: Hash, max_len: u64) -> Result<Bytes, StoreError> {
        let tag = self.hold(hash, BlobFormat::Raw).await?;
        let size = self.size(hash).await?;
        let size = size.ok_or(StoreError::NotFound { hash })?;
        self.read(&Held::new(tag, size), max_len).await
    }

    pub(crate) async fn read(&self, held: &Held, max_len: u64) -> Result<Bytes, StoreError> {
        let (hash, size) = (held.hash(), held.size());
        if size > max_len {
            return Err(StoreError::TooLarge {
                hash,
                size,
                limit: max_len,
            });
        }
        // The store checks every piece against the hash while reading.
        let bytes = self.store.blobs().get_bytes(hash).await;
        bytes.map_err(|e| StoreError::Damaged {
            hash,
            reason: format!("{e:#}"),
        })
    }

    /// The entries of a bundle that is here.
    pub(crate) async fn bundle(
        &self,
        root: Hash,
        max_entries: usize,
    ) -> Result<Vec<Hash>, StoreError> {
        let not_a_bundle = StoreError::NotABundle {
            hash: root,
            limit: max_entries,
        };
        let bytes = match self.get_bytes(root, max_entries as u64 * 32).await {
            Err(StoreError::TooLarge { .. }) => return Err(not_a_bundle),
            other => other?,
        };
        Ok(HashSeq::new(bytes).ok_or(not_a_bundle)?.iter().collect())
    }

    pub(crate) async fn pin(&self, name: &str, content: HashAndFormat) -> Result<(), StoreError> {
        let tag = pin_tag(name)?;
        self.store.tags().set(tag, content).await.map_err(stopped)?;
        // A pin counts when it is on the disk: a worker may be killed right after.
        self.sync().await
    }

    pub(crate) async fn unpin(&self, name: &str) -> Result<bool, StoreError> {
        let removed = self
            .store
            .tags()
            .delete(pin_tag(name)?)
            .await
            .map_err(stopped)?;
        self.sync().await?;
        Ok(removed > 0)
    }

    pub(crate) async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        let mut tags = self
            .store
            .tags()
            .list_prefix(PIN)
            .await
            .map_err(|e| stopped(e.into()))?;
        let mut pins = Vec::new();
        while let Some(tag) = tags.next().await {
            let tag = tag.map_err(|e| stopped(e.into()))?;
            let name = tag.name.0.strip_prefix(PIN).unwrap_or_default();
            pins.push(Pin {
                // Pins are only set from `&str`.
                name: String::from_utf8_lossy(name).into_owned(),
                hash: tag.hash,
                bundle: tag.format == BlobFormat::HashSeq,
            });
        }
        Ok(pins)
    }

    /// Everything that was put, fetched or pinned before this call is on the disk after it.
    pub(crate) async fn sync(&self) -> Result<(), StoreError> {
        self.store.sync_db().await.map_err(stopped)
    }

    /// Deletes what is neither pinned nor held. Returns the bytes freed.
    pub(crate) async fn collect(&self) -> Result<u64, StoreError> {
        self.collect_but(HashSet::new()).await
    }

    /// The same, but spares some.
    async fn collect_but(&self, keep: HashSet<Hash>) -> Result<u64, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Stopped("it was shut down".into()));
        }
        self.sweep().await;
        let before = self.used();
        self.collector.run(keep).await?;
        self.recount().await?;
        Ok(before.saturating_sub(self.used()))
    }

    /// All hashes, complete or not.
    pub(crate) async fn stored(&self) -> Result<Vec<Hash>, StoreError> {
        self.store.blobs().list().hashes().await.map_err(stopped)
    }

    pub(crate) async fn shutdown(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.store.shutdown().await {
            debug!(%error, "the store was already down");
        }
    }
}

/// What is brought here by this machine itself.
fn own(hash: Option<Hash>, size: u64) -> Claim {
    Claim {
        hash,
        size,
        missing: size,
        group: None,
    }
}

fn pin_tag(name: &str) -> Result<Vec<u8>, StoreError> {
    if name.is_empty() || name.len() > MAX_PIN_NAME {
        return Err(StoreError::PinName);
    }
    Ok([PIN, name.as_bytes()].concat())
}

pub(crate) fn stopped(error: RequestError) -> StoreError {
    StoreError::Stopped(format!("{error:#}"))
}
