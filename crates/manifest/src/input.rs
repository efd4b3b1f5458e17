//! Inputs: what a job gives to its units.

use serde::{Deserialize, Serialize};
use sungrid_primitives::{ContentHash, UnitIndex, job::MAX_UNITS};

use crate::{
    Manifest, ManifestError, check,
    limits::{JOB_INPUT_BYTES, SHARED_FILES, UNIT_CONTENT_BYTES, UNIT_FILES, UNIT_INPUT_BYTES},
    link,
};

/// A named content: a file under `/in` or `/out`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Relative path with `/` between its parts.
    pub name: String,
    /// BLAKE3 of the content.
    #[serde(rename = "cid", with = "link::raw")]
    pub hash: ContentHash,
    /// Bytes of content.
    pub size: u64,
}

impl File {
    /// A file.
    pub fn new(name: impl Into<String>, hash: ContentHash, size: u64) -> Self {
        Self {
            name: name.into(),
            hash,
            size,
        }
    }
}

/// What one unit gets beside the shared files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitSpec {
    /// Arguments after the image's.
    pub args: Vec<String>,
    /// Files of this unit only.
    pub files: Vec<File>,
}

/// All inputs of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobInput {
    /// Version of this format: 1.
    pub version: u64,
    /// Files that every unit gets.
    pub shared: Vec<File>,
    /// One entry per unit, in order.
    pub units: Vec<UnitSpec>,
}

impl JobInput {
    /// An input of the current version.
    pub fn new(shared: Vec<File>, units: Vec<UnitSpec>) -> Self {
        Self {
            version: 1,
            shared,
            units,
        }
    }

    /// The input of one unit; `None` if the job has no such unit.
    pub fn unit(&self, unit: UnitIndex) -> Option<UnitInput> {
        let spec = self.units.get(usize::try_from(unit).ok()?)?;
        Some(UnitInput {
            shared: self.shared.clone(),
            args: spec.args.clone(),
            files: spec.files.clone(),
            unit,
            // `validate` bounds the number of units far below 2^32.
            units: self.units.len() as u32,
        })
    }
}

impl Manifest for JobInput {
    const WHAT: &'static str = "a job-input";
    const MAX_BYTES: usize = JOB_INPUT_BYTES;

    fn validate(&self) -> Result<(), ManifestError> {
        check::version::<Self>(self.version)?;
        check::range::<Self>("units", self.units.len() as u64, 1, MAX_UNITS.into())?;
        let (tree, shared) = check::files::<Self>("shared", &self.shared, SHARED_FILES, None)?;
        check::content::<Self>("shared", shared, UNIT_CONTENT_BYTES)?;
        for (at, unit) in self.units.iter().enumerate() {
            check::args::<Self>(&format!("units[{at}].args"), &unit.args)?;
            let field = format!("units[{at}].files");
            let (_, own) = check::files::<Self>(&field, &unit.files, UNIT_FILES, Some(&tree))?;
            check::content::<Self>(&field, shared.saturating_add(own), UNIT_CONTENT_BYTES)?;
        }
        Ok(())
    }
}

/// The input of one unit: what a receipt names as `input`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitInput {
    /// Files that every unit of the job gets.
    pub shared: Vec<File>,
    /// Arguments after the image's.
    pub args: Vec<String>,
    /// Files of this unit only.
    pub files: Vec<File>,
    /// Index of the unit, from 0.
    pub unit: UnitIndex,
    /// Units of the job.
    pub units: u32,
}

impl Manifest for UnitInput {
    const WHAT: &'static str = "a unit-input";
    const MAX_BYTES: usize = UNIT_INPUT_BYTES;

    fn validate(&self) -> Result<(), ManifestError> {
        check::range::<Self>("units", self.units.into(), 1, MAX_UNITS.into())?;
        check::range::<Self>("unit", self.unit.into(), 0, u64::from(self.units) - 1)?;
        check::args::<Self>("args", &self.args)?;
        let (tree, shared) = check::files::<Self>("shared", &self.shared, SHARED_FILES, None)?;
        let (_, own) = check::files::<Self>("files", &self.files, UNIT_FILES, Some(&tree))?;
        check::content::<Self>("files", shared.saturating_add(own), UNIT_CONTENT_BYTES)
    }
}
