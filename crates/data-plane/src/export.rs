//! Content of the store as files.

use std::{io, path::Path, pin::pin, sync::atomic::Ordering};

use futures::StreamExt;
use iroh_blobs::{BlobFormat, Hash, api::blobs::EncodedItem, protocol::ChunkRanges};
use tokio::io::AsyncWriteExt;

use crate::{Held, StoreError, litter::Unfinished, store::Storage};

/// Data is written out in pieces of this size.
const WRITE_BUFFER: usize = 1 << 20;

impl Storage {
    /// Writes verified content to `target`, which appears whole or not at all.
    pub(crate) async fn export(&self, hash: Hash, target: &Path) -> Result<u64, StoreError> {
        let tag = self.hold(hash, BlobFormat::Raw).await?;
        let size = self.size(hash).await?;
        let size = size.ok_or(StoreError::NotFound { hash })?;
        self.write(&Held::new(tag, size), target).await
    }

    pub(crate) async fn write(&self, held: &Held, target: &Path) -> Result<u64, StoreError> {
        let (hash, size) = (held.hash(), held.size());
        let writing = |e| StoreError::io(format!("write {}", target.display()), e);
        let name = target.file_name().ok_or_else(|| {
            writing(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the path does not end in a file name",
            ))
        })?;
        let folder = target.parent().unwrap_or(Path::new(""));
        if !folder.as_os_str().is_empty() {
            tokio::fs::create_dir_all(folder).await.map_err(writing)?;
        }
        let mut part = name.to_os_string();
        let number = self.exports.fetch_add(1, Ordering::Relaxed);
        part.push(format!(".{}-{number}.part", std::process::id()));
        let part = target.with_file_name(part);
        let file = tokio::fs::File::create(&part).await.map_err(writing)?;
        let mut unfinished = Unfinished(Some(part.clone()));
        let mut file = tokio::io::BufWriter::with_capacity(WRITE_BUFFER, file);
        let mut written = 0;
        let mut items = pin!(
            self.inner()
                .blobs()
                .export_bao(hash, ChunkRanges::all())
                .stream()
        );
        while let Some(item) = items.next().await {
            match item {
                EncodedItem::Leaf(leaf) => {
                    file.write_all(&leaf.data).await.map_err(writing)?;
                    written += leaf.data.len() as u64;
                }
                EncodedItem::Error(e) => {
                    return Err(StoreError::Damaged {
                        hash,
                        reason: e.to_string(),
                    });
                }
                EncodedItem::Size(_) | EncodedItem::Parent(_) | EncodedItem::Done => {}
            }
        }
        if written != size {
            return Err(StoreError::Damaged {
                hash,
                reason: format!("{written} of {size} bytes are there"),
            });
        }
        file.flush().await.map_err(writing)?;
        file.into_inner().sync_all().await.map_err(writing)?;
        tokio::fs::rename(&part, target).await.map_err(writing)?;
        unfinished.0 = None;
        Ok(size)
    }
}
