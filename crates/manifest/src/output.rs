//! Outputs: what one unit left behind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sungrid_primitives::ContentHash;

use crate::{
    File, Manifest, ManifestError, check, hash,
    limits::{OUTPUT_BYTES, UNIT_FILES, UNIT_OUTPUT_BYTES},
    link,
};

/// Content without a name: stdout or stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// BLAKE3 of the content.
    #[serde(rename = "cid", with = "link::raw")]
    pub hash: ContentHash,
    /// Bytes of content, not 0: an empty stream is `null`.
    pub size: u64,
}

/// The output of one unit: what a receipt names as `output`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitOutput {
    /// Version of this format: 1.
    pub version: u64,
    /// Exit code; the executor documents the values.
    pub exit: u32,
    /// What it wrote to stdout; `None` if nothing.
    pub stdout: Option<Blob>,
    /// What it wrote to stderr; `None` if nothing.
    pub stderr: Option<Blob>,
    /// Files under `/out`, in ascending order of their names.
    pub files: Vec<File>,
}

impl UnitOutput {
    /// An output of the current version. Sorts the files, so that replicas agree.
    pub fn new(
        exit: u32,
        stdout: Option<Blob>,
        stderr: Option<Blob>,
        mut files: Vec<File>,
    ) -> Self {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            version: 1,
            exit,
            stdout,
            stderr,
            files,
        }
    }

    /// What a run left.
    pub fn of(exit: u32, stdout: &[u8], stderr: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Self {
        let blob = |bytes: &[u8]| {
            (!bytes.is_empty()).then(|| Blob {
                hash: hash(bytes),
                size: bytes.len() as u64,
            })
        };
        let files = files
            .iter()
            .map(|(name, bytes)| File::new(&**name, hash(bytes), bytes.len() as u64));
        Self::new(exit, blob(stdout), blob(stderr), files.collect())
    }

    /// Everything that the unit left, as it stands in a folder of its own: `stdout`, `stderr`, `out/…`.
    pub fn contents(&self) -> impl Iterator<Item = File> + '_ {
        let streams = [("stdout", self.stdout), ("stderr", self.stderr)];
        let streams = streams
            .into_iter()
            .filter_map(|(name, blob)| blob.map(|blob| File::new(name, blob.hash, blob.size)));
        let files = self.files.iter().map(|file| File {
            name: format!("out/{}", file.name),
            ..file.clone()
        });
        streams.chain(files)
    }

    /// Bytes of all content; saturates.
    pub fn size(&self) -> u64 {
        let streams = [self.stdout, self.stderr];
        let streams = streams.iter().flatten().map(|blob| blob.size);
        streams
            .chain(self.files.iter().map(|file| file.size))
            .fold(0, u64::saturating_add)
    }
}

impl Manifest for UnitOutput {
    const WHAT: &'static str = "a unit-output";
    const MAX_BYTES: usize = UNIT_OUTPUT_BYTES;

    fn validate(&self) -> Result<(), ManifestError> {
        check::version::<Self>(self.version)?;
        for (field, stream) in [("stdout.size", self.stdout), ("stderr.size", self.stderr)] {
            if let Some(blob) = stream {
                check::range::<Self>(field, blob.size, 1, OUTPUT_BYTES)?;
            }
        }
        check::files::<Self>("files", &self.files, UNIT_FILES, None)?;
        check::sorted::<Self>("files", &self.files)?;
        check::content::<Self>("files", self.size(), OUTPUT_BYTES)
    }
}
