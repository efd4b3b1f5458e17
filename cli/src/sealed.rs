//! Jobs whose content is sealed, on the requester's side: where the key is, files on their way out and back.

use std::{
    fs::{self, File},
    io::{BufReader, Write},
    path::Path,
};

use sungrid_chain_client::Chain;
use sungrid_data_plane::DataPlane;
use sungrid_manifest::{Manifest, hash};
use sungrid_primitives::{ContentHash, JobId};
use sungrid_seal::{JobKey, StreamError};
use tempfile::NamedTempFile;

use crate::{
    Error,
    folder::{DataFolder, JobFolder, JobRecord},
    plan::Plan,
    serve::blob,
};

/// The file with a job's key in its folder.
pub const KEY_FILE: &str = "job.key";

impl JobFolder {
    /// The key that was kept here; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Malformed`] if it is no key, or others can read it.
    pub fn key(&self) -> Result<Option<JobKey>, Error> {
        let path = self.path().join(KEY_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = fs::metadata(&path).map_err(Error::file("read", &path))?;
            if metadata.permissions().mode() & 0o077 != 0 {
                let shown = path.display().to_string();
                let reason = format!("other users can read it: run `chmod 600 {shown}`");
                return Err(Error::malformed(path, reason));
            }
        }
        let mut bytes = [0; JobKey::BYTES];
        hex::decode_to_slice(text.trim(), &mut bytes)
            .map_err(|_| Error::malformed(&path, "not a job's key: 64 hexadecimal digits"))?;
        Ok(Some(JobKey::from_bytes(bytes)))
    }

    /// The key of the job that this folder is of; `None` if it is not sealed.
    ///
    /// # Errors
    /// Those of [`Self::key`] and [`Self::input`]; [`Error::Malformed`] if it is sealed, and its key is not here.
    pub fn key_of(&self, record: &JobRecord) -> Result<Option<JobKey>, Error> {
        let key = self.key()?;
        if key.is_none() && self.input()?.encode()?.hash != record.spec.input {
            let path = self.path().join(KEY_FILE);
            let reason = "this job is encrypted, and its key is not here: copy the file from the folder that it was \
                          submitted from";
            return Err(Error::malformed(path, reason));
        }
        Ok(key)
    }

    /// Keeps a key where its owner alone reads it.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save_key(&self, key: &JobKey) -> Result<(), Error> {
        let path = self.path().join(KEY_FILE);
        let write = || {
            // Temporary files are private, and stay so.
            let mut file = NamedTempFile::new_in(self.path())?;
            writeln!(file, "{}", hex::encode(*key.to_bytes()))?;
            file.as_file().sync_all()?;
            file.persist(&path).map(drop).map_err(|error| error.error)
        };
        write().map_err(Error::file("write", &path))
    }
}

/// The key for a job that is about to be submitted: a fresh one, or that of the job before it, whose outputs its workers open.
///
/// # Errors
/// [`Error::Usage`] if one of the two is sealed and the other is not; [`Error::NotOurs`] if the earlier one's key is not here.
pub async fn key_for(
    chain: &dyn Chain,
    data: &DataFolder,
    plan: &Plan,
) -> Result<Option<JobKey>, Error> {
    let Some(after) = plan.after else {
        let fresh = || JobKey::generate().map_err(|error| Error::Usage(error.to_string()));
        return plan.encrypt.then(fresh).transpose();
    };
    let earlier = match of_job(chain, data, after).await {
        Ok(key) => key,
        Err(Error::NotOurs { .. }) if !plan.encrypt => None,
        Err(error) => return Err(error),
    };
    match (&earlier, plan.encrypt) {
        (Some(_), false) => Err(Error::Usage(format!(
            "job {after} is encrypted, and so is what it leaves: give --encrypt, then this one gets its key"
        ))),
        (None, true) => Err(Error::Usage(format!(
            "job {after} is not encrypted, nor is what it leaves: leave --encrypt out, or submit that one with it"
        ))),
        _ => Ok(earlier),
    }
}

/// The key of a job of this account's, of a series too.
async fn of_job(chain: &dyn Chain, data: &DataFolder, job: JobId) -> Result<Option<JobKey>, Error> {
    let genesis = chain.genesis();
    let missing = match data.job(&genesis, job) {
        Ok((folder, _)) => return folder.key(),
        Err(error) => error,
    };
    match chain.job(job).await?.and_then(|record| record.series) {
        Some(series) => data.job(&genesis, series)?.0.key(),
        None => Err(missing),
    }
}

/// Puts a file into the store, sealed; returns its address, its bytes there, and its bytes of content.
///
/// # Errors
/// [`Error::File`], [`Error::Malformed`] if it changes meanwhile, [`Error::Store`].
pub async fn put(
    plane: &DataPlane,
    folder: &Path,
    key: &JobKey,
    path: &Path,
) -> Result<(sungrid_data_plane::Held, u64), Error> {
    let (sealed, size) = off_thread({
        let (folder, key, path) = (folder.to_owned(), key.clone(), path.to_owned());
        move || {
            let plain = File::open(&path).map_err(Error::file("read", &path))?;
            // On the disk of the store, which is to have room for it anyway.
            let mut sealed =
                NamedTempFile::new_in(&folder).map_err(Error::file("create a file in", &folder))?;
            let size = key.seal_stream(plain, &mut sealed);
            let size = size.map_err(|error| of_stream(error, &path))?;
            Ok((sealed, size))
        }
    })
    .await?;
    Ok((plane.put_file(sealed.path()).await?, size))
}

/// Writes content of the store out, opened: whole, or not at all.
///
/// # Errors
/// [`Error::File`], [`Error::Store`]; [`Error::Unopened`] if it does not open.
pub async fn export(
    plane: &DataPlane,
    key: &JobKey,
    content: &ContentHash,
    target: &Path,
) -> Result<(), Error> {
    let folder = target.parent().unwrap_or(Path::new(".")).to_owned();
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let sealed = NamedTempFile::new_in(&folder)
        .map_err(Error::file("create a file in", &folder))?
        .into_temp_path();
    plane.export(blob(content), &sealed).await?;
    let (key, target) = (key.clone(), target.to_owned());
    off_thread(move || {
        let from = File::open(&sealed).map_err(Error::file("read", &*sealed))?;
        let mut to =
            NamedTempFile::new_in(&folder).map_err(Error::file("create a file in", &folder))?;
        key.open_stream(BufReader::new(from), &mut to)
            .map_err(|error| of_stream(error, &target))?;
        #[cfg(unix)]
        {
            // Temporary files are private; results are the user's ordinary files.
            use std::os::unix::fs::PermissionsExt;
            to.as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))
                .map_err(Error::file("write", &target))?;
        }
        to.persist(&target)
            .map(drop)
            .map_err(|error| Error::file("write", &target)(error.error))
    })
    .await
}

fn of_stream(error: StreamError, path: &Path) -> Error {
    match error {
        StreamError::Io(source) => Error::file("read or write", path)(source),
        StreamError::Open(source) => Error::Unopened {
            path: path.into(),
            source,
        },
        changed => Error::malformed(path, changed),
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Interrupted),
        },
    }
}

/// A job's input as it is stored: the manifest's bytes, sealed if there is a key, and their address.
pub fn stored(key: Option<&JobKey>, manifest: Vec<u8>) -> (Vec<u8>, ContentHash) {
    let bytes = match key {
        Some(key) => key.seal(manifest),
        None => manifest,
    };
    let address = hash(&bytes);
    (bytes, address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_owner_s_alone_and_nothing_else_is_taken_for_one() {
        let data = tempfile::tempdir().unwrap();
        let folder = JobFolder::at(data.path());
        assert_eq!(folder.key().unwrap(), None);
        let key = JobKey::generate().unwrap();
        folder.save_key(&key).unwrap();
        assert_eq!(folder.key().unwrap(), Some(key));
        let path = data.path().join(KEY_FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            let error = folder.key().unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        for text in ["", "0x", "zz", &"11".repeat(31), &"11".repeat(33)] {
            fs::write(&path, text).unwrap();
            let error = folder.key().unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
    }
}
