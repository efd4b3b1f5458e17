//! What this machine remembers: published images and submitted jobs.
//!
//! ```text
//! <data>/images/<digest>/manifest.cbor, code.wasm, files/<digest>
//! <data>/modules/                    compiled programs, for runs on this machine
//! <data>/jobs/<slot>/job.json        terms, results, how it ended
//!                    input.cbor      the job-input manifest
//!                    blobs/          what is served to workers
//!                    receipts/       one bundle per replica of a batch
//!                    outputs/        one folder per unit
//! ```
//! A slot is made before its job is submitted, so that a crash in between loses nothing: the job is
//! found on chain by its terms.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sp_core::H256;
use sungrid_chain_client::{AccountId, BatchResult, JobSpec};
use sungrid_manifest::{Image, JobInput, Manifest};
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    job::{Cut, Layout},
    receipt::BatchSummary,
    suns::Profile,
};

use crate::{Error, serve::Serving};

/// The folder of this user's records.
#[derive(Clone, Debug)]
pub struct DataFolder(PathBuf);

/// What the results are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Task {
    /// Files for the user.
    Files,
    /// What a program leaves of each of many files.
    Map {
        /// Where it goes.
        out: PathBuf,
        /// Whether it all goes into one folder.
        flat: bool,
    },
    /// Tiles of a picture.
    Picture {
        /// Where the picture goes.
        picture: PathBuf,
    },
}

/// An accepted result as it stood on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Merkle root over the unit leaves.
    pub root: H256,
    /// Fuel of one replica.
    pub fuel: u128,
    /// Charge of one replica, µSUNS·s.
    pub charge: u128,
    /// Worker keys and digests of their bundles.
    pub winners: Vec<(AccountId, ContentHash)>,
}

impl From<BatchResult> for Accepted {
    fn from(result: BatchResult) -> Self {
        let winners = result.winners.into_iter().map(|w| (w.worker, w.bundle));
        let BatchSummary { root, fuel, charge } = result.summary;
        Self {
            root,
            fuel,
            charge,
            winners: winners.collect(),
        }
    }
}

/// How a job ended, as the chain said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// `completed`, `cancelled` or `expired`.
    pub state: String,
    /// Planck paid.
    pub paid: u128,
    /// Fuel accepted, one replica of each batch.
    pub fuel: u128,
    /// Batches that failed.
    pub failed: u32,
}

/// A job that was submitted from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Version of this format: 1.
    pub version: u32,
    /// Genesis hash of its chain.
    pub genesis: H256,
    /// Node that it was submitted through.
    pub node: String,
    /// Its number; `None` until its submission is in a block.
    pub job: Option<JobId>,
    /// Who pays.
    pub requester: AccountId,
    /// Its terms.
    pub spec: JobSpec,
    /// What one SUNS contains, for the bill.
    pub profile: Profile,
    /// Where its inputs are served.
    #[serde(flatten)]
    pub serving: Serving,
    /// Seconds since 1970 when it was made.
    pub created: u64,
    /// What its results are for.
    pub task: Task,
    /// Batches that workers cut whose machines were needed, as far as is known.
    #[serde(default)]
    pub cuts: Vec<Cut>,
    /// Accepted results so far.
    pub accepted: BTreeMap<BatchIndex, Accepted>,
    /// What those batches are paid by that were claimed after a raise of the bid, planck per SUNS·hour.
    #[serde(default)]
    pub raised_prices: BTreeMap<BatchIndex, u128>,
    /// Whether it is a series: its jobs have folders below its own.
    #[serde(default)]
    pub recurs: bool,
    /// How it ended.
    pub ended: Option<Ended>,
}

/// Where a file of an image is, beside the image's code.
pub fn beside_code(code: &Path, file: &ContentHash) -> PathBuf {
    code.with_file_name("files").join(hex::encode(file))
}

/// Copies a folder with all that is in it into another one; what is there already is replaced.
///
/// # Errors
/// [`Error::File`]. A folder that is not there has nothing in it.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::file("create", to))?;
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file("list", from)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::file("list", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(Error::file("write", &target))?;
        }
    }
    Ok(())
}

/// Seconds since 1970; 0 on a machine whose clock is before that.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|d| d.as_secs())
        .unwrap_or_default()
}

impl JobRecord {
    /// How its units make batches, as far as is known.
    pub fn layout(&self) -> Layout<'_> {
        Layout {
            units: self.spec.units,
            batch_size: self.spec.batch_size,
            cuts: &self.cuts,
        }
    }

    /// First unit and number of units of a batch.
    pub fn range(&self, batch: BatchIndex) -> Option<(UnitIndex, u32)> {
        self.layout().range(batch)
    }

    /// What the results of a batch are paid by, planck per SUNS·hour.
    pub fn price_of(&self, batch: BatchIndex) -> u128 {
        let raised = self.raised_prices.get(&batch);
        raised.copied().unwrap_or(self.spec.price)
    }
}

impl Accepted {
    /// What each winner's leaves must come to.
    pub fn summary(&self) -> BatchSummary {
        BatchSummary {
            root: self.root,
            fuel: self.fuel,
            charge: self.charge,
        }
    }
}

impl DataFolder {
    /// The given folder, or `$XDG_DATA_HOME/sungrid`, or `~/.local/share/sungrid`.
    ///
    /// # Errors
    /// [`Error::Usage`] if none is given and there is no home.
    pub fn new(given: Option<PathBuf>) -> Result<Self, Error> {
        let from = |variable: &str, below: &str| {
            std::env::var_os(variable)
                .filter(|value| !value.is_empty())
                .map(|value| PathBuf::from(value).join(below))
        };
        given
            .or_else(|| from("XDG_DATA_HOME", "sungrid"))
            .or_else(|| from("HOME", ".local/share/sungrid"))
            .or_else(|| from("LOCALAPPDATA", "sungrid"))
            .map(Self)
            .ok_or_else(|| Error::Usage("no home folder on this system: give --data-dir".into()))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn image_folder(&self, image: &ContentHash) -> PathBuf {
        self.0.join("images").join(hex::encode(image))
    }

    /// Keeps an image for later jobs.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Manifest`].
    pub fn keep_image(&self, image: &Image, code: &[u8]) -> Result<ContentHash, Error> {
        let encoded = image.encode()?;
        let folder = self.image_folder(&encoded.hash);
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        write_whole(&folder.join("code.wasm"), code)?;
        // Written last: an image with a manifest is complete.
        write_whole(&folder.join("manifest.cbor"), &encoded.bytes)?;
        Ok(encoded.hash)
    }

    /// Keeps a file of an image; all of them before the image itself.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn keep_image_file(
        &self,
        image: &ContentHash,
        file: &ContentHash,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let path = beside_code(&self.image_folder(image).join("code.wasm"), file);
        let folder = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        write_whole(&path, bytes)
    }

    /// An image that was kept: its manifest and the path of its code.
    ///
    /// # Errors
    /// [`Error::ImageNotHere`] if it was not.
    pub fn image(&self, image: &ContentHash) -> Result<(Image, PathBuf), Error> {
        let folder = self.image_folder(image);
        let path = folder.join("manifest.cbor");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::ImageNotHere(crate::image_cid(image)));
            }
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        Ok((Image::decode(&bytes)?, folder.join("code.wasm")))
    }

    /// All images that were kept, by name.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be listed. What is not complete is left out.
    pub fn images(&self) -> Result<Vec<(ContentHash, Image)>, Error> {
        let folder = self.0.join("images");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(Error::file("list", &folder)(error)),
        };
        let mut images = Vec::new();
        for entry in entries {
            let name = entry.map_err(Error::file("list", &folder))?.file_name();
            let digest = sungrid_manifest::parse_cid(&name.to_string_lossy());
            if let Ok(digest) = digest
                && let Ok((image, _)) = self.image(&digest)
            {
                images.push((digest, image));
            }
        }
        images.sort_by(|a, b| (&a.1.name, a.0).cmp(&(&b.1.name, b.0)));
        Ok(images)
    }

    /// Makes a slot for a job that is about to be submitted.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn new_slot(&self) -> Result<JobFolder, Error> {
        let jobs = self.0.join("jobs");
        fs::create_dir_all(&jobs).map_err(Error::file("create", &jobs))?;
        let path = tempfile::Builder::new()
            .prefix("job-")
            .tempdir_in(&jobs)
            .map_err(Error::file("create a folder in", &jobs))?
            .keep();
        Ok(JobFolder(path))
    }

    /// All records, in order of time. Slots without a readable record are left out with a warning.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be listed.
    pub fn jobs(&self) -> Result<Vec<(JobFolder, JobRecord)>, Error> {
        let folder = self.0.join("jobs");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(Error::file("list", &folder)(error)),
        };
        let mut jobs = Vec::new();
        for entry in entries {
            let slot = JobFolder(entry.map_err(Error::file("list", &folder))?.path());
            match slot.record() {
                Ok(record) => jobs.push((slot, record)),
                // A slot whose inputs are still being read has no record yet.
                Err(Error::File { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => eprintln!("warning: skipping {}: {error}", slot.0.display()),
            }
        }
        jobs.sort_by_key(|(_, record)| (record.created, record.job));
        Ok(jobs)
    }

    /// The record of a job on a chain.
    ///
    /// # Errors
    /// [`Error::NotOurs`] if there is none.
    pub fn job(&self, genesis: &H256, job: JobId) -> Result<(JobFolder, JobRecord), Error> {
        self.jobs()?
            .into_iter()
            .find(|(_, record)| record.genesis == *genesis && record.job == Some(job))
            .ok_or_else(|| Error::NotOurs {
                job,
                folder: self.0.join("jobs"),
            })
    }
}

/// The folder of one job.
#[derive(Clone, Debug)]
pub struct JobFolder(PathBuf);

impl JobFolder {
    /// A folder that exists already, such as one that was copied here.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is served to workers.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// The bundles of all replicas.
    pub fn receipts(&self) -> PathBuf {
        self.0.join("receipts")
    }

    /// The folder of a job of this series.
    pub fn instance(&self, job: JobId) -> Self {
        Self(self.0.join("jobs").join(job.to_string()))
    }

    /// Bundles of the job that this one comes after, one for each batch.
    pub fn before(&self) -> PathBuf {
        self.0.join("before")
    }

    /// The outputs of all units.
    pub fn outputs(&self) -> PathBuf {
        self.0.join("outputs")
    }

    /// The outputs of one unit.
    pub fn unit(&self, unit: UnitIndex) -> PathBuf {
        self.outputs().join(format!("{unit:06}"))
    }

    /// The file of one replica's bundle.
    pub fn bundle(&self, batch: BatchIndex, worker: &AccountId) -> PathBuf {
        self.receipts().join(format!("{batch:06}-{worker}.cbor"))
    }

    /// Reads the record.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Malformed`].
    pub fn record(&self) -> Result<JobRecord, Error> {
        let path = self.0.join("job.json");
        let record: JobRecord = read_json(&path)?;
        if record.version != 1 {
            let reason = format!(
                "version {} is unknown here: update this program",
                record.version
            );
            return Err(Error::malformed(path, reason));
        }
        Ok(record)
    }

    /// Writes the record; it is replaced whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save(&self, record: &JobRecord) -> Result<(), Error> {
        let path = self.0.join("job.json");
        let text = serde_json::to_vec_pretty(record).map_err(|e| Error::malformed(&path, e))?;
        write_whole(&path, &text)
    }

    /// Reads the job-input manifest.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Manifest`].
    pub fn input(&self) -> Result<JobInput, Error> {
        let path = self.0.join("input.cbor");
        let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
        Ok(JobInput::decode(&bytes)?)
    }

    /// Writes the job-input manifest.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save_input(&self, bytes: &[u8]) -> Result<(), Error> {
        write_whole(&self.0.join("input.cbor"), bytes)
    }

    /// Writes a bundle that was checked.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save_bundle(
        &self,
        batch: BatchIndex,
        worker: &AccountId,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let folder = self.receipts();
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        write_whole(&self.bundle(batch, worker), bytes)
    }

    /// Removes everything: for a job whose submission failed.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn discard(self) -> Result<(), Error> {
        fs::remove_dir_all(&self.0).map_err(Error::file("remove", &self.0))
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(Error::file("read", path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::malformed(path, format!("not a record of this program: {error}")))
}

/// Writes a file so that it is there whole, or as it was before.
///
/// # Errors
/// [`Error::File`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        #[cfg(unix)]
        {
            // Temporary files are private; results are the user's ordinary files.
            use std::os::unix::fs::PermissionsExt;
            file.as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(Error::file("write", path))
}
