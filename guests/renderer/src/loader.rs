//! Where the files of a scene come from.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

/// Why a file was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// It could not be read; the text says why.
    Unreadable(String),
    /// It is longer than the reader is prepared to take.
    TooLarge {
        /// Its size in bytes, or a lower bound of it.
        size: u64,
    },
}

/// Delivers the files that a scene names.
pub trait Loader {
    /// The content of the file `name`, of at most `limit` bytes. Names are plain file names: the parser
    /// passes on nothing with a path separator in it.
    ///
    /// # Errors
    /// If there is no such file, it cannot be read or is longer than `limit`.
    fn load(&self, name: &str, limit: u64) -> Result<Vec<u8>, LoadError>;
}

/// Reads from one directory.
#[derive(Clone, Debug)]
pub struct DirLoader {
    directory: PathBuf,
}

impl DirLoader {
    /// A loader for the files in `directory`.
    pub fn new(directory: impl AsRef<Path>) -> Self {
        Self {
            directory: directory.as_ref().to_owned(),
        }
    }
}

impl Loader for DirLoader {
    fn load(&self, name: &str, limit: u64) -> Result<Vec<u8>, LoadError> {
        let unreadable = |e: std::io::Error| LoadError::Unreadable(e.to_string());
        let path = self.directory.join(name);
        // Asked before it is opened: to open a pipe would wait for someone who writes to it.
        if !std::fs::metadata(&path).map_err(unreadable)?.is_file() {
            return Err(LoadError::Unreadable("not a regular file".to_owned()));
        }
        let file = std::fs::File::open(&path).map_err(unreadable)?;
        let mut content = Vec::new();
        // Sizes of files lie and change; what counts is what is read.
        file.take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(unreadable)?;
        if content.len() as u64 > limit {
            return Err(LoadError::TooLarge {
                size: content.len() as u64,
            });
        }
        Ok(content)
    }
}

/// Files in memory, by name.
impl Loader for BTreeMap<String, Vec<u8>> {
    fn load(&self, name: &str, limit: u64) -> Result<Vec<u8>, LoadError> {
        let content = self
            .get(name)
            .ok_or_else(|| LoadError::Unreadable("no such file".to_owned()))?;
        if content.len() as u64 > limit {
            return Err(LoadError::TooLarge {
                size: content.len() as u64,
            });
        }
        Ok(content.clone())
    }
}
