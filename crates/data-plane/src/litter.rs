//! Files that are left over.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    str::FromStr,
};

use iroh_blobs::Hash;
use tracing::{debug, info};

/// A file that is deleted unless it was finished.
pub(crate) struct Unfinished(pub(crate) Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(path) = self.0.take() else { return };
        if let Err(error) = std::fs::remove_file(&path) {
            debug!(path = %path.display(), %error, "cannot delete the unfinished file");
        }
    }
}

/// Deletes the data files of blobs that the database does not know: a process that was killed between
/// writing the one and the other leaves them behind, and nothing else would ever count or free them.
pub(crate) async fn sweep_orphans(dir: &Path, known: &HashSet<Hash>) -> io::Result<()> {
    let mut entries = tokio::fs::read_dir(dir).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        // Only files named as the store names them: `<64 hexadecimal digits>.<kind>`.
        let hash = name
            .to_str()
            .and_then(|name| name.split_once('.'))
            .map(|(hash, _)| hash);
        let Some(Ok(hash)) = hash.filter(|hash| hash.len() == 64).map(Hash::from_str) else {
            continue;
        };
        if !known.contains(&hash) {
            info!(file = %entry.path().display(), "deleting the remains of an interrupted write");
            tokio::fs::remove_file(entry.path()).await?;
        }
    }
    Ok(())
}

/// Deletes the files in a folder of ours.
pub(crate) async fn clear(dir: &Path) -> io::Result<()> {
    let mut entries = tokio::fs::read_dir(dir).await?;
    while let Some(entry) = entries.next_entry().await? {
        tokio::fs::remove_file(entry.path()).await?;
    }
    Ok(())
}
