//! Compiled modules on disk.
//!
//! Loading machine code from a file hands the process to whoever wrote the file. Each entry
//! therefore carries a BLAKE3 hash keyed with a secret that lies in the same directory, readable
//! by its owner only. That rejects what was cut short, damaged, swapped between modules or
//! engines, copied from another machine, or written by anybody who cannot read the owner's files; whoever can
//! is the owner, and needs no cache to run code. A directory or key that others could have written is
//! refused. An entry is read once into memory and
//! verified there: nobody can swap the file between the check and its use, as mapping it would
//! allow.
//!
//! The cache is never needed: an entry that does not verify is compiled again and replaced,
//! and a full disk means only that nothing is kept.

use crate::config::Environment;
use crate::error::EngineError;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// First bytes of an entry; the digit is the layout's version.
const MAGIC: &[u8; 8] = b"SGWASM 1";
const HASH: usize = 32;
const HEADER: usize = MAGIC.len() + HASH;
const KEY_FILE: &str = "key";
const TEMPORARY: &str = ".new-";
/// Temporary files older than this belong to a process that died.
const STALE: Duration = Duration::from_secs(3_600);

/// Where compiled modules are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// The directory; created if missing. Nothing else should live in it.
    pub directory: PathBuf,
    /// Bytes to keep; the entries unused for longest go first.
    pub max_bytes: u64,
}

pub(crate) struct Cache {
    config: CacheConfig,
    key: [u8; HASH],
    environment: Environment,
    /// What the engine hashes its compiler settings to, CPU features included.
    compatibility: u64,
}

impl Cache {
    pub(crate) fn open(
        config: CacheConfig,
        environment: Environment,
        compatibility: u64,
    ) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Cache {
            path: config.directory.clone(),
            source,
        };
        create_private_dir(&config.directory).map_err(failed)?;
        refuse_open_to_others(&config.directory, 0o022, "written").map_err(failed)?;
        let key = read_or_create_key(&config.directory).map_err(failed)?;
        let cache = Self {
            config,
            key,
            environment,
            compatibility,
        };
        cache.evict(0);
        Ok(cache)
    }

    fn path(&self, module: &[u8; HASH]) -> PathBuf {
        let mut name = String::with_capacity(96);
        for byte in module.iter().chain(&self.environment.0[..8]) {
            name.push_str(&format!("{byte:02x}"));
        }
        self.config.directory.join(name + ".cwasm")
    }

    /// Binds code to the module it came from and the engine it is for.
    fn tag(&self, module: &[u8; HASH], code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher
            .update(MAGIC)
            .update(&self.environment.0)
            .update(&self.compatibility.to_le_bytes())
            .update(module)
            .update(code);
        hasher.finalize()
    }

    /// The code of a module, if a sound entry exists.
    pub(crate) fn load(&self, module: &[u8; HASH]) -> Option<Vec<u8>> {
        let path = self.path(module);
        let mut file = fs::File::open(&path).ok()?;
        let mut entry = Vec::new();
        // Anything larger than the cache cannot be ours; do not read it.
        let limit = self.config.max_bytes.saturating_add(HEADER as u64);
        if let Err(error) = (&mut file).take(limit).read_to_end(&mut entry) {
            tracing::warn!(%error, path = %path.display(), "cannot read cached module");
            return None;
        }
        let Some((header, code)) = entry.split_at_checked(HEADER) else {
            tracing::warn!(path = %path.display(), "cached module is cut short; compiling again");
            return None;
        };
        let (magic, tag) = header.split_at(MAGIC.len());
        // `blake3::Hash` compares in constant time.
        let sound = magic == MAGIC
            && <[u8; HASH]>::try_from(tag)
                .is_ok_and(|tag| self.tag(module, code) == blake3::Hash::from_bytes(tag));
        if !sound {
            tracing::warn!(path = %path.display(), "cached module does not verify; compiling again");
            return None;
        }
        // For eviction; without the time, the entry merely looks older than it is.
        if let Err(error) = file.set_modified(SystemTime::now()) {
            tracing::debug!(%error, "cannot mark cached module as used");
        }
        entry.drain(..HEADER);
        Some(entry)
    }

    /// Keeps code. Failing to is logged and changes nothing else.
    pub(crate) fn store(&self, module: &[u8; HASH], code: &[u8]) {
        let size = (HEADER + code.len()) as u64;
        if size > self.config.max_bytes {
            tracing::debug!(size, "module too large for the cache");
            return;
        }
        self.evict(size);
        if let Err(error) = self.write(module, code) {
            tracing::warn!(
                %error,
                directory = %self.config.directory.display(),
                "compiled module not kept; free some disk space to start faster next time"
            );
        }
    }

    fn write(&self, module: &[u8; HASH], code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&self.config.directory)?;
        file.write_all(MAGIC)?;
        file.write_all(self.tag(module, code).as_bytes())?;
        file.write_all(code)?;
        // Readers see the whole entry or none. Not synced: what a crash cuts does not verify.
        file.persist(self.path(module))
            .map_err(|error| error.error)?;
        Ok(())
    }

    /// Makes room for `incoming` bytes, oldest use first, and clears what dead processes left.
    fn evict(&self, incoming: u64) {
        let entries = match fs::read_dir(&self.config.directory) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(%error, "cannot list the module cache");
                return;
            }
        };
        let now = SystemTime::now();
        let mut kept = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(meta) = entry.metadata() else { continue };
            let name = entry.file_name();
            let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if name.to_string_lossy().starts_with(TEMPORARY) {
                if now.duration_since(modified).is_ok_and(|age| age > STALE) {
                    remove(&path);
                }
            } else if path.extension().is_some_and(|ext| ext == "cwasm") {
                kept.push((modified, meta.len(), path));
            }
        }
        kept.sort();
        let mut total = kept
            .iter()
            .map(|(_, size, _)| size)
            .sum::<u64>()
            .saturating_add(incoming);
        for (_, size, path) in kept {
            if total <= self.config.max_bytes {
                break;
            }
            remove(&path);
            total = total.saturating_sub(size);
        }
    }
}

fn remove(path: &Path) {
    // Another process may have been faster.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "cannot remove cached module");
    }
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// What others may change, or a secret that they may read, vouches for nothing.
#[cfg(unix)]
fn refuse_open_to_others(path: &Path, mode: u32, what: &str) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let open = fs::metadata(path)?.mode() & mode;
    if open == 0 {
        return Ok(());
    }
    let message = format!(
        "{} can be {what} by other users (`chmod go-rwx` it, after emptying the directory)",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// Directories of a user's profile are the user's own there.
#[cfg(not(unix))]
fn refuse_open_to_others(_: &Path, _: u32, _: &str) -> io::Result<()> {
    Ok(())
}

/// Reads the key, or makes one. Two processes that start at once agree: the first link wins.
fn read_or_create_key(directory: &Path) -> io::Result<[u8; HASH]> {
    let path = directory.join(KEY_FILE);
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    let mut key = [0; HASH];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    // `tempfile` creates with mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(directory)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(key),
        Err(lost) => match read_key(&path)? {
            Some(key) => Ok(key),
            None => Err(lost.error),
        },
    }
}

/// `None` if there is no usable key. A damaged one is removed: entries under it are lost anyway.
fn read_key(path: &Path) -> io::Result<Option<[u8; HASH]>> {
    match fs::read(path) {
        Ok(bytes) => match <[u8; HASH]>::try_from(bytes.as_slice()) {
            Ok(key) => {
                refuse_open_to_others(path, 0o077, "read")?;
                Ok(Some(key))
            }
            Err(_) => {
                fs::remove_file(path)?;
                Ok(None)
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
