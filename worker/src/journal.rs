//! What the worker must not forget: one file per batch, written before the step it prepares.
//!
//! A step that costs the bond when forgotten (the salt of a commitment) is on the disk before the chain
//! hears of it. Finished units are logged one by one, so that a killed worker does not compute them again.
//! Files replace each other atomically; what a crash cut short is recognised and ignored.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    receipt::{BatchSummary, commitment, digest},
    witness,
};

const VERSION: u8 = 1;
/// Seals that were replaced of one batch. Fewer than cuts of a job and tries between them, and a salt may be forgotten; more, and files
/// grow.
const MOST_FORMER: usize = 32;

/// A batch by job and index.
pub type BatchId = (JobId, BatchIndex);

/// Why the journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The disk does not take it.
    #[error(
        "the disk under {path} is full: free some space; the worker goes on by itself, and takes no new work until then"
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else of the file system.
    #[error("journal file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that this version did not write.
    #[error(
        "journal file {path} cannot be read ({reason}): restore it, or move it away if its batch is over; with it goes the salt of that batch"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl JournalError {
    fn io(path: &Path, source: io::Error) -> Self {
        if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            return Self::Full { path: path.into() };
        }
        Self::Io {
            path: path.into(),
            source,
        }
    }
}

/// Everything that opens a commitment, and where the result is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Of how many units, from the batch's first on; 0 in journals of earlier versions, which sealed all.
    #[serde(default)]
    pub units: u32,
    /// Merkle root of these units.
    pub root: H256,
    /// Fuel of all units; text, because JSON numbers end at 2^53.
    #[serde(with = "text")]
    pub fuel: u128,
    /// Charge of all units, µSUNS·s.
    #[serde(with = "text")]
    pub charge: u128,
    /// Secret of the commitment.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 32],
    /// BLAKE3 of the result bundle.
    pub bundle: ContentHash,
}

impl Seal {
    /// What is revealed.
    pub fn summary(&self) -> BatchSummary {
        BatchSummary {
            root: self.root,
            fuel: self.fuel,
            charge: self.charge,
        }
    }

    /// What it is compared by.
    pub fn digest(&self, (job, batch): BatchId) -> H256 {
        digest(job, batch, &self.summary())
    }

    /// What is committed to.
    pub fn commitment(&self, (job, batch): BatchId, worker: &[u8; 32]) -> H256 {
        commitment(job, batch, &self.summary(), worker, &self.salt)
    }
}

mod text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// How far a batch is on this side. What the chain knows is not repeated here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Claimed: units are being computed.
    Claimed,
    /// Computed and sealed: to be committed, then revealed.
    Sealed(Seal),
    /// Accepted: outputs are served until the job's retention ends.
    Settled,
    /// Given back, lost, or not known to the chain any more, as far as that can be taken back.
    Left,
}

impl Stage {
    /// Whether something is left to do for it, unless a reorganisation takes back how it ended.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Claimed | Self::Sealed(_))
    }
}

/// One batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this format.
    version: u8,
    /// The job.
    pub job: JobId,
    /// The batch.
    pub batch: BatchIndex,
    /// Hash of the block at which the claim was seen.
    pub anchor: H256,
    /// How far it is.
    pub stage: Stage,
    /// Seals that others took the place of, oldest first: what was sent may still come into a block, or come back with a
    /// reorganisation, and then only its own salt opens it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Seal>,
}

impl Entry {
    /// A batch just claimed.
    pub fn claimed((job, batch): BatchId, anchor: H256) -> Self {
        Self {
            version: VERSION,
            job,
            batch,
            anchor,
            stage: Stage::Claimed,
            former: Vec::new(),
        }
    }

    /// The same batch, further on, or back. No seal is forgotten before its end is [final](Self::finally).
    pub fn at(&self, stage: Stage) -> Self {
        let mut next = self.clone();
        if let Stage::Sealed(seal) = std::mem::replace(&mut next.stage, stage)
            && next.stage != Stage::Sealed(seal.clone())
        {
            next.former.push(seal);
        }
        if let Stage::Sealed(seal) = &next.stage {
            next.former.retain(|former| former != seal);
        }
        let excess = next.former.len().saturating_sub(MOST_FORMER);
        next.former.drain(..excess);
        next
    }

    /// The same batch when nothing can take its end back any more.
    pub fn finally(&self) -> Self {
        Self {
            former: Vec::new(),
            ..self.clone()
        }
    }

    /// The batch with the seal that a commitment is of, if it is one that was replaced.
    pub fn with_seal_of(&self, commitment: &H256, worker: &[u8; 32]) -> Option<Self> {
        let is_of = |seal: &&Seal| seal.commitment(self.id(), worker) == *commitment;
        let seal = self.former.iter().find(is_of)?;
        Some(self.at(Stage::Sealed(seal.clone())))
    }

    /// Its name.
    pub fn id(&self) -> BatchId {
        (self.job, self.batch)
    }
}

/// A unit that was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneUnit {
    /// Its index within the job.
    pub unit: UnitIndex,
    /// Fuel consumed.
    pub fuel: u64,
    /// Peak linear memory, bytes.
    pub peak_memory: u64,
    /// The output manifest.
    #[serde(with = "hex::serde")]
    pub output: Vec<u8>,
}

/// What this worker found as a witness, before it is sealed on chain: without the salt nothing can be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What drew it.
    pub seed: H256,
    /// What it makes of the outputs, if they are to be had.
    pub found: Option<H256>,
    /// The secret of its seal.
    #[serde(with = "hex::serde")]
    pub salt: [u8; 32],
}

impl Found {
    /// What goes on chain before it is opened.
    pub fn seal(&self, (job, batch): BatchId, worker: &[u8; 32]) -> H256 {
        witness::seal(job, batch, worker, &self.found, &self.salt)
    }
}

/// The journal of one worker on one chain.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// Opens, or makes, the journal of a chain under `folder`.
    pub fn open(folder: &Path, genesis: &H256) -> Result<Self, JournalError> {
        // Another chain's batches have other salts; they stay untouched next to ours.
        let folder = folder.join(hex::encode(&genesis.as_bytes()[..8]));
        fs::create_dir_all(&folder).map_err(|error| JournalError::io(&folder, error))?;
        Ok(Self { folder })
    }

    fn path(&self, (job, batch): BatchId, extension: &str) -> PathBuf {
        self.folder.join(format!("{job}-{batch}.{extension}"))
    }

    /// Writes a batch; on the disk when this returns.
    pub fn write(&self, entry: &Entry) -> Result<(), JournalError> {
        let path = self.path(entry.id(), "json");
        let bytes = serde_json::to_vec_pretty(entry).map_err(|error| JournalError::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        self.replace(&path, &bytes)
            .map_err(|error| JournalError::io(&path, error))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // The name is on the disk only when the folder is.
        File::open(&self.folder)?.sync_all()
    }

    /// Seals of a batch that were replaced.
    pub fn former(&self, id: BatchId) -> Result<Vec<Seal>, JournalError> {
        let path = self.path(id, "json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::io(&path, error)),
        };
        let entry: Entry =
            serde_json::from_slice(&bytes).map_err(|error| JournalError::Damaged {
                path,
                reason: error.to_string(),
            })?;
        Ok(entry.former)
    }

    /// All batches.
    pub fn load(&self) -> Result<Vec<Entry>, JournalError> {
        let wrap = |error| JournalError::io(&self.folder, error);
        let mut entries = Vec::new();
        for item in fs::read_dir(&self.folder).map_err(wrap)? {
            let path = item.map_err(wrap)?.path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            if name.as_ref().is_some_and(|name| name.starts_with(".new-")) {
                // Cut short by a crash before it took its place.
                fs::remove_file(&path).map_err(|error| JournalError::io(&path, error))?;
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let bytes = fs::read(&path).map_err(|error| JournalError::io(&path, error))?;
            let damaged = |reason: String| JournalError::Damaged {
                path: path.clone(),
                reason,
            };
            let entry: Entry =
                serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
            if entry.version != VERSION {
                return Err(damaged(format!(
                    "version {} is unknown here",
                    entry.version
                )));
            }
            entries.push(entry);
        }
        entries.sort_by_key(Entry::id);
        Ok(entries)
    }

    /// Forgets a batch.
    pub fn remove(&self, id: BatchId) -> Result<(), JournalError> {
        self.remove_units(id)?;
        remove_if_there(&self.path(id, "json"))
    }

    /// Logs computed units; on the disk when this returns.
    pub fn log_units<'a>(
        &self,
        id: BatchId,
        units: impl IntoIterator<Item = &'a DoneUnit>,
    ) -> Result<(), JournalError> {
        let path = self.path(id, "units");
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            let mut lines = Vec::new();
            for unit in units {
                serde_json::to_writer(&mut lines, unit)?;
                lines.push(b'\n');
            }
            file.write_all(&lines)?;
            file.sync_data()
        };
        append().map_err(|error| JournalError::io(&path, error))
    }

    /// The computed units of a batch. A line that a crash cut short ends the log.
    pub fn units(&self, id: BatchId) -> Result<BTreeMap<UnitIndex, DoneUnit>, JournalError> {
        let path = self.path(id, "units");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(JournalError::io(&path, error)),
        };
        let mut units = BTreeMap::new();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|error| JournalError::io(&path, error))?;
            if let Ok(unit) = serde_json::from_slice::<DoneUnit>(&line) {
                units.insert(unit.unit, unit);
            }
        }
        Ok(units)
    }

    /// Forgets the unit log of a batch: its bundle has them now.
    pub fn remove_units(&self, id: BatchId) -> Result<(), JournalError> {
        remove_if_there(&self.path(id, "units"))
    }

    /// Writes what was found of a batch's outputs; on the disk when this returns.
    pub fn write_found(&self, id: BatchId, found: &Found) -> Result<(), JournalError> {
        let path = self.path(id, "witness");
        serde_json::to_vec_pretty(found)
            .map_err(io::Error::from)
            .and_then(|bytes| self.replace(&path, &bytes))
            .map_err(|error| JournalError::io(&path, error))
    }

    /// What was found of a batch's outputs, if anything is written of this draw.
    pub fn found(&self, id: BatchId, seed: &H256) -> Result<Option<Found>, JournalError> {
        let path = self.path(id, "witness");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| JournalError::io(&path, error))?,
        };
        let found: Found =
            serde_json::from_slice(&bytes).map_err(|error| JournalError::Damaged {
                path,
                reason: error.to_string(),
            })?;
        Ok((found.seed == *seed).then_some(found))
    }

    /// Forgets what was found of all batches but these.
    pub fn keep_found_of(&self, open: &BTreeSet<BatchId>) -> Result<(), JournalError> {
        let open: BTreeSet<PathBuf> = open.iter().map(|id| self.path(*id, "witness")).collect();
        let wrap = |error| JournalError::io(&self.folder, error);
        for item in fs::read_dir(&self.folder).map_err(wrap)? {
            let path = item.map_err(wrap)?.path();
            let is_found = path.extension().is_some_and(|end| end == "witness");
            if is_found && !open.contains(&path) {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    /// Whether the disk takes a write.
    pub fn check_room(&self) -> Result<(), JournalError> {
        let probe = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                .prefix(".new-")
                .tempfile_in(&self.folder)?;
            file.write_all(&[0; 4096])?;
            file.as_file().sync_all()
        };
        probe().map_err(|error| JournalError::io(&self.folder, error))
    }
}

fn remove_if_there(path: &Path) -> Result<(), JournalError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(JournalError::io(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path(), &H256::repeat_byte(1)).expect("opens");
        (folder, journal)
    }

    fn sealed() -> Entry {
        let seal = Seal {
            units: 5,
            root: H256::repeat_byte(1),
            fuel: u128::MAX,
            charge: 1 << 70,
            salt: [7; 32],
            bundle: H256::repeat_byte(2),
        };
        Entry {
            stage: Stage::Sealed(seal),
            ..Entry::claimed((3, 4), H256::repeat_byte(5))
        }
    }

    #[test]
    fn what_is_written_is_read_again_to_the_bit() {
        let (_folder, journal) = journal();
        let entries = [Entry::claimed((1, 0), H256::zero()), sealed()];
        for entry in &entries {
            journal.write(entry).expect("writes");
        }
        assert_eq!(journal.load().expect("reads"), entries);
        journal.remove((1, 0)).expect("removes");
        journal.remove((1, 0)).expect("removing twice is no error");
        assert_eq!(journal.load().expect("reads"), entries[1..]);
    }

    #[test]
    fn chains_do_not_mix() {
        let (folder, journal) = journal();
        journal.write(&sealed()).expect("writes");
        let other = Journal::open(folder.path(), &H256::repeat_byte(2)).expect("opens");
        assert!(other.load().expect("reads").is_empty());
    }

    #[test]
    fn a_crash_while_writing_loses_the_new_and_keeps_the_old() {
        let (_folder, journal) = journal();
        journal.write(&sealed()).expect("writes");
        fs::write(journal.folder.join(".new-x"), b"{\"version\":1,").expect("writes");
        assert_eq!(journal.load().expect("reads"), [sealed()]);
        assert!(!journal.folder.join(".new-x").exists());
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let (_folder, journal) = journal();
        for bytes in ["", "{", "{\"version\":9}"] {
            fs::write(journal.path((1, 1), "json"), bytes).expect("writes");
            let error = journal.load().expect_err("damaged").to_string();
            assert!(error.contains("1-1.json"), "{error}");
        }
        let newer = serde_json::to_string(&Entry {
            version: 2,
            ..sealed()
        })
        .expect("encodes");
        fs::write(journal.path((1, 1), "json"), newer).expect("writes");
        assert!(journal.load().is_err());
    }

    #[test]
    fn a_cut_unit_log_keeps_its_whole_lines() {
        let (_folder, journal) = journal();
        let unit = |unit| DoneUnit {
            unit,
            fuel: 1,
            peak_memory: 2,
            output: vec![3, 4],
        };
        for n in 0..3 {
            journal.log_units((1, 0), [&unit(n)]).expect("logs");
        }
        let path = journal.path((1, 0), "units");
        let bytes = fs::read(&path).expect("reads");
        fs::write(&path, &bytes[..bytes.len() - 5]).expect("cuts");
        let units = journal.units((1, 0)).expect("reads");
        assert_eq!(units.keys().copied().collect::<Vec<_>>(), [0, 1]);
        // The next unit starts on the cut line and is lost with it, but nothing before is.
        journal.log_units((1, 0), [&unit(2)]).expect("logs");
        journal
            .log_units((1, 0), [&unit(3), &unit(4)])
            .expect("logs");
        let units = journal.units((1, 0)).expect("reads");
        assert_eq!(units.keys().copied().collect::<Vec<_>>(), [0, 1, 3, 4]);
        journal.remove((1, 0)).expect("removes");
        assert!(journal.units((1, 0)).expect("reads").is_empty());
    }

    #[test]
    fn the_seal_opens_the_commitment() {
        let Stage::Sealed(seal) = sealed().stage else {
            panic!("it is sealed")
        };
        let mine = seal.commitment((3, 4), &[9; 32]);
        assert_eq!(
            mine,
            commitment(3, 4, &seal.summary(), &[9; 32], &seal.salt)
        );
        assert_ne!(mine, seal.commitment((3, 5), &[9; 32]));
    }
}
